//! `--read-only` of whoever attaches holds at the holder, which may write for others.

use serde_json::Value;

use crate::bench::Bench;
use crate::service::Service;
use crate::{attached, dashboard};

/// With a webhook endpoint of ours at Stripe.
async fn with_endpoint() -> Bench {
    let bench = Bench::new(50).await;
    let key = bench.stripe.keys.restricted.clone();
    bench
        .try_connect(&key, &["--webhook", "endpoint", "--public-url", "https://till.example.com"])
        .await
        .ok();
    assert_eq!(endpoints(&bench).await.len(), 1);
    bench
}

async fn endpoints(bench: &Bench) -> Vec<Value> {
    bench.list("/v1/webhook_endpoints").await
}

/// Requests so far that are no reading.
fn writes(bench: &Bench) -> u64 {
    let report = bench.stripe.report();
    report.requests.iter().filter(|(what, _)| !what.starts_with("GET ")).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_may_only_read_has_nothing_written_for_it() {
    let bench = with_endpoint().await;
    let kept = (endpoints(&bench).await, writes(&bench), bench.json(&["integrations", "show", "1"]).await);
    let key = bench.key(&bench.stripe.keys.secret);
    let commands: [&[&str]; 7] = [
        &["disconnect", "1"],
        &["integrations", "edit", "1", "--webhook", "off"],
        &["integrations", "edit", "1", "--webhook", "relay"],
        &["integrations", "edit", "1", "--billing", "off"],
        &["integrations", "edit", "1", "--rotate"],
        &["integrations", "edit", "1", "--public-url", "https://other.example.com"],
        &["integrations", "check", "1", "--enable"],
    ];
    let refused = async || {
        let mut all = Vec::new();
        for args in commands {
            all.push(bench.run(&[args, &["--read-only"]].concat()).await.refused(2, &["--read-only"]).err);
        }
        let shown = bench.json(&["integrations", "show", "1"]).await;
        let without = |mut value: Value| {
            value["checked_at"] = Value::Null;
            value
        };
        assert_eq!((endpoints(&bench).await, writes(&bench)), (kept.0.clone(), kept.1));
        assert_eq!(without(shown), without(kept.2.clone()));
        all
    };
    let alone = refused().await;
    let service = Service::start(&bench).await;
    assert_eq!(refused().await, alone, "the same sentences");
    // What is no writing there is done.
    bench.run(&["--read-only", "integrations", "edit", "1", "--name", "Renamed"]).await.ok();
    bench.run(&["--read-only", "integrations", "edit", "1", "--api-key-file", &key]).await.ok();
    bench.run(&["--read-only", "discover"]).await.ok();
    bench.run(&["--read-only", "sync"]).await.ok();
    assert_eq!(writes(&bench), kept.1);
    // And the flag was the caller's alone.
    bench.run(&["disconnect", "1"]).await.ok();
    assert!(endpoints(&bench).await.is_empty());
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_relay_is_begun_for_a_command_that_may_only_read() {
    let bench = Bench::connected(20).await;
    let service = Service::start(&bench).await;
    let before = writes(&bench);
    let edit = ["integrations", "edit", "1", "--webhook", "relay"];
    bench.run(&[&edit[..], &["--read-only"]].concat()).await.refused(2, &["--read-only", "relay session"]);
    assert_eq!(bench.status().await["delivery"]["mode"], "poll");
    bench.run(&edit).await.ok();
    bench.until("a relay session", |bench| writes(bench) > before).await;
    // As it is already: nothing begins.
    bench.run(&["--read-only", "integrations", "edit", "1", "--name", "Renamed"]).await.ok();
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_that_may_only_read_says_so_and_has_nothing_written_for_it() {
    let bench = with_endpoint().await;
    let service = Service::start(&bench).await;
    let (kept, before) = (endpoints(&bench).await, writes(&bench));
    let mut pty = attached(&bench, &["--read-only"]);
    pty.until("whose it is", |text| text.contains("READ-ONLY") && text.contains("Sandbox Supplies"));
    let mut other = dashboard(&bench);
    other.keys("11");
    let text = other.until_text("What the key may read");
    assert!(!text.contains("READ-ONLY"), "{text}");
    pty.keys("11");
    pty.until_text("What the key may read");
    pty.keys("D");
    pty.until_text("The webhook endpoint that tillwatch made is removed");
    pty.keys("\t");
    pty.until_text("Enter do it");
    pty.keys("\r");
    pty.until_text("read-only: the webhook endpoint of Sandbox Supplies would have to be removed");
    assert_eq!((endpoints(&bench).await, writes(&bench)), (kept, before));
    pty.keys("\x03");
    pty.end_cleanly();
    other.keys("q");
    other.end_cleanly();
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_relay_is_begun_for_a_screen_that_may_only_read() {
    let bench = Bench::new(20).await;
    let service = Service::start(&bench).await;
    let mut pty = attached(&bench, &["--read-only", "--api-base", &bench.stripe.base_url]);
    pty.until_text("c connects one");
    pty.keys("c");
    pty.until_text("Connect an account");
    pty.key_to_last_step(&bench.stripe.keys.restricted);
    pty.keys("kl");
    pty.until_text("● relay");
    pty.keys("\r");
    pty.until_text("read-only: asking for a relay session would write at Stripe; choose polling");
    assert_eq!(writes(&bench), 0);
    // Polling is no writing.
    pty.keys("h");
    pty.until_text("● poll");
    pty.keys("\r");
    pty.until_text("Sandbox Supplies is connected");
    assert_eq!(writes(&bench), 0);
    pty.keys("q");
    pty.end_cleanly();
    service.end().await;
}
