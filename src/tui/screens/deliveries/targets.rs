//! Draws the targets: where events go, which and whose, how each target is, and what waits for it.
//!
//! Red is for what needs somebody: events that are parked, or LIVE events that nobody agreed to send.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::state::Focus;
use super::update::{events_word, target_view};
use crate::engine::api::{Phase, TargetState, TargetView};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::widgets::attempts::{again, short_url};
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View};

/// Rows that the pane would like to have: all targets, a heading, the line of all, and why the selected one is down.
pub fn rows_wanted(view: &View<'_>) -> u16 {
    let all = view.state.snapshot.targets.len();
    if all == 0 { 7 } else { (all as u16).saturating_add(5) }
}

/// A target's state: a glyph, its style, and a few words.
fn state(view: &View<'_>, one: &TargetView, hits: &mut Hits) -> (&'static str, Style, String) {
    let theme = view.theme;
    match &one.state {
        TargetState::Ready if !one.not_agreed.is_empty() => ("!", theme.warn(), "LIVE not agreed".to_owned()),
        TargetState::Ready => ("●", theme.good(), "ready".to_owned()),
        TargetState::Paused => ("–", theme.warn(), "paused".to_owned()),
        TargetState::Down { next_at, .. } => {
            ("○", theme.warn(), format!("down, again {}", again(view, *next_at, hits)))
        }
    }
}

/// Whose events go there.
fn whose(view: &View<'_>, one: &TargetView) -> String {
    one.integration.map_or_else(|| "all accounts".to_owned(), |id| view.state.name_of(id))
}

fn patterns(one: &TargetView) -> String {
    if one.events.is_empty() { "all".to_owned() } else { one.events.join(" ") }
}

/// Cells of the columns; 0: not shown.
#[derive(Debug, Clone, Copy, Default)]
struct Columns {
    url: usize,
    events: usize,
    whose: usize,
    state: usize,
    waiting: usize,
    delivered: usize,
    failed: usize,
    parked: usize,
}

const GAP: usize = 2;

/// Gives a column so many cells.
type Step = fn(&mut Columns, usize);

impl Columns {
    fn fit(width: usize, url: usize, events: usize, whose: usize) -> Columns {
        let mut it = Columns { url: 12, ..Columns::default() };
        let steps: [(usize, Step); 11] = [
            (19, |it, n| it.state = n),
            (url.min(18), |it, n| it.url = n),
            (7, |it, n| it.waiting = n),
            (6, |it, n| it.parked = n),
            (6, |it, n| it.failed = n),
            (url.min(30), |it, n| it.url = n),
            (9, |it, n| it.delivered = n),
            (events.clamp(6, 16), |it, n| it.events = n),
            (whose.clamp(5, 14), |it, n| it.whose = n),
            (whose.clamp(5, 30), |it, n| it.whose = n),
            (url.min(60), |it, n| it.url = n),
        ];
        for (cells, step) in steps {
            let mut more = it;
            step(&mut more, cells);
            if more.used() <= width {
                it = more;
            }
        }
        // What is left makes the address whole.
        let left = width.saturating_sub(it.used());
        it.url = (it.url + left).min(url.max(12));
        let mut more = it;
        more.events = if it.events > 0 { events.clamp(6, 40) } else { 0 };
        if more.used() <= width { more } else { it }
    }

    fn all(&self) -> [usize; 8] {
        [
            self.url,
            self.events,
            self.whose,
            self.state,
            self.waiting,
            self.delivered,
            self.failed,
            self.parked,
        ]
    }

    fn used(&self) -> usize {
        let cells: usize = self.all().into_iter().filter(|cells| *cells > 0).map(|cells| cells + GAP).sum();
        // The edge and the glyph before, a cell behind.
        3 + cells.saturating_sub(GAP) + 1
    }

    fn line(&self, glyph: Span<'static>, cells: [Span<'static>; 8]) -> Line<'static> {
        let mut out = vec![Span::raw(" "), glyph, Span::raw(" ")];
        for (width, span) in self.all().into_iter().zip(cells) {
            if width > 0 {
                out.push(span);
                out.push(Span::raw(" ".repeat(GAP)));
            }
        }
        out.pop();
        Line::from(out)
    }
}

