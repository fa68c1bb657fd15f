//! Read-only lists with paging: integrations, events, records.
//!
//! A page ends with a cursor that says where the next one begins; what comes in meanwhile moves nothing. Lists must never
//! read at Stripe, and never hold more than a page.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Shared;
use super::catalog::entry;
use super::fault::{Fault, answer, said, sentence};
use super::fields::Query;
use super::pick::{FIELD, pick};
use super::routes::Reply;
use crate::engine::api::{
    Answer, EventPos, EventQuery, EventRow, EventWindow, IntegrationId, IntegrationView, Place, RecordQuery,
    RecordRow, RecordWindow, Request, Snapshot, Sort,
};
use crate::engine::status::{health, time};
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;
use crate::sync::lines::whole;

/// Rows of a page, if it is not told.
const USUAL: usize = 50;
/// And at most.
const MOST: usize = 200;
/// Tables that are still being built, and filters that have far to look, are waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// A page ends behind the row with which it has so many bytes: objects have some kilobytes, but an invoice may have megabytes
/// of lines.
const BYTES: usize = 4 * 1024 * 1024;

/// A page as it is sent.
#[derive(Serialize)]
struct Page<T> {
    data: Vec<T>,
    has_more: bool,
    next_cursor: Option<String>,
}

fn send<T: Serialize>(data: Vec<T>, next_cursor: Option<String>) -> Reply {
    let page = Page { data, has_more: next_cursor.is_some(), next_cursor };
    let text = serde_json::to_string(&page).map_err(|_| Fault::ours())?;
    Ok(answer(200, "application/json", text))
}

fn limit(query: &Query) -> Result<usize, Fault> {
    query.count("limit", USUAL, MOST)
}

fn wrong_cursor() -> Fault {
    Fault::invalid("cursor", "The cursor is none of ours: leave it out to begin anew.")
}

/// One integration if it is named, else all.
fn chosen(query: &Query, snapshot: &Snapshot) -> Result<Option<IntegrationId>, Fault> {
    query.get(FIELD)?.map(|word| pick(snapshot, Some(word)).map(|view| view.id)).transpose()
}

fn owner(snapshot: &Snapshot, id: IntegrationId) -> (&str, &str) {
    let one = snapshot.integrations.iter().find(|one| one.id == id);
    one.map_or(("", ""), |one| (&one.name, &one.account))
}

/// `GET /api/integrations`
pub async fn integrations(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let query = Query::parse(query.as_deref());
    let limit = limit(&query)?;
    let from = match query.get("cursor")? {
        Some(text) => text.parse::<u32>().map_err(|_| wrong_cursor())?,
        None => 0,
    };
    let snapshot = shared.snapshot()?;
    let mut rows = snapshot.integrations.iter().filter(|one| one.id.0 >= from);
    let page: Vec<Value> = rows.by_ref().take(limit).map(integration).collect();
    send(page, rows.next().map(|one| one.id.0.to_string()))
}

fn integration(view: &IntegrationView) -> Value {
    json!({
        "id": view.id.0,
        "organization_uid": view.name,
        "description": view.description,
        "account": view.account,
        "livemode": view.livemode,
        "billing": view.billing,
        "delivery": view.delivery,
        "state": health(&view.health),
        "timezone": view.timezone,
        "connected_at": time(view.connected_at),
        "last_event_at": view.last_event_at.map(time),
        "complete_to": view.complete_to.map(time),
        "events": view.events_kept,
        "records": view.stored.iter().map(|one| (one.kind.list_name(), one.count)).collect::<std::collections::BTreeMap<_, _>>(),
    })
}

/// `GET /api/events`
pub async fn events(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let query = Query::parse(query.as_deref());
    let limit = limit(&query)?;
    let from = match query.get("cursor")? {
        Some(text) => {
            let (created, id) = text.split_once('.').ok_or_else(wrong_cursor)?;
            let created = created.parse().map_err(|_| wrong_cursor())?;
            Some(EventPos { created, id: id.to_owned() })
        }
        None => None,
    };
    let snapshot = shared.snapshot()?;
    let asked = EventQuery {
        integration: chosen(&query, &snapshot)?,
        from,
        // One more tells whether there is more.
        limit: limit + 1,
        filter: query.get("filter")?.unwrap_or_default().to_owned(),
        ..EventQuery::default()
    };
    let window = feed(&shared, asked, limit).await?;
    let next = window.rows.get(limit).map(|row| format!("{}.{}", row.created, row.id));
    let page = window.rows.iter().take(limit).map(|row| event(&snapshot, row)).collect();
    send(page, next)
}

