//! Moments without a live connection: when they are asked for, what is told of them, and what is kept of the
//! live connection in the store.
//!
//! The planner is pure. It must never let a gap go unread, and never say "nothing is missing" before Stripe's own
//! list was read to its end.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::engine::api::{Gap, IntegrationId};
use crate::integration::Integration;
use crate::text::count;

/// Reads for gaps are at least so far apart, in seconds: Stripe counts each against the read allocation.
const APART_S: i64 = 60;
/// On a local server nobody counts.
const APART_LOCAL_S: i64 = 2;
/// So many a day come at that pace; after them it is slow enough that a server which gives a gap a minute stays within
/// what may be read by itself (`schedule.rs`; `tests/live/reads.rs` lives such a day).
const A_DAY: u32 = 20;
const APART_MANY_S: i64 = 40 * 60;
/// After a failed read.
const AGAIN_S: i64 = 5;
/// Gaps that are kept for people to see.
const KEPT: usize = 20;
/// A gap that is shorter and hid nothing is not worth a word, in seconds.
const TELL_S: i64 = 5;
impl Gap {
    /// `12 events recovered, gap of 41 s; nothing is missing`; none: not worth a word, unless it is `wanted` anyway.
    pub fn told(&self, wanted: bool) -> Option<String> {
        let short = self.to - self.from < TELL_S;
        let told = self.recovered > 0 || !short || wanted;
        told.then(|| format!("{}; nothing is missing", self.row()))
    }

    /// `12 events recovered, gap of 41 s`.
    pub fn row(&self) -> String {
        let what = match self.recovered {
            0 => "no event was missed".to_owned(),
            1 => "1 event recovered".to_owned(),
            many => format!("{} events recovered", count(many)),
        };
        format!("{what}, gap of {}", clock::ago((self.to - self.from).max(0)))
    }
}

/// What is kept of an integration's live connection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveDoc {
    /// Deliveries that came.
    pub received: u64,
    /// Events that were off the list: counted, not stored.
    pub ignored: u64,
    /// What could not be read as an event.
    pub unreadable: u64,
    /// Events of the other mode.
    pub other_mode: u64,
    /// Deliveries whose signature was wrong.
    pub unsigned: u64,
    /// The last sign of life, Unix seconds; 0: never.
    pub alive_at: i64,
    /// Newest last.
    pub gaps: VecDeque<Gap>,
}

impl LiveDoc {
    /// The name of its document.
    pub fn name(integration: IntegrationId) -> String {
        Integration::own_document(integration, "live")
    }

    /// Keeps a gap.
    pub fn keep(&mut self, gap: Gap) {
        self.gaps.push_back(gap);
        while self.gaps.len() > KEPT {
            self.gaps.pop_front();
        }
    }
}

/// When the next read for gaps is due.
#[derive(Debug, Default)]
pub struct Planner {
    local: bool,
    /// Since when something may be missing.
    from: Option<i64>,
    due: Option<i64>,
    last: Option<i64>,
    /// The day and how many reads it saw.
    today: (i64, u32),
}

impl Planner {
    /// `local`: the server is on this machine.
    pub fn new(local: bool) -> Planner {
        Planner { local, ..Planner::default() }
    }

    /// Something may be missing since then.
    pub fn want(&mut self, since: i64, at_once: bool, now: i64) {
        self.from = Some(self.from.map_or(since, |from| from.min(since)));
        let due = match self.last {
            Some(last) if !at_once => now.max(last + self.apart(now)),
            _ => now,
        };
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// When to read; none: nothing is missing.
    pub fn due(&self) -> Option<i64> {
        self.due
    }

    /// A read begins: what is missing from now on needs another one.
    pub fn begin(&mut self, now: i64) -> Option<i64> {
        self.due = None;
        self.last = Some(now);
        let day = now.div_euclid(86_400);
        if self.today.0 != day {
            self.today = (day, 0);
        }
        self.today.1 += 1;
        self.from.take()
    }

    /// It may not be sent before then: what is missing stays wanted.
    pub fn hold(&mut self, until: i64) {
        self.due = Some(until);
    }

    /// It failed: again, soon.
    pub fn failed(&mut self, from: i64, now: i64) {
        self.from = Some(self.from.map_or(from, |newer| newer.min(from)));
        self.due = Some(now + AGAIN_S);
    }

    fn apart(&self, now: i64) -> i64 {
        if self.local {
            APART_LOCAL_S
        } else if self.today.0 == now.div_euclid(86_400) && self.today.1 >= A_DAY {
            APART_MANY_S
        } else {
            APART_S
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_merge_to_one_read_a_minute_and_waking_does_not_wait() {
        let mut planner = Planner::new(false);
        planner.want(1_000, false, 1_010);
        assert_eq!(planner.due(), Some(1_010), "the first at once");
        assert_eq!(planner.begin(1_010), Some(1_000));
        assert_eq!(planner.due(), None);
        planner.want(1_020, false, 1_021);
        planner.want(1_030, false, 1_031);
        assert_eq!(planner.due(), Some(1_070));
        planner.want(1_040, true, 1_045);
        assert_eq!(planner.due(), Some(1_045));
        assert_eq!(planner.begin(1_045), Some(1_020), "all of them");
        planner.failed(1_020, 1_046);
        assert_eq!(planner.due(), Some(1_051));
        planner.want(1_050, false, 1_050);
        assert_eq!((planner.due(), planner.begin(1_051)), (Some(1_051), Some(1_020)));
    }

    #[test]
    fn a_server_that_breaks_off_all_day_does_not_eat_the_allocation() {
        let mut planner = Planner::new(false);
        let (mut now, mut reads) = (86_400 * 20_000, 0);
        let end = now + 86_400;
        while now < end {
            planner.want(now, false, now);
            if planner.due().is_some_and(|due| due <= now) {
                planner.begin(now);
                reads += 1;
            }
            now += 36;
        }
        assert!((45..=60).contains(&reads), "{reads}");
    }

    #[test]
    fn a_gap_is_told_in_one_line() {
        let gap = |length: i64, recovered| Gap { from: 100, to: 100 + length, recovered }.told(false);
        assert_eq!(gap(41, 12).as_deref(), Some("12 events recovered, gap of 41 s; nothing is missing"));
        assert_eq!(gap(1, 1).as_deref(), Some("1 event recovered, gap of 1 s; nothing is missing"));
        assert_eq!(gap(60, 0).as_deref(), Some("no event was missed, gap of 1 min; nothing is missing"));
        assert_eq!(gap(1, 0), None);
    }
}
