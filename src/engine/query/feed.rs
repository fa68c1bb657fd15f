//! Windows of the feed under a filter.
//!
//! The log is looked through from its newest end, and what was found is remembered with how far the look went:
//! the next window goes on from there, new events are tested as they come. It must never look through the whole
//! log while somebody waits: after a moment it answers with what it has and says how far that reaches.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use super::Shared;
use super::filtering::{self, Accounts, named};
use crate::engine::api::{Answer, EventPos, EventQuery, EventRow, EventWindow, IntegrationId};
use crate::filter::{EventFields, Filter, Subject};
use crate::store::changes::EventChange;
use crate::store::read::EventPlace;
use crate::store::{Store, StoreError, event_log};

/// How long a look takes at most while somebody waits.
const PATIENCE: Duration = Duration::from_millis(60);
/// And when the oldest rows are wanted, which are at the very end of it.
const LONG_PATIENCE: Duration = Duration::from_millis(1500);
/// And in the background, before anything else gets its turn.
const SLICE: Duration = Duration::from_millis(25);
/// Events looked at between two looks at the clock.
const AT_ONCE: usize = 512;
/// Filters remembered.
const KEPT: usize = 3;
/// Rows of a window, on either side.
const MOST: usize = 500;

#[derive(PartialEq, Eq)]
struct Key {
    integration: Option<IntegrationId>,
    filter: String,
    minute: i64,
    accounts: Vec<(IntegrationId, String, String)>,
}

impl Key {
    /// The same question, in another minute.
    fn is_of_another_minute(&self, other: &Key) -> bool {
        self.minute != other.minute
            && self.integration == other.integration
            && self.filter == other.filter
            && self.accounts == other.accounts
    }
}

/// How far one integration's log was looked through.
struct Reach {
    integration: IntegrationId,
    /// The last event looked at.
    last: Option<EventPlace>,
    whole: bool,
}

struct Look {
    key: Key,
    filter: Filter,
    accounts: Accounts,
    /// What passes, in the feed's order.
    found: Vec<EventPlace>,
    reach: Vec<Reach>,
}

/// What is remembered of filters of the feed.
#[derive(Default)]
pub struct Feed {
    looks: Mutex<Vec<Look>>,
    /// What happened to events while a look was under way: it takes it over when it is through.
    late: Mutex<Vec<Late>>,
}

enum Late {
    Came(EventChange),
    Dropped(EventPlace),
}

/// Answers `Request::Events`. The version is the caller's to fill in.
pub fn events(
    shared: &Shared,
    query: &EventQuery,
    accounts: &Accounts,
    now: i64,
) -> Result<Answer, StoreError> {
    let ids: Vec<IntegrationId> = accounts.iter().map(|one| one.id).collect();
    if query.filter.trim().is_empty() {
        return shared.store.events(query, &ids).map(Answer::Events);
    }
    let filter = match filtering::read(&query.filter, Subject::Events, query.integration, accounts, now) {
        Ok(filter) => filter,
        Err(answer) => return Ok(answer),
    };
    if filter.is_everything() {
        return shared.store.events(query, &ids).map(Answer::Events);
    }
    shared.catch_up()?;
    let key = Key {
        integration: query.integration,
        filter: query.filter.trim().to_owned(),
        minute: if filter.moves() { now.div_euclid(60) } else { 0 },
        accounts: accounts.iter().map(|one| (one.id, one.name.clone(), one.account.clone())).collect(),
    };
    let asks = shared.asks();
    let mut looks = shared.feed.looks.lock().unwrap_or_else(PoisonError::into_inner);
    drop(asks);
    shared.feed.take_late(&shared.store, &mut looks)?;
    // A look that takes longer than a minute goes on as of the minute in which it began: it would never be through.
    let goes_on = |one: &Look| one.key.is_of_another_minute(&key) && one.frontier().is_some();
    if let Some(at) = looks.iter().position(|one| one.key == key || goes_on(one)) {
        looks[..=at].rotate_right(1);
    } else {
        looks.insert(0, Look::new(key, filter, accounts));
        looks.truncate(KEPT);
    }
    let Some(look) = looks.first_mut() else { return Ok(Answer::NotHere) };
    let window = look.window(&shared.store, query)?;
    let unfinished = window.looked_to.is_some();
    drop(looks);
    if unfinished {
        // The thread goes on with it.
        shared.store.changes().ring();
    }
    Ok(Answer::Events(window))
}

