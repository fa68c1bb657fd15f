//! Guards, and what a sender does with what waited too long: with a clock of the test's own.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::adding::{add, agree};
use super::*;
use crate::clock::Now;
use crate::engine::api::{Answer, Delivery, EventRow, IntegrationId, Marks, Outcome, Source, TargetSpec};
use crate::engine::{Engine, Options};
use crate::forward::routes::Asks;
use crate::integration::Integration;
use crate::store::batch::{EventWrite, Lane};
use crate::store::codec::Content;
use crate::store::forwards::Entry;
use crate::store::{OpenOptions, event_log};
use crate::stripe::DEFAULT_BASE;
use crate::vault::Vault;

const NOW: i64 = 1_700_000_000;

fn account(id: u32, livemode: bool) -> Integration {
    Integration {
        id: IntegrationId(id),
        name: format!("acme-{id}"),
        description: None,
        account: format!("acct_{id}"),
        account_name: "Acme Inc".into(),
        livemode,
        billing: true,
        delivery: Delivery::Poll,
        poll_every_s: 0,
        all_events: true,
        timezone: "UTC".into(),
        base_url: DEFAULT_BASE.into(),
        key: None,
        permissions: Vec::new(),
        checked_at: NOW,
        connected_at: NOW,
        off_since: None,
        refused: None,
        endpoint: None,
    }
}

async fn store_with(dir: &std::path::Path, accounts: &[Integration]) -> Store {
    let store = Store::open(dir, &OpenOptions::default()).unwrap();
    let mut batch = Batch::new();
    for one in accounts {
        batch.meta(Integration::document(one.id), one);
    }
    store.commit(batch, Durability::Applied, NOW).await.unwrap();
    store
}

fn to(url: &str) -> TargetSpec {
    TargetSpec { url: url.into(), ..TargetSpec::default() }
}

#[tokio::test]
async fn live_events_are_asked_for_once_and_off_this_machine_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with(dir.path(), &[account(1, true), account(2, false)]).await;
    let vault = Vault::in_memory();
    let Err(Answer::NeedsYes { question, name: None }) = add(&store, &vault, &to("3000"), NOW).await else {
        panic!("no question");
    };
    assert!(question.contains("acme-1") && question.contains("LIVE"), "{question}");
    assert!(question.contains("http://localhost:3000/"), "{question}");
    assert!(Target::all(&store).unwrap().is_empty(), "nothing before the answer");
    let yes = TargetSpec { confirmed: Some("yes".into()), ..to("3000") };
    let target = add(&store, &vault, &yes, NOW).await.unwrap();
    assert_eq!(target.agreed, [IntegrationId(1)]);
    assert_eq!(
        add(&store, &vault, &to("localhost:3000"), NOW).await.unwrap(),
        target,
        "the same one, not asked"
    );

    // Another live account later: its events stay until somebody agrees.
    let mut batch = Batch::new();
    batch.meta(Integration::document(IntegrationId(3)), &account(3, true));
    store.commit(batch, Durability::Applied, NOW).await.unwrap();
    let route = target.route();
    store.forwards().routes.set(vec![route]);
    let asks = |id| Asks {
        integration: IntegrationId(id),
        livemode: true,
        event_type: "invoice.paid",
        listed: None,
    };
    assert_eq!(store.forwards().routes.of(asks(1)), [target.id]);
    assert!(store.forwards().routes.of(asks(3)).is_empty());
    assert!(matches!(add(&store, &vault, &to("3000"), NOW).await, Err(Answer::NeedsYes { .. })));

    // Elsewhere: the account's name, of one account at a time.
    let far = "https://hooks.example.com/x";
    let Err(Answer::Refused { reason }) = add(&store, &vault, &to(far), NOW).await else { panic!() };
    assert!(reason.contains("one account at a time"), "{reason}");
    let one = |confirmed: Option<&str>| TargetSpec {
        integration: Some(IntegrationId(1)),
        confirmed: confirmed.map(str::to_owned),
        ..to(far)
    };
    let Err(Answer::NeedsYes { name: Some(name), .. }) = add(&store, &vault, &one(None), NOW).await else {
        panic!("no question");
    };
    assert_eq!(name, "Acme Inc");
    assert!(matches!(add(&store, &vault, &one(Some("yes")), NOW).await, Err(Answer::Refused { .. })));
    let far = add(&store, &vault, &one(Some("Acme Inc")), NOW).await.unwrap();
    assert!(far.id > target.id);
    // Test mode needs no agreement.
    let test = TargetSpec { integration: Some(IntegrationId(2)), ..to("https://hooks.example.com/y") };
    add(&store, &vault, &test, NOW).await.unwrap();
    store.close();
}

