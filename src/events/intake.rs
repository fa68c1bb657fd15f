//! From frames and deliveries to the store: what came on the relay's sockets or was posted to a webhook endpoint is
//! prepared in groups, stored with one look at the disk a group, and only then acknowledged.
//!
//! While one group is being stored the next is prepared; what comes meanwhile waits in the bounded channel, and
//! behind that at Stripe. It must never acknowledge what is not stored, nor store what is not signed (a delivery's
//! signature is looked at before it comes here).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedRwLockReadGuard, RwLock, mpsc, oneshot};
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
use crate::store::{Batch, Durability, Pending, Store, StoreError};

/// Frames that are stored together, at most.
const GROUP: usize = 256;
/// Groups that wait for the disk together: while it is made certain for some, the next ones come up behind them.
const UNDER_WAY: usize = 8;

/// What waits to be stored.
#[derive(Debug)]
pub enum Parcel {
    /// A frame of the relay.
    Frame(Arrival),
    /// A delivery to a webhook endpoint.
    Post(Post),
}

/// A delivery to a webhook endpoint, whose signature was found right.
#[derive(Debug)]
pub struct Post {
    /// The body, as it was signed.
    pub body: Bytes,
    /// When it was there.
    pub at: Instant,
    /// Told when it is stored, or known, or none of ours; dropped when it could not be stored.
    pub done: oneshot::Sender<()>,
}

impl From<Arrival> for Parcel {
    fn from(arrival: Arrival) -> Parcel {
        Parcel::Frame(arrival)
    }
}

impl From<Post> for Parcel {
    fn from(post: Post) -> Parcel {
        Parcel::Post(post)
    }
}

impl Parcel {
    fn at(&self) -> Instant {
        match self {
            Parcel::Frame(arrival) => arrival.at,
            Parcel::Post(post) => post.at,
        }
    }
}

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

/// What a group took for known is forgotten again, unless the group is on the disk: whoever ends the intake half-way
/// must not leave ids behind that the next one acknowledges unstored.
struct Noted {
    shared: Arc<Shared>,
    stored: bool,
}

impl Drop for Noted {
    fn drop(&mut self) {
        if !self.stored {
            self.shared.memory().clear();
        }
    }
}

