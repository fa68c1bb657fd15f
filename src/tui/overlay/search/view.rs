//! Draws the search: the line, what it was taken for, and the hits or the events of one.
//!
//! With nothing typed it says what can be pasted. Columns go by priority; an amount is shown whole or not at all.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::SearchState;
use crate::engine::api::{Cell, Column, Phase, SearchHit};
use crate::stripe::kind::Kind;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::table::{columns, word_style};
use crate::tui::widgets::put::part;
use crate::tui::widgets::timeline::Timeline;
use crate::tui::widgets::{Hits, View, put, timeline};

/// What can be searched for, with an example.
const KINDS: &[(&str, &str)] = &[
    ("e-mail", "ada@example.com"),
    ("invoice number", "INV-2041"),
    ("Stripe id", "in_…  cus_…  pi_…  ch_…  evt_…"),
    ("last four digits of a card", "4242"),
    ("amount", "49.00   1,240.50   89 eur"),
    ("name", "Initech"),
];

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let search = &view.state.search;
    // On a small screen slivers of what is below would only disturb.
    let size = match area {
        Rect { width: 0..100, .. } => (area.width, area.height),
        _ => (area.width.saturating_sub(4).min(132), area.height.saturating_sub(2).min(40)),
    };
    let inside = super::super::panel(view, buf, area, size, "Search anywhere");
    if inside.height < 4 || inside.width < 20 {
        return;
    }
    let row = |at: u16, height: u16| Rect { y: inside.y + at, height, ..inside };
    let cells = usize::from(inside.width);
    let mut line = vec![Span::styled("› ", theme.accent().patch(theme.strong()))];
    line.extend(search.line.draw(theme, cells.saturating_sub(2), true, |_| Style::new()).spans);
    put::line(buf, inside, 0, &Line::from(line));
    put::line(buf, inside, 1, &taken_for(view, search, cells));
    put::line(buf, inside, 2, &Line::styled("─".repeat(cells), theme.faint()));
    let body = row(3, inside.height.saturating_sub(4));
    hits.overlay_rows = 0;
    hits.overlay_top = 0;
    let ready = view.state.snapshot.phase == Phase::Ready;
    if ready && search.line.text().trim().is_empty() {
        what_can_be_pasted(view, buf, body);
    } else if let Some(lines) = instead(view, search) {
        put::notice(buf, body, &lines);
    } else if let Some(events) = &search.events {
        of_a_hit(view, buf, body, events, hits);
    } else {
        results(view, buf, body, search, hits);
    }
    put::line(buf, row(inside.height - 1, 1), 0, &keys(view, search, cells));
}

/// What the text was taken for and how much was found.
fn taken_for(view: &View<'_>, search: &SearchState, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let Some(result) = &search.result else {
        let text = if search.in_flight.is_some() {
            "searching …"
        } else {
            "all accounts, what is stored here; nothing is sent to Stripe"
        };
        return Line::styled(text, theme.faint());
    };
    let mut parts = vec![part(
        0,
        vec![
            Span::styled("searched as ", theme.faint()),
            Span::raw(fmt::fit(&fmt::clean(&result.taken_for), cells.saturating_sub(12))),
        ],
    )];
    let found = match result.total {
        0 => "nothing found".to_owned(),
        total if total as usize > result.hits.len() => {
            format!("the first {} of {} found", count(result.hits.len() as u64), count(total))
        }
        total => format!("{} found", count(total)),
    };
    parts.push(part(1, vec![Span::styled(found, theme.strong())]));
    if let Some(percent) = result.loading {
        parts.push(part(2, vec![Span::styled(format!("{percent} % searchable so far"), theme.warn())]));
    }
    // The rows are of the text before until the answer is here.
    if result.text.trim() != search.line.text().trim() {
        parts.push(part(3, vec![Span::styled("searching …", theme.faint())]));
    }
    put::fit_parts(parts, cells, 3)
}

fn keys(view: &View<'_>, search: &SearchState, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let key = |name: &'static str| Span::styled(name, theme.accent().patch(theme.strong()));
    let mut parts = Vec::new();
    let any = !search.hits().is_empty();
    match &search.events {
        Some(events) => {
            if events.rows.as_ref().is_some_and(|rows| !rows.is_empty()) {
                parts.push(part(1, vec![key("Enter"), Span::raw(" event")]));
            }
            parts.push(part(2, vec![key("Tab"), Span::raw(" what was found")]));
        }
        None if any => {
            parts.push(part(1, vec![key("Enter"), Span::raw(" opens it")]));
            parts.push(part(2, vec![key("Tab"), Span::raw(" its events")]));
            parts.push(part(4, vec![key("↑ ↓"), Span::raw(" choose")]));
        }
        None => {}
    }
    if !search.line.text().is_empty() {
        parts.push(part(5, vec![key("ctrl-u"), Span::raw(" empties")]));
    }
    let back = if search.events.is_some() { " back" } else { " closes" };
    parts.push(part(3, vec![key("Esc"), Span::raw(back)]));
    put::fit_parts(parts, cells, 3)
}

