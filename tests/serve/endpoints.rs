//! The three documented endpoints (sync API reference, §1.3 and §1.4).

use serde_json::{Value, json};
use tillwatch::sandbox::Options;

use crate::bench::{Bench, options};
use crate::service::Service;

const DISCOVER: &str = "/api/integrations/stripe/sync/discover";
const SYNC: &str = "/api/integrations/stripe/sync";

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_idle_to_completed_with_the_counts_of_the_command_line() {
    let bench = Bench::connected(300).await;
    let service = Service::start(&bench).await;
    let idle = service.status().await;
    assert_eq!((&idle["discover"]["status"], &idle["sync"]["status"]), (&json!("idle"), &json!("idle")));
    let queued = service.post(DISCOVER, r#"{"from_date":"2000-01-01","unknown":{"ignored":1}}"#).await.ok();
    assert_eq!(keys(&queued), ["data", "message"]);
    assert_eq!(queued["message"], "Stripe invoice discovery queued successfully");
    let data = &queued["data"];
    assert_eq!(keys(data), ["from_date", "job_id", "organization_uid", "statuses", "to_date"]);
    assert_eq!(data["statuses"], json!(["open", "paid", "uncollectible", "void"]));
    assert_eq!(data["from_date"], "2000-01-01");
    assert_eq!(data["organization_uid"], idle["organization_uid"]);
    let discover = service.ended("discover").await;
    assert_eq!((&discover["status"], &discover["job_id"]), (&json!("completed"), &data["job_id"]));
    assert_eq!((&discover["from_date"], &discover["to_date"]), (&data["from_date"], &data["to_date"]));
    let found = discover["found"].as_u64().unwrap();
    assert!(found > 200, "{found}");
    let queued = service.post(SYNC, r#"{"batch_size":100000,"delay_between_items":0}"#).await.ok();
    assert_eq!(queued["message"], "Stripe invoice sync queued successfully");
    assert_eq!(queued["data"]["batch_size"], 100_000);
    let sync = service.ended("sync").await;
    assert_eq!((&sync["status"], &sync["job_id"]), (&json!("completed"), &queued["data"]["job_id"]));
    assert_eq!(sync["total_synced"], found);
    // The same document, by way of the running service and, after its end, from the store.
    let (over_http, attached) = (service.status().await, bench.status().await);
    let still = |mut status: Value| {
        // Those move on by themselves.
        for name in ["last_poll_at", "next_poll_at"] {
            status[name] = Value::Null;
        }
        status["delivery"]["complete_to"] = Value::Null;
        status
    };
    assert_eq!(still(over_http.clone()), still(attached));
    service.end().await;
    assert_eq!(still(bench.status().await)["catalog"], over_http["catalog"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_out_has_the_documented_defaults() {
    let bench = Bench::connected(200).await;
    let service = Service::start(&bench).await;
    // No body at all.
    let none = crate::service::send(service.request(reqwest::Method::POST, DISCOVER)).await.ok();
    let today = none["data"]["from_date"].as_str().unwrap();
    assert_eq!(none["data"]["to_date"], today);
    assert_eq!(today.len(), 10);
    service.ended("discover").await;
    let drafts =
        service.post(DISCOVER, r#"{"include_draft":true,"statuses":["paid"],"from_date":null}"#).await.ok();
    assert_eq!(drafts["data"]["statuses"], json!(["draft", "paid"]));
    service.ended("discover").await;
    service.post(DISCOVER, r#"{"from_date":"2000-01-01"}"#).await.ok();
    assert!(service.ended("discover").await["found"].as_u64().unwrap() > 100);
    let sync = service.post(SYNC, "{}").await.ok();
    assert_eq!(sync["data"]["batch_size"], 50);
    assert_eq!(sync["data"]["delay_between_items"], 0.2);
    assert_eq!(sync["data"]["retry_errors"], false);
    let account = service.status().await["account"].as_str().unwrap().to_owned();
    for word in ["1", account.as_str()] {
        service.get(&format!("/api/integrations/stripe/sync/status?organization_uid={word}")).await.ok();
    }
    assert_eq!(service.ended("sync").await["total_synced"], 50);
    assert!(service.status().await["sync"]["remaining"].as_u64().unwrap() > 50);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_of_a_kind_is_answered_early() {
    let bench = Bench::with(Options { latency_ms: 60, ..options(1500) }).await;
    bench.connect().await;
    let service = Service::start(&bench).await;
    let whole = r#"{"from_date":"2000-01-01"}"#;
    let first = service.post(DISCOVER, whole).await.ok();
    let early = service.post(DISCOVER, whole).await.ok();
    assert_eq!((&early["skipped"], &early["reason"]), (&json!(true), &json!("discover_in_progress")));
    let inner =
        json!({ "skipped": true, "reason": "discover_in_progress", "job_id": first["data"]["job_id"] });
    assert_eq!(early["data"], inner);
    let strict = service.post(&format!("{DISCOVER}?strict=1"), whole).await;
    assert!(strict.refused(409, None).contains(first["data"]["job_id"].as_str().unwrap()));
    assert_eq!(service.status().await["discover"]["status"], "running");
    assert_eq!(service.ended("discover").await["status"], "completed");
    let sync = service.post(SYNC, r#"{"delay_between_items":0.5}"#).await.ok();
    let early = service.post(SYNC, "{}").await.ok();
    assert_eq!(
        (&early["reason"], &early["data"]["job_id"]),
        (&json!("sync_in_progress"), &sync["data"]["job_id"])
    );
    service.end().await;
}
