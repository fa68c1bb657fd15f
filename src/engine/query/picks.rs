//! Which rows of a table pass a filter, and in which order: worked out once, then kept current from the rows
//! that changed.
//!
//! Scrolling must never test a million rows again, and a filter that has to read the objects themselves must
//! never hold up whoever asks: it goes on in the background, newest objects first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::filtering::{Accounts, TableFields, named};
use super::tables::Table;
use crate::engine::api::IntegrationId;
use crate::filter::Filter;
use crate::store::Store;
use crate::store::rows::{Column, RowTable};
use crate::stripe::kind::Kind;

/// Of each sort of thing so many are remembered: what is on the screen, and what was before.
const KEPT: usize = 3;
/// Objects are read for so long before anything else gets its turn.
const SLICE: Duration = Duration::from_millis(25);
/// Below this many rows a second thread does not pay.
const FEW: usize = 64 * 1024;

/// Which rows are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// One integration, or all connected ones.
    pub integration: Option<IntegrationId>,
    /// Catalog entries instead of records.
    pub catalog: bool,
    /// The filter's text.
    pub filter: String,
    /// For a filter that moves with the present: the minute for which it was read; else 0.
    pub minute: i64,
    /// The accounts, by number and names, on which the answer depends.
    pub accounts: Vec<(IntegrationId, String, String)>,
}

impl Key {
    /// The same question, in another minute.
    fn is_of_another_minute(&self, other: &Key) -> bool {
        self.minute != other.minute && Key { minute: other.minute, ..self.clone() } == *other
    }
}

/// The rows that pass a filter.
struct Pick {
    key: Key,
    filter: Filter,
    accounts: Accounts,
    version: Option<u64>,
    /// A bit for each row: it belongs to the table, whatever the filter.
    base: Vec<u64>,
    /// A bit for each row: it passes.
    bits: Vec<u64>,
    /// Rows about which the object itself decides, oldest first.
    unread: Vec<u32>,
    /// How many there were.
    to_read: usize,
    /// What passed a minute before, in which version of the table: shown of a row until it is read again.
    before: Option<(u64, Vec<u64>)>,
    /// Rises whenever a bit changes.
    generation: u64,
}

struct Order {
    column: Column,
    version: u64,
    rows: Arc<Vec<u32>>,
}

struct Shown {
    key: Key,
    column: Column,
    version: u64,
    generation: u64,
    rows: Arc<Vec<u32>>,
}

/// What is remembered of one table.
#[derive(Default)]
pub struct Views {
    orders: Vec<Order>,
    picks: Vec<Pick>,
    shown: Vec<Shown>,
}

/// The rows to show.
pub struct List {
    /// Row numbers, least first.
    pub rows: Arc<Vec<u32>>,
    /// Rows whatever the filter.
    pub total: u64,
    /// Percent of the objects read that had to be; none: all.
    pub reading: Option<u8>,
}

impl Views {
    /// The rows that pass, in the order of a column.
    pub fn list(
        &mut self,
        rows: &RowTable,
        key: &Key,
        filter: &Filter,
        accounts: &Accounts,
        column: Column,
    ) -> List {
        // A filter that moves with the present, and takes longer than a minute to read, comes to an end all the same:
        // it goes on as of the minute in which it began.
        let going_on =
            self.picks.iter().find(|one| one.key.is_of_another_minute(key) && !one.unread.is_empty());
        let begun = going_on.map(|one| one.key.clone());
        let key = begun.as_ref().unwrap_or(key);
        let (generation, total, reading) = {
            let pick = self.pick(key, filter, accounts);
            pick.refresh(rows);
            (pick.generation, count(&pick.base), pick.reading())
        };
        let version = rows.version();
        let known = self.shown.iter().position(|one| {
            one.key == *key && one.column == column && one.version == version && one.generation == generation
        });
        if let Some(at) = known {
            self.shown[..=at].rotate_right(1);
            return List { rows: self.shown[0].rows.clone(), total, reading };
        }
        let order = self.order(rows, column);
        let list: Vec<u32> = match self.picks.first() {
            Some(pick) => order.iter().copied().filter(|row| bit(&pick.bits, *row)).collect(),
            None => Vec::new(),
        };
        let list = Arc::new(list);
        self.shown.retain(|one| one.key != *key || one.column != column);
        self.shown.insert(0, Shown { key: key.clone(), column, version, generation, rows: list.clone() });
        self.shown.truncate(KEPT);
        List { rows: list, total, reading }
    }

