//! Draws the wizard: one box of a fixed size, so that nothing jumps while checks come in.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{Field, Step, Wait, Wizard, address, can_move_money, delivery};
use crate::engine::api::{Delivery, KeyCheckState, KeyCheckView, PermissionGroup};
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::Action;
use crate::tui::widgets::form::{self, Rows};
use crate::tui::widgets::{View, header, matrix, put};

/// The box, where there is room for it.
const SIZE: (u16, u16) = (104, 32);
/// On terminals with fewer rows choices stand side by side.
const SHORT: u16 = 22;

/// Draws it.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect, wizard: &Wizard) {
    let title = match wizard.renew {
        Some(id) => format!("New key for {}", fmt::fit(&fmt::clean(&view.state.name_of(id)), 40)),
        None => "Connect an account".to_owned(),
    };
    super::super::dim(buf, area);
    let inside = super::super::panel(view, buf, area, SIZE, &title);
    if let Some(profiles) = &wizard.profiles {
        super::profiles::draw(view, buf, inside, profiles);
        return;
    }
    let cells = usize::from(inside.width);
    let mut rows = Rows::default();
    if wizard.target(view.state).is_none() {
        rows.may_go(7, steps(view, wizard));
        rows.gap();
        let at = Line::styled(format!(" {} of 3 ", wizard.step as usize + 1), view.theme.faint());
        let edge = Rect { y: inside.y.saturating_sub(1), height: 1, ..inside };
        put::right(buf, edge, 0, &at);
    }
    match wizard.step {
        Step::Key => key(view, wizard, &mut rows, cells),
        Step::Keep => keep(view, wizard, &mut rows, cells),
        Step::Current => current(view, wizard, &mut rows, cells),
    }
    let hints = form::hints(view, wizard.context(), cells, &hints(view, wizard));
    form::place(buf, inside, rows, &hints);
}

fn steps(view: &View<'_>, wizard: &Wizard) -> Line<'static> {
    let theme = view.theme;
    let mut spans = Vec::new();
    for (step, name) in
        [(Step::Key, "key"), (Step::Keep, "what to keep"), (Step::Current, "how to stay current")]
    {
        let (glyph, glyph_style, style) = match step.cmp(&wizard.step) {
            std::cmp::Ordering::Less => ("✓", theme.good(), theme.text()),
            std::cmp::Ordering::Equal => ("●", theme.accent(), theme.accent().patch(theme.strong())),
            std::cmp::Ordering::Greater => ("○", theme.faint(), theme.faint()),
        };
        spans.push(Span::styled(glyph, glyph_style));
        spans.push(Span::styled(format!(" {name}   "), style));
    }
    Line::from(spans)
}

fn hints(view: &View<'_>, wizard: &Wizard) -> Vec<(Action, &'static str)> {
    if let Some(guard) = &wizard.guard {
        return guard.hints().to_vec();
    }
    let tried = wizard.is_tried(view.state);
    let last = wizard.target(view.state).is_some() || wizard.step == Step::Current;
    let mut out = vec![(
        Action::Accept,
        match wizard.focus {
            _ if tried && last => "save it",
            _ if tried => "continue",
            _ => "try the key",
        },
    )];
    let back = if wizard.step == Step::Key { "leave, nothing saved yet" } else { "back, nothing saved yet" };
    out.push((Action::Back, back));
    let empty = wizard.key.is_empty() && wizard.profile.is_none();
    match wizard.focus {
        Field::Billing | Field::Delivery | Field::Made => out.push((Action::Toggle, "change")),
        Field::Every => out.push((Action::Left, "more often")),
        _ => {}
    }
    if wizard.focus == Field::Every {
        out.push((Action::Right, "less often"));
    }
    if wizard.step == Step::Key && (wizard.focus == Field::Go || (wizard.focus == Field::Key && empty)) {
        if !empty {
            out.push((Action::TryAgain, "try again"));
        }
        out.push((Action::OpenInStripe, "open form"));
        out.push((Action::CopyId, "copy its link"));
        out.push((Action::Profiles, "Stripe CLI"));
    }
    out.insert(2, (Action::Complete, "next field"));
    out
}

/// On the button, between Enter and the end of the checks.
const SOON: &str = "saved as soon as the key has been tried …";

/// What is wrong: our own sentence, else the engine's refusal of the key.
fn wrong<'a>(view: &'a View<'_>, wizard: &'a Wizard) -> Option<&'a str> {
    if let Some(wrong) = &wizard.wrong {
        return Some(wrong);
    }
    match &wizard.check(view.state)?.state {
        KeyCheckState::Refused { reason } if wizard.waiting.is_none() => Some(reason),
        _ => None,
    }
}