#[tokio::test]
async fn mistakes_are_one_sentence_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = store_with(dir.path(), &[account(1, false)]).await;
    let vault = Vault::in_memory();
    for wrong in [
        to("ftp://x"),
        TargetSpec { events: vec!["invoice".into()], ..to("3000") },
        TargetSpec { integration: Some(IntegrationId(9)), ..to("3000") },
        TargetSpec { timeout_s: 99_999, ..to("3000") },
    ] {
        let Err(Answer::Refused { reason }) = add(&store, &vault, &wrong, NOW).await else { panic!() };
        assert!(!reason.contains('\n'), "{reason}");
    }
    assert!(Target::all(&store).unwrap().is_empty());
    // A plain yes does not do for http to another machine either.
    let url = crate::forward::target::parse_url("http://10.0.0.1/").unwrap();
    let Err(Answer::NeedsYes { question, name: Some(_) }) = agree(&url, &[Arc::new(account(1, true))], None)
    else {
        panic!()
    };
    assert!(question.contains("unencrypted"), "{question}");
    store.close();
}

/// Takes requests on loopback; answers 200 when `good`, else 500. Gives the bodies in the order of their coming.
async fn receiver(good: Arc<AtomicI64>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = bodies.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (good, seen) = (good.clone(), seen.clone());
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let mut chunk = [0; 4096];
                while !bytes.ends_with(b"}") {
                    match socket.read(&mut chunk).await {
                        Ok(0) | Err(_) => return,
                        Ok(length) => bytes.extend_from_slice(&chunk[..length]),
                    }
                }
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let body = text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
                let status = if good.load(Ordering::SeqCst) > 0 {
                    seen.lock().unwrap().push(body);
                    "200 OK"
                } else {
                    "500 No"
                };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    (port, bodies)
}

fn event(store: &Store, target: TargetId, id: &str, object: &str, created: i64) -> EventWrite {
    let row = EventRow {
        integration: IntegrationId(1),
        id: id.into(),
        created,
        received: created,
        event_type: "invoice.paid".into(),
        object: object.into(),
        amount: None,
        who: String::new(),
        source: Source::Relay,
        starred: false,
        marks: Marks::default(),
    };
    let entry = Entry {
        queued: created,
        expires: created + 900,
        event: id.into(),
        event_type: "invoice.paid".into(),
        object: object.into(),
        ..Entry::default()
    };
    let mut packer = store.codec().packer(Content::Event).unwrap();
    EventWrite {
        integration: IntegrationId(1),
        id: id.into(),
        created,
        header: event_log::header(&row, &[]),
        packed: packer.pack(format!("{{\"id\":\"{id}\"}}").as_bytes()).unwrap(),
        records: Vec::new(),
        forwards: vec![(target, entry.encode())],
    }
}

