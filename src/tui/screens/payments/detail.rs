//! Draws one case: what is open and why, what comes next, where it leads, and its tries, newest first.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::case::{Body, CasePane};
use super::view::{class, next, who};
use crate::engine::api::{CaseDetail, CaseRow, CaseState, CaseTry};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::widgets::put::{self, part};
use crate::tui::widgets::{Hits, View, detail};

/// What a case is called: its invoice's number, else its id.
pub fn title(row: &CaseRow) -> String {
    let name = if row.number.is_empty() { &row.id } else { &row.number };
    format!("{name} · {}", who(row))
}

/// Draws it with its frame.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, open: &CasePane, hits: &mut Hits) {
    let theme = view.theme;
    let name = open.case().map_or_else(|| "case".to_owned(), |case| title(&case.row));
    let mut head = vec![Span::styled(fmt::fit(&fmt::clean(&name), 60), theme.strong())];
    head.push(Span::styled(format!("  {}", fmt::clean(&open.id)), theme.faint()));
    let key = |action| Span::styled(view.state.keymap.label(action), theme.accent().patch(theme.strong()));
    let edge = vec![part(1, vec![key(Action::Back), Span::raw(" cases")])];
    let inner = put::frame(buf, area, theme, true, head, edge);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let case = match &open.body {
        Body::Here(case) => case,
        Body::Loading => return put::notice(buf, inner, &[("reading the case …".to_owned(), theme.faint())]),
        Body::NotHere => {
            let lines = [
                ("there is no such case here".to_owned(), theme.text()),
                ("cases are put together from the events that are kept".to_owned(), theme.faint()),
            ];
            return put::notice(buf, inner, &lines);
        }
        Body::Failed(reason) => {
            let lines = [
                ("✗ the case could not be read".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
            ];
            return put::notice(buf, inner, &lines);
        }
    };
    let cells = usize::from(inner.width);
    let zone = view.state.integration(open.integration).map_or("UTC", |one| one.timezone.as_str()).to_owned();
    let mut lines: Vec<(Line<'static>, bool)> = Vec::new();
    if area.height >= 20 {
        lines.push((Line::default(), false));
    }
    lines.extend(facts(view, &case.row, &zone, cells, hits).into_iter().map(|line| (line, false)));
    lines.push((Line::default(), false));
    let chosen = open.index();
    let mut entry = 0;
    for link in &case.links {
        lines.push((detail::view::link_line(theme, link, cells, LABEL - 2, chosen == entry), true));
        entry += 1;
    }
    if !case.links.is_empty() {
        lines.push((Line::default(), false));
    }
    lines.extend(heading(view, case, cells).into_iter().map(|line| (line, false)));
    for one in &case.tries {
        let spans = attempt(view, case, one, &zone, cells);
        lines.push((crate::tui::widgets::put::lit(theme, spans, cells, chosen == entry), true));
        entry += 1;
    }
    // The selected line is always on the screen, and with the first of them all that stands above.
    let height = usize::from(inner.height).max(1);
    let mut places = (0..lines.len()).filter(|index| lines.get(*index).is_some_and(|(_, chosen)| *chosen));
    let at = places.nth(chosen).unwrap_or(0);
    let most = lines.len().saturating_sub(height);
    let least = (at + 1).saturating_sub(height);
    let top = if chosen == 0 && at < height { 0 } else { open.top.min(most).clamp(least, at.max(least)) };
    (hits.detail_rows, hits.detail_top) = (height, top);
    for (row, (line, _)) in lines.iter().skip(top).take(height).enumerate() {
        put::line(buf, inner, row as u16, line);
    }
}

const LABEL: usize = 14;

fn facts(view: &View<'_>, row: &CaseRow, tz: &str, cells: usize, hits: &mut Hits) -> Vec<Line<'static>> {
    let theme = view.theme;
    let mut out = Vec::new();
    let mut fact = |name: &str, spans: Vec<Span<'static>>, more: &str| {
        let mut line = vec![put::padded(name, LABEL, theme.faint())];
        line.extend(spans);
        let used: usize = line.iter().map(Span::width).sum();
        // Beside it where that is wide enough to be read, else below it.
        let beside = used + 26 <= cells;
        let indent = if beside { used + 2 } else { LABEL };
        let mut pieces = put::wrap(more, cells.saturating_sub(indent).max(10)).into_iter().peekable();
        if let Some(first) = pieces.next_if(|_| beside) {
            line.push(Span::styled(format!("  {first}"), theme.faint()));
        }
        out.push(Line::from(line));
        for piece in pieces {
            out.push(Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(piece, theme.faint())]));
        }
    };
    let money = view.money(row.amount.0, &row.amount.1);
    let (name, style) = match &row.state {
        CaseState::Active => ("at risk", theme.warn()),
        CaseState::Recovered { .. } => ("recovered", theme.good()),
        CaseState::Lost { .. } => ("lost", theme.text()),
    };
    fact(name, vec![Span::styled(money, style.patch(theme.strong()))], "");
    let stamp = |at: i64| fmt::stamp(at, view.now, tz, false);
    let tries = if row.tries == 1 { "1 try".to_owned() } else { format!("{} tries", row.tries) };
    let since = vec![
        Span::raw(stamp(row.opened_at)),
        Span::styled(format!(", {}", hits.ago(view.now, row.opened_at)), theme.faint()),
        Span::raw(format!("  {tries}")),
    ];
    let last = if row.failed_at == row.opened_at {
        String::new()
    } else {
        format!("the last failed {}", stamp(row.failed_at))
    };
    fact("since", since, &last);
    let (word, class_style) = class(theme, row.decline.class);
    let mut why = vec![
        Span::styled(fmt::clean(&row.decline.code).into_owned(), class_style.patch(theme.strong())),
        Span::styled(format!("  {word}"), theme.faint()),
    ];
    if let Some(advice) = &row.decline.advice {
        why.push(Span::styled(format!("  issuer: {}", fmt::clean(advice)), theme.warn()));
    }
    fact("last answer", why, &row.decline.means);
    if row.state == CaseState::Active && !row.decline.todo.is_empty() {
        let pieces = put::wrap(&row.decline.todo, cells.saturating_sub(LABEL).max(10));
        for (index, piece) in pieces.into_iter().enumerate() {
            fact(if index == 0 { "what to do" } else { "" }, vec![Span::styled(piece, theme.text())], "");
        }
    }
    let (text, style) = next(view, row, tz, false, hits);
    let label = if row.state == CaseState::Active { "next" } else { "its end" };
    let new_card = row.state == CaseState::Active && row.decline.needs_new_method;
    let more = if new_card { "Stripe does not ask the bank again until the card is another one" } else { "" };
    fact(label, vec![Span::styled(text, style)], more);
    if row.state == CaseState::Active && row.pay_url.is_some() {
        let key = view.state.keymap.label(Action::CopyLink);
        let text = format!("{key} copies the link to the page on which the customer can pay");
        fact(
            "payment page",
            vec![Span::styled(fmt::fit(&text, cells.saturating_sub(LABEL)), theme.text())],
            "",
        );
    }
    out
}

