//! Which stored events name an object: an index in memory over the hashes that each event's header keeps.
//!
//! About ten bytes an event and eight an id in it. Hashes can meet: a timeline looks into each event that it
//! shows; a count does not (one in a thousand counts at a million events may be one too high). An event that was
//! removed is left out at once, and its entries go when enough of them have gathered. It must never name an event
//! by its number to anybody: numbers change when that happens.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

use super::Shared;
use crate::engine::api::{Answer, EventPos, IntegrationId};
use crate::integration::Integration;
use crate::store::changes::EventChange;
use crate::store::read::EventPlace;
use crate::store::{Store, StoreError, event_log, mentions};

/// Events read between two looks at what else there is to do.
const AT_ONCE: usize = 4096;
/// Entries that may lie unsorted, besides a part of the sorted ones.
const UNSORTED: usize = 32 * 1024;
/// Removed events whose entries may still be there, besides a part of all events.
const DROPPED: usize = 4096;
/// Rows of a timeline.
const MOST: usize = 500;

#[derive(Default)]
struct Index {
    integrations: Vec<IntegrationId>,
    whose: Vec<u16>,
    created: Vec<u32>,
    order: Vec<u32>,
    /// Hash and number of the event, in this order.
    sorted: Vec<u64>,
    /// The same of events that came since.
    tail: Vec<u64>,
    /// Removed events whose entries are still there, by `whose` and `order`.
    dropped: HashSet<(u16, u32)>,
}

/// What of an integration's log is still to be read.
struct Left {
    integration: IntegrationId,
    /// Events that arrived from here on come from the writer.
    until: u64,
    after: Option<EventPlace>,
    whole: bool,
}

/// The index.
pub struct Mentions {
    index: RwLock<Index>,
    left: Mutex<Vec<Left>>,
}

impl Mentions {
    /// Nothing read yet. The writer's changes are listened to already.
    pub fn new(store: &Store) -> Mentions {
        Mentions { index: RwLock::default(), left: Mutex::new(left(store)) }
    }

    /// Forgets everything and reads it again.
    pub fn start_anew(&self, store: &Store) {
        let mut to_do = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Index::default();
        *to_do = left(store);
    }

    /// Every stored event is in it.
    pub fn is_built(&self) -> bool {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).iter().all(|left| left.whole)
    }

    /// Reads some events more; false when all are.
    pub fn build_some(&self, shared: &Shared) -> Result<bool, StoreError> {
        // Held all the time: two threads may build, but never the same events.
        let mut to_do = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = to_do.iter().position(|left| !left.whole) else { return Ok(false) };
        let left = &mut to_do[at];
        let mut found: Vec<(EventPlace, Vec<u32>)> = Vec::with_capacity(AT_ONCE);
        let mut seen = 0;
        let read = shared.store.each_event_value(left.integration, left.after, |place, key, value| {
            seen += 1;
            // An event that can't be read is passed over: the next try begins behind it.
            left.after = Some(place);
            if place.order < left.until {
                shared.cases.pass(place.integration, value)?;
                let named = if let Some(named) = event_log::mentions(value)? {
                    named
                } else {
                    // Stored by a version that kept none.
                    let (row, json) = shared.store.event_parts(place.integration, key, value)?;
                    mentions::of(&String::from_utf8_lossy(&json), &row.object)
                };
                found.push((place, named));
            }
            Ok(seen < AT_ONCE)
        });
        left.whole = read.is_ok() && seen < AT_ONCE;
        if read.is_err() {
            // The other logs get their turn before this one is tried again.
            to_do[at..].rotate_left(1);
        }
        let all = to_do.iter().all(|left| left.whole);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (place, named) in found {
            index.push(place, &named);
        }
        index.settle(all);
        drop(index);
        if all {
            shared.tables.note_news();
        }
        read.map(|()| true)
    }

    /// Takes over an event that was stored.
    pub fn put(&self, event: &EventChange) -> Result<(), StoreError> {
        let until = {
            let to_do = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            to_do.iter().find(|left| left.integration == event.integration).map_or(0, |left| left.until)
        };
        if event.order < until {
            return Ok(());
        }
        let named = event_log::mentions(&event.header)?.unwrap_or_default();
        let place = EventPlace { integration: event.integration, created: event.created, order: event.order };
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.push(place, &named);
        index.settle(false);
        Ok(())
    }

    /// Leaves out events that were removed.
    pub fn drop_events(&self, places: &[EventPlace]) {
        if places.is_empty() {
            return;
        }
        // Asked before the index is held: who builds takes the two the other way round.
        let built = self.is_built();
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for place in places {
            if let Some(whose) = index.whose(place.integration) {
                index.dropped.insert((whose, u32::try_from(place.order).unwrap_or(u32::MAX)));
            }
        }
        // Not while events are still being read in: one of these may be among them.
        if index.dropped.len() > DROPPED + index.whose.len() / 16 && built {
            index.compact();
        }
    }

    /// How many events name an object; see the head of this file for how sure it is.
    pub fn count(&self, integration: IntegrationId, id: &str) -> u64 {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.events(mentions::hash(id)).filter(|event| index.is_of(*event, integration)).count() as u64
    }

    /// Where the events that (very likely) name an object are, newest first.
    pub fn places(&self, integration: IntegrationId, id: &str) -> Vec<EventPlace> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let mut out: Vec<EventPlace> = index
            .events(mentions::hash(id))
            .filter(|event| index.is_of(*event, integration))
            .map(|event| EventPlace {
                integration,
                created: i64::from(index.created[event as usize]),
                order: u64::from(index.order[event as usize]),
            })
            .collect();
        out.sort_unstable();
        out
    }
}

