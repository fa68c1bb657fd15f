//! The one path in for events, whatever their source: parse tolerantly, decide whether it is kept, and
//! prepare the event with the records that it changes for one batch.
//!
//! It must never trust an event to be new (the writer knows), apply an event of a connected account to the
//! platform's records, or store an object without an id (`invoice.upcoming`).

use crate::engine::api::{EventRow, IntegrationId, Source};
use crate::integration::Integration;
use crate::store::batch::EventWrite;
use crate::store::codec::Content;
use crate::store::merge::Via;
use crate::store::{Store, StoreError, event_log, mentions};
use crate::stripe::kind::Kind;
use crate::stripe::summary;
use crate::stripe::view::{ChargeHead, EventHead, ObjectHead, PaymentIntentHead};
use crate::sync::pack::Records;
use crate::text;

/// Event types kept with billing on, by the beginning of their names.
const BILLING: [&str; 8] = [
    "invoice.",
    "invoice_payment.",
    "customer.",
    "charge.",
    "refund.",
    "product.",
    "price.",
    "payment_intent.",
];
/// And without billing.
const PAYMENTS: [&str; 2] = ["payment_intent.", "charge."];
/// Texts of a row are for one line on a screen.
const MOST_TEXT: usize = 80;

/// What became of an event.
pub enum Prepared {
    /// To be stored.
    Write(Box<EventWrite>),
    /// Not of a type that this integration keeps: counted only.
    Ignored,
    /// No event at all, or of the other mode: counted only.
    Unreadable,
}

/// Prepares one event for the store.
pub fn prepare(
    store: &Store,
    integration: &Integration,
    json: &str,
    source: Source,
    now: i64,
) -> Result<Prepared, StoreError> {
    let Ok(event) = serde_json::from_str::<EventHead>(json) else { return Ok(Prepared::Unreadable) };
    if event.id.is_empty() || event.livemode != integration.livemode {
        return Ok(Prepared::Unreadable);
    }
    if !kept(integration.billing, &event.event_type) {
        return Ok(Prepared::Ignored);
    }
    let object_json = event.data.object.get();
    let object = serde_json::from_str::<ObjectHead>(object_json).unwrap_or_default();
    let kind = Kind::from_object(&object.object);
    let mut row = row(integration.id, &event, &object, kind, source, now);
    if let Some(kind) = kind.filter(|_| !event.event_type.contains("failed"))
        && let Some(name) = customer_name(store, integration.id, kind, object_json)?
    {
        row.who = name;
    }
    let mut records = Vec::new();
    if let Some(kind) = kind
        && event.account.is_none()
        && !object.id.is_empty()
    {
        let via = if is_deletion(&event.event_type) { Via::Deleted } else { Via::Event };
        records.push(Records::new(store, integration.id, kind)?.record(
            &object.id,
            object_json,
            event.created,
            via,
        )?);
    }
    let packed = store.codec().packer(Content::Event)?.pack(json.as_bytes())?;
    Ok(Prepared::Write(Box::new(EventWrite {
        integration: integration.id,
        id: event.id.to_string(),
        created: event.created,
        header: event_log::header(&row, &mentions::of(json, &row.object)),
        packed,
        records,
    })))
}

/// Payments and subscriptions name their customer by id only: the stored customer tells who that is.
fn customer_name(
    store: &Store,
    integration: IntegrationId,
    kind: Kind,
    json: &str,
) -> Result<Option<String>, StoreError> {
    if kind == Kind::InvoicePayment {
        // `summary` puts the invoice into the label; the stored invoice names its customer.
        let invoice = store.header(integration, Kind::Invoice, &summary(kind, json).label)?;
        return Ok(invoice.map(|header| header.who).filter(|who| !who.is_empty()));
    }
    if !matches!(kind, Kind::PaymentIntent | Kind::Subscription) {
        return Ok(None);
    }
    let customer = summary(kind, json).customer;
    if customer.is_empty() {
        return Ok(None);
    }
    let header = store.header(integration, Kind::Customer, &customer)?;
    Ok(header.map(|header| header.who).filter(|who| !who.is_empty()))
}

fn kept(billing: bool, event_type: &str) -> bool {
    let list: &[&str] = if billing { &BILLING } else { &PAYMENTS };
    list.iter().any(|start| event_type.starts_with(start))
}

/// `customer.subscription.deleted` means *ended*: the object is still there.
fn is_deletion(event_type: &str) -> bool {
    event_type.ends_with(".deleted") && event_type != "customer.subscription.deleted"
}

fn row(
    integration: IntegrationId,
    event: &EventHead<'_>,
    object: &ObjectHead<'_>,
    kind: Option<Kind>,
    source: Source,
    now: i64,
) -> EventRow {
    let json = event.data.object.get();
    let mut who = String::new();
    let mut amount = None;
    if let Some(kind) = kind {
        let head = summary(kind, json);
        amount = head.amount.filter(|_| !head.currency.is_empty()).map(|amount| (amount, head.currency));
        if event.event_type == "charge.refunded"
            && let Some(refunded) = refunded_now(event)
        {
            amount = amount.map(|(_, currency)| (-refunded, currency));
        }
        who = if head.who.is_empty() { head.label } else { head.who };
        if event.event_type.contains("failed") {
            who = decline(kind, json).unwrap_or(who);
        }
        if who == object.id {
            who.clear();
        }
    }
    EventRow {
        integration,
        id: event.id.to_string(),
        created: event.created,
        received: now,
        event_type: text::clean_max(&event.event_type, MOST_TEXT),
        object: text::clean_max(&object.id, 255),
        amount,
        who: text::clean_max(&who, MOST_TEXT),
        source,
        starred: false,
    }
}

/// What this event's refund gave back: a charge can be refunded in parts, and carries the sum of them.
fn refunded_now(event: &EventHead<'_>) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Refunded {
        amount_refunded: Option<i64>,
    }
    let of = |json: &str| serde_json::from_str::<Refunded>(json).ok().and_then(|it| it.amount_refunded);
    let after = of(event.data.object.get())?;
    let before = event.data.previous_attributes.and_then(|before| of(before.get())).unwrap_or(0);
    Some(after - before).filter(|amount| *amount > 0)
}

/// Why a payment failed.
fn decline(kind: Kind, json: &str) -> Option<String> {
    match kind {
        Kind::PaymentIntent => {
            let head: PaymentIntentHead = serde_json::from_str(json).ok()?;
            head.last_payment_error.as_ref()?.reason().map(str::to_owned)
        }
        Kind::Charge => {
            let head: ChargeHead = serde_json::from_str(json).ok()?;
            let reason = head.outcome.reason.or(head.failure_code)?;
            Some(reason.into_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_only_keeps_payments_and_billing_the_rest_too() {
        assert!(kept(true, "invoice.paid") && kept(true, "customer.subscription.updated"));
        assert!(!kept(false, "invoice.paid") && kept(false, "payment_intent.payment_failed"));
        assert!(!kept(true, "payout.paid"));
        assert!(kept(true, "invoice.something_new"));
    }

    #[test]
    fn an_ended_subscription_is_not_a_deleted_object() {
        assert!(is_deletion("customer.deleted") && !is_deletion("customer.subscription.deleted"));
    }
}
