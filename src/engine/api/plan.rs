//! What a run will do and what it costs, before it runs.

use serde::{Deserialize, Serialize};

use crate::stripe::kind::Kind;

/// A discover and the sync after it, before they run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PlanView {
    /// By kind, in the order of the work.
    pub rows: Vec<PlanLine>,
    /// All reads.
    pub reads: u64,
    /// Seconds, roughly, at the pace asked for.
    pub seconds: u64,
    /// Reads of ours in the last 30 days.
    pub used: u64,
    /// What every account may read in 30 days, whatever its number of transactions.
    pub floor: u64,
    /// Reads that this plan itself cost.
    pub cost: u64,
    /// What the numbers rest on, and what they leave out, for a person.
    pub notes: Vec<String>,
}

/// One kind of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLine {
    /// The kind.
    pub kind: Kind,
    /// It is listed into the catalog (discover), or brought by sync.
    pub discover: bool,
    /// Objects, roughly; none: not known before it was asked (`Request::Plan` with `look`).
    pub about: Option<u64>,
    /// Counted, not estimated.
    pub exact: bool,
    /// Pages of its list.
    pub list_pages: u64,
    /// Reads of single objects.
    pub single_reads: u64,
    /// Seconds, roughly.
    pub seconds: u64,
    /// The key may read it.
    pub allowed: bool,
}
