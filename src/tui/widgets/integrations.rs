//! Pane 1: the connected accounts, how each of them is, and when it is looked at next.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::header::{health, mode, needs_you, source};
use super::put;
use super::{Hits, View, Wake, bar, endpoint};
use crate::engine::api::{
    Delivery, EndpointState, Health, IntegrationView, LinkView, Money, PaymentsToday, Phase,
};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::screens::ScreenId;

/// Draws the pane.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool, hits: &mut Hits) {
    let theme = view.theme;
    let all = &view.state.snapshot.integrations;
    let mut title = vec![
        Span::styled("1 ", theme.accent().patch(theme.strong())),
        Span::styled("Integrations", theme.strong()),
    ];
    let needy = all.iter().filter(|one| needs_you(one)).count();
    if needy > 0 {
        let word = if needy == 1 { "needs you" } else { "need you" };
        title.push(Span::styled(format!(" · {needy} {word}"), theme.bad().patch(theme.strong())));
    }
    let inner = put::frame(buf, area, theme, focused, title, vec![]);
    if all.is_empty() {
        hits.list_rows = 0;
        empty(view, buf, inner);
        return;
    }
    let money = today(view, usize::from(inner.width));
    let mut foot: u16 = if inner.height >= 8 { 2 } else { 0 };
    // What failed today needs a line for each account all the same.
    let block = if money.is_empty() { 0 } else { money.len() as u16 + 1 };
    if foot > 0 && usize::from(inner.height) >= all.len() * 2 + usize::from(foot + block) {
        for (row, line) in (0..).zip(&money) {
            put::line(buf, inner, inner.height - foot - block + 1 + row, line);
        }
        foot += block;
    }
    let list = Rect { height: inner.height.saturating_sub(foot), ..inner };
    // Two lines and a blank one each, as long as all of them fit that way; then two; then one.
    let each = match usize::from(list.height) / all.len() {
        3.. => 3_usize,
        2 => 2,
        _ if list.height < 4 => 1,
        _ => 2,
    };
    let top_gap = usize::from(each == 3 && usize::from(list.height) > all.len() * 3);
    let fits = (usize::from(list.height).saturating_sub(top_gap) / each).max(1);
    hits.list_rows = fits;
    let selected = all.iter().position(|one| Some(one.id) == view.state.selected).unwrap_or(0);
    let first = selected.saturating_sub(fits / 2).min(all.len().saturating_sub(fits));
    for (slot, one) in all.iter().skip(first).take(fits).enumerate() {
        let y = (top_gap + slot * each) as u16;
        row(view, buf, list, y, one, focused, each > 1, hits);
    }
    if foot > 0 {
        footer(view, buf, inner, first > 0 || first + fits < all.len());
    }
}

#[allow(clippy::too_many_arguments)]
fn row(
    view: &View<'_>,
    buf: &mut Buffer,
    area: Rect,
    y: u16,
    one: &IntegrationView,
    focused: bool,
    two_lines: bool,
    hits: &mut Hits,
) {
    let theme = view.theme;
    let selected = view.state.selected == Some(one.id);
    let (glyph, style, _) = health(theme, one);
    let name_room = usize::from(area.width).saturating_sub(3 + 8);
    let name = put::padded(&one.name, name_room, theme.strong());
    let marker = if selected { Span::styled("▌", theme.accent()) } else { Span::raw(" ") };
    let mut line = Line::from(vec![
        marker.clone(),
        Span::styled(glyph, style),
        Span::raw(" "),
        name,
        mode(theme, one.livemode),
        Span::raw(" "),
    ]);
    if selected && focused {
        // The glyph's colour would fight with the reversed row; its shape stays.
        for span in line.spans.iter_mut().skip(1) {
            span.style = theme.reversed();
        }
        if one.livemode
            && let Some(word) = line.spans.get_mut(4)
        {
            word.content = "[LIVE]".into();
        }
    }
    put::line(buf, area, y, &line);
    if two_lines {
        let room = usize::from(area.width).saturating_sub(4);
        let (text, style) = second_line(view, one, room, hits);
        let text = fmt::fit(&fmt::clean(&text), room);
        let marker = if selected { marker } else { Span::raw(" ") };
        put::line(buf, area, y + 1, &Line::from(vec![marker, Span::raw("  "), Span::styled(text, style)]));
    }
}

