//! What happens to a run while it runs: a permission is withdrawn, the key expires, ctrl-c.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tillwatch::sandbox::Options;

use crate::bench::{Bench, Ran, options};
use crate::walk::{assert_invoices, assert_whole};

/// Answers take long enough that a run can be met in its middle.
async fn slow(invoices: u64) -> Bench {
    let bench = Bench::with(Options { latency_ms: 12, ..options(invoices) }).await;
    bench.connect().await;
    bench
}

/// Starts a run, waits until so many requests of an endpoint have come in since, then does something to it.
async fn meanwhile(bench: &Bench, args: &[&str], endpoint: &str, count: u64, act: impl FnOnce(u32)) -> Ran {
    let before = bench.asked(endpoint);
    let child = bench.command(args).spawn().unwrap();
    let pid = child.id().unwrap();
    bench.until(endpoint, |bench| bench.asked(endpoint) >= before + count).await;
    act(pid);
    let output =
        tokio::time::timeout(crate::bench::PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_withdrawn_in_a_sync_leaves_the_rest_done() {
    let bench = slow(800).await;
    let key = bench.stripe.keys.restricted.clone();
    bench.run(&["discover"]).await.ok();
    let deny = |_| bench.stripe.deny(&key, &["rak_payment_intent_read"]).unwrap();
    let ran = meanwhile(&bench, &["sync"], "GET /v1/customers", 1, deny).await.ended(4);
    assert!(ran.err.contains("rak_payment_intent_read"), "{}", ran.err);
    let status = bench.status().await;
    assert_eq!(status["missing_permissions"], json!(["rak_payment_intent_read"]));
    assert_eq!(status["catalog"]["synced"], status["catalog"]["total"]);
    assert_eq!(status["sync"]["status"], "completed");
    assert_invoices(&bench).await;
    assert!(!bench.run(&["records", "invoice_payments", "--json"]).await.ok().out.is_empty());
    // Known to be missing, it is a warning from then on.
    let asked = bench.asked("GET /v1/payment_intents");
    bench.run(&["sync"]).await.ok();
    assert_eq!(bench.asked("GET /v1/payment_intents"), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_invoice_permission_withdrawn_in_a_discover_keeps_what_was_listed() {
    let bench = slow(1600).await;
    let key = bench.stripe.keys.restricted.clone();
    let deny = |_| bench.stripe.deny(&key, &["rak_invoice_read"]).unwrap();
    let ran = meanwhile(&bench, &["discover", "--yes"], "GET /v1/invoices", 5, deny).await.ended(4);
    assert!(ran.err.contains("rak_invoice_read"), "{}", ran.err);
    let status = bench.status().await;
    assert_eq!(status["missing_permissions"], json!(["rak_invoice_read"]));
    let listed = status["catalog"]["total"].as_u64().unwrap();
    assert!(listed > 0 && listed < 1500, "{listed}");
    bench.run(&["discover"]).await.refused(3, &["rak_invoice_read", "integrations check 1"]);
    bench.stripe.allow(&key, &["rak_invoice_read"]).unwrap();
    bench.run(&["integrations", "check", "1"]).await.ok();
    let again = bench.run(&["discover"]).await.ok();
    assert!(again.err.contains("going on"), "{}", again.err);
    bench.run(&["sync"]).await.ok();
    assert_whole(&bench).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_expires_in_a_run_is_replaced_and_nothing_is_lost() {
    let bench = slow(1200).await;
    let keys = bench.stripe.keys.clone();
    let expire = |_| bench.stripe.expire(&keys.restricted).unwrap();
    let ran = meanwhile(&bench, &["discover", "--yes"], "GET /v1/invoices", 5, expire).await.ended(3);
    assert!(ran.err.contains("expired"), "{}", ran.err);
    assert_eq!(bench.status().await["delivery"]["state"], "key_refused");
    let total = bench.stripe.report().total;
    bench.run(&["discover"]).await.refused(3, &["integrations edit 1 --api-key-file"]);
    bench.run(&["sync"]).await.refused(3, &["integrations edit 1 --api-key-file"]);
    assert_eq!(bench.stripe.report().total, total, "a refused key is not tried again and again");
    let file = bench.key(&keys.secret);
    bench.run(&["integrations", "edit", "1", "--api-key-file", &file]).await.ok();
    let on = bench.run(&["discover"]).await.ok();
    assert!(on.err.contains("going on"), "{}", on.err);
    // The same in the middle of a sync.
    let expire = |_| bench.stripe.expire(&keys.secret).unwrap();
    meanwhile(&bench, &["sync"], "GET /v1/invoice_payments", 2, expire).await.ended(3);
    let other = bench.run(&["integrations", "edit", "1", "--api-key-file", &file]).await;
    other.refused(3, &["expired"]);
    revive(&bench, &keys.secret).await;
    bench.run(&["integrations", "edit", "1", "--api-key-file", &file]).await.ok();
    bench.run(&["sync"]).await.ok();
    assert_whole(&bench).await;
}

async fn revive(bench: &Bench, key: &str) {
    let body = json!({ "key": key, "expired": false }).to_string();
    let url = format!("{}/_sandbox/expire", bench.stripe.base_url);
    let answer =
        reqwest::Client::builder().no_proxy().build().unwrap().post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_and_the_next_run_goes_on() {
    let bench = slow(1600).await;
    let interrupt = |pid: u32| kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::INT).unwrap();
    let before = bench.asked("GET /v1/invoices");
    let ran = meanwhile(&bench, &["discover", "--yes"], "GET /v1/invoices", 8, interrupt).await.ended(130);
    assert!(ran.err.contains("run it again"), "{}", ran.err);
    let stopped = bench.status().await;
    assert!(stopped["catalog"]["total"].as_u64().unwrap() > 0);
    let again = bench.run(&["discover"]).await.ok();
    assert!(again.err.contains("going on with job_1"), "{}", again.err);
    let asked = bench.asked("GET /v1/invoices") - before;
    // What was under way when it was stopped is read again, nothing else: 24 at most.
    let undisturbed = slow(1600).await;
    let begun = undisturbed.asked("GET /v1/invoices");
    undisturbed.run(&["discover", "--yes"]).await.ok();
    let whole = undisturbed.asked("GET /v1/invoices") - begun;
    assert!(asked <= whole + 24, "{asked} pages in two parts, {whole} at once");
    assert_eq!(bench.status().await["discover"]["found"], undisturbed.status().await["discover"]["found"]);
    // And a sync.
    let ran = meanwhile(&bench, &["sync"], "GET /v1/invoice_payments", 3, interrupt).await.ended(130);
    assert!(!ran.err.contains("tillwatch: "), "{}", ran.err);
    bench.run(&["sync"]).await.ok();
    assert_whole(&bench).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoices_that_were_listed_after_a_sync_was_stopped_get_their_payments_too() {
    let bench = slow(1200).await;
    let listed = bench.list("/v1/invoices").await;
    let middle = listed[listed.len() / 2]["created"].as_i64().unwrap();
    let day = jiff::Timestamp::from_second(middle).unwrap().to_string()[..10].to_owned();
    bench.run(&["discover", "--from", &day]).await.ok();
    let interrupt = |pid: u32| kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::INT).unwrap();
    meanwhile(&bench, &["sync"], "GET /v1/payment_intents", 2, interrupt).await.ended(130);
    bench.run(&["discover"]).await.ok();
    bench.run(&["sync"]).await.ok();
    assert_whole(&bench).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripe_out_of_reach_is_one_sentence_and_nothing_is_lost() {
    let bench = Bench::connected(300).await;
    // A port that nothing listens on: it was free a moment ago, and is closed again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let base = format!("http://127.0.0.1:{port}");
    bench.run(&["--api-base", &base, "discover", "--plan"]).await.refused(1, &["No connection to 127.0.0.1"]);
    let key = bench.key(&bench.stripe.keys.live_restricted);
    let connect = ["--api-base", base.as_str(), "connect", "--api-key-file", &key];
    bench.run(&connect).await.refused(1, &["No connection to 127.0.0.1"]);
    bench.run(&["discover"]).await.ok();
    bench.run(&["sync"]).await.ok();
    assert_whole(&bench).await;
}
