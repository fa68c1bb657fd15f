//! The receiver's door: what is let in, what is refused, and that nobody can wear it out.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use tillwatch::engine::api::Source;
use tillwatch::integration::Integration;
use tillwatch::integration::endpoint::secrets;
use tillwatch::sandbox::sign::digest;
use tillwatch::server::http::Limits;
use tillwatch::server::receiver;
use tillwatch::vault::Vault;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{Desk, ID, PATIENCE, http, stripe};

pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

pub(crate) fn event(id: &str, livemode: bool) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","api_version":"2026-10-28.endive","created":{},"livemode":{livemode},"type":"product.updated","data":{{"object":{{"id":"prod_door","object":"product","name":"Door"}}}}}}"#,
        now()
    )
}

pub(crate) fn signed(secret: &str, at: i64, body: &str) -> String {
    format!("t={at},v1={}", digest(secret, at, body))
}

/// The secret that the vault keeps for the endpoint.
pub(crate) fn secret(desk: &Desk) -> String {
    let vault = Vault::open(&desk.dir.path().join("data"), &desk.dir.path().join("keys")).unwrap();
    let kept: Integration = desk.store().meta(&Integration::document(ID)).unwrap().unwrap();
    let all = secrets::read(&vault, &kept.endpoint.unwrap(), now()).unwrap();
    all[0].0.expose().to_owned()
}

struct Sender {
    url: String,
    http: reqwest::Client,
}