fn heading(view: &View<'_>, case: &CaseDetail, cells: usize) -> Vec<Line<'static>> {
    let theme = view.theme;
    let (here, all) =
        (case.tries.iter().filter(|one| one.decline.is_some()).count(), case.row.tries as usize);
    let mut spans = vec![Span::styled("Tries, newest first", theme.strong())];
    if here < all {
        let text = format!("  {} of {} are in the events kept here", count(here as u64), count(all as u64));
        spans.push(Span::styled(fmt::fit(&text, cells.saturating_sub(19)), theme.faint()));
    }
    vec![Line::from(spans)]
}

fn attempt(view: &View<'_>, case: &CaseDetail, one: &CaseTry, tz: &str, cells: usize) -> Vec<Span<'static>> {
    let theme = view.theme;
    let widest = |text: &dyn Fn(&CaseTry) -> String| {
        case.tries.iter().map(|one| fmt::width(&text(one))).max().unwrap_or(0)
    };
    let time = |one: &CaseTry| fmt::stamp(one.at, view.now, tz, false);
    let money = |one: &CaseTry| view.money(one.amount.0, &one.amount.1);
    let answer = |one: &CaseTry| one.decline.as_ref().map_or_else(|| "paid".to_owned(), |it| it.code.clone());
    let (glyph, style): (_, Style) = match &one.decline {
        Some(_) => ("✗", theme.text()),
        None => ("✓", theme.good()),
    };
    let tint = one.decline.as_ref().map_or(theme.good(), |it| class(theme, it.class).1);
    let mut spans = vec![
        put::padded(&time(one), widest(&time).max(LABEL - 2), theme.faint()),
        Span::raw("  "),
        Span::styled(glyph, style.patch(theme.strong())),
        Span::raw(" "),
        put::padded(&answer(one), widest(&answer).clamp(6, 28), tint),
        Span::raw("  "),
        put::padded_left(&money(one), widest(&money), theme.text()),
    ];
    let mut beside = |text: String, style: Style, least: usize| {
        let used: usize = spans.iter().map(Span::width).sum();
        let room = cells.saturating_sub(used + 2);
        if room >= least && !text.is_empty() {
            spans.push(Span::raw("  "));
            spans.push(Span::styled(fmt::fit(&fmt::clean(&text), room), style));
        }
    };
    let method = widest(&|one| one.method.clone());
    if method > 0 {
        let text = put::padded(&one.method, method, theme.text()).content.into_owned();
        beside(text, theme.text(), method);
    }
    let class_word = one.decline.as_ref().map_or("", |it| class(theme, it.class).0);
    beside(format!("{class_word:<8}"), theme.faint(), 8);
    beside(one.payment.clone(), theme.faint(), 28);
    spans
}
