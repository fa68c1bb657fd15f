//! Answers over a real store, as the engine gives them.

use std::sync::Arc;

use super::filtering::Accounts;
use super::{Query, marks};
use crate::engine::api::{
    Answer, Basis, Cell, Delivery, EventQuery, EventWindow, IntegrationId, Mark, ObjectDetail, Place,
    RecordQuery, RecordWindow, Request, SearchResult, Sort, Source,
};
use crate::events::ingest::{Prepared, prepare};
use crate::integration::Integration;
use crate::store::merge::Via;
use crate::store::{Batch, Durability, OpenOptions, State, Store};
use crate::stripe::kind::Kind;
use crate::sync::pack::Records;

mod cases;
mod feed;

const ONE: IntegrationId = IntegrationId(1);
const TWO: IntegrationId = IntegrationId(2);
const NOW: i64 = 1_700_100_000;

fn integration(id: IntegrationId, name: &str, base_url: &str) -> Integration {
    Integration {
        id,
        name: name.into(),
        description: None,
        account: format!("acct_{}", id.0),
        account_name: name.into(),
        livemode: false,
        billing: true,
        delivery: Delivery::Poll,
        poll_every_s: 900,
        all_events: false,
        timezone: "UTC".into(),
        base_url: base_url.into(),
        key: None,
        permissions: Vec::new(),
        checked_at: 0,
        connected_at: 0,
        off_since: None,
        refused: None,
        endpoint: None,
    }
}

pub(in crate::engine) struct World {
    pub(in crate::engine) store: Store,
    query: Option<Query>,
    accounts: Accounts,
    _dir: tempfile::TempDir,
}

fn block<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(task)
}

impl World {
    pub(in crate::engine) fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let options = OpenOptions { cache_bytes: 4 * 1024 * 1024, need_mb: 1 };
        let store = Store::open(dir.path(), &options).unwrap();
        let all = [
            integration(ONE, "Acme", "https://api.stripe.com"),
            integration(TWO, "Local", "http://127.0.0.1:9"),
        ];
        let mut batch = Batch::new();
        for one in &all {
            batch.meta(Integration::document(one.id), one);
        }
        block(store.commit(batch, Durability::Applied, NOW)).unwrap();
        let accounts = Arc::new(all.into_iter().map(Arc::new).collect());
        World { store, query: None, accounts, _dir: dir }
    }

    fn put(&self, whose: IntegrationId, kind: Kind, json: &str) {
        self.put_via(whose, kind, json, Via::Event);
    }

    fn put_via(&self, whose: IntegrationId, kind: Kind, json: &str, via: Via) {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let mut records = Records::new(&self.store, whose, kind).unwrap();
        let mut batch = Batch::new();
        batch.record(records.record(value["id"].as_str().unwrap(), json, NOW, via).unwrap());
        block(self.store.commit(batch, Durability::Applied, NOW)).unwrap();
    }

    fn event(&self, whose: IntegrationId, json: &str) {
        block(self.write(whose, json));
    }

    /// Stores an event.
    pub(in crate::engine) async fn write(&self, whose: IntegrationId, json: &str) {
        let account = self.accounts.iter().find(|one| one.id == whose).unwrap();
        let Prepared::Write(write) = prepare(&self.store, account, json, Source::Poll, NOW).unwrap() else {
            panic!("{json}")
        };
        let mut batch = Batch::new();
        batch.event(*write);
        self.store.commit(batch, Durability::Applied, NOW).await.unwrap();
    }

    fn ask(&mut self, request: &Request) -> Answer {
        let store = self.store.clone();
        let query = self.query.get_or_insert_with(|| Query::start(store, |_| ()));
        query.wait_until_built();
        query.answer(request, &self.accounts, NOW).unwrap()
    }

    fn records(&mut self, kind: Kind, filter: &str, sort: Option<(&str, bool)>, at: Place) -> RecordWindow {
        let query = RecordQuery {
            integration: None,
            kind,
            catalog: false,
            filter: filter.into(),
            sort: sort.map(|(column, descending)| Sort { column: column.into(), descending }),
            at,
            limit: 2,
        };
        match self.ask(&Request::Records(query)) {
            Answer::Records(window) => window,
            other => panic!("{other:?}"),
        }
    }

    fn search(&mut self, text: &str) -> SearchResult {
        match self.ask(&Request::Search { text: text.into(), limit: 50 }) {
            Answer::Found(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn object(&mut self, whose: IntegrationId, id: &str) -> ObjectDetail {
        match self.ask(&Request::Object { integration: whose, id: id.into() }) {
            Answer::Object(detail) => *detail,
            other => panic!("{other:?}"),
        }
    }

    fn events(&mut self, query: EventQuery) -> EventWindow {
        match self.ask(&Request::Events(query)) {
            Answer::Events(window) => window,
            other => panic!("{other:?}"),
        }
    }
}

fn invoice(id: &str, created: i64, number: &str, total: i64, currency: &str, who: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"invoice","created":{created},"number":"{number}","status":"open","total":{total},
            "amount_due":{total},"currency":"{currency}","customer":"cus_{who}","customer_name":"{who}",
            "customer_email":"{who}@example.com","lines":{{"has_more":false,"data":[]}}}}"#
    )
}

