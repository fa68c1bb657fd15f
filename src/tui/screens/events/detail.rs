//! Draws one event: what happened, when, what matters of it; below that the open tab.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::pane::{EventPane, TABS, Tab};
use crate::engine::api::{EventDetail, EventRow, Phase, Source};
use crate::stripe::kind::Kind;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::style::Theme;
use crate::tui::widgets::detail::Body;
use crate::tui::widgets::put::{self, part};
use crate::tui::widgets::{Hits, View, attempts, detail, feed};

/// Draws the pane with its frame.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let pane = &view.state.events.pane;
    let event = match &pane.body {
        Body::Here(event) => Some(event.as_ref()),
        _ => None,
    };
    let inner = put::frame(buf, area, theme, focused, title(view, pane, event), Vec::new());
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(event) = event else {
        let text = |text: &str| (text.to_owned(), theme.faint());
        let lines = match &pane.body {
            _ if view.state.snapshot.phase != Phase::Ready => Vec::new(),
            Body::Nothing | Body::Here(_) => vec![text("no event is selected")],
            Body::Loading => vec![text("reading the event …")],
            Body::NotHere => {
                vec![
                    ("this event is not stored here".to_owned(), theme.text()),
                    text("Stripe keeps events for 30 days"),
                ]
            }
            Body::Failed(reason) => vec![
                ("✗ the event could not be read".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
            ],
        };
        put::notice(buf, inner, &lines);
        return;
    };
    let cells = usize::from(inner.width);
    let mut lines = head(view, event, cells, if area.height >= 18 { 3 } else { 1 }, hits);
    if area.height >= 24 {
        lines.insert(0, Line::default());
        lines.push(Line::default());
    }
    lines.push(tabs(view, pane, event, cells));
    lines.push(Line::styled("─".repeat(cells), theme.faint()));
    for (row, line) in lines.iter().enumerate() {
        put::line(buf, inner, row as u16, line);
    }
    let used = (lines.len() as u16).min(inner.height);
    let body = Rect { y: inner.y + used, height: inner.height - used, ..inner };
    let tz = view.state.integration(event.row.integration).map_or("UTC", |one| one.timezone.as_str());
    // A sheet keeps a cell at each side; the heads above stand one further left than they would.
    let body = Rect { x: body.x.saturating_sub(1), width: body.width + 2, ..body };
    match pane.tab {
        Tab::Changed => detail::view::sheet(view, buf, body, &pane.changed, tz, focused, hits),
        Tab::Json => detail::view::sheet(view, buf, body, &pane.json, tz, focused, hits),
        Tab::Now if event.now.is_none() => {
            let lines = if event.row.object.is_empty() {
                vec![(
                    "this event is about an object that has no id: there is none to look at".to_owned(),
                    theme.text(),
                )]
            } else {
                vec![
                    ("the object is not stored here".to_owned(), theme.text()),
                    (
                        "its kind is not kept, or it was not synced yet: d lists, s stores".to_owned(),
                        theme.faint(),
                    ),
                ]
            };
            put::notice(buf, body, &lines);
        }
        Tab::Now => detail::view::draw(view, buf, body, &pane.now, focused, hits),
        Tab::Timeline => timeline(view, buf, body, pane, event, focused, hits),
        Tab::Sent => sent(view, buf, body, pane, focused, hits),
    }
}

fn title(view: &View<'_>, pane: &EventPane, event: Option<&EventDetail>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let Some(event) = event else {
        let id = pane.subject().map_or("event", |(_, id)| id);
        return vec![Span::styled(fmt::clean(id).into_owned(), theme.strong())];
    };
    let mut spans = vec![
        Span::styled(fmt::clean(&event.row.event_type).into_owned(), theme.strong()),
        Span::styled(format!("  {}", fmt::clean(&event.row.id)), theme.faint()),
    ];
    if event.row.starred {
        spans.push(Span::styled(" ★", theme.warn()));
    }
    spans
}

