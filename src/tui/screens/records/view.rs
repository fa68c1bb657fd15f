//! Draws this screen: the kinds with their counts, the filter, the table; or an object with its events beside it.
//!
//! With less than `WIDE` columns the kinds are a row of tabs, and an object's events take its place.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::state::Opened;
use super::update;
use crate::engine::api::{Phase, Sort};
use crate::filter::Subject;
use crate::stripe::kind::Kind;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::overlay;
use crate::tui::state::State;
use crate::tui::table::{self, TableOpts};
use crate::tui::widgets::put::{Part, part};
use crate::tui::widgets::{Hits, View, detail, filter_line, put, stored, timeline};

/// From here on there is room beside the table.
const WIDE: u16 = 110;
/// Cells of the list of kinds.
const KINDS: u16 = 30;

/// Where one is: the kind, or the objects from one to the next.
pub fn crumbs(state: &State) -> Vec<String> {
    let mut out = vec!["Records".to_owned()];
    if state.records.opened.is_empty() {
        out.push(capital(&stored::word(update::kind(state))));
        return out;
    }
    let all: Vec<String> = state.records.opened.iter().map(Opened::title).collect();
    // The way back matters most near its end.
    let from = all.len().saturating_sub(4);
    if from > 0 {
        out.push("…".to_owned());
    }
    out.extend(all.iter().skip(from).map(|title| fmt::fit(&fmt::clean(title), 24)));
    if state.records.open().is_some_and(|open| open.on_timeline) {
        out.push("timeline".to_owned());
    }
    out
}

/// What stands at the right of that line: the order, and on which row one is.
pub fn aside(view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let records = &view.state.records;
    if !records.opened.is_empty() {
        return Line::default();
    }
    let Some(row) = records.table.row_number() else { return Line::default() };
    let text = format!("row {} of {}", count(row + 1), count(records.table.window.matching));
    Line::styled(text, theme.faint())
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    first + chars.as_str()
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    if let Some(lines) = instead(view) {
        let title = vec![Span::styled("Records", view.theme.strong())];
        let inner = put::frame(buf, area, view.theme, true, title, Vec::new());
        put::notice(buf, inner, &lines);
        return;
    }
    match view.state.records.open() {
        Some(open) => object(view, buf, area, open, hits),
        None => list(view, buf, area, hits),
    }
}

/// What stands there while there is nothing to look at.
fn instead(view: &View<'_>) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    match &view.state.snapshot.phase {
        Phase::Opening => Some(vec![("opening the store …".to_owned(), theme.faint())]),
        Phase::Failed { reason } => Some(vec![
            ("✗ the store can't be used".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
            (format!("data folder: {}", view.state.snapshot.data_dir), theme.faint()),
        ]),
        Phase::Ready if view.state.snapshot.integrations.is_empty() => Some(vec![
            ("no account connected yet, so nothing is stored".to_owned(), theme.text()),
            ("c connects one; `tillwatch demo` is there to look around".to_owned(), theme.faint()),
        ]),
        Phase::Ready => None,
    }
}

