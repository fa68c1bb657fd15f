//! Lists with paging: every row once, in order, of the account asked for.

use std::collections::HashSet;

use serde_json::Value;

use crate::bench::{Bench, id};
use crate::service::Service;

/// All rows, page by page.
async fn all(service: &Service, path: &str, limit: usize) -> Vec<Value> {
    let join = if path.contains('?') { '&' } else { '?' };
    let mut rows: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = service.get(&format!("{path}{join}limit={limit}{cursor}")).await.ok();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        rows.extend(data.iter().cloned());
        assert_eq!(page["has_more"], page["next_cursor"].is_string());
        let Some(next) = page["next_cursor"].as_str() else { return rows };
        assert_eq!(data.len(), limit, "only the last page is short");
        cursor = format!("&cursor={next}");
    }
}

fn once(rows: &[Value]) -> HashSet<&str> {
    let ids: HashSet<&str> = rows.iter().map(id).collect();
    assert_eq!(ids.len(), rows.len());
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_events_page_by_page() {
    let bench = Bench::synced(230).await;
    let service = Service::start(&bench).await;
    let invoices = all(&service, "/api/records/invoices", 50).await;
    let listed = bench.list("/v1/invoices").await;
    let drafts = listed.iter().filter(|one| one["status"] == "draft").count();
    assert_eq!(invoices.len(), listed.len() - drafts);
    once(&invoices);
    let created: Vec<i64> = invoices.iter().map(|one| one["object"]["created"].as_i64().unwrap()).collect();
    assert!(created.is_sorted_by(|a, b| a >= b), "newest first");
    let first = &invoices[0];
    let stored = bench.run(&["get", id(first)]).await.ok().json();
    assert_eq!(first["object"], stored, "as it was stored");
    assert_eq!((&first["kind"], &first["processing_status"]), (&"invoices".into(), &"synced".into()));
    assert!(first["last_error"].is_null());
    let catalog = all(&service, "/api/records/invoices?catalog=1", 100).await;
    assert_eq!(catalog.len() as u64, service.status().await["catalog"]["total"].as_u64().unwrap());
    let entry = catalog.iter().find(|one| one["stripe_invoice_id"] == first["id"]).unwrap();
    let object = &first["object"];
    assert_eq!((&entry["total"], &entry["customer"]), (&object["total"], &object["customer"]));
    assert_eq!((&entry["number"], &entry["customer_email"]), (&object["number"], &object["customer_email"]));
    assert_eq!((&entry["processing_status"], &entry["attempts"]), (&"synced".into(), &0.into()));
    assert_eq!(entry.as_object().unwrap().len(), 17, "the fixed fields");
    let open = all(&service, "/api/records/invoices?filter=status:open&sort=amount", 7).await;
    assert!(!open.is_empty() && open.iter().all(|one| one["object"]["status"] == "open"));
    once(&open);
    assert!(!all(&service, "/api/records/customers", 200).await.is_empty());
    // Something happens, and it is read.
    bench.stripe.run_traffic(120);
    // A run reads the newest events at its end.
    service.post("/api/integrations/stripe/sync/discover", "{}").await.ok();
    service.ended("discover").await;
    let events = all(&service, "/api/events", 30).await;
    once(&events);
    let kept = service.get("/api/integrations").await.ok()["data"][0]["events"].as_u64().unwrap();
    assert!(events.len() > 60 && events.len() as u64 == kept, "{} of {kept}", events.len());
    let times: Vec<&str> = events.iter().map(|one| one["created"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b));
    let paid = all(&service, "/api/events?filter=type:invoice.*", 11).await;
    let wanted = events.iter().filter(|one| one["type"].as_str().unwrap().starts_with("invoice."));
    assert_eq!(once(&paid), wanted.map(id).collect());
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn integrations_and_what_is_wrong_in_a_question() {
    let bench = Bench::connected(50).await;
    let live = bench.stripe.keys.live_restricted.clone();
    bench.try_connect(&live, &["--name", "Live"]).await.ok();
    let service = Service::start(&bench).await;
    let rows = all(&service, "/api/integrations", 1).await;
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[1]["organization_uid"], &rows[1]["livemode"]), (&"Live".into(), &true.into()));
    let text = serde_json::to_string(&rows).unwrap();
    assert!(!text.contains("rk_") && !text.contains("sk_"), "no key, not even a masked one: {text}");
    for (path, field) in [
        ("/api/integrations?limit=0", "limit"),
        ("/api/integrations?limit=201", "limit"),
        ("/api/events?limit=ten", "limit"),
        ("/api/events?limit=5&limit=6", "limit"),
        ("/api/integrations?cursor=x", "cursor"),
        ("/api/events?cursor=evt_1", "cursor"),
        ("/api/records/invoices?cursor=1.2", "cursor"),
        ("/api/events?filter=amount%3E", "filter"),
        ("/api/records/invoices?filter=nothing:1", "filter"),
        ("/api/records/invoices?sort=colour", "sort"),
        ("/api/records/customers?catalog=1", "catalog"),
    ] {
        service.get(path).await.refused(422, Some(field));
    }
    service.get("/api/events?organization_uid=nobody").await.refused(404, Some("organization_uid"));
    service.end().await;
}
