//! Discover and sync.

pub mod walk;
pub mod discover;
pub mod job;
pub mod pack;
