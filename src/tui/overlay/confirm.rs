//! A question before something that costs: what, for which account, in which mode, at what price.
//!
//! No is the answer to everything but `y`; Enter held down must not confirm.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::Overlay;
use crate::engine::api::{IntegrationId, IntegrationView, Mark, Request};
use crate::tui::effects::Effect;
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::screens::dashboard::update::send;
use crate::tui::screens::sync;
use crate::tui::state::{Purpose, State};
use crate::tui::widgets::{View, header, put};

/// The beginning of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// What is to be done.
    pub title: String,
    /// For whom.
    pub account: String,
    /// In live mode; none: it is about no account.
    pub livemode: Option<bool>,
}

/// What yes means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yes {
    /// Send this, for this.
    Send(Box<(Request, Purpose)>),
    /// Look at a few pages for the plan of the sync screen.
    Look,
    /// Mark every entry of the catalog that its filter shows.
    MarkAll(Box<MarkAll>),
}

/// What was agreed to, whatever the catalog shows by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkAll {
    /// Whose catalog.
    pub integration: IntegrationId,
    /// Its filter.
    pub filter: String,
    /// How they are marked.
    pub mark: Mark,
}

/// A question and what yes means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// What is asked.
    pub question: Question,
    /// What it will cost.
    pub cost: String,
    /// What was used already.
    pub used: String,
    /// What yes means.
    pub yes: Yes,
}

impl Question {
    /// Of this account.
    pub fn of(title: impl Into<String>, view: &IntegrationView) -> Question {
        Question { title: title.into(), account: view.name.clone(), livemode: Some(view.livemode) }
    }

    /// The whole of it.
    pub fn asks(self, cost: String, used: String, yes: Yes) -> Confirm {
        Confirm { question: self, cost, used, yes }
    }
}

/// Carries the answer out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    match state.overlays.pop() {
        Some(Overlay::Confirm(confirm)) if action == Action::Yes => match confirm.yes {
            Yes::Send(what) => send(state, what.0, what.1, now_ms),
            Yes::Look => sync::start::look_now(state),
            Yes::MarkAll(what) => sync::catalog::mark_all_now(state, *what),
        },
        _ => Vec::new(),
    }
}

/// Draws the question.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, confirm: &Confirm) {
    let theme = view.theme;
    let name = fmt::fit(&fmt::clean(&confirm.question.account), 40);
    let mut first = Line::from(vec![
        Span::styled(confirm.question.title.clone(), theme.strong()),
        Span::raw(" "),
        Span::styled(name, theme.strong()),
    ]);
    if let Some(livemode) = confirm.question.livemode {
        first.spans.extend([Span::raw(" "), header::mode(theme, livemode)]);
    }
    first.spans.push(Span::raw("?"));
    let key = |name: &'static str| Span::styled(name, theme.accent().patch(theme.strong()));
    let keys =
        Line::from(vec![key("y"), Span::raw(" yes   "), key("n"), Span::raw(" no (Enter and Esc too)")]);
    let cost = [confirm.cost.as_str(), confirm.used.as_str()];
    let cost = cost.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ");
    let wide = (first.width().max(fmt::width(&cost)).max(keys.width()) as u16).saturating_add(4);
    let wide = wide.min(area.width.saturating_sub(2));
    let pieces = put::wrap(&cost, usize::from(wide.saturating_sub(4)));
    let inside = super::panel(view, buf, area, (wide, pieces.len() as u16 + 5), "Confirm");
    put::line(buf, inside, 0, &first);
    for (row, piece) in pieces.iter().enumerate() {
        put::line(buf, inside, row as u16 + 1, &Line::raw(piece.as_str()));
    }
    put::line(buf, inside, pieces.len() as u16 + 2, &keys);
}
