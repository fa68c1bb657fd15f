//! How fast requests may go: rates by pace and mode, and the buckets that keep to them.
//!
//! Everything here is pure: the present moment is a parameter. Sources: docs.stripe.com/rate-limits (25
//! requests/s an endpoint; 100/s overall in live mode, 25/s in test mode; searches 20/s). Requests are paced
//! evenly, never in bursts: of a limit of 25/s at most 25 leave within any 1.02 s, so that a network that
//! delivers them up to 20 ms closer together still keeps to the limit.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::endpoint::SEARCH;
use crate::engine::api::Pace;

/// Stripe's limit for one endpoint, requests/s.
pub const ENDPOINT_LIMIT: u32 = 25;
/// Stripe's limit for all searches together, requests/s.
pub const SEARCH_LIMIT: u32 = 20;

/// The span in which at most a second's worth is sent: one second, and what networks jitter.
const WINDOW: Duration = Duration::from_millis(1020);
/// What a 429 at full rate adds to that span: this network jitters more.
const WINDOW_STEP: Duration = Duration::from_millis(4);
/// The longest that span becomes.
const WINDOW_MOST: Duration = Duration::from_millis(1040);
/// A 429 at full rate counts as chance when the one before is that long ago.
const CHANCE_APART: Duration = Duration::from_secs(10);
/// Share of the rate by which even pacing may run ahead of the window's average, to make up for late timers.
const HEADROOM: f64 = 0.99;
/// What a 429 leaves of the rate.
const CUT: f64 = 0.7;
/// The slowest rate that 429s lead to, requests/s.
const SLOWEST: f64 = 0.5;

/// Requests a second that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// To each endpoint.
    pub endpoint: u32,
    /// To all together.
    pub overall: u32,
}

/// Stripe's own limits for a mode.
pub fn stripe_limits(livemode: bool) -> Rates {
    Rates { endpoint: ENDPOINT_LIMIT, overall: if livemode { 100 } else { 25 } }
}

/// What a pace allows; none: no limit of ours.
pub fn rates(pace: Pace, livemode: bool) -> Option<Rates> {
    let stripe = stripe_limits(livemode);
    match pace {
        Pace::Auto if !livemode => Some(stripe),
        Pace::Auto | Pace::Polite => Some(Rates { endpoint: 15, overall: stripe.overall.min(40) }),
        Pace::Full => Some(stripe),
        Pace::None => None,
        Pace::PerEndpoint(n) => {
            let n = n.max(1);
            Some(Rates { endpoint: n, overall: stripe.overall.max(n) })
        }
    }
}

/// A pace for a person: `polite: 15 of Stripe's 25 GET/s`.
pub fn describe(pace: Pace, livemode: bool) -> String {
    match (pace, rates(pace, livemode)) {
        (_, None) => "no limit of ours".to_owned(),
        (Pace::Full, _) | (Pace::Auto, Some(Rates { endpoint: ENDPOINT_LIMIT, .. })) => {
            format!("full: Stripe's {ENDPOINT_LIMIT} GET/s")
        }
        (Pace::PerEndpoint(_), Some(rates)) if rates.endpoint > ENDPOINT_LIMIT => {
            format!("{} GET/s, above Stripe's usual {ENDPOINT_LIMIT}", rates.endpoint)
        }
        (Pace::PerEndpoint(_), Some(rates)) => {
            format!("{} of Stripe's {ENDPOINT_LIMIT} GET/s", rates.endpoint)
        }
        (_, Some(rates)) => format!("polite: {} of Stripe's {ENDPOINT_LIMIT} GET/s", rates.endpoint),
    }
}

/// One limit: paces requests, remembers the last second, and slows down on 429.
#[derive(Debug)]
pub(crate) struct Bucket {
    limit: u32,
    /// Requests/s now; below `full_rate()` after a 429.
    rate: f64,
    /// When the next request would be due at perfectly even pace.
    due: Option<Instant>,
    /// [`WINDOW`], and what was learnt of the network's jitter.
    window: Duration,
    /// When requests left, within the last window.
    sent: VecDeque<Instant>,
    cool_until: Option<Instant>,
    /// The last 429 that counted, and the rate at which it came.
    cut: Option<(Instant, f64)>,
    /// It came by chance: two requests jittered into one second, nothing is in our way.
    chance: bool,
    /// 429s in a row.
    streak: u32,
    /// Up to when `rate` has been recovered.
    recovered: Option<Instant>,
}

impl Bucket {
    pub fn new(limit: u32) -> Bucket {
        let limit = limit.max(1);
        Bucket {
            limit,
            rate: f64::from(limit) * HEADROOM,
            due: None,
            window: WINDOW,
            sent: VecDeque::with_capacity(limit.min(256) as usize + 1),
            cool_until: None,
            cut: None,
            chance: false,
            streak: 0,
            recovered: None,
        }
    }

    fn full_rate(&self) -> f64 {
        f64::from(self.limit) * HEADROOM
    }