/// What stands in place of the hits: what can be searched for, loading, an error, nothing found.
fn instead(view: &View<'_>, search: &SearchState) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    match &view.state.snapshot.phase {
        Phase::Opening => return Some(vec![("opening the store …".to_owned(), theme.faint())]),
        Phase::Failed { reason } => {
            return Some(vec![
                ("✗ the store can't be used".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
            ]);
        }
        Phase::Ready => {}
    }
    if let Some(reason) = &search.error {
        return Some(vec![
            ("✗ the search failed".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
        ]);
    }
    if search.events.is_some() {
        return None;
    }
    let result = search.result.as_ref()?;
    if !result.hits.is_empty() {
        return None;
    }
    let [d, s] = [Action::Discover, Action::Sync].map(|action| view.state.keymap.label(action));
    let mut lines = vec![(format!("nothing found for {}", fmt::clean(&result.text)), theme.text())];
    if let Some(percent) = result.loading {
        let text = format!("only {percent} % is searchable so far; it goes on by itself");
        lines.push((text, theme.warn()));
    } else {
        lines.push(("only what is stored here is searched".to_owned(), theme.faint()));
        lines.push((format!("on the screens {d} lists what is at Stripe, {s} stores it"), theme.faint()));
    }
    Some(lines)
}

/// What can be searched for, each with an example.
fn what_can_be_pasted(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    put::line(buf, area, 1, &Line::styled("  type or paste", theme.text()));
    let mut at = 3;
    for (what, example) in KINDS {
        let line = Line::from(vec![
            Span::raw("  "),
            put::padded(what, 28, theme.faint()),
            Span::styled((*example).to_owned(), theme.strong()),
        ]);
        put::line(buf, area, at, &line);
        at += 1;
    }
    if view.state.snapshot.integrations.is_empty() {
        let text = "  nothing is stored yet: c connects an account";
        put::line(buf, area, at + 1, &Line::styled(text, theme.warn()));
    }
}

/// The singular word of a hit's kind.
fn kind_word(kind: Option<Kind>) -> String {
    match kind {
        None => "event".to_owned(),
        Some(Kind::PaymentIntent) => "payment".to_owned(),
        Some(Kind::InvoicePayment) => "inv. payment".to_owned(),
        Some(Kind::BalanceTransaction) => "balance txn".to_owned(),
        Some(kind) => kind.object().replace('_', " "),
    }
}

const KIND: usize = 1;
const TITLE: usize = 0;
const AMOUNT: usize = 2;
const WHO: usize = 3;
const STATUS: usize = 4;
const CREATED: usize = 5;
const ACCOUNT: usize = 6;
const EVENTS: usize = 7;
const MATCHED: usize = 8;
/// Where each stands from left to right.
const PLACES: [usize; 9] = [KIND, TITLE, WHO, STATUS, AMOUNT, CREATED, EVENTS, MATCHED, ACCOUNT];

/// The columns of the hits, most important first; a width of nothing is not wanted.
fn hit_columns(accounts: bool, events: bool) -> Vec<Column> {
    let column = |label: &str, right: bool, width: (u16, u16)| Column {
        name: String::new(),
        label: label.to_owned(),
        right,
        sortable: false,
        width,
    };
    vec![
        column("number or name", false, (14, 34)),
        column("what", false, (8, 13)),
        column("amount", true, (7, 16)),
        column("who", false, (10, 30)),
        column("status", false, (8, 16)),
        column("created", false, (7, 12)),
        // Whose it is must not go while there is more than one.
        column("account", false, if accounts { (8, 16) } else { (u16::MAX, u16::MAX) }),
        column("events", true, if events { (6, 6) } else { (u16::MAX, u16::MAX) }),
        column("matched", false, (9, 16)),
    ]
}

fn results(view: &View<'_>, buf: &mut Buffer, area: Rect, search: &SearchState, hits: &mut Hits) {
    let theme = view.theme;
    let accounts = view.state.snapshot.integrations.len() > 1;
    let head = u16::from(area.height >= 5);
    let body = Rect { y: area.y + head, height: area.height - head, ..area };
    let cursor = search.cursor_index().unwrap_or(0);
    let top = window(search.top, cursor, usize::from(body.height), search.hits().len());
    hits.overlay_rows = usize::from(body.height);
    hits.overlay_top = top;
    let shown: Vec<&SearchHit> = search.hits().iter().skip(top).take(usize::from(body.height)).collect();
    let all = hit_columns(accounts, search.hits().iter().any(|hit| hit.events > 0));
    let content = |index: usize| {
        let texts = search.hits().iter().map(|hit| hit_cell(view, hit, index, 40).0);
        texts.map(|text| fmt::width(&text)).max().unwrap_or(0)
    };
    let need = |index: usize| match index {
        AMOUNT => content(index),
        STATUS | KIND => content(index).min(16),
        _ => 0,
    };
    let width = usize::from(area.width).saturating_sub(2);
    let mut fitted = columns::fit(&all, width, 2, need, content);
    fitted.sort_by_key(|one| PLACES.iter().position(|place| *place == one.index));
    let put_in = |cells: usize, right: bool, text: &str, style: Style| {
        if right { put::padded_left(text, cells, style) } else { put::padded(text, cells, style) }
    };
    if head > 0 {
        let mut spans = vec![Span::raw("  ")];
        for one in &fitted {
            let Some(column) = all.get(one.index) else { continue };
            spans.push(put_in(one.cells, column.right, &column.label, theme.faint()));
            spans.push(Span::raw("  "));
        }
        put::line(buf, area, 0, &Line::from(spans));
    }
    for (slot, hit) in shown.iter().enumerate() {
        let mut spans = vec![Span::raw("  ")];
        for one in &fitted {
            let Some(column) = all.get(one.index) else { continue };
            let (text, style) = hit_cell(view, hit, one.index, one.cells);
            spans.push(put_in(one.cells, column.right, &text, style));
            spans.push(Span::raw("  "));
        }
        let selected = search.cursor.is_some() && top + slot == cursor;
        draw_row(view, buf, body, slot as u16, spans, selected);
    }
}

fn amount(view: &View<'_>, hit: &SearchHit) -> String {
    match &hit.amount {
        Cell::Money { amount, currency } => view.money(*amount, currency),
        _ => String::new(),
    }
}

fn hit_cell(view: &View<'_>, hit: &SearchHit, column: usize, cells: usize) -> (String, Style) {
    let theme = view.theme;
    match column {
        TITLE if hit.title == hit.id => (fmt::middle(&fmt::clean(&hit.id), cells), theme.strong()),
        TITLE => (hit.title.clone(), theme.strong()),
        KIND => (kind_word(hit.kind), theme.text()),
        AMOUNT => (amount(view, hit), theme.text()),
        STATUS => (hit.status.clone(), word_style(theme, &hit.status)),
        WHO => (hit.who.clone(), theme.text()),
        CREATED => (created(view, hit.created, cells), theme.faint()),
        EVENTS => (if hit.events > 0 { count(hit.events) } else { String::new() }, theme.faint()),
        MATCHED if hit.exact => (hit.matched.clone(), theme.good()),
        MATCHED => (format!("in {}", hit.matched), theme.faint()),
        ACCOUNT => (view.state.name_of(hit.integration), theme.text()),
        _ => (String::new(), theme.text()),
    }
}

fn created(view: &View<'_>, at: i64, cells: usize) -> String {
    let tz = view.state.timezone();
    let long = fmt::stamp(at, view.now, tz, false);
    if fmt::width(&long) <= cells {
        return long;
    }
    fmt::day(at, view.now, tz).unwrap_or_else(|| fmt::hm(at, tz))
}

/// The events about one hit.
fn of_a_hit(view: &View<'_>, buf: &mut Buffer, area: Rect, events: &Timeline, hits: &mut Hits) {
    let title = fmt::clean(&events.title).into_owned();
    let told = format!("events about {title}, newest first: {}", timeline::counts(events));
    let told = fmt::fit(&told, usize::from(area.width));
    put::line(buf, area, 0, &Line::styled(told, view.theme.faint()));
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let drawn = timeline::draw(view, buf, body, events, true);
    timeline::say(hits, drawn);
}

fn draw_row(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    at: u16,
    mut spans: Vec<Span<'static>>,
    selected: bool,
) {
    if selected {
        for span in &mut spans {
            span.style = view.theme.reversed().remove_modifier(Modifier::DIM);
        }
    }
    put::line(buf, area, at, &Line::from(spans));
    if selected {
        put::line(buf, area, at, &Line::styled("▌", view.theme.accent()));
    }
}

/// The first row that shows, so that the selected one does.
fn window(top: usize, cursor: usize, height: usize, len: usize) -> usize {
    let height = height.max(1);
    let top = top.min(len.saturating_sub(height));
    top.clamp(cursor.saturating_sub(height - 1), cursor)
}
