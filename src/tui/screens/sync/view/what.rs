//! The pane `What`: what was chosen, line by line, or the options of the line that is being changed.

use jiff::civil::Date;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{inside, key, no_account};
use crate::clock;
use crate::engine::api::{IntegrationView, Pace};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::screens::sync::edit::{self, Editing, FIELDS, Field, Typing};
use crate::tui::widgets::View;
use crate::tui::widgets::put::{self, part};

/// Cells of a line's name.
const NAME: usize = 11;

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, focused: bool) {
    let theme = view.theme;
    let faint = |text: &'static str| Span::styled(text, theme.faint());
    let editing = view.state.sync.editing.as_ref();
    let mut title = vec![Span::styled("What", theme.strong())];
    let hints = match editing {
        Some(editing) => {
            title.push(Span::raw(format!(" › {}", editing.field.name())));
            let many = matches!(editing.field, Field::Statuses | Field::Also);
            let mut hint = vec![key(view, Action::Accept), faint(" takes")];
            if many && editing.typing.is_none() {
                hint.splice(0..0, [key(view, Action::Toggle), faint(" ticks  ")]);
            }
            hint
        }
        None => vec![key(view, Action::Open), faint(" changes")],
    };
    let inner = put::frame(buf, area, theme, focused, title, vec![part(1, hints)]);
    if no_account(view, buf, inner) {
        return;
    }
    let Some(one) = view.state.current() else { return };
    let today = clock::today(view.now, one.timezone.as_str());
    match editing {
        Some(editing) => match &editing.typing {
            Some(typing) => draw_typing(view, buf, inner, typing),
            None => draw_options(view, buf, inner, editing, one, today),
        },
        None => draw_lines(view, buf, inner, focused, one, today),
    }
}

fn draw_lines(
    view: &View<'_>,
    buf: &mut Buffer,
    inner: Rect,
    focused: bool,
    one: &IntegrationView,
    today: Date,
) {
    let theme = view.theme;
    let area = inside(inner);
    let cells = usize::from(area.width);
    let choice = view.state.sync.choice(one.id);
    let mut row = u16::from(inner.height >= 11);
    for (index, field) in FIELDS.iter().enumerate() {
        if *field == Field::Also {
            // Always kept: no choice, but good to know.
            let with = if one.billing { "lines customers products payments" } else { "payments" };
            let line =
                Line::from(vec![put::padded("With", NAME, theme.faint()), Span::styled(with, theme.faint())]);
            put::line(buf, area, row, &line);
            row += 1;
        }
        let mut value = edit::value(*field, &choice, one, today);
        if fmt::width(&value) + NAME > cells {
            value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        let value = fmt::fit(&fmt::clean(&value), cells.saturating_sub(NAME));
        let selected = focused && index == view.state.sync.line.min(FIELDS.len() - 1);
        let strong = matches!(field, Field::Created | Field::Pace);
        let style = if strong { theme.strong() } else { theme.text() };
        let mut spans = vec![
            put::padded(field.name(), NAME, theme.faint()),
            put::padded(&value, cells - NAME.min(cells), style),
        ];
        if selected {
            for span in &mut spans {
                span.style = theme.reversed();
            }
            put::line(buf, Rect { x: inner.x, ..area }, row, &Line::styled("▌", theme.accent()));
        }
        put::line(buf, area, row, &Line::from(spans));
        row += 1;
    }
    let left = inner.height.saturating_sub(row);
    if left >= 5 {
        row += 1;
        for piece in put::wrap(share(choice.pace, one.livemode), cells).into_iter().take(2) {
            put::line(buf, area, row, &Line::styled(piece, theme.faint()));
            row += 1;
        }
    }
    row += u16::from(left >= 2);
    put::line(buf, area, row, &put::fit_parts(buttons(view, one), cells, if cells >= 48 { 3 } else { 2 }));
}

/// What is left for the account's own software.
fn share(pace: Pace, livemode: bool) -> &'static str {
    match (pace, livemode) {
        (Pace::Auto | Pace::Polite, true) => {
            "leaves your own traffic 10 of Stripe's 25 GET/s per endpoint and 60 of 100 overall"
        }
        (Pace::Full, true) => {
            "uses all that Stripe allows: your own traffic may be told to slow down meanwhile"
        }
        (Pace::Polite, false) => "leaves 10 of the 25 GET/s that test mode has per endpoint",
        (Pace::Auto | Pace::Full, false) => "test mode: no live traffic is slowed down",
        (Pace::None, _) => "for a Stripe of your own only: elsewhere it is full",
        (Pace::PerEndpoint(_), _) => "as given on the command line",
    }
}

