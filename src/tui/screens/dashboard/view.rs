//! Lays the dashboard out: three panes at once where there is room, tabs where there is not, one pane when it is
//! whole.
//!
//! ```text
//! header                                header
//! +- 1 ----++- 2 -----------+           tabs
//! |        ||               |           +- 2 ------------+
//! +--------++---------------+           +----------------+
//! +- 3 ---------------------+           +- 3 ------------+
//! +-------------------------+           +----------------+
//! ```

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::state::Pane;
use crate::engine::api::{Health, Phase};
use crate::tui::fmt::count;
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View, feed, header, integrations, jobs};

/// With less than this the accounts are a tab.
const WIDE: u16 = 100;
const TALL: u16 = 28;

/// Draws the panes into what is between header and footer.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let dashboard = &view.state.dashboard;
    let focus = dashboard.focus;
    let small = area.width < WIDE || area.height < TALL;
    if small {
        let [top, body] = put::split(area, 1);
        tabs(view, buf, top);
        // Pane 1 has no place of its own here: focused is whole.
        if focus == Pane::Integrations {
            pane(view, buf, body, focus, true, hits);
        } else {
            let low = if area.height < 28 { 4 } else { 12 }.min(body.height);
            let [upper, lower] = put::split(body, body.height - low);
            pane(view, buf, upper, Pane::Events, false, hits);
            pane(view, buf, lower, Pane::Sync, false, hits);
        }
    } else {
        let low = (area.height * 2 / 5).clamp(12, 14);
        let [upper, lower] = put::split(area, area.height - low);
        let left = 36.min(upper.width);
        let side = Rect { width: left, ..upper };
        let rest = Rect { x: upper.x + left, width: upper.width - left, ..upper };
        pane(view, buf, side, Pane::Integrations, false, hits);
        pane(view, buf, rest, Pane::Events, false, hits);
        pane(view, buf, lower, Pane::Sync, false, hits);
    }
}

fn pane(view: &View<'_>, buf: &mut Buffer, area: Rect, which: Pane, whole: bool, hits: &mut Hits) {
    let focused = view.state.dashboard.focus == which;
    match which {
        Pane::Integrations => integrations::draw(view, buf, area, focused, hits),
        Pane::Events => feed::draw(view, buf, area, focused, hits),
        Pane::Sync => jobs::draw(view, buf, area, focused, whole, hits),
    }
}

fn tabs(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let snapshot = &view.state.snapshot;
    let focus = view.state.dashboard.focus;
    let mut parts: Vec<Part> = Vec::new();
    for (which, digit, name) in [
        (Pane::Integrations, "1", "Integrations"),
        (Pane::Events, "2", "Live events"),
        (Pane::Sync, "3", "Sync"),
    ] {
        let mut spans = if focus == which {
            vec![Span::styled(format!(" {digit} {name} "), theme.reversed())]
        } else {
            let key = Span::styled(format!(" {digit}"), theme.accent().patch(theme.strong()));
            vec![key, Span::raw(format!(" {name} "))]
        };
        spans.extend(beside(view, which));
        parts.push(part(0, spans));
    }
    let today: u64 = snapshot.integrations.iter().map(|one| one.events_today).sum();
    if snapshot.phase == Phase::Ready && !snapshot.integrations.is_empty() {
        let failed: u64 = view
            .state
            .current()
            .map_or(0, |one| one.payments_today.iter().map(|today| today.failed.cases).sum());
        if failed > 0 {
            let style = theme.bad().patch(theme.strong());
            parts.push(part(1, vec![Span::styled(format!("{} failed", count(failed)), style)]));
        }
        parts.push(part(2, vec![Span::styled(format!("{} events today", count(today)), theme.faint())]));
    }
    put::line(buf, area, 0, &put::fit_parts(parts, usize::from(area.width), 2));
}

/// What a tab tells of the pane that it hides.
fn beside(view: &View<'_>, which: Pane) -> Vec<Span<'static>> {
    let theme = view.theme;
    match which {
        Pane::Integrations => {
            let all = &view.state.snapshot.integrations;
            let needy = all.iter().filter(|one| header::needs_you(one)).count();
            let offline = all.iter().filter(|one| matches!(one.health, Health::Offline { .. })).count();
            if needy > 0 {
                let word = if needy == 1 { "needs you" } else { "need you" };
                vec![Span::styled(format!("{needy} {word}"), theme.bad().patch(theme.strong()))]
            } else if offline > 0 {
                vec![Span::styled(format!("{offline} offline"), theme.warn())]
            } else {
                Vec::new()
            }
        }
        Pane::Events => Vec::new(),
        Pane::Sync => {
            let running = view.state.current().and_then(|one| {
                [one.sync.as_ref(), one.discover.as_ref()]
                    .into_iter()
                    .flatten()
                    .find(|job| super::update::is_active(job))
            });
            match running.and_then(|job| job.fraction) {
                Some(share) => {
                    // It runs: 100 % would say that it is done.
                    let share = (share.clamp(0.0, 0.99) * 100.0).floor();
                    vec![Span::styled(format!("{share} %"), theme.strong())]
                }
                None => Vec::new(),
            }
        }
    }
}
