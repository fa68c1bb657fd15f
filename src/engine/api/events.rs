//! Events as the feed and the detail show them. Never a whole log: windows of it.

use serde::{Deserialize, Serialize};

use super::{IntegrationId, Link, ObjectDetail};

/// What the feed shows of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Whose it is.
    pub integration: IntegrationId,
    /// `evt_…`
    pub id: String,
    /// Stripe's time of it.
    pub created: i64,
    /// When it was stored here, Unix seconds.
    pub received: i64,
    /// `invoice.paid`
    pub event_type: String,
    /// Id of the object it is about; empty when the object has none (`invoice.upcoming`).
    pub object: String,
    /// The amount that matters for this type, in minor units, with its ISO code in lower case.
    pub amount: Option<(i64, String)>,
    /// Who or why: a customer's name or e-mail, a decline code. Already free of control characters.
    pub who: String,
    /// Where it came from.
    pub source: Source,
    /// A person starred it.
    #[serde(default)]
    pub starred: bool,
    /// What was odd about its coming.
    #[serde(default)]
    pub marks: Marks,
}

/// What was odd about an event's coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Marks {
    /// It came more than a minute after it happened, or by a read of Stripe's list that it should have preceded.
    #[serde(default)]
    pub late: bool,
    /// Another event of its type, for its object, in its second was there already.
    #[serde(default)]
    pub twin: bool,
    /// Something newer about its object was here already.
    #[serde(default)]
    pub out_of_order: bool,
    /// It is about a connected account, not about this one: stored, not applied.
    #[serde(default)]
    pub connected: bool,
}

impl Marks {
    /// The marks that it has, as words and what each means.
    pub fn told(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (self.late, "late", "it came long after it happened, or had to be fetched"),
            (self.twin, "twin", "another event of its type, about the same object, in the same second"),
            (self.out_of_order, "disorder", "something newer about its object was here before it"),
            (self.connected, "connected", "of a connected account: stored, and applied to no record here"),
        ]
        .into_iter()
        .filter_map(|(on, word, means)| on.then_some((word, means)))
    }
}

/// A moment without a live connection, as a read of Stripe's list closed it. Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Since when.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// Events that the read brought.
    pub recovered: u64,
}

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Read from `/v1/events`.
    Poll,
    /// The relay socket.
    Relay,
    /// A webhook endpoint.
    Endpoint,
}

/// A place in the feed, which is ordered newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPos {
    /// Stripe's time.
    pub created: i64,
    /// The event's id.
    pub id: String,
}

/// Which rows of the feed are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventQuery {
    /// One integration, or all.
    pub integration: Option<IntegrationId>,
    /// Start at this event (inclusive); none: at the newest.
    pub from: Option<EventPos>,
    /// Rows wanted, newest first; at most 500.
    pub limit: usize,
    /// In the filter language (docs/filters.md); empty: everything.
    #[serde(default)]
    pub filter: String,
    /// The oldest rows instead (`from` is not looked at).
    #[serde(default)]
    pub oldest: bool,
    /// Rows wanted before (newer than) `from`, on top of `limit`; at most 500.
    #[serde(default)]
    pub before: usize,
}

/// A window of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventWindow {
    /// Newest first.
    pub rows: Vec<EventRow>,
    /// Rows in the feed that are newer than the first of `rows`.
    pub newer: u64,
    /// Rows in the feed altogether, whatever the filter.
    pub total: u64,
    /// Rows that match the filter; none: there is no filter, or not all was looked at yet.
    #[serde(default)]
    pub matching: Option<u64>,
    /// With a filter: everything back to this moment was looked at; none: all of it.
    #[serde(default)]
    pub looked_to: Option<i64>,
    /// The snapshot's `events_version` at the time of reading.
    pub version: u64,
}

/// One event, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDetail {
    /// As the feed shows it.
    pub row: EventRow,
    /// What happened, in one sentence: `Payment of INV-2041 by Initech GmbH failed: insufficient_funds`.
    pub what: String,
    /// More that matters, as name and value: `next`, `tries`.
    pub facts: Vec<super::Fact>,
    /// The JSON as Stripe sent it.
    pub json: String,
    /// What changed.
    pub changes: Changes,
    /// The object as it is stored now.
    pub now: Option<ObjectDetail>,
    /// The object and its customer.
    pub links: Vec<Link>,
    /// The event's page in Stripe's dashboard.
    pub url: Option<String>,
}

/// What an event changed, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// How it is known.
    pub basis: Basis,
    /// In the order of the object's fields.
    pub items: Vec<Change>,
}

/// What a list of changes rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum Basis {
    /// The event's own `previous_attributes`.
    PreviousAttributes,
    /// Compared with what an earlier event of ours says of the object.
    EarlierEvent {
        /// Its id.
        id: String,
        /// Its `created`.
        at: i64,
    },
    /// Compared with our copy.
    OurCopy {
        /// The moment at which that held, in Stripe's time.
        as_of: i64,
    },
    /// The object began with this event.
    Created,
    /// There is nothing to compare with.
    Nothing,
}

/// One field that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its path within the object, `lines.data[0].amount`.
    pub path: String,
    /// Before, as JSON or as an amount or time for a person; none: it was not there.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}
