//! What the engine holds in memory of the system and of each integration.
//!
//! It must stay small and derivable: all that matters is in the store.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::api::{EventPos, IntegrationId, JobId, JobKind, JobState, JobView, LinkView, Message, Phase};
use super::connecting::Offers;
use super::endpoints::Endpoint;
use super::query::Query;
use crate::clock;
use crate::events::gaps::LiveDoc;
use crate::events::intake::Shared;
use crate::integration::Integration;
use crate::store::{Store, StoreError, event_log};
use crate::stripe::Client;
use crate::sync::job::{JobDoc, Progress, What, at_rest};

/// Minutes of the sparkline.
const MINUTES: usize = 30;

/// The whole state.
#[derive(Default)]
pub struct State {
    /// Opening, ready or failed.
    pub phase: Phase,
    /// Once it is open.
    pub store: Option<Store>,
    /// What is kept in memory of the store, once somebody asks for it.
    pub query: Option<Arc<Query>>,
    /// By number.
    pub runtimes: BTreeMap<IntegrationId, Runtime>,
    /// Rises when events were stored.
    pub events_version: u64,
    /// Newest last.
    pub messages: VecDeque<Message>,
    /// Number of the newest message.
    pub message_seq: u64,
    /// Keys that were handed over, and their checks.
    pub offers: Offers,
    /// What the screen asked to have kept.
    pub remembered: Option<String>,
    /// Targets that events are forwarded to.
    pub forwarding: super::forwarding::Forwarding,
    /// Rises when attempts were stored.
    pub deliveries_version: u64,
    /// Newest last.
    pub alerts: VecDeque<super::api::Alert>,
    /// Number of the newest alert.
    pub alert_seq: u64,
}

/// Versions and numbers of an engine begin at its start's second times this, so that a screen that goes from one
/// process to the next sees them rise.
const A_SECOND: u64 = 1_000_000;

impl State {
    /// The state of an engine that starts now.
    pub fn beginning(now: i64) -> State {
        let first = now.max(0) as u64 * A_SECOND;
        State { events_version: first, deliveries_version: first, message_seq: first, ..State::default() }
    }
}

/// One integration.
pub struct Runtime {
    /// As stored.
    pub config: Arc<Integration>,
    /// Made on first use.
    pub client: Option<Client>,
    /// Since when, and why, nothing answers.
    pub offline: Option<(i64, String)>,
    /// The schedule.
    pub poll: PollState,
    /// The live connection.
    pub link: LinkView,
    /// Its webhook endpoint, as this process knows it.
    pub endpoint: Endpoint,
    /// What the sources of events share.
    pub shared: Arc<Shared>,
    /// Running or last.
    pub discover: Slot,
    /// Running or last.
    pub sync: Slot,
    /// Events stored by minute.
    pub minutes: MinuteCounts,
    /// Events whose time is today, and which day that is.
    pub today: (i64, u64),
    /// What failed and came back today.
    pub cases: super::cases::Known,
}

/// The schedule of one integration.
#[derive(Default)]
pub struct PollState {
    /// When the next one is due; none: not scheduled.
    pub next_at: Option<i64>,
    /// Under way.
    pub running: bool,
    /// Why the last one failed.
    pub error: Option<String>,
    /// Why the schedule sends nothing.
    pub held: Option<String>,
    /// Held while a poll is under way: a schedule and a job must not read the same cursor.
    pub turn: Arc<tokio::sync::Mutex<()>>,
    /// Rung to poll now.
    pub poke: Arc<Notify>,
    /// Rung when the schedule has changed.
    pub replan: Arc<Notify>,
    /// Rung when the live connection is to be made anew.
    pub relink: Arc<Notify>,
    /// Ends the schedule.
    pub stop: CancellationToken,
}

/// The running or last job of one kind.
#[derive(Default)]
pub struct Slot {
    /// As last known.
    pub view: Option<JobView>,
    /// While it runs.
    pub running: Option<Running>,
    /// It was running when the process before this one ended.
    pub cut_off: Option<What>,
}

/// A running job.
pub struct Running {
    /// Its number.
    pub id: JobId,
    /// Its progress.
    pub progress: Progress,
    /// Stops it.
    pub cancel: CancellationToken,
}

impl Slot {
    /// What a front-end is shown.
    pub fn view(&self) -> Option<JobView> {
        match &self.running {
            Some(running) => Some(running.progress.view()),
            None => self.view.clone(),
        }
    }

