//! The row table: what lists show of every object of one kind, in memory, in typed columns.
//!
//! sled has no secondary indexes here (they make loading several times slower), so sorting, filtering and
//! searching run on this table: about 40 bytes a row and its texts, each customer's once. It holds the objects
//! of all accounts, records and catalog entries alike; it is filled from headers, kept current row by row, and
//! can be thrown away at any time. It must never be taken for the truth: that is the store.

mod order;
mod texts;

use std::collections::HashMap;

use hashbrown::HashTable;

use super::Store;
use super::error::StoreError;
use super::record::{Peek, State};
use crate::engine::api::IntegrationId;
use crate::stripe::kind::Kind;

pub use order::Column;
pub use texts::{Found, Place, Texts};

/// Changed rows remembered: who looks less often sorts anew.
const LOG: usize = 64 * 1024;

/// The table.
#[derive(Default)]
pub struct RowTable {
    integrations: Vec<IntegrationId>,
    whose: Vec<u16>,
    created: Vec<u32>,
    listed: Vec<u32>,
    amount: Vec<i64>,
    has_amount: Vec<bool>,
    state: Vec<u8>,
    status: Vec<u16>,
    currency: Vec<u16>,
    texts: Texts,
    errors: HashMap<u32, Box<str>>,
    words: Vec<String>,
    word_numbers: HashMap<String, u16>,
    index: HashTable<u32>,
    /// Rows that changed, oldest first; the first one is change number `forgotten`.
    log: Vec<u32>,
    forgotten: u64,
}

/// One row, borrowed from the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// Stripe's id.
    pub id: &'a str,
    /// Stripe's `created`.
    pub created: i64,
    /// Minor units.
    pub amount: Option<i64>,
    /// ISO code, lower case.
    pub currency: &'a str,
    /// Stripe's status.
    pub status: &'a str,
    /// Where it is on its way to a record.
    pub state: State,
    /// Customer id.
    pub customer: &'a str,
    /// Name, e-mail or reason.
    pub who: &'a str,
    /// Number or name.
    pub label: &'a str,
}

impl RowTable {
    /// Builds the table of one kind from the headers. Blocks (1.6 s a million).
    pub fn build(store: &Store, integration: IntegrationId, kind: Kind) -> Result<RowTable, StoreError> {
        let mut table = RowTable::default();
        let mut full = false;
        store.each_peek(integration, kind, None, |id, row| {
            full = !table.put(integration, id, &row);
            !full
        })?;
        if full { Err(StoreError::Value("more texts than a row table holds".into())) } else { Ok(table) }
    }

    /// Stores a row, new or changed; false when the table is full (4 GB of text). Seconds beyond what 32 bits
    /// hold are kept as the nearest that they do (years 1970 to 2106).
    pub fn put(&mut self, integration: IntegrationId, id: &str, new: &Peek<'_>) -> bool {
        match self.find(integration, id) {
            Some(row) => self.change(row, id, new),
            None => self.push(integration, id, new),
        }
    }

    fn push(&mut self, integration: IntegrationId, id: &str, new: &Peek<'_>) -> bool {
        let Ok(row) = u32::try_from(self.created.len()) else { return false };
        let Some(whose) = self.number(integration) else { return false };
        if !self.texts.push(id, new) {
            return false;
        }
        self.whose.push(whose);
        self.created.push(seconds(new.created));
        self.listed.push(seconds(new.discovered_at));
        self.amount.push(new.amount.unwrap_or(0));
        self.has_amount.push(new.amount.is_some());
        self.state.push(new.state as u8);
        let status = self.word(new.status);
        self.status.push(status);
        let currency = self.word(new.currency);
        self.currency.push(currency);
        self.put_error(row, new.last_error);
        let RowTable { index, texts, whose: all, .. } = self;
        index.insert_unique(texts::hash(whose, id), row, |&row| {
            texts::hash(all[row as usize], texts.id(row as usize))
        });
        self.changed(row);
        true
    }

    fn change(&mut self, row: u32, id: &str, new: &Peek<'_>) -> bool {
        let at = row as usize;
        if !self.texts.change(row, id, new) {
            return false;
        }
        self.created[at] = seconds(new.created);
        self.listed[at] = seconds(new.discovered_at);
        self.amount[at] = new.amount.unwrap_or(0);
        self.has_amount[at] = new.amount.is_some();
        self.state[at] = new.state as u8;
        self.status[at] = self.word(new.status);
        self.currency[at] = self.word(new.currency);
        self.put_error(row, new.last_error);
        self.changed(row);
        true
    }

    fn put_error(&mut self, row: u32, error: &str) {
        if error.is_empty() {
            self.errors.remove(&row);
        } else {
            self.errors.insert(row, error.into());
        }
    }

    fn changed(&mut self, row: u32) {
        if self.log.len() >= LOG {
            self.log.drain(..LOG / 2);
            self.forgotten += (LOG / 2) as u64;
        }
        self.log.push(row);
    }

