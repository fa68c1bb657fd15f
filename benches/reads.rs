//! Reads in a month beside Stripe's floor of 10 000: a day of each kind lived in fast time, times 30.
//!
//! `cargo bench --bench reads` (about a minute). Polls are the real ones, over HTTP against the local Stripe whose clock
//! is set forward; schedule, relay machine and gap planner are the program's own (`tests/live/day.rs`). *By itself* is
//! what counts against the limit of automatic reads, at which tillwatch stops and asks: all but one GET a scheduled
//! poll. Discover and sync are not in it: they are a person's, and tell their cost before they begin.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/live/day.rs"]
mod day;

use day::{Day, Server, live};
use tillwatch::events::schedule::{AUTOMATIC_PERCENT, READ_FLOOR};

fn main() {
    let idle = Day { every_s: 900, relay: None, events: 0, sleeps: 0 };
    let relay = Day { relay: Some(Server::Overlaps), ..idle };
    let days = [
        ("idle, relay", relay),
        ("idle, relay, asleep five times", Day { sleeps: 5, ..relay }),
        ("idle, relay, server closes the old socket", Day { relay: Some(Server::ClosesOld), ..idle }),
        ("idle, relay, broken off every 40 s", Day { relay: Some(Server::BreaksOff(40)), ..idle }),
        ("idle, polling every 15 min", idle),
        ("idle, polling every 5 min", Day { every_s: 300, ..idle }),
        ("busy, 2 400 events a day, relay", Day { events: 2_400, ..relay }),
        ("busy, 2 400 events a day, polling", Day { events: 2_400, ..idle }),
        ("very busy, 50 000 events a day, relay", Day { events: 50_000, ..relay }),
        ("very busy, 50 000 events a day, polling", Day { events: 50_000, ..idle }),
    ];
    println!(
        "{:<44} {:>6} {:>6} {:>6}  {:>22}  {:>24}",
        "a day", "polls", "GETs", "gaps", "GETs in 30 days", "by itself, of the limit"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let limit = READ_FLOOR * AUTOMATIC_PERCENT / 100;
    for (name, day) in days {
        let spent = runtime.block_on(live(day));
        let (month, own) = (spent.reads() * 30, spent.automatic() * 30);
        println!(
            "{name:<44} {:>6} {:>6} {:>6}  {:>10} = {:>3} % floor  {:>10} = {:>3} %{}",
            spent.polls,
            spent.scheduled,
            spent.gaps,
            month,
            month * 100 / READ_FLOOR,
            own,
            own * 100 / limit,
            if own > limit { " (stops and asks)" } else { "" }
        );
    }
}
