//! What is worth an alert: pure, with time as a parameter.
//!
//! A reason is told when it has lasted long enough, once, and again only after it was over. It must never tell of
//! time that nobody watched: after a start or a sleep the waiting begins anew.

use std::collections::BTreeMap;

use super::Settings;
use crate::clock::{self, Zone};
use crate::engine::api::{
    Alert, AlertReason, CaseRow, CaseState, Delivery, EndpointView, Health, IntegrationId, IntegrationView,
    Level, LinkView, Snapshot,
};
use crate::engine::query::Heard;
use crate::stripe::money;
use crate::text;

/// Two looks further apart than this, in seconds, had a sleep between them.
const SLEPT: i64 = 120;
/// A failed payment may turn out to be an invoice's within this many seconds.
const SETTLES: i64 = 30;
/// Older failures that are heard of now are told by nobody: a day, in seconds.
const FRESH: i64 = 86_400;
/// Of a reason in a text.
const MOST_TEXT: usize = 300;

type Key = (IntegrationId, AlertReason);

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Without its number.
    pub alert: Alert,
    /// The failed payment.
    pub row: Option<CaseRow>,
}

/// Remembers what has begun, and what was told.
#[derive(Debug)]
pub struct Decider {
    settings: Settings,
    started_at: i64,
    watching_since: i64,
    looked_at: i64,
    /// When each reason began, and whether it was told.
    standing: BTreeMap<Key, (i64, bool)>,
    /// Cases that were told.
    told: BTreeMap<(IntegrationId, String), bool>,
}

