//! The pane `Next run`: what a run of what was chosen would read, kind by kind, and what that is of the floor.
//!
//! A number that is not known is not shown as nothing, and the floor never looks freer than it is.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{inside, key, no_account};
use crate::clock::duration_left;
use crate::engine::api::{IntegrationView, PlanLine, PlanView};
use crate::stripe::kind::Kind;
use crate::text;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::screens::sync::start::{LOOKS, share};
use crate::tui::widgets::put::{self, part};
use crate::tui::widgets::{Hits, View, bar, stored};

/// One kind's row: a discover and the sync after it put together.
struct Row {
    kind: Kind,
    about: Option<u64>,
    pages: u64,
    singles: u64,
    seconds: u64,
    allowed: bool,
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let planning = &view.state.sync.planning;
    let title =
        vec![Span::styled("Next run", theme.strong()), Span::styled(", before it runs", theme.text())];
    let wanted = crate::tui::screens::sync::state::wanted(view.state);
    let plan = wanted.as_ref().and_then(|wanted| planning.of(wanted));
    let said = if planning.is_looking() {
        "looking at a few pages …".to_owned()
    } else {
        match &plan {
            Some(Ok(plan)) if plan.cost > 0 => format!("{} sent to look", text::reads(plan.cost)),
            Some(_) => "nothing sent yet".to_owned(),
            None => String::new(),
        }
    };
    let hint = part(1, vec![Span::styled(said, theme.faint())]);
    let inner = put::frame(buf, area, theme, focused, title, vec![hint]);
    if no_account(view, buf, inner) {
        return;
    }
    let Some(one) = view.state.current() else { return };
    match plan {
        None => put::notice(buf, inner, &[("planning …".to_owned(), theme.faint())]),
        Some(Err(reason)) => {
            let lines = [
                ("✗ there is no plan".to_owned(), theme.bad().patch(theme.strong())),
                (reason.to_owned(), theme.text()),
            ];
            put::notice(buf, inner, &lines);
        }
        Some(Ok(plan)) => data(view, buf, inner, one, plan, focused, hits),
    }
}

fn rows(plan: &PlanView) -> Vec<Row> {
    let mut out: Vec<Row> = Vec::new();
    for line in &plan.rows {
        let PlanLine { kind, about, list_pages, single_reads, seconds, allowed, .. } = *line;
        if let Some(row) = out.iter_mut().find(|row| row.kind == kind) {
            row.about = match (row.about, about) {
                (Some(one), Some(other)) => Some(one.max(other)),
                _ => None,
            };
            row.pages += list_pages;
            row.singles += single_reads;
            row.seconds += seconds;
            row.allowed &= allowed;
        } else {
            let (pages, singles) = (list_pages, single_reads);
            out.push(Row { kind, about, pages, singles, seconds, allowed });
        }
    }
    out
}

fn data(
    view: &View<'_>,
    buf: &mut Buffer,
    inner: Rect,
    one: &IntegrationView,
    plan: &PlanView,
    focused: bool,
    hits: &mut Hits,
) {
    let theme = view.theme;
    let area = inside(inner);
    let cells = usize::from(area.width);
    let rows = rows(plan);
    let unknown = rows.iter().any(|row| row.about.is_none() && row.allowed);
    let mut foot = total(view, one, plan, unknown, cells);
    let notes = foot.len();
    for note in &plan.notes {
        for piece in put::wrap(note, cells) {
            foot.push(Line::styled(piece, theme.faint()));
        }
    }
    let height = usize::from(inner.height);
    // What it comes to is worth more than a row of it, and a row more than a note.
    let table = rows.len() + 1;
    let room = height.saturating_sub(table + 1).max(notes.min(height.saturating_sub(3)));
    let hidden = foot.len().saturating_sub(room);
    let scroll = if focused { view.state.sync.scroll.min(hidden) } else { 0 };
    if focused {
        hits.sync_scroll_max = hidden;
        hits.sync_rows = room;
    }
    foot.truncate((room + scroll).max(notes.min(room)));
    let foot: Vec<Line<'_>> = foot.into_iter().skip(scroll).collect();
    let above = height.saturating_sub(foot.len() + 1);
    let lead = usize::from(above > table);
    let at = |row: usize| row as u16;
    put::line(buf, area, at(lead), &heading(view, cells));
    let shown = above.saturating_sub(lead + 1);
    let fits = rows.len() <= shown;
    let most = if fits { rows.len() } else { shown.saturating_sub(1) };
    for (index, row) in rows.iter().take(most).enumerate() {
        put::line(buf, area, at(lead + 1 + index), &line(view, row, cells));
    }
    let mut y = lead + 1 + most;
    if !fits && shown > 0 {
        let text = format!("and {} kinds more", rows.len() - most);
        put::line(buf, area, at(y), &Line::styled(text, theme.faint()));
        y += 1;
    }
    put::line(buf, inner, at(y), &Line::styled("─".repeat(usize::from(inner.width)), theme.faint()));
    for (index, line) in foot.iter().enumerate() {
        put::line(buf, area, at(y + 1 + index), line);
    }
}

