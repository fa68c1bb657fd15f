//! The events, newest first: pane 2 of the dashboard, and the rows of any feed. Draws what fits of the one window that
//! is loaded.
//!
//! Columns go by priority when there is little room: the object first, then who or why; an amount is shown whole or
//! not at all.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::put::{self, Part, part};
use super::{Hits, View};
use crate::clock::{self, Zone};
use crate::engine::api::{Delivery, EventRow, Gap, Health, Phase, Source, TargetView};
use crate::stripe::kind::Kind;
use crate::tui::feed::Feed;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::style::Theme;

/// An event type's glyph and style, by what it means for a person.
pub fn glyph(theme: Theme, event_type: &str) -> (&'static str, Style) {
    let last = event_type.rsplit('.').next().unwrap_or_default();
    if event_type.contains("dispute") && matches!(last, "created" | "funds_withdrawn") {
        return ("✗", theme.bad());
    }
    match last {
        _ if last.contains("fail") => ("✗", theme.bad()),
        "requires_action" | "payment_action_required" | "marked_uncollectible" | "expired" | "past_due" => {
            ("!", theme.warn())
        }
        "refunded" | "refund" | "voided" | "canceled" | "deleted" | "reversed" => ("↩", theme.text()),
        "paid" | "succeeded" | "payment_succeeded" | "completed" | "captured" | "resumed" => {
            ("✓", theme.good())
        }
        "created" | "finalized" | "sent" => ("+", theme.accent()),
        _ => ("·", theme.faint()),
    }
}

/// Cells of the longest id that is shown whole.
const OBJECT: usize = 30;

/// Widths of the columns; 0: not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    time: usize,
    account: usize,
    what: usize,
    object: usize,
    amount: usize,
    star: usize,
    marks: usize,
    who: usize,
    gap: usize,
}

impl Columns {
    fn fit(
        width: usize,
        time: usize,
        what: usize,
        amount: usize,
        all: bool,
        (star, marks): (bool, usize),
    ) -> Columns {
        let gap = if width >= 76 { 2 } else { 1 };
        let mut columns = Columns {
            time,
            account: if all { 14 } else { 0 },
            what: what.clamp(4, 38),
            object: 13,
            amount,
            star: usize::from(star),
            marks,
            who: 0,
            gap,
        };
        let rest = |c: &Columns| width.checked_sub(c.used());
        // Who or why is worth at least 14 cells; before it is given up long names are cut, then the object goes.
        let poor = |c: &Columns| rest(c).is_none_or(|left| left < 14 + gap);
        if poor(&columns) {
            columns.what = columns.what.min(31);
        }
        if poor(&columns) {
            columns.object = 0;
        }
        if poor(&columns) {
            columns.account = columns.account.min(10);
        }
        match rest(&columns) {
            Some(left) if left >= 8 + gap => {
                columns.who = left - gap;
                // With room to spare an id is whole.
                if columns.object > 0 && columns.who >= 50 {
                    let more = (columns.who - 36).min(OBJECT - columns.object);
                    columns.object += more;
                    columns.who -= more;
                }
            }
            // What is too little for who or why makes other names whole.
            Some(left) if all => columns.account = (columns.account + left).min(14),
            Some(_) => {}
            None => {
                let short = columns.used() - width;
                columns.what = columns.what.saturating_sub(short).max(8);
                if columns.used() > width {
                    columns.account = 0;
                }
                if columns.used() > width {
                    columns.amount = 0;
                }
            }
        }
        columns
    }

    /// Cells taken with everything but who or why: marker, time, glyph, and the columns with their gaps.
    fn used(&self) -> usize {
        let of = |cells: usize| if cells == 0 { 0 } else { cells + self.gap };
        1 + self.time
            + self.gap
            + of(self.account)
            + 2
            + self.what
            + of(self.object)
            + of(self.amount)
            + of(self.star)
            + of(self.marks)
    }
}

