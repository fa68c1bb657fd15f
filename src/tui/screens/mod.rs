//! The screens, in one table: what each is called, how it acts on a key and how it draws.
//!
//! Each screen is a folder of the same three files (`state`, `update`, `view`). Nothing outside a screen's folder
//! may know how it draws.

pub mod dashboard;

use ratatui::{buffer::Buffer, layout::Rect};

use super::effects::Effect;
use super::input::actions::Action;
use super::state::State;
use super::widgets::{Hits, View};
use crate::engine::api::Answer;

/// Which screen is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScreenId {
    /// Integrations, live events, discover & sync.
    Dashboard,
}

/// One screen.
#[derive(Debug)]
pub struct Screen {
    /// Which.
    pub id: ScreenId,
    /// What it does with an action.
    pub act: fn(&mut State, Action, i64) -> Vec<Effect>,
    /// What it asks for when the snapshot or the selection is another one.
    pub refresh: fn(&mut State) -> Vec<Effect>,
    /// What it does with an answer of that number; none when the answer is not its own.
    pub answer: fn(&mut State, u64, &Answer) -> Option<Vec<Effect>>,
    /// What it remembers of the frame that was drawn.
    pub drawn: fn(&mut State),
    /// Draws it, and says where things are.
    pub draw: fn(&View<'_>, &mut Buffer, Rect, &mut Hits),
}

/// Every screen there is.
pub const SCREENS: &[Screen] = &[Screen {
    id: ScreenId::Dashboard,
    act: dashboard::update::act,
    refresh: dashboard::update::refresh,
    answer: dashboard::update::answer,
    drawn: dashboard::update::drawn,
    draw: dashboard::view::draw,
}];

impl ScreenId {
    /// The screen's row in the table.
    pub fn row(self) -> &'static Screen {
        // The table lists them in declaration order; a test holds it to that.
        &SCREENS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_declaration_order() {
        for (index, screen) in SCREENS.iter().enumerate() {
            assert_eq!(screen.id as usize, index);
        }
    }
}
