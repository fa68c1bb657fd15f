//! What a day costs in reads, by living it in fast time: the figures that the documentation names.

use tillwatch::events::schedule::{AUTOMATIC_PERCENT, READ_FLOOR};

use crate::day::{Day, Server, live};

const LIMIT: u64 = READ_FLOOR * AUTOMATIC_PERCENT / 100;
const IDLE: Day = Day { every_s: 900, relay: None, events: 0, sleeps: 0 };

#[tokio::test(flavor = "multi_thread")]
async fn idle_with_the_relay_is_a_poll_an_hour_and_resets_cost_nothing() {
    let spent = live(Day { relay: Some(Server::Overlaps), ..IDLE }).await;
    assert!((23..=25).contains(&spent.polls), "{spent:?}");
    assert_eq!((spent.scheduled, spent.gaps), (spent.polls, 1), "only the start is covered");
    let asleep = live(Day { relay: Some(Server::Overlaps), sleeps: 5, ..IDLE }).await;
    assert!((5..=7).contains(&asleep.gaps), "one read a wake: {asleep:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_polling_is_a_read_a_poll_and_a_busy_day_a_page_for_a_hundred_events() {
    let spent = live(IDLE).await;
    assert!((93..=103).contains(&spent.polls), "{spent:?}");
    assert_eq!((spent.scheduled, spent.automatic()), (spent.polls, 0));
    let busy = live(Day { events: 2_400, ..IDLE }).await;
    assert!(busy.events > 2_300, "{busy:?}");
    // Once an hour the last minutes are read again, and only as long as something happens.
    assert!((20..=25).contains(&busy.automatic()), "{busy:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_gives_a_gap_a_minute_stays_within_the_automatic_share() {
    for server in [Server::ClosesOld, Server::BreaksOff(40)] {
        let spent = live(Day { relay: Some(server), ..IDLE }).await;
        assert!(spent.gaps > 30, "{spent:?}");
        assert!(spent.automatic() * 30 < LIMIT, "{server:?}: {spent:?}");
    }
}