fn ids(window: &RecordWindow) -> Vec<&str> {
    window.rows.iter().map(|row| row.id.as_str()).collect()
}

fn three_invoices() -> World {
    let world = World::new();
    world.put(ONE, Kind::Invoice, &invoice("in_a", 100, "INV-1", 500, "usd", "Zoe"));
    world.put(TWO, Kind::Invoice, &invoice("in_b", 300, "INV-2", 90_000, "jpy", "adam"));
    world.put(ONE, Kind::Invoice, &invoice("in_c", 200, "INV-3", 100, "usd", "Mia"));
    world
}

#[test]
fn a_table_merges_accounts_orders_filters_and_finds_an_object_again() {
    let mut world = three_invoices();
    let window = world.records(Kind::Invoice, "", None, Place::Index { index: 0 });
    assert_eq!((ids(&window), window.matching, window.total), (vec!["in_b", "in_c"], 3, 3));
    assert!(window.rows.iter().all(|row| row.cells.len() == window.columns.len()));
    let by_amount = Some(("amount", false));
    let window = world.records(Kind::Invoice, "", by_amount, Place::Index { index: 0 });
    assert_eq!(ids(&window), ["in_b", "in_c"], "currency by currency: 90000 jpy is not more than 5 usd");
    let around = Place::Around { integration: ONE, id: "in_a".into(), before: 1, index: 0 };
    let window = world.records(Kind::Invoice, "", by_amount, around);
    assert_eq!((ids(&window), window.first), (vec!["in_c", "in_a"], 1));
    assert_eq!(ids(&world.records(Kind::Invoice, "", None, Place::End)), ["in_c", "in_a"]);

    let window = world.records(Kind::Invoice, "currency:usd", Some(("who", true)), Place::Index { index: 0 });
    assert_eq!((ids(&window), window.matching, window.total), (vec!["in_a", "in_c"], 2, 3));
    // What changes afterwards shows without building anew, also under the filter.
    let version = window.version;
    world.put(ONE, Kind::Invoice, &invoice("in_d", 400, "INV-4", 7, "usd", "Bo"));
    let window = world.records(Kind::Invoice, "currency:usd", None, Place::Index { index: 0 });
    assert_eq!((ids(&window), window.matching), (vec!["in_d", "in_c"], 3));
    assert!(window.version > version);
}

#[test]
fn a_filter_that_reads_the_objects_comes_to_an_end_by_itself() {
    let mut world = three_invoices();
    let window = loop {
        let window = world.records(Kind::Invoice, "email:mia@example.com", None, Place::Index { index: 0 });
        if window.loading.is_none() {
            break window;
        }
    };
    assert_eq!((ids(&window), window.matching), (vec!["in_c"], 1));
}

#[test]
fn a_filter_that_moves_shows_what_it_knew_while_it_reads_again_in_the_next_minute() {
    let mut world = three_invoices();
    let request = Request::Records(RecordQuery {
        integration: None,
        kind: Kind::Invoice,
        catalog: false,
        filter: "email:mia@example.com -created:thismonth".into(),
        sort: None,
        at: Place::Index { index: 0 },
        limit: 5,
    });
    world.ask(&request);
    let at = |now| match world.query.as_ref().unwrap().answer(&request, &world.accounts, now).unwrap() {
        Answer::Records(window) => window,
        other => panic!("{other:?}"),
    };
    while at(NOW).loading.is_some() {}
    assert_eq!(ids(&at(NOW)), ["in_c"]);
    // Before it is read again it is still there, and afterwards.
    let next = at(NOW + 60);
    assert_eq!((ids(&next), next.loading.is_some()), (vec!["in_c"], true));
    while at(NOW + 60).loading.is_some() {}
    assert_eq!(ids(&at(NOW + 60)), ["in_c"]);
}