    fn load(doc: Option<JobDoc>) -> Slot {
        let Some(mut doc) = doc else { return Slot::default() };
        let mut cut_off = None;
        if doc.view.state == JobState::Running {
            // Nobody runs it now: the process that did was ended or killed.
            doc.view.state = JobState::Cancelled;
            doc.view.error = Some("cut off; it goes on where it was when it is started again".into());
            at_rest(&mut doc.view);
            cut_off = Some(doc.what);
        }
        Slot { view: Some(doc.view), running: None, cut_off }
    }
}

impl Runtime {
    /// Reads one integration's last jobs and today's count. Blocks.
    pub fn load(store: &Store, config: Integration, now: i64) -> Result<Runtime, StoreError> {
        let id = config.id;
        let load = |kind| store.meta::<JobDoc>(&JobDoc::name(id, kind)).map(Slot::load);
        let today = count_today(store, &config, now)?;
        let shared = Shared::default();
        if let Some(known) = store.meta::<LiveDoc>(&LiveDoc::name(id))? {
            *shared.live() = known;
        }
        Ok(Runtime {
            discover: load(JobKind::Discover)?,
            sync: load(JobKind::Sync)?,
            config: Arc::new(config),
            client: None,
            offline: None,
            poll: PollState::default(),
            link: LinkView::Off,
            endpoint: Endpoint::default(),
            shared: Arc::new(shared),
            minutes: MinuteCounts::default(),
            today,
            cases: super::cases::Known::default(),
        })
    }

    /// What was running when the process before this one ended.
    pub fn cut_off(&self) -> Vec<What> {
        [&self.discover, &self.sync].into_iter().filter_map(|slot| slot.cut_off.clone()).collect()
    }

    /// The slot of a kind of job.
    pub fn slot(&mut self, kind: JobKind) -> &mut Slot {
        match kind {
            JobKind::Discover => &mut self.discover,
            JobKind::Sync => &mut self.sync,
        }
    }

    /// Counts today's events in the log: after the first page, most of which is older than our watching.
    pub fn recount_today(&mut self, store: &Store, now: i64) {
        self.today = count_today(store, &self.config, now).unwrap_or(self.today);
    }

    /// Counts events that were just stored.
    pub fn count_events(&mut self, new: u64, now: i64) {
        self.minutes.add(now, new);
        let day = day_start(now, &self.config.timezone);
        if day != self.today.0 {
            self.today = (day, 0);
        }
        self.today.1 += new;
    }
}

/// The day's first second and how many events of the log are not older.
fn count_today(store: &Store, config: &Integration, now: i64) -> Result<(i64, u64), StoreError> {
    let day = day_start(now, &config.timezone);
    // No event id sorts before the empty one: the very end of the evening before.
    let eve = EventPos { created: day - 1, id: String::new() };
    Ok((day, event_log::count_newer(store.tree(), &[config.id], &eve)?))
}

/// The first second of the day in the zone.
pub fn day_start(now: i64, timezone: &str) -> i64 {
    let zone = clock::Zone::named(timezone);
    clock::day_start(clock::today(now, &zone), &zone).unwrap_or(now - now.rem_euclid(86_400))
}

/// Events stored in each of the last minutes.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MinuteCounts {
    newest: i64,
    counts: VecDeque<u32>,
}

impl MinuteCounts {
    /// Adds to the minute of `now`.
    pub fn add(&mut self, now: i64, events: u64) {
        self.turn(now);
        if let Some(last) = self.counts.back_mut() {
            *last = last.saturating_add(events as u32);
        }
    }

    fn turn(&mut self, now: i64) {
        let minute = now.div_euclid(60);
        if self.counts.is_empty() || minute - self.newest >= MINUTES as i64 {
            self.counts = VecDeque::from(vec![0; MINUTES]);
            self.newest = minute;
        }
        while self.newest < minute {
            self.counts.pop_front();
            self.counts.push_back(0);
            self.newest += 1;
        }
    }

    /// Oldest first, as of `now`.
    pub fn list(&self, now: i64) -> Vec<u32> {
        let mut copy = self.clone();
        copy.turn(now);
        copy.counts.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_move_on() {
        let mut minutes = MinuteCounts::default();
        minutes.add(600, 3);
        minutes.add(659, 1);
        minutes.add(660, 2);
        let list = minutes.list(725);
        assert_eq!(list.len(), MINUTES);
        assert_eq!(&list[MINUTES - 3..], [4, 2, 0]);
        assert!(minutes.list(600 + 3600).iter().all(|count| *count == 0));
    }
}
