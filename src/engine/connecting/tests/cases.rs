//! Failed payments against a local Stripe: the engine's cases are what the sandbox knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::engine::api::{CaseQuery, CaseRow, CaseState, CaseWindow, Next};

impl Rig {
    async fn get(&self, path: &str) -> Value {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}{path}", self.stripe().base_url);
        let sent = http.get(url).bearer_auth(&self.stripe().keys.secret).send().await.unwrap();
        serde_json::from_str(&sent.text().await.unwrap()).unwrap()
    }

    async fn cases(&self, all: bool) -> CaseWindow {
        let query = CaseQuery { all, limit: 500, ..CaseQuery::default() };
        match self.engine.request(Request::Cases(query)).await {
            Answer::Cases(window) => window,
            other => panic!("{other:?}"),
        }
    }

    /// Invoices of which the log tells that a payment failed.
    async fn failed(&self, id: IntegrationId) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for row in self.engine.store().unwrap().arrivals(id, 0).unwrap() {
            match row.event_type.as_str() {
                "invoice.payment_failed" => out.insert(row.object),
                "payment_intent.payment_failed" => {
                    let payment = self.get(&format!("/v1/payment_intents/{}", row.object)).await;
                    out.insert(payment["payment_details"]["order_reference"].as_str().unwrap().to_owned())
                }
                _ => false,
            };
        }
        out
    }
}