#[test]
fn mistakes_are_pointed_at_and_unknown_columns_named() {
    let mut world = three_invoices();
    let query = |filter: &str, sort: &str, catalog, kind| {
        Request::Records(RecordQuery {
            integration: None,
            kind,
            catalog,
            filter: filter.into(),
            sort: Some(Sort { column: sort.into(), descending: false }),
            at: Place::End,
            limit: 5,
        })
    };
    let answer = world.ask(&query("currency:usd )", "created", false, Kind::Invoice));
    assert!(matches!(answer, Answer::BadFilter { at: 13, .. }), "{answer:?}");
    let Answer::Refused { reason } = world.ask(&query("", "colour", false, Kind::Invoice)) else { panic!() };
    assert!(reason.contains("colour") && reason.contains("amount"), "{reason}");
    assert!(matches!(world.ask(&query("", "created", true, Kind::Charge)), Answer::Refused { .. }));
}

#[test]
fn marks_change_the_catalog_and_its_counts_and_leave_records_alone() {
    let mut world = World::new();
    for id in ["in_1", "in_2"] {
        world.put_via(ONE, Kind::Invoice, &invoice(id, 1, id, 5, "usd", "Zoe"), Via::Listed);
    }
    world.put(ONE, Kind::Invoice, &invoice("in_3", 1, "C", 5, "usd", "Zoe"));
    let mark = |ids: &[&str], mark| {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        block(marks::mark(&world.store, ONE, ids, mark, NOW))
    };
    let state = |id| world.store.header(ONE, Kind::Invoice, id).unwrap().unwrap().state;
    assert_eq!(mark(&["in_1", "in_3"], Mark::Skip), Answer::Done);
    assert_eq!(
        (state("in_1"), state("in_2"), state("in_3")),
        (State::Skipped, State::Pending, State::Synced)
    );
    let catalog = world.store.counters(ONE).catalog;
    assert_eq!((catalog.skipped, catalog.pending, catalog.synced, catalog.total), (1, 1, 1, 3));
    // Nothing that could change is no success.
    let again = mark(&["in_1"], Mark::Skip);
    assert!(matches!(&again, Answer::Refused { reason } if reason.contains("none of these")), "{again:?}");
    let waits = mark(&["in_2"], Mark::Sync);
    assert!(matches!(&waits, Answer::Refused { reason } if reason.contains("already")), "{waits:?}");
    // Nothing of it, if a part is gone; and records alone can't be left out.
    assert!(matches!(mark(&["in_2", "in_9"], Mark::Skip), Answer::Refused { .. }));
    assert!(matches!(mark(&["in_3"], Mark::Skip), Answer::Refused { .. }));
    assert_eq!(state("in_2"), State::Pending);
    assert_eq!(mark(&["in_1", "in_3"], Mark::Sync), Answer::Done);
    assert_eq!((state("in_1"), state("in_3")), (State::Pending, State::Stale));
    let query = RecordQuery {
        integration: Some(ONE),
        kind: Kind::Invoice,
        catalog: true,
        filter: "state:pending".into(),
        sort: None,
        at: Place::End,
        limit: 10,
    };
    let Answer::Records(window) = world.ask(&Request::Records(query)) else { panic!() };
    assert_eq!((window.matching, window.total, window.rows[0].state.as_str()), (2, 3, "pending"));
}

fn paid_world() -> World {
    let world = World::new();
    world.put(
        ONE,
        Kind::Customer,
        r#"{"id":"cus_1","object":"customer","name":"Initech GmbH","email":"pay@initech.test","created":5}"#,
    );
    world.put(
        ONE,
        Kind::Invoice,
        r#"{"id":"in_1","object":"invoice","created":10,"number":"INV-2041","status":"paid","total":124000,
            "amount_due":124000,"amount_paid":124000,"currency":"eur","customer":"cus_1",
            "customer_name":"Initech GmbH","lines":{"has_more":false,"data":[]}}"#,
    );
    world.put(
        ONE,
        Kind::InvoicePayment,
        r#"{"id":"inpay_1","object":"invoice_payment","created":11,"invoice":"in_1","status":"paid",
            "amount_paid":124000,"currency":"eur","payment":{"type":"payment_intent","payment_intent":"pi_1"}}"#,
    );
    world.put(
        ONE,
        Kind::PaymentIntent,
        r#"{"id":"pi_1","object":"payment_intent","created":12,"status":"succeeded","amount":124000,
            "amount_received":124000,"currency":"eur","customer":"cus_1","latest_charge":"ch_1"}"#,
    );
    world.put(
        ONE,
        Kind::Charge,
        r#"{"id":"ch_1","object":"charge","created":12,"status":"succeeded","amount":124000,"currency":"eur",
            "customer":"cus_1","payment_intent":"pi_1","payment_method_details":{"type":"card",
            "card":{"brand":"visa","last4":"4242"}}}"#,
    );
    world
}

