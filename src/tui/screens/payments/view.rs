//! Draws this screen: money per currency above, the cases below; or one case.
//!
//! Where there is little room columns go by priority; an amount is shown whole or not at all. Red is for a card that has
//! to be replaced: nothing happens there before somebody acts.

use std::cmp::Reverse;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::detail;
use super::state::order_words;
use crate::engine::api::{CaseRow, CaseState, CaseTotals, DeclineClass, Money, Next, Phase};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::state::State;
use crate::tui::style::Theme;
use crate::tui::widgets::put::{self, Part, part};
use crate::tui::widgets::{Hits, View, Wake};

/// What the totals count.
const PERIOD: &str = "cases opened in the last 90 days";
/// Currencies that are shown; there are rarely more.
const CURRENCIES: usize = 6;
/// Cells of the account's column.
const ACCOUNT: usize = 14;

/// A class of declines in a word, and its style.
pub fn class(theme: Theme, class: DeclineClass) -> (&'static str, Style) {
    match class {
        DeclineClass::Soft => ("soft", theme.text()),
        DeclineClass::Hard => ("hard", theme.bad()),
        DeclineClass::Fraud => ("fraud", theme.bad()),
        DeclineClass::Fix => ("fix data", theme.warn()),
        DeclineClass::Auth => ("customer", theme.warn()),
        DeclineClass::Config => ("settings", theme.warn()),
        DeclineClass::Unknown => ("unknown", theme.faint()),
    }
}

/// What comes next, or how it ended; shorter where there is little room.
pub fn next(view: &View<'_>, row: &CaseRow, tz: &str, short: bool, hits: &mut Hits) -> (String, Style) {
    let theme = view.theme;
    hits.changes_every(Wake::Minute);
    match (&row.state, &row.next) {
        (CaseState::Recovered { at }, _) => {
            (format!("recovered {}", fmt::stamp(*at, view.now, tz, false)), theme.good())
        }
        (CaseState::Lost { at, why }, _) => {
            (format!("lost: {}, {}", fmt::clean(why), fmt::stamp(*at, view.now, tz, false)), theme.faint())
        }
        (CaseState::Active, Next::At { at }) if *at <= view.now => ("due now".to_owned(), theme.text()),
        (CaseState::Active, Next::At { at }) => (fmt::stamp(*at, view.now, tz, false), theme.text()),
        (CaseState::Active, Next::WaitsForCard) => {
            (if short { "waits for new card" } else { "Stripe waits for a new card" }.to_owned(), theme.bad())
        }
        (CaseState::Active, Next::WaitsForCustomer) => {
            (if short { "waits for customer" } else { "waits for the customer" }.to_owned(), theme.warn())
        }
        (CaseState::Active, Next::Nothing) => {
            (if short { "no further try" } else { "no further try is planned" }.to_owned(), theme.warn())
        }
        (CaseState::Active, Next::Over) => ("over".to_owned(), theme.faint()),
    }
}

/// Where one is: the screen, or a case on it.
pub fn crumbs(state: &State) -> Vec<String> {
    let mut out = vec!["Failed payments".to_owned()];
    if let Some(open) = &state.payments.open {
        let title = open.case().map_or_else(|| open.id.clone(), |case| detail::title(&case.row));
        out.push(fmt::fit(&fmt::clean(&title), 48));
    }
    out
}

/// What the totals count, at the right of that line.
pub fn aside(view: &View<'_>) -> Line<'static> {
    let payments = &view.state.payments;
    if payments.open.is_some() || payments.list.window.totals.is_empty() {
        return Line::default();
    }
    Line::styled(format!("totals: {PERIOD}"), view.theme.faint())
}

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let payments = &view.state.payments;
    if let Some(open) = &payments.open {
        detail::draw(view, buf, area, open, hits);
        return;
    }
    let list = &payments.list;
    let totals = if instead(view).is_some() { &[] } else { list.window.totals.as_slice() };
    let lines = totals.len().min(CURRENCIES).min(usize::from(area.height) / 5);
    let high = if lines == 0 { 0 } else { lines as u16 + 2 };
    let line = u16::from(payments.typing || !payments.find.text().is_empty());
    let top = Rect { height: high.min(area.height), ..area };
    let body = Rect { y: area.y + top.height, height: area.height - top.height, ..area };
    if lines > 0 {
        sums(view, buf, top, totals, lines);
    }
    let inner = put::frame(buf, body, view.theme, true, title(view), hints(view));
    let found = Rect { height: line.min(inner.height), ..inner };
    let rest = Rect { y: inner.y + found.height, height: inner.height - found.height, ..inner };
    if line > 0 {
        looked_for(view, buf, found);
    }
    match instead(view) {
        Some(lines) => put::notice(buf, rest, &lines),
        None => table(view, buf, rest, hits),
    }
}

