//! What is asked of the writer: a batch of changes that is applied whole or not at all.
//!
//! One batch, one truth: a page, its records and the walk's cursor go in the same batch. A batch must stay
//! small (a page of a hundred objects): readers wait while it is applied.

use super::codec::Packed;
use super::merge::Via;
use super::read::EventPlace;
use super::record::{Header, State};
use crate::engine::api::{AttemptId, IntegrationId, Mark, TargetId};
use crate::stripe::kind::Kind;

/// An object to store.
#[derive(Debug, Clone)]
pub struct RecordWrite {
    /// Whose.
    pub integration: IntegrationId,
    /// Which kind.
    pub kind: Kind,
    /// Stripe's id.
    pub id: String,
    /// Content fields, `as_of`, `hash`, `more_lines`; the bookkeeping fields are the writer's.
    pub header: Header,
    /// The JSON as Stripe sent it, packed.
    pub packed: Packed,
    /// How it came.
    pub via: Via,
}

/// An event to store. Known ids are left alone.
#[derive(Debug, Clone)]
pub struct EventWrite {
    /// Whose.
    pub integration: IntegrationId,
    /// Stripe's id.
    pub id: String,
    /// Stripe's time.
    pub created: i64,
    /// Header bytes (`event_log.rs`) and packed JSON.
    pub header: Vec<u8>,
    /// The JSON as Stripe sent it, packed.
    pub packed: Packed,
    /// What the event changes; applied only if the event is new.
    pub records: Vec<RecordWrite>,
    /// Targets that it is to be sent to, each with its entry in their queues ([`super::forwards::Entry`]); put there
    /// only if the event is new.
    pub forwards: Vec<(TargetId, Vec<u8>)>,
}

/// Where events wait for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// To be sent.
    Waiting,
    /// For a person to send again.
    Parked,
}

/// A change of what is forwarded.
#[derive(Debug, Clone)]
pub enum ForwardChange {
    /// Put an entry, or write it anew.
    Put {
        /// Which queue.
        lane: Lane,
        /// Whose event.
        integration: IntegrationId,
        /// For which target.
        target: TargetId,
        /// The event's order of arrival.
        order: u64,
        /// The entry.
        value: Vec<u8>,
    },
    /// Take an entry out; one that is not there is out already.
    Take {
        /// Which queue.
        lane: Lane,
        /// Whose event.
        integration: IntegrationId,
        /// For which target.
        target: TargetId,
        /// The event's order of arrival.
        order: u64,
    },
    /// Keep an attempt; its number is the writer's.
    Attempt {
        /// Whose event.
        integration: IntegrationId,
        /// `evt_…`
        event: String,
        /// The row (`forward/attempts.rs`).
        row: Vec<u8>,
        /// What was sent and answered, packed; none: nothing was sent.
        detail: Option<Packed>,
    },
    /// Forget an attempt.
    Forget {
        /// Whose event.
        integration: IntegrationId,
        /// `evt_…`
        event: String,
        /// Which.
        id: AttemptId,
        /// Parts of its detail.
        parts: u16,
    },
}

/// A change of a catalog entry's state by sync.
#[derive(Debug, Clone)]
pub struct StateChange {
    /// Whose.
    pub integration: IntegrationId,
    /// The invoice.
    pub id: String,
    /// Only if the stored content is still this one (what sync worked on); else the entry stays as it is.
    pub if_hash: u64,
    /// What it becomes.
    pub outcome: Outcome,
    /// Pages of further lines to store with it (each a JSON array as received, packed); replaces older ones.
    pub lines: Vec<Packed>,
}

/// A catalog entry that a person wants in or out of the next sync.
#[derive(Debug, Clone)]
pub struct MarkChange {
    /// Whose.
    pub integration: IntegrationId,
    /// The invoice.
    pub id: String,
    /// In or out.
    pub mark: Mark,
}

impl Mark {
    /// What an entry in that state becomes; none: the mark means nothing to it. What is a record stays one:
    /// leaving it out would hide it. For one that is marked for sync, what belongs to it is read again (customer,
    /// payments, further lines); the invoice itself is as discover or an event brought it last.
    pub fn turns(self, state: State) -> Option<State> {
        match (self, state) {
            (Mark::Sync, State::Skipped | State::Error) => Some(State::Pending),
            (Mark::Sync, State::Synced) => Some(State::Stale),
            (Mark::Skip, State::Pending | State::Error) => Some(State::Skipped),
            _ => None,
        }
    }
}

/// How syncing one invoice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is a record now.
    Synced,
    /// It failed; the sentence says why.
    Failed(String),
    /// Stripe says that it does not exist (any more).
    Gone,
}