#[test]
fn search_finds_by_email_number_id_digits_and_amount_exact_first() {
    let mut world = paid_world();
    let found = |result: &SearchResult| -> Vec<(String, String, bool)> {
        let hit = |hit: &crate::engine::api::SearchHit| (hit.id.clone(), hit.matched.clone(), hit.exact);
        result.hits.iter().map(hit).collect()
    };
    let has = |result: &SearchResult, id: &str, matched: &str, exact: bool| {
        found(result).contains(&(id.into(), matched.into(), exact))
    };
    let email = world.search("PAY@initech.test");
    assert_eq!((email.taken_for.as_str(), email.hits[0].id.as_str()), ("an e-mail", "cus_1"));
    assert!(has(&email, "cus_1", "e-mail", true) && has(&email, "in_1", "customer", false), "{email:?}");
    assert!(has(&world.search("inv-2041"), "in_1", "number", true));
    assert!(has(&world.search("NV-20"), "in_1", "number", false));
    assert!(has(&world.search("4242"), "ch_1", "last4", true));
    for amount in ["1240", "€1,240.00", "1240.00 eur"] {
        assert!(has(&world.search(amount), "in_1", "amount", true), "{amount}");
    }
    assert!(world.search("$1240").hits.is_empty(), "never across currencies");
    let dollars = r#"{"id":"in_9","object":"invoice","created":9,"number":"QZ-7","status":"open","total":777,
        "amount_due":777,"currency":"cad","customer":"cus_2","customer_name":"Zoe","lines":{"has_more":false,"data":[]}}"#;
    world.put(ONE, Kind::Invoice, dollars);
    assert!(has(&world.search("$7.77"), "in_9", "amount", true), "dollars of Canada, too");
    // A text that is in the id as well hides neither the number nor the name.
    world.put(ONE, Kind::Invoice, &dollars.replace("in_9", "in_QZoe"));
    assert!(has(&world.search("QZ"), "in_QZoe", "number", false));
    assert!(has(&world.search("Zoe"), "in_QZoe", "name", true));
    let name = world.search("initech");
    assert!(name.total >= 2 && has(&name, "cus_1", "name", false), "{name:?}");
    assert!(has(&world.search("pi_1"), "pi_1", "id", true));
    assert!(world.search("x").hits.is_empty() && world.search("nobody").hits.is_empty());
    // An object that changes is found by what it is called now.
    world.put(
        ONE,
        Kind::Customer,
        r#"{"id":"cus_1","object":"customer","name":"Initrode","email":"new@initech.test","created":5}"#,
    );
    assert!(world.search("pay@initech.test").hits.is_empty());
    assert!(has(&world.search("new@initech.test"), "cus_1", "e-mail", true));
}

#[test]
fn an_object_tells_its_facts_its_ways_both_directions_and_its_page() {
    let mut world = paid_world();
    let invoice = world.object(ONE, "in_1");
    let roles = |detail: &ObjectDetail| -> Vec<(String, String)> {
        detail.links.iter().map(|link| (link.role.clone(), link.id.clone())).collect()
    };
    let pair = |role: &str, id: &str| (role.to_owned(), id.to_owned());
    assert_eq!(
        roles(&invoice),
        [pair("customer", "cus_1"), pair("paid by", "pi_1"), pair("latest charge", "ch_1")]
    );
    assert_eq!(invoice.links[0].title, "Initech GmbH");
    assert_eq!(invoice.title, "INV-2041");
    let url = "https://dashboard.stripe.com/acct_1/test/invoices/in_1";
    assert_eq!(invoice.url.as_deref(), Some(url));
    let due = invoice.facts.iter().find(|fact| fact.name == "due").unwrap();
    assert_eq!(due.value, Cell::Money { amount: 124_000, currency: "eur".into() });
    assert!(roles(&world.object(ONE, "pi_1")).contains(&pair("pays", "in_1")));
    assert!(roles(&world.object(ONE, "ch_1")).contains(&pair("pays", "in_1")));
    let customer = world.object(ONE, "cus_1");
    let invoices = customer.facts.iter().find(|fact| fact.name == "invoices").unwrap();
    assert_eq!(invoices.value, Cell::Text { text: "1".into() });
    world.put(TWO, Kind::Product, r#"{"id":"my-own","object":"product","name":"Thing","created":1}"#);
    assert_eq!(world.object(TWO, "my-own").url, None, "a local Stripe has no pages");
    let nothing = world.ask(&Request::Object { integration: TWO, id: "in_1".into() });
    assert_eq!(nothing, Answer::NotHere);
}

pub(in crate::engine) fn happened(
    id: &str,
    event_type: &str,
    created: i64,
    object: &str,
    previous: &str,
) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","type":"{event_type}","created":{created},"livemode":false,
            "data":{{"object":{object}{previous}}}}}"#
    )
}

