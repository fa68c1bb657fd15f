//! One event, whole: what it means, what it changed, and its object as it is now.
//!
//! It must always say what a list of changes rests on, and never compare with something newer than the event.

use serde_json::Value;
use serde_json::value::RawValue;

use super::changes::{Node, between, from_previous};
use super::filtering::Accounts;
use super::links::Links;
use super::{Shared, facts, object, what};
use crate::clock::Zone;
use crate::engine::api::{Answer, Basis, Changes, EventDetail, EventRow, IntegrationId};
use crate::store::read::EventPlace;
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;
use crate::stripe::summary;
use crate::stripe::view::{EventHead, ObjectHead};

/// Earlier events that are looked into for one about the same object.
const MOST_LOOKED_INTO: usize = 200;

/// Answers `Request::Event`.
pub fn detail(
    shared: &Shared,
    integration: IntegrationId,
    id: &str,
    accounts: &Accounts,
) -> Result<Answer, StoreError> {
    shared.catch_up()?;
    let Some(place) = shared.store.event_place(integration, id)? else { return Ok(Answer::NotHere) };
    let Some((row, json)) = shared.store.event_whole(place)? else { return Ok(Answer::NotHere) };
    let json = String::from_utf8(json).map_err(|_| StoreError::Value(format!("the text of {id}")))?;
    let event: EventHead<'_> =
        serde_json::from_str(&json).map_err(|error| StoreError::Value(format!("{id}: {error}")))?;
    let object_json = event.data.object.get();
    let head: ObjectHead<'_> = serde_json::from_str(object_json).unwrap_or_default();
    let kind = Kind::from_object(&head.object);
    let about: Value = serde_json::from_str(object_json).unwrap_or_default();
    let account = accounts.iter().find(|one| one.id == integration);
    let zone = account.map_or_else(Zone::utc, |one| Zone::named(&one.timezone));

    let mut links = Links::new(shared, integration, "");
    if let Some(kind) = kind {
        links.add("object", kind, &head.id)?;
        links.named(kind, &about, object_json)?;
    }
    let row_head = kind.map(|kind| summary(kind, object_json)).unwrap_or_default();
    let customer = match &row_head.customer {
        id if id.is_empty() || kind == Some(Kind::Customer) => None,
        id => shared.store.header(integration, Kind::Customer, id)?.map(|header| header.who),
    };
    let customer = customer.filter(|who| !who.is_empty());
    let reason = ["last_payment_error.decline_code", "last_payment_error.code", "outcome.reason"]
        .into_iter()
        .chain(["failure_code", "failure_reason", "reason"])
        .find_map(|path| facts::at(&about, path).and_then(Value::as_str));
    let what = what::happened(&row, kind, &row_head, customer.as_deref(), reason);
    let before = event.data.previous_attributes.map(RawValue::get);
    let changes = changed(shared, place, &event, &head, kind, before, &zone)?;
    let now = match head.id.as_ref() {
        "" => None,
        id => object::detail(shared, integration, id, accounts)?,
    };
    let told = kind.map(|kind| facts::of(kind, &about)).unwrap_or_default();
    let url = account.and_then(|one| object::url(one, "events", id));
    Ok(Answer::Event(Box::new(EventDetail {
        row,
        what,
        facts: told,
        changes,
        now,
        links: links.finish(),
        url,
        json,
    })))
}

fn changed(
    shared: &Shared,
    place: EventPlace,
    event: &EventHead<'_>,
    head: &ObjectHead<'_>,
    kind: Option<Kind>,
    previous: Option<&str>,
    zone: &Zone,
) -> Result<Changes, StoreError> {
    let object = Node::read(event.data.object.get());
    if let Some(previous) = previous {
        let items = from_previous(&object, &Node::read(previous), zone);
        return Ok(Changes { basis: Basis::PreviousAttributes, items });
    }
    // `customer.discount.created` and the like have an object of their own that began with it, too.
    if event.event_type.ends_with(".created") {
        return Ok(Changes { basis: Basis::Created, items: Vec::new() });
    }
    let nothing = Changes { basis: Basis::Nothing, items: Vec::new() };
    if head.id.is_empty() {
        return Ok(nothing);
    }
    if let Some((id, at, earlier)) = earlier(shared, place, &head.id)? {
        let items = between(&earlier, &object, zone);
        return Ok(Changes { basis: Basis::EarlierEvent { id, at }, items });
    }
    if let Some(kind) = kind
        && let Some(record) = shared.store.record(place.integration, kind, &head.id)?
        && record.header.as_of < place.created
    {
        let copy = Node::read(&String::from_utf8_lossy(&record.json));
        let items = between(&copy, &object, zone);
        return Ok(Changes { basis: Basis::OurCopy { as_of: record.header.as_of }, items });
    }
    Ok(nothing)
}

/// What the latest earlier event of ours says of an object: the event's id and time, and the object.
fn earlier(
    shared: &Shared,
    place: EventPlace,
    object: &str,
) -> Result<Option<(String, i64, Node)>, StoreError> {
    let places = shared.mentions.places(place.integration, object);
    // Within a second the order of arrival says nothing for certain: only older seconds count.
    let older = places.into_iter().filter(|one| one.created < place.created).take(MOST_LOOKED_INTO);
    for one in older {
        let Some(row) = shared.store.event_row(one)? else { continue };
        if row.object != object {
            continue;
        }
        let Some((row, json)) = shared.store.event_whole(one)? else { continue };
        let json = String::from_utf8_lossy(&json);
        let Ok(event) = serde_json::from_str::<EventHead<'_>>(&json) else { continue };
        return Ok(Some((row.id, row.created, Node::read(event.data.object.get()))));
    }
    Ok(None)
}

/// Names the customer in rows that were stored before anything told who that is: an event that came in one page with
/// its invoice, a subscription before the first sync.
pub fn named(store: &Store, rows: &mut [EventRow]) -> Result<(), StoreError> {
    let name = |integration, kind, id: &str| -> Result<Option<String>, StoreError> {
        let header = store.header(integration, kind, id)?;
        Ok(header.map(|header| header.who).filter(|who| !who.is_empty() && Kind::from_id(who).is_none()))
    };
    for row in rows.iter_mut().filter(|row| row.who.is_empty() || Kind::from_id(&row.who).is_some()) {
        let Some(kind @ (Kind::InvoicePayment | Kind::Subscription)) = Kind::from_id(&row.object) else {
            continue;
        };
        let Some(header) = store.header(row.integration, kind, &row.object)? else { continue };
        let found = match kind {
            Kind::InvoicePayment => name(row.integration, Kind::Invoice, &header.label)?,
            _ if header.customer.is_empty() => None,
            _ => name(row.integration, Kind::Customer, &header.customer)?,
        };
        if let Some(found) = found {
            row.who = found;
        }
    }
    Ok(())
}
