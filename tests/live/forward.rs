//! Forwarding: everything arrives, signed and in order per object, whatever becomes of the receiver or of us.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tillwatch::engine::api::{
    Answer, AttemptQuery, Request, Source, TargetId, TargetSpec, TargetState, TargetView,
};

use crate::process::{Desk, Listening};
use crate::receiver::{Got, Mode, Receiver};
use crate::{ID, PATIENCE, Rig, faults, stripe};

/// As Stripe's own libraries verify.
fn verifies(got: &Got, secret: &str) -> bool {
    let header = &got.headers["stripe-signature"];
    let time = header.split(',').find_map(|part| part.strip_prefix("t=")).unwrap();
    let age = tillwatch::clock::system()() - time.parse::<i64>().unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(&got.body);
    let own =
        mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    age < 300 && header.split(',').any(|part| part.strip_prefix("v1=") == Some(&own))
}

async fn add(rig: &Rig, receiver: &Receiver, timeout_s: u32) -> TargetId {
    let spec = TargetSpec { url: receiver.url(), timeout_s, ..TargetSpec::default() };
    match rig.engine.request(Request::AddTarget(spec)).await {
        Answer::Target { id } => id,
        other => panic!("{other:?}"),
    }
}

fn target(rig: &Rig, id: TargetId) -> TargetView {
    rig.engine.snapshots().borrow().targets.iter().find(|one| one.id == id).unwrap().clone()
}

async fn until_target(rig: &Rig, id: TargetId, what: &str, so: impl Fn(&TargetView) -> bool) {
    rig.until(what, |snapshot| snapshot.targets.iter().any(|one| one.id == id && so(one))).await;
}

