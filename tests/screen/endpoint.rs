//! A webhook endpoint by keys alone: asked for in the wizard, disabled at the local Stripe, said, enabled by one key.

use serde_json::Value;
use tillwatch::sandbox::{self, Limits, Options, Running};

use crate::{Start, WIDE, pasted};

/// Asks the local Stripe something by another hand than ours.
async fn asked(stripe: &Running, path: &str, form: Option<&str>) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/v1/webhook_endpoints{path}", stripe.base_url);
    let request = match form {
        None => http.get(url),
        Some(form) => {
            http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned())
        }
    };
    let answer = request.bearer_auth(&stripe.keys.secret).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[test]
fn it_is_made_by_the_wizard_and_what_stripe_disables_one_key_enables() {
    tillwatch::stripe::install_tls();
    let temp = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let options = Options { invoices: 100, customers: 30, limits: Limits::None, ..Options::new(now) };
    let stripe = runtime.block_on(sandbox::start(options)).unwrap();
    let data = temp.path().join("data");
    let words = ["--data-dir", data.to_str().unwrap(), "--api-base", &stripe.base_url];
    let mut pty = Start::new(temp.path(), &words).on(WIDE);

    pty.until_text("no account connected");
    pty.keys("c");
    pty.until_text("Connect an account");
    pty.key_to_last_step(&stripe.keys.restricted);
    pty.keys("kll");
    pty.until_text("● endpoint");
    pty.keys("\t");
    pty.keys(&pasted("https://till.example.com"));
    pty.until_text("https://till.example.com");
    pty.keys("\r");
    // No receiver is in a dashboard, and it says so.
    pty.until("the endpoint's page", |text| {
        ["The webhook endpoint is there", "37 types of event", "till.example.com/…", "`tillwatch serve` does"]
            .iter()
            .all(|word| text.contains(word))
    });
    let made = runtime.block_on(asked(&stripe, "", None));
    let id = made["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(made["data"][0]["enabled_events"].as_array().unwrap().len(), 37);
    assert!(made["data"][0]["url"].as_str().unwrap().starts_with("https://till.example.com/"));
    pty.keys("\r");
    pty.until("the dashboard", |text| text.contains("no receiver here") && !text.contains("Close"));

    let path = format!("/{id}");
    runtime.block_on(asked(&stripe, &path, Some("disabled=true")));
    pty.until("the word of it", |text| text.contains("! endpoint disabled") && text.contains("1 needs you"));
    pty.keys("e");
    pty.until("it enabled", |text| !text.contains("endpoint disabled") && !text.contains("needs you"));
    assert_eq!(runtime.block_on(asked(&stripe, &path, None))["status"], "enabled");

    // A new secret is asked about; the old endpoint goes.
    pty.keys("11U");
    pty.until_text("Take a new signing secret for");
    pty.keys("y");
    pty.until_text("a new webhook endpoint has taken the place of the old one");
    let all = runtime.block_on(asked(&stripe, "", None));
    let all = all["data"].as_array().unwrap();
    assert!(all.len() == 1 && all[0]["id"] != id.as_str(), "{all:?}");
    assert!(!String::from_utf8_lossy(&pty.raw()).contains("whsec_"));
    pty.keys("q");
    assert!(pty.end_cleanly().0.success());
}
