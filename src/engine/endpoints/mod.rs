//! Webhook endpoints while the system runs: doors that deliveries come in by, a look at Stripe now and then, what is
//! asked for, and removals that Stripe did not answer.
//!
//! It must never make or change an endpoint that nobody asked for, never open a door without a secret, and never say that
//! deliveries work while nothing listens for them.

mod asked;
mod door;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Notify;

pub use asked::{READ_ONLY, answer, bring, finish_later, leave, left_words, words};
pub use door::{Door, Doors, Taken};
pub use watch::watch;

use super::Engine;
use super::api::{Delivery, EndpointView, IntegrationId};
use super::runtime::{Runtime, State};
use crate::integration::Integration;
use crate::integration::endpoint::secrets::Unread;
use crate::integration::endpoint::{Status, events};
use crate::store::Store;
use door::Tally;

/// The endpoint of an integration, as this process knows it.
#[derive(Default)]
pub struct Endpoint {
    /// Deliveries can come in.
    door: Option<Arc<Door>>,
    /// Since when: what happened before could not be delivered here.
    opened_at: i64,
    /// Where the receiver listens.
    listening: Option<String>,
    /// Why no door could be opened.
    trouble: Option<Unread>,
    /// Stripe's list had events that no delivery brought.
    pub(super) missed_at: Option<i64>,
    /// The last delivery that was stored.
    last_at: Option<i64>,
    /// Rung to look at Stripe now.
    look: Arc<Notify>,
    tally: Arc<Tally>,
    /// Endpoints of other installations, one line each.
    others: Vec<String>,
}

impl Endpoint {
    /// Deliveries come in, as far as is known: polls need only check.
    pub fn works(&self, config: &Integration) -> bool {
        let enabled = config
            .endpoint
            .as_ref()
            .and_then(|note| note.seen.as_ref())
            .is_none_or(|seen| seen.status == Status::Enabled)
            && config.endpoint.as_ref().is_none_or(|note| note.elsewhere().is_none());
        self.door.is_some()
            && self.listening.is_some()
            && enabled
            && self.missed_at.is_none()
            && self.last_at.is_some()
    }
}

impl Engine {
    /// Who takes deliveries to the address that ends in this word.
    pub fn door(&self, token: &str) -> Option<Arc<Door>> {
        self.inner.doors.find(token)
    }

    /// Deliveries that came and wait for the store, by integration with an open door.
    pub fn deliveries_waiting(&self) -> Vec<(IntegrationId, usize)> {
        let state = self.state();
        let waiting =
            |(id, one): (&IntegrationId, &Runtime)| Some((*id, one.endpoint.door.as_ref()?.waiting()));
        state.runtimes.iter().filter_map(waiting).collect()
    }

    /// Where the receiver of this process listens.
    pub fn listening(&self) -> Option<String> {
        self.inner.doors.listening()
    }

    /// A receiver listens there, or no more.
    pub fn listens(&self, at: Option<&str>) {
        self.inner.doors.listens(at.map(str::to_owned));
        let ids: Vec<IntegrationId> = {
            let mut state = self.state();
            for runtime in state.runtimes.values_mut() {
                runtime.endpoint.listening = at.map(str::to_owned);
            }
            state.runtimes.keys().copied().collect()
        };
        for id in ids {
            self.reschedule(id);
        }
        self.inner.changed.notify_one();
    }
}

/// Deliveries go on after Stripe had stopped them: what happened in between is only in its list of events.
pub fn resumed(before: &Integration, after: &Integration) -> bool {
    let status = |one: &Integration| one.endpoint.as_ref()?.seen.as_ref().map(|seen| seen.status);
    status(after) == Some(Status::Enabled) && status(before).is_some_and(|status| status != Status::Enabled)
}

/// Stripe's list had an event, made at `created`, that should have been delivered and was not: a look tells why.
pub fn missed(state: &mut State, id: IntegrationId, created: i64, now: i64) {
    if let Some(runtime) = state.runtimes.get_mut(&id)
        && runtime.endpoint.door.is_some()
        && created > runtime.endpoint.opened_at
    {
        runtime.endpoint.missed_at.get_or_insert(now);
        runtime.endpoint.look.notify_one();
    }
}

/// What front-ends are shown.
pub fn view(store: &Store, runtime: &Runtime) -> Option<EndpointView> {
    let config = &runtime.config;
    let note = config.endpoint.as_ref()?;
    if config.delivery != Delivery::Endpoint && note.leaving.is_none() {
        return None;
    }
    let here = &runtime.endpoint;
    let (less, more) = note.differs(&events(config.billing, config.all_events));
    Some(EndpointView {
        id: note.id.clone(),
        url: note.url(),
        by_hand: note.by_hand,
        state: note.state(store.install_id()),
        listening: here.listening.clone(),
        trouble: here.trouble.as_ref().map(ToString::to_string),
        last_delivery_at: here.last_at,
        missed_at: here.missed_at,
        checked_at: note.seen.as_ref().map(|seen| seen.at),
        undelivered: note.seen.as_ref().and_then(|seen| seen.undelivered),
        less,
        more,
        unsigned: here.tally.unsigned.load(Ordering::Relaxed),
        untimely: here.tally.untimely.load(Ordering::Relaxed),
        all_events: config.all_events,
        others: here.others.clone(),
        passing: here.trouble.as_ref().is_some_and(|unread| unread.passing),
        astray: note.astray(),
    })
}
