use proptest::prelude::*;

use super::super::evidence::of_event;
use super::*;

/// A life of one customer: events as Stripe would send them, in order.
fn event(id: u32, at: i64, kind: &str, object: &str) -> (String, i64) {
    let json = format!(
        r#"{{"id":"evt_{id}","object":"event","type":"{kind}","created":{at},"livemode":false,"data":{{"object":{object}}}}}"#
    );
    (json, at + 3)
}

fn invoice(id: &str, status: &str, tries: u32, next: &str, paid_at: &str) -> String {
    let paid = if status == "paid" { 1200 } else { 0 };
    format!(
        r#"{{"id":"{id}","object":"invoice","status":"{status}","number":"N-{id}","customer":"cus_1","customer_name":"Ann",
            "customer_email":"ann@example.com","currency":"eur","amount_due":1200,"amount_paid":{paid},
            "amount_remaining":{},"attempt_count":{tries},"next_payment_attempt":{next},
            "hosted_invoice_url":"https://invoice.stripe.com/i/x","status_transitions":{{"paid_at":{paid_at},"voided_at":null}}}}"#,
        1200 - paid
    )
}

fn payment(id: &str, status: &str, charge: &str, error: &str, extra: &str) -> String {
    let got = if status == "succeeded" { 1200 } else { 0 };
    format!(
        r#"{{"id":"{id}","object":"payment_intent","status":"{status}","amount":1200,"amount_received":{got},
            "currency":"eur","customer":"cus_1","latest_charge":"{charge}","last_payment_error":{error}{extra}}}"#
    )
}

fn error(charge: &str, code: &str) -> String {
    format!(
        r#"{{"charge":"{charge}","code":"card_declined","decline_code":"{code}","type":"card_error",
            "payment_method":{{"type":"card","card":{{"brand":"visa","last4":"4242"}}}}}}"#
    )
}

fn charge(id: &str, payment: &str, status: &str, advice: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"charge","status":"{status}","amount":1200,"currency":"eur","payment_intent":"{payment}",
            "failure_code":"card_declined","outcome":{{"type":"issuer_declined","reason":"insufficient_funds","advice_code":{advice}}}}}"#
    )
}

fn folded(events: &[(String, i64)]) -> Group {
    let mut group = Group::default();
    for (json, heard_at) in events {
        for one in of_event(json, *heard_at) {
            group.add(one);
        }
    }
    group
}

/// An invoice that fails twice and is paid, one that fails and stays, one that is paid at once; a payment without
/// an invoice that fails and succeeds.
fn life(tie: &str) -> Vec<(String, i64)> {
    let failing = |n: u32, at: i64, id: &str, pi: &str, ch: &str, next: &str, tries: u32| {
        vec![
            event(n, at, "charge.failed", &charge(ch, pi, "failed", "\"try_again_later\"")),
            event(
                n + 1,
                at,
                "payment_intent.payment_failed",
                &payment(pi, "requires_payment_method", ch, &error(ch, "insufficient_funds"), tie),
            ),
            event(n + 2, at, "invoice.updated", &invoice(id, "open", tries, next, "null")),
            event(n + 3, at, "invoice.payment_failed", &invoice(id, "open", tries, next, "null")),
        ]
    };
    let mut out = failing(1, 1_000_000, "in_a", "pi_a", "ch_1", "1086400", 1);
    out.extend(failing(11, 1_086_400, "in_a", "pi_a", "ch_2", "1172800", 2));
    out.push(event(21, 1_172_800, "charge.succeeded", &charge("ch_3", "pi_a", "succeeded", "null")));
    out.push(event(
        22,
        1_172_800,
        "payment_intent.succeeded",
        &payment("pi_a", "succeeded", "ch_3", "null", tie),
    ));
    out.push(event(23, 1_172_800, "invoice.paid", &invoice("in_a", "paid", 3, "null", "1172800")));
    out.push(event(31, 1_100_000, "invoice.paid", &invoice("in_c", "paid", 1, "null", "1100000")));
    let alone = |n, at, kind, status, ch, error: &str| {
        event(n, at, kind, &payment("pi_z", status, ch, error, ",\"x\":1"))
    };
    out.push(alone(
        41,
        1_050_000,
        "payment_intent.payment_failed",
        "requires_payment_method",
        "ch_7",
        &error("ch_7", "expired_card"),
    ));
    out.push(alone(42, 1_050_100, "payment_intent.succeeded", "succeeded", "ch_8", "null"));
    out
}

const TIE: &str = r#","payment_details":{"order_reference":"in_a"}"#;

