//! Webhook endpoints of one mode: what there is, what they want, and how their deliveries go.
//!
//! A secret is shown by the call that makes an endpoint and by no other. An endpoint may lie on loopback,
//! which Stripe refuses: a sandbox has no other way to be heard.

pub mod deliver;

use std::collections::{BTreeMap, HashMap};

use tokio::sync::mpsc;

use super::errors::ApiError;
use super::ids::{Ids, Obj};
use super::json::Out;
use super::overlay::Overlay;
use super::relay::hexadecimal;

/// Endpoints that an account can have in a mode.
pub const MOST: usize = 16;
/// Answers to idempotent requests that are remembered; the oldest are not needed by any test.
const MOST_REMEMBERED: usize = 1000;

/// How deliveries are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookOptions {
    /// milliseconds before the first retry; each next wait is twice as long. Test mode has three retries,
    /// live mode seven
    pub retry_ms: u64,
    /// milliseconds that an endpoint may take to answer
    pub timeout_ms: u64,
    /// an endpoint is disabled when so many events in a row could not be delivered
    pub disable_after: u32,
}

impl Default for HookOptions {
    fn default() -> HookOptions {
        HookOptions { retry_ms: 20 * 60 * 1000, timeout_ms: 10_000, disable_after: 20 }
    }
}

/// What was delivered to an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct HookReport {
    /// requests made
    pub attempts: u64,
    /// events that were taken with a 2xx
    pub delivered: u64,
    /// requests that were not
    pub refused: u64,
    /// events whose last attempt failed
    pub given_up: u64,
}

/// What a request sets of an endpoint; `None` leaves it as it is.
#[derive(Debug, Default)]
pub struct Change {
    /// where to
    pub url: Option<String>,
    /// names of events, or `*`
    pub events: Option<Vec<String>>,
    /// the version its events are written in; only when it is made
    pub api_version: Option<String>,
    /// of connected accounts; only when it is made
    pub connect: bool,
    /// a sentence; empty for none
    pub description: Option<String>,
    /// keys to set; an empty value removes one
    pub metadata: Vec<(String, String)>,
    /// switched off or on
    pub disabled: Option<bool>,
}

/// A webhook endpoint.
#[derive(Debug)]
pub struct Endpoint {
    number: u64,
    created: i64,
    url: String,
    events: Vec<String>,
    api_version: Option<String>,
    application: bool,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    disabled: bool,
    secret: String,
    /// events in a row that could not be delivered
    failures: u32,
    queue: mpsc::UnboundedSender<Job>,
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Job {
    event: u64,
    /// from 1
    attempt: u32,
    /// asked for by somebody: one attempt, which changes no count of pending ones
    manual: bool,
}

/// All endpoints of a mode.
#[derive(Debug, Default)]
pub struct Hooks {
    endpoints: BTreeMap<u64, Endpoint>,
    made: u64,
    reports: BTreeMap<u64, HookReport>,
    remembered: HashMap<String, (String, Vec<u8>)>,
}

/// A new endpoint's number and the jobs that its worker has to do.
pub struct Made {
    /// its number
    pub number: u64,
    jobs: mpsc::UnboundedReceiver<Job>,
}

impl Hooks {
    /// Whether there is room for one more.
    pub fn is_full(&self) -> bool {
        self.endpoints.len() >= MOST
    }

    /// Makes an endpoint. `change` must have a URL and events.
    pub fn make(&mut self, seed: u64, now: i64, change: Change) -> Made {
        self.made += 1;
        let number = self.made;
        let mut secret = Out::default();
        secret.raw("whsec_");
        hexadecimal(&mut secret, seed, 0x3e00 + number);
        let (queue, jobs) = mpsc::unbounded_channel();
        let mut endpoint = Endpoint {
            number,
            created: now,
            url: String::new(),
            events: Vec::new(),
            api_version: change.api_version.clone(),
            application: change.connect,
            description: None,
            metadata: BTreeMap::new(),
            disabled: false,
            secret: secret.into_string(),
            failures: 0,
            queue,
        };
        endpoint.set(change);
        self.endpoints.insert(number, endpoint);
        self.reports.insert(number, HookReport::default());
        Made { number, jobs }
    }

    /// An endpoint.
    pub fn get(&self, number: u64) -> Option<&Endpoint> {
        self.endpoints.get(&number)
    }

    /// Changes an endpoint; false if there is none.
    pub fn change(&mut self, number: u64, change: Change) -> bool {
        let found = self.endpoints.get_mut(&number);
        found.map(|endpoint| endpoint.set(change)).is_some()
    }

