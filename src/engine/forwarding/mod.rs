//! Forwarding of events to targets: the engine's side of `forward/`.
//!
//! Targets are documents; each awake one has a sender while the engine is live. It must never delay what comes in, nor
//! send LIVE events where nobody agreed to.

mod adding;
mod keeping;
mod replaying;
#[cfg(test)]
mod tests;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use adding::{add, remove, secret_of};
pub use views::view;

use super::api::{Answer, Request, TargetId, TargetState};
use super::{Engine, publish, refused};
use crate::forward::run::{self, Control, Sender, Tell};
use crate::forward::send::Clients;
use crate::forward::target::{Stats, Target};
use crate::store::{Batch, Durability, Store, StoreError};
use crate::vault::secret::Secret;

/// Without a secret that can be read it is tried again after so long.
const NO_SECRET: Duration = Duration::from_secs(60);
/// How long a removal waits for the sender to end.
const ENDING: Duration = Duration::from_secs(4);

/// Targets as the engine holds them.
#[derive(Default)]
pub struct Forwarding {
    targets: BTreeMap<TargetId, Running>,
    clients: Option<Clients>,
}

/// One target.
struct Running {
    target: Arc<Target>,
    stats: Arc<Mutex<Stats>>,
    state: TargetState,
    control: watch::Sender<Control>,
    cancel: CancellationToken,
    /// Its sender has ended, or never began.
    ended: CancellationToken,
}

/// A target with its counts, as stored.
pub type Loaded = (Target, Stats);

/// Reads the targets that this process works for. Blocks.
pub fn load(store: &Store) -> Result<Vec<Loaded>, StoreError> {
    let mut out = Vec::new();
    for target in Target::all(store)? {
        if !target.passing || store.forwards().routes.is_awake(target.id) {
            let stats = store.meta(&Target::stats_document(target.id))?.unwrap_or_default();
            out.push((target, stats));
        }
    }
    Ok(out)
}

/// Takes the stored targets over. To be called before anything polls: what comes in is for them, too.
pub fn begin(engine: &Engine, loaded: Vec<Loaded>) {
    let ids: Vec<TargetId> = loaded.iter().map(|(target, _)| target.id).collect();
    {
        let mut state = engine.state();
        for one in loaded {
            let running = Running::new(engine, one);
            state.forwarding.targets.insert(running.target.id, running);
        }
    }
    reroute(engine);
    if engine.inner.options.live {
        for id in ids {
            start(engine, id);
        }
        let keeper = engine.clone();
        engine.spawn(async move { keeping::run(&keeper).await });
    }
}

impl Running {
    fn new(engine: &Engine, (target, counts): Loaded) -> Running {
        let control = Control { paused: target.paused, timeout_s: target.timeout_s, ..Control::default() };
        let state = if target.paused { TargetState::Paused } else { TargetState::Ready };
        let ended = CancellationToken::new();
        ended.cancel();
        Running {
            target: Arc::new(target),
            stats: Arc::new(Mutex::new(counts)),
            state,
            control: watch::channel(control).0,
            cancel: engine.inner.cancel.child_token(),
            ended,
        }
    }

