//! What lies over a screen: help, messages, a question, the search. Topmost gets the keys.
//!
//! An overlay must stay readable at the smallest size; what does not fit is scrolled.

pub mod confirm;
pub mod disconnect;
pub mod edit;
pub mod endpoint;
pub mod guard;
pub mod help;
pub mod messages;
pub mod palette;
pub mod replay;
pub mod search;
pub mod target;
pub mod wizard;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier},
    text::{Line, Span},
};

pub use confirm::{Confirm, MarkAll, Question, Yes};
pub use disconnect::Disconnect;
pub use edit::EditForm;
pub use endpoint::EndpointSheet;
pub use replay::Replay;
pub use target::TargetForm;
pub use wizard::Wizard;

use super::effects::Effect;
use super::input::actions::{Action, Context};
use super::input::line::Typed;
use super::state::State;
use super::widgets::put;
use super::widgets::{Hits, View};
use crate::engine::api::Answer;

/// One overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The table of actions.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// Everything that was told.
    Messages {
        /// First line shown.
        scroll: usize,
    },
    /// Every action by name.
    Palette(palette::Palette),
    /// A question that `y` answers with yes and every other way with no.
    Confirm(Box<Confirm>),
    /// Connecting an account, or a new key for one.
    Wizard(Box<Wizard>),
    /// Changing an integration.
    Edit(Box<EditForm>),
    /// What became of a webhook endpoint, or how one is made by hand.
    Endpoint(Box<EndpointSheet>),
    /// Disconnecting one.
    Disconnect(Box<Disconnect>),
    /// Adding a target.
    Target(Box<TargetForm>),
    /// Sending an event again.
    Replay(Box<Replay>),
    /// Search anywhere; what it holds is `State::search`, which outlives it.
    Search,
}

impl Overlay {
    /// Where keys have their meaning while it is topmost.
    pub fn context(&self) -> Context {
        match self {
            Overlay::Help { .. } | Overlay::Messages { .. } => Context::Reading,
            Overlay::Confirm(_) => Context::Confirm,
            Overlay::Wizard(wizard) => wizard.context(),
            Overlay::Edit(form) => form.context(),
            Overlay::Endpoint(sheet) => sheet.context(),
            Overlay::Disconnect(it) => it.context(),
            Overlay::Target(form) => form.context(),
            Overlay::Replay(it) => it.context(),
            Overlay::Palette(_) | Overlay::Search => Context::Typing,
        }
    }
}

/// Carries an action out in the topmost overlay.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    match state.overlays.last_mut() {
        None => Vec::new(),
        Some(Overlay::Palette(_)) => palette::act(state, action, now_ms),
        Some(Overlay::Confirm(_)) => confirm::act(state, action, now_ms),
        Some(Overlay::Wizard(_)) => wizard::act(state, action, now_ms),
        Some(Overlay::Edit(_)) => edit::act(state, action, now_ms),
        Some(Overlay::Endpoint(_)) => endpoint::act(state, action, now_ms),
        Some(Overlay::Disconnect(_)) => disconnect::act(state, action, now_ms),
        Some(Overlay::Target(_)) => target::act(state, action),
        Some(Overlay::Replay(_)) => replay::act(state, action),
        Some(Overlay::Search) => search::update::act(state, action, now_ms),
        Some(Overlay::Help { scroll } | Overlay::Messages { scroll }) => {
            let page = state.hits.overlay_rows.saturating_sub(1).max(1);
            *scroll = match action {
                Action::Down => scroll.saturating_add(1),
                Action::Up => scroll.saturating_sub(1),
                Action::PageDown => scroll.saturating_add(page),
                Action::PageUp => scroll.saturating_sub(page),
                Action::First => 0,
                Action::Last => state.hits.overlay_scroll_max,
                _ => *scroll,
            };
            if action == Action::Back {
                state.overlays.pop();
            }
            clamp(state);
            Vec::new()
        }
    }
}

/// Gives text to the topmost overlay, while its context is `Typing`.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    match state.overlays.last_mut() {
        Some(Overlay::Palette(palette)) => palette::typed(palette, typed),
        Some(Overlay::Wizard(_)) => return wizard::typed(state, typed, now_ms),
        Some(Overlay::Edit(_)) => edit::typed(state, typed),
        Some(Overlay::Endpoint(_)) => return endpoint::typed(state, typed, now_ms),
        Some(Overlay::Disconnect(_)) => disconnect::typed(state, typed),
        Some(Overlay::Target(_)) => target::typed(state, typed),
        Some(Overlay::Replay(_)) => replay::typed(state, typed),
        Some(Overlay::Search) => return search::update::typed(state, typed),
        _ => {}
    }
    Vec::new()
}

