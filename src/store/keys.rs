//! The keys of the store: one tree, a byte for the table, then fixed-width big-endian parts.
//!
//! A prefix never changes meaning. Keys hold ids and times only, never names or secrets. Events carry
//! their time and order of arrival inverted, so that walking forward is newest first, also within a second.

use crate::engine::api::{AttemptId, IntegrationId, TargetId};
use crate::stripe::kind::Kind;

/// Records: integration, kind, Stripe id.
pub const RECORD: u8 = b'r';
/// Lines of an invoice beyond the first page: integration, invoice id, 0, page.
pub const LINES: u8 = b'l';
/// Parts of a value that is too large for one: integration, kind, id, 0, part.
pub const CHUNK: u8 = b'c';
/// Events: integration, inverted time, inverted order of arrival, event id.
pub const EVENT: u8 = b'e';
/// Known event ids: integration, event id; the value is the event's time and order of arrival.
pub const SEEN: u8 = b'q';
/// Starred events: integration, event id; the value is empty.
pub const STAR: u8 = b's';
/// Small documents by name: integrations, jobs, cursors.
pub const META: u8 = b'm';
/// Counters of an integration.
pub const COUNTERS: u8 = b'n';
/// Events that wait for a target: integration, target, order of arrival.
pub const QUEUE: u8 = b'F';
/// Events that waited too long for a target: integration, target, order of arrival.
pub const PARKED: u8 = b'P';
/// Attempts to deliver: integration, inverted number.
pub const ATTEMPT: u8 = b'A';
/// What was sent and answered in an attempt: integration, inverted number, part.
pub const ANSWER: u8 = b'B';
/// Attempts by event: integration, event id, 0, inverted number; the value is empty.
pub const ATTEMPT_OF: u8 = b'I';

/// The tables whose keys begin with an integration's number.
pub const PER_INTEGRATION: [u8; 12] =
    [RECORD, LINES, CHUNK, EVENT, SEEN, STAR, COUNTERS, QUEUE, PARKED, ATTEMPT, ANSWER, ATTEMPT_OF];

fn start(table: u8, integration: IntegrationId, room: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(5 + room);
    key.push(table);
    key.extend_from_slice(&integration.0.to_be_bytes());
    key
}

/// Everything of one table and integration.
pub fn prefix(table: u8, integration: IntegrationId) -> Vec<u8> {
    start(table, integration, 0)
}

/// Behind everything of one table and integration.
pub fn behind(table: u8, integration: IntegrationId) -> Vec<u8> {
    match integration.0.checked_add(1) {
        Some(next) => start(table, IntegrationId(next), 0),
        None => vec![table + 1],
    }
}

/// Every record of one kind.
pub fn kind_prefix(integration: IntegrationId, kind: Kind) -> Vec<u8> {
    let mut key = start(RECORD, integration, 1);
    key.push(kind.tag());
    key
}

/// One record.
pub fn record(integration: IntegrationId, kind: Kind, id: &str) -> Vec<u8> {
    let mut key = start(RECORD, integration, 1 + id.len());
    key.push(kind.tag());
    key.extend_from_slice(id.as_bytes());
    key
}

/// The Stripe id at the end of a record's key.
pub fn record_id(key: &[u8]) -> Option<&str> {
    key.get(6..).and_then(|id| std::str::from_utf8(id).ok())
}

/// Integration, kind and Stripe id of a record's key.
pub fn record_parts(key: &[u8]) -> Option<(IntegrationId, Kind, &str)> {
    let number = u32::from_be_bytes(key.get(1..5)?.try_into().ok()?);
    Some((IntegrationId(number), Kind::from_tag(*key.get(5)?)?, record_id(key)?))
}

/// One page of an invoice's further lines.
pub fn lines(integration: IntegrationId, invoice: &str, page: u16) -> Vec<u8> {
    let mut key = lines_prefix(integration, invoice);
    key.extend_from_slice(&page.to_be_bytes());
    key
}

