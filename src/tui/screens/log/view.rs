//! Draws the log: a line for each message, broken where the screen ends.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::tui::overlay::messages;
use crate::tui::widgets::put::{self, part};
use crate::tui::widgets::{Hits, View};

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let log = &view.state.log;
    let cells = usize::from(area.width).saturating_sub(4);
    let lines = messages::lines(view, cells, log.wanted.text());
    let title = vec![Span::styled("Log", theme.strong()), Span::raw(" · newest first")];
    let right = vec![part(1, vec![Span::styled("/", theme.accent()), Span::raw(" filter")])];
    let inner = put::frame(buf, area, theme, true, title, right);
    let mut inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    if log.typing || !log.wanted.text().is_empty() {
        let mut line = Line::from(vec![Span::styled("/ ", theme.accent().patch(theme.strong()))]);
        let room = cells.saturating_sub(2);
        line.spans.extend(log.wanted.draw(theme, room, log.typing, |_| Style::new()).spans);
        put::line(buf, inside, 0, &line);
        let taken = 1.min(inside.height);
        inside = Rect { y: inside.y + taken, height: inside.height - taken, ..inside };
    }
    let height = usize::from(inside.height);
    hits.screen_rows = height;
    hits.screen_scroll_max = lines.len().saturating_sub(height);
    let first = log.scroll.min(hits.screen_scroll_max);
    for (row, line) in lines.iter().skip(first).take(height).enumerate() {
        put::line(buf, inside, row as u16, line);
    }
}
