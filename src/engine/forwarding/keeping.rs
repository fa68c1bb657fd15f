//! Bounds: attempts that are old or too many go, and so does what waits for targets that are gone.
//!
//! It must never touch the queue of a target that is there.

use std::collections::BTreeSet;
use std::time::Duration;

use super::adding::drop_queue;
use crate::engine::Engine;
use crate::engine::api::{AttemptId, IntegrationId, TargetId};
use crate::forward::attempts;
use crate::forward::target::Target;
use crate::store::batch::ForwardChange;
use crate::store::{Batch, Durability, Store, StoreError};

/// Attempts that are kept, at most, and for how long, in seconds.
const MOST: u64 = 100_000;
const KEPT_S: i64 = 30 * 86_400;
/// Between two looks.
const EVERY: Duration = Duration::from_secs(1_800);
/// Attempts forgotten in one batch.
const AT_ONCE: usize = 200;
/// A passing target that nobody asked for again is forgotten after so long, in seconds.
const PASSED_S: i64 = 86_400;

/// Looks after the bounds until the engine ends.
pub async fn run(engine: &Engine) {
    loop {
        if let Some(store) = engine.store() {
            let among: Vec<IntegrationId> = engine.state().runtimes.keys().copied().collect();
            let now = engine.now();
            let done = async {
                forget(&store, &among, MOST, now).await?;
                clear(&store, now).await
            };
            if let Err(error) = done.await {
                tracing::warn!(%error, "old attempts could not be removed");
            }
        }
        tokio::select! {
            () = engine.inner.cancel.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Forgets attempts that are older than 30 days, and the oldest beyond `most`.
pub async fn forget(store: &Store, among: &[IntegrationId], most: u64, now: i64) -> Result<(), StoreError> {
    let mut newest = 0;
    store.each_attempt(among, |one| {
        newest = one.id.0;
        Ok(false)
    })?;
    for integration in among {
        let last = newest.saturating_sub(most).max(aged(store, *integration, newest, now - KEPT_S)?);
        loop {
            let page = store.attempts_to(*integration, AttemptId(last), AT_ONCE)?;
            if page.is_empty() {
                break;
            }
            let mut batch = Batch::new();
            for stored in page {
                let event = attempts::decode(&stored)?.event;
                let (integration, id, parts) = (stored.integration, stored.id, stored.parts());
                batch.forward(ForwardChange::Forget { integration, event, id, parts });
            }
            store.commit(batch, Durability::Applied, now).await?;
        }
    }
    Ok(())
}

/// The last attempt that was made before `cutoff`, by halving: later ones have higher numbers.
fn aged(store: &Store, integration: IntegrationId, newest: u64, cutoff: i64) -> Result<u64, StoreError> {
    let (mut old, mut young) = (0, newest + 1);
    while young - old > 1 {
        let middle = old + (young - old) / 2;
        let at = match store.attempts_to(integration, AttemptId(middle), 1)?.first() {
            Some(stored) => attempts::decode(stored)?.at,
            None => i64::MIN,
        };
        if at < cutoff { old = middle } else { young = middle }
    }
    Ok(old)
}

/// Clears what waits for targets that are gone, and targets that passed long ago.
async fn clear(store: &Store, now: i64) -> Result<(), StoreError> {
    let mut there: BTreeSet<TargetId> = BTreeSet::new();
    for target in Target::all(store)? {
        let asleep = target.passing && !store.forwards().routes.is_awake(target.id);
        if asleep && now - target.added_at > PASSED_S {
            let mut batch = Batch::new();
            batch.remove_meta(Target::document(target.id));
            batch.remove_meta(Target::stats_document(target.id));
            store.commit(batch, Durability::Applied, now).await?;
        } else {
            there.insert(target.id);
        }
    }
    for target in store.lane_targets() {
        if !there.contains(&target) {
            drop_queue(store, target, now).await?;
        }
    }
    Ok(())
}
