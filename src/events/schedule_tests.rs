use super::*;

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

#[test]
fn a_day_of_each_kind_stays_within_its_share_of_the_floor() {
    // Beside the relay: hourly.
    let beside = polls(effective_s(900, true, false));
    assert!((23..=26).contains(&beside), "{beside}");
    assert!(beside * 30 <= READ_FLOOR / 10, "{beside}");
    // Every quarter of an hour, with a tenth of spread.
    let polled = polls(effective_s(900, false, false));
    assert!((92..=104).contains(&polled), "{polled}");
    assert!(polled * 30 <= READ_FLOOR * 3 / 10 + 200, "{polled}");
    assert_eq!(monthly(900), 2880);
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
