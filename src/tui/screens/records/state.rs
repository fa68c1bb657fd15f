//! What this screen remembers: the kind that is looked at with its filter and order, the table, and the objects that
//! were opened one from another.

use std::collections::HashMap;

use crate::engine::api::{IntegrationId, Sort};
use crate::stripe::kind::Kind;
use crate::tui::table::TableState;
use crate::tui::widgets::detail::Detail;
use crate::tui::widgets::filter_line::FilterLine;
use crate::tui::widgets::timeline::Timeline;

/// Its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordsState {
    /// The kind that was chosen; none: the first that is stored.
    pub kind: Option<Kind>,
    /// How each kind is looked at.
    pub looks: HashMap<Kind, Look>,
    /// The rows.
    pub table: TableState,
    /// The columns are open to choose one to order by; the chosen one's place.
    pub order: Option<usize>,
    /// Objects that are open, each from the one before; the last one shows.
    pub opened: Vec<Opened>,
    /// An object that is read for something that was asked for in the table.
    pub errand: Option<Going>,
}

/// How a kind is looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Look {
    /// Which rows.
    pub filter: FilterLine,
    /// In which order; none: newest first.
    pub sort: Option<Sort>,
}

/// An object that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// Whose.
    pub integration: IntegrationId,
    /// Stripe's id.
    pub id: String,
    /// The object.
    pub detail: Detail,
    /// The events about it, if they are shown.
    pub timeline: Option<Timeline>,
    /// The events have the keys.
    pub on_timeline: bool,
    /// It was opened from another screen, to which the way back leads.
    pub from_elsewhere: bool,
}

/// An errand under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Going {
    /// The number of its request.
    pub generation: u64,
    /// What for.
    pub errand: Errand,
    /// When it was asked for, Unix milliseconds: an answer has no time of its own.
    pub asked_ms: i64,
}

/// What is to be done with an object of the table once it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Go to its customer.
    Customer,
    /// Copy its payment link.
    PaymentLink,
    /// Open its page.
    Page,
}

impl Opened {
    /// What a breadcrumb calls it: its number or name, else its id.
    pub fn title(&self) -> String {
        match self.detail.object() {
            Some(object) if !object.title.is_empty() => object.title.clone(),
            _ => self.id.clone(),
        }
    }
}

impl RecordsState {
    /// The object that shows.
    pub fn open(&self) -> Option<&Opened> {
        self.opened.last()
    }

    /// How the kind is looked at, if in any way of its own.
    pub fn look(&self, kind: Kind) -> Option<&Look> {
        self.looks.get(&kind)
    }

    /// The filter line of the kind takes text.
    pub fn is_filtering(&self, kind: Kind) -> bool {
        self.opened.is_empty() && self.look(kind).is_some_and(|look| look.filter.is_typing())
    }
}