    /// An empty table in another's place: whoever remembers row numbers of that one finds that they changed.
    pub fn behind(other: &RowTable) -> RowTable {
        RowTable { forgotten: other.version() + 1, ..RowTable::default() }
    }

    /// Puts texts that changed back into their places. Row numbers stay.
    pub fn tidy(&mut self) {
        self.texts.tidy();
    }

    /// Takes the rows of an integration out. The other rows get new numbers.
    pub fn forget(&mut self, integration: IntegrationId) {
        if !self.integrations.contains(&integration) {
            return;
        }
        let mut kept = RowTable::behind(self);
        for row in 0..self.len() {
            if let (Some(peek), Some(whose)) = (self.peek(row), self.integration(row))
                && whose != integration
            {
                kept.push(whose, self.texts.id(row), &peek);
            }
        }
        *self = kept;
    }

    fn peek(&self, row: usize) -> Option<Peek<'_>> {
        let Row { created, amount, currency, status, state, customer, who, label, .. } = self.row(row)?;
        let discovered_at = self.listed(row);
        let last_error = self.error(row);
        Some(Peek {
            state,
            created,
            discovered_at,
            amount,
            status,
            currency,
            customer,
            who,
            label,
            last_error,
        })
    }

    fn number(&mut self, integration: IntegrationId) -> Option<u16> {
        if let Some(at) = self.integrations.iter().position(|one| *one == integration) {
            return u16::try_from(at).ok();
        }
        self.integrations.push(integration);
        u16::try_from(self.integrations.len() - 1).ok()
    }

    /// Few words repeat over all rows (statuses, currencies): stored once. Beyond 65 535 of them, the first.
    fn word(&mut self, word: &str) -> u16 {
        if let Some(number) = self.word_numbers.get(word) {
            return *number;
        }
        let Ok(number) = u16::try_from(self.words.len()) else { return 0 };
        self.words.push(word.to_owned());
        self.word_numbers.insert(word.to_owned(), number);
        number
    }

    /// The row of an object.
    pub fn find(&self, integration: IntegrationId, id: &str) -> Option<u32> {
        let whose = self.integrations.iter().position(|one| *one == integration)? as u16;
        let same = |row: &u32| self.whose[*row as usize] == whose && self.texts.id(*row as usize) == id;
        self.index.find(texts::hash(whose, id), same).copied()
    }

    /// Rows in the table.
    pub fn len(&self) -> usize {
        self.created.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty()
    }

    /// Rises with every row that is put.
    pub fn version(&self) -> u64 {
        self.forgotten + self.log.len() as u64
    }

    /// The rows put since that version, some more than once; none: too many, or row numbers have changed.
    pub fn since(&self, version: u64) -> Option<&[u32]> {
        let from = usize::try_from(version.checked_sub(self.forgotten)?).ok()?;
        self.log.get(from..)
    }

    /// One row.
    pub fn row(&self, row: usize) -> Option<Row<'_>> {
        let created = i64::from(*self.created.get(row)?);
        let (customer, who) = self.texts.party(row);
        Some(Row {
            id: self.texts.id(row),
            created,
            amount: self.has_amount[row].then_some(self.amount[row]),
            currency: self.word_at(self.currency[row]),
            status: self.word_at(self.status[row]),
            state: self.state(row),
            customer,
            who,
            label: self.texts.label(row),
        })
    }

    fn word_at(&self, number: u16) -> &str {
        self.words.get(usize::from(number)).map_or("", String::as_str)
    }

    /// Whose a row is.
    pub fn integration(&self, row: usize) -> Option<IntegrationId> {
        self.integrations.get(usize::from(*self.whose.get(row)?)).copied()
    }

    /// The state of a row that exists.
    pub fn state(&self, row: usize) -> State {
        self.state.get(row).and_then(|byte| State::from_byte(*byte)).unwrap_or(State::Pending)
    }

    /// When it was first stored here.
    pub fn listed(&self, row: usize) -> i64 {
        self.listed.get(row).map_or(0, |at| i64::from(*at))
    }

    /// Why it failed last, or empty.
    pub fn error(&self, row: usize) -> &str {
        u32::try_from(row).ok().and_then(|row| self.errors.get(&row)).map_or("", |error| error)
    }

    /// Stripe's `created` of a row that exists.
    pub fn created(&self, row: usize) -> i64 {
        self.created.get(row).map_or(0, |at| i64::from(*at))
    }

    /// Rows with one of these amounts, as minor units of a currency: `is` decides by amount and currency.
    pub fn with_amount(&self, wanted: [i64; 3], is: impl Fn(i64, &str) -> bool) -> Vec<u32> {
        let mut out = Vec::new();
        for (row, amount) in self.amount.iter().enumerate() {
            if wanted.contains(amount)
                && self.has_amount[row]
                && is(*amount, self.word_at(self.currency[row]))
            {
                out.push(row as u32);
            }
        }
        out
    }

    /// The texts, for search.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}

fn seconds(at: i64) -> u32 {
    u32::try_from(at.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
