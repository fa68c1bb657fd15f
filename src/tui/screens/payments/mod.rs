//! Failed payments: what is at risk, what came back and what is lost per currency, the cases, and one case in detail.
//!
//! `list` holds one window of cases, `case` the open one, `update` turns actions into effects, `view` and `detail` draw.
//! Nothing here adds money up: sums come from the engine, one for each currency.

pub mod case;
pub mod detail;
pub mod list;
pub mod state;
pub mod update;
pub mod view;

pub use state::PaymentsState;

use super::{Screen, ScreenId};
use crate::tui::input::actions::Context;

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Payments,
    name: "Failed payments",
    context: |state| if state.payments.typing { Context::Typing } else { Context::Main },
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