    /// Whether a key's rows are not worked out yet.
    pub fn is_unknown(&self, key: &Key) -> bool {
        self.picks.iter().all(|one| one.key != *key)
    }

    /// The pick of a key, first in the list from now on.
    fn pick(&mut self, key: &Key, filter: &Filter, accounts: &Accounts) -> &mut Pick {
        if let Some(at) = self.picks.iter().position(|one| one.key == *key) {
            self.picks[..=at].rotate_right(1);
        } else {
            let earlier = self.picks.iter().find(|one| one.key.is_of_another_minute(key));
            let before = earlier.and_then(|one| Some((one.version?, one.bits.clone())));
            // It is not asked for again: its minute is over.
            self.picks.retain(|one| !one.key.is_of_another_minute(key));
            self.picks.insert(
                0,
                Pick {
                    key: key.clone(),
                    filter: filter.clone(),
                    accounts: accounts.clone(),
                    version: None,
                    base: Vec::new(),
                    bits: Vec::new(),
                    unread: Vec::new(),
                    to_read: 0,
                    before,
                    generation: 0,
                },
            );
            self.picks.truncate(KEPT);
        }
        &mut self.picks[0]
    }

    fn order(&mut self, rows: &RowTable, column: Column) -> Arc<Vec<u32>> {
        let version = rows.version();
        if let Some(at) = self.orders.iter().position(|one| one.column == column) {
            self.orders[..=at].rotate_right(1);
            let order = &mut self.orders[0];
            if order.version != version {
                order.rows = Arc::new(match rows.since(order.version) {
                    Some(changed) => rows.merge_order(column, &order.rows, changed),
                    None => rows.order(column),
                });
                order.version = version;
            }
        } else {
            let order = Order { column, version, rows: Arc::new(rows.order(column)) };
            self.orders.insert(0, order);
            self.orders.truncate(KEPT);
        }
        self.orders[0].rows.clone()
    }

    /// Goes on with the filter that was asked for last, if it has to read objects; false when there is nothing to
    /// do.
    pub fn read_some(&mut self, store: &Store, kind: Kind, table: &Table) -> bool {
        let Some(pick) = self.picks.first_mut().filter(|pick| !pick.unread.is_empty()) else {
            return false;
        };
        pick.refresh(&table.read());
        let begun = Instant::now();
        let mut unreadable = None;
        while begun.elapsed() < SLICE {
            let Some(row) = pick.unread.pop() else { break };
            let place = {
                let rows = table.read();
                let id = rows.row(row as usize).map(|row| row.id.to_owned());
                rows.integration(row as usize).zip(id)
            };
            let Some((integration, id)) = place else { continue };
            // One that can't be read does not pass; the others are looked at all the same.
            let json = match store.record(integration, kind, &id) {
                Ok(record) => record.map(|record| record.json),
                Err(error) => {
                    unreadable = Some(error);
                    continue;
                }
            };
            let rows = table.read();
            // Between the two looks the table may have been built anew.
            if rows.find(integration, &id) == Some(row) && pick.set(&rows, row, json.as_deref()).is_some() {
                pick.generation += 1;
            }
        }
        if let Some(error) = unreadable {
            tracing::warn!("a filter passes over what can't be read: {error}");
        }
        true
    }
}

impl Pick {
    /// Takes over the rows that changed.
    fn refresh(&mut self, rows: &RowTable) {
        let version = rows.version();
        if self.version == Some(version) {
            return;
        }
        let changed = self.version.and_then(|version| rows.since(version));
        match changed.filter(|changed| changed.len() < 1000 + rows.len() / 8) {
            Some(changed) => {
                let words = rows.len().div_ceil(64);
                self.base.resize(words, 0);
                self.bits.resize(words, 0);
                for row in changed {
                    if self.set(rows, *row, None).is_none() {
                        self.unread.push(*row);
                        self.to_read += 1;
                    }
                }
            }
            None => self.anew(rows),
        }
        self.version = Some(version);
        self.generation += 1;
    }

