//! The objects that are open, each from the one before: moving in one, jumping to another, its events, its links.
//!
//! Pure. It must never copy a payment link of an invoice that is not open to be paid.

use super::state::{Errand, Opened};
use super::update::copy;
use crate::engine::api::{Answer, IntegrationId, Level, ObjectDetail};
use crate::stripe::kind::Kind;
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::screens::dashboard::update::work;
use crate::tui::screens::{ScreenId, events};
use crate::tui::state::State;
use crate::tui::widgets::detail::{Detail, Outcome};
use crate::tui::widgets::timeline::Timeline;

const NO_LINK: &str = "only an invoice has a payment link";

/// Objects that are kept open, one from another; the first ones go.
const MOST: usize = 50;

/// Opens an object from anywhere: over what this screen shows if it is open, else on its own, and Esc leads back.
pub fn open_object(state: &mut State, integration: IntegrationId, id: &str) -> Vec<Effect> {
    let here = state.screen == ScreenId::Records || state.trail.contains(&ScreenId::Records);
    if !here {
        state.records.opened.clear();
    }
    let from_elsewhere = state.screen != ScreenId::Records;
    state.go(ScreenId::Records);
    state.records.order = None;
    let effects = push(state, integration, id, false);
    if let Some(open) = state.records.opened.last_mut() {
        // With others below it the way back leads through them.
        open.from_elsewhere = from_elsewhere && !here;
    }
    effects
}

/// Opens an object from anywhere with the events about it.
pub fn open_timeline(state: &mut State, integration: IntegrationId, id: &str) -> Vec<Effect> {
    let mut effects = open_object(state, integration, id);
    show_timeline(state);
    effects.extend(refresh(state));
    effects
}

/// Opens an object over what is open.
pub(super) fn push(state: &mut State, integration: IntegrationId, id: &str, timeline: bool) -> Vec<Effect> {
    // Whose it is stands in the header with its mode: it must not show another account's.
    if state.integration(integration).is_some() {
        state.selected = Some(integration);
    }
    let again = state.records.open().is_some_and(|open| open.integration == integration && open.id == id);
    if !again {
        let mut detail = Detail::default();
        detail.notice(state.snapshot.records_version);
        detail.show(integration, id);
        let opened = &mut state.records.opened;
        opened.push(Opened {
            integration,
            id: id.to_owned(),
            detail,
            timeline: None,
            on_timeline: false,
            from_elsewhere: false,
        });
        if opened.len() > MOST {
            opened.remove(0);
        }
    }
    if timeline {
        show_timeline(state);
    }
    refresh(state)
}

fn show_timeline(state: &mut State) {
    let version = state.snapshot.events_version;
    let Some(open) = state.records.opened.last_mut() else { return };
    if open.timeline.is_none() {
        let title = open.title();
        open.timeline = Some(Timeline::of(open.integration, &open.id, &title, version));
    }
    open.on_timeline = true;
}

/// Carries an action out.
pub(super) fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let hits = state.hits.clone();
    let Some(open) = state.records.opened.last_mut() else { return Vec::new() };
    // A line that takes text has its own meaning of Enter and Esc.
    let typing = open.detail.is_typing() && !open.on_timeline;
    match action {
        Action::Back if !typing => return back(state),
        Action::Timeline => {
            if open.on_timeline {
                (open.timeline, open.on_timeline) = (None, false);
            } else {
                show_timeline(state);
            }
            return refresh(state);
        }
        Action::NextPane | Action::PreviousPane => {
            if open.on_timeline {
                open.on_timeline = false;
            } else {
                show_timeline(state);
            }
            return refresh(state);
        }
        Action::Customer => {
            let customer = open.detail.customer();
            let integration = open.integration;
            return match customer {
                Some(id) => push(state, integration, &id, false),
                None if open.detail.object().is_none() => say(state, "the object is not here", now_ms),
                None => say(state, "it has no customer", now_ms),
            };
        }
        Action::CopyLink | Action::OpenInStripe => {
            let Some(object) = open.detail.object().cloned() else {
                return say(state, "the object is not here", now_ms);
            };
            let errand = if action == Action::CopyLink { Errand::PaymentLink } else { Errand::Page };
            return carry_out(state, &object, errand, now_ms);
        }
        Action::AllAccounts => return Vec::new(),
        _ => {}
    }
    if open.on_timeline
        && let Some(timeline) = &mut open.timeline
    {
        if timeline.act(action, hits.timeline_rows) {
            return refresh(state);
        }
        let event = timeline.selected().map(|row| (row.integration, row.id.clone()));
        return match (action, event) {
            (Action::Open, Some((integration, id))) => events::update::open_event(state, integration, id),
            (Action::CopyId, Some((_, id))) => copy(state, Some(id), now_ms),
            _ => work(state, action, now_ms).unwrap_or_default(),
        };
    }
    let integration = open.integration;
    match open.detail.act(action, &hits) {
        Outcome::Done => refresh(state),
        Outcome::Go(link) => push(state, integration, &link.id, false),
        // An object's sheet has none.
        Outcome::To(_) => Vec::new(),
        Outcome::Copy(text) => copy(state, Some(text), now_ms),
        Outcome::Say(text) => say(state, &text, now_ms),
        Outcome::Ignored => work(state, action, now_ms).unwrap_or_default(),
    }
}