fn second_line(view: &View<'_>, one: &IntegrationView, room: usize, hits: &mut Hits) -> (String, Style) {
    let theme = view.theme;
    let stamp = |at: i64| fmt::stamp(at, view.now, &one.timezone, false);
    match &one.health {
        Health::Connected | Health::Degraded { .. } if endpoint::down(one).is_some() => {
            (needs_endpoint(view, one, room), theme.bad())
        }
        Health::Connected if one.poll.error.is_some() => {
            (format!("poll failed: {}", one.poll.error.as_deref().unwrap_or_default()), theme.warn())
        }
        Health::Connected if one.hole_at.is_some() => {
            let key = |action| view.state.keymap.label(action);
            let text =
                format!("events were missed: {}, then {} walk all", key(Action::Discover), key(Action::Sync));
            (text, theme.warn())
        }
        Health::Connected if one.delivery == Delivery::Relay => live(view, one, room, hits),
        Health::Connected if one.delivery == Delivery::Endpoint => delivered(view, one, room, hits),
        Health::Connected => (format!("connected · {}", polling(view, one, room, hits)), theme.faint()),
        Health::Degraded { missing } => {
            let mut kinds: Vec<&str> = missing.iter().map(|one| one.resource.as_str()).collect();
            kinds.dedup();
            (format!("{} not allowed", kinds.join(", ")), theme.warn())
        }
        Health::KeyRefused { since, .. } => {
            let mut text = format!("key refused since {}", stamp(*since));
            if view.state.screen == ScreenId::Integrations && one.id == view.state.selected.unwrap_or(one.id)
            {
                text = format!("{text} · {} new key", view.state.keymap.label(Action::NewKey));
            }
            (text, theme.bad())
        }
        Health::Offline { since, reason } => {
            let text = format!("offline since {}", stamp(*since));
            let whole = format!("{text} · {reason}");
            (if fmt::width(&whole) <= room { whole } else { text }, theme.warn())
        }
        Health::Disconnecting { since } => {
            let text = format!("disconnecting since {}", stamp(*since));
            let whole = format!("{text} · finished as soon as Stripe answers");
            (if fmt::width(&whole) <= room { whole } else { text }, theme.warn())
        }
        Health::Off => ("off · its records stay".to_owned(), theme.faint()),
    }
}

/// A webhook endpoint that needs a person: what it is, since when, and the key.
fn needs_endpoint(view: &View<'_>, one: &IntegrationView, room: usize) -> String {
    let word = endpoint::down(one).unwrap_or_default();
    let it = one.endpoint.as_ref();
    let since = it.and_then(|it| endpoint::since(&it.state));
    let mut text = word.to_owned();
    if let Some(since) = since {
        text = format!("{word} since {}", fmt::stamp(since, view.now, &one.timezone, false));
    }
    let here = matches!(view.state.screen, ScreenId::Integrations | ScreenId::Dashboard);
    if here && view.state.selected == Some(one.id) && it.is_some_and(|it| !it.by_hand) {
        let more = format!("{text} · {} sets it right", view.state.keymap.label(Action::EnableEndpoint));
        text = if fmt::width(&more) <= room { more } else { text };
    }
    text
}

