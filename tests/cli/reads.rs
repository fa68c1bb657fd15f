//! `--max-reads`: a run stops there, and taken up again it reads no page twice.

use crate::bench::{Bench, options};
use crate::walk::assert_whole;

fn reads(bench: &Bench) -> u64 {
    let report = bench.stripe.report();
    report.requests.iter().filter(|(name, _)| !name.ends_with("/v1/events")).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_in_parts_reads_no_page_twice() {
    let bench = Bench::with(options(2000)).await;
    bench.connect().await;
    let start = bench.asked("GET /v1/invoices");
    let most = 7;
    let mut parts = 0;
    loop {
        let before = reads(&bench);
        let ran = bench.run(&["discover", "--max-reads", "7"]).await;
        assert!(reads(&bench) - before <= most, "{} reads", reads(&bench) - before);
        if ran.code == Some(0) {
            break;
        }
        let ran = ran.ended(4);
        assert!(ran.err.contains("--max-reads") && ran.err.contains("run it again"), "{}", ran.err);
        assert_eq!(bench.status().await["discover"]["status"], "cancelled");
        bench.run(&["status", "--check"]).await.ended(4);
        parts += 1;
        assert!(parts < 20, "it does not get further");
    }
    assert!(parts >= 2, "{parts}");
    let status = bench.status().await;
    let pages = bench.asked("GET /v1/invoices") - start;
    assert_eq!(status["discover"]["pages"], pages, "pages were read twice");
    assert!(pages <= 20 + 14, "{pages}");

    let mut parts = 0;
    loop {
        let before = reads(&bench);
        let ran = bench.run(&["sync", "--max-reads", "20"]).await;
        // An invoice whose lines take two pages is not left in its middle.
        assert!(reads(&bench) - before <= 24, "{} reads", reads(&bench) - before);
        if ran.code == Some(0) {
            break;
        }
        ran.ended(4);
        parts += 1;
        assert!(parts < 40, "it does not get further");
    }
    assert!(parts >= 2, "{parts}");
    assert_whole(&bench).await;
    let whole = Bench::with(options(2000)).await;
    whole.connect().await;
    whole.run(&["discover"]).await.ok();
    let before = reads(&whole);
    whole.run(&["sync"]).await.ok();
    let at_once = reads(&whole) - before;
    let of_parts = bench.status().await["sync"]["job_id"].clone();
    assert_eq!(of_parts, "job_2", "every part is the same job");
    assert!(at_once > 40, "{at_once}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_takes_so_many_invoices_and_no_more() {
    let bench = Bench::connected(300).await;
    bench.run(&["discover"]).await.ok();
    let total = bench.status().await["catalog"]["total"].as_u64().unwrap();
    bench.run(&["sync", "--batch-size", "40"]).await.ok();
    let status = bench.status().await;
    assert_eq!(
        (status["catalog"]["synced"].as_u64(), status["sync"]["remaining"].as_u64()),
        (Some(40), Some(total - 40))
    );
    bench.run(&["sync", "--batch-size", "10", "--delay", "0.001"]).await.ok();
    assert_eq!(bench.status().await["catalog"]["synced"], 50);
    bench.run(&["sync", "--batch-size", "100000"]).await.ok();
    assert_eq!(bench.status().await["catalog"]["synced"], total);
    assert_whole(&bench).await;
}
