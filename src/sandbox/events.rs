//! The events of an account's life: their names, in the order in which Stripe writes them, and those that
//! lie behind the start.

use std::sync::Arc;

use super::model::World;
use super::model::declines::decline;
use super::model::invoice::Invoice;
use super::overlay::{Event, Snapshot};

/// Events that a sandbox starts with, at most.
const AT_START: usize = 200;
/// Invoices whose past is told at the start.
const INVOICES: u64 = 120;
/// Invoices whose payment failed, of which all is told: who looks at a new account sees some open and some recovered.
const FAILED: usize = 12;
/// Invoices that are looked through for those.
const LOOKED_THROUGH: u64 = 2000;
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
    /// a scheduled attempt was left out for want of another payment method
    LeftOut,
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
        Happening::Failed(slot) => {
            let asks = after.attempts[slot as usize].decline.is_some_and(|one| decline(one).asks_customer());
            let action = asks.then(|| event("invoice.payment_action_required", invoice()));
            [
                event("charge.failed", Snapshot::Charge(Arc::clone(after), slot)),
                event("payment_intent.payment_failed", intent()),
                updated(),
                event("invoice.payment_failed", invoice()),
            ]
            .into_iter()
            .chain(action)
            .collect()
        }
        Happening::LeftOut => vec![updated()],
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
    // Of a large account only the end is looked through for failures.
    let failed: Vec<u64> = (low.max(total.saturating_sub(LOOKED_THROUGH))..total)
        .rev()
        .filter(|index| world.invoice(*index).used().any(|(_, attempt)| attempt.decline.is_some()))
        .take(FAILED)
        .collect();
    let mut events: Vec<Event> = failed.iter().rev().flat_map(|index| life(world, *index)).collect();
    let stride = ((total - low) / INVOICES).max(1);
    let mut others: Vec<Vec<Event>> = (low..total)
        .step_by(usize::try_from(stride).unwrap_or(usize::MAX))
        .filter(|index| !failed.contains(index))
        .map(|index| life(world, index))
        .collect();
    // Thinned evenly, so that the failures stay among what is newest.
    let room = AT_START.saturating_sub(events.len());
    while others.len() > 1 && others.iter().map(Vec::len).sum::<usize>() > room {
        let mut keep = false;
        others.retain(|_| {
            keep = !keep;
            keep
        });
    }
    events.extend(others.into_iter().flatten());
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
