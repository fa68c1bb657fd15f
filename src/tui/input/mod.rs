//! Keys: their names, and the one table of what they mean.

pub mod actions;
pub mod keys;
