//! What the writer tells readers that keep something in memory: which records and events it just stored.
//!
//! Nothing is held while nobody listens. It must never make the writer wait, and never grow without end: when
//! a listener falls too far behind, what was held is dropped and it is told to read everything anew.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::read::EventPlace;
use super::record::Header;
use crate::engine::api::IntegrationId;
use crate::stripe::kind::Kind;

/// Changes held for a listener; about 100 MB of the largest headers, 40 of usual ones.
const MOST: usize = 150_000;

/// A record as it was just stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// Whose.
    pub integration: IntegrationId,
    /// Which kind.
    pub kind: Kind,
    /// Stripe's id.
    pub id: String,
    /// As it is now.
    pub header: Header,
}

/// An event that was just stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventChange {
    /// Whose.
    pub integration: IntegrationId,
    /// Stripe's time.
    pub created: i64,
    /// Its order of arrival.
    pub order: u64,
    /// Header bytes, as in [`super::batch::EventWrite`].
    pub header: Vec<u8>,
    /// `evt_…`
    pub id: String,
}

/// What was stored since it was last asked.
#[derive(Debug, Default)]
pub struct Stored {
    /// In the order of storing.
    pub records: Vec<RecordChange>,
    /// In the order of arrival.
    pub events: Vec<EventChange>,
    /// Events that were removed for their age. They were stored long before all of the above.
    pub dropped: Vec<EventPlace>,
    /// Integrations whose records were removed, after all of the above.
    pub gone: Vec<IntegrationId>,
    /// Some were dropped: read everything anew.
    pub lost: bool,
}

impl Stored {
    /// Nothing happened.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
            && self.events.is_empty()
            && self.dropped.is_empty()
            && self.gone.is_empty()
            && !self.lost
    }
}

/// The writer's side and the listener's. There is one listener.
#[derive(Default)]
pub struct Changes {
    listening: AtomicBool,
    version: AtomicU64,
    held: Mutex<Stored>,
    rang: Mutex<bool>,
    bell: Condvar,
}

impl Changes {
    /// Lets the versions begin here, if they are not beyond it.
    pub fn begin_at(&self, version: u64) {
        self.version.fetch_max(version, Ordering::AcqRel);
    }

    /// Rises by one with every batch that stores records.
    pub fn records_version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Tables show more than before, though nothing was stored: readers shall look again.
    pub fn touch(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// From now on changes are held. Whatever was stored before is to be read from the store.
    pub fn listen(&self) {
        self.listening.store(true, Ordering::SeqCst);
    }

    /// Holds nothing any more.
    pub fn leave(&self) {
        self.listening.store(false, Ordering::SeqCst);
        *self.held() = Stored::default();
    }

    pub(super) fn listened(&self) -> bool {
        self.listening.load(Ordering::SeqCst)
    }

    /// The writer's: a batch was applied.
    pub(super) fn stored(&self, records: Vec<RecordChange>, events: Vec<EventChange>, any_record: bool) {
        if !records.is_empty() || !events.is_empty() {
            let mut held = self.held();
            if held.records.len() + records.len() > MOST || held.events.len() + events.len() > MOST {
                let gone = std::mem::take(&mut held.gone);
                *held = Stored { lost: true, gone, ..Stored::default() };
            } else {
                held.records.extend(records);
                held.events.extend(events);
            }
        }
        // After the changes: whoever sees the new version also finds what it stands for.
        if any_record {
            self.touch();
        }
        if self.listened() {
            self.ring();
        }
    }

    /// The writer's: these events were removed for their age.
    pub(super) fn dropped(&self, places: Vec<EventPlace>) {
        if places.is_empty() {
            return;
        }
        let mut held = self.held();
        if held.dropped.len() + places.len() > MOST {
            let gone = std::mem::take(&mut held.gone);
            *held = Stored { lost: true, gone, ..Stored::default() };
        } else {
            held.dropped.extend(places);
        }
        drop(held);
        self.ring();
    }

    /// The writer's: everything of these integrations was removed.
    pub(super) fn removed(&self, integrations: Vec<IntegrationId>) {
        if integrations.is_empty() {
            return;
        }
        if self.listened() {
            self.held().gone.extend(integrations);
        }
        self.touch();
        if self.listened() {
            self.ring();
        }
    }

    /// What was stored since the last call.
    pub fn take(&self) -> Stored {
        std::mem::take(&mut *self.held())
    }

    /// Waits until something was stored, or [`Changes::ring`] was called, at most so long.
    pub fn wait(&self, most: Duration) {
        let rang = self.rang.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(rang, most, |rang| !*rang);
        if let Ok((mut rang, _)) = waited {
            *rang = false;
        }
    }

    /// Wakes who waits.
    pub fn ring(&self) {
        *self.rang.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    fn held(&self) -> MutexGuard<'_, Stored> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