    /// Decides about a row; none: only the object itself could.
    fn set(&mut self, rows: &RowTable, row: u32, json: Option<&[u8]>) -> Option<()> {
        let base = self.belongs(rows, row as usize);
        put(&mut self.base, row, base);
        let passes = match (base, json) {
            (false, _) => Some(false),
            (true, Some(json)) => {
                let fields = self.fields(rows, row as usize)?;
                Some(self.filter.test(&fields, || Some(json.to_vec())))
            }
            (true, None) => self.quick(rows, row as usize),
        };
        put(&mut self.bits, row, passes.unwrap_or(false));
        passes.map(drop)
    }

    /// All rows from the beginning, on two threads when there are many.
    fn anew(&mut self, rows: &RowTable) {
        let words = rows.len().div_ceil(64);
        self.base = vec![0; words];
        self.bits = vec![0; words];
        let (mut base, mut bits) = (std::mem::take(&mut self.base), std::mem::take(&mut self.bits));
        let part = if rows.len() < FEW { words.max(1) } else { words.div_ceil(2) };
        let this = &*self;
        let mut unread: Vec<u32> = std::thread::scope(|scope| {
            let parts = base.chunks_mut(part).zip(bits.chunks_mut(part)).enumerate();
            let mut tasks = Vec::new();
            for (number, (base, bits)) in parts {
                let work = move || this.part(rows, (number * part * 64) as u32, base, bits);
                tasks.push(scope.spawn(work));
            }
            tasks.into_iter().flat_map(|task| task.join().unwrap_or_default()).collect()
        });
        unread.sort_by_key(|row| rows.created(*row as usize));
        if let Some((version, before)) = self.before.take()
            && rows.since(version).is_some()
        {
            for row in &unread {
                put(&mut bits, *row, bit(&before, *row));
            }
        }
        (self.base, self.bits, self.to_read, self.unread) = (base, bits, unread.len(), unread);
    }

    fn part(&self, rows: &RowTable, first: u32, base: &mut [u64], bits: &mut [u64]) -> Vec<u32> {
        let mut unread = Vec::new();
        let last = (rows.len() as u32).min(first + base.len() as u32 * 64);
        for row in first..last {
            if !self.belongs(rows, row as usize) {
                continue;
            }
            put(base, row - first, true);
            match self.quick(rows, row as usize) {
                Some(passes) => put(bits, row - first, passes),
                None => unread.push(row),
            }
        }
        unread
    }

    fn belongs(&self, rows: &RowTable, row: usize) -> bool {
        let Some(whose) = rows.integration(row) else { return false };
        let mine = match self.key.integration {
            Some(wanted) => wanted == whose,
            None => self.key.accounts.iter().any(|one| one.0 == whose),
        };
        mine && (self.key.catalog || rows.state(row).is_record())
    }

    fn fields<'a>(&'a self, rows: &'a RowTable, row: usize) -> Option<TableFields<'a>> {
        let account = named(&self.accounts, rows.integration(row)?);
        Some(TableFields { row: rows.row(row)?, account })
    }

    fn quick(&self, rows: &RowTable, row: usize) -> Option<bool> {
        if self.filter.is_everything() {
            return Some(true);
        }
        self.fields(rows, row).map_or(Some(false), |fields| self.filter.quick(&fields))
    }

    fn reading(&self) -> Option<u8> {
        let done = self.to_read.saturating_sub(self.unread.len());
        (!self.unread.is_empty()).then(|| (done * 100 / self.to_read.max(1)).min(99) as u8)
    }
}

fn bit(bits: &[u64], row: u32) -> bool {
    bits.get(row as usize / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
}

fn put(bits: &mut [u64], row: u32, on: bool) {
    if let Some(word) = bits.get_mut(row as usize / 64) {
        *word = *word & !(1 << (row % 64)) | u64::from(on) << (row % 64);
    }
}

fn count(bits: &[u64]) -> u64 {
    bits.iter().map(|word| u64::from(word.count_ones())).sum()
}