/// All pages of an invoice's further lines.
pub fn lines_prefix(integration: IntegrationId, invoice: &str) -> Vec<u8> {
    let mut key = start(LINES, integration, invoice.len() + 3);
    key.extend_from_slice(invoice.as_bytes());
    key.push(0);
    key
}

/// A part of the large value that is stored under `owner`.
pub fn chunk(integration: IntegrationId, owner: &[u8], part: u16) -> Vec<u8> {
    let mut key = chunk_prefix(integration, owner);
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// All parts of the large value that is stored under `owner`. The table byte of the owner stays in the
/// key (a record and an event never share parts); its integration is not repeated.
pub fn chunk_prefix(integration: IntegrationId, owner: &[u8]) -> Vec<u8> {
    let mut key = start(CHUNK, integration, owner.len() + 3);
    key.extend_from_slice(owner.get(..1).unwrap_or_default());
    key.extend_from_slice(owner.get(5..).unwrap_or_default());
    key.push(0);
    key
}

/// One event. `order` rises with each event that arrives.
pub fn event(integration: IntegrationId, created: i64, order: u64, id: &str) -> Vec<u8> {
    let mut key = second(integration, created);
    key.extend_from_slice(&(!order).to_be_bytes());
    key.extend_from_slice(id.as_bytes());
    key
}

/// Where the events of a second begin.
pub fn second(integration: IntegrationId, created: i64) -> Vec<u8> {
    let mut key = start(EVENT, integration, 40);
    key.extend_from_slice(&inverted(created));
    key
}

/// Time and id of an event's key.
pub fn event_parts(key: &[u8]) -> Option<(i64, &str)> {
    let time: [u8; 8] = key.get(5..13)?.try_into().ok()?;
    let id = std::str::from_utf8(key.get(21..)?).ok()?;
    Some((!(u64::from_be_bytes(time)) as i64, id))
}

/// The second in an event's key, or in a place that begins like one.
pub fn event_second(key: &[u8]) -> Option<i64> {
    let time: [u8; 8] = key.get(5..13)?.try_into().ok()?;
    Some(!(u64::from_be_bytes(time)) as i64)
}

fn inverted(created: i64) -> [u8; 8] {
    (!(created.max(0) as u64)).to_be_bytes()
}

/// What stands under a known event id.
pub fn seen_value(created: i64, order: u64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&created.to_be_bytes());
    value[8..].copy_from_slice(&order.to_be_bytes());
    value
}

/// Time and order of arrival, as [`seen_value`] wrote them.
pub fn seen_parts(value: &[u8]) -> Option<(i64, u64)> {
    let created = i64::from_be_bytes(value.get(..8)?.try_into().ok()?);
    Some((created, u64::from_be_bytes(value.get(8..16)?.try_into().ok()?)))
}

/// The mark that an event id is known.
pub fn seen(integration: IntegrationId, id: &str) -> Vec<u8> {
    let mut key = start(SEEN, integration, id.len());
    key.extend_from_slice(id.as_bytes());
    key
}

/// The star of an event.
pub fn star(integration: IntegrationId, event: &str) -> Vec<u8> {
    let mut key = start(STAR, integration, event.len());
    key.extend_from_slice(event.as_bytes());
    key
}

/// An event by its time and order of arrival alone: its key is the first at or behind this one.
pub fn event_place(integration: IntegrationId, created: i64, order: u64) -> Vec<u8> {
    event(integration, created, order, "")
}

/// The order of arrival in an event's key.
pub fn event_order(key: &[u8]) -> Option<u64> {
    Some(!u64::from_be_bytes(key.get(13..21)?.try_into().ok()?))
}

/// Everything that waits for a target (or is parked there) of one integration.
pub fn lane_prefix(lane: u8, integration: IntegrationId, target: TargetId) -> Vec<u8> {
    let mut key = start(lane, integration, 12);
    key.extend_from_slice(&target.0.to_be_bytes());
    key
}