/// Waits until a receiver took all of these.
async fn until_has(receiver: &Receiver, want: &BTreeSet<String>, more: impl Fn(&str) -> String) {
    let begun = std::time::Instant::now();
    loop {
        let have: BTreeSet<String> = receiver.taken().iter().map(Got::id).collect();
        if want.is_subset(&have) {
            return;
        }
        let missing: Vec<&String> = want.difference(&have).take(5).collect();
        let told = || missing.first().map(|id| more(id)).unwrap_or_default();
        assert!(
            begun.elapsed() < PATIENCE,
            "{} of {}, missing {missing:?}: {}",
            have.len(),
            want.len(),
            told()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is known of an event that did not come.
fn about(rig: &Rig, id: &str) -> String {
    let row = rig.store.arrivals(ID, 0).unwrap().into_iter().find(|row| row.id == id);
    let tried = rig.store.attempts_of(ID, id, 9).unwrap().len();
    format!("{row:?}; {tried} attempts; {:?}", rig.engine.snapshots().borrow().targets)
}

/// The first time that each event was taken: of an object, in the order in which they came to us.
fn in_order(rig: &Rig, receiver: &Receiver) {
    let rows = rig.store.arrivals(ID, 0).unwrap();
    let places: HashMap<&str, (usize, &str)> =
        rows.iter().enumerate().map(|(at, row)| (row.id.as_str(), (at, row.object.as_str()))).collect();
    let mut last: HashMap<&str, usize> = HashMap::new();
    let mut seen = BTreeSet::new();
    for got in receiver.taken() {
        let id = got.id();
        let (at, object) = places[id.as_str()];
        if seen.insert(id) && !object.is_empty() {
            assert!(last.insert(object, at).is_none_or(|before| before < at), "{object}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_byte_for_byte_signed_and_in_order() {
    let rig = Rig::new(stripe(|_| {}).await).await;
    rig.connected().await;
    let receiver = Receiver::start().await;
    let before: BTreeSet<String> = rig.stripe.events_made().into_iter().collect();
    let id = add(&rig, &receiver, 0).await;
    let secret = rig.engine.signing_secret(id).await.unwrap();
    for _ in 0..10 {
        rig.stripe.run_traffic(5);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let want: BTreeSet<String> =
        rig.stripe.events_made().into_iter().filter(|id| !before.contains(id)).collect();
    until_has(&receiver, &want, |id| about(&rig, id)).await;
    until_target(&rig, id, "an empty queue", |one| one.waiting == 0 && one.delivered == want.len() as u64)
        .await;
    let taken = receiver.taken();
    let rows = rig.store.arrivals(ID, 0).unwrap();
    let live: BTreeSet<&str> =
        rows.iter().filter(|row| row.source == Source::Relay).map(|row| row.id.as_str()).collect();
    assert!(live.len() > want.len() / 2, "{}", live.len());
    assert_eq!(taken.len(), want.len(), "each once, and nothing from before it was a target");
    for got in &taken {
        assert_eq!(got.body, rig.store.event_json(ID, &got.id()).unwrap().unwrap());
        assert!(verifies(got, secret.expose()), "{:?}", got.headers);
        assert!(!verifies(got, "whsec_other"));
        let signatures = got.headers["stripe-signature"].matches("v1=").count();
        if live.contains(got.id().as_str()) {
            assert!(got.headers["user-agent"].starts_with("Stripe/1.0"), "as it came: {:?}", got.headers);
            assert_eq!(signatures, 2, "the session's and ours");
        } else {
            // The list had it a moment before the socket: ours alone.
            assert_eq!(signatures, 1);
        }
    }
    in_order(&rig, &receiver);
    let query = AttemptQuery { target: Some(id), limit: 500, ..AttemptQuery::default() };
    let Answer::Attempts(window) = rig.engine.request(Request::Attempts(query)).await else { panic!() };
    assert_eq!(window.total, want.len() as u64);
    assert!(window.rows.iter().all(|row| row.outcome.is_delivered() && row.number == 1));
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_away_odd_or_silent_loses_nothing_and_holds_up_nobody() {
    let rig = Rig::new(stripe(|_| {}).await).await;
    rig.connected().await;
    let (mut bad, well) = (Receiver::start().await, Receiver::start().await);
    let before: BTreeSet<String> = rig.stripe.events_made().into_iter().collect();
    let id = add(&rig, &bad, 1).await;
    add(&rig, &well, 0).await;
    let mut want = BTreeSet::new();
    for (mode, word) in [
        (Mode::Garbage, "not HTTP"),
        (Mode::Silence, "no answer within 1 s"),
        (Mode::Close, "closed the connection"),
        (Mode::Status(500), "answers 500"),
        (Mode::Redirect, "answers 302"),
        (Mode::Away, "connection refused"),
    ] {
        bad.set(mode).await;
        rig.stripe.run_traffic(6);
        want = rig.stripe.events_made().into_iter().filter(|id| !before.contains(id)).collect();
        rig.engine.request(Request::TryTarget { target: id }).await;
        let down = |one: &TargetView| matches!(&one.state, TargetState::Down { reason, .. } if reason.contains(word));
        until_target(&rig, id, word, down).await;
        // The other one has everything meanwhile.
        until_has(&well, &want, |id| about(&rig, id)).await;
    }
    assert!(target(&rig, id).waiting > 0 && target(&rig, id).failed > 0);
    bad.set(Mode::Good).await;
    rig.engine.request(Request::TryTarget { target: id }).await;
    until_has(&bad, &want, |id| about(&rig, id)).await;
    until_target(&rig, id, "an empty queue", |one| one.waiting == 0 && one.state == TargetState::Ready).await;
    in_order(&rig, &bad);
    in_order(&rig, &well);
    assert!(bad.followed().is_empty(), "no redirect is followed");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_killed_again_and_again_forwards_everything_with_one_secret() {
    let made = stripe(|options| {
        options.relay.reset = 1;
        options.faults = faults(&["relay-duplicate=0.05"]);
        options.events_per_second = 40.0;
    })
    .await;
    let desk = Desk::connected(&made);
    let mut receiver = Receiver::start().await;
    let url = receiver.url();
    let words = ["listen", "--json", "--forward-to", &url];
    let (mut want, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    let mut before: Option<BTreeSet<String>> = None;
    for round in 0..4_u64 {
        let mut listening = Listening::with(&desk, &words);
        listening.connected().await;
        secrets.insert(listening.word_behind("your signing secret is "));
        // What is read as the beginning of the log is not forwarded.
        let before = before.get_or_insert_with(|| made.events_made().into_iter().collect());
        let some = listening.printed().len();
        listening.until("some events", |one| one.printed().len() > some + 20).await;
        receiver.set(if round == 1 { Mode::Away } else { Mode::Good }).await;
        listening.until("more events", |one| one.printed().len() > some + 40).await;
        want = made.events_made().into_iter().filter(|id| !before.contains(id)).collect();
        listening.child.kill().unwrap();
        listening.child.wait().unwrap();
    }
    receiver.set(Mode::Good).await;
    let listening = Listening::with(&desk, &words);
    listening.connected().await;
    until_has(&receiver, &want, |_| String::new()).await;
    listening.end().await;
    assert_eq!(secrets.len(), 1, "a restart changes nobody's settings");
    let secret = secrets.first().unwrap();
    assert!(receiver.taken().iter().all(|got| verifies(got, secret)));
    made.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_and_replays_from_the_command_line() {
    let made = stripe(|_| {}).await;
    made.run_traffic(5);
    let desk = Desk::connected(&made);
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let run = |words: &[&str]| {
        let output = desk.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    for wrong in [
        vec!["forward", "add", "ftp://x"],
        vec!["forward", "add", "3000", "--events", "Invoice Paid"],
        vec!["forward", "rm", "3000"],
        vec!["listen", "--forward-to", "not a url"],
        vec!["replay", "evt_1", "--to", "http://"],
    ] {
        let (code, out, err) = run(&wrong);
        assert_eq!((code, out.as_str(), err.lines().count()), (2, "", 1), "{wrong:?}: {err}");
    }
    let (code, out, _) = run(&["forward", "add", &url, "--events", "invoice.*,charge.refunded", "--json"]);
    assert_eq!(code, 0);
    let added: serde_json::Value = serde_json::from_str(&out).unwrap();
    let secret = added["signing_secret"].as_str().unwrap();
    assert_eq!(added["events"], serde_json::json!(["invoice.*", "charge.refunded"]));
    let (_, out, err) = run(&["forward", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((listed["id"].as_u64(), listed["url"].as_str()), (Some(1), Some(receiver.whole().as_str())));
    assert!(!out.contains("whsec_") && !err.contains("whsec_"));
    assert!(run(&["forward", "list", "--print-secret"]).1.contains(secret));
    assert!(!desk.on_disk(secret.as_bytes()), "not in clear anywhere");

    // The log's beginning, for something to send again.
    let listening = Listening::start(&desk);
    listening.connected().await;
    listening.until("events", |one| !one.printed().is_empty()).await;
    let event = listening.printed()[0].clone();
    listening.end().await;
    assert!(receiver.taken().is_empty(), "what happened before is not forwarded");
    let (code, out, _) = run(&["replay", &event, "--to", "1"]);
    assert!(code == 0 && out.contains("[200]") && out.contains(&event), "{code} {out}");
    assert!(verifies(&receiver.taken()[0], secret));
    let (code, out, _) = run(&["replay", &event, "evt_nowhere", "--to", &url, "--json"]);
    assert_eq!(code, 4);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["target"], 1);
    let (code, out, _) = run(&["replay", &event, "--to", "1/nobody"]);
    assert!(code == 1 && out.contains("[ERROR]"), "{code} {out}");
    let (code, out, _) = run(&["forward", "rm", &url]);
    assert!(code == 0 && out.contains(&receiver.whole()), "{out}");
    assert_eq!(run(&["forward", "list", "--json"]).1, "");
    made.stop().await;
}
