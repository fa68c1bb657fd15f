//! Reads that nobody asked for: counted, and stopped at their share of Stripe's read allocation.
//!
//! It must never stop what a person asks for, and never let what it holds back be forgotten: gaps stay wanted, and
//! polling goes on by itself when the reads of 30 days have become fewer.

use super::Engine;
use super::api::{IntegrationId, Level};
use crate::events::schedule::{self, READ_FLOOR};
use crate::store::{Batch, Durability, Store};
use crate::text::count;

/// Whether nothing more may be read by itself. Tells a person once, with what can be done.
pub fn is_spent(engine: &Engine, id: IntegrationId) -> bool {
    let Some(store) = engine.store() else { return false };
    let used = store.counters(id).automatic_30_days(engine.now() / 86_400);
    let (held, news) = {
        let mut state = engine.state();
        let Some(runtime) = state.runtimes.get_mut(&id) else { return false };
        let limit =
            schedule::automatic_limit(engine.inner.options.upkeep.automatic_reads, runtime.config.is_local());
        let held = limit.filter(|limit| used >= *limit).map(|limit| sentence(used, limit));
        let news = held.clone().filter(|_| runtime.poll.held.is_none());
        runtime.poll.held.clone_from(&held);
        (held, news)
    };
    if let Some(text) = news {
        engine.message(Level::Warning, Some(id), text);
    }
    held.is_some()
}

fn sentence(used: u64, limit: u64) -> String {
    let share = limit * 100 / READ_FLOOR;
    format!(
        "{} reads in 30 days that nobody asked for, and {} ({share} % of Stripe's floor) is where tillwatch stops by itself: poll by hand, take events over the relay, or set a higher `automatic` under [reads] in config.toml",
        count(used),
        count(limit),
    )
}

/// Counts reads that nobody asked for; they are among the account's reads already.
pub async fn count_reads(engine: &Engine, store: &Store, id: IntegrationId, reads: u64) {
    if reads == 0 {
        return;
    }
    let now = engine.now();
    let mut batch = Batch::new();
    batch.automatic(id, now / 86_400, reads);
    // A disk that takes nothing is told of elsewhere.
    let _ = store.commit(batch, Durability::Applied, now).await;
}
