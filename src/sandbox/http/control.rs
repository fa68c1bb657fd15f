//! `/_sandbox/`: how another process scripts a running sandbox. The paths stand in the documentation of
//! [`crate::sandbox`]. It needs no key: the sandbox listens on loopback only.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::respond::Answer;
use crate::sandbox::Limits;
use crate::sandbox::faults::Fault;
use crate::sandbox::relay::{self, SecondSocket};
use crate::sandbox::state::{State, lock};

/// Every body is small.
const MOST: usize = 64 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Order {
    key: Option<String>,
    deny: Vec<String>,
    allow: Vec<String>,
    expired: Option<bool>,
    steps: Option<u64>,
    count: Option<u64>,
    livemode: bool,
    paused: Option<bool>,
    faults: Option<Vec<String>>,
    limits: Option<String>,
    reset: Option<u64>,
    second: Option<String>,
    cut: bool,
    close: Option<u16>,
    silence: bool,
    forget: bool,
    skip: Option<u64>,
}

pub(super) async fn serve(state: &Arc<State>, path: &str, request: Request<Body>) -> Response<Body> {
    let method = request.method().clone();
    let answer = match to_bytes(request.into_body(), MOST).await {
        Ok(bytes) if bytes.is_empty() => Ok(Order::default()),
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map_err(|error| format!("The body is not right: {error}."))
        }
        Err(error) => Err(format!("The body could not be read: {error}.")),
    }
    .and_then(|order| obey(state, method.as_str(), path, order));
    let (status, body) = match answer {
        Ok(value) => (200, value),
        Err(sentence) => (400, json!({ "error": sentence })),
    };
    Answer::error(status, body.to_string().into_bytes()).into_response("req_control", "", false)
}

fn obey(state: &State, method: &str, path: &str, order: Order) -> Result<Value, String> {
    let key = || order.key.clone().ok_or_else(|| "`key` is missing.".to_owned());
    match (method, path) {
        ("GET", "report") => {
            serde_json::to_value(state.report()).map_err(|error| format!("No report: {error}."))
        }
        ("POST", "permissions") => {
            state.set_permissions(&key()?, &order.deny, &order.allow)?;
            Ok(json!({ "ok": true }))
        }
        ("POST", "expire") => {
            state.expire(&key()?, order.expired.unwrap_or(true))?;
            Ok(json!({ "ok": true }))
        }
        ("GET", "events") => Ok(json!({ "events": state.test.events_made() })),
        ("POST", "traffic") if order.paused.is_some() => {
            state.quiet.store(order.paused.unwrap_or_default(), Ordering::Relaxed);
            Ok(json!({ "ok": true }))
        }
        ("POST", "traffic") => {
            let steps = order.steps.unwrap_or(1).min(1_000_000);
            let events = state.mode(order.livemode).run_traffic(steps, state.now());
            Ok(json!({ "steps": steps, "events": events }))
        }
        ("POST", "mutate") => {
            let ids = state.mode(order.livemode).mutate(order.count.unwrap_or(1), state.now());
            Ok(json!({ "invoices": ids }))
        }
        ("POST", "faults") => {
            let mut faults = lock(&state.faults);
            if let Some(words) = &order.faults {
                faults.set(words.iter().map(|w| Fault::parse(w)).collect::<Result<_, _>>()?);
            }
            if let Some(paused) = order.paused {
                faults.pause(paused);
            }
            Ok(json!({ "ok": true }))
        }
        ("POST", "clock") => {
            state.skip(order.skip.ok_or_else(|| "`skip` is missing.".to_owned())?);
            Ok(json!({ "now": state.now() }))
        }
        ("POST", "relay") => relay(state, &order),
        ("POST", "limits") => {
            let word = order.limits.unwrap_or_default();
            let limits = Limits::parse(&word).ok_or_else(|| "`limits` is live, test or none.".to_owned())?;
            for limiter in &state.limiters {
                lock(limiter).set(limits);
            }
            Ok(json!({ "ok": true }))
        }
        _ => Err(format!("There is no {method} /_sandbox/{path}.")),
    }
}

/// Changes how the relay behaves, then does something to its open sockets.
fn relay(state: &State, order: &Order) -> Result<Value, String> {
    let mut options = state.relay.options();
    options.reset = order.reset.unwrap_or(options.reset);
    if let Some(word) = &order.second {
        options.second =
            SecondSocket::parse(word).ok_or_else(|| "`second` is overlap, replace or refuse.".to_owned())?;
    }
    state.relay.set(options);
    let mut told = 0;
    if order.silence {
        told += state.relay.order(&relay::Order::Silence);
    }
    if let Some(code) = order.close {
        if !(1000..5000).contains(&code) {
            return Err("`close` is a code from 1000 to 4999.".to_owned());
        }
        told += state.relay.order(&relay::Order::Close(code, ""));
    }
    if order.cut {
        told += state.relay.order(&relay::Order::Cut);
    }
    if order.forget {
        state.relay.forget();
    }
    Ok(json!({ "sockets": told }))
}
