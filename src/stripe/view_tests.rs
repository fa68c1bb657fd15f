//! Views and rows against old, new and broken shapes.

use super::kind::Kind;
use super::summary::{RowHead, summary};
use super::view::{
    AccountHead, BalanceHead, ChargeHead, EventHead, InvoiceHead, InvoicePaymentHead, ObjectHead,
    PaymentIntentHead, SubscriptionHead,
};

fn read<'a, T: serde::Deserialize<'a>>(json: &'a str) -> T {
    serde_json::from_str(json).unwrap()
}

#[test]
fn invoices_of_both_ages() {
    let new: InvoiceHead<'_> = read(
        r#"{"id":"in_1","object":"invoice","status":"open","customer":{"id":"cus_1","name":"X"},"currency":"eur",
            "amount_due":500,"total":500,"created":7,"livemode":true,"novelty":{"deep":[1,{"x":null}]},
            "parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1","metadata":{}}},
            "lines":{"object":"list","has_more":true,"data":[
              {"id":"il_1","pricing":{"price_details":{"price":"price_1","product":"prod_1"}}},
              {"id":"il_2","pricing":{"price_details":{"price":{"id":"price_2"},"product":"prod_1"}}},
              {"id":"il_3","pricing":null}]}}"#,
    );
    assert_eq!(
        (&*new.id, new.customer.as_deref(), new.subscription()),
        ("in_1", Some("cus_1"), Some("sub_1"))
    );
    assert_eq!((new.products(), new.prices()), (vec!["prod_1"], vec!["price_1", "price_2"]));
    assert!(new.livemode && new.lines.has_more && new.lines.data.len() == 3);

    let old: InvoiceHead<'_> = read(
        r#"{"id":"in_2","customer":"cus_2","subscription":{"id":"sub_2"},"charge":"ch_1","payment_intent":"pi_1",
            "lines":{"data":[{"price":{"id":"price_9","product":{"id":"prod_9"}}}]}}"#,
    );
    assert_eq!(old.subscription(), Some("sub_2"));
    assert_eq!((old.products(), old.prices()), (vec!["prod_9"], vec!["price_9"]));
    assert_eq!((old.charge.as_deref(), old.payment_intent.as_deref()), (Some("ch_1"), Some("pi_1")));
}

#[test]
fn wrong_types_read_as_absent() {
    let odd: InvoiceHead<'_> = read(
        r#"{"id":5,"status":["x"],"customer":null,"amount_due":"12","total":12.0,"amount_paid":1.5,
            "created":18446744073709551615,"livemode":"yes","lines":[{"id":"il"}],"parent":"sub_1",
            "number":"a\"b","currency":{"code":"eur"}}"#,
    );
    assert_eq!((&*odd.id, odd.status.as_deref(), odd.customer.as_deref()), ("", None, None));
    assert_eq!((odd.amount_due, odd.total, odd.amount_paid, odd.created), (0, 12, 0, 0));
    assert!(!odd.livemode && odd.lines.data.is_empty() && odd.subscription().is_none());
    assert_eq!(odd.number.as_deref(), Some("a\"b"));
    let upcoming: InvoiceHead<'_> = read(r#"{"object":"invoice","total":-5}"#);
    assert_eq!((&*upcoming.id, upcoming.total), ("", -5));
    let mixed: InvoiceHead<'_> = read(r#"{"lines":{"data":[1,"x",null,[],{"id":"il"}]}}"#);
    assert_eq!(mixed.lines.data.len(), 1);
    assert!(serde_json::from_str::<InvoiceHead<'_>>("\"in_1\"").is_err());
    assert!(serde_json::from_str::<InvoiceHead<'_>>(r#"{"id":"in_1""#).is_err());
    for kind in Kind::all() {
        for broken in
            ["", "[]", "null", "{", "{}", r#"{"id":[],"status":{},"amount":{},"items":7,"outcome":[]}"#]
        {
            let row = summary(kind, broken);
            assert_eq!((row.created, row.customer), (0, String::new()));
        }
    }
}

#[test]
fn other_objects() {
    let intent: PaymentIntentHead<'_> = read(
        r#"{"id":"pi_1","amount":900,"latest_charge":{"id":"ch_9"},
            "last_payment_error":{"code":"card_declined","decline_code":"insufficient_funds"}}"#,
    );
    assert_eq!(intent.latest_charge.as_deref(), Some("ch_9"));
    assert_eq!(intent.last_payment_error.unwrap().reason(), Some("insufficient_funds"));
    let paid: InvoicePaymentHead<'_> = read(
        r#"{"invoice":"in_1","amount_paid":null,"amount_requested":5,"payment":{"type":"charge","charge":"ch_1"}}"#,
    );
    assert_eq!(
        (paid.invoice.as_deref(), paid.charge(), paid.payment_intent()),
        (Some("in_1"), Some("ch_1"), None)
    );
    assert_eq!(paid.amount_paid, None);
    let charge: ChargeHead<'_> = read(r#"{"outcome":null,"billing_details":{"name":null,"email":"a@b.c"}}"#);
    assert_eq!(charge.billing_details.email.as_deref(), Some("a@b.c"));
    let subscription: SubscriptionHead<'_> = read(
        r#"{"id":"sub_1","items":{"has_more":false,"data":[
            {"quantity":3,"current_period_end":90,"price":{"unit_amount":500}},
            {"current_period_end":80,"price":{"unit_amount":100}}]}}"#,
    );
    assert_eq!((subscription.amount(), subscription.current_period_end()), (Some(1_600), Some(80)));
    let old: SubscriptionHead<'_> = read(r#"{"current_period_end":70,"items":{"data":[{"price":{}}]}}"#);
    assert_eq!((old.amount(), old.current_period_end()), (None, Some(70)));
    let gone: ObjectHead<'_> = read(r#"{"id":"cus_1","object":"customer","deleted":true}"#);
    assert!(gone.deleted && gone.created.is_none() && gone.livemode.is_none());
    assert_eq!(read::<BalanceHead>(r#"{"livemode":false}"#).livemode, Some(false));
}

#[test]
fn accounts_by_the_documented_order() {
    let named: AccountHead<'_> = read(
        r#"{"id":"acct_1","email":"a@b.c","business_profile":{"name":"Biz"},
            "settings":{"dashboard":{"display_name":"  ","timezone":"Europe/Berlin"}}}"#,
    );
    assert_eq!((named.display_name(), named.timezone()), ("Biz", "Europe/Berlin"));
    let bare: AccountHead<'_> = read(r#"{"id":"acct_1","business_profile":null,"settings":{}}"#);
    assert_eq!((bare.display_name(), bare.timezone()), ("acct_1", "UTC"));
}

