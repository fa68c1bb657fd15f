//! What can be done with a webhook endpoint from the screen: set it right, look at it, take a new secret.
//!
//! Setting right what is switched off takes one key. Whatever makes or replaces an endpoint of a LIVE account is asked
//! about first, and so is every new secret.

use crate::engine::api::{EndpointAction, EndpointState, EndpointView, IntegrationView, Level, Request};
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::overlay::confirm::{Question, Yes};
use crate::tui::overlay::{Overlay, endpoint as sheet};
use crate::tui::screens::dashboard::update::send;
use crate::tui::state::{Purpose, State};
use crate::tui::widgets::endpoint::word;

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let Some((view, it)) = current(state) else { return Vec::new() };
    let (id, by_hand, name) = (view.id, it.by_hand, view.name.clone());
    let live = if view.livemode { "LIVE" } else { "TEST" };
    match action {
        Action::LookEndpoint => {
            state.tell(
                Level::Info,
                format!("asking Stripe about the webhook endpoint of {name} ({live})"),
                now_ms,
            );
            now(state, EndpointAction::Look, now_ms)
        }
        Action::EnableEndpoint | Action::RotateSecret if by_hand => {
            sheet::open(state, id, true);
            Vec::new()
        }
        // On or off is the person's who made it; anything more is asked about.
        Action::EnableEndpoint
            if !view.livemode
                || matches!(it.state, EndpointState::Disabled { .. } | EndpointState::Enabled) =>
        {
            now(state, EndpointAction::Enable, now_ms)
        }
        Action::EnableEndpoint => {
            let cost = "A webhook endpoint is made there, with the events in use.";
            ask("Make a webhook endpoint at Stripe for", cost, state, EndpointAction::Enable)
        }
        Action::RotateSecret => {
            let cost = "A new endpoint takes the place of the one at Stripe; the old secret is good for one day more.";
            ask("Take a new signing secret for", cost, state, EndpointAction::Rotate)
        }
        Action::CopyValue => {
            let url = it.url.clone();
            state.tell(
                Level::Info,
                "the endpoint's address was sent to the terminal's clipboard: who knows it can knock",
                now_ms,
            );
            vec![Effect::Copy(url)]
        }
        Action::OpenInStripe => {
            vec![Effect::OpenPage(crate::integration::endpoint::dashboard_link(view.livemode).to_owned())]
        }
        _ => Vec::new(),
    }
}

/// The selected integration and its endpoint.
fn current(state: &State) -> Option<(&IntegrationView, &EndpointView)> {
    let view = state.current()?;
    Some((view, view.endpoint.as_ref()?))
}

fn now(state: &mut State, action: EndpointAction, now_ms: i64) -> Vec<Effect> {
    let Some(id) = state.selected else { return Vec::new() };
    send(state, Request::Endpoint { integration: id, action }, Purpose::Endpoint(action, id), now_ms)
}

fn ask(title: &str, cost: &str, state: &mut State, action: EndpointAction) -> Vec<Effect> {
    let Some(view) = state.current() else { return Vec::new() };
    let request = Request::Endpoint { integration: view.id, action };
    let yes = Yes::Send(Box::new((request, Purpose::Endpoint(action, view.id))));
    let confirm = Question::of(title, view).asks(cost.to_owned(), String::new(), yes);
    state.overlays.push(Overlay::Confirm(Box::new(confirm)));
    Vec::new()
}

/// Why it can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    let Some(view) = state.current() else {
        let key = state.keymap.label(Action::Connect);
        return Err(format!("no account connected yet: {key} connects one"));
    };
    let name = &view.name;
    let Some(it) = &view.endpoint else {
        let key = state.keymap.label(Action::Edit);
        return Err(format!(
            "{name} has no webhook endpoint: {key} on its screen changes how it stays current"
        ));
    };
    if matches!(action, Action::CopyValue | Action::OpenInStripe) {
        return Ok(());
    }
    if matches!(it.state, EndpointState::Leaving { .. }) {
        return Err(format!("the webhook endpoint of {name} is being removed"));
    }
    if state.snapshot.read_only && !it.by_hand && action != Action::LookEndpoint {
        return Err("read-only: a webhook endpoint is changed by writing at Stripe".to_owned());
    }
    let right = it.state == EndpointState::Enabled && it.less.is_empty() && it.more.is_empty();
    if action == Action::EnableEndpoint && right {
        return Err(format!(
            "the webhook endpoint of {name} is {} at Stripe as it should be",
            word(&it.state)
        ));
    }
    Ok(())
}
