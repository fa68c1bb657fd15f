//! What the log's screen remembers: how far it is scrolled and what is searched for.

use crate::tui::input::line::LineEdit;

/// Its state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogState {
    /// First line shown.
    pub scroll: usize,
    /// Only what has this in it.
    pub wanted: LineEdit,
    /// The line takes the keys.
    pub typing: bool,
    /// What it was before it was typed into.
    pub before: String,
}
