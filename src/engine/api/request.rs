//! Requests and answers. One of each a line of thought; both are plain data.

use serde::{Deserialize, Serialize};

use super::{
    AttemptDetail, AttemptId, AttemptQuery, AttemptWindow, CaseDetail, CaseQuery, CaseWindow, CliProfile,
    ConnectSpec, DiscoverSpec, Edit, EndpointAction, EndpointLeft, EventDetail, EventPos, EventQuery,
    EventRow, EventWindow, IntegrationId, JobId, JobView, KeyTicket, Mark, ObjectDetail, PlanView,
    RecordQuery, RecordWindow, ReplayTo, SearchResult, SyncSpec, TargetId, TargetSpec,
};

/// What a front-end can ask of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Start (or resume) a discover.
    Discover {
        /// For whom.
        integration: IntegrationId,
        /// What.
        spec: DiscoverSpec,
    },
    /// Start (or resume) a sync.
    Sync {
        /// For whom.
        integration: IntegrationId,
        /// What.
        spec: SyncSpec,
    },
    /// Stop a running job, safely; it can be resumed.
    Cancel {
        /// Which.
        job: JobId,
    },
    /// Read `/v1/events` now.
    Poll {
        /// For whom.
        integration: IntegrationId,
    },
    /// Rows of the feed.
    Events(EventQuery),
    /// One event, whole.
    Event {
        /// Whose.
        integration: IntegrationId,
        /// `evt_…`
        id: String,
    },
    /// Stored events in which an object's id appears (its own, and those that name it), newest first.
    Timeline {
        /// Whose.
        integration: IntegrationId,
        /// Any Stripe id.
        object: String,
        /// Start at this event (inclusive); none: at the newest.
        from: Option<EventPos>,
        /// Rows wanted; at most 500.
        limit: usize,
    },
    /// Star an event, or take the star away.
    Star {
        /// Whose.
        integration: IntegrationId,
        /// `evt_…`
        event: String,
        /// With or without.
        on: bool,
    },
    /// Rows of a table.
    Records(RecordQuery),
    /// One object, whole.
    Object {
        /// Whose.
        integration: IntegrationId,
        /// Stripe's id; the kind follows from it.
        id: String,
    },
    /// Search everything.
    Search {
        /// As typed or pasted.
        text: String,
        /// Hits wanted; at most 200.
        limit: usize,
    },
    /// What a discover and the sync after it would do.
    Plan {
        /// For whom.
        integration: IntegrationId,
        /// The discover; none: only the sync.
        discover: Option<DiscoverSpec>,
        /// The sync; none: only the discover.
        sync: Option<SyncSpec>,
        /// A few pages may be looked at (at most 7 reads); else nothing is sent.
        look: bool,
    },
    /// Catalog entries that the next sync takes up, or leaves out.
    Mark {
        /// Whose.
        integration: IntegrationId,
        /// Invoice ids; at most 10 000.
        ids: Vec<String>,
        /// Which.
        mark: Mark,
    },
    /// Runs that ended, newest first.
    Runs {
        /// One integration, or all.
        integration: Option<IntegrationId>,
        /// Runs wanted; at most 200.
        limit: usize,
    },
    /// Try the key of a ticket (handed over apart). The check shows in the snapshots.
    TryKey {
        /// The key.
        ticket: KeyTicket,
        /// Probe what billing needs, too.
        billing: bool,
    },
    /// Forget a key that was offered.
    DropKey {
        /// The key.
        ticket: KeyTicket,
    },
    /// Try the key of a connected integration again. The check shows in the snapshots.
    Check {
        /// Which.
        integration: IntegrationId,
    },
    /// Connect with a key that was tried.
    Connect {
        /// The key.
        ticket: KeyTicket,
        /// What.
        spec: ConnectSpec,
    },
    /// Put a key that was tried in the place of the old one.
    NewKey {
        /// Whose.
        integration: IntegrationId,
        /// The key.
        ticket: KeyTicket,
        /// The account's name as typed: needed for a secret live key.
        confirmed: Option<String>,
    },
    /// Change an integration.
    Edit {
        /// Which.
        integration: IntegrationId,
        /// What.
        edit: Edit,
    },
    /// Disconnect: what is ours at Stripe is removed, the key is forgotten, the records stay unless purged.
    Disconnect {
        /// Which.
        integration: IntegrationId,
        /// Remove the records, too.
        purge: bool,
    },
    /// Look at the webhook endpoint of an integration, or set it right.
    Endpoint {
        /// Whose.
        integration: IntegrationId,
        /// What.
        action: EndpointAction,
    },
    /// Profiles of the Stripe CLI on this machine.
    CliProfiles,
    /// Take a key from such a profile; it is answered with a ticket, as if it had been pasted.
    CliProfileKey {
        /// Its name.
        profile: String,
        /// The live key.
        livemode: bool,
    },
    /// Forward events to a target.
    AddTarget(TargetSpec),
    /// Forward no more to it; what waits for it is dropped, its attempts stay.
    RemoveTarget {
        /// Which.
        target: TargetId,
    },
    /// Let events wait, or let them go again.
    PauseTarget {
        /// Which.
        target: TargetId,
        /// Wait.
        on: bool,
    },
    /// Try a target that is down now.
    TryTarget {
        /// Which.
        target: TargetId,
    },
    /// Rows of attempts.
    Attempts(AttemptQuery),
    /// One attempt, whole.
    Attempt {
        /// Which.
        id: AttemptId,
    },
    /// Send a stored event again; it is stored as an attempt.
    Replay {
        /// Whose.
        integration: IntegrationId,
        /// `evt_…`
        event: String,
        /// Where to.
        to: ReplayTo,
    },
    /// Send everything that is parked at a target, in its order.
    ReplayParked {
        /// Which.
        target: TargetId,
    },
    /// Rows of failed payments.
    Cases(CaseQuery),
    /// One failed payment, whole.
    Case {
        /// Whose.
        integration: IntegrationId,
        /// Its id.
        id: String,
    },
    /// Take the data folder over from a process that is gone; done at once where the engine is in this process.
    TakeOver,
    /// Keep this text for the next start of the screen; at most 64 KB.
    Remember {
        /// The screen's own business.
        text: String,
    },
}

