//! The live connection of one integration: the relay beside the store, and a read of Stripe's list after every
//! moment without it.
//!
//! It must never run for an integration that is off, refused or read-only, and never let a gap go unread while it
//! runs. That Stripe's relay may end one day stops nothing: polling goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::api::{Delivery, Gap, IntegrationId, Level, LinkView, Pace};
use super::poller::Why;
use super::{Engine, endpoints, poller};
use crate::events::gaps::{LiveDoc, Planner};
use crate::events::intake::{self, Intake, Shared, Told};
use crate::events::poll::{self, Cursor};
use crate::events::relay::driver::{self, Relay, Report};
use crate::events::schedule::HELD_S;
use crate::events::settle;
use crate::integration::Integration;
use crate::store::{Batch, Durability, Store};
use crate::stripe::Client;

/// Frames that wait to be stored; behind them the sockets wait.
const FRAMES: usize = 1024;
/// Reports and words of groups that wait to be heard.
const WORDS: usize = 64;
/// The last sign of life is written down so often, in seconds.
const ALIVE_EVERY_S: i64 = 60;
/// A connection that ends may take so long to store what came.
const ENDING: Duration = Duration::from_secs(3);
/// Without a key that can be read it is tried again after so long.
const NO_KEY: Duration = Duration::from_secs(60);
/// Objects whose order of events nothing tells are read again so often.
const SETTLE_EVERY: Duration = Duration::from_secs(5);
const SETTLE_LOCAL: Duration = Duration::from_millis(500);

/// Starts the live connection of one integration; it waits while there is none to be had.
pub fn start(engine: &Engine, id: IntegrationId) {
    let task = engine.own();
    engine.spawn(async move { supervise(&task, id).await });
}

async fn supervise(engine: &Engine, id: IntegrationId) {
    let (stop, relink) = {
        let state = engine.state();
        let Some(runtime) = state.runtimes.get(&id) else { return };
        (runtime.poll.stop.clone(), runtime.poll.relink.clone())
    };
    loop {
        if let Some(config) = wanted(engine, id) {
            let cancel = stop.child_token();
            let mut live = std::pin::pin!(connect(engine, id, &config, cancel.clone()));
            let again = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                () = relink.notified() => Some(true),
                () = &mut live => Some(false),
            };
            if again != Some(false) {
                cancel.cancel();
                // What came is stored and acknowledged before the next connection begins.
                if tokio::time::timeout(ENDING, live).await.is_err() {
                    tracing::warn!(integration = id.0, "a live connection did not end in time");
                }
            }
            match again {
                None => return,
                Some(true) => {
                    show(engine, id, LinkView::Off);
                    continue;
                }
                Some(false) => cancel.cancel(),
            }
        } else {
            show(engine, id, LinkView::Off);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = relink.notified() => {}
            // A key that could not be read may be readable now.
            () = tokio::time::sleep(NO_KEY) => {}
        }
    }
}

/// The integration, if it is to have a live connection now.
fn wanted(engine: &Engine, id: IntegrationId) -> Option<Arc<Integration>> {
    let config = engine.state().runtimes.get(&id)?.config.clone();
    let on = config.off_since.is_none() && config.refused.is_none();
    match config.delivery {
        _ if !on => return None,
        Delivery::Poll => return None,
        Delivery::Endpoint => return Some(config),
        Delivery::Relay => {}
    }
    if engine.inner.options.read_only {
        let reason = "read-only: asking for a relay session would write at Stripe; polling goes on";
        show(engine, id, LinkView::Refused { since: engine.now(), reason: reason.to_owned() });
        return None;
    }
    Some(config)
}

/// Puts the connection's state where front-ends see it.
fn show(engine: &Engine, id: IntegrationId, link: LinkView) {
    let (news, replan) = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get_mut(&id) else { return };
        if matches!(link, LinkView::Off)
            && matches!(runtime.link, LinkView::Refused { .. })
            && engine.inner.options.read_only
        {
            return;
        }
        let open = |link: &LinkView| matches!(link, LinkView::Connected { .. } | LinkView::Resetting { .. });
        let replan = open(&runtime.link) != open(&link);
        let news = match &link {
            LinkView::Refused { reason, .. } if runtime.link.reason() != Some(reason) => Some(reason.clone()),
            _ => None,
        };
        runtime.link = link;
        (news, replan)
    };
    if let Some(reason) = news {
        engine.message(Level::Warning, Some(id), reason);
    }
    if replan {
        // The schedule is slower beside an open connection.
        engine.reschedule(id);
    }
    engine.inner.changed.notify_one();
}

