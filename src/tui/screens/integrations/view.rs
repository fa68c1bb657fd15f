//! Draws this screen: the list, the detail, or both.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::detail;
use crate::engine::api::Phase;
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::widgets::{Hits, View, endpoint, header, integrations, put};

/// With less than this, list and detail are not side by side.
const WIDE: u16 = 100;
/// The list's cells beside the detail.
const LIST: u16 = 38;

/// There is no room for both.
pub fn is_narrow(size: (u16, u16)) -> bool {
    size.0 < WIDE
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let snapshot = &view.state.snapshot;
    if snapshot.integrations.is_empty() || snapshot.phase != Phase::Ready {
        nothing(view, buf, area);
        return;
    }
    if is_narrow(view.state.size) {
        if view.state.integrations.detail {
            one(view, buf, area, true, hits);
        } else {
            integrations::draw(view, buf, area, true, hits);
        }
        return;
    }
    let left = if area.width >= 160 { LIST + 10 } else { LIST };
    let list = Rect { width: left, ..area };
    let rest = Rect { x: area.x + left, width: area.width - left, ..area };
    integrations::draw(view, buf, list, true, hits);
    one(view, buf, rest, false, hits);
}

/// What the keys are good for, at the right of the breadcrumbs.
pub fn aside(view: &View<'_>) -> Line<'static> {
    let count = view.state.snapshot.integrations.len();
    match count {
        0 => Line::default(),
        1 => Line::styled("1 account", view.theme.faint()),
        _ => Line::styled(format!("{count} accounts"), view.theme.faint()),
    }
}

/// No account, or no store to read them from.
fn nothing(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let inner =
        put::frame(buf, area, theme, true, vec![Span::styled("Integrations", theme.strong())], Vec::new());
    let connect = view.state.keymap.label(Action::Connect);
    let lines = match &view.state.snapshot.phase {
        Phase::Opening => vec![("opening the store …".to_owned(), theme.faint())],
        Phase::Failed { reason } => vec![
            ("the store can't be used".to_owned(), theme.bad()),
            (reason.clone(), theme.text()),
            (format!("folder: {}", view.state.snapshot.data_dir), theme.faint()),
        ],
        Phase::Ready => vec![
            ("No account is connected yet.".to_owned(), theme.strong()),
            (String::new(), theme.text()),
            (format!("{connect} connects one: paste a key, see what it may read, go on."), theme.text()),
            (
                "Nothing is written at Stripe; a restricted key that can only read is best.".to_owned(),
                theme.faint(),
            ),
        ],
    };
    put::notice(buf, inner, &lines);
}

fn one(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let Some(current) = view.state.current() else { return };
    let name = fmt::fit(&fmt::clean(&current.name), usize::from(area.width / 2).max(8));
    let mut title = vec![Span::styled(name, theme.strong()), Span::raw(" ")];
    title.push(header::mode(theme, current.livemode));
    let inner = put::frame(buf, area, theme, focused, title, hints(view));
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = detail::lines(view, current, usize::from(inner.width), hits);
    let rows = usize::from(inner.height);
    hits.screen_rows = rows;
    hits.screen_scroll_max = lines.len().saturating_sub(rows);
    let first = view.state.integrations.scroll.min(hits.screen_scroll_max);
    for (row, line) in lines.iter().skip(first).take(rows).enumerate() {
        put::line(buf, inner, row as u16, line);
    }
    if hits.screen_scroll_max > 0 {
        let keys = if focused {
            "j k moves".to_owned()
        } else {
            format!("{} moves", view.state.keymap.label(Action::PageDown))
        };
        let text = format!(" {}–{} of {} · {keys} ", first + 1, (first + rows).min(lines.len()), lines.len());
        let edge = Rect { y: inner.y.saturating_add(inner.height), height: 1, ..inner };
        put::right(buf, edge, 0, &Line::styled(text, theme.faint()));
    }
}

fn hints(view: &View<'_>) -> Vec<put::Part> {
    let key = view.theme.accent().patch(view.theme.strong());
    let down = view.state.current().and_then(endpoint::down).is_some();
    let right = down.then_some((Action::EnableEndpoint, "set endpoint right"));
    right
        .into_iter()
        .chain([
            (Action::CheckKey, "check"),
            (Action::NewKey, "new key"),
            (Action::Edit, "edit"),
            (Action::Disconnect, "disconnect"),
        ])
        .enumerate()
        .map(|(index, (action, text))| {
            let label = view.state.keymap.label(action);
            put::part(index as u8 + 1, vec![Span::styled(label, key), Span::raw(format!(" {text}"))])
        })
        .collect()
}
