//! What is forwarded: events that wait for a target or are parked there, and the attempts to deliver them.
//!
//! An entry stands under the event's order of arrival, so that walking forward is the order in which they came. It
//! must never take an entry out in another batch than the one that says why.

use std::sync::Arc;

use tokio::sync::watch;

use super::batch::{ForwardChange, Lane};
use super::codec::Packed;
use super::counters::Counters;
use super::error::StoreError;
use super::event_log::{put_packing, take_packing};
use super::record::{Packing, Reader, put_text};
use super::writer::{MOST_IN_ONE_VALUE, sled_error};
use super::{Store, guard, keys};
use crate::engine::api::{AttemptId, IntegrationId, TargetId};
use crate::forward::routes::Routes;

/// The document with the number of the next attempt.
pub const NEXT_ATTEMPT: &str = "forward/next_attempt";
/// The layout of an entry.
const LAYOUT: u8 = 1;
const REPLAY: u8 = 1;

/// An event that waits for a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// When it was put there, Unix seconds.
    pub queued: i64,
    /// When it is parked, Unix seconds.
    pub expires: i64,
    /// Attempts so far.
    pub tries: u16,
    /// A person sent it again.
    pub replay: bool,
    /// `evt_…`
    pub event: String,
    /// `invoice.paid`
    pub event_type: String,
    /// Id of the object that it is about; may be empty.
    pub object: String,
    /// HTTP headers as they came with it; none: it was found in Stripe's list.
    pub headers: Vec<(String, String)>,
}

impl Entry {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(420);
        out.push(LAYOUT);
        out.push(if self.replay { REPLAY } else { 0 });
        out.extend_from_slice(&self.queued.to_le_bytes());
        out.extend_from_slice(&self.expires.to_le_bytes());
        out.extend_from_slice(&self.tries.to_le_bytes());
        for text in [&self.event, &self.event_type, &self.object] {
            put_text(&mut out, text);
        }
        let headers = &self.headers[..self.headers.len().min(255)];
        out.push(headers.len() as u8);
        for (name, value) in headers {
            put_text(&mut out, name);
            put_text(&mut out, value);
        }
        out
    }

    /// As it was stored.
    pub fn decode(value: &[u8]) -> Result<Entry, StoreError> {
        let mut reader = Reader { rest: value };
        let layout = reader.byte()?;
        if layout != LAYOUT {
            return Err(StoreError::Value(format!("queue layout {layout}")));
        }
        let flags = reader.byte()?;
        let mut entry = Entry {
            replay: flags & REPLAY != 0,
            queued: reader.i64()?,
            expires: reader.i64()?,
            tries: reader.u16()?,
            event: reader.text()?,
            event_type: reader.text()?,
            object: reader.text()?,
            headers: Vec::new(),
        };
        for _ in 0..reader.byte()? {
            entry.headers.push((reader.text()?, reader.text()?));
        }
        Ok(entry)
    }
}

/// What an open store knows of forwarding: where events go, and a bell that rings when some were queued.
#[derive(Debug)]
pub struct Forwards {
    /// Which events go where.
    pub routes: Routes,
    bell: watch::Sender<u64>,
}

impl Default for Forwards {
    fn default() -> Self {
        Forwards { routes: Routes::default(), bell: watch::channel(0).0 }
    }
}

impl Forwards {
    /// The writer's: something was queued.
    pub(super) fn ring(&self) {
        self.bell.send_modify(|rung| *rung += 1);
    }

    /// Changes whenever something was queued.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

impl Lane {
    fn table(self) -> u8 {
        match self {
            Lane::Waiting => keys::QUEUE,
            Lane::Parked => keys::PARKED,
        }
    }

    fn count(self, counters: &mut Counters, target: TargetId, more: bool) {
        let counts = match self {
            Lane::Waiting => &mut counters.waiting,
            Lane::Parked => &mut counters.parked,
        };
        let count = counts.entry(target.0).or_default();
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            counts.remove(&target.0);
        }
    }
}

