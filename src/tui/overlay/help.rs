//! The table of actions, to read. Everything in it works, and all that works is in it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::tui::input::{actions, keys};
use crate::tui::widgets::{Hits, View, put};

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, scroll: usize, hits: &mut Hits) {
    let theme = view.theme;
    let cells = usize::from(area.width).saturating_sub(6).min(92);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut group = "";
    for row in actions::TABLE {
        if row.group != group {
            if !group.is_empty() {
                lines.push(Line::default());
            }
            group = row.group;
            lines.push(Line::styled(group, theme.strong()));
        }
        let names = view.state.keymap.names(row.action);
        let names: Vec<String> = names.iter().map(|name| keys::label(name)).collect();
        let room = cells.saturating_sub(20);
        for (index, piece) in put::wrap(row.help, room.max(10)).into_iter().enumerate() {
            let names = if index == 0 { names.join("  ") } else { String::new() };
            lines.push(Line::from(vec![
                put::padded(&format!("  {names}"), 20, theme.accent().patch(theme.strong())),
                Span::raw(piece),
            ]));
        }
    }
    let size = (cells as u16 + 4, lines.len() as u16 + 2);
    let inside = super::panel(view, buf, area, size, "Keys · Esc closes");
    super::scrolled(view, buf, inside, &lines, scroll, hits);
}
