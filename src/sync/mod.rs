//! Discover and sync.

pub mod walk;
pub mod discover;
pub mod job;
pub mod pack;
pub mod reader;
pub mod related;
pub mod work;
pub mod run;
pub mod estimate;
pub mod plan;
pub mod lines;
