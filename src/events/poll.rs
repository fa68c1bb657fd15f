//! Polling `/v1/events`: from the newest known event on, oldest first, one GET when nothing happened.
//!
//! The cursor is stored in the same batch as the events up to it. It must never move the cursor past an
//! event that is not stored.
//! Facts: `ending_before` gives the events just newer than a cursor; Stripe lists 30 days of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ingest::{Came, Prepared, Preparer};
use super::intake::Shared;
use super::settle;
use crate::clock::Now;
use crate::engine::api::{Delivery, IntegrationId, Source};
use crate::integration::Integration;
use crate::integration::endpoint::delivers;
use crate::store::batch::Op;
use crate::store::{Batch, Durability, Store};
use crate::stripe::view::{EventHead, ObjectHead};
use crate::stripe::{Client, Error, Page};
use crate::sync::job::Stop;

const PATH: &str = "/v1/events";
const PAGE: &str = "100";
/// Pages of one catch-up, at most, before the screen hears of it.
const MOST_PAGES: usize = 10_000;
/// Pages that are compared with what is stored, at most, where events cannot be followed.
const MOST_COMPARED: usize = 100;
/// The list's last minutes are read again at most so often, and only if events came, in seconds.
const OVERLAP_EVERY: i64 = 3_600;
/// How far back that goes, in seconds.
const OVERLAP: i64 = 600;
/// A delivery by the webhook endpoint may be on its way for so long, in seconds: that is nothing missed.
const UNDER_WAY_S: i64 = 60;

/// Where polling is, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// The newest event seen at Stripe (kept or not).
    pub newest: Option<String>,
    /// Its time.
    pub newest_created: i64,
    /// Compared with Stripe's own list up to this moment (Stripe's time).
    pub complete_to: Option<i64>,
    /// When a poll last ended well (our time).
    pub polled_at: Option<i64>,
    /// Events that were off the list: counted, not stored.
    pub ignored: u64,
    /// What could not be read as an event.
    pub unreadable: u64,
    /// Events older than Stripe's list were missed at that moment (ours): complete again after a full discover and
    /// sync that began later.
    #[serde(default)]
    pub hole_at: Option<i64>,
    /// When the last minutes were last read again, for events that showed up late in the list.
    #[serde(default)]
    pub overlap_at: i64,
    /// Events since then.
    #[serde(default)]
    pub since_overlap: u64,
}

impl Cursor {
    /// The name of its document.
    pub fn name(integration: IntegrationId) -> String {
        Integration::own_document(integration, "poll")
    }
}

/// What a poll brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Polled {
    /// Events stored.
    pub new: u64,
    /// The cursor had left Stripe's 30 days: what happened between could not be asked for.
    pub hole: bool,
    /// They are the beginning of the log: most of them happened before we watched.
    pub first: bool,
    /// When the newest of them was made that the webhook endpoint should have delivered by now.
    pub overdue: Option<i64>,
}

impl Polled {
    fn more(&mut self, taken: Taken) {
        self.new += taken.new;
        self.overdue = self.overdue.max(taken.overdue);
    }
}

/// What a page brought.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    new: u64,
    overdue: Option<i64>,
}

/// Reads everything that is newer than the cursor and stores it.
pub async fn poll(
    store: &Store,
    client: &Client,
    integration: &Arc<Integration>,
    shared: &Shared,
    now: &Now,
) -> Result<Polled, Stop> {
    let mut meter = 0;
    let reader = Reader { store, client, integration, shared, now };
    let result = reader.follow(&mut meter).await;
    let left = client.own_reads().saturating_sub(meter);
    if result.is_err() && left > 0 {
        // What was asked in vain counts against the allocation, too.
        let at = now();
        let mut batch = Batch::new();
        batch.reads(integration.id, at / 86_400, left);
        store.commit(batch, Durability::Applied, at).await?;
    }
    result
}

/// What a poll works with.
struct Reader<'a> {
    store: &'a Store,
    client: &'a Client,
    integration: &'a Arc<Integration>,
    shared: &'a Shared,
    now: &'a Now,
}

