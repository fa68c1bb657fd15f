//! The event log: known events, windows newest first, paging that neither skips nor repeats.

use tillwatch::engine::api::{EventPos, EventQuery, EventRow, EventWindow, IntegrationId};
use tillwatch::store::{Batch, Store};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, TWO, Thing, commit, event, open};

fn window(store: &Store, from: Option<EventPos>, limit: usize) -> EventWindow {
    store
        .events(&EventQuery { integration: None, from, limit, ..EventQuery::default() }, &[ONE, TWO])
        .unwrap()
}

fn place(row: &EventRow) -> EventPos {
    EventPos { created: row.created, id: row.id.clone() }
}

/// Both integrations, four events a second, so that ties are everywhere.
fn filled(dir: &std::path::Path) -> (Store, Vec<(i64, String, IntegrationId)>) {
    let store = open(dir);
    let mut all = Vec::new();
    let mut batch = Batch::new();
    for n in 0..60_i64 {
        let (whose, created) = (if n % 3 == 0 { TWO } else { ONE }, 1000 + n / 4);
        let id = format!("evt_{:02}", (n * 37) % 60);
        batch.event(event(&store, whose, &id, created, &format!("{{\"n\":{n}}}")));
        all.push((created, id, whose));
    }
    commit(&store, batch, 1).unwrap();
    // Within a second: one account after the other, the latest arrival first.
    all.reverse();
    all.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(&b.2)));
    (store, all)
}

#[test]
fn an_event_is_stored_once_and_changes_things_once() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let with = |id: &str, created: i64, json: &str| {
        let mut write = event(&store, ONE, id, created, json);
        write.records.push(Thing::new(Kind::Customer, "cus_1", created, json).write(&store));
        write
    };
    let mut batch = Batch::new();
    batch.event(with("evt_1", 5, "{\"v\":1}")).event(with("evt_1", 5, "{\"v\":1}"));
    let applied = commit(&store, batch, 1).unwrap();
    assert_eq!((applied.events, applied.known_events, applied.created), (1, 1, 1));
    // Known by its id alone, even with another time; and what it says is not applied again.
    let mut batch = Batch::new();
    batch.event(with("evt_1", 9, "{\"v\":9}"));
    let applied = commit(&store, batch, 1).unwrap();
    assert_eq!((applied.events, applied.known_events, applied.changed), (0, 1, 0));
    assert_eq!(store.record(ONE, Kind::Customer, "cus_1").unwrap().unwrap().json, b"{\"v\":1}");
    assert_eq!(store.event_json(ONE, "evt_1").unwrap().unwrap(), b"{\"v\":1}");
    assert_eq!(store.event_json(ONE, "evt_2").unwrap(), None);
    // The same id at another account is another event.
    let mut batch = Batch::new();
    batch.event(event(&store, TWO, "evt_1", 5, "{}"));
    assert_eq!(commit(&store, batch, 1).unwrap().events, 1);
    store.close();
    let store = open(temp.path());
    let mut batch = Batch::new();
    batch.event(event(&store, ONE, "evt_1", 5, "{}"));
    assert_eq!(commit(&store, batch, 1).unwrap().known_events, 1);
    assert_eq!(window(&store, None, 10).total, 2);
}

#[test]
fn windows_are_newest_first_and_pages_join() {
    let temp = tempfile::tempdir().unwrap();
    let (store, all) = filled(temp.path());
    let read = window(&store, None, 500);
    assert_eq!((read.total, read.newer), (60, 0));
    let rows: Vec<_> = read.rows.iter().map(|row| (row.created, row.id.clone(), row.integration)).collect();
    assert_eq!(rows, all);
    for size in [2, 7, 59, 60] {
        let mut paged: Vec<EventRow> = window(&store, None, size).rows;
        while paged.len() < 60 {
            let page = window(&store, paged.last().map(place), size);
            assert_eq!(page.newer as usize, paged.len() - 1, "rows above the page");
            assert_eq!(page.rows.first(), paged.last(), "a page begins where the last one ended");
            let before = paged.len();
            paged.extend(page.rows.into_iter().skip(1));
            assert!(paged.len() > before, "paging stands still");
        }
        assert_eq!(paged, read.rows);
    }
    assert!(window(&store, None, 0).rows.is_empty());
    assert_eq!(window(&store, None, usize::MAX).rows.len(), 60);
    for whose in [ONE, TWO] {
        let query = EventQuery { integration: Some(whose), from: None, limit: 500, ..EventQuery::default() };
        let own = store.events(&query, &[ONE, TWO]).unwrap();
        assert_eq!(own.rows.len() as u64, own.total);
        assert!(own.rows.iter().all(|row| row.integration == whose));
    }
    let query =
        EventQuery { integration: Some(IntegrationId(9)), from: None, limit: 500, ..EventQuery::default() };
    assert_eq!(store.events(&query, &[ONE, TWO]).unwrap(), EventWindow::default());
}

