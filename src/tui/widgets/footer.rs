//! The bottom line: the keys that matter most, or what was just told.
//!
//! The keys come from the table of actions; nothing is named here that does not work.

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use super::put::{self, Part, part};
use super::{View, endpoint};
use crate::engine::api::{IntegrationView, Level, TargetState};
use crate::tui::fmt;
use crate::tui::input::actions::{self, Action, Context};
use crate::tui::input::keys;
use crate::tui::overlay::Overlay;
use crate::tui::screens::ScreenId;
use crate::tui::screens::dashboard::update as dashboard;
use crate::tui::screens::deliveries;
use crate::tui::state::State;
use crate::tui::style::Theme;

/// A level's glyph, its style, and its word.
pub fn level(theme: Theme, level: Level) -> (&'static str, ratatui::style::Style, &'static str) {
    match level {
        Level::Info => ("·", theme.accent(), "info"),
        Level::Warning => ("!", theme.warn(), "warning"),
        Level::Error => ("✗", theme.bad(), "error"),
    }
}

/// The keys of the open screen that matter most, the first ones last to go. What is not named here comes after them,
/// in the order of the table.
fn first_of(screen: ScreenId) -> &'static [Action] {
    use Action as A;
    match screen {
        ScreenId::Dashboard => {
            &[A::EnableEndpoint, A::Discover, A::Sync, A::Stop, A::Find, A::Open, A::Freeze, A::NextPane]
        }
        ScreenId::Integrations => {
            &[A::Open, A::EnableEndpoint, A::Edit, A::NewKey, A::CheckKey, A::Disconnect, A::Connect]
        }
        ScreenId::Events => &[
            A::Open,
            A::Find,
            A::Freeze,
            A::Timeline,
            A::CopyId,
            A::Replay,
            A::Star,
            A::Customer,
            A::NextPane,
        ],
        ScreenId::Sync => &[
            A::Discover,
            A::Sync,
            A::Stop,
            A::RetryFailed,
            A::Open,
            A::Mark,
            A::Find,
            A::History,
            A::NextPane,
            A::Plan,
        ],
        ScreenId::Records => &[A::Open, A::Find, A::Order, A::Timeline, A::NextPane, A::Customer, A::CopyId],
        ScreenId::Payments => &[
            A::Open,
            A::CopyLink,
            A::Timeline,
            A::Find,
            A::Order,
            A::Customer,
            A::OpenInStripe,
            A::CopyId,
            A::OnlyOpen,
        ],
        ScreenId::Deliveries => &[
            A::Open,
            A::Replay,
            A::AddTarget,
            A::TryTarget,
            A::ReplayParked,
            A::PauseTarget,
            A::NextPane,
            A::OnlyOpen,
            A::Find,
            A::RemoveTarget,
            A::CopyId,
        ],
        ScreenId::Log => &[A::Find],
    }
}

/// What a key would do nothing with just now is not offered, though the key itself says why it is refused.
fn is_dead(state: &State, action: Action) -> bool {
    let one = state.current();
    let active =
        |one: &IntegrationView| [&one.discover, &one.sync].into_iter().flatten().any(dashboard::is_active);
    match action {
        Action::Stop => !one.is_some_and(active),
        Action::RetryFailed => one.is_none_or(|one| one.catalog.error == 0),
        Action::AllAccounts => state.snapshot.integrations.len() < 2,
        Action::EnableEndpoint => one.is_none_or(|one| endpoint::down(one).is_none()),
        Action::OpenInStripe if state.screen == ScreenId::Integrations => {
            one.is_none_or(|one| one.endpoint.is_none())
        }
        Action::Search => state.screen == ScreenId::Dashboard,
        Action::NextPane | Action::Plan if state.screen == ScreenId::Sync && state.sync.history.is_some() => {
            true
        }
        Action::Discover
        | Action::Sync
        | Action::Freeze
        | Action::Open
        | Action::Find
        | Action::Poll
        | Action::CopyId
        | Action::Order
        | Action::NextPane
            if state.screen != ScreenId::Log =>
        {
            one.is_none()
        }
        Action::Open => state.screen == ScreenId::Log,
        _ => false,
    }
}

