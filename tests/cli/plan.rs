//! `--plan` and the question before a costly run: told, near the truth, and nothing done.

use serde_json::Value;

use crate::bench::{Bench, options};

/// Reads that a job sends: all but what polling asks for.
fn job_reads(bench: &Bench) -> u64 {
    let report = bench.stripe.report();
    report.requests.iter().filter(|(name, _)| !name.ends_with("/v1/events")).map(|(_, count)| count).sum()
}

/// The status but for the count of reads: looking costs some, and they are counted.
async fn state(bench: &Bench) -> Value {
    let mut status = bench.status().await;
    status["reads"] = Value::Null;
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_do_nothing_and_are_near_the_truth() {
    let bench = Bench::connected(5000).await;
    let before = state(&bench).await;
    let plan = bench.json(&["discover", "--plan"]).await;
    let said = bench.run(&["discover", "--plan"]).await.ok().out;
    assert!(said.contains("nothing was done") && said.contains("list pages"), "{said}");
    assert_eq!(state(&bench).await, before);
    let planned = plan["plan"]["reads"].as_f64().unwrap();
    let start = bench.asked("GET /v1/invoices");
    let discovered = bench.run(&["discover", "--yes"]).await.ok().out;
    let real = (bench.asked("GET /v1/invoices") - start) as f64;
    assert!((real - planned).abs() <= 0.3 * real, "{planned} planned, {real} read");
    let rows = plan["plan"]["rows"].as_f64().unwrap();
    assert!((rows - 5000.0).abs() < 1500.0, "{rows} rows");

    let before = state(&bench).await;
    let asked = bench.stripe.report().total;
    let plan = bench.json(&["sync", "--plan"]).await;
    let table = bench.run(&["sync", "--plan"]).await.ok().out;
    assert!(table.contains("invoice_payments") && table.contains("nothing was done"), "{table}");
    assert_eq!(bench.stripe.report().total, asked, "a sync plan asks nobody");
    assert_eq!(state(&bench).await, before);
    let planned = plan["plan"]["reads"].as_f64().unwrap();
    let start = job_reads(&bench);
    bench.run(&["sync", "--yes"]).await.ok();
    let real = (job_reads(&bench) - start) as f64;
    assert!(planned >= real * 0.8 && planned <= real * 1.5, "{planned} planned, {real} read");
    // What the dashboard says from its counters alone is the same reckoning.
    let (_, guessed) = discovered.split_once("stores them, about ").unwrap();
    let guessed: f64 = guessed.split_once(" reads").unwrap().0.parse().unwrap();
    assert!((guessed - planned).abs() <= 0.1 * planned, "{guessed} guessed, {planned} planned");
    assert_eq!(bench.json(&["sync", "--plan"]).await["plan"]["reads"], 0, "all is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_costly_run_needs_a_yes() {
    let bench = Bench::with(options(200_000)).await;
    bench.connect().await;
    let before = state(&bench).await;
    let words = ["this takes about", "% of the 10 000", "--yes", "--max-reads"];
    bench.run(&["discover"]).await.refused(2, &words);
    assert_eq!(state(&bench).await, before);
    assert_eq!(before["discover"]["job_id"], Value::Null);
    // Little of it is little.
    bench.run(&["discover", "--max-reads", "3"]).await.ended(4);
    assert!(bench.status().await["catalog"]["total"].as_u64().unwrap() >= 200);
}
