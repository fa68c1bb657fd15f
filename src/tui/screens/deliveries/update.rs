//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use super::attempt::AttemptPane;
use super::state::Focus;
use crate::engine::api::{
    Answer, AttemptId, AttemptRow, IntegrationId, Level, Phase, Request, TargetState, TargetView,
};
use crate::tui::attempts::Scope;
use crate::tui::effects::Effect;
use crate::tui::fmt::{self, count};
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::Typed;
use crate::tui::overlay::{Confirm, Overlay, Question, Yes, replay, target};
use crate::tui::screens::dashboard::update::{send, work};
use crate::tui::screens::{ScreenId, events, records};
use crate::tui::state::{Purpose, State, TargetDeed};
use crate::tui::widgets::attempts::short_url;
use crate::tui::widgets::detail::{Outcome, Way};

/// Where keys have their meaning.
pub fn context(state: &State) -> Context {
    let typing = state.deliveries.open.as_ref().is_some_and(|open| open.sheet.is_typing());
    if typing { Context::Typing } else { Context::Main }
}

/// The selected target; none: all of them are, or there is none.
pub fn target_view(state: &State) -> Option<&TargetView> {
    let id = state.deliveries.target?;
    state.snapshot.targets.iter().find(|one| one.id == id)
}

/// The attempt that actions are about: the open one, else the selected one.
fn attempt(state: &State) -> Option<&AttemptRow> {
    match &state.deliveries.open {
        Some(open) => open.attempt().map(|attempt| &attempt.row),
        None => state.deliveries.list.selected(),
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    match action {
        Action::AddTarget => return target::open(state),
        Action::Replay => {
            let Some(row) = attempt(state).cloned() else { return Vec::new() };
            return replay::open(state, row.integration, &row.event, &row.event_type, row.target);
        }
        Action::RemoveTarget | Action::PauseTarget | Action::TryTarget | Action::ReplayParked => {
            return deed(state, action, now_ms);
        }
        Action::CopyId => {
            let id = match (&state.deliveries.open, state.deliveries.focus) {
                (None, Focus::Targets) => target_view(state).map(|one| one.url.clone()),
                _ => attempt(state).map(|row| row.event.clone()),
            };
            return copy(state, id, now_ms);
        }
        _ => {}
    }
    if state.deliveries.open.is_some() {
        return in_attempt(state, action, now_ms);
    }
    match action {
        Action::NextPane | Action::PreviousPane => {
            let next = match state.deliveries.focus {
                Focus::Targets => Focus::Attempts,
                Focus::Attempts => Focus::Targets,
            };
            state.deliveries.focus = next;
        }
        Action::AllAccounts => state.all_accounts = !state.all_accounts,
        Action::OnlyOpen => state.deliveries.failed_only = !state.deliveries.failed_only,
        Action::Back if state.deliveries.focus == Focus::Attempts => state.deliveries.focus = Focus::Targets,
        Action::Back => {
            state.go_back();
            return Vec::new();
        }
        Action::Open if state.deliveries.focus == Focus::Targets => state.deliveries.focus = Focus::Attempts,
        Action::Open => {
            let Some(id) = attempt(state).map(|row| row.id) else { return Vec::new() };
            state.deliveries.from_elsewhere = false;
            state.deliveries.open = Some(AttemptPane::of(id));
        }
        _ if !step(state, action) => return work(state, action, now_ms).unwrap_or_default(),
        _ => {}
    }
    refresh(state)
}

/// Opens an attempt from another screen; Esc leads back there.
pub fn open_attempt(state: &mut State, id: AttemptId) -> Vec<Effect> {
    state.deliveries.from_elsewhere = state.screen != ScreenId::Deliveries;
    state.go(ScreenId::Deliveries);
    state.deliveries.focus = Focus::Attempts;
    state.deliveries.open = Some(AttemptPane::of(id));
    refresh(state)
}

fn step(state: &mut State, action: Action) -> bool {
    let targets = state.deliveries.focus == Focus::Targets;
    let page = if targets { state.hits.list_rows } else { state.hits.detail_rows };
    let page = page.saturating_sub(1).clamp(1, 10_000) as isize;
    let by = match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::PageDown => page,
        Action::PageUp => -page,
        Action::First => isize::MIN,
        Action::Last => isize::MAX,
        _ => return false,
    };
    let list = &mut state.deliveries.list;
    match (targets, action) {
        (false, Action::First) => list.first(),
        (false, Action::Last) => list.last(),
        (false, _) => list.step(by),
        (true, _) => {
            // The first line is all of them.
            let all = &state.snapshot.targets;
            let here =
                all.iter().position(|one| Some(one.id) == state.deliveries.target).map_or(0, |at| at + 1);
            let to = here.saturating_add_signed(by).min(all.len());
            state.deliveries.target = to.checked_sub(1).and_then(|at| all.get(at)).map(|one| one.id);
        }
    }
    true
}

