//! A job while it runs: what it may use, how it tells its progress, how it ends; and how it is stored.
//!
//! A job must never hold state that only lives in memory and that the next start needs: what it has done is
//! in its document, stored in the same batch as the work.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::walk::Walk;
use crate::clock::Now;
use crate::engine::api::{
    DiscoverSpec, IntegrationId, JobId, JobKind, JobOutcome, JobState, JobView, Pace, PartView, SyncSpec,
};
use crate::integration::Integration;
use crate::store::{Batch, Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::{Client, Error};

/// Seconds over which a rate is smoothed.
const RATE_WINDOW_S: f64 = 5.0;
/// A rate is told once so many seconds have passed.
const SETTLED_S: f64 = 1.5;

/// What a job works with.
#[derive(Clone)]
pub struct Ctx {
    /// Where things go.
    pub store: Store,
    /// Paced and cancellable for this job.
    pub client: Client,
    /// For whom.
    pub integration: Arc<Integration>,
    /// The time.
    pub now: Now,
    /// Where progress is told.
    pub progress: Progress,
    /// Stops the job.
    pub cancel: CancellationToken,
}

/// Why a job ended before its work was done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Stop {
    /// The store can't go on.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stripe can't or won't.
    #[error(transparent)]
    Stripe(#[from] Error),
    /// The key could not be read from where it is kept: a locked keyring, a command that failed. Nothing was
    /// refused by Stripe.
    #[error("{0}")]
    Key(String),
    /// As many reads as were allowed have been used.
    #[error("stopped after {0} reads as asked (--max-reads); run it again to go on")]
    MaxReads(u64),
}

/// How a job ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All was done.
    Done,
    /// Some of it could not be done: a permission was withdrawn, or invoices failed.
    Partly,
}

impl Ctx {
    /// Reads that this job has sent, to be stored with the next batch.
    pub fn add_reads(&self, batch: &mut Batch) {
        let reads = self.progress.take_reads(&self.client);
        batch.reads(self.integration.id, (self.now)() / 86_400, reads);
    }

    /// Reads that the job may still send.
    pub fn reads_left(&self, max_reads: Option<u64>) -> u64 {
        max_reads.map_or(u64::MAX, |most| most.saturating_sub(self.client.own_reads()))
    }

    /// Ends the job when it is cancelled or has used its reads.
    pub fn check(&self, max_reads: Option<u64>) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(Stop::Stripe(Error::Cancelled));
        }
        match max_reads {
            Some(most) if self.client.own_reads() >= most => Err(Stop::MaxReads(most)),
            _ => Ok(()),
        }
    }
}

struct Live {
    view: JobView,
    samples: VecDeque<(Instant, u64)>,
    begun: Instant,
    stored_reads: u64,
    earlier_reads: u64,
    withdrawn: Vec<Kind>,
}

/// A job's progress: written by the job, read by whoever publishes snapshots.
#[derive(Clone)]
pub struct Progress {
    live: Arc<Mutex<Live>>,
    changed: Arc<Notify>,
}

