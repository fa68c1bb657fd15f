//! `disconnect`: the key goes at once, the records only when asked to, and then for good.

use serde_json::json;

use crate::bench::{Bench, id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_wiped_and_the_records_stay_for_the_next_connect() {
    let bench = Bench::synced(300).await;
    let vault: Vec<_> = bench.found_in_files("data", b"integration/00000001/api_key");
    let invoice = bench.list("/v1/invoices?status=paid").await[0].clone();
    let reads_before = bench.asked("GET /v1/invoices");
    let before = bench.status().await["catalog"].clone();
    let said = bench.run(&["disconnect", "1"]).await.ok().out;
    for word in ["is disconnected", "wiped", "records", "stay", "https://dashboard.stripe.com/test/apikeys"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    for file in vault {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(
            !crate::bench::holds(&bytes, b"integration/00000001/api_key") || file.ends_with("db"),
            "{}",
            file.display()
        );
    }
    assert_eq!(bench.run(&["get", id(&invoice)]).await.ok().json(), invoice);
    assert_eq!(bench.json(&["integrations", "show", "1"]).await["key"], json!(null));
    assert_eq!(bench.status().await["delivery"]["state"], "off");
    bench.run(&["disconnect", "1"]).await.refused(2, &["disconnected already", "--purge"]);
    for args in [&["discover"][..], &["sync"], &["integrations", "check", "1"]] {
        bench.run(args).await.refused(3, &["is disconnected", "tillwatch connect"]);
    }
    assert_eq!(bench.asked("GET /v1/invoices"), reads_before);
    bench.connect().await;
    let one = bench.json(&["integrations", "show", "1"]).await;
    assert_eq!((&one["id"], &one["state"]["state"]), (&json!(1), &one["state"]["state"]));
    assert_eq!(bench.status().await["catalog"], before);
    // All is there: a sync reads nothing of what it has.
    let reads = bench.asked("GET /v1/customers");
    bench.run(&["sync"]).await.ok();
    assert_eq!(bench.asked("GET /v1/customers"), reads);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_leaves_no_byte_of_a_record() {
    let bench = Bench::synced(300).await;
    bench.try_connect(&bench.stripe.keys.live_restricted.clone(), &["--name", "Live"]).await.ok();
    let invoice = bench.list("/v1/invoices?status=paid").await[0].clone();
    let email = bench
        .list("/v1/customers")
        .await
        .iter()
        .find_map(|one| one["email"].as_str().map(str::to_owned))
        .unwrap();
    let customer =
        bench.list("/v1/customers").await.into_iter().find(|one| one["email"] == email.as_str()).unwrap();
    bench.run(&["get", id(&customer), "-i", "1"]).await.ok();
    assert!(!bench.found_in_files("data", email.as_bytes()).is_empty(), "the test looks for the wrong bytes");
    bench.run(&["disconnect", "1", "--purge"]).await.refused(2, &["--yes"]);
    bench.run(&["get", id(&invoice)]).await.ok();
    let gone = bench.json(&["disconnect", "1", "--purge", "--yes"]).await;
    assert_eq!(
        (&gone["purged"], &gone["records_kept"], &gone["key_wiped"]),
        (&json!(true), &json!(0), &json!(true))
    );
    assert!(gone["keys_removed"].as_u64().unwrap() > 300);
    bench.run(&["get", id(&invoice)]).await.refused(1, &["not stored here"]);
    for bytes in [email.as_str(), id(&invoice), id(&customer)] {
        assert_eq!(
            bench.found_in_files("data", bytes.as_bytes()),
            Vec::<std::path::PathBuf>::new(),
            "{bytes}"
        );
    }
    // The other account is untouched, and numbers are not given twice.
    let left = bench.run(&["integrations", "--json"]).await.ok().objects();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["name"], "Live");
    bench.run(&["integrations", "check", "Live"]).await.ok();
    bench.connect().await;
    let all = bench.run(&["integrations", "--json"]).await.ok().objects();
    assert_eq!(all[1]["id"], 3);
    bench.run(&["disconnect", "nobody"]).await.refused(2, &["`nobody`"]);
}
