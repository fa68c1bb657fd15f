//! Targets and attempts as front-ends see them.
//!
//! It must never read an answer's body for a row, and never block a thread that must not wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{Forwarding, Running};
use crate::engine::api::{
    Answer, AttemptId, AttemptQuery, AttemptRow, AttemptWindow, IntegrationId, TargetState, TargetView,
};
use crate::engine::runtime::Runtime;
use crate::engine::{Engine, refused};
use crate::forward::attempts;
use crate::forward::target::{Stats, Target};
use crate::integration::Integration;
use crate::store::batch::Lane;
use crate::store::{Store, StoreError};

/// Rows of one window, at most.
const MOST: usize = 500;
/// Attempts of one event that are looked at, at most.
const MOST_OF_EVENT: usize = 2_000;

impl Forwarding {
    /// All of them, in the order of their numbers.
    pub fn views(
        &self,
        store: Option<&Store>,
        runtimes: &BTreeMap<IntegrationId, Runtime>,
    ) -> Vec<TargetView> {
        let Some(store) = store else { return Vec::new() };
        if self.targets.is_empty() {
            return Vec::new();
        }
        let configs: Vec<Arc<Integration>> = runtimes.values().map(|one| one.config.clone()).collect();
        let one = |running: &Running| {
            view(store, &running.target, &running.stats(), running.state.clone(), &configs)
        };
        self.targets.values().map(one).collect()
    }
}

/// One target.
pub fn view(
    store: &Store,
    target: &Target,
    counts: &Stats,
    state: TargetState,
    integrations: &[Arc<Integration>],
) -> TargetView {
    let sum = |lane| store.in_lane(lane, target.id).iter().map(|(_, count)| count).sum();
    TargetView {
        id: target.id,
        url: target.url.clone(),
        loopback: target.is_loopback(),
        integration: target.integration,
        events: target.events.clone(),
        timeout_s: target.timeout_s,
        state,
        waiting: sum(Lane::Waiting),
        delivered: counts.delivered,
        failed: counts.failed,
        parked: sum(Lane::Parked),
        last: counts.last.clone(),
        not_agreed: not_agreed(target, integrations).map(|one| one.id).collect(),
    }
}

/// Live integrations whose events a target would get if somebody agreed.
pub fn not_agreed<'a>(
    target: &Target,
    integrations: &'a [Arc<Integration>],
) -> impl Iterator<Item = &'a Arc<Integration>> {
    let (only, agreed) = (target.integration, target.agreed.clone());
    integrations.iter().filter(move |one| {
        one.livemode
            && one.off_since.is_none()
            && only.is_none_or(|id| id == one.id)
            && !agreed.contains(&one.id)
    })
}

/// Integrations that may have attempts, disconnected ones as well.
fn known(engine: &Engine) -> Vec<IntegrationId> {
    engine.state().runtimes.keys().copied().collect()
}

/// A window of attempts.
pub async fn attempts(engine: &Engine, store: Store, query: AttemptQuery) -> Answer {
    // Before the reading: what is stored meanwhile makes it look again.
    let version = engine.state().deliveries_version;
    let among = known(engine);
    match tokio::task::spawn_blocking(move || window(&store, &among, &query)).await {
        Ok(Ok(window)) => Answer::Attempts(AttemptWindow { version, ..window }),
        Ok(Err(error)) => refused(error.to_string()),
        Err(_) => refused("the attempts could not be read"),
    }
}

fn window(store: &Store, among: &[IntegrationId], query: &AttemptQuery) -> Result<AttemptWindow, StoreError> {
    let among: Vec<IntegrationId> =
        among.iter().copied().filter(|id| query.integration.is_none_or(|wanted| wanted == *id)).collect();
    let limit = query.limit.min(MOST);
    let mut out = AttemptWindow { total: store.attempts_kept(), ..AttemptWindow::default() };
    let before = query.before.min(MOST);
    // The nearest ones above `from`, as many as are wanted of them.
    let mut above: VecDeque<AttemptRow> = VecDeque::new();
    let mut take = |row: AttemptRow| {
        let wanted = query.target.is_none_or(|target| row.target == Some(target))
            && query.event.as_ref().is_none_or(|event| row.event == *event)
            && !(query.failed_only && row.outcome.is_delivered());
        if wanted && query.from.is_some_and(|from| row.id > from) {
            out.newer += 1;
            above.push_back(row);
            if above.len() > before {
                above.pop_front();
            }
        } else if wanted {
            out.rows.push(row);
        }
        out.rows.len() < limit
    };
    if limit == 0 {
        return Ok(out);
    }
    if let Some(event) = &query.event {
        for integration in among {
            for stored in store.attempts_of(integration, event, MOST_OF_EVENT)? {
                if !take(attempts::decode(&stored)?) {
                    break;
                }
            }
        }
    } else {
        store.each_attempt(&among, |stored| Ok(take(attempts::decode(&stored)?)))?;
    }
    out.newer -= above.len() as u64;
    above.extend(std::mem::take(&mut out.rows));
    out.rows = above.into();
    Ok(out)
}

/// One attempt, whole.
pub async fn attempt(engine: &Engine, store: Store, id: AttemptId) -> Answer {
    let among = known(engine);
    let read = move || {
        let Some(stored) = store.attempt(&among, id)? else { return Ok(None) };
        attempts::detail(&store, &stored).map(Some)
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(detail))) => Answer::Attempt(Box::new(detail)),
        Ok(Ok(None)) => Answer::NotHere,
        Ok(Err(error)) => {
            let error: StoreError = error;
            refused(error.to_string())
        }
        Err(_) => refused("the attempt could not be read"),
    }
}
