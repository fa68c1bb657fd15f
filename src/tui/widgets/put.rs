//! Text into cells: lines that are cut where the area ends, frames, and rows of parts that drop out by priority.
//!
//! Every write goes through [`line()`], which clips to the buffer; nothing else indexes into it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::tui::fmt;
use crate::tui::style::Theme;

/// The upper `rows` rows, and what is below them.
pub fn split(area: Rect, rows: u16) -> [Rect; 2] {
    let rows = rows.min(area.height);
    [Rect { height: rows, ..area }, Rect { y: area.y + rows, height: area.height - rows, ..area }]
}

/// Writes a line into row `row` of `area`, cut at its right edge.
pub fn line(buf: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    let clip = area.intersection(buf.area);
    if row >= area.height || clip.width == 0 {
        return;
    }
    let y = area.y.saturating_add(row);
    if y < clip.top() || y >= clip.bottom() {
        return;
    }
    buf.set_line(clip.x, y, line, clip.width);
}

/// Writes a line over the first row of `area`, of which nothing shines through.
pub fn over(buf: &mut Buffer, area: Rect, text: &Line<'_>) {
    for x in area.left()..area.right() {
        if let Some(cell) = buf.cell_mut((x, area.y)) {
            cell.reset();
        }
    }
    line(buf, area, 0, text);
}

/// Writes a line that ends at the right edge of `area`; nothing when it does not fit.
pub fn right(buf: &mut Buffer, area: Rect, row: u16, text: &Line<'_>) {
    let wide = text.width() as u16;
    if wide <= area.width {
        let at = Rect { x: area.x + area.width - wide, width: wide, ..area };
        line(buf, at, row, text);
    }
}

/// A span whose text is at most `cells` cells and padded to them.
pub fn padded(text: &str, cells: usize, style: Style) -> Span<'static> {
    let text = fmt::fit(&fmt::clean(text), cells);
    let pad = cells.saturating_sub(fmt::width(&text));
    Span::styled(format!("{text}{}", " ".repeat(pad)), style)
}

/// The same, with the padding before the text.
pub fn padded_left(text: &str, cells: usize, style: Style) -> Span<'static> {
    let text = fmt::fit(&fmt::clean(text), cells);
    let pad = cells.saturating_sub(fmt::width(&text));
    Span::styled(format!("{}{text}", " ".repeat(pad)), style)
}

/// The line, reversed over its whole length when it is selected.
pub fn lit(theme: Theme, mut spans: Vec<Span<'static>>, cells: usize, selected: bool) -> Line<'static> {
    if selected {
        for span in &mut spans {
            span.style = theme.reversed().remove_modifier(Modifier::DIM);
        }
        let used: usize = spans.iter().map(Span::width).sum();
        spans.push(Span::styled(" ".repeat(cells.saturating_sub(used)), theme.reversed()));
    }
    Line::from(spans)
}

/// A part of a row that may have to go.
#[derive(Debug, Clone)]
pub struct Part {
    /// The highest number goes first; 0 never goes.
    pub drops: u8,
    /// What it shows.
    pub spans: Vec<Span<'static>>,
}

/// A part, by how soon it may go.
pub fn part(drops: u8, spans: Vec<Span<'static>>) -> Part {
    Part { drops, spans }
}

fn width_of(spans: &[Span<'_>]) -> usize {
    spans.iter().map(Span::width).sum()
}

/// The parts that fit in `cells`, `gap` cells between them, in their order; the ones that go last have first choice.
pub fn fit_parts(mut parts: Vec<Part>, cells: usize, gap: usize) -> Line<'static> {
    parts.retain(|part| !part.spans.is_empty());
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| (parts[*index].drops, *index));
    let mut keep = vec![false; parts.len()];
    let mut used = 0;
    for index in order {
        let more = width_of(&parts[index].spans) + if used > 0 { gap } else { 0 };
        if parts[index].drops == 0 || used + more <= cells {
            keep[index] = true;
            used += more;
        }
    }
    let mut keep = keep.into_iter();
    parts.retain(|_| keep.next().unwrap_or(false));
    let mut spans = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            spans.push(Span::raw(" ".repeat(gap)));
        }
        spans.extend(part.spans);
    }
    Line::from(spans)
}

