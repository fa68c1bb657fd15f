//! Failed payments over a real store: from the log, from records, and as they come.

use super::*;
use crate::engine::api::{CaseDetail, CaseOrder, CaseQuery, CaseState, CaseWindow, DeclineClass, Next};

fn event(id: &str, at: i64, kind: &str, object: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","type":"{kind}","created":{at},"livemode":false,"data":{{"object":{object}}}}}"#
    )
}

fn invoice(id: &str, status: &str, tries: u32, next: Option<i64>) -> String {
    let next = next.map_or("null".to_owned(), |next| next.to_string());
    let (paid, paid_at) =
        if status == "paid" { (900, (NOW - 5).to_string()) } else { (0, "null".to_owned()) };
    format!(
        r#"{{"id":"{id}","object":"invoice","status":"{status}","number":"N-1","customer":"cus_1","customer_name":"Ann\u001b[2J",
            "currency":"eur","amount_due":900,"amount_paid":{paid},"amount_remaining":{},"attempt_count":{tries},"created":1,
            "next_payment_attempt":{next},"lines":{{"data":[],"has_more":false}},"status_transitions":{{"paid_at":{paid_at}}}}}"#,
        900 - paid
    )
}

fn payment(id: &str, status: &str, code: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"payment_intent","status":"{status}","amount":900,"amount_received":0,"currency":"eur",
            "customer":"cus_1","created":1,"latest_charge":"ch_{id}","last_payment_error":{{"charge":"ch_{id}","code":"card_declined",
            "decline_code":"{code}","payment_method":{{"card":{{"brand":"visa","last4":"4242"}}}}}}}}"#
    )
}

impl World {
    /// The cases, once everything that is stored is in them.
    fn cases(&mut self, query: &CaseQuery) -> CaseWindow {
        self.ask(&Request::Cases(query.clone()));
        let shared = self.query.as_ref().unwrap().shared.clone();
        while shared.cases.work_some(&shared).unwrap() || !shared.cases.is_built() {}
        match self.ask(&Request::Cases(query.clone())) {
            Answer::Cases(window) => window,
            other => panic!("{other:?}"),
        }
    }

    fn case(&mut self, id: &str) -> CaseDetail {
        match self.ask(&Request::Case { integration: ONE, id: id.into() }) {
            Answer::Case(detail) => *detail,
            other => panic!("{other:?}"),
        }
    }
}

fn all() -> CaseQuery {
    CaseQuery { all: true, limit: 100, ..CaseQuery::default() }
}

const DAY: i64 = 86_400;

