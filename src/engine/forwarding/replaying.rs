//! Sending again by hand: one stored event to a target or any URL, or everything that is parked at a target.
//!
//! It must never send LIVE events where nobody agreed to, and never tell of an attempt that is not stored.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use url::Url;

use super::adding::{agree, secret_of, shared};
use super::{control, unknown};
use crate::engine::api::{Answer, AttemptDetail, AttemptId, AttemptRow, IntegrationId, ReplayTo, TargetId};
use crate::engine::{Engine, publish, refused};
use crate::forward::send::{self, Parcel};
use crate::forward::target::{Target, parse_url};
use crate::forward::{EXPIRES_S, TIMEOUT_S, attempts};
use crate::store::batch::{ForwardChange, Lane};
use crate::store::{Batch, Durability, Store, StoreError};
use crate::vault::VaultError;
use crate::vault::secret::Secret;

/// Parked events put back in one batch.
const AT_ONCE: usize = 200;

/// Sends a stored event again; answers with the attempt.
pub async fn replay(
    engine: &Engine,
    store: Store,
    integration: IntegrationId,
    event: String,
    to: ReplayTo,
) -> Answer {
    match replayed(engine, &store, integration, &event, to).await {
        Ok(detail) => Answer::Attempt(Box::new(detail)),
        Err(answer) => answer,
    }
}

async fn replayed(
    engine: &Engine,
    store: &Store,
    integration: IntegrationId,
    event: &str,
    to: ReplayTo,
) -> Result<AttemptDetail, Answer> {
    let told = |error: StoreError| refused(error.to_string());
    let (target, url, confirmed) = place(engine, to)?;
    let config = engine.state().runtimes.get(&integration).map(|one| one.config.clone());
    let Some(config) = config else { return Err(refused("there is no such integration")) };
    let agreed = target.as_ref().is_some_and(|target| target.agreed.contains(&integration));
    if config.livemode && !agreed {
        agree(&url, &[config], confirmed.as_deref())?;
    }
    let place = store.event_place(integration, event).map_err(told)?.ok_or(Answer::NotHere)?;
    let (row, body) = store.event_whole(place).map_err(told)?.ok_or(Answer::NotHere)?;
    let secret = secret(engine, store, target.clone()).await?;
    let lane = |lane| match &target {
        Some(target) => store.entry(lane, integration, target.id, place.order).map_err(told),
        None => Ok(None),
    };
    let parked = lane(Lane::Parked)?;
    let entry = parked.clone().or(lane(Lane::Waiting)?).unwrap_or_default();
    let timeout_s = target.as_ref().map_or(TIMEOUT_S, |target| target.timeout_s);
    let began = engine.now();
    let parcel = Parcel {
        url: url.as_str(),
        body,
        headers: &entry.headers,
        secret: &secret,
        timeout: Duration::from_secs(u64::from(timeout_s)),
        now: began,
    };
    let sent = send::send(&engine.forward_clients().map_err(refused)?, parcel).await;
    let mut row = AttemptRow {
        id: AttemptId(0),
        at: began,
        took_ms: sent.took_ms,
        target: target.as_ref().map(|target| target.id),
        url: url.to_string(),
        integration,
        event: event.to_owned(),
        event_type: row.event_type,
        object: row.object,
        number: u32::from(entry.tries) + 1,
        outcome: sent.outcome,
        next_at: None,
        replay: true,
    };
    let mut batch = Batch::new();
    batch.forward(attempts::change(store, &row, Some(&sent.exchange)).map_err(told)?);
    if let Some(target) = &target {
        if row.outcome.is_delivered() && parked.is_some() {
            let (lane, id, order) = (Lane::Parked, target.id, place.order);
            batch.forward(ForwardChange::Take { lane, integration, target: id, order });
        }
        if let Some(running) = engine.state().forwarding.targets.get(&target.id) {
            let mut stats = running.stats.lock().unwrap_or_else(PoisonError::into_inner);
            stats.count(row.at, &row.outcome);
            batch.meta(Target::stats_document(target.id), &*stats);
        }
    }
    let applied = store.commit(batch, Durability::Synced, engine.now()).await.map_err(told)?;
    row.id = applied.attempt.unwrap_or(row.id);
    engine.state().deliveries_version += 1;
    publish::now(engine);
    Ok(AttemptDetail {
        row,
        request_headers: sent.exchange.request_headers,
        request_bytes: sent.exchange.request_bytes,
        response_headers: sent.exchange.response_headers,
        response_body: sent.exchange.response_body,
        response_cut: sent.exchange.response_cut,
    })
}

/// What it is signed with: the target's own secret, or the one that replays to any URL share.
async fn secret(engine: &Engine, store: &Store, target: Option<Arc<Target>>) -> Result<Secret, Answer> {
    if let Some(target) = target {
        let secret = engine.with_vault(move |vault| secret_of(vault, &target)).await;
        return secret
            .map_err(|error| refused(format!("the target's signing secret cannot be read: {error}")));
    }
    let (open, runtime, now) = (store.clone(), tokio::runtime::Handle::current(), engine.now());
    let made = engine
        .with_vault(move |vault| Ok::<_, VaultError>(runtime.block_on(shared(&open, vault, now))))
        .await;
    Ok(made.map_err(|error| refused(error.to_string()))??.0)
}

/// The target (if the URL is one's), the URL, and what a person said.
type Place = (Option<Arc<Target>>, Url, Option<String>);

/// Where a replay goes: a URL that is a target's is that target.
fn place(engine: &Engine, to: ReplayTo) -> Result<Place, Answer> {
    let state = engine.state();
    let mut targets = state.forwarding.targets.values().map(|one| &one.target);
    match to {
        ReplayTo::Target { id } => {
            let target = targets.find(|one| one.id == id).cloned().ok_or_else(unknown)?;
            let url = parse_url(&target.url).map_err(refused)?;
            Ok((Some(target), url, None))
        }
        ReplayTo::Url { url, confirmed } => {
            let url = parse_url(&url).map_err(refused)?;
            let target = targets.find(|one| one.url == url.as_str()).cloned();
            Ok((target, url, confirmed))
        }
    }
}

/// Puts everything that is parked at a target back into its queue, in its order.
pub async fn parked(engine: &Engine, store: &Store, id: TargetId) -> Answer {
    if !engine.state().forwarding.targets.contains_key(&id) {
        return unknown();
    }
    if let Err(error) = put_back(store, id, engine.now()).await {
        return refused(error.to_string());
    }
    if let Some(answer) = control(engine, id, |control| control.reread += 1) {
        return answer;
    }
    publish::now(engine);
    Answer::Done
}

async fn put_back(store: &Store, target: TargetId, now: i64) -> Result<(), StoreError> {
    for (integration, _) in store.in_lane(Lane::Parked, target) {
        let mut after = None;
        loop {
            let page = store.lane(Lane::Parked, integration, target, after, AT_ONCE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            let mut batch = Batch::new();
            for (order, mut entry) in page {
                (entry.queued, entry.expires) = (now, now + EXPIRES_S);
                entry.replay = true;
                let value = entry.encode();
                batch.forward(ForwardChange::Take { lane: Lane::Parked, integration, target, order });
                let lane = Lane::Waiting;
                batch.forward(ForwardChange::Put { lane, integration, target, order, value });
            }
            store.commit(batch, Durability::Applied, now).await?;
        }
    }
    Ok(())
}
