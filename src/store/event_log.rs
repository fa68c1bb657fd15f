//! The event log: the header of a stored event, and windows of the feed, newest first.
//!
//! It must never read all events: a window is asked for and a window is read.

use super::error::StoreError;
use super::keys;
use super::record::{Packing, Reader, put_text};
use super::writer::sled_error;
use crate::engine::api::{EventPos, EventRow, IntegrationId, Marks, Source};

/// Layout 3 has marks in the upper half of the source's byte; 2 and 3 have the mentions (`mentions.rs`) in front of
/// the packing; 1 has none.
const LAYOUT: u8 = 3;
const WITHOUT_MARKS: u8 = 2;
const WITHOUT_MENTIONS: u8 = 1;
/// The marks' bits in the source's byte.
const LATE: u8 = 0x10;
const TWIN: u8 = 0x20;
const OUT_OF_ORDER: u8 = 0x40;
const CONNECTED: u8 = 0x80;
/// Rows counted above a window before the count gives up: more than anybody scrolls.
const MOST_COUNTED: usize = 100_000;

/// Header bytes of an event; packing and payload follow. `mentions`: hashes of the ids in it, at most 255.
pub fn header(row: &EventRow, mentions: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    out.push(LAYOUT);
    let source = match row.source {
        Source::Poll => 0,
        Source::Relay => 1,
        Source::Endpoint => 2,
    };
    out.push(source | marks_to_bits(row.marks));
    out.extend_from_slice(&row.received.to_le_bytes());
    let (amount, currency) =
        row.amount.as_ref().map_or((0, ""), |(amount, currency)| (*amount, currency.as_str()));
    out.push(u8::from(row.amount.is_some()));
    out.extend_from_slice(&amount.to_le_bytes());
    for text in [row.event_type.as_str(), &row.object, currency, &row.who] {
        put_text(&mut out, text);
    }
    let mentions = &mentions[..mentions.len().min(255)];
    out.push(mentions.len() as u8);
    for mention in mentions {
        out.extend_from_slice(&mention.to_le_bytes());
    }
    out
}

fn marks_to_bits(marks: Marks) -> u8 {
    let bit = |on: bool, bit: u8| if on { bit } else { 0 };
    bit(marks.late, LATE)
        | bit(marks.twin, TWIN)
        | bit(marks.out_of_order, OUT_OF_ORDER)
        | bit(marks.connected, CONNECTED)
}

fn marks_of(bits: u8) -> Marks {
    Marks {
        late: bits & LATE != 0,
        twin: bits & TWIN != 0,
        out_of_order: bits & OUT_OF_ORDER != 0,
        connected: bits & CONNECTED != 0,
    }
}

/// The type of an event and the id of its object.
pub fn about(value: &[u8]) -> Result<(&str, &str), StoreError> {
    let mut reader = Reader { rest: value };
    reader.byte()?;
    reader.byte()?;
    reader.i64()?;
    reader.byte()?;
    reader.i64()?;
    Ok((reader.text_ref()?, reader.text_ref()?))
}

/// The hashes of the ids that an event names; none: it was stored when they were not kept.
pub fn mentions(value: &[u8]) -> Result<Option<Vec<u32>>, StoreError> {
    let mut reader = Reader { rest: value };
    let layout = reader.byte()?;
    reader.byte()?;
    reader.i64()?;
    reader.byte()?;
    reader.i64()?;
    for _ in 0..4 {
        reader.text_ref()?;
    }
    take_mentions(layout, &mut reader)
}

fn take_mentions(layout: u8, reader: &mut Reader<'_>) -> Result<Option<Vec<u32>>, StoreError> {
    match layout {
        WITHOUT_MENTIONS => Ok(None),
        WITHOUT_MARKS | LAYOUT => {
            let count = reader.byte()?;
            (0..count).map(|_| reader.u32()).collect::<Result<Vec<u32>, _>>().map(Some)
        }
        other => Err(StoreError::Value(format!("event layout {other}"))),
    }
}

/// Appends how the payload is packed.
pub fn put_packing(packing: Packing, out: &mut Vec<u8>) {
    out.push(packing.codec);
    out.extend_from_slice(&packing.raw_len.to_le_bytes());
    out.extend_from_slice(&packing.parts.to_le_bytes());
}

/// Reads what [`put_packing`] wrote.
pub fn take_packing(reader: &mut Reader<'_>) -> Result<Packing, StoreError> {
    Ok(Packing { codec: reader.byte()?, raw_len: reader.u32()?, parts: reader.u16()? })
}