    fn stats(&self) -> Stats {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// From now on events go to the targets as they are.
fn reroute(engine: &Engine) {
    let state = engine.state();
    let Some(store) = &state.store else { return };
    store.forwards().routes.set(state.forwarding.targets.values().map(|one| one.target.route()).collect());
}

/// Answers what is asked of targets, attempts and replays.
pub async fn answer(engine: &Engine, request: Request) -> Answer {
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    match request {
        Request::AddTarget(spec) => adding::added(engine, store, spec).await,
        Request::RemoveTarget { target } => removed(engine, store, target).await,
        Request::PauseTarget { target, on } => paused(engine, &store, target, on).await,
        Request::TryTarget { target } => {
            control(engine, target, |control| control.tries += 1).unwrap_or(Answer::Done)
        }
        Request::Attempts(query) => views::attempts(engine, store, query).await,
        Request::Attempt { id } => views::attempt(engine, store, id).await,
        Request::Replay { integration, event, to } => {
            replaying::replay(engine, store, integration, event, to).await
        }
        Request::ReplayParked { target } => replaying::parked(engine, &store, target).await,
        _ => refused("that has nothing to do with forwarding"),
    }
}

fn unknown() -> Answer {
    refused("there is no such target: it may have been removed")
}

/// Changes what a sender is told; an answer only if there is none.
fn control(engine: &Engine, id: TargetId, change: impl FnOnce(&mut Control)) -> Option<Answer> {
    let state = engine.state();
    let Some(running) = state.forwarding.targets.get(&id) else { return Some(unknown()) };
    running.control.send_modify(change);
    None
}

async fn paused(engine: &Engine, store: &Store, id: TargetId, on: bool) -> Answer {
    let _turn = engine.inner.connecting.lock().await;
    let Some(target) = engine.state().forwarding.targets.get(&id).map(|one| one.target.clone()) else {
        return unknown();
    };
    let target = Target { paused: on, ..(*target).clone() };
    let mut batch = Batch::new();
    batch.meta(Target::document(id), &target);
    if let Err(error) = store.commit(batch, Durability::Synced, engine.now()).await {
        return refused(error.to_string());
    }
    if let Some(running) = engine.state().forwarding.targets.get_mut(&id) {
        running.target = Arc::new(target);
        running.state = if on { TargetState::Paused } else { TargetState::Ready };
        running.control.send_modify(|control| control.paused = on);
    }
    publish::now(engine);
    Answer::Done
}

async fn removed(engine: &Engine, store: Store, id: TargetId) -> Answer {
    let _turn = engine.inner.connecting.lock().await;
    let Some(running) = engine.state().forwarding.targets.remove(&id) else { return unknown() };
    reroute(engine);
    running.cancel.cancel();
    let _ = tokio::time::timeout(ENDING, running.ended.cancelled()).await;
    let now = engine.now();
    let runtime = tokio::runtime::Handle::current();
    let target = running.target.clone();
    let done = engine.with_vault(move |vault| runtime.block_on(remove(&store, vault, &target, now))).await;
    publish::now(engine);
    match done {
        Ok(()) => Answer::Done,
        Err(problem) => refused(problem.to_string()),
    }
}

impl Engine {
    /// The secret that a target's events are signed with. Handed over apart: no snapshot or answer holds it.
    pub async fn signing_secret(&self, id: TargetId) -> Result<Secret, String> {
        let target = self.state().forwarding.targets.get(&id).map(|one| one.target.clone());
        let target = target.ok_or("there is no such target")?;
        self.with_vault(move |vault| secret_of(vault, &target)).await.map_err(|error| error.to_string())
    }

    /// What requests to targets are made with.
    fn forward_clients(&self) -> Result<Clients, String> {
        let mut state = self.state();
        if let Some(clients) = &state.forwarding.clients {
            return Ok(clients.clone());
        }
        let clients = Clients::new()?;
        state.forwarding.clients = Some(clients.clone());
        Ok(clients)
    }
}

/// Starts the sender of a target.
fn start(engine: &Engine, id: TargetId) {
    let ended = CancellationToken::new();
    if let Some(running) = engine.state().forwarding.targets.get_mut(&id) {
        running.ended = ended.clone();
    }
    let task = engine.clone();
    engine.spawn(async move {
        supervise(&task, id).await;
        ended.cancel();
    });
}

async fn supervise(engine: &Engine, id: TargetId) {
    loop {
        let found = {
            let state = engine.state();
            state.forwarding.targets.get(&id).map(|one| {
                (one.target.clone(), one.stats.clone(), one.control.subscribe(), one.cancel.clone())
            })
        };
        let Some((target, stats, mut control, cancel)) = found else { return };
        let Some(store) = engine.store() else { return };
        let signing = target.clone();
        let secret = engine.with_vault(move |vault| secret_of(vault, &signing)).await;
        let ready = match (secret, engine.forward_clients()) {
            (Ok(secret), Ok(clients)) => Ok((secret, clients)),
            (Err(error), _) => Err(format!("its signing secret cannot be read: {error}")),
            (_, Err(error)) => Err(error),
        };
        let tell = tell(engine, id);
        match ready {
            Ok((secret, clients)) => {
                let seed = u64::from(std::process::id()) ^ engine.now() as u64 ^ u64::from(id.0);
                let (secret, now) = (Arc::new(secret), engine.inner.options.now.clone());
                run::run(Sender { store, clients, target, secret, stats, control, now, tell, cancel, seed })
                    .await;
                return;
            }
            Err(reason) => {
                let now = engine.now();
                let next_at = now + NO_SECRET.as_secs() as i64;
                tell(run::Told { state: TargetState::Down { since: now, next_at, reason }, attempts: 0 });
                tokio::select! {
                    () = cancel.cancelled() => return,
                    _ = control.changed() => {}
                    () = tokio::time::sleep(NO_SECRET) => {}
                }
            }
        }
    }
}

fn tell(engine: &Engine, id: TargetId) -> Tell {
    // Weak: a sender must not keep the engine alive that would stop it.
    let inner = Arc::downgrade(&engine.inner);
    Arc::new(move |told| {
        let Some(inner) = inner.upgrade() else { return };
        let mut state = inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = state.forwarding.targets.get_mut(&id) {
            running.state = told.state;
        }
        if told.attempts > 0 {
            state.deliveries_version += 1;
        }
        drop(state);
        inner.changed.notify_one();
    })
}