#[test]
fn events_keep_their_object_as_received() {
    let event: EventHead<'_> = read(
        r#"{"id":"evt_1","type":"invoice.updated","created":5,"api_version":null,"account":"acct_9",
            "data":{"object": {"id" : "in_1"} ,"previous_attributes":{"status":"draft"}}}"#,
    );
    assert_eq!(
        (&*event.id, &*event.event_type, event.account.as_deref()),
        ("evt_1", "invoice.updated", Some("acct_9"))
    );
    assert_eq!(event.data.object.get(), r#"{"id" : "in_1"}"#);
    assert_eq!(event.data.previous_attributes.unwrap().get(), r#"{"status":"draft"}"#);
    let plain: EventHead<'_> =
        read(r#"{"id":"e","type":"x","data":{"object":{},"previous_attributes":null}}"#);
    assert!(plain.data.previous_attributes.is_none() && plain.api_version.is_none());
    assert!(serde_json::from_str::<EventHead<'_>>(r#"{"id":"e","type":"x"}"#).is_err());
}

#[test]
fn rows() {
    let row = |kind, json| summary(kind, json);
    let paid = r#"{"id":"in_1","number":"A-1","status":"paid","amount_due":10,"amount_paid":7,"total":10,
        "currency":"usd","customer":"cus_1","customer_name":"","customer_email":"a@b.c","created":3,"livemode":true}"#;
    assert_eq!(
        row(Kind::Invoice, paid),
        RowHead {
            created: 3,
            status: "paid".into(),
            amount: Some(7),
            currency: "usd".into(),
            customer: "cus_1".into(),
            who: "a@b.c".into(),
            label: "A-1".into(),
            livemode: true
        }
    );
    assert_eq!(row(Kind::Invoice, r#"{"status":"open","amount_due":0,"total":-4}"#).amount, Some(-4));
    let failed = r#"{"id":"pi_1","status":"requires_payment_method","amount":9,"receipt_email":"a@b.c",
        "last_payment_error":{"code":"card_declined","decline_code":"lost_card"}}"#;
    let failed = row(Kind::PaymentIntent, failed);
    assert_eq!((failed.amount, &*failed.who), (Some(9), "lost_card"));
    let recovered = r#"{"status":"succeeded","amount":9,"amount_received":8,"receipt_email":"a@b.c",
        "last_payment_error":{"code":"card_declined"}}"#;
    let recovered = row(Kind::PaymentIntent, recovered);
    assert_eq!((recovered.amount, &*recovered.who), (Some(8), "a@b.c"));
    let charge = row(
        Kind::Charge,
        r#"{"id":"ch_1","status":"failed","amount":5,"failure_code":"card_declined","outcome":{"reason":null}}"#,
    );
    assert_eq!((&*charge.who, &*charge.label), ("card_declined", "ch_1"));
    assert_eq!(row(Kind::Customer, r#"{"id":"cus_1","deleted":true}"#).status, "deleted");
    assert_eq!(row(Kind::Product, r#"{"id":"p","name":"Tea","active":false}"#).status, "inactive");
    assert_eq!(
        row(Kind::Price, r#"{"id":"price_1","unit_amount":5,"active":true,"product":"prod_1"}"#).who,
        "prod_1"
    );
    assert_eq!(row(Kind::CreditNote, r#"{"number":"CN-1","amount":4,"total":4}"#).label, "CN-1");
    assert_eq!(row(Kind::Dispute, r#"{"id":"dp_1","amount":4,"reason":"fraudulent"}"#).who, "fraudulent");
    let link =
        r#"{"id":"inpay_1","invoice":"in_1","amount_requested":5,"payment":{"payment_intent":"pi_1"}}"#;
    let link = row(Kind::InvoicePayment, link);
    assert_eq!((link.amount, &*link.who, &*link.label), (Some(5), "pi_1", "in_1"));
}