/// An endpoint that is there.
fn delivered(view: &View<'_>, one: &IntegrationView, room: usize, hits: &mut Hits) -> (String, Style) {
    let theme = view.theme;
    let Some(it) = &one.endpoint else {
        return (format!("no endpoint · {}", polling(view, one, room, hits)), theme.warn());
    };
    let style = if endpoint::is_less(one) { theme.warn() } else { theme.faint() };
    let text = match (&it.state, it.last_delivery_at) {
        (EndpointState::NoSecret, _) => "endpoint waits for its secret".to_owned(),
        (EndpointState::Leaving { .. }, _) => "endpoint is being removed".to_owned(),
        _ if it.listening.is_none() => "endpoint · no receiver here".to_owned(),
        (_, Some(at)) => format!("endpoint · delivered {}", hits.ago(view.now, at)),
        (_, None) => "endpoint · no delivery yet".to_owned(),
    };
    (text, style)
}

/// The live connection as it is.
fn live(view: &View<'_>, one: &IntegrationView, room: usize, hits: &mut Hits) -> (String, Style) {
    let theme = view.theme;
    match &one.link {
        LinkView::Connected { heard_at, .. } => {
            (format!("relay · heard {}", hits.ago(view.now, *heard_at)), theme.faint())
        }
        LinkView::Connecting { .. } => ("relay connecting …".to_owned(), theme.faint()),
        LinkView::Resetting { .. } => ("relay resetting …".to_owned(), theme.faint()),
        LinkView::Waiting { until, reason } => {
            hits.changes_every(Wake::Second);
            (format!("relay again in {} s · {reason}", (until - view.now).max(0)), theme.warn())
        }
        LinkView::Refused { reason, .. } => (reason.clone(), theme.warn()),
        LinkView::Off => (format!("relay off · {}", polling(view, one, room, hits)), theme.faint()),
    }
}

/// When it is looked at next; with its schedule where there is room.
fn polling(view: &View<'_>, one: &IntegrationView, room: usize, hits: &mut Hits) -> String {
    let next = if one.poll.running {
        "polling now".to_owned()
    } else {
        match one.poll.next_at {
            Some(next) if next > view.now => {
                let left = next - view.now;
                hits.changes_every(if left <= 120 { Wake::Second } else { Wake::Minute });
                // Seconds up to two minutes, so that the count does not seem to stand still.
                let left = if left <= 120 { format!("{left} s") } else { fmt::span(left) };
                format!("next poll in {left}")
            }
            Some(_) => "poll is due".to_owned(),
            None => return source(one, view.now),
        }
    };
    if room >= 56 { format!("{} · {next}", source(one, view.now)) } else { next }
}

fn footer(view: &View<'_>, buf: &mut Buffer, inner: Rect, more: bool) {
    let theme = view.theme;
    let all = &view.state.snapshot.integrations;
    let today: u64 = all.iter().map(|one| one.events_today).sum();
    let mut minutes = [0_u32; 30];
    for one in all {
        let skip = 30_usize.saturating_sub(one.events_per_minute.len());
        for (slot, value) in minutes.iter_mut().skip(skip).zip(&one.events_per_minute) {
            *slot = slot.saturating_add(*value);
        }
    }
    let row = inner.height.saturating_sub(1);
    let most = minutes.iter().copied().max().unwrap_or(0);
    let scale = format!(" max {}/min ", count(u64::from(most)));
    let mut text = format!(" {} events today ", count(today));
    if usize::from(inner.width) < fmt::width(&text) + fmt::width(&scale) + 10 {
        text = format!(" {} today ", count(today));
    }
    let used = fmt::width(&text);
    put::line(buf, inner, row, &Line::styled(text, theme.faint()));
    // The highest column is as many events in its minute as the number beside it says.
    let room = usize::from(inner.width).saturating_sub(used + fmt::width(&scale));
    if room >= 6 && most > 0 {
        let columns = bar::sparkline(&minutes, room.min(30), theme.accent());
        put::right(buf, inner, row, &Line::from(vec![columns, Span::styled(scale, theme.faint())]));
    }
    if more {
        let text = format!(" {} accounts, j k moves", all.len());
        put::line(buf, inner, row.saturating_sub(1), &Line::styled(text, theme.faint()));
    }
}

