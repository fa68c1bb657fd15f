//! `integrations`: list, show, edit, check; and an integration that keeps payments only.

use serde_json::json;

use crate::bench::{Bench, id, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_integration_is_listed_shown_edited_and_checked() {
    let bench = Bench::new(300).await;
    assert!(bench.run(&["integrations"]).await.ok().err.contains("tillwatch connect"));
    assert!(!bench.data().exists(), "listing made a folder");
    bench.run(&["integrations", "show", "1"]).await.refused(3, &["tillwatch connect"]);
    bench.connect().await;
    bench.run(&["integrations", "edit", "1"]).await.refused(2, &["nothing to change", "--name"]);
    let edits =
        ["integrations", "edit", "1", "--name", "Corner shop", "--poll", "2h", "--description", "The till"];
    bench.run(&edits).await.ok();
    let shown = bench.run(&["integrations", "show", "corner SHOP"]).await.ok().out;
    for word in
        ["Corner shop", "The till", "2h", "Europe/Berlin", "connected", "rk_test_…", "invoices, customers"]
    {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let one = bench.json(&["integrations", "show", "1"]).await;
    assert_eq!((&one["poll_every_s"], &one["billing"]), (&json!(7200), &json!(true)));
    bench.run(&["integrations", "edit", "1", "--poll", "5y"]).await.usage(&["no duration"]);
    bench.run(&["integrations", "edit", "1", "--billing", "perhaps"]).await.usage(&["on", "off"]);
    bench.run(&["integrations", "show", "9"]).await.refused(2, &["`9`", "Corner shop TEST"]);
    assert!(bench.run(&["integrations", "check", "1"]).await.ok().out.contains("invoice payments"));
    bench.stripe.expire(&bench.stripe.keys.restricted).unwrap();
    bench.run(&["integrations", "check", "1"]).await.refused(3, &["expired", "integrations edit 1"]);
    assert_eq!(bench.status().await["delivery"]["state"], "key_refused");
    bench.run(&["status", "--check"]).await.ended(3);
    bench.run(&["discover"]).await.refused(3, &["expired", "integrations edit 1 --api-key-file"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_account_or_mode_is_refused_and_the_old_one_stays() {
    let bench = Bench::connected(300).await;
    let other = Bench::with(tillwatch::sandbox::Options { seed: 2, ..options(300) }).await;
    assert_ne!(other.stripe.account, bench.stripe.account);
    let before = bench.run(&["integrations", "--json"]).await.ok().out;
    let live = bench.key(&bench.stripe.keys.live_restricted);
    let edit = |file: &str| {
        vec!["integrations".to_owned(), "edit".into(), "1".into(), "--api-key-file".into(), file.into()]
    };
    let run = |args: Vec<String>| {
        let bench = &bench;
        async move { bench.run(&args.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    run(edit(&live)).await.refused(2, &["LIVE", "TEST", "tillwatch connect"]);
    let mut foreign = edit(&bench.key(&other.stripe.keys.restricted));
    foreign.extend(["--api-base".to_owned(), other.stripe.base_url.clone()]);
    run(foreign).await.refused(2, &[&other.stripe.account, &bench.stripe.account]);
    let unknown = edit(&bench.file("unknown", "rk_test_51MadeUpForThisTest0123456789"));
    run(unknown).await.refused(3, &["does not know"]);
    assert_eq!(bench.run(&["integrations", "--json"]).await.ok().out, before);
    bench.run(&["integrations", "check", "1"]).await.ok();
    // A key that may do less: taken, and what it lost is listed.
    bench.stripe.deny(&bench.stripe.keys.secret, &["rak_charge_read"]).unwrap();
    let said = run(edit(&bench.key(&bench.stripe.keys.secret))).await.ok().out;
    assert!(said.contains("may no longer read") && said.contains("rak_charge_read"), "{said}");
    assert_eq!(bench.status().await["missing_permissions"], json!(["rak_charge_read"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_billing_payments_are_kept_and_billing_can_be_turned_on() {
    let bench = Bench::new(400).await;
    let key = bench.stripe.keys.restricted.clone();
    bench.try_connect(&key, &["--billing=off"]).await.ok();
    for args in [&["discover"][..], &["discover", "--plan"]] {
        let ran = bench.run(args).await;
        ran.refused(2, &["without billing", "tillwatch sync", "--billing on"]);
    }
    assert_eq!(bench.asked("GET /v1/invoices"), 0);
    bench.run(&["sync"]).await.ok();
    for kind in ["payment_intents", "charges"] {
        let stored = bench.run(&["records", kind, "--json", "--sort", "id"]).await.ok().objects();
        let mut served = bench.list(&format!("/v1/{kind}")).await;
        served.sort_by(|a, b| id(a).cmp(id(b)));
        if kind == "charges" {
            // The latest charge of each payment; earlier tries are not asked for.
            assert!(!stored.is_empty() && stored.iter().all(|one| served.contains(one)));
        } else {
            assert_eq!(stored, served);
        }
    }
    let status = bench.status().await;
    assert_eq!(status["catalog"]["total"], 0);
    assert_eq!(status["sync"]["total_synced"], bench.list("/v1/payment_intents").await.len());
    let said = bench.run(&["integrations", "edit", "1", "--billing", "on"]).await.ok().out;
    assert!(said.contains("tillwatch discover"), "{said}");
    bench.run(&["discover"]).await.ok();
    bench.run(&["sync"]).await.ok();
    crate::walk::assert_invoices(&bench).await;
}
