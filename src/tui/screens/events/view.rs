//! Lays the screen out: the filter above, the feed at the left and the event at the right; one after the other where
//! there is little room.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::detail;
use super::state::{EventsState, Focus};
use crate::engine::api::Phase;
use crate::filter::Subject;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::widgets::feed::{self, Look};
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View, filter_line};

/// With less than this the filter is a bare line, and only there when it is used. Rows.
const TALL: u16 = 26;
/// Filters by time, and how a count under them reads.
const SPANS: &[(&str, &str)] = &[
    ("today", "today"),
    ("yesterday", "yesterday"),
    ("last24h", "in the last 24 hours"),
    ("last7d", "in the last 7 days"),
    ("last30d", "in the last 30 days"),
    ("thisweek", "this week"),
    ("lastweek", "last week"),
    ("thismonth", "this month"),
    ("lastmonth", "last month"),
    ("thisyear", "this year"),
    ("lastyear", "last year"),
];

/// Draws the screen.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let events = &view.state.events;
    let wide = EventsState::is_wide(view.state.size);
    let reading = !wide && events.focus == Focus::Detail;
    let line: u16 = if reading {
        0
    } else if area.height >= TALL {
        3
    } else {
        u16::from(events.filter.is_set() || events.filter.is_typing() || events.filter.wrong().is_some())
    };
    let top = Rect { height: line.min(area.height), ..area };
    let body = Rect { y: area.y + top.height, height: area.height - top.height, ..area };
    if wide {
        let left = (area.width * 3 / 7).clamp(56, 90).min(area.width);
        let list_area = Rect { width: left, ..body };
        let detail_area = Rect { x: body.x + left, width: body.width - left, ..body };
        list(view, buf, list_area, hits);
        detail::draw(view, buf, detail_area, events.focus == Focus::Detail, hits);
    } else if reading {
        detail::draw(view, buf, body, true, hits);
    } else {
        list(view, buf, body, hits);
    }
    if line > 0 {
        let beside = found(view);
        filter_line::draw(view, buf, top, &events.filter, Subject::Events, beside);
        filter_line::draw_popup(view, buf, top, area, &events.filter, hits);
    }
}

/// What the filter lets through: `128 in the last 7 days`.
fn found(view: &View<'_>) -> Vec<Part> {
    let theme = view.theme;
    let events = &view.state.events;
    let window = &events.feed.window;
    if !events.feed.is_filtered() || !events.feed.loaded || events.feed.error.is_some() {
        return Vec::new();
    }
    match (window.matching, window.looked_to) {
        (Some(all), _) => {
            let span = span(&events.filter.applied);
            vec![part(0, vec![Span::styled(count(all), theme.strong()), Span::raw(format!(" {span}"))])]
        }
        (None, Some(to)) => {
            let least = count(window.newer + window.rows.len() as u64);
            let mut parts = vec![part(0, vec![Span::styled(format!("at least {least}"), theme.strong())])];
            if to != i64::MAX {
                let to = fmt::stamp(to, view.now, view.state.timezone(), false);
                parts.push(part(1, vec![Span::styled(format!("looked back to {to} …"), theme.faint())]));
            }
            parts
        }
        (None, None) => Vec::new(),
    }
}

/// The time that a filter is about, in words; without one, what the count means.
fn span(filter: &str) -> &'static str {
    let mut times = filter.split_whitespace().filter_map(|word| word.strip_prefix("created:"));
    match (times.next(), times.next()) {
        (Some(word), None) if !filter.contains(" or ") => {
            SPANS.iter().find(|(name, _)| *name == word).map_or("match", |(_, words)| words)
        }
        _ => "match",
    }
}

fn list(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let events = &view.state.events;
    let it = &events.feed;
    let focused = events.focus == Focus::List && !events.filter.is_typing();
    let inner = put::frame(buf, area, theme, focused, title(view), hints(view));
    let broken = events.filter.wrong().filter(|_| it.error.is_some());
    let lines = match broken {
        Some(wrong) => Some(vec![
            ("the filter can't be read".to_owned(), theme.warn().patch(theme.strong())),
            (wrong.text.clone(), theme.text()),
            (
                format!(
                    "{} changes it, {} takes it away",
                    view.state.keymap.label(Action::Find),
                    view.state.keymap.label(Action::Back)
                ),
                theme.faint(),
            ),
        ]),
        None => feed::instead(view, it),
    };
    if let Some(lines) = lines {
        put::notice(buf, inner, &lines);
        return;
    }
    let heading = inner.height >= 12;
    let look = Look { feed: it, focused, heading, days: true };
    (hits.feed_rows, hits.feed_top) = feed::rows(view, buf, inner, look);
}

fn title(view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let it = &view.state.events.feed;
    if !it.loaded || view.state.snapshot.phase != Phase::Ready {
        return vec![Span::styled("events", theme.strong())];
    }
    let window = &it.window;
    let number = if it.is_filtered() { window.matching } else { Some(window.total) };
    match number {
        Some(1) => vec![Span::styled("1 event", theme.strong())],
        Some(number) => vec![Span::styled(format!("{} events", count(number)), theme.strong())],
        None => vec![Span::styled("events", theme.strong())],
    }
}

fn hints(view: &View<'_>) -> Vec<Part> {
    let theme = view.theme;
    let events = &view.state.events;
    let mut parts = Vec::new();
    if let Some(reason) = events.feed.error.as_ref().filter(|_| !events.feed.window.rows.is_empty()) {
        let text = format!("! not read again: {}", fmt::fit(&fmt::clean(reason), 40));
        parts.push(part(0, vec![Span::styled(text, theme.warn())]));
    }
    if !events.feed.window.rows.is_empty() {
        parts.push(part(2, vec![Span::styled("newest first", theme.faint())]));
    }
    let whose = if view.state.all_accounts { " one account" } else { " all accounts" };
    if view.state.snapshot.integrations.len() > 1 {
        let key = view.state.keymap.label(Action::AllAccounts);
        parts.push(part(1, vec![Span::styled(key, theme.accent().patch(theme.strong())), Span::raw(whose)]));
    }
    parts
}

/// Where one is. The event in detail is named in its frame.
pub fn crumbs(_state: &crate::tui::state::State) -> Vec<String> {
    vec!["Events".to_owned()]
}

/// Whether the feed follows, and what came in since it does not.
pub fn aside(view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let it = &view.state.events.feed;
    if !it.loaded || it.window.rows.is_empty() {
        return Line::default();
    }
    if it.following {
        return Line::styled("following", theme.good());
    }
    let key = view.state.keymap.label(Action::Freeze);
    let mut spans = vec![Span::styled("frozen", theme.warn())];
    if it.new_above > 0 {
        spans.push(Span::styled(" · ", theme.warn()));
        let text = format!("{} new above", count(it.new_above));
        spans.push(Span::styled(text, theme.warn().patch(theme.strong())));
    }
    spans.push(Span::styled(" · ", theme.faint()));
    spans.push(Span::styled(key, theme.accent().patch(theme.strong())));
    spans.push(Span::raw(" follows again"));
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn a_count_says_over_what_time() {
        assert_eq!(span("type:*failed created:last7d"), "in the last 7 days");
        assert_eq!(span("created:last7d or created:today"), "match");
        assert_eq!(span("created:last7d or amount>5"), "match");
        assert_eq!(span("-created:last7d"), "match");
        assert_eq!(span("amount>50"), "match");
    }
}