/// Draws the pane.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let inner = put::frame(buf, area, theme, focused, title(view), hints(view));
    let feed = &view.state.dashboard.feed;
    if let Some(lines) = instead(view, feed) {
        hits.feed_rows = 0;
        hits.feed_top = 0;
        put::notice(buf, inner, &lines);
        return;
    }
    let head: u16 = u16::from(inner.height >= 8);
    // The last line says how much there is, with a blank one above it.
    let foot: u16 = if inner.height >= 12 { 2 } else { 0 };
    let body = Rect { height: inner.height.saturating_sub(foot), ..inner };
    let look = Look { feed, focused, heading: head > 0, days: false };
    (hits.feed_rows, hits.feed_top) = rows(view, buf, body, look);
    if foot > 0 {
        let at = inner.height - 1;
        put::line(buf, inner, at, &footing(view));
    }
}

/// How the rows of a feed are to look.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The rows.
    pub feed: &'a Feed,
    /// The keys go to them.
    pub focused: bool,
    /// With a line of headings above.
    pub heading: bool,
    /// Days as lines between the rows, instead of beside them.
    pub days: bool,
}

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    /// A day begins.
    Day(String),
    /// A moment without a live connection ended.
    Gap(Gap),
    /// The row of that index.
    Row(usize),
}

/// The gaps of the accounts that are shown, newest first. A filter is about events: it leaves them out.
fn gaps(view: &View<'_>, feed: &Feed) -> Vec<Gap> {
    let all = view.state.all_accounts;
    let shown = view.state.snapshot.integrations.iter();
    let shown = shown.filter(|one| !feed.is_filtered() && (all || Some(one.id) == view.state.selected));
    let mut gaps: Vec<Gap> = shown.flat_map(|one| one.gaps.iter().copied()).collect();
    gaps.sort_by_key(|gap| std::cmp::Reverse(gap.to));
    gaps
}

/// The letters of an event's marks: late, twin, disorder, connected; and fetched, where it should have been pushed.
fn marks(view: &View<'_>, row: &EventRow) -> String {
    let live = |id| view.state.integration(id).is_some_and(|one| one.delivery == Delivery::Relay);
    let fetched = row.source == Source::Poll && row.marks.late && live(row.integration);
    let words = row.marks.told().map(|(word, _)| if fetched && word == "late" { "fetched" } else { word });
    words.filter_map(|word| word.chars().next()).collect()
}

/// The lines from row `top` on.
fn slots(
    view: &View<'_>,
    feed: &Feed,
    gaps: &[Gap],
    top: usize,
    height: usize,
    zone: Option<&Zone>,
) -> Vec<Slot> {
    let rows = &feed.window.rows;
    let mut out = Vec::with_capacity(height);
    let mut day = zone.map(|zone| clock::today(view.now, zone));
    for (index, row) in rows.iter().enumerate().skip(top) {
        if let Some(zone) = zone {
            let of = clock::today(row.created, zone);
            if day != Some(of) {
                let this_year = of.year() == clock::today(view.now, zone).year();
                let form = if this_year { "%A, %b %-d" } else { "%A, %b %-d %Y" };
                out.push(Slot::Day(of.strftime(form).to_string()));
                day = Some(of);
            }
        }
        // A gap stands above the first row that is not newer than its end.
        let above = match index.checked_sub(1).and_then(|above| rows.get(above)) {
            Some(above) => above.created,
            None if feed.window.newer == 0 => i64::MAX,
            None => row.created,
        };
        let here = gaps.iter().filter(|gap| gap.to >= row.created && gap.to < above);
        out.extend(here.map(|gap| Slot::Gap(*gap)));
        out.push(Slot::Row(index));
        if out.len() >= height {
            break;
        }
    }
    out.truncate(height);
    out
}

