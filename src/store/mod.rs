//! The embedded store: one sled tree per data folder, one writing thread, readers anywhere but in the
//! drawing loop.
//!
//! It is the single truth: what is not stored is not shown. It must never keep a secret in clear (those
//! are the vault's), and never acknowledge what is not on disk. Design and measurements: ARCHITECTURE.md.

pub mod backup;
pub mod batch;
pub mod changes;
pub mod codec;
pub mod counters;
pub mod error;
pub mod event_log;
pub mod folder;
pub mod forwards;
pub mod keys;
pub mod mentions;
pub mod merge;
mod open;
mod purge;
pub mod read;
pub mod record;
pub mod rewrite;
pub mod rows;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot, watch};

pub use batch::{Applied, Batch, Durability};
pub use counters::Counters;
pub use error::StoreError;
pub use record::{Header, State};

use crate::engine::api::{EventQuery, EventRow, EventWindow, IntegrationId};
use crate::stripe::kind::Kind;
use changes::Changes;
use codec::Codec;
use folder::Folder;
use record::Packing;
use writer::{Job, Message, SharedCounters, sled_error};

/// Batches that may wait for the writer: about five megabytes of pages. Then whoever sends waits.
const QUEUE: usize = 8;

/// How long closing waits for the writer.
const CLOSE: Duration = Duration::from_secs(10);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// sled's page cache, in bytes. Resident memory is about twice this plus 100 bytes a record.
    pub cache_bytes: u64,
    /// Stop writing below this many free megabytes.
    pub need_mb: u64,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { cache_bytes: 32 * 1024 * 1024, need_mb: 64 }
    }
}

/// A stored object: its header and the JSON as Stripe sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Stripe's id.
    pub id: String,
    /// What stands before the JSON.
    pub header: Header,
    /// As received.
    pub json: Vec<u8>,
}

/// A batch that is on its way.
pub struct Pending(oneshot::Receiver<Result<Applied, StoreError>>);

impl Pending {
    /// Waits until it is as durable as asked.
    pub async fn done(self) -> Result<Applied, StoreError> {
        self.0.await.map_err(|_| ended())?
    }
}

fn ended() -> StoreError {
    StoreError::Stopped("its thread has ended".into())
}

struct Inner {
    tree: sled::Db,
    codec: Codec,
    counters: SharedCounters,
    changes: Arc<Changes>,
    forwards: Arc<forwards::Forwards>,
    folder: Folder,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
    broken: watch::Sender<Option<StoreError>>,
}

/// A handle on the open store. Clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    jobs: mpsc::Sender<Message>,
}

impl Store {
    /// Takes the folder and opens the store. Blocks (0.4 s at a million records): not for the drawing loop.
    pub fn open(dir: &Path, options: &OpenOptions) -> Result<Store, StoreError> {
        let folder = Folder::take(dir)?;
        folder::check_space(dir, options.need_mb)?;
        rewrite::finish(&folder)?;
        purge::finish(&folder, options);
        let (tree, file) = open::database(&folder, options)?;
        let counters = SharedCounters::default();
        load_counters(&tree, &counters)?;
        let (jobs, receiver) = mpsc::channel(QUEUE);
        let changes = Arc::new(Changes::default());
        let forwards = Arc::new(forwards::Forwards::default());
        let broken = watch::channel(None).0;
        let writer = writer::Writer {
            tree: tree.clone(),
            file,
            dir: dir.to_owned(),
            need_mb: options.need_mb,
            counters: counters.clone(),
            changes: changes.clone(),
            forwards: forwards.clone(),
            broken: broken.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(receiver))
            .map_err(|error| StoreError::io(dir, &error))?;
        let inner = Inner {
            tree,
            codec: Codec::new(),
            counters,
            changes,
            forwards,
            folder,
            writer: std::sync::Mutex::new(Some(thread)),
            broken,
        };
        Ok(Store { inner: Arc::new(inner), jobs })
    }

