//! The main walk: connect, discover, sync, and everything that is printed equals what Stripe serves.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tillwatch::sandbox::Fault;

use crate::bench::{Bench, id, options};

/// Invoices as Stripe serves them, with all of their lines.
async fn served(bench: &Bench) -> Vec<Value> {
    let listed = bench.list("/v1/invoices").await;
    let ids: Vec<&str> = listed.iter().filter(|one| one["status"] != "draft").map(id).collect();
    let mut invoices = bench.ask_all(ids.iter().map(|id| format!("/v1/invoices/{id}"))).await;
    for invoice in &mut invoices {
        if invoice["lines"]["has_more"] == true {
            let lines = bench.list(&format!("/v1/invoices/{}/lines", id(invoice))).await;
            assert!(lines.len() > 10);
            invoice["lines"]["data"] = Value::Array(lines);
            invoice["lines"]["has_more"] = json!(false);
        }
    }
    invoices
}

/// Every invoice printed by `get` equals what is served. Gives the invoices.
pub async fn assert_invoices(bench: &Bench) -> Vec<Value> {
    let invoices = served(bench).await;
    for chunk in invoices.chunks(200) {
        let mut args = vec!["get"];
        args.extend(chunk.iter().map(id));
        let got = bench.run(&args).await.ok().objects();
        assert_eq!(got.len(), chunk.len());
        for (got, served) in got.iter().zip(chunk) {
            assert_eq!(got, served, "{}", id(served));
        }
    }
    invoices
}

/// Everything stored equals what is served: the invoices and what they refer to, no more and no less.
pub async fn assert_whole(bench: &Bench) {
    let invoices = assert_invoices(bench).await;
    let customers: BTreeSet<String> =
        invoices.iter().map(|one| one["customer"].as_str().unwrap().to_owned()).collect();
    let wanted: BTreeSet<&str> = invoices.iter().map(id).collect();
    let links: Vec<Value> = bench
        .list("/v1/invoice_payments")
        .await
        .into_iter()
        .filter(|link| wanted.contains(link["invoice"].as_str().unwrap()))
        .collect();
    let intents: BTreeSet<String> = links
        .iter()
        .filter_map(|link| link["payment"]["payment_intent"].as_str().map(str::to_owned))
        .collect();
    let mut charges = BTreeSet::new();
    for intent in bench.ask_all(intents.iter().map(|id| format!("/v1/payment_intents/{id}"))).await {
        charges.extend(intent["latest_charge"].as_str().map(str::to_owned));
    }
    let products: BTreeSet<String> = invoices
        .iter()
        .flat_map(|invoice| invoice["lines"]["data"].as_array().unwrap())
        .filter_map(|line| line["pricing"]["price_details"]["product"].as_str().map(str::to_owned))
        .collect();
    let links: BTreeSet<String> = links.iter().map(|link| id(link).to_owned()).collect();
    for (kind, ids) in [
        ("customers", customers),
        ("products", products),
        ("invoice_payments", links),
        ("payment_intents", intents),
        ("charges", charges),
    ] {
        assert!(!ids.is_empty(), "{kind}");
        let stored = bench.run(&["records", kind, "--json"]).await.ok().objects();
        let got: BTreeSet<String> = stored.iter().map(|one| id(one).to_owned()).collect();
        assert_eq!(got, ids, "{kind}");
        let served = bench.ask_all(stored.iter().map(|one| format!("/v1/{kind}/{}", id(one)))).await;
        for (one, served) in stored.iter().zip(&served) {
            assert_eq!(one, served, "{kind}");
        }
    }
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 20 && text.ends_with('Z'))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connect_discover_sync_and_all_is_as_stripe_serves_it() {
    let bench = Bench::new(600).await;
    let said = bench.connect().await;
    let key = &bench.stripe.keys.restricted;
    assert!(said.out.contains(&bench.stripe.account) && said.out.contains("Europe/Berlin"), "{}", said.out);
    assert!(said.out.contains("Customer names and e-mail addresses will be stored"), "{}", said.out);
    assert!(said.out.contains("the last 90 days") && said.out.contains(" reads"), "{}", said.out);
    let before = bench.status().await;
    assert_eq!(before["discover"]["status"], "idle");
    assert_eq!(before["discover"]["job_id"], Value::Null);

    let found = bench.run(&["discover"]).await.ok();
    assert!(
        found.err.contains(&bench.stripe.account) && found.err.contains("the beginning"),
        "{}",
        found.err
    );
    let listed = bench.list("/v1/invoices").await;
    let count = |status: &str| listed.iter().filter(|one| one["status"] == status).count();
    let total = listed.len() - count("draft");
    let status = bench.status().await;
    assert_eq!(status["catalog"]["total"], total);
    assert_eq!(status["catalog"]["pending"], total);
    assert_eq!(status["sync"]["remaining"], total);
    assert_eq!(bench.asked("GET /v1/invoices/{id}"), 0, "discover reads no single invoice");

    bench.run(&["sync"]).await.ok();
    assert_eq!(bench.asked("GET /v1/invoices/{id}"), 0, "sync reads no single invoice");
    let status = bench.status().await;
    let by_status = json!({
        "open": count("open"), "paid": count("paid"), "uncollectible": count("uncollectible"),
        "void": count("void"), "draft": 0,
    });
    assert_eq!(
        status["catalog"],
        json!({
            "total": total, "pending": 0, "processing": 0, "synced": total, "skipped": 0, "error": 0,
            "stale": 0, "gone": 0, "by_stripe_status": by_status,
        })
    );
    assert_shape(&status, total);
    assert_eq!(status["account"], bench.stripe.account);
    assert_whole(&bench).await;
    for folder in ["data", "config", "share"] {
        assert_eq!(bench.found_in_files(folder, key.as_bytes()), Vec::<std::path::PathBuf>::new());
    }
}

