//! The top line: whose screen this is, how current it is, and what it has cost.
//!
//! It must always tell account and mode, and never call something current that is not.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Span};

use super::put::{self, Part, part};
use super::{Hits, View, Wake, endpoint};
use crate::engine::api::{Delivery, Health, IntegrationView, LinkView, Phase};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::style::Theme;

/// A live connection without a sign of life for so long is worth a word, in seconds.
const LATE_S: i64 = 5;

/// How an integration is, in a glyph, a style and a word.
pub fn health(theme: Theme, view: &IntegrationView) -> (&'static str, Style, &'static str) {
    match endpoint::down(view) {
        Some(word) => ("!", theme.bad(), word),
        None => reach(theme, view),
    }
}

/// The same, its webhook endpoint left aside where that needs a person.
pub fn reach(theme: Theme, view: &IntegrationView) -> (&'static str, Style, &'static str) {
    // What is polled only, although it should come live, is less than it could be.
    let out = view.delivery == Delivery::Endpoint && endpoint::is_less(view)
        || view.delivery == Delivery::Relay
            && matches!(view.link, LinkView::Waiting { .. } | LinkView::Refused { .. });
    match &view.health {
        Health::Connected if out => ("◐", theme.warn(), "connected"),
        Health::Connected => ("●", theme.good(), "connected"),
        Health::Degraded { .. } => ("◐", theme.warn(), "connected"),
        Health::KeyRefused { .. } => ("!", theme.bad(), "key refused"),
        Health::Offline { .. } => ("○", theme.warn(), "offline"),
        Health::Disconnecting { .. } => ("○", theme.warn(), "disconnecting"),
        Health::Off => ("–", theme.faint(), "off"),
    }
}

/// A person has to do something about it.
pub fn needs_you(view: &IntegrationView) -> bool {
    matches!(view.health, Health::KeyRefused { .. }) || endpoint::down(view).is_some()
}

/// LIVE or TEST, as words.
pub fn mode(theme: Theme, livemode: bool) -> Span<'static> {
    if livemode { Span::styled(" LIVE ", theme.reversed()) } else { Span::raw(" TEST ") }
}