/// Out of the events, then to the object before, then to the table or where one came from.
fn back(state: &mut State) -> Vec<Effect> {
    let Some(open) = state.records.opened.last_mut() else { return Vec::new() };
    if open.timeline.is_some() {
        (open.timeline, open.on_timeline) = (None, false);
        return Vec::new();
    }
    let elsewhere = open.from_elsewhere;
    state.records.opened.pop();
    if let Some(before) = state.records.opened.last().map(|open| open.integration) {
        state.selected = Some(before);
    } else if elsewhere {
        state.go_back();
        return Vec::new();
    }
    super::update::refresh(state)
}

fn say(state: &mut State, text: &str, now_ms: i64) -> Vec<Effect> {
    state.tell(Level::Info, text, now_ms);
    Vec::new()
}

/// Why an action can't be done just now.
pub(super) fn can(state: &State, action: Action) -> Result<(), String> {
    let Some(open) = state.records.open() else { return Ok(()) };
    let object = open.detail.object();
    match action {
        Action::Freeze => Err("only the feed can be frozen".to_owned()),
        Action::Order => Err("only a table has an order: Esc goes back to it".to_owned()),
        Action::AllAccounts => Err("an object is of one account: Esc goes back to the table".to_owned()),
        Action::Customer if object.is_none() => Err("the object is not here".to_owned()),
        Action::Customer if open.detail.customer().is_none() => Err("it has no customer".to_owned()),
        Action::CopyLink if object.is_some_and(|object| object.kind != Kind::Invoice) => {
            Err(NO_LINK.to_owned())
        }
        Action::OpenInStripe => page(object).map(|_| ()),
        _ => Ok(()),
    }
}

/// Asks for the object that shows, and for its events.
pub(super) fn refresh(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    let (records_version, events_version) = (state.snapshot.records_version, state.snapshot.events_version);
    let mut generation = state.generation;
    if let Some(open) = state.records.opened.last_mut() {
        open.detail.notice(records_version);
        if let Some((number, request)) = open.detail.next_request(|| generation + 1) {
            generation = number;
            effects.push(Effect::Request { generation: number, request });
        }
        if let Some(timeline) = &mut open.timeline {
            timeline.notice(events_version);
            if let Some(request) = timeline.next_request(generation + 1) {
                generation += 1;
                effects.push(Effect::Request { generation, request });
            }
        }
    }
    state.generation = generation;
    effects
}

/// Takes an answer that an open object waits for, or an errand.
pub(super) fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    if let Some(going) = state.records.errand.filter(|going| going.generation == generation) {
        state.records.errand = None;
        return Some(match answer {
            Answer::Object(object) => carry_out(state, &object.clone(), going.errand, going.asked_ms),
            Answer::Refused { reason } => say(state, reason, going.asked_ms),
            _ => say(state, "the object is not stored here any more", going.asked_ms),
        });
    }
    let taken = state.records.opened.iter_mut().any(|open| {
        open.detail.take(generation, answer)
            || open.timeline.as_mut().is_some_and(|timeline| timeline.take(generation, answer))
    });
    taken.then(|| super::update::refresh(state))
}

/// Does with an object what was asked for.
fn carry_out(state: &mut State, object: &ObjectDetail, errand: Errand, now_ms: i64) -> Vec<Effect> {
    match errand {
        Errand::Customer => {
            let customer = if object.kind == Kind::Customer {
                Some(object.id.clone())
            } else {
                crate::tui::widgets::detail::customer_of(&object.links)
            };
            match customer {
                Some(id) => push(state, object.integration, &id, false),
                None => say(state, "it has no customer", now_ms),
            }
        }
        Errand::PaymentLink => match payment_link(Some(object)) {
            Ok(link) => {
                state.tell(Level::Info, "the payment link was sent to the terminal's clipboard", now_ms);
                vec![Effect::Copy(link)]
            }
            Err(reason) => say(state, &reason, now_ms),
        },
        Errand::Page => match page(Some(object)) {
            Ok(url) => vec![Effect::OpenPage(url)],
            Err(reason) => say(state, &reason, now_ms),
        },
    }
}

/// The page on which an open invoice is paid: Stripe's `hosted_invoice_url`.
fn payment_link(object: Option<&ObjectDetail>) -> Result<String, String> {
    let object = object.ok_or("the object is not here")?;
    if object.kind != Kind::Invoice {
        return Err(NO_LINK.to_owned());
    }
    let json: serde_json::Value = serde_json::from_str(&object.json).unwrap_or_default();
    let text = |name: &str| json.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    match text("status") {
        "open" => {}
        "" => return Err("the invoice's content is not here".to_owned()),
        status => {
            return Err(format!(
                "the invoice is {}: only an open one can be paid",
                crate::text::clean(status)
            ));
        }
    }
    let link = text("hosted_invoice_url");
    // What goes to the clipboard is an address and nothing else.
    let plain = link.starts_with("https://") || link.starts_with("http://127.0.0.1");
    if !plain || link.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("Stripe gave no payment link for this invoice".to_owned());
    }
    Ok(link.to_owned())
}

fn page(object: Option<&ObjectDetail>) -> Result<String, String> {
    let object = object.ok_or("the object is not here")?;
    object.url.clone().ok_or_else(|| "it has no page at Stripe (a local Stripe has none)".to_owned())
}