/// Every field of the document, and none besides.
fn assert_shape(status: &Value, total: usize) {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let sorted = |text: &str| {
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        words.join(" ")
    };
    for (part, fields) in [
        (
            "",
            "organization_uid account livemode discover sync catalog delivery reads missing_permissions last_poll_at next_poll_at event_log",
        ),
        (
            "/discover",
            "status job_id started_at finished_at statuses from_date to_date found pages error_message",
        ),
        (
            "/sync",
            "status job_id started_at finished_at total_synced total_skipped total_errors remaining error_message",
        ),
        ("/delivery", "mode endpoint_id endpoint state last_event_at complete_to missed_at link"),
        ("/reads", "last_30_days floor"),
    ] {
        assert_eq!(sorted(&keys(status.pointer(part).unwrap())), sorted(fields), "{part}");
    }
    assert_eq!(status["livemode"], false);
    assert!(status["organization_uid"].as_str().is_some_and(|name| !name.is_empty()));
    let (discover, sync) = (&status["discover"], &status["sync"]);
    assert_eq!(discover["status"], "completed");
    assert!(discover["job_id"].is_string() && is_time(&discover["started_at"]));
    assert!(is_time(&discover["finished_at"]));
    assert_eq!(discover["statuses"], json!(["open", "paid", "uncollectible", "void"]));
    assert_eq!((&discover["from_date"], &discover["to_date"]), (&Value::Null, &Value::Null));
    assert_eq!(discover["found"], total);
    assert!(discover["pages"].as_u64().unwrap() >= total as u64 / 100);
    assert_eq!(discover["error_message"], Value::Null);
    assert_eq!(sync["status"], "completed");
    assert!(sync["job_id"].is_string() && sync["job_id"] != discover["job_id"]);
    assert!(is_time(&sync["started_at"]) && is_time(&sync["finished_at"]));
    assert_eq!(sync["total_synced"], total);
    for zero in ["total_skipped", "total_errors", "remaining"] {
        assert_eq!(sync[zero], 0, "{zero}");
    }
    assert_eq!(sync["error_message"], Value::Null);
    assert_eq!(status["delivery"]["mode"], "poll");
    assert_eq!(
        (&status["delivery"]["endpoint_id"], &status["delivery"]["endpoint"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(status["delivery"]["state"], "connected");
    assert!(is_time(&status["delivery"]["complete_to"]));
    assert!(status["reads"]["last_30_days"].as_u64().unwrap() > 0);
    assert_eq!(status["reads"]["floor"], 10_000);
    assert_eq!(status["missing_permissions"], json!([]));
    assert!(is_time(&status["last_poll_at"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stripe_with_faults_ends_with_everything_all_the_same() {
    let faults = ["500=0.05", "cut=0.03", "reset=0.03", "429=0.05", "lock=0.02"];
    let faults: Vec<Fault> = faults.iter().map(|word| Fault::parse(word).unwrap()).collect();
    let bench = Bench::with(options(1500)).await;
    bench.connect().await;
    bench.stripe.set_faults(faults);
    bench.run(&["discover"]).await.ok();
    bench.run(&["sync"]).await.ok();
    let struck: u64 = bench.stripe.report().faults.values().sum();
    assert!(struck > 0, "no fault struck: this tests nothing");
    bench.stripe.pause_faults(true);
    let status = bench.status().await;
    let total = status["catalog"]["total"].as_u64().unwrap();
    assert_eq!(status["catalog"]["synced"], total);
    assert_eq!(status["sync"]["total_errors"], 0);
    assert_whole(&bench).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_one_object_on_stdout_and_quiet_is_quiet() {
    let bench = Bench::new(300).await;
    let key = bench.stripe.keys.restricted.clone();
    let connected = bench.try_connect(&key, &["--json", "-q"]).await.ok();
    let told = connected.json();
    assert_eq!(told["account"], bench.stripe.account);
    assert_eq!(told["missing_permissions"], json!([]));
    assert!(told["estimate"]["reads"].as_u64().unwrap() > 0);
    assert_eq!(connected.err, "");
    assert!(bench.run(&["discover", "--json", "-q", "--plan"]).await.ok().json()["plan"]["reads"].is_u64());
    let discovered = bench.run(&["discover", "--json", "-q"]).await.ok();
    let total = bench.status().await["catalog"]["total"].clone();
    assert_eq!(discovered.json()["job"]["done"], total);
    assert_eq!(discovered.err, "");
    let synced = bench.run(&["-q", "sync", "--json"]).await.ok();
    assert_eq!(synced.json()["job"]["done"], total);
    assert_eq!(synced.err, "");
    // Nothing left to do is not a failure.
    assert_eq!(bench.run(&["-q", "sync", "--json"]).await.ok().json()["job"]["done"], 0);
    let refused = bench.run(&["--json", "get", "in_none"]).await.ended(1);
    assert_eq!(refused.out, "");
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(error["error"]["exit_code"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn further_kinds_are_kept_whole() {
    let bench = Bench::connected(400).await;
    bench.run(&["discover", "--status", "open", "--resources", "subscriptions"]).await.ok();
    let kinds = ["customers", "subscriptions", "prices"];
    bench.run(&["sync", "--resources", "customers,prices"]).await.ok();
    for kind in kinds {
        let stored = bench.run(&["records", kind, "--json", "--sort", "id"]).await.ok().objects();
        // Cancelled subscriptions are records too; Stripe lists them on request only.
        let all = if kind == "subscriptions" { "?status=all" } else { "" };
        let mut served = bench.list(&format!("/v1/{kind}{all}")).await;
        served.sort_by(|a, b| id(a).cmp(id(b)));
        let (stored_ids, ids): (Vec<&str>, Vec<&str>) = (
            // Deleted customers are in no list; those that invoices name are kept by their ids.
            stored.iter().filter(|one| one["deleted"] != true).map(id).collect(),
            served.iter().map(id).collect(),
        );
        assert_eq!(stored_ids, ids, "{kind}");
    }
}