    /// Waits until nothing more can be stored before the folder is opened again, and says why.
    pub async fn broken(&self) -> StoreError {
        let mut broken = self.inner.broken.subscribe();
        match broken.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(error)) => error.clone(),
            _ => ended(),
        }
    }

    /// As if the database had failed.
    #[cfg(test)]
    pub fn fail(&self, why: &str) {
        self.inner.broken.send_replace(Some(StoreError::Stopped(why.into())));
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.inner.folder.dir
    }

    /// Names the socket on which this process listens, for others that want the folder.
    pub fn name_socket(&self, socket: &Path) -> Result<(), StoreError> {
        self.inner.folder.name_socket(socket)
    }

    /// The id of this data folder.
    pub fn install_id(&self) -> &str {
        &self.inner.folder.marker.install_id
    }

    /// The packer of values, for whoever prepares batches.
    pub fn codec(&self) -> &Codec {
        &self.inner.codec
    }

    /// Sends a batch and waits until it is as durable as asked. Waits while the writer's queue is full:
    /// that is how back-pressure reaches the network.
    pub async fn commit(
        &self,
        batch: Batch,
        durability: Durability,
        now: i64,
    ) -> Result<Applied, StoreError> {
        self.send(batch, durability, now).await?.done().await
    }

    /// Sends a batch without waiting for its end: what is sent next is applied after it, and the disk is made certain
    /// once for all that wait.
    pub async fn send(&self, batch: Batch, durability: Durability, now: i64) -> Result<Pending, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Message::Job(Job { batch, durability, now, reply });
        self.jobs.send(job).await.map_err(|_| ended())?;
        Ok(Pending(answer))
    }

    /// One object, or none.
    pub fn record(
        &self,
        integration: IntegrationId,
        kind: Kind,
        id: &str,
    ) -> Result<Option<Record>, StoreError> {
        let key = keys::record(integration, kind, id);
        let read = self.steady(&key, |value| {
            let (header, packing, rest) = record::decode(value)?;
            Ok(((header, self.unpack(integration, &key, packing, rest)?), packing))
        })?;
        Ok(read.map(|(header, json)| Record { id: id.to_owned(), header, json }))
    }

    /// The header of one object, without unpacking its JSON.
    pub fn header(
        &self,
        integration: IntegrationId,
        kind: Kind,
        id: &str,
    ) -> Result<Option<Header>, StoreError> {
        let value = self.get(&keys::record(integration, kind, id))?;
        value.map(|value| record::decode(&value).map(|(header, ..)| header)).transpose()
    }

    /// Whether an object is stored (in whatever state).
    pub fn has(&self, integration: IntegrationId, kind: Kind, id: &str) -> Result<bool, StoreError> {
        Ok(self.get(&keys::record(integration, kind, id))?.is_some())
    }

    /// Walks the headers of one kind in the order of ids; `visit` returns false to stop. Never unpacks JSON.
    pub fn each_header(
        &self,
        integration: IntegrationId,
        kind: Kind,
        mut visit: impl FnMut(&str, Header) -> bool,
    ) -> Result<(), StoreError> {
        guard(|| {
            for item in self.inner.tree.scan_prefix(keys::kind_prefix(integration, kind)) {
                let (key, value) = item.map_err(sled_error)?;
                let (header, ..) = record::decode(&value)?;
                if let Some(id) = keys::record_id(&key)
                    && !visit(id, header)
                {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The pages of an invoice's further lines: each a JSON array as received.
    pub fn lines(
        &self,
        integration: IntegrationId,
        invoice: &str,
        pages: u16,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut out = Vec::with_capacity(usize::from(pages));
        for page in 0..pages {
            let key = keys::lines(integration, invoice, page);
            let read = self.steady(&key, |value| {
                let mut reader = record::Reader { rest: value };
                let packing = event_log::take_packing(&mut reader)?;
                Ok((self.unpack(integration, &key, packing, reader.rest)?, packing))
            })?;
            out.push(
                read.ok_or_else(|| StoreError::Value(format!("page {page} of the lines of {invoice}")))?,
            );
        }
        Ok(out)
    }

    /// Whether an event is in the log.
    pub fn has_event(&self, integration: IntegrationId, id: &str) -> Result<bool, StoreError> {
        Ok(self.get(&keys::seen(integration, id))?.is_some())
    }

    /// The events that arrived since `seen` events had arrived, in the order of their arrival.
    pub fn arrivals(&self, integration: IntegrationId, seen: u64) -> Result<Vec<EventRow>, StoreError> {
        let count = self.counters(integration).arrived.saturating_sub(seen);
        if count == 0 {
            return Ok(Vec::new());
        }
        guard(|| event_log::arrivals(&self.inner.tree, integration, seen, count as usize))
    }

    /// `created` of the newest event in the log.
    pub fn newest_event(&self, integration: IntegrationId) -> Result<Option<i64>, StoreError> {
        guard(|| {
            let first = self.inner.tree.scan_prefix(keys::prefix(keys::EVENT, integration)).next();
            let first = first.transpose().map_err(sled_error)?;
            Ok(first.and_then(|(key, _)| keys::event_parts(&key).map(|parts| parts.0)))
        })
    }

    /// The JSON of one event as received.
    pub fn event_json(&self, integration: IntegrationId, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let seen = self.get(&keys::seen(integration, id))?;
        let Some((created, order)) = seen.and_then(|value| keys::seen_parts(&value)) else { return Ok(None) };
        let key = keys::event(integration, created, order, id);
        let Some(value) = self.get(&key)? else { return Ok(None) };
        let (_, packing, rest) = event_log::decode(integration, &key, &value)?;
        self.unpack(integration, &key, packing, rest).map(Some)
    }

    /// Walks the events of these integrations, newest first, beginning with those whose `created` is below `below`;
    /// `visit` returns false to stop. Never unpacks JSON.
    pub fn each_event(
        &self,
        integrations: &[IntegrationId],
        below: Option<i64>,
        visit: impl FnMut(EventRow) -> bool,
    ) -> Result<(), StoreError> {
        guard(|| event_log::each(&self.inner.tree, integrations, below, visit))
    }

    /// A window of the feed.
    pub fn events(
        &self,
        query: &EventQuery,
        integrations: &[IntegrationId],
    ) -> Result<EventWindow, StoreError> {
        let chosen: Vec<IntegrationId> = integrations
            .iter()
            .copied()
            .filter(|id| query.integration.is_none_or(|wanted| wanted == *id))
            .collect();
        let most = |rows: usize| rows.min(500);
        guard(|| {
            let tree = &self.inner.tree;
            let (rows, newer) = if query.oldest {
                let rows = event_log::window_before(tree, &chosen, None, most(query.limit))?;
                (rows, None)
            } else {
                let mut rows = match &query.from {
                    Some(_) if query.before > 0 => {
                        event_log::window_before(tree, &chosen, query.from.as_ref(), most(query.before))?
                    }
                    _ => Vec::new(),
                };
                let above = rows.len() as u64;
                rows.extend(event_log::window(tree, &chosen, query.from.as_ref(), most(query.limit))?);
                let newer =
                    query.from.as_ref().map_or(Ok(0), |pos| event_log::count_newer(tree, &chosen, pos))?;
                (rows, Some(newer - above.min(newer)))
            };
            let total: u64 = chosen.iter().map(|id| self.counters(*id).events).sum();
            let mut rows = rows;
            self.put_stars(&mut rows)?;
            // Of the oldest rows it is known without counting.
            let newer = newer.unwrap_or_else(|| total.saturating_sub(rows.len() as u64));
            Ok(EventWindow { rows, newer, total, ..EventWindow::default() })
        })
    }

    /// A small document.
    pub fn meta<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let Some(value) = self.get(&keys::meta(name))? else { return Ok(None) };
        serde_json::from_slice(&value)
            .map(Some)
            .map_err(|error| StoreError::Value(format!("{name}: {error}")))
    }

    /// All small documents whose names begin so, with their names, in the order of names.
    pub fn metas<T: DeserializeOwned>(&self, start: &str) -> Result<Vec<(String, T)>, StoreError> {
        guard(|| {
            let mut out = Vec::new();
            for item in self.inner.tree.scan_prefix(keys::meta(start)) {
                let (key, value) = item.map_err(sled_error)?;
                let name = String::from_utf8_lossy(&key[1..]).into_owned();
                let value = serde_json::from_slice(&value)
                    .map_err(|error| StoreError::Value(format!("{name}: {error}")))?;
                out.push((name, value));
            }
            Ok(out)
        })
    }

    /// The counters of an integration, as of the last batch.
    pub fn counters(&self, integration: IntegrationId) -> Counters {
        self.inner.counters.read().ok().and_then(|all| all.get(&integration).cloned()).unwrap_or_default()
    }

    /// Waits until everything sent before is on disk, and ends the writer. Handles that are still about
    /// can read but no longer write. Blocks.
    pub fn close(self) -> PathBuf {
        let Store { inner, jobs } = self;
        let mut message = Message::Stop;
        // The queue drains by itself; waiting for a place must also work on a thread of the runtime.
        let begun = Instant::now();
        while let Err(mpsc::error::TrySendError::Full(back)) = jobs.try_send(message) {
            if begun.elapsed() > CLOSE {
                break;
            }
            message = back;
            std::thread::sleep(Duration::from_millis(1));
        }
        let thread = inner.writer.lock().ok().and_then(|mut slot| slot.take());
        if let Some(thread) = thread {
            // sled can wait for ever on a disk that is full to the last byte; whoever closes must not. What was
            // acknowledged is on disk already.
            let begun = Instant::now();
            while !thread.is_finished() && begun.elapsed() < CLOSE {
                std::thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
        inner.folder.dir.clone()
    }

    /// Reads a value and the parts that it may have. A batch may replace them between two reads of ours: then
    /// they are read again, so that nobody sees an error or a mixture.
    fn steady<T>(
        &self,
        key: &[u8],
        read: impl Fn(&[u8]) -> Result<(T, Packing), StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut value = self.get(key)?;
        loop {
            let Some(bytes) = &value else { return Ok(None) };
            let result = read(bytes);
            if let Ok((_, Packing { parts: 0, .. })) = result {
                return result.map(|(value, _)| Some(value));
            }
            let after = self.get(key)?;
            if after == value {
                return result.map(|(value, _)| Some(value));
            }
            value = after;
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        guard(|| self.inner.tree.get(key).map_err(sled_error))
    }

    fn unpack(
        &self,
        integration: IntegrationId,
        owner: &[u8],
        packing: Packing,
        rest: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        if packing.parts == 0 {
            return self.inner.codec.unpack(packing.codec, packing.raw_len as usize, rest);
        }
        let mut packed = Vec::new();
        for part in 0..packing.parts {
            let key = keys::chunk(integration, owner, part);
            let value = self
                .get(&key)?
                .ok_or_else(|| StoreError::Value("a part of a large value is missing".into()))?;
            packed.extend_from_slice(&value);
        }
        self.inner.codec.unpack(packing.codec, packing.raw_len as usize, &packed)
    }

    pub(crate) fn tree(&self) -> &sled::Db {
        &self.inner.tree
    }
}

/// sled can panic on a broken file; whoever reads gets an error instead.
fn guard<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(StoreError::Stopped("the database engine failed while reading".into())))
}

fn load_counters(tree: &sled::Db, counters: &SharedCounters) -> Result<(), StoreError> {
    guard(|| {
        let Ok(mut all) = counters.write() else { return Ok(()) };
        for item in tree.scan_prefix([keys::COUNTERS]) {
            let (key, value) = item.map_err(sled_error)?;
            let number: [u8; 4] = key
                .get(1..5)
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| StoreError::Value("a counter's key".into()))?;
            let value = serde_json::from_slice(&value)
                .map_err(|error| StoreError::Value(format!("counters: {error}")))?;
            let (whose, mut value) = (IntegrationId(u32::from_be_bytes(number)), value);
            let own: &mut Counters = &mut value;
            if own.events > 0 && own.event_bytes == 0 {
                // Filled by a version that did not count them: once, and kept with the next batch.
                own.event_bytes = event_log::measure(tree, whose)?;
            }
            all.insert(whose, value);
        }
        Ok(())
    })
}
