//! The status of one integration as a document: what `tillwatch status` prints and what the HTTP endpoint
//! will serve. Field names are fixed (sync API reference, §1.4): scripts rely on them.

use serde::Serialize;

use super::api::{
    CatalogCounts, Delivery, EndpointState, Health, IntegrationView, JobState, JobView, LinkView,
};

/// The whole document. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusBody {
    /// The integration's name.
    pub organization_uid: String,
    /// `acct_…`
    pub account: String,
    /// Live money or test mode.
    pub livemode: bool,
    /// The running or last discover.
    pub discover: Discover,
    /// The running or last sync.
    pub sync: Sync,
    /// The catalog's counts.
    pub catalog: Catalog,
    /// How it stays current.
    pub delivery: DeliveryBody,
    /// Our reads against Stripe's read allocation.
    pub reads: super::api::ReadsView,
    /// Permissions that the key lacks.
    pub missing_permissions: Vec<String>,
    /// The event log.
    pub event_log: EventLog,
    /// When a poll last ended well.
    pub last_poll_at: Option<String>,
    /// When the next one is due.
    pub next_poll_at: Option<String>,
}

/// The running or last discover.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Discover {
    /// `idle`, `queued`, `running`, `completed`, `failed`, `cancelled`
    pub status: &'static str,
    /// `job_7`
    pub job_id: Option<String>,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Resolved.
    pub statuses: Vec<String>,
    /// First day.
    pub from_date: Option<String>,
    /// Last day.
    pub to_date: Option<String>,
    /// Invoices listed.
    pub found: u64,
    /// Pages read.
    pub pages: u64,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// The running or last sync.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sync {
    /// As for discover.
    pub status: &'static str,
    /// `job_8`
    pub job_id: Option<String>,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Invoices (with billing off: payments) that became records.
    pub total_synced: u64,
    /// Left out.
    pub total_skipped: u64,
    /// Failed.
    pub total_errors: u64,
    /// Pending or stale now.
    pub remaining: u64,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// The catalog's counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Catalog {
    total: u64,
    pending: u64,
    processing: u64,
    synced: u64,
    skipped: u64,
    error: u64,
    stale: u64,
    gone: u64,
    by_stripe_status: ByStatus,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ByStatus {
    open: u64,
    paid: u64,
    uncollectible: u64,
    void: u64,
    draft: u64,
}

/// How it stays current.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryBody {
    /// `poll`, `relay`, `endpoint`
    pub mode: Delivery,
    /// `we_…`
    pub endpoint_id: Option<String>,
    /// The webhook endpoint; none: there is none.
    pub endpoint: Option<EndpointBody>,
    /// `connected`, `degraded`, `key_refused`, `offline`, `off`
    pub state: &'static str,
    /// Time of the newest event.
    pub last_event_at: Option<String>,
    /// Compared with Stripe's own list up to here.
    pub complete_to: Option<String>,
    /// Events older than Stripe's list were missed at that moment: only a full discover and sync make up for it.
    pub missed_at: Option<String>,
    /// The live connection; none: there is none to be had.
    pub link: Option<LinkBody>,
}

/// The webhook endpoint of an integration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndpointBody {
    /// `enabled`, `disabled`, `gone`, `unmade`, `no_secret`, `leaving`, `unknown`
    pub state: &'static str,
    /// One sentence on what is wrong and what to do; none: it works, as far as is known.
    pub problem: Option<String>,
    /// When Stripe was last asked.
    pub checked_at: Option<String>,
    /// When the last delivery was stored.
    pub last_delivery_at: Option<String>,
}

/// The live connection. Only a process that runs has one; the rest is what the last one left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkBody {
    /// `off`, `connecting`, `connected`, `resetting`, `waiting`, `refused`
    pub state: &'static str,
    /// Why it is not open.
    pub reason: Option<String>,
    /// The last sign of life.
    pub heard_at: Option<String>,
    /// The last moments without it, newest last.
    pub gaps: Vec<GapBody>,
}

/// A moment without a live connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapBody {
    /// Since when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// Events that were fetched for it.
    pub recovered: u64,
}

/// The event log of an integration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventLog {
    /// Events in it.
    pub events: u64,
    /// Bytes that they take as stored, without the database's own overhead.
    pub bytes: u64,
    /// How long they are kept: `13 months`, `for ever`.
    pub kept: String,
}

/// A time as the document writes it.
pub fn time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map(|time| time.to_string()).unwrap_or_default()
}

