//! The three documented endpoints: discover, sync, status.
//!
//! A job runs in the engine and goes on without the client. It must never start a second one of a kind: that is told by
//! an early answer.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};

use super::Shared;
use super::fault::{Fault, answer, sentence};
use super::fields::{Fields, Query};
use super::pick::{FIELD, connected, pick};
use super::routes::Reply;
use crate::clock;
use crate::engine::Engine;
use crate::engine::api::{Answer, DiscoverSpec, Health, IntegrationView, JobId, JobKind, Request, SyncSpec};
use crate::engine::status::body;
use crate::sync::discover::{STATUSES, statuses};

/// Catalog rows that a sync takes up at most, if it is not told (documented).
const BATCH_SIZE: u64 = 50;
/// Seconds between two invoices, if it is not told (documented).
const DELAY: f64 = 0.2;
/// The longest pause between two invoices, in seconds: as on the command line.
const LONGEST_DELAY: f64 = 3600.0;

/// `POST …/sync/discover`
pub async fn discover(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    bytes: Bytes,
) -> Reply {
    let strict = Query::parse(query.as_deref()).flag("strict")?;
    let fields = Fields::parse(&headers, &bytes)?;
    let words = fields.words("statuses", &STATUSES)?.unwrap_or_default();
    let include_draft = fields.flag("include_draft")?;
    let (from, to) = (fields.day("from_date")?, fields.day("to_date")?);
    let word = fields.text(FIELD)?;
    let snapshot = shared.snapshot()?;
    let view = pick(&snapshot, word)?;
    let today = clock::today((shared.engine.options().now)(), &view.timezone);
    let given = from.is_some();
    let (from, to) = (from.unwrap_or(today), to.unwrap_or(today));
    if from > to && given {
        let text = format!("from_date, {from}, is after to_date, {to}.");
        return Err(Fault::invalid("from_date", text));
    }
    if from > to {
        let text =
            format!("to_date, {to}, is before today, {from}, where from_date begins if it is left out.");
        return Err(Fault::invalid("to_date", text));
    }
    let spec = DiscoverSpec {
        statuses: words,
        from: Some(from.to_string()),
        to: Some(to.to_string()),
        include_draft,
        ..DiscoverSpec::default()
    };
    let told = json!({
        "organization_uid": view.name,
        "statuses": statuses(&spec),
        "from_date": spec.from,
        "to_date": spec.to,
    });
    let request = Request::Discover { integration: view.id, spec };
    start(&shared, view, JobKind::Discover, request, told, strict).await
}

/// `POST …/sync`
pub async fn sync(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    bytes: Bytes,
) -> Reply {
    let strict = Query::parse(query.as_deref()).flag("strict")?;
    let fields = Fields::parse(&headers, &bytes)?;
    let batch_size = fields.whole("batch_size", 1)?.unwrap_or(BATCH_SIZE);
    let delay = fields.number("delay_between_items", LONGEST_DELAY)?.unwrap_or(DELAY);
    let retry_errors = fields.flag("retry_errors")?;
    let word = fields.text(FIELD)?;
    let snapshot = shared.snapshot()?;
    let view = pick(&snapshot, word)?;
    let spec = SyncSpec {
        batch_size: Some(batch_size),
        delay_ms: (delay * 1000.0).round() as u64,
        retry_errors,
        ..SyncSpec::default()
    };
    let told = json!({
        "organization_uid": view.name,
        "batch_size": batch_size,
        "delay_between_items": delay,
        "retry_errors": retry_errors,
    });
    let request = Request::Sync { integration: view.id, spec };
    start(&shared, view, JobKind::Sync, request, told, strict).await
}

/// `GET …/sync/status`
pub async fn status(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let query = Query::parse(query.as_deref());
    let word = query.get(FIELD)?;
    let snapshot = shared.snapshot()?;
    let view = pick(&snapshot, word)?;
    serde_json::to_string(&body(view, &snapshot.events_keep))
        .map(|text| answer(200, "application/json", text))
        .map_err(|_| Fault::ours())
}

async fn start(
    shared: &Shared,
    view: &IntegrationView,
    kind: JobKind,
    request: Request,
    mut told: Value,
    strict: bool,
) -> Reply {
    connected(view)?;
    let what = match kind {
        JobKind::Discover => "Stripe invoice discovery",
        JobKind::Sync => "Stripe invoice sync",
    };
    match to_its_end(&shared.engine, request).await? {
        Answer::Started { job, .. } => {
            told["job_id"] = job.to_string().into();
            let body = json!({ "message": format!("{what} queued successfully"), "data": told });
            Ok(answer(200, "application/json", body.to_string()))
        }
        Answer::Busy { job } if strict => Err(busy(job, what)),
        Answer::Busy { job } => Ok(skipped(job, what, kind)),
        Answer::Refused { reason } => Err(refused(view, kind, &reason)),
        _ => Err(Fault::ours()),
    }
}

/// On a task of its own: this handler goes with its client, and a job that is stored as running must not be left without
/// anybody who runs it.
async fn to_its_end(engine: &Engine, request: Request) -> Result<Answer, Fault> {
    let engine = engine.clone();
    tokio::spawn(async move { engine.request(request).await }).await.map_err(|_| Fault::ours())
}

fn reason(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Discover => "discover_in_progress",
        JobKind::Sync => "sync_in_progress",
    }
}

/// The documentation does not tell on which level the two words stand: they stand on both.
fn skipped(job: JobId, what: &str, kind: JobKind) -> Response<Body> {
    let body = json!({
        "message": format!("{what} is already running"),
        "skipped": true,
        "reason": reason(kind),
        "data": { "skipped": true, "reason": reason(kind), "job_id": job.to_string() },
    });
    answer(200, "application/json", body.to_string())
}

fn busy(job: JobId, what: &str) -> Fault {
    Fault::new(409, "in_progress", None, format!("{what} is already running as {job}: wait for its end."))
}

/// What stands in the way is the key's, the integration's, or passes.
fn refused(view: &IntegrationView, kind: JobKind, reason: &str) -> Fault {
    let reason = sentence(reason);
    let needed = if view.billing { "rak_invoice_read" } else { "rak_payment_intent_read" };
    let lacks = |missing: &[crate::engine::api::Missing]| missing.iter().any(|one| one.permission == needed);
    match &view.health {
        Health::KeyRefused { .. } => Fault::new(403, "key_refused", Some(FIELD), reason),
        Health::Degraded { missing } if lacks(missing) => {
            Fault::new(403, "permission_missing", Some(FIELD), reason)
        }
        _ if kind == JobKind::Discover && !view.billing => Fault::invalid(FIELD, reason),
        _ => Fault::not_now(reason),
    }
}
