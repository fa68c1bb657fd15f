//! The one path in for events, whatever their source: parse tolerantly, decide whether it is kept, and
//! prepare the event with the records that it changes for one batch.
//!
//! It must never trust an event to be new (the writer knows), apply an event of a connected account to the
//! platform's records, or store an object without an id (`invoice.upcoming`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::value::RawValue;

use super::memory::{Last, Memory, number};
use crate::engine::api::{EventRow, IntegrationId, Marks, Source, TargetId};
use crate::forward::EXPIRES_S;
use crate::forward::routes::Asks;
use crate::integration::Integration;
use crate::store::batch::{EventWrite, RecordWrite};
use crate::store::codec::{Content, Packer};
use crate::store::forwards;
use crate::store::merge::Via;
use crate::store::{Store, StoreError, event_log, mentions};
use crate::stripe::kind::Kind;
use crate::stripe::view::{ChargeHead, EventHead, ObjectHead, PaymentIntentHead};
use crate::stripe::{API_VERSION, summary};
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
/// And without billing: the life of a payment, and what becomes of its charge.
const PAYMENTS: [&str; 5] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.canceled",
];
const CHARGES: &str = "charge.";
/// Texts of a row are for one line on a screen.
const MOST_TEXT: usize = 80;
/// An event that comes later than this, in seconds, is marked.
const LATE: i64 = 60;
/// A read of the list may overtake a delivery by less than this, in seconds: that is no lateness.
const SOON: i64 = 2;

/// What became of an event.
pub enum Prepared {
    /// To be stored.
    Write(Box<EventWrite>),
    /// It is there already; this delivery has its object in the shape of our own API version, which is better.
    Better(Box<RecordWrite>),
    /// It is there already.
    Known,
    /// Not of a type that this integration keeps: counted only.
    Ignored,
    /// Of the other mode: counted only.
    OtherMode,
    /// No event at all: counted only.
    Unreadable,
}

/// How an event came.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// From where.
    pub source: Source,
    /// Now, Unix seconds.
    pub at: i64,
    /// It should have come before by another way.
    pub late: bool,
    /// It happened before we watched: it changes no record.
    pub before: bool,
}

/// Prepares events of one integration, one after the other: packers and what lately came in are shared.
pub struct Preparer<'a> {
    store: &'a Store,
    integration: &'a Integration,
    memory: &'a mut Memory,
    packer: Packer<'a>,
    records: HashMap<Kind, Records<'a>>,
    headers: Vec<(String, String)>,
}

/// Prepares a single event.
pub fn prepare(
    store: &Store,
    integration: &Integration,
    json: &str,
    source: Source,
    now: i64,
) -> Result<Prepared, StoreError> {
    let mut memory = Memory::default();
    let came = Came { source, at: now, late: false, before: false };
    Preparer::new(store, integration, &mut memory)?.prepare(json, came)
}

impl<'a> Preparer<'a> {
    /// For a page or a group of deliveries.
    pub fn new(
        store: &'a Store,
        integration: &'a Integration,
        memory: &'a mut Memory,
    ) -> Result<Self, StoreError> {
        let packer = store.codec().packer(Content::Event)?;
        Ok(Self { store, integration, memory, packer, records: HashMap::new(), headers: Vec::new() })
    }

    /// The HTTP headers that came with the next event: they are forwarded with it.
    pub fn came_with(&mut self, headers: Option<&RawValue>) {
        self.headers.clear();
        if let Some(headers) = headers
            && self.store.forwards().routes.any()
        {
            self.headers = headers_of(headers);
        }
    }

