//! The feed with its filter, and one event in detail.
//!
//! `state` and `pane` hold what is selected and read, `update` turns actions into effects, `view` and `detail` draw.

pub mod detail;
pub mod pane;
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
    context: |state| if state.events.is_typing() { Context::Typing } else { Context::Main },
    act: update::act,
    typed: update::typed,
    can: update::can,
    refresh: update::refresh,
    answer: update::answer,
    drawn: update::drawn,
    draw: view::draw,
    crumbs: view::crumbs,
    aside: view::aside,
};
