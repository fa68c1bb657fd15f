//! What an operator's tools look at: health, metrics, the OpenAPI document, the log.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;
use serde_json::Value;

use crate::bench::Bench;
use crate::service::{Service, send};

/// The value of a sample.
fn sample(page: &str, line: &str) -> f64 {
    let found = page.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {line} in {page}")).parse().unwrap()
}

const LAG: &str = "tillwatch_event_lag_seconds_bucket{source=\"poll\",le=\"+Inf\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_for_prometheus() {
    let bench = Bench::connected(120).await;
    let service = Service::start(&bench).await;
    service.post("/api/integrations/stripe/sync/discover", r#"{"from_date":"2000-01-01"}"#).await.ok();
    service.ended("discover").await;
    bench.stripe.run_traffic(40);
    service.post("/api/integrations/stripe/sync/discover", "{}").await.ok();
    service.ended("discover").await;
    service
        .until("events by type, and the lag of those that happened meanwhile", async || {
            let page = service.get("/metrics").await.text;
            ["tillwatch_events_total{source=", LAG].iter().all(|line| page.contains(line))
        })
        .await;
    let got = service.get("/metrics").await;
    assert!(got.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let page = got.text;
    assert!((sample(&page, "tillwatch_ready") - 1.0).abs() < 0.1);
    let name = service.status().await["organization_uid"].as_str().unwrap().to_owned();
    assert!(sample(&page, &format!("tillwatch_stripe_reads_total{{integration=\"{name}\"}}")) >= 3.0);
    assert!(sample(&page, "tillwatch_store_bytes") > 10_000.0);
    let pending =
        sample(&page, &format!("tillwatch_catalog{{integration=\"{name}\",processing_status=\"pending\"}}"));
    assert!(pending > 50.0);
    assert!(sample(&page, "tillwatch_http_requests_total{status=\"200\"}") >= 2.0);
    let webhooks = service.told["webhooks"].as_str().unwrap();
    assert_eq!(reqwest::get(format!("{webhooks}/nothing/here")).await.unwrap().status(), 404);
    let page = service.get("/metrics").await.text;
    let answered =
        |answer: &str| sample(&page, &format!("tillwatch_deliveries_total{{answer=\"{answer}\"}}"));
    assert!((answered("lost") - 1.0).abs() < 0.1 && answered("taken") < 0.1);
    // Every sample belongs to a family that was announced.
    let families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let known = families.iter().any(|family| {
            let (family, kind) = family.split_once(' ').unwrap();
            family == name
                || (kind == "histogram" && name.strip_prefix(family).is_some_and(|end| end.starts_with('_')))
        });
        assert!(known, "{line}");
    }
    assert!(!page.contains("cus_") && !page.contains("in_1"), "nothing of a single payment");
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_true() {
    let bench = Bench::connected(50).await;
    let service = Service::start(&bench).await;
    let document = service.get("/openapi.json").await.ok();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (path, item) in document["paths"].as_object().unwrap() {
        let real = path.replace("{kind}", "invoices");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let named = item.get(method.to_lowercase()).is_some();
            let got = send(service.request(method.parse().unwrap(), &real)).await;
            assert_eq!(named, got.status != 405, "{method} {path}: {}", got.status);
            if named {
                assert_eq!(got.status, 200, "{method} {path}: {}", got.text);
                let kind =
                    got.headers["content-type"].to_str().unwrap().split(';').next().unwrap().to_owned();
                let answers = &item[method.to_lowercase()]["responses"]["200"]["content"];
                assert!(answers.get(&kind).is_some(), "{kind}");
            }
        }
    }
    assert_eq!(send(service.request(Method::HEAD, "/healthz")).await.status, 200);
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_what_happens_and_no_secret() {
    let bench = Bench::connected(50).await;
    let log = bench.home.path().join("logs").join("serve.log");
    let service = Service::with(&bench, &["--log-file", log.to_str().unwrap(), "--log-level", "debug"]).await;
    let token = service.token.clone();
    service.get(&format!("/nothing/{token}?token={token}")).await;
    send(service.bare(Method::GET, "/readyz").bearer_auth("a-token-that-is-none-at-all")).await;
    service.post("/api/integrations/stripe/sync/discover", "{}").await.ok();
    service.ended("discover").await;
    service.end().await;
    let text = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
    let said = |what: &str| {
        lines.iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains(what)))
    };
    assert!(
        said("listens") && said("the store is open") && said("the discover is done") && said("stops"),
        "{text}"
    );
    let request = lines.iter().find(|line| line["message"] == "request" && line["status"] == 404).unwrap();
    assert_eq!(request["method"], "GET");
    for secret in [&token, &bench.stripe.keys.restricted, "a-token-that-is-none-at-all"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_eq!(std::fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
}
