//! Snapshots and events made by hand, all at one fixed moment, and a fake engine that serves them.

use std::mem::Discriminant;
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use tokio::sync::watch;

use super::canned_events;
use crate::engine::api::*;
use crate::stripe::kind::Kind;
use crate::tui::Engine;
use crate::vault::secret::Secret;

/// 14:02:13 in Berlin.
pub const NOW: i64 = 1_763_816_533;

/// The names of all canned snapshots.
pub const NAMES: &[&str] = &[
    "data", "empty", "opening", "failed", "offline", "refused", "many", "running", "idle", "demo", "nothing",
    "hooks", "down",
];

pub fn integration(id: u32, name: &str, livemode: bool) -> IntegrationView {
    IntegrationView {
        id: IntegrationId(id),
        name: name.into(),
        description: String::new(),
        key: "rk_live_••••4242".into(),
        key_place: "sealed here".into(),
        connected_at: 1_763_000_000,
        account: format!("acct_1Qx{id}"),
        livemode,
        billing: true,
        delivery: Delivery::Poll,
        link: LinkView::Off,
        endpoint: None,
        timezone: "Europe/Berlin".into(),
        health: Health::Connected,
        poll: PollView {
            every_s: 900,
            last_at: Some(NOW - 858),
            next_at: Some(NOW + 42),
            running: false,
            error: None,
            held: None,
        },
        last_event_at: Some(NOW - 2),
        complete_to: Some(NOW - 2),
        reads: ReadsView { last_30_days: 1412, floor: 10_000 },
        events_kept: 412_019,
        events_bytes: 118_240_512,
        events_today: 3214,
        payments_today: today(id),
        open_cases: 212,
        heard_at: None,
        gaps: Vec::new(),
        hole_at: None,
        events_per_minute: (0..30).map(|n| n * n % 23 + n).collect(),
        catalog: CatalogCounts {
            total: 41_200,
            pending: 1909,
            synced: 39_280,
            error: 9,
            stale: 2,
            open: 1200,
            paid: 39_000,
            uncollectible: 400,
            void: 600,
            ..CatalogCounts::default()
        },
        stored: vec![
            stored(Kind::Invoice, 39_280, true),
            stored(Kind::Customer, 8113, true),
            stored(Kind::PaymentIntent, 52_871, true),
            stored(Kind::Subscription, 6020, true),
            stored(Kind::Refund, 1204, true),
            stored(Kind::Dispute, 0, false),
        ],
        discover: None,
        sync: None,
        sync_estimate_reads: 14,
    }
}

/// What failed today and came back: three currencies at the first account, nothing at the second.
fn today(id: u32) -> Vec<PaymentsToday> {
    let money = |cases, amount| Money { cases, amount };
    let of = |code: &str, failed, recovered| PaymentsToday { currency: code.into(), failed, recovered };
    match id {
        2 => Vec::new(),
        1 => vec![
            of("eur", money(13, 120_400), money(6, 40_200)),
            of("usd", money(4, 31_000), Money::default()),
            of("jpy", money(1, 12_400), Money::default()),
        ],
        _ => vec![of("eur", money(1, 5_000), Money::default())],
    }
}

fn stored(kind: Kind, count: u64, allowed: bool) -> StoredKind {
    StoredKind { kind, count, synced_at: allowed.then_some(NOW - 1873), allowed }
}

pub fn job(kind: JobKind, state: JobState) -> JobView {
    let running = state == JobState::Running;
    JobView {
        id: JobId(if kind == JobKind::Discover { 3 } else { 4 }),
        kind,
        state,
        outcome: None,
        started_at: NOW - 1895,
        finished_at: (!running).then_some(NOW - 1873),
        statuses: vec![],
        from: Some("2025-01-01".into()),
        to: None,
        done: if kind == JobKind::Discover { 41_200 } else { 39_280 },
        total: (kind == JobKind::Sync).then_some(41_200),
        fraction: Some(if kind == JobKind::Discover { 0.62 } else { 0.953 }),
        rate: if running { 1480.4 } else { 0.0 },
        eta_s: running.then_some(17),
        pages: 412,
        reads: 412,
        retries: 2,
        skipped: 0,
        errors: u64::from(running) * 9,
        remaining: 1911,
        waiting: None,
        parts: vec![
            PartView {
                kind: Kind::Invoice,
                done: 39_280,
                total: Some(41_200),
                finished: false,
                ..PartView::new(Kind::Invoice)
            },
            PartView {
                kind: Kind::Customer,
                done: 8113,
                total: Some(8113),
                finished: true,
                ..PartView::new(Kind::Invoice)
            },
            PartView { not_allowed: true, ..PartView::new(Kind::Dispute) },
        ],
        warnings: vec![],
        error: None,
        pace: "polite: 15 of Stripe's 25 GET/s".into(),
        gets_per_s: 14.0,
        gets_limit: 40,
    }
}