fn key(view: &View<'_>, wizard: &Wizard, rows: &mut Rows, cells: usize) {
    let theme = view.theme;
    let check = wizard.check(view.state);
    rows.push(key_line(view, wizard, check, cells));
    let indent = || Span::raw(" ".repeat(form::LABEL));
    if let Some(wrong) = wrong(view, wizard) {
        let mark = Span::styled(format!("{:>width$} ", "✗", width = form::LABEL - 1), theme.bad());
        rows.labelled(0, mark, wrong, cells, theme.bad().patch(theme.strong()));
    } else {
        let text = "kept sealed here, never shown again; tillwatch only reads with it";
        rows.labelled(4, indent(), text, cells, theme.faint());
    }
    rows.gap();
    let Some(check) = check.filter(|check| !matches!(check.state, KeyCheckState::Refused { .. })) else {
        without_check(view, wizard, rows, cells);
        return;
    };
    account(view, wizard, check, rows, cells);
    rows.gap();
    let wants = wizard.wants();
    let (allowed, all, open) = matrix::tally(&check.permissions, wants);
    let mut text = format!("{allowed} of {all}");
    if open > 0 {
        let _ = write!(text, ", {open} still being tried");
    }
    let heading = "This key may read";
    let pad = cells.saturating_sub(heading.len() + fmt::width(&text)).max(2);
    rows.push(Line::from(vec![
        Span::styled(heading, theme.strong()),
        Span::raw(" ".repeat(pad)),
        Span::styled(text, theme.faint()),
    ]));
    for line in matrix::grid(view, &check.permissions, wants, cells) {
        rows.may_go(2, line);
    }
    rows.gap();
    if check.permissions.iter().any(|one| one.group != PermissionGroup::Read) {
        rows.may_go(6, Line::styled("and for staying current", theme.strong()));
        rows.may_go(5, matrix::current(view, &check.permissions, wants, cells));
        rows.gap();
    }
    let lost = matrix::lost(view, &check.permissions, wants, cells);
    if !lost.is_empty() {
        rows.may_go(6, Line::styled("Without these permissions", theme.strong()));
        for line in lost {
            rows.may_go(3, line);
        }
        rows.gap();
        rows.may_go(
            5,
            Line::raw("Everything else works. Go on, or tick what is missing in Stripe and try again:"),
        );
        form_lines(view, rows, &check.form_url, cells, 2);
        rows.gap();
    }
    let name = match (wizard.waiting, wizard.target(view.state)) {
        (Some((_, Wait::Save)), _) => "saving …".to_owned(),
        _ if wizard.soon => SOON.to_owned(),
        (_, Some(id)) => {
            format!("Make it the key of {}", fmt::fit(&fmt::clean(&view.state.name_of(id)), 30))
        }
        (_, None) => match open {
            0 => "Continue".to_owned(),
            1 => "Continue (1 check left)".to_owned(),
            left => format!("Continue ({left} checks left)"),
        },
    };
    rows.push(Line::from(vec![form::button(view, &name, wizard.focus == Field::Go)]));
}