    /// Takes a higher limit over; never lowers it.
    pub fn raise(&mut self, limit: u32) {
        if limit > self.limit {
            let unhurt = self.rate >= self.full_rate();
            self.limit = limit;
            if unhurt {
                self.rate = self.full_rate();
            }
        }
    }

    /// Requests/s that it lets through at present.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The cool-down after a 429 ends then.
    pub fn cool_until(&self, now: Instant) -> Option<Instant> {
        self.cool_until.filter(|until| *until > now)
    }

    /// When a request may leave: `now` or later.
    pub fn ready_at(&mut self, now: Instant) -> Instant {
        self.recover(now);
        while self.sent.front().is_some_and(|sent| *sent + self.window <= now) {
            self.sent.pop_front();
        }
        let mut ready = now.max(self.cool_until.unwrap_or(now));
        if let Some(due) = self.due {
            // One period early is fine: it makes up for a timer that fired late.
            ready = ready.max(due.checked_sub(self.period()).unwrap_or(now));
        }
        if self.sent.len() >= self.limit as usize {
            let leaves = self.sent[self.sent.len() - self.limit as usize];
            ready = ready.max(leaves + self.window);
        }
        ready
    }

    /// A request leaves now.
    pub fn take(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + self.period());
        self.sent.push_back(now);
        // After a cut the streak ends once a second has gone well.
        if let Some((at, _)) = self.cut
            && now > at + Duration::from_secs(10)
        {
            self.streak = 0;
        }
    }

    /// A 429 for this bucket came back. `jitter` is in 0.5..1. All who wait here wait for the cool-down.
    pub fn limited(&mut self, now: Instant, jitter: f64) {
        // What was under way together comes back together: one cut for all of it.
        if self.cut.is_some_and(|(at, _)| now < at + Duration::from_secs(1)) {
            return;
        }
        self.recover(now);
        let recent = self.sent.iter().filter(|sent| **sent + self.window > now).count().max(1);
        let at_rate = self.rate.min(recent as f64);
        let lately = self.cut.is_some_and(|(at, _)| now < at + CHANCE_APART);
        self.chance = at_rate >= self.full_rate() * 0.9 && !lately;
        let first_cool = if self.chance {
            self.window = (self.window + WINDOW_STEP).min(WINDOW_MOST);
            Duration::from_millis(250)
        } else {
            self.streak = (self.streak + 1).min(5);
            Duration::from_secs(1 << (self.streak - 1))
        };
        self.rate = (at_rate * CUT).max(SLOWEST);
        self.cut = Some((now, at_rate));
        let cool = first_cool.mul_f64(jitter.clamp(0.5, 1.0));
        self.cool_until = Some(now + cool);
        self.recovered = Some(now + cool);
    }

    /// Only waits, without a lower rate: for limits of concurrency.
    pub fn cool(&mut self, until: Instant) {
        self.cool_until = Some(self.cool_until.map_or(until, |old| old.max(until)));
    }

    /// Quickly back to near where the 429 came, slowly past it, and quickly again when that holds. After one
    /// that came by chance quickly all the way.
    fn recover(&mut self, now: Instant) {
        let full = self.full_rate();
        let (Some((cut_at, at_rate)), Some(from)) = (self.cut, self.recovered) else { return };
        if self.rate >= full || now <= from {
            return;
        }
        let seconds = (now - from).as_secs_f64();
        let near = if self.chance { full } else { (at_rate * 0.95).min(full) };
        let quick = full * if self.chance { 0.16 } else { 0.08 };
        let settled = now > cut_at + Duration::from_secs(30);
        self.rate = if settled {
            self.rate + quick * seconds
        } else if self.rate < near {
            (self.rate + quick * seconds).min(near)
        } else {
            self.rate + full * 0.002 * seconds
        }
        .min(full);
        self.recovered = Some(now);
    }

    fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

/// The buckets of one account, or of one job's pace.
#[derive(Debug)]
pub(crate) struct Buckets {
    endpoint_limit: u32,
    overall: Bucket,
    endpoints: HashMap<String, Bucket>,
}

impl Buckets {
    pub fn new(rates: Rates) -> Buckets {
        Buckets {
            endpoint_limit: rates.endpoint,
            overall: Bucket::new(rates.overall),
            endpoints: HashMap::new(),
        }
    }

    /// Takes higher limits over: the account has been given more than Stripe's usual ones.
    pub fn raise(&mut self, rates: Rates) {
        self.endpoint_limit = self.endpoint_limit.max(rates.endpoint);
        self.overall.raise(rates.overall);
        for (name, bucket) in &mut self.endpoints {
            if name != SEARCH {
                bucket.raise(rates.endpoint);
            }
        }
    }

    /// The bucket for all requests.
    pub fn overall(&mut self) -> &mut Bucket {
        &mut self.overall
    }

    /// The bucket of an endpoint.
    pub fn endpoint(&mut self, name: &str) -> &mut Bucket {
        let limit = if name == SEARCH { self.endpoint_limit.min(SEARCH_LIMIT) } else { self.endpoint_limit };
        self.endpoints.entry(name.to_owned()).or_insert_with(|| Bucket::new(limit))
    }