/// In how many parts beside the value an event's payload is stored.
pub fn parts(value: &[u8]) -> Result<u16, StoreError> {
    let mut reader = Reader { rest: value };
    let layout = reader.byte()?;
    reader.byte()?;
    reader.i64()?;
    reader.byte()?;
    reader.i64()?;
    for _ in 0..4 {
        reader.text_ref()?;
    }
    take_mentions(layout, &mut reader)?;
    Ok(take_packing(&mut reader)?.parts)
}

/// Bytes that an event takes: its key, value and parts, and the key and value under which its id is known.
pub fn size(key: usize, value: usize, parts: usize) -> u64 {
    // The id is what is left of the key behind table, integration, time and order.
    let seen = key.saturating_sub(16) + 16;
    (key + value + parts + seen) as u64
}

/// Bytes of an integration's log, by walking it: for a store that was filled before they were counted.
pub fn measure(tree: &sled::Db, integration: IntegrationId) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for item in tree.scan_prefix(keys::prefix(keys::EVENT, integration)) {
        let (key, value) = item.map_err(sled_error)?;
        let mut beside = 0;
        for part in 0..parts(&value)? {
            let chunk = tree.get(keys::chunk(integration, &key, part)).map_err(sled_error)?;
            beside += chunk.map_or(0, |value| value.len());
        }
        bytes += size(key.len(), value.len(), beside);
    }
    Ok(bytes)
}

/// The row of a stored event, its packing, and its payload if that is not stored in parts.
pub fn decode<'a>(
    integration: IntegrationId,
    key: &[u8],
    value: &'a [u8],
) -> Result<(EventRow, Packing, &'a [u8]), StoreError> {
    let (created, id) = keys::event_parts(key).ok_or_else(|| StoreError::Value("an event's key".into()))?;
    let mut reader = Reader { rest: value };
    let layout = reader.byte()?;
    let bits = reader.byte()?;
    let marks = marks_of(bits);
    let source = match bits & 0x0f {
        0 => Source::Poll,
        1 => Source::Relay,
        2 => Source::Endpoint,
        other => return Err(StoreError::Value(format!("event source {other}"))),
    };
    let received = reader.i64()?;
    let has_amount = reader.byte()? == 1;
    let amount = reader.i64()?;
    let event_type = reader.text()?;
    let object = reader.text()?;
    let currency = reader.text()?;
    let who = reader.text()?;
    take_mentions(layout, &mut reader)?;
    let packing = take_packing(&mut reader)?;
    let row = EventRow {
        integration,
        id: id.to_owned(),
        created,
        received,
        event_type,
        object,
        amount: has_amount.then_some((amount, currency)),
        who,
        source,
        starred: false,
        marks,
    };
    Ok((row, packing, reader.rest))
}

/// Where a place in the feed begins in each integration's keys. Within a second the feed shows one account
/// after the other, each newest arrival first. An id that is not an event of that second stands before the
/// whole second if it sorts before all event ids, else behind it.
fn starts(
    tree: &sled::Db,
    integrations: &[IntegrationId],
    pos: &EventPos,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut owner = None;
    for (index, integration) in integrations.iter().enumerate() {
        let value = tree.get(keys::seen(*integration, &pos.id)).map_err(sled_error)?;
        let parts = value.and_then(|value| keys::seen_parts(&value)).filter(|parts| parts.0 == pos.created);
        if let Some((_, order)) = parts {
            owner = Some((index, order));
            break;
        }
    }
    let behind = keys_behind(pos);
    let start = |(index, integration): (usize, &IntegrationId)| match owner {
        Some((of, order)) if of == index => keys::event(*integration, pos.created, order, &pos.id),
        // Accounts before the event's own have shown this second already.
        Some((of, _)) if index < of => keys::second(*integration, pos.created.saturating_sub(1)),
        None if behind => keys::second(*integration, pos.created.saturating_sub(1)),
        _ => keys::second(*integration, pos.created),
    };
    Ok(integrations.iter().enumerate().map(start).collect())
}

fn keys_behind(pos: &EventPos) -> bool {
    pos.id.as_str() > "evt_~"
}

