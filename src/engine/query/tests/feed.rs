//! The feed as it fills, loses and is closed.

use super::*;

fn names(window: &EventWindow) -> Vec<&str> {
    window.rows.iter().map(|row| row.id.as_str()).collect()
}

#[test]
fn a_filtered_feed_takes_new_and_late_events_in_and_knows_both_ends() {
    let mut world = one_day();
    let query = |filter: &str| EventQuery { limit: 2, filter: filter.into(), ..EventQuery::default() };
    let whole = |world: &mut World, query: EventQuery| loop {
        let window = world.events(query.clone());
        if window.looked_to.is_none() {
            break window;
        }
    };
    let window = whole(&mut world, query("type:invoice.*"));
    assert_eq!((names(&window), window.matching, window.total), (vec!["evt_3", "evt_2"], Some(3), 5));
    let oldest = EventQuery { oldest: true, ..query("type:invoice.*") };
    let window = whole(&mut world, oldest);
    assert_eq!((names(&window), window.newer), (vec!["evt_2", "evt_1"], 1));
    // Late: older than what was looked through already.
    world.event(ONE, &happened("evt_0", "invoice.voided", 150, r#"{"id":"in_2","object":"invoice"}"#, ""));
    let from = Some(crate::engine::api::EventPos { created: 200, id: "evt_2".into() });
    let window = whole(&mut world, EventQuery { from, before: 5, ..query("type:invoice.*") });
    assert_eq!((names(&window), window.newer), (vec!["evt_3", "evt_2", "evt_0"], 0));
    let status = whole(&mut world, query("status:draft"));
    assert_eq!((names(&status), status.matching), (vec!["evt_1"], Some(1)));

    let starred = whole(&mut world, query("starred:true"));
    assert_eq!(starred.matching, Some(0));
    assert_eq!(block(marks::star(&world.store, TWO, "evt_5".into(), true, NOW)), Answer::Done);
    assert_eq!(block(marks::star(&world.store, TWO, "evt_9".into(), true, NOW)), Answer::NotHere);
    world.query.as_ref().unwrap().stars_changed();
    let starred = whole(&mut world, query("starred:true"));
    assert_eq!((names(&starred), starred.rows[0].starred), (vec!["evt_5"], true));
    // Without a filter: the ends, and rows above a place.
    let oldest = world.events(EventQuery { oldest: true, limit: 2, ..EventQuery::default() });
    assert_eq!((names(&oldest), oldest.newer, oldest.total), (vec!["evt_0", "evt_1"], 4, 6));
    let from = Some(crate::engine::api::EventPos { created: 250, id: "evt_5".into() });
    let around = world.events(EventQuery { from, before: 1, limit: 1, ..EventQuery::default() });
    assert_eq!((names(&around), around.newer), (vec!["evt_3", "evt_5"], 1));
}

#[test]
fn an_event_that_was_removed_leaves_feed_timeline_and_counts() {
    let mut world = one_day();
    let query = EventQuery { limit: 5, filter: "type:invoice.*".into(), ..EventQuery::default() };
    let whole = |world: &mut World| loop {
        let window = world.events(query.clone());
        if window.looked_to.is_none() {
            break window;
        }
    };
    assert_eq!(names(&whole(&mut world)), ["evt_3", "evt_2", "evt_1"]);
    assert_eq!(world.object(ONE, "in_1").events, 3);
    // While a look is under way, too.
    let held = world.query.as_ref().unwrap().shared.feed.hold();
    let mut batch = Batch::new();
    batch.drop_event(world.store.event_place(ONE, "evt_2").unwrap().unwrap(), "evt_2".into());
    assert_eq!(block(world.store.commit(batch, Durability::Applied, NOW)).unwrap().dropped_events, 1);
    world.query.as_ref().unwrap().shared.catch_up().unwrap();
    drop(held);
    let window = whole(&mut world);
    assert_eq!((names(&window), window.matching, window.total), (vec!["evt_3", "evt_1"], Some(2), 4));
    assert_eq!(world.object(ONE, "in_1").events, 2);
    let request = Request::Timeline { integration: ONE, object: "in_1".into(), from: None, limit: 10 };
    let Answer::Timeline(rows) = world.ask(&request) else { panic!() };
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["evt_3", "evt_1"]);
    assert_eq!(world.ask(&Request::Event { integration: ONE, id: "evt_2".into() }), Answer::NotHere);
}

#[test]
fn what_is_purged_leaves_the_tables_and_is_told() {
    let mut world = three_invoices();
    let before = world.records(Kind::Invoice, "", None, Place::Index { index: 0 });
    assert_eq!((before.total, before.version), (3, world.store.changes().records_version()));
    block(world.store.purge(ONE, NOW)).unwrap();
    assert!(world.store.changes().records_version() > before.version);
    // Its account is still among those that are asked for: the rows themselves are gone.
    let after = world.records(Kind::Invoice, "", None, Place::Index { index: 0 });
    assert_eq!((ids(&after), after.total), (vec!["in_b"], 1));
    assert!(world.search("INV-1").hits.is_empty() && world.search("INV-2").total == 1);
}

#[test]
fn what_can_not_be_read_is_passed_over_and_the_thread_goes_on() {
    let mut world = three_invoices();
    // A record whose JSON is no packed JSON: its header can be read, the object can not.
    let key = crate::store::keys::record(ONE, Kind::Invoice, "in_c");
    let value = world.store.tree().get(&key).unwrap().unwrap();
    world.store.tree().insert(&key, &value[..value.len() - 4]).unwrap();
    assert!(world.store.record(ONE, Kind::Invoice, "in_c").is_err(), "it is broken");
    let whole = |world: &mut World, filter: &str| loop {
        let window = world.records(Kind::Invoice, filter, None, Place::Index { index: 0 });
        if window.loading.is_none() {
            break window;
        }
    };
    assert_eq!(ids(&whole(&mut world, "email:mia@example.com")), Vec::<&str>::new());
    // It still works.
    assert_eq!(ids(&whole(&mut world, "email:zoe@example.com")), ["in_a"]);
}

#[test]
fn events_that_come_while_a_look_is_under_way_are_not_waited_for_and_not_lost() {
    let mut world = one_day();
    let query = EventQuery { limit: 5, filter: "type:invoice.*".into(), ..EventQuery::default() };
    while world.events(query.clone()).looked_to.is_some() {}
    let shared = world.query.as_ref().unwrap().shared.clone();
    let look = shared.feed.hold();
    world.event(ONE, &happened("evt_7", "invoice.voided", 400, r#"{"id":"in_2","object":"invoice"}"#, ""));
    // This would never come back if it waited for the look.
    shared.catch_up().unwrap();
    drop(look);
    assert_eq!(names(&world.events(query))[0], "evt_7");
}

#[test]
fn a_store_can_be_opened_again_behind_it() {
    let mut world = three_invoices();
    assert_eq!(world.records(Kind::Invoice, "", None, Place::End).total, 3);
    let World { store, query, _dir: dir, .. } = world;
    let query = query.unwrap();
    query.stop();
    drop(query);
    store.close();
    Store::open(dir.path(), &OpenOptions { cache_bytes: 4 * 1024 * 1024, need_mb: 1 }).unwrap();
}
