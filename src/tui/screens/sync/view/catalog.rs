//! The pane `Catalog`: what was listed, with the state of each entry and whether the next sync takes it up.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{key, no_account};
use crate::engine::api::{IntegrationView, JobState, RecordRow};
use crate::tui::fmt::count;
use crate::tui::input::actions::Action;
use crate::tui::screens::sync::catalog::{SUBJECT, marked};
use crate::tui::table::{self, TableOpts};
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View, filter_line};

/// Draws it.
/// `screen` is as far as what pops up may reach.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, screen: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let catalog = &view.state.sync.catalog;
    let one = view.state.current();
    let title = vec![Span::styled("Catalog", theme.strong())];
    let counts = one.map(|one| counts(view, one)).unwrap_or_default();
    let inner = put::frame(buf, area, theme, focused, title, counts);
    if no_account(view, buf, inner) {
        return;
    }
    let Some(one) = one else { return };
    let mut body = inner;
    if focused && !catalog.table.window.rows.is_empty() {
        hints(view, buf, area);
    }
    let typing = catalog.line.is_typing();
    let with_line = (typing || catalog.line.is_set()) && inner.height >= 2;
    let line = Rect { height: 1, ..inner };
    if with_line {
        body = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    }
    let d = view.state.keymap.label(Action::Discover);
    let looked = one.discover.as_ref().is_some_and(|job| job.state == JobState::Completed);
    let empty = if one.billing && looked {
        vec![
            ("the discover found no invoices".to_owned(), theme.text()),
            (format!("{d} looks again, for what is chosen in What"), theme.faint()),
        ]
    } else if one.billing {
        vec![
            ("nothing is listed yet".to_owned(), theme.text()),
            (format!("{d} lists what is at Stripe; what it lists stands here"), theme.faint()),
        ]
    } else {
        vec![("connected without billing: there are no invoices to list".to_owned(), theme.faint())]
    };
    let mark: &dyn Fn(&RecordRow) -> Option<bool> = &marked;
    let opts = TableOpts {
        focused: focused && !typing,
        mark: Some(mark),
        empty,
        error_hint: "it is read again as soon as something changes",
        ..TableOpts::default()
    };
    table::draw(view, buf, body, &catalog.table, &opts, hits);
    if with_line {
        let text = table::counts(&catalog.table);
        let beside = vec![part(0, vec![Span::styled(text, theme.faint())])];
        filter_line::draw(view, buf, line, &catalog.line, SUBJECT, beside);
        filter_line::draw_popup(view, buf, line, screen, &catalog.line, hits);
    }
}

/// The counts of the whole catalog, whatever the filter.
fn counts(view: &View<'_>, one: &IntegrationView) -> Vec<Part> {
    let theme = view.theme;
    let c = one.catalog;
    if c.total == 0 {
        return Vec::new();
    }
    let mut parts = vec![part(0, vec![Span::styled(count(c.total), theme.strong())])];
    for (drops, n, word, style) in [
        (3, c.synced, "synced", theme.faint()),
        (1, c.pending, "pending", theme.faint()),
        (5, c.processing, "under way", theme.faint()),
        (4, c.stale, "changed since", theme.faint()),
        (2, c.error, "failed", theme.bad()),
        (6, c.skipped, "left out", theme.faint()),
        (7, c.gone, "deleted at Stripe", theme.faint()),
    ] {
        if n > 0 {
            parts.push(part(drops, vec![Span::styled(format!("{} {word}", count(n)), style)]));
        }
    }
    parts
}

/// The pane's own keys, in its lower edge.
fn hints(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let faint = |text: &'static str| Span::styled(text, view.theme.faint());
    let hint =
        |drops: u8, action: Action, text: &'static str| part(drops, vec![key(view, action), faint(text)]);
    let parts = vec![
        hint(1, Action::Mark, " marks"),
        hint(3, Action::MarkAll, " marks all shown"),
        hint(2, Action::Find, " filters"),
        hint(4, Action::Order, " orders"),
        hint(5, Action::Open, " opens"),
    ];
    let line = put::fit_parts(parts, usize::from(area.width).saturating_sub(10), 3);
    let mut spans = vec![Span::raw(" ")];
    spans.extend(line.spans);
    spans.push(Span::raw(" "));
    let at = Rect { width: area.width.saturating_sub(3), ..area };
    put::right(buf, at, area.height.saturating_sub(1), &Line::from(spans));
}
