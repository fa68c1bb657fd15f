//! Records and the catalog as tables show them, and one object whole.

use serde::{Deserialize, Serialize};

use super::IntegrationId;
use crate::stripe::kind::Kind;

/// Which rows of a table are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordQuery {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// Which kind.
    pub kind: Kind,
    /// The catalog's entries with their processing state, instead of records (invoices only).
    pub catalog: bool,
    /// In the filter language (docs/filters.md); empty: everything.
    pub filter: String,
    /// What to order by; none: newest first.
    pub sort: Option<Sort>,
    /// Where the window is.
    pub at: Place,
    /// Rows wanted; at most 500.
    pub limit: usize,
}

/// What a table is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// A column's `name`.
    pub column: String,
    /// Greatest first.
    pub descending: bool,
}

/// Where a window of a table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// From this row number on, 0 first.
    Index {
        /// The row.
        index: u64,
    },
    /// With `before` rows above this object; when it is not in the table any more, near `index`.
    Around {
        /// Whose.
        integration: IntegrationId,
        /// Stripe's id.
        id: String,
        /// Rows above it.
        before: u64,
        /// Where it was.
        index: u64,
    },
    /// The last rows.
    End,
}

/// A window of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordWindow {
    /// The table's columns, most important first.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<RecordRow>,
    /// Row number of the first of `rows`.
    pub first: u64,
    /// Rows that match the filter; all of them when there is none.
    pub matching: u64,
    /// Rows of this kind, whatever the filter.
    pub total: u64,
    /// Percent read so far, while the table is still being built; the rest shows when it is.
    pub loading: Option<u8>,
    /// The snapshot's `records_version` at the time of reading.
    pub version: u64,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What sort and filter call it.
    pub name: String,
    /// Its heading.
    pub label: String,
    /// Numbers stand at the right.
    pub right: bool,
    /// It can be ordered by.
    pub sortable: bool,
    /// Cells it wants, at least and at most.
    pub width: (u16, u16),
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// Whose it is.
    pub integration: IntegrationId,
    /// Its kind.
    pub kind: Kind,
    /// Stripe's id.
    pub id: String,
    /// One for each column. Free of control characters.
    pub cells: Vec<Cell>,
    /// The catalog's state of it, `pending`; empty where there is none.
    pub state: String,
    /// Why it failed last, with what to do; empty if it did not.
    pub error: String,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cell", rename_all = "snake_case")]
pub enum Cell {
    /// Nothing.
    Empty,
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A Stripe status or a state, which a front-end may colour.
    Word {
        /// The word as Stripe writes it.
        word: String,
    },
    /// An amount.
    Money {
        /// Minor units.
        amount: i64,
        /// ISO code, lower case.
        currency: String,
    },
    /// A moment.
    Time {
        /// Unix seconds.
        at: i64,
    },
    /// An id, which may be cut in the middle.
    Id {
        /// The id.
        id: String,
    },
}

/// One object, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDetail {
    /// Whose it is.
    pub integration: IntegrationId,
    /// Its kind.
    pub kind: Kind,
    /// Stripe's id.
    pub id: String,
    /// Number or name; the id when there is none. Free of control characters.
    pub title: String,
    /// The JSON as Stripe sent it, lines joined; empty for a tombstone.
    pub json: String,
    /// The moment, in Stripe's time, at which this content held.
    pub as_of: i64,
    /// When it was stored here.
    pub stored_at: i64,
    /// The catalog's state; empty where there is none.
    pub state: String,
    /// Why it failed last; empty if it did not.
    pub error: String,
    /// What matters of it, as name and value: status, amounts with their meaning, dates.
    pub facts: Vec<Fact>,
    /// Objects it refers to.
    pub links: Vec<Link>,
    /// Its page in Stripe's dashboard; none where there is none (a local Stripe has none).
    pub url: Option<String>,
    /// Stored events about it.
    pub events: u64,
}

/// One line of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is, `due`.
    pub name: String,
    /// Its value.
    pub value: Cell,
}

/// A way to another object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What it is to this one: `customer`, `paid by`.
    pub role: String,
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its number or name, if it is stored.
    pub title: String,
    /// It is stored here.
    pub stored: bool,
}

/// What a person wants done with catalog entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The next sync takes them up. Of one that is a record already it reads again what belongs to the invoice, not the
    /// invoice itself: that is discover's and the events' business.
    Sync,
    /// Left out until marked otherwise.
    Skip,
}
