//! Draws a table: heading with the order's mark, the rows that fit, and a line beneath the selected row that says why
//! it failed.
//!
//! Four states: loading, error, empty, data. It draws inside its area only, whatever the size.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::columns::{self, Fitted};
use super::state::TableState;
use crate::engine::api::{Cell, Column, RecordRow, Sort};
use crate::tui::fmt::{self, count};
use crate::tui::style::Theme;
use crate::tui::widgets::{Hits, View, put, state_word};

/// Cells of the account's column.
const ACCOUNT: usize = 14;

/// How a table is to be drawn.
#[derive(Default)]
pub struct TableOpts<'a> {
    /// It has the keys.
    pub focused: bool,
    /// Rows of more than one account: each says whose it is.
    pub accounts: bool,
    /// A box before each row: marked, not marked, or no box.
    #[allow(clippy::type_complexity)]
    pub mark: Option<&'a dyn Fn(&RecordRow) -> Option<bool>>,
    /// What stands there when there are no rows at all: what to press, in plain words.
    pub empty: Vec<(String, Style)>,
    /// What stands beneath an error: how to go on.
    pub error_hint: &'a str,
}

impl std::fmt::Debug for TableOpts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableOpts").field("focused", &self.focused).finish_non_exhaustive()
    }
}

/// The style of a Stripe status or a state of the catalog, by what it means for a person.
pub fn word_style(theme: Theme, word: &str) -> Style {
    match word {
        "paid" | "succeeded" | "active" | "synced" | "won" | "issued" | "available" | "complete" => {
            theme.good()
        }
        "open" | "processing" | "trialing" | "in_transit" | "pending" | "under_review" => theme.accent(),
        "past_due"
        | "unpaid"
        | "uncollectible"
        | "incomplete"
        | "requires_action"
        | "requires_payment_method"
        | "requires_confirmation"
        | "requires_capture"
        | "warning_needs_response"
        | "stale"
        | "paused" => theme.warn(),
        "failed" | "error" | "needs_response" => theme.bad(),
        "void" | "canceled" | "skipped" | "gone" | "deleted" | "draft" | "inactive" | "archived"
        | "incomplete_expired" => theme.faint(),
        _ => theme.text(),
    }
}

/// How much there is, for a title or the foot: `39 280`, `12 matches in 39 280`, with what is still being read.
pub fn counts(state: &TableState) -> String {
    let window = &state.window;
    if !state.loaded {
        return String::new();
    }
    let filtered = state.spec().is_some_and(|spec| !spec.filter.trim().is_empty());
    let mut text = if filtered {
        let matches = if window.matching == 1 { "match" } else { "matches" };
        format!("{} {matches} in {}", count(window.matching), count(window.total))
    } else {
        count(window.total)
    };
    if let Some(percent) = window.loading {
        let _ = write!(text, " · {percent} % read");
    }
    text
}