/// The newest `limit` events at or after (older than) `from`, over the given integrations, newest first.
pub fn window(
    tree: &sled::Db,
    integrations: &[IntegrationId],
    from: Option<&EventPos>,
    limit: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let begin = match from {
        Some(pos) => starts(tree, integrations, pos)?,
        None => integrations.iter().map(|one| keys::prefix(keys::EVENT, *one)).collect(),
    };
    let mut rows = Vec::new();
    for (&integration, start) in integrations.iter().zip(begin) {
        let prefix = keys::prefix(keys::EVENT, integration);
        for item in tree.range(start..).take(limit) {
            let (key, value) = item.map_err(sled_error)?;
            if !key.starts_with(&prefix) {
                break;
            }
            rows.push(decode(integration, &key, &value)?.0);
        }
    }
    // Stable: within a second, each account's rows stay in the order of their arrival.
    rows.sort_by_key(|row| std::cmp::Reverse(row.created));
    rows.truncate(limit);
    Ok(rows)
}

/// The last `limit` events of an integration before a key, in the order of keys.
///
/// sled 0.34.7 must not be asked to walk backward here: at the border of a page it looks for the page before by a key
/// that ends in four bytes of ones, and gives up in a panic where keys go on with more of them, as inverted times and
/// numbers do. So the place to begin at is looked for, in steps of time, and all reading goes forward.
fn last_before(
    tree: &sled::Db,
    integration: IntegrationId,
    end: &[u8],
    limit: usize,
) -> Result<Vec<(sled::IVec, sled::IVec)>, StoreError> {
    let created = match keys::event_second(end) {
        Some(created) => created,
        None => match oldest(tree, integration)? {
            Some(created) => created,
            None => return Ok(Vec::new()),
        },
    };
    let first = keys::prefix(keys::EVENT, integration);
    let most = limit.saturating_mul(4).saturating_add(64);
    let read = |start: &[u8], most: usize| -> Result<Vec<(sled::IVec, sled::IVec)>, StoreError> {
        if start >= end {
            return Ok(Vec::new());
        }
        tree.range(start..end).take(most).map(|item| item.map_err(sled_error)).collect()
    };
    // Seconds that are known to be too few, and too many.
    let (mut few, mut many): (i64, Option<i64>) = (-1, None);
    let mut seconds = 0;
    let mut found = loop {
        let start = keys::second(integration, created.saturating_add(seconds));
        let found = read(&start, most + 1)?;
        if found.len() > most {
            many = Some(seconds);
        } else if found.len() >= limit || tree.range(first.as_slice()..&start[..]).next().is_none() {
            break found;
        } else {
            few = seconds;
        }
        seconds = match many {
            None => (seconds * 2).max(1),
            // A second that holds very many is read whole.
            Some(many) if many - few <= 1 => {
                break read(&keys::second(integration, created.saturating_add(many)), usize::MAX)?;
            }
            Some(many) => few + (many - few) / 2,
        };
    };
    found.drain(..found.len().saturating_sub(limit));
    Ok(found)
}

/// `created` of the oldest event of an integration, by halving the time.
fn oldest(tree: &sled::Db, integration: IntegrationId) -> Result<Option<i64>, StoreError> {
    let behind = keys::behind(keys::EVENT, integration);
    let any = |created: i64| -> Result<bool, StoreError> {
        let start = keys::second(integration, created);
        Ok(tree.range(start..behind.clone()).next().transpose().map_err(sled_error)?.is_some())
    };
    let (mut none, mut some) = (-1, i64::MAX - 1);
    if !any(some)? {
        return Ok(None);
    }
    while some - none > 1 {
        let middle = none + (some - none) / 2;
        if any(middle)? { some = middle } else { none = middle }
    }
    Ok(Some(some))
}

/// The oldest `limit` events before (newer than) `from`, or of all; newest first.
pub fn window_before(
    tree: &sled::Db,
    integrations: &[IntegrationId],
    from: Option<&EventPos>,
    limit: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let ends = match from {
        Some(pos) => starts(tree, integrations, pos)?,
        None => integrations.iter().map(|one| keys::behind(keys::EVENT, *one)).collect(),
    };
    let mut rows = Vec::new();
    for (&integration, end) in integrations.iter().zip(ends) {
        for (key, value) in last_before(tree, integration, &end, limit)? {
            rows.push(decode(integration, &key, &value)?.0);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.created));
    rows.drain(..rows.len().saturating_sub(limit));
    Ok(rows)
}