/// What the open overlays ask for when the snapshot is another one.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let mut effects = wizard::refresh(state);
    effects.extend(search::update::refresh(state));
    effects
}

/// Gives an answer to the overlay that waits for it; none when there is no such overlay.
pub fn answer(state: &mut State, generation: u64, answer: &Answer, now_ms: i64) -> Option<Vec<Effect>> {
    search::update::answer(state, generation, answer)
        .or_else(|| endpoint::answer(state, generation, answer))
        .or_else(|| edit::answer(state, generation, answer, now_ms))
        .or_else(|| disconnect::answer(state, generation, answer, now_ms))
        .or_else(|| target::answer(state, generation, answer, now_ms))
        .or_else(|| replay::answer(state, generation, answer, now_ms))
        .or_else(|| wizard::answer(state, generation, answer, now_ms))
}

/// Keeps what is scrolled within what there is.
pub fn clamp(state: &mut State) {
    let max = state.hits.overlay_scroll_max;
    if let Some(Overlay::Help { scroll } | Overlay::Messages { scroll }) = state.overlays.last_mut() {
        *scroll = (*scroll).min(max);
    }
    search::update::drawn(state);
}

/// Draws them all, the topmost last.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    for overlay in &view.state.overlays {
        dim(buf, area);
        match overlay {
            Overlay::Help { scroll } => help::draw(view, buf, area, *scroll, hits),
            Overlay::Messages { scroll } => messages::draw(view, buf, area, *scroll, hits),
            Overlay::Palette(palette) => palette::draw(view, buf, area, palette, hits),
            Overlay::Confirm(confirm) => confirm::draw(view, buf, area, confirm),
            Overlay::Wizard(wizard) => wizard::draw(view, buf, area, wizard),
            Overlay::Edit(form) => edit::draw(view, buf, area, form),
            Overlay::Endpoint(sheet) => endpoint::draw(view, buf, area, sheet),
            Overlay::Disconnect(it) => disconnect::draw(view, buf, area, it),
            Overlay::Target(form) => target::draw(view, buf, area, form),
            Overlay::Replay(it) => replay::draw(view, buf, area, it),
            Overlay::Search => search::view::draw(view, buf, area, hits),
        }
    }
}

/// Steps what lies below back, so that a form stands out from it.
fn dim(buf: &mut Buffer, area: Rect) {
    let area = area.intersection(buf.area);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.fg = Color::Reset;
                // The colours of a selected row would leave its text unreadable.
                cell.bg = Color::Reset;
                cell.modifier = Modifier::DIM;
            }
        }
    }
}

/// A box in the middle of `area` with its inside cleared; returns the inside without its margins.
pub fn panel(view: &View<'_>, buf: &mut Buffer, area: Rect, size: (u16, u16), title: &str) -> Rect {
    let (width, height) = (size.0.min(area.width), size.1.min(area.height));
    let at =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let blank = " ".repeat(usize::from(width));
    for row in 0..height {
        // Clearing cell by cell: a style below must not shine through.
        put::line(buf, at, row, &Line::raw(blank.as_str()));
        for x in at.left()..at.right() {
            if let Some(cell) = buf.cell_mut((x, at.y + row)) {
                cell.reset();
            }
        }
    }
    let title = vec![Span::styled(title.to_owned(), view.theme.strong())];
    let inner = put::frame(buf, at, view.theme, true, title, vec![]);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

/// Shows lines from `scroll` on, and says how far it can be scrolled.
fn scrolled(
    view: &View<'_>,
    buf: &mut Buffer,
    inside: Rect,
    lines: &[Line<'_>],
    scroll: usize,
    hits: &mut Hits,
) {
    let height = usize::from(inside.height);
    hits.overlay_rows = height;
    hits.overlay_scroll_max = lines.len().saturating_sub(height);
    let first = scroll.min(hits.overlay_scroll_max);
    for (row, line) in lines.iter().skip(first).take(height).enumerate() {
        put::line(buf, inside, row as u16, line);
    }
    if hits.overlay_scroll_max > 0 {
        let text =
            format!(" {}–{} of {} · j k moves ", first + 1, (first + height).min(lines.len()), lines.len());
        let below = Rect { y: inside.y.saturating_add(inside.height), height: 1, ..inside };
        put::right(buf, below, 0, &Line::styled(text, view.theme.faint()));
    }
}
