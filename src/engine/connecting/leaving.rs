//! Disconnecting while the system runs: jobs and schedule end, the key is wiped, the records stay or go.
//!
//! It must never wipe the key while a job still uses it, never leave a schedule behind that polls, and never let what
//! somebody else writes down of the integration bring it back.

use std::time::Duration;

use crate::engine::api::{Answer, Delivery, IntegrationId, Level};
use crate::engine::runtime::Runtime;
use crate::engine::{Engine, endpoints, publish, refused};
use crate::integration::connect::{ConnectError, disconnect as leave, revoke_link};
use crate::integration::endpoint::steps::{Ask, Left, writes};

/// How long jobs may take to store where they are.
const PATIENCE: Duration = Duration::from_secs(5);

/// Disconnects.
pub async fn disconnect(engine: &Engine, id: IntegrationId, purge: bool) -> Answer {
    let _turn = engine.inner.connecting.lock().await;
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    let Some(before) = engine.state().runtimes.get(&id).map(|runtime| runtime.config.clone()) else {
        return refused("there is no such integration");
    };
    if before.off_since.is_some() && before.key.is_none() && !purge {
        return refused(format!("{} is disconnected already; its records can still be removed", before.name));
    }
    if engine.read_only() && writes(&before, store.install_id(), Delivery::Poll, &Ask::default()) {
        return refused(format!(
            "read-only: the webhook endpoint of {} would have to be removed at Stripe; nothing was done",
            before.name
        ));
    }
    let poll = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get_mut(&id) else {
            return refused("there is no such integration");
        };
        for slot in [&runtime.discover, &runtime.sync] {
            if let Some(running) = &slot.running {
                running.cancel.cancel();
            }
        }
        runtime.poll.stop.cancel();
        runtime.poll.next_at = None;
        let turn = runtime.poll.turn.clone();
        state.offers.remove_checks_of(id);
        turn
    };
    if tokio::time::timeout(PATIENCE, idle(engine, id, &poll)).await.is_err() {
        tracing::warn!(integration = id.0, "a job did not end in time");
    }
    // Until what is in memory says that it is off, nobody else writes its document: that would be from before.
    let documents = engine.inner.documents.lock().await;
    let current = engine.state().runtimes.get(&id).map(|runtime| (*runtime.config).clone());
    let Some(before) = current else { return refused("there is no such integration") };
    let (writing, now) = (store.clone(), engine.inner.options.now.clone());
    let tokio = tokio::runtime::Handle::current();
    let off = engine
        .with_vault(move |vault| {
            let off = tokio.block_on(leave(&writing, vault, &before, &now))?;
            let at = now();
            // What is still at Stripe is removed by way of its runtime, purge or no.
            let gone = purge && off.endpoint.is_none();
            let runtime = if gone { None } else { Some(Runtime::load(&writing, off.clone(), at)?) };
            Ok::<_, ConnectError>((off, runtime))
        })
        .await;
    let (off, runtime) = match off {
        Ok(off) => off,
        // The key may still be there: what is stored tells how far it came, and it can be asked for again.
        Err(error) => {
            engine.reload(id).await;
            publish::now(engine);
            return refused(error.to_string());
        }
    };
    {
        let mut state = engine.state();
        match runtime {
            Some(runtime) => drop(state.runtimes.insert(id, engine.adopt(runtime))),
            None => drop(state.runtimes.remove(&id)),
        }
        state.events_version += 1;
    }
    drop(documents);
    let link = revoke_link(off.livemode);
    let mut text = format!(
        "{} is disconnected and its key wiped from this machine; revoke it at Stripe: {link}",
        off.name
    );
    let mut left = Left::Nothing;
    if off.endpoint.is_some() {
        match endpoints::leave(engine, id).await {
            Ok(later @ Left::Later(_)) => {
                let what = endpoints::left_words(&later, off.livemode).unwrap_or_default();
                text = format!("{} is being disconnected: {what}", off.name);
                if purge {
                    text.push_str(". Its records can be removed then");
                }
                engine.message(Level::Warning, Some(id), text);
                publish::now(engine);
                return Answer::Disconnected { left: later };
            }
            Ok(done) => {
                if let Some(what) = endpoints::left_words(&done, off.livemode) {
                    text = format!("{text}; {what}");
                }
                left = done;
            }
            Err(reason) => {
                publish::now(engine);
                return refused(reason);
            }
        }
    }
    if purge {
        engine.state().runtimes.remove(&id);
        let purged = store.purge(id, engine.now()).await;
        // What is shown was asked for before they went.
        store.changes().touch();
        engine.state().events_version += 1;
        if let Err(error) = purged {
            publish::now(engine);
            return refused(format!(
                "{} is disconnected, but not all of its records could be removed: {error}",
                off.name
            ));
        }
        text.push_str(". Its records are removed; their last bytes go when tillwatch starts next");
    }
    engine.message(Level::Info, if purge { None } else { Some(id) }, text);
    publish::now(engine);
    Answer::Disconnected { left }
}

/// Waits until neither a job nor a poll is under way.
async fn idle(engine: &Engine, id: IntegrationId, poll: &tokio::sync::Mutex<()>) {
    let mut snapshots = engine.snapshots();
    loop {
        snapshots.mark_unchanged();
        let busy = engine
            .state()
            .runtimes
            .get(&id)
            .is_some_and(|runtime| runtime.discover.running.is_some() || runtime.sync.running.is_some());
        if !busy || snapshots.changed().await.is_err() {
            break;
        }
    }
    drop(poll.lock().await);
}
