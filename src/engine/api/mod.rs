//! What front-ends and the engine say to each other: requests in, snapshots and answers out.
//!
//! All of it is plain data that serialises, so that a front-end can sit in another process. A snapshot is
//! the whole small state of the system (integrations, jobs, counts): newest wins, nothing queues. Rows
//! (events, records) are never in it: they are asked for as windows. It must never hold a secret: a key is
//! handed over apart, as a secret, and goes by its [`KeyTicket`] from then on.
//! Times are Unix seconds unless the name ends in `_ms`. Money is minor units with its currency.

mod alerts;
mod connect;
mod endpoint;
mod events;
mod forward;
mod integrations;
mod jobs;
mod plan;
mod records;
mod recovery;
mod request;
mod search;
mod snapshot;

use serde::{Deserialize, Serialize};

pub use alerts::*;
pub use connect::*;
pub use endpoint::*;
pub use events::*;
pub use forward::*;
pub use integrations::*;
pub use jobs::*;
pub use plan::*;
pub use records::*;
pub use recovery::*;
pub use request::*;
pub use search::*;
pub use snapshot::*;

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
