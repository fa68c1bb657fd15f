//! Request limits over sliding windows of one second, as Stripe documents them.
//!
//! Time comes in as a parameter. A request that is refused does not count.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Which limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// 25 a second an endpoint, 100 a second overall
    Live,
    /// 25 a second, an endpoint and overall
    Test,
    /// none
    None,
}

impl Limits {
    /// The word on the command line.
    pub fn parse(word: &str) -> Option<Limits> {
        match word {
            "live" => Some(Limits::Live),
            "test" => Some(Limits::Test),
            "none" => Some(Limits::None),
            _ => None,
        }
    }

    /// Requests a second: an endpoint, overall.
    fn rates(self) -> Option<(usize, usize)> {
        match self {
            Limits::Live => Some((25, 100)),
            Limits::Test => Some((25, 25)),
            Limits::None => None,
        }
    }
}

const WINDOW: Duration = Duration::from_secs(1);

/// The requests of the last second.
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    overall: VecDeque<Duration>,
    endpoints: HashMap<String, VecDeque<Duration>>,
}

impl Limiter {
    /// A limiter that has seen nothing.
    pub fn new(limits: Limits) -> Limiter {
        Limiter { limits, overall: VecDeque::new(), endpoints: HashMap::new() }
    }

    /// Changes the limits.
    pub fn set(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Counts a request at `now` (since any fixed moment), or says why it is refused: the value of
    /// `Stripe-Rate-Limited-Reason`.
    pub fn admit(&mut self, endpoint: &str, now: Duration) -> Result<(), &'static str> {
        let Some((each, overall)) = self.limits.rates() else { return Ok(()) };
        if !self.endpoints.contains_key(endpoint) {
            self.endpoints.insert(endpoint.to_owned(), VecDeque::new());
        }
        forget(&mut self.overall, now);
        let Some(window) = self.endpoints.get_mut(endpoint) else { return Ok(()) };
        forget(window, now);
        if window.len() >= each {
            return Err("endpoint-rate");
        }
        if self.overall.len() >= overall {
            return Err("global-rate");
        }
        window.push_back(now);
        self.overall.push_back(now);
        Ok(())
    }
}

fn forget(window: &mut VecDeque<Duration>, now: Duration) {
    while window.front().is_some_and(|&at| now.saturating_sub(at) >= WINDOW) {
        window.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut limiter = Limiter::new(Limits::Live);
        let at = |ms| Duration::from_millis(ms);
        for n in 0..25 {
            assert_eq!(limiter.admit("a", at(n * 10)), Ok(()));
        }
        assert_eq!(limiter.admit("a", at(999)), Err("endpoint-rate"));
        assert_eq!(limiter.admit("a", at(1000)), Ok(()));
        assert_eq!(limiter.admit("a", at(1001)), Err("endpoint-rate"));
        for (name, count) in [("b", 25), ("c", 25), ("d", 25)] {
            for _ in 0..count {
                assert_eq!(limiter.admit(name, at(1001)), Ok(()));
            }
        }
        assert_eq!(limiter.admit("e", at(1001)), Err("global-rate"));
        let mut limiter = Limiter::new(Limits::Test);
        assert!((0..25).all(|n| limiter.admit(&n.to_string(), at(0)).is_ok()));
        assert_eq!(limiter.admit("x", at(0)), Err("global-rate"));
    }
}
