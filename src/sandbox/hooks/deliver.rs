//! Deliveries: one worker an endpoint, several requests at a time, retries with growing waits.
//!
//! Order is not kept, as at Stripe. Each attempt is signed anew; redirects are not followed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use super::{Job, Made};
use crate::sandbox::sign;
use crate::sandbox::state::{State, lock};

/// Requests to one endpoint at a time.
const AT_ONCE: usize = 16;
/// Attempts in test and live mode.
const ATTEMPTS: [u32; 2] = [4, 8];
/// The longest wait: what Stripe takes for all of its attempts.
const LONGEST: Duration = Duration::from_secs(3 * 86_400);

enum Outcome {
    Taken,
    Refused,
    /// the endpoint is gone or switched off: no attempt was made
    Dropped,
}

/// Delivers an endpoint's events until it is removed or the sandbox ends.
pub async fn work(state: Arc<State>, client: reqwest::Client, livemode: bool, made: Made) {
    let Made { number, mut jobs } = made;
    let mut running = FuturesUnordered::new();
    let mut waiting: BTreeMap<(Instant, u64), Job> = BTreeMap::new();
    let (mut open, mut held) = (true, 0_u64);
    while open || !running.is_empty() || !waiting.is_empty() {
        let due = waiting.first_key_value().map(|(key, _)| key.0);
        let free = running.len() < AT_ONCE;
        let job = tokio::select! {
            biased;
            () = state.stopping.cancelled() => return,
            Some((job, outcome)) = running.next(), if !running.is_empty() => {
                if let Some(wait) = settle(&state, livemode, number, job, &outcome) {
                    held += 1;
                    let job = Job { attempt: job.attempt + 1, ..job };
                    waiting.insert((Instant::now() + wait, held), job);
                }
                continue;
            }
            () = sleep_until(due.unwrap_or_else(Instant::now)), if free && due.is_some() => {
                waiting.pop_first().map(|(_, job)| job)
            }
            job = jobs.recv(), if free && open => job,
        };
        match job {
            Some(job) => running.push(attempt(&state, &client, livemode, number, job)),
            None => open = false,
        }
    }
}

async fn attempt(
    state: &State,
    client: &reqwest::Client,
    livemode: bool,
    number: u64,
    job: Job,
) -> (Job, Outcome) {
    let mode = state.mode(livemode);
    let known = lock(&mode.hooks)
        .get(number)
        .filter(|endpoint| !endpoint.disabled)
        .map(|endpoint| (endpoint.url.clone(), endpoint.secret.clone(), endpoint.api_version.clone()));
    let Some((url, secret, version)) = known else { return (job, Outcome::Dropped) };
    let Some(body) = mode.event_text(job.event, version.as_deref()) else {
        return (job, Outcome::Dropped);
    };
    let request = client
        .post(url)
        .header("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
        .header("Accept", "*/*; q=0.5, application/xml")
        .header("Cache-Control", "no-cache")
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Stripe-Signature", sign::header(&secret, &body, livemode))
        .timeout(Duration::from_millis(state.options.hooks.timeout_ms))
        .body(body);
    let taken = request.send().await.is_ok_and(|answer| answer.status().is_success());
    (job, if taken { Outcome::Taken } else { Outcome::Refused })
}

/// Writes down how an attempt went; gives the wait before the next, if there is to be one.
fn settle(state: &State, livemode: bool, number: u64, job: Job, outcome: &Outcome) -> Option<Duration> {
    let mode = state.mode(livemode);
    let last = job.manual || job.attempt >= ATTEMPTS[usize::from(livemode)];
    // One lock after the other: whoever writes events holds the overlay and then asks for the endpoints.
    let mut overlay = mode.write();
    match outcome {
        Outcome::Taken => overlay.delivered(job.event, number, !job.manual),
        Outcome::Refused if !last => {}
        Outcome::Refused | Outcome::Dropped if job.manual => {}
        Outcome::Refused | Outcome::Dropped => overlay.not_delivered(job.event, number),
    }
    drop(overlay);
    let mut hooks = lock(&mode.hooks);
    let disable_after = state.options.hooks.disable_after;
    let report = hooks.reports.entry(number).or_default();
    if !matches!(outcome, Outcome::Dropped) {
        report.attempts += 1;
    }
    match outcome {
        Outcome::Taken => report.delivered += 1,
        Outcome::Refused => report.refused += 1,
        Outcome::Dropped => {}
    }
    let given_up = matches!(outcome, Outcome::Refused) && last && !job.manual;
    if given_up {
        report.given_up += 1;
    }
    if let Some(endpoint) = hooks.endpoints.get_mut(&number) {
        if matches!(outcome, Outcome::Taken) {
            endpoint.failures = 0;
        } else if given_up {
            endpoint.failures += 1;
            endpoint.disabled |= endpoint.failures >= disable_after;
        }
    }
    let again = matches!(outcome, Outcome::Refused) && !last;
    again.then(|| {
        let wait = state.options.hooks.retry_ms.saturating_mul(1 << (job.attempt - 1).min(20));
        Duration::from_millis(wait).min(LONGEST)
    })
}

/// What deliveries are made with. An error is a sentence.
pub fn client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| format!("No deliveries can be made: {error}."))
}