/// A filter looks some way through the log at a time: it is asked again until the page is full or all is looked at.
async fn feed(shared: &Shared, asked: EventQuery, limit: usize) -> Result<EventWindow, Fault> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let window = match shared.engine.request(Request::Events(asked.clone())).await {
            Answer::Events(window) => window,
            other => return Err(unanswered(other)),
        };
        if window.looked_to.is_none() || window.rows.len() > limit {
            return Ok(window);
        }
        if tokio::time::Instant::now() >= until {
            return Err(Fault::not_now("The filter is still looking through the log: ask again."));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn event(snapshot: &Snapshot, row: &EventRow) -> Value {
    let (name, account) = owner(snapshot, row.integration);
    json!({
        "organization_uid": name,
        "account": account,
        "id": row.id,
        "type": row.event_type,
        "created": time(row.created),
        "received_at": time(row.received),
        "object": row.object,
        "amount": row.amount.as_ref().map(|one| one.0),
        "currency": row.amount.as_ref().map(|one| one.1.as_str()),
        "who": row.who,
        "source": row.source,
        "starred": row.starred,
    })
}

/// `GET /api/records/{kind}`
pub async fn records(
    State(shared): State<Arc<Shared>>,
    kind: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Reply {
    let query = Query::parse(query.as_deref());
    // What is no UTF-8 is no kind either.
    let kind = kind.map_or_else(|_| "\u{fffd}".to_owned(), |Path(kind)| kind);
    let kind = Kind::parse(&kind).ok_or_else(|| {
        let names: Vec<&str> = Kind::all().map(Kind::list_name).collect();
        let text = format!("`{}` is no kind that is kept: {}.", said(&kind), names.join(", "));
        Fault::new(404, "unknown_kind", Some("kind"), text)
    })?;
    let limit = limit(&query)?;
    let from = query.get("cursor")?.map(|text| cursor(text).ok_or_else(wrong_cursor)).transpose()?;
    let sort = query.get("sort")?.map(|text| match text.strip_prefix('-') {
        Some(column) => Sort { column: column.to_owned(), descending: true },
        None => Sort { column: text.to_owned(), descending: false },
    });
    let catalog = query.flag("catalog")?;
    if catalog && kind != Kind::Invoice {
        return Err(Fault::invalid("catalog", "Only invoices have a catalog."));
    }
    let snapshot = shared.snapshot()?;
    let asked = RecordQuery {
        integration: chosen(&query, &snapshot)?,
        kind,
        catalog,
        filter: query.get("filter")?.unwrap_or_default().to_owned(),
        sort,
        at: from.clone().unwrap_or(Place::Index { index: 0 }),
        limit: limit + 1,
    };
    let mut window = table(&shared, asked).await?;
    if let Some(place) = from {
        begin(&mut window, &place);
    }
    // The row behind the last that fits begins the next page.
    let after: Vec<String> = (window.first..)
        .zip(&window.rows)
        .map(|(index, row)| format!("{index}.{}.{}", row.integration.0, row.id))
        .collect();
    window.rows.truncate(limit);
    let rows = window.rows;
    if catalog {
        let entry = |store: &Store, snapshot: &Snapshot, row: RecordRow| {
            entry(store, owner(snapshot, row.integration).1, &row)
        };
        let entries = each(&shared, snapshot, rows, entry, |_| 0).await?;
        let next = after.get(entries.len()).cloned();
        return send(entries.into_iter().flatten().collect(), next);
    }
    let size = |record: &Record| record.object.as_ref().map_or(0, |json| json.get().len());
    let records = each(&shared, snapshot, rows, record, size).await?;
    let next = after.get(records.len()).cloned();
    send(records, next)
}

/// `INDEX.INTEGRATION.ID` of the row that the page begins with.
fn cursor(text: &str) -> Option<Place> {
    let mut parts = text.splitn(3, '.');
    let index = parts.next()?.parse().ok()?;
    let integration = IntegrationId(parts.next()?.parse().ok()?);
    let id = parts.next()?.to_owned();
    Some(Place::Around { integration, id, before: 0, index })
}

/// A window at a table's end begins earlier than was asked: those rows were on the page before.
fn begin(window: &mut RecordWindow, place: &Place) {
    let Place::Around { integration, id, index, .. } = place else { return };
    let named = window.rows.iter().position(|row| row.integration == *integration && row.id == *id);
    let before = named.unwrap_or_else(|| index.saturating_sub(window.first) as usize).min(window.rows.len());
    window.rows.drain(..before);
    window.first += before as u64;
}

/// Tables are built when they are asked for first: that is waited for.
async fn table(shared: &Shared, asked: RecordQuery) -> Result<RecordWindow, Fault> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let window = match shared.engine.request(Request::Records(asked.clone())).await {
            Answer::Records(window) => window,
            other => return Err(unanswered(other)),
        };
        match window.loading {
            None => return Ok(window),
            Some(percent) if tokio::time::Instant::now() >= until => {
                let text = format!("The table is being built, {percent} % so far: ask again.");
                return Err(Fault::not_now(text));
            }
            Some(_) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// A record as it is sent.
#[derive(Serialize)]
struct Record {
    organization_uid: String,
    account: String,
    id: String,
    kind: &'static str,
    processing_status: Option<String>,
    last_error: Option<String>,
    object: Option<Box<RawValue>>,
}

fn record(store: &Store, snapshot: &Snapshot, row: RecordRow) -> Result<Record, StoreError> {
    let (name, account) = owner(snapshot, row.integration);
    let json = whole(store, row.integration, row.kind, &row.id)?;
    Ok(Record {
        organization_uid: name.to_owned(),
        account: account.to_owned(),
        kind: row.kind.list_name(),
        processing_status: Some(row.state).filter(|state| !state.is_empty()),
        last_error: Some(row.error).filter(|error| !error.is_empty()),
        object: json.and_then(|json| RawValue::from_string(json).ok()),
        id: row.id,
    })
}

/// Reads rows until there are enough bytes; one at least.
fn fill<R, T, E>(
    rows: Vec<R>,
    bytes: usize,
    mut read: impl FnMut(R) -> Result<T, E>,
    size: impl Fn(&T) -> usize,
) -> Result<Vec<T>, E> {
    let (mut out, mut sum) = (Vec::with_capacity(rows.len()), 0);
    for row in rows {
        let one = read(row)?;
        sum += size(&one);
        out.push(one);
        if sum >= bytes {
            break;
        }
    }
    Ok(out)
}

/// Reads what belongs to each row, on a thread that may block. What comes back may be fewer: the page is full.
async fn each<T: Send + 'static>(
    shared: &Shared,
    snapshot: Snapshot,
    rows: Vec<RecordRow>,
    read: fn(&Store, &Snapshot, RecordRow) -> Result<T, StoreError>,
    size: fn(&T) -> usize,
) -> Result<Vec<T>, Fault> {
    let store = shared.store()?;
    let reading =
        tokio::task::spawn_blocking(move || fill(rows, BYTES, |row| read(&store, &snapshot, row), size));
    match reading.await {
        Ok(Ok(whole)) => Ok(whole),
        Ok(Err(error)) => Err(Fault::not_now(sentence(&error.to_string()))),
        Err(_) => Err(Fault::ours()),
    }
}

/// What the engine says instead of rows.
fn unanswered(answer: Answer) -> Fault {
    match answer {
        Answer::BadFilter { reason, at, .. } => {
            Fault::invalid("filter", sentence(&format!("At character {}: {reason}", at + 1)))
        }
        Answer::Refused { reason } if reason.contains("can't be ordered") => {
            Fault::invalid("sort", sentence(&reason))
        }
        Answer::Refused { reason } => Fault::not_now(sentence(&reason)),
        _ => Fault::not_now("What is stored cannot be read just now: ask again."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_or_refused() {
        let place = cursor("50.2.in_1.x").unwrap();
        let around =
            Place::Around { integration: IntegrationId(2), id: "in_1.x".into(), before: 0, index: 50 };
        assert_eq!(place, around);
        for text in ["", "50", "50.2", "x.2.in_1", "50.-2.in_1"] {
            assert_eq!(cursor(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_ends_when_it_has_enough_bytes() {
        let page =
            |sizes: &[usize], bytes| fill(sizes.to_vec(), bytes, Ok::<_, ()>, |size| *size).unwrap().len();
        assert_eq!(page(&[10, 10, 10, 10], 100), 4);
        assert_eq!(page(&[10, 10, 10, 10], 25), 3);
        assert_eq!(page(&[10, 10, 10, 10], 20), 2);
        assert_eq!(page(&[900, 10], 100), 1, "one at least, and then no more");
        assert_eq!(page(&[], 100), 0);
        let read = std::cell::Cell::new(0);
        let one = |size: usize| {
            read.set(read.get() + 1);
            Ok::<_, ()>(size)
        };
        fill(vec![60, 60, 60, 60], 100, one, |size| *size).unwrap();
        assert_eq!(read.get(), 2, "what is not sent is not read");
    }

    #[test]
    fn the_last_page_does_not_repeat_the_one_before() {
        let row = |id: &str| RecordRow {
            integration: IntegrationId(1),
            kind: Kind::Invoice,
            id: id.into(),
            cells: Vec::new(),
            state: String::new(),
            error: String::new(),
        };
        let window =
            || RecordWindow { rows: ["a", "b", "c"].map(row).to_vec(), first: 7, ..RecordWindow::default() };
        let place = |id: &str, index| Place::Around {
            integration: IntegrationId(1),
            id: id.into(),
            before: 0,
            index,
        };
        let ids = |window: &RecordWindow| window.rows.iter().map(|row| row.id.clone()).collect::<String>();
        let mut one = window();
        begin(&mut one, &place("b", 3));
        assert_eq!((ids(&one).as_str(), one.first), ("bc", 8));
        let mut gone = window();
        begin(&mut gone, &place("x", 9));
        assert_eq!((ids(&gone).as_str(), gone.first), ("c", 9));
        let mut short = window();
        begin(&mut short, &place("x", 99));
        assert_eq!(ids(&short), "");
    }
}
