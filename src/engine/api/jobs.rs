//! Discover and sync: what is asked, and how a run is going.

use serde::{Deserialize, Serialize};

use super::JobId;
use crate::stripe::kind::Kind;

/// Discover or sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Stripe's invoices into the catalog.
    Discover,
    /// The catalog into records.
    Sync,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// Ended; all was done.
    Completed,
    /// Ended early on an error; can be resumed.
    Failed,
    /// Stopped by a person or by the end of the process; can be resumed.
    Cancelled,
}

/// How a job ended, as exit codes tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// All was done (what the key was known not to allow is a warning).
    Done,
    /// Some of it was not done: a permission withdrawn in mid-run, invoices that failed, reads used up.
    Partly,
    /// Stripe refused the key.
    KeyRefused,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
}

/// One discover or sync as a front-end shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// Its number.
    pub id: JobId,
    /// Which job.
    pub kind: JobKind,
    /// Where it is.
    pub state: JobState,
    /// How it ended; none while it runs.
    #[serde(default)]
    pub outcome: Option<JobOutcome>,
    /// When it began (the first time, if resumed).
    pub started_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
    /// Statuses asked for (discover).
    pub statuses: Vec<String>,
    /// First day, `YYYY-MM-DD` in the account's time zone; none: from the beginning.
    pub from: Option<String>,
    /// Last day, inclusive; none: to today.
    pub to: Option<String>,
    /// Objects listed (discover) or invoices turned into records (sync).
    pub done: u64,
    /// How many there are, when that is known.
    pub total: Option<u64>,
    /// Share done, 0 to 1, when it can be told: of the time range (discover) or of the catalog (sync).
    pub fraction: Option<f64>,
    /// Objects a second, smoothed over some seconds; 0 when not running.
    pub rate: f64,
    /// Seconds left, once the rate has settled.
    pub eta_s: Option<u64>,
    /// List pages read.
    pub pages: u64,
    /// GETs sent.
    pub reads: u64,
    /// Requests that had to be tried again.
    pub retries: u64,
    /// Invoices left out (sync).
    pub skipped: u64,
    /// Invoices that failed (sync).
    pub errors: u64,
    /// Invoices still to do (sync).
    pub remaining: u64,
    /// Why nothing moves just now (a rate limit, no network), for a person.
    pub waiting: Option<String>,
    /// Progress of each kind (sync), in the order of the work.
    pub parts: Vec<PartView>,
    /// What the key was not allowed to do, and the like: the job is done all the same.
    pub warnings: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// How fast it may go, for a person: `polite: 15 of Stripe's 25 GET/s`.
    pub pace: String,
    /// GETs a second just now, smoothed.
    #[serde(default)]
    pub gets_per_s: f64,
    /// How many GETs a second it may send overall; 0: no limit.
    #[serde(default)]
    pub gets_limit: u32,
}

/// One kind's share of a running sync.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartView {
    /// The kind.
    pub kind: Kind,
    /// Objects stored so far.
    pub done: u64,
    /// How many are wanted, when known.
    pub total: Option<u64>,
    /// Finished.
    pub finished: bool,
    /// The key may not read it.
    pub not_allowed: bool,
    /// Objects a second, smoothed; 0 when nothing moves.
    #[serde(default)]
    pub rate: f64,
    /// Seconds left, once the rate has settled.
    #[serde(default)]
    pub eta_s: Option<u64>,
    /// GETs sent for it.
    #[serde(default)]
    pub reads: u64,
    /// Why it does not move just now, for a person: `waits 2 s, Stripe said slow down (endpoint-rate)`.
    #[serde(default)]
    pub waiting: Option<String>,
}

/// What discover is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiscoverSpec {
    /// Stripe statuses; empty: open, paid, uncollectible, void.
    pub statuses: Vec<String>,
    /// First day, inclusive, `YYYY-MM-DD` in the account's time zone.
    pub from: Option<String>,
    /// Last day, inclusive.
    pub to: Option<String>,
    /// Drafts too.
    pub include_draft: bool,
    /// Further kinds to list whole.
    pub resources: Vec<Kind>,
    /// How fast.
    pub pace: Pace,
    /// Stop after this many reads; the run can be resumed.
    pub max_reads: Option<u64>,
}

/// What sync is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SyncSpec {
    /// At most so many catalog entries (with billing off: payments); none: all that are pending or stale. A run that is
    /// taken up again has what it did before behind it.
    pub batch_size: Option<u64>,
    /// Milliseconds to pause after each invoice; with billing off, for each payment of a page before the next.
    pub delay_ms: u64,
    /// Take up entries that failed before, too.
    pub retry_errors: bool,
    /// Further kinds to list whole.
    pub resources: Vec<Kind>,
    /// How fast.
    pub pace: Pace,
    /// Stop after this many reads; the run can be resumed.
    pub max_reads: Option<u64>,
}

/// How much of Stripe's rate limits a job may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// What the mode suggests: polite in live mode, full in test mode.
    #[default]
    Auto,
    /// 15 GET/s an endpoint, 40/s overall: leaves room for the account's own traffic.
    Polite,
    /// Stripe's documented limits.
    Full,
    /// No limit of ours; only on loopback.
    None,
    /// So many GET/s an endpoint.
    PerEndpoint(u32),
}

impl PartView {
    /// A kind's share that has not begun.
    pub fn new(kind: Kind) -> PartView {
        PartView {
            kind,
            done: 0,
            total: None,
            finished: false,
            not_allowed: false,
            rate: 0.0,
            eta_s: None,
            reads: 0,
            waiting: None,
        }
    }
}