pub fn snapshot(name: &str) -> Snapshot {
    let mut all = vec![
        integration(1, "Acme Inc", true),
        integration(2, "Acme sandbox", false),
        integration(3, "Acme EU", true),
        integration(4, "Acme Labs", true),
    ];
    all[2].health = Health::Degraded {
        missing: vec![Missing {
            permission: "rak_dispute_read".into(),
            resource: "disputes".into(),
            costs: "disputes are not shown".into(),
        }],
    };
    all[3].health = Health::KeyRefused {
        since: NOW - 7273,
        reason: "Stripe says: the key has expired (api_key_expired)".into(),
    };
    all[0].discover = Some(job(JobKind::Discover, JobState::Running));
    all[0].sync = Some(job(JobKind::Sync, JobState::Completed));
    let mut it = Snapshot {
        events_keep: "13 months".into(),
        phase: Phase::Ready,
        demo: false,
        read_only: false,
        data_dir: "/home/ada/.local/share/tillwatch".into(),
        attached: None,
        integrations: all,
        events_version: 1,
        records_version: 1,
        targets: super::canned_forward::targets(),
        deliveries_version: 1,
        cases_version: 1,
        alerts: Vec::new(),
        key_checks: Vec::new(),
        remembered: None,
        messages: vec![Message {
            seq: 1,
            at: NOW - 15,
            level: Level::Info,
            integration: Some(IntegrationId(1)),
            text: "12 events recovered, gap of 41 s; nothing is missing".into(),
        }],
    };
    match name {
        "empty" => {
            it.integrations.clear();
            it.targets.clear();
        }
        "nothing" => it.targets.clear(),
        "hooks" | "down" => super::canned_endpoint::fill(&mut it.integrations, name),
        "opening" => {
            it = Snapshot { data_dir: it.data_dir, ..Snapshot::default() };
        }
        "failed" => {
            it.phase = Phase::Failed {
                reason: "The store was written by a newer tillwatch (format 3, this one knows 2): \
                         update tillwatch, or restore a backup with `tillwatch restore`."
                    .into(),
            };
            it.integrations.clear();
        }
        "offline" => {
            it.integrations[0].health =
                Health::Offline { since: NOW - 300, reason: "api.stripe.com does not answer".into() };
            it.integrations[0].last_event_at = Some(NOW - 400);
            it.integrations[0].complete_to = Some(NOW - 90_000);
            let job = it.integrations[0].discover.as_mut().unwrap();
            job.waiting = Some("no network; tries again in 8 s".into());
            job.eta_s = None;
        }
        "refused" => it.integrations.swap(0, 3),
        "many" => {
            it.integrations = (1..=60)
                .map(|n| integration(n, &format!("Konto {n} 日本語 🎉 with quite a long name"), n % 3 == 0))
                .collect();
        }
        "running" => {
            it.integrations[0].sync = Some(job(JobKind::Sync, JobState::Running));
            let sync = it.integrations[0].sync.as_mut().unwrap();
            sync.waiting = Some("Stripe said slow down (endpoint-rate), 2 s".into());
            sync.warnings = vec!["disputes: not allowed for this key (rak_dispute_read)".into()];
        }
        "idle" => {
            let mut job = job(JobKind::Discover, JobState::Failed);
            job.error = Some("Stripe answered 500 three times at page 310 (req_8sKq1)".into());
            it.integrations[0].discover = Some(job);
            it.integrations[0].health = Health::Connected;
            it.integrations.truncate(2);
        }
        "demo" => {
            it.demo = true;
            it.read_only = true;
            it.integrations.truncate(1);
            it.integrations[0].livemode = false;
            it.integrations[0].catalog = CatalogCounts::default();
            it.integrations[0].discover = None;
            it.integrations[0].sync = None;
            it.integrations[0].last_event_at = None;
            it.integrations[0].complete_to = None;
            it.integrations[0].stored.clear();
            it.integrations[0].timezone = "Not/AZone".into();
        }
        _ => {}
    }
    it
}

/// The feed's events, newest first; ones in other currencies, other days, other accounts.
pub fn events(name: &str) -> Vec<EventRow> {
    if matches!(name, "empty" | "opening" | "failed" | "refused" | "nothing") {
        return Vec::new();
    }
    let kinds = [
        ("invoice.paid", "in_1QxAbR2eZvKYlo2C7Kp", Some((124_000, "usd")), "Northwind Traders"),
        (
            "payment_intent.payment_failed",
            "pi_3QyCdT2eZvKYlo2C0Lm",
            Some((8900, "eur")),
            "insufficient_funds: the card has too little",
        ),
        ("invoice.payment_failed", "in_1QxAaQ2eZvKYlo2C5Hn", Some((8900, "eur")), "Initech GmbH · try 2"),
        ("customer.updated", "cus_Pq12XyAbCdEf9a", None, "Initech GmbH"),
        ("invoice.upcoming", "", None, ""),
        ("payment_intent.succeeded", "pi_3QyBzZ2eZvKYlo2C8Qw", Some((12_400, "jpy")), "ソイレント株式会社"),
        ("payment_intent.requires_action", "pi_3QyByV2eZvKYlo2C1Er", Some((4500, "gbp")), "3-D Secure"),
        ("charge.refunded", "ch_3QyBxU2eZvKYlo2C6Ty", Some((-2000, "usd")), "Stark Industries"),
        ("charge.dispute.created", "dp_1QyBwT2eZvKYlo2C3Ui", Some((54_000, "usd")), "fraudulent"),
        ("customer.subscription.trial_will_end", "sub_1QwZ2eZvKYlo2C0Op", None, "Wonka 🍫"),
        ("invoice.finalized", "in_1QxAaP2eZvKYlo2C2Jd", Some((123_456_789_012, "kwd")), "Hooli"),
    ];
    (0..1000_i64)
        .map(|n| {
            let (event_type, object, amount, who) = kinds[n as usize % kinds.len()];
            EventRow {
                integration: IntegrationId(1 + (n % 3) as u32),
                id: format!("evt_1Qx{:06}", 999_999 - n),
                created: NOW - 2 - n * n / 7,
                received: NOW - n,
                event_type: event_type.into(),
                object: object.into(),
                amount: amount.map(|(n, code)| (n, code.to_owned())),
                who: who.into(),
                source: Source::Poll,
                starred: false,
                marks: crate::engine::api::Marks::default(),
            }
        })
        .collect()
}

