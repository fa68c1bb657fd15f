use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;

use super::*;

const ONE: IntegrationId = IntegrationId(1);

fn entry(object: &str, order: u64) -> Entry {
    Entry {
        queued: order as i64,
        expires: 10_000,
        event: format!("evt_{order}"),
        event_type: "invoice.paid".into(),
        object: object.into(),
        ..Entry::default()
    }
}

fn slot(order: u64) -> Slot {
    Slot { integration: ONE, order }
}

fn plan(objects: &[&str]) -> Plan {
    let mut plan = Plan::new(true);
    for (order, object) in objects.iter().enumerate() {
        plan.add(slot(order as u64), &entry(object, order as u64), 0);
    }
    plan
}

fn all(plan: &mut Plan, now: i64) -> Vec<u64> {
    std::iter::from_fn(|| plan.next(now)).map(|slot| slot.order).collect()
}

fn silent(began_ms: i64) -> Ended {
    Ended::Silent { reason: "connection refused".into(), began_ms }
}

#[test]
fn objects_keep_their_order_and_others_go_beside() {
    let mut plan = plan(&["in_1", "in_1", "in_2", "", "", "in_2"]);
    assert_eq!(all(&mut plan, 0), [0, 2, 3, 4], "what is about no object waits for nothing");
    plan.landed();
    assert!(all(&mut plan, 0).is_empty(), "not before it is stored");
    plan.ended(slot(0), &Ended::Delivered, 0, 5, 0.0);
    assert_eq!(all(&mut plan, 5), [1]);
    plan.ended(slot(2), &Ended::Refused("500".into()), 1_000, 6, 0.0);
    assert!(all(&mut plan, 6).is_empty(), "the later one of in_2 waits");
    assert_eq!(all(&mut plan, 1_000), [2]);
    plan.ended(slot(2), &Ended::Gone, 0, 1_001, 0.0);
    assert_eq!(all(&mut plan, 1_001), [5]);
}

#[test]
fn eight_go_at_once() {
    let mut plan = plan(&[""; 20]);
    assert_eq!(all(&mut plan, 0).len(), AT_ONCE);
    plan.landed();
    assert_eq!(all(&mut plan, 0).len(), 1);
}

#[test]
fn an_outage_is_one_try_at_a_time_with_growing_waits() {
    let mut plan = plan(&[""; 50]);
    let flown = all(&mut plan, 0);
    let mut sent = flown.len();
    for order in flown {
        plan.landed();
        plan.ended(slot(order), &silent(0), 1_000, 1, 0.0);
    }
    let mut now = plan.down().unwrap().next_ms;
    assert_eq!(now, 1_001, "those that were on their way count as one");
    let mut waits = Vec::new();
    while now < 120_000 {
        let probe = all(&mut plan, now);
        assert_eq!(probe.len(), 1);
        sent += 1;
        plan.landed();
        plan.ended(slot(probe[0]), &silent(now), now + 1_000, now + 1, 0.0);
        let next = plan.wake_ms().unwrap();
        waits.push(next - now - 1);
        now = next;
    }
    assert_eq!(&waits[..5], [2_000, 4_000, 8_000, 10_000, 10_000]);
    assert!(sent < 25, "{sent}");
    // Somebody started it again and says so.
    plan.try_now(now - 5_000);
    let probe = all(&mut plan, now - 5_000);
    plan.landed();
    plan.ended(slot(probe[0]), &Ended::Delivered, 0, now - 4_999, 0.0);
    assert_eq!(plan.down(), None);
    assert_eq!(all(&mut plan, now - 4_999).len(), AT_ONCE, "all are due");
}

#[test]
fn one_event_that_is_always_refused_keeps_no_target_down() {
    let mut plan = plan(&["in_bad", "in_1", "in_2"]);
    let mut now = 0;
    // Alone it is tried again and again, until the target counts as down.
    let mut bad = Plan::new(true);
    bad.add(slot(0), &entry("in_bad", 0), 0);
    for _ in 0..REFUSALS {
        now = bad.wake_ms().unwrap();
        assert_eq!(all(&mut bad, now), [0]);
        bad.landed();
        let due = bad.again_ms(slot(0), now, 0.0);
        bad.ended(slot(0), &Ended::Refused("it answers 500".into()), due, now, 0.0);
    }
    assert_eq!(bad.down().unwrap().reason, "it answers 500");
    bad.add(slot(1), &entry("in_1", 1), now);
    now = bad.wake_ms().unwrap();
    assert_eq!(all(&mut bad, now), [1], "the next probe is another event");
    bad.ended(slot(1), &Ended::Delivered, 0, now, 0.0);
    assert_eq!(bad.down(), None);
    // Beside others that are taken it never comes to that.
    for _ in 0..20 {
        for order in all(&mut plan, now) {
            plan.landed();
            let ended = if order == 0 { Ended::Refused("500".into()) } else { Ended::Delivered };
            plan.ended(slot(order), &ended, now + 1_000, now, 0.0);
        }
        assert_eq!(plan.down(), None);
        let next = plan.len() as u64 + now as u64;
        plan.add(slot(next), &entry("in_new", next), now);
        now += 1_000;
    }
}

