//! The row tables of all kinds: built from the store bit by bit, kept current from the writer's batches.
//!
//! A table can be asked while it is being built and says how far it is. It must never hold a table's lock while
//! it reads the store, and never overwrite what a batch brought with what a scan saw earlier.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::Shared;
use super::picks::Views;
use crate::engine::api::IntegrationId;
use crate::integration::Integration;
use crate::store::changes::RecordChange;
use crate::store::rows::RowTable;
use crate::store::{Store, StoreError};
use crate::stripe::kind::Kind;

/// Rows read between two looks at what else there is to do: some milliseconds.
const AT_ONCE: usize = 2048;
/// Front-ends are told of progress so often.
const TELL: Duration = Duration::from_millis(200);

/// The table of one kind and what is remembered of it.
#[derive(Default)]
pub struct Table {
    rows: RwLock<RowTable>,
    /// Orders, filters and lists of rows that were asked for. Held while one is worked out: a second question of
    /// the same kind waits, and finds it done.
    pub views: Mutex<Views>,
    /// The number of the newest question: an older one that still waits gives up.
    pub asked: std::sync::atomic::AtomicU64,
}

impl Table {
    /// The rows, for reading.
    pub fn read(&self) -> RwLockReadGuard<'_, RowTable> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, RowTable> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far building is.
struct Building {
    /// What is left of each kind: integrations, the first one with the id behind which to go on.
    left: Vec<(Kind, Vec<IntegrationId>, Option<String>)>,
    told: Instant,
    news: bool,
}

/// The tables.
pub struct Tables {
    all: Vec<(Kind, Table)>,
    building: Mutex<Building>,
    /// The kind that somebody asked for last, as its place in `all`.
    wanted: AtomicUsize,
}

impl Tables {
    /// Nothing built yet. Reads which integrations there are.
    pub fn new(store: &Store) -> Tables {
        Tables {
            all: Kind::all().map(|kind| (kind, Table::default())).collect(),
            building: Mutex::new(Building { left: left(store), told: Instant::now(), news: false }),
            wanted: AtomicUsize::new(usize::MAX),
        }
    }

    fn building(&self) -> MutexGuard<'_, Building> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table of a kind, which is built next if it is not yet.
    pub fn want(&self, kind: Kind) -> Option<&Table> {
        let at = self.all.iter().position(|one| one.0 == kind)?;
        self.wanted.store(at, Ordering::Relaxed);
        self.get(kind)
    }

    /// The table of a kind.
    pub fn get(&self, kind: Kind) -> Option<&Table> {
        self.all.iter().find(|one| one.0 == kind).map(|one| &one.1)
    }

    /// All tables.
    pub fn each(&self) -> impl Iterator<Item = (Kind, &Table)> {
        self.all.iter().map(|one| (one.0, &one.1))
    }

    /// Percent read of a kind, or of all; none: all of it.
    pub fn loading(&self, kind: Option<Kind>, store: &Store) -> Option<u8> {
        let kinds: Vec<Kind> = {
            let building = self.building();
            building.left.iter().map(|one| one.0).filter(|one| kind.is_none_or(|kind| kind == *one)).collect()
        };
        if kinds.is_empty() {
            return None;
        }
        let integrations: Vec<IntegrationId> =
            Integration::all(store).unwrap_or_default().iter().map(|one| one.id).collect();
        let (mut have, mut expected) = (0, 0);
        for (one, table) in self.each().filter(|one| kind.is_none_or(|kind| kind == one.0)) {
            have += table.read().len() as u64;
            for integration in &integrations {
                let counters = store.counters(*integration);
                expected += if one == Kind::Invoice { counters.catalog.total } else { counters.count(one) };
            }
        }
        Some((have.saturating_mul(100) / expected.max(1)).min(99) as u8)
    }

