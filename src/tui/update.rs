//! The core: a message changes the state and yields effects. Pure: no input, no output, no clock of its own.

use super::effects::Effect;
use super::fmt::count;
use super::input::actions::{Action, Context};
use super::input::keys::Key;
use super::input::line::Typed;
use super::msg::Msg;
use super::overlay::palette::Palette;
use super::overlay::{self, Overlay};
use super::remember;
use super::screens::dashboard::update::job_word;
use super::screens::{SCREENS, ScreenId};
use super::state::{Purpose, State, TargetDeed};
use super::widgets::endpoint;
use crate::engine::api::{AlertReason, Answer, EndpointAction, Level, Mark, Phase, Request, Snapshot};

/// Takes one message in. `now_ms` is Unix milliseconds.
pub fn update(state: &mut State, msg: Msg, now_ms: i64) -> Vec<Effect> {
    state.now_ms = now_ms;
    match msg {
        Msg::Key(event) => match Key::of(&event) {
            Some(key) => {
                state.untouched = false;
                let mut effects = match state.action_for(key) {
                    // Nothing is seen of what such a key would do.
                    Some(action) if too_small(state) && !leaves(action) => Vec::new(),
                    Some(action) => act(state, action, now_ms),
                    None => typed(state, &Typed::Key(key), now_ms),
                };
                effects.extend(remember::keep_up(state));
                effects
            }
            None => Vec::new(),
        },
        Msg::Paste(text) => typed(state, &Typed::Paste(text), now_ms),
        Msg::Resize(columns, rows) => {
            state.size = (columns, rows);
            Vec::new()
        }
        Msg::Snapshot(snapshot) => {
            let before = std::mem::replace(&mut state.snapshot, snapshot);
            keep_selection(state);
            remember::take_up(state);
            tell_news(state, now_ms);
            tell_lost(state, &before, now_ms);
            let mut effects = tell_alerts(state, now_ms);
            effects.extend(overlay::refresh(state));
            effects.extend((state.screen.row().refresh)(state));
            effects
        }
        Msg::Answer { generation, answer } => answered(state, generation, &answer, now_ms),
        Msg::Drawn(hits) => {
            state.hits = hits;
            overlay::clamp(state);
            (state.screen.row().drawn)(state);
            Vec::new()
        }
        Msg::Tick => {
            if state.toast.as_ref().is_some_and(|toast| toast.until_ms <= now_ms) {
                state.toast = None;
            }
            Vec::new()
        }
        Msg::EngineGone => {
            state.engine_gone = true;
            state.tell(Level::Error, "the engine has stopped: quit and start again", now_ms);
            Vec::new()
        }
        Msg::Panicked(text) => {
            state.tell(Level::Error, format!("a part of tillwatch broke: {text}"), now_ms);
            Vec::new()
        }
        Msg::Told(text) => {
            state.tell(Level::Info, text, now_ms);
            Vec::new()
        }
        Msg::NotSuspended(text) => {
            state.tell(Level::Warning, text, now_ms);
            Vec::new()
        }
    }
}

/// Carries an action out: those of the program here, those of an overlay next, the rest by the open screen.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    match action {
        Action::Quit | Action::ForceQuit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Help => return toggle(state, Overlay::Help { scroll: 0 }),
        Action::Messages => return toggle(state, Overlay::Messages { scroll: 0 }),
        Action::Search => return overlay::search::update::open(state),
        Action::Palette if state.overlays.is_empty() => {
            state.overlays.push(Overlay::Palette(Palette::default()));
            return Vec::new();
        }
        _ => {}
    }
    if !state.overlays.is_empty() {
        return overlay::act(state, action, now_ms);
    }
    if let Err(reason) = state.can(action) {
        state.tell(Level::Info, reason, now_ms);
        return Vec::new();
    }
    if action == Action::TakeOver {
        let generation = state.expect(Purpose::TakeOver);
        return generation
            .map(|generation| Effect::Request { generation, request: Request::TakeOver })
            .into_iter()
            .collect();
    }
    if action == Action::Connect {
        return overlay::wizard::open(state, None, now_ms);
    }
    let before = (state.screen, state.selected);
    let mut effects =
        if navigate(state, action) { Vec::new() } else { (state.screen.row().act)(state, action, now_ms) };
    if (state.screen, state.selected) != before {
        effects.extend((state.screen.row().refresh)(state));
    }
    effects
}