/// Draws the pane with its frame.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let deliveries = &view.state.deliveries;
    let all = &view.state.snapshot.targets;
    let focused = deliveries.focus == Focus::Targets;
    let mut title = vec![Span::styled("Targets", theme.strong())];
    if !all.is_empty() {
        title.push(Span::styled(format!("  {}", count(all.len() as u64)), theme.strong()));
    }
    let key = |action| Span::styled(view.state.keymap.label(action), theme.accent().patch(theme.strong()));
    let edge: Vec<Part> = vec![part(1, vec![key(Action::AddTarget), Span::raw(" adds one")])];
    let inner = put::frame(buf, area, theme, focused, title, edge);
    if let Some(lines) = instead(view) {
        hits.list_rows = 0;
        put::notice(buf, inner, &lines);
        return;
    }
    let told = told(view).filter(|_| inner.height >= 5);
    let head = u16::from(inner.height >= 4);
    let list = Rect { y: inner.y + head, height: inner.height - head - u16::from(told.is_some()), ..inner };
    let widest = |text: &dyn Fn(&TargetView) -> String| {
        all.iter().map(|one| fmt::width(&text(one))).max().unwrap_or(0)
    };
    let c = Columns::fit(
        usize::from(inner.width),
        widest(&|one| short_url(&one.url)).max(11),
        widest(&patterns),
        widest(&|one| whose(view, one)),
    );
    if head > 0 {
        let f = theme.faint();
        let cells = [
            put::padded("sent to", c.url, f),
            put::padded("events", c.events, f),
            put::padded("whose", c.whose, f),
            put::padded("state", c.state, f),
            put::padded_left("waiting", c.waiting, f),
            put::padded_left("delivered", c.delivered, f),
            put::padded_left("failed", c.failed, f),
            put::padded_left("parked", c.parked, f),
        ];
        put::line(buf, inner, 0, &c.line(Span::raw(" "), cells));
    }
    let height = usize::from(list.height).max(1);
    hits.list_rows = height;
    let here = all.iter().position(|one| Some(one.id) == deliveries.target).map_or(0, |at| at + 1);
    let first = (here + 1).saturating_sub(height);
    for (slot, place) in (first..=all.len()).take(height).enumerate() {
        let mut line = match place.checked_sub(1).and_then(|at| all.get(at)) {
            Some(one) => row(view, one, c, hits),
            None => sum(view, c),
        };
        if place == here && focused {
            line.spans.push(Span::raw(" ".repeat(usize::from(list.width).saturating_sub(line.width()))));
            for span in &mut line.spans {
                span.style = theme.reversed().remove_modifier(Modifier::DIM);
            }
        }
        put::line(buf, list, slot as u16, &line);
        if place == here {
            put::line(buf, list, slot as u16, &Line::styled("▌", theme.accent()));
        }
    }
    if let Some((text, style)) = told {
        let text = fmt::fit(&fmt::clean(&text), usize::from(inner.width).saturating_sub(6));
        let line = Line::from(vec![Span::styled("   └ ", theme.faint()), Span::styled(text, style)]);
        put::line(buf, inner, inner.height - 1, &line);
    }
}

fn number(n: u64, cells: usize, style: Style, faint: Style) -> Span<'static> {
    put::padded_left(&count(n), cells, if n == 0 { faint } else { style })
}

