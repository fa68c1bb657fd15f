//! Keys: their names, what they mean, and the line that takes text.

pub mod actions;
pub mod keymap;
pub mod keys;
pub mod line;