#[test]
fn a_place_that_is_no_event_is_still_a_place() {
    let temp = tempfile::tempdir().unwrap();
    let (store, all) = filled(temp.path());
    for (created, id) in [
        (1007, "evt_"),
        (1007, "evt_30x"),
        (1007, ""),
        (1007, "zzz"),
        (i64::MAX, "a"),
        (2000, "evt_01"),
        (0, "evt_01"),
        (-5, "evt_01"),
        (i64::MIN, ""),
    ] {
        let from = EventPos { created, id: id.into() };
        // No event of that second: before all of it, or behind all of it.
        let behind = id > "evt_~";
        let is_newer = |one: &(i64, String, IntegrationId)| one.0 > created || (one.0 == created && behind);
        let newer = all.iter().filter(|one| is_newer(one)).count();
        let read = window(&store, Some(from), 500);
        assert_eq!(read.newer as usize, newer, "{created} {id}");
        let ids: Vec<&str> = read.rows.iter().map(|row| row.id.as_str()).collect();
        let wanted: Vec<&str> = all.iter().skip(newer).map(|one| one.1.as_str()).collect();
        assert_eq!(ids, wanted, "{created} {id}");
    }
}

#[test]
fn an_event_that_comes_late_takes_its_place() {
    let temp = tempfile::tempdir().unwrap();
    let (store, _) = filled(temp.path());
    let top = place(&window(&store, None, 1).rows[0]);
    let mut batch = Batch::new();
    batch.event(event(&store, ONE, "evt_late", 1003, "{}"));
    batch.event(event(&store, ONE, "evt_new", 5000, "{}"));
    commit(&store, batch, 1).unwrap();
    let read = window(&store, Some(top.clone()), 3);
    assert_eq!((read.newer, place(&read.rows[0])), (1, top));
    let rows = window(&store, None, 500).rows;
    assert_eq!(rows[0].id, "evt_new");
    assert!(rows.is_sorted_by(|a, b| a.created >= b.created));
    assert_eq!(rows.iter().filter(|row| row.id == "evt_late").count(), 1);
}

#[test]
fn a_walk_over_events_goes_like_the_feed_and_begins_below_a_time() {
    let temp = tempfile::tempdir().unwrap();
    let (store, all) = filled(temp.path());
    let walk = |integrations: &[IntegrationId], below: Option<i64>, most: usize| {
        let mut rows = Vec::new();
        let visit = |row: EventRow| {
            rows.push((row.created, row.id, row.integration));
            rows.len() < most
        };
        store.each_event(integrations, below, visit).unwrap();
        rows
    };
    assert_eq!(walk(&[ONE, TWO], None, 1000), all);
    assert_eq!(walk(&[ONE, TWO], None, 7), all[..7]);
    let older: Vec<_> = all.iter().filter(|row| row.0 < 1010).cloned().collect();
    assert_eq!(walk(&[ONE, TWO], Some(1010), 1000), older);
    let two: Vec<_> = older.iter().filter(|row| row.2 == TWO).cloned().collect();
    assert_eq!(walk(&[TWO], Some(1010), 1000), two);
    for below in [1000, 0, i64::MIN] {
        assert!(walk(&[ONE, TWO], Some(below), 10).is_empty());
    }
    assert_eq!(walk(&[ONE, TWO], Some(i64::MAX), 1000), all);
    assert!(walk(&[], None, 10).is_empty());
}

