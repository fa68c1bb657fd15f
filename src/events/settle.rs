//! Objects of which two events of one second say different things, and nothing tells which was last: Stripe is
//! asked for the object itself.
//!
//! Each costs one read, so they are few at a time and each is asked for once. It must never put an older state in
//! the place of a newer one: the answer's own time decides.

use super::intake::Shared;
use crate::clock::Now;
use crate::engine::api::IntegrationId;
use crate::store::batch::Op;
use crate::store::merge::Via;
use crate::store::{Batch, Durability, Store};
use crate::stripe::{Client, Error};
use crate::sync::pack::Records;

/// Reads at a time.
const AT_A_TIME: usize = 20;

/// Reads some of them again.
pub async fn run(store: &Store, client: &Client, shared: &Shared, id: IntegrationId, now: &Now) {
    let before = client.own_reads();
    for _ in 0..AT_A_TIME {
        let Some((kind, object)) = shared.memory().next_unsettled() else { break };
        let path = format!("{}/{object}", kind.path());
        let answer = match client.get(&path, &[]).await {
            Ok(answer) => answer,
            Err(Error::NotFound { .. } | Error::MissingPermission { .. }) => continue,
            Err(_) => {
                // Later, with the next ones.
                shared.memory().unsettle(kind, &object);
                break;
            }
        };
        let Ok(json) = std::str::from_utf8(&answer.body) else { continue };
        let record = Records::new(store, id, kind)
            .and_then(|mut records| records.record(&object, json, answer.date, Via::Event));
        let Ok(record) = record else { continue };
        let mut batch = Batch::new();
        batch.ops.push(Op::Record(Box::new(record)));
        if store.commit(batch, Durability::Applied, now()).await.is_err() {
            break;
        }
    }
    let reads = client.own_reads().saturating_sub(before);
    if reads > 0 {
        let at = now();
        let mut batch = Batch::new();
        batch.reads(id, at / 86_400, reads);
        batch.automatic(id, at / 86_400, reads);
        // A disk that takes nothing is told of elsewhere.
        let _ = store.commit(batch, Durability::Applied, at).await;
    }
}
