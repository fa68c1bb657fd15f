//! The polling schedule: one task an integration, asleep until its time or a poke.
//!
//! It must never poll an integration that is off or whose key is refused, and never spend more than one GET
//! when nothing happened.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::api::{Answer, Delivery, IntegrationId, Level, LinkView};
use super::runtime::Runtime;
use super::{Engine, refused};
use crate::events::intake::Shared;
use crate::events::poll::{self, Cursor};
use crate::events::schedule;
use crate::events::settle;
use crate::integration::Integration;
use crate::stripe::Error;
use crate::sync::job::Stop;

/// What a poll is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is time.
    Schedule,
    /// A person, or a run that a person started.
    Asked,
    /// A moment without a live connection.
    Gap,
}

/// Starts the schedule of one integration.
pub fn start(engine: &Engine, id: IntegrationId) {
    let task = engine.own();
    engine.spawn(async move { run(&task, id).await });
    super::live::start(engine, id);
}

/// Polls at once.
pub fn now(engine: &Engine, id: IntegrationId) -> Answer {
    let state = engine.state();
    let Some(runtime) = state.runtimes.get(&id) else { return refused("there is no such integration") };
    if runtime.config.off_since.is_some() {
        return refused(format!("{} is disconnected", runtime.config.name));
    }
    if !poll::possible(&runtime.config) {
        return refused(format!("the key of {} may not read events (rak_event_read)", runtime.config.name));
    }
    if let Some(refusal) = &runtime.config.refused {
        return refused(refusal.reason.clone());
    }
    runtime.poll.poke.notify_one();
    Answer::Done
}

async fn run(engine: &Engine, id: IntegrationId) {
    let cancel = engine.inner.cancel.clone();
    let (stop, poke, replan) = {
        let state = engine.state();
        let Some(runtime) = state.runtimes.get(&id) else { return };
        let poll = &runtime.poll;
        (poll.stop.clone(), poll.poke.clone(), poll.replan.clone())
    };
    let mut due = first_due(engine, id);
    loop {
        {
            let mut state = engine.state();
            let Some(runtime) = state.runtimes.get_mut(&id).filter(|_| !stop.is_cancelled()) else { return };
            runtime.poll.next_at = due;
        }
        engine.inner.changed.notify_one();
        let wait = due.map(|due| Duration::from_secs((due - engine.now()).max(0) as u64));
        let mut why = Why::Schedule;
        tokio::select! {
            () = cancel.cancelled() => return,
            () = stop.cancelled() => return,
            () = poke.notified() => why = Why::Asked,
            () = replan.notified() => {
                due = first_due(engine, id);
                continue;
            }
            () = async { match wait { Some(wait) => tokio::time::sleep(wait).await, None => std::future::pending().await } } => {}
        }
        if why == Why::Schedule && super::budget::is_spent(engine, id) {
            due = Some(engine.now() + schedule::HELD_S);
            continue;
        }
        let ok = read(engine, id, why).await.is_some();
        let now = engine.now();
        due = every(engine, id).map(|every| schedule::next(now, every, ok, id.0));
    }
}

/// Seconds between polls; none: not at all.
fn every(engine: &Engine, id: IntegrationId) -> Option<i64> {
    let state = engine.state();
    let config = &state.runtimes.get(&id)?.config;
    let on = config.off_since.is_none() && config.refused.is_none() && poll::possible(config);
    (on && config.poll_every_s > 0).then_some(effective_s(state.runtimes.get(&id)?) as i64)
}

/// Seconds between polls as they are now: slower beside an open live connection, which they only check.
pub fn effective_s(runtime: &Runtime) -> u64 {
    let config = &runtime.config;
    let live = match config.delivery {
        Delivery::Poll => false,
        Delivery::Relay => matches!(runtime.link, LinkView::Connected { .. } | LinkView::Resetting { .. }),
        Delivery::Endpoint => runtime.endpoint.works(config),
    };
    schedule::effective_s(config.poll_every_s, live, config.is_local())
}

fn first_due(engine: &Engine, id: IntegrationId) -> Option<i64> {
    let every = every(engine, id)?;
    let now = engine.now();
    let cursor: Cursor = engine.store()?.meta(&Cursor::name(id)).ok().flatten().unwrap_or_default();
    let polled_at = cursor.polled_at;
    Some(polled_at.map_or(now, |at| (at + every).clamp(now, now + every)))
}