impl Progress {
    /// Begins with what is known; `changed` is rung at every change.
    pub fn new(view: JobView, changed: Arc<Notify>) -> Self {
        let earlier_reads = view.reads;
        let live = Live {
            view,
            samples: VecDeque::new(),
            begun: Instant::now(),
            stored_reads: 0,
            earlier_reads,
            withdrawn: Vec::new(),
        };
        Self { live: Arc::new(Mutex::new(live)), changed }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Live) -> T) -> T {
        let mut live = self.live.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut live)
    }

    /// Changes the view.
    pub fn update(&self, change: impl FnOnce(&mut JobView)) {
        self.with(|live| change(&mut live.view));
        self.changed.notify_one();
    }

    /// What is known now, with rate and time left.
    pub fn view(&self) -> JobView {
        self.with(|live| live.view.clone())
    }

    /// Takes the client's counters into the view and works out the rate of `done`.
    pub fn tick(&self, client: &Client, rows_left: Option<f64>) {
        let counters = client.counters();
        self.with(|live| {
            let now = Instant::now();
            let view = &mut live.view;
            view.reads = live.earlier_reads + client.own_reads();
            view.retries = counters.retries;
            view.waiting = counters.waiting;
            // A sync brings several kinds: its pace is that of all of them together.
            let (moved, all) = match view.parts.as_slice() {
                [] => (view.done, None),
                parts => share(parts),
            };
            if let Some(all) = all.filter(|all| *all > 0) {
                view.fraction = Some((moved as f64 / all as f64).min(1.0));
            }
            let rows_left = rows_left.or(all.map(|all| all.saturating_sub(moved) as f64));
            live.samples.push_back((now, moved));
            while live
                .samples
                .front()
                .is_some_and(|(at, _)| now.duration_since(*at).as_secs_f64() > RATE_WINDOW_S)
            {
                live.samples.pop_front();
            }
            let settled = now.duration_since(live.begun).as_secs_f64() > SETTLED_S;
            if let (Some((first, before)), true) = (live.samples.front(), settled) {
                let seconds = now.duration_since(*first).as_secs_f64();
                if seconds > 0.2 {
                    view.rate = (moved - before.min(&moved)) as f64 / seconds;
                }
            }
            view.eta_s = match (rows_left, view.rate > 0.5 && settled) {
                (Some(left), true) => Some((left / view.rate).ceil() as u64),
                _ => None,
            };
        });
        self.changed.notify_one();
    }

    /// Takes over why nothing moves, between pages: a slow or absent network brings none.
    pub fn refresh(&self, client: &Client) {
        let waiting = client.counters().waiting;
        let changed = self.with(|live| {
            let changed = live.view.waiting != waiting;
            live.view.waiting = waiting;
            changed
        });
        if changed {
            self.changed.notify_one();
        }
    }

    /// One kind's share of a sync.
    pub fn part(&self, part: PartView) {
        self.update(|view| match view.parts.iter_mut().find(|known| known.kind == part.kind) {
            Some(known) => *known = part,
            None => view.parts.push(part),
        });
    }

    /// A warning, once.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        self.update(|view| {
            if !view.warnings.contains(&text) {
                view.warnings.push(text);
            }
        });
    }

    /// Stripe refused a kind that the key could read when it was checked.
    pub fn withdrawn(&self, kind: Kind) {
        self.with(|live| live.withdrawn.push(kind));
    }

    /// The kinds that were refused in this run.
    pub fn take_withdrawn(&self) -> Vec<Kind> {
        self.with(|live| std::mem::take(&mut live.withdrawn))
    }

    fn take_reads(&self, client: &Client) -> u64 {
        let reads = client.own_reads();
        self.with(|live| {
            let new = reads - live.stored_reads.min(reads);
            live.stored_reads = reads;
            new
        })
    }
}

/// Objects brought and wanted, over all kinds that are not refused.
fn share(parts: &[PartView]) -> (u64, Option<u64>) {
    let counted = parts.iter().filter(|part| !part.not_allowed);
    let (mut done, mut all) = (0, 0);
    for part in counted {
        let total = part.total.unwrap_or(part.done).max(part.done);
        all += total;
        done += if part.finished { total } else { part.done };
    }
    (done, Some(all))
}

/// A discover or sync as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDoc {
    /// As last shown: state, counts, times.
    pub view: JobView,
    /// What was asked.
    pub what: What,
    /// First second of the range.
    pub gte: Option<i64>,
    /// The second after the range.
    pub lt: i64,
    /// Where its walks are, by list name.
    pub walks: BTreeMap<String, Walk>,
    /// A sync: which invoices (and which content of them) its walks were for, of those that are left.
    #[serde(default)]
    pub work: u64,
}

/// What a job was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// Stripe's invoices into the catalog.
    Discover(DiscoverSpec),
    /// The catalog into records.
    Sync(SyncSpec),
}

