//! The events of an account's life: their names, in the order in which Stripe writes them, and those that
//! lie behind the start.

use std::sync::Arc;

use super::model::World;
use super::model::invoice::Invoice;
use super::overlay::{Event, Snapshot};

/// Events that a sandbox starts with, at most.
const AT_START: usize = 200;
/// Invoices whose past is told at the start.
const INVOICES: u64 = 120;
/// How far back it goes, in seconds.
const REACH: i64 = 20 * 86_400;

/// What happened to an invoice at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// it appeared
    Created,
    /// it was finalized, and a payment intent made
    Finalized,
    /// the attempt in this slot brought the money
    Paid(u8),
    /// the attempt in this slot failed
    Failed(u8),
    /// it was taken back
    Voided,
    /// it was given up
    GivenUp,
}

/// The events of one moment in an invoice's life. `before` is the invoice as it was, `after` as it is.
pub fn of_invoice(happening: Happening, before: &Arc<Invoice>, after: &Arc<Invoice>, at: i64) -> Vec<Event> {
    let invoice = || Snapshot::Invoice(Arc::clone(after));
    let intent = || Snapshot::PaymentIntent(Arc::clone(after));
    let event = |kind, object| Event { created: at, kind, object, before: None, requested: false };
    let updated = || Event {
        before: Some(Snapshot::Invoice(Arc::clone(before))),
        ..event("invoice.updated", invoice())
    };
    match happening {
        Happening::Created => vec![event("invoice.created", invoice())],
        Happening::Finalized => {
            vec![event("invoice.finalized", invoice()), event("payment_intent.created", intent())]
        }
        Happening::Paid(slot) => vec![
            event("charge.succeeded", Snapshot::Charge(Arc::clone(after), slot)),
            event("payment_intent.succeeded", intent()),
            updated(),
            event("invoice.paid", invoice()),
            event("invoice.payment_succeeded", invoice()),
            event("invoice_payment.paid", Snapshot::InvoicePayment(Arc::clone(after))),
        ],
        Happening::Failed(slot) => vec![
            event("charge.failed", Snapshot::Charge(Arc::clone(after), slot)),
            event("payment_intent.payment_failed", intent()),
            updated(),
            event("invoice.payment_failed", invoice()),
        ],
        Happening::Voided => {
            vec![updated(), event("invoice.voided", invoice()), event("payment_intent.canceled", intent())]
        }
        Happening::GivenUp => vec![updated(), event("invoice.marked_uncollectible", invoice())],
    }
}

/// The newest events before the start, oldest first: a sample of what happened in the last days.
pub fn history(world: &World) -> Vec<Event> {
    let total = world.timeline.invoices();
    let (mut low, mut high) = (0, total);
    while low < high {
        let middle = low + (high - low) / 2;
        if world.timeline.invoice_created(middle) < world.start() - REACH {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let stride = ((total - low) / INVOICES).max(1);
    let mut events: Vec<Event> = Vec::new();
    let mut index = low;
    while index < total {
        events.extend(life(world, index));
        index += stride;
    }
    // Stable, so that the events of one moment keep their order.
    events.sort_by_key(|event| event.created);
    let surplus = events.len().saturating_sub(AT_START);
    events.drain(..surplus);
    events
}

/// All that happened to one invoice up to the start.
fn life(world: &World, index: u64) -> Vec<Event> {
    let end = world.invoice(index);
    let mut moments = vec![(end.created, Happening::Created)];
    if end.finalized_at != 0 {
        moments.push((end.finalized_at, Happening::Finalized));
    }
    for (slot, attempt) in end.used() {
        let happening = if attempt.decline.is_none() { Happening::Paid } else { Happening::Failed };
        moments.push((end.attempted_at(attempt), happening(slot as u8)));
    }
    if end.voided_at != 0 {
        moments.push((end.voided_at, Happening::Voided));
    }
    if end.uncollectible_at != 0 {
        moments.push((end.uncollectible_at, Happening::GivenUp));
    }
    let mut events = Vec::new();
    let mut before = Arc::new(world.invoice_at(index, end.created));
    for (at, happening) in moments {
        let mut then = world.invoice_at(index, at);
        if happening == Happening::Finalized {
            // The first attempt falls into the same second; at the finalizing it lay ahead.
            then.attempts = Default::default();
            if then.status != super::model::invoice::Status::Draft {
                then.status = super::model::invoice::Status::Open;
            }
            then.paid_at = 0;
        }
        let then = Arc::new(then);
        events.extend(of_invoice(happening, &before, &then, at));
        before = then;
    }
    events
}
