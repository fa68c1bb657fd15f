//! A job while it runs: what it may use, how it tells its progress, how it ends; and how it is stored.
//!
//! A job must never hold state that only lives in memory and that the next start needs: what it has done is
//! in its document, stored in the same batch as the work.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::rates::Gauge;
use super::walk::Walk;
use crate::clock::Now;
use crate::engine::api::{
    DiscoverSpec, IntegrationId, JobId, JobKind, JobOutcome, JobState, JobView, Pace, PartView, SyncSpec,
};
use crate::integration::Integration;
use crate::store::{Batch, Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::{Client, Error};

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

    /// Rests for a while, unless the job is cancelled.
    pub async fn wait(&self, pause: Duration) -> Result<(), Stop> {
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.cancel.cancelled() => Err(Stop::Stripe(Error::Cancelled)),
        }
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
    /// Objects done, of all kinds.
    moved: Gauge,
    /// GETs sent.
    gets: Gauge,
    /// By kind.
    parts: HashMap<Kind, Gauge>,
    /// The kind that is being brought: kinds follow each other.
    current: Option<Kind>,
    /// What was left at the last tick, as the walk told it.
    rows_left: Option<f64>,
    client: Option<Client>,
    /// Reads of the client that have been put to a kind.
    shared_reads: u64,
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
        let now = Instant::now();
        let live = Live {
            view,
            moved: Gauge::new(now),
            gets: Gauge::new(now),
            parts: HashMap::new(),
            current: None,
            rows_left: None,
            client: None,
            shared_reads: 0,
            stored_reads: 0,
            earlier_reads,
            withdrawn: Vec::new(),
        };
        Self { live: Arc::new(Mutex::new(live)), changed }
    }

    /// Follows this client from now on. The reads of one that was followed before must be stored.
    pub fn watch(&self, client: &Client) {
        self.with(|live| {
            if let Some(before) = live.client.replace(client.clone()) {
                live.earlier_reads += before.own_reads();
                live.shared_reads = 0;
                live.stored_reads = 0;
                live.gets = Gauge::new(Instant::now());
            }
            live.view.gets_limit = client.gets_limit();
        });
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

    /// Takes the client's counters into the view and works out rates and times left.
    pub fn tick(&self, client: &Client, rows_left: Option<f64>) {
        self.with(|live| {
            live.rows_left = rows_left;
            live.measure(client, Instant::now());
        });
        self.changed.notify_one();
    }

    /// The same between pages: a slow or absent network brings none, and rates fall.
    pub fn refresh(&self, client: &Client) {
        let changed = self.with(|live| {
            let before = live.view.clone();
            live.measure(client, Instant::now());
            before != live.view
        });
        if changed {
            self.changed.notify_one();
        }
    }

    /// One kind's share. What is measured here (rate, time left, reads) is kept from what is known of it.
    pub fn part(&self, mut part: PartView) {
        self.with(|live| {
            live.share_reads();
            let resting = part.finished || part.not_allowed;
            if !resting {
                live.current = Some(part.kind);
            } else if live.current == Some(part.kind) {
                live.current = None;
            }
            match live.view.parts.iter_mut().find(|known| known.kind == part.kind) {
                Some(known) => {
                    part.reads = known.reads;
                    if !resting {
                        part.rate = known.rate;
                        part.eta_s = known.eta_s;
                        part.waiting = known.waiting.take();
                    }
                    *known = part;
                }
                None => live.view.parts.push(part),
            }
        });
        self.changed.notify_one();
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

impl Live {
    /// Puts the reads since the last time to the kind that is being brought.
    fn share_reads(&mut self) {
        let Some(reads) = self.client.as_ref().map(Client::own_reads) else { return };
        let new = reads.saturating_sub(self.shared_reads);
        self.shared_reads = reads;
        let current = self.current;
        if let Some(part) = self.view.parts.iter_mut().find(|part| Some(part.kind) == current) {
            part.reads += new;
        }
    }

    fn measure(&mut self, client: &Client, now: Instant) {
        self.share_reads();
        let counters = client.counters();
        let view = &mut self.view;
        view.reads = self.earlier_reads + client.own_reads();
        view.retries = counters.retries;
        view.waiting = counters.waiting;
        view.gets_per_s = self.gets.add(now, client.own_reads());
        // A sync brings several kinds: its pace is that of all of them together.
        let (moved, all) = match view.parts.as_slice() {
            [] => (view.done, None),
            parts => share(parts),
        };
        if let Some(all) = all.filter(|all| *all > 0) {
            view.fraction = Some((moved as f64 / all as f64).min(1.0));
        }
        let rows_left = self.rows_left.or(all.map(|all| all.saturating_sub(moved) as f64));
        view.rate = self.moved.add(now, moved);
        view.eta_s = rows_left.and_then(|left| self.moved.left(now, left));
        for part in &mut view.parts {
            let is_current = Some(part.kind) == self.current;
            part.waiting = if is_current { counters.pause.clone() } else { None };
            if !is_current {
                part.rate = 0.0;
                part.eta_s = None;
                continue;
            }
            let gauge = self.parts.entry(part.kind).or_insert_with(|| Gauge::new(now));
            part.rate = gauge.add(now, part.done);
            let left = part.total.map(|total| total.saturating_sub(part.done) as f64);
            part.eta_s = left.and_then(|left| gauge.left(now, left));
        }
    }
}

/// Nothing moves in a run that has ended.
pub fn at_rest(view: &mut JobView) {
    view.rate = 0.0;
    view.eta_s = None;
    view.waiting = None;
    view.gets_per_s = 0.0;
    for part in &mut view.parts {
        part.rate = 0.0;
        part.eta_s = None;
        part.waiting = None;
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
    /// A sync that was taken up again: what failed in the parts before, which its view does not count any more.
    #[serde(default)]
    pub failed: u64,
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
        Self { view, what, gte: range.0, lt: range.1, walks: BTreeMap::new(), work: 0, failed: 0 }
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
        at_rest(view);
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
