//! What the dashboard does with actions, snapshots and answers. Pure: everything it wants done is an effect.

use super::state::Pane;
use crate::engine::api::{Answer, IntegrationView, JobKind, JobState, JobView, Level, Phase, Request};
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::overlay::search;
use crate::tui::screens::ScreenId;
use crate::tui::screens::integrations::endpoint;
use crate::tui::screens::sync::start;
use crate::tui::state::{Purpose, State};

const NO_ACCOUNT: &str = "no account connected yet: c connects one";

/// Carries an action out.
pub fn act(state: &mut State, action: Action, now_ms: i64) -> Vec<Effect> {
    match action {
        Action::Down => step(state, 1),
        Action::Up => step(state, -1),
        Action::PageDown => step(state, page(state)),
        Action::PageUp => step(state, -page(state)),
        Action::First => edge(state, false),
        Action::Last => edge(state, true),
        Action::Pane1 => focus(state, Pane::Integrations),
        Action::Pane2 => focus(state, Pane::Events),
        Action::Pane3 => focus(state, Pane::Sync),
        Action::NextPane => state.dashboard.focus = state.dashboard.focus.next(),
        Action::PreviousPane => state.dashboard.focus = state.dashboard.focus.next().next(),
        Action::Zoom => state.go(screen_of(state.dashboard.focus)),
        Action::Back => back(state),
        Action::AllAccounts => state.all_accounts = !state.all_accounts,
        Action::Freeze => state.dashboard.feed.toggle_freeze(),
        Action::CopyId => return copy(state, now_ms),
        Action::Open if state.dashboard.focus == Pane::Events => {
            return crate::tui::screens::events::update::open_from_dashboard(state);
        }
        Action::Find => return search::update::open(state),
        Action::EnableEndpoint => return endpoint::act(state, action, now_ms),
        _ => return work(state, action, now_ms).unwrap_or_default(),
    }
    refresh(state)
}

/// What is done for the selected account, the same on every screen; none: it is no such action.
pub fn work(state: &mut State, action: Action, now_ms: i64) -> Option<Vec<Effect>> {
    Some(match action {
        Action::Discover => start::start(state, JobKind::Discover, false, now_ms),
        Action::Sync => start::start(state, JobKind::Sync, false, now_ms),
        Action::RetryFailed => start::start(state, JobKind::Sync, true, now_ms),
        Action::Stop => start::stop(state, now_ms),
        Action::Poll => poll(state, now_ms),
        _ => return None,
    })
}

fn screen_of(pane: Pane) -> ScreenId {
    match pane {
        Pane::Integrations => ScreenId::Integrations,
        Pane::Events => ScreenId::Events,
        Pane::Sync => ScreenId::Sync,
    }
}

/// Asks for the events that the screen should show and does not.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    if state.snapshot.phase != Phase::Ready || state.engine_gone {
        return Vec::new();
    }
    let scope = if state.all_accounts { None } else { state.selected };
    if scope.is_none() && state.snapshot.integrations.is_empty() {
        return Vec::new();
    }
    let version = state.snapshot.events_version;
    state.dashboard.feed.look_at(scope, "");
    state.dashboard.feed.notice(version);
    let next = state.generation + 1;
    match state.dashboard.feed.next_query(version, || next) {
        Some((generation, query)) => {
            state.generation = generation;
            vec![Effect::Request { generation, request: Request::Events(query) }]
        }
        None => Vec::new(),
    }
}

/// Takes an answer that the feed waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    let rows = match answer {
        Answer::Events(window) => Ok(window.clone()),
        Answer::Refused { reason } => Err(reason.clone()),
        _ => return None,
    };
    let taken = state.dashboard.feed.take(generation, rows);
    // Behind another screen nothing more is asked for.
    taken.then(|| if state.screen == ScreenId::Dashboard { refresh(state) } else { Vec::new() })
}

/// Remembers the first visible row, so that nothing moves before the next key.
pub fn drawn(state: &mut State) {
    let feed = &mut state.dashboard.feed;
    if let Some(row) = feed.window.rows.get(state.hits.feed_top) {
        feed.top = Some(crate::tui::feed::place(row));
    }
    state.dashboard.scroll = state.dashboard.scroll.min(state.hits.sync_scroll_max);
}

