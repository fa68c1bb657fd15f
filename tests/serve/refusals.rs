//! Every error status, with the field that is wrong, and nothing stored.

use reqwest::Method;
use tillwatch::stripe::kind::Kind;

use crate::bench::Bench;
use crate::service::{Service, send};

const DISCOVER: &str = "/api/integrations/stripe/sync/discover";
const SYNC: &str = "/api/integrations/stripe/sync";
const STATUS: &str = "/api/integrations/stripe/sync/status";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_and_nothing_is_done() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let before = service.status().await;
    for (body, field) in [
        ("{", "body"),
        ("[1]", "body"),
        ("\"x\"", "body"),
        (r#"{"organization_uid":7}"#, "organization_uid"),
        (r#"{"statuses":"paid"}"#, "statuses"),
        (r#"{"statuses":[]}"#, "statuses"),
        (r#"{"statuses":["paid","lost"]}"#, "statuses[1]"),
        (r#"{"statuses":[7]}"#, "statuses[0]"),
        (r#"{"from_date":20260101}"#, "from_date"),
        (r#"{"from_date":"01.02.2026"}"#, "from_date"),
        (r#"{"from_date":"2026-02-30"}"#, "from_date"),
        (r#"{"to_date":"2026-13-01"}"#, "to_date"),
        (r#"{"from_date":"2026-02-02","to_date":"2026-02-01"}"#, "from_date"),
        (r#"{"include_draft":"yes"}"#, "include_draft"),
    ] {
        service.post(DISCOVER, body).await.refused(422, Some(field));
    }
    for (body, field) in [
        (r#"{"batch_size":0}"#, "batch_size"),
        (r#"{"batch_size":-5}"#, "batch_size"),
        (r#"{"batch_size":"50"}"#, "batch_size"),
        (r#"{"batch_size":1.5}"#, "batch_size"),
        (r#"{"delay_between_items":-0.1}"#, "delay_between_items"),
        (r#"{"delay_between_items":"0"}"#, "delay_between_items"),
        (r#"{"delay_between_items":1e99}"#, "delay_between_items"),
        (r#"{"retry_errors":1}"#, "retry_errors"),
    ] {
        service.post(SYNC, body).await.refused(422, Some(field));
    }
    for path in [DISCOVER, SYNC] {
        let unknown = service.post(path, r#"{"organization_uid":"nobody\u001b[31m"}"#).await;
        assert!(!unknown.refused(404, Some("organization_uid")).contains('\u{1b}'));
        service.post(&format!("{path}?strict=maybe"), "{}").await.refused(422, Some("strict"));
        let form = service.request(Method::POST, path).form(&[("batch_size", "5")]);
        send(form).await.refused(415, Some("Content-Type"));
        let packed = service.request(Method::POST, path).header("content-type", "application/json");
        send(packed.header("content-encoding", "gzip").body("{}"))
            .await
            .refused(415, Some("Content-Encoding"));
    }
    service.get(&format!("{STATUS}?organization_uid=nobody")).await.refused(404, Some("organization_uid"));
    let mut after = service.status().await;
    after["next_poll_at"] = before["next_poll_at"].clone();
    assert_eq!(after["discover"], before["discover"]);
    assert_eq!(after["sync"], before["sync"]);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_methods_and_who_may_ask() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    for path in
        ["/", "/api", "/api/integrations/stripe/sync/", "/api/integrations/stripe/sync/statu", "/metrics/x"]
    {
        service.get(path).await.refused(404, Some("path"));
    }
    for kind in ["things", "%FF", "%00", "a%2Fb"] {
        service.get(&format!("/api/records/{kind}")).await.refused(404, Some("kind"));
    }
    for (method, path, allow) in [
        (Method::GET, DISCOVER, "POST"),
        (Method::DELETE, SYNC, "POST"),
        (Method::OPTIONS, SYNC, "POST"),
        (Method::POST, STATUS, "GET, HEAD"),
        (Method::PUT, "/api/events", "GET, HEAD"),
        (Method::PATCH, "/api/records/invoices", "GET, HEAD"),
    ] {
        let got = send(service.request(method, path)).await;
        got.refused(405, Some("method"));
        let mut allowed: Vec<&str> =
            got.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(", "), allow, "{path}");
        assert!(!got.headers.keys().any(|name| name.as_str().starts_with("access-control")));
    }
    for path in [STATUS, "/healthz", "/readyz", "/metrics", "/openapi.json", "/nothing"] {
        let got = send(service.bare(Method::GET, path)).await;
        got.refused(401, Some("Authorization"));
        assert_eq!(got.headers["www-authenticate"], "Bearer");
        let wrong = service.bare(Method::GET, path).bearer_auth(format!("{}x", service.token));
        let said = send(wrong).await.refused(401, Some("Authorization"));
        assert!(!said.contains(&service.token));
    }
    let foreign = service.request(Method::GET, STATUS).header("host", "evil.example");
    send(foreign).await.refused(403, Some("Host"));
    let page = service.request(Method::POST, SYNC).header("origin", "https://evil.example");
    let got = send(page).await;
    got.refused(403, Some("Origin"));
    assert!(!got.headers.contains_key("access-control-allow-origin"));
    for kind in Kind::all() {
        service.get(&format!("/api/records/{}", kind.list_name())).await.ok();
    }
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_at_once_are_told_to_wait() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let asked = (0..1500).map(|_| service.get("/healthz"));
    let answers: Vec<_> =
        futures::StreamExt::collect(futures::StreamExt::buffer_unordered(futures::stream::iter(asked), 32))
            .await;
    let limited: Vec<_> = answers.iter().filter(|got| got.status == 429).collect();
    assert!(!limited.is_empty(), "more than a hundred a second for long");
    limited[0].refused(429, None);
    assert_eq!(limited[0].headers["retry-after"], "1");
    assert!(answers.iter().all(|got| matches!(got.status, 200 | 429)));
    service.until("its turn", async || service.get("/healthz").await.status == 200).await;
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_of_two_has_to_be_said() {
    let bench = Bench::connected(50).await;
    let live = bench.stripe.keys.live_restricted.clone();
    bench.try_connect(&live, &["--name", "The live one"]).await.ok();
    let service = Service::start(&bench).await;
    service.get(STATUS).await.refused(422, Some("organization_uid"));
    service.post(SYNC, "{}").await.refused(422, Some("organization_uid"));
    let one = service.get(&format!("{STATUS}?organization_uid=the%20live%20ONE")).await.ok();
    assert_eq!((&one["organization_uid"], &one["livemode"]), (&"The live one".into(), &true.into()));
    // One account in two modes is not one integration.
    let account = one["account"].as_str().unwrap();
    service.get(&format!("{STATUS}?organization_uid={account}")).await.refused(422, Some("organization_uid"));
    // Disconnected it can be read, not synced.
    bench.run(&["disconnect", "The live one", "--yes"]).await.ok();
    service.post(SYNC, r#"{"organization_uid":"The live one"}"#).await.refused(422, Some("organization_uid"));
    assert_eq!(service.get(STATUS).await.ok()["livemode"], false, "the only one that is left");
    service.end().await;
    let empty = Bench::new(10).await;
    let service = Service::start(&empty).await;
    service.get(STATUS).await.refused(404, Some("organization_uid"));
    service.post(DISCOVER, "{}").await.refused(404, Some("organization_uid"));
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_key_may_not_do_is_forbidden() {
    let bench = Bench::connected(50).await;
    let key = bench.stripe.keys.restricted.clone();
    bench.stripe.deny(&key, &["rak_invoice_read"]).unwrap();
    bench.run(&["integrations", "check", "1"]).await;
    let service = Service::start(&bench).await;
    let said = service.post(DISCOVER, "{}").await.refused(403, Some("organization_uid"));
    assert!(said.contains("rak_invoice_read"), "{said}");
    bench.stripe.expire(&key).unwrap();
    bench.run(&["integrations", "check", "1"]).await;
    service.post(SYNC, "{}").await.refused(403, Some("organization_uid"));
    service.end().await;
}