/// Draws the rows of a feed; returns how many fit and the first that is shown.
pub fn rows(view: &View<'_>, buf: &mut Buffer, area: Rect, look: Look<'_>) -> (usize, usize) {
    let theme = view.theme;
    let feed = look.feed;
    let head = u16::from(look.heading);
    let body = Rect { y: area.y.saturating_add(head), height: area.height.saturating_sub(head), ..area };
    let height = usize::from(body.height).max(1);
    let rows = &feed.window.rows;
    let cursor = feed.cursor_index().unwrap_or(0);
    let tz = view.state.timezone();
    let zone = look.days.then(|| Zone::named(tz));
    let mut top = feed.top_index().clamp(cursor.saturating_sub(height - 1), cursor).min(rows.len());
    let gaps = gaps(view, feed);
    let mut lines = slots(view, feed, &gaps, top, height, zone.as_ref());
    // Lines of days and gaps take room: the selected row must still be on the screen.
    while top < cursor && !lines.contains(&Slot::Row(cursor)) {
        top += 1;
        lines = slots(view, feed, &gaps, top, height, zone.as_ref());
    }
    let shown = |slot: &Slot| match slot {
        Slot::Row(index) => rows.get(*index),
        Slot::Day(_) | Slot::Gap(_) => None,
    };
    let seconds = look.days || area.width >= 82;
    let moment = |row: &EventRow| {
        if look.days { fmt::hms(row.created, tz) } else { time(view, row.created, tz, seconds) }
    };
    let money =
        |row: &EventRow| row.amount.as_ref().map_or_else(String::new, |(n, code)| view.money(*n, code));
    let widest = |text: &dyn Fn(&EventRow) -> String| {
        lines.iter().filter_map(shown).map(|row| fmt::width(&text(row))).max().unwrap_or(0)
    };
    let what = widest(&|row| row.event_type.clone());
    let starred = lines.iter().filter_map(shown).any(|row| row.starred);
    let columns = Columns::fit(
        usize::from(area.width),
        widest(&moment).max(if seconds { 8 } else { 5 }),
        what.max(30),
        widest(&money).max(10),
        view.state.all_accounts,
        (look.days || starred, widest(&|row| marks(view, row))),
    );
    if look.heading {
        put::line(buf, area, 0, &heading(theme, columns));
    }
    for (at, slot) in lines.iter().enumerate() {
        match slot {
            Slot::Day(day) => {
                let rule = usize::from(area.width).saturating_sub(fmt::width(day) + 6);
                let text = format!(" ── {day} {}", "─".repeat(rule));
                put::line(buf, body, at as u16, &Line::styled(text, theme.faint()));
            }
            Slot::Gap(gap) => {
                let moment = if look.days { fmt::hms(gap.to, tz) } else { time(view, gap.to, tz, seconds) };
                let text = format!(" {moment}{}↻ {}", " ".repeat(columns.gap), gap.row());
                let text = fmt::fit(&text, usize::from(area.width));
                put::line(buf, body, at as u16, &Line::styled(text, theme.warn()));
            }
            Slot::Row(index) => {
                let Some(row) = rows.get(*index) else { continue };
                let selected = *index == cursor && feed.cursor.is_some();
                let line = event(view, row, &moment(row), &money(row), columns, selected && look.focused);
                put::line(buf, body, at as u16, &line);
                if selected {
                    put::line(buf, body, at as u16, &Line::styled("▌", theme.accent()));
                }
            }
        }
    }
    (height, top)
}

fn time(view: &View<'_>, at: i64, tz: &str, seconds: bool) -> String {
    match fmt::day(at, view.now, tz) {
        Some(day) if seconds => format!("{day} {}", fmt::hm(at, tz)),
        Some(day) => day,
        None if seconds => fmt::hms(at, tz),
        None => fmt::hm(at, tz),
    }
}

fn cell(cells: usize, gap: usize, span: impl FnOnce(usize) -> Span<'static>, out: &mut Vec<Span<'static>>) {
    if cells > 0 {
        out.push(span(cells));
        out.push(Span::raw(" ".repeat(gap)));
    }
}

fn heading(theme: Theme, c: Columns) -> Line<'static> {
    let faint = theme.faint();
    let mut out = vec![Span::raw(" ")];
    cell(c.time, c.gap, |n| put::padded("time", n, faint), &mut out);
    cell(c.account, c.gap, |n| put::padded("account", n, faint), &mut out);
    out.push(Span::raw("  "));
    cell(c.what, c.gap, |n| put::padded("what", n, faint), &mut out);
    cell(c.object, c.gap, |n| put::padded("object", n, faint), &mut out);
    cell(c.amount, c.gap, |n| put::padded_left("amount", n, faint), &mut out);
    cell(c.star, c.gap, |n| put::padded("", n, faint), &mut out);
    cell(c.marks, c.gap, |n| put::padded("", n, faint), &mut out);
    cell(c.who, 0, |n| put::padded("who or why", n, faint), &mut out);
    Line::from(out)
}