/// Whose event a change is about.
pub(super) fn owner(change: &ForwardChange) -> IntegrationId {
    match change {
        ForwardChange::Put { integration, .. }
        | ForwardChange::Take { integration, .. }
        | ForwardChange::Attempt { integration, .. }
        | ForwardChange::Forget { integration, .. } => *integration,
    }
}

/// The number of the next attempt.
pub(super) fn next_attempt(tree: &sled::Db) -> Result<u64, StoreError> {
    let value = tree.get(keys::meta(NEXT_ATTEMPT)).map_err(sled_error)?;
    let number = value.and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
    Ok(number.unwrap_or(1))
}

/// The writer's: applies one change. No key may be changed twice in a batch.
pub(super) fn apply(
    change: &ForwardChange,
    tree: &sled::Db,
    out: &mut sled::Batch,
    counters: &mut Counters,
    attempt: Option<AttemptId>,
) -> Result<(), StoreError> {
    let there = |key: &[u8]| tree.contains_key(key).map_err(sled_error);
    match change {
        ForwardChange::Put { lane, integration, target, order, value } => {
            let key = keys::lane(lane.table(), *integration, *target, *order);
            if !there(&key)? {
                lane.count(counters, *target, true);
            }
            out.insert(key, value.as_slice());
        }
        ForwardChange::Take { lane, integration, target, order } => {
            let key = keys::lane(lane.table(), *integration, *target, *order);
            if there(&key)? {
                lane.count(counters, *target, false);
                out.remove(key);
            }
        }
        ForwardChange::Attempt { integration, event, row, detail } => {
            let Some(id) = attempt else { return Ok(()) };
            let mut packing = Packing { codec: 0, raw_len: 0, parts: 0 };
            if let Some(Packed { codec, raw_len, bytes }) = detail {
                packing = Packing { codec: *codec, raw_len: *raw_len, parts: 0 };
                for part in bytes.chunks(MOST_IN_ONE_VALUE) {
                    out.insert(keys::answer(*integration, id, packing.parts), part);
                    packing.parts += 1;
                }
            }
            let mut value = Vec::with_capacity(16 + row.len());
            put_packing(packing, &mut value);
            value.extend_from_slice(row);
            out.insert(keys::attempt(*integration, id), value);
            out.insert(keys::attempt_of(*integration, event, id), &[]);
            counters.attempts += 1;
        }
        ForwardChange::Forget { integration, event, id, parts } => {
            let key = keys::attempt(*integration, *id);
            if there(&key)? {
                counters.attempts = counters.attempts.saturating_sub(1);
                out.remove(key);
                out.remove(keys::attempt_of(*integration, event, *id));
                for part in 0..*parts {
                    out.remove(keys::answer(*integration, *id, part));
                }
            }
        }
    }
    Ok(())
}

/// A stored attempt: its number, its row as stored, and the parts of its detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttempt {
    /// Whose event.
    pub integration: IntegrationId,
    /// Its number.
    pub id: AttemptId,
    /// The row.
    pub row: Vec<u8>,
    packing: Packing,
}

impl StoredAttempt {
    fn read(integration: IntegrationId, id: AttemptId, value: &[u8]) -> Result<StoredAttempt, StoreError> {
        let mut reader = Reader { rest: value };
        let packing = take_packing(&mut reader)?;
        Ok(StoredAttempt { integration, id, row: reader.rest.to_vec(), packing })
    }

    /// Parts of its detail.
    pub fn parts(&self) -> u16 {
        self.packing.parts
    }
}

impl Store {
    /// What is known of forwarding beside the queues.
    pub fn forwards(&self) -> &Arc<Forwards> {
        &self.inner.forwards
    }