    /// Reads some rows more; false when all is built.
    pub fn build_some(&self, shared: &Shared) -> Result<bool, StoreError> {
        let (kind, integration, after) = {
            let mut building = self.building();
            let wanted = self.all.get(self.wanted.load(Ordering::Relaxed)).map(|one| one.0);
            building.left.retain(|one| !one.1.is_empty());
            let at = building.left.iter().position(|one| Some(one.0) == wanted).unwrap_or(0);
            let Some((kind, integrations, after)) = building.left.get(at) else { return Ok(false) };
            let Some(integration) = integrations.first() else { return Ok(false) };
            (*kind, *integration, after.clone())
        };
        let page = match shared.store.page(integration, kind, after.as_deref(), AT_ONCE) {
            Ok(page) => page,
            Err(error) => {
                // The other kinds get their turn before this one is tried again.
                let mut building = self.building();
                if let Some(at) = building.left.iter().position(|one| one.0 == kind) {
                    building.left[at..].rotate_left(1);
                }
                return Err(error);
            }
        };
        let last = page.last_id();
        let whole = page.len() < AT_ONCE;
        if let Some(table) = self.get(kind) {
            let mut rows = table.write();
            page.each(|id, row| {
                // What a batch brought meanwhile is newer than what the scan saw.
                rows.find(integration, id).is_some() || rows.put(integration, id, row)
            })?;
        }
        let mut building = self.building();
        building.news = true;
        if let Some(entry) = building.left.iter_mut().find(|one| one.0 == kind) {
            entry.2 = last;
            if whole {
                entry.1.remove(0);
                entry.2 = None;
            }
        }
        building.left.retain(|one| !one.1.is_empty());
        Ok(true)
    }

    /// Takes over what was stored.
    pub fn put(&self, records: &[RecordChange]) {
        for (kind, table) in self.each() {
            let mut of_kind = records.iter().filter(|one| one.kind == kind).peekable();
            if of_kind.peek().is_some() {
                let mut rows = table.write();
                for one in of_kind {
                    rows.put(one.integration, &one.id, &one.header.peek());
                }
            }
        }
    }

    /// Takes out the rows of integrations that were removed from the store.
    pub fn forget(&self, integrations: &[IntegrationId]) {
        for (_, table) in &self.all {
            let mut rows = table.write();
            for integration in integrations {
                rows.forget(*integration);
            }
        }
    }

    /// Forgets everything and builds it again.
    pub fn start_anew(&self, store: &Store) {
        for (_, table) in &self.all {
            let mut rows = table.write();
            let anew = RowTable::behind(&rows);
            *rows = anew;
        }
        self.building().left = left(store);
    }

    /// Puts texts that changed back into their places, where there are many.
    pub fn tidy(&self) {
        for (_, table) in &self.all {
            if table.read().texts().is_ragged() {
                table.write().tidy();
            }
        }
    }

    /// Something more can be shown.
    pub fn note_news(&self) {
        self.building().news = true;
    }

    /// Tells front-ends of progress, if there was any and it was not told a moment ago.
    pub fn tell_now_and_then(&self, shared: &Shared) {
        if self.building().told.elapsed() >= TELL {
            self.told(shared);
        }
    }

    /// Tells front-ends of progress, if there was any.
    pub fn told(&self, shared: &Shared) {
        let mut building = self.building();
        if std::mem::take(&mut building.news) {
            building.told = Instant::now();
            drop(building);
            shared.store.changes().touch();
            (shared.progress)(super::News::Tables);
        }
    }

    /// Goes on with filters that have to read the objects themselves; false when there is none.
    pub fn read_some(&self, store: &Store) -> bool {
        let mut busy = false;
        for (kind, table) in &self.all {
            let mut views = table.views.lock().unwrap_or_else(PoisonError::into_inner);
            busy |= views.read_some(store, *kind, table);
        }
        if busy {
            self.note_news();
        }
        busy
    }
}

fn left(store: &Store) -> Vec<(Kind, Vec<IntegrationId>, Option<String>)> {
    let integrations: Vec<IntegrationId> =
        Integration::all(store).unwrap_or_default().iter().map(|one| one.id).collect();
    if integrations.is_empty() {
        return Vec::new();
    }
    Kind::all().map(|kind| (kind, integrations.clone(), None)).collect()
}
