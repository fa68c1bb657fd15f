//! Thirty kills and more, spread over all that a first day of use does.

use std::time::Duration;

use crate::{Desk, Dice, Stripe, Sum, assert_private, timed};

const DISCOVER: &[&str] = &["discover", "--pace", "60"];
const SYNC: &[&str] = &["sync", "--pace", "60"];

/// The undisturbed run: what it comes to, and how long each step takes.
fn undisturbed(stripe: &Stripe) -> (Sum, [Duration; 3]) {
    let desk = Desk::new(stripe);
    let times = [&["connect"][..], DISCOVER, SYNC].map(|words| timed(|| drop(desk.done(words))));
    let sum = Sum::of(&desk);
    let catalog = &sum.catalog;
    assert_eq!(catalog["total"], catalog["synced"], "{catalog}");
    assert!(catalog["total"].as_u64().unwrap() > 1000);
    for kind in ["invoices", "customers", "products", "invoice_payments", "payment_intents", "charges"] {
        assert!(sum.records.contains_key(kind), "{:?} without {kind}", sum.records.keys());
    }
    (sum, times)
}

/// Kills the step until `wanted` kills have hit it; gives how many did. The store opens after each.
fn kill(desk: &Desk, dice: &mut Dice, words: &[&str], whole: Duration, wanted: u32) -> u32 {
    let mut hits = 0;
    for _ in 0..wanted * 2 {
        if hits == wanted {
            break;
        }
        hits += u32::from(desk.kill_after(words, dice.part_of(whole)));
        desk.opens();
    }
    hits
}

#[test]
fn thirty_kills_change_nothing() {
    let stripe = Stripe::new(2000, 20);
    let (wanted, [connect, discover, sync]) = undisturbed(&stripe);
    eprintln!("undisturbed: connect {connect:?}, discover {discover:?}, sync {sync:?}");
    let mut hits = [0; 4];
    // At least three lives; more when a step was too quick to be hit often.
    for round in 0..8 {
        if round >= 3 && hits.iter().sum::<u32>() >= 30 && hits.iter().all(|hits| *hits >= 5) {
            break;
        }
        let mut dice = Dice(0x5eed + round);
        let desk = Desk::new(&stripe);
        hits[0] += kill(&desk, &mut dice, &["connect"], connect, 3);
        desk.connect();
        // In the middle of opening: the store's own work, before and after there is much in it.
        let open = timed(|| drop(desk.status()));
        hits[1] += kill(&desk, &mut dice, &["status", "--json"], open, 1);
        hits[2] += kill(&desk, &mut dice, DISCOVER, discover, 3);
        hits[1] += kill(&desk, &mut dice, &["status", "--json"], open, 1);
        desk.done(DISCOVER);
        hits[3] += kill(&desk, &mut dice, SYNC, sync, 4);
        hits[1] += kill(&desk, &mut dice, &["status", "--json"], open, 2);
        desk.done(SYNC);
        Sum::of(&desk).assert_is(&wanted, &format!("round {round}"));
        assert_private(&desk.data());
    }
    eprintln!(
        "kills that hit: connect {}, open {}, discover {}, sync {}",
        hits[0], hits[1], hits[2], hits[3]
    );
    assert!(hits.iter().sum::<u32>() >= 30, "{hits:?}");
    assert!(hits.iter().all(|hits| *hits >= 5), "{hits:?}");
}

#[test]
fn a_sync_that_was_killed_between_two_halves_of_a_discover_misses_nothing() {
    let stripe = Stripe::new(2000, 20);
    let (wanted, [_, discover, sync]) = undisturbed(&stripe);
    for round in 0..2 {
        let desk = Desk::new(&stripe);
        desk.connect();
        // Half of the catalog, half of its sync, then the other halves.
        assert!(desk.kill_after(DISCOVER, discover.mul_f64(0.55 + 0.1 * f64::from(round))), "it was faster");
        desk.kill_after(SYNC, sync.mul_f64(0.5 + 0.15 * f64::from(round)));
        desk.done(DISCOVER);
        desk.done(SYNC);
        Sum::of(&desk).assert_is(&wanted, &format!("round {round}"));
    }
}
