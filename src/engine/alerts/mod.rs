//! Alerts: what a person wants to be called for, decided from snapshots, told once until it is over.
//!
//! [`Decider`] is pure: what it is shown and a time in, alerts out. The runner shows it each snapshot, keeps what it
//! says for front-ends, and has [`command`] run the person's own command. It must never tell anything twice, hold up
//! what it watches, or put a key or a text from outside into a command line.

pub mod command;
mod decide;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Engine;
use super::api::{Alert, Level, Snapshot};
use super::query::Heard;
pub use decide::{Decider, Said};

/// Alerts kept for front-ends.
const KEPT: usize = 50;
/// Looked at again after so long without a change: waiting times end without one.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Alerts that wait for the command; beyond them the newest are not handed to it.
const WAITING: usize = 64;

/// What a person wants to be called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Run for each alert, with the alert as JSON on its standard input.
    pub on_alert: Option<OnAlert>,
    /// Seconds without a successful comparison with Stripe's list; 0: never told.
    pub unchecked_s: i64,
    /// Seconds that a source of events may fail; 0: never told.
    pub source_s: i64,
    /// Failed payments above this are told: minor units by ISO code in lower case.
    pub failed_above: BTreeMap<String, i64>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { on_alert: None, unchecked_s: 2 * 3600, source_s: 15 * 60, failed_above: BTreeMap::new() }
    }
}

/// A person's command, as it is written in the configuration; nothing is ever added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnAlert {
    /// One line for the shell.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<String>),
}

/// Watches until the engine ends.
pub async fn run(engine: &Engine) {
    let settings = engine.inner.options.alerts.clone();
    let cancel = engine.inner.cancel.clone();
    let mut decider = Decider::new(settings.clone(), engine.now());
    let mut snapshots = engine.snapshots();
    let (hand_over, waiting) = mpsc::channel(WAITING);
    if let Some(on_alert) = settings.on_alert.clone() {
        let teller = engine.clone();
        engine.spawn(async move {
            let failed = |text: String| teller.message(Level::Warning, None, text);
            command::run_all(on_alert, waiting, teller.inner.cancel.clone(), failed).await;
        });
    }
    let mut heard = (None, Vec::new());
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        look(engine, &mut decider, &snapshot, &mut heard, &settings, &hand_over);
        tokio::select! {
            () = cancel.cancelled() => return,
            changed = snapshots.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn look(
    engine: &Engine,
    decider: &mut Decider,
    snapshot: &Arc<Snapshot>,
    heard: &mut (Option<u64>, Vec<Heard>),
    settings: &Settings,
    hand_over: &mpsc::Sender<command::Body>,
) {
    let now = engine.now();
    if !settings.failed_above.is_empty() && heard.0 != Some(snapshot.cases_version) {
        let query = engine.state().query.clone();
        if let Some(query) = query {
            let version = query.cases_version();
            *heard = (Some(version), query.heard_since(decider.started_at(), &settings.failed_above, now));
        }
    }
    let said = decider.look(snapshot, &heard.1, now);
    if said.is_empty() {
        return;
    }
    let mut state = engine.state();
    for said in said {
        state.alert_seq += 1;
        let alert = Alert { seq: state.alert_seq, ..said.alert };
        if settings.on_alert.is_some()
            && let Some(body) = command::Body::new(&alert, snapshot, said.row)
            && hand_over.try_send(body).is_err()
        {
            tracing::warn!("an alert was not handed to the command: too many wait");
        }
        state.alerts.push_back(alert);
        while state.alerts.len() > KEPT {
            state.alerts.pop_front();
        }
    }
    drop(state);
    engine.inner.changed.notify_one();
}

#[cfg(test)]
mod tests;
