//! From frames to the store: what came on the relay's sockets is prepared in groups, stored with one look at the
//! disk a group, and only then acknowledged.
//!
//! While one group is being stored the next is prepared; what comes meanwhile waits in the bounded channel, and
//! behind that at Stripe. It must never acknowledge what is not stored, nor store what is not signed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedRwLockReadGuard, RwLock, mpsc};
use tokio::time::Instant;

use super::gaps::LiveDoc;
use super::ingest::{Came, Prepared, Preparer};
use super::memory::Memory;
use super::relay::acks::Acks;
use super::relay::frame::{self, Frame};
use super::relay::socket::Arrival;
use super::settle;
use crate::clock::Now;
use crate::engine::api::Source;
use crate::integration::Integration;
use crate::store::batch::Op;
use crate::store::{Batch, Durability, Store, StoreError};

/// Frames that are stored together, at most.
const GROUP: usize = 256;

/// What an integration's sources share.
#[derive(Debug, Default)]
pub struct Shared {
    /// What lately came in.
    pub memory: Mutex<Memory>,
    /// What is kept of the live connection.
    pub live: Mutex<LiveDoc>,
    /// Within a second only the order of storing tells which state of an object is the last, so it must be the order of
    /// preparing. Groups of frames are stored in their order and hold it for reading from the one to the other; who
    /// else stores what events or reads told of objects holds it for writing.
    pub turn: Arc<RwLock<()>>,
}

impl Shared {
    /// What lately came in.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of the live connection.
    pub fn live(&self) -> MutexGuard<'_, LiveDoc> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told after each group.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Events stored.
    pub new: u64,
    /// Things came that are no events of ours: what was wrong with them, each once.
    pub odd: Vec<&'static str>,
    /// Nothing of the group was stored.
    pub failed: Option<StoreError>,
    /// The oldest frame of the group waited so long until it was stored, in microseconds.
    pub slowest_us: u64,
}

/// The intake of one integration.
#[derive(Clone)]
pub struct Intake {
    /// Where everything goes.
    pub store: Store,
    /// Whose it is, and what it keeps.
    pub integration: Arc<Integration>,
    /// Shared with the poll.
    pub shared: Arc<Shared>,
    /// Wall clock.
    pub now: Now,
}

struct Group {
    _turn: OwnedRwLockReadGuard<()>,
    batch: Batch,
    acks: Vec<(Acks, String)>,
    odd: Vec<&'static str>,
    first: Option<Instant>,
    epoch: u64,
    at: i64,
}

impl Group {
    fn odd(&mut self, why: &'static str) {
        if !self.odd.contains(&why) {
            self.odd.push(why);
        }
    }
}

/// Takes frames until nobody sends any more.
pub async fn run(intake: Intake, mut arrivals: mpsc::Receiver<Arrival>, told: mpsc::Sender<Told>) {
    let (groups, mut prepared) = mpsc::channel::<Result<Group, StoreError>>(1);
    let preparing = async {
        let mut frames = Vec::with_capacity(GROUP);
        while arrivals.recv_many(&mut frames, GROUP).await > 0 {
            let (taken, intake) = (std::mem::take(&mut frames), intake.clone());
            let turn = Arc::clone(&intake.shared.turn).read_owned().await;
            // Parsing, signatures and packing are work: not for the threads that read sockets.
            let group = tokio::task::spawn_blocking(move || intake.prepare(&taken, turn)).await;
            let group =
                group.unwrap_or_else(|_| Err(StoreError::Stopped("an event could not be read".into())));
            if groups.send(group).await.is_err() {
                return;
            }
        }
        drop(groups);
    };
    let storing = async {
        while let Some(group) = prepared.recv().await {
            let word = intake.store(group).await;
            if told.send(word).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(preparing, storing);
}

impl Intake {
    fn prepare(&self, frames: &[Arrival], turn: OwnedRwLockReadGuard<()>) -> Result<Group, StoreError> {
        let at = (self.now)();
        let mut memory = self.shared.memory();
        let mut group = Group {
            _turn: turn,
            batch: Batch::new(),
            acks: Vec::with_capacity(frames.len()),
            odd: Vec::new(),
            first: frames.iter().map(|arrival| arrival.at).min(),
            epoch: memory.epoch(),
            at,
        };
        let mut counts = LiveDoc::default();
        let mut preparer = Preparer::new(&self.store, &self.integration, &mut memory)?;
        let came = Came { source: Source::Relay, at, late: false, before: false };
        // Of an event in two versions the account's own one is logged, wherever in the group it stands.
        let mut later = Vec::new();
        for arrival in frames {
            counts.received += 1;
            let event = match frame::read(&arrival.frame) {
                Frame::Event(event) => event,
                Frame::Other => continue,
                Frame::Unreadable(why) => {
                    counts.unreadable += 1;
                    group.odd(why);
                    continue;
                }
            };
            if arrival.secret.as_ref().is_some_and(|secret| !event.is_signed(secret)) {
                counts.unsigned += 1;
                group.odd("its signature is wrong");
                continue;
            }
            if event.account_version {
                preparer.came_with(event.headers);
                take(preparer.prepare(&event.payload, came)?, &mut group, &mut counts);
                group.acks.push((arrival.acks.clone(), event.ack()));
            } else {
                later.push((arrival, event));
            }
        }
        for (arrival, event) in later {
            preparer.came_with(event.headers);
            take(preparer.prepare(&event.payload, came)?, &mut group, &mut counts);
            group.acks.push((arrival.acks.clone(), event.ack()));
        }
        drop(preparer);
        settle::note(&mut memory, self.integration.id, &mut group.batch);
        let mut live = self.shared.live();
        live.received += counts.received;
        live.ignored += counts.ignored;
        live.unreadable += counts.unreadable;
        live.other_mode += counts.other_mode;
        live.unsigned += counts.unsigned;
        live.alive_at = live.alive_at.max(at);
        group.batch.meta(LiveDoc::name(self.integration.id), &*live);
        Ok(group)
    }

    async fn store(&self, group: Result<Group, StoreError>) -> Told {
        let group = match group {
            Ok(group) => group,
            Err(error) => {
                self.shared.memory().clear();
                return Told { failed: Some(error), ..Told::default() };
            }
        };
        let (batch, epoch) = (group.batch, group.epoch);
        let applied = match self.store.commit(batch, Durability::Synced, group.at).await {
            Ok(applied) => applied,
            Err(error) => {
                self.shared.memory().clear();
                return Told { odd: group.odd, failed: Some(error), ..Told::default() };
            }
        };
        // Prepared before an earlier group failed: what it took for known may not be stored.
        if self.shared.memory().epoch() == epoch {
            for (socket, ack) in group.acks {
                socket.send(ack);
            }
        }
        let slowest_us = group.first.map_or(0, |first| first.elapsed().as_micros() as u64);
        Told { new: applied.events, odd: group.odd, failed: None, slowest_us }
    }
}

fn take(prepared: Prepared, group: &mut Group, counts: &mut LiveDoc) {
    match prepared {
        Prepared::Write(write) => {
            group.batch.event(*write);
        }
        Prepared::Better(record) => group.batch.ops.push(Op::Record(record)),
        Prepared::Known => {}
        Prepared::Ignored => counts.ignored += 1,
        Prepared::OtherMode => {
            counts.other_mode += 1;
            group.odd("it is of the other mode");
        }
        Prepared::Unreadable => {
            counts.unreadable += 1;
            group.odd("its payload is no event");
        }
    }
}
