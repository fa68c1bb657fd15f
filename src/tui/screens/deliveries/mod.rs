//! Deliveries: the targets that events are forwarded to, the attempts at them, and one attempt in detail.
//!
//! `state` holds what is selected and read, `attempt` the open attempt, `update` turns actions into effects, `targets` and
//! `view` draw. A target is added in an overlay; nothing here sends an event by itself.

pub mod attempt;
pub mod state;
pub mod targets;
pub mod update;
pub mod view;

pub use state::DeliveriesState;

use super::{Screen, ScreenId};

/// Its row in the table.
pub const SCREEN: Screen = Screen {
    id: ScreenId::Deliveries,
    name: "Deliveries",
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
