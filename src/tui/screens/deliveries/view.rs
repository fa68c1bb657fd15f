//! Draws this screen: the targets above, the attempts below; or one attempt.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::attempt::{AttemptPane, Body, sentence};
use super::state::Focus;
use super::targets;
use super::update::target_view;
use crate::engine::api::Phase;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::state::State;
use crate::tui::widgets::attempts::{self, Look, short_url};
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View, detail};

/// Where one is: the screen, or an attempt on it.
pub fn crumbs(state: &State) -> Vec<String> {
    let mut out = vec!["Deliveries".to_owned()];
    if let Some(open) = &state.deliveries.open {
        let what = open.attempt().map(|one| format!("{} to {}", one.row.event_type, short_url(&one.row.url)));
        out.push(fmt::fit(&fmt::clean(&what.unwrap_or_else(|| format!("attempt {}", open.id.0))), 60));
    }
    out
}

/// What stands at the right of that line.
pub fn aside(view: &View<'_>) -> Line<'static> {
    let waiting: u64 = view.state.snapshot.targets.iter().map(|one| one.waiting).sum();
    let parked: u64 = view.state.snapshot.targets.iter().map(|one| one.parked).sum();
    let mut parts = Vec::new();
    if waiting > 0 {
        parts.push(part(0, vec![Span::styled(format!("{} waiting", count(waiting)), view.theme.warn())]));
    }
    if parked > 0 {
        let style = view.theme.bad().patch(view.theme.strong());
        parts.push(part(0, vec![Span::styled(format!("{} parked", count(parked)), style)]));
    }
    put::fit_parts(parts, 40, 3)
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    if let Some(open) = &view.state.deliveries.open {
        one(view, buf, area, open, hits);
        return;
    }
    let low = if area.height >= 16 { 8 } else { 4 };
    let high = targets::rows_wanted(view).min(area.height.saturating_sub(low).max(area.height / 2));
    let top = Rect { height: high, ..area };
    let body = Rect { y: area.y + high, height: area.height - high, ..area };
    targets::draw(view, buf, top, hits);
    list(view, buf, body, hits);
}

fn list(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let deliveries = &view.state.deliveries;
    let focused = deliveries.focus == Focus::Attempts;
    let name = if deliveries.failed_only { "Attempts that failed" } else { "Attempts" };
    let mut title = vec![Span::styled(name, theme.strong())];
    if let Some(one) = target_view(view.state) {
        title.push(Span::raw(format!(" · {}", fmt::fit(&short_url(&one.url), 30))));
    } else if view.state.all_accounts {
        title.push(Span::raw(" · all accounts"));
    } else if let Some(current) = view.state.current() {
        title.push(Span::raw(format!(" · {}", fmt::fit(&fmt::clean(&current.name), 24))));
    }
    let inner = put::frame(buf, area, theme, focused, title, hints(view));
    if let Some(lines) = instead(view) {
        put::notice(buf, inner, &lines);
    } else {
        let look = Look { focused, one_event: false, one_target: deliveries.target.is_some() };
        attempts::rows(view, buf, inner, &deliveries.list, look, hits);
    }
}

fn hints(view: &View<'_>) -> Vec<Part> {
    let theme = view.theme;
    let deliveries = &view.state.deliveries;
    let list = &deliveries.list;
    let key = |action| Span::styled(view.state.keymap.label(action), theme.accent().patch(theme.strong()));
    let mut parts = Vec::new();
    if let Some(reason) = list.error.as_ref().filter(|_| !list.window.rows.is_empty()) {
        let text = format!("! not read again: {}", fmt::fit(&fmt::clean(reason), 40));
        parts.push(part(0, vec![Span::styled(text, theme.warn())]));
    }
    let other = if deliveries.failed_only { " all of them" } else { " only failed" };
    parts.push(part(1, vec![key(Action::OnlyOpen), Span::raw(other)]));
    if view.state.snapshot.integrations.len() > 1 && deliveries.target.is_none() {
        let other = if view.state.all_accounts { " one account" } else { " all accounts" };
        parts.push(part(3, vec![key(Action::AllAccounts), Span::raw(other)]));
    }
    if list.window.total > 0 {
        let text = format!("{} kept here in all", count(list.window.total));
        parts.push(part(2, vec![Span::styled(text, theme.faint())]));
    }
    parts
}

/// What stands in place of the attempts.
fn instead(view: &View<'_>) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    let state = view.state;
    if state.snapshot.phase != Phase::Ready || state.snapshot.integrations.is_empty() {
        // The pane above says why.
        return Some(Vec::new());
    }
    let list = &state.deliveries.list;
    if !list.window.rows.is_empty() {
        return None;
    }
    if let Some(reason) = &list.error {
        return Some(vec![
            ("✗ the attempts could not be read".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
            ("it is tried again with the next attempt".to_owned(), theme.faint()),
        ]);
    }
    if !list.loaded {
        return Some(vec![("reading the attempts …".to_owned(), theme.faint())]);
    }
    if state.deliveries.failed_only {
        let label = state.keymap.label(Action::OnlyOpen);
        return Some(vec![
            ("✓ no attempt failed".to_owned(), theme.good()),
            (format!("{label} shows all of them"), theme.faint()),
        ]);
    }
    Some(vec![
        ("nothing was sent yet".to_owned(), theme.text()),
        (
            format!(
                "{} on the events' screen sends a stored event again",
                state.keymap.label(Action::Replay)
            ),
            theme.faint(),
        ),
    ])
}

/// One attempt, whole.
fn one(view: &View<'_>, buf: &mut Buffer, area: Rect, open: &AttemptPane, hits: &mut Hits) {
    let theme = view.theme;
    let mut title = vec![Span::styled(format!("Attempt {}", open.id.0), theme.strong())];
    if let Some(attempt) = open.attempt() {
        title.push(Span::styled(format!("  {}", fmt::clean(&attempt.row.event)), theme.faint()));
    }
    let key = |action| Span::styled(view.state.keymap.label(action), theme.accent().patch(theme.strong()));
    let edge = vec![
        part(1, vec![key(Action::Replay), Span::raw(" sends it again")]),
        part(2, vec![key(Action::Find), Span::raw(" looks in the answer")]),
    ];
    let inner = put::frame(buf, area, theme, true, title, edge);
    let lines = match &open.body {
        Body::Here(attempt) => {
            let whose = view.state.integration(attempt.row.integration);
            let tz = whose.map_or("UTC", |one| one.timezone.as_str());
            let (glyph, style, _) = attempts::outcome(theme, &attempt.row);
            let when = fmt::stamp(attempt.row.at, view.now, tz, true);
            hits.changes_every(crate::tui::widgets::Wake::Minute);
            let cells = usize::from(inner.width).saturating_sub(fmt::width(&when) + 8);
            let head = Line::from(vec![
                Span::raw(" "),
                Span::styled(when, theme.faint()),
                Span::raw("  "),
                Span::styled(glyph, style.patch(theme.strong())),
                Span::raw(" "),
                Span::styled(fmt::fit(&sentence(attempt), cells), theme.strong()),
            ]);
            put::line(buf, inner, 0, &head);
            let below = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
            detail::view::sheet(view, buf, below, &open.sheet, tz, true, hits);
            return;
        }
        Body::Loading => vec![("reading the attempt …".to_owned(), theme.faint())],
        Body::NotHere => vec![("this attempt is not kept any more".to_owned(), theme.text())],
        Body::Failed(reason) => vec![
            ("✗ the attempt could not be read".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
        ],
    };
    put::notice(buf, inner, &lines);
}
