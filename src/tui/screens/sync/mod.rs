//! What to discover and sync, what it costs before it runs, how it goes, the catalog, the history.
//!
//! `choice` is what a person chose, `edit` changes it, `planning` keeps the plan that goes with it, `start` starts
//! and stops (the dashboard uses it, too), `catalog` and `history` are the lists. It must never start anything that a
//! key did not ask for.

pub mod catalog;
pub mod choice;
pub mod edit;
pub mod history;
pub mod planning;
pub mod start;
pub mod state;
pub mod update;
pub mod view;

pub use state::SyncState;

use super::{Screen, ScreenId};

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Sync,
    name: "Sync",
    context: update::context,
    act: update::act,
    typed: update::typed,
    can: update::can,
    refresh: update::refresh,
    answer: update::answer,
    drawn: update::drawn,
    draw: view::draw,
    crumbs: view::crumbs,
    aside: |_| ratatui::text::Line::default(),
};
