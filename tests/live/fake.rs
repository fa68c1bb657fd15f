//! A relay that does what the local Stripe's does not: everything but sessions and sockets is the local Stripe's.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use hmac::{Hmac, Mac as _};
use serde_json::json;
use tillwatch::engine::api::{Delivery, LinkView};
use tillwatch::sandbox::Running;
use tillwatch::stripe::BaseUrl;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::{ID, PATIENCE, Rig, stripe};

const SECRET: &str = "whsec_fake";

/// What a handshake gets.
#[derive(Clone)]
enum Way {
    /// These bytes, and the end.
    Answer(&'static str),
    /// The socket opens, brings these and stays; pings are answered.
    Frames(Vec<Message>),
    /// The socket opens and is closed at once.
    Close,
    /// The socket opens, and nothing is said or answered any more.
    Silence,
}

struct Fake {
    base: String,
    /// What clients said, as text.
    heard: Arc<Mutex<Vec<String>>>,
    opened: Arc<Mutex<u32>>,
}

impl Fake {
    async fn start(stripe: &Running, way: Way) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = stripe.base_url.trim_start_matches("http://").to_owned();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let opened: Arc<Mutex<u32>> = Arc::default();
        let (ears, count) = (Arc::clone(&heard), Arc::clone(&opened));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (behind, way, ears, count) = (behind.clone(), way.clone(), ears.clone(), count.clone());
                tokio::spawn(async move { serve(stream, port, &behind, way, &ears, &count).await });
            }
        });
        Fake { base: format!("http://127.0.0.1:{port}"), heard, opened }
    }

    async fn rig(way: Way) -> (Rig, Fake) {
        let made = stripe(|_| {}).await;
        let fake = Fake::start(&made, way).await;
        let base = BaseUrl::parse(&fake.base).unwrap();
        let rig = Rig::with(made, |wish| {
            wish.base = base;
            wish.delivery = Delivery::Relay;
        })
        .await;
        (rig, fake)
    }
}

async fn serve(
    mut stream: TcpStream,
    port: u16,
    behind: &str,
    way: Way,
    ears: &Mutex<Vec<String>>,
    count: &Mutex<u32>,
) -> Option<()> {
    let mut head = [0; 4096];
    // The head is looked at and left where it is, for whoever answers.
    let seen = loop {
        let seen = stream.peek(&mut head).await.ok()?;
        if seen == 0 || head[..seen].windows(4).any(|end| end == b"\r\n\r\n") {
            break String::from_utf8_lossy(&head[..seen]).into_owned();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    if seen.starts_with("POST /v1/stripecli/sessions") {
        stream.read_exact(&mut head[..seen.len()]).await.ok()?;
        let body = json!({
            "websocket_id": "cliws_{1}_fake",
            "websocket_url": format!("ws://127.0.0.1:{port}/subscribe/acct_1"),
            "websocket_authorized_feature": "webhook-payloads",
            "reconnect_delay": 60,
            "secret": SECRET,
        })
        .to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        return stream.write_all(answer.as_bytes()).await.ok();
    }
    if !seen.starts_with("GET /subscribe/") {
        // One request a connection, so that the next one is looked at, too.
        let length = seen.find("\r\n")? + 2;
        let mut line = vec![0; length];
        stream.read_exact(&mut line).await.ok()?;
        let mut server = TcpStream::connect(behind).await.ok()?;
        server.write_all(&line).await.ok()?;
        server.write_all(b"Connection: close\r\n").await.ok()?;
        copy_bidirectional(&mut stream, &mut server).await.ok()?;
        return None;
    }
    *count.lock().unwrap() += 1;
    if let Way::Answer(text) = way {
        stream.read_exact(&mut head[..seen.len()]).await.ok()?;
        return stream.write_all(text.as_bytes()).await.ok();
    }
    #[expect(clippy::result_large_err, reason = "the library wants it so")]
    let callback =
        |_: &tokio_tungstenite::tungstenite::handshake::server::Request,
         mut response: tokio_tungstenite::tungstenite::handshake::server::Response| {
            response.headers_mut().insert("Sec-WebSocket-Protocol", "stripecli-devproxy-v1".parse().unwrap());
            Ok(response)
        };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, callback).await.ok()?;
    match way {
        Way::Close => {
            socket.close(None).await.ok()?;
        }
        Way::Silence => std::future::pending::<()>().await,
        Way::Frames(frames) => {
            for frame in frames {
                socket.send(frame).await.ok()?;
            }
        }
        Way::Answer(_) => {}
    }
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            ears.lock().unwrap().push(text.to_string());
        }
    }
    None
}

/// A frame with an event, signed with that secret.
fn frame(event: &serde_json::Value, version: Option<&str>, secret: &str) -> Message {
    let payload = serde_json::to_string_pretty(event).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("1700000000.{payload}").as_bytes());
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    let id = event["id"].as_str().unwrap();
    Message::text(
        json!({
            "type": "webhook_event",
            "webhook_id": format!("1-wh_{id}"),
            "webhook_conversation_id": format!("1-wc_{id}"),
            "event_payload": payload,
            "http_headers": { "Stripe-Signature": format!("t=1700000000,v1={hex}") },
            "endpoint": { "api_version": version },
        })
        .to_string(),
    )
}

