//! The one thread that writes the store.
//!
//! It takes batches, applies each atomically, and makes the disk certain once for as many of them as ask
//! for it. Nobody else may write. It must never acknowledge `Synced` before `flush()` *and* `sync_data()`
//! on a descriptor of its own: sled's `flush()` is no fsync on Linux.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use tokio::sync::{mpsc, oneshot, watch};

use super::batch::{
    Applied, Batch, Durability, EventWrite, ForwardChange, Lane, MarkChange, Op, Outcome, RecordWrite,
    StateChange,
};
use super::changes::{Changes, EventChange, RecordChange};
use super::codec::Packed;
use super::counters::Counters;
use super::error::StoreError;
use super::event_log;
use super::folder;
use super::forwards::{self, Forwards, NEXT_ATTEMPT};
use super::keys;
use super::merge::{Merged, merge};
use super::read::EventPlace;
use super::record::{self, Header, Packing, State};
use crate::engine::api::{AttemptId, IntegrationId};
use crate::events::retention;
use crate::stripe::kind::Kind;

/// Batches applied before those that wait for the disk are answered.
const GROUP: usize = 64;
/// sled pages hold up to 16 values and go to a file of their own above 128 KB: values stay well under that.
pub(super) const MOST_IN_ONE_VALUE: usize = 16 * 1024;
/// Checked each so many batches: free space changes slowly, `statvfs` is not free.
const SPACE_EVERY: u32 = 32;

/// The counters, as the writer leaves them after each batch.
pub type SharedCounters = Arc<RwLock<HashMap<IntegrationId, Counters>>>;

/// What is sent to the writer.
pub enum Message {
    /// Changes to apply.
    Job(Job),
    /// Make the disk certain and end; whatever is sent later is refused.
    Stop,
}

/// A batch and who waits for it.
pub struct Job {
    /// The changes.
    pub batch: Batch,
    /// When they count as done.
    pub durability: Durability,
    /// Unix seconds, for the bookkeeping fields.
    pub now: i64,
    /// Who waits.
    pub reply: oneshot::Sender<Result<Applied, StoreError>>,
}

/// The writer's own things.
pub struct Writer {
    /// The store.
    pub tree: sled::Db,
    /// A descriptor of the database file, for `sync_data`.
    pub file: std::fs::File,
    /// The data folder, for messages and free space.
    pub dir: PathBuf,
    /// Stop writing below this many free megabytes.
    pub need_mb: u64,
    /// Shared with readers.
    pub counters: SharedCounters,
    /// Told of what was stored.
    pub changes: Arc<Changes>,
    /// Told when something was put into a queue.
    pub forwards: Arc<Forwards>,
    /// Told when nothing more can be stored.
    pub broken: watch::Sender<Option<StoreError>>,
}

/// Tells of a writer that ended without having been told to: by a panic.
struct Ends(watch::Sender<Option<StoreError>>, bool);

impl Drop for Ends {
    fn drop(&mut self) {
        if !self.1 {
            tell(&self.0, &StoreError::Stopped("its thread has ended".into()));
        }
    }
}

/// The first reason stays.
fn tell(broken: &watch::Sender<Option<StoreError>>, error: &StoreError) {
    broken.send_if_modified(|known| {
        let first = known.is_none();
        if first {
            *known = Some(error.clone());
        }
        first
    });
}

impl Writer {
    /// Runs until told to stop or every sender is gone; then makes the disk certain and ends.
    pub fn run(self, mut messages: mpsc::Receiver<Message>) {
        let mut until_space_check = 0u32;
        let mut stop = false;
        let mut ends = Ends(self.broken.clone(), false);
        while !stop {
            let Some(Message::Job(first)) = messages.blocking_recv() else { break };
            let mut group = vec![first];
            while group.len() < GROUP && !stop {
                match messages.try_recv() {
                    Ok(Message::Job(job)) => group.push(job),
                    Ok(Message::Stop) => stop = true,
                    Err(_) => break,
                }
            }
            if until_space_check == 0 {
                until_space_check = SPACE_EVERY;
                if let Err(full) = folder::check_space(&self.dir, self.need_mb) {
                    until_space_check = 0;
                    for job in group {
                        let _ = job.reply.send(Err(full.clone()));
                    }
                    continue;
                }
            }
            until_space_check -= 1;
            // sled can panic on a broken file or a full disk: that becomes an error for whoever waits.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.apply_group(&group)));
            let results = outcome.unwrap_or_else(|_| {
                let stopped = StoreError::Stopped("the database engine failed".into());
                group.iter().map(|_| Err(stopped.clone())).collect()
            });
            for (job, result) in group.into_iter().zip(results) {
                // A database that failed once fails until it is opened again. A full disk or a value that cannot be
                // read is no such end.
                if let Err(error @ StoreError::Stopped(_)) = &result {
                    tell(&self.broken, error);
                }
                let _ = job.reply.send(result);
            }
        }
        ends.1 = true;
        let _ = catch_unwind(AssertUnwindSafe(|| self.sync()));
    }

