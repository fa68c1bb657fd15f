//! The counters are what a full count finds, after whatever happened.

use proptest::prelude::*;
use tillwatch::engine::api::{CatalogCounts, EventQuery};
use tillwatch::store::batch::{Outcome, StateChange};
use tillwatch::store::codec::Content;
use tillwatch::store::merge::Via;
use tillwatch::store::{Batch, Counters, State, Store};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, TWO, Thing, commit, dump, event, noise, open, pack};

const KINDS: [Kind; 3] = [Kind::Invoice, Kind::Customer, Kind::PaymentIntent];
/// Of events created at 0 to 4, those from 3 on are too young to go.
const NOW: i64 = tillwatch::events::retention::YOUNGEST_S + 2;
const STATUSES: [&str; 7] = ["draft", "open", "paid", "uncollectible", "void", "", "of_the_future"];

#[derive(Debug, Clone)]
struct Object {
    two: bool,
    kind: usize,
    id: u8,
    as_of: i64,
    version: u8,
    status: usize,
    more_lines: bool,
    via: u8,
}

#[derive(Debug, Clone)]
enum Step {
    Object(Object),
    State { id: u8, fits: bool, outcome: u8, lines: usize },
    Event { two: bool, id: u8, created: i64, object: Option<Object> },
    Reads { two: bool, day: i64, reads: u64 },
    Drop { two: bool, id: u8 },
    Star { two: bool, id: u8, on: bool },
}