impl Reader<'_> {
    async fn follow(&self, meter: &mut u64) -> Result<Polled, Stop> {
        let mut cursor: Cursor = self.store.meta(&Cursor::name(self.integration.id))?.unwrap_or_default();
        let mut polled = Polled::default();
        for _ in 0..MOST_PAGES {
            let mut params = vec![("limit", PAGE.to_owned())];
            if let Some(newest) = &cursor.newest {
                params.push(("ending_before", newest.clone()));
            }
            let page = match self.client.list(PATH, &params).await {
                Ok(page) => page,
                Err(Error::BadCursor | Error::NotFound { .. }) if cursor.newest.is_some() => {
                    // Older than Stripe remembers. The newest page is where following begins again.
                    cursor.newest = None;
                    cursor.hole_at = Some((self.now)());
                    polled.hole = true;
                    continue;
                }
                Err(error) if cursor.newest.is_some() && knows_no_cursor(&error) => {
                    polled.more(self.compare(&mut cursor, meter, None).await?);
                    return Ok(polled);
                }
                Err(error) => return Err(error.into()),
            };
            // Without a cursor the newest page is the beginning; with one, pages lead up to the newest.
            let first = cursor.newest.is_none();
            if first
                && !polled.hole
                && let Some(since) = cursor.complete_to
            {
                // Watched before, and nothing had happened yet: all of this is news.
                polled.more(self.compare(&mut cursor, meter, Some(since)).await?);
                return Ok(polled);
            }
            polled.first |= first;
            let more = !first && page.has_more;
            let part = Part { first, last: !more, again: false, date: page.date };
            // Oldest first: of two changes of one object, the later one is applied later.
            let rows: Vec<&str> = page.iter().rev().collect();
            polled.more(self.take(&rows, &mut cursor, meter, part).await?);
            if !more {
                break;
            }
        }
        polled.more(self.overlap(&mut cursor, meter).await?);
        Ok(polled)
    }

    /// Stripe's list can show an event a little late, behind newer ones that were followed already.
    async fn overlap(&self, cursor: &mut Cursor, meter: &mut u64) -> Result<Taken, Stop> {
        let at = (self.now)();
        if cursor.since_overlap == 0 || at - cursor.overlap_at < OVERLAP_EVERY {
            return Ok(Taken::default());
        }
        cursor.overlap_at = at;
        cursor.since_overlap = 0;
        let since = cursor.newest_created - OVERLAP;
        let params = [("limit", PAGE.to_owned()), ("created[gte]", since.to_string())];
        let page = self.client.list(PATH, &params).await?;
        let rows: Vec<&str> = page.iter().rev().collect();
        // It moves neither cursor nor "complete to": between it and the last page more may have happened than a page holds.
        let part = Part { first: false, last: false, again: true, date: page.date };
        self.take(&rows, cursor, meter, part).await
    }

    /// The whole list (or what is not older than `since`), up to a bound, compared with what is stored.
    async fn compare(&self, cursor: &mut Cursor, meter: &mut u64, since: Option<i64>) -> Result<Taken, Stop> {
        let mut pages: Vec<Page> = Vec::new();
        let mut after: Option<String> = None;
        while pages.len() < MOST_COMPARED {
            let mut params = vec![("limit", PAGE.to_owned())];
            // A minute of overlap: events can show up a little late.
            params.extend(since.map(|since| ("created[gte]", (since - 60).to_string())));
            params.extend(after.take().map(|id| ("starting_after", id)));
            let page = self.client.list(PATH, &params).await?;
            let last = page.iter().next_back().and_then(head).map(|head| head.id.into_owned());
            let more = page.has_more && last.is_some();
            after = last;
            pages.push(page);
            if !more {
                break;
            }
        }
        let created = |json: &&str| head(json).and_then(|head| head.created).unwrap_or_default();
        let mut rows: Vec<&str> = pages.iter().flat_map(Page::iter).collect();
        // Such servers may list the oldest first, too.
        if rows.first().map(created) >= rows.last().map(created) {
            rows.reverse();
        }
        rows.sort_by_key(created);
        let date = pages.first().map_or_else(|| (self.now)(), |page| page.date);
        self.take(&rows, cursor, meter, Part { first: false, last: true, again: false, date }).await
    }

    /// Stores a page, oldest first, with the cursor behind it.
    async fn take(
        &self,
        rows: &[&str],
        cursor: &mut Cursor,
        meter: &mut u64,
        part: Part,
    ) -> Result<Taken, Stop> {
        let _turn = self.shared.turn.write().await;
        let at = (self.now)();
        let mut batch = Batch::new();
        let overdue = self.prepare(rows, cursor, part, at, &mut batch)?;
        if let Some(head) = rows.last().and_then(|json| head(json)).filter(|_| !part.again) {
            cursor.newest = Some(head.id.into_owned());
            cursor.newest_created = head.created.unwrap_or_default();
        }
        if part.last {
            cursor.complete_to = Some(part.date);
            cursor.polled_at = Some(at);
        }
        if cursor.overlap_at == 0 {
            // Watching has just begun.
            cursor.overlap_at = at;
        }
        if !part.again && !part.first {
            cursor.since_overlap += rows.len() as u64;
        }
        let reads = self.client.own_reads();
        batch.reads(self.integration.id, at / 86_400, reads - (*meter).min(reads));
        *meter = reads;
        batch.meta(Cursor::name(self.integration.id), cursor);
        match self.store.commit(batch, Durability::Applied, at).await {
            Ok(applied) => Ok(Taken { new: applied.events, overdue }),
            Err(error) => {
                self.shared.memory().clear();
                Err(error.into())
            }
        }
    }

    fn prepare(
        &self,
        rows: &[&str],
        cursor: &mut Cursor,
        part: Part,
        at: i64,
        batch: &mut Batch,
    ) -> Result<Option<i64>, Stop> {
        let mut memory = self.shared.memory();
        let mut preparer = Preparer::new(self.store, self.integration, &mut memory)?;
        // With a live connection an event should have come by that.
        let live = self.integration.delivery != Delivery::Poll;
        let late = live && !part.first && cursor.complete_to.is_some();
        // From before we began to watch: discover and sync bring those objects as they are now.
        let came = Came { source: Source::Poll, at, late, before: part.first };
        let by_endpoint = self.integration.delivery == Delivery::Endpoint;
        let mut overdue = None;
        for json in rows {
            let due = if late && by_endpoint { due(self.integration, json, at) } else { None };
            let came = Came { late: late && (!by_endpoint || due.is_some()), ..came };
            match preparer.prepare(json, came)? {
                Prepared::Write(write) => {
                    batch.event(*write);
                    overdue = overdue.max(due);
                }
                Prepared::Better(record) => batch.ops.push(Op::Record(record)),
                Prepared::Known => {}
                Prepared::Ignored => cursor.ignored += 1,
                Prepared::OtherMode | Prepared::Unreadable => cursor.unreadable += 1,
            }
        }
        drop(preparer);
        settle::note(&mut memory, self.integration.id, batch);
        Ok(overdue)
    }
}