    /// One event.
    pub fn prepare(&mut self, json: &str, came: Came) -> Result<Prepared, StoreError> {
        let Ok(event) = serde_json::from_str::<EventHead>(json) else { return Ok(Prepared::Unreadable) };
        if event.id.is_empty() {
            return Ok(Prepared::Unreadable);
        }
        if event.livemode != self.integration.livemode {
            return Ok(Prepared::OtherMode);
        }
        if !self.integration.all_events && !kept(self.integration.billing, &event.event_type) {
            return Ok(Prepared::Ignored);
        }
        let id = number(&*event.id);
        let ours = event.api_version.as_deref() == Some(API_VERSION);
        let object_json = event.data.object.get();
        let object = serde_json::from_str::<ObjectHead>(object_json).unwrap_or_default();
        let kind = Kind::from_object(&object.object);
        match self.memory.event(id) {
            Some(false) if ours => return self.better(&event, &object, kind, id),
            Some(_) => return Ok(Prepared::Known),
            None if self.store.has_event(self.integration.id, &event.id)? => {
                self.memory.put_event(id, true);
                return Ok(Prepared::Known);
            }
            None => {}
        }
        let mut row = row(self.integration.id, &event, &object, kind, came.source, came.at);
        if let Some(kind) = kind.filter(|_| !event.event_type.contains("failed"))
            && let Some(name) = customer_name(self.store, self.integration.id, kind, object_json)?
        {
            row.who = name;
        }
        let moment = number((&*event.event_type, &*object.id, event.created));
        row.marks.twin = !object.id.is_empty() && self.memory.is_twin(moment, id);
        let age = came.at - event.created;
        row.marks.late = (came.late && age >= SOON) || (came.source != Source::Poll && age > LATE);
        row.marks.connected = event.account.is_some();
        let mut records = Vec::new();
        if let Some(kind) = kind
            && event.account.is_none()
            && !object.id.is_empty()
            && !came.before
        {
            let record = self.record(&event, &object, kind)?;
            match self.order(&event, &record, id)? {
                Order::After => records.push(record),
                Order::Before => row.marks.out_of_order = true,
                // Not the event's fault: we read the object before it came.
                Order::Overtaken => {}
            }
        }
        self.memory.put_event(id, ours);
        let packed = self.packer.pack(json.as_bytes())?;
        let headers = std::mem::take(&mut self.headers);
        let forwards = if came.before { Vec::new() } else { self.forwards(&row, came, headers) };
        Ok(Prepared::Write(Box::new(EventWrite {
            integration: self.integration.id,
            id: event.id.to_string(),
            created: event.created,
            header: event_log::header(&row, &mentions::of(json, &row.object)),
            packed,
            records,
            forwards,
        })))
    }

    /// The targets that want an event, each with its entry in their queues.
    fn forwards(
        &self,
        row: &EventRow,
        came: Came,
        headers: Vec<(String, String)>,
    ) -> Vec<(TargetId, Vec<u8>)> {
        let targets = self.store.forwards().routes.of(Asks {
            integration: row.integration,
            livemode: self.integration.livemode,
            event_type: &row.event_type,
            listed: (came.source == Source::Poll).then_some(row.created),
        });
        if targets.is_empty() {
            return Vec::new();
        }
        let entry = forwards::Entry {
            queued: came.at,
            expires: row.created + EXPIRES_S,
            tries: 0,
            replay: false,
            event: row.id.clone(),
            event_type: row.event_type.clone(),
            object: row.object.clone(),
            headers,
        };
        let value = entry.encode();
        targets.into_iter().map(|target| (target, value.clone())).collect()
    }

    fn record(
        &mut self,
        event: &EventHead<'_>,
        object: &ObjectHead<'_>,
        kind: Kind,
    ) -> Result<RecordWrite, StoreError> {
        let packer = match self.records.entry(kind) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(Records::new(self.store, self.integration.id, kind)?),
        };
        let via = if is_deletion(&event.event_type) { Via::Deleted } else { Via::Event };
        packer.record(&object.id, event.data.object.get(), event.created, via)
    }

    /// The same event again, in our own version's shape: in the place of the other shape, if that is still what
    /// was applied last.
    fn better(
        &mut self,
        event: &EventHead<'_>,
        object: &ObjectHead<'_>,
        kind: Option<Kind>,
        id: u64,
    ) -> Result<Prepared, StoreError> {
        self.memory.put_event(id, true);
        let Some(kind) = kind else { return Ok(Prepared::Known) };
        let last = self.memory.object(number((kind, &*object.id)));
        if last.is_none_or(|last| last.event != id) {
            return Ok(Prepared::Known);
        }
        let record = self.record(event, object, kind)?;
        Ok(Prepared::Better(Box::new(record)))
    }

    /// Whether an event happened after what is known of its object. Within one second the time does not tell.
    fn order(&mut self, event: &EventHead<'_>, record: &RecordWrite, id: u64) -> Result<Order, StoreError> {
        let object = number((record.kind, record.id.as_str()));
        let made = event.event_type.ends_with(".created");
        let next = Last {
            as_of: event.created,
            event: id,
            hash: record.header.hash,
            status: record.header.status.clone(),
            made,
        };
        let known = match self.memory.object(object) {
            Some(last) => Some(last.clone()),
            None => self.store.header(self.integration.id, record.kind, &record.id)?.map(|header| Last {
                as_of: header.as_of,
                event: 0,
                hash: header.hash,
                status: header.status,
                made: false,
            }),
        };
        let order = match &known {
            Some(last) if last.as_of > event.created && last.event == 0 => Order::Overtaken,
            Some(last) if last.as_of > event.created => Order::Before,
            Some(last) if last.as_of == event.created && last.hash != next.hash => {
                tie(record.kind, last, &next, &event.event_type).unwrap_or_else(|| {
                    self.memory.unsettle(record.kind, &record.id);
                    Order::After
                })
            }
            _ => Order::After,
        };
        if order == Order::After {
            self.memory.put_object(object, next);
        }
        Ok(order)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    After,
    /// A later event is known.
    Before,
    /// A later state was read.
    Overtaken,
}