fn copy(state: &mut State, text: Option<String>, now_ms: i64) -> Vec<Effect> {
    let Some(text) = text else { return say(state, "nothing is selected", now_ms) };
    let shown = fmt::fit(&fmt::clean(&text), 60);
    state.tell(Level::Info, format!("{shown} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(text)]
}

fn say(state: &mut State, text: &str, now_ms: i64) -> Vec<Effect> {
    state.tell(Level::Info, text, now_ms);
    Vec::new()
}

/// What is done with a target. What drops or sends many asks first.
fn deed(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let Some(one) = target_view(state).cloned() else { return Vec::new() };
    let (target, url) = (one.id, short_url(&one.url));
    let (request, deed) = match action {
        Action::RemoveTarget => (Request::RemoveTarget { target }, TargetDeed::Remove),
        Action::ReplayParked => (Request::ReplayParked { target }, TargetDeed::ReplayParked),
        Action::PauseTarget => {
            let on = one.state != TargetState::Paused;
            (Request::PauseTarget { target, on }, if on { TargetDeed::Pause } else { TargetDeed::GoOn })
        }
        _ => (Request::TryTarget { target }, TargetDeed::Try),
    };
    let purpose = Purpose::Target(deed, url.clone());
    let (title, cost) = match deed {
        TargetDeed::Remove => {
            let waiting = one.waiting + one.parked;
            let drops = if waiting == 0 {
                "nothing waits for it".to_owned()
            } else {
                format!("{} that wait for it or are parked are dropped", events_word(waiting))
            };
            (
                "Forward no more to",
                format!("{drops}; its attempts stay here, and every event stays in the log"),
            )
        }
        TargetDeed::ReplayParked => {
            ("Send what is parked to", format!("{} now, in their order", events_word(one.parked)))
        }
        _ => return send(state, request, purpose, now_ms),
    };
    let question = Question { title: title.to_owned(), account: url, livemode: None };
    let confirm = question.asks(cost, String::new(), Yes::Send(Box::new((request, purpose))));
    ask(state, confirm);
    Vec::new()
}

fn ask(state: &mut State, confirm: Confirm) {
    state.overlays.push(Overlay::Confirm(Box::new(confirm)));
}

/// `1 event`, `12 events`.
pub fn events_word(n: u64) -> String {
    if n == 1 { "1 event".to_owned() } else { format!("{} events", count(n)) }
}

fn in_attempt(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    let rows = state.hits.detail_rows;
    let Some(open) = &mut state.deliveries.open else { return Vec::new() };
    let integration = open.attempt().map(|attempt| attempt.row.integration);
    if action == Action::Back {
        if open.sheet.tree.sought().is_empty() {
            return close(state);
        }
        open.sheet.tree.find("");
        return Vec::new();
    }
    match open.sheet.act(action, rows) {
        Outcome::Done | Outcome::Go(_) => Vec::new(),
        Outcome::To(way) => integration.map(|whose| go(state, whose, way)).unwrap_or_default(),
        Outcome::Copy(text) => copy(state, Some(text), now_ms),
        Outcome::Say(text) => say(state, &text, now_ms),
        Outcome::Ignored => work(state, action, now_ms).unwrap_or_default(),
    }
}

fn close(state: &mut State) -> Vec<Effect> {
    state.deliveries.open = None;
    if std::mem::take(&mut state.deliveries.from_elsewhere) {
        state.go_back();
        return (state.screen.row().refresh)(state);
    }
    refresh(state)
}

fn go(state: &mut State, integration: IntegrationId, way: Way) -> Vec<Effect> {
    match way {
        Way::Event(id) => events::update::open_event(state, integration, id),
        Way::Object(id) => records::update::open_object(state, integration, &id),
    }
}

/// Takes text into the line in which a body is searched.
pub fn typed(state: &mut State, typed: &Typed, _now_ms: i64) -> Vec<Effect> {
    if let Some(open) = &mut state.deliveries.open {
        open.sheet.typed(typed);
    }
    Vec::new()
}

/// Why an action can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    let open = state.deliveries.open.is_some();
    let one = target_view(state);
    let err = |text: &str| Err(text.to_owned());
    match action {
        Action::AddTarget if state.snapshot.phase != Phase::Ready => err("the store is not open"),
        Action::AddTarget if state.snapshot.integrations.is_empty() => err("no account is connected yet"),
        Action::RemoveTarget | Action::PauseTarget | Action::TryTarget | Action::ReplayParked
            if one.is_none() =>
        {
            err("choose a target first: they are listed above the attempts")
        }
        Action::ReplayParked if one.is_some_and(|one| one.parked == 0) => {
            err("nothing is parked at this target")
        }
        Action::TryTarget if !one.is_some_and(|one| matches!(one.state, TargetState::Down { .. })) => {
            err("it is not down: what waits goes by itself")
        }
        Action::Replay if attempt(state).is_none() => err("no attempt is selected"),
        Action::CopyId if open || state.deliveries.focus == Focus::Attempts => {
            if attempt(state).is_none() {
                err("no attempt is selected")
            } else {
                Ok(())
            }
        }
        Action::CopyId if one.is_none() => err("choose a target first"),
        Action::Open if !open && state.deliveries.focus == Focus::Attempts && attempt(state).is_none() => {
            err("no attempt is selected")
        }
        Action::OnlyOpen | Action::AllAccounts | Action::NextPane | Action::PreviousPane if open => {
            err("this is for the lists: Esc goes back to them")
        }
        Action::Find | Action::NextMatch | Action::PreviousMatch | Action::CopyValue | Action::CopyPath
            if !open =>
        {
            err("this is for an attempt in detail: Enter opens one")
        }
        Action::Freeze => err("the attempts stand still as soon as one is selected"),
        _ => Ok(()),
    }
}

/// Asks for what the screen should show and does not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let snapshot = &state.snapshot;
    if snapshot.phase != Phase::Ready || state.engine_gone {
        return Vec::new();
    }
    let version = snapshot.deliveries_version;
    let mut generation = state.generation;
    let deliveries = &mut state.deliveries;
    if let Some(id) = deliveries.added.filter(|id| snapshot.targets.iter().any(|one| one.id == *id)) {
        (deliveries.target, deliveries.added) = (Some(id), None);
    }
    // A target that is gone leaves its place to all of them.
    if deliveries.target.is_some_and(|id| !snapshot.targets.iter().any(|one| one.id == id)) {
        deliveries.target = None;
    }
    // A target's attempts are its own, whoever's events they were.
    let all = state.all_accounts || deliveries.target.is_some();
    deliveries.list.look_at(Scope {
        integration: if all { None } else { state.selected },
        target: deliveries.target,
        event: None,
        failed_only: deliveries.failed_only,
    });
    deliveries.list.notice(version);
    let mut effects = Vec::new();
    if let Some(request) = deliveries.open.as_mut().and_then(|open| open.next_request(generation + 1)) {
        generation += 1;
        effects.push(Effect::Request { generation, request });
    }
    if let Some((number, query)) = deliveries.list.next_query(version, || generation + 1) {
        generation = number;
        effects.push(Effect::Request { generation, request: Request::Attempts(query) });
    }
    state.generation = generation;
    effects
}

/// Takes an answer that this screen waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    let whose = match answer {
        Answer::Attempt(attempt) => state.integration(attempt.row.integration),
        _ => None,
    };
    let tz = whose.map_or("UTC", |one| one.timezone.as_str()).to_owned();
    let deliveries = &mut state.deliveries;
    let taken = deliveries.list.take(generation, answer)
        || deliveries.open.as_mut().is_some_and(|open| open.take(generation, answer, &tz));
    // Behind another screen nothing more is asked for.
    taken.then(|| if state.screen == ScreenId::Deliveries { refresh(state) } else { Vec::new() })
}

/// Remembers the frame, so that nothing moves before the next key.
pub fn drawn(state: &mut State) {
    let top = state.hits.detail_top;
    match &mut state.deliveries.open {
        Some(open) => open.sheet.top = top,
        None => state.deliveries.list.drawn(top),
    }
}