/// Which part of a catch-up a page is.
#[derive(Clone, Copy)]
struct Part {
    /// The very first page: what happened before is not caught up with.
    first: bool,
    /// Nothing newer is left at Stripe.
    last: bool,
    /// It was read before: the list's last minutes once more.
    again: bool,
    /// Stripe's time of the answer.
    date: i64,
}

/// A server that is not Stripe may list events and have no `ending_before`.
fn knows_no_cursor(error: &Error) -> bool {
    match error {
        Error::BadRequest { param, message, .. } => {
            param.as_deref().unwrap_or(message).contains("ending_before")
        }
        _ => false,
    }
}

/// When an event was made that the webhook endpoint should have delivered by now; none: it was not asked for there, or may
/// be under way.
fn due(integration: &Integration, json: &str, now: i64) -> Option<i64> {
    let event: EventHead = serde_json::from_str(json).ok()?;
    (event.account.is_none()
        && now - event.created >= UNDER_WAY_S
        && delivers(integration, &event.event_type))
    .then_some(event.created)
}

fn head(json: &str) -> Option<ObjectHead<'_>> {
    serde_json::from_str::<ObjectHead<'_>>(json).ok().filter(|head| !head.id.is_empty())
}

/// Whether events can be read at all with this key and server.
pub fn possible(integration: &Integration) -> bool {
    integration.may("rak_event_read") && integration.offered(PATH)
}
