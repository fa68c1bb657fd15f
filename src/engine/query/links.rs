//! From an object to the others: those that it names, and those that name it where a table tells cheaply.
//!
//! It must never link an object to itself, or twice to the same one.

use serde_json::Value;

use super::facts::at;
use super::{Shared, search};
use crate::engine::api::{IntegrationId, Link};
use crate::store::StoreError;
use crate::stripe::kind::Kind;
use crate::stripe::view::InvoiceHead;
use crate::text;

/// Links of one role: an invoice may have hundreds of products, a customer thousands of invoices.
const MOST: usize = 5;

/// Role, path of the id, and kind; the first path of a role that has one counts.
const NAMED: &[(&str, &str, Kind)] = &[
    ("customer", "customer", Kind::Customer),
    ("subscription", "parent.subscription_details.subscription", Kind::Subscription),
    ("subscription", "subscription", Kind::Subscription),
    ("invoice", "invoice", Kind::Invoice),
    ("latest invoice", "latest_invoice", Kind::Invoice),
    ("payment", "payment_intent", Kind::PaymentIntent),
    ("payment", "payment.payment_intent", Kind::PaymentIntent),
    ("charge", "payment.charge", Kind::Charge),
    ("charge", "charge", Kind::Charge),
    ("latest charge", "latest_charge", Kind::Charge),
    ("product", "product", Kind::Product),
    ("default price", "default_price", Kind::Price),
    ("price", "items.data.0.price", Kind::Price),
    ("refund", "refund", Kind::Refund),
    ("dispute", "dispute", Kind::Dispute),
    ("balance transaction", "balance_transaction", Kind::BalanceTransaction),
];

/// Collects links.
pub struct Links<'a> {
    shared: &'a Shared,
    integration: IntegrationId,
    own: String,
    out: Vec<Link>,
}