fn key_line(view: &View<'_>, wizard: &Wizard, check: Option<&KeyCheckView>, cells: usize) -> Line<'static> {
    let theme = view.theme;
    let focused = wizard.focus == Field::Key;
    let wide = cells.saturating_sub(form::LABEL + 22).clamp(12, 46);
    let mut spans = vec![form::label(view, "API key")];
    let mut text = match (&wizard.profile, check) {
        (Some(profile), _) => format!("from the Stripe CLI: {}", fmt::clean(profile)),
        (None, _) if wizard.key.is_empty() => String::new(),
        (None, _) => wizard.key.mask(),
    };
    text = fmt::fit(&text, wide.saturating_sub(1));
    let mut line = Line::from(vec![Span::raw(text.clone())]);
    if focused {
        line.spans.push(Span::styled(" ", theme.reversed()));
    }
    if text.is_empty() {
        let hint = "paste it, or type it";
        line.spans.push(Span::styled(hint, theme.faint()));
    }
    spans.extend(form::strip(view, line, wide, focused));
    spans.push(Span::raw("  "));
    let (kind, livemode) = match check {
        Some(check) if !check.kind.is_empty() => (Some(check.kind.clone()), Some(check.livemode)),
        _ => match wizard.key.looks_like() {
            Some((kind, livemode)) => (Some(kind.to_owned()), livemode),
            None => (None, None),
        },
    };
    if let Some(kind) = kind {
        spans.push(Span::styled(fmt::clean(&kind).into_owned(), theme.faint()));
    }
    if let Some(livemode) = livemode {
        spans.push(Span::styled(" · ", theme.faint()));
        spans.push(header::mode(theme, livemode));
    }
    Line::from(spans)
}

/// The first step while nothing is known of a key.
fn without_check(view: &View<'_>, wizard: &Wizard, rows: &mut Rows, cells: usize) {
    let theme = view.theme;
    if wizard.waiting.is_some_and(|(_, what)| matches!(what, Wait::Ticket | Wait::Try))
        || wizard.is_waiting(view.state)
    {
        rows.push(Line::from(vec![
            Span::styled("↻ ", theme.warn()),
            Span::raw("asking Stripe whose key it is …"),
        ]));
        rows.gap();
    } else {
        let key = |action: Action| form::key(view, action);
        let line = |action: Action, text: &str| {
            (Span::styled(format!("{} ", key(action)), theme.accent().patch(theme.strong())), text.to_owned())
        };
        rows.may_go(
            3,
            Line::styled("Best is a restricted key, which can read and do nothing else.", theme.text()),
        );
        rows.gap();
        if view.state.snapshot.demo {
            let (label, text) = line(
                Action::Profiles,
                "takes the key of a second local account, kept as the Stripe CLI keeps its own (demo)",
            );
            rows.labelled(0, label, &text, cells, theme.strong());
        } else {
            let (label, text) = line(Action::Profiles, "takes a key that the Stripe CLI has on this machine");
            rows.labelled(1, label, &text, cells, theme.text());
        }
        form_lines(view, rows, &super::update::form_url(view.state), cells, 1);
        if wizard.focus == Field::Key && !wizard.key.is_empty() {
            rows.gap();
            let tab = form::key(view, Action::Complete);
            let text = format!("{tab} first: these letters go into the field while it has the keys");
            rows.may_go(5, Line::styled(text, theme.faint()));
        }
        rows.gap();
    }
    let name = match (wizard.ticket, wizard.waiting) {
        (_, Some((_, Wait::Ticket | Wait::Try))) => "trying …",
        (Some(_), _) => "Try again",
        (None, _) => "Try the key",
    };
    rows.push(Line::from(vec![form::button(view, name, wizard.focus == Field::Go)]));
}

/// The way to Stripe's form.
fn form_lines(view: &View<'_>, rows: &mut Rows, url: &str, cells: usize, drops: u8) {
    let theme = view.theme;
    let open = form::key(view, Action::OpenInStripe);
    let copy = form::key(view, Action::CopyId);
    let key = theme.accent().patch(theme.strong());
    let first = vec![
        Span::styled(open, key),
        Span::raw(" opens Stripe's form with the right boxes ticked, "),
        Span::styled(copy, key),
        Span::raw(" copies its link"),
    ];
    let role = vec![Span::styled("(Administrator or Developer role)", theme.faint())];
    rows.may_go(drops, put::fit_parts(vec![put::part(0, first), put::part(1, role)], cells, 2));
    let url = fmt::fit(&fmt::clean(url), cells.saturating_sub(2));
    rows.may_go(8, Line::styled(format!("  {url}"), theme.faint()));
}

fn account(view: &View<'_>, wizard: &Wizard, check: &KeyCheckView, rows: &mut Rows, cells: usize) {
    let theme = view.theme;
    let Some(account) = &check.account else {
        rows.push(Line::from(vec![
            Span::styled("↻ ", theme.warn()),
            Span::raw("asking Stripe whose key it is …"),
        ]));
        return;
    };
    let mut spans = vec![
        Span::styled("✓ ", theme.good()),
        Span::styled(fmt::fit(&fmt::clean(&account.name), 40), theme.strong()),
        Span::raw(" "),
        Span::styled(fmt::middle(&fmt::clean(&account.id), 22), theme.faint()),
    ];
    for more in [account.currency.to_uppercase(), account.timezone.clone()] {
        if !more.is_empty() {
            spans.push(Span::styled(format!("  {}", fmt::clean(&more)), theme.faint()));
        }
    }
    if let Some(day) = &check.expires {
        spans.push(Span::styled(format!("  key ends {}", fmt::clean(day)), theme.warn()));
    }
    rows.push(Line::from(spans));
    if can_move_money(check) {
        rows.gap();
        let text = "This key can move money; tillwatch only needs to read.";
        rows.text(0, text, cells, theme.bad().patch(theme.strong()));
        form_lines(view, rows, &check.form_url, cells, 1);
        let remark =
            format!("type {} to go on with it all the same", fmt::fit(&fmt::clean(&account.name), 28));
        let focused = wizard.focus == Field::Confirm;
        let wide = cells >= form::LABEL + 34 + 2 + fmt::width(&remark);
        if !wide {
            rows.text(1, &remark, cells, theme.text());
        }
        rows.push(form::field(view, "Confirm", &wizard.confirm, focused, cells, &remark));
    }
    match (wizard.renew, check.connected_as) {
        (Some(_), _) => {}
        (None, Some(id)) => {
            let text = format!(
                "This account is connected already, as {}. Go on, and this becomes its new key; the old one is forgotten here.",
                fmt::clean(&view.state.name_of(id))
            );
            rows.text(0, &text, cells, theme.warn());
        }
        (None, None) => {
            let taken = view
                .state
                .snapshot
                .integrations
                .iter()
                .any(|one| one.name.eq_ignore_ascii_case(wizard.name.text().trim()));
            let remark = match (taken, wizard.renamed) {
                (false, _) => "from the account; change it if you like",
                (true, false) => "taken here: it gets an addition",
                (true, true) => "taken here: choose another",
            };
            rows.push(form::field(view, "Name", &wizard.name, wizard.focus == Field::Name, cells, remark));
        }
    }
}

fn keep(view: &View<'_>, wizard: &Wizard, rows: &mut Rows, cells: usize) {
    let theme = view.theme;
    heading(view, wizard, rows);
    rows.push(Line::styled("What to keep of this account", theme.strong()));
    rows.gap();
    let focused = wizard.focus == Field::Billing;
    for (on, name, what) in [
        (
            true,
            "billing too",
            "Invoices, subscriptions, customers, products and prices, too. Invoices are discovered into a catalog \
             first, then synced from it with the payments, refunds and disputes that belong to them.",
        ),
        (
            false,
            "payments only",
            "Payments with their charges and decline reasons; refunds and disputes as events tell of them. Nothing \
             of invoices and subscriptions is read, and the key needs no permission for them.",
        ),
    ] {
        rows.push(Line::from(form::choice(view, name, wizard.billing == on, focused, true)));
        rows.labelled(2, Span::raw("   "), what, cells, theme.faint());
        rows.gap();
    }
    if let Some(check) = wizard.check(view.state) {
        for line in matrix::lost(view, &check.permissions, wizard.wants(), cells) {
            rows.may_go(4, line);
        }
    }
    rows.may_go(6, Line::styled("It can be changed later; what is stored stays.", theme.faint()));
    rows.gap();
    trouble(view, wizard, rows, cells);
    rows.push(Line::from(vec![form::button(view, "Continue", wizard.focus == Field::Go)]));
}

fn current(view: &View<'_>, wizard: &Wizard, rows: &mut Rows, cells: usize) {
    let theme = view.theme;
    heading(view, wizard, rows);
    rows.push(Line::styled("How this account stays current", theme.strong()));
    rows.gap();
    ways(view, rows, wizard.delivery, wizard.focus == Field::Delivery, cells);
    rows.gap();
    if wizard.delivery == Delivery::Endpoint {
        let at = address::Address {
            url: &wizard.url,
            by_hand: wizard.by_hand,
            at_url: wizard.focus == Field::Url,
            at_made: wizard.focus == Field::Made,
            billing: wizard.billing,
        };
        address::rows(view, rows, at, cells);
        rows.gap();
    }
    every(view, rows, wizard.every_s, wizard.focus == Field::Every, cells);
    rows.gap();
    trouble(view, wizard, rows, cells);
    if let Some(guard) = &wizard.guard {
        guard.rows(view, rows, cells);
    }
    let name = match wizard.waiting {
        Some((_, Wait::Save)) => "saving …",
        _ if wizard.soon => SOON,
        _ if wizard.delivery == Delivery::Endpoint && !wizard.by_hand => "Connect, and make the endpoint",
        _ => "Connect",
    };
    let focused = wizard.focus == Field::Go && wizard.guard.is_none();
    rows.push(Line::from(vec![form::button(view, name, focused)]));
}

/// Whose account it is, at the top of the later steps.
fn heading(view: &View<'_>, wizard: &Wizard, rows: &mut Rows) {
    let theme = view.theme;
    let Some(check) = wizard.check(view.state) else { return };
    let name = fmt::fit(&fmt::clean(wizard.name.text()), 40);
    rows.push(Line::from(vec![
        Span::styled("✓ ", theme.good()),
        Span::styled(name, theme.strong()),
        Span::raw(" "),
        header::mode(theme, check.livemode),
        Span::raw(" "),
        Span::styled(
            check.account.as_ref().map(|one| fmt::middle(&fmt::clean(&one.id), 22)).unwrap_or_default(),
            theme.faint(),
        ),
    ]));
    rows.gap();
}

fn trouble(view: &View<'_>, wizard: &Wizard, rows: &mut Rows, cells: usize) {
    if let Some(wrong) = wrong(view, wizard) {
        let mark = Span::styled("✗ ", view.theme.bad());
        rows.labelled(0, mark, wrong, cells, view.theme.bad().patch(view.theme.strong()));
        rows.gap();
    }
}

/// The ways to stay current.
pub fn ways(
    view: &View<'_>,
    rows: &mut Rows,
    chosen: crate::engine::api::Delivery,
    focused: bool,
    cells: usize,
) {
    let theme = view.theme;
    if view.state.size.1 < SHORT {
        let mut line = Vec::new();
        for way in delivery::ways() {
            line.extend(form::choice(view, way.name, way.delivery == chosen, focused, way.usable));
            line.push(Span::raw("   "));
        }
        rows.push(Line::from(line));
        return;
    }
    for way in delivery::ways() {
        rows.push(Line::from(form::choice(view, way.name, way.delivery == chosen, focused, way.usable)));
        if way.delivery == chosen {
            rows.labelled(2, Span::raw("   "), way.what, cells, theme.faint());
        } else {
            // In one row, so that none goes in the middle of a sentence.
            let what = fmt::fit(way.what, cells.saturating_sub(3));
            rows.may_go(4, Line::styled(format!("   {what}"), theme.faint()));
        }
    }
}

/// How often, and what that costs.
pub fn every(view: &View<'_>, rows: &mut Rows, seconds: u64, focused: bool, cells: usize) {
    let theme = view.theme;
    let (name, reads) = delivery::cost(seconds);
    let style = if focused { theme.reversed() } else { theme.strong() };
    let mut spans = vec![form::label(view, "Poll"), Span::styled(format!(" ← {name} → "), style)];
    let demo = view.state.snapshot.demo;
    let remark = match seconds {
        0 => "nothing new comes in but by r".to_owned(),
        _ if demo => "a local Stripe counts no reads".to_owned(),
        _ => format!("{} reads in 30 days while nothing happens", count(reads)),
    };
    let floor = view.state.current().map_or(10_000, |one| one.reads.floor).max(1);
    let much = !demo && reads.saturating_mul(5) > floor.saturating_mul(4);
    let room = cells.saturating_sub(form::LABEL + fmt::width(&name) + 10);
    let remark_style: Style = if much { theme.warn() } else { theme.faint() };
    spans.push(Span::styled(format!("  {}", fmt::fit(&remark, room)), remark_style));
    rows.push(Line::from(spans));
    if much {
        let text = format!(
            "That is most of the {} reads that Stripe allows every account, or more than them.",
            count(floor)
        );
        rows.labelled(1, Span::raw(" ".repeat(form::LABEL)), &text, cells, theme.warn());
    }
}
