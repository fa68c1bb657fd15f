//! Rows of attempts: when, how it ended, what was sent and where. Used by the screen of deliveries and by an event's tab.
//!
//! Columns go by priority when there is little room. Red is for what nobody tries again by itself.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{Hits, View, Wake, put};
use crate::engine::api::{AttemptRow, Outcome};
use crate::tui::attempts::Attempts;
use crate::tui::fmt;
use crate::tui::style::Theme;

/// How an attempt ended: a glyph, its style, and a word or two.
pub fn outcome(theme: Theme, row: &AttemptRow) -> (&'static str, Style, String) {
    let again = row.next_at.is_some();
    let wrong = if again { theme.warn() } else { theme.bad() };
    match &row.outcome {
        Outcome::Delivered { status } => ("✓", theme.good(), status.to_string()),
        Outcome::Refused { status } => ("✗", wrong, status.to_string()),
        Outcome::Failed { .. } => ("✗", wrong, "no answer".to_owned()),
        Outcome::Expired => ("!", theme.bad(), "parked".to_owned()),
    }
}

/// An address without what all of them have in common.
pub fn short_url(url: &str) -> String {
    let url = fmt::clean(url);
    let plain = url.strip_prefix("http://").unwrap_or(&url);
    plain.strip_suffix('/').unwrap_or(plain).to_owned()
}

/// When it is tried again, counted down while it is near.
pub fn again(view: &View<'_>, at: i64, hits: &mut Hits) -> String {
    let left = at - view.now;
    if left <= 0 {
        return "now".to_owned();
    }
    hits.changes_every(if left <= 120 { Wake::Second } else { Wake::Minute });
    let left = if left <= 120 { format!("{left} s") } else { fmt::span(left) };
    format!("in {left}")
}

/// How the rows are to look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The keys go to them.
    pub focused: bool,
    /// All are of one event: what it is need not be said.
    pub one_event: bool,
    /// All are of one target.
    pub one_target: bool,
}

/// Cells of the columns; 0: not shown.
#[derive(Debug, Clone, Copy)]
struct Columns {
    time: usize,
    ended: usize,
    ms: usize,
    what: usize,
    object: usize,
    target: usize,
    number: usize,
    next: usize,
    gap: usize,
}

impl Columns {
    fn fit(width: usize, time: usize, what: usize, target: usize, look: Look) -> Columns {
        let gap = if width >= 76 { 2 } else { 1 };
        let mut it =
            Columns { time, ended: 9, ms: 0, what: 0, object: 0, target: 0, number: 0, next: 0, gap };
        let what = if look.one_event { 0 } else { what.clamp(8, 34) };
        let target = if look.one_target { 0 } else { target.clamp(8, 40) };
        // The most important first: each is taken if it leaves no other one cut.
        let short = if what > 0 { 16 } else { 0 };
        for (take, cells) in [
            (0, short),
            (1, target.min(20)),
            (2, what),
            (3, 3),
            (4, 8),
            (5, 8),
            (6, if look.one_event { 0 } else { 13 }),
            (7, target),
            (8, if look.one_event { 0 } else { 28 }),
        ] {
            let mut more = it;
            match take {
                0 | 2 => more.what = cells,
                1 | 7 => more.target = cells,
                3 => more.number = cells,
                4 => more.next = cells,
                5 => more.ms = cells,
                _ => more.object = cells,
            }
            if more.used() <= width {
                it = more;
            }
        }
        it
    }

    fn used(&self) -> usize {
        let of = |cells: usize| if cells == 0 { 0 } else { cells + self.gap };
        // The edge, the glyph, and a cell at the right.
        1 + of(self.time)
            + 2
            + of(self.ended)
            + of(self.ms)
            + of(self.what)
            + of(self.object)
            + of(self.target)
            + of(self.number)
            + of(self.next)
    }

