//! The relay: sessions and their errors, sockets, frames, acknowledgements, resets and faults.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use tillwatch::sandbox::{API_VERSION, Fault, FaultKind, Options, RelayOptions, SecondSocket, SubProtocol};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Local, plain};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const FORM: &str = "device_name=test&websocket_features[]=webhooks";

async fn session(local: &Local) -> Value {
    let reply = local.post("/v1/stripecli/sessions", FORM).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

async fn dial_with(session: &Value, protocol: Option<&str>) -> Result<(Socket, Response), Error> {
    let feature = session["websocket_authorized_feature"].as_str().unwrap();
    let url = format!("{}?websocket_feature={feature}", session["websocket_url"].as_str().unwrap());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("Websocket-Id", session["websocket_id"].as_str().unwrap().parse().unwrap());
    if let Some(protocol) = protocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol.parse().unwrap());
    }
    connect_async(request).await
}

async fn dial(session: &Value) -> Socket {
    dial_with(session, Some("stripecli-devproxy-v1")).await.unwrap().0
}

/// The status and body of a refused handshake.
fn refusal(result: Result<(Socket, Response), Error>) -> (u16, String) {
    match result {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// What comes next, or a failure instead of a test that hangs.
async fn next(socket: &mut Socket) -> Option<Result<Message, Error>> {
    tokio::time::timeout(Duration::from_secs(20), socket.next()).await.expect("nothing came for 20 s")
}

async fn frame(socket: &mut Socket) -> Value {
    match next(socket).await {
        Some(Ok(Message::Text(text))) => serde_json::from_str(text.as_str()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn event_of(frame: &Value) -> Value {
    serde_json::from_str(frame["event_payload"].as_str().unwrap()).unwrap()
}

fn ack(frame: &Value) -> Message {
    Message::text(
        json!({
            "type": "event_ack",
            "event_id": event_of(frame)["id"],
            "webhook_id": frame["webhook_id"],
            "webhook_conversation_id": frame["webhook_conversation_id"],
        })
        .to_string(),
    )
}

fn verify(frame: &Value, secret: &str) -> bool {
    let header = frame["http_headers"]["Stripe-Signature"].as_str().unwrap();
    signed(header, frame["event_payload"].as_str().unwrap(), secret)
}

/// Whether a `Stripe-Signature` fits a body.
pub(crate) fn signed(header: &str, body: &str, secret: &str) -> bool {
    let part = |name: &str| header.split(',').find_map(|p| p.strip_prefix(name)).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{}.{}", part("t="), body).as_bytes());
    let digest = mac.finalize().into_bytes();
    let said = part("v1=");
    said.len() == 64 && (0..32).all(|at| u8::from_str_radix(&said[at * 2..at * 2 + 2], 16) == Ok(digest[at]))
}

/// Waits until the sandbox says so.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..20_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn sessions_are_made_or_refused_as_stripe_does() {
    let local = Local::new(plain()).await;
    let made = session(&local).await;
    assert_eq!(made["reconnect_delay"], 60);
    assert_eq!(made["default_version"], API_VERSION);
    assert_eq!(made["latest_version"], API_VERSION);
    assert_eq!(made["websocket_authorized_feature"], "webhook-payloads");
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(made["websocket_id"].as_str().unwrap().starts_with("cliws_{"));
    let again = session(&local).await;
    assert_eq!(again["secret"], made["secret"], "stable per account");
    assert_ne!(again["websocket_id"], made["websocket_id"]);

    let keys = local.running.keys.clone();
    let post = |key: String| local.post_as(key, "/v1/stripecli/sessions", FORM);
    let reply = post(keys.live_secret.clone()).await;
    assert_eq!(reply.status, 403);
    assert!(
        reply.error()["message"].as_str().unwrap().starts_with("For security reasons, the Stripe CLI only")
    );
    assert_eq!(post(keys.live_restricted.clone()).await.status, 200);
    let reply = post(keys.expired.clone()).await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (401, Some("api_key_expired")));
    local.running.deny(&keys.restricted, &["rak_stripecli_session_write"]).unwrap();
    let reply = post(keys.restricted.clone()).await;
    assert_eq!(reply.status, 403);
    let message = reply.error()["message"].as_str().unwrap().to_owned();
    assert!(message.ends_with(
        "Having the 'rak_stripecli_session_write' permission would allow this request to continue."
    ));
    let reply = local.post_as(keys.secret, "/v1/stripecli/sessions", "device_name=x").await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (400, Some("parameter_missing")));
}

#[tokio::test]
async fn too_many_open_sessions_are_429() {
    let relay = RelayOptions { sessions: 2, ..RelayOptions::default() };
    let local = Local::new(Options { relay, ..plain() }).await;
    let (one, two) = (session(&local).await, session(&local).await);
    let (first, _second) = (dial(&one).await, dial(&two).await);
    let reply = local.post("/v1/stripecli/sessions", FORM).await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (429, Some("rate_limit")));
    drop(first);
    until("a socket is gone", || local.running.open_sockets() == 1).await;
    session(&local).await;
}

#[tokio::test]
async fn each_event_comes_in_both_versions_signed_and_is_counted_when_acknowledged() {
    let local = Local::new(plain()).await;
    let session = session(&local).await;
    let (mut socket, response) = dial_with(&session, Some("stripecli-devproxy-v1")).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "stripecli-devproxy-v1");
    local.running.run_traffic(5);
    let made = local.running.events_made();
    assert!(made.len() >= 5);
    for id in &made {
        let listed = local.json(&format!("/v1/events/{id}")).await;
        for version in [Value::Null, Value::from(API_VERSION)] {
            let frame = frame(&mut socket).await;
            assert_eq!(frame["type"], "webhook_event");
            assert_eq!(frame["endpoint"]["api_version"], version);
            assert_eq!(event_of(&frame), listed);
            assert!(frame["event_payload"].as_str().unwrap().starts_with("{\n  \"id\": \"evt_"));
            assert!(verify(&frame, session["secret"].as_str().unwrap()));
            assert!(!verify(&frame, "whsec_other"));
            socket.send(ack(&frame)).await.unwrap();
            // A second acknowledgement of the same frame fits nothing.
            if *id == made[0] && version.is_null() {
                socket.send(ack(&frame)).await.unwrap();
            }
        }
    }
    socket.send(Message::text(r#"{"type":"webhook_response","status":200}"#)).await.unwrap();
    socket.send(Message::text("nonsense")).await.unwrap();
    let count = made.len() as u64;
    until("all is counted", || local.running.report().relay.unknown == 1).await;
    let report = local.running.report();
    assert_eq!(report.events, count);
    let relay = report.relay;
    assert_eq!((relay.frames, relay.events_sent), (2 * count, count));
    assert_eq!((relay.acks, relay.events_acked, relay.stray_acks), (2 * count, count, 1));
    assert_eq!((relay.responses, relay.sessions, relay.opened), (1, 1, 1));
    assert_eq!(relay.frames_by_socket["1.1"], 2 * count);
    let over_http = local.json("/_sandbox/report").await;
    assert_eq!(over_http["relay"]["events_acked"], count);
}

#[tokio::test]
async fn the_relay_follows_from_the_seed() {
    let mut seen: Vec<Vec<Value>> = Vec::new();
    for _ in 0..2 {
        let local = Local::new(plain()).await;
        let session = session(&local).await;
        let mut socket = dial(&session).await;
        local.running.run_traffic(3);
        let mut names = vec![session["websocket_id"].clone(), session["secret"].clone()];
        for _ in 0..6 {
            let frame = frame(&mut socket).await;
            // What stands before the dash is the time.
            let id = frame["webhook_id"].as_str().unwrap().split_once('-').unwrap().1.to_owned();
            names.extend([id.into(), event_of(&frame)["id"].clone()]);
        }
        seen.push(names);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn pings_are_answered_and_what_happens_while_away_is_lost() {
    let local = Local::new(plain()).await;
    let session = session(&local).await;
    let mut socket = dial(&session).await;
    socket.send(Message::Ping("x".into())).await.unwrap();
    assert!(matches!(next(&mut socket).await, Some(Ok(Message::Pong(_)))));
    assert_eq!(local.running.cut_sockets(), 1);
    assert!(!matches!(next(&mut socket).await, Some(Ok(Message::Close(_)))), "cut without a word");
    until("the socket is gone", || local.running.open_sockets() == 0).await;
    local.running.run_traffic(1);
    let missed = local.running.events_made().len();
    let mut socket = dial(&session).await;
    local.running.run_traffic(1);
    let first = event_of(&frame(&mut socket).await)["id"].clone();
    assert_eq!(first, local.running.events_made()[missed].as_str());
    assert_eq!(local.running.close_sockets(1012), 1);
    let closed = loop {
        match next(&mut socket).await {
            Some(Ok(Message::Close(Some(close)))) => break u16::from(close.code),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(closed, 1012);
}

#[tokio::test]
async fn unknown_sessions_and_wrong_handshakes_are_refused() {
    let local = Local::new(plain()).await;
    let session = session(&local).await;
    let mut socket = dial(&session).await;
    local.running.forget_sessions();
    assert!(matches!(next(&mut socket).await, Some(Ok(Message::Close(Some(_))))));
    let (status, body) = refusal(dial_with(&session, None).await);
    assert_eq!(status, 400);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["error"]["message"], "Unknown WebSocket ID.");
    let plain = local.get("/subscribe/acct_1?websocket_feature=webhook-payloads").await;
    assert_eq!(plain.status, 400);
    assert_eq!(local.running.report().relay.refused, 1);
}

#[tokio::test]
async fn a_second_socket_overlaps_replaces_or_is_refused() {
    let local = Local::new(plain()).await;
    let behave = |second| {
        local.running.set_relay_behaviour(RelayOptions { second, ..RelayOptions::default() });
    };
    let made = session(&local).await;
    let (mut one, mut two) = (dial(&made).await, dial(&made).await);
    local.running.run_traffic(1);
    assert_eq!(event_of(&frame(&mut one).await), event_of(&frame(&mut two).await));

    behave(SecondSocket::Replace);
    let made = session(&local).await;
    let (mut one, mut two) = (dial(&made).await, dial(&made).await);
    assert!(matches!(next(&mut one).await, Some(Ok(Message::Close(Some(_))))));
    local.running.run_traffic(1);
    frame(&mut two).await;

    behave(SecondSocket::Refuse);
    let made = session(&local).await;
    let one = dial(&made).await;
    let (status, body) = refusal(dial_with(&made, None).await);
    assert_eq!(status, 409);
    assert!(!body.contains("Unknown WebSocket ID."));
    drop(one);
    until("its place is free", || {
        local.running.report().relay.refused == 1 && local.running.open_sockets() == 3
    })
    .await;
    dial(&made).await;
}

#[tokio::test]
async fn the_server_closes_a_socket_that_is_never_reset() {
    let relay = RelayOptions { reset: 1, ..RelayOptions::default() };
    let local = Local::new(Options { relay, ..plain() }).await;
    let session = session(&local).await;
    assert_eq!(session["reconnect_delay"], 1);
    let mut socket = dial(&session).await;
    let Some(Ok(Message::Close(Some(close)))) = next(&mut socket).await else { panic!("no close") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1000, "Resetting the connection"));
}

#[tokio::test]
async fn sub_protocols_are_answered_as_told() {
    let local = Local::new(plain()).await;
    let behave = |protocol| {
        local.running.set_relay_behaviour(RelayOptions { protocol, ..RelayOptions::default() });
    };
    let session = session(&local).await;
    let offer = Some("stripecli-devproxy-v1");
    assert!(dial_with(&session, None).await.is_ok());
    behave(SubProtocol::Omit);
    assert!(matches!(dial_with(&session, offer).await, Err(Error::Protocol(_))));
    assert!(dial_with(&session, None).await.is_ok());
    behave(SubProtocol::Always);
    assert!(matches!(dial_with(&session, None).await, Err(Error::Protocol(_))));
    assert!(dial_with(&session, offer).await.is_ok());
}

fn always(kind: FaultKind) -> Vec<Fault> {
    vec![Fault { kind, probability: 1.0 }]
}

#[tokio::test]
async fn each_relay_fault_is_what_it_says() {
    let local = Local::new(plain()).await;
    let session = session(&local).await;
    let set = |kind| local.running.set_faults(always(kind));
    let traffic = || {
        local.running.run_traffic(1);
        local.running.events_made().len()
    };
    let mut socket = dial(&session).await;

    set(FaultKind::RelayDuplicate);
    let made = traffic();
    let (a, b) = (frame(&mut socket).await, frame(&mut socket).await);
    assert_eq!(a, b);
    for _ in 2..made * 4 {
        frame(&mut socket).await;
    }

    set(FaultKind::RelayLose);
    let made = traffic();
    until("all were lost", || local.running.report().faults.get("relay-lose").is_some_and(|&n| n % 2 == 0))
        .await;
    local.running.set_faults(Vec::new());
    traffic();
    // Not one of those that were lost: the socket may have been between them when the faults ended.
    let first = event_of(&frame(&mut socket).await)["id"].as_str().unwrap().to_owned();
    let place = local.running.events_made().iter().position(|id| *id == first).unwrap();
    assert!(place > 0 && place <= made, "{place} of {made}");
    drop(socket);

    let mut socket = dial(&session).await;
    set(FaultKind::RelayGarbage);
    traffic();
    let mut proper = 0;
    let mut others = 0;
    while proper < 2 {
        match next(&mut socket).await.unwrap().unwrap() {
            Message::Text(text) => {
                let good = serde_json::from_str::<Value>(text.as_str()).is_ok_and(|f| {
                    f["event_payload"].is_string() && verify(&f, session["secret"].as_str().unwrap())
                });
                if good { proper += 1 } else { others += 1 }
            }
            _ => others += 1,
        }
    }
    assert_eq!(others, 2);
    drop(socket);

    let mut socket = dial(&session).await;
    set(FaultKind::RelayDrop);
    traffic();
    assert!(!matches!(next(&mut socket).await, Some(Ok(_))));

    set(FaultKind::RelayHtml);
    assert_eq!(refusal(dial_with(&session, None).await).0, 503);
    set(FaultKind::RelayRedirect);
    assert_eq!(refusal(dial_with(&session, None).await).0, 302);
    set(FaultKind::RelayHang);
    let hanging = tokio::time::timeout(Duration::from_millis(300), dial_with(&session, None)).await;
    assert!(hanging.is_err(), "it was answered");
    // The faults of the relay leave requests alone.
    assert_eq!(local.get("/v1/account").await.status, 200);
}

#[tokio::test]
async fn frames_change_places_come_late_or_never() {
    let local = Local::new(plain()).await;
    let session = session(&local).await;
    let mut socket = dial(&session).await;
    local.running.set_faults(vec![Fault { kind: FaultKind::RelayReorder, probability: 0.4 }]);
    local.running.run_traffic(40);
    let made = local.running.events_made();
    let mut order = Vec::new();
    for _ in 0..made.len() * 2 {
        let id = event_of(&frame(&mut socket).await)["id"].as_str().unwrap().to_owned();
        order.push(made.iter().position(|m| *m == id).unwrap());
    }
    assert!(order.windows(2).any(|w| w[0] > w[1]), "nothing changed places");
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!((0..made.len()).flat_map(|n| [n, n]).eq(sorted), "each event came twice");

    local.running.set_faults(always(FaultKind::RelayDelay));
    local.running.run_traffic(1);
    let late = local.running.events_made().len() - made.len();
    until("all are held", || {
        local.running.report().faults.get("relay-delay").is_some_and(|&n| n == 2 * late as u64)
    })
    .await;
    local.running.set_faults(Vec::new());
    local.running.run_traffic(1);
    let after = local.running.events_made();
    let mut came = Vec::new();
    for _ in 0..(after.len() - made.len()) * 2 {
        came.push(event_of(&frame(&mut socket).await)["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(came[0], after[made.len() + late], "the later one came first");
    assert!(came.contains(&after[made.len()]));

    local.running.set_faults(always(FaultKind::RelaySilence));
    local.running.run_traffic(1);
    until("it is silent", || local.running.open_sockets() == 0).await;
    socket.send(Message::Ping("x".into())).await.unwrap();
    let silence = tokio::time::timeout(Duration::from_millis(300), socket.next()).await;
    assert!(silence.is_err(), "it said something: {silence:?}");
}

#[tokio::test]
async fn the_relay_is_scripted_over_http() {
    let local = Local::new(plain()).await;
    let made = session(&local).await;
    let mut socket = dial(&made).await;
    let told = local.post("/_sandbox/relay", r#"{"reset":7,"second":"refuse","close":1008}"#).await.json();
    assert_eq!(told["sockets"], 1);
    assert!(matches!(next(&mut socket).await, Some(Ok(Message::Close(Some(_))))));
    assert_eq!(session(&local).await["reconnect_delay"], 7);
    assert_eq!(local.running.relay_behaviour().second, SecondSocket::Refuse);
    assert_eq!(local.post("/_sandbox/relay", r#"{"second":"both"}"#).await.status, 400);
    assert_eq!(local.post("/_sandbox/relay", r#"{"close":12}"#).await.status, 400);
    assert_eq!(local.post("/_sandbox/faults", r#"{"faults":["relay-lose=1"]}"#).await.status, 200);
}

#[tokio::test]
async fn an_event_is_sent_again_when_asked_for() {
    let local = Local::new(plain()).await;
    let session = session(&local).await;
    // One from before the socket opened.
    let old = local.json("/v1/events?limit=1").await["data"][0].clone();
    let mut socket = dial(&session).await;
    let path = format!("/v1/events/{}/retry", old["id"].as_str().unwrap());
    let reply = local.post(&path, "for_stripecli=true").await;
    assert_eq!((reply.status, reply.json()), (200, old.clone()));
    let (one, two) = (frame(&mut socket).await, frame(&mut socket).await);
    assert_eq!((event_of(&one), event_of(&two)), (old.clone(), old));
    assert_ne!(one["webhook_conversation_id"], two["webhook_conversation_id"]);
    assert_eq!(local.post("/v1/events/evt_nope/retry", "for_stripecli=true").await.status, 404);
    assert_eq!(local.post(&path, "").await.status, 400);
    assert_eq!(local.post(&path, "for_stripecli=true&account=acct_other").await.status, 400);
    local.running.deny(&local.running.keys.restricted, &["rak_event_write"]).unwrap();
    assert_eq!(local.post(&path, "for_stripecli=true").await.status, 403);
}

#[tokio::test]
async fn an_account_with_an_old_version_gets_the_old_shapes_and_the_new_ones() {
    let default_version = "2024-06-20".to_owned();
    let local = Local::new(Options { default_version, ..plain() }).await;
    let session = session(&local).await;
    assert_eq!(
        (session["default_version"].as_str(), session["latest_version"].as_str()),
        (Some("2024-06-20"), Some(API_VERSION))
    );
    let mut socket = dial(&session).await;
    local.running.run_traffic(60);
    let mut seen = std::collections::BTreeSet::new();
    for id in local.running.events_made() {
        let (old, new) = (event_of(&frame(&mut socket).await), event_of(&frame(&mut socket).await));
        assert_eq!((&old["id"], &new["id"]), (&id.as_str().into(), &id.as_str().into()));
        assert_eq!(
            (old["api_version"].as_str(), new["api_version"].as_str()),
            (Some("2024-06-20"), Some(API_VERSION))
        );
        assert_eq!(local.json(&format!("/v1/events/{id}")).await, old, "listed in the account's version");
        let (was, is) = (&old["data"]["object"], &new["data"]["object"]);
        let kind = is["object"].as_str().unwrap();
        seen.insert(kind.to_owned());
        match kind {
            "invoice" => {
                assert_eq!(was["subscription"], is["parent"]["subscription_details"]["subscription"]);
                assert_eq!(was["paid"], is["status"] == "paid");
                assert_eq!(was["charge"].is_string(), is["attempt_count"].as_i64() > Some(0));
                assert_eq!(was["payment_intent"].is_null(), is["status"] == "draft");
                assert!(was.get("parent").is_none() && is.get("paid").is_none());
            }
            "subscription" => {
                assert_eq!(was["current_period_end"], is["items"]["data"][0]["current_period_end"]);
                assert!(was["current_period_end"].is_i64() && is.get("current_period_end").is_none());
            }
            "charge" | "payment_intent" => {
                assert!(was["invoice"].is_string() && is.get("invoice").is_none());
            }
            _ => assert_eq!(was, is),
        }
    }
    assert!(["invoice", "subscription", "charge", "payment_intent"].iter().all(|kind| seen.contains(*kind)));
}
