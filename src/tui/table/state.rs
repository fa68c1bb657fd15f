//! What a table remembers: what it looks at, one window of rows, and which row is selected.
//!
//! The selection is an object, not a place: rows that come and go above it leave it on its line of the screen.

use crate::engine::api::{IntegrationId, RecordRow, RecordWindow, Sort};
use crate::stripe::kind::Kind;

/// What a table looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// Which kind.
    pub kind: Kind,
    /// The catalog's entries instead of records.
    pub catalog: bool,
    /// In the filter language; empty: everything.
    pub filter: String,
    /// What to order by; none: newest first.
    pub sort: Option<Sort>,
}

/// Whose object a row is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowId {
    /// The integration.
    pub integration: IntegrationId,
    /// Stripe's id.
    pub id: String,
}

impl RowId {
    /// Of this row.
    pub fn of(row: &RecordRow) -> RowId {
        RowId { integration: row.integration, id: row.id.clone() }
    }

    /// It is this row's.
    pub fn is(&self, row: &RecordRow) -> bool {
        self.integration == row.integration && self.id == row.id
    }
}

/// Where a filter can't be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFilter {
    /// In characters from its beginning.
    pub at: usize,
    /// How many characters.
    pub length: usize,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A row that the selection goes to as soon as it is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// By its number, 0 first.
    Index(u64),
    /// The last one.
    End,
}

/// The way there: the row, and the line of the screen that it shall be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Goal {
    pub target: Target,
    pub offset: usize,
}

/// The table's state.
#[derive(Debug, Clone, PartialEq)]
pub struct TableState {
    /// What is loaded.
    pub window: RecordWindow,
    /// Cells that the content of each column takes, in Unicode and in ASCII. Measured once a window: some hundred rows
    /// are too many to measure for every frame.
    pub widths: [Vec<usize>; 2],
    /// Something was loaded for this kind and these accounts.
    pub loaded: bool,
    /// The rows that are shown are of the question before: the filter or the order has changed since.
    pub stale: bool,
    /// Why the last request failed.
    pub error: Option<String>,
    /// What is wrong with the filter; the rows are those of the one before.
    pub bad_filter: Option<BadFilter>,
    pub(super) spec: Option<TableSpec>,
    pub(super) cursor: Option<RowId>,
    /// Row number of the selection when it was last seen.
    pub(super) cursor_at: u64,
    /// Rows between the first visible one and the selection.
    pub(super) offset: usize,
    /// Nobody has moved the selection: it stays on the first row, whichever that is.
    pub(super) fresh: bool,
    /// Rows that fit on the screen.
    pub(super) height: usize,
    pub(super) goal: Option<Goal>,
    /// The window is to be read again.
    pub(super) again: bool,
    pub(super) in_flight: Option<(u64, Option<Goal>)>,
    pub(super) asked_version: u64,
}

impl Default for TableState {
    fn default() -> Self {
        TableState::new()
    }
}

impl TableState {
    /// A table that looks at nothing yet.
    pub fn new() -> TableState {
        TableState {
            window: RecordWindow::default(),
            widths: [Vec::new(), Vec::new()],
            loaded: false,
            stale: false,
            error: None,
            bad_filter: None,
            spec: None,
            cursor: None,
            cursor_at: 0,
            offset: 0,
            fresh: true,
            height: 20,
            goal: None,
            again: false,
            in_flight: None,
            asked_version: 0,
        }
    }

    /// What it looks at.
    pub fn spec(&self) -> Option<&TableSpec> {
        self.spec.as_ref()
    }

    /// A request is under way.
    pub fn is_waiting(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Index of the selected row in the window.
    pub fn cursor_index(&self) -> Option<usize> {
        let cursor = self.cursor.as_ref()?;
        self.window.rows.iter().position(|row| cursor.is(row))
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&RecordRow> {
        self.cursor_index().and_then(|index| self.window.rows.get(index))
    }

    /// Number of the selected row, 0 first; none while there are no rows.
    pub fn row_number(&self) -> Option<u64> {
        self.cursor.as_ref().map(|_| self.cursor_at)
    }

    /// First visible row by number, for so many lines: the selection stays on its line, and no line at the end
    /// stays empty while there are rows above.
    pub fn top(&self, height: usize) -> u64 {
        let height = height.max(1) as u64;
        let offset = (self.offset as u64).min(height - 1);
        let most = self.window.matching.saturating_sub(height);
        self.cursor_at.saturating_sub(offset).min(most.max(self.cursor_at.saturating_sub(height - 1)))
    }
}
