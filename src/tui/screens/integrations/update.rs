//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use super::endpoint;
use super::view::is_narrow;
use crate::engine::api::{Health, IntegrationView, Level, Request};
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::overlay::{Disconnect, EditForm, Overlay, wizard};
use crate::tui::screens::dashboard::update as dashboard;
use crate::tui::state::{Purpose, State};

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let whole = is_narrow(state.size) && state.integrations.detail;
    match action {
        Action::Down if whole => scroll(state, 1),
        Action::Up if whole => scroll(state, -1),
        Action::First if whole => state.integrations.scroll = 0,
        Action::Last if whole => state.integrations.scroll = state.hits.screen_scroll_max,
        Action::Down => select(state, 1),
        Action::Up => select(state, -1),
        Action::First => select(state, isize::MIN),
        Action::Last => select(state, isize::MAX),
        Action::PageDown => scroll(state, page(state)),
        Action::PageUp => scroll(state, -page(state)),
        Action::Open => state.integrations.detail = true,
        Action::Back if whole => state.integrations.detail = false,
        Action::Back => {
            state.go_back();
        }
        Action::NewKey => {
            let id = state.selected;
            return wizard::open(state, id, now_ms);
        }
        Action::CheckKey => return check(state, now_ms),
        Action::Edit => {
            if let Some(form) = state.current().map(EditForm::of) {
                state.overlays.push(Overlay::Edit(Box::new(form)));
            }
        }
        Action::Disconnect => {
            if let Some(question) = state.current().map(Disconnect::of) {
                state.overlays.push(Overlay::Disconnect(Box::new(question)));
            }
        }
        Action::CopyId => return copy(state, now_ms),
        Action::EnableEndpoint
        | Action::LookEndpoint
        | Action::RotateSecret
        | Action::CopyValue
        | Action::OpenInStripe => return endpoint::act(state, action, now_ms),
        Action::Discover | Action::Sync | Action::RetryFailed | Action::Stop | Action::Poll => {
            return dashboard::act(state, action, now_ms);
        }
        _ => {}
    }
    Vec::new()
}

/// Why an action can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    match action {
        Action::Connect => return wizard::ready(state),
        Action::CopyValue | Action::OpenInStripe => {
            wizard::ready(state)?;
            return endpoint::can(state, action);
        }
        Action::NewKey
        | Action::CheckKey
        | Action::Edit
        | Action::Disconnect
        | Action::Poll
        | Action::Discover
        | Action::Sync
        | Action::RetryFailed
        | Action::CopyId => {}
        _ => return Ok(()),
    }
    wizard::ready(state)?;
    let Some(view) = state.current() else {
        return Err(format!(
            "no account connected yet: {} connects one",
            state.keymap.label(Action::Connect)
        ));
    };
    let name = &view.name;
    match (&view.health, action) {
        (
            Health::Off,
            Action::NewKey
            | Action::CheckKey
            | Action::Edit
            | Action::Poll
            | Action::Discover
            | Action::Sync
            | Action::RetryFailed,
        ) => Err(format!(
            "{name} is disconnected: {} connects the account again",
            state.keymap.label(Action::Connect)
        )),
        (Health::Disconnecting { .. }, action) if action != Action::CopyId => {
            Err(format!("{name} is being disconnected"))
        }
        _ => Ok(()),
    }
}

/// Another one is shown from its top.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    if state.integrations.shown != state.selected {
        state.integrations.shown = state.selected;
        state.integrations.scroll = 0;
    }
    Vec::new()
}

/// Keeps the scroll within what there is.
pub fn drawn(state: &mut State) {
    state.integrations.scroll = state.integrations.scroll.min(state.hits.screen_scroll_max);
}

fn page(state: &State) -> isize {
    state.hits.screen_rows.saturating_sub(1).clamp(1, 1000) as isize
}

fn scroll(state: &mut State, by: isize) {
    let to = state.integrations.scroll.saturating_add_signed(by);
    state.integrations.scroll = to.min(state.hits.screen_scroll_max);
}

fn select(state: &mut State, by: isize) {
    let all = &state.snapshot.integrations;
    let Some(last) = all.len().checked_sub(1) else { return };
    let here = all.iter().position(|view| Some(view.id) == state.selected).unwrap_or(0);
    state.selected = all.get(here.saturating_add_signed(by).min(last)).map(|view| view.id);
    refresh(state);
}

fn check(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(view) = state.current() else { return Vec::new() };
    let (id, text) = (view.id, format!("trying what the key of {} ({}) may read", view.name, mode(view)));
    state.integrations.detail = true;
    state.tell(Level::Info, text, now_ms);
    dashboard::send(state, Request::Check { integration: id }, Purpose::Check(id), now_ms)
}

fn mode(view: &IntegrationView) -> &'static str {
    if view.livemode { "LIVE" } else { "TEST" }
}

fn copy(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(account) = state.current().map(|view| view.account.clone()) else { return Vec::new() };
    state.tell(Level::Info, format!("{account} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(account)]
}
