//! Targets come and go. LIVE events go nowhere before somebody has agreed, naming account and URL.
//!
//! It must never keep a secret outside the vault, and never leave a target behind whose secret is not kept.

use std::sync::Arc;

use url::Url;

use super::views::not_agreed;
use super::{Running, reroute, start};
use crate::engine::api::{Answer, TargetId, TargetSpec};
use crate::engine::{Engine, publish, refused};
use crate::forward::target::{SHARED_SECRET, Stats, Target, is_loopback, parse_url};
use crate::forward::{EXPIRES_S, LONGEST_TIMEOUT_S, TIMEOUT_S, pattern, sign};
use crate::integration::Integration;
use crate::store::batch::{ForwardChange, Lane};
use crate::store::{Batch, Durability, Store, StoreError};
use crate::vault::secret::Secret;
use crate::vault::{Place, Vault, VaultError};

/// The document with the number of the next target.
const NEXT_TARGET: &str = "forward/next_target";
/// The document that says where the shared secret is.
const SHARED_PLACE: &str = "forward/shared_secret";
/// Entries dropped in one batch.
const AT_ONCE: usize = 500;
/// The most targets of a data folder: each has a task and connections of its own.
const MOST: usize = 50;

/// Adds a target to an open store, or finds the same one. Refusals and questions come as answers. To be called before
/// an engine is started on the store when the target is a passing one: then nothing that comes in misses it.
pub async fn add(store: &Store, vault: &Vault, spec: &TargetSpec, now: i64) -> Result<Target, Answer> {
    let told = |error: StoreError| refused(error.to_string());
    let url = parse_url(&spec.url).map_err(refused)?;
    let events = pattern::parse(&spec.events).map_err(refused)?;
    let timeout_s = match spec.timeout_s {
        0 => TIMEOUT_S,
        seconds if seconds <= LONGEST_TIMEOUT_S => seconds,
        _ => return Err(refused(format!("a timeout is at most {LONGEST_TIMEOUT_S} seconds"))),
    };
    let integrations: Vec<Arc<Integration>> =
        Integration::all(store).map_err(told)?.into_iter().map(Arc::new).collect();
    if let Some(id) = spec.integration {
        let Some(one) = integrations.iter().find(|one| one.id == id) else {
            return Err(refused("there is no such integration"));
        };
        if one.off_since.is_some() {
            return Err(refused(format!("{} is disconnected: connect it again first", one.name)));
        }
    }
    let all = Target::all(store).map_err(told)?;
    let same = all.iter().find(|one| {
        one.url == url.as_str()
            && one.integration == spec.integration
            && one.events == events
            && one.passing == spec.passing
    });
    let mut target = match same {
        Some(target) => target.clone(),
        None if all.iter().filter(|one| !one.passing).count() >= MOST => {
            return Err(refused(format!("there are {MOST} targets already: remove one first")));
        }
        None => Target {
            id: TargetId(0),
            url: url.to_string(),
            integration: spec.integration,
            events,
            timeout_s,
            agreed: Vec::new(),
            paused: false,
            passing: spec.passing,
            added_at: now,
            secret: Place::Memory,
        },
    };
    let live: Vec<Arc<Integration>> = not_agreed(&target, &integrations).cloned().collect();
    agree(&url, &live, spec.confirmed.as_deref())?;
    let before = same.cloned();
    target.agreed.extend(live.iter().map(|one| one.id));
    if spec.timeout_s > 0 {
        target.timeout_s = timeout_s;
    }
    if target.passing {
        // What happened a moment ago, before a restart, is still for it.
        target.added_at = target.added_at.max(now - EXPIRES_S);
    }
    if before.as_ref() != Some(&target) {
        save(store, vault, &mut target, before.is_none(), now).await?;
    }
    if target.passing {
        store.forwards().routes.wake(target.id);
    }
    Ok(target)
}

async fn save(store: &Store, vault: &Vault, target: &mut Target, new: bool, now: i64) -> Result<(), Answer> {
    let told = |error: StoreError| refused(error.to_string());
    let mut batch = Batch::new();
    if new {
        let next: u32 = store.meta(NEXT_TARGET).map_err(told)?.unwrap_or(1);
        target.id = TargetId(next);
        batch.meta(NEXT_TARGET, &(next + 1));
        target.secret = if target.passing {
            shared(store, vault, now).await?.1
        } else {
            let secret = sign::new_secret().map_err(refused)?;
            vault.put(&target.vault_name(), &secret).map_err(|error| refused(error.to_string()))?
        };
    }
    batch.meta(Target::document(target.id), &*target);
    if let Err(error) = store.commit(batch, Durability::Synced, now).await {
        if new && !target.passing {
            let _ = vault.wipe(&target.vault_name(), &target.secret);
        }
        return Err(refused(error.to_string()));
    }
    Ok(())
}