/// Between screens and accounts: the same everywhere. False: it is the open screen's business.
fn navigate(state: &mut State, action: Action) -> bool {
    let digit = match action {
        Action::Pane1 => ScreenId::Integrations,
        Action::Pane2 => ScreenId::Events,
        Action::Pane3 => ScreenId::Sync,
        Action::Records => ScreenId::Records,
        Action::Payments => ScreenId::Payments,
        Action::Deliveries => ScreenId::Deliveries,
        Action::Log => ScreenId::Log,
        Action::NextAccount | Action::PreviousAccount => {
            let all = &state.snapshot.integrations;
            let here = all.iter().position(|view| Some(view.id) == state.selected).unwrap_or(0);
            let step = if action == Action::NextAccount { 1 } else { all.len().saturating_sub(1) };
            if let Some(next) = all.get((here + step) % all.len().max(1)) {
                state.selected = Some(next.id);
            }
            return true;
        }
        Action::Zoom if state.screen != ScreenId::Dashboard => {
            state.go(ScreenId::Dashboard);
            return true;
        }
        _ => return false,
    };
    let pane = matches!(digit, ScreenId::Integrations | ScreenId::Events | ScreenId::Sync);
    if pane && state.screen == ScreenId::Dashboard {
        // A pane of it: focused first, opened whole when it has the focus already.
        return false;
    }
    state.go(digit);
    true
}

fn too_small(state: &State) -> bool {
    let (columns, rows) = state.size;
    columns < super::view::SMALLEST.0 || rows < super::view::SMALLEST.1
}

fn leaves(action: Action) -> bool {
    matches!(action, Action::Quit | Action::ForceQuit | Action::Suspend | Action::Back | Action::No)
}

/// Text goes to whatever is typed into; elsewhere it is nothing.
fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    if state.context() != Context::Typing {
        return Vec::new();
    }
    if state.overlays.is_empty() {
        (state.screen.row().typed)(state, typed, now_ms)
    } else {
        overlay::typed(state, typed, now_ms)
    }
}

/// The same key opens and closes.
fn toggle(state: &mut State, overlay: Overlay) -> Vec<Effect> {
    let same = |open: &Overlay| std::mem::discriminant(open) == std::mem::discriminant(&overlay);
    if state.overlays.iter().any(same) {
        state.overlays.retain(|open| !same(open));
    } else {
        state.overlays.push(overlay);
    }
    Vec::new()
}

fn keep_selection(state: &mut State) {
    let all = &state.snapshot.integrations;
    if state.selected.is_none_or(|id| !all.iter().any(|view| view.id == id)) {
        state.selected = all.first().map(|view| view.id);
    }
}

/// Shows what the engine tells since the last snapshot; what it told before the screen was there is in the list.
fn tell_news(state: &mut State, now_ms: i64) {
    if state.snapshot.phase == Phase::Opening {
        return;
    }
    let newest = state.snapshot.messages.iter().map(|message| message.seq).max().unwrap_or(0);
    if let Some(told) = state.told {
        let snapshot: &Snapshot = &state.snapshot;
        let news = snapshot
            .messages
            .iter()
            .filter(|message| message.seq > told)
            .max_by_key(|message| (rank(message.level), message.seq));
        if let Some((level, text)) = news.map(|message| (message.level, message.text.clone())) {
            state.flash(level, text, now_ms);
        }
    }
    // A screen that went to another process: what that one told before is not news.
    state.told = Some(state.told.unwrap_or(0).max(newest));
}