fn row(view: &View<'_>, one: &TargetView, c: Columns, hits: &mut Hits) -> Line<'static> {
    let theme = view.theme;
    let (glyph, style, word) = state(view, one, hits);
    let faint = theme.faint();
    let cells = [
        put::padded(&fmt::middle(&short_url(&one.url), c.url), c.url, theme.strong()),
        put::padded(&patterns(one), c.events, theme.text()),
        put::padded(&whose(view, one), c.whose, theme.text()),
        put::padded(&word, c.state, if word == "ready" { faint } else { style }),
        number(one.waiting, c.waiting, theme.text(), faint),
        number(one.delivered, c.delivered, theme.text(), faint),
        number(one.failed, c.failed, theme.warn(), faint),
        number(one.parked, c.parked, theme.bad().patch(theme.strong()), faint),
    ];
    c.line(Span::styled(glyph, style), cells)
}

/// The line of all targets together: its numbers are of events and attempts, whoever's they are.
fn sum(view: &View<'_>, c: Columns) -> Line<'static> {
    let theme = view.theme;
    let all = &view.state.snapshot.targets;
    let of = |get: fn(&TargetView) -> u64| all.iter().map(get).sum::<u64>();
    let faint = theme.faint();
    let blank = |cells| put::padded("", cells, faint);
    let cells = [
        put::padded("all of them", c.url, theme.text()),
        blank(c.events),
        blank(c.whose),
        blank(c.state),
        number(of(|one| one.waiting), c.waiting, theme.text(), faint),
        number(of(|one| one.delivered), c.delivered, theme.text(), faint),
        number(of(|one| one.failed), c.failed, theme.warn(), faint),
        number(of(|one| one.parked), c.parked, theme.bad().patch(theme.strong()), faint),
    ];
    c.line(Span::raw(" "), cells)
}

/// What there is to say of the selected target: why it is down, what to do about what is parked.
fn told(view: &View<'_>) -> Option<(String, Style)> {
    let theme = view.theme;
    let one = target_view(view.state)?;
    let label = |action| view.state.keymap.label(action);
    let parked = || {
        let verb = if one.parked == 1 { "was" } else { "were" };
        format!(
            "{} waited over 15 minutes and {verb} parked: {} sends them",
            events_word(one.parked),
            label(Action::ReplayParked)
        )
    };
    if !one.not_agreed.is_empty() {
        let names: Vec<String> = one.not_agreed.iter().map(|id| view.state.name_of(*id)).collect();
        let add = label(Action::AddTarget);
        return Some((
            format!(
                "LIVE events of {} do not go there, since nobody agreed: {add} adds it again for them",
                names.join(", ")
            ),
            theme.warn(),
        ));
    }
    match &one.state {
        TargetState::Down { since, reason, .. } => {
            let since = fmt::stamp(*since, view.now, view.state.timezone(), false);
            let rest = if one.parked > 0 { format!(" · {}", parked()) } else { String::new() };
            Some((
                format!("{reason} since {since} · {} tries now{rest}", label(Action::TryTarget)),
                theme.warn(),
            ))
        }
        _ if one.parked > 0 => Some((parked(), theme.warn())),
        TargetState::Paused => {
            Some((format!("events wait here; {} lets them go", label(Action::PauseTarget)), theme.text()))
        }
        TargetState::Ready => None,
    }
}

/// What stands in place of the targets.
fn instead(view: &View<'_>) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    let label = |action| view.state.keymap.label(action);
    match &view.state.snapshot.phase {
        Phase::Opening => return Some(vec![("opening the store …".to_owned(), theme.faint())]),
        Phase::Failed { reason } => {
            return Some(vec![
                ("✗ the store can't be used".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
                (format!("data folder: {}", view.state.snapshot.data_dir), theme.faint()),
            ]);
        }
        Phase::Ready => {}
    }
    if view.state.snapshot.integrations.is_empty() {
        let text = format!("no account connected yet: {} connects one", label(Action::Connect));
        return Some(vec![(text, theme.text())]);
    }
    if view.state.snapshot.targets.is_empty() {
        return Some(vec![
            (
                format!(
                    "no targets yet: {} adds one, such as 3000 or localhost:3000/webhooks",
                    label(Action::AddTarget)
                ),
                theme.text(),
            ),
            (
                "events are sent on to it as they come in, byte for byte, and again until it takes them"
                    .to_owned(),
                theme.faint(),
            ),
            (
                "`tillwatch forward add URL` and `tillwatch listen --forward-to URL` do the same".to_owned(),
                theme.faint(),
            ),
        ]);
    }
    None
}
