//! The sender of one target: takes events from its queue on disk, sends them, and stores what came of it.
//!
//! It holds a window of the queue, never all of it. It must never take an event out of the queue before the attempt
//! that delivered it is on disk, and never make anything but itself wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempts;
use super::plan::{Down, Ended, Plan, Slot};
use super::send::{self, Clients, Parcel, Sent};
use super::target::{Stats, Target};
use crate::clock::Now;
use crate::engine::api::{AttemptId, AttemptRow, IntegrationId, Outcome, TargetState};
use crate::store::batch::{ForwardChange, Lane};
use crate::store::forwards::Entry;
use crate::store::{Batch, Durability, Store, StoreError};
use crate::stripe::next_random;
use crate::vault::secret::Secret;

/// Entries held in memory; the window is filled again when half of it is gone.
const WINDOW: usize = 4_096;
/// Entries read at a time.
const PAGE: usize = 512;
/// Events parked in one batch.
const PARK: usize = 100;
/// Results that wait for the disk, at most.
const SETTLING: usize = 64;
/// Parked events that are kept per target and account; the oldest go.
const MOST_PARKED: u64 = 100_000;
/// How long requests that are on their way may still take when the program ends.
const LAST: Duration = Duration::from_millis(1_500);
/// After something that could not be stored.
const AGAIN_MS: i64 = 5_000;

/// What a person wants of a running sender.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Control {
    /// Events wait.
    pub paused: bool,
    /// Rises when it is to be tried now.
    pub tries: u64,
    /// Rises when events were put into its queue before those that it has read.
    pub reread: u64,
    /// Seconds that an answer may take.
    pub timeout_s: u32,
}

/// What a sender tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// How the target is.
    pub state: TargetState,
    /// Attempts that were stored.
    pub attempts: u64,
}

/// Who is told.
pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

/// What a sender works with.
pub struct Sender {
    /// Where the queue is.
    pub store: Store,
    /// Makes requests.
    pub clients: Clients,
    /// Where to.
    pub target: Arc<Target>,
    /// Signs.
    pub secret: Arc<Secret>,
    /// Shared with replays by hand.
    pub stats: Arc<Mutex<Stats>>,
    /// What a person wants.
    pub control: watch::Receiver<Control>,
    /// Wall clock.
    pub now: Now,
    /// Who is told.
    pub tell: Tell,
    /// Ends it.
    pub cancel: CancellationToken,
    /// For the jitter.
    pub seed: u64,
}

/// A request that has ended.
struct Landed {
    slot: Slot,
    began: i64,
    began_ms: i64,
    /// None: there is nothing to send any more.
    result: Option<(Entry, Sent)>,
    failed: Option<StoreError>,
}

/// A result that is on disk, or is not.
struct Settled {
    slot: Slot,
    ended: Ended,
    due_ms: i64,
    attempts: u64,
    stored: Result<(), StoreError>,
}

struct Running {
    sender: Sender,
    plan: Plan,
    begun: Instant,
    read_to: HashMap<IntegrationId, u64>,
    /// There may be entries behind those that were read.
    more: bool,
    /// Nothing in the window expires before; looked for only when the window grows or that moment has come.
    expires: Option<i64>,
    random: u64,
    control: Control,
    told: Option<TargetState>,
    flights: FuturesUnordered<BoxFuture<'static, Landed>>,
    settling: FuturesUnordered<BoxFuture<'static, Settled>>,
    /// The store takes nothing: until when nothing is sent, and why.
    stuck: Option<(i64, String)>,
}

/// Sends until cancelled.
pub async fn run(sender: Sender) {
    let control = sender.control.borrow().clone();
    let mut running = Running {
        plan: Plan::new(sender.target.is_loopback()),
        begun: Instant::now(),
        read_to: HashMap::new(),
        more: true,
        expires: None,
        random: sender.seed,
        control,
        told: None,
        flights: FuturesUnordered::new(),
        settling: FuturesUnordered::new(),
        stuck: None,
        sender,
    };
    running.run().await;
    // What is on its way is given a moment: else it is sent again by the next process.
    let ending = async {
        while !running.flights.is_empty() || !running.settling.is_empty() {
            tokio::select! {
                Some(landed) = running.flights.next() => running.landed(landed),
                Some(settled) = running.settling.next() => running.settled(settled),
                else => return,
            }
        }
    };
    let _ = tokio::time::timeout(LAST, ending).await;
}

