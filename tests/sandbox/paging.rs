//! Lists: complete both ways, filtered as asked, and equal to what is retrieved singly.

use serde_json::Value;

use crate::{Local, START, assert_distinct, ids, plain};

const LISTS: [&str; 10] = [
    "invoices",
    "customers",
    "subscriptions",
    "payment_intents",
    "charges",
    "invoice_payments",
    "refunds",
    "products",
    "prices",
    "events",
];

#[tokio::test]
async fn every_list_is_complete_both_ways_and_equals_its_objects() {
    let local = Local::new(plain()).await;
    // With traffic, so that history and what came after are merged.
    assert!(local.running.run_traffic(120) > 120);
    for list in LISTS {
        let filters = if list == "subscriptions" { "&status=all" } else { "" };
        let all = local.walk(list, filters).await;
        assert!(all.len() > 11, "{list}");
        assert_distinct(&all);
        let times: Vec<i64> = all.iter().map(|o| o["created"].as_i64().unwrap()).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{list} is not newest first");
        let oldest = ids(&all)[all.len() - 1].to_owned();
        let climbed = local.climb(list, &oldest, filters).await;
        assert_eq!(ids(&climbed), ids(&all[..all.len() - 1]), "{list}");
        for object in all.iter().step_by(61) {
            let single = local.json(&format!("/v1/{list}/{}", object["id"].as_str().unwrap())).await;
            assert_eq!(single, *object);
        }
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let (one, two) = (Local::new(plain()).await, Local::new(plain()).await);
    let other = Local::new(tillwatch::sandbox::Options { seed: 9, ..plain() }).await;
    for list in LISTS {
        let path = format!("/v1/{list}?limit=40");
        assert_eq!(one.get(&path).await.text, two.get(&path).await.text);
        assert_ne!(one.get(&path).await.text, other.get(&path).await.text);
    }
    assert_eq!(one.running.keys.secret, two.running.keys.secret);
}

#[tokio::test]
async fn created_filters_cut_exactly() {
    let local = Local::new(plain()).await;
    for list in
        ["invoices", "charges", "payment_intents", "invoice_payments", "customers", "refunds", "events"]
    {
        let all = local.walk(list, "").await;
        let at = all[all.len() / 2]["created"].as_i64().unwrap();
        let expect = |test: &dyn Fn(i64) -> bool| -> Vec<Value> {
            all.iter().filter(|o| test(o["created"].as_i64().unwrap())).cloned().collect()
        };
        for (filter, test) in [
            ("[gt]", &(|t| t > at) as &dyn Fn(i64) -> bool),
            ("[gte]", &|t| t >= at),
            ("[lt]", &|t| t < at),
            ("[lte]", &|t| t <= at),
            ("", &|t| t == at),
        ] {
            let found = local.walk(list, &format!("&created{filter}={at}")).await;
            assert_eq!(ids(&found), ids(&expect(test)), "{list} created{filter}");
        }
    }
}

#[tokio::test]
async fn filters_keep_what_they_name() {
    let local = Local::new(plain()).await;
    local.running.run_traffic(60);
    let invoices = local.walk("invoices", "").await;
    for status in ["draft", "open", "paid", "uncollectible", "void"] {
        let found = local.walk("invoices", &format!("&status={status}")).await;
        let expected: Vec<Value> = invoices.iter().filter(|i| i["status"] == status).cloned().collect();
        assert_eq!(ids(&found), ids(&expected), "{status}");
        // History is finalized; only traffic makes drafts, and it has moved on from most of them.
        assert!(!found.is_empty() || status == "draft", "{status}");
    }
    let newest = &invoices[0];
    let customer = newest["customer"].as_str().unwrap();
    for list in ["invoices", "charges", "payment_intents"] {
        let all = local.walk(list, "").await;
        let found = local.walk(list, &format!("&customer={customer}")).await;
        let expected: Vec<Value> = all.into_iter().filter(|o| o["customer"] == customer).collect();
        assert_eq!(ids(&found), ids(&expected), "{list}");
    }
    let subscription = &newest["parent"]["subscription_details"]["subscription"];
    let found = local.walk("invoices", &format!("&subscription={}", subscription.as_str().unwrap())).await;
    assert!(found.iter().any(|i| i["id"] == newest["id"]));
    assert!(found.iter().all(|i| &i["parent"]["subscription_details"]["subscription"] == subscription));

    let paid = invoices.iter().find(|i| i["status"] == "paid").unwrap();
    let link = local.walk("invoice_payments", &format!("&invoice={}", paid["id"].as_str().unwrap())).await;
    assert_eq!(link.len(), 1);
    let intent = link[0]["payment"]["payment_intent"].as_str().unwrap();
    let back = local
        .walk(
            "invoice_payments",
            &format!("&payment[type]=payment_intent&payment[payment_intent]={intent}&status=paid"),
        )
        .await;
    assert_eq!(back, link);
    let charges = local.walk("charges", &format!("&payment_intent={intent}")).await;
    assert_eq!(charges[0]["amount"], paid["total"]);

    let someone = &local.walk("customers", "").await[5];
    let email = someone["email"].as_str().unwrap().replace('+', "%2B");
    assert_eq!(local.walk("customers", &format!("&email={email}")).await, *std::slice::from_ref(someone));
    assert!(
        local
            .walk("events", "&type=invoice.*")
            .await
            .iter()
            .all(|e| { e["type"].as_str().unwrap().starts_with("invoice.") })
    );
    let two = local.walk("events", "&types[]=charge.failed&types[]=invoice.paid").await;
    assert!(two.iter().any(|e| e["type"] == "charge.failed"));
    assert!(two.iter().all(|e| e["type"] == "charge.failed" || e["type"] == "invoice.paid"));
    assert!(local.walk("subscriptions", "").await.iter().all(|s| s["status"] != "canceled"));
    assert!(!local.walk("subscriptions", "&status=canceled").await.is_empty());
    assert_eq!(local.walk("credit_notes", "").await.len(), 0);
}

#[tokio::test]
async fn amounts_agree_and_sizes_are_realistic() {
    let local = Local::new(plain()).await;
    let page = local.get("/v1/invoices?limit=100&expand[]=data.payments").await;
    let invoices = local.walk("invoices", "").await;
    let (mut long, mut bytes) = (0, 0);
    for invoice in &invoices {
        bytes += serde_json::to_string(invoice).unwrap().len();
        let id = invoice["id"].as_str().unwrap();
        let lines = &invoice["lines"];
        let mut all = lines["data"].as_array().unwrap().clone();
        assert!(lines.get("total_count").is_none());
        assert!(invoice.get("payments").is_none());
        if lines["has_more"] == true {
            long += 1;
            assert_eq!(all.len(), 10);
            let last = all[9]["id"].as_str().unwrap();
            all.extend(local.walk_lines(id, last).await);
            assert!(all.len() > 10);
        }
        assert_distinct(&all);
        let sum: i64 = all.iter().map(|line| line["amount"].as_i64().unwrap()).sum();
        assert_eq!(invoice["total"], sum, "{id}");
        assert!(sum > 0);
        assert_eq!(
            invoice["amount_paid"].as_i64().unwrap(),
            if invoice["status"] == "paid" { sum } else { 0 }
        );
    }
    assert!(long > 0, "none has more than ten lines");
    let average = bytes / invoices.len();
    assert!((3000..=5200).contains(&average), "{average} bytes on average");
    let page = page.json();
    let paid = page["data"].as_array().unwrap().iter().find(|i| i["status"] == "paid").unwrap();
    let payments = &paid["payments"]["data"];
    assert_eq!(payments[0]["object"], "invoice_payment");
}

impl Local {
    async fn walk_lines(&self, invoice: &str, after: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let mut cursor = after.to_owned();
        loop {
            let path = format!("/v1/invoices/{invoice}/lines?limit=30&starting_after={cursor}");
            let page = self.json(&path).await;
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            cursor = all.last().unwrap()["id"].as_str().unwrap().to_owned();
        }
    }
}

#[tokio::test]
async fn expansion_replaces_ids_by_objects() {
    let local = Local::new(plain()).await;
    let list = local
        .json("/v1/payment_intents?limit=30&expand[]=data.latest_charge.balance_transaction&expand[]=data.customer")
        .await;
    for intent in list["data"].as_array().unwrap() {
        assert_eq!(intent["customer"]["object"], "customer");
        if intent["status"] == "succeeded" {
            assert_eq!(intent["latest_charge"]["object"], "charge");
            assert_eq!(intent["latest_charge"]["amount"], intent["amount"]);
            assert_eq!(intent["latest_charge"]["balance_transaction"]["amount"], intent["amount"]);
        }
    }
    let invoice = &local.json("/v1/invoices?status=paid&limit=1").await["data"][0];
    let id = invoice["id"].as_str().unwrap();
    let deep = local.json(&format!("/v1/invoices/{id}?expand[]=payments.data.payment.payment_intent")).await;
    let intent = &deep["payments"]["data"][0]["payment"]["payment_intent"];
    assert_eq!(intent["amount_received"], deep["total"]);
    let subscriptions = local.json("/v1/subscriptions?expand[]=data.latest_invoice&limit=20").await;
    assert!(
        subscriptions["data"].as_array().unwrap().iter().any(|s| s["latest_invoice"]["object"] == "invoice")
    );
}

#[tokio::test]
async fn a_deleted_customer_is_a_stub_and_in_no_list() {
    let local = Local::new(plain()).await;
    let listed = local.walk("customers", "").await;
    assert!(listed.len() < 150 && listed.len() > 130);
    let mut stubs = 0;
    for invoice in local.walk("invoices", "&expand[]=data.customer").await {
        let customer = &invoice["customer"];
        if customer["deleted"] == true {
            stubs += 1;
            let id = customer["id"].as_str().unwrap();
            assert_eq!(local.json(&format!("/v1/customers/{id}")).await, *customer);
            assert!(!ids(&listed).contains(&id));
            assert_eq!(customer.as_object().unwrap().len(), 3);
        }
    }
    assert!(stubs > 0);
}

#[tokio::test]
async fn live_mode_is_another_account_view() {
    let local = Local::new(plain()).await;
    let live = local.get_as(&local.running.keys.live_restricted, "/v1/invoices?limit=100").await.json();
    let live = live["data"].as_array().unwrap();
    assert!(live.iter().all(|i| i["livemode"] == true));
    let id = live[0]["id"].as_str().unwrap();
    let reply = local.get(&format!("/v1/invoices/{id}")).await;
    assert_eq!(reply.status, 404);
    let message = reply.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("a similar object exists in live mode, but a test mode key"), "{message}");
    assert!(live.iter().all(|i| i["created"].as_i64().unwrap() < START));
}

#[tokio::test]
async fn an_empty_account_answers_empty_lists() {
    let options = tillwatch::sandbox::Options { invoices: 0, customers: 1, ..plain() };
    let local = Local::new(options).await;
    for list in ["invoices", "charges", "payment_intents", "events"] {
        assert!(local.walk(list, "").await.is_empty());
    }
    local.running.run_traffic(20);
    local.running.mutate(5);
}