/// What the engine answers. The content stands beside the tag: lists could not be written down otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "with", rename_all = "snake_case")]
pub enum Answer {
    /// The job runs; follow it in the snapshots.
    Started {
        /// Its number.
        job: JobId,
        /// An unfinished run was taken up again.
        resumed: bool,
    },
    /// The same kind of job already runs for this integration.
    Busy {
        /// The running one.
        job: JobId,
    },
    /// Done, nothing to add.
    Done,
    /// Rows of the feed.
    Events(EventWindow),
    /// One event.
    Event(Box<EventDetail>),
    /// Events of an object.
    Timeline(Vec<EventRow>),
    /// Rows of a table.
    Records(RecordWindow),
    /// One object.
    Object(Box<ObjectDetail>),
    /// There is no such object or event here.
    NotHere,
    /// What was found.
    Found(SearchResult),
    /// What a run would do.
    Plan(PlanView),
    /// Runs that ended.
    Runs(Vec<JobView>),
    /// A key was taken over.
    Ticket {
        /// Its ticket.
        ticket: KeyTicket,
    },
    /// It is connected.
    Connected {
        /// Its number.
        integration: IntegrationId,
    },
    /// It is disconnected, or is being.
    Disconnected {
        /// What became of its webhook endpoint at Stripe.
        left: EndpointLeft,
    },
    /// Profiles of the Stripe CLI.
    CliProfiles(Vec<CliProfile>),
    /// A target was added (or was there already, the same).
    Target {
        /// Its number.
        id: TargetId,
    },
    /// Rows of attempts.
    Attempts(AttemptWindow),
    /// One attempt.
    Attempt(Box<AttemptDetail>),
    /// Rows of failed payments.
    Cases(CaseWindow),
    /// One failed payment.
    Case(Box<CaseDetail>),
    /// A person has to agree first: ask again with `confirmed`.
    NeedsYes {
        /// What is asked: names the account, LIVE and the URL.
        question: String,
        /// The account's name, if it has to be typed; none: a plain yes.
        name: Option<String>,
    },
    /// A filter can't be read.
    BadFilter {
        /// Where, in characters from the beginning.
        at: usize,
        /// How many characters.
        length: usize,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// It can't be done: one sentence, what to do about it.
    Refused {
        /// For a person.
        reason: String,
    },
}
