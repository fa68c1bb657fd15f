//! Records of any kind in a table, and one object in detail.
//!
//! `update` is the table's side, `object` that of the objects that are open. The rows are a [`crate::tui::table`], an
//! object is a [`crate::tui::widgets::detail`].

pub mod object;
pub mod state;
pub mod update;
pub mod view;

pub use state::RecordsState;

use super::{Screen, ScreenId};

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Records,
    name: "Records",
    context: update::context,
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