/// The money: one line a currency under each heading, since currencies are never added up.
fn sums(view: &View<'_>, buf: &mut Buffer, area: Rect, totals: &[CaseTotals], lines: usize) {
    type Of = (&'static str, &'static str, fn(&CaseTotals) -> Money);
    let theme = view.theme;
    let columns: [Of; 4] = [
        ("At risk", "", |one| one.open),
        ("of it stuck", " waits for card or customer", |one| one.stuck),
        ("Recovered", "", |one| one.recovered),
        ("Lost", "", |one| one.lost),
    ];
    // Those in which something is open come first, then those with most cases: what does not fit matters least.
    let mut totals: Vec<&CaseTotals> = totals.iter().collect();
    totals.sort_by_key(|one| {
        let all = one.open.cases + one.recovered.cases + one.lost.cases;
        (Reverse(one.open.cases), Reverse(all), one.currency.clone())
    });
    let wide = area.width / 4;
    for (index, (name, more, of)) in columns.into_iter().enumerate() {
        let x = area.x + wide * index as u16;
        let width = if index == 3 { area.x + area.width - x } else { wide };
        let style = match index {
            0 => theme.warn(),
            1 => theme.bad(),
            2 => theme.good(),
            _ => theme.text(),
        };
        let mut title = vec![Span::styled(name, theme.strong())];
        if usize::from(width) > name.len() + more.len() + 8 {
            title.push(Span::styled(more, theme.faint()));
        }
        let inner = put::frame(buf, Rect { x, width, ..area }, theme, false, title, Vec::new());
        let cells = usize::from(inner.width).saturating_sub(2);
        let money = |one: &CaseTotals| view.money(of(one).amount, &one.currency);
        let fits = |text: &String| fmt::width(text) <= cells;
        let widest =
            totals.iter().take(lines).map(|one| money(one)).filter(fits).map(|text| fmt::width(&text)).max();
        let widest = widest.unwrap_or(0);
        for (row, one) in totals.iter().take(lines).enumerate() {
            let Money { cases, .. } = of(one);
            let at_row = Rect { x: inner.x + 1, width: cells as u16, ..inner };
            if cases == 0 {
                put::line(buf, at_row, row as u16, &Line::styled("–", theme.faint()));
                continue;
            }
            let word = if cases == 1 { "case" } else { "cases" };
            let text = money(one);
            let mut parts: Vec<Part> = Vec::new();
            if fits(&text) {
                let pad = " ".repeat(widest.saturating_sub(fmt::width(&text)));
                parts.push(part(0, vec![Span::raw(pad), Span::styled(text, style.patch(theme.strong()))]));
            } else {
                // An amount that does not fit is not shown in part.
                parts.push(part(0, vec![Span::styled(one.currency.to_uppercase(), theme.faint())]));
            }
            parts.push(part(1, vec![Span::styled(count(cases), theme.faint())]));
            let short = put::fit_parts(parts.clone(), cells, 2);
            parts.pop();
            parts.push(part(1, vec![Span::styled(format!("{} {word}", count(cases)), theme.faint())]));
            let long = put::fit_parts(parts, cells, 2);
            let line = if long.width() >= short.width() { long } else { short };
            put::line(buf, at_row, row as u16, &line);
        }
        if index == 3 && totals.len() > lines {
            let left = totals.len() - lines;
            let word = if left == 1 { "currency" } else { "currencies" };
            let more = format!(" {left} more {word} ");
            let edge = Rect { y: area.y + area.height - 1, height: 1, x, width: width.saturating_sub(2) };
            put::right(buf, edge, 0, &Line::styled(more, theme.faint()));
        }
    }
}

fn title(view: &View<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let payments = &view.state.payments;
    let name = if payments.all { "All cases" } else { "Open cases" };
    let mut spans = vec![Span::styled(name, theme.strong())];
    let list = &payments.list;
    if list.loaded && instead(view).is_none() {
        spans.push(Span::styled(format!("  {}", count(list.window.matching as u64)), theme.strong()));
        if !payments.find.text().trim().is_empty() {
            spans.push(Span::styled(" found", theme.text()));
        }
    }
    if list.window.building && list.loaded {
        spans.push(Span::styled(" · still being put together", theme.warn()));
    }
    spans
}

