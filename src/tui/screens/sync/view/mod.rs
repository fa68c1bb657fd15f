//! Draws this screen: four panes at once where there is room, tabs and one pane where there is not, or the history.
//!
//! ```text
//! +- What ----++- Next run -----+        tabs
//! |           ||                |        +- What ---------+
//! +-----------++----------------+        |                |
//! +- Running -------------------+        +----------------+
//! +-----------------------------+        +- Running ------+   only while something runs
//! +- Catalog -------------------+        +----------------+
//! ```

mod catalog;
mod history;
mod plan;
mod running;
mod what;

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::state::{PANES, Pane};
use crate::engine::api::Phase;
use crate::tui::input::actions::Action;
use crate::tui::state::State;
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View};

/// With less than this one pane is shown at a time.
const WIDE: u16 = 100;
const TALL: u16 = 26;

/// Where one is.
pub fn crumbs(state: &State) -> Vec<String> {
    let mut out = vec!["Sync".to_owned()];
    if let Some(history) = &state.sync.history {
        out.push("History".to_owned());
        if let Some(run) = history.selected().filter(|_| history.detail.is_some()) {
            out.push(run.id.to_string());
        }
    }
    out
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let sync = &view.state.sync;
    if sync.history.is_some() {
        history::draw(view, buf, area, hits);
        return;
    }
    let small = area.width < WIDE || area.height < TALL;
    if small {
        let [top, body] = put::split(area, 1);
        tabs(view, buf, top);
        let low = if sync.focus == Pane::Running { 0 } else { running::least(view) };
        let low = if low + 8 > body.height { 0 } else { low };
        let [upper, lower] = put::split(body, body.height - low);
        pane(view, buf, upper, sync.focus, hits);
        if low > 0 {
            pane(view, buf, lower, Pane::Running, hits);
        }
        return;
    }
    let high = if area.height >= 36 { 15 } else { 14 };
    let middle = running::wants(view).clamp(4, area.height.saturating_sub(high + 9).max(4));
    let [upper, rest] = put::split(area, high);
    let [middle, lower] = put::split(rest, middle);
    let left = (area.width * 2 / 5).clamp(46, 56);
    pane(view, buf, Rect { width: left, ..upper }, Pane::What, hits);
    let right = Rect { x: upper.x + left, width: upper.width - left, ..upper };
    pane(view, buf, right, Pane::Plan, hits);
    pane(view, buf, middle, Pane::Running, hits);
    pane(view, buf, lower, Pane::Catalog, hits);
}

fn pane(view: &View<'_>, buf: &mut Buffer, area: Rect, which: Pane, hits: &mut Hits) {
    let focused = view.state.sync.focus == which;
    match which {
        Pane::What => what::draw(view, buf, area, focused),
        Pane::Plan => plan::draw(view, buf, area, focused, hits),
        Pane::Running => running::draw(view, buf, area, focused, hits),
        Pane::Catalog => catalog::draw(view, buf, area, area, focused, hits),
    }
}

fn tabs(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let focus = view.state.sync.focus;
    let parts: Vec<Part> = PANES
        .iter()
        .map(|which| {
            let style = if focus == *which { theme.reversed() } else { theme.text() };
            let mut spans = vec![Span::styled(format!(" {} ", which.name()), style)];
            let job = view.state.current().and_then(running::current).and_then(|job| job.fraction);
            if let (Pane::Running, Some(share)) = (which, job) {
                // It runs: 100 % would say that it is done.
                let share = (share.clamp(0.0, 0.99) * 100.0).floor();
                spans.push(Span::styled(format!("{share} %"), theme.strong()));
            }
            part(0, spans)
        })
        .collect();
    put::line(buf, area, 0, &put::fit_parts(parts, usize::from(area.width), 2));
}

/// What every pane shows in place of itself while there is no account to show; true when it did.
fn no_account(view: &View<'_>, buf: &mut Buffer, area: Rect) -> bool {
    let theme = view.theme;
    let text = match &view.state.snapshot.phase {
        Phase::Opening => "opening the store …",
        Phase::Failed { .. } => "the store can't be used",
        Phase::Ready if view.state.current().is_some() => return false,
        Phase::Ready => {
            let connect = view.state.keymap.label(Action::Connect);
            let text = format!("no account connected yet: {connect} connects one");
            put::notice(buf, area, &[(text, theme.faint())]);
            return true;
        }
    };
    put::notice(buf, area, &[(text.to_owned(), theme.faint())]);
    true
}

/// An action's key, as a span.
fn key(view: &View<'_>, action: Action) -> Span<'static> {
    Span::styled(view.state.keymap.label(action), view.theme.accent().patch(view.theme.strong()))
}

/// The inside of a frame without a column at each side.
fn inside(inner: Rect) -> Rect {
    Rect { x: inner.x.saturating_add(1), width: inner.width.saturating_sub(2), ..inner }
}
