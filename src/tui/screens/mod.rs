//! The screens, in one table: what each is called, how it acts on a key and how it draws.
//!
//! Each screen is a folder of the same three files (`state`, `update`, `view`). Nothing outside a screen's folder
//! may know how it draws.

pub mod dashboard;
pub mod deliveries;
pub mod events;
pub mod integrations;
pub mod log;
pub mod payments;
pub mod records;
pub mod sync;

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::effects::Effect;
use super::input::actions::{Action, Context};
use super::input::line::Typed;
use super::state::State;
use super::widgets::{Hits, View};
use crate::engine::api::Answer;

/// Which screen is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScreenId {
    /// Integrations, live events, discover & sync.
    Dashboard,
    /// 1: the accounts, one by one.
    Integrations,
    /// 2: the feed, and an event in detail.
    Events,
    /// 3: what to sync, the plan, the catalog, the history.
    Sync,
    /// 4: any kind of record.
    Records,
    /// 5: failed payments, as cases.
    Payments,
    /// 6: targets that events are forwarded to, and the attempts.
    Deliveries,
    /// 7: everything that was told.
    Log,
}

/// One screen.
#[derive(Debug)]
pub struct Screen {
    /// Which.
    pub id: ScreenId,
    /// What it is called, in breadcrumbs and in the palette.
    pub name: &'static str,
    /// Where keys have their meaning just now: `Main`, or `Typing` while a line of it takes text.
    pub context: fn(&State) -> Context,
    /// What it does with an action. At its outermost step, `Back` is `state.go_back()`.
    pub act: fn(&mut State, Action, i64) -> Vec<Effect>,
    /// What it does with text, while its context is `Typing`.
    pub typed: fn(&mut State, &Typed, i64) -> Vec<Effect>,
    /// Why an action that belongs to it can't be done just now, in a sentence.
    pub can: fn(&State, Action) -> Result<(), String>,
    /// What it asks for when it is opened, and when the snapshot or the selection is another one.
    pub refresh: fn(&mut State) -> Vec<Effect>,
    /// What it does with an answer of that number; none when the answer is not its own.
    pub answer: fn(&mut State, u64, &Answer) -> Option<Vec<Effect>>,
    /// What it remembers of the frame that was drawn.
    pub drawn: fn(&mut State),
    /// Draws it, and says where things are.
    pub draw: fn(&View<'_>, &mut Buffer, Rect, &mut Hits),
    /// Where one is, after the account's name: `Events`, `Invoices › INV-2041`. Empty: no such line.
    pub crumbs: fn(&State) -> Vec<String>,
    /// What stands at the right of that line: `frozen · 37 new above`.
    pub aside: fn(&View<'_>) -> Line<'static>,
}

/// Every screen there is.
pub const SCREENS: &[Screen] = &[
    dashboard::SCREEN,
    integrations::SCREEN,
    events::SCREEN,
    sync::SCREEN,
    records::SCREEN,
    payments::SCREEN,
    deliveries::SCREEN,
    log::SCREEN,
];

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