fn hints(view: &View<'_>) -> Vec<Part> {
    let theme = view.theme;
    let payments = &view.state.payments;
    let key = |action| Span::styled(view.state.keymap.label(action), theme.accent().patch(theme.strong()));
    let mut parts = Vec::new();
    if let Some(reason) = payments.list.error.as_ref().filter(|_| !payments.list.window.rows.is_empty()) {
        let text = format!("! not read again: {}", fmt::fit(&fmt::clean(reason), 40));
        parts.push(part(0, vec![Span::styled(text, theme.warn())]));
    }
    let order = format!(" {}", order_words(payments.order));
    parts.push(part(1, vec![key(Action::Order), Span::raw(order)]));
    let all = if payments.all { " open ones" } else { " all of them" };
    parts.push(part(2, vec![key(Action::OnlyOpen), Span::raw(all)]));
    if view.state.snapshot.integrations.len() > 1 {
        let other = if view.state.all_accounts { " one account" } else { " all accounts" };
        parts.push(part(3, vec![key(Action::AllAccounts), Span::raw(other)]));
    }
    parts
}

fn looked_for(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let payments = &view.state.payments;
    let mut spans = vec![Span::raw(" "), Span::styled("/ ", theme.accent().patch(theme.strong()))];
    let cells = usize::from(area.width).saturating_sub(40).max(10);
    spans.extend(payments.find.draw(theme, cells, payments.typing, |_| theme.text()).spans);
    let about = "number, name, e-mail, id or decline code";
    let used: usize = spans.iter().map(Span::width).sum();
    if payments.typing && used + about.len() + 2 <= usize::from(area.width) {
        put::right(buf, area, 0, &Line::styled(format!("{about} "), theme.faint()));
    }
    put::line(buf, area, 0, &Line::from(spans));
}

/// What stands in place of the rows: loading, an error, or nothing to show.
fn instead(view: &View<'_>) -> Option<Vec<(String, Style)>> {
    let theme = view.theme;
    let state = view.state;
    match &state.snapshot.phase {
        Phase::Opening => return Some(vec![("opening the store …".to_owned(), theme.faint())]),
        Phase::Failed { reason } => {
            return Some(vec![
                ("✗ the store can't be used".to_owned(), theme.bad().patch(theme.strong())),
                (reason.clone(), theme.text()),
                (format!("data folder: {}", state.snapshot.data_dir), theme.faint()),
            ]);
        }
        Phase::Ready => {}
    }
    let key = |action| state.keymap.label(action);
    if state.snapshot.integrations.is_empty() {
        return Some(vec![
            (format!("no account connected yet: {} connects one", key(Action::Connect)), theme.text()),
            ("`tillwatch demo` is there to look around".to_owned(), theme.faint()),
        ]);
    }
    let payments = &state.payments;
    let list = &payments.list;
    if !list.window.rows.is_empty() {
        return None;
    }
    if let Some(reason) = &list.error {
        return Some(vec![
            ("✗ the failed payments could not be read".to_owned(), theme.bad().patch(theme.strong())),
            (reason.clone(), theme.text()),
            ("it is tried again with the next event".to_owned(), theme.faint()),
        ]);
    }
    if !list.loaded {
        return Some(vec![("reading the failed payments …".to_owned(), theme.faint())]);
    }
    if list.window.building {
        return Some(vec![(
            "putting the cases together from the events kept here …".to_owned(),
            theme.faint(),
        )]);
    }
    let find = payments.find.text().trim();
    if !find.is_empty() {
        return Some(vec![
            (
                format!("no {}case has “{}”", if payments.all { "" } else { "open " }, fmt::clean(find)),
                theme.text(),
            ),
            (format!("{} takes it away, {} changes it", key(Action::Back), key(Action::Find)), theme.faint()),
        ]);
    }
    let begins = "a case begins with the event payment_intent.payment_failed or invoice.payment_failed";
    if payments.all || list.window.totals.is_empty() {
        return Some(vec![
            ("no payment has failed, as far as the events kept here tell".to_owned(), theme.text()),
            (begins.to_owned(), theme.faint()),
        ]);
    }
    Some(vec![
        ("✓ no payment waits for anything".to_owned(), theme.good()),
        (format!("{} shows those that were recovered or lost", key(Action::OnlyOpen)), theme.faint()),
    ])
}