struct Live<'a> {
    engine: &'a Engine,
    id: IntegrationId,
    store: Store,
    client: Client,
    config: Arc<Integration>,
    shared: Arc<Shared>,
    planner: Planner,
    /// A read that is under way, and the gap that it closes.
    reading: Option<(JoinHandle<Option<poll::Polled>>, i64, i64)>,
    settling: Option<JoinHandle<()>>,
    alive_saved: i64,
    covered_to: i64,
    /// What was odd and has been told.
    told: Vec<&'static str>,
    failing: bool,
    /// The next gap is told, however short it was.
    wanted: bool,
}

async fn connect(engine: &Engine, id: IntegrationId, config: &Arc<Integration>, cancel: CancellationToken) {
    if config.delivery == Delivery::Endpoint {
        return endpoints::watch(engine, id, config, cancel).await;
    }
    let Some(store) = engine.store() else { return };
    show(engine, id, LinkView::Connecting { since: engine.now() });
    let client = match engine.client(id).await {
        Ok(client) => client.with_pace(Pace::Auto, cancel.clone()),
        Err(reason) => {
            let until = engine.now() + NO_KEY.as_secs() as i64;
            show(engine, id, LinkView::Waiting { until, reason });
            return;
        }
    };
    let Some(shared) = engine.state().runtimes.get(&id).map(|runtime| runtime.shared.clone()) else { return };
    settle::restore(&store, &shared, id);
    // The newest event is known before anything is live: what comes by the relay is never the beginning.
    let cursor: Cursor = store.meta(&Cursor::name(id)).ok().flatten().unwrap_or_default();
    if cursor.complete_to.is_none() {
        tokio::select! {
            () = cancel.cancelled() => return,
            _ = poller::once(engine, id) => {}
        }
    }
    let (arrivals, frames) = mpsc::channel(FRAMES);
    let (reports, heard) = mpsc::channel(WORDS);
    let (telling, words) = mpsc::channel(WORDS);
    let now = engine.inner.options.now.clone();
    let relay = Relay {
        client: client.clone(),
        arrivals,
        reports,
        now: now.clone(),
        cancel: cancel.clone(),
        seed: u64::from(std::process::id()) ^ engine.now() as u64 ^ u64::from(id.0),
    };
    let intake = Intake { store: store.clone(), integration: config.clone(), shared: shared.clone(), now };
    let live = Live {
        engine,
        id,
        store,
        planner: Planner::new(client.is_local()),
        client,
        config: config.clone(),
        shared,
        reading: None,
        settling: None,
        alive_saved: 0,
        covered_to: 0,
        told: Vec::new(),
        failing: false,
        wanted: false,
    };
    tokio::join!(driver::run(relay), intake::run(intake, frames, telling), live.watch(heard, words, cancel));
}

