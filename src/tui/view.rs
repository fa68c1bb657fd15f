//! One whole frame: header, the open screen, footer, overlays. Reads the state, draws, says where things are.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::overlay;
use super::state::State;
use super::style::{Theme, ascii};
use super::widgets::{Hits, View, footer, header, put};

/// The least size that anything is drawn at: columns, rows.
pub const SMALLEST: (u16, u16) = (60, 16);

/// Draws a frame into `buf`. `now` is Unix seconds.
pub fn draw(state: &State, theme: Theme, ascii_only: bool, now: i64, buf: &mut Buffer) -> Hits {
    let area = buf.area;
    let mut hits = Hits::default();
    let view = View { state, theme, ascii: ascii_only, now };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(buf, area);
    } else {
        let row = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
        header::draw(&view, buf, row(0, 1), &mut hits);
        let body = row(1, area.height - 2);
        (state.screen.row().draw)(&view, buf, body, &mut hits);
        footer::draw(&view, buf, row(area.height - 1, 1));
        overlay::draw(&view, buf, body, &mut hits);
    }
    if ascii_only {
        ascii::asciify(buf);
    }
    hits
}

fn too_small(buf: &mut Buffer, area: Rect) {
    let text = format!("too small: need {}x{}, have {}x{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
    for (row, piece) in put::wrap(&text, usize::from(area.width.max(1))).into_iter().enumerate() {
        put::line(buf, area, row as u16, &Line::raw(piece));
    }
}
