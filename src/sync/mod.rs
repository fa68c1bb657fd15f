//! Discover and sync.

pub mod discover;
pub mod estimate;
pub mod job;
pub mod lines;
pub mod pack;
pub mod plain;
pub mod plan;
pub mod rates;
pub mod reader;
pub mod related;
pub mod run;
pub mod walk;
pub mod work;