fn buttons(view: &View<'_>, one: &IntegrationView) -> Vec<put::Part> {
    let theme = view.theme;
    let c = one.catalog;
    let label = |action: Action| view.state.keymap.label(action);
    let todo = c.pending + c.stale;
    // What comes next stands out.
    let first = todo == 0;
    let button = |drops: u8, action: Action, text: String, out: bool| {
        if out {
            part(drops, vec![Span::styled(format!(" {} {text} ", label(action)), theme.reversed())])
        } else {
            part(drops, vec![key(view, action), Span::raw(format!(" {text}"))])
        }
    };
    let mut parts = vec![button(0, Action::Discover, "discover".to_owned(), first)];
    if todo > 0 {
        parts.push(button(0, Action::Sync, format!("sync {}", count(todo)), true));
    }
    if c.error > 0 {
        parts.push(button(1, Action::RetryFailed, format!("retry {} failed", count(c.error)), false));
    }
    parts
}

fn draw_options(
    view: &View<'_>,
    buf: &mut Buffer,
    inner: Rect,
    editing: &Editing,
    one: &IntegrationView,
    today: Date,
) {
    let theme = view.theme;
    let area = inside(inner);
    let cells = usize::from(area.width);
    let all = edit::options(editing, one, view.state.snapshot.demo, today);
    let many = matches!(editing.field, Field::Statuses | Field::Also);
    let lead = u16::from(usize::from(inner.height) >= all.len() + 3);
    let height = usize::from(inner.height.saturating_sub(lead)).max(1);
    let top = (editing.at + 1).saturating_sub(height);
    let widest = all.iter().map(|opt| fmt::width(&opt.label)).max().unwrap_or(0) + 2;
    for (slot, (index, opt)) in all.iter().enumerate().skip(top).take(height).enumerate() {
        let sign = match (many, opt.on) {
            (true, true) => "☑ ",
            (true, false) => "☐ ",
            (false, true) => "● ",
            (false, false) => "○ ",
        };
        let note = cells.saturating_sub(widest + 2);
        let mut spans = vec![
            Span::styled(sign, if opt.on { theme.accent() } else { theme.faint() }),
            put::padded(&opt.label, widest.min(cells.saturating_sub(2)), theme.text()),
            put::padded(&opt.note, note, theme.faint()),
        ];
        if index == editing.at {
            for span in &mut spans {
                span.style = theme.reversed();
            }
        }
        put::line(buf, area, lead + slot as u16, &Line::from(spans));
    }
    let below = lead + all.len() as u16 + 1;
    if editing.field == Field::Also && below < inner.height {
        let text = "listed whole by discover, within the same days";
        put::line(buf, area, below, &Line::styled(fmt::fit(text, cells), theme.faint()));
    }
}

fn draw_typing(view: &View<'_>, buf: &mut Buffer, inner: Rect, typing: &Typing) {
    let theme = view.theme;
    let area = inside(inner);
    let cells = usize::from(area.width);
    let mut row = u16::from(inner.height >= 6);
    let lines =
        [("from", &typing.from, !typing.on_to, "the beginning"), ("to", &typing.to, typing.on_to, "today")];
    for (name, line, focused, empty) in lines {
        let mut spans = vec![put::padded(name, 6, if focused { theme.strong() } else { theme.faint() })];
        spans.extend(line.draw(theme, 24.min(cells.saturating_sub(6)), focused, |_| theme.text()).spans);
        if line.text().is_empty() {
            spans.push(Span::styled(format!(" empty: {empty}"), theme.faint()));
        }
        put::line(buf, area, row, &Line::from(spans));
        row += 1;
    }
    row += u16::from(inner.height >= 7);
    let (text, style) = match &typing.mistake {
        Some(mistake) => (mistake.as_str(), theme.warn()),
        None => (
            "days as YYYY-MM-DD, both included, in the account's time zone; Tab goes to the other",
            theme.faint(),
        ),
    };
    for piece in put::wrap(text, cells).into_iter().take(3) {
        put::line(buf, area, row, &Line::styled(piece, style));
        row += 1;
    }
}
