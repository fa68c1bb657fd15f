//! The state of the whole screen: what is selected, what is open, what was told.
//!
//! It holds ids and one window of rows, never all rows, and no clock of its own: `now` comes with each message.

use std::sync::Arc;

use super::input::actions::{Action, Context};
use super::input::keymap::Keymap;
use super::input::keys::Key;
use super::overlay::search::SearchState;
use super::overlay::{Overlay, wizard};
use super::screens::ScreenId;
use super::screens::dashboard::DashboardState;
use super::screens::deliveries::DeliveriesState;
use super::screens::events::EventsState;
use super::screens::integrations::{self, IntegrationsState};
use super::screens::log::LogState;
use super::screens::payments::PaymentsState;
use super::screens::records::RecordsState;
use super::screens::sync::SyncState;
use super::widgets::Hits;
use crate::engine::api::{
    Attached, EndpointAction, IntegrationId, IntegrationView, JobKind, Level, Mark, Snapshot,
};

/// How long a toast stays, in milliseconds.
pub const TOAST_MS: i64 = 4_000;

/// Own messages that are kept.
const NOTES_KEPT: usize = 100;

/// Requests that may be under way at once, beside the one for rows.
const PENDING_MAX: usize = 16;

/// What the screen is, between two messages.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The engine's newest snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The screen that is open.
    pub screen: ScreenId,
    /// The screens that Esc goes back to, nearest last.
    pub trail: Vec<ScreenId>,
    /// The keys in force.
    pub keymap: Arc<Keymap>,
    /// The dashboard's own state.
    pub dashboard: DashboardState,
    /// The integrations' screen.
    pub integrations: IntegrationsState,
    /// The events' screen.
    pub events: EventsState,
    /// The sync screen.
    pub sync: SyncState,
    /// The records' screen.
    pub records: RecordsState,
    /// The screen of failed payments.
    pub payments: PaymentsState,
    /// The screen of deliveries.
    pub deliveries: DeliveriesState,
    /// The log's screen.
    pub log: LogState,
    /// What lies over the screen, topmost last.
    pub overlays: Vec<Overlay>,
    /// The search, open or not.
    pub search: SearchState,
    /// The selected integration; none while there is none.
    pub selected: Option<IntegrationId>,
    /// The feed shows every account.
    pub all_accounts: bool,
    /// The newest thing worth telling and when it goes away.
    pub toast: Option<Toast>,
    /// What the screen itself told, newest last.
    pub notes: Vec<Note>,
    /// Messages of the engine up to this number were told already.
    pub told: Option<u64>,
    /// Alerts up to this number were told already.
    pub alerted: Option<u64>,
    /// How a person is called at an alert.
    pub calls: Calls,
    /// The time of the newest message, Unix milliseconds: for what has to know which day it is.
    pub now_ms: i64,
    /// The terminal's size.
    pub size: (u16, u16),
    /// Where things were on the last frame.
    pub hits: Hits,
    /// What is kept for the next time, as last sent; none before that could be read.
    pub remembered: Option<String>,
    /// No key was pressed yet.
    pub untouched: bool,
    /// The engine will not answer any more.
    pub engine_gone: bool,
    /// The last number given to a request.
    pub generation: u64,
    /// Requests under way and what they were for.
    pub pending: Vec<(u64, Purpose)>,
}

/// How a person is called at an alert, besides the line on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// Ring the bell.
    pub bell: bool,
    /// Have the terminal show a notification.
    pub osc9: bool,
}

/// A line at the bottom for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub text: String,
    /// Gone at this time, Unix milliseconds.
    pub until_ms: i64,
}

/// A toast as the message list keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Unix seconds.
    pub at: i64,
    /// How much it matters.
    pub level: Level,
    /// One sentence.
    pub text: String,
}

/// What a request was for, so that its answer can be put into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Start discover or sync.
    Start(JobKind, IntegrationId),
    /// Stop one.
    Cancel(JobKind, IntegrationId),
    /// Read the events now.
    Poll(IntegrationId),
    /// Try a connected key again.
    Check(IntegrationId),
    /// Star an event, or take its star away.
    Star {
        /// With or without.
        on: bool,
    },
    /// Take the data folder over.
    TakeOver,
    /// Do something with a webhook endpoint.
    Endpoint(EndpointAction, IntegrationId),
    /// Mark so many entries of the catalog.
    Mark(IntegrationId, Mark, usize),
    /// Do something with the target of that address.
    Target(TargetDeed, String),
}

/// What is done with a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetDeed {
    /// Forward no more to it.
    Remove,
    /// Let events wait.
    Pause,
    /// Let them go again.
    GoOn,
    /// Try it now, although it is down.
    Try,
    /// Send what is parked.
    ReplayParked,
}