/// One poll that a person asked for, or a run of theirs, with what it says about the integration. False when it
/// failed.
pub async fn once(engine: &Engine, id: IntegrationId) -> bool {
    read(engine, id, Why::Asked).await.is_some()
}

/// One poll; tells what it brought.
pub async fn read(engine: &Engine, id: IntegrationId, why: Why) -> Option<poll::Polled> {
    let (config, turn, shared, stop) = {
        let mut state = engine.state();
        let runtime = state.runtimes.get_mut(&id)?;
        if runtime.config.off_since.is_some() || !poll::possible(&runtime.config) {
            return None;
        }
        runtime.poll.running = true;
        // Taken now: behind a disconnect there is another one, which nobody stops.
        (runtime.config.clone(), runtime.poll.turn.clone(), runtime.shared.clone(), runtime.poll.stop.clone())
    };
    engine.inner.changed.notify_one();
    let result = {
        let _turn = turn.lock().await;
        attempt(engine, (id, why), &config, &shared, stop).await
    };
    let mut done = None;
    let error = match result {
        Ok(polled) => {
            done = Some(polled.clone());
            engine.note_answer(id);
            let now = engine.now();
            let store = engine.store();
            {
                let mut state = engine.state();
                if polled.new > 0 {
                    state.events_version += 1;
                }
                if let Some(created) = polled.overdue {
                    super::endpoints::missed(&mut state, id, created, now);
                }
                if let Some(runtime) = state.runtimes.get_mut(&id) {
                    match store.filter(|_| polled.first) {
                        Some(store) => runtime.recount_today(&store, now),
                        None => runtime.count_events(polled.new, now),
                    }
                }
            }
            if polled.hole {
                let walk = super::plans::walk(engine, id).await;
                let text = format!(
                    "events were missed that Stripe lists no more (it keeps 30 days): what changed is found by a full walk, {walk}. It starts when you say so: d, then s in the dashboard, or `tillwatch discover` and `tillwatch sync`"
                );
                engine.message(Level::Warning, Some(id), text);
            }
            None
        }
        Err(Stop::Stripe(Error::Cancelled)) => None,
        Err(Stop::Stripe(error)) => {
            let helped = engine.note_error(&config, &error).await;
            if matches!(error, Error::MissingPermission { .. }) {
                withdraw_events(engine, id).await;
            }
            (!helped).then(|| error.to_string())
        }
        Err(stop) => {
            let text = stop.to_string();
            // Told once, not every minute that it lasts.
            let known =
                engine.state().runtimes.get(&id).is_some_and(|one| one.poll.error.as_ref() == Some(&text));
            if !known {
                engine.message(Level::Error, Some(id), text.as_str());
            }
            Some(text)
        }
    };
    if let Some(runtime) = engine.state().runtimes.get_mut(&id) {
        runtime.poll.running = false;
        runtime.poll.error = error;
    }
    engine.inner.changed.notify_one();
    done
}

async fn attempt(
    engine: &Engine,
    (id, why): (IntegrationId, Why),
    config: &Arc<Integration>,
    shared: &Shared,
    stop: CancellationToken,
) -> Result<poll::Polled, Stop> {
    let Some(store) = engine.store().filter(|_| !stop.is_cancelled()) else {
        return Err(Stop::Stripe(Error::Cancelled));
    };
    let client = engine.client(id).await.map_err(Stop::Key)?;
    // A handle of its own: its reads are counted apart.
    // A disconnect does not wait for an answer that takes long.
    let client = client.with_pace(super::api::Pace::Auto, stop);
    settle::restore(&store, shared, id);
    let now = &engine.inner.options.now;
    let polled = poll::poll(&store, &client, config, shared, now).await;
    let unasked = match why {
        Why::Asked => 0,
        Why::Schedule => client.own_reads().saturating_sub(1),
        Why::Gap => client.own_reads(),
    };
    super::budget::count_reads(engine, &store, id, unasked).await;
    // Beside a live connection that has its own turn.
    if polled.is_ok() && config.delivery != Delivery::Relay && shared.memory().has_unsettled() {
        let reads = settle::run(&store, &client, shared, id, now).await;
        if why != Why::Asked {
            super::budget::count_reads(engine, &store, id, reads).await;
        }
    }
    polled
}

async fn withdraw_events(engine: &Engine, id: IntegrationId) {
    engine
        .change_integration(id, |config| {
            for row in config.permissions.iter_mut().filter(|row| row.permission == "rak_event_read") {
                row.verdict = crate::integration::check::Verdict::Missing;
            }
        })
        .await;
}
