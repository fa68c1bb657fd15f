//! What traffic changed or created since the start, and the log of events.
//!
//! This is all the state that a sandbox has. Objects are kept as small structs, never as JSON, and an event
//! shares the version of the object that it shows with its neighbours.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::ids::{
    CHARGES_PER_INVOICE, DISPUTE_TRANSACTION, Obj, REFUND_TRANSACTION, REFUNDS_PER_INVOICE, REINSTATED,
};
use super::model::World;
use super::model::aftermath::DisputeStatus;
use super::model::customer::Customer;
use super::model::invoice::Invoice;
use super::model::subscription::Subscription;

/// Events kept; the oldest go first. About 100 bytes each.
pub const MAX_EVENTS: usize = 2_000_000;

/// An object as an event shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Snapshot {
    /// an invoice
    Invoice(Arc<Invoice>),
    /// the payment intent of an invoice
    PaymentIntent(Arc<Invoice>),
    /// the charge of one attempt
    Charge(Arc<Invoice>, u8),
    /// the link between invoice and payment intent
    InvoicePayment(Arc<Invoice>),
    /// one refund of an invoice's payment
    Refund(Arc<Invoice>, u8),
    /// the dispute over an invoice's payment
    Dispute(Arc<Invoice>),
    /// a customer
    Customer(Arc<Customer>),
    /// a subscription
    Subscription(Arc<Subscription>),
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// seconds since 1970
    pub created: i64,
    /// Stripe's name
    pub kind: &'static str,
    /// the object then
    pub object: Snapshot,
    /// the object before, for `*.updated`
    pub before: Option<Snapshot>,
    /// an API call caused it, instead of Stripe's own clock
    pub requested: bool,
}

/// All that changed since the start.
#[derive(Debug, Default)]
pub struct Overlay {
    invoices: HashMap<u64, Invoice>,
    customers: HashMap<u64, Customer>,
    subscriptions: HashMap<u64, Subscription>,
    /// numbers of objects that appeared since the start, in the order of their time
    pub new_invoices: Vec<(i64, u64)>,
    /// payment intents; invoice payments appear with them
    pub new_payments: Vec<(i64, u64)>,
    /// charges
    pub new_charges: Vec<(i64, u64)>,
    /// refunds
    pub new_refunds: Vec<(i64, u64)>,
    /// disputes
    pub new_disputes: Vec<(i64, u64)>,
    /// customers
    pub new_customers: Vec<(i64, u64)>,
    /// subscriptions of new customers
    pub new_subscriptions: Vec<(i64, u64)>,
    events: VecDeque<Event>,
    first_event: u64,
    /// events that are on their way to a webhook endpoint, or did not get there
    undelivered: HashMap<u64, Undelivered>,
}

/// Where an event has not arrived.
#[derive(Debug, Default)]
struct Undelivered {
    /// endpoints that it is still tried for
    pending: u32,
    /// endpoints that it was given up for
    failed: BTreeSet<u64>,
}

impl Overlay {
    /// Records a changed or new invoice.
    pub fn put_invoice(&mut self, invoice: Invoice) {
        self.invoices.insert(invoice.number, invoice);
    }

    /// Records a changed customer.
    pub fn put_customer(&mut self, customer: Customer) {
        self.customers.insert(customer.number, customer);
    }

    /// Records a changed subscription.
    pub fn put_subscription(&mut self, subscription: Subscription) {
        self.subscriptions.insert(subscription.number, subscription);
    }

