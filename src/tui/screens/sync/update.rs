//! What this screen does with actions and answers. Pure: everything it wants done is an effect.

use super::state::{Pane, wanted};
use super::{catalog, edit, history, start};
use crate::engine::api::{Answer, Level, Phase};
use crate::tui::effects::Effect;
use crate::tui::input::actions::{Action, Context};
use crate::tui::input::line::Typed;
use crate::tui::screens::dashboard::update::work;
use crate::tui::state::State;

/// Where keys have their meaning just now.
pub fn context(state: &State) -> Context {
    match &state.sync.editing {
        Some(editing) if editing.typing.is_some() => Context::Typing,
        Some(_) => Context::Form,
        None if state.sync.catalog.line.is_typing() => Context::Typing,
        None => Context::Main,
    }
}

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    if state.sync.editing.is_some() {
        edit::act(state, action, now_ms);
        return refresh(state);
    }
    if state.sync.catalog.line.is_typing() {
        catalog::act_typing(state, action);
        return refresh(state);
    }
    let mut effects = match action {
        Action::Discover | Action::Sync | Action::RetryFailed | Action::Stop | Action::Poll => {
            work(state, action, now_ms).unwrap_or_default()
        }
        Action::Plan => start::look(state, now_ms),
        _ if history::act(state, action) => Vec::new(),
        Action::CopyId if state.sync.history.is_some() => copy_run(state, now_ms),
        Action::Mark => catalog::mark(state, now_ms),
        Action::CopyId => catalog::copy(state, now_ms),
        Action::Open => open(state, now_ms),
        _ => {
            panes(state, action, now_ms);
            Vec::new()
        }
    };
    effects.extend(refresh(state));
    effects
}

/// Actions that only change what is shown.
fn panes(state: &mut State, action: Action, now_ms: i64) {
    let sync = &mut state.sync;
    match action {
        Action::NextPane => focus(state, state.sync.focus.step(1)),
        Action::PreviousPane => focus(state, state.sync.focus.step(3)),
        Action::Back if (sync.focus != Pane::Catalog || !sync.catalog.line.clear()) => {
            state.go_back();
        }
        Action::History => sync.history = Some(history::History::default()),
        Action::Find => {
            focus(state, Pane::Catalog);
            catalog::begin_typing(state);
        }
        Action::MarkAll => catalog::mark_all(state, now_ms),
        Action::Order => catalog::order(state, now_ms),
        Action::Down => step(state, 1),
        Action::Up => step(state, -1),
        Action::PageDown => page(state, true),
        Action::PageUp => page(state, false),
        Action::First => edge(state, false),
        Action::Last => edge(state, true),
        _ => {}
    }
}

fn focus(state: &mut State, pane: Pane) {
    if state.sync.focus != pane {
        state.sync.focus = pane;
        state.sync.scroll = 0;
    }
}

fn step(state: &mut State, rows: isize) {
    let lines = edit::FIELDS.len() - 1;
    let end = state.hits.sync_scroll_max;
    let sync = &mut state.sync;
    match sync.focus {
        Pane::What => sync.line = sync.line.saturating_add_signed(rows).min(lines),
        Pane::Catalog => sync.catalog.table.step(rows),
        Pane::Plan | Pane::Running => sync.scroll = sync.scroll.saturating_add_signed(rows).min(end),
    }
}

fn page(state: &mut State, down: bool) {
    if state.sync.focus == Pane::Catalog {
        state.sync.catalog.table.page(down);
        return;
    }
    let rows = state.hits.sync_rows.saturating_sub(1).clamp(1, 10_000) as isize;
    step(state, if down { rows } else { -rows });
}

fn edge(state: &mut State, last: bool) {
    if state.sync.focus == Pane::Catalog {
        state.sync.catalog.table.edge(last);
    } else {
        step(state, if last { isize::MAX / 2 } else { isize::MIN / 2 });
    }
}

