//! `/metrics`: numbers for Prometheus, in its text format 0.0.4.
//!
//! Labels are bounded: sources and states are few, integrations as many as are connected, event types at most
//! `TYPES`, the rest `other`. It must never label anything with what only one payment has.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;

use super::super::http::Connections;
use super::super::receiver;
use super::Shared;
use super::fault::answer;
use super::routes::Reply;
use crate::engine::Engine;
use crate::engine::api::{EventRow, IntegrationId, JobState, LinkView, Phase, Snapshot, Source};
use crate::store::Store;

/// Event types that are told apart; Stripe has about 260.
const TYPES: usize = 300;
/// Upper edges of the lag's buckets, in seconds.
const EDGES: [i64; 9] = [1, 2, 5, 10, 30, 60, 900, 3600, 86_400];

/// What is counted in this process.
#[derive(Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// Events by source and type.
    events: BTreeMap<(&'static str, String), u64>,
    types: usize,
    lag: BTreeMap<&'static str, Lag>,
    requests: BTreeMap<u16, u64>,
    listeners: Vec<(&'static str, Connections)>,
    receiver: Option<Arc<receiver::Counts>>,
    /// What happened before this moment came late because nobody ran: that is no lag.
    since: i64,
    /// Events that had arrived when they were counted last.
    seen: HashMap<IntegrationId, u64>,
}

#[derive(Default)]
struct Lag {
    buckets: [u64; EDGES.len()],
    count: u64,
    sum: i64,
}

fn word(source: Source) -> &'static str {
    match source {
        Source::Poll => "poll",
        Source::Relay => "relay",
        Source::Endpoint => "endpoint",
    }
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A listener whose connections are told.
    pub fn listener(&self, name: &'static str, connections: Connections) {
        self.counts().listeners.push((name, connections));
    }

    /// A receiver of deliveries, whose counts are told.
    pub fn deliveries(&self, counts: Arc<receiver::Counts>) {
        self.counts().receiver = Some(counts);
    }

    /// A request was answered.
    pub fn request(&self, status: u16) {
        *self.counts().requests.entry(status).or_default() += 1;
    }

    /// Counts events as they come, until the engine ends.
    pub async fn watch(self: &Metrics, engine: &Engine) {
        if engine.ready().await.is_err() {
            return;
        }
        let mut snapshots = engine.snapshots();
        self.counts().since = (engine.options().now)();
        if let Some(store) = engine.store() {
            let ids = snapshots.borrow().integrations.iter().map(|one| one.id).collect::<Vec<_>>();
            // What was there before this process is not its work.
            self.counts().seen = ids.into_iter().map(|id| (id, store.counters(id).arrived)).collect();
        }
        while snapshots.changed().await.is_ok() {
            let ids: Vec<IntegrationId> =
                snapshots.borrow_and_update().integrations.iter().map(|one| one.id).collect();
            let Some(store) = engine.store() else { return };
            for id in ids {
                self.news(&store, id).await;
            }
        }
    }

    async fn news(&self, store: &Store, id: IntegrationId) {
        let seen = self.counts().seen.get(&id).copied().unwrap_or(0);
        if store.counters(id).arrived <= seen {
            return;
        }
        let store = store.clone();
        // What cannot be read now is counted the next time.
        let Ok(Ok(rows)) = tokio::task::spawn_blocking(move || store.arrivals(id, seen)).await else {
            return;
        };
        let mut counts = self.counts();
        counts.seen.insert(id, seen + rows.len() as u64);
        for row in &rows {
            counts.event(row);
        }
    }
}

impl Counts {
    fn event(&mut self, row: &EventRow) {
        let source = word(row.source);
        let known = self.events.keys().any(|(_, kind)| *kind == row.event_type);
        if !known {
            self.types += 1;
        }
        let kind = if known || self.types <= TYPES { row.event_type.clone() } else { "other".to_owned() };
        *self.events.entry((source, kind)).or_default() += 1;
        if row.created < self.since {
            return;
        }
        let seconds = (row.received - row.created).max(0);
        let lag = self.lag.entry(source).or_default();
        lag.count += 1;
        lag.sum = lag.sum.saturating_add(seconds);
        for (bucket, edge) in lag.buckets.iter_mut().zip(EDGES) {
            *bucket += u64::from(seconds <= edge);
        }
    }
}