/// Cells of the columns; 0: not shown.
#[derive(Debug, Clone, Copy)]
struct Columns {
    amount: usize,
    account: usize,
    who: usize,
    number: usize,
    since: usize,
    tries: usize,
    answer: usize,
    class: usize,
    next: usize,
    gap: usize,
    short: bool,
}

/// What the columns' content would take.
#[derive(Debug, Clone, Copy)]
struct Widest {
    amount: usize,
    who: usize,
    number: usize,
    answer: usize,
    next: usize,
    short_next: usize,
}

impl Columns {
    fn fit(width: usize, w: Widest, accounts: bool) -> Columns {
        let mut it = Columns {
            amount: w.amount,
            account: 0,
            who: 10,
            number: 0,
            since: 0,
            tries: 0,
            answer: 0,
            class: 0,
            next: 0,
            gap: 2,
            short: true,
        };
        // In the order of what matters most: how much, what comes next, why, since when, and only then the rest.
        let steps: [fn(&mut Columns, Widest); 11] = [
            |it, w| it.next = w.short_next.clamp(12, 24),
            |it, w| it.answer = w.answer.clamp(6, 18),
            |it, _| it.since = 5,
            |it, w| it.who = w.who.clamp(8, 14),
            |it, w| it.answer = w.answer.clamp(6, 24),
            |it, _| it.tries = 5,
            |it, w| it.number = w.number.clamp(7, 14),
            |it, w| it.who = w.who.clamp(8, 24),
            |it, _| it.class = 8,
            |it, w| (it.next, it.short) = (w.next.clamp(12, 40), false),
            |it, w| {
                (it.number, it.answer, it.who) =
                    (w.number.clamp(7, 26), w.answer.clamp(6, 34), w.who.clamp(8, 44));
            },
        ];
        if accounts {
            it.account = 10;
        }
        for step in steps {
            let mut more = it;
            step(&mut more, w);
            if more.used() <= width {
                it = more;
            }
        }
        if accounts && it.used() + ACCOUNT - it.account <= width {
            it.account = ACCOUNT;
        }
        if it.used() > width {
            it.account = 0;
        }
        it
    }

    fn used(&self) -> usize {
        let of = |cells: usize| if cells == 0 { 0 } else { cells + self.gap };
        // Two cells of edge, and no gap behind the last one.
        2 + of(self.amount)
            + of(self.account)
            + of(self.who)
            + of(self.number)
            + of(self.since)
            + of(self.tries)
            + of(self.answer)
            + of(self.class)
            + of(self.next)
            - self.gap
            + 1
    }

