//! Further reads, for what is kept in memory beside the store: headers in passing, places of events, stars.
//!
//! Apart from `mod.rs` for length. It must never unpack JSON in a scan.

use super::changes::Changes;
use super::record::{self, Peek};
use super::writer::sled_error;
use super::{Store, StoreError, event_log, guard, keys};
use crate::engine::api::{EventRow, IntegrationId};
use crate::stripe::kind::Kind;

/// Where an event is: enough to read it again, and to order it among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventPlace {
    /// Whose.
    pub integration: IntegrationId,
    /// Stripe's time.
    pub created: i64,
    /// Order of arrival.
    pub order: u64,
}

/// The feed's order: newest first; within a second account after account, each newest arrival first.
impl Ord for EventPlace {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (std::cmp::Reverse(self.created), self.integration, std::cmp::Reverse(self.order)).cmp(&(
            std::cmp::Reverse(other.created),
            other.integration,
            std::cmp::Reverse(other.order),
        ))
    }
}

impl PartialOrd for EventPlace {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Some records of one kind, as the database handed them out.
pub struct Page(Vec<(sled::IVec, sled::IVec)>);

impl Page {
    /// Rows in it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of the last one.
    pub fn last_id(&self) -> Option<String> {
        self.0.last().and_then(|(key, _)| keys::record_id(key)).map(str::to_owned)
    }

    /// Each one's id and what tables need of it; `visit` returns false to stop.
    pub fn each(&self, mut visit: impl FnMut(&str, &Peek<'_>) -> bool) -> Result<(), StoreError> {
        for (key, value) in &self.0 {
            if let Some(id) = keys::record_id(key)
                && !visit(id, &record::peek(value)?)
            {
                break;
            }
        }
        Ok(())
    }
}

impl Store {
    /// The next records of a kind behind an id, at most so many, not decoded yet: whoever puts them into a table
    /// holds its lock only while decoding.
    pub fn page(
        &self,
        integration: IntegrationId,
        kind: Kind,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page, StoreError> {
        let prefix = keys::kind_prefix(integration, kind);
        let start = after.map_or_else(
            || std::ops::Bound::Included(prefix.clone()),
            |id| std::ops::Bound::Excluded(keys::record(integration, kind, id)),
        );
        guard(|| {
            let range = self.inner.tree.range((start, std::ops::Bound::Unbounded)).take(most);
            let of_kind = |item: &sled::Result<(sled::IVec, sled::IVec)>| {
                item.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))
            };
            range.take_while(of_kind).map(|item| item.map_err(sled_error)).collect::<Result<_, _>>().map(Page)
        })
    }

    /// Told of what is stored from now on. For one listener.
    pub fn changes(&self) -> &Changes {
        &self.inner.changes
    }

