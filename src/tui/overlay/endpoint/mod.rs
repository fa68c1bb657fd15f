//! The page about one webhook endpoint: what became of it after it was asked for, and, for one that is made by hand,
//! its address, the events, the steps, and a field for its signing secret.
//!
//! A secret that is pasted goes to the engine by a ticket, as keys do. It must never hold one in anything but
//! [`SecretEdit`].

mod view;

pub use view::draw;

use super::Overlay;
use super::wizard::SecretEdit;
use crate::engine::api::{
    Answer, EndpointAction, EndpointState, EndpointView, IntegrationId, IntegrationView, Level, Request,
};
use crate::integration::endpoint::{dashboard_link, form as key_form, secrets};
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::Typed;
use crate::tui::state::State;

/// What has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The signing secret.
    Secret,
    /// The button.
    Go,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The secret's ticket.
    Ticket,
    /// It is being kept.
    Keep,
    /// The endpoint is being made.
    Make,
}

/// The page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSheet {
    /// Whose.
    pub id: IntegrationId,
    /// What has the keys.
    pub focus: Field,
    by_hand: bool,
    secret: SecretEdit,
    waiting: Option<(u64, Wait)>,
    wrong: Option<String>,
}

/// Opens it.
pub fn open(state: &mut State, id: IntegrationId, by_hand: bool) {
    let focus = if by_hand { Field::Secret } else { Field::Go };
    let sheet =
        EndpointSheet { id, focus, by_hand, secret: SecretEdit::default(), waiting: None, wrong: None };
    state.overlays.push(Overlay::Endpoint(Box::new(sheet)));
}

impl EndpointSheet {
    /// Where keys have their meaning.
    pub fn context(&self) -> Context {
        if self.focus == Field::Secret { Context::Typing } else { Context::Form }
    }
}

fn top(state: &mut State) -> Option<&mut EndpointSheet> {
    match state.overlays.last_mut() {
        Some(Overlay::Endpoint(sheet)) => Some(sheet),
        _ => None,
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let Some(sheet) = top(state) else { return Vec::new() };
    let id = sheet.id;
    match action {
        Action::Complete | Action::NextPane | Action::Down if sheet.by_hand => sheet.focus = Field::Go,
        Action::CompleteBack | Action::PreviousPane | Action::Up if sheet.by_hand => {
            sheet.focus = Field::Secret;
        }
        Action::Back | Action::Cancel => {
            state.overlays.pop();
        }
        Action::Accept | Action::Open if !sheet.by_hand => {
            state.overlays.pop();
        }
        Action::Accept | Action::Open => return give(state),
        Action::TryAgain if !sheet.by_hand && sheet.waiting.is_none() => return make(state),
        Action::CopyId => {
            let url = view_of(state, id).map(|(_, it)| it.url.clone());
            let Some(url) = url else { return Vec::new() };
            state.tell(Level::Info, "the endpoint's address was sent to the terminal's clipboard", now_ms);
            return vec![Effect::Copy(url)];
        }
        Action::OpenInStripe => {
            let Some((one, it)) = view_of(state, id) else { return Vec::new() };
            let page = if matches!(it.state, EndpointState::Unmade { .. }) && !it.by_hand {
                key_form(one.livemode, one.billing)
            } else {
                dashboard_link(one.livemode).to_owned()
            };
            return vec![Effect::OpenPage(page)];
        }
        _ => {}
    }
    Vec::new()
}

fn view_of(state: &State, id: IntegrationId) -> Option<(&IntegrationView, &EndpointView)> {
    let one = state.integration(id)?;
    Some((one, one.endpoint.as_ref()?))
}

/// Hands the secret over.
fn give(state: &mut State) -> Vec<Effect> {
    let generation = state.next_generation();
    let Some(sheet) = top(state).filter(|sheet| sheet.waiting.is_none()) else { return Vec::new() };
    if sheet.secret.is_empty() {
        sheet.wrong =
            Some("There is no secret yet: paste it (whsec_…), or leave and give it later.".to_owned());
        sheet.focus = Field::Secret;
        return Vec::new();
    }
    let secret = sheet.secret.take_whole();
    if let Err(wrong) = secrets::parse(secret.expose()) {
        sheet.wrong = Some(wrong);
        sheet.focus = Field::Secret;
        return Vec::new();
    }
    sheet.wrong = None;
    sheet.waiting = Some((generation, Wait::Ticket));
    vec![Effect::OfferKey { generation, key: secret }]
}

/// Has the engine make it once more.
fn make(state: &mut State) -> Vec<Effect> {
    let unmade = top(state)
        .map(|sheet| sheet.id)
        .and_then(|id| view_of(state, id))
        .is_some_and(|(_, it)| it.is_down());
    if !unmade {
        return Vec::new();
    }
    request(state, Wait::Make, EndpointAction::Enable)
}

fn request(state: &mut State, wait: Wait, action: EndpointAction) -> Vec<Effect> {
    let generation = state.next_generation();
    let sheet = state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Endpoint(sheet) => Some(sheet),
        _ => None,
    });
    let Some(sheet) = sheet else { return Vec::new() };
    sheet.waiting = Some((generation, wait));
    sheet.wrong = None;
    vec![Effect::Request { generation, request: Request::Endpoint { integration: sheet.id, action } }]
}

/// Takes text.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    // While the field is empty the form's own keys work: no secret begins with one of them.
    if let Typed::Key(key) = typed
        && top(state).is_some_and(|sheet| sheet.secret.is_empty())
        && let Some(action @ (Action::OpenInStripe | Action::CopyId)) =
            state.keymap.action(Context::Form, *key)
    {
        return act(state, action, now_ms);
    }
    if let Some(sheet) = top(state).filter(|sheet| sheet.waiting.is_none())
        && sheet.secret.take(typed)
    {
        sheet.wrong = None;
    }
    Vec::new()
}

/// Takes the answer that it waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    let at = state.overlays.iter().position(|overlay| {
        matches!(overlay, Overlay::Endpoint(sheet) if sheet.waiting.is_some_and(|(number, _)| number == generation))
    })?;
    let Some(Overlay::Endpoint(sheet)) = state.overlays.get_mut(at) else { return None };
    let (_, wait) = sheet.waiting.take()?;
    match (wait, answer) {
        (Wait::Ticket, Answer::Ticket { ticket }) => {
            return Some(request(state, Wait::Keep, EndpointAction::Secret { ticket: *ticket }));
        }
        // What was done is told by the engine.
        (Wait::Keep, Answer::Done) => {
            state.overlays.remove(at);
        }
        (_, Answer::Refused { reason }) => sheet.wrong = Some(reason.clone()),
        _ => {}
    }
    Some(Vec::new())
}
