//! Traffic: events that agree with the objects, from the seed alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Local, START, assert_distinct, ids, plain};

const PATHS: [(&str, &str); 8] = [
    ("refund", "refunds"),
    ("dispute", "disputes"),
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
        let tells = kind.ends_with(".updated") || kind == "charge.refunded";
        assert_eq!(event["data"].get("previous_attributes").is_some(), tells, "{kind}");
        if event["created"].as_i64().unwrap() < START {
            break;
        }
        let object = &event["data"]["object"];
        let id = object["id"].as_str().unwrap();
        if seen.insert(id) {
            let list = PATHS.iter().find(|row| object["object"] == row.0).unwrap().1;
            let now = local.json(&format!("/v1/{list}/{id}")).await;
            if kind == "customer.deleted" {
                // The event shows the whole customer, reading it a stub.
                assert_eq!((now["deleted"].as_bool(), object.get("deleted")), (Some(true), None));
                assert!(object["email"].is_string());
            } else {
                assert_eq!(now, *object, "{kind}");
            }
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

#[tokio::test]
async fn refunds_disputes_and_newcomers_have_all_their_events() {
    let local = Local::new(plain()).await;
    local.running.run_traffic(3000);
    let events = local.walk("events", "").await;
    let mut kinds = BTreeMap::new();
    for event in &events {
        *kinds.entry(event["type"].as_str().unwrap()).or_insert(0) += 1;
    }
    for kind in [
        "charge.refunded",
        "charge.refund.updated",
        "charge.updated",
        "refund.created",
        "refund.updated",
        "refund.failed",
        "charge.dispute.created",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "customer.created",
        "customer.deleted",
        "customer.subscription.created",
        "customer.subscription.trial_will_end",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.deleted",
    ] {
        assert!(kinds.contains_key(kind), "{kind}: {kinds:?}");
    }
    // What an event says was before is what the event before it showed.
    let mut last: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut checked = BTreeMap::new();
    for event in events.iter().rev() {
        let (kind, object) = (event["type"].as_str().unwrap(), &event["data"]["object"]);
        if kind == "charge.refund.updated" {
            // The older name of `refund.updated`, which came just before it.
            continue;
        }
        let was = last.insert(object["id"].as_str().unwrap(), object);
        let (Some(was), Some(told)) = (was, event["data"]["previous_attributes"].as_object()) else {
            continue;
        };
        if !["charge", "refund", "dispute", "customer"].contains(&object["object"].as_str().unwrap()) {
            continue;
        }
        *checked.entry(kind).or_insert(0) += 1;
        let changed: BTreeSet<&String> = (object.as_object().unwrap().iter())
            .filter(|(name, value)| was.get(*name).unwrap_or(&Value::Null) != *value)
            .map(|(name, _)| name)
            .collect();
        assert_eq!(changed, told.keys().collect(), "{kind} {was} {object}");
        for (name, before) in told {
            assert!(agrees(before, &was[name]), "{kind} {name}: {before} and {}", was[name]);
        }
    }
    assert!(checked.len() == 5, "{checked:?}");
}

/// Whether all that is told of a value is so; what is not told of a hash does not matter.
fn agrees(told: &Value, was: &Value) -> bool {
    match told.as_object() {
        Some(told) => told.iter().all(|(name, value)| agrees(value, &was[name])),
        None => told == was,
    }
}

#[tokio::test]
async fn amounts_of_refunds_and_disputes_agree_with_their_charges() {
    let local = Local::new(tillwatch::sandbox::Options { invoices: 3000, ..plain() }).await;
    let before = (local.walk("refunds", "").await.len(), local.walk("disputes", "").await.len());
    assert!(before.0 > 30 && before.1 > 8, "history has {before:?}");
    local.running.run_traffic(1500);
    let (refunds, disputes) = (local.walk("refunds", "").await, local.walk("disputes", "").await);
    assert!(refunds.len() > before.0 && disputes.len() > before.1);
    let mut back: BTreeMap<&str, i64> = BTreeMap::new();
    for refund in refunds.iter().filter(|r| r["status"] != "failed") {
        *back.entry(refund["charge"].as_str().unwrap()).or_default() += refund["amount"].as_i64().unwrap();
    }
    let charges = local.walk("charges", "&expand[]=data.refunds").await;
    for charge in &charges {
        let id = charge["id"].as_str().unwrap();
        let went = back.remove(id).unwrap_or_default();
        assert_eq!(charge["amount_refunded"], went);
        assert_eq!(charge["refunded"], went > 0 && went == charge["amount"]);
        let own: Vec<&Value> = refunds.iter().filter(|r| r["charge"] == id).collect();
        assert!(charge["refunds"]["data"].as_array().unwrap().iter().eq(own));
        let about = disputes.iter().find(|d| d["charge"] == id);
        assert_eq!(charge["disputed"], about.is_some());
        if let Some(dispute) = about {
            assert_eq!(dispute["amount"], charge["amount"]);
            assert_eq!(dispute["payment_intent"], charge["payment_intent"]);
        }
    }
    assert!(back.is_empty(), "{back:?}");
    let climbed = local.climb("disputes", ids(&disputes)[disputes.len() - 1], "").await;
    assert_eq!(climbed, disputes[..disputes.len() - 1]);
    let (refund, dispute) = (&refunds[0], &disputes[0]);
    for (list, object) in [("refunds", refund), ("disputes", dispute)] {
        for filter in ["charge", "payment_intent"] {
            let found = local.walk(list, &format!("&{filter}={}", object[filter].as_str().unwrap())).await;
            assert!(found.contains(object) && found.len() <= 2);
        }
    }
    let path = format!("/v1/refunds/{}?expand[]=balance_transaction", refund["id"].as_str().unwrap());
    let transaction = local.json(&path).await["balance_transaction"].clone();
    assert_eq!(transaction["amount"].as_i64().unwrap(), -refund["amount"].as_i64().unwrap());
    let path = format!("/v1/balance_transactions/{}", transaction["id"].as_str().unwrap());
    assert_eq!(local.json(&path).await, transaction);
    for taken in dispute["balance_transactions"].as_array().unwrap() {
        let path = format!("/v1/balance_transactions/{}", taken["id"].as_str().unwrap());
        assert_eq!(local.json(&path).await, *taken);
    }
}

#[tokio::test]
async fn newcomers_are_not_billed() {
    // Or the invoices of a seed would depend on what else happens.
    let local = Local::new(plain()).await;
    local.running.run_traffic(300);
    let invoices = local.walk("invoices", &format!("&created[gte]={START}")).await;
    let customers = local.walk("customers", &format!("&created[gte]={START}")).await;
    assert!(!customers.is_empty() && !invoices.is_empty());
    let new: BTreeSet<&str> = ids(&customers).into_iter().collect();
    assert!(invoices.iter().all(|i| !new.contains(i["customer"].as_str().unwrap())));
}
