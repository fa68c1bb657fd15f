//! Whether what is stored is what Stripe has.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use tillwatch::engine::api::Source;
use tillwatch::store::{State, Store};
use tillwatch::stripe::kind::Kind;

use crate::ID;

/// Objects that events told of, where they came live at least once.
fn objects(store: &Store) -> Vec<(Kind, String)> {
    let mut seen = HashSet::new();
    let mut objects = Vec::new();
    for row in store.arrivals(ID, 0).unwrap() {
        if row.source != Source::Relay || row.object.is_empty() || !seen.insert(row.object.clone()) {
            continue;
        }
        let json = store.event_json(ID, &row.id).unwrap().unwrap();
        let event: Value = serde_json::from_slice(&json).unwrap();
        if let Some(kind) = Kind::from_object(event["data"]["object"]["object"].as_str().unwrap()) {
            objects.push((kind, row.object));
        }
    }
    objects
}

/// Every object that an event was about is stored as Stripe has it now; waits a while for those that are being read
/// again. Gives how many were compared.
pub(crate) async fn records(store: &Store, base: &str, key: &str) -> usize {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let objects = objects(store);
    assert!(objects.len() > 20, "{}", objects.len());
    let begun = Instant::now();
    let mut compared = 0;
    for (kind, id) in objects {
        let answer = http
            .get(format!("{base}{}/{id}", kind.path()))
            .bearer_auth(key)
            .header("Stripe-Version", tillwatch::stripe::API_VERSION)
            .send()
            .await
            .unwrap();
        if !answer.status().is_success() {
            continue;
        }
        compared += 1;
        let there: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        if there["deleted"] == true {
            // Its last content is kept.
            let header = store.header(ID, kind, &id).unwrap().unwrap();
            assert_eq!(header.state, State::Gone, "{id}");
            continue;
        }
        loop {
            let here = store.record(ID, kind, &id).unwrap().map(|record| record.json).unwrap_or_default();
            let here: Value = serde_json::from_slice(&here).unwrap_or_default();
            if here == there {
                break;
            }
            // What no event decided is being read again.
            assert!(begun.elapsed() < Duration::from_secs(20), "{id}\nhere {here}\nthere {there}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    compared
}