impl<'a> Links<'a> {
    /// None yet, of the object with this id.
    pub fn new(shared: &'a Shared, integration: IntegrationId, own: &str) -> Links<'a> {
        Links { shared, integration, own: own.to_owned(), out: Vec::new() }
    }

    /// Adds one.
    pub fn add(&mut self, role: &str, kind: Kind, id: &str) -> Result<(), StoreError> {
        if id.is_empty() || id == self.own || self.out.iter().any(|link| link.id == id) {
            return Ok(());
        }
        let header = self.shared.store.header(self.integration, kind, id)?;
        let stored = header.is_some();
        let title = header.map(|header| match kind {
            Kind::Customer if !header.who.is_empty() => header.who,
            _ if header.label == id => String::new(),
            _ => header.label,
        });
        self.out.push(Link {
            role: role.to_owned(),
            kind,
            id: text::clean_max(id, 255),
            title: text::clean(&title.unwrap_or_default()).into_owned(),
            stored,
        });
        Ok(())
    }

    /// Those that the object names.
    pub fn named(&mut self, kind: Kind, object: &Value, json: &str) -> Result<(), StoreError> {
        let mut done: Vec<&str> = Vec::new();
        for (role, path, kind) in NAMED {
            let found = at(object, path).and_then(|value| match value {
                Value::String(id) => Some(id.as_str()),
                // Expanded.
                other => other.get("id").and_then(Value::as_str),
            });
            if let Some(id) = found.filter(|_| !done.contains(role)) {
                done.push(role);
                self.add(role, *kind, id)?;
            }
        }
        if kind == Kind::Invoice
            && let Ok(head) = serde_json::from_str::<InvoiceHead<'_>>(json)
        {
            for product in head.products().into_iter().take(MOST) {
                self.add("product", Kind::Product, product)?;
            }
        }
        Ok(())
    }

    /// Those that name it, as far as tables tell.
    pub fn naming(&mut self, kind: Kind) -> Result<(), StoreError> {
        let id = self.own.clone();
        match kind {
            Kind::Invoice => {
                for (_, _, paid_by) in self.payments_of(&id) {
                    let kind = Kind::from_id(&paid_by);
                    if let Some(kind @ (Kind::PaymentIntent | Kind::Charge)) = kind {
                        self.add("paid by", kind, &paid_by)?;
                        self.charge_of(kind, &paid_by)?;
                    }
                }
            }
            Kind::PaymentIntent | Kind::Charge => self.invoice_of(&id)?,
            Kind::Customer => {
                for (role, kind) in [("subscription", Kind::Subscription), ("invoice", Kind::Invoice)] {
                    for id in self.of_customer(kind, &id).into_iter().take(MOST) {
                        self.add(role, kind, &id)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The invoice that a payment paid, and for a charge that of its payment.
    fn invoice_of(&mut self, id: &str) -> Result<(), StoreError> {
        let mut ids = vec![id.to_owned()];
        ids.extend(
            self.out.iter().filter(|link| link.kind == Kind::PaymentIntent).map(|link| link.id.clone()),
        );
        for id in ids {
            let Some(table) = self.shared.tables.get(Kind::InvoicePayment) else { return Ok(()) };
            let invoices: Vec<String> = {
                let rows = table.read();
                search::rows_of_party(&rows, |_, who| who == id, &id)
                    .into_iter()
                    .filter(|row| rows.integration(*row as usize) == Some(self.integration))
                    .filter_map(|row| rows.row(row as usize).map(|row| row.label.to_owned()))
                    .take(MOST)
                    .collect()
            };
            for invoice in invoices {
                self.add("pays", Kind::Invoice, &invoice)?;
            }
        }
        Ok(())
    }

    fn charge_of(&mut self, kind: Kind, payment: &str) -> Result<(), StoreError> {
        if kind != Kind::PaymentIntent {
            return Ok(());
        }
        let Some(record) = self.shared.store.record(self.integration, kind, payment)? else { return Ok(()) };
        let head: Result<crate::stripe::view::PaymentIntentHead<'_>, _> =
            serde_json::from_slice(&record.json);
        match head.ok().and_then(|head| head.latest_charge.map(std::borrow::Cow::into_owned)) {
            Some(charge) => self.add("latest charge", Kind::Charge, &charge),
            None => Ok(()),
        }
    }

    /// Invoice payments of an invoice: id, status, and what paid.
    fn payments_of(&self, invoice: &str) -> Vec<(String, String, String)> {
        let Some(table) = self.shared.tables.get(Kind::InvoicePayment) else { return Vec::new() };
        let rows = table.read();
        let finder = memchr::memmem::Finder::new(invoice);
        let find = |all: &[u8], from: usize| finder.find(&all[from..]).map(|at| at + from);
        rows.texts()
            .rows_at(find, || true)
            .into_iter()
            .filter(|found| rows.integration(found.row as usize) == Some(self.integration))
            .filter_map(|found| rows.row(found.row as usize))
            .filter(|row| row.label == invoice)
            .take(MOST)
            .map(|row| (row.id.to_owned(), row.status.to_owned(), row.who.to_owned()))
            .collect()
    }

    /// Records of a customer, newest first.
    fn of_customer(&self, kind: Kind, customer: &str) -> Vec<String> {
        let Some(table) = self.shared.tables.get(kind) else { return Vec::new() };
        let rows = table.read();
        let mut found = self.rows_of_customer(&rows, customer);
        found.sort_unstable_by_key(|row| std::cmp::Reverse(rows.created(*row as usize)));
        found.truncate(MOST);
        found.into_iter().filter_map(|row| rows.row(row as usize).map(|row| row.id.to_owned())).collect()
    }

    fn rows_of_customer(&self, rows: &crate::store::rows::RowTable, customer: &str) -> Vec<u32> {
        let mut found = search::rows_of_party(rows, |whose, _| whose == customer, customer);
        found.retain(|row| {
            rows.integration(*row as usize) == Some(self.integration) && rows.state(*row as usize).is_record()
        });
        found
    }

    /// How many records of a kind a customer has.
    pub fn count_of_customer(&self, kind: Kind, customer: &str) -> u64 {
        let Some(table) = self.shared.tables.get(kind) else { return 0 };
        self.rows_of_customer(&table.read(), customer).len() as u64
    }

    /// All of them.
    pub fn finish(self) -> Vec<Link> {
        self.out
    }
}