/// Draws it into `area`, and says in `hits` how many rows fit and on which line the selection is.
pub fn draw(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    state: &TableState,
    opts: &TableOpts<'_>,
    hits: &mut Hits,
) {
    hits.table_rows = 0;
    if let Some(lines) = instead(view.theme, state, opts) {
        put::notice(buf, area, &lines);
        return;
    }
    let head = u16::from(area.height >= 4);
    let body = Rect { y: area.y + head, height: area.height.saturating_sub(head), ..area };
    let lines = usize::from(body.height);
    if lines == 0 || area.width < 4 {
        return;
    }
    // The line beneath the selected row takes one away from the rows.
    let told = state.selected().filter(|row| !row.error.is_empty() && lines >= 3);
    let height = lines - usize::from(told.is_some());
    let top = state.top(height);
    hits.table_rows = height;
    hits.table_offset = state.row_number().unwrap_or(0).saturating_sub(top) as usize;

    let rows: Vec<Option<&RecordRow>> = (top..state.window.matching.min(top + height as u64))
        .map(|number| {
            let index = number.checked_sub(state.window.first)?;
            state.window.rows.get(index as usize)
        })
        .collect();
    let layout = Layout::of(view, state, opts, usize::from(area.width));
    if head > 0 {
        put::line(buf, area, 0, &layout.heading(view.theme, state));
    }
    let mut at = 0;
    for (slot, row) in rows.iter().enumerate() {
        let Some(row) = row else {
            put::line(buf, body, at, &Line::styled("   …", view.theme.faint()));
            at += 1;
            continue;
        };
        let selected = state.cursor.as_ref().is_some_and(|cursor| cursor.is(row));
        let mut line = layout.row(view, row, opts);
        if selected && opts.focused {
            line.spans.push(Span::raw(" ".repeat(usize::from(area.width).saturating_sub(line.width()))));
            for span in &mut line.spans {
                span.style = view.theme.reversed().remove_modifier(Modifier::DIM);
            }
        } else if state.stale || state.bad_filter.is_some() {
            for span in &mut line.spans {
                span.style = span.style.patch(view.theme.faint());
            }
        }
        put::line(buf, body, at, &line);
        if selected {
            put::line(buf, body, at, &Line::styled("▌", view.theme.accent()));
        }
        at += 1;
        if selected && slot as u64 + top == state.cursor_at && told.is_some() {
            let text = format!("     └ {}", fmt::clean(&row.error));
            let text = fmt::fit(&text, usize::from(area.width).saturating_sub(1));
            put::line(buf, body, at, &Line::styled(text, view.theme.warn()));
            at += 1;
        }
    }
}

/// What stands in place of the rows: loading, an error, or nothing to show.
fn instead(theme: Theme, state: &TableState, opts: &TableOpts<'_>) -> Option<Vec<(String, Style)>> {
    if !state.window.rows.is_empty() {
        return None;
    }
    if let Some(bad) = &state.bad_filter {
        return Some(vec![
            ("! the filter can't be read".to_owned(), theme.warn().patch(theme.strong())),
            (bad.reason.clone(), theme.text()),
        ]);
    }
    if let Some(reason) = &state.error {
        let mut lines = vec![
            ("✗ the rows could not be read".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
        ];
        if !opts.error_hint.is_empty() {
            lines.push((opts.error_hint.to_owned(), theme.faint()));
        }
        return Some(lines);
    }
    if !state.loaded {
        return Some(vec![("reading …".to_owned(), theme.faint())]);
    }
    if let Some(percent) = state.window.loading {
        return Some(vec![(format!("reading what is stored: {percent} %"), theme.faint())]);
    }
    let filter = state.spec().map(|spec| spec.filter.trim()).unwrap_or_default();
    if filter.is_empty() {
        return Some(opts.empty.clone());
    }
    Some(vec![
        (format!("no match in {}", count(state.window.total)), theme.text()),
        (filter.to_owned(), theme.faint()),
        ("/ changes the filter, Esc takes it away".to_owned(), theme.faint()),
    ])
}

/// The order in force; newest first when none was chosen.
fn sort_of(state: &TableState) -> Sort {
    let chosen = state.spec().and_then(|spec| spec.sort.clone());
    chosen.unwrap_or(Sort { column: "created".to_owned(), descending: true })
}

struct Layout<'a> {
    columns: &'a [Column],
    fitted: Vec<Fitted>,
    gap: usize,
    mark: usize,
    account: usize,
}