impl Index {
    fn push(&mut self, place: EventPlace, named: &[u32]) {
        let (Some(whose), Ok(event)) = (self.whose(place.integration), u32::try_from(self.whose.len()))
        else {
            return;
        };
        self.whose.push(whose);
        self.created.push(u32::try_from(place.created.max(0)).unwrap_or(u32::MAX));
        self.order.push(u32::try_from(place.order).unwrap_or(u32::MAX));
        self.tail.extend(named.iter().map(|hash| u64::from(*hash) << 32 | u64::from(event)));
    }

    /// The number of an integration here.
    fn whose(&mut self, integration: IntegrationId) -> Option<u16> {
        let known = self.integrations.iter().position(|one| *one == integration);
        let whose = known.unwrap_or_else(|| {
            self.integrations.push(integration);
            self.integrations.len() - 1
        });
        u16::try_from(whose).ok()
    }

    /// Gives the memory of removed events back: the others move together and get new numbers.
    fn compact(&mut self) {
        let mut numbers = Vec::with_capacity(self.whose.len());
        let mut kept = 0;
        for event in 0..self.whose.len() {
            let (whose, order) = (self.whose[event], self.order[event]);
            if self.dropped.contains(&(whose, order)) {
                numbers.push(u32::MAX);
                continue;
            }
            numbers.push(kept as u32);
            (self.whose[kept], self.created[kept], self.order[kept]) = (whose, self.created[event], order);
            kept += 1;
        }
        self.whose.truncate(kept);
        self.created.truncate(kept);
        self.order.truncate(kept);
        for entries in [&mut self.sorted, &mut self.tail] {
            // Numbers keep their order, so the entries stay sorted.
            entries.retain_mut(|entry| {
                let number = numbers.get(*entry as u32 as usize).copied().unwrap_or(u32::MAX);
                *entry = *entry & !u64::from(u32::MAX) | u64::from(number);
                number != u32::MAX
            });
            entries.shrink_to_fit();
        }
        self.dropped.clear();
    }

    /// Sorts what came, when it is much (or all that there was).
    fn settle(&mut self, all: bool) {
        if all || self.tail.len() > UNSORTED + self.sorted.len() / 8 {
            self.tail.sort_unstable();
            self.sorted.append(&mut self.tail);
            // Two sorted runs one behind the other: this merges them.
            sort_runs(&mut self.sorted);
        }
    }