fn event(
    view: &View<'_>,
    row: &EventRow,
    time: &str,
    amount: &str,
    c: Columns,
    selected: bool,
) -> Line<'static> {
    let theme = view.theme;
    let (sign, style) = glyph(theme, &row.event_type);
    let alarming = style == theme.bad() && sign == "✗";
    let mut out = vec![Span::raw(" ")];
    cell(c.time, c.gap, |n| put::padded(time, n, theme.faint()), &mut out);
    let name = if c.account > 0 { view.state.name_of(row.integration) } else { String::new() };
    cell(c.account, c.gap, |n| put::padded(&name, n, theme.text()), &mut out);
    out.push(Span::styled(sign, style.patch(theme.strong())));
    out.push(Span::raw(" "));
    cell(c.what, c.gap, |n| put::padded(&row.event_type, n, theme.text()), &mut out);
    let object = fmt::middle(&fmt::clean(&row.object), c.object);
    cell(c.object, c.gap, |n| put::padded(&object, n, theme.faint()), &mut out);
    let amount_style = if alarming { theme.strong() } else { theme.text() };
    cell(c.amount, c.gap, |n| put::padded_left(amount, n, amount_style), &mut out);
    let star = if row.starred { "★" } else { "" };
    cell(c.star, c.gap, |n| put::padded(star, n, theme.warn()), &mut out);
    cell(c.marks, c.gap, |n| put::padded(&marks(view, row), n, theme.warn()), &mut out);
    // An id stands for a name that is not stored: it says less.
    let who_style = if Kind::from_id(&row.who).is_some() { theme.faint() } else { theme.text() };
    cell(c.who, 0, |n| put::padded(&row.who, n, who_style), &mut out);
    if c.who == 0 && c.star + c.marks > 0 {
        out.pop();
    }
    out.push(Span::raw(" "));
    if selected {
        for span in &mut out {
            span.style = theme.reversed().remove_modifier(Modifier::DIM);
        }
    }
    Line::from(out)
}

fn title(view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let mut title = vec![
        Span::styled("2 ", theme.accent().patch(theme.strong())),
        Span::styled("Live events", theme.strong()),
    ];
    let whose = if view.state.all_accounts {
        Some("all accounts".to_owned())
    } else {
        view.state.current().map(|one| fmt::fit(&fmt::clean(&one.name), 24))
    };
    if let Some(whose) = whose {
        title.push(Span::styled(format!(" · {whose}"), theme.text()));
    }
    title
}

fn hints(view: &View<'_>) -> Vec<Part> {
    let theme = view.theme;
    let key = |name: &'static str| Span::styled(name, theme.accent().patch(theme.strong()));
    let feed = &view.state.dashboard.feed;
    if !feed.loaded || instead(view, &view.state.dashboard.feed).is_some() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    if feed.following {
        parts.push(part(0, vec![Span::styled("following", theme.good())]));
    } else {
        let mut spans = vec![Span::styled("frozen", theme.warn())];
        if feed.new_above > 0 {
            let text = format!(" · {} new above", count(feed.new_above));
            spans.push(Span::styled(text, theme.warn().patch(theme.strong())));
        }
        parts.push(part(0, spans));
        parts.push(part(1, vec![key("Space"), Span::raw(" follows again")]));
    }
    if view.state.snapshot.integrations.len() > 1 {
        let other = if view.state.all_accounts { " one account" } else { " all accounts" };
        parts.push(part(2, vec![key("A"), Span::raw(other)]));
    }
    // Events that are on their way to nobody: what waits for a target, and what a person has to send.
    let sum = |of: fn(&TargetView) -> u64| view.state.snapshot.targets.iter().map(of).sum::<u64>();
    let (waiting, parked) = (sum(|one| one.waiting), sum(|one| one.parked));
    let label = view.state.keymap.label(Action::Deliveries);
    let key = Span::styled(label, theme.accent().patch(theme.strong()));
    if parked > 0 {
        let text = format!(" {} not sent", count(parked));
        parts.push(part(3, vec![key, Span::styled(text, theme.bad())]));
    } else if waiting > 0 {
        let text = format!(" {} to be sent", count(waiting));
        parts.push(part(3, vec![key, Span::styled(text, theme.warn())]));
    }
    parts
}

