//! Limits and faults, as a client meets them.

use serde_json::Value;
use tillwatch::sandbox::{Fault, FaultKind, Limits, Options};

use crate::{Local, plain};

fn always(kind: FaultKind) -> Vec<Fault> {
    vec![Fault { kind, probability: 1.0 }]
}

#[tokio::test]
async fn limits_hold_and_name_their_reason() {
    let local = Local::new(Options { limits: Limits::Live, ..plain() }).await;
    // Faster than any machine's second: 25 pass, then a refusal comes at the latest within a few seconds' worth.
    let mut refused = None;
    for _ in 0..2000 {
        let reply = local.get("/v1/products?limit=1").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("2000 requests went through");
    assert_eq!(refused.headers["stripe-rate-limited-reason"], "endpoint-rate");
    assert_eq!(refused.error()["code"], "rate_limit");
    let report = local.running.report();
    assert!(report.requests["GET /v1/products"] >= 26);
    assert_eq!(report.limited["endpoint-rate"], 1);
}

#[tokio::test]
async fn each_fault_is_what_it_says() {
    let local = Local::new(Options { faults: always(FaultKind::Internal), ..plain() }).await;
    let key = local.running.keys.secret.clone();
    let reply = local.get("/v1/invoices").await;
    assert_eq!((reply.status, reply.error()["type"].as_str()), (500, Some("api_error")));
    local.running.set_faults(always(FaultKind::Html));
    let reply = local.get("/v1/invoices").await;
    assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (503, "text/html"));
    local.running.set_faults(always(FaultKind::TooMany));
    assert!(local.get("/v1/invoices").await.headers.contains_key("stripe-rate-limited-reason"));
    local.running.set_faults(always(FaultKind::Lock));
    let reply = local.get("/v1/invoices").await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (429, Some("lock_timeout")));
    assert!(!reply.headers.contains_key("stripe-rate-limited-reason"));
    local.running.set_faults(always(FaultKind::Cut));
    assert!(local.try_get(&key, "/v1/invoices").await.is_err_and(|e| e.is_body() || e.is_decode()));
    local.running.set_faults(always(FaultKind::Reset));
    assert!(local.try_get(&key, "/v1/invoices").await.is_err());
    local.running.pause_faults(true);
    assert_eq!(local.get("/v1/invoices").await.status, 200);
    assert_eq!(local.running.report().faults["cut"], 1);
}

#[tokio::test]
async fn a_running_sandbox_is_scripted_over_http() {
    let local = Local::new(plain()).await;
    let key = local.running.keys.restricted.clone();
    let body = format!(r#"{{"key":"{key}","deny":["rak_invoice_read"]}}"#);
    assert_eq!(local.post("/_sandbox/permissions", &body).await.status, 200);
    assert_eq!(local.get_as(&key, "/v1/invoices").await.status, 403);
    assert_eq!(local.post("/_sandbox/expire", &format!(r#"{{"key":"{key}"}}"#)).await.status, 200);
    assert_eq!(local.get_as(&key, "/v1/invoices").await.status, 401);
    let done = local.post("/_sandbox/traffic", r#"{"steps":5}"#).await.json();
    assert!(done["events"].as_u64().unwrap() >= 5);
    let changed: Value = local.post("/_sandbox/mutate", r#"{"count":3}"#).await.json();
    assert_eq!(changed["invoices"].as_array().unwrap().len(), 3);
    assert_eq!(local.post("/_sandbox/limits", r#"{"limits":"some"}"#).await.status, 400);
    assert_eq!(local.post("/_sandbox/nothing", "").await.status, 400);
    assert_eq!(local.post("/_sandbox/expire", "{").await.status, 400);
    let report = local.json("/_sandbox/report").await;
    assert_eq!(report["requests"]["GET /v1/invoices"], 2);
}