/// Walks events newest first over the given integrations, from those with `created` below `below` on, in the order
/// of [`window`]; `visit` returns false to stop. Reads no further than it is asked to.
pub fn each(
    tree: &sled::Db,
    integrations: &[IntegrationId],
    below: Option<i64>,
    mut visit: impl FnMut(EventRow) -> bool,
) -> Result<(), StoreError> {
    let mut walks = Vec::with_capacity(integrations.len());
    for &integration in integrations {
        let prefix = keys::prefix(keys::EVENT, integration);
        let start = match below {
            // Nothing happened before 1970.
            Some(below) if below <= 0 => continue,
            Some(below) => keys::second(integration, below - 1),
            None => prefix.clone(),
        };
        let mut rows = tree.range(start..).map_while(move |item| match item {
            Ok((key, value)) => {
                let ours = key.starts_with(&prefix);
                ours.then(|| decode(integration, &key, &value).map(|(row, ..)| row))
            }
            Err(error) => Some(Err(sled_error(error))),
        });
        walks.push((rows.next().transpose()?, rows));
    }
    loop {
        // Of the same second, the first account's rows come first.
        let newest = walks
            .iter()
            .enumerate()
            .filter_map(|(index, (head, _))| Some((head.as_ref()?.created, std::cmp::Reverse(index))))
            .max();
        let Some((head, rows)) = newest.and_then(|(_, index)| walks.get_mut(index.0)) else { return Ok(()) };
        let row = std::mem::replace(head, rows.next().transpose()?);
        if row.is_some_and(|row| !visit(row)) {
            return Ok(());
        }
    }
}

/// The events that arrived from order `since` on, `count` of them, in the order of their arrival. The log is
/// walked from its newest second on: what came late lies deeper.
pub fn arrivals(
    tree: &sled::Db,
    integration: IntegrationId,
    since: u64,
    count: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let mut found = Vec::with_capacity(count.min(1024));
    for item in tree.scan_prefix(keys::prefix(keys::EVENT, integration)) {
        if found.len() == count {
            break;
        }
        let (key, value) = item.map_err(sled_error)?;
        if let Some(order) = keys::event_order(&key).filter(|order| *order >= since) {
            found.push((order, decode(integration, &key, &value)?.0));
        }
    }
    found.sort_by_key(|one| one.0);
    Ok(found.into_iter().map(|one| one.1).collect())
}

/// How many events of these integrations are newer than `than`; stops counting at 100 000.
pub fn count_newer(
    tree: &sled::Db,
    integrations: &[IntegrationId],
    than: &EventPos,
) -> Result<u64, StoreError> {
    let mut count = 0;
    for (&integration, end) in integrations.iter().zip(starts(tree, integrations, than)?) {
        let range = keys::prefix(keys::EVENT, integration)..end;
        for item in tree.range(range).keys().take(MOST_COUNTED) {
            item.map_err(sled_error)?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_row_comes_back_and_cuts_are_errors() {
        let row = EventRow {
            integration: IntegrationId(3),
            id: "evt_1".into(),
            created: 1_700_000_000,
            received: 1_700_000_002,
            event_type: "invoice.paid".into(),
            object: "in_1".into(),
            amount: Some((-500, "jpy".into())),
            who: "Zoë".into(),
            source: Source::Relay,
            starred: false,
            marks: Marks { late: true, connected: true, ..Marks::default() },
        };
        let mut value = header(&row, &[7, u32::MAX]);
        put_packing(Packing { codec: 1, raw_len: 4, parts: 0 }, &mut value);
        let whole = value.len();
        value.extend_from_slice(b"json");
        let key = keys::event(row.integration, row.created, 4, &row.id);
        let (read, packing, rest) = decode(row.integration, &key, &value).unwrap();
        assert_eq!((read, packing.raw_len, rest), (row.clone(), 4, &b"json"[..]));
        assert_eq!(mentions(&value).unwrap(), Some(vec![7, u32::MAX]));
        for length in 0..whole {
            assert!(decode(IntegrationId(3), &key, &value[..length]).is_err());
        }
        // What was stored before mentions were kept.
        let row = EventRow { marks: Marks::default(), ..row };
        let mut old = header(&row, &[7]);
        old[0] = WITHOUT_MARKS;
        put_packing(Packing { codec: 1, raw_len: 4, parts: 0 }, &mut old);
        assert_eq!(decode(row.integration, &key, &old).unwrap().0, row);
        let mut old = header(&row, &[]);
        old[0] = WITHOUT_MENTIONS;
        old.pop();
        put_packing(Packing { codec: 1, raw_len: 4, parts: 0 }, &mut old);
        assert_eq!(decode(row.integration, &key, &old).unwrap().0, row);
        assert_eq!(mentions(&old).unwrap(), None);
    }
}
