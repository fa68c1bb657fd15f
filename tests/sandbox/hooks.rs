//! Webhook endpoints: made, changed, limited; deliveries signed, retried, given up; what events say of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tillwatch::sandbox::{API_VERSION, HookOptions, Options};
use tokio::sync::mpsc;

use crate::relay::{signed, until};
use crate::{Local, ids, plain};

/// Statuses to answer with, then 200 for ever; and where what came is shown.
type Shared = (Arc<Mutex<VecDeque<u16>>>, mpsc::UnboundedSender<(HeaderMap, String)>);

/// Somebody's server.
struct Receiver {
    url: String,
    answers: Arc<Mutex<VecDeque<u16>>>,
    came: mpsc::UnboundedReceiver<(HeaderMap, String)>,
}

impl Receiver {
    async fn new() -> Receiver {
        async fn take(State((answers, came)): State<Shared>, headers: HeaderMap, body: String) -> StatusCode {
            let status = answers.lock().unwrap().pop_front().unwrap_or(200);
            came.send((headers, body)).unwrap();
            StatusCode::from_u16(status).unwrap()
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let answers = Arc::default();
        let (sender, came) = mpsc::unbounded_channel();
        let router = Router::new().fallback(take).with_state((Arc::clone(&answers), sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url, answers, came }
    }

    fn will_answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    async fn next(&mut self) -> (HeaderMap, String) {
        let came = tokio::time::timeout(Duration::from_secs(20), self.came.recv()).await;
        came.expect("nothing came for 20 s").unwrap()
    }

    async fn event(&mut self) -> Value {
        serde_json::from_str(&self.next().await.1).unwrap()
    }
}

fn quick() -> Options {
    Options { hooks: HookOptions { retry_ms: 1, disable_after: 3, timeout_ms: 10_000 }, ..plain() }
}

async fn make(local: &Local, url: &str, more: &str) -> Value {
    let url = url.replace(':', "%3A").replace('/', "%2F");
    let reply = local.post("/v1/webhook_endpoints", &format!("url={url}&{more}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn path(endpoint: &Value) -> String {
    format!("/v1/webhook_endpoints/{}", endpoint["id"].as_str().unwrap())
}

#[tokio::test]
async fn endpoints_are_made_changed_listed_and_removed() {
    let local = Local::new(plain()).await;
    let made = make(
        &local,
        "https://example.com/hook",
        "enabled_events[]=invoice.paid&enabled_events[]=charge.failed&api_version=2026-10-28.endive\
         &description=ours&metadata[install]=a1&metadata[integration]=b2",
    )
    .await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made["enabled_events"], json!(["invoice.paid", "charge.failed"]));
    assert_eq!(made["metadata"], json!({"install": "a1", "integration": "b2"}));
    assert_eq!((made["status"].as_str(), made["api_version"].as_str()), (Some("enabled"), Some(API_VERSION)));
    let mut shown = made.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(local.json(&path(&made)).await, shown, "the secret is shown once");
    assert_eq!(local.json("/v1/webhook_endpoints").await["data"], json!([shown]));

    let reply = local
        .post(
            &path(&made),
            "enabled_events[]=*&disabled=true&metadata[install]=&metadata[more]=c3&description=",
        )
        .await;
    let changed = reply.json();
    assert_eq!((reply.status, changed["status"].as_str()), (200, Some("disabled")));
    assert_eq!(changed["enabled_events"], json!(["*"]));
    assert_eq!(changed["metadata"], json!({"integration": "b2", "more": "c3"}));
    assert!(changed["description"].is_null() && changed.get("secret").is_none());
    for (form, param) in [("api_version=2025-01-01.x", "api_version"), ("connect=true", "connect")] {
        let reply = local.post(&path(&made), form).await;
        assert_eq!((reply.status, reply.error()["param"].as_str()), (400, Some(param)));
    }
    let gone = local.delete(&path(&made)).await;
    assert_eq!((gone.status, gone.json()["deleted"].as_bool()), (200, Some(true)));
    assert_eq!(local.delete(&path(&made)).await.status, 404);
    assert_eq!(local.get(&path(&made)).await.status, 404);
    // Not a live one.
    let live = local.running.keys.live_restricted.clone();
    let made = make(&local, "http://127.0.0.1:9/", "enabled_events[]=*").await;
    assert_eq!(local.get_as(&live, &path(&made)).await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_refused() {
    let local = Local::new(plain()).await;
    for (form, code, param) in [
        ("enabled_events[]=*", Some("parameter_missing"), "url"),
        ("url=https://example.com", Some("parameter_missing"), "enabled_events"),
        ("url=example.com&enabled_events[]=*", Some("url_invalid"), "url"),
        ("url=ftp://example.com&enabled_events[]=*", Some("url_invalid"), "url"),
        ("url=https://&enabled_events[]=*", Some("url_invalid"), "url"),
        ("url=https://a.example&enabled_events[]=*&enabled_events[]=invoice.*", None, "enabled_events[1]"),
        ("url=https://a.example&enabled_events[]=*&api_version=new", None, "api_version"),
        ("url=https://a.example&enabled_events[]=*&colour=red", Some("parameter_unknown"), "colour"),
    ] {
        let reply = local.post("/v1/webhook_endpoints", form).await;
        assert_eq!(reply.status, 400, "{form}");
        assert_eq!(
            (reply.error()["code"].as_str(), reply.error()["param"].as_str()),
            (code, Some(param)),
            "{form}"
        );
    }
    let live = local.running.keys.live_restricted.clone();
    let reply = local.post_as(live, "/v1/webhook_endpoints", "url=http://a.example&enabled_events[]=*").await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (400, Some("url_invalid")));
    for number in 0..16 {
        make(&local, &format!("https://example.com/{number}"), "enabled_events[]=*").await;
    }
    let reply = local.post("/v1/webhook_endpoints", "url=https://a.example&enabled_events[]=*").await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.error()["message"], "You have reached the maximum of 16 test webhook endpoints.");
    let all = local.walk("webhook_endpoints", "").await;
    assert_eq!((all.len(), all[0]["url"].as_str()), (16, Some("https://example.com/15")));
    let climbed = local.climb("webhook_endpoints", ids(&all)[15], "").await;
    assert_eq!(climbed, all[..15]);
    local.running.deny(&local.running.keys.restricted, &["rak_webhook_write"]).unwrap();
    assert_eq!(local.post("/v1/webhook_endpoints", "").await.status, 403);
    assert_eq!(local.delete(&path(&all[0])).await.status, 403);
}

#[tokio::test]
async fn an_idempotency_key_makes_one_endpoint() {
    let local = Local::new(plain()).await;
    let form = "url=https://a.example&enabled_events[]=*";
    let one = local.post_once("/v1/webhook_endpoints", form, "k1").await;
    let two = local.post_once("/v1/webhook_endpoints", form, "k1").await;
    assert_eq!((one.status, one.text), (200, two.text));
    let other =
        local.post_once("/v1/webhook_endpoints", "url=https://b.example&enabled_events[]=*", "k1").await;
    assert_eq!((other.status, other.error()["type"].as_str()), (400, Some("idempotency_error")));
    assert_eq!(local.walk("webhook_endpoints", "").await.len(), 1);
}

#[tokio::test]
async fn wanted_events_are_delivered_signed_and_counted() {
    let local = Local::new(quick()).await;
    let mut receiver = Receiver::new().await;
    let all = make(&local, &receiver.url, "enabled_events[]=*").await;
    local.running.run_traffic(4);
    let made = local.running.events_made();
    let mut came = BTreeSet::new();
    for _ in 0..made.len() {
        let (headers, body) = receiver.next().await;
        let header = headers["stripe-signature"].to_str().unwrap();
        assert!(signed(header, &body, all["secret"].as_str().unwrap()));
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        let event: Value = serde_json::from_str(&body).unwrap();
        assert!(event["pending_webhooks"].as_i64().unwrap() == 1 && body.starts_with("{\n  \"id\""));
        came.insert(event["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(came, made.iter().cloned().collect());
    let id = all["id"].as_str().unwrap();
    let count = made.len() as u64;
    until("all are counted", || local.running.report().webhooks[id].delivered == count).await;
    assert_eq!(local.json(&format!("/v1/events/{}", made[0])).await["pending_webhooks"], 0);
    assert!(local.walk("events", "&delivery_success=false").await.is_empty());

    // Another one wants one kind only, and gets it in its own version.
    let mut second = Receiver::new().await;
    local.delete(&path(&all)).await;
    make(&local, &second.url, "enabled_events[]=customer.updated&api_version=2024-06-20").await;
    local.running.run_traffic(60);
    let wanted = local.walk("events", "&type=customer.updated").await;
    let wanted =
        wanted.iter().filter(|e| local.running.events_made()[made.len()..].iter().any(|m| e["id"] == *m));
    for _ in wanted {
        let event = second.event().await;
        assert_eq!(
            (event["type"].as_str(), event["api_version"].as_str()),
            (Some("customer.updated"), Some("2024-06-20"))
        );
    }
    assert!(second.came.try_recv().is_err() && receiver.came.try_recv().is_err());
}

#[tokio::test]
async fn a_delivery_that_fails_is_tried_again_and_then_given_up() {
    let local = Local::new(quick()).await;
    let mut receiver = Receiver::new().await;
    let endpoint = make(&local, &receiver.url, "enabled_events[]=invoice.updated").await;
    let id = endpoint["id"].as_str().unwrap().to_owned();
    // Redirects are not followed.
    receiver.will_answer(&[500, 302, 404, 200]);
    local.running.mutate(1);
    let mut times = BTreeSet::new();
    for _ in 0..4 {
        let (headers, body) = receiver.next().await;
        assert!(signed(
            headers["stripe-signature"].to_str().unwrap(),
            &body,
            endpoint["secret"].as_str().unwrap()
        ));
        times.insert(serde_json::from_str::<Value>(&body).unwrap()["id"].clone().to_string());
    }
    assert_eq!(times.len(), 1, "the same event four times");
    until("it is taken", || local.running.report().webhooks[&id].delivered == 1).await;
    assert!(local.walk("events", "&delivery_success=false").await.is_empty());

    receiver.will_answer(&[500; 4]);
    local.running.mutate(1);
    until("it is given up", || local.running.report().webhooks[&id].given_up == 1).await;
    let report = local.running.report().webhooks[&id].clone();
    assert_eq!((report.attempts, report.refused), (8, 7));
    let failed = local.walk("events", "&delivery_success=false").await;
    assert_eq!(ids(&failed), [local.running.events_made()[1].as_str()]);
    assert_eq!(failed[0]["pending_webhooks"], 0);
    let rest = local.walk("events", "&delivery_success=true").await;
    assert_eq!(rest.len() + 1, local.walk("events", "").await.len());
    for _ in 0..4 {
        receiver.next().await;
    }

    // Somebody sends it again, by hand.
    let retry = format!("/v1/events/{}/retry", local.running.events_made()[1]);
    let reply = local.post(&retry, &format!("webhook_endpoint={id}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(receiver.event().await["id"], failed[0]["id"]);
    until("it is taken", || local.running.report().webhooks[&id].delivered == 2).await;
    assert!(local.walk("events", "&delivery_success=false").await.is_empty());
    assert_eq!(local.post(&retry, "webhook_endpoint=we_nope").await.status, 400);
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_disabled_until_it_is_enabled_again() {
    let local = Local::new(quick()).await;
    let mut receiver = Receiver::new().await;
    let endpoint = make(&local, &receiver.url, "enabled_events[]=invoice.updated").await;
    let id = endpoint["id"].as_str().unwrap().to_owned();
    receiver.will_answer(&[503; 12]);
    local.running.mutate(3);
    until("all are given up", || local.running.report().webhooks[&id].given_up == 3).await;
    assert_eq!(local.json(&path(&endpoint)).await["status"], "disabled");
    for _ in 0..12 {
        receiver.next().await;
    }
    local.running.mutate(1);
    let missed = local.running.events_made()[3].clone();
    let reply = local.post(&path(&endpoint), "disabled=false").await;
    assert_eq!(reply.json()["status"], "enabled");
    local.running.mutate(1);
    // What was missed does not come by itself, and nobody waits for it.
    assert_eq!(receiver.event().await["id"], local.running.events_made()[4].as_str());
    assert_eq!(local.json(&format!("/v1/events/{missed}")).await["pending_webhooks"], 0);
    assert_eq!(local.walk("events", "&delivery_success=false").await.len(), 3);
}

#[tokio::test]
async fn a_delivery_under_way_is_pending() {
    let local = Local::new(Options {
        hooks: HookOptions { retry_ms: 3_600_000, ..HookOptions::default() },
        ..plain()
    })
    .await;
    let mut receiver = Receiver::new().await;
    let endpoint = make(&local, &receiver.url, "enabled_events[]=*").await;
    let id = endpoint["id"].as_str().unwrap().to_owned();
    receiver.will_answer(&[500]);
    local.running.mutate(1);
    receiver.next().await;
    until("it was refused", || local.running.report().webhooks.get(&id).is_some_and(|r| r.refused == 1))
        .await;
    let event = &local.walk("events", "&delivery_success=false").await[0];
    assert_eq!(event["pending_webhooks"], 1);
    // Two endpoints, both still waiting for it.
    let other = make(&local, "http://127.0.0.1:9/", "enabled_events[]=*").await;
    let other = other["id"].as_str().unwrap().to_owned();
    receiver.will_answer(&[500]);
    local.running.mutate(1);
    until("both were refused", || {
        let report = local.running.report().webhooks;
        report[&id].refused == 2 && report.get(&other).is_some_and(|r| r.refused == 1)
    })
    .await;
    assert_eq!(local.json("/v1/events?limit=1").await["data"][0]["pending_webhooks"], 2);
}
