//! What is durable is not read again: a run that was killed late costs little more when it is taken up.

use std::time::{Duration, Instant};

use crate::{Desk, Stripe};

/// GETs a second of the runs below; at most so many pages are applied and not yet on disk (half a second).
const PACE: u64 = 40;
/// Requests in flight, the event polls, and what a start asks before the work.
const AROUND: u64 = 24 + 10;

fn kill_at(desk: &Desk, stripe: &Stripe, words: &[&str], requests: u64) {
    let before = stripe.requests();
    let mut child = desk.spawn(words);
    let begun = Instant::now();
    while stripe.requests() - before < requests {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
        assert!(begun.elapsed() < Duration::from_secs(60), "it stands still");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn cost(stripe: &Stripe, run: impl FnOnce()) -> u64 {
    let before = stripe.requests();
    run();
    stripe.requests() - before
}

#[test]
fn pages_that_are_durable_are_not_read_again() {
    let stripe = Stripe::new(20_000, 5);
    let pace = PACE.to_string();
    let discover = ["discover", "--pace", &pace];
    let whole = Desk::new(&stripe);
    whole.connect();
    let undisturbed = cost(&stripe, || drop(whole.done(&discover)));
    let desk = Desk::new(&stripe);
    desk.connect();
    kill_at(&desk, &stripe, &discover, undisturbed * 8 / 10);
    assert!(desk.opens());
    let listed = desk.status()["catalog"]["total"].as_u64().unwrap();
    let again = cost(&stripe, || drop(desk.done(&discover)));
    // Half a second between flushes, and as much again for a disk that is slow.
    let most = undisturbed * 2 / 10 + PACE + AROUND;
    eprintln!("discover: {undisturbed} requests undisturbed, {again} after a kill at 80 %, at most {most}");
    assert!(most * 10 < undisturbed * 7, "this test could not fail");
    assert!(again <= most, "{again} requests, at most {most}");
    assert!(listed > 20_000 * 4 / 10, "only {listed} were durable");
    assert_eq!(desk.status()["catalog"], whole.status()["catalog"]);
}

#[test]
fn what_sync_has_stored_is_not_read_again() {
    let stripe = Stripe::new(6000, 5);
    let pace = PACE.to_string();
    let sync = ["sync", "--pace", &pace];
    let (whole, desk) = (Desk::new(&stripe), Desk::new(&stripe));
    for desk in [&whole, &desk] {
        desk.connect();
        desk.done(&["discover", "--pace", "none"]);
    }
    let undisturbed = cost(&stripe, || drop(whole.done(&sync)));
    kill_at(&desk, &stripe, &sync, undisturbed * 8 / 10);
    assert!(desk.opens());
    let again = cost(&stripe, || drop(desk.done(&sync)));
    let most = undisturbed * 2 / 10 + PACE + AROUND;
    eprintln!("sync: {undisturbed} requests undisturbed, {again} after a kill at 80 %, at most {most}");
    assert!(most * 10 < undisturbed * 8, "this test could not fail");
    assert!(again <= most, "{again} requests, at most {most}");
    assert_eq!(desk.status()["catalog"], whole.status()["catalog"]);
}