/// The schedule in a word: `15m`.
pub fn every(seconds: u64) -> String {
    match seconds {
        s if s >= 3600 && s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s >= 60 && s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// The live connection in a few words; none: there is none to be had. Waiting counts down.
pub fn link(view: &IntegrationView, now: i64) -> Option<String> {
    if view.delivery != Delivery::Relay {
        return None;
    }
    Some(match &view.link {
        LinkView::Off => "relay off".to_owned(),
        LinkView::Connecting { .. } => "relay connecting".to_owned(),
        // A sign of life is due every two seconds: its age is worth a word once it is late.
        LinkView::Connected { heard_at, .. } if now - heard_at >= LATE_S => {
            format!("relay silent {} s", now - heard_at)
        }
        LinkView::Connected { .. } => "relay".to_owned(),
        LinkView::Resetting { .. } => "relay resetting".to_owned(),
        LinkView::Waiting { until, .. } => format!("relay again in {} s", (until - now).max(0)),
        LinkView::Refused { .. } => "relay refused".to_owned(),
    })
}

/// Where the events come from: `poll 15m`, `relay + poll 1h`.
pub fn source(view: &IntegrationView, now: i64) -> String {
    let live = match view.delivery {
        Delivery::Poll => None,
        Delivery::Relay => link(view, now),
        Delivery::Endpoint => Some(endpoint::down(view).unwrap_or("endpoint").to_owned()),
    };
    let poll = (view.poll.every_s > 0).then(|| format!("poll {}", every(view.poll.every_s)));
    match (live, poll) {
        (Some(live), Some(poll)) => format!("{live} + {poll}"),
        (Some(live), None) => live,
        (None, Some(poll)) => poll,
        (None, None) => "not polled".to_owned(),
    }
}

/// Draws the line.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let snapshot = &view.state.snapshot;
    let wide = area.width >= 110;
    let mut parts = vec![part(9, vec![Span::styled("tillwatch", theme.accent().patch(theme.strong()))])];
    if snapshot.demo {
        parts.push(part(0, vec![Span::styled(" DEMO ", theme.reversed())]));
    }
    if snapshot.read_only {
        parts.push(part(0, vec![Span::styled("READ-ONLY", theme.strong())]));
    }
    match &snapshot.attached {
        Some(held) if held.lost.is_some() => {
            parts.push(part(0, vec![Span::styled(" NOT CONNECTED ", theme.bad().patch(theme.reversed()))]));
            // The sentence is shown for a moment only; what to press stays.
            let keys = view.state.keymap.label(Action::TakeOver);
            parts.push(part(1, vec![Span::raw(format!("{keys} takes over"))]));
        }
        Some(held) if wide => {
            parts.push(part(8, vec![Span::styled(format!("attached to {}", held.pid), theme.faint())]));
        }
        _ => {}
    }
    if let Some(current) = view.state.current() {
        let name = fmt::fit(&fmt::clean(&current.name), if wide { 32 } else { 18 });
        parts.push(part(
            0,
            vec![Span::styled(name, theme.strong()), Span::raw(" "), mode(theme, current.livemode)],
        ));
        currency(view, current, hits, area.width, &mut parts);
    } else {
        let text = match snapshot.phase {
            Phase::Opening => "opening the store …",
            Phase::Failed { .. } => "the store can't be used",
            Phase::Ready => "no account connected",
        };
        parts.push(part(0, vec![Span::raw(text)]));
    }
    let clock = clock(view, hits, wide);
    let clock_width: usize = clock.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(clock_width + 3);
    put::line(
        buf,
        Rect { x: area.x + 1, width: room as u16, ..area },
        0,
        &put::fit_parts(parts, room, if area.width >= 136 { 3 } else { 2 }),
    );
    put::right(buf, area, 0, &clock.into());
}

fn currency(view: &View<'_>, current: &IntegrationView, hits: &mut Hits, width: u16, parts: &mut Vec<Part>) {
    let (wide, roomy) = (width >= 110, width >= 136);
    let theme = view.theme;
    let tz = current.timezone.as_str();
    let (glyph, style, word) = health(theme, current);
    let mut late = Vec::new();
    let mut state = vec![Span::styled(glyph, style), Span::raw(" ")];
    match &current.health {
        Health::Connected | Health::Degraded { .. } => {
            // Said in red wherever it is seen, and before anything else.
            let down = endpoint::down(current).is_some();
            if down {
                state.push(Span::styled(word, style.patch(theme.strong())));
                state.push(Span::raw(", "));
            }
            if wide && down {
                if current.poll.every_s > 0 {
                    state.push(Span::raw(format!("poll {}, ", every(current.poll.every_s))));
                }
            } else if wide {
                if matches!(current.link, LinkView::Waiting { .. }) {
                    hits.changes_every(Wake::Second);
                }
                state.push(Span::raw(format!("{}, ", source(current, view.now))));
            }
            match current.last_event_at {
                Some(at) => {
                    state.push(Span::raw(if wide { "last event " } else { "event " }));
                    state.push(Span::styled(hits.ago(view.now, at), theme.strong()));
                }
                None => state.push(Span::raw("no event yet")),
            }
        }
        Health::KeyRefused { since, .. }
        | Health::Offline { since, .. }
        | Health::Disconnecting { since } => {
            let since = fmt::stamp(*since, view.now, tz, false);
            state.push(Span::styled(format!("{word} since {since}"), style.patch(theme.strong())));
            if let Some(at) = current.last_event_at {
                late.push(Span::raw("last event "));
                late.push(Span::styled(hits.ago(view.now, at), theme.strong()));
            }
        }
        Health::Off => state.push(Span::styled(word, theme.strong())),
    }
    parts.push(part(1, state));
    parts.push(part(3, late));
    match current.complete_to {
        Some(at) => parts.push(part(
            2,
            vec![
                Span::raw("complete to "),
                Span::styled(fmt::stamp(at, view.now, tz, true), theme.good().patch(theme.strong())),
            ],
        )),
        None if current.hole_at.is_some() => {
            parts.push(part(2, vec![Span::styled("events were missed", theme.warn().patch(theme.strong()))]));
        }
        None => parts.push(part(3, vec![Span::styled("not compared with Stripe yet", theme.faint())])),
    }
    let reads = current.reads;
    let near = reads.floor > 0 && reads.last_30_days.saturating_mul(5) >= reads.floor.saturating_mul(4);
    let style = if near { theme.warn().patch(theme.strong()) } else { theme.strong() };
    let (before, after) = if roomy {
        ("our reads, 30 d: ", format!(" (floor {})", count(reads.floor)))
    } else {
        ("30 d reads ", format!(" of {}", count(reads.floor)))
    };
    parts.push(part(
        4,
        vec![Span::raw(before), Span::styled(count(reads.last_30_days), style), Span::raw(after)],
    ));
}

fn clock(view: &View<'_>, hits: &mut Hits, wide: bool) -> Vec<Span<'static>> {
    let tz = view.state.timezone();
    let text = if wide {
        hits.changes_every(Wake::Second);
        format!("{} {} ", fmt::hms(view.now, tz), fmt::city(tz))
    } else {
        hits.changes_every(Wake::Minute);
        format!("{} ", fmt::hm(view.now, tz))
    };
    vec![Span::raw(text)]
}