impl Running {
    async fn run(&mut self) {
        let cancel = self.sender.cancel.clone();
        let mut bell = self.sender.store.forwards().bell();
        loop {
            // Before reading: what is queued meanwhile rings again.
            if bell.has_changed().unwrap_or(false) {
                bell.mark_unchanged();
                self.more = true;
            }
            if self.more
                && self.plan.len() <= WINDOW / 2
                && let Err(error) = self.fill()
            {
                self.is_stuck(&error);
            }
            self.park().await;
            self.take_off();
            self.say(0);
            let wake = self.wake();
            tokio::select! {
                () = cancel.cancelled() => return,
                rung = bell.changed() => match rung {
                    Ok(()) => self.more = true,
                    Err(_) => return,
                },
                changed = self.sender.control.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.controlled();
                }
                Some(landed) = self.flights.next() => self.landed(landed),
                Some(settled) = self.settling.next() => self.settled(settled),
                () = async { match wake { Some(at) => tokio::time::sleep_until(at).await, None => std::future::pending().await } } => {}
            }
        }
    }

    fn ms(&self) -> i64 {
        self.begun.elapsed().as_millis() as i64
    }

    fn jitter(&mut self) -> f64 {
        let (state, number) = next_random(self.random);
        self.random = state;
        number
    }

    /// Reads on in the queue.
    fn fill(&mut self) -> Result<(), StoreError> {
        let (store, target) = (&self.sender.store, self.sender.target.id);
        let now = self.begun.elapsed().as_millis() as i64;
        let mut more = false;
        for (integration, _) in store.in_lane(Lane::Waiting, target) {
            while self.plan.len() < WINDOW {
                let after = self.read_to.get(&integration).copied();
                let page = store.lane(Lane::Waiting, integration, target, after, PAGE)?;
                let last = page.len() < PAGE;
                for (order, entry) in page {
                    self.read_to.insert(integration, order);
                    self.plan.add(Slot { integration, order }, &entry, now);
                }
                if last {
                    break;
                }
            }
            more |= self.plan.len() >= WINDOW;
        }
        self.more = more;
        self.expires = self.plan.next_expiry();
        Ok(())
    }

    fn controlled(&mut self) {
        let control = self.sender.control.borrow_and_update().clone();
        if control.tries != self.control.tries {
            self.stuck = None;
            self.plan.try_now(self.ms());
        }
        if control.reread != self.control.reread {
            self.read_to.clear();
            self.more = true;
        }
        self.control = control;
    }

    /// Sends what may go.
    fn take_off(&mut self) {
        let now = self.ms();
        if self.stuck.as_ref().is_some_and(|(until, _)| now < *until) {
            return;
        }
        self.stuck = None;
        while !self.control.paused
            && self.settling.len() < SETTLING
            && let Some(slot) = self.plan.next(now)
        {
            let (store, clients) = (self.sender.store.clone(), self.sender.clients.clone());
            let (target, secret) = (self.sender.target.clone(), self.sender.secret.clone());
            let began = (self.sender.now)();
            let timeout = Duration::from_secs(u64::from(self.control.timeout_s));
            self.flights.push(Box::pin(async move {
                let (result, failed) =
                    match fly(&store, &clients, &target, (&secret, timeout), slot, began).await {
                        Ok(result) => (result, None),
                        Err(error) => (None, Some(error)),
                    };
                Landed { slot, began, began_ms: now, result, failed }
            }));
        }
    }

    fn landed(&mut self, landed: Landed) {
        self.plan.landed();
        let (now, jitter) = (self.ms(), self.jitter());
        let (slot, target) = (landed.slot, self.sender.target.clone());
        let Slot { integration, order } = slot;
        if let Some(error) = landed.failed {
            self.is_stuck(&error);
            self.plan.ended(slot, &Ended::Refused(error.to_string()), now + AGAIN_MS, now, jitter);
            return;
        }
        let mut batch = Batch::new();
        let mut durability = Durability::Applied;
        let (mut ended, mut due_ms, mut attempts) = (Ended::Gone, 0, 0);
        let take = ForwardChange::Take { lane: Lane::Waiting, integration, target: target.id, order };
        match landed.result {
            None => {
                batch.forward(take);
            }
            Some((mut entry, sent)) => {
                attempts = 1;
                let mut next_at = None;
                ended = match &sent.outcome {
                    Outcome::Delivered { .. } => Ended::Delivered,
                    Outcome::Refused { status } => Ended::Refused(format!("it answers {status}")),
                    Outcome::Failed { reason } => {
                        Ended::Silent { reason: reason.clone(), began_ms: landed.began_ms }
                    }
                    Outcome::Expired => Ended::Gone,
                };
                entry.tries = entry.tries.saturating_add(1);
                let number = u32::from(entry.tries);
                if ended == Ended::Delivered {
                    // On disk before the next of its object goes: a kill sends again at most what is on its way.
                    durability = Durability::Synced;
                    batch.forward(take);
                } else {
                    due_ms = self.plan.again_ms(slot, now, jitter);
                    let at = landed.began.max((self.sender.now)()) + (due_ms - now + 999) / 1_000;
                    next_at = (at < entry.expires).then_some(at);
                    let value = entry.encode();
                    let lane = Lane::Waiting;
                    batch.forward(ForwardChange::Put { lane, integration, target: target.id, order, value });
                }
                let row = AttemptRow {
                    took_ms: sent.took_ms,
                    next_at,
                    ..row(&target, integration, &entry, number, landed.began, sent.outcome)
                };
                self.count(&mut batch, &row);
                match attempts::change(&self.sender.store, &row, Some(&sent.exchange)) {
                    Ok(change) => batch.forward(change),
                    Err(_) => &mut batch,
                };
            }
        }
        let (store, at) = (self.sender.store.clone(), (self.sender.now)());
        self.settling.push(Box::pin(async move {
            let stored = store.commit(batch, durability, at).await.map(|_| ());
            Settled { slot, ended, due_ms, attempts, stored }
        }));
    }

    fn count(&self, batch: &mut Batch, row: &AttemptRow) {
        let mut stats = self.sender.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.count(row.at, &row.outcome);
        batch.meta(Target::stats_document(self.sender.target.id), &*stats);
    }

    fn settled(&mut self, settled: Settled) {
        let (now, jitter) = (self.ms(), self.jitter());
        match settled.stored {
            Ok(()) => {
                self.plan.ended(settled.slot, &settled.ended, settled.due_ms, now, jitter);
                self.say(settled.attempts);
            }
            Err(error) => {
                // It was sent, and nobody will know: it is sent again.
                self.is_stuck(&error);
                let ended = Ended::Refused(error.to_string());
                self.plan.ended(settled.slot, &ended, now + AGAIN_MS, now, jitter);
            }
        }
    }

    /// Parks what waited too long.
    async fn park(&mut self) {
        loop {
            let now = (self.sender.now)();
            if self.expires.is_none_or(|at| now < at) {
                return;
            }
            let old = self.plan.take_expired(now, PARK);
            self.expires = self.plan.next_expiry();
            if old.is_empty() || self.stuck.is_some() {
                return;
            }
            let (full, count) = (old.len() == PARK, old.len() as u64);
            let parked = match self.parking(&old, now) {
                Ok(batch) => self.sender.store.commit(batch, Durability::Applied, now).await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(error) = parked {
                self.is_stuck(&error);
                self.read_to.clear();
                self.more = true;
                return;
            }
            self.say(count);
            if !full {
                return;
            }
            // Nothing else waits behind a long list.
            tokio::task::yield_now().await;
        }
    }

    fn parking(&self, old: &[Slot], now: i64) -> Result<Batch, StoreError> {
        let (store, target) = (&self.sender.store, &self.sender.target);
        let mut batch = Batch::new();
        for &Slot { integration, order } in old {
            let Some(entry) = store.entry(Lane::Waiting, integration, target.id, order)? else { continue };
            let id = target.id;
            batch.forward(ForwardChange::Take { lane: Lane::Waiting, integration, target: id, order });
            let value = entry.encode();
            batch.forward(ForwardChange::Put { lane: Lane::Parked, integration, target: id, order, value });
            let number = u32::from(entry.tries);
            let row = row(target, integration, &entry, number, now, Outcome::Expired);
            batch.forward(attempts::change(store, &row, None)?);
        }
        for (integration, parked) in store.in_lane(Lane::Parked, target.id) {
            if parked > MOST_PARKED {
                for (order, _) in store.lane(Lane::Parked, integration, target.id, None, PARK)? {
                    let lane = Lane::Parked;
                    batch.forward(ForwardChange::Take { lane, integration, target: target.id, order });
                }
            }
        }
        Ok(batch)
    }

    fn is_stuck(&mut self, error: &StoreError) {
        self.stuck = Some((self.ms() + AGAIN_MS, format!("what is sent cannot be stored: {error}")));
    }

    fn wake(&self) -> Option<Instant> {
        let at = |ms: i64| self.begun + Duration::from_millis(ms.max(0) as u64);
        let now = self.ms();
        let sends = match &self.stuck {
            Some((until, _)) => Some(*until),
            None if self.control.paused || self.settling.len() >= SETTLING => None,
            None => self.plan.wake_ms(),
        };
        let expires = self.expires.map(|expires| {
            // A wait of a second at least: what is on its way may be as old.
            now + ((expires - (self.sender.now)()) * 1_000).max(1_000)
        });
        sends.into_iter().chain(expires).min().map(at)
    }

    fn state(&self) -> TargetState {
        if self.control.paused {
            return TargetState::Paused;
        }
        let (ms, now) = (self.ms(), (self.sender.now)());
        if let Some((until, reason)) = &self.stuck {
            return TargetState::Down {
                since: now,
                next_at: now + (until - ms) / 1_000,
                reason: reason.clone(),
            };
        }
        match self.plan.down() {
            Some(Down { since_ms, next_ms, reason, .. }) => TargetState::Down {
                since: now - (ms - since_ms) / 1_000,
                next_at: now + (next_ms - ms + 999).max(0) / 1_000,
                reason: reason.clone(),
            },
            None => TargetState::Ready,
        }
    }

    fn say(&mut self, attempts: u64) {
        let state = self.state();
        if attempts == 0 && self.told.as_ref().is_some_and(|told| alike(told, &state)) {
            return;
        }
        self.told = Some(state.clone());
        (self.sender.tell)(Told { state, attempts });
    }
}

