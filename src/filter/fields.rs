//! How a filter reads a row: a trait of typed columns, for events and for the rows of records.
//!
//! Reading a column must never allocate: a filter runs over a million rows.

use crate::engine::api::{EventRow, Source};
use crate::store::rows::Row;

/// A column of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Stripe's id.
    Id,
    /// An event's type.
    Type,
    /// Id of the object that an event is about.
    Object,
    /// Who or why.
    Who,
    /// Number or name.
    Label,
    /// Customer id.
    Customer,
    /// Stripe's status.
    Status,
    /// Our state of a record.
    State,
    /// Where an event came from.
    Source,
    /// The word of a mark, if the event has that one.
    Mark(MarkOf),
    /// ISO code.
    Currency,
    /// Name of the account.
    Account,
    /// `acct_…`
    AccountId,
}

/// What can be odd about an event's coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkOf {
    /// It came late.
    Late,
    /// It has a twin.
    Twin,
    /// Something newer was here before it.
    Disorder,
    /// It is a connected account's.
    Connected,
}

/// A row that a filter can be tested on.
pub trait Fields {
    /// A column of text; empty if the row has none.
    fn text(&self, column: Column) -> &str;
    /// Stripe's time, Unix seconds.
    fn created(&self) -> i64;
    /// When it was stored here, Unix seconds; 0 if the row does not say.
    fn received(&self) -> i64 {
        0
    }
    /// Minor units of the row's currency.
    fn amount(&self) -> Option<i64>;
    /// Marked by the operator.
    fn starred(&self) -> bool {
        false
    }
}

/// An event with what its row does not hold.
#[derive(Debug, Clone, Copy)]
pub struct EventFields<'a> {
    /// The row.
    pub row: &'a EventRow,
    /// Name of its integration.
    pub account: &'a str,
    /// `acct_…`
    pub account_id: &'a str,
    /// Marked by the operator.
    pub starred: bool,
}

impl Fields for EventFields<'_> {
    fn text(&self, column: Column) -> &str {
        match column {
            Column::Id => &self.row.id,
            Column::Type => &self.row.event_type,
            Column::Object => &self.row.object,
            Column::Who => &self.row.who,
            Column::Source => source_word(self.row.source),
            Column::Mark(which) => {
                let marks = self.row.marks;
                let (word, on) = match which {
                    MarkOf::Late => ("late", marks.late),
                    MarkOf::Twin => ("twin", marks.twin),
                    MarkOf::Disorder => ("disorder", marks.out_of_order),
                    MarkOf::Connected => ("connected", marks.connected),
                };
                if on { word } else { "" }
            }
            Column::Currency => self.row.amount.as_ref().map_or("", |(_, currency)| currency),
            Column::Account => self.account,
            Column::AccountId => self.account_id,
            Column::Label | Column::Customer | Column::Status | Column::State => "",
        }
    }

    fn created(&self) -> i64 {
        self.row.created
    }

    fn received(&self) -> i64 {
        self.row.received
    }

    fn amount(&self) -> Option<i64> {
        self.row.amount.as_ref().map(|(amount, _)| *amount)
    }

    fn starred(&self) -> bool {
        self.starred
    }
}

/// The word for where an event came from.
fn source_word(source: Source) -> &'static str {
    match source {
        Source::Poll => "poll",
        Source::Relay => "relay",
        Source::Endpoint => "endpoint",
    }
}

impl Fields for Row<'_> {
    fn text(&self, column: Column) -> &str {
        match column {
            Column::Id => self.id,
            Column::Who => self.who,
            Column::Label => self.label,
            Column::Customer => self.customer,
            Column::Status => self.status,
            Column::State => self.state.word(),
            Column::Currency => self.currency,
            Column::Type
            | Column::Object
            | Column::Source
            | Column::Mark(_)
            | Column::Account
            | Column::AccountId => "",
        }
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn amount(&self) -> Option<i64> {
        self.amount
    }
}
