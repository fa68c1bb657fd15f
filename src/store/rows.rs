//! The row table: what lists show of every object of one kind, in memory, in typed columns.
//!
//! sled has no secondary indexes here (they make loading several times slower), so sorting runs on
//! this table: about 60 bytes a row and its texts. It is built from the headers, in whole, off the drawing
//! loop, and can be thrown away at any time. It must never be taken for the truth: that is the store.

use std::collections::HashMap;

use super::Store;
use super::error::StoreError;
use super::record::{Header, State};
use crate::engine::api::IntegrationId;
use crate::stripe::kind::Kind;

/// What a table can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Stripe's `created`.
    Created,
    /// The amount, within its currency: currencies are never compared with each other.
    Amount,
    /// Stripe's status.
    Status,
    /// The customer's id.
    Customer,
    /// Name, e-mail or reason.
    Who,
    /// Number or name of the object.
    Label,
    /// Stripe's id.
    Id,
}

impl Column {
    /// By the name that the command line uses.
    pub fn parse(word: &str) -> Option<Column> {
        Some(match word {
            "created" => Column::Created,
            "amount" | "total" => Column::Amount,
            "status" => Column::Status,
            "customer" => Column::Customer,
            "who" | "email" | "customer_name" => Column::Who,
            "number" | "name" | "label" => Column::Label,
            "id" => Column::Id,
            _ => return None,
        })
    }

    /// The names that [`Column::parse`] takes, for messages.
    pub const NAMES: &'static str = "created, amount, status, customer, who, number, id";
}

/// A text in the arena.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

/// The table.
#[derive(Default)]
pub struct RowTable {
    created: Vec<i64>,
    amount: Vec<i64>,
    has_amount: Vec<bool>,
    state: Vec<State>,
    status: Vec<u16>,
    currency: Vec<u16>,
    id: Vec<Span>,
    customer: Vec<Span>,
    who: Vec<Span>,
    label: Vec<Span>,
    arena: String,
    words: Vec<String>,
    word_numbers: HashMap<String, u16>,
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
    /// Builds the table of one kind from the headers: records only. Blocks (1.6 s a million).
    pub fn build(store: &Store, integration: IntegrationId, kind: Kind) -> Result<RowTable, StoreError> {
        let mut table = RowTable::default();
        let mut full = false;
        store.each_header(integration, kind, |id, header| {
            if header.state.is_record() {
                full = !table.push(id, &header);
            }
            !full
        })?;
        if full { Err(StoreError::Value("more texts than a row table holds".into())) } else { Ok(table) }
    }

    /// Adds a row; false when the arena is full (4 GB of text).
    fn push(&mut self, id: &str, header: &Header) -> bool {
        if self.arena.len() + 4096 > u32::MAX as usize {
            return false;
        }
        self.created.push(header.created);
        self.amount.push(header.amount.unwrap_or(0));
        self.has_amount.push(header.amount.is_some());
        self.state.push(header.state);
        let status = self.word(&header.status);
        self.status.push(status);
        let currency = self.word(&header.currency);
        self.currency.push(currency);
        let span = self.text(id);
        self.id.push(span);
        let span = self.text(&header.customer);
        self.customer.push(span);
        let span = self.text(&header.who);
        self.who.push(span);
        let span = self.text(&header.label);
        self.label.push(span);
        true
    }

    fn text(&mut self, text: &str) -> Span {
        let span = Span { start: self.arena.len() as u32, length: text.len() as u32 };
        self.arena.push_str(text);
        span
    }

    /// Few words repeat over all rows (statuses, currencies): stored once. Beyond 65 535 of them, empty.
    fn word(&mut self, word: &str) -> u16 {
        if let Some(number) = self.word_numbers.get(word) {
            return *number;
        }
        let Ok(number) = u16::try_from(self.words.len()) else { return 0 };
        self.words.push(word.to_owned());
        self.word_numbers.insert(word.to_owned(), number);
        number
    }

    fn get(&self, span: Span) -> &str {
        self.arena.get(span.start as usize..(span.start + span.length) as usize).unwrap_or_default()
    }

    /// Rows in the table.
    pub fn len(&self) -> usize {
        self.created.len()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.created.is_empty()
    }

    /// One row.
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        Some(Row {
            created: *self.created.get(index)?,
            amount: self.has_amount.get(index)?.then_some(*self.amount.get(index)?),
            currency: &self.words[usize::from(*self.currency.get(index)?)],
            status: &self.words[usize::from(*self.status.get(index)?)],
            state: *self.state.get(index)?,
            id: self.get(*self.id.get(index)?),
            customer: self.get(*self.customer.get(index)?),
            who: self.get(*self.who.get(index)?),
            label: self.get(*self.label.get(index)?),
        })
    }

    /// Row numbers in the order of a column; ties by created, newest first, then id.
    pub fn order(&self, column: Column, descending: bool) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        let word = |numbers: &[u16], index: usize| self.words[usize::from(numbers[index])].as_str();
        order.sort_by(|&a, &b| {
            let (a, b) = (a as usize, b as usize);
            let by = match column {
                Column::Created => self.created[a].cmp(&self.created[b]),
                Column::Amount => word(&self.currency, a)
                    .cmp(word(&self.currency, b))
                    .then(self.has_amount[a].cmp(&self.has_amount[b]))
                    .then(self.amount[a].cmp(&self.amount[b])),
                Column::Status => word(&self.status, a).cmp(word(&self.status, b)),
                Column::Customer => self.get(self.customer[a]).cmp(self.get(self.customer[b])),
                Column::Who => self.get(self.who[a]).cmp(self.get(self.who[b])),
                Column::Label => self.get(self.label[a]).cmp(self.get(self.label[b])),
                Column::Id => self.get(self.id[a]).cmp(self.get(self.id[b])),
            };
            let by = if descending { by.reverse() } else { by };
            by.then(self.created[b].cmp(&self.created[a]))
                .then_with(|| self.get(self.id[a]).cmp(self.get(self.id[b])))
        });
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(created: i64, amount: Option<i64>, currency: &str, who: &str) -> Header {
        Header {
            created,
            amount,
            currency: currency.into(),
            who: who.into(),
            ..crate::store::record::sample()
        }
    }

    #[test]
    fn rows_come_in_the_order_of_a_column_and_never_mix_currencies() {
        let mut table = RowTable::default();
        assert!(table.push("in_a", &header(1, Some(500), "usd", "zoe")));
        assert!(table.push("in_b", &header(2, Some(900_000), "jpy", "adam")));
        assert!(table.push("in_c", &header(3, Some(100), "usd", "mia")));
        let ids = |order: Vec<u32>| -> Vec<&str> {
            order.iter().map(|i| table.row(*i as usize).unwrap().id).collect()
        };
        assert_eq!(ids(table.order(Column::Created, true)), ["in_c", "in_b", "in_a"]);
        assert_eq!(ids(table.order(Column::Amount, false)), ["in_b", "in_c", "in_a"]);
        assert_eq!(ids(table.order(Column::Who, false)), ["in_b", "in_c", "in_a"]);
        assert_eq!(table.row(1).unwrap().amount, Some(900_000));
        assert!(table.row(3).is_none());
    }
}