/// Says once when nothing is heard any more from the process that holds the data folder, and when it is there again.
fn tell_lost(state: &mut State, before: &Snapshot, now_ms: i64) {
    let lost = |snapshot: &Snapshot| snapshot.attached.as_ref().and_then(|held| held.lost.clone());
    match (lost(before), lost(&state.snapshot)) {
        // Another reason is news, too: another version was started there.
        (told, Some(reason)) if told.as_ref() != Some(&reason) => {
            let keys = state.keymap.label(Action::TakeOver);
            state.tell(Level::Warning, format!("{reason}: {keys} takes the folder over, q quits"), now_ms);
        }
        (Some(_), None) if state.snapshot.attached.is_some() => {
            state.tell(Level::Info, "attached again to the tillwatch that holds the data folder", now_ms);
        }
        _ => {}
    }
}

/// Calls a person for what has happened since the last snapshot; what was there before the screen was is not rung for.
fn tell_alerts(state: &mut State, now_ms: i64) -> Vec<Effect> {
    if state.snapshot.phase == Phase::Opening {
        if state.snapshot.attached.is_some() {
            // The process that holds the folder was there before: what it has called for is no news.
            return Vec::new();
        }
        // Seen from the very beginning: whatever comes is new.
        state.alerted.get_or_insert(0);
    }
    let snapshot = std::sync::Arc::clone(&state.snapshot);
    let newest = snapshot.alerts.iter().map(|alert| alert.seq).max().unwrap_or(0);
    let Some(told) = state.alerted.replace(newest.max(state.alerted.unwrap_or(0))) else { return Vec::new() };
    let news = || snapshot.alerts.iter().filter(|alert| alert.seq > told);
    if let Some(alert) = news().max_by_key(|alert| (rank(alert.level), alert.seq)) {
        let mut text = alert.text.clone();
        if alert.reason == AlertReason::EndpointDown && !alert.over {
            text = format!("{text}; {} sets it right", state.keymap.label(Action::EnableEndpoint));
        }
        state.tell(alert.level, text, now_ms);
    }
    // One call, however many they are: the first that is not over says why.
    let Some(alert) = news().filter(|alert| !alert.over).max_by_key(|alert| (rank(alert.level), alert.seq))
    else {
        return Vec::new();
    };
    let mut effects = Vec::new();
    if state.calls.bell {
        effects.push(Effect::Ring);
    }
    if state.calls.osc9 {
        effects.push(Effect::Notify(super::fmt::clean(&alert.text).into_owned()));
    }
    effects
}

fn rank(level: Level) -> u8 {
    match level {
        Level::Info => 0,
        Level::Warning => 1,
        Level::Error => 2,
    }
}

fn answered(state: &mut State, generation: u64, answer: &Answer, now_ms: i64) -> Vec<Effect> {
    let Some(index) = state.pending.iter().position(|(number, _)| *number == generation) else {
        // An overlay or a screen waits for it (open or not), or nobody does any more.
        return overlay::answer(state, generation, answer, now_ms)
            .or_else(|| SCREENS.iter().find_map(|screen| (screen.answer)(state, generation, answer)))
            .unwrap_or_default();
    };
    let (_, purpose) = state.pending.remove(index);
    if let Some((level, text)) = words(state, &purpose, answer) {
        state.tell(level, text, now_ms);
    }
    if matches!((purpose, answer), (Purpose::Star { .. }, Answer::Done)) {
        return super::screens::events::update::starred(state);
    }
    Vec::new()
}