/// Its name in two words, as the screen stands.
fn hint(state: &State, row: &actions::Entry) -> &'static str {
    let follows = match state.screen {
        ScreenId::Events => state.events.feed.following,
        _ => state.dashboard.feed.following,
    };
    match row.action {
        Action::Find if state.screen == ScreenId::Dashboard => "search",
        Action::Find if state.screen == ScreenId::Deliveries => "look in it",
        Action::Find if state.screen == ScreenId::Payments => "find",
        Action::Freeze if !follows => "follow",
        Action::AllAccounts if state.all_accounts => "one account",
        Action::OnlyOpen => match state.screen {
            ScreenId::Payments if state.payments.all => "open ones",
            ScreenId::Deliveries if !state.deliveries.failed_only => row.hint,
            _ => "all of them",
        },
        Action::PauseTarget
            if deliveries::update::target_view(state).is_some_and(|one| one.state == TargetState::Paused) =>
        {
            "go on"
        }
        _ => row.hint,
    }
}

/// The keys of what has them just now: a line that is typed into, a list to read. A form and a question have theirs
/// in their own frame.
fn elsewhere(view: &View<'_>) -> Option<Vec<Part>> {
    let state = view.state;
    let context = state.context();
    let form = matches!(
        state.overlays.last(),
        Some(
            Overlay::Confirm(_)
                | Overlay::Wizard(_)
                | Overlay::Edit(_)
                | Overlay::Endpoint(_)
                | Overlay::Disconnect(_)
                | Overlay::Target(_)
                | Overlay::Replay(_)
                | Overlay::Search
        )
    );
    let wanted: &[(Action, &str)] = match context {
        _ if form => &[],
        Context::Main if state.overlays.is_empty() => return None,
        Context::Typing if matches!(state.overlays.last(), Some(Overlay::Palette(_))) => &[
            (Action::Accept, "do it"),
            (Action::Down, "next"),
            (Action::Up, "before"),
            (Action::Cancel, "leave"),
        ],
        Context::Typing => {
            &[(Action::Accept, "take it"), (Action::Cancel, "leave"), (Action::Complete, "complete")]
        }
        Context::Reading => &[(Action::Down, "down"), (Action::Up, "up"), (Action::Back, "close")],
        _ => &[],
    };
    let theme = view.theme;
    let shown = (0..).zip(wanted).filter_map(|(place, (action, text))| {
        let name = state.keymap.names_in(context, *action).first()?;
        let key = Span::styled(keys::label(name), theme.accent().patch(theme.strong()));
        Some(part(place, vec![key, Span::raw(format!(" {text}"))]))
    });
    Some(shown.collect())
}

/// Draws the line.
pub fn draw(view: &View<'_>, buf: &mut Buffer, area: Rect) {
    let theme = view.theme;
    let keymap = &view.state.keymap;
    let key = |action: Action| Span::styled(keymap.label(action), theme.accent().patch(theme.strong()));
    if let Some(toast) = &view.state.toast {
        let (glyph, style, _) = level(theme, toast.level);
        let more = vec![key(Action::Messages), Span::raw(" messages ")];
        let room = usize::from(area.width).saturating_sub(15);
        let spans = vec![
            Span::raw(" "),
            Span::styled(glyph, style.patch(theme.strong())),
            Span::raw(" "),
            Span::styled(fmt::fit(&fmt::clean(&toast.text), room.saturating_sub(3)), theme.strong()),
        ];
        put::line(buf, area, 0, &spans.into());
        put::right(buf, area, 0, &more.into());
        return;
    }
    let inner = Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(1), ..area };
    let gap = if area.width >= 110 { 3 } else { 2 };
    if let Some(parts) = elsewhere(view) {
        put::line(buf, inner, 0, &put::fit_parts(parts, usize::from(inner.width), gap));
        return;
    }
    let help = vec![key(Action::Help), Span::raw(" help ")];
    let screen = view.state.screen;
    let useful = |row: &&actions::Entry| {
        row.footer > 0
            && row.is_on(screen)
            && view.state.can(row.action).is_ok()
            && !is_dead(view.state, row.action)
    };
    let mut rows: Vec<_> = actions::TABLE.iter().filter(useful).collect();
    let first = first_of(screen);
    // What belongs to the open screen comes before what works everywhere.
    rows.sort_by_key(|row| {
        let place = first.iter().position(|one| *one == row.action).unwrap_or(first.len());
        (place, row.on.is_empty(), row.footer)
    });
    let parts = (1..)
        .zip(rows)
        .map(|(place, row)| {
            part(place, vec![key(row.action), Span::raw(format!(" {}", hint(view.state, row)))])
        })
        .collect();
    let room = usize::from(area.width).saturating_sub(10);
    put::line(buf, inner, 0, &put::fit_parts(parts, room, gap));
    put::right(buf, area, 0, &help.into());
}
