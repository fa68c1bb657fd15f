//! Traffic: events that agree with the objects, from the seed alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Local, START, assert_distinct, ids, plain};

const PATHS: [(&str, &str); 6] = [
    ("invoice", "invoices"),
    ("charge", "charges"),
    ("payment_intent", "payment_intents"),
    ("invoice_payment", "invoice_payments"),
    ("customer", "customers"),
    ("subscription", "subscriptions"),
];

#[tokio::test]
async fn there_are_events_before_any_traffic() {
    let local = Local::new(plain()).await;
    let events = local.walk("events", "").await;
    assert!(events.len() > 100 && events.len() <= 200, "{}", events.len());
    for event in &events {
        let at = event["created"].as_i64().unwrap();
        assert!(at <= START && at > START - 30 * 86_400);
        let object = &event["data"]["object"];
        let kind = object["object"].as_str().unwrap();
        let list = PATHS.iter().find(|row| row.0 == kind).unwrap().1;
        let now = local.json(&format!("/v1/{list}/{}", object["id"].as_str().unwrap())).await;
        assert_eq!(now["created"], object["created"]);
    }
}

#[tokio::test]
async fn the_newest_event_of_an_object_shows_it_as_it_is() {
    let local = Local::new(plain()).await;
    local.running.run_traffic(400);
    let events = local.walk("events", "").await;
    assert_distinct(&events);
    let mut seen = BTreeSet::new();
    let mut kinds = BTreeMap::new();
    for event in &events {
        let kind = event["type"].as_str().unwrap();
        *kinds.entry(kind).or_insert(0) += 1;
        assert_eq!(event["api_version"], tillwatch::sandbox::API_VERSION);
        assert_eq!(event["data"].get("previous_attributes").is_some(), kind.ends_with(".updated"));
        if event["created"].as_i64().unwrap() < START {
            break;
        }
        let object = &event["data"]["object"];
        let id = object["id"].as_str().unwrap();
        if seen.insert(id) {
            let list = PATHS.iter().find(|row| object["object"] == row.0).unwrap().1;
            let now = local.json(&format!("/v1/{list}/{id}")).await;
            assert_eq!(now, *object, "{kind}");
        }
    }
    for kind in [
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "invoice.paid",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.updated",
        "customer.subscription.updated",
    ] {
        assert!(kinds.get(kind).is_some_and(|&n| n > 3), "{kind}: {kinds:?}");
    }
}

#[tokio::test]
async fn declines_carry_codes_and_some_recover() {
    let local = Local::new(plain()).await;
    local.running.run_traffic(600);
    let events = local.walk("events", "").await;
    let failed: BTreeSet<&str> = events
        .iter()
        .filter(|e| e["type"] == "invoice.payment_failed")
        .map(|e| e["data"]["object"]["id"].as_str().unwrap())
        .collect();
    let recovered = events
        .iter()
        .filter(|e| {
            e["type"] == "invoice.paid" && failed.contains(e["data"]["object"]["id"].as_str().unwrap())
        })
        .count();
    assert!(recovered > 2 && recovered < failed.len(), "{recovered} of {}", failed.len());
    for event in events.iter().filter(|e| e["type"] == "charge.failed") {
        let charge = &event["data"]["object"];
        assert_eq!((charge["paid"].as_bool(), charge["status"].as_str()), (Some(false), Some("failed")));
        assert!(charge["failure_code"].is_string() && charge["outcome"]["network_decline_code"].is_string());
    }
    for event in events.iter().filter(|e| e["type"] == "payment_intent.payment_failed") {
        let error = &event["data"]["object"]["last_payment_error"];
        assert!(error["decline_code"].is_string() && error["charge"].is_string());
    }
}

#[tokio::test]
async fn traffic_follows_from_seed_and_steps() {
    let (one, two) = (Local::new(plain()).await, Local::new(plain()).await);
    one.running.run_traffic(80);
    for _ in 0..80 {
        two.running.run_traffic(1);
    }
    let (a, b) = (one.walk("events", "").await, two.walk("events", "").await);
    assert_eq!(ids(&a), ids(&b));
    let kinds = |events: &[Value]| -> Vec<Value> { events.iter().map(|e| e["type"].clone()).collect() };
    assert_eq!(kinds(&a), kinds(&b));
}

#[tokio::test]
async fn a_poll_from_the_newest_event_gives_what_came_since() {
    let local = Local::new(plain()).await;
    let newest = local.json("/v1/events?limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let idle = local.json(&format!("/v1/events?limit=100&ending_before={newest}")).await;
    assert!(idle["data"].as_array().unwrap().is_empty());
    let written = local.running.run_traffic(40);
    let since = local.climb("events", &newest, "").await;
    assert_eq!(since.len() as u64, written);
    let changed = local.running.mutate(2);
    let event = &local.json("/v1/events?limit=1").await["data"][0];
    assert_eq!(event["type"], "invoice.updated");
    assert_eq!(event["data"]["object"]["id"], changed[1].as_str());
    assert_eq!(event["data"]["previous_attributes"]["metadata"]["revision"], Value::Null);
    assert!(event["request"]["id"].is_string());
    let now = local.json(&format!("/v1/invoices/{}", changed[1])).await;
    assert_eq!(now["metadata"]["revision"], "1");
}

#[tokio::test]
async fn events_are_gone_after_thirty_days() {
    let local = Local::new(plain()).await;
    let newest = local.json("/v1/events?limit=1").await["data"][0].clone();
    let before = newest["id"].as_str().unwrap().to_owned();
    let age = START - newest["created"].as_i64().unwrap();
    local.running.skip(30 * 86_400 - 3600 - u64::try_from(age).unwrap());
    local.running.run_traffic(3);
    let made = local.running.events_made();
    assert_eq!(local.get(&format!("/v1/events/{before}")).await.status, 200);
    local.running.skip(2 * 3600);
    assert_eq!(local.get(&format!("/v1/events/{before}")).await.status, 404);
    let reply = local.get(&format!("/v1/events?ending_before={before}")).await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (400, Some("resource_missing")));
    let mut left = ids(&local.walk("events", "").await).into_iter().map(str::to_owned).collect::<Vec<_>>();
    left.reverse();
    assert_eq!(left, made);
    assert_eq!(local.post("/_sandbox/clock", &format!(r#"{{"skip":{}}}"#, 31 * 86_400)).await.status, 200);
    assert!(local.walk("events", "").await.is_empty());
    assert!(local.running.events_made().is_empty());
}
