//! The history of runs: which are loaded, which one is selected, and whether it is read in detail.
//!
//! It is read again when a run has ended; the selection is a run, not a place.

use crate::engine::api::{Answer, IntegrationId, JobId, JobView, Request};
use crate::tui::effects::Effect;
use crate::tui::input::actions::Action;
use crate::tui::state::State;

/// Runs asked for.
const RUNS: usize = 200;

/// What the open history remembers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Newest first.
    pub runs: Vec<JobView>,
    /// They were loaded.
    pub loaded: bool,
    /// Why they could not be.
    pub error: Option<String>,
    /// The selected run.
    pub cursor: Option<JobId>,
    /// It is read in detail, from this line on.
    pub detail: Option<usize>,
    /// Whose they are, and which of its runs had ended when they were asked for.
    asked: Option<(IntegrationId, Ended)>,
    in_flight: Option<u64>,
}

type Ended = [Option<(JobId, Option<i64>)>; 2];

impl History {
    /// Index of the selected run.
    pub fn index(&self) -> usize {
        self.cursor.and_then(|id| self.runs.iter().position(|run| run.id == id)).unwrap_or(0)
    }

    /// The selected run.
    pub fn selected(&self) -> Option<&JobView> {
        self.runs.get(self.index())
    }

    fn step(&mut self, rows: isize) {
        let last = self.runs.len().saturating_sub(1);
        let to = self.index().saturating_add_signed(rows).min(last);
        self.cursor = self.runs.get(to).map(|run| run.id);
    }
}

/// Asks for the runs, once and whenever one has ended.
pub fn refresh(state: &mut State) -> Vec<Effect> {
    let Some(view) = state.current() else { return Vec::new() };
    let of = |job: &Option<JobView>| job.as_ref().map(|job| (job.id, job.finished_at));
    let ended = [of(&view.discover), of(&view.sync)];
    let (id, next) = (view.id, state.generation + 1);
    let Some(history) = state.sync.history.as_mut() else { return Vec::new() };
    if history.asked.is_some_and(|(of, _)| of != id) {
        *history = History::default();
    }
    if history.in_flight.is_some() || history.asked == Some((id, ended)) {
        return Vec::new();
    }
    history.asked = Some((id, ended));
    history.in_flight = Some(next);
    state.generation = next;
    let request = Request::Runs { integration: Some(id), limit: RUNS };
    vec![Effect::Request { generation: next, request }]
}

/// Takes an answer that the history waits for.
pub fn answer(state: &mut State, generation: u64, answer: &Answer) -> Option<Vec<Effect>> {
    let history = state.sync.history.as_mut()?;
    history.in_flight.take_if(|waiting| *waiting == generation)?;
    match answer {
        Answer::Runs(runs) => {
            history.runs.clone_from(runs);
            history.loaded = true;
            history.error = None;
            if history.cursor.is_none() {
                history.cursor = runs.first().map(|run| run.id);
            }
        }
        Answer::Refused { reason } => history.error = Some(reason.clone()),
        _ => history.error = Some("the engine gave no list of runs".to_owned()),
    }
    Some(refresh(state))
}

/// Carries an action out while the history is open; false when it is none of its own.
pub fn act(state: &mut State, action: Action) -> bool {
    let page = state.hits.sync_rows.saturating_sub(1).clamp(1, 10_000) as isize;
    let end = state.hits.sync_scroll_max;
    let Some(history) = state.sync.history.as_mut() else { return false };
    let rows = match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::PageDown => page,
        Action::PageUp => -page,
        Action::First => isize::MIN / 2,
        Action::Last => isize::MAX / 2,
        Action::Open => {
            history.detail = history.selected().map(|_| 0);
            return true;
        }
        Action::Back => {
            if history.detail.take().is_none() {
                state.sync.history = None;
            }
            return true;
        }
        Action::History => {
            state.sync.history = None;
            return true;
        }
        _ => return false,
    };
    match history.detail.as_mut() {
        Some(scroll) => *scroll = scroll.saturating_add_signed(rows).min(end),
        None => history.step(rows),
    }
    true
}