/// `GET /metrics`
pub async fn page(State(shared): State<Arc<Shared>>) -> Reply {
    let snapshot = crate::engine::publish::build(&shared.engine);
    let sent = shared.engine.sent();
    let dir = shared.engine.options().data_dir.clone();
    let size = tokio::task::spawn_blocking(move || folder_size(&dir)).await.unwrap_or(0);
    let mut text = Text::default();
    system(&mut text, &snapshot, size);
    integrations(&mut text, &snapshot);
    targets(&mut text, &snapshot);
    text.family("tillwatch_stripe_reads_total", "counter", "GETs sent to Stripe by this process");
    for (id, one) in &sent {
        text.sample("tillwatch_stripe_reads_total", &[("integration", name(&snapshot, *id))], one.reads);
    }
    text.family("tillwatch_stripe_rate_limited_total", "counter", "Answers 429 of Stripe");
    for (id, one) in &sent {
        let labels = [("integration", name(&snapshot, *id))];
        text.sample("tillwatch_stripe_rate_limited_total", &labels, one.rate_limited);
    }
    text.family("tillwatch_stripe_retries_total", "counter", "Requests to Stripe that were tried again");
    for (id, one) in &sent {
        text.sample("tillwatch_stripe_retries_total", &[("integration", name(&snapshot, *id))], one.retries);
    }
    counted(&mut text, &shared.metrics.counts());
    let queue = "tillwatch_intake_queue_length";
    text.family(queue, "gauge", "Deliveries that wait for the store");
    for (id, waiting) in shared.engine.deliveries_waiting() {
        text.sample(queue, &[("integration", name(&snapshot, id))], waiting);
    }
    Ok(answer(200, "text/plain; version=0.0.4; charset=utf-8", text.0))
}

fn name(snapshot: &Snapshot, id: IntegrationId) -> &str {
    snapshot.integrations.iter().find(|one| one.id == id).map_or("", |one| &one.name)
}

