//! Targets that events are forwarded to, and the attempts to deliver them.
//!
//! It must never hold a target's signing secret: that is asked for by name and handed over apart.

use serde::{Deserialize, Serialize};

use super::IntegrationId;

/// The number of a target in this data folder. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(pub u32);

/// The number of an attempt in this data folder; later attempts have higher numbers. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub u64);

/// A target as a person asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetSpec {
    /// As typed: `3000`, `localhost:3000/hook`, `http://…`, `https://…`.
    pub url: String,
    /// Whose events; none: those of every integration.
    pub integration: Option<IntegrationId>,
    /// Patterns of event types, `invoice.*`; empty: all that are stored.
    #[serde(default)]
    pub events: Vec<String>,
    /// Seconds that an answer may take; 0: the default of 30.
    #[serde(default)]
    pub timeout_s: u32,
    /// What a person said to the question that [`super::Answer::NeedsYes`] put: anything for a plain yes, else the
    /// account's name as typed.
    #[serde(default)]
    pub confirmed: Option<String>,
    /// Gone with this process: `listen --forward-to`.
    #[serde(default)]
    pub passing: bool,
}

/// A target as a front-end shows it. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetView {
    /// Its number.
    pub id: TargetId,
    /// Where events go, whole.
    pub url: String,
    /// On this machine.
    pub loopback: bool,
    /// Whose events; none: those of every integration that was agreed to.
    pub integration: Option<IntegrationId>,
    /// Patterns of event types; empty: all.
    pub events: Vec<String>,
    /// Seconds that an answer may take.
    pub timeout_s: u32,
    /// What it does.
    pub state: TargetState,
    /// Events that wait for it.
    pub waiting: u64,
    /// Events that it took (2xx).
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that waited longer than 15 minutes and are left for a person.
    pub parked: u64,
    /// The last attempt: when, and how it ended.
    pub last: Option<(i64, Outcome)>,
    /// Live integrations that nobody agreed to: their events do not go there.
    #[serde(default)]
    pub not_agreed: Vec<IntegrationId>,
}

/// What a target does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TargetState {
    /// Nothing waits, or what waits is on its way.
    #[default]
    Ready,
    /// It does not take what is sent; tried again by itself.
    Down {
        /// Since when.
        since: i64,
        /// The next attempt.
        next_at: i64,
        /// One sentence.
        reason: String,
    },
    /// A person stopped it; events wait.
    Paused,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Answered with 2xx.
    Delivered {
        /// The HTTP status.
        status: u16,
    },
    /// Answered with another status (redirects are not followed).
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// No answer: one sentence says why.
    Failed {
        /// `connection refused`, `no answer within 30 s`
        reason: String,
    },
    /// Never sent: it waited longer than 15 minutes; a replay by hand sends it.
    Expired,
}

impl Outcome {
    /// The target has it.
    pub fn is_delivered(&self) -> bool {
        matches!(self, Outcome::Delivered { .. })
    }
}

/// One attempt, as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Its number.
    pub id: AttemptId,
    /// When it began, Unix seconds.
    pub at: i64,
    /// Milliseconds until its end.
    pub took_ms: u32,
    /// The target; none: a replay to a URL that is no target.
    pub target: Option<TargetId>,
    /// Where it went, whole.
    pub url: String,
    /// Whose event.
    pub integration: IntegrationId,
    /// `evt_…`
    pub event: String,
    /// `invoice.paid`
    pub event_type: String,
    /// Id of the object that the event is about.
    pub object: String,
    /// 1 for the first try of this event at this target.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// When it is tried again; none: it is not.
    pub next_at: Option<i64>,
    /// A person sent it again.
    pub replay: bool,
}

/// Which attempts are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttemptQuery {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// One target, or all.
    pub target: Option<TargetId>,
    /// Only those of this event (with `integration`).
    #[serde(default)]
    pub event: Option<String>,
    /// Only those that were not delivered.
    #[serde(default)]
    pub failed_only: bool,
    /// Start at this attempt (inclusive); none: at the newest.
    pub from: Option<AttemptId>,
    /// So many newer ones of the query above `from`, beside `limit`; at most 500. With `from` 0: the oldest ones.
    #[serde(default)]
    pub before: usize,
    /// Rows wanted, newest first; at most 500.
    pub limit: usize,
}

/// A window of attempts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttemptWindow {
    /// Newest first.
    pub rows: Vec<AttemptRow>,
    /// Attempts newer than the first row (within the query).
    pub newer: u64,
    /// Attempts kept altogether, whatever the query.
    pub total: u64,
    /// The snapshot's `deliveries_version` at the time of reading.
    pub version: u64,
}

/// One attempt, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptDetail {
    /// As a row.
    pub row: AttemptRow,
    /// What was sent, in order. Signatures are shown.
    pub request_headers: Vec<(String, String)>,
    /// Bytes of the body that was sent.
    pub request_bytes: u64,
    /// What came back, in order; empty when nothing did.
    pub response_headers: Vec<(String, String)>,
    /// The first 64 KB of the answer, as text free of control characters but for line ends.
    pub response_body: String,
    /// There was more.
    pub response_cut: bool,
}

/// Where a replay goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum ReplayTo {
    /// A target.
    Target {
        /// Which.
        id: TargetId,
    },
    /// Any URL, as typed.
    Url {
        /// As for [`TargetSpec::url`].
        url: String,
        /// As for [`TargetSpec::confirmed`].
        #[serde(default)]
        confirmed: Option<String>,
    },
}