/// What Stripe says of an invoice, and what we say.
fn agree(row: &CaseRow, invoice: &Value) {
    let at = |name: &str| invoice["status_transitions"][name].as_i64().unwrap_or(0);
    let number = |name: &str| invoice[name].as_i64().unwrap_or(0);
    match invoice["status"].as_str().unwrap() {
        "paid" => {
            assert_eq!(row.state, CaseState::Recovered { at: at("paid_at") }, "{}", row.id);
            assert_eq!(row.amount.0, number("amount_paid"));
        }
        "uncollectible" => {
            let why = "uncollectible".to_owned();
            assert_eq!(row.state, CaseState::Lost { at: at("marked_uncollectible_at"), why }, "{}", row.id);
        }
        "open" => {
            assert_eq!(row.state, CaseState::Active, "{}", row.id);
            assert_eq!(row.amount.0, number("amount_remaining"));
            match &row.next {
                Next::At { at } => assert_eq!(Some(*at), invoice["next_payment_attempt"].as_i64()),
                Next::WaitsForCard => assert!(row.decline.needs_new_method),
                other => assert_ne!(*other, Next::Over),
            }
            assert_eq!(row.pay_url.as_deref(), invoice["hosted_invoice_url"].as_str());
        }
        other => panic!("{}: {other}", row.id),
    }
    assert_eq!(i64::from(row.tries), number("attempt_count"), "{}", row.id);
    assert_eq!(row.amount.1, invoice["currency"].as_str().unwrap());
    assert_eq!(row.customer, invoice["customer"].as_str().unwrap());
    assert_ne!(row.decline.code, "unknown", "{}", row.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases_are_what_the_sandbox_knows() {
    let mut rig = Rig::new(400, true).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    let first = rig.until("a first poll", |snapshot| snapshot.integrations[0].events_kept > 0).await;
    let kept = first.integrations[0].events_kept;
    let begun = rig.stripe().events_made().len();
    assert_eq!(begun, 0, "nothing has happened yet");
    let written = rig.stripe().run_traffic(500);
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    rig.until("all events", |snapshot| snapshot.integrations[0].events_kept == kept + written).await;
    let failed = rig.failed(id).await;
    // The index is made by a thread of its own: its last word is waited for.
    let mut snapshots = rig.engine.snapshots();
    let window = loop {
        let window = rig.cases(true).await;
        if !window.building
            && window.matching == failed.len()
            && window.rows.iter().all(|row| row.number.len() > 1)
        {
            let open = window.rows.iter().filter(|row| row.state == CaseState::Active).count() as u64;
            if snapshots.borrow_and_update().integrations[0].open_cases == open {
                break window;
            }
        }
        tokio::time::timeout(std::time::Duration::from_secs(60), snapshots.changed()).await.unwrap().unwrap();
    };
    let ids: BTreeSet<String> = window.rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, failed);
    assert!(failed.len() > 10, "{}", failed.len());
    // What lies before the start is told by a sample of events; what happened since is told whole.
    let since: BTreeSet<String> = {
        let all = rig.engine.store().unwrap().arrivals(id, kept).unwrap();
        all.into_iter()
            .filter(|row| row.event_type == "invoice.payment_failed")
            .map(|row| row.object)
            .collect()
    };
    let mut states: BTreeMap<&str, u32> = BTreeMap::new();
    for row in window.rows.iter().filter(|row| since.contains(&row.id)) {
        agree(row, &rig.get(&format!("/v1/invoices/{}", row.id)).await);
        let state = match &row.state {
            CaseState::Active => "open",
            CaseState::Recovered { .. } => "recovered",
            CaseState::Lost { .. } => "lost",
        };
        *states.entry(state).or_default() += 1;
    }
    assert!(states.contains_key("open") && states.contains_key("recovered"), "{states:?}");
    // Today's sums are those of the rows, currency by currency.
    let view = rig.now().integrations[0].clone();
    let day = crate::engine::runtime::day_start(crate::clock::system()(), &view.timezone);
    let mut sums: BTreeMap<String, (u64, u64, i64)> = BTreeMap::new();
    for row in &window.rows {
        let sum = sums.entry(row.amount.1.clone()).or_default();
        sum.0 += u64::from(row.failed_at >= day);
        if let CaseState::Recovered { at } = row.state
            && at >= day
        {
            sum.1 += 1;
            sum.2 += row.amount.0;
        }
    }
    sums.retain(|_, sum| sum.0 + sum.1 > 0);
    let told: BTreeMap<String, (u64, u64, i64)> = view
        .payments_today
        .iter()
        .map(|one| (one.currency.clone(), (one.failed.cases, one.recovered.cases, one.recovered.amount)))
        .collect();
    assert_eq!(told, sums);
    // Built anew from the log, it is the same.
    rig.restart().await;
    let again = loop {
        let window = rig.cases(true).await;
        if !window.building {
            break window;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(again.rows, window.rows);
    assert_eq!(again.totals, window.totals);
    let Answer::Case(detail) =
        rig.engine.request(Request::Case { integration: id, id: again.rows[0].id.clone() }).await
    else {
        panic!("no such case")
    };
    assert!(!detail.tries.is_empty() && detail.tries[0].method.contains("••••"));
    rig.engine.shutdown().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_calls_the_command_and_the_front_end() {
    use crate::engine::alerts::{OnAlert, Settings};
    let mut rig = Rig::new(20, true).await;
    let out = rig.dir.path().join("alert.json");
    let words = ["sh", "-c", "cat > \"$0.part\" && mv \"$0.part\" \"$0\"", out.to_str().unwrap()];
    let on_alert = Some(OnAlert::Program(words.map(str::to_owned).to_vec()));
    rig.restart_with(Settings { on_alert, ..Settings::default() }).await;
    let key = rig.stripe().keys.restricted.clone();
    let id = rig.connect(&key, spec()).await;
    rig.until("a first poll", |snapshot| snapshot.integrations[0].poll.last_at.is_some()).await;
    rig.stripe().expire(&key).unwrap();
    rig.engine.request(Request::Poll { integration: id }).await;
    let snapshot = rig.until("an alert", |snapshot| !snapshot.alerts.is_empty()).await;
    let alert = &snapshot.alerts[0];
    assert_eq!(
        (alert.reason, alert.over, alert.integration),
        (crate::engine::api::AlertReason::KeyRefused, false, id)
    );
    let told = loop {
        // The command is another process: there is nothing to wait on but its file.
        match std::fs::read_to_string(&out) {
            Ok(told) => break told,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["reason"], "key_refused");
    assert_eq!(told["account"]["id"], rig.stripe().account.as_str());
    assert!(!told.to_string().contains(&key));
    rig.engine.shutdown().await;
}