/// Enter: changes a line, or opens an entry.
fn open(state: &mut State, now_ms: i64) -> Vec<Effect> {
    match state.sync.focus {
        Pane::What => edit::begin(state, now_ms),
        Pane::Catalog => return catalog::open(state, now_ms),
        Pane::Plan => return start::look(state, now_ms),
        Pane::Running => state.sync.history = Some(history::History::default()),
    }
    Vec::new()
}

fn copy_run(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let id = state.sync.history.as_ref().and_then(|history| history.selected()).map(|run| run.id.to_string());
    let Some(id) = id else {
        state.tell(Level::Info, "nothing is selected", now_ms);
        return Vec::new();
    };
    state.tell(Level::Info, format!("{id} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(id)]
}

/// Takes typed text.
pub fn typed(state: &mut State, typed: &Typed, now_ms: i64) -> Vec<Effect> {
    if state.sync.editing.is_some() {
        edit::typed(state, typed, now_ms);
        return Vec::new();
    }
    catalog::typed(state, typed);
    refresh(state)
}

/// Asks for whatever should be on the screen and is not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    if state.snapshot.phase != Phase::Ready || state.engine_gone {
        return Vec::new();
    }
    let mut effects = Vec::new();
    if let (Some(wanted), Some(view)) = (wanted(state), state.current().cloned()) {
        let next = state.generation + 1;
        if let Some((generation, request)) = state.sync.planning.next(&wanted, &view, || next) {
            state.generation = generation;
            effects.push(Effect::Request { generation, request });
        }
    }
    effects.extend(history::refresh(state));
    effects.extend(catalog::refresh(state));
    effects
}

/// Takes an answer that this screen waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    let plan = match answer {
        Answer::Plan(plan) => Ok(plan.clone()),
        Answer::Refused { reason } => Err(reason.clone()),
        _ => Err("the engine gave no plan".to_owned()),
    };
    if state.sync.planning.take(generation, plan) {
        return Some(refresh(state));
    }
    history::answer(state, generation, answer).or_else(|| catalog::answer(state, generation, answer))
}

/// Remembers the frame that was drawn.
pub fn drawn(state: &mut State) {
    let hits = state.hits.clone();
    state.sync.catalog.table.drawn(&hits);
    let end = hits.sync_scroll_max;
    if let Some(scroll) = state.sync.history.as_mut().and_then(|history| history.detail.as_mut()) {
        *scroll = (*scroll).min(end);
    } else {
        state.sync.scroll = state.sync.scroll.min(end);
    }
}

/// Why an action can't be done just now.
pub fn can(state: &State, action: Action) -> Result<(), String> {
    if matches!(action, Action::Freeze | Action::AllAccounts) {
        return Err("that is for events: this screen is of one account".to_owned());
    }
    let needs_account = matches!(
        action,
        Action::Discover
            | Action::Sync
            | Action::RetryFailed
            | Action::Stop
            | Action::Plan
            | Action::Mark
            | Action::MarkAll
            | Action::History
            | Action::Find
            | Action::Order
    );
    if !needs_account {
        return Ok(());
    }
    match &state.snapshot.phase {
        Phase::Opening => return Err("the store is still being opened".to_owned()),
        Phase::Failed { .. } => return Err("the store can't be used".to_owned()),
        Phase::Ready => {}
    }
    let Some(view) = state.current() else {
        return Err("no account connected yet: c connects one".to_owned());
    };
    let history = state.sync.history.is_some();
    let rows = state.sync.catalog.table.selected().is_some();
    match action {
        Action::Stop => {
            let runs = [&view.discover, &view.sync].into_iter().flatten();
            let any = runs.into_iter().any(crate::tui::screens::dashboard::update::is_active);
            if any { Ok(()) } else { Err(format!("nothing is running for {}", view.name)) }
        }
        Action::RetryFailed if view.catalog.error == 0 => Err(format!("nothing of {} has failed", view.name)),
        Action::Mark | Action::MarkAll | Action::Find | Action::Order if history => {
            Err("that is the catalog's: Esc leaves the history".to_owned())
        }
        Action::Mark | Action::MarkAll | Action::Order if !rows => {
            Err("no entry of the catalog is selected".to_owned())
        }
        _ => Ok(()),
    }
}
