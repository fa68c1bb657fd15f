//! Alerts: what a person wants to be called for, told once until it is over.

use serde::{Deserialize, Serialize};

use super::{IntegrationId, Level};

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertReason {
    /// Stripe refuses the key.
    KeyRefused,
    /// The webhook endpoint is disabled, gone, or could not be made.
    EndpointDown,
    /// The live connection or the polling has been failing for too long.
    SourceDead,
    /// Nothing has been compared with Stripe's own list for too long.
    Unchecked,
    /// A payment above the limit failed.
    FailedPayment,
}

/// One alert. It is also what the `on_alert` command reads, with the account's name and mode beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Rises; never repeats within a process. The screen rings for what is above the last one that it has seen.
    pub seq: u64,
    /// Unix seconds.
    pub at: i64,
    /// How much it matters; `Info` when it is over.
    pub level: Level,
    /// Whom it is about.
    pub integration: IntegrationId,
    /// What it is about.
    pub reason: AlertReason,
    /// What was told is over: a key that works again, a payment that was recovered.
    pub over: bool,
    /// The case, for a failed payment: [`super::CaseRow::id`].
    #[serde(default)]
    pub case: Option<String>,
    /// One sentence with the account's name; free of control characters.
    pub text: String,
}
