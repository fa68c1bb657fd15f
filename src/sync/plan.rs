//! What a sync will do and what it costs, before it runs. No network.
//!
//! It must use the same choices as the run itself (`related.rs`), so that a plan is what happens.

use std::collections::HashSet;

use serde::Serialize;

use super::reader::{PAGE, WantedBy};
use super::related::{Wanted, list_reads};
use super::work::{Work, collect};
use crate::engine::api::{Pace, SyncSpec};
use crate::integration::Integration;
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;

/// One kind's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanRow {
    /// The kind.
    pub kind: Kind,
    /// Objects, roughly.
    pub about: u64,
    /// Pages of its list.
    pub list_pages: u64,
    /// Reads of single objects (of invoices: pages of further lines).
    pub single_reads: u64,
    /// The key may read it.
    pub allowed: bool,
}

/// A sync, before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// By kind, in the order of the work.
    pub rows: Vec<PlanRow>,
    /// All reads.
    pub reads: u64,
}

impl Plan {
    /// Seconds at so many reads a second and endpoint; kinds follow each other.
    pub fn seconds(&self, rate: f64) -> u64 {
        (self.reads as f64 / rate.max(0.1)).ceil() as u64
    }
}

/// GETs a second that a run may send to one endpoint, for telling how long it takes.
pub fn rate(pace: Pace, livemode: bool) -> f64 {
    match pace {
        Pace::Auto if livemode => 15.0,
        Pace::Polite => 15.0,
        Pace::Auto | Pace::Full => 24.0,
        Pace::None => 200.0,
        Pace::PerEndpoint(rate) => f64::from(rate),
    }
}

/// Plans. Blocks as `collect` does.
pub fn plan(store: &Store, integration: &Integration, spec: &SyncSpec) -> Result<Plan, StoreError> {
    let mut rows = Vec::new();
    if integration.billing {
        let mut work = collect(store, integration.id, spec)?;
        let invoices = work.items.len() as u64;
        let more_lines = work.with_more_lines();
        let pages = work.payment_pages();
        let payable = work.payable.len() as u64;
        rows.push(row(integration, &wanted(Kind::Customer, std::mem::take(&mut work.customers), &work)));
        rows.push(row(integration, &wanted(Kind::Product, std::mem::take(&mut work.products), &work)));
        for kind in [Kind::InvoicePayment, Kind::PaymentIntent] {
            // An invoice usually has one payment; which ones is known once the links are here.
            let by_list = payable > list_reads(pages);
            rows.push(PlanRow {
                kind,
                about: payable,
                list_pages: if by_list { list_reads(pages) } else { 0 },
                single_reads: if by_list { 0 } else { payable },
                allowed: allowed(integration, kind),
            });
        }
        rows.push(PlanRow {
            kind: Kind::Invoice,
            about: invoices,
            list_pages: 0,
            single_reads: more_lines,
            allowed: allowed(integration, Kind::Invoice),
        });
    } else {
        // How many payments there are is known from what is stored; the first time it is not.
        let known = store.counters(integration.id).count(Kind::PaymentIntent);
        rows.push(PlanRow {
            kind: Kind::PaymentIntent,
            about: known,
            list_pages: known.div_ceil(PAGE as u64).max(1),
            single_reads: 0,
            allowed: allowed(integration, Kind::PaymentIntent),
        });
    }
    for &kind in &spec.resources {
        let known = store.counters(integration.id).count(kind);
        rows.push(PlanRow {
            kind,
            about: known,
            list_pages: known.div_ceil(PAGE as u64).max(1),
            single_reads: 0,
            allowed: allowed(integration, kind),
        });
    }
    let reads = rows.iter().filter(|row| row.allowed).map(|row| row.list_pages + row.single_reads).sum();
    Ok(Plan { rows, reads })
}

fn allowed(integration: &Integration, kind: Kind) -> bool {
    integration.may(kind.permission()) && integration.offered(kind.path())
}

fn wanted(kind: Kind, ids: HashSet<String>, work: &Work) -> Wanted {
    let pages = match kind {
        Kind::Customer => (work.known_customers + ids.len() as u64).div_ceil(PAGE as u64),
        _ => (ids.len() as u64).div_ceil(PAGE as u64),
    };
    Wanted { kind, ids, by: WantedBy::Id, expanded: None, pages, max_reads: None }
}

fn row(integration: &Integration, wanted: &Wanted) -> PlanRow {
    let by_list = wanted.by_list();
    let reads = if wanted.ids.is_empty() { 0 } else { wanted.reads() };
    PlanRow {
        kind: wanted.kind,
        about: wanted.ids.len() as u64,
        list_pages: if by_list { reads } else { 0 },
        single_reads: if by_list { 0 } else { reads },
        allowed: allowed(integration, wanted.kind),
    }
}
