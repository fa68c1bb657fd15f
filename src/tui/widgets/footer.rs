//! The bottom line: the keys that matter most, or what was just told.
//!
//! The keys come from the table of actions; nothing is named here that does not work.

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::View;
use super::put::{self, part};
use crate::engine::api::Level;
use crate::tui::fmt;
use crate::tui::input::actions::{self, Action};
use crate::tui::screens::ScreenId;
use crate::tui::style::Theme;

/// A level's glyph, its style, and its word.
pub fn level(theme: Theme, level: Level) -> (&'static str, ratatui::style::Style, &'static str) {
    match level {
        Level::Info => ("·", theme.accent(), "info"),
        Level::Warning => ("!", theme.warn(), "warning"),
        Level::Error => ("✗", theme.bad(), "error"),
    }
}

/// Draws the line.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let keymap = &view.state.keymap;
    let key = |action: Action| Span::styled(keymap.label(action), theme.accent().patch(theme.strong()));
    if let Some(toast) = &view.state.toast {
        let (glyph, style, _) = level(theme, toast.level);
        let more = vec![key(Action::Messages), Span::raw(" messages ")];
        let room = usize::from(area.width).saturating_sub(15);
        let spans = vec![
            Span::raw(" "),
            Span::styled(glyph, style.patch(theme.strong())),
            Span::raw(" "),
            Span::styled(fmt::fit(&fmt::clean(&toast.text), room.saturating_sub(3)), theme.strong()),
        ];
        put::line(buf, area, 0, &spans.into());
        put::right(buf, area, 0, &more.into());
        return;
    }
    let help = vec![key(Action::Help), Span::raw(" help ")];
    let screen = view.state.screen;
    let useful =
        |row: &&actions::Entry| row.footer > 0 && row.is_on(screen) && view.state.can(row.action).is_ok();
    let mut rows: Vec<_> = actions::TABLE.iter().filter(useful).collect();
    // Away from the dashboard, what belongs to the open screen comes before what works everywhere.
    let everywhere = |row: &actions::Entry| screen == ScreenId::Dashboard || row.on.is_empty();
    rows.sort_by_key(|row| (everywhere(row), row.footer));
    let parts = (1..)
        .zip(rows)
        .map(|(place, row)| part(place, vec![key(row.action), Span::raw(format!(" {}", row.hint))]))
        .collect();
    let room = usize::from(area.width).saturating_sub(10);
    let inner = Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(1), ..area };
    put::line(buf, inner, 0, &put::fit_parts(parts, room, if area.width >= 110 { 3 } else { 2 }));
    put::right(buf, area, 0, &help.into());
}
