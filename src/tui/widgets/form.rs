//! What forms are put together from: labelled fields, choices, a button, and rows that go by priority.
//!
//! A form is a list of rows; where the room is short, those that matter least go first and meaning stays. It must
//! never show a secret: the masked field hands its dots over as text.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{View, put};
use crate::tui::fmt;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::keys;
use crate::tui::input::line::LineEdit;

/// Cells that labels take.
pub const LABEL: usize = 10;

/// Rows of a form, each with how soon it may go; 0 never goes.
#[derive(Debug, Default)]
pub struct Rows {
    lines: Vec<(u8, Line<'static>)>,
}

impl Rows {
    /// A row that stays.
    pub fn push(&mut self, line: impl Into<Line<'static>>) {
        self.lines.push((0, line.into()));
    }

    /// A row that may go; the highest number goes first.
    pub fn may_go(&mut self, drops: u8, line: impl Into<Line<'static>>) {
        self.lines.push((drops, line.into()));
    }

    /// An empty row, the first to go.
    pub fn gap(&mut self) {
        self.lines.push((9, Line::default()));
    }

    /// Text over as many rows as it takes.
    pub fn text(&mut self, drops: u8, text: &str, cells: usize, style: Style) {
        for piece in put::wrap(text, cells.max(1)) {
            self.lines.push((drops, Line::styled(piece, style)));
        }
    }

    /// Text behind a label, over as many rows as it takes.
    pub fn labelled(
        &mut self,
        drops: u8,
        label: impl Into<Span<'static>>,
        text: &str,
        cells: usize,
        style: Style,
    ) {
        let mut label: Span<'static> = label.into();
        let indent = label.width();
        for (index, piece) in put::wrap(text, cells.saturating_sub(indent).max(1)).into_iter().enumerate() {
            let rest = Span::raw(" ".repeat(indent));
            let before = if index == 0 { std::mem::replace(&mut label, rest) } else { rest };
            self.lines.push((drops, Line::from(vec![before, Span::styled(piece, style)])));
        }
    }

    /// The rows that fit in `height`, in their order.
    pub fn fit(mut self, height: usize) -> Vec<Line<'static>> {
        while self.lines.len() > height {
            let Some(worst) = self.lines.iter().map(|(drops, _)| *drops).max().filter(|drops| *drops > 0)
            else {
                break;
            };
            // From the end: what stands first in a form is what it is about.
            let Some(at) = self.lines.iter().rposition(|(drops, _)| *drops == worst) else { break };
            self.lines.remove(at);
        }
        self.lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// A label, as wide as all of them.
pub fn label(view: &View<'_>, text: &str) -> Span<'static> {
    put::padded(text, LABEL, view.theme.faint())
}

/// A field's text on an underlined strip of so many cells.
pub fn strip(view: &View<'_>, text: Line<'static>, cells: usize, focused: bool) -> Vec<Span<'static>> {
    let pad = cells.saturating_sub(text.width());
    let line = Style::new().add_modifier(ratatui::style::Modifier::UNDERLINED);
    let line = if focused { line.patch(view.theme.accent()) } else { line.patch(view.theme.faint()) };
    let mut spans: Vec<Span<'static>> = text.spans;
    for span in &mut spans {
        span.style = Style::new().add_modifier(ratatui::style::Modifier::UNDERLINED).patch(span.style);
    }
    spans.push(Span::styled(" ".repeat(pad), line));
    spans
}

/// A line of text that can be typed into, behind its label, with a remark behind it where there is room.
pub fn field(
    view: &View<'_>,
    name: &str,
    edit: &LineEdit,
    focused: bool,
    cells: usize,
    remark: &str,
) -> Line<'static> {
    let wide = cells.saturating_sub(LABEL).min(34);
    let text = edit.draw(view.theme, wide, focused, |_| Style::new());
    let mut spans = vec![label(view, name)];
    spans.extend(strip(view, text, wide, focused));
    let room = cells.saturating_sub(LABEL + wide + 2);
    if room >= 12 && !remark.is_empty() {
        spans.push(Span::raw("  "));
        spans.push(Span::styled(fmt::fit(remark, room), view.theme.faint()));
    }
    Line::from(spans)
}

/// The same for a longer text, such as an address, with an example in it while it is empty.
pub fn wide_field(
    view: &View<'_>,
    name: &str,
    edit: &LineEdit,
    focused: bool,
    cells: usize,
    example: &str,
) -> Line<'static> {
    let wide = cells.saturating_sub(LABEL).min(60);
    let mut text = edit.draw(view.theme, wide, focused, |_| Style::new());
    if edit.text().is_empty() {
        let example = fmt::fit(example, wide.saturating_sub(text.width()));
        text.spans.push(Span::styled(example, view.theme.faint()));
    }
    let mut spans = vec![label(view, name)];
    spans.extend(strip(view, text, wide, focused));
    Line::from(spans)
}