    /// Appends an event; drops the oldest if there are too many. Gives its number.
    pub fn push_event(&mut self, event: Event) -> u64 {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
            self.undelivered.remove(&self.first_event);
            self.first_event += 1;
        }
        self.events.push_back(event);
        self.first_event + self.events.len() as u64 - 1
    }

    /// An event is on its way to one more endpoint.
    pub fn await_delivery(&mut self, event: u64) {
        self.undelivered.entry(event).or_default().pending += 1;
    }

    /// An event has arrived at an endpoint; `awaited` if it was counted as on its way.
    pub fn delivered(&mut self, event: u64, endpoint: u64, awaited: bool) {
        if let Some(undelivered) = self.undelivered.get_mut(&event) {
            undelivered.pending = undelivered.pending.saturating_sub(u32::from(awaited));
            undelivered.failed.remove(&endpoint);
            if undelivered.pending == 0 && undelivered.failed.is_empty() {
                self.undelivered.remove(&event);
            }
        }
    }

    /// An event was given up for an endpoint.
    pub fn not_delivered(&mut self, event: u64, endpoint: u64) {
        // What is not there any more is not asked for either.
        if let Some(undelivered) = self.undelivered.get_mut(&event) {
            undelivered.pending = undelivered.pending.saturating_sub(1);
            undelivered.failed.insert(endpoint);
        }
    }

    /// Endpoints that an event is on its way to.
    pub fn pending(&self, event: u64) -> u32 {
        self.undelivered.get(&event).map_or(0, |undelivered| undelivered.pending)
    }

    /// Whether an event has arrived wherever it should.
    pub fn has_arrived(&self, event: u64) -> bool {
        !self.undelivered.contains_key(&event)
    }

    /// Whether an event is older than `before` (seconds since 1970).
    pub fn has_events_before(&self, before: i64) -> bool {
        self.events.front().is_some_and(|event| event.created < before)
    }

    /// Drops the events that are older than `before`.
    pub fn drop_events_before(&mut self, before: i64) {
        while self.has_events_before(before) {
            self.events.pop_front();
            self.undelivered.remove(&self.first_event);
            self.first_event += 1;
        }
    }

    /// An event by its number.
    pub fn event(&self, number: u64) -> Option<&Event> {
        self.events.get(usize::try_from(number.checked_sub(self.first_event)?).ok()?)
    }

    /// Events ever written: the number that the next one gets.
    pub fn events_written(&self) -> u64 {
        self.first_event + self.events.len() as u64
    }

    /// Number of the oldest event kept, and how many there are.
    pub fn event_span(&self) -> (u64, u64) {
        (self.first_event, self.events.len() as u64)
    }
}

/// History and changes together: what the API shows.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// history
    pub world: &'a World,
    /// changes since
    pub overlay: &'a Overlay,
}

impl View<'_> {
    /// The invoice with that number as it stands now.
    pub fn invoice(&self, number: u64) -> Option<Invoice> {
        if let Some(invoice) = self.overlay.invoices.get(&number) {
            return Some(*invoice);
        }
        (number < self.world.timeline.invoices()).then(|| self.world.invoice(number))
    }

    /// The customer with that number as it stands now.
    pub fn customer(&self, number: u64) -> Option<Customer> {
        if let Some(customer) = self.overlay.customers.get(&number) {
            return Some(*customer);
        }
        (number < self.world.timeline.customers()).then(|| self.world.customer(number))
    }

    /// The subscription with that number as it stands now.
    pub fn subscription(&self, number: u64) -> Option<Subscription> {
        if let Some(subscription) = self.overlay.subscriptions.get(&number) {
            return Some(*subscription);
        }
        if number < self.world.timeline.customers() { self.world.subscription(number) } else { None }
    }

    /// Whether an object exists, so that it can be retrieved.
    pub fn exists(&self, obj: Obj, number: u64) -> bool {
        use super::model::catalog::{PRICES, PRODUCTS};
        match obj {
            Obj::Invoice => self.invoice(number).is_some(),
            Obj::PaymentIntent | Obj::InvoicePayment => {
                self.invoice(number).is_some_and(|i| i.finalized_at != 0)
            }
            Obj::Refund => self
                .invoice(number / REFUNDS_PER_INVOICE)
                .is_some_and(|i| i.refunds[(number % REFUNDS_PER_INVOICE) as usize].made()),
            Obj::Dispute => self.invoice(number).is_some_and(|i| i.dispute.made()),
            Obj::BalanceTransaction if number >= REINSTATED => {
                let dispute = number ^ REINSTATED ^ DISPUTE_TRANSACTION;
                self.invoice(dispute).is_some_and(|i| i.dispute.status == DisputeStatus::Won)
            }
            Obj::BalanceTransaction if number >= DISPUTE_TRANSACTION => {
                self.exists(Obj::Dispute, number ^ DISPUTE_TRANSACTION)
            }
            Obj::BalanceTransaction if number >= REFUND_TRANSACTION => {
                self.exists(Obj::Refund, number ^ REFUND_TRANSACTION)
            }
            Obj::Charge | Obj::BalanceTransaction => {
                let slot = (number % CHARGES_PER_INVOICE) as usize;
                self.invoice(number / CHARGES_PER_INVOICE).is_some_and(|i| {
                    let attempt = i.attempts[slot];
                    attempt.made() && (obj == Obj::Charge || attempt.decline.is_none())
                })
            }
            Obj::Customer => self.customer(number).is_some(),
            Obj::PaymentMethod => self.customer(number).is_some_and(|c| !c.deleted),
            Obj::Subscription => self.subscription(number).is_some(),
            Obj::Product => number < PRODUCTS.len() as u64,
            Obj::Price => number < PRICES,
            Obj::Event => self.overlay.event(number).is_some(),
            Obj::Line | Obj::InvoiceItem | Obj::SubscriptionItem | Obj::Request | Obj::WebhookEndpoint => {
                false
            }
        }
    }
}