fn words(state: &State, purpose: &Purpose, answer: &Answer) -> Option<(Level, String)> {
    let told = match (purpose, answer) {
        (Purpose::Start(kind, id), Answer::Started { resumed, .. }) => {
            let how = if *resumed { "goes on where it stopped" } else { "has begun" };
            (Level::Info, format!("the {} of {} {how}", job_word(*kind), state.name_of(*id)))
        }
        (Purpose::Start(kind, id), Answer::Busy { .. }) => {
            let name = state.name_of(*id);
            (Level::Info, format!("a {} of {name} is running already; x stops it", job_word(*kind)))
        }
        (Purpose::Cancel(kind, id), Answer::Done) => {
            let key = if job_word(*kind) == "sync" { "s" } else { "d" };
            let name = state.name_of(*id);
            (Level::Info, format!("the {} of {name} stops; {key} takes it up again", job_word(*kind)))
        }
        (Purpose::Start(kind, id), Answer::Refused { reason }) => {
            (Level::Warning, format!("no {} of {}: {reason}", job_word(*kind), state.name_of(*id)))
        }
        (Purpose::Cancel(kind, id), Answer::Refused { reason }) => {
            let name = state.name_of(*id);
            (Level::Warning, format!("the {} of {name} is not stopped: {reason}", job_word(*kind)))
        }
        (Purpose::Check(id), Answer::Refused { reason }) => {
            (Level::Warning, format!("the key of {} is not checked: {reason}", state.name_of(*id)))
        }
        (Purpose::Poll(id), Answer::Refused { reason }) => {
            (Level::Warning, format!("no events of {}: {reason}", state.name_of(*id)))
        }
        (Purpose::Star { on }, Answer::Refused { reason }) => {
            let what = if *on { "not starred" } else { "the star stays" };
            (Level::Warning, format!("{what}: {reason}"))
        }
        (Purpose::Star { .. }, Answer::NotHere) => {
            (Level::Warning, "not starred: the event is not stored here".to_owned())
        }
        (Purpose::Mark(id, mark, n), Answer::Done) => {
            let what = if *n == 1 { "1 entry".to_owned() } else { format!("{} entries", count(*n as u64)) };
            let how = match mark {
                Mark::Sync => "will be taken up by the next sync",
                Mark::Skip => "will be left out until marked again",
            };
            (Level::Info, format!("{what} of {} {how}", state.name_of(*id)))
        }
        (Purpose::Mark(..), Answer::Refused { reason }) => {
            (Level::Warning, format!("nothing was marked: {reason}"))
        }
        (Purpose::Endpoint(EndpointAction::Look, id), Answer::Done) => {
            let view = state.integration(*id);
            let word =
                view.and_then(|one| one.endpoint.as_ref()).map_or("gone", |it| endpoint::word(&it.state));
            (Level::Info, format!("the webhook endpoint of {}: {word}", state.name_of(*id)))
        }
        // What was done otherwise is told by the engine.
        (Purpose::Endpoint(_, id), Answer::Refused { reason }) => {
            (Level::Warning, format!("the webhook endpoint of {}: {reason}", state.name_of(*id)))
        }
        (Purpose::TakeOver, Answer::Done) => {
            (Level::Info, "this tillwatch holds the data folder now and goes on with what runs (no HTTP API, no receiver: quit and start `serve` for those)".to_owned())
        }
        (Purpose::TakeOver, Answer::Refused { reason }) => {
            (Level::Warning, format!("not taken over: {reason}"))
        }
        (Purpose::Target(deed, url), Answer::Done) => {
            let text = match deed {
                TargetDeed::Remove => format!("nothing is forwarded to {url} any more"),
                TargetDeed::Pause => format!("events for {url} wait until it goes on"),
                TargetDeed::GoOn => format!("events go on to {url}"),
                TargetDeed::Try => format!("trying {url} now"),
                TargetDeed::ReplayParked => format!("what was parked goes to {url}"),
            };
            (Level::Info, text)
        }
        (Purpose::Target(deed, url), Answer::Refused { reason }) => {
            let what = match deed {
                TargetDeed::Remove => "not removed",
                TargetDeed::Pause => "not paused",
                TargetDeed::GoOn => "still paused",
                TargetDeed::Try => "not tried",
                TargetDeed::ReplayParked => "nothing was sent",
            };
            (Level::Warning, format!("{url}: {what}: {reason}"))
        }
        // A poll that went well shows as rows.
        _ => return None,
    };
    Some(told)
}