    pub fn ready_at(&mut self, name: &str, now: Instant) -> Instant {
        let overall = self.overall.ready_at(now);
        overall.max(self.endpoint(name).ready_at(now))
    }

    pub fn take(&mut self, name: &str, now: Instant) {
        self.overall.take(now);
        self.endpoint(name).take(now);
    }

    /// When the cool-downs that concern an endpoint end.
    pub fn cool_until(&mut self, name: &str, now: Instant) -> Option<Instant> {
        let overall = self.overall.cool_until(now);
        overall.max(self.endpoint(name).cool_until(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_second_never_holds_more_than_the_limit() {
        let start = Instant::now();
        for limit in [1, 2, 15, 25, 100] {
            let mut bucket = Bucket::new(limit);
            let mut sent = Vec::new();
            let mut now = start;
            while now < start + Duration::from_secs(30) {
                let ready = bucket.ready_at(now);
                if ready > now {
                    // Timers fire up to 2 ms late.
                    now = ready + Duration::from_micros(sent.len() as u64 * 997 % 2000);
                    continue;
                }
                bucket.take(now);
                sent.push(now);
            }
            for pair in sent.windows(limit as usize + 1) {
                assert!(pair[limit as usize] - pair[0] >= WINDOW, "limit {limit}");
            }
            let share = sent.len() as f64 / 30.0 / f64::from(limit);
            assert!(share > if limit > 2 { 0.97 } else { 0.9 }, "limit {limit}: {share}");
            // No burst at the beginning either.
            let at_once = sent.iter().filter(|sent| **sent < at(start, 5)).count();
            assert!(at_once <= 2, "limit {limit}: {at_once} at once");
        }
    }

    #[test]
    fn a_429_slows_down_once_and_recovers() {
        let start = Instant::now();
        let mut bucket = Bucket::new(25);
        let mut now = start;
        while now < at(start, 3_000) {
            now = bucket.ready_at(now);
            bucket.take(now);
        }
        for ms in [0, 10, 200] {
            bucket.limited(now + Duration::from_millis(ms), 1.0);
        }
        assert!((16.0..18.0).contains(&bucket.rate()), "{}", bucket.rate());
        // By chance: a short pause, and back.
        assert_eq!(bucket.cool_until(now), Some(now + Duration::from_millis(250)));
        assert_eq!(bucket.ready_at(now + Duration::from_millis(100)), now + Duration::from_millis(250));
        bucket.ready_at(now + Duration::from_secs(5));
        assert!(bucket.rate() > 24.5, "{}", bucket.rate());
        // Soon again: something is in our way.
        let second = now + Duration::from_secs(6);
        bucket.take(second);
        bucket.limited(second, 1.0);
        assert_eq!(bucket.cool_until(second), Some(second + Duration::from_secs(1)));
        let slowed = bucket.rate();
        bucket.ready_at(second + Duration::from_secs(3));
        assert!(bucket.rate() > slowed && bucket.rate() < 20.0, "{}", bucket.rate());
        bucket.ready_at(second + Duration::from_secs(40));
        bucket.ready_at(second + Duration::from_secs(60));
        assert!(bucket.rate() > 24.5, "{}", bucket.rate());
        // Again and again: longer cool-downs, but never a standstill.
        let mut again = second + Duration::from_secs(60);
        for _ in 0..40 {
            bucket.limited(again, 1.0);
            assert!(bucket.ready_at(again) <= again + Duration::from_secs(17));
            again = bucket.ready_at(again) + Duration::from_secs(1);
            bucket.take(again);
        }
        assert!(bucket.rate() >= SLOWEST);
    }

    #[test]
    fn paces() {
        for (pace, livemode, expected, said) in [
            (Pace::Auto, true, Some((15, 40)), "polite: 15 of Stripe's 25 GET/s"),
            (Pace::Auto, false, Some((25, 25)), "full: Stripe's 25 GET/s"),
            (Pace::Polite, false, Some((15, 25)), "polite: 15 of Stripe's 25 GET/s"),
            (Pace::Full, true, Some((25, 100)), "full: Stripe's 25 GET/s"),
            (Pace::None, true, None, "no limit of ours"),
            (Pace::PerEndpoint(12), true, Some((12, 100)), "12 of Stripe's 25 GET/s"),
            (Pace::PerEndpoint(50), false, Some((50, 50)), "50 GET/s, above Stripe's usual 25"),
        ] {
            let found = rates(pace, livemode).map(|rates| (rates.endpoint, rates.overall));
            assert_eq!(found, expected);
            assert_eq!(describe(pace, livemode), said);
        }
    }

    #[test]
    fn searches_have_a_limit_of_their_own() {
        let mut buckets = Buckets::new(stripe_limits(true));
        assert!(buckets.endpoint(SEARCH).rate() < 20.0);
        assert!(buckets.endpoint("GET /v1/invoices").rate() > 20.0);
        buckets.raise(Rates { endpoint: 50, overall: 100 });
        assert!(buckets.endpoint("GET /v1/invoices").rate() > 40.0);
        assert!(buckets.endpoint(SEARCH).rate() < 20.0);
    }
}
