//! One whole frame: header, the open screen, footer, overlays. Reads the state, draws, says where things are.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::fmt;
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
        let crumbs = (state.screen.row().crumbs)(state);
        let top = if crumbs.is_empty() { 1 } else { 2 };
        if top == 2 {
            breadcrumbs(&view, buf, row(1, 1), &crumbs);
        }
        let body = row(top, area.height - top - 1);
        (state.screen.row().draw)(&view, buf, body, &mut hits);
        footer::draw(&view, buf, row(area.height - 1, 1));
        overlay::draw(&view, buf, body, &mut hits);
    }
    theme.lay_under(buf);
    if ascii_only {
        ascii::asciify(buf);
    }
    hits
}

/// Where one is, and at the right what the screen has to say of itself.
fn breadcrumbs(view: &View<'_>, buf: &mut Buffer, area: Rect, crumbs: &[String]) {
    let theme = view.theme;
    let aside = (view.state.screen.row().aside)(view);
    let room = usize::from(area.width).saturating_sub(aside.width() + 3);
    let account = match view.state.current() {
        Some(_) if view.state.all_accounts => "all accounts".to_owned(),
        Some(current) => fmt::fit(&fmt::clean(&current.name), 32),
        None => "no account".to_owned(),
    };
    let mut spans = vec![Span::raw(" "), Span::styled(account, theme.strong())];
    for crumb in crumbs {
        spans.push(Span::styled(" › ", theme.faint()));
        spans.push(Span::raw(fmt::clean(crumb).into_owned()));
    }
    let inner = Rect { width: (room as u16).min(area.width), ..area };
    put::line(buf, inner, 0, &Line::from(spans));
    put::right(buf, Rect { width: area.width.saturating_sub(1), ..area }, 0, &aside);
}

fn too_small(buf: &mut Buffer, area: Rect) {
    let text = format!("too small: need {}x{}, have {}x{}", SMALLEST.0, SMALLEST.1, area.width, area.height);
    for (row, piece) in put::wrap(&text, usize::from(area.width.max(1))).into_iter().enumerate() {
        put::line(buf, area, row as u16, &Line::raw(piece));
    }
}
