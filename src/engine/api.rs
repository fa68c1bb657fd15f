//! What front-ends and the engine say to each other: requests in, snapshots and answers out.
//!
//! All of it is plain data that serialises, so that a front-end can sit in another process. A snapshot is
//! the whole small state of the system (integrations, jobs, counts): newest wins, nothing queues. Rows
//! (events, records) are never in it: they are asked for as windows. It must never hold a secret.
//! Times are Unix seconds unless the name ends in `_ms`. Money is minor units with its currency.

use serde::{Deserialize, Serialize};

use crate::stripe::kind::Kind;

/// The number of an integration in this data folder. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntegrationId(pub u32);

/// The number of a job in this data folder. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u64);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "job_{}", self.0)
    }
}

/// How an integration stays current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// `/v1/events` read on a schedule.
    #[default]
    Poll,
    /// The relay socket, with a slower poll beside it.
    Relay,
    /// A webhook endpoint, with a slower poll beside it.
    Endpoint,
}

/// How the whole system is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The store is being opened; nothing can be read yet.
    #[default]
    Opening,
    /// Everything answers.
    Ready,
    /// The store can't be used: what is wrong and what to do.
    Failed {
        /// One sentence for a person.
        reason: String,
    },
}

/// The whole small state of the system at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Opening, ready or failed.
    pub phase: Phase,
    /// On a local Stripe of our own making.
    pub demo: bool,
    /// Nothing may be written at Stripe.
    pub read_only: bool,
    /// The data folder, as text for a person.
    pub data_dir: String,
    /// In the order of their numbers.
    pub integrations: Vec<IntegrationView>,
    /// Rises by one whenever events were stored: the hint to read the window again.
    pub events_version: u64,
    /// The newest messages of the system, newest last, at most 50.
    pub messages: Vec<Message>,
}

/// Something worth telling once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Rises; never repeats within a process.
    pub seq: u64,
    /// Unix seconds.
    pub at: i64,
    /// How much it matters.
    pub level: Level,
    /// Whom it is about.
    pub integration: Option<IntegrationId>,
    /// One sentence.
    pub text: String,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is less than it could be.
    Warning,
    /// Needs a person.
    Error,
}

/// What an integration can do just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    /// The key works and may read everything it needs.
    Connected,
    /// The key works; some kinds may not be read.
    Degraded {
        /// Names of the missing permissions (`rak_…`), and what is lost, for a person.
        missing: Vec<Missing>,
    },
    /// Stripe refused the key.
    KeyRefused {
        /// Since when, Unix seconds.
        since: i64,
        /// One sentence.
        reason: String,
    },
    /// The network or Stripe does not answer; what is stored goes on working.
    Offline {
        /// Since when, Unix seconds.
        since: i64,
        /// One sentence.
        reason: String,
    },
    /// Disconnected: the key is gone, the records stay.
    Off,
}

/// A permission that the key lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Stripe's name of it, `rak_customer_read`.
    pub permission: String,
    /// What it covers, `customers`.
    pub resource: String,
    /// What is lost without it, for a person.
    pub costs: String,
}

/// One integration as a front-end shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntegrationView {
    /// Its number.
    pub id: IntegrationId,
    /// Its name, unique in this data folder.
    pub name: String,
    /// `acct_…`
    pub account: String,
    /// Live money or test mode.
    pub livemode: bool,
    /// Invoices and subscriptions too, or payments only.
    pub billing: bool,
    /// How it stays current.
    pub delivery: Delivery,
    /// IANA name of the account's time zone, `Europe/Berlin`; `UTC` when unknown.
    pub timezone: String,
    /// What works.
    pub health: Health,
    /// The schedule.
    pub poll: PollView,
    /// `created` of the newest event in the log.
    pub last_event_at: Option<i64>,
    /// Everything at Stripe up to this moment is here, as compared with its own event list.
    pub complete_to: Option<i64>,
    /// GETs we sent in the last 30 days, and Stripe's floor for them.
    pub reads: ReadsView,
    /// Events in the log.
    pub events_kept: u64,
    /// Events received today (account's time zone).
    pub events_today: u64,
    /// Events received in each of the last 30 minutes, oldest first.
    pub events_per_minute: Vec<u32>,
    /// The catalog's counts.
    pub catalog: CatalogCounts,
    /// What is stored of each kind, in display order; only kinds that are in use.
    pub stored: Vec<StoredKind>,
    /// The running or last discover.
    pub discover: Option<JobView>,
    /// The running or last sync.
    pub sync: Option<JobView>,
    /// Reads that a sync of all that is pending or stale would use, roughly.
    pub sync_estimate_reads: u64,
}

