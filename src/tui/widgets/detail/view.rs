//! Draws a sheet, and an object in detail: only the lines that show are made.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{At, Body, Detail, Row, Sheet};
use crate::engine::api::{Cell, Change, Link};
use crate::tui::fmt::{self, count};
use crate::tui::style::Theme;
use crate::tui::widgets::{Hits, View, json, put};

/// A Stripe status or a state by what it means for a person. Red only where somebody is needed.
pub fn word_style(theme: Theme, word: &str) -> Style {
    match word {
        "paid" | "succeeded" | "active" | "synced" | "complete" | "won" | "available" | "trialing" => {
            theme.good()
        }
        "error" | "failed" | "needs_response" | "unpaid" | "uncollectible" | "lost" => theme.bad(),
        "past_due" | "incomplete" | "stale" | "warning_needs_response" | "under_review" => theme.warn(),
        word if word.starts_with("requires_") => theme.warn(),
        _ => theme.text(),
    }
}

/// A cell as text and style. Times are of today, or with their day.
pub fn cell(view: &View<'_>, cell: &Cell, tz: &str) -> (String, Style) {
    let theme = view.theme;
    match cell {
        Cell::Empty => ("–".to_owned(), theme.faint()),
        Cell::Text { text } => (fmt::clean(text).into_owned(), theme.text()),
        Cell::Word { word } => (fmt::clean(word).into_owned(), word_style(theme, word)),
        Cell::Money { amount, currency } => (view.money(*amount, currency), theme.text()),
        Cell::Time { at } => (crate::clock::format_time(*at, tz), theme.text()),
        Cell::Id { id } => (fmt::clean(id).into_owned(), theme.faint()),
    }
}

/// The title of a frame around it: its number or name, and its id.
pub fn title(view: &View<'_>, detail: &Detail) -> Vec<Span<'static>> {
    let theme = view.theme;
    let Some((_, id)) = detail.subject() else { return vec![Span::styled("object", theme.strong())] };
    let id = fmt::clean(id).into_owned();
    match detail.object() {
        Some(object) if object.title != object.id => vec![
            Span::styled(fmt::fit(&fmt::clean(&object.title), 40), theme.strong()),
            Span::styled(format!("  {id}"), theme.faint()),
        ],
        _ => vec![Span::styled(id, theme.strong())],
    }
}

/// Draws an object in detail, without a frame.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, detail: &Detail, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let head = |text: &str, style: Style| (text.to_owned(), style);
    let lines = match &detail.body {
        Body::Here(object) => {
            let tz = view.state.integration(object.integration).map_or("UTC", |one| one.timezone.as_str());
            let line = standing(view, object, tz, hits);
            put::line(buf, area, 0, &line);
            let below = Rect { y: area.y.saturating_add(2), height: area.height.saturating_sub(2), ..area };
            sheet(view, buf, below, &detail.sheet, tz, focused, hits);
            return;
        }
        Body::Nothing => vec![head("nothing is open", theme.faint())],
        Body::Loading => vec![head("reading the object …", theme.faint())],
        Body::NotHere => vec![
            head("not stored here", theme.text()),
            head(
                "it was never synced, or its kind is not kept; d and s bring what is missing",
                theme.faint(),
            ),
        ],
        Body::Failed(reason) => vec![
            head("✗ the object could not be read", theme.bad().patch(theme.strong())),
            head(reason, theme.text()),
        ],
    };
    put::notice(buf, area, &lines);
}

/// The line above: of when the content is, and how many events there are about it.
fn standing(
    view: &View<'_>,
    object: &crate::engine::api::ObjectDetail,
    tz: &str,
    hits: &mut Hits,
) -> Line<'static> {
    let theme = view.theme;
    let as_of = fmt::stamp(object.as_of, view.now, tz, true);
    hits.changes_every(super::super::Wake::Minute);
    let mut parts = vec![put::part(
        0,
        vec![Span::raw(" "), Span::styled("as of ", theme.faint()), Span::styled(as_of, theme.text())],
    )];
    if !object.state.is_empty() {
        let style = word_style(theme, &object.state);
        parts.push(put::part(1, vec![Span::styled(fmt::clean(&object.state).into_owned(), style)]));
    }
    let noun = if object.events == 1 { "event" } else { "events" };
    parts.push(put::part(2, vec![Span::styled(format!("{} {noun}", count(object.events)), theme.faint())]));
    let stored = fmt::stamp(object.stored_at, view.now, tz, true);
    parts.push(put::part(3, vec![Span::styled(format!("stored {stored}"), theme.faint())]));
    put::fit_parts(parts, 120, 3)
}

