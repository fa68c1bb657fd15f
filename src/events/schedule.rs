//! When an integration is polled next, and how many reads nobody asked for it may send. Pure: times and counts come in.
//!
//! It must never let automatic work go on above its share of Stripe's read allocation without a person's word.

/// After a failure the next try comes sooner than the schedule says, at most so many seconds later.
const AFTER_FAILURE_S: i64 = 60;
/// Beside an open live connection polls only check that nothing is missing; on this machine they cost nothing.
const BESIDE_S: u64 = 3_600;
const BESIDE_LOCAL_S: u64 = 60;
/// The share of the floor, in percent, that reads nobody asked for may take in 30 days.
pub const AUTOMATIC_PERCENT: u64 = 20;
/// GETs in 30 days that every account may send, whatever its number of transactions
/// (docs.stripe.com/rate-limits, read allocation).
pub const READ_FLOOR: u64 = 10_000;
/// What is held back is looked at again after so long, in seconds.
pub const HELD_S: i64 = 15 * 60;

/// Seconds between polls: slower beside an open live connection (`live`). 0: none.
pub fn effective_s(every_s: u64, live: bool, local: bool) -> u64 {
    if live && every_s > 0 { every_s.max(if local { BESIDE_LOCAL_S } else { BESIDE_S }) } else { every_s }
}

/// When the next poll is due, after one that ended `now`. `salt` spreads accounts over a tenth of the time, so that
/// they do not poll in step.
pub fn next(now: i64, every: i64, ok: bool, salt: u32) -> i64 {
    let spread = (every / 10).max(1);
    let every = every - spread / 2 + (now ^ i64::from(salt)).rem_euclid(spread);
    now + if ok { every } else { every.min(AFTER_FAILURE_S) }
}

/// GETs that a schedule takes in 30 days when nothing happens.
pub fn monthly(every_s: u64) -> u64 {
    (30 * 86_400_u64).checked_div(every_s).unwrap_or(0)
}

/// GETs that nobody asked for (beyond one for each scheduled poll, which a person has chosen) that may be sent in 30
/// days; none: as many as it takes. `set` is the person's own word on it; a local server has no allocation.
pub fn automatic_limit(set: Option<u64>, local: bool) -> Option<u64> {
    match set {
        Some(limit) => Some(limit),
        None if local => None,
        None => Some(READ_FLOOR * AUTOMATIC_PERCENT / 100),
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