/// Which of two states of one second came later: what was made was made first, and a status that leads to
/// another came before it. None: nothing tells.
fn tie(kind: Kind, last: &Last, next: &Last, event_type: &str) -> Option<Order> {
    if next.made {
        return Some(Order::Before);
    }
    if last.made || is_deletion(event_type) {
        return Some(Order::After);
    }
    // A failed attempt leads back.
    if event_type == "payment_intent.payment_failed" {
        return None;
    }
    match rank(kind, &next.status)?.cmp(&rank(kind, &last.status)?) {
        std::cmp::Ordering::Less if kind == Kind::PaymentIntent => None,
        std::cmp::Ordering::Less => Some(Order::Before),
        std::cmp::Ordering::Greater => Some(Order::After),
        std::cmp::Ordering::Equal => None,
    }
}

/// How far along a status is in the life of its object, where that goes one way.
fn rank(kind: Kind, status: &str) -> Option<u8> {
    Some(match (kind, status) {
        (Kind::Invoice, "draft")
        | (Kind::Charge, "pending")
        | (Kind::PaymentIntent, "requires_payment_method" | "requires_confirmation") => 0,
        (Kind::Invoice, "open")
        | (Kind::PaymentIntent, "requires_action")
        | (Kind::Charge, "succeeded" | "failed") => 1,
        (Kind::Invoice, "uncollectible") | (Kind::PaymentIntent, "processing" | "requires_capture") => 2,
        (Kind::Invoice, "paid" | "void") | (Kind::PaymentIntent, "succeeded" | "canceled") => 3,
        _ => return None,
    })
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

/// Headers as they came, one value per name; what is no text, or more than anybody sends, is left out.
fn headers_of(headers: &RawValue) -> Vec<(String, String)> {
    let Ok(all) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(headers.get()) else {
        return Vec::new();
    };
    let texts = all.into_iter().filter_map(|(name, value)| match value {
        serde_json::Value::String(value) if name.len() <= 100 && value.len() <= 2_000 => Some((name, value)),
        _ => None,
    });
    texts.take(50).collect()
}

/// Whether events of a pattern (`invoice.*`) may be stored at all, where not all of them are.
pub fn may_keep(billing: bool, pattern: &str) -> bool {
    let start = pattern.split('*').next().unwrap_or_default();
    let fits = |known: &str| known.starts_with(start) || start.starts_with(known);
    if billing {
        BILLING.iter().any(|known| fits(known))
    } else {
        PAYMENTS.iter().any(|known| known.starts_with(start)) || fits(CHARGES)
    }
}

fn kept(billing: bool, event_type: &str) -> bool {
    if billing {
        BILLING.iter().any(|start| event_type.starts_with(start))
    } else {
        PAYMENTS.contains(&event_type) || event_type.starts_with(CHARGES)
    }
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
        marks: Marks::default(),
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
        assert!(!kept(false, "payment_intent.created") && kept(false, "charge.refunded"));
        assert!(!kept(true, "payout.paid"));
        assert!(kept(true, "invoice.something_new"));
        assert!(
            may_keep(true, "invoice.*") && may_keep(true, "*.failed") && may_keep(false, "charge.refunded")
        );
        assert!(!may_keep(true, "payout.*") && !may_keep(false, "invoice.paid"));
    }

    #[test]
    fn within_a_second_the_way_of_a_status_tells_what_was_last() {
        let state =
            |status: &str, made: bool| Last { as_of: 7, event: 1, hash: 1, status: status.to_owned(), made };
        let order = |kind, last: &Last, next: &Last, event| tie(kind, last, next, event);
        let (open, paid) = (state("open", false), state("paid", false));
        assert_eq!(order(Kind::Invoice, &open, &paid, "invoice.paid"), Some(Order::After));
        assert_eq!(order(Kind::Invoice, &paid, &open, "invoice.finalized"), Some(Order::Before));
        assert_eq!(order(Kind::Invoice, &paid, &paid, "invoice.updated"), None);
        let made = state("draft", true);
        assert_eq!(order(Kind::Invoice, &open, &made, "invoice.created"), Some(Order::Before));
        assert_eq!(
            order(Kind::Customer, &state("", true), &state("", false), "customer.updated"),
            Some(Order::After)
        );
        let back = state("requires_payment_method", false);
        let failed = "payment_intent.payment_failed";
        assert_eq!(order(Kind::PaymentIntent, &state("processing", false), &back, failed), None);
    }

    #[test]
    fn an_ended_subscription_is_not_a_deleted_object() {
        assert!(is_deletion("customer.deleted") && !is_deletion("customer.subscription.deleted"));
    }
}