/// Draws a sheet: what fits of it, the cursor always in it.
pub fn sheet(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    it: &Sheet,
    tz: &str,
    focused: bool,
    hits: &mut Hits,
) {
    let theme = view.theme;
    let cells = usize::from(area.width).saturating_sub(2);
    let mut height = usize::from(area.height);
    if height == 0 || cells < 4 {
        return;
    }
    let names = it.rows.iter().filter_map(name_of).map(fmt::width).max().unwrap_or(0).min(20);
    let starts: Vec<usize> = it
        .rows
        .iter()
        .scan(0, |line, row| {
            let here = *line;
            *line += lines_of(row, cells);
            Some(here)
        })
        .collect();
    let above: usize = it.rows.iter().map(|row| lines_of(row, cells)).sum();
    let wrong = usize::from(it.tree.error.is_some());
    let total = above + it.tree.len() + wrong;
    let foot = footing(view, it);
    if (foot.is_some() || total > height) && height > 2 {
        height -= 1;
    }
    let at = it.at();
    // The lines that the cursor covers; the first thing that can be chosen shows all that stands above it, too.
    let (first, last) = match at {
        None => (0, 0),
        Some(At::Row(row)) => {
            let start = starts.get(row).copied().unwrap_or(0);
            (start, start + it.rows.get(row).map_or(1, |row| lines_of(row, cells)) - 1)
        }
        Some(At::Node(node)) => (above + it.tree.line_of(node), above + it.tree.line_of(node)),
    };
    let mut top = it.top.min(total.saturating_sub(height));
    top = top.clamp((last + 1).saturating_sub(height), first.max((last + 1).saturating_sub(height)));
    if last < height && !it.rows.is_empty() && matches!(at, Some(At::Row(_)) | None) && top <= first {
        let before = it.rows.iter().position(Row::can_be_chosen);
        if before.and_then(|row| starts.get(row)).is_some_and(|start| *start == first) {
            top = 0;
        }
    }
    (hits.detail_rows, hits.detail_top) = (height, top);
    let mut row = starts.partition_point(|start| *start <= top).saturating_sub(1);
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let mut put_line = |line: usize, text: &Line<'_>| {
        if line >= top && line < top + height {
            put::line(buf, inner, (line - top) as u16, text);
        }
    };
    while let (Some(entry), Some(start)) = (it.rows.get(row), starts.get(row)) {
        if *start >= top + height {
            break;
        }
        let selected = focused && at == Some(At::Row(row));
        for (offset, line) in entry_lines(view, entry, cells, names, tz, selected).iter().enumerate() {
            put_line(start + offset, line);
        }
        row += 1;
    }
    let from = top.saturating_sub(above);
    for index in from..it.tree.len().min(from + height) {
        let Some(node) = it.tree.at(index) else { break };
        let selected = focused && at == Some(At::Node(node));
        put_line(above + index, &json::view::line(theme, &it.tree, node, cells, tz, selected));
    }
    if let Some(error) = &it.tree.error {
        put_line(above, &Line::styled(fmt::fit(error, cells), theme.bad()));
    }
    if height < usize::from(area.height) {
        let bottom = Rect { y: area.y + height as u16, height: 1, ..inner };
        put::line(buf, bottom, 0, &foot.unwrap_or_default());
        let left = total.saturating_sub(top + height);
        if left > 0 {
            let text = format!(" … {} more {}", count(left as u64), if left == 1 { "line" } else { "lines" });
            put::right(buf, bottom, 0, &Line::styled(text, theme.faint()));
        }
    }
}

