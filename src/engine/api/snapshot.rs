//! The whole small state of the system at one moment.

use serde::{Deserialize, Serialize};

use super::{Alert, IntegrationId, IntegrationView, KeyCheckView, TargetView};

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
    /// The engine is in another process; none: it is in this one.
    #[serde(default)]
    pub attached: Option<Attached>,
    /// In the order of their numbers.
    pub integrations: Vec<IntegrationView>,
    /// Rises by one whenever events were stored: the hint to read the window again.
    pub events_version: u64,
    /// How long events are kept, for a person: `13 months`.
    #[serde(default)]
    pub events_keep: String,
    /// Rises by one whenever records were stored: the hint to read tables again.
    #[serde(default)]
    pub records_version: u64,
    /// Targets that events are forwarded to, in the order of their numbers.
    #[serde(default)]
    pub targets: Vec<TargetView>,
    /// Rises by one whenever an attempt was stored.
    #[serde(default)]
    pub deliveries_version: u64,
    /// Rises by one whenever a failed payment's case changed.
    #[serde(default)]
    pub cases_version: u64,
    /// The newest alerts of this process, newest last, at most 50.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// Keys that are being tried or were, until they are saved or dropped.
    #[serde(default)]
    pub key_checks: Vec<KeyCheckView>,
    /// What the screen asked to have remembered last time ([`super::Request::Remember`]); none before the
    /// store is open.
    #[serde(default)]
    pub remembered: Option<String>,
    /// The newest messages of the system, newest last, at most 50.
    pub messages: Vec<Message>,
}

/// The process whose engine this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Its number.
    pub pid: u32,
    /// Nothing is heard from it any more: one sentence. What is shown is what was heard last.
    pub lost: Option<String>,
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