/// The secret that passing targets and replays to any URL share; it is made on first use.
pub async fn shared(store: &Store, vault: &Vault, now: i64) -> Result<(Secret, Place), Answer> {
    let told = |error: StoreError| refused(error.to_string());
    if let Some(place) = store.meta::<Place>(SHARED_PLACE).map_err(told)?
        && let Ok(secret) = vault.get(SHARED_SECRET, &place)
    {
        return Ok((secret, place));
    }
    let secret = sign::new_secret().map_err(refused)?;
    let place = vault.put(SHARED_SECRET, &secret).map_err(|error| refused(error.to_string()))?;
    let mut batch = Batch::new();
    batch.meta(SHARED_PLACE, &place);
    store.commit(batch, Durability::Synced, now).await.map_err(told)?;
    Ok((secret, place))
}

/// The secret that a target's events are signed with. Blocks.
pub fn secret_of(vault: &Vault, target: &Target) -> Result<Secret, VaultError> {
    vault.get(&target.vault_name(), &target.secret)
}

/// Whether LIVE events of these accounts may go there: asked once, naming account, LIVE and URL; off this machine the
/// account's name is typed.
pub fn agree(url: &Url, live: &[Arc<Integration>], typed: Option<&str>) -> Result<(), Answer> {
    let Some(first) = live.first() else { return Ok(()) };
    let shown = crate::text::clean(url.as_str());
    let named = |one: &Arc<Integration>| {
        format!("{} ({}, LIVE)", crate::text::clean(&one.name), crate::text::clean(&one.account))
    };
    if is_loopback(url) {
        if typed.is_some_and(|typed| !typed.trim().is_empty()) {
            return Ok(());
        }
        let list: Vec<String> = live.iter().map(named).collect();
        let question = format!("Send LIVE events of {} to {shown}?", list.join(" and "));
        return Err(Answer::NeedsYes { question, name: None });
    }
    if live.len() > 1 {
        let list: Vec<String> = live.iter().map(named).collect();
        return Err(refused(format!(
            "{shown} is not on this machine and there is more than one LIVE account ({}): add it for one account at a time",
            list.join(", ")
        )));
    }
    let name = if first.account_name.trim().is_empty() { &first.name } else { &first.account_name };
    let Some(typed) = typed.map(str::trim) else {
        let how = if url.scheme() == "http" { ", unencrypted" } else { "" };
        let question = format!(
            "LIVE events of {} would leave this machine for {shown}{how}. They hold your customers' data. Type the account's name to agree.",
            named(first)
        );
        return Err(Answer::NeedsYes { question, name: Some(name.trim().to_owned()) });
    };
    if typed == name.trim() || typed == first.name.trim() {
        return Ok(());
    }
    Err(refused(format!(
        "that is not the account's name ({}); nothing was changed",
        crate::text::clean(name.trim())
    )))
}

/// Removes a target from an open store: what waits for it is dropped, its attempts stay.
pub async fn remove(store: &Store, vault: &Vault, target: &Target, now: i64) -> Result<(), Problem> {
    // The document first: without it nothing is queued and nothing is sent.
    let mut batch = Batch::new();
    batch.remove_meta(Target::document(target.id));
    batch.remove_meta(Target::stats_document(target.id));
    store.commit(batch, Durability::Synced, now).await?;
    drop_queue(store, target.id, now).await?;
    if !target.passing {
        vault.wipe(&target.vault_name(), &target.secret)?;
    }
    Ok(())
}

/// Drops what waits for a target or is parked there.
pub async fn drop_queue(store: &Store, target: TargetId, now: i64) -> Result<(), StoreError> {
    for lane in [Lane::Waiting, Lane::Parked] {
        for (integration, _) in store.in_lane(lane, target) {
            let mut after = None;
            loop {
                let page = store.lane(lane, integration, target, after, AT_ONCE)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                let mut batch = Batch::new();
                for (order, _) in page {
                    batch.forward(ForwardChange::Take { lane, integration, target, order });
                }
                store.commit(batch, Durability::Applied, now).await?;
            }
        }
    }
    Ok(())
}

/// Why a target could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Answers `Request::AddTarget`.
pub async fn added(engine: &Engine, store: Store, spec: TargetSpec) -> Answer {
    let _turn = engine.inner.connecting.lock().await;
    let now = engine.now();
    let runtime = tokio::runtime::Handle::current();
    let open = store.clone();
    let added = engine
        .with_vault(move |vault| Ok::<_, VaultError>(runtime.block_on(add(&open, vault, &spec, now))))
        .await;
    let target = match added {
        Ok(Ok(target)) => target,
        Ok(Err(answer)) => return answer,
        Err(error) => return refused(error.to_string()),
    };
    let id = target.id;
    let new = {
        let mut state = engine.state();
        if let Some(running) = state.forwarding.targets.get_mut(&id) {
            running.control.send_modify(|control| control.timeout_s = target.timeout_s);
            running.target = Arc::new(target);
            false
        } else {
            // What passed once may have counts of then.
            let counts: Stats = store.meta(&Target::stats_document(id)).ok().flatten().unwrap_or_default();
            let running = Running::new(engine, (target, counts));
            state.forwarding.targets.insert(id, running);
            true
        }
    };
    reroute(engine);
    if new && engine.inner.options.live {
        start(engine, id);
    }
    publish::now(engine);
    Answer::Target { id }
}
