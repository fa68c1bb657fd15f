//! `records` and `get`: tables, JSON, order, limits, and what is not there.

use crate::bench::{Bench, id};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_listed_ordered_and_limited() {
    let bench = Bench::synced(300).await;
    let newest = bench.run(&["records", "invoices", "--limit", "7", "--json"]).await.ok().objects();
    let served = bench.list("/v1/invoices").await;
    let expected: Vec<i64> = served
        .iter()
        .filter(|one| one["status"] != "draft")
        .take(7)
        .map(|one| one["created"].as_i64().unwrap())
        .collect();
    let got: Vec<i64> = newest.iter().map(|one| one["created"].as_i64().unwrap()).collect();
    assert_eq!(got, expected);
    for (sort, field) in [("amount", "total"), ("created", "created")] {
        // Amounts of different currencies cannot be compared: they are ordered within each.
        let values = |objects: &[serde_json::Value]| -> Vec<(String, i64)> {
            let currency = |one: &serde_json::Value| one["currency"].as_str().unwrap().to_owned();
            let by = |one: &serde_json::Value| if sort == "amount" { currency(one) } else { String::new() };
            objects.iter().map(|one| (by(one), one[field].as_i64().unwrap())).collect()
        };
        let up = bench.run(&["records", "invoice", "--sort", sort, "--json"]).await.ok().objects();
        let values_up = values(&up);
        assert!(values_up.len() > 200 && values_up.is_sorted(), "{sort}: {values_up:?}");
        let minus = format!("-{sort}");
        let down = bench.run(&["records", "invoices", "--sort", &minus, "--json"]).await.ok().objects();
        let mut turned = values(&down);
        turned.reverse();
        assert!(turned.is_sorted() && turned.len() == values_up.len(), "{minus}: {turned:?}");
    }
    let table = bench.run(&["records", "customers", "--limit", "5"]).await.ok();
    assert_eq!(table.out.lines().count(), 6, "a heading and five rows");
    assert!(table.out.lines().skip(1).all(|line| line.starts_with("cus_")), "{}", table.out);
    assert!(table.err.contains("--limit"), "{}", table.err);
    let payments = bench.run(&["records", "payments", "--limit", "1", "--json"]).await.ok().json();
    assert_eq!(payments["object"], "payment_intent");
    assert_eq!(bench.run(&["records", "charges", "--limit", "0", "--json"]).await.ok().out, "");
    assert!(bench.run(&["records", "disputes"]).await.ok().err.contains("no disputes are stored"));
    bench.run(&["records", "dragons"]).await.refused(2, &["`dragons`", "invoices", "customers"]);
    bench.run(&["records", "invoices", "--sort", "mood"]).await.refused(2, &["`mood`", "created"]);
    bench.run(&["records", "invoices", "--limit=-1"]).await.usage(&["--limit"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn get_prints_what_is_stored_and_names_what_is_not() {
    let bench = Bench::connected(300).await;
    bench.run(&["discover"]).await.ok();
    let served = bench.list("/v1/invoices?status=paid").await;
    let (one, two) = (id(&served[0]), id(&served[1]));
    bench.run(&["get", one]).await.refused(1, &[one, "not synced yet", "tillwatch sync"]);
    // Only records are printed: what is pending is none yet.
    assert_eq!(bench.run(&["records", "invoices", "--json"]).await.ok().out, "");
    bench.run(&["sync"]).await.ok();
    let both = bench.run(&["get", two, one]).await.ok().objects();
    assert_eq!((id(&both[0]), id(&both[1])), (two, one));
    let some = bench.run(&["get", one, "in_unknown", two]).await.ended(1);
    assert_eq!(some.objects().len(), 2);
    assert_eq!(some.err, "tillwatch: in_unknown is not stored here\n");
    bench.run(&["get"]).await.usage(&["IDS"]);
    bench.run(&["get", "in_\u{1b}[31mred"]).await.refused(1, &["is not stored here"]);
    bench.run(&["get", "-i", "nobody", one]).await.refused(2, &["`nobody`"]);
}