impl Live<'_> {
    async fn watch(
        mut self,
        mut heard: mpsc::Receiver<Report>,
        mut words: mpsc::Receiver<Told>,
        cancel: CancellationToken,
    ) {
        let pause = if self.client.is_local() { SETTLE_LOCAL } else { SETTLE_EVERY };
        let mut settle_at = Instant::now() + pause;
        loop {
            let due = self.planner.due().filter(|_| self.reading.is_none());
            let wait = due.map(|due| Duration::from_secs((due - self.engine.now()).max(0) as u64));
            let unsettled = self.settling.is_none() && self.shared.memory().has_unsettled();
            tokio::select! {
                report = heard.recv() => match report {
                    Some(report) => if self.report(report).await { cancel.cancel() },
                    None => break,
                },
                Some(told) = words.recv() => self.stored(told),
                read = async { match &mut self.reading {
                    Some((task, ..)) => task.await.ok().flatten(),
                    None => std::future::pending().await,
                } } => self.read_done(read),
                () = async { match wait { Some(wait) => tokio::time::sleep(wait).await, None => std::future::pending().await } } => self.read(),
                () = tokio::time::sleep_until(settle_at), if unsettled => {
                    settle_at = Instant::now() + pause;
                    self.settle();
                }
                () = async { match &mut self.settling { Some(task) => { let _ = task.await; } None => std::future::pending().await } } => {
                    self.settling = None;
                    self.engine.inner.changed.notify_one();
                }
            }
        }
        // What is on its way into the store is still waited for.
        while let Some(told) = words.recv().await {
            self.stored(told);
        }
        self.save_alive(true).await;
    }

    /// Hears a report; true: the connection has to end.
    async fn report(&mut self, report: Report) -> bool {
        match report {
            Report::Link(link) => {
                if let LinkView::Connected { heard_at, .. } = &link {
                    let mut live = self.shared.live();
                    live.alive_at = live.alive_at.max(*heard_at);
                }
                show(self.engine, self.id, link);
                self.save_alive(false).await;
            }
            Report::Cover { since, at_once } => {
                let now = self.engine.now();
                let alive = self.shared.live().alive_at;
                let since = since.unwrap_or(if alive > 0 { alive } else { now });
                self.covered_to = now;
                self.wanted |= at_once && alive > 0;
                self.planner.want(since, at_once, now);
            }
            Report::Key(error) => {
                self.engine.note_error(&self.config, &error).await;
                return true;
            }
            Report::TooLarge => {
                self.shared.live().unreadable += 1;
                self.odd("it is over 64 MB");
            }
            Report::Session => self.engine.note_answer(self.id),
        }
        false
    }

    fn stored(&mut self, told: Told) {
        if told.new > 0 {
            let now = self.engine.now();
            let mut state = self.engine.state();
            state.events_version += 1;
            if let Some(runtime) = state.runtimes.get_mut(&self.id) {
                runtime.count_events(told.new, now);
            }
            drop(state);
            self.engine.inner.changed.notify_one();
        }
        for why in told.odd {
            self.odd(why);
        }
        match told.failed {
            Some(error) => {
                // It was not acknowledged; the list has it in any case.
                let now = self.engine.now();
                self.planner.want(now, false, now);
                if !std::mem::replace(&mut self.failing, true) {
                    let text = format!("live events cannot be stored: {error}");
                    self.engine.message(Level::Error, Some(self.id), text);
                }
            }
            None => self.failing = false,
        }
    }

    /// Told once for each reason, however often it comes.
    fn odd(&mut self, why: &'static str) {
        if self.told.contains(&why) {
            return;
        }
        self.told.push(why);
        let text = format!(
            "something came on the relay that is no event of ours ({why}); it was counted and left out"
        );
        self.engine.message(Level::Warning, Some(self.id), text);
    }

    fn read(&mut self) {
        if !poll::possible(&self.config) {
            // The key may not read events: said by the key check; nothing can be proven.
            self.planner.begin(self.engine.now());
            return;
        }
        let now = self.engine.now();
        if super::budget::is_spent(self.engine, self.id) {
            self.planner.hold(now + HELD_S);
            return;
        }
        let Some(from) = self.planner.begin(now) else { return };
        let (engine, id) = (self.engine.clone(), self.id);
        let task = tokio::spawn(async move { poller::read(&engine, id, Why::Gap).await });
        self.reading = Some((task, from, self.covered_to.max(from)));
    }

    fn read_done(&mut self, read: Option<poll::Polled>) {
        let Some((_, from, to)) = self.reading.take() else { return };
        let Some(polled) = read else {
            self.planner.failed(from, self.engine.now());
            return;
        };
        if polled.hole || polled.first {
            return;
        }
        let gap = Gap { from, to, recovered: polled.new };
        // After a start, sleep or suspension a person wants to know, however short it was.
        if let Some(text) = gap.told(self.wanted) {
            self.wanted = false;
            self.shared.live().keep(gap);
            self.engine.message(Level::Info, Some(self.id), text);
        }
    }

    fn settle(&mut self) {
        if super::budget::is_spent(self.engine, self.id) {
            return;
        }
        let (store, client, shared) = (self.store.clone(), self.client.clone(), self.shared.clone());
        let (id, now) = (self.id, self.engine.inner.options.now.clone());
        let engine = self.engine.clone();
        self.settling = Some(tokio::spawn(async move {
            let reads = settle::run(&store, &client, &shared, id, &now).await;
            super::budget::count_reads(&engine, &store, id, reads).await;
        }));
    }

    async fn save_alive(&mut self, end: bool) {
        let live = self.shared.live().clone();
        if live.alive_at == 0 || (!end && live.alive_at - self.alive_saved < ALIVE_EVERY_S) {
            return;
        }
        self.alive_saved = live.alive_at;
        let mut batch = Batch::new();
        batch.meta(LiveDoc::name(self.id), &live);
        // A disk that takes nothing is told of elsewhere.
        let _ = self.store.commit(batch, Durability::Applied, self.engine.now()).await;
    }
}
