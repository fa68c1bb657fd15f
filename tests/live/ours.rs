//! Versions, holes, refusals of sessions, edits while it runs, and the ends of the commands.

use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tillwatch::engine::api::{
    Answer, Delivery, DiscoverSpec, Edit, Health, LinkView, Request, Source, SyncSpec,
};
use tillwatch::stripe::API_VERSION;

use crate::process::Desk;
use crate::{ID, Rig, all_acknowledged, stripe};

#[tokio::test(flavor = "multi_thread")]
async fn of_both_versions_the_accounts_own_is_logged_and_ours_is_applied() {
    let old = "2020-08-27";
    let made = stripe(|options| {
        options.default_version = old.to_owned();
        options.relay.reset = 600;
    })
    .await;
    let rig = Rig::new(made).await;
    rig.connected().await;
    for _ in 0..20 {
        rig.stripe.run_traffic(2);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    rig.until_whole().await;
    // Two frames an event, and both are answered.
    all_acknowledged(&rig).await;
    let report = rig.stripe.report().relay;
    assert_eq!(report.frames, report.events_sent * 2);
    let mut logged = 0;
    for row in rig.store.arrivals(ID, 0).unwrap().into_iter().filter(|row| row.source == Source::Relay) {
        let event: Value =
            serde_json::from_slice(&rig.store.event_json(ID, &row.id).unwrap().unwrap()).unwrap();
        assert_eq!(event["api_version"], old, "{}", row.id);
        logged += 1;
    }
    assert!(logged > 20, "{logged}");
    assert_ne!(old, API_VERSION);
    // Compared in the shape of our own version.
    rig.records_are_stripes().await;
    rig.end().await;
}

/// Reads of the list of invoices.
fn listed(rig: &Rig) -> u64 {
    let requests = rig.stripe.report().requests;
    requests.iter().filter(|(name, _)| name.ends_with("/v1/invoices")).map(|(_, reads)| reads).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_lists_no_more_is_told_with_its_price_and_waits_for_a_yes() {
    let rig = Rig::new(stripe(|options| options.invoices = 60).await).await;
    rig.connected().await;
    rig.stripe.run_traffic(5);
    rig.until_whole().await;
    let before = listed(&rig);
    // All events that we know of are gone from the list.
    rig.stripe.skip(40 * 86_400);
    rig.stripe.run_traffic(5);
    rig.engine.request(Request::Poll { integration: ID }).await;
    let snapshot = rig.until("word of it", |snapshot| snapshot.integrations[0].hole_at.is_some()).await;
    assert_eq!(snapshot.integrations[0].complete_to, None, "nothing is complete");
    assert_eq!(listed(&rig), before, "nothing is walked before a yes");
    let told = rig.messages();
    assert!(
        told.iter().any(|text| text.contains("full walk") && text.contains("tillwatch discover")),
        "{told:?}"
    );
    let Answer::Started { .. } =
        rig.engine.request(Request::Discover { integration: ID, spec: DiscoverSpec::default() }).await
    else {
        panic!()
    };
    rig.until("the end of discover", |snapshot| {
        snapshot.integrations[0].discover.as_ref().is_some_and(|job| job.finished_at.is_some())
    })
    .await;
    assert!(rig.view().hole_at.is_some(), "half the walk");
    rig.engine.request(Request::Sync { integration: ID, spec: SyncSpec::default() }).await;
    rig.until("whole again", |snapshot| {
        snapshot.integrations[0].hole_at.is_none() && snapshot.integrations[0].complete_to.is_some()
    })
    .await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_refused_say_why() {
    let made = stripe(|options| options.relay.sessions = 0).await;
    let rig = Rig::new(made).await;
    rig.until("too many sessions", |snapshot| {
        matches!(&snapshot.integrations[0].link, LinkView::Waiting { reason, .. } if reason.contains("too many listen sessions"))
    })
    .await;
    // The key expires: that is the integration's trouble, not only the relay's.
    rig.stripe.expire(&rig.stripe.keys.restricted).unwrap();
    rig.until("a refused key", |snapshot| {
        matches!(snapshot.integrations[0].health, Health::KeyRefused { .. })
            && matches!(&snapshot.integrations[0].link, LinkView::Refused { reason, .. } if reason.contains("expired"))
    })
    .await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_is_switched_off_and_on_while_it_runs() {
    let rig = Rig::new(stripe(|_| {}).await).await;
    rig.connected().await;
    let edit = |delivery| Request::Edit {
        integration: ID,
        edit: Edit { delivery: Some(delivery), ..Edit::default() },
    };
    rig.engine.request(edit(Delivery::Poll)).await;
    rig.until("off", |snapshot| snapshot.integrations[0].link == LinkView::Off).await;
    let begun = std::time::Instant::now();
    while rig.stripe.open_sockets() > 0 {
        assert!(begun.elapsed() < crate::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    rig.stripe.run_traffic(5);
    rig.engine.request(edit(Delivery::Relay)).await;
    rig.connected().await;
    // What happened without it is there, too.
    rig.until_whole().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_ends_it_quietly_and_status_tells_of_the_relay() {
    let made = stripe(|_| {}).await;
    let desk = Desk::connected(&made);
    for words in [["listen", "--json"].as_slice(), &["events", "--follow", "--json"]] {
        let mut child = desk.command(words).spawn().unwrap();
        // Read all the time: what came before it was connected would fill the pipe, and it would wait.
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (lines, first) = std::sync::mpsc::channel();
        let gone = Arc::new(AtomicBool::new(false));
        let going = gone.clone();
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while !going.load(Ordering::SeqCst) && out.read_line(&mut line).unwrap() > 0 {
                let _ = lines.send(std::mem::take(&mut line));
            }
        });
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("connected to Stripe's relay") {
            line.clear();
            assert!(talk.read_line(&mut line).unwrap() > 0, "it ended");
        }
        made.run_traffic(3);
        let event: Value = serde_json::from_str(&first.recv_timeout(crate::PATIENCE).unwrap()).unwrap();
        assert_eq!(event["object"], "event");
        gone.store(true, Ordering::SeqCst);
        while !reader.is_finished() {
            made.run_traffic(1);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let begun = std::time::Instant::now();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            assert!(begun.elapsed() < crate::PATIENCE, "it goes on");
            made.run_traffic(1);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(code, Some(0));
        let mut rest = String::new();
        talk.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("panic") && !rest.contains("ipe"), "{rest}");
    }
    let text = |words: &[&str]| {
        let output = desk.command(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let status: Value = serde_json::from_str(&text(&["status", "--json"])).unwrap();
    assert_eq!(status["delivery"]["mode"], "relay");
    assert_eq!(status["delivery"]["link"]["state"], "off", "nothing runs now");
    assert!(status["delivery"]["link"]["heard_at"].is_string(), "{status}");
    assert!(status["delivery"]["complete_to"].is_string());
    let line = text(&["status", "--check"]);
    assert!(
        line.contains("relay heard") && line.contains("complete to") && line.lines().count() == 1,
        "{line}"
    );
    assert!(text(&["integrations", "show", "1"]).contains("relay       last heard"));
    made.stop().await;
}