    fn events(&self, hash: u32) -> impl Iterator<Item = u32> {
        let first = u64::from(hash) << 32;
        let last = first | u64::from(u32::MAX);
        let from = self.sorted.partition_point(|entry| *entry < first);
        let sorted = self.sorted[from..].iter().take_while(move |entry| **entry <= last);
        let tail = self.tail.iter().filter(move |entry| (first..=last).contains(*entry));
        sorted.chain(tail).map(|entry| *entry as u32)
    }

    fn is_of(&self, event: u32, integration: IntegrationId) -> bool {
        let Some(&whose) = self.whose.get(event as usize) else { return false };
        self.integrations.get(usize::from(whose)) == Some(&integration)
            && (self.dropped.is_empty() || !self.dropped.contains(&(whose, self.order[event as usize])))
    }
}

/// Merges two sorted runs. The stable sort finds them; the unstable one would sort from the beginning.
#[expect(clippy::stable_sort_primitive, reason = "it merges sorted runs in one pass")]
fn sort_runs(entries: &mut [u64]) {
    entries.sort();
}

fn left(store: &Store) -> Vec<Left> {
    let all = Integration::all(store).unwrap_or_default();
    all.iter()
        .map(|one| Left {
            integration: one.id,
            until: store.counters(one.id).arrived,
            after: None,
            whole: false,
        })
        .collect()
}

/// Answers `Request::Timeline`.
pub fn timeline(
    shared: &Shared,
    integration: IntegrationId,
    object: &str,
    from: Option<&EventPos>,
    limit: usize,
) -> Result<Answer, StoreError> {
    shared.catch_up()?;
    // A timeline with holes would mislead: what is left of the index is built first.
    while shared.mentions.build_some(shared)? {}
    let places = shared.mentions.places(integration, object);
    let start = match from {
        None => 0,
        Some(pos) => {
            let place = shared.store.event_place(integration, &pos.id)?;
            let place = place.filter(|place| place.created == pos.created);
            places.partition_point(|one| match place {
                Some(place) => *one < place,
                None => one.created > pos.created,
            })
        }
    };
    let quoted = serde_json::Value::from(object).to_string();
    let finder = memchr::memmem::Finder::new(&quoted);
    let mut rows = Vec::new();
    for place in &places[start..] {
        if rows.len() >= limit.min(MOST) {
            break;
        }
        if let Some((row, json)) = shared.store.event_whole(*place)?
            && finder.find(&json).is_some()
        {
            rows.push(row);
        }
    }
    Ok(Answer::Timeline(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_gives_its_memory_back_and_the_rest_is_found_as_before() {
        let (one, two) = (IntegrationId(1), IntegrationId(2));
        let place = |integration, order: u64| EventPlace { integration, created: order as i64, order };
        let mut index = Index::default();
        for order in 0..100 {
            index.push(place(one, order), &[7, order as u32 % 5]);
            index.push(place(two, order), &[7]);
            if order == 60 {
                index.settle(true);
            }
        }
        let found = |index: &Index, hash: u32, whose| -> Vec<u32> {
            let mut out: Vec<u32> = index
                .events(hash)
                .filter(|event| index.is_of(*event, whose))
                .map(|event| index.order[event as usize])
                .collect();
            out.sort_unstable();
            out
        };
        for order in (0..100).filter(|order| order % 2 == 0) {
            index.dropped.insert((0, order));
        }
        let odd: Vec<u32> = (0..100).filter(|order| order % 2 == 1).collect();
        let threes: Vec<u32> = odd.iter().copied().filter(|order| order % 5 == 3).collect();
        for compacted in [false, true] {
            if compacted {
                index.compact();
                assert_eq!((index.whose.len(), index.dropped.len()), (150, 0));
                assert_eq!(index.sorted.len() + index.tail.len(), 2 * 50 + 100);
            }
            assert_eq!(found(&index, 7, one), odd, "{compacted}");
            assert_eq!(found(&index, 3, one), threes, "{compacted}");
            assert_eq!(found(&index, 7, two), (0..100).collect::<Vec<u32>>(), "{compacted}");
        }
    }
}