    fn line(&self, cells: [Span<'static>; 9]) -> Line<'static> {
        let all = [
            self.amount,
            self.account,
            self.who,
            self.number,
            self.since,
            self.tries,
            self.answer,
            self.class,
            self.next,
        ];
        let mut out = vec![Span::raw("  ")];
        for (width, span) in all.into_iter().zip(cells) {
            if width > 0 {
                out.push(span);
                out.push(Span::raw(" ".repeat(self.gap)));
            }
        }
        Line::from(out)
    }
}

fn table(view: &View<'_>, buf: &mut Buffer, area: Rect, hits: &mut Hits) {
    let theme = view.theme;
    let payments = &view.state.payments;
    let list = &payments.list;
    let head = u16::from(area.height >= 5);
    let body = Rect { y: area.y + head, height: area.height.saturating_sub(head), ..area };
    let lines = usize::from(body.height);
    if lines == 0 {
        return;
    }
    // The line beneath the selected row takes one away from the rows.
    let told = lines >= 4;
    let height = lines - usize::from(told);
    let top = list.top(height);
    (hits.table_rows, hits.table_offset) = (height, list.row_number().unwrap_or(0).saturating_sub(top));
    let accounts = view.state.all_accounts && view.state.snapshot.integrations.len() > 1;
    let tz = |row: &CaseRow| {
        view.state.integration(row.integration).map_or("UTC", |one| one.timezone.as_str()).to_owned()
    };
    let rows = &list.window.rows;
    // Of all that is loaded, not of what shows: columns must not change with every row that is scrolled in.
    let mut w = Widest { amount: 7, who: 8, number: 7, answer: 6, next: 4, short_next: 4 };
    for row in rows {
        w.amount = w.amount.max(fmt::width(&view.money(row.amount.0, &row.amount.1)));
        w.who = w.who.max(fmt::width(who(row)));
        w.number = w.number.max(fmt::width(number(row)));
        w.answer = w.answer.max(fmt::width(&row.decline.code));
        let zone = tz(row);
        w.next = w.next.max(fmt::width(&next(view, row, &zone, false, hits).0));
        w.short_next = w.short_next.max(fmt::width(&next(view, row, &zone, true, hits).0));
    }
    let c = Columns::fit(usize::from(area.width), w, accounts);
    if head > 0 {
        let faint = theme.faint();
        let amount = if payments.all { "amount" } else { "at risk" };
        let cells = [
            put::padded_left(amount, c.amount, faint),
            put::padded("account", c.account, faint),
            put::padded("customer", c.who, faint),
            put::padded("invoice", c.number, faint),
            put::padded_left("since", c.since, faint),
            put::padded_left("tries", c.tries, faint),
            put::padded("last answer", c.answer, faint),
            put::padded("class", c.class, faint),
            put::padded(if payments.all { "next, or its end" } else { "next" }, c.next, faint),
        ];
        put::line(buf, area, 0, &c.line(cells));
    }
    let mut at = 0;
    for place in top..list.window.matching.min(top + height) {
        let row = place.checked_sub(list.window.skipped).and_then(|index| rows.get(index));
        let Some(row) = row else {
            put::line(buf, body, at, &Line::styled("   …", theme.faint()));
            at += 1;
            continue;
        };
        let mut line = one(view, row, c, &tz(row), hits);
        let selected = list.row_number() == Some(place);
        if selected {
            line.spans.push(Span::raw(" ".repeat(usize::from(area.width).saturating_sub(line.width()))));
            for span in &mut line.spans {
                span.style = theme.reversed().remove_modifier(Modifier::DIM);
            }
        } else if list.stale {
            for span in &mut line.spans {
                span.style = span.style.patch(theme.faint());
            }
        }
        put::line(buf, body, at, &line);
        at += 1;
        if selected {
            put::line(buf, body, at - 1, &Line::styled("▌", theme.accent()));
            if told {
                put::line(buf, body, at, &means(view, row, usize::from(area.width), c.amount));
                at += 1;
            }
        }
    }
}

/// Who has to pay, as well as it is known.
pub fn who(row: &CaseRow) -> &str {
    [row.who.as_str(), row.customer.as_str(), "–"].into_iter().find(|text| !text.is_empty()).unwrap_or("–")
}

fn number(row: &CaseRow) -> &str {
    if row.number.is_empty() { "–" } else { &row.number }
}

fn one(view: &View<'_>, row: &CaseRow, c: Columns, tz: &str, hits: &mut Hits) -> Line<'static> {
    let theme = view.theme;
    let (amount, currency) = (row.amount.0, row.amount.1.as_str());
    let over = row.state != CaseState::Active;
    let (word, class_style) = class(theme, row.decline.class);
    let (next, next_style) = next(view, row, tz, c.short, hits);
    let age = view.now - row.opened_at;
    let days = if age < 60 { "< 1 m".to_owned() } else { fmt::span(age) };
    let plain = |style: Style| if over { theme.faint() } else { style };
    // An id stands for a name that is not stored: it says less.
    let who_style = if row.who.is_empty() { theme.faint() } else { theme.text() };
    c.line([
        put::padded_left(&view.money(amount, currency), c.amount, plain(theme.strong())),
        put::padded(&view.state.name_of(row.integration), c.account, theme.text()),
        put::padded(who(row), c.who, plain(who_style)),
        put::padded(number(row), c.number, theme.faint()),
        put::padded_left(&days, c.since, theme.text()),
        put::padded_left(&row.tries.to_string(), c.tries, theme.text()),
        put::padded(&row.decline.code, c.answer, plain(class_style)),
        put::padded(word, c.class, theme.faint()),
        put::padded(&next, c.next, next_style),
    ])
}

/// What the last answer means, and what to do.
fn means(view: &View<'_>, row: &CaseRow, cells: usize, indent: usize) -> Line<'static> {
    let theme = view.theme;
    let decline = &row.decline;
    let todo = if row.state == CaseState::Active { decline.todo.as_str() } else { "" };
    let text = [decline.means.as_str(), todo].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let text = fmt::clean(&text.join(" · ")).into_owned();
    let indent = indent.saturating_sub(1).max(1);
    let soft = decline.class == DeclineClass::Soft || row.state != CaseState::Active;
    let style = if soft { theme.text() } else { theme.warn() };
    Line::from(vec![
        Span::styled(format!("{}└ ", " ".repeat(indent)), theme.faint()),
        Span::styled(fmt::fit(&text, cells.saturating_sub(indent + 3)), style),
    ])
}