    /// Walks what tables need of one kind's headers, in the order of ids, from behind `after`; `visit` returns
    /// false to stop.
    pub fn each_peek(
        &self,
        integration: IntegrationId,
        kind: Kind,
        after: Option<&str>,
        mut visit: impl FnMut(&str, Peek<'_>) -> bool,
    ) -> Result<(), StoreError> {
        let prefix = keys::kind_prefix(integration, kind);
        let start = after.map_or_else(
            || std::ops::Bound::Included(prefix.clone()),
            |id| std::ops::Bound::Excluded(keys::record(integration, kind, id)),
        );
        guard(|| {
            for item in self.inner.tree.range((start, std::ops::Bound::Unbounded)) {
                let (key, value) = item.map_err(sled_error)?;
                if !key.starts_with(&prefix) {
                    break;
                }
                if let Some(id) = keys::record_id(&key)
                    && !visit(id, record::peek(&value)?)
                {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Ids of one kind that begin so, in the order of ids, at most so many.
    pub fn ids_from(
        &self,
        integration: IntegrationId,
        kind: Kind,
        start: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        let prefix = keys::record(integration, kind, start);
        guard(|| {
            let keys = self.inner.tree.scan_prefix(prefix).keys().take(most);
            keys.map(|key| Ok(keys::record_id(&key.map_err(sled_error)?).unwrap_or_default().to_owned()))
                .collect()
        })
    }

    /// Ids of events that begin so, in the order of ids, at most so many.
    pub fn event_ids_from(
        &self,
        integration: IntegrationId,
        start: &str,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        let prefix = keys::seen(integration, start);
        guard(|| {
            let keys = self.inner.tree.scan_prefix(prefix).keys().take(most);
            keys.map(|key| {
                let key = key.map_err(sled_error)?;
                Ok(String::from_utf8_lossy(key.get(5..).unwrap_or_default()).into_owned())
            })
            .collect()
        })
    }

    /// Walks the stored events of an integration, newest first, from behind `after`; `visit` gets the place, the
    /// key and the value, and returns false to stop.
    pub fn each_event_value(
        &self,
        integration: IntegrationId,
        after: Option<EventPlace>,
        mut visit: impl FnMut(EventPlace, &[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let prefix = keys::prefix(keys::EVENT, integration);
        let start = match after {
            // The next older one: the order of arrival never repeats.
            Some(EventPlace { created, order: 0, .. }) => {
                keys::second(integration, created.saturating_sub(1))
            }
            Some(place) => keys::event_place(integration, place.created, place.order - 1),
            None => prefix.clone(),
        };
        guard(|| {
            for item in self.inner.tree.range(start..) {
                let (key, value) = item.map_err(sled_error)?;
                if !key.starts_with(&prefix) {
                    break;
                }
                let place = event_place(integration, &key)?;
                if !visit(place, &key, &value)? {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Events whose `created` is below `below`, in the order of keys (newest first) from behind `after` on, at most so
    /// many. Read forward: see `event_log.rs` for why.
    pub fn old_events(
        &self,
        integration: IntegrationId,
        below: i64,
        after: Option<EventPlace>,
        most: usize,
    ) -> Result<Vec<(EventPlace, String)>, StoreError> {
        let mut out = Vec::new();
        if below <= 0 || most == 0 {
            return Ok(out);
        }
        // Behind the last arrival of the second that is just too young.
        let first = EventPlace { integration, created: below, order: 0 };
        self.each_event_value(integration, Some(after.unwrap_or(first)), |place, key, _| {
            let id = keys::event_parts(key).map(|parts| parts.1.to_owned()).unwrap_or_default();
            out.push((place, id));
            Ok(out.len() < most)
        })?;
        Ok(out)
    }

    /// Bytes of an integration's event log, by walking it; the counters hold the same number.
    pub fn measure_events(&self, integration: IntegrationId) -> Result<u64, StoreError> {
        guard(|| event_log::measure(&self.inner.tree, integration))
    }

    /// Where an event is, by its id.
    pub fn event_place(
        &self,
        integration: IntegrationId,
        id: &str,
    ) -> Result<Option<EventPlace>, StoreError> {
        let seen = self.get(&keys::seen(integration, id))?;
        let parts = seen.and_then(|value| keys::seen_parts(&value));
        Ok(parts.map(|(created, order)| EventPlace { integration, created, order }))
    }

    /// The row of the event at a place, star included.
    pub fn event_row(&self, place: EventPlace) -> Result<Option<EventRow>, StoreError> {
        let Some((key, value)) = self.event_value(place)? else { return Ok(None) };
        let mut rows = [event_log::decode(place.integration, &key, &value)?.0];
        self.put_stars(&mut rows)?;
        let [row] = rows;
        Ok(Some(row))
    }

    /// The type of the event at a place, and the id of its object.
    pub fn event_about(&self, place: EventPlace) -> Result<Option<(String, String)>, StoreError> {
        let Some((_, value)) = self.event_value(place)? else { return Ok(None) };
        let (event_type, object) = event_log::about(&value)?;
        Ok(Some((event_type.to_owned(), object.to_owned())))
    }

    /// The row and the JSON of the event at a place.
    pub fn event_whole(&self, place: EventPlace) -> Result<Option<(EventRow, Vec<u8>)>, StoreError> {
        let Some((key, value)) = self.event_value(place)? else { return Ok(None) };
        let mut whole = self.event_parts(place.integration, &key, &value)?;
        self.put_stars(std::slice::from_mut(&mut whole.0))?;
        Ok(Some(whole))
    }

    /// The row (without star) and the JSON out of a key and value of [`Store::each_event_value`].
    pub fn event_parts(
        &self,
        integration: IntegrationId,
        key: &[u8],
        value: &[u8],
    ) -> Result<(EventRow, Vec<u8>), StoreError> {
        let (row, packing, rest) = event_log::decode(integration, key, value)?;
        Ok((row, self.unpack(integration, key, packing, rest)?))
    }

    fn event_value(&self, place: EventPlace) -> Result<Option<(sled::IVec, sled::IVec)>, StoreError> {
        let start = keys::event_place(place.integration, place.created, place.order);
        guard(|| self.inner.tree.scan_prefix(start).next().transpose().map_err(sled_error))
    }

    /// Whether an event is starred.
    pub fn starred(&self, integration: IntegrationId, event: &str) -> Result<bool, StoreError> {
        Ok(self.get(&keys::star(integration, event))?.is_some())
    }

    /// Any event at all of an integration is starred.
    fn any_star(&self, integration: IntegrationId) -> Result<bool, StoreError> {
        guard(|| {
            let mut stars = self.inner.tree.scan_prefix(keys::prefix(keys::STAR, integration)).keys();
            Ok(stars.next().transpose().map_err(sled_error)?.is_some())
        })
    }

    /// Fills the stars of rows in.
    pub fn put_stars(&self, rows: &mut [EventRow]) -> Result<(), StoreError> {
        let mut known: Vec<(IntegrationId, bool)> = Vec::new();
        for row in rows {
            let any = if let Some(one) = known.iter().find(|one| one.0 == row.integration) {
                one.1
            } else {
                let any = self.any_star(row.integration)?;
                known.push((row.integration, any));
                any
            };
            if any {
                row.starred = self.starred(row.integration, &row.id)?;
            }
        }
        Ok(())
    }
}

fn event_place(integration: IntegrationId, key: &[u8]) -> Result<EventPlace, StoreError> {
    let parts = keys::event_parts(key).zip(keys::event_order(key));
    let ((created, _), order) = parts.ok_or_else(|| StoreError::Value("an event's key".into()))?;
    Ok(EventPlace { integration, created, order })
}