/// Times that are worked out anew may be off by a second.
fn alike(a: &TargetState, b: &TargetState) -> bool {
    match (a, b) {
        (
            TargetState::Down { since, next_at, reason },
            TargetState::Down { since: other_since, next_at: other_next, reason: other },
        ) => (since - other_since).abs() <= 1 && (next_at - other_next).abs() <= 1 && reason == other,
        (a, b) => a == b,
    }
}

/// The row of an attempt of something that waited.
fn row(
    target: &Target,
    integration: IntegrationId,
    entry: &Entry,
    number: u32,
    at: i64,
    outcome: Outcome,
) -> AttemptRow {
    AttemptRow {
        // The writer's.
        id: AttemptId(0),
        at,
        took_ms: 0,
        target: Some(target.id),
        url: target.url.clone(),
        integration,
        event: entry.event.clone(),
        event_type: entry.event_type.clone(),
        object: entry.object.clone(),
        number,
        outcome,
        next_at: None,
        replay: entry.replay,
    }
}

/// Sends what stands in a slot; none: nothing does any more.
async fn fly(
    store: &Store,
    clients: &Clients,
    target: &Target,
    (secret, timeout): (&Secret, Duration),
    slot: Slot,
    now: i64,
) -> Result<Option<(Entry, Sent)>, StoreError> {
    let entry = store.entry(Lane::Waiting, slot.integration, target.id, slot.order)?;
    let Some(entry) = entry else { return Ok(None) };
    let Some(body) = store.event_json(slot.integration, &entry.event)? else { return Ok(None) };
    let parcel = Parcel { url: &target.url, body, headers: &entry.headers, secret, timeout, now };
    let sent = send::send(clients, parcel).await;
    Ok(Some((entry, sent)))
}