    fn apply_group(&self, group: &[Job]) -> Vec<Result<Applied, StoreError>> {
        let mut results: Vec<Result<Applied, StoreError>> =
            group.iter().map(|job| self.apply(&job.batch, job.now)).collect();
        if group.iter().any(|job| job.durability == Durability::Synced)
            && let Err(error) = self.sync()
        {
            for (job, result) in group.iter().zip(&mut results) {
                if job.durability == Durability::Synced {
                    *result = Err(error.clone());
                }
            }
        }
        results
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.tree.flush().map_err(sled_error)?;
        // What the system could not write it may have forgotten: a later sync that succeeds says nothing of it.
        self.file
            .sync_data()
            .map_err(|error| StoreError::Stopped(format!("the disk does not take it: {error}")))
    }

    fn apply(&self, batch: &Batch, now: i64) -> Result<Applied, StoreError> {
        let mut change = Change {
            tree: &self.tree,
            now,
            out: sled::Batch::default(),
            headers: HashMap::new(),
            counters: HashMap::new(),
            before: &self.counters,
            seen: HashSet::new(),
            applied: Applied::default(),
            listened: self.changes.listened(),
            events: Vec::new(),
            dropped: Vec::new(),
            next_attempt: None,
            queued: false,
        };
        let mut forgotten = Vec::new();
        for op in &batch.ops {
            match op {
                Op::Record(write) => change.record(write)?,
                Op::Event(write) => change.event(write)?,
                Op::State(write) => change.state(write)?,
                Op::Mark(write) => change.mark(write)?,
                Op::Star { integration, event, on: true } => {
                    change.out.insert(keys::star(*integration, event), &[]);
                }
                Op::Star { integration, event, on: false } => {
                    change.out.remove(keys::star(*integration, event));
                }
                Op::Forward(forward) => change.forward(forward)?,
                Op::Meta(name, Some(value)) => change.out.insert(keys::meta(name), value.as_slice()),
                Op::Meta(name, None) => change.out.remove(keys::meta(name)),
                Op::Reads { integration, day, reads } => {
                    change.counters(*integration).add_reads(*day, *reads);
                }
                Op::Automatic { integration, day, reads } => {
                    change.counters(*integration).add_automatic(*day, *reads);
                }
                Op::DropEvent { place, id } => change.drop_event(*place, id)?,
                Op::RemoveKey(key) => change.out.remove(key.as_slice()),
                Op::Forget(integration) => {
                    change.counters.remove(integration);
                    change.out.remove(keys::counters(*integration));
                    forgotten.push(*integration);
                }
            }
        }
        let Change { mut out, counters, applied, headers, events, dropped, next_attempt, queued, .. } =
            change;
        if let Some(next) = next_attempt {
            out.insert(keys::meta(NEXT_ATTEMPT), next.to_string().as_bytes());
        }
        for (integration, counters) in &counters {
            let bytes = serde_json::to_vec(counters).map_err(|error| StoreError::Value(error.to_string()))?;
            out.insert(keys::counters(*integration), bytes);
        }
        self.tree.apply_batch(out).map_err(sled_error)?;
        if let Ok(mut shared) = self.counters.write() {
            shared.extend(counters);
            shared.retain(|integration, _| !forgotten.contains(integration));
        }
        // Last: whoever begins to listen after the counters were read finds in the store what it is not told.
        let any_record = !headers.is_empty();
        let records = if self.changes.listened() { record_changes(headers) } else { Vec::new() };
        self.changes.stored(records, events, any_record);
        if self.changes.listened() {
            self.changes.dropped(dropped);
        }
        self.changes.removed(forgotten);
        if queued {
            self.forwards.ring();
        }
        Ok(applied)
    }
}

