//! Everything that was told, by the engine and by the screen itself, newest first, with a filter by text.

pub mod state;
pub mod update;
pub mod view;

pub use state::LogState;

use super::{Screen, ScreenId};
use crate::tui::input::actions::Context;

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Log,
    name: "Log",
    context: |state| if state.log.typing { Context::Typing } else { Context::Main },
    act: update::act,
    typed: update::typed,
    can: update::can,
    refresh: |_| Vec::new(),
    answer: |_, _, _| None,
    drawn: update::drawn,
    draw: view::draw,
    crumbs: |_| vec!["Log".to_owned()],
    aside: |_| ratatui::text::Line::default(),
};