fn system(text: &mut Text, snapshot: &Snapshot, size: u64) {
    text.one(
        "tillwatch_ready",
        "gauge",
        "1 when the store is open",
        u64::from(snapshot.phase == Phase::Ready),
    );
    text.family("tillwatch_build_info", "gauge", "Always 1; the version is a label");
    text.sample("tillwatch_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.one("tillwatch_store_bytes", "gauge", "Bytes of the data folder", size);
}

fn integrations(text: &mut Text, snapshot: &Snapshot) {
    let all = &snapshot.integrations;
    let mut each =
        |name: &str, help: &str, value: &dyn Fn(&crate::engine::api::IntegrationView) -> Option<i64>| {
            text.family(name, "gauge", help);
            for one in all {
                if let Some(value) = value(one) {
                    text.sample(name, &[("integration", &one.name)], value);
                }
            }
        };
    each("tillwatch_events_kept", "Events in the log", &|one| Some(one.events_kept as i64));
    each("tillwatch_last_event_timestamp_seconds", "When the newest event happened", &|one| {
        one.last_event_at
    });
    each("tillwatch_complete_to_timestamp_seconds", "Everything at Stripe up to then is here", &|one| {
        one.complete_to
    });
    each("tillwatch_last_poll_timestamp_seconds", "When a poll last ended well", &|one| one.poll.last_at);
    each("tillwatch_stripe_reads_30_days", "GETs of the last 30 days that Stripe counts", &|one| {
        Some(one.reads.last_30_days as i64)
    });
    each("tillwatch_stripe_reads_floor", "GETs that every account may send in 30 days", &|one| {
        Some(one.reads.floor as i64)
    });
    each("tillwatch_relay_connected", "1 while the relay's socket is open", &|one| {
        let open = matches!(one.link, LinkView::Connected { .. } | LinkView::Resetting { .. });
        Some(i64::from(open))
    });
    each(
        "tillwatch_endpoint_working",
        "1 while nothing is known to be wrong with the webhook endpoint",
        &|one| {
            let endpoint = one.endpoint.as_ref()?;
            Some(i64::from(endpoint.problem(one.id.0).is_none()))
        },
    );
    each("tillwatch_open_cases", "Failed payments that are open", &|one| Some(one.open_cases as i64));
    text.family("tillwatch_integration_state", "gauge", "1 for the state that an integration is in");
    for one in all {
        let state = crate::engine::status::health(&one.health);
        text.sample("tillwatch_integration_state", &[("integration", &one.name), ("state", state)], 1);
    }
    let name = "tillwatch_deliveries_refused_total";
    text.family(
        name,
        "counter",
        "Deliveries to an integration's address with a wrong signature, or a wrong time",
    );
    for one in all {
        let Some(endpoint) = &one.endpoint else { continue };
        for (why, count) in [("signature", endpoint.unsigned), ("time", endpoint.untimely)] {
            text.sample(name, &[("integration", &one.name), ("why", why)], count);
        }
    }
    text.family("tillwatch_catalog", "gauge", "Invoices in the catalog by processing status");
    for one in all {
        let c = &one.catalog;
        let states = [
            ("pending", c.pending),
            ("processing", c.processing),
            ("synced", c.synced),
            ("skipped", c.skipped),
            ("error", c.error),
            ("stale", c.stale),
            ("gone", c.gone),
        ];
        for (state, count) in states {
            text.sample(
                "tillwatch_catalog",
                &[("integration", &one.name), ("processing_status", state)],
                count,
            );
        }
    }
    text.family("tillwatch_job_running", "gauge", "1 while a job runs");
    for one in all {
        for (job, view) in [("discover", &one.discover), ("sync", &one.sync)] {
            let runs =
                view.as_ref().is_some_and(|job| matches!(job.state, JobState::Running | JobState::Queued));
            text.sample(
                "tillwatch_job_running",
                &[("integration", &one.name), ("job", job)],
                u64::from(runs),
            );
        }
    }
}

fn targets(text: &mut Text, snapshot: &Snapshot) {
    text.family("tillwatch_forward_queue_length", "gauge", "Events that wait for a target");
    for one in &snapshot.targets {
        text.sample("tillwatch_forward_queue_length", &[("target", &one.id.0.to_string())], one.waiting);
    }
    text.family("tillwatch_forward_parked", "gauge", "Events that are left for a person");
    for one in &snapshot.targets {
        text.sample("tillwatch_forward_parked", &[("target", &one.id.0.to_string())], one.parked);
    }
}

fn counted(text: &mut Text, counts: &Counts) {
    text.family("tillwatch_events_total", "counter", "Events stored by this process");
    for ((source, kind), count) in &counts.events {
        text.sample("tillwatch_events_total", &[("source", source), ("type", kind)], *count);
    }
    let name = "tillwatch_event_lag_seconds";
    text.family(
        name,
        "histogram",
        "From an event's time to its being stored, of what happened while this process ran",
    );
    for (source, lag) in &counts.lag {
        for (edge, count) in EDGES.iter().zip(lag.buckets) {
            let labels = [("source", *source), ("le", &edge.to_string())];
            text.sample(&format!("{name}_bucket"), &labels, count);
        }
        text.sample(&format!("{name}_bucket"), &[("source", source), ("le", "+Inf")], lag.count);
        text.sample(&format!("{name}_sum"), &[("source", source)], lag.sum);
        text.sample(&format!("{name}_count"), &[("source", source)], lag.count);
    }
    text.family("tillwatch_http_requests_total", "counter", "Requests answered by the API");
    for (status, count) in &counts.requests {
        text.sample("tillwatch_http_requests_total", &[("status", &status.to_string())], *count);
    }
    if let Some(receiver) = &counts.receiver {
        let name = "tillwatch_deliveries_total";
        text.family(
            name,
            "counter",
            "Deliveries answered: taken (200), refused (4xx), lost (404, no such address), later (503)",
        );
        let answers = [
            ("taken", &receiver.taken),
            ("refused", &receiver.refused),
            ("lost", &receiver.lost),
            ("later", &receiver.later),
        ];
        for (answer, count) in answers {
            text.sample(name, &[("answer", answer)], count.load(Ordering::Relaxed));
        }
    }
    text.family("tillwatch_http_connections", "gauge", "Open connections of a listener");
    for (listener, connections) in &counts.listeners {
        text.sample("tillwatch_http_connections", &[("listener", listener)], connections.count());
    }
}

/// The text format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (at, (label, said)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let said = said.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{before}{label}=\"{said}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// Bytes of all files in a folder. What cannot be read counts nothing.
fn folder_size(dir: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => folder_size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::api::Marks;

    fn row(kind: &str, lag: i64) -> EventRow {
        EventRow {
            integration: IntegrationId(1),
            id: "evt_1".into(),
            created: 1000,
            received: 1000 + lag,
            event_type: kind.into(),
            object: String::new(),
            amount: None,
            who: String::new(),
            source: Source::Relay,
            starred: false,
            marks: Marks::default(),
        }
    }

    #[test]
    fn types_beyond_the_bound_are_counted_as_other() {
        let mut counts = Counts::default();
        for number in 0..TYPES + 50 {
            counts.event(&row(&format!("made.up{number}"), 3));
        }
        counts.event(&row("made.up0", -5));
        counts.since = 1001;
        counts.event(&row("made.up1", 9_000_000));
        assert_eq!(counts.events.len(), TYPES + 1);
        assert_eq!(counts.events[&("relay", "other".to_owned())], 50);
        assert_eq!(counts.events[&("relay", "made.up0".to_owned())], 2);
        assert_eq!(counts.events[&("relay", "made.up1".to_owned())], 2);
        let lag = &counts.lag["relay"];
        assert_eq!((lag.count, lag.buckets[0], lag.buckets[2]), (TYPES as u64 + 51, 1, TYPES as u64 + 51));
    }

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.sample("a", &[("b", "x\"y\\z\n")], 1);
        text.one("c", "gauge", "d", 2);
        assert_eq!(text.0, "a{b=\"x\\\"y\\\\z\\n\"} 1\n# HELP c d\n# TYPE c gauge\nc 2\n");
    }
}
