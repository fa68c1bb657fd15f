//! One integration in lines: how it is, its key, its schedule, what the key may read, what is stored.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::engine::api::{
    Delivery, Health, IntegrationView, KeyCheckState, KeyCheckView, LinkView, PollView,
};
use crate::text;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::widgets::matrix::{self, Wants};
use crate::tui::widgets::{Hits, View, Wake, endpoint, header, put, stored};

/// Cells that labels take.
pub(super) const LABEL: usize = 12;

pub(super) struct Lines<'a, 'b> {
    pub(super) view: &'a View<'b>,
    pub(super) cells: usize,
    out: Vec<Line<'static>>,
}

impl Lines<'_, '_> {
    fn gap(&mut self) {
        if self.out.last().is_some_and(|line| line.width() > 0) {
            self.out.push(Line::default());
        }
    }

    pub(super) fn title(&mut self, text: &str) {
        self.gap();
        self.out.push(Line::styled(text.to_owned(), self.view.theme.strong()));
    }

    /// A label and text behind it, wrapped.
    pub(super) fn row(&mut self, label: &str, text: &str, style: Style) {
        let room = self.cells.saturating_sub(LABEL).max(8);
        for (index, piece) in put::wrap(text, room).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            self.spans(label, vec![Span::styled(piece, style)]);
        }
    }

    pub(super) fn spans(&mut self, label: &str, spans: Vec<Span<'static>>) {
        let mut line = vec![put::padded(label, LABEL, self.view.theme.faint())];
        line.extend(spans);
        self.out.push(Line::from(line));
    }
}

