//! Runs that ended, kept with their integration, and the screen's own notes.
//!
//! It must stay small: a hundred runs an integration, the oldest make room.

use super::api::{Answer, IntegrationId, JobState, JobView};
use super::{Engine, publish, refused};
use crate::integration::Integration;
use crate::store::{Batch, Durability, Store, StoreError};

/// Runs kept of an integration.
const KEPT: usize = 100;
/// Runs told at once.
const MOST: usize = 200;
/// The longest text that is remembered for the screen.
const MOST_REMEMBERED: usize = 64 * 1024;
/// Under which name it is.
const REMEMBERED: &str = "screen/remembered";

/// Where the runs of an integration are, in the order of their numbers.
fn prefix(id: IntegrationId) -> String {
    Integration::own_document(id, "run/")
}

fn name(id: IntegrationId, view: &JobView) -> String {
    format!("{}{:012}", prefix(id), view.id.0)
}

/// Adds a run that ended; one that was taken up again and ended again is kept once, as it ended last. Blocks.
pub fn add(store: &Store, batch: &mut Batch, id: IntegrationId, view: &JobView) -> Result<(), StoreError> {
    let mine = name(id, view);
    let known: Vec<(String, serde::de::IgnoredAny)> = store.metas(&prefix(id))?;
    let others = known.iter().map(|(name, _)| name).filter(|name| **name != mine);
    let too_many = (others.clone().count() + 1).saturating_sub(KEPT);
    for oldest in others.take(too_many) {
        batch.remove_meta(oldest);
    }
    batch.meta(mine, view);
    Ok(())
}

/// Runs that ended, newest first.
pub async fn runs(engine: &Engine, of: Option<IntegrationId>, limit: usize) -> Answer {
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    let (ids, mut runs): (Vec<IntegrationId>, Vec<JobView>) = {
        let state = engine.state();
        let chosen = state.runtimes.iter().filter(|(id, _)| of.is_none_or(|of| of == **id));
        // What the process before this one did not bring to an end is in no list yet.
        let cut_off = chosen.clone().flat_map(|(_, runtime)| {
            [&runtime.discover, &runtime.sync].into_iter().filter(|slot| slot.running.is_none())
        });
        let cut_off = cut_off.filter_map(|slot| slot.view.clone()).filter(|view| view.finished_at.is_none());
        (chosen.clone().map(|(id, _)| *id).collect(), cut_off.collect())
    };
    if of.is_some() && ids.is_empty() {
        return refused("there is no such integration");
    }
    let read = tokio::task::spawn_blocking(move || {
        for id in ids {
            let stored: Vec<(String, JobView)> = store.metas(&prefix(id))?;
            runs.extend(stored.into_iter().map(|(_, view)| view));
        }
        Ok::<_, StoreError>(runs)
    });
    match read.await {
        Ok(Ok(mut runs)) => {
            // The same run may be in the list from an earlier end; what is told first is newer.
            runs.sort_by_key(|run| {
                (std::cmp::Reverse(run.finished_at.unwrap_or(run.started_at)), std::cmp::Reverse(run.id.0))
            });
            let mut seen = std::collections::HashSet::new();
            runs.retain(|run| run.state != JobState::Running && seen.insert(run.id));
            runs.truncate(limit.min(MOST));
            Answer::Runs(runs)
        }
        Ok(Err(error)) => refused(error.to_string()),
        Err(_) => refused("the runs could not be read"),
    }
}

/// Keeps a text for the next start of the screen.
pub async fn remember(engine: &Engine, text: String) -> Answer {
    if text.len() > MOST_REMEMBERED {
        return refused("at most 64 KB can be remembered");
    }
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    let mut batch = Batch::new();
    batch.meta(REMEMBERED, &text);
    match store.commit(batch, Durability::Applied, engine.now()).await {
        Ok(_) => {
            engine.state().remembered = Some(text);
            publish::now(engine);
            Answer::Done
        }
        Err(error) => refused(error.to_string()),
    }
}

/// What was remembered last time.
pub fn remembered(store: &Store) -> Result<Option<String>, StoreError> {
    store.meta(REMEMBERED)
}
