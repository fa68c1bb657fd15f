//! The store through its library: what a batch means, what is counted, what survives, what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod backup;
mod counters;
mod disk;
mod events;
mod opening;
mod rewrite;
mod values;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use tillwatch::engine::api::{EventRow, IntegrationId, Source};
use tillwatch::store::batch::{EventWrite, Outcome, RecordWrite, StateChange};
use tillwatch::store::codec::{Content, Packed};
use tillwatch::store::merge::Via;
use tillwatch::store::{
    Applied, Batch, Durability, Header, OpenOptions, State, Store, StoreError, event_log, mentions,
};
use tillwatch::stripe::kind::Kind;

pub(crate) const ONE: IntegrationId = IntegrationId(1);
pub(crate) const TWO: IntegrationId = IntegrationId(2);

pub(crate) fn options() -> OpenOptions {
    OpenOptions { cache_bytes: 4 * 1024 * 1024, need_mb: 1 }
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, &options()).unwrap()
}

/// Commits and waits.
pub(crate) fn commit(store: &Store, batch: Batch, now: i64) -> Result<Applied, StoreError> {
    commit_as(store, batch, Durability::Applied, now)
}

pub(crate) fn commit_as(
    store: &Store,
    batch: Batch,
    durability: Durability,
    now: i64,
) -> Result<Applied, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(batch, durability, now))
}

pub(crate) fn hash(json: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    hasher.finish()
}

pub(crate) fn pack(store: &Store, content: Content, json: &str) -> Packed {
    store.codec().packer(content).unwrap().pack(json.as_bytes()).unwrap()
}

/// An object that Stripe showed at `as_of`.
pub(crate) struct Thing<'a> {
    pub(crate) whose: IntegrationId,
    pub(crate) kind: Kind,
    pub(crate) id: &'a str,
    pub(crate) as_of: i64,
    pub(crate) json: &'a str,
    pub(crate) status: &'a str,
    pub(crate) more_lines: bool,
    pub(crate) via: Via,
}

impl<'a> Thing<'a> {
    pub(crate) fn new(kind: Kind, id: &'a str, as_of: i64, json: &'a str) -> Thing<'a> {
        Thing { whose: ONE, kind, id, as_of, json, status: "open", more_lines: false, via: Via::Listed }
    }

    pub(crate) fn write(&self, store: &Store) -> RecordWrite {
        let header = Header {
            state: State::Pending,
            as_of: self.as_of,
            created: 1000,
            hash: hash(self.json),
            discovered_at: 0,
            last_seen_at: 0,
            synced_at: 0,
            attempts: 0,
            livemode: false,
            more_lines: self.more_lines,
            line_pages: 0,
            amount: Some(5),
            status: self.status.into(),
            currency: "eur".into(),
            customer: String::new(),
            who: String::new(),
            label: String::new(),
            last_error: String::new(),
        };
        RecordWrite {
            integration: self.whose,
            kind: self.kind,
            id: self.id.into(),
            header,
            packed: pack(store, Content::Object(self.kind), self.json),
            via: self.via,
        }
    }

    pub(crate) fn put(&self, store: &Store) -> Applied {
        let mut batch = Batch::new();
        batch.record(self.write(store));
        commit(store, batch, 50).unwrap()
    }
}

pub(crate) fn event(store: &Store, whose: IntegrationId, id: &str, created: i64, json: &str) -> EventWrite {
    let row = EventRow {
        integration: whose,
        id: id.into(),
        created,
        received: created + 1,
        event_type: "invoice.paid".into(),
        object: "in_1".into(),
        amount: Some((12, "eur".into())),
        who: "Zoë".into(),
        source: Source::Poll,
        starred: false,
        marks: tillwatch::engine::api::Marks::default(),
    };
    EventWrite {
        integration: whose,
        id: id.into(),
        created,
        header: event_log::header(&row, &mentions::of(json, &row.object)),
        packed: pack(store, Content::Event, json),
        records: Vec::new(),
        forwards: Vec::new(),
    }
}

/// Sync's word on an invoice whose content is `json`.
pub(crate) fn synced(id: &str, json: &str, lines: Vec<Packed>) -> StateChange {
    StateChange { integration: ONE, id: id.into(), if_hash: hash(json), outcome: Outcome::Synced, lines }
}

/// Text that does not get smaller when packed: the same for the same seed.
pub(crate) fn noise(length: usize, seed: u64) -> String {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length + 10);
    text.push_str("{\"x\":\"");
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push(char::from(LETTERS[(state >> 20) as usize % 64]));
    }
    text.push_str("\"}");
    text
}

/// Every key and value of a store that nobody has open.
pub(crate) fn dump(dir: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let tree = raw(dir);
    tree.iter().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec())).unwrap()).collect()
}

/// The database itself, behind the store's back.
pub(crate) fn raw(dir: &Path) -> sled::Db {
    sled::Config::new().path(dir.join("db")).open().unwrap()
}
