//! Objects of which two events of one second say different things, and nothing tells which was last: Stripe is
//! asked for the object itself.
//!
//! Each costs one read, so they are few at a time. Which ones are open is stored with the events that made them so: a
//! process that is killed leaves them to the next. It must never put an older state in
//! the place of a newer one: the answer's own time decides.

use std::time::Instant;

use super::intake::Shared;
use super::memory::Memory;
use crate::clock::Now;
use crate::engine::api::IntegrationId;
use crate::integration::Integration;
use crate::store::batch::Op;
use crate::store::merge::Via;
use crate::store::{Batch, Durability, Store};
use crate::stripe::{Client, Error};
use crate::sync::pack::Records;

/// Reads at a time.
const AT_A_TIME: usize = 20;

/// The name of the document that lists them.
pub fn name(integration: IntegrationId) -> String {
    Integration::own_document(integration, "unsettled")
}

/// Takes up those that the process before left.
pub fn restore(store: &Store, shared: &Shared, id: IntegrationId) {
    shared.memory().restore(|| store.meta(&name(id)).ok().flatten().unwrap_or_default());
}

/// Writes down which there are, with whatever else a batch stores, if they changed.
pub fn note(memory: &mut Memory, id: IntegrationId, batch: &mut Batch) {
    if let Some(list) = memory.unsettled_to_write() {
        batch.meta(name(id), &list);
    }
}

/// Reads some of them again; tells how many GETs that took.
pub async fn run(store: &Store, client: &Client, shared: &Shared, id: IntegrationId, now: &Now) -> u64 {
    let before = client.own_reads();
    let some = shared.memory().unsettled(AT_A_TIME);
    for (kind, object) in some {
        let path = format!("{}/{object}", kind.path());
        let sent = Instant::now();
        let answer = match client.get(&path, &[]).await {
            Ok(answer) => answer,
            Err(Error::NotFound { .. } | Error::MissingPermission { .. }) => {
                shared.memory().settled(kind, &object);
                continue;
            }
            // Later, with the next ones.
            Err(_) => break,
        };
        // It held at some moment after the question was sent; `Date` is stamped when that is over.
        let as_of = answer.date - sent.elapsed().as_secs() as i64 - 1;
        let record = std::str::from_utf8(&answer.body).ok().and_then(|json| {
            let mut records = Records::new(store, id, kind).ok()?;
            records.record(&object, json, as_of, Via::Event).ok()
        });
        let Some(record) = record else {
            shared.memory().settled(kind, &object);
            continue;
        };
        let _turn = shared.turn.write().await;
        if store.header(id, kind, &object).ok().flatten().is_some_and(|known| known.as_of >= as_of) {
            // Something happened to it about then, and nothing tells which was first: again, behind the others.
            let mut memory = shared.memory();
            memory.settled(kind, &object);
            memory.unsettle(kind, &object);
            continue;
        }
        shared.memory().read(kind, &object, as_of, record.header.hash, &record.header.status);
        let mut batch = Batch::new();
        batch.ops.push(Op::Record(Box::new(record)));
        if store.commit(batch, Durability::Applied, now()).await.is_err() {
            break;
        }
        shared.memory().settled(kind, &object);
    }
    let reads = client.own_reads().saturating_sub(before);
    let at = now();
    let mut batch = Batch::new();
    if reads > 0 {
        batch.reads(id, at / 86_400, reads);
    }
    note(&mut shared.memory(), id, &mut batch);
    if !batch.ops.is_empty() {
        // A disk that takes nothing is told of elsewhere.
        let _ = store.commit(batch, Durability::Applied, at).await;
    }
    reads
}