#[test]
fn a_slow_event_among_others_that_are_taken_is_its_own_matter() {
    let mut plan = plan(&["in_slow", "in_1"]);
    assert_eq!(all(&mut plan, 0), [0, 1]);
    plan.ended(slot(1), &Ended::Delivered, 0, 10, 0.0);
    plan.ended(slot(0), &silent(0), 31_000, 30_000, 0.0);
    assert_eq!(plan.down(), None);
    assert_eq!(all(&mut plan, 31_000), [0]);
    plan.ended(slot(0), &silent(31_000), 70_000, 61_000, 0.0);
    assert!(plan.down().is_some(), "nothing was taken since");
}

#[test]
fn what_is_too_old_goes_and_lets_the_next_one_go() {
    let mut plan = plan(&["in_1", "in_1", "in_2"]);
    assert_eq!(plan.next(0), Some(slot(0)));
    assert_eq!(plan.take_expired(9_999, 10), []);
    assert_eq!(plan.take_expired(10_000, 10), [slot(1), slot(2)], "but not what is on its way");
    plan.ended(slot(0), &Ended::Refused("500".into()), 5, 1, 0.0);
    assert_eq!(plan.take_expired(10_000, 10), [slot(0)]);
    assert!(plan.is_empty() && plan.wake_ms().is_none() && plan.next(99_999).is_none());
}

#[test]
fn an_earlier_one_that_comes_back_goes_first() {
    let mut plan = Plan::new(true);
    plan.add(slot(5), &entry("in_1", 5), 0);
    plan.add(slot(3), &entry("in_1", 3), 0);
    assert_eq!(all(&mut plan, 0), [3]);
    plan.add(slot(1), &entry("in_1", 1), 0);
    assert!(all(&mut plan, 0).is_empty(), "not beside the one that flies");
    plan.ended(slot(3), &Ended::Delivered, 0, 1, 0.0);
    assert_eq!(all(&mut plan, 1), [1]);
}

#[test]
fn waits_grow_to_a_minute_and_vary() {
    let waits: Vec<i64> = (0..9).map(|tries| backoff_ms(tries, LONGEST_MS, 0.0)).collect();
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    assert_eq!((backoff_ms(0, LONGEST_MS, 1.0), backoff_ms(40, LONGEST_MS, 1.0)), (1_250, 60_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Whatever a target answers: every event is delivered in the end, those of an object in their order, and never
    /// are two of them on their way.
    #[test]
    fn everything_is_delivered_in_order(
        objects in prop::collection::vec(0..5_u8, 1..60),
        answers in prop::collection::vec(0..4_u8, 0..200),
    ) {
        let mut plan = Plan::new(false);
        for (order, object) in objects.iter().enumerate() {
            let object = if *object == 0 { String::new() } else { format!("in_{object}") };
            plan.add(slot(order as u64), &entry(&object, order as u64), 0);
        }
        let (mut now, mut answers) = (0, answers.into_iter());
        let mut delivered: Vec<u64> = Vec::new();
        for _ in 0..5_000 {
            if plan.is_empty() {
                break;
            }
            let flown = all(&mut plan, now);
            let lines: HashSet<u8> = flown.iter().map(|one| objects[*one as usize]).filter(|one| *one > 0).collect();
            prop_assert_eq!(lines.len(), flown.iter().filter(|one| objects[**one as usize] > 0).count());
            prop_assert!(plan.down().is_none() || flown.len() <= 1);
            for order in flown {
                plan.landed();
                let due = plan.again_ms(slot(order), now, 0.5);
                let ended = match answers.next().unwrap_or(0) {
                    0 | 1 => Ended::Delivered,
                    2 => Ended::Refused("it answers 500".into()),
                    _ => silent(now),
                };
                if ended == Ended::Delivered {
                    delivered.push(order);
                }
                plan.ended(slot(order), &ended, due, now, 0.5);
            }
            now = plan.wake_ms().map_or(now + 1, |at| at.max(now));
        }
        prop_assert_eq!(delivered.len(), objects.len());
        let mut last: BTreeMap<u8, u64> = BTreeMap::new();
        for order in delivered {
            let object = objects[order as usize];
            if object > 0 {
                prop_assert!(last.insert(object, order).is_none_or(|before| before < order));
            }
        }
    }
}
