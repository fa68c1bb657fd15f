//! What a batch means: whole or not at all, in its order, by the rules of merging, at any size.

use std::sync::atomic::{AtomicBool, Ordering};

use tillwatch::store::batch::Outcome;
use tillwatch::store::codec::Content;
use tillwatch::store::merge::Via;
use tillwatch::store::{Batch, Counters, State, StoreError, keys};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, Thing, commit, dump, event, noise, open, pack, raw, synced};

const CHUNK_TABLE: u8 = b'c';

#[test]
fn a_batch_that_cannot_be_applied_whole_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    drop(open(temp.path()).close());
    let tree = raw(temp.path());
    tree.insert(keys::record(ONE, Kind::Invoice, "in_bad"), &b"\x09no header"[..]).unwrap();
    tree.flush().unwrap();
    drop(tree);

    let store = open(temp.path());
    let mut batch = Batch::new();
    batch.record(Thing::new(Kind::Invoice, "in_ok", 1, "{}").write(&store));
    let mut with_record = event(&store, ONE, "evt_1", 5, "{}");
    with_record.records.push(Thing::new(Kind::Customer, "cus_1", 1, "{}").write(&store));
    batch.event(with_record);
    batch.meta("note", &1).reads(ONE, 1, 7);
    batch.record(Thing::new(Kind::Invoice, "in_bad", 1, "{}").write(&store));
    assert!(matches!(commit(&store, batch, 1), Err(StoreError::Value(_))));
    assert!(!store.has(ONE, Kind::Invoice, "in_ok").unwrap());
    assert!(!store.has(ONE, Kind::Customer, "cus_1").unwrap());
    assert_eq!(store.event_json(ONE, "evt_1").unwrap(), None);
    assert_eq!(store.meta::<u8>("note").unwrap(), None);
    assert_eq!(store.counters(ONE), Counters::default());

    // The writer goes on, and the event is not taken for known.
    let mut batch = Batch::new();
    batch.event(event(&store, ONE, "evt_1", 5, "{}"));
    assert_eq!(commit(&store, batch, 1).unwrap().events, 1);
    assert!(store.record(ONE, Kind::Invoice, "in_bad").is_err());
}

#[test]
fn later_changes_of_a_batch_see_earlier_ones() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let mut batch = Batch::new();
    batch.record(Thing::new(Kind::Invoice, "in_1", 1, "{\"v\":1}").write(&store));
    batch.record(Thing::new(Kind::Invoice, "in_1", 2, "{\"v\":2}").write(&store));
    batch.state(synced("in_1", "{\"v\":1}", Vec::new()));
    batch.state(synced("in_1", "{\"v\":2}", Vec::new()));
    batch.state(synced("in_none", "{}", Vec::new()));
    let applied = commit(&store, batch, 77).unwrap();
    assert_eq!((applied.created, applied.changed, applied.outdated), (1, 1, 2));
    let record = store.record(ONE, Kind::Invoice, "in_1").unwrap().unwrap();
    assert_eq!(record.json, b"{\"v\":2}");
    assert_eq!((record.header.state, record.header.synced_at), (State::Synced, 77));
    let counters = store.counters(ONE);
    assert_eq!((counters.catalog.total, counters.catalog.synced, counters.count(Kind::Invoice)), (1, 1, 1));
}

#[test]
fn the_writer_merges_by_stripes_time() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let state = |id: &str| store.header(ONE, Kind::Invoice, id).unwrap().unwrap().state;
    let text = |id: &str| store.record(ONE, Kind::Invoice, id).unwrap().unwrap().json;
    Thing::new(Kind::Invoice, "in_1", 10, "{\"v\":1}").put(&store);
    // Older: nothing changes, not even when it came by an event or says deleted.
    for via in [Via::Listed, Via::Event, Via::Deleted] {
        let applied = Thing { via, ..Thing::new(Kind::Invoice, "in_1", 9, "{\"v\":0}") }.put(&store);
        assert_eq!((applied.created, applied.changed), (0, 0));
    }
    assert_eq!((state("in_1"), text("in_1")), (State::Pending, b"{\"v\":1}".to_vec()));
    let mut batch = Batch::new();
    batch.state(synced("in_1", "{\"v\":1}", Vec::new()));
    commit(&store, batch, 5).unwrap();
    // The same again: no change of content, it stays a record.
    assert_eq!(Thing::new(Kind::Invoice, "in_1", 11, "{\"v\":1}").put(&store).changed, 0);
    assert_eq!(state("in_1"), State::Synced);
    assert_eq!(Thing::new(Kind::Invoice, "in_1", 12, "{\"v\":2}").put(&store).changed, 1);
    assert_eq!(state("in_1"), State::Stale);
    // What sync worked on before that no longer counts.
    let mut batch = Batch::new();
    batch.state(synced("in_1", "{\"v\":1}", Vec::new()));
    assert_eq!(commit(&store, batch, 5).unwrap().outdated, 1);
    assert_eq!(state("in_1"), State::Stale);
    // An event makes it a record at once, unless it has lines that are not in it.
    Thing { via: Via::Event, ..Thing::new(Kind::Invoice, "in_1", 13, "{\"v\":3}") }.put(&store);
    assert_eq!(state("in_1"), State::Synced);
    Thing { via: Via::Event, more_lines: true, ..Thing::new(Kind::Invoice, "in_1", 14, "{\"v\":4}") }
        .put(&store);
    assert_eq!(state("in_1"), State::Stale);
    // Deleted keeps the last content.
    Thing { via: Via::Deleted, ..Thing::new(Kind::Invoice, "in_1", 15, "{\"deleted\":true}") }.put(&store);
    assert_eq!((state("in_1"), text("in_1")), (State::Gone, b"{\"v\":4}".to_vec()));
    // A failure is kept with its reason and count, and forgotten by success.
    Thing::new(Kind::Invoice, "in_2", 1, "{}").put(&store);
    for tries in 1..=2 {
        let mut batch = Batch::new();
        let failed = Outcome::Failed("no lines".into());
        batch.state(tillwatch::store::batch::StateChange { outcome: failed, ..synced("in_2", "{}", vec![]) });
        commit(&store, batch, 5).unwrap();
        let header = store.header(ONE, Kind::Invoice, "in_2").unwrap().unwrap();
        assert_eq!((header.state, header.attempts, &*header.last_error), (State::Error, tries, "no lines"));
    }
    let mut batch = Batch::new();
    batch.state(synced("in_2", "{}", Vec::new()));
    commit(&store, batch, 5).unwrap();
    let header = store.header(ONE, Kind::Invoice, "in_2").unwrap().unwrap();
    assert_eq!((header.state, header.attempts, &*header.last_error), (State::Synced, 0, ""));
}

