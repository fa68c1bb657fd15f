//! What is not as it should be: told when it is so, never when it is not, and set right by whoever comes next.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use tillwatch::clock;
use tillwatch::engine::api::{Answer, EndpointAction, EndpointState, Request, Source};
use tillwatch::sandbox::Running;

use crate::between::{Between, Keeps};
use crate::process::{Shell, listen};
use crate::{Desk, ID, PATIENCE, at_stripe, endpoints, foreign, post, stripe};

const FAR: [&str; 2] = ["--public-url", "http://127.0.0.1:9"];
const MAKES: &str = "POST /v1/webhook_endpoints HTTP";

/// A poll that began after this was called.
async fn polled(desk: &Desk, source: impl Fn() -> bool) {
    let begun = Instant::now();
    assert_eq!(desk.engine.request(Request::Poll { integration: ID }).await, Answer::Done);
    while !source() {
        assert!(begun.elapsed() < PATIENCE, "never polled: {:?}", desk.view());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    desk.until("the poll's end", |snapshot| !snapshot.integrations[0].poll.running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_asked_the_endpoint_for_is_not_missed_and_one_that_was_is() {
    let stripe = stripe().await;
    let ahead = Arc::new(AtomicI64::new(0));
    let (clock, ahead_too) = (clock::system(), ahead.clone());
    let now: clock::Now = Arc::new(move || clock() + ahead_too.load(Ordering::SeqCst));
    let desk = Desk::at(Arc::new(tempfile::tempdir().unwrap()), &stripe.base_url, now).await;
    desk.connected(&stripe).await;
    let of_polls = |desk: &Desk, before: u64| {
        let rows = desk.store().arrivals(ID, before).unwrap();
        rows.into_iter().filter(|row| row.source == Source::Poll).collect::<Vec<_>>()
    };
    // Dated after the door was opened.
    stripe.skip(2);
    let before = desk.store().counters(ID).arrived;
    stripe.run_traffic(30);
    desk.until_whole(&stripe).await;
    // Two minutes later nothing is on its way any more; what is listed and was not asked for is found by a poll.
    ahead.store(120, Ordering::SeqCst);
    polled(&desk, || !of_polls(&desk, before).is_empty()).await;
    let found = of_polls(&desk, before);
    assert!(found.iter().any(|row| row.event_type == "charge.succeeded"), "{found:?}");
    assert!(found.iter().all(|row| !row.marks.late), "nobody asked for them: {found:?}");
    let view = desk.view().endpoint.unwrap();
    assert_eq!((view.missed_at, view.problem(1)), (None, None));
    // What was asked for goes to nowhere: that is missed.
    let id = endpoints(&stripe).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/webhook_endpoints/{id}");
    post(&stripe, &path, "url=http%3A%2F%2F127.0.0.1%3A9%2Fnowhere").await;
    let before = desk.store().counters(ID).arrived;
    stripe.run_traffic(5);
    ahead.store(240, Ordering::SeqCst);
    polled(&desk, || !of_polls(&desk, before).is_empty()).await;
    assert!(desk.view().endpoint.unwrap().missed_at.is_some(), "{:?}", desk.view());
    assert!(of_polls(&desk, before).iter().any(|row| row.marks.late));
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_somebody_changed_at_stripe_is_told_and_set_right() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let ours = endpoints(&stripe).await[0].clone();
    let path = format!("/v1/webhook_endpoints/{}", ours["id"].as_str().unwrap());
    post(&stripe, &path, "url=https%3A%2F%2Felsewhere.example%2Fhook").await;
    let ask = |action| desk.engine.request(Request::Endpoint { integration: ID, action });
    assert_eq!(ask(EndpointAction::Look).await, Answer::Done);
    let view = desk.view().endpoint.unwrap();
    let problem = view.problem(1).unwrap_or_default();
    assert!(problem.contains("elsewhere.example") && problem.contains("check 1 --enable"), "{view:?}");
    assert_eq!(ask(EndpointAction::Enable).await, Answer::Done);
    assert_eq!(endpoints(&stripe).await[0]["url"], ours["url"]);
    desk.until("no problem", |snapshot| {
        snapshot.integrations[0].endpoint.as_ref().is_some_and(|one| one.problem(1).is_none())
    })
    .await;
    desk.end().await;
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_cannot_be_read_at_the_start_is_tried_again() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let made = endpoints(&stripe).await;
    let (key, away) = (desk.dir.path().join("keys/vault.key"), desk.dir.path().join("away"));
    let base = stripe.base_url.clone();
    let Desk { engine, receiver, dir, .. } = desk;
    receiver.stop().await;
    engine.shutdown().await;
    drop(engine);
    std::fs::rename(&key, &away).unwrap();
    let desk = Desk::on(dir, &base).await;
    desk.until("word of it", |snapshot| {
        snapshot.integrations[0].endpoint.as_ref().is_some_and(|one| one.trouble.is_some())
    })
    .await;
    assert!(desk.engine.door(crate::token(&desk.view())).is_none());
    // Unlocked: nobody has to do anything more.
    std::fs::rename(&away, &key).unwrap();
    desk.open().await;
    assert_eq!(desk.view().endpoint.unwrap().trouble, None);
    let told = desk.messages().iter().filter(|text| text.contains("cannot be read")).count();
    assert_eq!(told, 1, "{:?}", desk.messages());
    stripe.run_traffic(5);
    desk.until_whole(&stripe).await;
    assert_eq!(endpoints(&stripe).await, made, "no new one was needed");
    desk.end().await;
    stripe.stop().await;
}

/// Runs a command until what it asks of Stripe is kept, and kills it there (SIGKILL).
async fn killed(shell: &Shell, stripe: &Running, keeps: Keeps, words: &[&str]) {
    let mut between = Between::start(&stripe.base_url, keeps, MAKES).await;
    let mut child = shell.command(words).env("TILLWATCH_API_BASE", &between.base).spawn().unwrap();
    between.has_kept().await;
    child.kill().unwrap();
    child.wait().unwrap();
}

async fn connected(shell: &Shell, more: &[&str]) {
    shell.ok(&[&["connect", "--api-key-file", "key"], more].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_made_when_the_process_was_killed_is_removed_with_the_account() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    connected(&shell, &["--webhook", "off"]).await;
    let edit = [&["integrations", "edit", "1", "--webhook", "endpoint"], &FAR[..]].concat();
    killed(&shell, &stripe, Keeps::Answer, &edit).await;
    assert_eq!(endpoints(&stripe).await.len(), 1, "made, and nobody knows its name");
    // Who only reads says so instead of leaving it behind.
    let output = shell.run(&["--read-only", "disconnect", "1"]).await;
    assert_eq!(output.status.code(), Some(2));
    shell.ok(&["disconnect", "1"]).await;
    assert!(endpoints(&stripe).await.is_empty());
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_made_when_the_process_was_killed_is_put_right_by_the_next_process() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    connected(&shell, &["--webhook", "off"]).await;
    let edit = [&["integrations", "edit", "1", "--webhook", "endpoint"], &FAR[..]].concat();
    killed(&shell, &stripe, Keeps::Answer, &edit).await;
    let orphan = endpoints(&stripe).await[0]["id"].clone();
    let mut listening = tokio::task::block_in_place(|| listen(&shell));
    // Its secret is lost: another has taken its place.
    let all = at_stripe(&stripe, "a new one alone", |all| all.len() == 1 && all[0]["id"] != orphan).await;
    let begun = Instant::now();
    let shown = loop {
        let shown = shell.json(&["integrations", "show", "1"]).await["endpoint"].clone();
        if shown["id"] == all[0]["id"] {
            break shown;
        }
        assert!(begun.elapsed() < PATIENCE, "{shown}");
    };
    listening.child.kill().unwrap();
    listening.child.wait().unwrap();
    assert_eq!(shown["state"]["state"], "enabled");
    assert_eq!(endpoints(&stripe).await.len(), 1);
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_for_two_the_old_one_is_known_to_be_gone() {
    let stripe = stripe().await;
    for n in 0..15 {
        foreign(&stripe, &format!("host{n}.example"), "").await;
    }
    let shell = Shell::new(&stripe);
    connected(&shell, &[&["--webhook", "endpoint"], &FAR[..]].concat()).await;
    killed(&shell, &stripe, Keeps::Request, &["integrations", "edit", "1", "--rotate"]).await;
    assert_eq!(endpoints(&stripe).await.len(), 15, "the old one is gone and the new one was never made");
    let shown = shell.json(&["integrations", "show", "1"]).await["endpoint"].clone();
    assert!(shown["id"].is_null() && shown["state"]["state"] == "gone", "{shown}");
    assert!(shown["problem"].as_str().unwrap().contains("check 1 --enable"), "{shown}");
    let made = shell.json(&["integrations", "check", "1", "--enable"]).await;
    assert_eq!(made["endpoint"]["done"], "created", "{made}");
    assert_eq!(endpoints(&stripe).await.len(), 16);
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_reads_changes_nothing_here_either() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    connected(&shell, &[&["--webhook", "endpoint"], &FAR[..]].concat()).await;
    let before = endpoints(&stripe).await;
    for words in [&["integrations", "edit", "1", "--webhook", "off"][..], &["disconnect", "1"]] {
        let output = shell.run(&[&["--read-only"], words].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
        assert!(said.contains("--read-only"), "{said}");
        assert_eq!(endpoints(&stripe).await, before, "{words:?}");
        let shown = shell.json(&["integrations", "show", "1"]).await;
        assert_eq!((&shown["delivery"], &shown["off_since"]), (&"endpoint".into(), &serde_json::Value::Null));
    }
    // Nor does one that connects an account whose endpoint is still to be removed.
    stripe.set_faults(crate::faults(&["reset=1"]));
    assert_eq!(shell.run(&["disconnect", "1"]).await.status.code(), Some(4));
    stripe.set_faults(Vec::new());
    let words = ["--read-only", "connect", "--webhook", "off", "--api-key-file", "key"];
    assert_eq!(shell.run(&words).await.status.code(), Some(2));
    assert_eq!(endpoints(&stripe).await, before);
    let state = shell.json(&["integrations", "show", "1"]).await["state"].clone();
    assert_eq!(state["state"], "disconnecting", "{state}");
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_did_not_answer_is_made_as_soon_as_it_does() {
    let stripe = stripe().await;
    let desk = Desk::new(&stripe).await;
    desk.connected(&stripe).await;
    let url = format!("{}/moved", desk.public_url());
    stripe.set_faults(crate::faults(&["reset=1"]));
    let edit = tillwatch::engine::api::Edit { public_url: Some(url.clone()), ..Default::default() };
    assert_eq!(desk.engine.request(Request::Edit { integration: ID, edit }).await, Answer::Done);
    let view = desk.view().endpoint.unwrap();
    assert!(view.problem(1).unwrap_or_default().contains("not as it should be"), "{view:?}");
    assert_eq!(view.state, EndpointState::Enabled, "it is there, and delivers to where it did");
    stripe.set_faults(Vec::new());
    let so = |one: &serde_json::Value| one["url"].as_str().unwrap().starts_with(&url);
    at_stripe(&stripe, "the new address", |all| all.len() == 1 && so(&all[0])).await;
    desk.until("no problem", |snapshot| {
        snapshot.integrations[0].endpoint.as_ref().is_some_and(|one| one.problem(1).is_none())
    })
    .await;
    desk.end().await;
    stripe.stop().await;
}