/// One change.
#[derive(Debug, Clone)]
pub enum Op {
    /// Store an object by the rules of `merge.rs`.
    Record(Box<RecordWrite>),
    /// Store an event and what it changes.
    Event(Box<EventWrite>),
    /// Change a catalog entry's state.
    State(Box<StateChange>),
    /// Take a catalog entry into the next sync, or leave it out.
    Mark(Box<MarkChange>),
    /// Star an event, or take its star away.
    Star {
        /// Whose.
        integration: IntegrationId,
        /// `evt_…`
        event: String,
        /// With or without.
        on: bool,
    },
    /// Remove an event that is too old to keep. One that is starred, not there, or younger than
    /// [`retention::YOUNGEST_S`](crate::events::retention::YOUNGEST_S) stays as it is.
    DropEvent {
        /// Where it is.
        place: EventPlace,
        /// `evt_…`
        id: String,
    },
    /// Change what is forwarded.
    Forward(Box<ForwardChange>),
    /// Write (or with `None` remove) a small document.
    Meta(String, Option<Vec<u8>>),
    /// Add to the count of GETs of a UTC day.
    Reads {
        /// Whose.
        integration: IntegrationId,
        /// Days since 1970.
        day: i64,
        /// How many.
        reads: u64,
    },
    /// Count GETs, counted by [`Op::Reads`] too, as such that nobody asked for.
    Automatic {
        /// Whose.
        integration: IntegrationId,
        /// Days since 1970.
        day: i64,
        /// How many.
        reads: u64,
    },
    /// Remove a key as it is: only where a whole integration goes.
    RemoveKey(Vec<u8>),
    /// Forget the counters of an integration that is gone.
    Forget(IntegrationId),
}

/// Changes that are applied together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// In this order.
    pub ops: Vec<Op>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object.
    pub fn record(&mut self, write: RecordWrite) -> &mut Self {
        self.ops.push(Op::Record(Box::new(write)));
        self
    }

    /// Adds an event.
    pub fn event(&mut self, write: EventWrite) -> &mut Self {
        self.ops.push(Op::Event(Box::new(write)));
        self
    }

    /// Adds a change of state.
    pub fn state(&mut self, change: StateChange) -> &mut Self {
        self.ops.push(Op::State(Box::new(change)));
        self
    }

    /// Adds a mark on a catalog entry.
    pub fn mark(&mut self, change: MarkChange) -> &mut Self {
        self.ops.push(Op::Mark(Box::new(change)));
        self
    }

    /// Adds a star of an event, or takes it away.
    pub fn star(&mut self, integration: IntegrationId, event: impl Into<String>, on: bool) -> &mut Self {
        self.ops.push(Op::Star { integration, event: event.into(), on });
        self
    }

    /// Adds a change of what is forwarded.
    pub fn forward(&mut self, change: ForwardChange) -> &mut Self {
        self.ops.push(Op::Forward(Box::new(change)));
        self
    }

    /// Adds a small document. Documents are our own types: writing them as JSON can't fail.
    pub fn meta<T: serde::Serialize>(&mut self, name: impl Into<String>, value: &T) -> &mut Self {
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        self.ops.push(Op::Meta(name.into(), Some(bytes)));
        self
    }

    /// Removes a small document.
    pub fn remove_meta(&mut self, name: impl Into<String>) -> &mut Self {
        self.ops.push(Op::Meta(name.into(), None));
        self
    }

    /// Adds to the count of GETs.
    pub fn reads(&mut self, integration: IntegrationId, day: i64, reads: u64) -> &mut Self {
        if reads > 0 {
            self.ops.push(Op::Reads { integration, day, reads });
        }
        self
    }

    /// Counts GETs, counted by [`Batch::reads`] too, as such that nobody asked for.
    pub fn automatic(&mut self, integration: IntegrationId, day: i64, reads: u64) -> &mut Self {
        if reads > 0 {
            self.ops.push(Op::Automatic { integration, day, reads });
        }
        self
    }

    /// Removes an event that is too old to keep.
    pub fn drop_event(&mut self, place: EventPlace, id: String) -> &mut Self {
        self.ops.push(Op::DropEvent { place, id });
        self
    }

    pub(super) fn remove_key(&mut self, key: Vec<u8>) {
        self.ops.push(Op::RemoveKey(key));
    }

    pub(super) fn forget(&mut self, integration: IntegrationId) {
        self.ops.push(Op::Forget(integration));
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

/// When a batch counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Applied: readers see it; on disk within half a second. A kill may lose it whole, never in part.
    Applied,
    /// On disk, survives a power cut: needed before anything is acknowledged to somebody else.
    Synced,
}

/// What a batch changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Objects that were new.
    pub created: u64,
    /// Objects whose content changed.
    pub changed: u64,
    /// Events that were new.
    pub events: u64,
    /// Events that were known.
    pub known_events: u64,
    /// Events that were removed for their age.
    pub dropped_events: u64,
    /// State changes that no longer fitted (the content changed meanwhile).
    pub outdated: u64,
    /// The last attempt that was stored.
    pub attempt: Option<AttemptId>,
}
