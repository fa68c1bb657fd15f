//! The feed with its filter, and one event in detail.

pub mod state;
pub mod update;
pub mod view;

pub use state::EventsState;

use super::{Screen, ScreenId};
use crate::tui::input::actions::Context;

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Events,
    name: "Events",
    context: |_| Context::Main,
    act: update::act,
    typed: |_, _, _| Vec::new(),
    can: |_, _| Ok(()),
    refresh: |_| Vec::new(),
    answer: |_, _, _| None,
    drawn: |_| {},
    draw: view::draw,
    crumbs: |_| vec!["Events".to_owned()],
    aside: |_| ratatui::text::Line::default(),
};
