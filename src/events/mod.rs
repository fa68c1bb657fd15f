//! Live events: where they come from, the rows the feed shows, and how they change records.

pub mod gaps;
pub mod ingest;
pub mod intake;
pub mod memory;
pub mod poll;
pub mod relay;
pub mod retention;
pub mod schedule;
pub mod settle;
