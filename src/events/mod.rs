//! Live events: where they come from, the rows the feed shows, and how they change records.

pub mod ingest;
pub mod poll;
pub mod relay;