/// The line in which text is looked for, or what came of it.
fn footing(view: &View<'_>, it: &Sheet) -> Option<Line<'static>> {
    let theme = view.theme;
    let found = |at: Option<usize>| match (it.tree.matches(), at) {
        (0, _) => " nothing found".to_owned(),
        (1, _) => " 1 match".to_owned(),
        (all, Some(number)) => format!(" {} of {} matches", count(number as u64), count(all as u64)),
        (all, None) => format!(" {} matches", count(all as u64)),
    };
    let here = match it.at() {
        Some(At::Node(node)) => it.tree.match_number(node),
        _ => None,
    };
    let mut spans = vec![Span::styled("/ ", theme.accent().patch(theme.strong()))];
    if let Some(line) = it.finding() {
        spans.extend(line.draw(theme, 40, true, |_| theme.text()).spans);
    } else if it.tree.sought().is_empty() {
        return None;
    } else {
        spans.push(Span::styled(fmt::fit(&fmt::clean(it.tree.sought()), 40), theme.text()));
    }
    if !it.tree.sought().is_empty() {
        spans.push(Span::styled(found(here), theme.faint()));
    }
    Some(Line::from(spans))
}

fn name_of(row: &Row) -> Option<&str> {
    match row {
        Row::Fact(fact) => Some(&fact.name),
        Row::Link(link) => Some(&link.role),
        Row::Way { role, .. } => Some(role),
        _ => None,
    }
}

fn lines_of(row: &Row, cells: usize) -> usize {
    match row {
        Row::Note(text) | Row::Wrong(text) => put::wrap(text, cells).len().max(1),
        Row::Change(change) => 2 + usize::from(change.before.is_some()) + usize::from(change.after.is_some()),
        Row::Text(text) => pieces(text, cells).len(),
        Row::Value(name, value) => pieces(value, value_room(name, cells)).len(),
        _ => 1,
    }
}

fn entry_lines(
    view: &View<'_>,
    row: &Row,
    cells: usize,
    names: usize,
    tz: &str,
    selected: bool,
) -> Vec<Line<'static>> {
    let theme = view.theme;
    match row {
        Row::Blank => vec![Line::default()],
        Row::Head(text) => vec![Line::styled(fmt::fit(&fmt::clean(text), cells), theme.strong())],
        Row::Note(text) => wrapped(text, cells, theme.faint()),
        Row::Wrong(text) => wrapped(text, cells, theme.bad()),
        Row::Fact(fact) => {
            let (text, style) = cell(view, &fact.value, tz);
            vec![Line::from(vec![
                put::padded(&fact.name, names, theme.faint()),
                Span::raw("  "),
                Span::styled(fmt::fit(&text, cells.saturating_sub(names + 2)), style),
            ])]
        }
        Row::Link(link) => vec![link_line(theme, link, cells, names, selected)],
        Row::Change(change) => change_lines(theme, change, cells, selected),
        Row::Text(text) => pieces(text, cells)
            .into_iter()
            .map(|piece| put::lit(theme, vec![Span::styled(piece, theme.text())], cells, selected))
            .collect(),
        Row::Value(name, value) => {
            let room = value_room(name, cells);
            let mut label = put::padded(&format!("{name}:"), cells.saturating_sub(room), theme.faint());
            let mut lines = Vec::new();
            for piece in pieces(value, room) {
                let before = std::mem::replace(&mut label, Span::raw(" ".repeat(cells - room.min(cells))));
                lines.push(put::lit(theme, vec![before, Span::styled(piece, theme.text())], cells, selected));
            }
            lines
        }
        Row::Way { role, title, to } => {
            let mut spans = vec![
                put::padded(role, names, theme.faint()),
                Span::styled("  → ", theme.accent()),
                Span::styled(
                    fmt::fit(&fmt::clean(title), cells.saturating_sub(names + 4)),
                    theme.strong().add_modifier(Modifier::UNDERLINED),
                ),
            ];
            let used: usize = spans.iter().map(Span::width).sum();
            if to.id() != title && used + fmt::width(to.id()) + 2 <= cells {
                spans.push(Span::styled(format!("  {}", fmt::clean(to.id())), theme.faint()));
            }
            vec![put::lit(theme, spans, cells, selected)]
        }
    }
}

/// Cells for a value beside its name: all names of headers start at the same place, values follow at once.
fn value_room(name: &str, cells: usize) -> usize {
    cells.saturating_sub((fmt::width(name) + 2).max(20)).max(1)
}

/// Text cut into lines of so many cells, where they end; nothing of it is lost. Never none.
fn pieces(text: &str, cells: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut used = 0;
    for c in fmt::clean(text).chars() {
        let wide = fmt::width(c.encode_utf8(&mut [0; 4]));
        if used + wide > cells.max(2) {
            out.push(String::new());
            used = 0;
        }
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
        used += wide;
    }
    out
}

fn wrapped(text: &str, cells: usize, style: Style) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> =
        put::wrap(text, cells).into_iter().map(|piece| Line::styled(piece, style)).collect();
    if lines.is_empty() {
        lines.push(Line::default());
    }
    lines
}

/// A way to another object: what it is to this one, its name, its id.
pub fn link_line(theme: Theme, link: &Link, cells: usize, names: usize, selected: bool) -> Line<'static> {
    let has_title = !link.title.is_empty() && link.title != link.id;
    let room = cells.saturating_sub(names + 4);
    let title =
        if has_title { fmt::clean(&link.title).into_owned() } else { fmt::clean(&link.id).into_owned() };
    let title = fmt::fit(&title, room);
    let mut left = room.saturating_sub(fmt::width(&title));
    let mut spans = vec![
        put::padded(&link.role, names, theme.faint()),
        Span::styled("  → ", theme.accent()),
        Span::styled(title, theme.strong().add_modifier(Modifier::UNDERLINED)),
    ];
    let mut beside = |text: String| {
        let wide = fmt::width(&text);
        if wide <= left {
            left -= wide;
            spans.push(Span::styled(text, theme.faint()));
        }
    };
    if has_title {
        beside(format!("  {}", fmt::clean(&link.id)));
    }
    if !link.stored {
        beside("  not stored here".to_owned());
    }
    put::lit(theme, spans, cells, selected)
}

fn change_lines(theme: Theme, change: &Change, cells: usize, selected: bool) -> Vec<Line<'static>> {
    let path = fmt::fit(&fmt::clean(&change.path), cells);
    let mut lines = vec![put::lit(theme, vec![Span::styled(path, theme.strong())], cells, selected)];
    let mut side = |sign: &str, text: &str, style: Style| {
        let text = fmt::fit(&fmt::clean(text), cells.saturating_sub(4));
        lines.push(Line::from(vec![Span::styled(format!("  {sign} "), style), Span::styled(text, style)]));
    };
    // Not red: what was there before needs nobody.
    if let Some(before) = &change.before {
        side("-", before, theme.faint());
    }
    if let Some(after) = &change.after {
        side("+", after, theme.good());
    }
    lines.push(Line::default());
    lines
}
