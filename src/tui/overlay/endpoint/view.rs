//! Draws the page about one webhook endpoint.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{EndpointSheet, Field, view_of};
use crate::engine::api::{EndpointState, EndpointView, IntegrationView};
use crate::integration::endpoint::events;
use crate::server::receiver::USUAL;
use crate::stripe::API_VERSION;
use crate::tui::fmt;
use crate::tui::input::actions::Action;
use crate::tui::widgets::form::{self, Rows};
use crate::tui::widgets::{View, endpoint, header};

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, sheet: &EndpointSheet) {
    super::super::dim(buf, area);
    let name = fmt::fit(&fmt::clean(&view.state.name_of(sheet.id)), 40);
    let size = if sheet.by_hand { (104, 30) } else { (96, 18) };
    let live = view.state.integration(sheet.id).is_some_and(|one| one.livemode);
    let mode = if live { "LIVE" } else { "TEST" };
    let inside = super::super::panel(view, buf, area, size, &format!("Webhook endpoint of {name} ({mode})"));
    let cells = usize::from(inside.width);
    let mut rows = Rows::default();
    let mut hints = Vec::new();
    match view_of(view.state, sheet.id) {
        Some((one, it)) if it.by_hand => {
            by_hand(view, &mut rows, sheet, one, it, inside);
            hints.extend([(Action::Accept, "keep the secret"), (Action::Back, "later")]);
            if sheet.secret.is_empty() || sheet.focus == Field::Go {
                hints
                    .extend([(Action::CopyId, "copy the URL"), (Action::OpenInStripe, "open the Dashboard")]);
            }
        }
        Some((one, it)) => {
            ours(view, &mut rows, sheet, one, it, cells);
            hints.push((Action::Accept, "close"));
            if it.is_down() {
                hints.extend([(Action::TryAgain, "try again"), (Action::OpenInStripe, "open the form")]);
            } else {
                hints.push((Action::CopyId, "copy the address"));
            }
        }
        None => {
            let text = "No webhook endpoint was asked for, or it could not be: the messages say why. Events are polled.";
            rows.text(0, text, cells, view.theme.warn());
            hints.push((Action::Back, "close"));
        }
    }
    form::place(buf, inside, rows, &form::hints(view, sheet.context(), cells, &hints));
}

fn heading(view: &View<'_>, rows: &mut Rows, one: &IntegrationView) {
    let theme = view.theme;
    rows.may_go(
        7,
        Line::from(vec![
            Span::styled("✓ ", theme.good()),
            Span::raw("connected  "),
            Span::styled(fmt::clean(&one.account).into_owned(), theme.faint()),
            Span::raw(" "),
            header::mode(theme, one.livemode),
        ]),
    );
    rows.gap();
}

fn wrong(view: &View<'_>, rows: &mut Rows, sheet: &EndpointSheet, cells: usize) {
    if let Some(wrong) = &sheet.wrong {
        let mark = Span::styled("✗ ", view.theme.bad());
        rows.labelled(0, mark, wrong, cells, view.theme.bad().patch(view.theme.strong()));
        rows.gap();
    }
}

fn polled(one: &IntegrationView) -> String {
    match one.poll.every_s {
        0 => "Nothing new comes in by itself until then.".to_owned(),
        seconds => format!("Events are polled every {} meanwhile.", header::every(seconds)),
    }
}

/// One that tillwatch made, or could not.
fn ours(
    view: &View<'_>,
    rows: &mut Rows,
    sheet: &EndpointSheet,
    one: &IntegrationView,
    it: &EndpointView,
    cells: usize,
) {
    let theme = view.theme;
    heading(view, rows, one);
    if it.is_down() {
        let text = match &it.state {
            EndpointState::Unmade { reason } => format!("No webhook endpoint was made: {reason}"),
            state => format!("The webhook endpoint is {}.", endpoint::word(state)),
        };
        let mark = Span::styled("✗ ", theme.bad());
        rows.labelled(0, mark, &text, cells, theme.bad().patch(theme.strong()));
        rows.gap();
        rows.text(0, &polled(one), cells, theme.strong());
        rows.gap();
        let key = |action| form::key(view, action);
        let text = format!(
            "{} tries again, once it can be; {} opens Stripe's form for a key that may make one (then {} on the screen gives it). Or make it by hand: {} there changes that.",
            key(Action::TryAgain),
            key(Action::OpenInStripe),
            view.state.keymap.label(Action::NewKey),
            view.state.keymap.label(Action::Edit),
        );
        rows.text(2, &text, cells, theme.text());
        rows.gap();
        wrong(view, rows, sheet, cells);
    } else {
        let kinds = events(one.billing, it.all_events).len();
        let text =
            if it.all_events { "all types of event".to_owned() } else { format!("{kinds} types of event") };
        let mark = Span::styled("✓ ", theme.good());
        let text = format!(
            "The webhook endpoint is there: Stripe sends {text}, version {API_VERSION}, to {}",
            endpoint::shown(&it.url)
        );
        rows.labelled(0, mark, &text, cells, theme.strong());
        rows.gap();
        if let Some(at) = &it.listening {
            let text = format!("Lead that address to the receiver, which listens on {at}.");
            rows.text(0, &text, cells, theme.text());
        } else {
            let text = format!(
                "Nothing takes deliveries here yet: `tillwatch serve` does, on {USUAL}; lead that address to it."
            );
            rows.text(0, &text, cells, theme.warn());
            rows.text(3, &polled(one), cells, theme.text());
        }
        rows.gap();
        for other in &it.others {
            let text = format!("Another installation of tillwatch has one too, which is left alone: {other}");
            rows.text(3, &text, cells, theme.faint());
        }
        if !it.others.is_empty() {
            rows.gap();
        }
    }
    let name = if sheet.waiting.is_some() { "asking Stripe …" } else { "Close" };
    rows.push(Line::from(vec![form::button(view, name, true)]));
}

