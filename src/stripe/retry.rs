//! Whether and when a request is tried again.
//!
//! The rules and their order are those of Stripe's SDKs (stripe-python `_http_client.py`), and 429 besides,
//! which they leave alone: a walk over a list has to get through. It must never try again what Stripe forbids,
//! and never sooner than half a second.

use std::time::Duration;

use super::error::Error;

/// How long things may take. Tests shorten it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    /// To connect.
    pub connect: Duration,
    /// Between two pieces of an answer.
    pub read: Duration,
    /// For a request altogether.
    pub whole: Duration,
    /// What "one second" of the delays below is.
    pub second: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(20),
            whole: Duration::from_secs(80),
            second: Duration::from_secs(1),
        }
    }
}

/// The longest `Retry-After` that is obeyed, seconds.
const LONGEST_RETRY_AFTER: f64 = 120.0;

/// A try that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    /// HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// `Stripe-Should-Retry`
    pub should_retry: Option<bool>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<f64>,
    /// The answer was a success, but cut off or garbled on its way.
    pub garbled: bool,
}

impl Failure {
    pub fn new(error: Error) -> Failure {
        Failure { error, status: None, should_retry: None, retry_after: None, garbled: false }
    }

    /// Worth another try, `failures` of them having failed and `most` further ones being allowed.
    pub fn retries(&self, failures: u32, most: u32, idempotent: bool) -> bool {
        if failures > most || !idempotent {
            return false;
        }
        match &self.error {
            // Limits come before the header: it tells SDKs not to hurry, and we don't.
            Error::Network { .. } | Error::Timeout | Error::RateLimited { .. } | Error::LockTimeout => true,
            Error::Cancelled | Error::Certificate { .. } => false,
            _ if self.garbled => true,
            _ => self
                .should_retry
                .unwrap_or_else(|| self.status.is_some_and(|status| status == 409 || status >= 500)),
        }
    }

    /// How long to wait before the next try, in seconds. `random` is in 0..1.
    pub fn delay(&self, failures: u32, random: f64) -> f64 {
        let jitter = 0.5 + random / 2.0;
        let doubled = f64::from(1_u32 << failures.saturating_sub(1).min(16));
        let delay = match &self.error {
            Error::RateLimited { .. } => (doubled.min(60.0) * jitter).max(0.5),
            _ => ((0.5 * doubled).min(5.0) * jitter).max(0.5),
        };
        delay.max(self.retry_after.unwrap_or(0.0).min(LONGEST_RETRY_AFTER))
    }

    /// Why we wait, for a person.
    pub fn reason(&self) -> String {
        match &self.error {
            Error::RateLimited { reason: Some(reason) } => format!("Stripe's rate limit ({reason})"),
            Error::RateLimited { reason: None } => "Stripe's rate limit".to_owned(),
            Error::LockTimeout => "an object is locked at Stripe".to_owned(),
            Error::Network { .. } => "no network".to_owned(),
            Error::Timeout => "no answer in time".to_owned(),
            Error::Fault { status, .. } => format!("a fault at Stripe (HTTP {status})"),
            _ => "an answer that was cut off".to_owned(),
        }
    }

    /// The same in a few words, for one row among others.
    pub fn brief(&self) -> String {
        match &self.error {
            Error::RateLimited { reason: Some(reason) } => format!("Stripe said slow down ({reason})"),
            Error::RateLimited { reason: None } => "Stripe said slow down".to_owned(),
            _ => self.reason(),
        }
    }
}

/// The next number in 0..1 of a sequence (splitmix64), and its state afterwards.
pub(crate) fn next_random(state: u64) -> (u64, f64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (state, (mixed >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: Error, status: u16) -> Failure {
        Failure { status: Some(status), ..Failure::new(error) }
    }

    fn fault(status: u16) -> Failure {
        failure(Error::Fault { status, request_id: None }, status)
    }

    #[test]
    fn the_order_of_the_rules() {
        assert!(!fault(500).retries(6, 5, true), "out of tries");
        assert!(fault(500).retries(5, 5, true));
        assert!(fault(409).retries(1, 5, true));
        assert!(!fault(424).retries(1, 5, true));
        assert!(!fault(500).retries(1, 5, false));
        assert!(!Failure { should_retry: Some(false), ..fault(500) }.retries(1, 5, true));
        assert!(Failure { should_retry: Some(true), ..fault(424) }.retries(1, 5, true));
        assert!(Failure::new(Error::Timeout).retries(1, 5, true));
        let limited = failure(Error::RateLimited { reason: None }, 429);
        assert!(Failure { should_retry: Some(false), ..limited }.retries(1, 5, true));
        let bad_key = failure(Error::BadKey { message: String::new() }, 401);
        assert!(!bad_key.retries(1, 5, true));
        let certificate = Error::Certificate { host: String::new(), message: String::new() };
        assert!(!Failure::new(certificate).retries(1, 5, true));
    }

    #[test]
    fn delays_grow_within_bounds() {
        for failures in 1..40 {
            for random in [0.0, 0.5, 0.999] {
                let delay = fault(500).delay(failures, random);
                assert!((0.5..=5.0).contains(&delay));
                let limited = failure(Error::RateLimited { reason: None }, 429).delay(failures, random);
                assert!((0.5..=60.0).contains(&limited));
            }
        }
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(fault(500).delay(3, 1.0), 2.0));
        assert!(close(failure(Error::RateLimited { reason: None }, 429).delay(4, 1.0), 8.0));
        assert!(close(failure(Error::LockTimeout, 429).delay(1, 1.0), 0.5));
        assert!(close(Failure { retry_after: Some(7.0), ..fault(503) }.delay(1, 1.0), 7.0));
        assert!(close(Failure { retry_after: Some(1e9), ..fault(503) }.delay(1, 1.0), 120.0));
    }

    #[test]
    fn random_numbers_stay_in_range() {
        let mut state = 1;
        let mut sum = 0.0;
        for _ in 0..1000 {
            let (next, number) = next_random(state);
            assert!((0.0..1.0).contains(&number));
            state = next;
            sum += number;
        }
        assert!((sum / 1000.0 - 0.5).abs() < 0.05);
    }
}
