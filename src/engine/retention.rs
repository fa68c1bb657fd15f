//! Removes what is too old from the event log, in small batches in the background.
//!
//! It must never remove a starred event, nor anything by a clock that Stripe has not borne out: the newest moment up to
//! which Stripe's own list was read is what counts as now. Each batch stands for itself, so that a kill loses nothing.

use std::time::Duration;

use super::Engine;
use super::api::{IntegrationId, Level};
use crate::events::poll::Cursor;
use crate::store::read::EventPlace;
use crate::store::{Batch, Durability, Store, StoreError};
use crate::text::count;

/// Events looked at and removed at once.
const AT_ONCE: usize = 128;
/// Between two batches: whoever stores something goes first.
const PAUSE: Duration = Duration::from_millis(40);
/// After the start: it has nothing to do that can't wait.
const FIRST: Duration = Duration::from_secs(60);
/// Between two looks.
const EVERY: Duration = Duration::from_secs(3_600);

/// Looks now and then until the engine ends.
pub fn start(engine: &Engine) {
    let task = engine.clone();
    engine.spawn(async move {
        let mut wait = FIRST;
        loop {
            tokio::select! {
                () = task.inner.cancel.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = EVERY;
            match once(&task).await {
                Ok(0) => {}
                Ok(removed) => {
                    let keep = task.inner.options.upkeep.keep;
                    let text = match removed {
                        1 => format!(
                            "1 event was removed from the log: events are kept {keep} (starred ones stay)"
                        ),
                        many => format!(
                            "{} events were removed from the log: events are kept {keep} (starred ones stay)",
                            count(many)
                        ),
                    };
                    task.message(Level::Info, None, text);
                }
                // A store that takes nothing is told of elsewhere.
                Err(error) => tracing::warn!("old events could not be removed: {error}"),
            }
        }
    });
}

/// Removes all that is too old; tells how many events that were.
pub async fn once(engine: &Engine) -> Result<u64, StoreError> {
    let Some(store) = engine.store() else { return Ok(0) };
    let ids: Vec<IntegrationId> = engine.state().runtimes.keys().copied().collect();
    let mut known = 0;
    for id in &ids {
        let cursor: Cursor = store.meta(&Cursor::name(*id))?.unwrap_or_default();
        known = known.max(cursor.complete_to.unwrap_or(0));
    }
    let Some(below) = engine.inner.options.upkeep.keep.before(engine.now().min(known)) else { return Ok(0) };
    let mut removed = 0;
    for id in ids {
        removed += of_one(engine, &store, id, below).await?;
    }
    Ok(removed)
}

async fn of_one(engine: &Engine, store: &Store, id: IntegrationId, below: i64) -> Result<u64, StoreError> {
    let (mut removed, mut after): (u64, Option<EventPlace>) = (0, None);
    loop {
        let reader = store.clone();
        let read = tokio::task::spawn_blocking(move || reader.old_events(id, below, after, AT_ONCE));
        let old = read.await.map_err(|_| StoreError::Stopped("the event log could not be read".into()))??;
        let Some((last, _)) = old.last() else { return Ok(removed) };
        // What stays (a star) is passed by.
        after = Some(*last);
        let mut batch = Batch::new();
        for (place, event) in old {
            batch.drop_event(place, event);
        }
        let applied = store.commit(batch, Durability::Applied, engine.now()).await?;
        removed += applied.dropped_events;
        if applied.dropped_events > 0 {
            engine.state().events_version += 1;
            engine.inner.changed.notify_one();
        }
        tokio::select! {
            () = engine.inner.cancel.cancelled() => return Ok(removed),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Upkeep;
    use crate::engine::Options;
    use crate::engine::query::tests::{World, happened};
    use crate::events::retention::Keep;

    const DAY: i64 = 86_400;

    async fn engine(world: &World, keep: Keep, now: i64) -> Engine {
        let dir = world.store.dir().to_owned();
        let options = Options {
            data_dir: dir.clone(),
            key_dir: dir,
            api_base: None,
            bases: Vec::new(),
            demo: false,
            read_only: false,
            live: false,
            store: crate::store::OpenOptions::default(),
            stripe_cli: Vec::new(),
            declines: std::sync::Arc::default(),
            alerts: crate::engine::alerts::Settings::default(),
            upkeep: Upkeep { keep, automatic_reads: None },
            now: std::sync::Arc::new(move || now),
        };
        Engine::with_store(options, world.store.clone()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn old_events_go_in_batches_and_only_by_a_clock_that_stripe_bore_out() {
        let now = 1_774_958_400;
        let world = tokio::task::spawn_blocking(World::new).await.unwrap();
        let id = IntegrationId(1);
        let mut ids = Vec::new();
        for age in [10, 30, 40, 100, 390, 396, 400, 500] {
            let event = format!("evt_{age}");
            let json =
                happened(&event, "invoice.paid", now - age * DAY, r#"{"id":"in_1","object":"invoice"}"#, "");
            world.write(id, &json).await;
            ids.push(event);
        }
        for n in 0..3 * AT_ONCE {
            let json =
                happened(&format!("evt_old{n}"), "invoice.paid", now - 600 * DAY, r#"{"id":"in_1"}"#, "");
            world.write(id, &json).await;
        }
        let mut batch = Batch::new();
        batch.star(id, "evt_500", true);
        world.store.commit(batch, Durability::Applied, now).await.unwrap();
        // Never compared with Stripe: nobody knows what time it is.
        assert_eq!(once(&engine(&world, Keep::default(), now).await).await.unwrap(), 0);
        let mut batch = Batch::new();
        batch.meta(Cursor::name(id), &Cursor { complete_to: Some(now - 60), ..Cursor::default() });
        world.store.commit(batch, Durability::Applied, now).await.unwrap();
        for keep in [Keep::Forever, Keep::Unread] {
            assert_eq!(once(&engine(&world, keep, now).await).await.unwrap(), 0, "{keep:?}");
        }
        // 13 months before are 396 days and some hours; a clock ten years ahead changes nothing.
        let ahead = engine(&world, Keep::default(), now + 3650 * DAY).await;
        assert_eq!(once(&ahead).await.unwrap(), 1 + 3 * AT_ONCE as u64);
        let left = || ids.iter().filter(|id| world.store.has_event(IntegrationId(1), id).unwrap()).count();
        assert_eq!(left(), 7);
        assert!(world.store.has_event(id, "evt_500").unwrap(), "a star keeps it");
        // The shortest setting keeps 31 days.
        assert_eq!(once(&engine(&world, Keep::Months(1), now).await).await.unwrap(), 4);
        let kept: Vec<&str> =
            ids.iter().map(String::as_str).filter(|one| world.store.has_event(id, one).unwrap()).collect();
        assert_eq!(kept, ["evt_10", "evt_30", "evt_500"]);
        assert_eq!(store_count(&world.store, id), 3);
    }

    fn store_count(store: &Store, id: IntegrationId) -> u64 {
        assert_eq!(store.counters(id).event_bytes, store.measure_events(id).unwrap());
        store.counters(id).events
    }
}