#[test]
fn an_invoice_and_its_payment_are_one_case_however_they_are_tied() {
    let tied_by_id = folded(&life(TIE));
    let old: Vec<_> = life(r#","invoice":"in_a""#);
    let inpay = r#"{"id":"inpay_1","object":"invoice_payment","invoice":"in_a","status":"paid","payment":{"type":"payment_intent","payment_intent":"pi_a"}}"#;
    let mut by_link = life("");
    by_link.push(event(50, 1_172_801, "invoice_payment.paid", inpay));
    for group in [tied_by_id, folded(&old), folded(&by_link), folded(&life(""))] {
        let cases = group.cases();
        assert_eq!(cases.len(), 2, "{cases:#?}");
        let one = &cases[0];
        assert_eq!((one.id.as_str(), one.of_invoice, one.tries), ("in_a", true, 3));
        assert_eq!(
            (one.opened_at, one.failed_at, one.state),
            (1_000_000, 1_086_400, State::Recovered(1_172_800))
        );
        assert_eq!((one.amount, one.asked, one.currency.as_str()), (1200, 1200, "eur"));
        assert_eq!((one.name.as_str(), one.number.as_str()), ("Ann", "N-in_a"));
        assert_eq!(one.codes.advice.as_deref(), Some("try_again_later"), "the charge's advice is found");
        assert_eq!(one.heard_at, 1_000_003);
        let tries = group.tries(one);
        assert_eq!(tries.iter().map(|one| one.paid).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(tries[1].method.as_deref(), Some("visa 4242"));
        let other = &cases[1];
        assert_eq!((other.id.as_str(), other.of_invoice, other.tries), ("pi_z", false, 2));
        assert_eq!(other.state, State::Recovered(1_050_100));
    }
}

#[test]
fn what_ends_a_case_ends_it() {
    let failed = event(1, 10, "invoice.payment_failed", &invoice("in_a", "open", 1, "null", "null"));
    for (status, kind, why) in [
        ("void", "invoice.voided", "void"),
        ("uncollectible", "invoice.marked_uncollectible", "uncollectible"),
    ] {
        let ended = event(2, 90, kind, &invoice("in_a", status, 1, "null", "null"));
        let cases = folded(&[ended, failed.clone()]).cases();
        assert_eq!((cases[0].state, cases[0].amount), (State::Lost(90, why), 1200));
    }
    let canceled = |reason: &str| {
        let object = format!(
            r#"{{"id":"sub_1","object":"subscription","status":"canceled","latest_invoice":"in_a","canceled_at":95,"cancellation_details":{{"reason":"{reason}"}}}}"#
        );
        event(3, 96, "customer.subscription.deleted", &object)
    };
    let cases = folded(&[failed.clone(), canceled("payment_failed")]).cases();
    assert_eq!(cases[0].state, State::Lost(95, "canceled"));
    let cases = folded(&[failed.clone(), canceled("cancellation_requested")]).cases();
    assert_eq!(cases[0].state, State::Active);
    // Uncollectible is not the end: it can still be paid.
    let given_up =
        event(2, 90, "invoice.marked_uncollectible", &invoice("in_a", "uncollectible", 1, "null", "null"));
    let paid = event(4, 99, "invoice.paid", &invoice("in_a", "paid", 1, "null", "99"));
    assert_eq!(folded(&[paid, given_up, failed]).cases()[0].state, State::Recovered(99));
}

#[test]
fn what_only_succeeds_is_no_case_and_no_amounts_of_two_payments_mix() {
    let paid = event(1, 10, "invoice.paid", &invoice("in_a", "paid", 1, "null", "10"));
    let got = event(2, 10, "payment_intent.succeeded", &payment("pi_a", "succeeded", "ch_1", "null", TIE));
    assert!(folded(&[paid, got]).cases().is_empty());
    // Two failures of one customer on one day, far apart in time: two cases.
    let failed = event(3, 10, "invoice.payment_failed", &invoice("in_b", "open", 1, "null", "null"));
    let alone = event(
        4,
        10 + NEAR + 1,
        "payment_intent.payment_failed",
        &payment("pi_b", "requires_payment_method", "ch_2", &error("ch_2", "lost_card"), ""),
    );
    assert_eq!(folded(&[failed.clone(), alone]).cases().len(), 2);
    let near = event(
        4,
        10 + NEAR,
        "payment_intent.payment_failed",
        &payment("pi_b", "requires_payment_method", "ch_2", &error("ch_2", "lost_card"), ""),
    );
    assert_eq!(folded(&[failed, near]).cases().len(), 1);
}

#[test]
fn an_event_of_a_connected_account_and_garbage_say_nothing() {
    let (json, _) = event(1, 10, "invoice.payment_failed", &invoice("in_a", "open", 1, "null", "null"));
    let connected = json.replacen("\"livemode\"", "\"account\":\"acct_9\",\"livemode\"", 1);
    assert!(of_event(&connected, 0).is_empty());
    assert_eq!(of_event(&json, 0).len(), 2);
    for odd in
        ["", "[]", "{}", r#"{"id":"evt_1","type":"invoice.payment_failed","data":{"object":{"id":5}}}"#]
    {
        assert!(of_event(odd, 0).is_empty(), "{odd}");
    }
}

#[test]
fn thousands_of_tries_on_one_payment_stay_few() {
    let mut group = Group::default();
    for n in 0..3000_u32 {
        let ch = format!("ch_{n}");
        let object = payment("pi_a", "requires_payment_method", &ch, &error(&ch, "generic_decline"), "");
        let (json, heard) = event(n, 1000 + i64::from(n), "payment_intent.payment_failed", &object);
        for one in of_event(&json, heard) {
            group.add(one);
        }
    }
    let cases = group.cases();
    assert_eq!(group.tries(&cases[0]).len(), MOST_TRIES);
    assert_eq!((cases[0].opened_at, cases[0].failed_at), (1000, 3999));
}

proptest! {
    #[test]
    fn late_doubled_and_shuffled_events_end_as_if_they_came_in_order(
        shuffled in Just((0..life(TIE).len()).collect::<Vec<_>>()).prop_shuffle(),
        again in proptest::collection::vec(0..13_usize, 0..8),
        tied in any::<bool>(),
    ) {
        let events = life(if tied { TIE } else { "" });
        let order = shuffled.iter().chain(&again).filter(|at| **at < events.len());
        let other: Vec<_> = order.map(|at| events[*at].clone()).collect();
        let (in_order, other) = (folded(&events), folded(&other));
        prop_assert_eq!(&in_order, &other);
        prop_assert_eq!(in_order.cases(), other.cases());
        for case in in_order.cases() {
            prop_assert_eq!(in_order.tries(&case), other.tries(&case));
        }
    }
}
