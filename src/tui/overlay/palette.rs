//! Every action by name, with its key: type a few letters, Enter does it.
//!
//! It lists what works on the open screen; what can't be done just now says why and stays where it is. It must never
//! list what is not in the table of actions.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::Overlay;
use crate::engine::api::Level;
use crate::tui::effects::Effect;
use crate::tui::fmt;
use crate::tui::input::actions::{Action, Context, Entry, TABLE};
use crate::tui::input::line::{LineEdit, Typed};
use crate::tui::state::State;
use crate::tui::update;
use crate::tui::widgets::{Hits, View, put};

/// The palette's state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Palette {
    /// What is typed.
    pub line: LineEdit,
    /// The selected action; none: the first one.
    pub selected: Option<Action>,
}

/// A row: the action, and why it can't be done.
type Row = (&'static Entry, Result<(), String>);

/// What it lists: what can be done first, then what can't, each as well as it matches.
pub fn rows(state: &State, text: &str) -> Vec<Row> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut found: Vec<(u32, usize, Row)> = Vec::new();
    for (place, row) in TABLE.iter().enumerate() {
        if !row.contexts.contains(&Context::Main) || row.action == Action::Palette {
            continue;
        }
        let words = format!("{} {} {}", row.hint, row.help, row.group);
        let Some(score) = pattern.score(Utf32Str::new(&words, &mut buffer), &mut matcher) else { continue };
        // A match in the name counts for more than one in the explanation.
        let name = pattern.score(Utf32Str::new(row.hint, &mut buffer), &mut matcher).unwrap_or(0);
        // What begins with the very letters comes first, the shortest name of those before the others.
        let begins = !text.is_empty() && row.hint.starts_with(&text.to_lowercase());
        let begun = if begins { 1_000 - row.hint.len().min(100) as u32 } else { 0 };
        found.push((score + 4 * name + begun, place, (row, state.can(row.action))));
    }
    found.sort_by_key(|(score, place, row)| (row.1.is_err(), std::cmp::Reverse(*score), *place));
    found.into_iter().map(|(_, _, row)| row).collect()
}

fn index(palette: &Palette, rows: &[Row]) -> usize {
    rows.iter().position(|(row, _)| Some(row.action) == palette.selected).unwrap_or(0)
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = state.overlays.last() else { return Vec::new() };
    let rows = rows(state, palette.line.text());
    let here = index(palette, &rows);
    let page = state.hits.overlay_rows.saturating_sub(1).max(1);
    let last = rows.len().saturating_sub(1);
    let to = match action {
        Action::Down => here + 1,
        Action::Up => here.saturating_sub(1),
        Action::PageDown => here + page,
        Action::PageUp => here.saturating_sub(page),
        Action::Cancel | Action::Back => {
            state.overlays.pop();
            return Vec::new();
        }
        Action::Accept | Action::Open => {
            let Some((row, can)) = rows.get(here) else { return Vec::new() };
            if let Err(reason) = can {
                state.tell(Level::Info, format!("{}: {reason}", row.hint), now_ms);
                return Vec::new();
            }
            state.overlays.pop();
            return update::act(state, row.action, now_ms);
        }
        _ => here,
    };
    let selected = rows.get(to.min(last)).map(|(row, _)| row.action);
    if let Some(Overlay::Palette(palette)) = state.overlays.last_mut() {
        palette.selected = selected;
    }
    Vec::new()
}

/// Takes text.
pub fn typed(palette: &mut Palette, typed: &Typed) {
    if palette.line.take(typed) {
        palette.selected = None;
    }
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, palette: &Palette, hits: &mut Hits) {
    let theme = view.theme;
    let rows = rows(view.state, palette.line.text());
    let here = index(palette, &rows);
    let edges = if area.width < 100 { 4 } else { 6 };
    let cells = usize::from(area.width).saturating_sub(edges).min(124);
    let height = (TABLE.len() as u16 + 4).min(if area.width < 100 {
        area.height
    } else {
        area.height.saturating_sub(2)
    });
    let title = format!("Commands · {}", fmt::count(rows.len() as u64));
    let inside = super::panel(view, buf, area, (cells as u16 + 4, height), &title);
    let mut line = Line::from(vec![Span::styled(": ", theme.accent().patch(theme.strong()))]);
    line.spans.extend(palette.line.draw(theme, cells.saturating_sub(2), true, |_| Style::new()).spans);
    put::line(buf, inside, 0, &line);
    let list = Rect { y: inside.y + 2.min(inside.height), height: inside.height.saturating_sub(2), ..inside };
    let shown = usize::from(list.height);
    hits.overlay_rows = shown;
    if rows.is_empty() {
        let none = format!("no command has `{}`; Esc leaves", fmt::clean(palette.line.text()));
        put::line(buf, list, 0, &Line::styled(none, theme.faint()));
    }
    let (key_cells, name_cells) = if cells >= 80 { (13, 18) } else { (12, 16) };
    let room = cells.saturating_sub(key_cells + name_cells);
    let first = here.saturating_sub(shown.saturating_sub(1));
    for (place, (row, can)) in rows.iter().enumerate().skip(first).take(shown) {
        let names = view.state.keymap.names(row.action);
        let keys: Vec<String> =
            names.iter().take(2).map(|name| crate::tui::input::keys::label(name)).collect();
        let both = keys.join(" ");
        // A second key that does not fit whole is not told.
        let keys = if fmt::width(&both) < 12 { both } else { keys.first().cloned().unwrap_or_default() };
        let text = match can {
            Ok(()) => row.help.to_owned(),
            Err(reason) if reason.starts_with("only on") => reason.clone(),
            Err(reason) => format!("not now: {reason}"),
        };
        // What is cut in the row of the selected one is told whole above the list.
        if place == here && fmt::width(&text) > room {
            put::line(buf, inside, 1, &Line::styled(fmt::fit(&text, cells), theme.faint()));
        }
        let styles = match (can, place == here) {
            (_, true) => [theme.reversed(), theme.reversed(), theme.reversed()],
            (Ok(()), false) => [theme.accent().patch(theme.strong()), theme.strong(), Style::new()],
            (Err(_), false) => [theme.faint(), theme.faint(), theme.faint()],
        };
        let [key_style, name_style, text_style] = styles;
        let line = Line::from(vec![
            put::padded(&keys, key_cells, key_style),
            put::padded(row.hint, name_cells, name_style),
            put::padded(&text, room, text_style),
        ]);
        put::line(buf, list, (place - first) as u16, &line);
    }
}