/// The document of an integration; `kept`: how long events are.
pub fn body(view: &IntegrationView, kept: &str) -> StatusBody {
    StatusBody {
        organization_uid: view.name.clone(),
        account: view.account.clone(),
        livemode: view.livemode,
        discover: discover(view.discover.as_ref()),
        sync: sync(view.sync.as_ref(), &view.catalog),
        catalog: catalog(&view.catalog),
        delivery: DeliveryBody {
            mode: view.delivery,
            endpoint_id: view.endpoint.as_ref().and_then(|one| one.id.clone()),
            endpoint: view.endpoint.as_ref().map(|one| EndpointBody {
                state: endpoint_word(&one.state),
                problem: one.problem(view.id.0),
                checked_at: one.checked_at.map(time),
                last_delivery_at: one.last_delivery_at.map(time),
            }),
            state: health(&view.health),
            last_event_at: view.last_event_at.map(time),
            complete_to: view.complete_to.map(time),
            missed_at: view.hole_at.map(time),
            link: (view.delivery == Delivery::Relay).then(|| link(view)),
        },
        reads: view.reads,
        missing_permissions: match &view.health {
            Health::Degraded { missing } => missing.iter().map(|one| one.permission.clone()).collect(),
            _ => Vec::new(),
        },
        event_log: EventLog { events: view.events_kept, bytes: view.events_bytes, kept: kept.to_owned() },
        last_poll_at: view.poll.last_at.map(time),
        next_poll_at: view.poll.next_at.map(time),
    }
}

/// An endpoint's state in a word.
pub fn endpoint_word(state: &EndpointState) -> &'static str {
    match state {
        EndpointState::Unmade { .. } => "unmade",
        EndpointState::NoSecret => "no_secret",
        EndpointState::Enabled => "enabled",
        EndpointState::Disabled { .. } => "disabled",
        EndpointState::Gone { .. } => "gone",
        EndpointState::Leaving { .. } => "leaving",
        EndpointState::Unknown => "unknown",
    }
}

/// The live connection's state in a word.
pub fn link_word(link: &LinkView) -> &'static str {
    match link {
        LinkView::Off => "off",
        LinkView::Connecting { .. } => "connecting",
        LinkView::Connected { .. } => "connected",
        LinkView::Resetting { .. } => "resetting",
        LinkView::Waiting { .. } => "waiting",
        LinkView::Refused { .. } => "refused",
    }
}

fn link(view: &IntegrationView) -> LinkBody {
    LinkBody {
        state: link_word(&view.link),
        reason: view.link.reason().cloned(),
        heard_at: view.heard_at.map(time),
        gaps: view
            .gaps
            .iter()
            .map(|gap| GapBody { from: time(gap.from), to: time(gap.to), recovered: gap.recovered })
            .collect(),
    }
}

/// The word for what an integration can do.
pub fn health(health: &Health) -> &'static str {
    match health {
        Health::Connected => "connected",
        Health::Degraded { .. } => "degraded",
        Health::KeyRefused { .. } => "key_refused",
        Health::Offline { .. } => "offline",
        Health::Disconnecting { .. } => "disconnecting",
        Health::Off => "off",
    }
}

fn state(job: Option<&JobView>) -> &'static str {
    match job.map(|job| job.state) {
        None => "idle",
        Some(JobState::Queued) => "queued",
        Some(JobState::Running) => "running",
        Some(JobState::Completed) => "completed",
        Some(JobState::Failed) => "failed",
        Some(JobState::Cancelled) => "cancelled",
    }
}

fn discover(job: Option<&JobView>) -> Discover {
    Discover {
        status: state(job),
        job_id: job.map(|job| job.id.to_string()),
        started_at: job.map(|job| time(job.started_at)),
        finished_at: job.and_then(|job| job.finished_at).map(time),
        statuses: job.map(|job| job.statuses.clone()).unwrap_or_default(),
        from_date: job.and_then(|job| job.from.clone()),
        to_date: job.and_then(|job| job.to.clone()),
        found: job.map_or(0, |job| job.done),
        pages: job.map_or(0, |job| job.pages),
        error_message: job.and_then(|job| job.error.clone()),
    }
}

fn sync(job: Option<&JobView>, catalog: &CatalogCounts) -> Sync {
    Sync {
        status: state(job),
        job_id: job.map(|job| job.id.to_string()),
        started_at: job.map(|job| time(job.started_at)),
        finished_at: job.and_then(|job| job.finished_at).map(time),
        total_synced: job.map_or(0, |job| job.done),
        total_skipped: job.map_or(0, |job| job.skipped),
        total_errors: job.map_or(0, |job| job.errors),
        remaining: catalog.pending + catalog.stale,
        error_message: job.and_then(|job| job.error.clone()),
    }
}

fn catalog(counts: &CatalogCounts) -> Catalog {
    Catalog {
        total: counts.total,
        pending: counts.pending,
        processing: counts.processing,
        synced: counts.synced,
        skipped: counts.skipped,
        error: counts.error,
        stale: counts.stale,
        gone: counts.gone,
        by_stripe_status: ByStatus {
            open: counts.open,
            paid: counts.paid,
            uncollectible: counts.uncollectible,
            void: counts.void,
            draft: counts.draft,
        },
    }
}