fn footing(view: &View<'_>) -> Line<'static> {
    let all = view.state.all_accounts;
    let shown = view.state.snapshot.integrations.iter();
    let today: u64 =
        shown.filter(|one| all || Some(one.id) == view.state.selected).map(|one| one.events_today).sum();
    let kept = view.state.dashboard.feed.window.total;
    let text = format!(" {} received today · {} kept here", count(today), count(kept));
    Line::styled(text, view.theme.faint())
}

/// What stands in place of the rows when there are none to show: loading, empty or an error.
pub fn instead(view: &View<'_>, feed: &Feed) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    let state = view.state;
    match &state.snapshot.phase {
        Phase::Opening => return Some(vec![("opening the store …".to_owned(), theme.faint())]),
        Phase::Failed { reason } => {
            return Some(vec![
                ("✗ the store can't be used".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
                (format!("data folder: {}", state.snapshot.data_dir), theme.faint()),
                ("q quits".to_owned(), theme.faint()),
            ]);
        }
        Phase::Ready => {}
    }
    let Some(current) = state.current() else {
        return Some(vec![(
            format!("no account connected yet: {} connects one", view.state.keymap.label(Action::Connect)),
            theme.text(),
        )]);
    };
    if !feed.window.rows.is_empty() {
        return None;
    }
    if let Some(reason) = &feed.error {
        return Some(vec![
            ("✗ the events could not be read".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
        ]);
    }
    if !feed.loaded {
        return Some(vec![("reading the events …".to_owned(), theme.faint())]);
    }
    if feed.is_filtered() {
        let clear = state.keymap.label(Action::Back);
        return Some(match feed.window.looked_to {
            Some(i64::MAX) => vec![("looking …".to_owned(), theme.faint())],
            Some(to) => vec![
                ("looking …".to_owned(), theme.text()),
                (
                    format!(
                        "nothing yet back to {}",
                        fmt::stamp(to, view.now, current.timezone.as_str(), false)
                    ),
                    theme.faint(),
                ),
            ],
            None => vec![
                ("no event passes the filter".to_owned(), theme.text()),
                (
                    format!("{} are kept here · {clear} takes the filter away", count(feed.window.total)),
                    theme.faint(),
                ),
            ],
        });
    }
    let tz = current.timezone.as_str();
    let stamp = |at: i64| fmt::stamp(at, view.now, tz, false);
    Some(match &current.health {
        _ if state.all_accounts => vec![
            ("no events yet, of no account".to_owned(), theme.text()),
            ("r asks Stripe now".to_owned(), theme.faint()),
        ],
        Health::KeyRefused { since, reason } => vec![
            (format!("! Stripe refuses the key since {}", stamp(*since)), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
            (
                format!(
                    "{} on the integrations' screen gives it another key",
                    state.keymap.label(Action::NewKey)
                ),
                theme.faint(),
            ),
        ],
        Health::Offline { since, reason } => vec![
            (format!("○ offline since {}", stamp(*since)), theme.warn().patch(theme.strong())),
            (reason.clone(), theme.text()),
            ("it goes on by itself; r tries now".to_owned(), theme.faint()),
        ],
        Health::Disconnecting { .. } | Health::Off => {
            vec![("disconnected: no events come in; its records stay".to_owned(), theme.text())]
        }
        Health::Connected | Health::Degraded { .. } => vec![
            ("no events yet".to_owned(), theme.text()),
            ("Stripe keeps events for 30 days; r asks for them now".to_owned(), theme.faint()),
        ],
    })
}