/// All of it.
pub fn lines(view: &View<'_>, one: &IntegrationView, cells: usize, hits: &mut Hits) -> Vec<Line<'static>> {
    let theme = view.theme;
    let mut it = Lines { view, cells, out: Vec::new() };
    state(&mut it, one);
    it.gap();
    if !one.description.is_empty() {
        it.row("About", &one.description, theme.text());
    }
    it.spans(
        "Account",
        vec![
            Span::raw(fmt::clean(&one.account).into_owned()),
            Span::styled(format!("  {}", fmt::clean(&one.timezone)), theme.faint()),
        ],
    );
    if one.key.is_empty() {
        it.row("Key", "wiped when it was disconnected", theme.faint());
    } else {
        it.row("Key", &one.key, theme.text());
        if !one.key_place.is_empty() {
            it.row("", &one.key_place, theme.faint());
        }
    }
    let keep = if one.billing { "billing too: invoices, subscriptions, payments" } else { "payments only" };
    it.row("Keeps", keep, theme.text());
    if one.connected_at > 0 {
        let at = fmt::stamp(one.connected_at, view.now, &one.timezone, false);
        it.row("Connected", &format!("since {at}"), theme.text());
    }
    // The key and what it may read stand together, so that a check shows where one looks.
    check(&mut it, one);
    schedule(&mut it, one, hits);
    reads(&mut it, one);
    super::endpoint_lines::lines(&mut it, one, hits);
    kept(&mut it, one);
    it.out
}

/// How it is, and what a person can do about it.
fn state(it: &mut Lines<'_, '_>, one: &IntegrationView) {
    let theme = it.view.theme;
    if let Some(word) = endpoint::down(one) {
        needs_endpoint(it, one, word);
        if one.health == Health::Connected {
            return;
        }
    }
    let (glyph, style, word) = header::reach(theme, one);
    let stamp = |at: i64| fmt::stamp(at, it.view.now, &one.timezone, false);
    let key = |action: Action| it.view.state.keymap.label(action);
    let (head, more) = match &one.health {
        Health::Connected => {
            let less = one.endpoint.as_ref().filter(|_| endpoint::is_less(one));
            ("connected".to_owned(), less.and_then(|end| endpoint::problem(it.view.state, end)))
        }
        Health::Degraded { missing } => {
            let names: Vec<&str> = missing.iter().map(|one| one.resource.as_str()).collect();
            let text = format!("{}: its key may not read {}", word, names.join(", "));
            (text, Some(format!("{} gives it another key; the rest works", key(Action::NewKey))))
        }
        Health::KeyRefused { since, reason } => (
            format!("key refused since {}", stamp(*since)),
            Some(format!(
                "{reason} · {} gives it another key, {} tries this one again",
                key(Action::NewKey),
                key(Action::CheckKey)
            )),
        ),
        Health::Offline { since, reason } => (
            format!("offline since {}", stamp(*since)),
            Some(format!("{reason} What is stored goes on working; {} tries now.", key(Action::Poll))),
        ),
        Health::Disconnecting { since } => (
            format!("disconnecting since {}", stamp(*since)),
            Some("what is left to do at Stripe is done as soon as it answers".to_owned()),
        ),
        Health::Off => (
            "off: disconnected; its records stay".to_owned(),
            Some(format!(
                "{} connects the account again, {} removes its records",
                key(Action::Connect),
                key(Action::Disconnect)
            )),
        ),
    };
    marked(it, (glyph, style), &head, more.as_deref());
}

/// A sentence behind its mark, and what can be done below it.
fn marked(it: &mut Lines<'_, '_>, (glyph, style): (&'static str, Style), head: &str, more: Option<&str>) {
    let bold = style.patch(it.view.theme.strong());
    for (index, piece) in put::wrap(head, it.cells.saturating_sub(2).max(8)).into_iter().enumerate() {
        let mark = if index == 0 { glyph } else { " " };
        it.out.push(Line::from(vec![Span::styled(mark, style), Span::raw(" "), Span::styled(piece, bold)]));
    }
    for piece in more.iter().flat_map(|text| put::wrap(text, it.cells.saturating_sub(2).max(8))) {
        it.out.push(Line::from(vec![Span::raw("  "), Span::raw(piece)]));
    }
}

/// The webhook endpoint needs a person.
fn needs_endpoint(it: &mut Lines<'_, '_>, one: &IntegrationView, word: &str) {
    let Some(end) = &one.endpoint else { return };
    let mut head = word.to_owned();
    if let Some(since) = endpoint::since(&end.state) {
        head = format!("{word} since {}", fmt::stamp(since, it.view.now, &one.timezone, false));
    }
    let mut more = endpoint::problem(it.view.state, end).unwrap_or_default();
    if one.poll.every_s > 0 {
        more = format!("{more} · events are polled every {} meanwhile", header::every(one.poll.every_s));
    }
    let bad = it.view.theme.bad();
    marked(it, ("!", bad), &head, Some(&more));
}

/// The live connection as it is, with the reason when it is not open.
fn live(view: &View<'_>, one: &IntegrationView, hits: &mut Hits) -> (String, Style) {
    let theme = view.theme;
    let stamp = |at: i64| fmt::stamp(at, view.now, &one.timezone, false);
    match &one.link {
        LinkView::Connected { heard_at, resets_at } => {
            let heard = hits.ago(view.now, *heard_at);
            let fresh = (*resets_at > view.now)
                .then(|| format!(" · a fresh one in {}", fmt::span(resets_at - view.now)));
            (format!("connected, heard {heard}{}", fresh.unwrap_or_default()), theme.good())
        }
        LinkView::Connecting { since } => {
            (format!("connecting, for {}", fmt::span(view.now - since)), theme.text())
        }
        LinkView::Resetting { .. } => ("resetting: a fresh socket takes over".to_owned(), theme.text()),
        LinkView::Waiting { until, reason } => {
            hits.changes_every(Wake::Second);
            let left = (until - view.now).max(0);
            (format!("{reason}; tried again in {left} s, polling goes on"), theme.warn())
        }
        LinkView::Refused { since, reason } => {
            (format!("refused since {}: {reason}; polling goes on", stamp(*since)), theme.warn())
        }
        LinkView::Off => match one.heard_at {
            Some(at) => (format!("off, last heard {}", hits.ago(view.now, at)), theme.faint()),
            None => ("off".to_owned(), theme.faint()),
        },
    }
}

fn schedule(it: &mut Lines<'_, '_>, one: &IntegrationView, hits: &mut Hits) {
    let theme = it.view.theme;
    if one.health == Health::Off {
        return;
    }
    it.title("Staying current");
    let mut spans = vec![Span::raw(header::source(one, it.view.now))];
    if let Some((text, style)) = next(it.view, &one.poll, hits) {
        spans.push(Span::styled(" · ", theme.faint()));
        spans.push(Span::styled(text, style));
    }
    it.spans("Delivery", spans);
    if one.delivery == Delivery::Relay {
        let (text, style) = live(it.view, one, hits);
        it.row("Relay", &text, style);
    }
    if let Some(at) = one.poll.last_at {
        let ago = hits.ago(it.view.now, at);
        it.row("Last poll", &ago, theme.text());
    }
    if let Some(error) = &one.poll.error {
        it.row("", &format!("the last one failed: {error}"), theme.warn());
    }
    if let Some(held) = &one.poll.held {
        it.row("", held, theme.warn());
    }
    match one.last_event_at {
        Some(at) => {
            let ago = hits.ago(it.view.now, at);
            let text = format!("the last one {ago} · {} today", count(one.events_today));
            it.row("Events", &text, theme.text());
        }
        None => it.row("Events", "none yet", theme.faint()),
    }
    let stamp = |at: i64| fmt::stamp(at, it.view.now, &one.timezone, true);
    let key = |action: Action| it.view.state.keymap.label(action);
    let (text, style) = match (one.complete_to, one.hole_at) {
        (Some(at), _) => (format!("to {}, compared with Stripe's own list", stamp(at)), theme.text()),
        (None, Some(at)) => (
            format!(
                "no: on {} events were missing that Stripe lists no more; {}, then {} walk all there is",
                stamp(at),
                key(Action::Discover),
                key(Action::Sync)
            ),
            theme.warn(),
        ),
        (None, None) => ("not compared with Stripe yet".to_owned(), theme.text()),
    };
    it.row("Complete", &text, style);
    if let Some(gap) = one.gaps.last() {
        it.row("Last gap", &format!("{}, to {}", gap.row(), stamp(gap.to)), theme.text());
    }
}

/// When it is polled next, counting down.
fn next(view: &View<'_>, poll: &PollView, hits: &mut Hits) -> Option<(String, Style)> {
    let theme = view.theme;
    if poll.running {
        return Some(("polling now".to_owned(), theme.accent()));
    }
    let at = poll.next_at?;
    let left = at - view.now;
    if left <= 0 {
        return Some(("poll is due".to_owned(), theme.text()));
    }
    hits.changes_every(if left <= 120 { Wake::Second } else { Wake::Minute });
    let left = if left <= 120 { format!("{left} s") } else { fmt::span(left) };
    Some((format!("next in {left}"), theme.strong()))
}

fn reads(it: &mut Lines<'_, '_>, one: &IntegrationView) {
    let theme = it.view.theme;
    let (used, floor) = (one.reads.last_30_days, one.reads.floor);
    let share = used.saturating_mul(100).checked_div(floor).unwrap_or(0);
    let near = share >= 80;
    let words = crate::tui::screens::sync::start::share(used, floor);
    let text = format!("{} in 30 days, {words} of the floor of {}", count(used), count(floor));
    it.row("Our reads", &text, if near { theme.warn() } else { theme.text() });
}

/// The newest check of its key that the snapshot holds.
fn newest<'a>(view: &'a View<'_>, one: &IntegrationView) -> Option<&'a KeyCheckView> {
    view.state.snapshot.key_checks.iter().rev().find(|check| check.integration == Some(one.id))
}

fn check(it: &mut Lines<'_, '_>, one: &IntegrationView) {
    let theme = it.view.theme;
    let wants = Wants { billing: one.billing, delivery: one.delivery, asks: false };
    let again = it.view.state.keymap.label(Action::CheckKey);
    if one.health == Health::Off {
        return;
    }
    it.title("What the key may read");
    let Some(check) = newest(it.view, one) else {
        if let Health::Degraded { missing } = &one.health {
            for lack in missing {
                let text = format!("{} · {}", lack.permission, lack.costs);
                let room = it.cells.saturating_sub(20).max(8);
                for (index, piece) in put::wrap(&text, room).into_iter().enumerate() {
                    let name = if index == 0 { format!("✗ {}", lack.resource) } else { String::new() };
                    it.out.push(Line::from(vec![put::padded(&name, 20, theme.warn()), Span::raw(piece)]));
                }
            }
        } else {
            it.out.push(Line::raw("all that it needs, as of the last check"));
        }
        it.out.push(Line::styled(format!("{again} tries each of them now"), theme.faint()));
        return;
    };
    let (allowed, all, open) = matrix::tally(&check.permissions, wants);
    let text = match &check.state {
        KeyCheckState::Checking => format!("{allowed} of {all}, {open} still being tried"),
        KeyCheckState::Done => format!("{allowed} of {all} that it needs · {again} tries them again"),
        KeyCheckState::Refused { reason } => {
            for piece in put::wrap(reason, it.cells.max(8)) {
                it.out.push(Line::styled(piece, theme.bad()));
            }
            format!("{again} tries again")
        }
    };
    it.out.push(Line::styled(text, theme.faint()));
    it.out.extend(matrix::grid(it.view, &check.permissions, wants, it.cells));
    let current = matrix::current(it.view, &check.permissions, wants, it.cells);
    if current.width() > 0 {
        it.out.push(current);
    }
    let lost = matrix::lost(it.view, &check.permissions, wants, it.cells);
    if !lost.is_empty() {
        it.gap();
        it.out.extend(lost);
    }
}

fn kept(it: &mut Lines<'_, '_>, one: &IntegrationView) {
    it.title("Stored here");
    let grid = stored::grid(it.view, one, it.cells);
    if grid.is_empty() {
        let text = format!(
            "nothing yet: {} lists what is at Stripe, {} stores it here",
            it.view.state.keymap.label(Action::Discover),
            it.view.state.keymap.label(Action::Sync)
        );
        let faint = it.view.theme.faint();
        it.out.push(Line::styled(text, faint));
    }
    for lines in grid {
        it.out.extend(lines);
    }
    if one.events_kept > 0 {
        it.gap();
        let keep = &it.view.state.snapshot.events_keep;
        let text =
            format!("{} events · {} · kept {keep}", count(one.events_kept), text::bytes(one.events_bytes));
        let style = it.view.theme.text();
        it.row("Event log", &text, style);
    }
}