impl State {
    /// A screen that has seen nothing yet.
    pub fn new(size: (u16, u16)) -> State {
        State {
            snapshot: Arc::new(Snapshot::default()),
            screen: ScreenId::Dashboard,
            trail: Vec::new(),
            keymap: Arc::default(),
            dashboard: DashboardState::default(),
            integrations: IntegrationsState::default(),
            events: EventsState::default(),
            sync: SyncState::default(),
            records: RecordsState::default(),
            payments: PaymentsState::default(),
            deliveries: DeliveriesState::default(),
            log: LogState::default(),
            overlays: Vec::new(),
            search: SearchState::default(),
            selected: None,
            all_accounts: false,
            toast: None,
            notes: Vec::new(),
            told: None,
            alerted: None,
            calls: Calls::default(),
            now_ms: 0,
            size,
            hits: Hits::default(),
            remembered: None,
            untouched: true,
            engine_gone: false,
            generation: 0,
            pending: Vec::new(),
        }
    }

    /// The selected integration's view.
    pub fn current(&self) -> Option<&IntegrationView> {
        self.selected.and_then(|id| self.integration(id))
    }

    /// An integration by its number.
    pub fn integration(&self, id: IntegrationId) -> Option<&IntegrationView> {
        self.snapshot.integrations.iter().find(|view| view.id == id)
    }

    /// Its name, or its number when it is not known any more.
    pub fn name_of(&self, id: IntegrationId) -> String {
        self.integration(id).map_or_else(|| format!("integration {}", id.0), |view| view.name.clone())
    }

    /// The zone that times are shown in: the selected account's.
    pub fn timezone(&self) -> &str {
        self.current().map_or("UTC", |view| view.timezone.as_str())
    }

    /// The next number for a request.
    pub fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// Remembers what a request is for; none when too many are under way.
    pub fn expect(&mut self, purpose: Purpose) -> Option<u64> {
        if self.pending.len() >= PENDING_MAX {
            return None;
        }
        let generation = self.next_generation();
        self.pending.push((generation, purpose));
        Some(generation)
    }

    /// Shows a line for a few seconds and keeps it in the message list.
    pub fn tell(&mut self, level: Level, text: impl Into<String>, now_ms: i64) {
        let text = text.into();
        self.notes.push(Note { at: now_ms.div_euclid(1000), level, text: text.clone() });
        if self.notes.len() > NOTES_KEPT {
            self.notes.remove(0);
        }
        self.flash(level, text, now_ms);
    }

    /// Shows a line for a few seconds only: what is in the message list already.
    pub fn flash(&mut self, level: Level, text: String, now_ms: i64) {
        self.toast = Some(Toast { level, text, until_ms: now_ms + TOAST_MS });
    }

    /// Where keys have their meaning just now: the topmost overlay's, else the open screen's.
    pub fn context(&self) -> Context {
        match self.overlays.last() {
            Some(overlay) => overlay.context(),
            None => (self.screen.row().context)(self),
        }
    }

    /// What a key means just now.
    pub fn action_for(&self, key: Key) -> Option<Action> {
        self.keymap.action(self.context(), key)
    }

    /// Opens a screen; Esc comes back to the one that is open now.
    pub fn go(&mut self, screen: ScreenId) {
        if screen == self.screen {
            return;
        }
        match self.trail.iter().position(|one| *one == screen) {
            // Going to one that is on the way back is going back to it.
            Some(at) => self.trail.truncate(at),
            None => self.trail.push(self.screen),
        }
        if screen == ScreenId::Dashboard {
            self.trail.clear();
        }
        self.screen = screen;
    }

    /// Back to the screen before; false on the first one.
    pub fn go_back(&mut self) -> bool {
        if let Some(before) = self.trail.pop() {
            self.screen = before;
            return true;
        }
        let away = self.screen != ScreenId::Dashboard;
        self.screen = ScreenId::Dashboard;
        away
    }

    /// Why an action can't be done just now: a sentence; the palette and a key that is of no use show it.
    pub fn can(&self, action: Action) -> Result<(), String> {
        let Some(row) = super::input::actions::row(action) else { return Ok(()) };
        if !row.is_on(self.screen) {
            let names: Vec<&str> = row.on.iter().map(|screen| screen.row().name).collect();
            return Err(format!("only on: {}", names.join(", ")));
        }
        if matches!(action, Action::EnableEndpoint | Action::LookEndpoint | Action::RotateSecret) {
            wizard::ready(self)?;
            return integrations::endpoint::can(self, action);
        }
        if action == Action::TakeOver {
            return match &self.snapshot.attached {
                None => Err("this tillwatch holds the data folder itself".to_owned()),
                Some(Attached { pid, lost: None }) => {
                    Err(format!("process {pid} holds the data folder and answers"))
                }
                Some(_) => Ok(()),
            };
        }
        (self.screen.row().can)(self, action)
    }
}
