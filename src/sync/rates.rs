//! How fast something goes, smoothed over some seconds, and how long the rest takes.
//!
//! It must never promise a time before the rate has settled, and never tell a rate for what stands still.

use std::collections::VecDeque;
use std::time::Instant;

/// Seconds over which a rate is smoothed.
const WINDOW_S: f64 = 5.0;
/// A rate is told once so many seconds have passed.
const SETTLED_S: f64 = 1.5;
/// Two samples closer together tell nothing.
const APART_S: f64 = 0.2;
/// Below this many a second no time is promised.
const SLOWEST: f64 = 0.5;

/// A counter's rate.
#[derive(Debug)]
pub struct Gauge {
    begun: Instant,
    samples: VecDeque<(Instant, u64)>,
    rate: f64,
}

impl Gauge {
    /// Begins now.
    pub fn new(now: Instant) -> Gauge {
        Gauge { begun: now, samples: VecDeque::new(), rate: 0.0 }
    }

    /// Takes the counter's value; tells units a second, 0 until it has settled.
    pub fn add(&mut self, now: Instant, value: u64) -> f64 {
        self.samples.push_back((now, value));
        // One sample from before the window stays: the rate is over all of the window.
        while self.samples.get(1).is_some_and(|(at, _)| since(*at, now) >= WINDOW_S) {
            self.samples.pop_front();
        }
        if let (Some((first, before)), true) = (self.samples.front(), self.settled(now)) {
            let seconds = since(*first, now);
            if seconds > APART_S {
                self.rate = value.saturating_sub(*before) as f64 / seconds;
            }
        }
        self.rate
    }

    /// Seconds that so many units will take at the present rate.
    pub fn left(&self, now: Instant, units: f64) -> Option<u64> {
        (self.settled(now) && self.rate > SLOWEST).then(|| (units.max(0.0) / self.rate).ceil() as u64)
    }

    fn settled(&self, now: Instant) -> bool {
        since(self.begun, now) > SETTLED_S
    }
}

fn since(earlier: Instant, now: Instant) -> f64 {
    now.saturating_duration_since(earlier).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_rate_settles_and_falls_to_nothing_when_all_stands_still() {
        let start = Instant::now();
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        let mut gauge = Gauge::new(start);
        for tenths in 0..15 {
            assert_eq!(gauge.add(at(tenths), tenths * 10) as u64, 0, "not settled yet");
            assert_eq!(gauge.left(at(tenths), 100.0), None);
        }
        for tenths in 15..100 {
            gauge.add(at(tenths), tenths * 10);
        }
        assert!((gauge.add(at(100), 1000) - 100.0).abs() < 1.0);
        assert_eq!(gauge.left(at(100), 250.0), Some(3));
        // Nothing comes any more: one sample a second.
        for tenths in (110..=160).step_by(10) {
            gauge.add(at(tenths), 1000);
        }
        assert_eq!(gauge.add(at(170), 1000) as u64, 0);
        assert_eq!(gauge.left(at(170), 250.0), None);
    }
}