struct Group {
    _turn: OwnedRwLockReadGuard<()>,
    noted: Option<Noted>,
    batch: Batch,
    acks: Vec<(Acks, String)>,
    posts: Vec<oneshot::Sender<()>>,
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

/// Takes what comes until nobody sends any more.
pub async fn run<P: Into<Parcel> + Send + 'static>(
    intake: Intake,
    mut arrivals: mpsc::Receiver<P>,
    told: mpsc::Sender<Told>,
) {
    let (groups, mut prepared) = mpsc::channel::<Result<Group, StoreError>>(1);
    let preparing = async {
        let mut frames = Vec::with_capacity(GROUP);
        while arrivals.recv_many(&mut frames, GROUP).await > 0 {
            let (taken, intake) = (std::mem::take(&mut frames), intake.clone());
            let turn = Arc::clone(&intake.shared.turn).read_owned().await;
            // Parsing, signatures and packing are work: not for the threads that read sockets.
            let group = tokio::task::spawn_blocking(move || {
                intake.prepare(taken.into_iter().map(Into::into).collect(), turn)
            })
            .await;
            let group =
                group.unwrap_or_else(|_| Err(StoreError::Stopped("an event could not be read".into())));
            if groups.send(group).await.is_err() {
                return;
            }
        }
        drop(groups);
    };
    let (under_way, mut sent) = mpsc::channel(UNDER_WAY);
    let sending = async {
        while let Some(group) = prepared.recv().await {
            // One after the other: the order of storing is the order of preparing.
            let one = intake.send(group).await;
            if under_way.send(one).await.is_err() {
                return;
            }
        }
        drop(under_way);
    };
    let answering = async {
        while let Some(one) = sent.recv().await {
            let word = intake.answer(one).await;
            if told.send(word).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(preparing, sending, answering);
}

impl Intake {
    fn prepare(&self, parcels: Vec<Parcel>, turn: OwnedRwLockReadGuard<()>) -> Result<Group, StoreError> {
        let at = (self.now)();
        // Before the memory, whose lock has to be free again when this is dropped.
        let noted = Noted { shared: self.shared.clone(), stored: false };
        let mut memory = self.shared.memory();
        let mut group = Group {
            _turn: turn,
            noted: None,
            batch: Batch::new(),
            acks: Vec::new(),
            posts: Vec::new(),
            odd: Vec::new(),
            first: parcels.iter().map(Parcel::at).min(),
            epoch: memory.epoch(),
            at,
        };
        let mut counts = LiveDoc::default();
        let mut preparer = Preparer::new(&self.store, &self.integration, &mut memory)?;
        let came = Came { source: Source::Relay, at, late: false, before: false };
        // Of an event in two versions the account's own one is logged, wherever in the group it stands.
        let mut later = Vec::new();
        let mut frames = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            match parcel {
                Parcel::Frame(arrival) => frames.push(arrival),
                Parcel::Post(post) => {
                    counts.received += 1;
                    let came = Came { source: Source::Endpoint, ..came };
                    match std::str::from_utf8(&post.body) {
                        Ok(text) => take(preparer.prepare(text, came)?, &mut group, &mut counts),
                        Err(_) => take(Prepared::Unreadable, &mut group, &mut counts),
                    }
                    group.posts.push(post.done);
                }
            }
        }
        for arrival in &frames {
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
        group.noted = Some(noted);
        Ok(group)
    }

    async fn send(&self, group: Result<Group, StoreError>) -> Result<(Group, Pending), StoreError> {
        let mut group = group?;
        let batch = std::mem::take(&mut group.batch);
        let pending = self.store.send(batch, Durability::Synced, group.at).await?;
        Ok((group, pending))
    }

    /// Waits for the disk, then acknowledges.
    async fn answer(&self, sent: Result<(Group, Pending), StoreError>) -> Told {
        let (mut group, pending) = match sent {
            Ok(sent) => sent,
            Err(error) => return Told { failed: Some(error), ..Told::default() },
        };
        let epoch = group.epoch;
        let applied = match pending.done().await {
            Ok(applied) => applied,
            Err(error) => return Told { odd: group.odd, failed: Some(error), ..Told::default() },
        };
        if let Some(noted) = &mut group.noted {
            noted.stored = true;
        }
        // Prepared before an earlier group failed: what it took for known may not be stored.
        if self.shared.memory().epoch() == epoch {
            for (socket, ack) in group.acks {
                socket.send(ack);
            }
            for done in group.posts {
                // Whoever posted it may have hung up: it is stored all the same.
                let _ = done.send(());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::api::IntegrationId;
    use crate::store::{OpenOptions, Store};

    fn integration() -> Integration {
        let now = 1_790_000_000;
        serde_json::from_value(serde_json::json!({
            "id": IntegrationId(1), "name": "Acme", "account": "acct_1", "account_name": "Acme", "livemode": false,
            "billing": true, "delivery": "endpoint", "poll_every_s": 900, "timezone": "UTC",
            "base_url": "http://127.0.0.1:1", "permissions": [], "checked_at": now, "connected_at": now,
        }))
        .unwrap()
    }

    fn post(done: oneshot::Sender<()>) -> Vec<Parcel> {
        let body = serde_json::json!({
            "id": "evt_1", "object": "event", "type": "customer.created", "created": 1_790_000_000, "livemode": false,
            "api_version": "2026-01-01", "data": {"object": {"id": "cus_1", "object": "customer", "livemode": false}},
        });
        vec![Post { body: body.to_string().into(), at: Instant::now(), done }.into()]
    }

    #[tokio::test]
    async fn what_was_prepared_and_not_stored_is_not_known_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &OpenOptions::default()).unwrap();
        let shared = Arc::new(Shared::default());
        let intake = Intake {
            store: store.clone(),
            integration: Arc::new(integration()),
            shared: shared.clone(),
            now: Arc::new(|| 1_790_000_000),
        };
        let turn = || Arc::clone(&shared.turn).read_owned();
        let prepare = async || {
            let (done, told) = oneshot::channel();
            (intake.prepare(post(done), turn().await).unwrap(), told)
        };
        // A connection that is made anew drops what is under way.
        let (group, mut told) = prepare().await;
        let epoch = group.epoch;
        drop(group);
        assert!(told.try_recv().is_err() && shared.memory().epoch() > epoch);
        // Stripe sends it again: it is stored, and only then acknowledged.
        let (group, told) = prepare().await;
        let sent = intake.send(Ok(group)).await;
        let word = intake.answer(sent).await;
        assert_eq!((word.new, word.failed.is_none(), told.await), (1, true, Ok(())));
        assert_eq!(store.counters(IntegrationId(1)).events, 1);
        let epoch = shared.memory().epoch();
        // What is stored stays known.
        let (group, told) = prepare().await;
        let word = intake.answer(intake.send(Ok(group)).await).await;
        assert_eq!((word.new, told.await, shared.memory().epoch()), (0, Ok(()), epoch));
        store.close();
    }
}
