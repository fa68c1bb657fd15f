//! The pane `Catalog`: what was listed, with the state of each entry and whether the next sync takes it up.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{key, no_account};
use crate::engine::api::{IntegrationView, RecordRow};
use crate::tui::fmt::count;
use crate::tui::input::actions::Action;
use crate::tui::screens::sync::catalog::marked;
use crate::tui::table::{self, TableOpts};
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View};

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
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
    if (catalog.typing.is_some() || !catalog.filter.is_empty()) && inner.height >= 2 {
        filter_line(view, buf, Rect { height: 1, ..inner });
        body = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    }
    let d = view.state.keymap.label(Action::Discover);
    let empty = if one.billing {
        vec![
            ("nothing is listed yet".to_owned(), theme.text()),
            (format!("{d} lists what is at Stripe; what it lists stands here"), theme.faint()),
        ]
    } else {
        vec![("connected without billing: there are no invoices to list".to_owned(), theme.faint())]
    };
    let mark: &dyn Fn(&RecordRow) -> Option<bool> = &marked;
    let opts = TableOpts {
        focused: focused && catalog.typing.is_none(),
        mark: Some(mark),
        empty,
        error_hint: "it is read again as soon as something changes",
        ..TableOpts::default()
    };
    table::draw(view, buf, body, &catalog.table, &opts, hits);
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

fn filter_line(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let catalog = &view.state.sync.catalog;
    let cells = usize::from(area.width).saturating_sub(4);
    let mut spans = vec![Span::raw(" "), key(view, Action::Find), Span::raw(" ")];
    let told = match &catalog.table.bad_filter {
        Some(bad) => Line::styled(format!("{} ", crate::tui::fmt::clean(&bad.reason)), theme.warn()),
        None => Line::styled(format!("{} ", table::counts(&catalog.table)), theme.faint()),
    };
    let room = cells.saturating_sub(told.width() + 2).max(20);
    match &catalog.typing {
        Some((line, _)) => spans.extend(line.draw(theme, room, true, |_| theme.text()).spans),
        None => spans.push(Span::raw(crate::tui::fmt::fit(&catalog.filter, room))),
    }
    let line = Line::from(spans);
    if line.width() + told.width() + 2 <= usize::from(area.width) {
        put::right(buf, area, 0, &told);
    }
    put::line(buf, area, 0, &line);
}