impl Sender {
    async fn post(&self, signature: Option<&str>, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
        let mut request = self.http.post(&self.url).body(body);
        if let Some(signature) = signature {
            request = request.header("Stripe-Signature", signature);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_signed_lately_comes_in_and_once() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let secret = secret(&desk);
    let sender = Sender { url: desk.view().endpoint.unwrap().url, http: http() };
    let before = desk.store().counters(ID).arrived;
    let body = event("evt_door_1", false);
    for (signature, why) in [
        (None, "no Stripe-Signature"),
        (Some("t=1".to_owned()), "no Stripe-Signature"),
        (Some(signed("whsec_somebodyelse", now(), &body)), "does not fit"),
        (Some(signed(&secret, now(), "{}")), "does not fit"),
        (Some(signed(&secret, now() - 86_400, &body)), "more than 300 s ago"),
        (Some(signed(&secret, now() + 400, &body)), "ahead"),
        (Some(format!("t={},v0={}", now(), digest(&secret, now(), &body))), "no Stripe-Signature"),
    ] {
        let (status, text) = sender.post(signature.as_deref(), body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{signature:?}");
        assert!(text.contains(why), "{signature:?}: {text}");
    }
    assert_eq!(desk.store().counters(ID).arrived, before, "nothing was stored");
    // Several signatures, ours among them; sent twice.
    let at = now();
    let header = format!("t={at},v1={},v1={}", "0".repeat(64), digest(&secret, at, &body));
    for _ in 0..2 {
        assert_eq!(sender.post(Some(&header), body.clone()).await, (StatusCode::OK, String::new()));
    }
    let rows = desk.store().arrivals(ID, before).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].id.as_str(), rows[0].source), ("evt_door_1", Source::Endpoint));
    // Signed, and none of ours: taken, so that Stripe does not send it again, and not stored.
    for body in [event("evt_live", true), r#"{"object":"v2.core.event"}"#.to_owned(), "no JSON".to_owned()] {
        let header = signed(&secret, now(), &body);
        assert_eq!(sender.post(Some(&header), body).await.0, StatusCode::OK);
    }
    assert_eq!(desk.store().counters(ID).arrived, before + 1);
    let view = desk.until("counts", |snapshot| {
        snapshot.integrations[0].endpoint.as_ref().is_some_and(|one| one.unsigned == 5 && one.untimely == 2)
    });
    view.await;
    assert_eq!(desk.receiver.counts().taken.load(std::sync::atomic::Ordering::Relaxed), 5);
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_know_the_address_learns_nothing() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let url = desk.view().endpoint.unwrap().url;
    let token = url.rsplit('/').next().unwrap().to_owned();
    let mut said = Vec::new();
    for path in [
        "/",
        "/healthz",
        "/api/integrations/stripe/sync",
        "/metrics",
        &format!("/{}", &token[1..]),
        &format!("/{token}/x"),
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let method = method.parse::<reqwest::Method>().unwrap();
            let answer = http().request(method, format!("{}{path}", desk.public_url())).send().await.unwrap();
            let mut headers: Vec<String> =
                answer.headers().keys().map(|name| name.as_str().to_owned()).collect();
            headers.sort();
            said.push((answer.status().as_u16(), headers, answer.text().await.unwrap()));
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((said[0].0, said[0].2.as_str()), (404, ""));
    let answer = http().get(&url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    // What is larger than any event is refused, and its sender gets to know.
    let sender = Sender { url, http: http() };
    let (status, _) = sender.post(None, vec![b'x'; 4 * 1024 * 1024]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let address = desk.receiver.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // A flood of headers.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let flood = "X-A: b\r\n".repeat(500);
    let _ = stream.write_all(format!("POST /{token} HTTP/1.1\r\nHost: x\r\n{flood}\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{:?}", String::from_utf8_lossy(&answer));
    desk.end().await;
    stripe.stop().await;
}

#[cfg(target_os = "linux")]
/// Memory of this process that is in use, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn a_body_that_does_not_say_how_long_it_is_is_refused_without_being_held() {
    const CHUNK: usize = 1024 * 1024;
    const CHUNKS: usize = 192;
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let mut stream = TcpStream::connect(desk.receiver.address()).await.unwrap();
    let token = crate::token(&desk.view()).to_owned();
    let head = format!("POST /{token} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
    chunk.extend(std::iter::repeat_n(b'x', CHUNK));
    chunk.extend(b"\r\n");
    let (before, mut most) = (resident(), 0);
    for _ in 0..CHUNKS {
        // It is taken off the wire for a while, and then no more.
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
        most = most.max(resident());
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // Other tests run in this process, too.
    let grown = most.saturating_sub(before);
    assert!(grown < (CHUNK * CHUNKS / 2) as u64, "{grown} bytes more were in use");
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end_hold_no_place() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let token = crate::token(&desk.view()).to_owned();
    // Longer than anybody here waits.
    let limits = Limits { connections: 4, header_time: PATIENCE * 4, ..receiver::limits() };
    let small = receiver::start(&desk.engine, "127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let address = small.address();
    let mut tricklers = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nX-Slow: ").await.unwrap();
        tricklers.push(tokio::spawn(async move {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }));
    }
    let sender = Sender { url: format!("http://{address}/{token}"), http: http() };
    let body = event("evt_between", false);
    let begun = Instant::now();
    loop {
        let header = signed(&secret(&desk), now(), &body);
        let request = sender.http.post(&sender.url).header("Stripe-Signature", header).body(body.clone());
        if request.send().await.is_ok_and(|answer| answer.status() == StatusCode::OK) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "four slow ones hold the place of all");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for one in tricklers {
        one.abort();
    }
    drop(small);
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_idle_callers_are_let_go_and_others_get_in() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let token = crate::token(&desk.view()).to_owned();
    let limits = Limits {
        connections: 8,
        header_time: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        ..receiver::limits()
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let small = receiver::start(&desk.engine, any, limits).await.unwrap();
    let begun = Instant::now();
    let mut idle = Vec::new();
    for n in 0..40 {
        let mut stream = TcpStream::connect(small.address()).await.unwrap();
        match n % 3 {
            // Says nothing; says half a head; says half a body.
            0 => {}
            1 => stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nX-Half: ").await.unwrap(),
            _ => {
                let head = format!("POST /{token} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        }
        idle.push(stream);
    }
    // Behind all of them somebody real, who is let in as soon as one of them goes.
    let url = format!("http://{}/{token}", small.address());
    let sender = Sender { url, http: http() };
    let body = event("evt_behind", false);
    let header = signed(&secret(&desk), now(), &body);
    loop {
        let answer =
            sender.http.post(&sender.url).header("Stripe-Signature", &header).body(body.clone()).send();
        match answer.await {
            Ok(answer) if answer.status() == StatusCode::OK => break,
            Ok(answer) => assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE),
            // Turned away before it was heard.
            Err(_) => {}
        }
        assert!(begun.elapsed() < PATIENCE, "never let in");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for stream in &mut idle {
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("closed");
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    drop(small);
    desk.end().await;
    stripe.stop().await;
}