impl What {
    /// The same work, whatever its pace and limit.
    pub fn same_work(&self, other: &What) -> bool {
        match (self, other) {
            (What::Discover(a), What::Discover(b)) => {
                let plain =
                    |spec: &DiscoverSpec| DiscoverSpec { pace: Pace::Auto, max_reads: None, ..spec.clone() };
                plain(a) == plain(b)
            }
            // A sync takes up what is pending, whatever was asked for before; but a larger batch is a new run.
            (What::Sync(a), What::Sync(b)) => {
                let plain = |spec: &SyncSpec| SyncSpec {
                    pace: Pace::Auto,
                    max_reads: None,
                    delay_ms: 0,
                    ..spec.clone()
                };
                plain(a) == plain(b)
            }
            _ => false,
        }
    }
}

impl JobDoc {
    /// The name of its document.
    pub fn name(integration: IntegrationId, kind: JobKind) -> String {
        Integration::own_document(
            integration,
            match kind {
                JobKind::Discover => "discover",
                JobKind::Sync => "sync",
            },
        )
    }

    /// A new one.
    pub fn new(id: JobId, what: What, range: (Option<i64>, i64), now: i64, pace: String) -> Self {
        let (kind, statuses, from, to) = match &what {
            What::Discover(spec) => {
                (JobKind::Discover, super::discover::statuses(spec), spec.from.clone(), spec.to.clone())
            }
            What::Sync(_) => (JobKind::Sync, Vec::new(), None, None),
        };
        let view = JobView {
            id,
            kind,
            state: JobState::Running,
            outcome: None,
            started_at: now,
            finished_at: None,
            statuses,
            from,
            to,
            done: 0,
            total: None,
            fraction: None,
            rate: 0.0,
            eta_s: None,
            pages: 0,
            reads: 0,
            retries: 0,
            skipped: 0,
            errors: 0,
            remaining: 0,
            waiting: None,
            parts: Vec::new(),
            warnings: Vec::new(),
            error: None,
            pace,
            gets_per_s: 0.0,
            gets_limit: 0,
        };
        Self { view, what, gte: range.0, lt: range.1, walks: BTreeMap::new(), work: 0 }
    }

    /// Lets a run that is taken up again reach to now.
    pub fn reach(&mut self, lt: i64) {
        if lt > self.lt {
            for walk in self.walks.values_mut() {
                walk.extend(lt);
            }
            self.lt = lt;
        }
    }

    /// Can be taken up again: it did not come to its end.
    pub fn is_unfinished(&self) -> bool {
        self.view.state != JobState::Completed
    }

    /// Writes how the job ended into its view.
    pub fn close(&mut self, result: &Result<End, Stop>, now: i64) {
        let view = &mut self.view;
        view.finished_at = Some(now);
        view.rate = 0.0;
        view.eta_s = None;
        view.waiting = None;
        let (state, outcome, error) = match result {
            Ok(End::Done) => (JobState::Completed, JobOutcome::Done, None),
            Ok(End::Partly) => (JobState::Completed, JobOutcome::Partly, None),
            Err(Stop::Stripe(Error::Cancelled)) => (JobState::Cancelled, JobOutcome::Stopped, None),
            Err(stop @ Stop::MaxReads(_)) => {
                (JobState::Cancelled, JobOutcome::Partly, Some(stop.to_string()))
            }
            Err(Stop::Stripe(error)) if error.is_key_refused() => {
                (JobState::Failed, JobOutcome::KeyRefused, Some(error.to_string()))
            }
            Err(Stop::Stripe(error @ Error::MissingPermission { .. })) => {
                (JobState::Failed, JobOutcome::Partly, Some(error.to_string()))
            }
            Err(stop) => (JobState::Failed, JobOutcome::Failed, Some(stop.to_string())),
        };
        view.state = state;
        view.outcome = Some(outcome);
        view.error = error;
        if state == JobState::Completed {
            view.fraction = Some(1.0);
        }
    }
}