#[test]
fn old_events_are_listed_and_only_what_may_go_goes() {
    let temp = tempfile::tempdir().unwrap();
    let (store, all) = filled(temp.path());
    let mut batch = Batch::new();
    let star = all.iter().rfind(|one| one.2 == ONE).unwrap().1.clone();
    batch.star(ONE, star.clone(), true);
    commit(&store, batch, 1).unwrap();
    let old = |whose: IntegrationId| -> Vec<String> {
        all.iter().filter(|one| one.2 == whose && one.0 < 1010).map(|one| one.1.clone()).collect()
    };
    // In pages, newest first.
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.old_events(ONE, 1010, after, 3).unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        listed.extend(page);
    }
    assert_eq!(listed.iter().map(|one| one.1.clone()).collect::<Vec<_>>(), old(ONE));
    assert!(store.old_events(ONE, 0, None, 3).unwrap().is_empty());
    assert!(store.old_events(ONE, 1000, None, 3).unwrap().is_empty());
    // A day after 31: the writer itself refuses what is younger.
    let now = 1004 + tillwatch::events::retention::YOUNGEST_S;
    let mut batch = Batch::new();
    for (place, id) in listed.clone() {
        batch.drop_event(place, id);
    }
    let dropped = commit(&store, batch, now).unwrap().dropped_events;
    let gone: Vec<&String> =
        listed.iter().filter(|one| one.0.created <= 1004 && one.1 != star).map(|one| &one.1).collect();
    assert_eq!(dropped as usize, gone.len());
    assert!(gone.len() > 5);
    let left: Vec<_> = window(&store, None, 500).rows.into_iter().map(|row| row.id).collect();
    assert_eq!(left.len() + gone.len(), 60);
    assert!(left.contains(&star) && gone.iter().all(|id| !left.contains(id)));
    assert!(old(TWO).iter().all(|id| left.contains(id)), "another account's stay");
    // Gone for good: not known, not removed twice, and its order is not given away again.
    assert!(!store.has_event(ONE, gone[0]).unwrap());
    let mut batch = Batch::new();
    for (place, id) in listed {
        batch.drop_event(place, id);
    }
    assert_eq!(commit(&store, batch, now).unwrap().dropped_events, 0);
    assert_eq!(store.counters(ONE).event_bytes, store.measure_events(ONE).unwrap());
    assert_eq!(store.counters(ONE).arrived, 40);
}

/// Many events a second, and the end of one account's keys against the next one's: where sled's own way back panics.
#[test]
fn windows_go_backward_over_bursts_and_the_ends_of_accounts() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let mut all = Vec::new();
    let mut order = 0;
    for (whose, seconds) in [(ONE, [300, 1, 90, 0, 0, 40, 700]), (TWO, [30, 30, 0, 200, 1, 1, 64])] {
        for (second, count) in seconds.into_iter().enumerate() {
            let mut batch = Batch::new();
            // The last second lies days behind.
            let created = 1_795_000_000 + if second == 6 { 400_000 } else { second as i64 };
            for _ in 0..count {
                order += 1;
                let id = format!("evt_{order:05}");
                batch.event(event(&store, whose, &id, created, &crate::noise(600, order)));
                all.push((created, id, whose));
            }
            commit(&store, batch, 1).unwrap();
        }
    }
    all.reverse();
    all.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.cmp(&b.2)));
    for chosen in [None, Some(ONE), Some(TWO)] {
        let all: Vec<_> = all.iter().filter(|one| chosen.is_none_or(|whose| one.2 == whose)).collect();
        for limit in [1, 7, 120, 500] {
            let oldest = EventQuery { integration: chosen, oldest: true, limit, ..EventQuery::default() };
            let rows = store.events(&oldest, &[ONE, TWO]).unwrap().rows;
            let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            let wanted: Vec<&str> =
                all[all.len().saturating_sub(limit)..].iter().map(|one| one.1.as_str()).collect();
            assert_eq!(ids, wanted, "oldest {limit} of {chosen:?}");
            for at in (0..all.len()).step_by(37) {
                let from = EventPos { created: all[at].0, id: all[at].1.clone() };
                let query = EventQuery {
                    integration: chosen,
                    from: Some(from),
                    before: limit,
                    limit: 3,
                    ..EventQuery::default()
                };
                let window = store.events(&query, &[ONE, TWO]).unwrap();
                let first = at.saturating_sub(limit);
                let ids: Vec<&str> = window.rows.iter().map(|row| row.id.as_str()).collect();
                let wanted: Vec<&str> =
                    all[first..(at + 3).min(all.len())].iter().map(|one| one.1.as_str()).collect();
                assert_eq!(
                    (ids, window.newer as usize),
                    (wanted, first),
                    "{limit} before {at} of {chosen:?}"
                );
            }
        }
    }
}