#[test]
fn what_came_before_the_failure_counts_and_what_only_records_tell() {
    let mut world = World::new();
    // Paid first, failed later: they came out of order, before anybody asked.
    world.event(ONE, &event("evt_3", NOW - 5, "invoice.paid", &invoice("in_1", "paid", 2, None)));
    world.event(
        ONE,
        &event("evt_2", NOW - DAY, "invoice.payment_failed", &invoice("in_1", "open", 1, Some(NOW))),
    );
    world.event(
        ONE,
        &event(
            "evt_1",
            NOW - DAY,
            "payment_intent.payment_failed",
            &payment("pi_1", "requires_payment_method", "insufficient_funds"),
        ),
    );
    // The tie stands in a record only.
    world.put(ONE, Kind::InvoicePayment, r#"{"id":"inpay_1","object":"invoice_payment","invoice":"in_1","status":"paid","created":1,"payment":{"type":"payment_intent","payment_intent":"pi_1"}}"#);
    // Nothing ever failed here.
    world.event(TWO, &event("evt_9", NOW - 9, "invoice.paid", &invoice("in_9", "paid", 1, None)));
    let window = world.cases(&all());
    assert_eq!(window.rows.len(), 1, "{:#?}", window.rows);
    let row = &window.rows[0];
    assert_eq!((row.id.as_str(), row.who.as_str(), row.tries), ("in_1", "Ann", 2));
    assert_eq!((&row.state, &row.next), (&CaseState::Recovered { at: NOW - 5 }, &Next::Over));
    assert_eq!((row.decline.code.as_str(), row.decline.class), ("insufficient_funds", DeclineClass::Soft));
    assert_eq!(row.amount, (900, "eur".to_owned()));
    let detail = world.case("in_1");
    assert_eq!(detail.tries.len(), 1);
    assert_eq!(detail.tries[0].method, "visa •••• 4242");
    assert!(
        detail.links.iter().any(|link| link.id == "pi_1")
            && detail.links.iter().any(|link| link.id == "cus_1")
    );
    assert_eq!(detail.url.as_deref(), Some("https://dashboard.stripe.com/acct_1/test/invoices/in_1"));
    assert!(world.cases(&CaseQuery { all: false, ..all() }).rows.is_empty());
    assert_eq!(world.cases(&CaseQuery { integration: Some(TWO), ..all() }).rows, []);
}

#[test]
fn cases_follow_what_is_stored() {
    let mut world = World::new();
    assert!(world.cases(&all()).rows.is_empty());
    let version = |world: &World| world.query.as_ref().unwrap().cases_version();
    let before = version(&world);
    // A payment without an invoice that stripe does not try again, and one that it does.
    world.event(
        ONE,
        &event(
            "evt_1",
            NOW - 50,
            "payment_intent.payment_failed",
            &payment("pi_1", "requires_payment_method", "lost_card"),
        ),
    );
    let rows = world.cases(&all()).rows;
    assert_eq!((rows[0].id.as_str(), &rows[0].next), ("pi_1", &Next::WaitsForCard));
    assert!(version(&world) > before);
    // Its customer is known by a record.
    world.put(ONE, Kind::Customer, r#"{"id":"cus_1","object":"customer","name":"Bob","created":1}"#);
    assert_eq!(world.cases(&all()).rows[0].who, "Bob");
    // The invoice's event comes later: one case.
    world.event(
        ONE,
        &event("evt_2", NOW - 50, "invoice.payment_failed", &invoice("in_1", "open", 1, Some(NOW + DAY))),
    );
    let rows = world.cases(&all()).rows;
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["in_1"]);
    assert_eq!(rows[0].next, Next::WaitsForCard, "an announced try is not made with this code");
    // A record of a read says that it was paid, without an event.
    world.put(ONE, Kind::Invoice, &invoice("in_1", "paid", 1, None));
    assert_eq!(world.cases(&all()).rows[0].state, CaseState::Recovered { at: NOW - 5 });
    let today = world.query.as_ref().unwrap().today(ONE, NOW - 60, NOW);
    assert_eq!((today.open, today.payments.len()), (0, 1));
    assert_eq!((today.payments[0].failed.cases, today.payments[0].failed.amount), (1, 900));
    assert_eq!((today.payments[0].recovered.cases, today.payments[0].recovered.amount), (1, 900));
    assert!(world.query.as_ref().unwrap().today(ONE, NOW, NOW).payments.is_empty(), "yesterday's");
}

#[test]
fn windows_sums_and_orders() {
    let mut world = World::new();
    for n in 0..7_i64 {
        let json = invoice(&format!("in_{n}"), "open", 1, Some(NOW + 100 - n))
            .replace("cus_1", &format!("cus_{n}"))
            .replace("\"eur\"", if n == 6 { "\"jpy\"" } else { "\"eur\"" })
            .replace("N-1", &format!("N-{n}"));
        world.event(ONE, &event(&format!("evt_{n}"), NOW - 1000 + n, "invoice.payment_failed", &json));
    }
    let window = world.cases(&CaseQuery { limit: 3, skip: 1, ..all() });
    assert_eq!((window.matching, window.skipped, window.rows.len()), (7, 1, 3));
    assert_eq!(window.rows[0].id, "in_5");
    let sums: Vec<_> =
        window.totals.iter().map(|one| (one.currency.as_str(), one.open.cases, one.open.amount)).collect();
    assert_eq!(sums, [("eur", 6, 5400), ("jpy", 1, 900)], "never one sum");
    let ids = |world: &mut World, order| {
        world.cases(&CaseQuery { order, ..all() }).rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut world, CaseOrder::Oldest)[0], "in_0");
    assert_eq!(ids(&mut world, CaseOrder::Next)[0], "in_6");
    assert_eq!(ids(&mut world, CaseOrder::Amount)[6], "in_6", "the other currency stands apart");
    let around = world.cases(&CaseQuery { limit: 2, around: Some((ONE, "in_0".into())), ..all() });
    assert!(around.rows.iter().any(|row| row.id == "in_0"));
    let found = world.cases(&CaseQuery { find: "n-3".into(), ..all() });
    assert_eq!((found.rows.len(), found.matching), (1, 1));
    // Without a try for thirty days and none planned it counts as lost.
    let old = invoice("in_old", "open", 4, None).replace("cus_1", "cus_old");
    world.event(ONE, &event("evt_old", NOW - 31 * DAY, "invoice.payment_failed", &old));
    let row = world.cases(&all()).rows.into_iter().find(|row| row.id == "in_old").unwrap();
    assert_eq!(row.state, CaseState::Lost { at: NOW - DAY, why: "no_more_tries".into() });
}