async fn until(engine: &Engine, what: &str, mut so: impl FnMut(&crate::engine::api::TargetView) -> bool) {
    let mut snapshots = engine.snapshots();
    let wait = snapshots.wait_for(|snapshot| snapshot.targets.first().is_some_and(&mut so));
    let ok = matches!(tokio::time::timeout(Duration::from_secs(30), wait).await, Ok(Ok(_)));
    assert!(ok, "never: {what}: {:?}", engine.snapshots().borrow().targets);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_too_long_is_parked_and_sent_by_hand_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = store_with(&data, &[account(1, false)]).await;
    let clock = Arc::new(AtomicI64::new(NOW));
    let (good, time) = (Arc::new(AtomicI64::new(0)), clock.clone());
    let (port, bodies) = receiver(good.clone()).await;
    let now: Now = Arc::new(move || time.load(Ordering::SeqCst));
    let options = Options {
        data_dir: data,
        key_dir: dir.path().join("keys"),
        api_base: None,
        bases: Vec::new(),
        demo: false,
        read_only: true,
        live: true,
        store: OpenOptions::default(),
        stripe_cli: Vec::new(),
        declines: std::sync::Arc::default(),
        alerts: crate::engine::alerts::Settings::default(),
        upkeep: crate::config::Upkeep::default(),
        now,
    };
    let engine = Engine::with_store(options, store.clone()).await.unwrap();
    let Answer::Target { id } = engine.request(Request::AddTarget(to(&port.to_string()))).await else {
        panic!()
    };
    let mut batch = Batch::new();
    for (number, object) in ["in_1", "in_1", "in_2", "in_1"].iter().enumerate() {
        batch.event(event(&store, id, &format!("evt_{number}"), object, NOW - 10));
    }
    // Seen for the first time when it is too old.
    batch.event(event(&store, id, "evt_old", "in_3", NOW - 1_000));
    store.commit(batch, Durability::Applied, NOW).await.unwrap();
    until(&engine, "the old one parked, the others tried", |one| one.parked == 1 && one.failed >= 2).await;
    assert!(bodies.lock().unwrap().is_empty());
    // A quarter of an hour later.
    clock.store(NOW + 900, Ordering::SeqCst);
    engine.request(Request::TryTarget { target: id }).await;
    until(&engine, "all parked", |one| one.parked == 5 && one.waiting == 0).await;
    good.store(1, Ordering::SeqCst);
    assert_eq!(engine.request(Request::ReplayParked { target: id }).await, Answer::Done);
    until(&engine, "all delivered", |one| one.delivered == 5 && one.parked == 0 && one.waiting == 0).await;
    let came = bodies.lock().unwrap().clone();
    let of_one: Vec<&String> = came
        .iter()
        .filter(|body| ["0", "1", "3"].iter().any(|n| body.contains(&format!("evt_{n}\""))))
        .collect();
    assert_eq!(of_one, ["{\"id\":\"evt_0\"}", "{\"id\":\"evt_1\"}", "{\"id\":\"evt_3\"}"]);
    // Every attempt is there, the parking as well.
    let query = crate::engine::api::AttemptQuery {
        event: Some("evt_0".into()),
        limit: 50,
        ..crate::engine::api::AttemptQuery::default()
    };
    let Answer::Attempts(window) = engine.request(Request::Attempts(query.clone())).await else { panic!() };
    let outcomes: Vec<&Outcome> = window.rows.iter().map(|row| &row.outcome).collect();
    assert_eq!(outcomes[..2], [&Outcome::Delivered { status: 200 }, &Outcome::Expired]);
    assert!(outcomes[2..].iter().all(|one| **one == Outcome::Refused { status: 500 }), "{outcomes:?}");
    assert!(window.rows[0].replay);
    let failed =
        crate::engine::api::AttemptQuery { failed_only: true, from: Some(window.rows[1].id), ..query };
    let Answer::Attempts(rest) = engine.request(Request::Attempts(failed)).await else { panic!() };
    assert_eq!((rest.rows.len(), rest.newer), (window.rows.len() - 1, 0));
    let Answer::Attempt(detail) = engine.request(Request::Attempt { id: window.rows[0].id }).await else {
        panic!()
    };
    assert_eq!((detail.response_body.as_str(), detail.request_bytes), ("ok", 14));
    assert!(detail.request_headers.iter().any(|(name, _)| name == "stripe-signature"));

    // One of them once more, by hand.
    let to = crate::engine::api::ReplayTo::Url { url: port.to_string(), confirmed: None };
    let replay = Request::Replay { integration: IntegrationId(1), event: "evt_2".into(), to };
    let Answer::Attempt(detail) = engine.request(replay).await else { panic!() };
    assert_eq!((detail.row.target, detail.row.replay), (Some(id), true), "a target's URL is that target");
    assert!(detail.row.outcome.is_delivered());
    let kept = store.attempts_kept();
    keeping::forget(&store, &[IntegrationId(1)], 2, NOW + 900).await.unwrap();
    assert!(kept > 2 && store.attempts_kept() == 2);
    keeping::forget(&store, &[IntegrationId(1)], 9, NOW + 900 + 30 * 86_400).await.unwrap();
    assert_eq!(store.attempts_kept(), 2, "not older than 30 days");
    keeping::forget(&store, &[IntegrationId(1)], 9, NOW + 901 + 30 * 86_400).await.unwrap();
    assert_eq!(store.attempts_kept(), 0);

    // Paused, events wait; removed, they are dropped.
    engine.request(Request::PauseTarget { target: id, on: true }).await;
    let mut batch = Batch::new();
    batch.event(event(&store, id, "evt_9", "in_9", NOW + 900));
    store.commit(batch, Durability::Applied, NOW).await.unwrap();
    until(&engine, "one waits", |one| one.waiting == 1 && one.state == TargetState::Paused).await;
    assert_eq!(engine.request(Request::RemoveTarget { target: id }).await, Answer::Done);
    assert!(store.in_lane(Lane::Waiting, id).is_empty() && engine.snapshots().borrow().targets.is_empty());
    assert!(Target::all(&store).unwrap().is_empty());
    engine.shutdown().await;
}
