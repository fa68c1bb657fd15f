//! Integrations, one by one: how each is, what its key may read, its schedule.
//!
//! The list at the left, the selected one in detail at the right; where there is no room for both, one of them.
//! It changes nothing by itself: connecting, editing and disconnecting are overlays.

mod detail;
pub mod endpoint;
mod endpoint_lines;
pub mod state;
pub mod update;
pub mod view;

pub use state::IntegrationsState;

use super::{Screen, ScreenId};
use crate::tui::input::actions::Context;

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Integrations,
    name: "Integrations",
    context: |_| Context::Main,
    act: update::act,
    typed: |_, _, _| Vec::new(),
    can: update::can,
    refresh: update::refresh,
    answer: |_, _, _| None,
    drawn: update::drawn,
    draw: view::draw,
    crumbs: |_| vec!["Integrations".to_owned()],
    aside: view::aside,
};
