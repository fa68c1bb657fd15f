//! What this screen remembers: the feed and its filter, the event in detail, and which of them has the keys.

use super::pane::EventPane;
use crate::tui::feed::Feed;
use crate::tui::widgets::filter_line::FilterLine;

/// What the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Focus {
    /// The feed.
    #[default]
    List,
    /// The event in detail.
    Detail,
}

/// Its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventsState {
    /// The events.
    pub feed: Feed,
    /// What of them is shown.
    pub filter: FilterLine,
    /// What the keys go to.
    pub focus: Focus,
    /// The event in detail.
    pub pane: EventPane,
}

/// With less than this, list and detail have the screen in turn. Columns.
const WIDE: u16 = 100;

impl EventsState {
    /// List and detail are side by side on a terminal of that size.
    pub fn is_wide(size: (u16, u16)) -> bool {
        size.0 >= WIDE
    }

    /// A line of it takes the keys.
    pub fn is_typing(&self) -> bool {
        self.filter.is_typing() || (self.focus == Focus::Detail && self.pane.is_typing())
    }
}
