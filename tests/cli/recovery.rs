//! `recovery`: cases from the stored events, offline.

use std::collections::BTreeSet;

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_payments_are_told_from_what_is_stored() {
    let bench = Bench::synced(300).await;
    let events = bench.run(&["events", "--json"]).await.ok().objects();
    let failed: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["type"] == "invoice.payment_failed")
        .map(|event| event["data"]["object"]["id"].as_str().unwrap())
        .collect();
    let all = bench.run(&["recovery", "--all", "--json"]).await.ok().json();
    let cases = all["cases"].as_array().unwrap();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert!(!failed.is_empty() && failed.is_subset(&ids), "{failed:?} {ids:?}");
    assert_eq!(all["matching"], cases.len());
    let open: Vec<_> = cases.iter().filter(|case| case["state"]["state"] == "active").collect();
    let told = bench.run(&["recovery", "--json"]).await.ok().json();
    assert_eq!(told["cases"].as_array().unwrap().len(), open.len());
    // One line a case, a heading, and one line a currency; the sums are never one.
    let table = bench.run(&["recovery", "--all"]).await.ok();
    let currencies = all["totals"].as_array().unwrap().len();
    assert_eq!(table.out.lines().count(), 1 + cases.len() + currencies, "{}", table.out);
    assert!(table.err.contains("failed payments"), "{}", table.err);
    let one = bench.run(&["recovery", "--all", "--limit", "1"]).await.ok();
    assert_eq!(one.out.lines().count(), 2 + currencies);
    assert!(one.err.contains("--limit"), "{}", one.err);
    let found = bench.run(&["recovery", "--all", "--json", "--find", cases[0]["id"].as_str().unwrap()]).await;
    assert_eq!(found.ok().json()["matching"], 1);
    bench.run(&["recovery", "-i", "nobody"]).await.refused(2, &["nobody"]);
    bench.run(&["recovery", "--order", "mood"]).await.usage(&["mood"]);
    // A broken table of codes is told with its line, and the built-in one is used.
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    std::fs::write(&config, "").unwrap();
    std::fs::write(dir.path().join("declines.toml"), "[code.do_not_honor]\nclas = \"hard\"\n").unwrap();
    let config = config.to_str().unwrap();
    let broken = bench.run(&["recovery", "--all", "--json", "--config", config]).await.ok();
    assert!(broken.err.contains("declines.toml line 2: "), "{}", broken.err);
    assert_eq!(broken.json(), all);
}
