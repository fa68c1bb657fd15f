//! Requests about what is stored, from the engine to `query`, and what they tell front-ends.
//!
//! Everything that reads runs on threads that may block. It must never hold the engine's state while it does.

use std::sync::Arc;

use super::api::{Answer, EventWindow, IntegrationId, Mark, Request};
use super::query::{Accounts, News, Query, marks};
use super::{Engine, refused};

/// The tables of the open store; begins to build them when they are asked for first.
pub fn begin(engine: &Engine) -> Option<Arc<Query>> {
    let mut state = engine.state();
    let store = state.store.clone()?;
    if let Some(query) = &state.query {
        return Some(query.clone());
    }
    let inner = Arc::downgrade(&engine.inner);
    let declines = engine.inner.options.declines.clone();
    let query = Arc::new(Query::with_declines(store, declines, move |news| {
        // Weak: the thread must not keep the engine alive that would stop it.
        let Some(inner) = inner.upgrade() else { return };
        if news == News::Feed {
            // More of a filtered feed is known: whoever shows it shall look again.
            let mut state = inner.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            state.events_version += 1;
        }
        inner.changed.notify_one();
    }));
    state.query = Some(query.clone());
    Some(query)
}

/// Ends what [`begin`] began: afterwards it holds the store no more. To be called before the store is closed.
pub async fn stop(engine: &Engine) {
    let query = engine.state().query.take();
    if let Some(query) = query {
        let _ = tokio::task::spawn_blocking(move || query.stop()).await;
    }
}

/// Answers a request that only reads.
pub async fn ask(engine: &Engine, request: Request) -> Answer {
    let Some(query) = begin(engine) else { return refused("the store is still opening") };
    let (accounts, version) = {
        let state = engine.state();
        let accounts: Accounts = Arc::new(state.runtimes.values().map(|one| one.config.clone()).collect());
        (accounts, state.events_version)
    };
    let now = engine.now();
    let answered = tokio::task::spawn_blocking(move || query.answer(&request, &accounts, now)).await;
    match answered {
        Ok(Some(Answer::Events(window))) => Answer::Events(EventWindow { version, ..window }),
        Ok(Some(answer)) => answer,
        Ok(None) => refused("that is no question about what is stored"),
        Err(_) => refused("what is stored could not be read"),
    }
}

/// Stars an event, or takes its star away.
pub async fn star(engine: &Engine, integration: IntegrationId, event: String, on: bool) -> Answer {
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    let answer = marks::star(&store, integration, event, on, engine.now()).await;
    if answer == Answer::Done {
        let mut state = engine.state();
        state.events_version += 1;
        let query = state.query.clone();
        drop(state);
        if let Some(query) = query {
            query.stars_changed();
        }
        engine.inner.changed.notify_one();
    }
    answer
}

/// Takes catalog entries into the next sync, or leaves them out.
pub async fn mark(engine: &Engine, integration: IntegrationId, ids: Vec<String>, mark: Mark) -> Answer {
    let Some(store) = engine.store() else { return refused("the store is still opening") };
    let answer = marks::mark(&store, integration, ids, mark, engine.now()).await;
    engine.inner.changed.notify_one();
    answer
}