/// One of several: a filled or an empty circle and its name; marked when the keys go to it.
pub fn choice(view: &View<'_>, name: &str, chosen: bool, focused: bool, usable: bool) -> Vec<Span<'static>> {
    let theme = view.theme;
    let glyph = if chosen { "●" } else { "○" };
    let style = match (chosen, usable) {
        (_, false) => theme.faint(),
        (true, true) => theme.strong(),
        (false, true) => theme.text(),
    };
    let here = focused && chosen;
    let marker = if here { "▌" } else { " " };
    vec![
        Span::styled(marker, theme.accent()),
        Span::styled(glyph, if chosen && usable { theme.accent() } else { style }),
        Span::raw(" "),
        Span::styled(name.to_owned(), if here { theme.reversed() } else { style }),
    ]
}

/// A button.
pub fn button(view: &View<'_>, name: &str, focused: bool) -> Span<'static> {
    let style = if focused { view.theme.reversed() } else { view.theme.strong() };
    Span::styled(format!(" {name} "), style)
}

/// A key as a person reads it: the one that it has in this context, else in a form, else where one types.
pub fn key_in(view: &View<'_>, context: Context, action: Action) -> String {
    let keymap = &view.state.keymap;
    let places = [context, Context::Form, Context::Typing];
    let name = places.iter().find_map(|place| keymap.names_in(*place, action).first());
    name.map(|name| keys::label(name)).unwrap_or_default()
}

/// A form's key.
pub fn key(view: &View<'_>, action: Action) -> String {
    key_in(view, Context::Form, action)
}

/// What keys do here, the most useful first; what does not fit goes from the end.
pub fn hints(view: &View<'_>, context: Context, cells: usize, hints: &[(Action, &str)]) -> Line<'static> {
    let style = view.theme.accent().patch(view.theme.strong());
    let parts = hints
        .iter()
        .enumerate()
        .map(|(index, (action, text))| {
            let name = key_in(view, context, *action);
            put::part(index as u8 + 1, vec![Span::styled(name, style), Span::raw(format!(" {text}"))])
        })
        .collect();
    put::fit_parts(parts, cells, if cells >= 84 { 3 } else { 2 })
}

/// Writes the rows into an area from its top, and one line into its last row.
pub fn place(buf: &mut Buffer, area: Rect, rows: Rows, last: &Line<'_>) {
    let room = area.height.saturating_sub(2);
    for (index, line) in rows.fit(usize::from(room)).iter().take(usize::from(room)).enumerate() {
        put::line(buf, area, index as u16, line);
    }
    put::line(buf, area, area.height.saturating_sub(1), last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_by_priority_and_from_the_end() {
        let make = || {
            let mut rows = Rows::default();
            rows.push("title");
            rows.gap();
            rows.may_go(3, "third");
            rows.gap();
            rows.push("button");
            rows
        };
        let text = |height| make().fit(height).iter().map(ToString::to_string).collect::<Vec<_>>().join("|");
        assert_eq!(text(9), "title||third||button");
        assert_eq!(text(4), "title||third|button");
        assert_eq!(text(2), "title|button");
        assert_eq!(text(0), "title|button", "what may not go stays, and is clipped by the area");
    }
}