/// What happened, when and how it came, and what matters of it.
fn head(
    view: &View<'_>,
    event: &EventDetail,
    cells: usize,
    most: usize,
    hits: &mut Hits,
) -> Vec<Line<'static>> {
    let theme = view.theme;
    let row = &event.row;
    let label = |text: &'static str| Span::styled(text, theme.faint());
    let mut lines = Vec::new();
    let room = cells.saturating_sub(5);
    for (index, piece) in put::wrap(&event.what, room).into_iter().take(most).enumerate() {
        let mut spans = vec![label(if index == 0 { "what " } else { "     " })];
        spans.extend(lit(theme, &piece, event));
        lines.push(Line::from(spans));
    }
    let tz = view.state.integration(row.integration).map_or("UTC", |one| one.timezone.as_str());
    let at = fmt::stamp(row.created, view.now, tz, true);
    let kept = fmt::stamp(row.received, view.now, tz, true);
    hits.changes_every(crate::tui::widgets::Wake::Minute);
    let source = match row.source {
        Source::Poll => "by poll",
        Source::Relay => "by relay",
        Source::Endpoint => "by webhook endpoint",
    };
    let mut parts = vec![
        part(0, vec![label("when "), Span::raw(at), Span::styled(" at Stripe", theme.faint())]),
        part(1, vec![Span::styled("stored ", theme.faint()), Span::raw(kept)]),
        part(2, vec![Span::styled(source, theme.faint())]),
    ];
    if view.state.all_accounts {
        let name = fmt::fit(&fmt::clean(&view.state.name_of(row.integration)), 24);
        parts.push(part(3, vec![Span::raw(name)]));
    }
    lines.push(put::fit_parts(parts, cells, 2));
    for (index, (word, means)) in row.marks.told().enumerate() {
        let name = label(if index == 0 { "mark " } else { "     " });
        let means = fmt::fit(&format!(" {means}"), room.saturating_sub(word.len()));
        lines.push(Line::from(vec![
            name,
            Span::styled(word, theme.warn()),
            Span::styled(means, theme.faint()),
        ]));
    }
    let mut facts: Vec<put::Part> = Vec::new();
    for (index, fact) in event.facts.iter().enumerate().take(9) {
        let (text, style) = detail::view::cell(view, &fact.value, tz);
        let name = Span::styled(format!("{} ", fmt::clean(&fact.name)), theme.faint());
        facts.push(part(index as u8 + 1, vec![name, Span::styled(fmt::fit(&text, room), style)]));
    }
    if !facts.is_empty() {
        lines.push(put::fit_parts(facts, cells, 3));
    }
    lines
}

/// The sentence with what it names made visible, and why it failed as what needs somebody.
fn lit(theme: Theme, text: &str, event: &EventDetail) -> Vec<Span<'static>> {
    let (glyph, style) = feed::glyph(theme, &event.row.event_type);
    let wrong = glyph == "✗";
    let mut spans = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let named = event
            .links
            .iter()
            .filter(|link| fmt::width(&link.title) > 2)
            .filter_map(|link| rest.find(link.title.as_str()).map(|at| (at, link.title.len())))
            .min();
        let reason = rest.find("failed: ").filter(|_| wrong).map(|at| at + "failed: ".len());
        match (named, reason) {
            (Some((at, long)), reason) if reason.is_none_or(|reason| at < reason) => {
                spans.push(Span::styled(rest[..at].to_owned(), theme.text()));
                let strong = theme.strong().add_modifier(Modifier::UNDERLINED);
                spans.push(Span::styled(rest[at..at + long].to_owned(), strong));
                rest = &rest[at + long..];
            }
            (_, Some(at)) => {
                spans.push(Span::styled(rest[..at].to_owned(), theme.text()));
                spans.push(Span::styled(rest[at..].to_owned(), style.patch(theme.strong())));
                break;
            }
            _ => {
                spans.push(Span::styled(rest.to_owned(), theme.text()));
                break;
            }
        }
    }
    spans
}

fn tabs(view: &View<'_>, pane: &EventPane, event: &EventDetail, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let narrow = cells < 56;
    let parts = TABS
        .iter()
        .map(|tab| {
            let name = tab_name(*tab, event, narrow);
            let style: Style = if *tab == pane.tab { theme.reversed() } else { theme.text() };
            part(0, vec![Span::styled(format!(" {name} "), style)])
        })
        .collect();
    put::fit_parts(parts, cells, 1)
}

fn tab_name(tab: Tab, event: &EventDetail, narrow: bool) -> String {
    match tab {
        Tab::Changed => if narrow { "Changed" } else { "What changed" }.to_owned(),
        Tab::Json => "JSON".to_owned(),
        Tab::Timeline => "Timeline".to_owned(),
        Tab::Sent => "Sent".to_owned(),
        Tab::Now => {
            let kind = event.now.as_ref().map(|now| now.kind).or_else(|| Kind::from_id(&event.row.object));
            let word = kind.map_or("object", Kind::object).replace('_', " ");
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            format!("{}{} now", first.into_iter().collect::<String>(), letters.as_str())
        }
    }
}

/// Where it was sent: every attempt, newest first.
fn sent(view: &View<'_>, buf: &mut Buffer, area: Rect, pane: &EventPane, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let list = &pane.sent;
    let replay = view.state.keymap.label(Action::Replay);
    let lines = if let Some(reason) = &list.error {
        let head = "✗ the attempts could not be read".to_owned();
        vec![(head, theme.bad().patch(theme.strong())), (reason.clone(), theme.text())]
    } else if !list.loaded {
        vec![("reading where it was sent …".to_owned(), theme.faint())]
    } else if list.window.rows.is_empty() {
        let targets = view.state.keymap.label(Action::Deliveries);
        let how = if view.state.snapshot.targets.is_empty() {
            format!("no target is set up: {targets} adds one; {replay} sends it to an address at once")
        } else {
            format!("{replay} sends it to a target or an address")
        };
        vec![("it was not sent anywhere".to_owned(), theme.text()), (how, theme.faint())]
    } else {
        let look = attempts::Look { focused, one_event: true, one_target: false };
        let inner = Rect { x: area.x, width: area.width.saturating_sub(1), ..area };
        attempts::rows(view, buf, inner, list, look, hits);
        return;
    };
    put::notice(buf, area, &lines);
}

