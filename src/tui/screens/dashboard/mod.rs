//! The first screen: integrations, live events, discover & sync, all at once.
//!
//! `state` holds what is focused and the window of events, `update` turns actions into effects, `view` lays the
//! panes out. The panes themselves are widgets.

pub mod state;
pub mod update;
pub mod view;

pub use state::{DashboardState, Pane};

use super::{Screen, ScreenId};
use crate::tui::input::actions::Context;

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Dashboard,
    name: "Dashboard",
    context: |_| Context::Main,
    act: update::act,
    typed: |_, _, _| Vec::new(),
    can: |_, _| Ok(()),
    refresh: update::refresh,
    answer: update::answer,
    drawn: update::drawn,
    draw: view::draw,
    crumbs: |_| Vec::new(),
    aside: |_| ratatui::text::Line::default(),
};