    /// Integrations of which events wait for a target (or are parked there), and how many.
    pub fn in_lane(&self, lane: Lane, target: TargetId) -> Vec<(IntegrationId, u64)> {
        let Ok(all) = self.inner.counters.read() else { return Vec::new() };
        let of = |counters: &Counters| match lane {
            Lane::Waiting => counters.waiting.get(&target.0).copied(),
            Lane::Parked => counters.parked.get(&target.0).copied(),
        };
        let mut found: Vec<_> = all.iter().filter_map(|(id, counters)| Some((*id, of(counters)?))).collect();
        found.sort_unstable_by_key(|one| one.0);
        found
    }

    /// Targets that anything waits for or is parked at.
    pub fn lane_targets(&self) -> Vec<TargetId> {
        let Ok(all) = self.inner.counters.read() else { return Vec::new() };
        let mut found: Vec<TargetId> = all
            .values()
            .flat_map(|one| one.waiting.keys().chain(one.parked.keys()))
            .map(|id| TargetId(*id))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Attempts that are kept, of all integrations.
    pub fn attempts_kept(&self) -> u64 {
        self.inner.counters.read().map_or(0, |all| all.values().map(|one| one.attempts).sum())
    }

    /// Entries behind an order of arrival (or from the first), in that order, at most so many.
    pub fn lane(
        &self,
        lane: Lane,
        integration: IntegrationId,
        target: TargetId,
        after: Option<u64>,
        most: usize,
    ) -> Result<Vec<(u64, Entry)>, StoreError> {
        let prefix = keys::lane_prefix(lane.table(), integration, target);
        let start = match after {
            Some(u64::MAX) => return Ok(Vec::new()),
            Some(order) => keys::lane(lane.table(), integration, target, order + 1),
            None => prefix.clone(),
        };
        guard(|| {
            let mut out = Vec::new();
            for item in self.inner.tree.range(start..).take(most) {
                let (key, value) = item.map_err(sled_error)?;
                if !key.starts_with(&prefix) {
                    break;
                }
                let order =
                    keys::lane_order(&key).ok_or_else(|| StoreError::Value("a key of a queue".into()))?;
                out.push((order, Entry::decode(&value)?));
            }
            Ok(out)
        })
    }

    /// One entry.
    pub fn entry(
        &self,
        lane: Lane,
        integration: IntegrationId,
        target: TargetId,
        order: u64,
    ) -> Result<Option<Entry>, StoreError> {
        let value = self.get(&keys::lane(lane.table(), integration, target, order))?;
        value.map(|value| Entry::decode(&value)).transpose()
    }

    /// One attempt, wherever it is.
    pub fn attempt(
        &self,
        among: &[IntegrationId],
        id: AttemptId,
    ) -> Result<Option<StoredAttempt>, StoreError> {
        for integration in among {
            if let Some(value) = self.get(&keys::attempt(*integration, id))? {
                return StoredAttempt::read(*integration, id, &value).map(Some);
            }
        }
        Ok(None)
    }

    /// What was sent and answered in an attempt; none: nothing was sent.
    pub fn attempt_detail(&self, attempt: &StoredAttempt) -> Result<Option<Vec<u8>>, StoreError> {
        if attempt.parts() == 0 {
            return Ok(None);
        }
        let mut packed = Vec::new();
        for part in 0..attempt.parts() {
            let Some(value) = self.get(&keys::answer(attempt.integration, attempt.id, part))? else {
                // Forgotten between two reads of ours.
                return Ok(None);
            };
            packed.extend_from_slice(&value);
        }
        self.inner.codec.unpack(attempt.packing.codec, attempt.packing.raw_len as usize, &packed).map(Some)
    }

    /// Walks attempts of these integrations, newest first; `visit` returns false to stop.
    pub fn each_attempt(
        &self,
        integrations: &[IntegrationId],
        mut visit: impl FnMut(StoredAttempt) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        guard(|| {
            let mut walks = Vec::with_capacity(integrations.len());
            for &integration in integrations {
                let rows = self.inner.tree.scan_prefix(keys::prefix(keys::ATTEMPT, integration));
                let mut rows = rows.map(move |item| {
                    let (key, value) = item.map_err(sled_error)?;
                    let id =
                        keys::attempt_id(&key).ok_or_else(|| StoreError::Value("an attempt's key".into()))?;
                    StoredAttempt::read(integration, id, &value)
                });
                walks.push((rows.next().transpose()?, rows));
            }
            loop {
                let newest = walks.iter_mut().max_by_key(|(head, _)| head.as_ref().map(|one| one.id));
                let Some((head, rows)) = newest else { return Ok(()) };
                let Some(one) = std::mem::replace(head, rows.next().transpose()?) else { return Ok(()) };
                if !visit(one)? {
                    return Ok(());
                }
            }
        })
    }

    /// The attempts of one event, newest first, at most so many.
    pub fn attempts_of(
        &self,
        integration: IntegrationId,
        event: &str,
        most: usize,
    ) -> Result<Vec<StoredAttempt>, StoreError> {
        let ids: Vec<AttemptId> = guard(|| {
            let keys = self.inner.tree.scan_prefix(keys::attempts_of(integration, event)).keys().take(most);
            let id = |key: &[u8]| {
                keys::attempt_of_id(key).ok_or_else(|| StoreError::Value("an attempt's key".into()))
            };
            keys.map(|key| id(&key.map_err(sled_error)?)).collect()
        })?;
        let mut out = Vec::with_capacity(ids.len());
        for id in ids {
            out.extend(self.attempt(&[integration], id)?);
        }
        Ok(out)
    }

    /// Attempts of an integration up to a number, the newest of them first, at most so many. What is old is found so:
    /// sled's own way back panics where keys hold inverted numbers (`event_log.rs`).
    pub fn attempts_to(
        &self,
        integration: IntegrationId,
        id: AttemptId,
        most: usize,
    ) -> Result<Vec<StoredAttempt>, StoreError> {
        let prefix = keys::prefix(keys::ATTEMPT, integration);
        guard(|| {
            let mut out = Vec::new();
            for item in self.inner.tree.range(keys::attempt(integration, id)..).take(most) {
                let (key, value) = item.map_err(sled_error)?;
                if !key.starts_with(&prefix) {
                    break;
                }
                let id =
                    keys::attempt_id(&key).ok_or_else(|| StoreError::Value("an attempt's key".into()))?;
                out.push(StoredAttempt::read(integration, id, &value)?);
            }
            Ok(out)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_and_cuts_are_errors() {
        let entry = Entry {
            queued: 5,
            expires: 905,
            tries: 3,
            replay: true,
            event: "evt_1".into(),
            event_type: "invoice.paid".into(),
            object: "in_1".into(),
            headers: vec![("Stripe-Signature".into(), "t=1,v1=é".into()), ("A".into(), String::new())],
        };
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes).unwrap(), entry);
        for length in 0..bytes.len() {
            assert!(Entry::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn attempts_stand_newest_first_also_by_event() {
        let a = IntegrationId(1);
        assert!(keys::attempt(a, AttemptId(2)) < keys::attempt(a, AttemptId(1)));
        assert_eq!(keys::attempt_id(&keys::attempt(a, AttemptId(7))), Some(AttemptId(7)));
        let key = keys::attempt_of(a, "evt_1", AttemptId(7));
        assert_eq!(keys::attempt_of_id(&key), Some(AttemptId(7)));
        assert!(!keys::attempt_of(a, "evt_12", AttemptId(7)).starts_with(&keys::attempts_of(a, "evt_1")));
        let lane = keys::lane(keys::QUEUE, a, TargetId(3), 9);
        assert_eq!(keys::lane_order(&lane), Some(9));
        assert!(lane < keys::lane(keys::QUEUE, a, TargetId(3), 10));
    }
}
