//! What a person puts on stored things: stars on events, marks on catalog entries. By way of the one writer.
//!
//! It must never change anything of a request of which a part can't be done because it is gone.

use crate::engine::api::{Answer, IntegrationId, Mark};
use crate::store::batch::MarkChange;
use crate::store::{Batch, Durability, State, Store, StoreError};
use crate::stripe::kind::Kind;
use crate::text;

/// Marks in one request.
const MOST: usize = 10_000;
/// Marks in one batch: readers wait while one is applied.
const AT_ONCE: usize = 200;

/// Answers `Request::Mark`. With `Done`, at least one state has changed; where none did, it is refused and says why.
pub async fn mark(
    store: &Store,
    integration: IntegrationId,
    ids: Vec<String>,
    mark: Mark,
    now: i64,
) -> Answer {
    if ids.is_empty() {
        return refused("nothing is marked");
    }
    if ids.len() > MOST {
        return refused("at most 10 000 entries can be marked at once; narrow the filter");
    }
    let reader = store.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let told = check(&reader, integration, &ids, mark);
        (ids, told)
    })
    .await;
    let ids = match looked {
        Ok((ids, Ok(None))) => ids,
        Ok((_, Ok(Some(reason)))) => return refused(reason),
        Ok((_, Err(error))) => return refused(error.to_string()),
        Err(_) => return refused("the catalog could not be read"),
    };
    let mut changed = 0;
    let mut parts = ids.chunks(AT_ONCE).peekable();
    while let Some(part) = parts.next() {
        let mut batch = Batch::new();
        for id in part {
            batch.mark(MarkChange { integration, id: id.clone(), mark });
        }
        // The disk is certain once, behind the last one.
        let durability = if parts.peek().is_none() { Durability::Synced } else { Durability::Applied };
        match store.commit(batch, durability, now).await {
            Ok(applied) => changed += applied.changed,
            Err(error) => return refused(error.to_string()),
        }
    }
    match (changed, mark) {
        (0, Mark::Sync) => refused("the next sync takes all of these up already"),
        (0, Mark::Skip) => refused("none of these waits for a sync or has failed (any more)"),
        _ => Answer::Done,
    }
}

/// Why a mark can't be put; none: it can.
fn check(
    store: &Store,
    integration: IntegrationId,
    ids: &[String],
    mark: Mark,
) -> Result<Option<String>, StoreError> {
    let mut any = false;
    for id in ids {
        let header = store.header(integration, Kind::Invoice, id)?;
        let shown = text::clean_max(id, 60);
        let Some(header) = header else {
            return Ok(Some(format!("{shown} is not in the catalog (any more); nothing was marked")));
        };
        if header.state == State::Gone {
            return Ok(Some(format!("{shown} is deleted at Stripe; take its mark away and try again")));
        }
        // To be in the wanted state already is fine, too.
        let there = match mark {
            Mark::Sync => matches!(header.state, State::Pending | State::Stale | State::Processing),
            Mark::Skip => header.state == State::Skipped,
        };
        any |= there || mark.turns(header.state).is_some();
    }
    let reason = "these are records already: only entries that wait for a sync, or failed, can be left out";
    Ok((!any).then(|| reason.to_owned()))
}

/// Answers `Request::Star`.
pub async fn star(store: &Store, integration: IntegrationId, event: String, on: bool, now: i64) -> Answer {
    let (reader, id) = (store.clone(), event.clone());
    match tokio::task::spawn_blocking(move || reader.event_place(integration, &id)).await {
        Ok(Ok(Some(_))) => {}
        Ok(Ok(None)) => return Answer::NotHere,
        Ok(Err(error)) => return refused(error.to_string()),
        Err(_) => return refused("the event log could not be read"),
    }
    let mut batch = Batch::new();
    batch.star(integration, event, on);
    match store.commit(batch, Durability::Synced, now).await {
        Ok(_) => Answer::Done,
        Err(error) => refused(error.to_string()),
    }
}

fn refused(reason: impl Into<String>) -> Answer {
    Answer::Refused { reason: reason.into() }
}
