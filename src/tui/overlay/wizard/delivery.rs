//! How an account can stay current: what each way is, and whether this version has it.
//!
//! The one place that says so: the wizard and the edit form both read it, and a new way is turned on here.

use crate::engine::api::{Delivery, PermissionGroup};
use crate::tui::widgets::header::every;

/// One way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Which.
    pub delivery: Delivery,
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub what: &'static str,
    /// This version has it.
    pub usable: bool,
}

/// All ways there are, the usable ones and the others.
pub fn ways() -> [Way; 3] {
    [
        Way {
            delivery: Delivery::Poll,
            name: "poll",
            what: "reads Stripe's list of events on a schedule; one read when nothing has happened",
            usable: true,
        },
        Way {
            delivery: Delivery::Relay,
            name: "relay",
            what: "events as they happen, by the call that `stripe listen` uses: no public API; polling goes on",
            usable: true,
        },
        Way {
            delivery: Delivery::Endpoint,
            name: "endpoint",
            what: "events as they happen, sent by Stripe to a public https address of yours; polling goes on beside it",
            usable: true,
        },
    ]
}

/// This way of staying current needs permissions of that group.
pub fn needs(delivery: Delivery, group: PermissionGroup) -> bool {
    match group {
        // Polling stays beside the others, only slower.
        PermissionGroup::Read | PermissionGroup::Poll => true,
        PermissionGroup::Relay => delivery == Delivery::Relay,
        PermissionGroup::Endpoint => delivery == Delivery::Endpoint,
    }
}

/// Seconds between polls to choose from. A local Stripe has no read allocation to mind.
pub fn intervals(demo: bool) -> &'static [u64] {
    if demo { &[1, 5, 30, 60, 300, 900, 3600] } else { &[60, 300, 900, 1800, 3600, 6 * 3600, 86_400] }
}

/// What is chosen when nobody chooses.
pub fn usual(demo: bool) -> u64 {
    if demo { 1 } else { 900 }
}

/// The one before or after in the list; an interval of its own goes to its neighbour.
pub fn step(demo: bool, now: u64, by: isize) -> u64 {
    let all = intervals(demo);
    let next = if by > 0 {
        all.iter().find(|one| **one > now).or(all.last())
    } else {
        all.iter().rev().find(|one| **one < now).or(all.first())
    };
    next.copied().unwrap_or(now)
}

/// What an interval costs, for a person: `every 15m · 2 880 reads in 30 days when nothing happens`.
pub fn cost(seconds: u64) -> (String, u64) {
    let reads = (30 * 86_400_u64).checked_div(seconds).unwrap_or(0);
    let name = if seconds == 0 { "not at all".to_owned() } else { format!("every {}", every(seconds)) };
    (name, reads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_is_there_and_stepping_stays_in_the_list() {
        let usable = |delivery| ways().iter().any(|way| way.delivery == delivery && way.usable);
        assert!(usable(Delivery::Poll) && usable(Delivery::Relay) && usable(Delivery::Endpoint));
        for demo in [false, true] {
            assert!(intervals(demo).contains(&usual(demo)));
            assert_eq!(step(demo, 0, -1), intervals(demo)[0]);
            assert_eq!(step(demo, u64::MAX, 1), *intervals(demo).last().unwrap());
            assert_eq!(step(demo, 900, 1), *intervals(demo).iter().find(|one| **one > 900).unwrap());
        }
        assert_eq!(cost(900), ("every 15m".into(), 2880));
        assert_eq!(cost(0), ("not at all".into(), 0));
    }
}