fn record_changes(headers: HashMap<Vec<u8>, (Header, Packing, Vec<u8>)>) -> Vec<RecordChange> {
    let change = |(key, (header, ..)): (Vec<u8>, (Header, Packing, Vec<u8>))| {
        let (integration, kind, id) = keys::record_parts(&key)?;
        Some(RecordChange { integration, kind, id: id.to_owned(), header })
    };
    headers.into_iter().filter_map(change).collect()
}

/// A sled error as ours: what is broken stays broken until a person acts.
pub fn sled_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            StoreError::Stopped("the disk is full".into())
        }
        other => StoreError::Stopped(other.to_string()),
    }
}

struct Change<'a> {
    tree: &'a sled::Db,
    now: i64,
    out: sled::Batch,
    /// Values already decided in this batch: later operations must see earlier ones.
    headers: HashMap<Vec<u8>, (Header, Packing, Vec<u8>)>,
    counters: HashMap<IntegrationId, Counters>,
    before: &'a SharedCounters,
    seen: HashSet<Vec<u8>>,
    applied: Applied,
    listened: bool,
    events: Vec<EventChange>,
    /// Events that this batch removed already.
    dropped: Vec<EventPlace>,
    /// The number of the next attempt, once one was stored in this batch.
    next_attempt: Option<u64>,
    queued: bool,
}