fn timeline(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    pane: &EventPane,
    event: &EventDetail,
    focused: bool,
    hits: &mut Hits,
) {
    let theme = view.theme;
    let line = &pane.timeline;
    let text = |text: &str| (text.to_owned(), theme.faint());
    let instead = if event.row.object.is_empty() {
        Some(vec![text("this event is about an object that has no id: it has no timeline")])
    } else if let Some(reason) = &line.error {
        let head = "✗ the timeline could not be read".to_owned();
        Some(vec![(head, theme.bad().patch(theme.strong())), (reason.clone(), theme.text())])
    } else if !line.loaded {
        Some(vec![text("reading the timeline …")])
    } else if line.rows.is_empty() {
        Some(vec![text("no other event names this object")])
    } else {
        None
    };
    if let Some(lines) = instead {
        put::notice(buf, area, &lines);
        return;
    }
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let cells = usize::from(inner.width);
    let note = if line.rows.len() >= super::pane::TIMELINE { ", the newest of them" } else { "" };
    let noun = if line.rows.len() == 1 { "event names" } else { "events name" };
    let about = format!("{} {noun} {}{note}", count(line.rows.len() as u64), fmt::clean(&event.row.object));
    put::line(buf, inner, 0, &Line::styled(fmt::fit(&about, cells), theme.faint()));
    let body = Rect { y: inner.y.saturating_add(2), height: inner.height.saturating_sub(2), ..inner };
    let height = usize::from(body.height);
    if height == 0 {
        return;
    }
    let cursor = line.index(&event.row.id);
    let top = line.top.min(line.rows.len().saturating_sub(height));
    let top = top.clamp((cursor + 1).saturating_sub(height), cursor);
    (hits.detail_rows, hits.detail_top) = (height, top);
    let tz = view.state.integration(event.row.integration).map_or("UTC", |one| one.timezone.as_str());
    let times =
        line.rows.iter().skip(top).take(height).map(|row| fmt::stamp(row.created, view.now, tz, true));
    let time = times.map(|text| fmt::width(&text)).max().unwrap_or(0);
    let shown = || line.rows.iter().skip(top).take(height);
    let what = shown().map(|row| fmt::width(&row.event_type)).max().unwrap_or(0);
    let money = shown().map(|row| fmt::width(&amount(view, row))).max().unwrap_or(0);
    let wide = Wide { time, what: what.clamp(8, 38), amount: money };
    for (slot, row) in line.rows.iter().skip(top).take(height).enumerate() {
        let time = fmt::stamp(row.created, view.now, tz, true);
        let here = row.id == event.row.id;
        let text = timeline_line(view, row, &time, wide, cells, here);
        let selected = focused && top + slot == cursor;
        put::line(buf, body, slot as u16, &put::lit(theme, text, cells, selected));
    }
}

/// Cells of a timeline's columns.
#[derive(Clone, Copy)]
struct Wide {
    time: usize,
    what: usize,
    amount: usize,
}

fn amount(view: &View<'_>, row: &EventRow) -> String {
    row.amount.as_ref().map_or_else(String::new, |(n, code)| view.money(*n, code))
}

fn timeline_line(
    view: &View<'_>,
    row: &EventRow,
    time: &str,
    wide: Wide,
    cells: usize,
    here: bool,
) -> Vec<Span<'static>> {
    let theme = view.theme;
    let (sign, style) = feed::glyph(theme, &row.event_type);
    let what = cells.saturating_sub(wide.time + wide.amount + 10).clamp(8, wide.what);
    let mut spans = vec![
        Span::styled(if here { "▸ " } else { "  " }, theme.accent()),
        put::padded(time, wide.time, theme.faint()),
        Span::raw("  "),
        Span::styled(sign, style.patch(theme.strong())),
        Span::raw(" "),
        put::padded(&row.event_type, what, if here { theme.strong() } else { theme.text() }),
        Span::raw("  "),
        put::padded_left(&amount(view, row), wide.amount, theme.text()),
        Span::styled(if row.starred { " ★" } else { "  " }, theme.warn()),
    ];
    let used: usize = spans.iter().map(Span::width).sum();
    if cells > used + 8 {
        let text = fmt::fit(&fmt::clean(&row.who), cells - used - 1);
        spans.push(Span::raw(" "));
        spans.push(Span::raw(text));
    }
    spans
}