/// Payments that failed today and that came back, each case once, by currency: of the selected account; with all accounts
/// of those of its mode, since what is LIVE is never added to what is TEST. No lines: nothing of the kind.
pub fn today(view: &View<'_>, cells: usize) -> Vec<Line<'static>> {
    let theme = view.theme;
    let Some(current) = view.state.current() else { return Vec::new() };
    let many = view.state.all_accounts && view.state.snapshot.integrations.len() > 1;
    let of = |one: &&IntegrationView| one.id == current.id || (many && one.livemode == current.livemode);
    let mut sums: Vec<PaymentsToday> = Vec::new();
    for today in view.state.snapshot.integrations.iter().filter(of).flat_map(|one| &one.payments_today) {
        match sums.iter_mut().find(|sum| sum.currency == today.currency) {
            Some(sum) => {
                add(&mut sum.failed, today.failed);
                add(&mut sum.recovered, today.recovered);
            }
            None => sums.push(today.clone()),
        }
    }
    let line = |get: fn(&PaymentsToday) -> Money, word: &str, style: Style| {
        let cases: u64 = sums.iter().map(|sum| get(sum).cases).sum();
        if cases == 0 {
            return None;
        }
        let mut spans = vec![
            Span::raw(" "),
            Span::styled(count(cases), style.patch(theme.strong())),
            Span::raw(format!(" {word} ")),
        ];
        let mut used: usize = spans.iter().map(Span::width).sum();
        let mut left = sums.iter().filter(|sum| get(sum).cases > 0).peekable();
        let mut first = true;
        while let Some(sum) = left.next() {
            let text = view.money(get(sum).amount, &sum.currency);
            let text = format!("{}{text}", if first { " " } else { " · " });
            let after = if left.peek().is_some() { 7 } else { 0 };
            if used + fmt::width(&text) + after > cells {
                spans.push(Span::styled(" · more", theme.faint()));
                break;
            }
            used += fmt::width(&text);
            first = false;
            spans.push(Span::styled(text, style));
        }
        Some(Line::from(spans))
    };
    let lines =
        [line(|sum| sum.failed, "failed", theme.bad()), line(|sum| sum.recovered, "recovered", theme.good())];
    let lines: Vec<Line<'static>> = lines.into_iter().flatten().collect();
    if lines.is_empty() {
        return lines;
    }
    let whose = if many {
        format!("all {} accounts", if current.livemode { "LIVE" } else { "TEST" })
    } else {
        fmt::fit(&fmt::clean(&current.name), cells.saturating_sub(18))
    };
    let mut head = Line::styled(format!(" {whose}, payments today"), theme.faint());
    if head.width() + 3 <= cells {
        let key = view.state.keymap.label(Action::Payments);
        head.spans.push(Span::styled(format!(" {key}"), theme.accent().patch(theme.strong())));
    }
    std::iter::once(head).chain(lines).collect()
}

fn add(sum: &mut Money, more: Money) {
    sum.cases += more.cases;
    sum.amount = sum.amount.saturating_add(more.amount);
}

fn empty(view: &View<'_>, buf: &mut Buffer, inner: Rect) {
    let theme = view.theme;
    let lines = match &view.state.snapshot.phase {
        Phase::Opening => vec![("opening the store …".to_owned(), theme.faint())],
        Phase::Failed { .. } => vec![("not known while the store can't be used".to_owned(), theme.faint())],
        Phase::Ready => vec![
            ("no account connected yet:".to_owned(), theme.text()),
            (format!("{} connects one", view.state.keymap.label(Action::Connect)), theme.strong()),
            ("(`tillwatch demo` to look around)".to_owned(), theme.faint()),
        ],
    };
    put::notice(buf, inner, &lines);
}
