//! Error answers: status, body, headers.

use crate::{Local, Reply, plain};

async fn check(local: &Local, path: &str, status: u16, code: Option<&str>, param: Option<&str>) -> Reply {
    let reply = local.get(path).await;
    let error = reply.error();
    assert_eq!(reply.status, status, "{path}: {error}");
    assert_eq!(error["type"], "invalid_request_error", "{path}");
    assert_eq!(error["code"].as_str(), code, "{path}");
    assert_eq!(error["param"].as_str(), param, "{path}");
    assert!(reply.headers.contains_key("request-id"));
    assert_eq!(reply.headers["stripe-version"], tillwatch::sandbox::API_VERSION);
    reply
}

#[tokio::test]
async fn parameters_are_judged_as_stripe_does() {
    let local = Local::new(plain()).await;
    let missing = Some("resource_missing");
    let integer = Some("parameter_invalid_integer");
    check(&local, "/v1/invoices/in_nope", 404, missing, Some("id")).await;
    check(&local, "/v1/invoices?starting_after=in_nope", 400, missing, Some("starting_after")).await;
    check(&local, "/v1/events?ending_before=evt_nope", 400, missing, Some("ending_before")).await;
    check(&local, "/v1/invoices?limit=0", 400, integer, Some("limit")).await;
    check(&local, "/v1/invoices?limit=101", 400, integer, Some("limit")).await;
    check(&local, "/v1/invoices?limit=ten", 400, integer, Some("limit")).await;
    check(&local, "/v1/invoices?status=lost", 400, None, Some("status")).await;
    check(&local, "/v1/invoices?created[gte]=soon", 400, integer, Some("created[gte]")).await;
    check(&local, "/v1/invoices?expand[]=data.a.b.c.d", 400, None, Some("expand")).await;
    check(&local, "/v1/subscription_items", 400, Some("parameter_missing"), Some("subscription")).await;
    let reply = check(&local, "/v1/invoices?foo=1", 400, Some("parameter_unknown"), Some("foo")).await;
    assert_eq!(reply.error()["message"], "Received unknown parameter: foo");
    let reply = check(&local, "/v1/invoices?expand[]=foo", 400, None, Some("expand")).await;
    assert_eq!(reply.error()["message"], "This property cannot be expanded (foo).");
    let reply = check(&local, "/v1/x", 404, None, None).await;
    assert!(reply.error()["message"].as_str().unwrap().starts_with("Unrecognized request URL (GET: /v1/x)"));
    let page = local.json("/v1/invoices?limit=2").await;
    let (a, b) = (page["data"][0]["id"].as_str().unwrap(), page["data"][1]["id"].as_str().unwrap());
    check(&local, &format!("/v1/invoices?starting_after={a}&ending_before={b}"), 400, None, None).await;
    // A real id of another kind is no invoice.
    let customer = page["data"][0]["customer"].as_str().unwrap();
    check(&local, &format!("/v1/invoices/{customer}"), 404, missing, Some("id")).await;
}

#[tokio::test]
async fn keys_open_what_they_may() {
    let local = Local::new(plain()).await;
    let keys = local.running.keys.clone();
    let account = local.running.account.clone();
    assert_eq!(local.json("/v1/account").await["id"], account);
    let reply = local.get_as("", "/v1/account").await;
    assert_eq!(reply.status, 401);
    assert!(reply.error()["message"].as_str().unwrap().starts_with("You did not provide an API key."));
    let reply = local.get_as("sk_test_abcdefghijkl", "/v1/account").await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.error()["message"], "Invalid API Key provided: sk_test_********ijkl");
    let reply = local.get_as(&keys.expired, "/v1/account").await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (401, Some("api_key_expired")));
    assert!(!reply.text.contains(&keys.expired));
    let reply = local.get_as(&keys.publishable, "/v1/account").await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (403, Some("secret_key_required")));
    assert_eq!(local.get_as("sk_org_live_abc", "/v1/account").await.status, 400);
    assert_eq!(local.get_as("whsec_abcdefghij", "/v1/account").await.status, 401);

    // Withdrawn in mid-run, for the list, the object and an expansion that reads it.
    assert_eq!(local.get_as(&keys.restricted, "/v1/customers").await.status, 200);
    local.running.deny(&keys.restricted, &["rak_customer_read"]).unwrap();
    for path in ["/v1/customers", "/v1/customers/cus_x", "/v1/invoices?expand[]=data.customer"] {
        let reply = local.get_as(&keys.restricted, path).await;
        assert_eq!(reply.status, 403);
        assert_eq!(reply.error()["code"], "more_permissions_required");
        let message = reply.error()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("on account '{account}'")));
        assert!(message.contains("Having the 'rak_customer_read' permission would allow"));
    }
    assert_eq!(local.get_as(&keys.restricted, "/v1/invoices").await.status, 200);
    local.running.allow(&keys.restricted, &["rak_customer_read"]).unwrap();
    assert_eq!(local.get_as(&keys.restricted, "/v1/customers").await.status, 200);
    local.running.expire(&keys.restricted).unwrap();
    assert_eq!(local.get_as(&keys.restricted, "/v1/customers").await.status, 401);
}

#[tokio::test]
async fn every_list_answers_a_probe() {
    let local = Local::new(plain()).await;
    for list in [
        "accounts",
        "credit_notes",
        "payouts",
        "balance_transactions",
        "coupons",
        "checkout/sessions",
        "payment_methods",
        "tax_ids",
        "webhook_endpoints",
        "quotes",
        "setup_intents",
    ] {
        let page = local.json(&format!("/v1/{list}?limit=1")).await;
        assert_eq!((page["object"].as_str(), page["has_more"].as_bool()), (Some("list"), Some(false)));
    }
    let reply = local.post("/v1/webhook_endpoints/we_0000", "").await;
    assert_eq!((reply.status, reply.error()["code"].as_str()), (404, Some("resource_missing")));
    local.running.deny(&local.running.keys.restricted, &["rak_webhook_write"]).unwrap();
    let reply = local.post("/v1/webhook_endpoints/we_0000", "").await;
    assert_eq!(reply.status, 403);
}
