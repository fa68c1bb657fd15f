//! The connection in this process: handovers, faults, silence, wrong frames, refusals.

use std::time::Duration;

use tillwatch::engine::api::{LinkView, Source};
use tillwatch::sandbox::{RelayOptions, SecondSocket, SubProtocol};

use crate::{ID, Rig, all_acknowledged, faults, stripe};

/// Lets the account live for a while, in small steps, so that resets fall between them.
async fn live(rig: &Rig, rounds: u64) {
    for _ in 0..rounds {
        rig.stripe.run_traffic(2);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn through(change: impl FnOnce(&mut RelayOptions), words: &[&str]) -> Rig {
    let mut relay = RelayOptions { reset: 1, ..RelayOptions::default() };
    change(&mut relay);
    let made = stripe(|options| options.relay = relay).await;
    let rig = Rig::new(made).await;
    rig.connected().await;
    rig.stripe.set_faults(faults(words));
    live(&rig, 150).await;
    rig.stripe.set_faults(Vec::new());
    rig.until_whole().await;
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_that_overlap_cost_no_read_and_lose_nothing() {
    let rig = through(|_| {}, &[]).await;
    let report = rig.stripe.report();
    assert!(report.relay.opened >= 3, "{:?}", report.relay);
    assert_eq!(report.relay.sessions, 1);
    let rows = rig.store.arrivals(ID, 0).unwrap();
    assert!(rows.iter().filter(|row| row.source == Source::Relay).count() > 100);
    assert!(!rows.iter().any(|row| row.marks.late), "nothing had to be fetched");
    all_acknowledged(&rig).await;
    rig.records_are_stripes().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_comes_through_whatever_the_server_does_with_a_second_socket() {
    for second in [SecondSocket::Replace, SecondSocket::Refuse] {
        let rig = through(|relay| relay.second = second, &[]).await;
        assert!(rig.stripe.report().relay.opened >= 3);
        all_acknowledged(&rig).await;
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drops_duplicates_disorder_and_garbage_lose_nothing_and_add_nothing() {
    let words = [
        "relay-drop=0.01",
        "relay-duplicate=0.05",
        "relay-reorder=0.05",
        "relay-delay=0.02",
        "relay-garbage=0.05",
    ];
    let rig = through(|_| {}, &words).await;
    rig.records_are_stripes().await;
    let told = rig.messages();
    assert!(told.iter().any(|text| text.contains("no event")), "garbage is told: {told:?}");
    assert!(told.iter().filter(|text| text.contains("signature is wrong")).count() <= 1, "once: {told:?}");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_without_a_socket_is_recovered_and_said() {
    let made = stripe(|_| {}).await;
    let rig = Rig::new(made).await;
    rig.connected().await;
    // No handshake is answered well: there is a gap.
    rig.stripe.set_faults(faults(&["relay-html=1"]));
    rig.stripe.cut_sockets();
    rig.until("a wait with its reason", |snapshot| {
        matches!(&snapshot.integrations[0].link, LinkView::Waiting { reason, .. } if reason.contains("page"))
    })
    .await;
    let before = rig.store.counters(ID).arrived;
    rig.stripe.run_traffic(20);
    let made = rig.stripe.events_made().len();
    rig.stripe.set_faults(Vec::new());
    rig.until("word of the gap", |snapshot| {
        snapshot
            .messages
            .iter()
            .any(|one| one.text.contains("recovered") && one.text.contains("nothing is missing"))
    })
    .await;
    assert!(made > 20);
    rig.until_whole().await;
    let rows = rig.store.arrivals(ID, before).unwrap();
    assert!(rows.iter().any(|row| row.source == Source::Poll), "the list had them");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_session_is_made_anew_and_a_missing_sub_protocol_is_no_matter() {
    for protocol in [SubProtocol::Omit, SubProtocol::Always] {
        let made = stripe(|options| options.relay.protocol = protocol).await;
        let rig = Rig::new(made).await;
        rig.connected().await;
        rig.stripe.forget_sessions();
        let begun = std::time::Instant::now();
        while rig.stripe.report().relay.sessions < 2 || rig.stripe.open_sockets() == 0 {
            assert!(begun.elapsed() < crate::PATIENCE, "{:?}", rig.stripe.report().relay);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        rig.stripe.run_traffic(5);
        rig.until_whole().await;
        rig.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_is_told_and_polling_goes_on() {
    let made = stripe(|options| options.deny = vec!["rak_stripecli_session_write".to_owned()]).await;
    let rig = Rig::with(made, |wish| wish.poll_every_s = 1).await;
    let snapshot = rig
        .until("a refusal", |snapshot| matches!(snapshot.integrations[0].link, LinkView::Refused { .. }))
        .await;
    let LinkView::Refused { reason, .. } = &snapshot.integrations[0].link else { panic!() };
    assert!(reason.contains("rak_stripecli_session_write") && reason.contains("polling goes on"), "{reason}");
    rig.stripe.run_traffic(5);
    rig.until_whole().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_on_the_list_is_stored_unless_all_is_asked_for() {
    let made = stripe(|_| {}).await;
    let rig = Rig::with(made, |wish| {
        wish.all_events = false;
        wish.billing = false;
    })
    .await;
    rig.connected().await;
    let before = rig.store.counters(ID).arrived;
    rig.stripe.run_traffic(60);
    rig.until("some events", |snapshot| snapshot.integrations[0].events_kept > before + 5).await;
    for row in rig.store.arrivals(ID, before).unwrap() {
        let kind = row.event_type.split('.').next().unwrap();
        assert!(matches!(kind, "payment_intent" | "charge"), "{}", row.event_type);
        assert_ne!(row.event_type, "payment_intent.created");
    }
    // Off the list or not: all of it was acknowledged, so that Stripe does not send it again.
    all_acknowledged(&rig).await;
    rig.end().await;
}
