//! Schedules and jobs of a `serve` that is ended or killed, and started again.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::Value;
use tillwatch::sandbox::Options;

use crate::bench::{Bench, id, options};
use crate::service::Service;

const PATH: &str = "/api/integrations/stripe/sync";

/// Slow enough to be met in the middle of a run.
async fn slow() -> Bench {
    let bench = Bench::with(Options { latency_ms: 25, ..options(2500) }).await;
    bench.connect().await;
    bench
}

/// The part of the status about a kind of job says that it runs or has ended well, under the number that the API gave.
fn assert_truthful(part: &Value, job: &Value) {
    assert_eq!(&part["job_id"], job, "{part}");
    assert!(matches!(part["status"].as_str(), Some("running" | "completed")), "{part}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_goes_on_and_ends_with_everything() {
    let bench = slow().await;
    bench.run(&["discover"]).await.ok();
    let mut service = Service::start(&bench).await;
    let job =
        service.post(PATH, r#"{"batch_size":2500,"delay_between_items":0}"#).await.ok()["data"]["job_id"]
            .clone();
    // Cut off twice, at different places.
    for (signal, endpoint) in [(Signal::TERM, "GET /v1/customers"), (Signal::KILL, "GET /v1/payment_intents")]
    {
        let before = bench.asked(endpoint);
        bench.until("some pages", |bench| bench.asked(endpoint) >= before + 2).await;
        service.stop(signal).await;
        // Until somebody goes on with it, it is no job that runs.
        let between = bench.status().await["sync"].clone();
        assert_eq!((&between["job_id"], &between["status"]), (&job, &"cancelled".into()), "{between}");
        assert!(between["error_message"].as_str().unwrap().starts_with("cut off"), "{between}");
        service = Service::start(&bench).await;
        assert_truthful(&service.status().await["sync"], &job);
    }
    let ended = service.ended("sync").await;
    assert_eq!(
        (&ended["status"], &ended["job_id"], &ended["remaining"]),
        (&"completed".into(), &job, &0.into())
    );
    let served = bench.list("/v1/invoices").await;
    let served: BTreeSet<&str> = served.iter().filter(|one| one["status"] != "draft").map(id).collect();
    let stored = bench.run(&["records", "invoices", "--json"]).await.ok().objects();
    assert_eq!(stored.iter().map(id).collect::<BTreeSet<&str>>(), served);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discover_and_a_sync_that_ran_together_both_go_on() {
    let bench = slow().await;
    bench.run(&["discover"]).await.ok();
    for signal in [Signal::TERM, Signal::KILL] {
        let mut service = Service::start(&bench).await;
        let sync = service.post(PATH, r#"{"delay_between_items":1}"#).await.ok()["data"]["job_id"].clone();
        let discover = service.post(&format!("{PATH}/discover"), r#"{"from_date":"2000-01-01"}"#).await.ok();
        let discover = discover["data"]["job_id"].clone();
        service.stop(signal).await;
        service = Service::start(&bench).await;
        let status = service.status().await;
        assert_truthful(&status["discover"], &discover);
        assert_truthful(&status["sync"], &sync);
        // What runs is not begun a second time.
        let again = service.post(PATH, "{}").await.ok();
        assert_eq!((&again["skipped"], &again["data"]["job_id"]), (&true.into(), &sync), "{again}");
        assert_eq!(service.ended("discover").await["status"], "completed");
        service.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_goes_on_and_what_happened_meanwhile_is_there() {
    let bench = Bench::with(Options { events_per_second: 20.0, ..options(50) }).await;
    bench.connect().await;
    // On this machine a poll may be as frequent.
    bench.run(&["integrations", "edit", "1", "--poll", "1s"]).await.ok();
    for signal in [Signal::TERM, Signal::KILL] {
        let service = Service::start(&bench).await;
        service.until("a poll", async || service.status().await["last_poll_at"].is_string()).await;
        service.stop(signal).await;
        let newest = async || id(&bench.ask("/v1/events?limit=1").await["data"][0]).to_owned();
        let before = newest().await;
        let mut missed = before.clone();
        while missed == before {
            missed = newest().await;
        }
        let service = Service::start(&bench).await;
        let listed = async || bench.run(&["events", "--json"]).await.ok().out;
        service.until("what was missed", async || listed().await.contains(&missed)).await;
        assert!(service.status().await["next_poll_at"].is_string());
        service.end().await;
    }
}