impl Change<'_> {
    fn counters(&mut self, integration: IntegrationId) -> &mut Counters {
        let before = self.before;
        self.counters.entry(integration).or_insert_with(|| {
            before.read().ok().and_then(|all| all.get(&integration).cloned()).unwrap_or_default()
        })
    }

    fn stored(&self, key: &[u8]) -> Result<Option<(Header, Packing, Vec<u8>)>, StoreError> {
        if let Some(known) = self.headers.get(key) {
            return Ok(Some(known.clone()));
        }
        let Some(value) = self.tree.get(key).map_err(sled_error)? else { return Ok(None) };
        let (header, packing, rest) = record::decode(&value)?;
        Ok(Some((header, packing, rest.to_vec())))
    }

    fn put(
        &mut self,
        (integration, kind): (IntegrationId, Kind),
        key: Vec<u8>,
        before: Option<&Header>,
        (after, packing, rest): (Header, Packing, Vec<u8>),
    ) {
        self.counters(integration).change(kind, before, Some(&after));
        let mut value = Vec::with_capacity(160 + rest.len());
        record::encode(&after, packing, &mut value);
        value.extend_from_slice(&rest);
        self.out.insert(key.as_slice(), value);
        self.headers.insert(key, (after, packing, rest));
    }

    fn record(&mut self, write: &RecordWrite) -> Result<(), StoreError> {
        let key = keys::record(write.integration, write.kind, &write.id);
        let stored = self.stored(&key)?;
        let before = stored.as_ref().map(|(header, ..)| header);
        let merged = merge(write.kind, before, write.header.clone(), write.via, self.now);
        match merged {
            Merged::Keep => {}
            Merged::HeaderOnly(header) => {
                if let Some((before, packing, rest)) = &stored {
                    self.put(
                        (write.integration, write.kind),
                        key,
                        Some(before),
                        (header, *packing, rest.clone()),
                    );
                }
            }
            Merged::Replace(header) => {
                match before {
                    None => self.applied.created += 1,
                    Some(_) => self.applied.changed += 1,
                }
                let old_parts = stored.as_ref().map_or(0, |(_, packing, _)| packing.parts);
                let (packing, rest) = self.split(write.integration, &key, &write.packed, old_parts);
                self.put((write.integration, write.kind), key, before, (header, packing, rest));
            }
        }
        Ok(())
    }

    /// Large values go into parts of their own; `old_parts` of an earlier value are removed.
    fn split(
        &mut self,
        integration: IntegrationId,
        owner: &[u8],
        packed: &Packed,
        old_parts: u16,
    ) -> (Packing, Vec<u8>) {
        let mut packing = Packing { codec: packed.codec, raw_len: packed.raw_len, parts: 0 };
        let mut rest = packed.bytes.clone();
        if rest.len() > MOST_IN_ONE_VALUE {
            for part in packed.bytes.chunks(MOST_IN_ONE_VALUE) {
                self.out.insert(keys::chunk(integration, owner, packing.parts), part);
                packing.parts += 1;
            }
            rest.clear();
        }
        for part in packing.parts..old_parts {
            self.out.remove(keys::chunk(integration, owner, part));
        }
        (packing, rest)
    }

    fn event(&mut self, write: &EventWrite) -> Result<(), StoreError> {
        let seen = keys::seen(write.integration, &write.id);
        if self.seen.contains(&seen) || self.tree.contains_key(&seen).map_err(sled_error)? {
            self.applied.known_events += 1;
            return Ok(());
        }
        self.seen.insert(seen.clone());
        let order = self.counters(write.integration).arrived;
        self.out.insert(seen, &keys::seen_value(write.created, order));
        let key = keys::event(write.integration, write.created, order, &write.id);
        let (packing, rest) = self.split(write.integration, &key, &write.packed, 0);
        let mut value = write.header.clone();
        event_log::put_packing(packing, &mut value);
        value.extend_from_slice(&rest);
        let parts = if packing.parts > 0 { write.packed.bytes.len() } else { 0 };
        let bytes = event_log::size(key.len(), value.len(), parts);
        self.out.insert(key, value);
        let counters = self.counters(write.integration);
        counters.events += 1;
        counters.event_bytes += bytes;
        counters.arrived += 1;
        self.applied.events += 1;
        if self.listened {
            self.events.push(EventChange {
                integration: write.integration,
                created: write.created,
                order,
                header: write.header.clone(),
                id: write.id.clone(),
            });
        }
        for record in &write.records {
            self.record(record)?;
        }
        for (target, entry) in &write.forwards {
            self.out.insert(keys::lane(keys::QUEUE, write.integration, *target, order), entry.as_slice());
            *self.counters(write.integration).waiting.entry(target.0).or_default() += 1;
            self.queued = true;
        }
        Ok(())
    }

    fn drop_event(&mut self, place: EventPlace, id: &str) -> Result<(), StoreError> {
        let EventPlace { integration, created, order } = place;
        let starred = self.tree.contains_key(keys::star(integration, id)).map_err(sled_error)?;
        if starred || created > self.now - retention::YOUNGEST_S || self.dropped.contains(&place) {
            return Ok(());
        }
        let key = keys::event(integration, created, order, id);
        let Some(value) = self.tree.get(&key).map_err(sled_error)? else { return Ok(()) };
        let mut parts = 0;
        for part in 0..event_log::parts(&value)? {
            let chunk = keys::chunk(integration, &key, part);
            parts += self.tree.get(&chunk).map_err(sled_error)?.map_or(0, |value| value.len());
            self.out.remove(chunk);
        }
        let bytes = event_log::size(key.len(), value.len(), parts);
        self.out.remove(keys::seen(integration, id));
        self.out.remove(key);
        let counters = self.counters(integration);
        counters.events = counters.events.saturating_sub(1);
        counters.event_bytes = counters.event_bytes.saturating_sub(bytes);
        self.applied.dropped_events += 1;
        self.dropped.push(place);
        Ok(())
    }

    fn forward(&mut self, forward: &ForwardChange) -> Result<(), StoreError> {
        let integration = forwards::owner(forward);
        let mut attempt = None;
        if matches!(forward, ForwardChange::Attempt { .. }) {
            let next = match self.next_attempt {
                Some(next) => next,
                None => forwards::next_attempt(self.tree)?,
            };
            self.next_attempt = Some(next + 1);
            self.applied.attempt = Some(AttemptId(next));
            attempt = self.applied.attempt;
        }
        self.queued |= matches!(forward, ForwardChange::Put { lane: Lane::Waiting, .. });
        let tree = self.tree;
        let mut out = std::mem::take(&mut self.out);
        let done = forwards::apply(forward, tree, &mut out, self.counters(integration), attempt);
        self.out = out;
        done
    }

    fn mark(&mut self, write: &MarkChange) -> Result<(), StoreError> {
        let key = keys::record(write.integration, Kind::Invoice, &write.id);
        let Some((before, packing, rest)) = self.stored(&key)? else {
            self.applied.outdated += 1;
            return Ok(());
        };
        let Some(state) = write.mark.turns(before.state) else {
            self.applied.outdated += 1;
            return Ok(());
        };
        let mut after = Header { state, ..before.clone() };
        if state == State::Pending {
            after.attempts = 0;
            after.last_error = String::new();
        }
        self.applied.changed += 1;
        self.put((write.integration, Kind::Invoice), key, Some(&before), (after, packing, rest));
        Ok(())
    }

    fn state(&mut self, write: &StateChange) -> Result<(), StoreError> {
        let key = keys::record(write.integration, Kind::Invoice, &write.id);
        let Some((before, packing, rest)) = self.stored(&key)? else {
            self.applied.outdated += 1;
            return Ok(());
        };
        // Changed or deleted while sync was at it: what sync found out is of something else.
        if before.hash != write.if_hash || matches!(before.state, State::Gone | State::Skipped) {
            self.applied.outdated += 1;
            return Ok(());
        }
        let mut after = before.clone();
        match &write.outcome {
            Outcome::Synced => {
                after.state = State::Synced;
                after.synced_at = self.now;
                after.attempts = 0;
                after.last_error = String::new();
                for (page, packed) in write.lines.iter().enumerate() {
                    self.lines(write.integration, &write.id, page as u16, packed);
                }
                for page in write.lines.len() as u16..before.line_pages {
                    self.out.remove(keys::lines(write.integration, &write.id, page));
                }
                after.line_pages = write.lines.len() as u16;
            }
            Outcome::Failed(reason) => {
                // What was a record stays one; the next sync tries again.
                if !before.state.is_record() {
                    after.state = State::Error;
                }
                after.attempts = before.attempts.saturating_add(1);
                after.last_error.clone_from(reason);
            }
            Outcome::Gone => after.state = State::Gone,
        }
        self.put((write.integration, Kind::Invoice), key, Some(&before), (after, packing, rest));
        Ok(())
    }

    fn lines(&mut self, integration: IntegrationId, invoice: &str, page: u16, packed: &Packed) {
        let key = keys::lines(integration, invoice, page);
        // Old parts of a page that was larger are overwritten or stay unread: the packing says how many.
        let (packing, rest) = self.split(integration, &key, packed, 0);
        let mut value = Vec::with_capacity(8 + rest.len());
        event_log::put_packing(packing, &mut value);
        value.extend_from_slice(&rest);
        self.out.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(dir: &std::path::Path, file: std::fs::File) -> Writer {
        Writer {
            tree: sled::Config::new().path(dir.join("db")).open().unwrap(),
            file,
            dir: dir.to_owned(),
            need_mb: 0,
            counters: SharedCounters::default(),
            changes: Arc::default(),
            forwards: Arc::default(),
            broken: watch::channel(None).0,
        }
    }

    /// What a batch is answered, and what is told of the writer after it was asked to stop.
    fn once(writer: Writer, durability: Durability) -> (Result<Applied, StoreError>, Option<StoreError>) {
        let broken = writer.broken.subscribe();
        let (send, messages) = mpsc::channel(2);
        let (reply, answer) = oneshot::channel();
        let mut batch = Batch::new();
        batch.meta("one", &1);
        send.try_send(Message::Job(Job { batch, durability, now: 0, reply })).ok().unwrap();
        send.try_send(Message::Stop).ok().unwrap();
        writer.run(messages);
        let told = broken.borrow().clone();
        (answer.blocking_recv().unwrap(), told)
    }

    #[test]
    fn a_disk_that_takes_nothing_is_told_and_an_orderly_end_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let (answer, told) = once(writer(temp.path(), tempfile::tempfile().unwrap()), Durability::Synced);
        assert!(answer.is_ok() && told.is_none(), "{answer:?} {told:?}");
        // It cannot be synced, as a disk that fails cannot.
        let null = std::fs::File::open("/dev/null").unwrap();
        let temp = tempfile::tempdir().unwrap();
        let (answer, told) = once(writer(temp.path(), null), Durability::Synced);
        assert!(matches!(answer, Err(StoreError::Stopped(_))), "{answer:?}");
        assert!(told.is_some_and(|error| error.to_string().contains("the store stopped writing")));
    }

    #[test]
    fn a_thread_that_ends_by_itself_is_told() {
        let (broken, told) = watch::channel(None);
        drop(Ends(broken, false));
        assert!(matches!(*told.borrow(), Some(StoreError::Stopped(_))));
    }
}
