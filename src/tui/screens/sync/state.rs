//! What this screen remembers: the choice of each account, the focused pane, and what is being edited or read.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::choice::Choice;
use super::edit::Editing;
use super::history::History;
use super::planning::{Planning, Wanted};
use crate::clock;
use crate::engine::api::{IntegrationId, IntegrationView};
use crate::tui::state::State;

/// One of the four panes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pane {
    /// What is to be kept.
    #[default]
    What,
    /// What the next run does.
    Plan,
    /// What runs, or ran last.
    Running,
    /// What was listed.
    Catalog,
}

/// The panes, in the order of Tab.
pub const PANES: [Pane; 4] = [Pane::What, Pane::Plan, Pane::Running, Pane::Catalog];

impl Pane {
    /// So many further, round and round.
    #[must_use]
    pub fn step(self, by: usize) -> Pane {
        PANES[(self as usize + by) % PANES.len()]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Pane::What => "What",
            Pane::Plan => "Next run",
            Pane::Running => "Running",
            Pane::Catalog => "Catalog",
        }
    }
}

/// Its state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SyncState {
    /// What was chosen for each account; none: the usual. To be remembered.
    pub choices: BTreeMap<IntegrationId, Choice>,
    /// Which pane the keys go to.
    pub focus: Pane,
    /// The selected line of `What`.
    pub line: usize,
    /// A line of `What` is being changed.
    pub editing: Option<Editing>,
    /// The plan.
    pub planning: Planning,
    /// The catalog.
    pub catalog: Catalog,
    /// The history of runs is open.
    pub history: Option<History>,
    /// First line shown of a pane that is longer than its place.
    pub scroll: usize,
}

impl SyncState {
    /// What is chosen for an account.
    pub fn choice(&self, id: IntegrationId) -> Choice {
        self.choices.get(&id).cloned().unwrap_or_default()
    }

    /// What a plan for this account would be of. `now` is Unix seconds.
    pub fn wanted(&self, view: &IntegrationView, now: i64) -> Wanted {
        let choice = self.choice(view.id);
        let today = clock::today(now, view.timezone.as_str());
        // Without billing there are no invoices to list, only what else was asked for.
        let lists = view.billing || !choice.also.is_empty();
        Wanted {
            integration: view.id,
            discover: lists.then(|| choice.discover(today)),
            sync: Some(choice.sync(false)),
        }
    }
}

/// What a plan for the selected account would be of.
pub fn wanted(state: &State) -> Option<Wanted> {
    let view = state.current()?;
    Some(state.sync.wanted(view, state.now_ms.div_euclid(1000)))
}