/// Cells of the columns: kind, about, list pages, single reads, time.
fn widths(cells: usize) -> [usize; 5] {
    if cells >= 64 { [20, 11, 12, 14, 9] } else { [18, 9, 7, 8, 7] }
}

fn heading(view: &View<'_>, cells: usize) -> Line<'static> {
    let [kind, about, pages, singles, time] = widths(cells);
    let style = view.theme.faint();
    let (pages_word, singles_word) =
        if cells >= 64 { ("list pages", "single reads") } else { ("pages", "single") };
    Line::from(vec![
        put::padded("kind", kind, style),
        put::padded_left("about", about, style),
        put::padded_left(pages_word, pages, style),
        put::padded_left(singles_word, singles, style),
        put::padded_left("time", time, style),
    ])
}

fn line(view: &View<'_>, row: &Row, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let [kind, about, pages, singles, time] = widths(cells);
    let name = put::padded(&stored::word(row.kind), kind, theme.text());
    if !row.allowed {
        return Line::from(vec![name, Span::styled("  not allowed: left out", theme.warn())]);
    }
    let number = |n: u64, cells: usize, style: Style| put::padded_left(&count(n), cells, style);
    let Some(objects) = row.about else {
        let unknown = put::padded_left("?", about, theme.warn().patch(theme.strong()));
        return Line::from(vec![name, unknown, Span::styled("   not known yet", theme.faint())]);
    };
    let zero = |n: u64| if n == 0 { theme.faint() } else { theme.text() };
    let seconds =
        if row.pages + row.singles == 0 { String::new() } else { duration_left(row.seconds.max(1)) };
    Line::from(vec![
        name,
        number(objects, about, theme.strong()),
        number(row.pages, pages, zero(row.pages)),
        number(row.singles, singles, zero(row.singles)),
        put::padded_left(&seconds, time, theme.text()),
    ])
}

/// What it comes to, in words and as a bar.
fn total(
    view: &View<'_>,
    one: &IntegrationView,
    plan: &PlanView,
    unknown: bool,
    cells: usize,
) -> Vec<Line<'static>> {
    let theme = view.theme;
    let strong = |text: String| Span::styled(text, theme.strong());
    let floor = if plan.floor > 0 { plan.floor } else { one.reads.floor };
    // Reads that were sent since the plan was made count, too.
    let used = plan.used.max(one.reads.last_30_days);
    let reads = text::reads(plan.reads);
    let floor_text = format!(" of the monthly floor of {}", count(floor));
    let first = if unknown {
        let more = if plan.reads == 0 { String::new() } else { format!("{reads} and more: ") };
        put::fit_parts(
            vec![
                part(0, vec![strong(more), key(view, Action::Plan), Span::raw(" looks at a few pages")]),
                part(1, vec![Span::styled(format!("up to {LOOKS} reads"), theme.faint())]),
            ],
            cells,
            2,
        )
    } else if plan.reads == 0 {
        Line::from(vec![strong("nothing to read".to_owned())])
    } else {
        let share = share(plan.reads, floor);
        let wide = cells >= 66;
        let of = if wide { floor_text } else { " of the floor".to_owned() };
        put::fit_parts(
            vec![
                part(0, vec![strong(reads), Span::raw(format!(", {share}{of}"))]),
                part(1, vec![strong(format!("about {}", duration_left(plan.seconds.max(1))))]),
            ],
            cells,
            3,
        )
    };
    let mut other = format!("in the last 30 days {} of ours", count(used));
    let uncounted = "; the account's other software is not counted";
    if fmt::width(&other) + fmt::width(uncounted) <= cells {
        other.push_str(uncounted);
    } else if fmt::width(&other) + 24 <= cells {
        other.push_str("; others' are not counted");
    }
    let after = used.saturating_add(plan.reads);
    let text = match (unknown, after > floor) {
        (true, _) => format!("  {} used", share(used, floor)),
        (false, true) => format!("  {} after it: over the floor", share(after, floor)),
        (false, false) => format!("  {} after it", share(after, floor)),
    };
    let bar_cells = cells.saturating_sub(fmt::width(&text)).min(60);
    let mut spans = two(view, used, if unknown { 0 } else { plan.reads }, floor, bar_cells);
    let style = if after > floor { theme.warn().patch(theme.strong()) } else { theme.text() };
    spans.push(Span::styled(text, style));
    vec![first, Line::styled(fmt::fit(&other, cells), theme.faint()), Line::from(spans)]
}

/// What is used and what this run would add, of the floor. Told apart by shape, too.
fn two(view: &View<'_>, used: u64, more: u64, floor: u64, cells: usize) -> Vec<Span<'static>> {
    let theme = view.theme;
    let share = |n: u64| n as f64 / floor.max(1) as f64;
    let mut spans = bar::bar(share(used), cells, theme.accent(), theme.faint());
    let Some(rest) = spans.pop() else { return spans };
    let left = rest.content.chars().count();
    let wants = (share(more) * cells as f64).ceil().max(f64::from(u8::from(more > 0)));
    let new = (wants as usize).min(left);
    spans.push(Span::styled("▒".repeat(new), theme.warn()));
    spans.push(Span::styled("─".repeat(left - new), theme.faint()));
    spans
}