impl Decider {
    /// Nothing known yet.
    pub fn new(settings: Settings, now: i64) -> Decider {
        Decider {
            settings,
            started_at: now,
            watching_since: now,
            looked_at: now,
            standing: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// When this process began to watch.
    pub fn started_at(&self) -> i64 {
        self.started_at
    }

    /// Looks at how things are; tells what is new.
    pub fn look(&mut self, snapshot: &Snapshot, heard: &[Heard], now: i64) -> Vec<Said> {
        if (now - self.looked_at).abs() > SLEPT {
            self.watching_since = now;
            for (since, told) in self.standing.values_mut() {
                if !*told {
                    *since = now;
                }
            }
        }
        self.looked_at = now;
        let mut out = Vec::new();
        for view in &snapshot.integrations {
            if matches!(view.health, Health::Off | Health::Disconnecting { .. }) {
                self.standing.retain(|key, _| key.0 != view.id);
                continue;
            }
            self.key(&mut out, view, now);
            self.endpoint(&mut out, view, now);
            self.source(&mut out, view, snapshot.read_only, now);
            self.unchecked(&mut out, view, now);
        }
        let here = |id: IntegrationId| snapshot.integrations.iter().any(|view| view.id == id);
        self.standing.retain(|key, _| here(key.0));
        for one in heard {
            if let Some(view) = snapshot.integrations.iter().find(|view| view.id == one.row.integration) {
                self.failed(&mut out, view, one, now);
            }
        }
        out
    }

    fn key(&mut self, out: &mut Vec<Said>, view: &IntegrationView, now: i64) {
        let refused = match &view.health {
            Health::KeyRefused { reason, .. } => Some(format!("Stripe refuses the key: {reason}")),
            _ => None,
        };
        self.stand(out, view, AlertReason::KeyRefused, Level::Error, refused, 0, "the key works again", now);
    }

    fn endpoint(&mut self, out: &mut Vec<Said>, view: &IntegrationView, now: i64) {
        let down = view.endpoint.as_ref().filter(|one| one.is_down());
        let text = down.and_then(EndpointView::wrong).map(|(what, _)| format!("{what}; events are polled"));
        let over = "the webhook endpoint is as it should be";
        self.stand(out, view, AlertReason::EndpointDown, Level::Error, text, 0, over, now);
    }

    fn source(&mut self, out: &mut Vec<Said>, view: &IntegrationView, read_only: bool, now: i64) {
        if self.settings.source_s <= 0 {
            return;
        }
        let wait = self.settings.source_s;
        // A refused key is told as such.
        let reason = if matches!(view.health, Health::KeyRefused { .. }) {
            None
        } else if let Some(error) = &view.poll.error {
            Some(error.clone())
        } else {
            match &view.link {
                // In read-only mode there is none because a person wants it so.
                link @ (LinkView::Waiting { .. } | LinkView::Refused { .. })
                    if view.delivery == Delivery::Relay && !read_only =>
                {
                    Some(link.reason().cloned().unwrap_or_default())
                }
                // On the way is neither up nor down.
                LinkView::Connecting { .. } if self.has_begun(view, AlertReason::SourceDead) => {
                    Some(String::new())
                }
                _ => match &view.health {
                    Health::Offline { reason, .. } => Some(reason.clone()),
                    _ => None,
                },
            }
        };
        let text = reason.map(|reason| {
            let since = clock::duration_left(wait.unsigned_abs());
            let mut text = format!("events have failed to come for {since}");
            if !reason.is_empty() {
                text.push_str(": ");
                text.push_str(&reason);
            }
            text
        });
        self.stand(out, view, AlertReason::SourceDead, Level::Error, text, wait, "events come again", now);
    }

    fn unchecked(&mut self, out: &mut Vec<Said>, view: &IntegrationView, now: i64) {
        if self.settings.unchecked_s <= 0 {
            return;
        }
        // A schedule of a person's own choice is no failure.
        let wait = self.settings.unchecked_s.max(2 * view.poll.every_s as i64);
        let checked = view.complete_to.unwrap_or(view.connected_at);
        let late = view.poll.every_s > 0
            && !matches!(view.health, Health::KeyRefused { .. })
            && now - checked.max(self.watching_since) > wait;
        // What was told is over only when there is a comparison again.
        let late = late || (self.was_told(view, AlertReason::Unchecked) && now - checked > wait);
        let text = late.then(|| {
            let zone = Zone::named(&view.timezone);
            format!(
                "nothing has been compared with Stripe's list since {}",
                clock::format_time(checked, zone)
            )
        });
        let over = "compared with Stripe's list again";
        self.stand(out, view, AlertReason::Unchecked, Level::Warning, text, 0, over, now);
    }

    fn failed(&mut self, out: &mut Vec<Said>, view: &IntegrationView, heard: &Heard, now: i64) {
        let row = &heard.row;
        let key = (row.integration, row.id.clone());
        let amount = money::format(heard.asked, &row.amount.1);
        let who = [&row.who, &row.number, &row.id].into_iter().find(|text| !text.is_empty());
        let who = who.map(String::as_str).unwrap_or_default();
        let (level, over, text) = match (self.told.get(&key), &row.state) {
            (None, CaseState::Active) => {
                let settled = !(heard.of_payment && view.billing) || now - heard.at >= SETTLES;
                let fresh = row.failed_at >= self.started_at - FRESH && row.failed_at >= view.connected_at;
                if !settled || !fresh {
                    return;
                }
                let text = format!("a payment of {amount} failed ({}): {who}", row.decline.code);
                (Level::Warning, false, text)
            }
            (Some(false), CaseState::Recovered { .. }) => {
                (Level::Info, true, format!("the failed payment of {amount} was paid: {who}"))
            }
            (Some(false), CaseState::Lost { why, .. }) => {
                let why = why.replace('_', " ");
                (Level::Warning, true, format!("the failed payment of {amount} was given up ({why}): {who}"))
            }
            _ => return,
        };
        self.told.insert(key, over);
        let alert = Alert {
            case: Some(row.id.clone()),
            ..alert(view, AlertReason::FailedPayment, level, over, &text, now)
        };
        out.push(Said { alert, row: Some(row.clone()) });
    }

    fn has_begun(&self, view: &IntegrationView, reason: AlertReason) -> bool {
        self.standing.contains_key(&(view.id, reason))
    }

    fn was_told(&self, view: &IntegrationView, reason: AlertReason) -> bool {
        self.standing.get(&(view.id, reason)).is_some_and(|(_, told)| *told)
    }

    /// A reason holds (`text`) or does not; it is told after `wait` seconds, and when it is over.
    #[expect(clippy::too_many_arguments, reason = "one table row a reason")]
    fn stand(
        &mut self,
        out: &mut Vec<Said>,
        view: &IntegrationView,
        reason: AlertReason,
        level: Level,
        text: Option<String>,
        wait: i64,
        over: &str,
        now: i64,
    ) {
        let key = (view.id, reason);
        let said = match text {
            Some(text) => {
                let (since, told) = self.standing.entry(key).or_insert((now, false));
                if *told || now - *since < wait {
                    return;
                }
                *told = true;
                alert(view, reason, level, false, &text, now)
            }
            None => match self.standing.remove(&key) {
                Some((_, true)) => alert(view, reason, Level::Info, true, over, now),
                _ => return,
            },
        };
        out.push(Said { alert: said, row: None });
    }
}

fn alert(
    view: &IntegrationView,
    reason: AlertReason,
    level: Level,
    over: bool,
    text: &str,
    now: i64,
) -> Alert {
    let mode = if view.livemode { "LIVE" } else { "TEST" };
    Alert {
        seq: 0,
        at: now,
        level,
        integration: view.id,
        reason,
        over,
        case: None,
        text: text::clean_max(&format!("{} ({mode}): {text}", view.name), MOST_TEXT),
    }
}
