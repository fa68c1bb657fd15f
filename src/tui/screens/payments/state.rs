//! What this screen remembers: which cases are looked at, in which order, and the one that is open.

use super::case::CasePane;
use super::list::CaseList;
use crate::engine::api::{CaseOrder, IntegrationId};
use crate::tui::input::line::LineEdit;

/// Its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PaymentsState {
    /// The cases.
    pub list: CaseList,
    /// Recovered and lost ones, too.
    pub all: bool,
    /// In which order.
    pub order: CaseOrder,
    /// Only what has this in it.
    pub find: LineEdit,
    /// That line takes the keys.
    pub typing: bool,
    /// What it was before it was typed into.
    pub before: String,
    /// The case that is open.
    pub open: Option<CasePane>,
    /// A case that is read for its page at Stripe.
    pub errand: Option<Errand>,
}

/// A case that is read for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The number of its request.
    pub generation: u64,
    /// Whose case.
    pub integration: IntegrationId,
    /// When it was asked for, Unix milliseconds: an answer has no time of its own.
    pub asked_ms: i64,
}

/// The order after this one, round and round.
pub fn next_order(order: CaseOrder) -> CaseOrder {
    match order {
        CaseOrder::Newest => CaseOrder::Amount,
        CaseOrder::Amount => CaseOrder::Oldest,
        CaseOrder::Oldest => CaseOrder::Next,
        CaseOrder::Next => CaseOrder::Newest,
    }
}

/// An order in words.
pub fn order_words(order: CaseOrder) -> &'static str {
    match order {
        CaseOrder::Newest => "newest failure first",
        CaseOrder::Amount => "most money first",
        CaseOrder::Oldest => "longest open first",
        CaseOrder::Next => "next try first",
    }
}
