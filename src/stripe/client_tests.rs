//! The client against a small HTTP server inside the test: retries, counting, cancellation, errors.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::client::{Client, ClientOptions};
use super::retry::Timing;
use super::{ApiKey, BaseUrl, Error, Write};
use crate::engine::api::Pace;

/// Tells whether an error is the right one.
type Expected = fn(&Error) -> bool;

/// What the server does with a request.
#[derive(Clone)]
enum Reply {
    /// Status, headers, body.
    Say(u16, &'static [(&'static str, &'static str)], String),
    /// Half a body, then the connection breaks.
    Cut,
    /// Nothing, ever.
    Hang,
}

/// A request as it came.
#[derive(Debug, Clone)]
struct Seen {
    method: String,
    uri: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers in turn; the last one for good.
#[derive(Clone)]
struct Server {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    arrived: Arc<Notify>,
    address: std::net::SocketAddr,
}

impl Server {
    async fn start(replies: impl IntoIterator<Item = Reply>) -> Server {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server {
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            seen: Arc::default(),
            arrived: Arc::default(),
            address: listener.local_addr().unwrap(),
        };
        let state = server.clone();
        let app = axum::Router::new().fallback(
            move |method: axum::http::Method, uri: axum::http::Uri, headers: HeaderMap, body: Bytes| {
                let state = state.clone();
                async move {
                    let (method, uri) = (method.to_string(), uri.to_string());
                    state.seen.lock().unwrap().push(Seen { method, uri, headers, body });
                    let reply = {
                        let mut replies = state.replies.lock().unwrap();
                        if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
                    };
                    state.arrived.notify_one();
                    respond(reply.unwrap_or(Reply::Hang)).await
                }
            },
        );
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    fn options(&self) -> ClientOptions {
        let base = BaseUrl::parse(&format!("http://{}", self.address)).unwrap();
        let key = ApiKey::parse("sk_test_abcdefghijkl4242").unwrap();
        ClientOptions::new(base, key)
    }

    fn client(&self) -> Client {
        Client::with_timing(self.options(), quick()).unwrap()
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn respond(reply: Reply) -> Response<Body> {
    match reply {
        Reply::Say(status, headers, body) => {
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in headers {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
        Reply::Cut => {
            let half = Ok(Bytes::from_static(b"{\"object\":\"list\",\"data\":[{\"id\""));
            let parts = futures::stream::iter([half, Err(std::io::Error::other("broken"))]);
            Response::new(Body::from_stream(parts))
        }
        Reply::Hang => std::future::pending().await,
    }
}

/// A hundredth of the usual waits; the limits on answers stay generous, for slow machines.
fn quick() -> Timing {
    Timing { second: Duration::from_millis(10), ..Timing::default() }
}

fn ok(body: &str) -> Reply {
    Reply::Say(200, &[("request-id", "req_ok"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")], body.to_owned())
}

fn refuse(status: u16, body: &str) -> Reply {
    Reply::Say(status, &[("request-id", "req_bad")], body.to_owned())
}

const LIST: &str =
    r#"{"object":"list","data":[{"id":"in_2"},{"id":"in_1"}],"has_more":true,"url":"/v1/invoices"}"#;

#[tokio::test]
async fn a_list_comes_back_raw_and_is_counted() {
    let server = Server::start([ok(LIST)]).await;
    let client = server.client();
    let query = [("limit", "100".to_owned()), ("created[gte]", "5".to_owned())];
    let page = client.list("/v1/invoices", &query).await.unwrap();
    assert_eq!(page.iter().collect::<Vec<_>>(), [r#"{"id":"in_2"}"#, r#"{"id":"in_1"}"#]);
    assert!(page.has_more);
    assert_eq!((page.date, page.request_id.as_deref()), (784_111_777, Some("req_ok")));
    assert_eq!(client.counters().reads, 1);
    assert!(client.clock_skew_s().unwrap() < -60);
    let seen = &server.seen()[0];
    assert_eq!(seen.uri, "/v1/invoices?limit=100&created%5Bgte%5D=5");
    assert_eq!(seen.headers["stripe-version"], super::API_VERSION);
    assert_eq!(seen.headers["authorization"], "Bearer sk_test_abcdefghijkl4242");
    assert!(seen.headers["user-agent"].to_str().unwrap().starts_with("tillwatch/"));
    assert!(!seen.headers.contains_key("accept-encoding"), "no packing on this machine");
    assert!(!format!("{client:?}").contains("abcdefghijkl"), "the key is not in Debug");
}

#[tokio::test]
async fn packed_answers_when_asked_for() {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(LIST.as_bytes()).unwrap();
    let small = Bytes::from(packer.finish().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(move |headers: HeaderMap| {
        let small = small.clone();
        async move {
            assert!(headers["accept-encoding"].to_str().unwrap().contains("gzip"));
            ([("content-encoding", "gzip")], small)
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let key = ApiKey::parse("sk_test_abcdefghijkl4242").unwrap();
    let base = BaseUrl::parse(&format!("http://{address}")).unwrap();
    let client = Client::new(ClientOptions { gzip: Some(true), ..ClientOptions::new(base, key) }).unwrap();
    assert_eq!(client.list("/v1/invoices", &[]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn faults_cuts_and_web_pages_are_tried_again() {
    let server = Server::start([
        refuse(503, "<html>Service Unavailable</html>"),
        refuse(500, r#"{"error":{"type":"api_error"}}"#),
        refuse(409, r#"{"error":{"code":"idempotency_key_in_use"}}"#),
        Reply::Cut,
        ok("<html>log in to the hotel's network</html>"),
        ok(LIST),
    ])
    .await;
    let client = server.client();
    assert_eq!(client.list("/v1/invoices", &[]).await.unwrap().len(), 2);
    let counters = client.counters();
    assert_eq!((counters.reads, counters.retries, counters.rate_limited), (6, 5, 0));
    assert_eq!(counters.waiting, None);
}

#[tokio::test]
async fn tries_end() {
    let server = Server::start([refuse(503, "<html>")]).await;
    let client = server.client();
    let error = client.get("/v1/account", &[]).await.unwrap_err();
    assert_eq!(error, Error::Fault { status: 503, request_id: Some("req_bad".into()) });
    assert_eq!(client.counters().reads, 6);

    let server = Server::start([ok("<html>log in</html>")]).await;
    let error = server.client().get("/v1/account", &[]).await.unwrap_err();
    assert!(matches!(error, Error::BadAnswer { ref message, .. } if message.contains("web page")));
}

#[tokio::test]
async fn what_is_final_is_not_tried_again() {
    let cases: [(Reply, Expected); 7] = [
        (
            refuse(
                401,
                r#"{"error":{"message":"Invalid API Key provided: sk_test_****wxyz","type":"invalid_request_error"}}"#,
            ),
            |error| matches!(error, Error::BadKey { .. }),
        ),
        (
            refuse(
                403,
                r#"{"error":{"message":"The provided key 'rk_live_****zZ' does not have the required permissions for this endpoint on account 'acct_1'. Having the 'rak_event_read' permission would allow this request to continue."}}"#,
            ),
            |error| {
                matches!(error, Error::MissingPermission { permission: Some(slug), path, .. }
                if slug == "rak_event_read" && path == "/v1/events/{id}")
            },
        ),
        (refuse(404, r#"{"error":{"code":"resource_missing","message":"No such event"}}"#), |error| {
            matches!(error, Error::NotFound { .. })
        }),
        (Reply::Say(500, &[("stripe-should-retry", "false")], String::new()), |error| {
            matches!(error, Error::Fault { status: 500, .. })
        }),
        (Reply::Say(302, &[("location", "https://evil.example/")], String::new()), |error| {
            matches!(error, Error::BadAnswer { .. })
        }),
        (ok(r#"{"object":"event"}"#), |error| matches!(error, Error::BadAnswer { .. })),
        (refuse(400, "{}"), |error| matches!(error, Error::BadRequest { .. })),
    ];
    for (reply, expected) in cases {
        let server = Server::start([reply]).await;
        let client = server.client();
        let error = client.list("/v1/events/evt_1", &[]).await.unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert_eq!(client.counters().reads, 1, "{error:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_out() {
    let limited = Reply::Say(
        429,
        &[("stripe-rate-limited-reason", "endpoint-rate"), ("stripe-should-retry", "false")],
        r#"{"error":{"code":"rate_limit"}}"#.to_owned(),
    );
    let locked = refuse(429, r#"{"error":{"code":"lock_timeout"}}"#);
    let server = Server::start([limited.clone(), locked, ok(LIST)]).await;
    let client = server.client();
    client.list("/v1/invoices", &[]).await.unwrap();
    let counters = client.counters();
    assert_eq!((counters.reads, counters.retries, counters.rate_limited), (3, 2, 2));

    let server = Server::start([limited]).await;
    let options = ClientOptions { max_retries: 1, ..server.options() };
    let client = Client::with_timing(options, quick()).unwrap();
    let error = client.list("/v1/invoices", &[]).await.unwrap_err();
    assert_eq!(error, Error::RateLimited { reason: Some("endpoint-rate".into()) });
}

#[tokio::test]
async fn a_server_that_hangs_ends_in_a_timeout() {
    let server = Server::start([Reply::Hang]).await;
    let options = ClientOptions { max_retries: 1, ..server.options() };
    let timing = Timing { whole: Duration::from_millis(40), ..quick() };
    let client = Client::with_timing(options, timing).unwrap();
    assert_eq!(client.get("/v1/account", &[]).await.unwrap_err(), Error::Timeout);
    assert_eq!(client.counters().reads, 2, "what hangs was sent all the same");
}

#[tokio::test]
async fn no_server_is_a_network_error_and_no_read() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = BaseUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let key = ApiKey::parse("sk_test_abcdefghijkl4242").unwrap();
    let options = ClientOptions { max_retries: 1, ..ClientOptions::new(base, key) };
    let client = Client::with_timing(options, quick()).unwrap();
    let error = client.get("/v1/account", &[]).await.unwrap_err();
    assert!(matches!(error, Error::Network { ref host, .. } if host.starts_with("127.0.0.1:")), "{error:?}");
    assert_eq!((client.counters().reads, client.counters().retries), (0, 1));
}

#[tokio::test]
async fn cancelling_ends_requests_and_waits_at_once() {
    // Under way.
    let server = Server::start([Reply::Hang]).await;
    let cancel = CancellationToken::new();
    let client = server.client().with_pace(Pace::None, cancel.clone());
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.get("/v1/account", &[]).await.map(|_| ()) }
    });
    server.arrived.notified().await;
    cancel.cancel();
    assert_eq!(running.await.unwrap(), Err(Error::Cancelled));
    assert_eq!(client.counters().reads, 1);
    assert_eq!(client.get("/v1/account", &[]).await.unwrap_err(), Error::Cancelled);

    // Waiting for the next try, for an hour.
    let server = Server::start([refuse(503, "")]).await;
    let timing = Timing { second: Duration::from_secs(7200), ..Timing::default() };
    let whole = Client::with_timing(server.options(), timing).unwrap();
    let cancel = CancellationToken::new();
    let client = whole.with_pace(Pace::None, cancel.clone());
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.get("/v1/account", &[]).await.map(|_| ()) }
    });
    while client.counters().waiting.is_none() {
        tokio::task::yield_now().await;
    }
    assert!(client.counters().waiting.unwrap().contains("HTTP 503"));
    assert_eq!(whole.counters().waiting, None, "another handle does not wait");
    cancel.cancel();
    assert_eq!(running.await.unwrap(), Err(Error::Cancelled));
}

#[tokio::test]
async fn handles_share_the_counter_and_keep_their_own() {
    let server = Server::start([ok("{}")]).await;
    let client = server.client();
    let job = client.with_pace(Pace::None, CancellationToken::new());
    job.get("/v1/account", &[]).await.unwrap();
    client.get("/v1/account", &[]).await.unwrap();
    assert_eq!((client.counters().reads, job.counters().reads), (2, 2));
    assert_eq!((client.own_reads(), job.own_reads()), (1, 1));
    assert_eq!(job.pace(), "no limit of ours");
    assert!(job.concurrency() >= 4);
}

#[tokio::test]
async fn only_writes_in_the_table_are_sent_each_with_its_key() {
    let server = Server::start([refuse(500, ""), ok(r#"{"id":"we_1"}"#)]).await;
    let client = server.client();
    let form = [("url", "https://example.com".to_owned())];
    let refused = client.write("POST", "/v1/customers", &form, "k").await.unwrap_err();
    let expected = Error::NotAllowedWrite { method: "POST".to_owned(), path: "/v1/customers".to_owned() };
    assert_eq!(refused, expected);
    assert!(server.seen().is_empty());

    let table = [Write { method: "POST", path: "/v1/webhook_endpoints", why: "a test" }];
    client.write_if_in(&table, "POST", "/v1/webhook_endpoints", &form, "key-1").await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request.method, "POST");
        assert_eq!(request.headers["idempotency-key"], "key-1");
        assert_eq!(request.body, "url=https%3A%2F%2Fexample.com");
    }
    assert_eq!(client.counters().reads, 0, "a write is no read");
    let other = client.write_if_in(&table, "DELETE", "/v1/webhook_endpoints", &[], "k").await;
    assert!(matches!(other, Err(Error::NotAllowedWrite { .. })));
}

#[tokio::test]
async fn strange_paths_are_not_sent() {
    let server = Server::start([ok("{}")]).await;
    let client = server.client();
    for path in ["/v1/invoices/../customers", "/v1/invoices?x", "v1", "/v1/a\u{1b}b"] {
        let error = client.get(path, &[]).await.unwrap_err();
        assert!(matches!(error, Error::BadRequest { .. }), "{path:?}: {error:?}");
    }
    assert!(server.seen().is_empty());
    assert_eq!(client.counters().reads, 0);
}