fn page(state: &State) -> isize {
    let rows = match state.dashboard.focus {
        Pane::Integrations => state.hits.list_rows,
        Pane::Events => state.hits.feed_rows,
        Pane::Sync => state.hits.sync_rows,
    };
    rows.saturating_sub(1).clamp(1, 10_000) as isize
}

fn step(state: &mut State, rows: isize) {
    match state.dashboard.focus {
        Pane::Events => state.dashboard.feed.step(rows),
        Pane::Sync if state.hits.sync_scroll_max > 0 => {
            let to = state.dashboard.scroll.saturating_add_signed(rows);
            state.dashboard.scroll = to.min(state.hits.sync_scroll_max);
        }
        Pane::Integrations | Pane::Sync => select(state, rows),
    }
}

fn edge(state: &mut State, last: bool) {
    match state.dashboard.focus {
        Pane::Events if last => state.dashboard.feed.last(),
        Pane::Events => state.dashboard.feed.follow(),
        Pane::Sync if state.hits.sync_scroll_max > 0 => {
            state.dashboard.scroll = if last { state.hits.sync_scroll_max } else { 0 };
        }
        Pane::Integrations | Pane::Sync => select(state, if last { 1_000_000 } else { -1_000_000 }),
    }
}

fn select(state: &mut State, rows: isize) {
    let all = &state.snapshot.integrations;
    let Some(last) = all.len().checked_sub(1) else { return };
    let here = all.iter().position(|view| Some(view.id) == state.selected).unwrap_or(0);
    state.selected = all.get(here.saturating_add_signed(rows).min(last)).map(|view| view.id);
}

fn focus(state: &mut State, pane: Pane) {
    if state.dashboard.focus == pane {
        state.go(screen_of(pane));
    } else {
        state.dashboard.focus = pane;
    }
}

fn back(state: &mut State) {
    state.dashboard.focus = Pane::Events;
}

/// What a job is called in a sentence.
pub fn job_word(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Discover => "discover",
        JobKind::Sync => "sync",
    }
}

/// The job runs or will.
pub fn is_active(job: &JobView) -> bool {
    matches!(job.state, JobState::Queued | JobState::Running)
}

/// The selected account's view, when it can be worked with; else says why not.
pub fn usable(state: &mut State, now_ms: i64) -> Option<IntegrationView> {
    let trouble = if state.engine_gone {
        "the engine has stopped: quit and start again"
    } else {
        match &state.snapshot.phase {
            Phase::Opening => "the store is still being opened",
            Phase::Failed { .. } => "the store can't be used",
            Phase::Ready => NO_ACCOUNT,
        }
    };
    let ready = state.snapshot.phase == Phase::Ready && !state.engine_gone;
    let view = state.current().filter(|_| ready).cloned();
    if view.is_none() {
        state.tell(Level::Warning, trouble, now_ms);
    }
    view
}

/// Sends a request whose answer will be told.
pub fn send(state: &mut State, request: Request, purpose: Purpose, now_ms: i64) -> Vec<Effect> {
    if let Some(generation) = state.expect(purpose) {
        vec![Effect::Request { generation, request }]
    } else {
        state.tell(Level::Warning, "too many requests wait for an answer: try again in a moment", now_ms);
        Vec::new()
    }
}

fn poll(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let Some(view) = usable(state, now_ms) else { return Vec::new() };
    let mode = if view.livemode { "LIVE" } else { "TEST" };
    state.tell(Level::Info, format!("reading new events of {} ({mode})", view.name), now_ms);
    send(state, Request::Poll { integration: view.id }, Purpose::Poll(view.id), now_ms)
}

fn copy(state: &mut State, now_ms: i64) -> Vec<Effect> {
    let id = match state.dashboard.focus {
        Pane::Events => state.dashboard.feed.selected().map(|row| row.id.clone()),
        Pane::Integrations | Pane::Sync => state.current().map(|view| view.account.clone()),
    };
    let Some(id) = id else {
        state.tell(Level::Info, "nothing is selected", now_ms);
        return Vec::new();
    };
    state.tell(Level::Info, format!("{id} was sent to the terminal's clipboard"), now_ms);
    vec![Effect::Copy(id)]
}
