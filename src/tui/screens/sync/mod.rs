//! What to discover and sync, what it costs before it runs, how it goes, the catalog, the history.

pub mod state;
pub mod update;
pub mod view;

pub use state::SyncState;

use super::{Screen, ScreenId};
use crate::tui::input::actions::Context;

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Sync,
    name: "Sync",
    context: |_| Context::Main,
    act: update::act,
    typed: |_, _, _| Vec::new(),
    can: |_, _| Ok(()),
    refresh: |_| Vec::new(),
    answer: |_, _, _| None,
    drawn: |_| {},
    draw: view::draw,
    crumbs: |_| vec!["Sync".to_owned()],
    aside: |_| ratatui::text::Line::default(),
};