/// A frame with its title in the upper edge and hints at that edge's right end. Returns what is inside.
pub fn frame(
    buf: &mut Buffer,
    area: Rect,
    theme: Theme,
    focused: bool,
    title: Vec<Span<'static>>,
    hints: Vec<Part>,
) -> Rect {
    let style = if focused { theme.accent() } else { theme.faint() };
    let (w, h) = (usize::from(area.width), usize::from(area.height));
    if w < 4 || h < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let edge = |left: &str, right: &str| Line::styled(format!("{left}{}{right}", "─".repeat(w - 2)), style);
    line(buf, area, 0, &edge("╭", "╮"));
    line(buf, area, area.height - 1, &edge("╰", "╯"));
    for row in 1..area.height - 1 {
        line(buf, area, row, &Line::styled("│", style));
        right(buf, area, row, &Line::styled("│", style));
    }
    let mut head = vec![Span::raw(" ")];
    head.extend(title);
    head.push(Span::raw(" "));
    let title_width = width_of(&head).min(w.saturating_sub(4));
    over(buf, Rect { x: area.x + 2, width: title_width as u16, ..area }, &Line::from(head));
    let room = w.saturating_sub(title_width + 9);
    let hints = fit_parts(hints, room, 3);
    let wide = hints.width();
    if wide > 0 && wide <= room {
        let mut spans = vec![Span::raw(" ")];
        spans.extend(hints.spans);
        spans.push(Span::raw(" "));
        let x = area.x + area.width - (wide as u16) - 4;
        over(buf, Rect { x, width: wide as u16 + 2, ..area }, &Line::from(spans));
    }
    Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
}

/// A few lines in the middle of nothing: a pane's empty, loading or error state. Long ones are wrapped.
pub fn notice(buf: &mut Buffer, area: Rect, lines: &[(String, Style)]) {
    let room = usize::from(area.width).saturating_sub(4);
    if room < 4 {
        return;
    }
    let mut row = u16::from(area.height > 4);
    for (text, style) in lines {
        for piece in wrap(text, room.min(90)) {
            line(buf, Rect { x: area.x + 2, width: room as u16, ..area }, row, &Line::styled(piece, *style));
            row = row.saturating_add(1);
        }
    }
}

/// Breaks text at spaces into lines of at most `cells` cells; a word that is longer is cut.
pub fn wrap(text: &str, cells: usize) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for word in fmt::clean(text).split_whitespace() {
        let word = fmt::fit(word, cells);
        match out.last_mut() {
            Some(last) if fmt::width(last) + 1 + fmt::width(&word) <= cells => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => out.push(word),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_by_priority_until_the_rest_fits() {
        let parts = || {
            vec![part(0, vec!["name".into()]), part(2, vec!["second".into()]), part(1, vec!["first".into()])]
        };
        assert_eq!(fit_parts(parts(), 40, 2).to_string(), "name  second  first");
        assert_eq!(fit_parts(parts(), 12, 2).to_string(), "name  first");
        assert_eq!(fit_parts(parts(), 1, 2).to_string(), "name");
    }

    #[test]
    fn writing_outside_is_nothing() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 3, 1));
        line(&mut buf, Rect::new(2, 5, 9, 9), 3, &Line::from("abc"));
        line(&mut buf, Rect::new(1, 0, 90, 1), 0, &Line::from("日本語"));
        frame(&mut buf, Rect::new(0, 0, 3, 1), Theme::default(), true, vec![], vec![]);
    }

    #[test]
    fn wrapping_keeps_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), Vec::<String>::new());
    }
}
