//! An integration as a front-end shows it.

use serde::{Deserialize, Serialize};

use super::{EndpointView, Gap, IntegrationId, JobView, PaymentsToday};
use crate::stripe::kind::Kind;

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
    /// Being disconnected: what is left to do at Stripe is done as soon as it answers.
    Disconnecting {
        /// Since when, Unix seconds.
        since: i64,
    },
    /// Disconnected: the key is gone, the records stay.
    Off,
}

/// The live connection as it is. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LinkView {
    /// There is none: events are polled, or the integration is off.
    #[default]
    Off,
    /// On the way.
    Connecting {
        /// Since when.
        since: i64,
    },
    /// Open.
    Connected {
        /// The last sign of life.
        heard_at: i64,
        /// When it will be replaced by a fresh one.
        resets_at: i64,
    },
    /// Between two sockets, as planned.
    Resetting {
        /// Since when.
        since: i64,
    },
    /// After a failure; tried again by itself.
    Waiting {
        /// Until when.
        until: i64,
        /// One sentence.
        reason: String,
    },
    /// Stripe does not give one to this key; polling goes on.
    Refused {
        /// Since when.
        since: i64,
        /// One sentence.
        reason: String,
    },
}

impl LinkView {
    /// Why it is not open, if there is a reason.
    pub fn reason(&self) -> Option<&String> {
        match self {
            LinkView::Waiting { reason, .. } | LinkView::Refused { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The same, but for how fresh the sign of life is while it is fresh enough.
    pub fn is_like(&self, other: &LinkView) -> bool {
        match (self, other) {
            (
                LinkView::Connected { heard_at: a, resets_at: x },
                LinkView::Connected { heard_at: b, resets_at: y },
            ) => a == b && (x - y).abs() <= 1,
            // Waiting times are computed from two clocks, which round apart.
            (LinkView::Waiting { until: a, reason: x }, LinkView::Waiting { until: b, reason: y }) => {
                (a - b).abs() <= 1 && x == y
            }
            (LinkView::Connecting { .. }, LinkView::Connecting { .. })
            | (LinkView::Resetting { .. }, LinkView::Resetting { .. }) => true,
            (LinkView::Refused { reason: x, .. }, LinkView::Refused { reason: y, .. }) => x == y,
            (one, two) => one == two,
        }
    }
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
    /// Free text of a person.
    #[serde(default)]
    pub description: String,
    /// The key as a person may see it, `rk_live_••••4242`; empty when it is gone.
    #[serde(default)]
    pub key: String,
    /// Where the key is kept, for a person.
    #[serde(default)]
    pub key_place: String,
    /// When it was connected.
    #[serde(default)]
    pub connected_at: i64,
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
    /// The live connection.
    #[serde(default)]
    pub link: LinkView,
    /// Its webhook endpoint, if it has one.
    #[serde(default)]
    pub endpoint: Option<EndpointView>,
    /// The last sign of life of a live connection, of whatever process.
    #[serde(default)]
    pub heard_at: Option<i64>,
    /// The last moments without one, as they were closed; newest last.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Events older than Stripe's list were missed at that moment: what changed is only found by a full walk, which a
    /// person has to start. None: nothing of the kind, or it was made up for.
    #[serde(default)]
    pub hole_at: Option<i64>,
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
    /// Bytes that they take as stored, without the database's own overhead.
    #[serde(default)]
    pub events_bytes: u64,
    /// Events received today (account's time zone).
    pub events_today: u64,
    /// Events received in each of the last 30 minutes, oldest first.
    pub events_per_minute: Vec<u32>,
    /// What failed and came back today, by currency in order of their codes; only currencies with something.
    #[serde(default)]
    pub payments_today: Vec<PaymentsToday>,
    /// Failed payments that are open now.
    #[serde(default)]
    pub open_cases: u64,
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
    /// Why nothing is read by itself just now, and what to do: the reads that nobody asked for have reached their
    /// share of Stripe's read allocation.
    #[serde(default)]
    pub held: Option<String>,
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