/// As it comes out at the other end of a socket.
fn written_down<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// An engine without anything behind it.
pub struct Fake {
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub rows: Mutex<Vec<EventRow>>,
    pub asked: Mutex<Vec<Request>>,
    /// Which of the canned snapshots it began with.
    pub name: String,
    /// Keys that were handed over; a ticket is a place in here, from 1.
    pub keys: Mutex<Vec<String>>,
    /// Sorts of requests with their answers that were looked at.
    seen: Mutex<Vec<(Discriminant<Request>, Discriminant<Answer>)>>,
    /// What becomes of the next webhook endpoint.
    pub endpoint: Mutex<EndpointView>,
}

impl Fake {
    pub fn new(name: &str) -> Arc<Fake> {
        Arc::new(Fake {
            snapshots: watch::Sender::new(Arc::new(snapshot(name))),
            rows: Mutex::new(events(name)),
            asked: Mutex::new(Vec::new()),
            name: name.to_owned(),
            keys: Mutex::new(Vec::new()),
            seen: Mutex::new(Vec::new()),
            endpoint: Mutex::new(super::canned_endpoint::enabled()),
        })
    }

    /// Whatever is asked and answered could be so by another process.
    pub fn answer(&self, request: &Request) -> Answer {
        let answer = self.made_up(request);
        // Once of each sort: a whole window is slow to write down.
        let sort = (std::mem::discriminant(request), std::mem::discriminant(&answer));
        let mut seen = self.seen.lock().unwrap();
        if !seen.contains(&sort) {
            assert_eq!(*request, written_down(request));
            assert_eq!(answer, written_down(&answer), "{request:?}");
            seen.push(sort);
        }
        answer
    }

    fn made_up(&self, request: &Request) -> Answer {
        self.asked.lock().unwrap().push(request.clone());
        let version = self.snapshots.borrow().events_version;
        match request {
            Request::Events(query) => canned_events::window(&self.rows.lock().unwrap(), query, version),
            Request::Event { integration, id } => {
                canned_events::event(&self.rows.lock().unwrap(), *integration, id)
            }
            // The feed's own objects have their events; any other has a made-up timeline.
            Request::Timeline { integration, object, limit, .. }
                if self.rows.lock().unwrap().iter().any(|row| row.object == *object) =>
            {
                canned_events::timeline(&self.rows.lock().unwrap(), *integration, object, *limit)
            }
            Request::Star { event, on, .. } => {
                let mut rows = self.rows.lock().unwrap();
                rows.iter_mut().filter(|row| row.id == *event).for_each(|row| row.starred = *on);
                Answer::Done
            }
            Request::Discover { .. } => Answer::Started { job: JobId(9), resumed: true },
            Request::Sync { .. } => Answer::Refused { reason: "the catalog is empty: discover first".into() },
            Request::Cancel { .. } | Request::Poll { .. } => Answer::Done,
            Request::Records(query) if !query.catalog => {
                let version = self.snapshots.borrow().records_version;
                super::canned_records::records(query, version)
            }
            Request::Object { integration, id } => super::canned_records::object(*integration, id),
            Request::Timeline { from, limit, .. } => {
                super::canned_records::timeline(&self.rows.lock().unwrap(), from.as_ref(), *limit)
            }
            Request::Search { text, limit } => super::canned_records::search(text, *limit),
            other => self
                .connecting(other)
                .or_else(|| super::canned_forward::answer(&self.name, &self.snapshots.borrow(), other))
                .or_else(|| super::canned_sync::answer(&self.snapshots.borrow(), other))
                .unwrap_or(Answer::NotHere),
        }
    }
}

impl Engine for Fake {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    fn request(&self, request: Request) -> BoxFuture<'static, Answer> {
        let answer = self.answer(&request);
        Box::pin(async move { answer })
    }

    fn offer_key(&self, key: Secret) -> BoxFuture<'static, Answer> {
        let answer = self.offered(&key);
        Box::pin(async move { answer })
    }
}