impl Feed {
    /// Takes over events that were stored. Never waits for a look that is under way.
    pub fn put(&self, store: &Store, events: Vec<EventChange>) -> Result<(), StoreError> {
        self.hear(store, events.into_iter().map(Late::Came).collect())
    }

    /// Forgets events that were removed. Never waits either.
    pub fn drop_events(&self, store: &Store, places: &[EventPlace]) -> Result<(), StoreError> {
        self.hear(store, places.iter().copied().map(Late::Dropped).collect())
    }

    fn hear(&self, store: &Store, news: Vec<Late>) -> Result<(), StoreError> {
        if news.is_empty() {
            return Ok(());
        }
        self.late().extend(news);
        match self.looks.try_lock() {
            Ok(mut looks) => self.take_late(store, &mut looks),
            Err(TryLockError::Poisoned(looks)) => self.take_late(store, &mut looks.into_inner()),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }

    /// As if a look were under way, until what this returns is dropped.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self) -> MutexGuard<'_, Vec<Late>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what happened meanwhile: events that came are tested. All are tried; the first error is told.
    fn take_late(&self, store: &Store, looks: &mut [Look]) -> Result<(), StoreError> {
        let news = std::mem::take(&mut *self.late());
        let mut result = Ok(());
        for one in &news {
            match one {
                Late::Came(event) => result = result.and(Feed::test(store, looks, event)),
                Late::Dropped(place) => {
                    for look in &mut *looks {
                        if let Ok(at) = look.found.binary_search(place) {
                            look.found.remove(at);
                        }
                    }
                }
            }
        }
        result
    }

    fn test(store: &Store, looks: &mut [Look], event: &EventChange) -> Result<(), StoreError> {
        let place = EventPlace { integration: event.integration, created: event.created, order: event.order };
        for look in looks {
            // What was not reached yet is found when the look gets there.
            let reached = |one: &Reach| {
                one.integration == place.integration
                    && (one.whole || one.last.is_some_and(|last| place < last))
            };
            if look.reach.iter().any(reached)
                && let Some(row) = store.event_row(place)?
                && look.passes(&row, || store.event_whole(place).ok().flatten().map(|whole| whole.1))
                && let Err(at) = look.found.binary_search(&place)
            {
                look.found.insert(at, place);
            }
        }
        Ok(())
    }

    /// Forgets everything.
    pub fn start_anew(&self) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        self.late().clear();
        looks.clear();
    }

    /// A star came or went.
    pub fn stars_changed(&self) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|look| !look.filter.needs_stars());
    }

    /// Goes on with the filter that was asked for last; false when it is through.
    pub fn look_some(&self, store: &Store) -> Result<bool, StoreError> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        self.take_late(store, &mut looks)?;
        let Some(look) = looks.first_mut().filter(|look| look.frontier().is_some()) else {
            return Ok(false);
        };
        let begun = Instant::now();
        while begun.elapsed() < SLICE && look.go_on(store)? {}
        Ok(true)
    }
}

impl Look {
    fn new(key: Key, filter: Filter, accounts: &Accounts) -> Look {
        let bounds = filter.bounds();
        let wanted = |id: IntegrationId| key.integration.is_none_or(|wanted| wanted == id);
        let reach = accounts
            .iter()
            .filter(|one| wanted(one.id))
            .map(|one| Reach {
                integration: one.id,
                // Nothing at or after `lt` passes: as if it had been looked at.
                last: bounds.lt.map(|lt| EventPlace { integration: one.id, created: lt, order: 0 }),
                whole: bounds.is_empty(),
            })
            .collect();
        Look { key, filter, accounts: accounts.clone(), found: Vec::new(), reach }
    }

    fn passes(&self, row: &EventRow, json: impl FnOnce() -> Option<Vec<u8>>) -> bool {
        let (account, account_id) = named(&self.accounts, row.integration);
        let fields = EventFields { row, account, account_id, starred: row.starred };
        self.filter.test(&fields, json)
    }