/// One that a person makes: what it has to be, and where its secret goes.
fn by_hand(
    view: &View<'_>,
    rows: &mut Rows,
    sheet: &EndpointSheet,
    one: &IntegrationView,
    it: &EndpointView,
    inside: Rect,
) {
    let theme = view.theme;
    let cells = usize::from(inside.width);
    let key = |action| form::key(view, action);
    let wanted = events(one.billing, it.all_events);
    let given = !matches!(it.state, EndpointState::NoSecret | EndpointState::Unknown);
    let text = match &it.state {
        EndpointState::Enabled => {
            "It is enabled. After a new secret the old one is good for a day more.".to_owned()
        }
        state if given => format!("It is made by hand, and {}.", endpoint::word(state)),
        _ => format!("You make it at Stripe. {}", polled(one)),
    };
    rows.text(4, &text, cells, theme.text());
    rows.gap();
    let step = |n: &str| Span::styled(format!("{n}  "), theme.accent().patch(theme.strong()));
    let types =
        if it.all_events { "all events".to_owned() } else { format!("{} types of event", wanted.len()) };
    let (open, copy) = (key(Action::OpenInStripe), key(Action::CopyId));
    let indent = || Span::raw("   ");
    // What is too much for the smallest terminals is a command away.
    let small = inside.height < 19;
    let text = if small {
        format!(
            "{open} opens the Dashboard: “Add destination”, the {types} that `tillwatch integrations show {}` lists",
            one.id.0
        )
    } else {
        format!(
            "In the Dashboard ({open} opens it) choose “Add destination”: events of your account, version {API_VERSION}, these {types}:"
        )
    };
    rows.labelled(0, step("1"), &text, cells, theme.text());
    if !small {
        rows.labelled(0, indent(), &endpoint::grouped(&wanted), cells, theme.faint());
    }
    rows.gap();
    let text = format!("As a webhook endpoint with this URL ({copy} copies it):");
    rows.labelled(0, step("2"), &text, cells, theme.text());
    let room = cells.saturating_sub(3);
    let url = fmt::clean(&it.url);
    let pieces = if small { vec![fmt::middle(&url, room)] } else { cut(&url, room) };
    for piece in pieces {
        rows.push(Line::from(vec![indent(), Span::styled(piece, theme.strong())]));
    }
    rows.gap();
    rows.labelled(0, step("3"), "“Reveal” its signing secret there, and paste it here:", cells, theme.text());
    rows.push(secret_line(view, sheet, cells));
    rows.gap();
    wrong(view, rows, sheet, cells);
    let name = if sheet.waiting.is_some() { "keeping it …" } else { "Keep the secret" };
    rows.push(Line::from(vec![Span::raw("   "), form::button(view, name, sheet.focus == Field::Go)]));
}

fn secret_line(view: &View<'_>, sheet: &EndpointSheet, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let focused = sheet.focus == Field::Secret;
    let wide = cells.saturating_sub(3 + 24).clamp(12, 46);
    let text = fmt::fit(&sheet.secret.mask(), wide.saturating_sub(1));
    let empty = text.is_empty();
    let mut line = Line::from(vec![Span::raw(text)]);
    if focused {
        line.spans.push(Span::styled(" ", theme.reversed()));
    }
    if empty {
        line.spans.push(Span::styled("whsec_…", theme.faint()));
    }
    let mut spans = vec![Span::raw("   ")];
    spans.extend(form::strip(view, line, wide, focused));
    spans.push(Span::styled("  kept sealed here", theme.faint()));
    Line::from(spans)
}

/// An address has no spaces to break at.
fn cut(text: &str, cells: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(cells.max(8)).map(|piece| piece.iter().collect()).collect()
}