/// The polling schedule as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PollView {
    /// Seconds between polls; 0: no polling.
    pub every_s: u64,
    /// When the last one ended well.
    pub last_at: Option<i64>,
    /// When the next one is due.
    pub next_at: Option<i64>,
    /// One is under way.
    pub running: bool,
    /// Why the last one failed, if it did.
    pub error: Option<String>,
}

/// Our own reads against Stripe's read allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadsView {
    /// GETs sent by this data folder in the last 30 days.
    pub last_30_days: u64,
    /// What every account may read in 30 days, whatever its number of transactions.
    pub floor: u64,
}

/// The catalog by processing status, and by Stripe's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CatalogCounts {
    /// All entries.
    pub total: u64,
    /// Listed, not yet a record.
    pub pending: u64,
    /// Being turned into a record now.
    pub processing: u64,
    /// A record, up to date as far as we know.
    pub synced: u64,
    /// Left out on purpose.
    pub skipped: u64,
    /// Tried and failed.
    pub error: u64,
    /// Changed since it was synced.
    pub stale: u64,
    /// Deleted at Stripe.
    pub gone: u64,
    /// Stripe status `open`.
    pub open: u64,
    /// Stripe status `paid`.
    pub paid: u64,
    /// Stripe status `uncollectible`.
    pub uncollectible: u64,
    /// Stripe status `void`.
    pub void: u64,
    /// Stripe status `draft`.
    pub draft: u64,
}

/// What is stored of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKind {
    /// The kind.
    pub kind: Kind,
    /// Records.
    pub count: u64,
    /// When a run last brought this kind up to date.
    pub synced_at: Option<i64>,
    /// The key may read it.
    pub allowed: bool,
}

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
}

/// What the feed shows of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Whose it is.
    pub integration: IntegrationId,
    /// `evt_…`
    pub id: String,
    /// Stripe's time of it.
    pub created: i64,
    /// When it was stored here, Unix seconds.
    pub received: i64,
    /// `invoice.paid`
    pub event_type: String,
    /// Id of the object it is about; empty when the object has none (`invoice.upcoming`).
    pub object: String,
    /// The amount that matters for this type, in minor units, with its ISO code in lower case.
    pub amount: Option<(i64, String)>,
    /// Who or why: a customer's name or e-mail, a decline code. Already free of control characters.
    pub who: String,
    /// Where it came from.
    pub source: Source,
}

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Read from `/v1/events`.
    Poll,
    /// The relay socket.
    Relay,
    /// A webhook endpoint.
    Endpoint,
}

/// A place in the feed, which is ordered newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPos {
    /// Stripe's time.
    pub created: i64,
    /// The event's id.
    pub id: String,
}

/// Which rows of the feed are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventQuery {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// Start at this event (inclusive); none: at the newest.
    pub from: Option<EventPos>,
    /// Rows wanted, newest first; at most 500.
    pub limit: usize,
}

/// A window of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventWindow {
    /// Newest first.
    pub rows: Vec<EventRow>,
    /// Rows in the feed that are newer than the first of `rows`.
    pub newer: u64,
    /// Rows in the feed altogether.
    pub total: u64,
    /// The snapshot's `events_version` at the time of reading.
    pub version: u64,
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
    /// At most so many catalog entries; none: all that are pending or stale.
    pub batch_size: Option<u64>,
    /// Milliseconds to pause after each invoice.
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

/// What a front-end can ask of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Start (or resume) a discover.
    Discover {
        /// For whom.
        integration: IntegrationId,
        /// What.
        spec: DiscoverSpec,
    },
    /// Start (or resume) a sync.
    Sync {
        /// For whom.
        integration: IntegrationId,
        /// What.
        spec: SyncSpec,
    },
    /// Stop a running job, safely; it can be resumed.
    Cancel {
        /// Which.
        job: JobId,
    },
    /// Read `/v1/events` now.
    Poll {
        /// For whom.
        integration: IntegrationId,
    },
    /// Rows of the feed.
    Events(EventQuery),
}

/// What the engine answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The job runs; follow it in the snapshots.
    Started {
        /// Its number.
        job: JobId,
        /// An unfinished run was taken up again.
        resumed: bool,
    },
    /// The same kind of job already runs for this integration.
    Busy {
        /// The running one.
        job: JobId,
    },
    /// Done, nothing to add.
    Done,
    /// Rows of the feed.
    Events(EventWindow),
    /// It can't be done: one sentence, what to do about it.
    Refused {
        /// For a person.
        reason: String,
    },
}