fn event(id: &str, livemode: bool, account: Option<&str>) -> serde_json::Value {
    let now = tillwatch::clock::system()();
    let mut event = json!({
        "id": id, "object": "event", "type": "customer.updated", "created": now, "livemode": livemode,
        "api_version": tillwatch::stripe::API_VERSION, "pending_webhooks": 1, "request": null,
        "data": { "object": { "id": "cus_fake", "object": "customer", "created": now, "livemode": livemode,
                              "email": "fake@example.com", "name": id } },
    });
    if let Some(account) = account {
        event["account"] = json!(account);
    }
    event
}

async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !so() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_frames_are_counted_told_once_and_end_nothing() {
    let good = event("evt_good", false, None);
    let frames = vec![
        Message::text("no JSON {"),
        Message::text("no JSON either"),
        Message::text(r#"{"type":"webhook_event","event_payload":"{}"}"#),
        Message::text(
            r#"{"type":"webhook_event","webhook_id":"1","webhook_conversation_id":"2","event_payload":"[]"}"#,
        ),
        Message::text(r#"{"type":"something_new"}"#),
        frame(&event("evt_forged", false, None), None, "whsec_other"),
        frame(&event("evt_live", true, None), None, SECRET),
        frame(&event("evt_theirs", false, Some("acct_connected")), None, SECRET),
        frame(&good, None, SECRET),
        frame(&good, Some(tillwatch::stripe::API_VERSION), SECRET),
    ];
    let (rig, fake) = Fake::rig(Way::Frames(frames)).await;
    until("the last frame's acknowledgement", || {
        fake.heard.lock().unwrap().iter().filter(|text| text.contains("evt_good")).count() == 2
    })
    .await;
    let heard = fake.heard.lock().unwrap().join("\n");
    assert!(!heard.contains("evt_forged"), "what is not signed is not acknowledged");
    assert!(heard.contains("evt_live") && heard.contains("evt_theirs"), "{heard}");
    rig.until("connected", |snapshot| matches!(snapshot.integrations[0].link, LinkView::Connected { .. }))
        .await;
    let rows = rig.store.arrivals(ID, 0).unwrap();
    let of = |id: &str| rows.iter().filter(|row| row.id == id).count();
    assert_eq!((of("evt_good"), of("evt_theirs"), of("evt_live"), of("evt_forged")), (1, 1, 0, 0));
    let theirs = rows.iter().find(|row| row.id == "evt_theirs").unwrap();
    assert!(theirs.marks.connected);
    // A connected account's object is not this account's.
    let record = rig.store.record(ID, tillwatch::stripe::kind::Kind::Customer, "cus_fake").unwrap().unwrap();
    assert!(String::from_utf8_lossy(&record.json).contains("evt_good"));
    let live: tillwatch::events::gaps::LiveDoc =
        rig.store.meta(&tillwatch::events::gaps::LiveDoc::name(ID)).unwrap().unwrap();
    assert_eq!((live.unreadable, live.unsigned, live.other_mode, live.received), (4, 1, 1, 10));
    let told = rig.messages();
    for why in ["not JSON", "ids of the delivery", "payload is no event", "signature is wrong", "other mode"]
    {
        assert_eq!(told.iter().filter(|text| text.contains(why)).count(), 1, "{why}: {told:?}");
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_beyond_bounds_ends_its_socket_only_and_is_told() {
    let huge = Message::text("x".repeat(65 * 1024 * 1024));
    let (rig, fake) = Fake::rig(Way::Frames(vec![huge])).await;
    rig.until("word of it", |snapshot| snapshot.messages.iter().any(|one| one.text.contains("64 MB"))).await;
    until("another socket", || *fake.opened.lock().unwrap() >= 2).await;
    rig.stripe.run_traffic(5);
    assert_eq!(rig.messages().iter().filter(|text| text.contains("64 MB")).count(), 1);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_none_is_told_with_its_reason_and_polling_goes_on() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<html>hi</ht";
    let elsewhere = "HTTP/1.1 302 Found\r\nLocation: https://example.com/\r\nContent-Length: 0\r\n\r\n";
    for (way, why) in [
        (Way::Answer(page), "a page instead of a socket"),
        (Way::Answer(elsewhere), "redirects elsewhere"),
        (Way::Answer(""), "did not open"),
        (Way::Close, "closed the socket"),
    ] {
        let (rig, fake) = Fake::rig(way).await;
        rig.until(why, |snapshot| {
            matches!(&snapshot.integrations[0].link, LinkView::Waiting { reason, .. } if reason.contains(why))
        })
        .await;
        rig.stripe.run_traffic(5);
        rig.engine.request(tillwatch::engine::api::Request::Poll { integration: ID }).await;
        rig.until_whole().await;
        let tries = *fake.opened.lock().unwrap();
        assert!(tries <= 4, "no storm: {tries}");
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_says_nothing_is_not_called_connected_for_long() {
    let (rig, fake) = Fake::rig(Way::Silence).await;
    rig.until("connected", |snapshot| matches!(snapshot.integrations[0].link, LinkView::Connected { .. }))
        .await;
    rig.until("noticed", |snapshot| !matches!(snapshot.integrations[0].link, LinkView::Connected { .. }))
        .await;
    until("another try", || *fake.opened.lock().unwrap() >= 2).await;
    rig.end().await;
}