fn object() -> impl Strategy<Value = Object> {
    (any::<bool>(), 0..3_usize, 0..4_u8, 0..8_i64, 0..3_u8, 0..7_usize, any::<bool>(), 0..3_u8).prop_map(
        |(two, kind, id, as_of, version, status, more_lines, via)| Object {
            two,
            kind,
            id,
            as_of,
            version,
            status,
            more_lines,
            via,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => object().prop_map(Step::Object),
        4 => (0..4_u8, prop::bool::weighted(0.8), 0..3_u8, 0..3_usize)
            .prop_map(|(id, fits, outcome, lines)| Step::State { id, fits, outcome, lines }),
        2 => (any::<bool>(), 0..6_u8, 0..5_i64, prop::option::of(object()))
            .prop_map(|(two, id, created, object)| Step::Event { two, id, created, object }),
        2 => (any::<bool>(), 0..6_u8).prop_map(|(two, id)| Step::Drop { two, id }),
        1 => (any::<bool>(), 0..6_u8, any::<bool>()).prop_map(|(two, id, on)| Step::Star { two, id, on }),
        1 => (any::<bool>(), 0..3_i64, 0..9_u64).prop_map(|(two, day, reads)| Step::Reads { two, day, reads }),
    ]
}

fn write(store: &Store, object: &Object) -> tillwatch::store::batch::RecordWrite {
    let (id, json) = (format!("x_{}", object.id), format!("{{\"v\":{}}}", object.version));
    Thing {
        whose: if object.two { TWO } else { ONE },
        kind: KINDS[object.kind],
        id: &id,
        as_of: object.as_of,
        json: &json,
        status: STATUSES[object.status],
        more_lines: object.more_lines,
        via: [Via::Listed, Via::Event, Via::Deleted][usize::from(object.via)],
    }
    .write(store)
}

fn add(store: &Store, batch: &mut Batch, step: &Step, reads: &mut [u64; 2]) {
    let whose = |two: bool| if two { TWO } else { ONE };
    match step {
        Step::Object(object) => {
            batch.record(write(store, object));
        }
        Step::State { id, fits, outcome, lines } => {
            let id = format!("x_{id}");
            let stored = store.header(ONE, Kind::Invoice, &id).unwrap();
            batch.state(StateChange {
                integration: ONE,
                if_hash: stored.map_or(1, |header| header.hash).wrapping_add(u64::from(!fits)),
                id,
                outcome: match outcome {
                    0 => Outcome::Synced,
                    1 => Outcome::Failed("why".into()),
                    _ => Outcome::Gone,
                },
                lines: (0..*lines).map(|_| pack(store, Content::Lines, "[]")).collect(),
            });
        }
        Step::Event { two, id, created, object } => {
            // Every other one is large enough to be stored in parts.
            let json = if id % 2 == 0 { "{}".to_owned() } else { noise(40_000, u64::from(*id)) };
            let mut write_event = event(store, whose(*two), &format!("evt_{id}"), *created, &json);
            // What an event changes is of its own integration.
            let object = object.clone().map(|object| Object { two: *two, ..object });
            write_event.records = object.iter().map(|object| write(store, object)).collect();
            batch.event(write_event);
        }
        Step::Drop { two, id } => {
            let id = format!("evt_{id}");
            if let Some(place) = store.event_place(whose(*two), &id).unwrap() {
                batch.drop_event(place, id);
            }
        }
        Step::Star { two, id, on } => {
            batch.star(whose(*two), format!("evt_{id}"), *on);
        }
        Step::Reads { two, day, reads: more } => {
            reads[usize::from(*two)] += more;
            batch.reads(whose(*two), *day, *more);
        }
    }
}

/// Counts everything by walking the headers and the feed.
fn recount(store: &Store, whose: tillwatch::engine::api::IntegrationId) -> Counters {
    let mut counters = Counters::default();
    let mut catalog = CatalogCounts::default();
    for kind in KINDS {
        let mut records = 0;
        store
            .each_header(whose, kind, |_, header| {
                records += u64::from(matches!(header.state, State::Synced | State::Stale | State::Gone));
                if kind == Kind::Invoice {
                    catalog.total += 1;
                    *match header.state {
                        State::Pending => &mut catalog.pending,
                        State::Processing => &mut catalog.processing,
                        State::Synced => &mut catalog.synced,
                        State::Skipped => &mut catalog.skipped,
                        State::Error => &mut catalog.error,
                        State::Stale => &mut catalog.stale,
                        State::Gone => &mut catalog.gone,
                    } += 1;
                    match &*header.status {
                        "draft" => catalog.draft += 1,
                        "open" => catalog.open += 1,
                        "paid" => catalog.paid += 1,
                        "uncollectible" => catalog.uncollectible += 1,
                        "void" => catalog.void += 1,
                        _ => {}
                    }
                }
                true
            })
            .unwrap();
        if records > 0 {
            counters.records.insert(kind.tag(), records);
        }
    }
    counters.catalog = catalog;
    let all = EventQuery { integration: Some(whose), from: None, limit: 500, ..EventQuery::default() };
    counters.events = store.events(&all, &[ONE, TWO]).unwrap().rows.len() as u64;
    counters.event_bytes = store.measure_events(whose).unwrap();
    counters
}

fn same(store: &Store, reads: [u64; 2]) -> Result<(), TestCaseError> {
    for (index, whose) in [ONE, TWO].into_iter().enumerate() {
        let mut kept = store.counters(whose);
        kept.records.retain(|_, count| *count > 0);
        prop_assert_eq!(kept.reads_30_days(2), reads[index]);
        kept.reads.clear();
        // Never falls; compared below.
        kept.arrived = 0;
        prop_assert_eq!(kept, recount(store, whose));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counters_are_what_a_full_count_finds(
        batches in prop::collection::vec(prop::collection::vec(step(), 1..12), 1..12)
    ) {
        let temp = tempfile::tempdir().unwrap();
        let store = open(temp.path());
        let (mut reads, mut arrived) = ([0; 2], 0);
        for steps in &batches {
            let mut batch = Batch::new();
            for step in steps {
                add(&store, &mut batch, step, &mut reads);
            }
            arrived += commit(&store, batch, NOW).unwrap().events;
            same(&store, reads)?;
            prop_assert_eq!(store.counters(ONE).arrived + store.counters(TWO).arrived, arrived);
        }
        store.close();
        let store = open(temp.path());
        same(&store, reads)?;
        store.close();
        // Nothing is left of what was removed: each part belongs to an event that is there.
        let kept = dump(temp.path());
        let of = |table: u8| kept.keys().filter(move |key| key[0] == table).count();
        prop_assert_eq!(of(b'e'), of(b'q'));
        let large = kept.iter().filter(|(key, _)| key[0] == b'e' && key.ends_with(b"1") | key.ends_with(b"3") | key.ends_with(b"5"));
        prop_assert_eq!(of(b'c') > 0, large.count() > 0);
    }
}
