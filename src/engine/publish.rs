//! Snapshots: built when something changed, at most fifty a second, newest wins.
//!
//! It must never block on the network, and never run when nothing changed.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Engine;
use super::api::{
    Health, IntegrationId, IntegrationView, JobState, JobView, PollView, ReadsView, Snapshot, StoredKind,
};
use super::runtime::Runtime;
use crate::events::poll::Cursor;
pub use crate::events::schedule::READ_FLOOR;
use crate::store::Store;
use crate::stripe::kind::Kind;

/// Between two snapshots.
const PAUSE: Duration = Duration::from_millis(20);
/// Kinds that a payments-only integration keeps.
const PAYMENT_KINDS: [Kind; 2] = [Kind::PaymentIntent, Kind::Charge];
/// Kinds that sync keeps with billing on.
const BILLING_KINDS: [Kind; 6] =
    [Kind::Invoice, Kind::Customer, Kind::Product, Kind::InvoicePayment, Kind::PaymentIntent, Kind::Charge];

/// Publishes until the engine ends.
pub async fn run(engine: &Engine) {
    let cancel = engine.inner.cancel.clone();
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            () = engine.inner.changed.notified() => {}
        }
        now(engine);
        tokio::select! {
            () = cancel.cancelled() => break,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    now(engine);
}

/// Publishes at once: whoever is answered must not find a snapshot that is older than the answer. One at a
/// time, so that an older one never replaces a newer.
pub fn now(engine: &Engine) {
    let _turn = engine.inner.publishing.lock().unwrap_or_else(PoisonError::into_inner);
    engine.inner.snapshots.send_replace(Arc::new(build(engine)));
}

/// The state of the moment.
pub fn build(engine: &Engine) -> Snapshot {
    let now = engine.now();
    let options = &engine.inner.options;
    let mut state = engine.state();
    let state = &mut *state;
    let query = state.query.as_deref();
    let integrations = match &state.store {
        Some(store) => {
            let of = |runtime: &mut Runtime| {
                let mut view = view(store, runtime, now);
                if let Some(query) = query {
                    let today = runtime.cases.get(query, view.id, &view.timezone, now);
                    view.open_cases = today.open;
                    view.payments_today = today.payments;
                }
                view
            };
            state.runtimes.values_mut().map(of).collect()
        }
        None => Vec::new(),
    };
    Snapshot {
        phase: state.phase.clone(),
        demo: options.demo,
        read_only: options.read_only,
        data_dir: options.data_dir.display().to_string(),
        attached: None,
        integrations,
        events_version: state.events_version,
        records_version: state.store.as_ref().map_or(0, |store| store.changes().records_version()),
        events_keep: options.upkeep.keep.to_string(),
        key_checks: state.offers.views(),
        remembered: state.remembered.clone(),
        messages: state.messages.iter().cloned().collect(),
        targets: state.forwarding.views(state.store.as_ref(), &state.runtimes),
        deliveries_version: state.deliveries_version,
        cases_version: query.map_or(0, super::query::Query::cases_version),
        alerts: state.alerts.iter().cloned().collect(),
    }
}

/// The time of the newest event in the log; 0: there is none.
fn newest_stored(store: &Store, id: IntegrationId) -> i64 {
    store.newest_event(id).ok().flatten().unwrap_or(0)
}

/// Whether events were missed for good, and no full walk since has made up for it.
fn is_holed(cursor: &Cursor, discover: Option<&JobView>, sync: Option<&JobView>) -> bool {
    let Some(hole) = cursor.hole_at else { return false };
    let whole = |job: Option<&JobView>| {
        job.is_some_and(|job| {
            job.state == JobState::Completed && job.started_at >= hole && job.from.is_none()
        })
    };
    !(whole(discover) && whole(sync))
}

fn view(store: &Store, runtime: &Runtime, now: i64) -> IntegrationView {
    let config = &runtime.config;
    let counters = store.counters(config.id);
    let cursor: Cursor = store.meta(&Cursor::name(config.id)).ok().flatten().unwrap_or_default();
    let health = match (config.health(), &runtime.offline) {
        (Health::Connected | Health::Degraded { .. }, Some((since, reason))) => {
            Health::Offline { since: *since, reason: reason.clone() }
        }
        (health, _) => health,
    };
    let sync = runtime.sync.view();
    let discover = runtime.discover.view();
    // A run that was stopped says nothing of how complete a kind is.
    let whole = sync.as_ref().filter(|job| job.state == JobState::Completed);
    let synced_at = whole.and_then(|job| job.finished_at);
    let base: &[Kind] = if config.billing { &BILLING_KINDS } else { &PAYMENT_KINDS };
    let stored = Kind::all()
        .filter(|kind| base.contains(kind) || counters.count(*kind) > 0)
        .map(|kind| StoredKind {
            kind,
            count: counters.count(kind),
            synced_at,
            allowed: config.may(kind.permission()),
        })
        .collect();
    let today =
        if super::runtime::day_start(now, &config.timezone) == runtime.today.0 { runtime.today.1 } else { 0 };
    let (heard_at, gaps) = {
        let live = runtime.shared.live();
        (live.alive_at, live.gaps.iter().copied().collect())
    };
    let holed = is_holed(&cursor, discover.as_ref(), sync.as_ref());
    IntegrationView {
        id: config.id,
        name: config.name.clone(),
        description: config.description.clone().unwrap_or_default(),
        key: config.key.as_ref().map(|key| key.masked.clone()).unwrap_or_default(),
        key_place: config.key.as_ref().map(crate::integration::config::KeyNote::kept).unwrap_or_default(),
        connected_at: config.connected_at,
        account: config.account.clone(),
        livemode: config.livemode,
        billing: config.billing,
        delivery: config.delivery,
        timezone: config.timezone.clone(),
        health,
        link: runtime.link.clone(),
        endpoint: super::endpoints::view(store, runtime),
        heard_at: Some(heard_at).filter(|at| *at > 0),
        gaps,
        hole_at: cursor.hole_at.filter(|_| holed),
        poll: PollView {
            every_s: super::poller::effective_s(runtime),
            last_at: cursor.polled_at,
            next_at: runtime.poll.next_at,
            running: runtime.poll.running,
            error: runtime.poll.error.clone(),
            held: runtime.poll.held.clone(),
        },
        last_event_at: Some(cursor.newest_created.max(newest_stored(store, config.id))).filter(|at| *at > 0),
        complete_to: cursor.complete_to.filter(|_| !holed),
        reads: ReadsView { last_30_days: counters.reads_30_days(now / 86_400), floor: READ_FLOOR },
        events_kept: counters.events,
        events_bytes: counters.event_bytes,
        events_today: today,
        payments_today: Vec::new(),
        open_cases: 0,
        events_per_minute: runtime.minutes.list(now),
        catalog: counters.catalog,
        stored,
        discover,
        sync,
        sync_estimate_reads: crate::sync::plan::guess(config, &counters),
    }
}
