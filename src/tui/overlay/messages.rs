//! Everything that was told: by the engine and by the screen itself, newest first.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::engine::api::Level;
use crate::tui::fmt;
use crate::tui::widgets::{Hits, View, footer, put};

/// Draws them.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, scroll: usize, hits: &mut Hits) {
    let edges = if area.width < 100 { 4 } else { 8 };
    let cells = usize::from(area.width).saturating_sub(edges).min(116);
    let lines = lines(view, cells, "");
    let height = (lines.len() as u16).saturating_add(2).max(3);
    let inside =
        super::panel(view, buf, area, (cells as u16 + 4, height), "Messages, newest first · Esc closes");
    super::scrolled(view, buf, inside, &lines, scroll, hits);
}

/// Everything that was told and has `wanted` in it, newest first, broken into lines of so many cells.
pub fn lines(view: &View<'_>, cells: usize, wanted: &str) -> Vec<Line<'static>> {
    let theme = view.theme;
    let state = view.state;
    let mut all: Vec<(i64, u64, Level, String)> = Vec::new();
    for message in &state.snapshot.messages {
        let text = match message.integration {
            Some(id) => format!("{}: {}", state.name_of(id), message.text),
            None => message.text.clone(),
        };
        all.push((message.at, message.seq, message.level, text));
    }
    for (index, note) in state.notes.iter().enumerate() {
        all.push((note.at, index as u64, note.level, note.text.clone()));
    }
    let wanted = wanted.to_lowercase();
    all.retain(|(_, _, _, text)| text.to_lowercase().contains(&wanted));
    all.sort_by_key(|(at, order, ..)| std::cmp::Reverse((*at, *order)));
    let tz = state.timezone();
    let mut lines = Vec::new();
    for (at, _, level, text) in all {
        let (glyph, style, word) = footer::level(theme, level);
        let time = fmt::stamp(at, view.now, tz, true);
        let room = cells.saturating_sub(25).max(10);
        for (index, piece) in put::wrap(&text, room).into_iter().enumerate() {
            lines.push(if index == 0 {
                Line::from(vec![
                    put::padded(&time, 13, theme.faint()),
                    Span::styled(glyph, style.patch(theme.strong())),
                    Span::raw(" "),
                    put::padded(word, 9, style),
                    Span::raw(piece),
                ])
            } else {
                Line::from(vec![put::padded("", 24, Style::new()), Span::raw(piece)])
            });
        }
    }
    if lines.is_empty() {
        let text = if wanted.is_empty() {
            "nothing was told yet: what was done and what went wrong stands here"
        } else {
            "nothing that was told has this in it"
        };
        lines.push(Line::styled(text, theme.faint()));
    }
    lines
}
