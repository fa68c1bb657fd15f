//! The table of records: one window of rows on however many there are. Used for every kind of record and for the
//! catalog.
//!
//! `state` holds what is looked at, the loaded window and the selection, `update` moves and asks for rows, `columns`
//! fits columns into a width, `view` draws. It knows no screen: a screen tells it what to look at, hands it answers
//! and gives it an area. It must never hold all rows, and never move the selection by itself.

pub mod columns;
pub mod state;
#[cfg(test)]
mod tests;
pub mod update;
pub mod view;

pub use state::{BadFilter, RowId, TableSpec, TableState};
pub use view::{TableOpts, counts, draw, word_style};
