//! What a sync will do and what it costs, before it runs. No network.
//!
//! It must use the same choices as the run itself (`related.rs`), so that a plan is what happens.

use serde::Serialize;

use super::reader::PAGE;
use super::related::{by_list, list_reads};
use super::work::{Work, collect};
use crate::engine::api::{Pace, SyncSpec};
use crate::integration::Integration;
use crate::store::counters::Counters;
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

/// What a run has to bring, counted or guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Invoices.
    pub invoices: u64,
    /// Of them, those with lines that must be read one by one.
    pub more_lines: u64,
    /// Of them, those that can have payments.
    pub payable: u64,
    /// Pages of the payment lists since the oldest of them.
    pub payment_pages: u64,
    /// Customers not stored yet.
    pub customers: u64,
    /// Pages of the customer list.
    pub customer_pages: u64,
    /// Products not stored yet.
    pub products: u64,
    /// Payments known (billing off): how many there are is known from what is stored; the first time it is not.
    pub payments: u64,
}

impl Load {
    /// As counted in the catalog.
    pub fn of(work: &Work) -> Load {
        Load {
            invoices: work.items.len() as u64,
            more_lines: work.with_more_lines(),
            payable: work.payable.len() as u64,
            payment_pages: work.payment_pages(),
            customers: work.customers.len() as u64,
            customer_pages: work.customer_pages(),
            products: work.products.len() as u64,
            payments: 0,
        }
    }

    /// From counters alone, since reading the catalog takes seconds when it is large. What is to be synced is taken as
    /// the newest, with a new customer for four pending invoices and further lines for one in a hundred.
    pub fn guess(counters: &Counters) -> Load {
        let pages = |rows: u64| rows.div_ceil(PAGE as u64);
        let catalog = &counters.catalog;
        let invoices = catalog.pending + catalog.processing + catalog.stale;
        let customers = (catalog.pending + catalog.processing).div_ceil(4);
        Load {
            invoices,
            more_lines: invoices / 100,
            payable: invoices,
            payment_pages: pages(invoices),
            customers,
            customer_pages: pages(counters.count(Kind::Customer) + customers),
            // The first time they are a page; new ones are rare.
            products: if counters.count(Kind::Product) == 0 { invoices.min(PAGE as u64) } else { 0 },
            payments: counters.count(Kind::PaymentIntent),
        }
    }
}

/// Plans. Blocks as `collect` does.
pub fn plan(store: &Store, integration: &Integration, spec: &SyncSpec) -> Result<Plan, StoreError> {
    let counters = store.counters(integration.id);
    let load = if integration.billing {
        Load::of(&collect(store, integration.id, spec)?)
    } else {
        Load { payments: counters.count(Kind::PaymentIntent), ..Load::default() }
    };
    let mut rows = rows(integration, &load);
    for &kind in &spec.resources {
        rows.push(whole(integration, kind, counters.count(kind)));
    }
    let reads = reads(&rows);
    Ok(Plan { rows, reads })
}

/// Reads that a sync of all that is pending or changed likely takes, as far as counters tell.
pub fn guess(integration: &Integration, counters: &Counters) -> u64 {
    reads(&rows(integration, &Load::guess(counters)))
}

fn reads(rows: &[PlanRow]) -> u64 {
    rows.iter().filter(|row| row.allowed).map(|row| row.list_pages + row.single_reads).sum()
}

/// What a run does with such a load.
fn rows(integration: &Integration, load: &Load) -> Vec<PlanRow> {
    if !integration.billing {
        return vec![whole(integration, Kind::PaymentIntent, load.payments)];
    }
    let product_pages = load.products.div_ceil(PAGE as u64);
    let row = |kind, about, pages| {
        let by_list = by_list(about, pages);
        PlanRow {
            kind,
            about,
            list_pages: if by_list { list_reads(pages) } else { 0 },
            single_reads: if by_list { 0 } else { about },
            allowed: allowed(integration, kind),
        }
    };
    vec![
        row(Kind::Customer, load.customers, load.customer_pages),
        row(Kind::Product, load.products, product_pages),
        // An invoice usually has one payment; which ones is known once the links are here.
        row(Kind::InvoicePayment, load.payable, load.payment_pages),
        row(Kind::PaymentIntent, load.payable, load.payment_pages),
        PlanRow {
            kind: Kind::Invoice,
            about: load.invoices,
            list_pages: 0,
            single_reads: load.more_lines,
            allowed: allowed(integration, Kind::Invoice),
        },
    ]
}

/// A kind that is listed whole.
fn whole(integration: &Integration, kind: Kind, known: u64) -> PlanRow {
    PlanRow {
        kind,
        about: known,
        list_pages: known.div_ceil(PAGE as u64).max(1),
        single_reads: 0,
        allowed: allowed(integration, kind),
    }
}

/// The key may read the kind, and Stripe has it for this account.
pub fn allowed(integration: &Integration, kind: Kind) -> bool {
    integration.may(kind.permission()) && integration.offered(kind.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_a_guess_of_nothing() {
        let mut counters = Counters::default();
        counters.catalog.total = 5000;
        counters.catalog.synced = 5000;
        counters.records.insert(Kind::Customer.tag(), 1250);
        assert_eq!(Load { customer_pages: 0, ..Load::guess(&counters) }, Load::default());
        counters.catalog.stale = 3;
        let load = Load::guess(&counters);
        assert_eq!((load.invoices, load.payable, load.payment_pages, load.customers), (3, 3, 1, 0));
    }
}
