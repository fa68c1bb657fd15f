//! Which events go to which targets: asked for each event that is stored.
//!
//! Shared by everything that works on one open store. It must never let LIVE events go where nobody agreed to, and
//! never make who stores events wait.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::pattern;
use crate::engine::api::{IntegrationId, TargetId};

/// An event that the list tells of may be so much older than the target, in seconds: clocks differ.
const SLACK_S: i64 = 30;

/// What one target wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub target: TargetId,
    /// Whose events; none: those of every integration.
    pub integration: Option<IntegrationId>,
    /// Patterns of types; empty: all.
    pub events: Vec<String>,
    /// Live integrations whose events may go there.
    pub agreed: Vec<IntegrationId>,
    /// Since when it is a target, Unix seconds.
    pub since: i64,
}

/// An event that asks where to go.
#[derive(Debug, Clone, Copy)]
pub struct Asks<'a> {
    /// Whose.
    pub integration: IntegrationId,
    /// Of a live account.
    pub livemode: bool,
    /// `invoice.paid`
    pub event_type: &'a str,
    /// When it happened, if it was found in the list; none: it was delivered just now.
    pub listed: Option<i64>,
}

/// The targets of an open store.
#[derive(Debug, Default)]
pub struct Routes {
    routes: RwLock<Arc<Vec<Route>>>,
    awake: Mutex<BTreeSet<TargetId>>,
}

impl Routes {
    /// From now on events go there.
    pub fn set(&self, routes: Vec<Route>) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }

    /// The targets that want an event.
    pub fn of(&self, event: Asks<'_>) -> Vec<TargetId> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner).clone();
        routes.iter().filter(|route| route.wants(event)).map(|route| route.target).collect()
    }

    /// There is any target.
    pub fn any(&self) -> bool {
        !self.routes.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// A passing target is wanted by this process.
    pub fn wake(&self, target: TargetId) {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner).insert(target);
    }

    /// Whether this process wants a passing target.
    pub fn is_awake(&self, target: TargetId) -> bool {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner).contains(&target)
    }
}

impl Route {
    fn wants(&self, event: Asks<'_>) -> bool {
        self.integration.is_none_or(|id| id == event.integration)
            && (!event.livemode || self.agreed.contains(&event.integration))
            && event.listed.is_none_or(|created| created >= self.since - SLACK_S)
            && pattern::any(&self.events, event.event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IntegrationId = IntegrationId(1);
    const TWO: IntegrationId = IntegrationId(2);

    #[test]
    fn live_events_need_an_agreement_and_old_ones_stay() {
        let routes = Routes::default();
        let asks =
            |integration, livemode, event_type, listed| Asks { integration, livemode, event_type, listed };
        assert!(routes.of(asks(ONE, false, "invoice.paid", None)).is_empty());
        let all = Route {
            target: TargetId(1),
            integration: None,
            events: Vec::new(),
            agreed: vec![TWO],
            since: 1_000,
        };
        let one = Route {
            target: TargetId(2),
            integration: Some(ONE),
            events: vec!["invoice.*".into()],
            agreed: Vec::new(),
            since: 1_000,
        };
        routes.set(vec![all, one]);
        assert_eq!(routes.of(asks(ONE, false, "invoice.paid", None)), [TargetId(1), TargetId(2)]);
        assert_eq!(routes.of(asks(ONE, false, "charge.failed", None)), [TargetId(1)]);
        assert_eq!(routes.of(asks(ONE, true, "invoice.paid", None)), []);
        assert_eq!(routes.of(asks(TWO, true, "invoice.paid", None)), [TargetId(1)]);
        assert_eq!(routes.of(asks(TWO, true, "invoice.paid", Some(960))), []);
        assert_eq!(routes.of(asks(TWO, true, "invoice.paid", Some(980))), [TargetId(1)]);
    }
}
