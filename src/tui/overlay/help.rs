//! The table of actions, to read. Everything in it works, and all that works is in it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::tui::input::{actions, keys};
use crate::tui::widgets::{Hits, View, put};

/// Draws it: what works on the open screen first, the rest below.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, scroll: usize, hits: &mut Hits) {
    let edges = if area.width < 100 { 4 } else { 6 };
    let cells = usize::from(area.width).saturating_sub(edges).min(110);
    let screen = view.state.screen;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for here in [true, false] {
        let mut group = "";
        for row in actions::TABLE.iter().filter(|row| row.is_on(screen) == here) {
            if row.group != group {
                if !lines.is_empty() {
                    lines.push(Line::default());
                }
                group = row.group;
                let names: Vec<&str> = row.on.iter().map(|screen| screen.row().name).collect();
                let title =
                    if here { group.to_owned() } else { format!("{group} · on {}", names.join(", ")) };
                lines.push(Line::styled(title, view.theme.strong()));
            }
            lines.extend(entry(view, row, cells));
        }
    }
    let size = (cells as u16 + 4, lines.len() as u16 + 2);
    let inside = super::panel(view, buf, area, size, "Keys · Esc closes · : does any of it by name");
    super::scrolled(view, buf, inside, &lines, scroll, hits);
}

fn entry(view: &View<'_>, row: &actions::Entry, cells: usize) -> Vec<Line<'static>> {
    let names = row.contexts.first().map(|context| view.state.keymap.names_in(*context, row.action));
    let names: Vec<String> = names.unwrap_or_default().iter().map(|name| keys::label(name)).collect();
    let names = names.join(" ");
    let key_cells = if cells >= 90 { 20 } else { 17 };
    let pieces = put::wrap(row.help, cells.saturating_sub(key_cells).max(10)).into_iter().enumerate();
    let line = |(index, piece)| {
        let names = if index == 0 { names.as_str() } else { "" };
        let style = view.theme.accent().patch(view.theme.strong());
        Line::from(vec![put::padded(&format!("  {names}"), key_cells, style), Span::raw(piece)])
    };
    pieces.map(line).collect()
}
