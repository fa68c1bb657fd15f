//! What a sync has to do, as read from the store: no network.
//!
//! It must never hold the invoices' JSON: ids, hashes and flags only, so that a million fit.

use std::collections::HashSet;

use crate::engine::api::{IntegrationId, SyncSpec};
use crate::store::{State, Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::view::InvoiceHead;

use super::reader::PAGE;

/// One invoice to sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// `in_…`
    pub id: Box<str>,
    /// The content that this run speaks of.
    pub hash: u64,
    /// It has lines beyond the inline ones.
    pub more_lines: bool,
}

/// All that a sync has to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Newest first is not promised; the order is that of ids.
    pub items: Vec<Item>,
    /// Customers not stored yet.
    pub customers: HashSet<String>,
    /// Products not stored yet.
    pub products: HashSet<String>,
    /// Invoices that changed since they were synced: their payments may have, too.
    pub changed: HashSet<String>,
    /// Invoices that can have payments.
    pub payable: HashSet<String>,
    /// The oldest of the items.
    pub oldest: i64,
    /// Catalog entries that are as young or younger: how long the payment lists likely are.
    pub since_oldest: u64,
    /// Customers stored.
    pub known_customers: u64,
}

impl Work {
    /// Pages that a walk over the payments since the oldest item likely takes.
    pub fn payment_pages(&self) -> u64 {
        self.since_oldest.div_ceil(PAGE as u64)
    }

    /// Pages of the customer list, as far as is known.
    pub fn customer_pages(&self) -> u64 {
        (self.known_customers + self.customers.len() as u64).div_ceil(PAGE as u64)
    }

    /// Invoices whose further lines must be read.
    pub fn with_more_lines(&self) -> u64 {
        self.items.iter().filter(|item| item.more_lines).count() as u64
    }
}

/// Reads the catalog. Blocks: about 20 µs an invoice that is to be synced.
pub fn collect(store: &Store, integration: IntegrationId, spec: &SyncSpec) -> Result<Work, StoreError> {
    let mut work = Work { oldest: i64::MAX, ..Work::default() };
    let mut customers: HashSet<String> = HashSet::new();
    let most = spec.batch_size.unwrap_or(u64::MAX);
    store.each_header(integration, Kind::Invoice, |id, header| {
        let wanted = match header.state {
            State::Pending | State::Stale | State::Processing => true,
            State::Error => spec.retry_errors,
            State::Synced | State::Skipped | State::Gone => false,
        };
        if !wanted {
            // An invoice that came by event is a record at once; its customer may still be missing.
            if header.state == State::Synced && !header.customer.is_empty() {
                customers.insert(header.customer);
            }
            return true;
        }
        if work.items.len() as u64 >= most {
            return false;
        }
        work.items.push(Item { id: id.into(), hash: header.hash, more_lines: header.more_lines });
        if !header.customer.is_empty() {
            customers.insert(header.customer);
        }
        // A draft has no payments; everything else may.
        if header.status != "draft" {
            work.payable.insert(id.to_owned());
        }
        if header.state == State::Stale {
            work.changed.insert(id.to_owned());
        }
        work.oldest = work.oldest.min(header.created);
        true
    })?;
    let mut products: HashSet<String> = HashSet::new();
    for item in &work.items {
        let Some(record) = store.record(integration, Kind::Invoice, &item.id)? else { continue };
        let Ok(json) = std::str::from_utf8(&record.json) else { continue };
        if let Ok(head) = serde_json::from_str::<InvoiceHead>(json) {
            for product in head.products() {
                if !products.contains(product) {
                    products.insert(product.to_owned());
                }
            }
        }
    }
    for id in customers {
        if !store.has(integration, Kind::Customer, &id)? {
            work.customers.insert(id);
        }
    }
    for id in products {
        if !store.has(integration, Kind::Product, &id)? {
            work.products.insert(id);
        }
    }
    if !work.items.is_empty() {
        let oldest = work.oldest;
        let mut since = 0;
        store.each_header(integration, Kind::Invoice, |_, header| {
            since += u64::from(header.created >= oldest);
            true
        })?;
        work.since_oldest = since;
    }
    work.known_customers = store.counters(integration).count(Kind::Customer);
    Ok(work)
}

/// The payment intents and charges that the given invoices' payments name: those not stored yet, and all of
/// the invoices in `again`, which changed since they were synced.
pub(crate) fn payments_of(
    store: &Store,
    integration: IntegrationId,
    invoices: &HashSet<String>,
    again: &HashSet<String>,
) -> Result<(HashSet<String>, HashSet<String>), StoreError> {
    let (mut intents, mut charges) = (HashSet::new(), HashSet::new());
    let mut failure = None;
    store.each_header(integration, Kind::InvoicePayment, |_, header| {
        // `summary` puts the invoice into the label and what paid it into `who`.
        if !invoices.contains(&header.label) || header.who.is_empty() {
            return true;
        }
        let kind =
            if Kind::from_id(&header.who) == Some(Kind::Charge) { Kind::Charge } else { Kind::PaymentIntent };
        match store.has(integration, kind, &header.who) {
            Ok(true) if !again.contains(&header.label) => {}
            Ok(_) => {
                let set = if kind == Kind::Charge { &mut charges } else { &mut intents };
                set.insert(header.who);
            }
            Err(error) => failure = Some(error),
        }
        failure.is_none()
    })?;
    failure.map_or(Ok((intents, charges)), Err)
}