/// An event that waits for a target, or is parked there.
pub fn lane(lane: u8, integration: IntegrationId, target: TargetId, order: u64) -> Vec<u8> {
    let mut key = lane_prefix(lane, integration, target);
    key.extend_from_slice(&order.to_be_bytes());
    key
}

/// The order of arrival in the key of an event that waits.
pub fn lane_order(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(9..17)?.try_into().ok()?))
}

/// An attempt; the newest stands first.
pub fn attempt(integration: IntegrationId, id: AttemptId) -> Vec<u8> {
    let mut key = start(ATTEMPT, integration, 8);
    key.extend_from_slice(&(!id.0).to_be_bytes());
    key
}

/// The number in an attempt's key.
pub fn attempt_id(key: &[u8]) -> Option<AttemptId> {
    Some(AttemptId(!u64::from_be_bytes(key.get(5..13)?.try_into().ok()?)))
}

/// A part of what was sent and answered in an attempt.
pub fn answer(integration: IntegrationId, id: AttemptId, part: u16) -> Vec<u8> {
    let mut key = start(ANSWER, integration, 10);
    key.extend_from_slice(&(!id.0).to_be_bytes());
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// All attempts of an event.
pub fn attempts_of(integration: IntegrationId, event: &str) -> Vec<u8> {
    let mut key = start(ATTEMPT_OF, integration, event.len() + 9);
    key.extend_from_slice(event.as_bytes());
    key.push(0);
    key
}

/// An attempt by its event.
pub fn attempt_of(integration: IntegrationId, event: &str, id: AttemptId) -> Vec<u8> {
    let mut key = attempts_of(integration, event);
    key.extend_from_slice(&(!id.0).to_be_bytes());
    key
}

/// The number at the end of a key of [`attempt_of`].
pub fn attempt_of_id(key: &[u8]) -> Option<AttemptId> {
    let at = key.len().checked_sub(8)?;
    Some(AttemptId(!u64::from_be_bytes(key.get(at..)?.try_into().ok()?)))
}

/// A small document.
pub fn meta(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + name.len());
    key.push(META);
    key.extend_from_slice(name.as_bytes());
    key
}

/// The counters of an integration.
pub fn counters(integration: IntegrationId) -> Vec<u8> {
    start(COUNTERS, integration, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_sort_newest_first_and_give_their_parts_back() {
        let a = IntegrationId(7);
        let newer = event(a, 2_000, 1, "evt_b");
        let older = event(a, 1_000, 2, "evt_a");
        assert!(newer < older);
        assert!(event(a, 1_000, 3, "evt_z") < older, "within a second, the later arrival is newer");
        assert_eq!(seen_parts(&seen_value(5, 7)), Some((5, 7)));
        assert_eq!(event_parts(&newer), Some((2_000, "evt_b")));
        assert_eq!(event_parts(&event(a, 0, 9, "x")), Some((0, "x")));
    }

    #[test]
    fn records_of_a_kind_stand_together() {
        let a = IntegrationId(1);
        let key = record(a, Kind::Invoice, "in_1");
        assert!(key.starts_with(&kind_prefix(a, Kind::Invoice)));
        assert_eq!(record_id(&key), Some("in_1"));
        assert!(!record(IntegrationId(2), Kind::Invoice, "in_1").starts_with(&prefix(RECORD, a)));
    }

    #[test]
    fn lines_of_one_invoice_are_not_those_of_a_longer_id() {
        let a = IntegrationId(1);
        assert!(!lines(a, "in_12", 0).starts_with(&lines_prefix(a, "in_1")));
    }

    #[test]
    fn chunks_of_different_tables_are_apart() {
        let a = IntegrationId(1);
        let of_record = chunk(a, &record(a, Kind::Invoice, "x"), 0);
        let of_lines = chunk(a, &lines(a, "x", 0), 0);
        assert_ne!(of_record, of_lines);
    }
}