fn one_day() -> World {
    let world = World::new();
    let invoice = |status: &str, paid: i64| {
        format!(
            r#"{{"id":"in_1","object":"invoice","number":"INV-1","status":"{status}","customer":"cus_1",
                "customer_name":"Zoe","total":500,"amount_due":500,"amount_paid":{paid},"currency":"usd","created":9}}"#
        )
    };
    world.event(ONE, &happened("evt_1", "invoice.created", 100, &invoice("draft", 0), ""));
    let previous = r#","previous_attributes":{"status":"draft"}"#;
    world.event(ONE, &happened("evt_2", "invoice.updated", 200, &invoice("open", 0), previous));
    world.event(ONE, &happened("evt_3", "invoice.paid", 300, &invoice("paid", 500), ""));
    let customer = r#"{"id":"cus_1","object":"customer","name":"Zoe","created":1}"#;
    world.event(ONE, &happened("evt_4", "customer.updated", 300, customer, ""));
    world.event(TWO, &happened("evt_5", "customer.created", 250, customer, ""));
    world
}

#[test]
fn an_event_says_what_changed_and_what_that_rests_on() {
    let mut world = one_day();
    let mut detail = |id: &str| match world.ask(&Request::Event { integration: ONE, id: id.into() }) {
        Answer::Event(detail) => *detail,
        other => panic!("{other:?}"),
    };
    let created = detail("evt_1");
    assert_eq!((created.changes.basis, created.changes.items.len()), (Basis::Created, 0));
    let updated = detail("evt_2");
    assert_eq!(updated.changes.basis, Basis::PreviousAttributes);
    assert_eq!(updated.changes.items[0].before.as_deref(), Some("\"draft\""));
    let paid = detail("evt_3");
    assert_eq!(paid.changes.basis, Basis::EarlierEvent { id: "evt_2".into(), at: 200 });
    let paths: Vec<&str> = paid.changes.items.iter().map(|item| item.path.as_str()).collect();
    assert_eq!(paths, ["status", "amount_paid"]);
    assert_eq!(paid.what, "Invoice INV-1 of Zoe was paid: $5.00");
    assert_eq!(paid.now.unwrap().events, 3);
    let lone = detail("evt_4");
    assert_eq!((lone.changes.basis, lone.links[0].id.as_str()), (Basis::Nothing, "cus_1"));
    let missing = world.ask(&Request::Event { integration: TWO, id: "evt_1".into() });
    assert_eq!(missing, Answer::NotHere);
}

#[test]
fn a_timeline_holds_events_that_name_the_object_newest_first() {
    let mut world = one_day();
    let mut timeline = |object: &str, from: Option<(i64, &str)>| -> Vec<String> {
        let from = from.map(|(created, id)| crate::engine::api::EventPos { created, id: id.to_owned() });
        let request = Request::Timeline { integration: ONE, object: object.into(), from, limit: 10 };
        match world.ask(&request) {
            Answer::Timeline(rows) => rows.into_iter().map(|row| row.id).collect(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(timeline("cus_1", None), ["evt_4", "evt_3", "evt_2", "evt_1"]);
    assert_eq!(timeline("in_1", Some((200, "evt_2"))), ["evt_2", "evt_1"]);
    assert!(timeline("cus_2", None).is_empty());
    let customer = r#"{"id":"cus_2","object":"customer","created":1}"#;
    world.event(ONE, &happened("evt_6", "customer.created", 10, customer, ""));
    let request = Request::Timeline { integration: ONE, object: "cus_2".into(), from: None, limit: 10 };
    let Answer::Timeline(rows) = world.ask(&request) else { panic!() };
    assert_eq!(rows[0].id, "evt_6", "stored after the index was built");
}
