use super::super::gaps::Planner;
use super::super::relay::machine::{Action, Input, Link, Machine, Time};
use super::*;
use std::time::Duration;

const DAY: i64 = 86_400;

/// Polls of a day at so many seconds, when nothing happens: one GET each.
fn polls(every_s: u64) -> u64 {
    let (mut now, mut count) = (20_000 * DAY, 0);
    let end = now + DAY;
    while now < end {
        count += 1;
        now = next(now, every_s as i64, true, 3);
    }
    count
}

/// GETs for gaps in a day of relay sockets. `lives`: seconds that the server lets the next socket live before it closes
/// it; none: until we reset it.
fn gap_reads(mut lives: impl FnMut() -> Option<u64>) -> u64 {
    let mut machine = Machine::new(7);
    let mut planner = Planner::new(false);
    let begun = 20_000 * DAY;
    let (mut reads, mut main, mut dies): (u64, u64, Option<u64>) = (0, 0, None);
    for second in 0..DAY as u64 {
        let now = Time::from_secs(second);
        let mut inputs = vec![Input::Tick];
        if main > 0 {
            // The server pings.
            inputs.push(Input::Heard(main, now));
            if dies.is_some_and(|at| at <= second) {
                inputs.push(Input::Closed(main, "closed".to_owned()));
                dies = None;
            }
        }
        while let Some(input) = inputs.pop() {
            for action in machine.step(input, now) {
                match action {
                    Action::AskSession => inputs.push(Input::Session(Duration::from_secs(60))),
                    Action::Dial { socket, .. } => {
                        main = socket;
                        dies = lives().map(|life| second + life);
                        inputs.push(Input::Opened(socket));
                    }
                    Action::Close(_) => {}
                    Action::Cover { at_once } => {
                        let now = begun + second as i64;
                        planner.want(now, at_once, now);
                    }
                }
            }
        }
        let now = begun + second as i64;
        if planner.due().is_some_and(|due| due <= now) {
            planner.begin(now);
            reads += 1;
        }
    }
    assert!(matches!(machine.link(), Link::Connected { .. } | Link::Waiting(..)), "{:?}", machine.link());
    reads
}

#[test]
fn a_day_of_each_kind_stays_within_its_share_of_the_floor() {
    // One GET at the start; planned resets cost none, and the poll beside is hourly.
    let beside = polls(effective_s(900, true, false));
    assert!((23..=26).contains(&beside), "{beside}");
    let resets = gap_reads(|| None);
    assert_eq!(resets, 1, "only the start is covered");
    assert!((beside + resets) * 30 <= READ_FLOOR / 10, "{beside} {resets}");
    // Every quarter of an hour, with a tenth of spread.
    let polled = polls(effective_s(900, false, false));
    assert!((92..=104).contains(&polled), "{polled}");
    assert!(polled * 30 <= READ_FLOOR * 3 / 10 + 200, "{polled}");
    assert_eq!(monthly(900), 2880);
    // A server that breaks off every 40 s all day long: once a minute, then once in a quarter of an hour.
    let storm = gap_reads(|| Some(40));
    assert!((60..=160).contains(&storm), "{storm}");
}

#[test]
fn automatic_reads_have_a_limit_that_a_person_may_move() {
    assert_eq!(automatic_limit(None, false), Some(2000));
    assert_eq!(automatic_limit(None, true), None, "nobody counts on this machine");
    assert_eq!((automatic_limit(Some(5), true), automatic_limit(Some(9000), false)), (Some(5), Some(9000)));
}

#[test]
fn accounts_do_not_poll_in_step_and_a_failure_is_tried_again_soon() {
    let times: std::collections::BTreeSet<i64> =
        (0..32).map(|account| next(1_000, 900, true, account)).collect();
    assert!(times.len() > 16, "{times:?}");
    assert!(times.iter().all(|at| (1_855..=1_945).contains(at)), "{times:?}");
    assert_eq!((next(1_000, 900, false, 1), next(1_000, 30, true, 1) > 1_027), (1_060, true));
}