impl<'a> Layout<'a> {
    fn of(view: &View<'_>, state: &'a TableState, opts: &TableOpts<'_>, width: usize) -> Layout<'a> {
        let columns = &state.window.columns;
        let gap = if width >= 76 { 2 } else { 1 };
        let mark = if opts.mark.is_some() { 2 } else { 0 };
        let account = match (opts.accounts, width >= 100) {
            (true, true) => ACCOUNT,
            (true, false) => 10,
            (false, _) => 0,
        };
        // An edge of two cells, the box, the account, and a cell at the right.
        let fixed = 3 + mark + if account > 0 { account + gap } else { 0 };
        // Of all that is loaded, not of what shows: columns must not change with every row that is scrolled in.
        let widths = &state.widths[usize::from(view.ascii)];
        let sorted = sort_of(state).column;
        let content = |index: usize| widths.get(index).copied().unwrap_or(0);
        // The first column, amounts, statuses and headings are shown whole or not at all.
        let need = |index: usize| {
            let Some(column) = columns.get(index) else { return 0 };
            let cells = state.window.rows.iter().filter_map(|row| row.cells.get(index));
            let whole = index == 0 || cells.take(20).any(|cell| matches!(cell, Cell::Word { .. }));
            let most = usize::from(column.width.1);
            let heading = fmt::width(&column.label) + usize::from(column.name == sorted);
            let cells = match (column.right, whole) {
                (true, _) => content(index),
                (false, true) => content(index).min(most),
                (false, false) => 0,
            };
            cells.max(heading.min(most))
        };
        let fitted = columns::fit(columns, width.saturating_sub(fixed), gap, need, content);
        Layout { columns, fitted, gap, mark, account }
    }

    fn heading(&self, theme: Theme, state: &TableState) -> Line<'static> {
        let sort = sort_of(state);
        let mut out = vec![Span::raw(" ".repeat(2 + self.mark))];
        if self.account > 0 {
            out.push(put::padded("account", self.account, theme.faint()));
            out.push(Span::raw(" ".repeat(self.gap)));
        }
        for (place, fitted) in self.fitted.iter().enumerate() {
            let Some(column) = self.columns.get(fitted.index) else { continue };
            if place > 0 {
                out.push(Span::raw(" ".repeat(self.gap)));
            }
            let sorted = column.name == sort.column;
            let style = if sorted { theme.strong() } else { theme.faint() };
            let label = if sorted {
                let arrow = if sort.descending { "↓" } else { "↑" };
                // The mark stays when the name has to be cut.
                format!("{}{arrow}", fmt::fit(&fmt::clean(&column.label), fitted.cells.saturating_sub(1)))
            } else {
                column.label.clone()
            };
            out.push(if column.right {
                put::padded_left(&label, fitted.cells, style)
            } else {
                put::padded(&label, fitted.cells, style)
            });
        }
        Line::from(out)
    }

    fn row(&self, view: &View<'_>, row: &RecordRow, opts: &TableOpts<'_>) -> Line<'static> {
        let theme = view.theme;
        let mut out = vec![Span::raw("  ")];
        if let Some(mark) = opts.mark {
            let sign = match mark(row) {
                Some(true) => "☑ ",
                Some(false) => "☐ ",
                None => "  ",
            };
            out.push(Span::raw(sign));
        }
        if self.account > 0 {
            let name = view.state.name_of(row.integration);
            out.push(put::padded(&name, self.account, theme.text()));
            out.push(Span::raw(" ".repeat(self.gap)));
        }
        for (place, fitted) in self.fitted.iter().enumerate() {
            if place > 0 {
                out.push(Span::raw(" ".repeat(self.gap)));
            }
            let right = self.columns.get(fitted.index).is_some_and(|column| column.right);
            let value = row.cells.get(fitted.index).unwrap_or(&Cell::Empty);
            out.push(cell(view, value, fitted.cells, right));
        }
        out.push(Span::raw(" "));
        Line::from(out)
    }
}

/// A cell's text in so many cells, padded to them.
fn cell(view: &View<'_>, value: &Cell, cells: usize, right: bool) -> Span<'static> {
    let theme = view.theme;
    let (text, style) = match value {
        Cell::Empty => (String::new(), theme.text()),
        Cell::Text { text } => (text.clone(), theme.text()),
        Cell::Word { word } => (state_word(word).to_owned(), word_style(theme, word)),
        Cell::Money { amount, currency } => (view.money(*amount, currency), theme.text()),
        Cell::Time { at } => (time(view, *at, cells), theme.faint()),
        Cell::Id { id } => (fmt::middle(&fmt::clean(id), cells), theme.faint()),
    };
    if right { put::padded_left(&text, cells, style) } else { put::padded(&text, cells, style) }
}

/// A moment in as many cells as there are: never so short that one day looks like another.
fn time(view: &View<'_>, at: i64, cells: usize) -> String {
    let tz = view.state.timezone();
    let long = fmt::stamp(at, view.now, tz, false);
    if fmt::width(&long) <= cells {
        return long;
    }
    fmt::day(at, view.now, tz).unwrap_or_else(|| fmt::hm(at, tz))
}
