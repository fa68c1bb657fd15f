//! `--filter` of `records` and `events`: what passes is what Stripe's own objects say, and a mistake is pointed at.

use serde_json::Value;

use crate::bench::{Bench, id};

fn ids(all: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> = all.iter().map(|one| id(one).to_owned()).collect();
    ids.sort();
    ids
}

async fn records(bench: &Bench, filter: &str) -> Vec<Value> {
    bench.run(&["records", "invoices", "--json", "--filter", filter]).await.ok().objects()
}

async fn events(bench: &Bench, filter: &str) -> Vec<Value> {
    bench.run(&["events", "--json", "--filter", filter]).await.ok().objects()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_pass_as_stripe_s_objects_say() {
    let bench = Bench::synced(300).await;
    let all = records(&bench, "").await;
    let wanted =
        |is: &dyn Fn(&Value) -> bool| ids(&all.iter().filter(|one| is(one)).cloned().collect::<Vec<_>>());
    let paid = |one: &Value| one["amount_paid"].as_i64().unwrap();
    let one = &all[7];
    let (number, customer) = (one["number"].as_str().unwrap(), one["customer"].as_str().unwrap());
    for (filter, is) in [
        ("status:paid".to_owned(), &(|one: &Value| one["status"] == "paid") as &dyn Fn(&Value) -> bool),
        ("-status:paid,open".to_owned(), &|one| one["status"] != "paid" && one["status"] != "open"),
        ("status:paid amount>100 currency:usd".to_owned(), &|one| {
            one["status"] == "paid" && one["currency"] == "usd" && paid(one) > 10_000
        }),
        (format!("number:{number}"), &|other| other["number"] == one["number"]),
        (format!("customer={customer}"), &|other| other["customer"] == one["customer"]),
        (".attempt_count>=2 or .attempt_count:0".to_owned(), &|one| {
            let tries = one["attempt_count"].as_i64().unwrap();
            tries >= 2 || tries == 0
        }),
    ] {
        let wanted = wanted(is);
        assert!(!wanted.is_empty() && wanted.len() < all.len(), "{filter} tells nothing");
        assert_eq!(ids(&records(&bench, &filter).await), wanted, "{filter}");
    }
    // Order and limit go with it; what it means is told beside the results.
    let args = [
        "records",
        "invoices",
        "--filter",
        "-status:open created>=2020-01-01",
        "--sort",
        "amount",
        "--limit",
        "3",
    ];
    let table = bench.run(&args).await.ok();
    assert_eq!(table.out.lines().count(), 4);
    for words in
        ["filter -status:open created>=2020-01-01", "2020-01-01 00:00:00 → now", "that pass; --limit"]
    {
        assert!(table.err.contains(words), "{words}: {}", table.err);
    }
    let none = bench.run(&["records", "invoices", "--filter", "created<2001-01-01"]).await.ok();
    assert!(none.out.is_empty() && none.err.contains("passes the filter"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_listed_newest_first_and_filtered() {
    let bench = Bench::connected(300).await;
    bench.stripe.run_traffic(200);
    bench.run(&["discover"]).await.ok();
    let all = events(&bench, "").await;
    assert!(all.len() > 50, "{}", all.len());
    let times: Vec<i64> = all.iter().map(|one| one["created"].as_i64().unwrap()).collect();
    assert!(times.iter().rev().is_sorted());
    // As Stripe serves them.
    let served = bench.ask(&format!("/v1/events/{}", id(&all[0]))).await;
    assert_eq!(served, all[0]);
    let customer = all.iter().find_map(|one| one["data"]["object"]["customer"].as_str()).unwrap();
    for (filter, is) in [
        (
            "type:invoice.*".to_owned(),
            &(|one: &Value| one["type"].as_str().unwrap().starts_with("invoice.")) as &dyn Fn(&Value) -> bool,
        ),
        (format!("customer:{customer}"), &|one| {
            let object = &one["data"]["object"];
            object["customer"] == customer || object["id"] == customer
        }),
        ("previous_attributes.status:*".to_owned(), &|one| {
            one["data"]["previous_attributes"]["status"].is_string()
        }),
    ] {
        let wanted: Vec<Value> = all.iter().filter(|one| is(one)).cloned().collect();
        assert!(!wanted.is_empty() && wanted.len() < all.len(), "{filter} tells nothing");
        assert_eq!(events(&bench, &filter).await, wanted, "{filter}");
    }
    let some = bench.run(&["events", "--limit", "5", "--all"]).await.ok();
    assert_eq!(some.out.lines().count(), 6, "{}", some.out);
    assert!(some.out.lines().nth(1).unwrap().ends_with(id(&all[0])), "{}", some.out);
    assert!(some.err.contains("the newest 5") && some.err.contains("TEST"), "{}", some.err);
    let none = bench.run(&["events", "--filter", "type:nothing.here"]).await.ok();
    assert!(none.out.is_empty() && none.err.contains("no stored event passes"), "{}", none.err);
    bench.run(&["events", "--filter", "starred:true"]).await.refused(2, &["nothing is starred"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_is_pointed_at_and_nothing_else_is_said() {
    let bench = Bench::new(300).await;
    // Before anything is opened: there is not even a data folder.
    let wrong = bench.run(&["events", "--filter", "zoë typ:*failed"]).await.ended(2);
    assert_eq!(wrong.out, "");
    let lines: Vec<&str> = wrong.err.lines().collect();
    assert!(
        lines[0].starts_with("tillwatch: there is no field `typ`") && lines[0].contains("`type`"),
        "{}",
        wrong.err
    );
    assert_eq!(lines[1..], ["  zoë typ:*failed", "      ^^^"]);
    let wrong = bench.run(&["records", "invoices", "--filter", "amount>1,000", "--json"]).await.ended(2);
    let told: Value = serde_json::from_str(&wrong.err).unwrap();
    assert!(wrong.out.is_empty() && told["error"]["message"].as_str().unwrap().contains("write 1000"));
    let wrong = bench.run(&["events", "--filter", "\u{1b}[31mx:1"]).await.ended(2);
    assert!(!wrong.err.contains('\u{1b}'));
    assert!(!bench.data().exists());
    bench.run(&["events"]).await.ended(3);
}