    /// Everything newer than this was looked at; none: everything at all. `Some(i64::MAX)`: nothing yet.
    fn frontier(&self) -> Option<i64> {
        let open = self.reach.iter().filter(|one| !one.whole);
        open.map(|one| one.last.map_or(i64::MAX, |last| last.created)).max()
    }

    /// Looks at some more of the log that is looked through least; false when all is.
    fn go_on(&mut self, store: &Store) -> Result<bool, StoreError> {
        let newest = |one: &&mut Reach| one.last.map_or(i64::MAX, |last| last.created);
        let Some(reach) = self.reach.iter_mut().filter(|one| !one.whole).max_by_key(newest) else {
            return Ok(false);
        };
        let (integration, after) = (reach.integration, reach.last);
        let (mut last, mut seen, mut whole) = (after, 0, true);
        let mut found = Vec::new();
        let oldest = self.filter.bounds().gte.unwrap_or(i64::MIN);
        let stars = self.filter.needs_stars();
        store.each_event_value(integration, after, |place, key, value| {
            if place.created < oldest {
                return Ok(false);
            }
            seen += 1;
            last = Some(place);
            let Ok((mut row, ..)) = event_log::decode(integration, key, value) else {
                // It can't be shown either: the look goes on behind it.
                whole = seen < AT_ONCE;
                return Ok(whole);
            };
            if stars {
                row.starred = store.starred(integration, &row.id)?;
            }
            let json = || store.event_parts(integration, key, value).ok().map(|parts| parts.1);
            if self.passes(&row, json) {
                found.push(place);
            }
            whole = seen < AT_ONCE;
            Ok(whole)
        })?;
        for place in found {
            if let Err(at) = self.found.binary_search(&place) {
                self.found.insert(at, place);
            }
        }
        if let Some(reach) = self.reach.iter_mut().find(|one| one.integration == integration) {
            reach.last = last;
            reach.whole = whole;
        }
        Ok(true)
    }

    /// How many of what was found come before everything that was not looked at.
    fn sure(&self) -> usize {
        match self.frontier() {
            None => self.found.len(),
            Some(frontier) => self.found.partition_point(|place| place.created > frontier),
        }
    }

    fn start(&self, store: &Store, from: &EventPos) -> Result<usize, StoreError> {
        for reach in &self.reach {
            let place = store.event_place(reach.integration, &from.id)?;
            if let Some(place) = place.filter(|place| place.created == from.created) {
                return Ok(self.found.partition_point(|one| *one < place));
            }
        }
        Ok(self.found.partition_point(|one| one.created > from.created))
    }

    fn window(&mut self, store: &Store, query: &EventQuery) -> Result<EventWindow, StoreError> {
        let limit = query.limit.min(MOST);
        let patience = if query.oldest { LONG_PATIENCE } else { PATIENCE };
        let begun = Instant::now();
        loop {
            let enough = match &query.from {
                _ if query.oldest => false,
                None => self.sure() >= limit,
                Some(from) => self.sure() >= self.start(store, from)?.saturating_add(limit),
            };
            if enough || begun.elapsed() >= patience || !self.go_on(store)? {
                break;
            }
        }
        let sure = self.sure();
        let (first, end) = if query.oldest {
            (sure.saturating_sub(limit), sure)
        } else {
            let start = match &query.from {
                Some(from) => self.start(store, from)?.min(sure),
                None => 0,
            };
            let before = if query.from.is_some() { query.before.min(MOST) } else { 0 };
            (start.saturating_sub(before), (start + limit).min(sure))
        };
        let mut rows = Vec::with_capacity(end - first);
        for place in &self.found[first..end] {
            rows.extend(store.event_row(*place)?);
        }
        let looked_to = self.frontier();
        Ok(EventWindow {
            rows,
            newer: first as u64,
            total: self.reach.iter().map(|one| store.counters(one.integration).events).sum(),
            matching: looked_to.is_none().then_some(self.found.len() as u64),
            looked_to,
            version: 0,
        })
    }
}