    /// Removes an endpoint; false if there is none. What is on its way is not delivered.
    pub fn remove(&mut self, number: u64) -> bool {
        self.endpoints.remove(&number).is_some()
    }

    /// Numbers of all endpoints, newest first.
    pub fn numbers(&self) -> Vec<u64> {
        self.endpoints.keys().rev().copied().collect()
    }

    /// The answer that was given to a request with this key. An error if the request was another one.
    pub fn remembered(&self, key: &str, request: &str) -> Result<Option<Vec<u8>>, ApiError> {
        match self.remembered.get(key) {
            None => Ok(None),
            Some((same, answer)) if same == request => Ok(Some(answer.clone())),
            Some(_) => Err(ApiError::other_idempotent(key)),
        }
    }

    /// Remembers an answer.
    pub fn remember(&mut self, key: &str, request: &str, answer: &[u8]) {
        if self.remembered.len() < MOST_REMEMBERED {
            self.remembered.insert(key.to_owned(), (request.to_owned(), answer.to_vec()));
        }
    }

    /// Sends events from `from` on to every endpoint that wants them.
    pub fn dispatch(&self, overlay: &mut Overlay, from: u64) {
        for endpoint in self.endpoints.values().filter(|e| !e.disabled && !e.application) {
            for event in from..overlay.events_written() {
                if overlay.event(event).is_some_and(|e| endpoint.wants(e.kind)) {
                    overlay.await_delivery(event);
                    // The worker lives as long as the endpoint.
                    let _ = endpoint.queue.send(Job { event, attempt: 1, manual: false });
                }
            }
        }
    }

    /// Sends one event to one endpoint, once. False if the endpoint is not there or switched off.
    pub fn resend(&self, number: u64, event: u64) -> bool {
        let found = self.endpoints.get(&number).filter(|endpoint| !endpoint.disabled);
        found.is_some_and(|e| e.queue.send(Job { event, attempt: 1, manual: true }).is_ok())
    }

    /// What was delivered, by endpoint; those that were removed are in it too.
    pub fn report(&self, ids: &Ids) -> BTreeMap<String, HookReport> {
        let named =
            |(number, report): (&u64, &HookReport)| (ids.id(Obj::WebhookEndpoint, *number), report.clone());
        self.reports.iter().map(named).collect()
    }
}

impl Endpoint {
    fn wants(&self, kind: &str) -> bool {
        self.events.iter().any(|event| event == "*" || event == kind)
    }

    fn set(&mut self, change: Change) {
        if let Some(url) = change.url {
            self.url = url;
        }
        if let Some(events) = change.events {
            self.events = events;
        }
        if let Some(description) = change.description {
            self.description = (!description.is_empty()).then_some(description);
        }
        for (key, value) in change.metadata {
            if value.is_empty() {
                self.metadata.remove(&key);
            } else {
                self.metadata.insert(key, value);
            }
        }
        if let Some(disabled) = change.disabled {
            self.disabled = disabled;
            self.failures = 0;
        }
    }

    /// The object; with its secret only in the answer that makes it.
    pub fn write(&self, out: &mut Out, ids: &Ids, livemode: bool, with_secret: bool) {
        out.raw("{\"id\":\"");
        ids.write(out, Obj::WebhookEndpoint, self.number);
        out.raw("\",\"object\":\"webhook_endpoint\",\"api_version\":");
        out.text_or_null(self.api_version.as_deref());
        out.raw(",\"application\":null,\"created\":");
        out.int(self.created);
        out.raw(",\"description\":");
        out.text_or_null(self.description.as_deref());
        out.raw(",\"enabled_events\":[");
        for (at, event) in self.events.iter().enumerate() {
            if at > 0 {
                out.byte(b',');
            }
            out.text(event);
        }
        out.raw("],\"livemode\":");
        out.bool(livemode);
        out.raw(",\"metadata\":{");
        for (at, (key, value)) in self.metadata.iter().enumerate() {
            if at > 0 {
                out.byte(b',');
            }
            out.text(key);
            out.byte(b':');
            out.text(value);
        }
        out.byte(b'}');
        if with_secret {
            out.raw(",\"secret\":");
            out.text(&self.secret);
        }
        out.raw(",\"status\":");
        out.raw(if self.disabled { "\"disabled\"" } else { "\"enabled\"" });
        out.raw(",\"url\":");
        out.text(&self.url);
        out.byte(b'}');
    }
}

/// Whether an endpoint can ask for events of this name.
pub fn is_event(name: &str) -> bool {
    name == "*" || include_str!("event_types.txt").lines().any(|line| line == name)
}
