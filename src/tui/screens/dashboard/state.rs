//! What the dashboard remembers: the focused pane, whether it is whole, and the feed.

use crate::tui::feed::Feed;

/// One of the three panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// 1: the accounts.
    Integrations,
    /// 2: the events.
    #[default]
    Events,
    /// 3: discover & sync.
    Sync,
}

impl Pane {
    /// The one after, round and round.
    #[must_use]
    pub fn next(self) -> Pane {
        match self {
            Pane::Integrations => Pane::Events,
            Pane::Events => Pane::Sync,
            Pane::Sync => Pane::Integrations,
        }
    }
}

/// The dashboard's own state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DashboardState {
    /// Which pane the keys go to.
    pub focus: Pane,
    /// The events.
    pub feed: Feed,
    /// First line shown of pane 3, when it is whole and longer than the screen.
    pub scroll: usize,
}