    fn line(&self, cells: [Span<'static>; 8], glyph: Span<'static>) -> Line<'static> {
        let [time, ended, ms, what, object, target, number, next] = cells;
        let gap = " ".repeat(self.gap);
        let mut out = vec![Span::raw(" "), time, Span::raw(gap.clone()), glyph, Span::raw(" ")];
        for (cells, span) in [
            (self.ended, ended),
            (self.ms, ms),
            (self.what, what),
            (self.object, object),
            (self.target, target),
            (self.number, number),
            (self.next, next),
        ] {
            if cells > 0 {
                out.push(span);
                out.push(Span::raw(gap.clone()));
            }
        }
        Line::from(out)
    }
}

/// Draws the rows with their headings; says how many fit and the first that shows.
pub fn rows(view: &View<'_>, buf: &mut Buffer, area: Rect, it: &Attempts, look: Look, hits: &mut Hits) {
    let theme = view.theme;
    let head = u16::from(area.height >= 5);
    let body = Rect { y: area.y + head, height: area.height.saturating_sub(head), ..area };
    let height = usize::from(body.height).max(1);
    let rows = &it.window.rows;
    let cursor = it.cursor_index().unwrap_or(0);
    let top = it.top_index().clamp(cursor.saturating_sub(height - 1), cursor);
    let top = top.min(rows.len().saturating_sub(height.min(rows.len())));
    (hits.detail_rows, hits.detail_top) = (height, top);
    let shown: Vec<&AttemptRow> = rows.iter().skip(top).take(height).collect();
    let tz = view.state.timezone();
    let time = |row: &AttemptRow| fmt::stamp(row.at, view.now, tz, true);
    hits.changes_every(Wake::Minute);
    let widest = |text: &dyn Fn(&AttemptRow) -> String| {
        shown.iter().map(|row| fmt::width(&text(row))).max().unwrap_or(0)
    };
    let columns = Columns::fit(
        usize::from(area.width),
        widest(&time).max(8),
        widest(&|row| row.event_type.clone()),
        widest(&|row| short_url(&row.url)),
        look,
    );
    let c = columns;
    if head > 0 {
        let faint = theme.faint();
        let cells = [
            put::padded("time", c.time, faint),
            put::padded("answer", c.ended, faint),
            put::padded_left("took", c.ms, faint),
            put::padded("event", c.what, faint),
            put::padded("object", c.object, faint),
            put::padded("sent to", c.target, faint),
            put::padded_left("try", c.number, faint),
            put::padded("next try", c.next, faint),
        ];
        put::line(buf, area, 0, &c.line(cells, Span::raw(" ")));
    }
    for (slot, row) in shown.iter().enumerate() {
        let (glyph, style, word) = outcome(theme, row);
        let took = if matches!(row.outcome, Outcome::Expired) {
            String::new()
        } else {
            format!("{} ms", fmt::count(u64::from(row.took_ms)))
        };
        let number = if row.replay { "R".to_owned() } else { row.number.to_string() };
        // Once that moment is over the try it tells of stands in a row of its own.
        let next =
            row.next_at.filter(|at| *at > view.now).map(|at| again(view, at, hits)).unwrap_or_default();
        let good = row.outcome.is_delivered();
        let cells = [
            put::padded(&time(row), c.time, theme.faint()),
            put::padded(&word, c.ended, if good { theme.text() } else { style }),
            put::padded_left(&took, c.ms, theme.faint()),
            put::padded(&row.event_type, c.what, theme.text()),
            put::padded(&fmt::middle(&fmt::clean(&row.object), c.object), c.object, theme.faint()),
            put::padded(&fmt::middle(&short_url(&row.url), c.target), c.target, theme.text()),
            put::padded_left(&number, c.number, theme.faint()),
            put::padded(&next, c.next, theme.warn()),
        ];
        let mut line = c.line(cells, Span::styled(glyph, style.patch(theme.strong())));
        let selected = top + slot == cursor;
        if selected && look.focused {
            line.spans.push(Span::raw(" ".repeat(usize::from(area.width).saturating_sub(line.width()))));
            for span in &mut line.spans {
                span.style = theme.reversed().remove_modifier(Modifier::DIM);
            }
        }
        put::line(buf, body, slot as u16, &line);
        if selected {
            put::line(buf, body, slot as u16, &Line::styled("▌", theme.accent()));
        }
    }
}