fn key(view: &View<'_>, action: Action) -> Span<'static> {
    Span::styled(view.state.keymap.label(action), view.theme.accent().patch(view.theme.strong()))
}

fn list(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let state = view.state;
    let kind = update::kind(state);
    let mut rest = area;
    if area.width >= WIDE && area.height >= 8 {
        kinds_beside(view, buf, Rect { width: KINDS, ..area }, kind);
        rest = Rect { x: area.x + KINDS, width: area.width - KINDS, ..area };
    } else if area.height >= 6 {
        kinds_above(view, buf, Rect { height: 1, ..area }, kind);
        rest = Rect { y: area.y + 1, height: area.height - 1, ..area };
    }
    let filter = state.records.look(kind).map(|look| &look.filter);
    let filter = filter.filter(|it| it.is_typing() || it.is_set() || it.wrong().is_some());
    let line = match filter {
        Some(_) if rest.height >= 20 => 3,
        Some(_) => 1,
        None => 0,
    };
    let at = Rect { height: line, ..rest };
    let body = Rect { y: rest.y + line, height: rest.height - line, ..rest };
    pane(view, buf, body, kind, hits);
    if let Some(it) = filter {
        filter_line::draw(view, buf, at, it, Subject::Records(kind), Vec::new());
        filter_line::draw_popup(view, buf, at, area, it, hits);
    }
    if let Some(chosen) = state.records.order {
        order(view, buf, body, chosen);
    }
}

/// The table in its frame.
fn pane(view: &View<'_>, buf: &mut Buffer, area: Rect, kind: Kind, hits: &mut Hits) {
    let theme = view.theme;
    let state = view.state;
    let records = &state.records;
    let mut title = vec![Span::styled(capital(&stored::word(kind)), theme.strong())];
    let counts = table::counts(&records.table);
    if !counts.is_empty() {
        title.push(Span::styled(format!("  {counts}"), theme.text()));
    }
    let mut edge: Vec<Part> = Vec::new();
    if !records.table.window.rows.is_empty() {
        edge.push(part(1, vec![key(view, Action::Order), Span::raw(format!(" {}", order_words(records)))]));
    }
    if state.snapshot.integrations.len() > 1 {
        let other = if state.all_accounts { " one account" } else { " all accounts" };
        edge.push(part(2, vec![key(view, Action::AllAccounts), Span::raw(other)]));
    }
    let inner = put::frame(buf, area, theme, true, title, edge);
    let opts = TableOpts {
        focused: true,
        accounts: state.all_accounts && state.snapshot.integrations.len() > 1,
        mark: None,
        empty: empty(view, kind),
        error_hint: "it is tried again with the next change",
    };
    table::draw(view, buf, inner, &records.table, &opts, hits);
}

/// The order in force, in words.
fn order_words(records: &super::RecordsState) -> String {
    match records.table.spec().and_then(|spec| spec.sort.as_ref()) {
        None => "newest first".to_owned(),
        Some(sort) => {
            let columns = records.table.window.columns.iter();
            let label = columns.filter(|one| one.name == sort.column).map(|one| one.label.clone()).next();
            let arrow = if sort.descending { "↓" } else { "↑" };
            format!("by {} {arrow}", fmt::clean(&label.unwrap_or_else(|| sort.column.clone())))
        }
    }
}

/// Why there are no rows, and what brings some.
fn empty(view: &View<'_>, kind: Kind) -> Vec<(String, Style)> {
    let theme = view.theme;
    let word = stored::word(kind);
    let current = view.state.current().filter(|_| !view.state.all_accounts);
    let denied =
        current.and_then(|one| one.stored.iter().find(|stored| stored.kind == kind && !stored.allowed));
    if denied.is_some() {
        return vec![
            (format!("the key may not read {word}"), theme.warn()),
            (
                format!("allow it in Stripe's dashboard ({}), then C tries the key again", kind.permission()),
                theme.faint(),
            ),
        ];
    }
    let pending = current.map_or(0, |one| one.catalog.pending);
    let mut lines = vec![(format!("no {word} are stored here yet"), theme.text())];
    if pending > 0 {
        lines.push((
            format!("{} invoices are listed: s stores them with what belongs to them", count(pending)),
            theme.faint(),
        ));
    } else {
        lines.push(("d lists what is at Stripe, s stores it here".to_owned(), theme.faint()));
    }
    lines
}

fn kinds_beside(view: &View<'_>, buf: &mut Buffer, area: Rect, kind: Kind) {
    let theme = view.theme;
    let all = update::kinds(view.state);
    let edge = vec![part(1, vec![key(view, Action::NextPane), Span::raw(" next")])];
    let title = vec![Span::styled("Kinds", theme.strong())];
    let inner = put::frame(buf, area, theme, false, title, edge);
    let cells = usize::from(inner.width).saturating_sub(2);
    let height = usize::from(inner.height).max(1);
    let at = all.iter().position(|(one, ..)| *one == kind).unwrap_or(0);
    let first = (at + 1).saturating_sub(height);
    for (slot, (one, n, allowed)) in all.iter().skip(first).take(height).enumerate() {
        let number = if *allowed || *n > 0 { count(*n) } else { "not allowed".to_owned() };
        let room = cells.saturating_sub(fmt::width(&number) + 1);
        let chosen = *one == kind;
        let plain = if *allowed { theme.text() } else { theme.warn() };
        let style = if chosen { theme.reversed() } else { plain };
        let faint = if chosen { theme.reversed() } else { theme.faint() };
        let line = Line::from(vec![
            Span::styled(" ", style),
            put::padded(&stored::word(*one), room, style),
            Span::styled(format!(" {number} "), faint),
        ]);
        put::line(buf, inner, slot as u16, &line);
    }
}

/// The kinds in one row: the chosen one always shows, its neighbours as far as they fit.
fn kinds_above(view: &View<'_>, buf: &mut Buffer, area: Rect, kind: Kind) {
    let theme = view.theme;
    let all = update::kinds(view.state);
    let at = all.iter().position(|(one, ..)| *one == kind).unwrap_or(0);
    let room = usize::from(area.width).saturating_sub(4);
    let wide = |one: &(Kind, u64, bool)| fmt::width(&stored::word(one.0)) + fmt::width(&count(one.1)) + 4;
    let (mut first, mut end) = (at, at);
    let mut used = 0;
    // To the right as long as there is room, then to the left.
    while let Some(one) = all.get(end).filter(|one| end == at || used + wide(one) <= room) {
        used += wide(one);
        end += 1;
    }
    while let Some(one) = first.checked_sub(1).and_then(|before| all.get(before)) {
        if used + wide(one) > room {
            break;
        }
        used += wide(one);
        first -= 1;
    }
    let mut spans = vec![Span::styled(if first > 0 { "←" } else { " " }, theme.faint())];
    for (one, n, allowed) in all.iter().take(end).skip(first) {
        let chosen = *one == kind;
        let style = if chosen { theme.reversed() } else { theme.text() };
        let number = if *allowed || *n > 0 { count(*n) } else { "–".to_owned() };
        let faint = if chosen { theme.reversed() } else { theme.faint() };
        spans.push(Span::styled(format!(" {} ", stored::word(*one)), style));
        spans.push(Span::styled(format!("{number} "), faint));
        spans.push(Span::raw(" "));
    }
    put::line(buf, area, 0, &Line::from(spans));
    if end < all.len() {
        put::right(buf, area, 0, &Line::styled("→", theme.faint()));
    }
}

/// The columns to choose one to order by.
fn order(view: &View<'_>, buf: &mut Buffer, area: Rect, chosen: usize) {
    let theme = view.theme;
    let table = &view.state.records.table;
    let newest = Sort { column: "created".to_owned(), descending: true };
    let sort = table.spec().and_then(|spec| spec.sort.clone()).unwrap_or(newest);
    let columns = &table.window.columns;
    let widest = columns.iter().map(|one| fmt::width(&one.label)).max().unwrap_or(0);
    let width = (widest as u16 + 24).max(34);
    let inside = overlay::panel(view, buf, area, (width, columns.len() as u16 + 4), "Order by");
    let height = usize::from(inside.height).saturating_sub(2).max(1);
    let first = (chosen + 1).saturating_sub(height);
    for (slot, column) in columns.iter().enumerate().skip(first).take(height) {
        let now = if column.name == sort.column {
            match (column.name.as_str(), sort.descending) {
                ("created" | "listed", true) => "↓ newest first",
                ("created" | "listed", false) => "↑ oldest first",
                (_, true) => "↓ greatest first",
                (_, false) => "↑ least first",
            }
        } else {
            ""
        };
        let style = if slot == chosen { theme.reversed() } else { theme.text() };
        let line = Line::from(vec![
            Span::styled(" ", style),
            put::padded(&column.label, widest + 2, style),
            put::padded(now, usize::from(inside.width).saturating_sub(widest + 3), style),
        ]);
        put::line(buf, inside, (slot - first) as u16, &line);
    }
    let parts = vec![
        part(0, vec![key(view, Action::Open), Span::raw(" orders, again reverses")]),
        part(1, vec![key(view, Action::Back), Span::raw(" leaves")]),
    ];
    let keys = put::fit_parts(parts, usize::from(inside.width), 2);
    put::line(buf, inside, inside.height.saturating_sub(1), &keys);
}

/// An object, with its events beside it where there is room.
fn object(view: &View<'_>, buf: &mut Buffer, area: Rect, open: &Opened, hits: &mut Hits) {
    let (left, right) = match &open.timeline {
        None => (area, Rect { width: 0, ..area }),
        Some(_) if area.width < WIDE && open.on_timeline => (Rect { width: 0, ..area }, area),
        Some(_) if area.width < WIDE => (area, Rect { width: 0, ..area }),
        Some(_) => {
            let wide = area.width / 2;
            (Rect { width: wide, ..area }, Rect { x: area.x + wide, width: area.width - wide, ..area })
        }
    };
    let theme = view.theme;
    if left.width > 0 {
        let mut edge = Vec::new();
        if open.timeline.is_none() {
            edge.push(part(1, vec![key(view, Action::Timeline), Span::raw(" timeline")]));
        }
        let title = detail::view::title(view, &open.detail);
        let inner = put::frame(buf, left, theme, !open.on_timeline, title, edge);
        detail::view::draw(view, buf, inner, &open.detail, !open.on_timeline, hits);
    }
    if let Some(events) = open.timeline.as_ref().filter(|_| right.width > 0) {
        let title = vec![
            Span::styled("Events about it", theme.strong()),
            Span::styled(format!("  {}", timeline::counts(events)), theme.text()),
        ];
        let edge = vec![part(1, vec![key(view, Action::Open), Span::raw(" event")])];
        let inner = put::frame(buf, right, theme, open.on_timeline, title, edge);
        let drawn = timeline::draw(view, buf, inner, events, open.on_timeline);
        timeline::say(hits, drawn);
    }
}