#[test]
fn large_values_come_back_and_leave_no_parts_behind() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let (large, larger) = (noise(200_000, 1), noise(300_000, 2));
    let sizes: [&str; 6] = [&large, "{}", &larger, &large, &"{\"a\":1}".repeat(9000), "{\"b\":2}"];
    for (as_of, json) in sizes.into_iter().enumerate() {
        Thing::new(Kind::Customer, "cus_1", as_of as i64, json).put(&store);
        let record = store.record(ONE, Kind::Customer, "cus_1").unwrap().unwrap();
        assert!(record.json == json.as_bytes(), "version {as_of}");
    }
    let mut batch = Batch::new();
    batch.event(event(&store, ONE, "evt_1", 5, &large));
    commit(&store, batch, 1).unwrap();
    assert!(store.event_json(ONE, "evt_1").unwrap().unwrap() == large.as_bytes());
    store.close();

    let store = open(temp.path());
    let packed = pack(&store, Content::Event, &large).bytes.len();
    assert!(packed > 100_000, "the value is not large");
    assert!(store.event_json(ONE, "evt_1").unwrap().unwrap() == large.as_bytes());
    assert_eq!(store.record(ONE, Kind::Customer, "cus_1").unwrap().unwrap().json, b"{\"b\":2}");
    store.close();
    let parts = dump(temp.path()).into_keys().filter(|key| key[0] == CHUNK_TABLE).count();
    assert_eq!(parts, packed.div_ceil(16 * 1024), "only the event's parts may be left");
}

#[test]
fn lines_shrink_with_the_invoice() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    Thing { more_lines: true, ..Thing::new(Kind::Invoice, "in_1", 1, "{}") }.put(&store);
    let pages: Vec<String> = vec!["[1]".into(), noise(100_000, 3), "[3]".into()];
    for wanted in [3_usize, 1, 2, 0, 3] {
        let mut batch = Batch::new();
        let packed = pages.iter().rev().take(wanted).map(|page| pack(&store, Content::Lines, page)).collect();
        batch.state(synced("in_1", "{}", packed));
        commit(&store, batch, 1).unwrap();
        let header = store.header(ONE, Kind::Invoice, "in_1").unwrap().unwrap();
        assert_eq!(usize::from(header.line_pages), wanted);
        let read = store.lines(ONE, "in_1", header.line_pages).unwrap();
        assert!(read.iter().zip(pages.iter().rev()).all(|(read, page)| read == page.as_bytes()));
        assert!(store.lines(ONE, "in_1", header.line_pages + 1).is_err(), "a page too many was left");
    }
    // An invoice that no longer has further lines keeps none.
    Thing { via: Via::Event, ..Thing::new(Kind::Invoice, "in_1", 2, "{\"v\":2}") }.put(&store);
    assert_eq!(store.header(ONE, Kind::Invoice, "in_1").unwrap().unwrap().line_pages, 0);
}

#[test]
fn readers_see_one_version_or_the_other_while_it_is_written() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let versions = [noise(200_000, 1), "{}".to_owned(), noise(200_000, 2), noise(60_000, 3)];
    Thing::new(Kind::Customer, "cus_1", 0, &versions[0]).put(&store);
    let done = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut read = 0;
            while !done.load(Ordering::SeqCst) {
                let record = store.record(ONE, Kind::Customer, "cus_1").unwrap().unwrap();
                assert!(versions.iter().any(|known| known.as_bytes() == record.json), "a mixture");
                read += 1;
            }
            read
        });
        for as_of in 1..400 {
            Thing::new(Kind::Customer, "cus_1", as_of, &versions[as_of as usize % 4]).put(&store);
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(read > 10, "{read} reads");
}
