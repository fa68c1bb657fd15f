//! `connect`: keys that are taken, keys that are refused, and what neither may leave behind.

use std::path::PathBuf;

use crate::bench::{Bench, options};

/// Long enough to be a key; put together so that scanners for leaked keys don't take tests for leaks.
fn made_up(prefix: &str) -> String {
    format!("{prefix}51MadeUpForThisTest0123456789abcd")
}

fn no_files() -> Vec<PathBuf> {
    Vec::new()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_is_told_in_one_sentence_and_leaves_nothing() {
    let bench = Bench::new(300).await;
    let keys = bench.stripe.keys.clone();
    bench.try_connect(&keys.live_restricted, &[]).await.ok();
    let before = bench.run(&["integrations", "--json"]).await.ok().out;
    assert_eq!(before.lines().count(), 1);
    for (key, code, word) in [
        (made_up("rk_test_"), 3, "does not know this API key"),
        (keys.expired.clone(), 3, "expired"),
        (keys.publishable.clone(), 2, "publishable key"),
        (made_up("whsec_"), 2, "webhook signing secret"),
        (made_up("ek_test_"), 2, "ephemeral key"),
        (made_up("sk_org_"), 2, "Organization keys"),
        ("rk_test_****4242".to_owned(), 2, "masked"),
        ("hello, world".to_owned(), 2, "exactly one key"),
    ] {
        let ran = bench.try_connect(&key, &[]).await.refused(code, &[word]);
        assert!(!ran.err.contains(&key), "the key is told: {}", ran.err);
        for folder in ["data", "config", "share"] {
            assert_eq!(bench.found_in_files(folder, key.as_bytes()), no_files());
        }
    }
    let base = bench.stripe.base_url.as_str();
    let connect = ["--api-base", base, "connect"];
    let file = |name: &str, content: &[u8]| bench.file(name, content);
    let two = format!("{}\n{}\n", keys.restricted, keys.secret);
    let gone = bench.home.path().join("gone").display().to_string();
    let folder = bench.home.path().display().to_string();
    for (name, path, word) in [
        ("empty", file("empty", b""), "There is no key"),
        ("blank", file("blank", b" \n\n"), "There is no key"),
        ("two keys", file("two", two.as_bytes()), "one line"),
        ("binary", file("binary", &[0xff, 0xfe, 0x00, 0x9f, 0x92]), "not a text file"),
        ("zeros", file("zeros", &[0; 5000]), "characters that no Stripe key has"),
        ("not there", gone, "cannot be read"),
        ("a folder", folder, "cannot be read"),
    ] {
        let ran = bench.run(&[&connect[..], &["--api-key-file", &path]].concat()).await;
        assert_eq!(ran.code, Some(2), "{name}");
        ran.refused(2, &[word]);
    }
    // Neither a file nor a terminal, and nothing on standard input.
    bench.run(&connect).await.refused(2, &["no API key", "--api-key-file"]);
    bench.run(&[&connect[..], &["--api-key-file", "-"]].concat()).await.refused(2, &["There is no key"]);
    bench.run(&[&connect[..], &["--key-command", "exit 7"]].concat()).await.refused(1, &["command"]);
    let mut from_environment = bench.command(&connect);
    from_environment.env("STRIPE_API_KEY", made_up("rk_test_"));
    crate::bench::finish(from_environment).await.refused(3, &["does not know"]);
    assert_eq!(bench.run(&["integrations", "--json"]).await.ok().out, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_the_arguments_is_refused_and_not_repeated() {
    let bench = Bench::new(300).await;
    let keys = bench.stripe.keys.clone();
    for key in [&keys.secret, &keys.restricted, &keys.publishable, &keys.live_secret, &made_up("ek_test_")] {
        let glued = format!("--api-key-file={key}");
        for args in [vec!["connect", key.as_str()], vec!["connect", &glued], vec!["-i", key.as_str(), "sync"]]
        {
            let ran =
                bench.run(&args).await.refused(2, &["never taken from the command line", "--api-key-file"]);
            assert!(!ran.err.contains(key.as_str()), "{}", ran.err);
        }
    }
    assert!(!bench.data().exists(), "a folder was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_in_no_output_and_in_no_file() {
    let bench = Bench::new(300).await;
    let keys = bench.stripe.keys.clone();
    let mut said = bench.try_connect(&keys.secret, &[]).await.ok().out;
    said += &bench.try_connect(&keys.live_restricted, &["--json"]).await.ok().out;
    for args in [
        &["integrations"][..],
        &["integrations", "--json"],
        &["integrations", "show", "1"],
        &["integrations", "check", "2", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["-q", "status", "--all"],
        &["discover", "-i", "1", "--json"],
    ] {
        let ran = bench.run(args).await.ok();
        said += &ran.out;
        said += &ran.err;
    }
    assert!(said.contains("sk_test_…") || said.contains("sk_test_"), "not even masked: {said}");
    for key in [&keys.secret, &keys.live_restricted] {
        assert!(!said.contains(key.as_str()), "a key was told");
        // The middle alone must not be there either.
        let middle = &key.as_bytes()[8..24];
        for folder in ["data", "config", "share", "run"] {
            assert_eq!(bench.found_in_files(folder, middle), no_files());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_connected_once_a_mode_and_names_are_unique() {
    let bench = Bench::new(300).await;
    let keys = bench.stripe.keys.clone();
    bench.try_connect(&keys.restricted, &["--name", "Shop", "--billing=off"]).await.ok();
    let again = bench.try_connect(&keys.secret, &[]).await;
    again.refused(2, &["Shop", "connected already", "integrations edit 1", "--billing on"]);
    bench
        .try_connect(&keys.live_restricted, &["--name", "shop"])
        .await
        .refused(2, &["`shop`", "taken", "--name"]);
    bench.try_connect(&keys.live_restricted, &["--name", " "]).await.refused(2, &["a name needs"]);
    bench.try_connect(&keys.live_restricted, &["--name", "Shop live"]).await.ok();
    let all = bench.run(&["integrations", "--json"]).await.ok().objects();
    assert_eq!(all.len(), 2);
    assert_eq!((&all[0]["livemode"], &all[1]["livemode"]), (&false.into(), &true.into()));
    assert_eq!(all[0]["account"], all[1]["account"]);
    // Two accounts and none named; the account alone does not tell which mode.
    for args in [&["discover"][..], &["sync"], &["status"], &["records", "invoices"]] {
        bench.run(args).await.refused(2, &["-i", "Shop TEST", "Shop live LIVE"]);
    }
    let account = bench.stripe.account.as_str();
    bench.run(&["status", "-i", account]).await.refused(2, &["-i", "Shop TEST"]);
    bench.run(&["status", "-i", "Shopp"]).await.refused(2, &["`Shopp`", "Shop TEST"]);
    assert_eq!(bench.json(&["status", "-i", "SHOP LIVE"]).await["livemode"], true);
    assert_eq!(bench.json(&["status", "-i", "1"]).await["livemode"], false);
    assert_eq!(bench.json(&["status", "--all"]).await.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_secret_key_needs_a_yes() {
    let bench = Bench::new(300).await;
    let key = bench.stripe.keys.live_secret.clone();
    let refused =
        bench.try_connect(&key, &[]).await.refused(2, &["can move money", "--yes", "dashboard.stripe.com"]);
    assert!(refused.err.contains("tillwatch only needs to read"));
    assert_eq!(bench.run(&["integrations", "--json"]).await.ok().out, "");
    bench.run(&["status"]).await.refused(3, &["tillwatch connect"]);
    bench.try_connect(&key, &["--yes"]).await.ok();
    assert_eq!(bench.status().await["livemode"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_permission_is_named_with_its_cost_and_degrades_that_part_only() {
    let mut options = options(400);
    options.deny = vec!["rak_customer_read".into()];
    let bench = Bench::with(options).await;
    let said = bench.connect().await.out;
    for word in [
        "customers  rak_customer_read",
        "no customer records",
        "https://dashboard.stripe.com/test/apikeys/create?name=tillwatch&permissions[0]=",
        "=rak_customer_read",
        "Administrator or Developer",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    bench.run(&["discover"]).await.ok();
    let synced = bench.run(&["sync"]).await.ok();
    assert!(synced.err.contains("rak_customer_read"), "{}", synced.err);
    let status = bench.status().await;
    assert_eq!(status["missing_permissions"], serde_json::json!(["rak_customer_read"]));
    assert_eq!(status["delivery"]["state"], "degraded");
    assert_eq!(status["catalog"]["synced"], status["catalog"]["total"]);
    assert_eq!(status["catalog"]["error"], 0);
    assert_eq!(bench.asked("GET /v1/customers/{id}"), 0, "it was known not to be allowed");
    assert!(!bench.run(&["records", "charges", "--json"]).await.ok().out.is_empty());
    assert_eq!(bench.run(&["status", "--check"]).await.ended(0).out.lines().count(), 1);
    // The permission is given: the next check sees it, the next sync of what is new uses it.
    bench.stripe.allow(&bench.stripe.keys.restricted, &["rak_customer_read"]).unwrap();
    bench.run(&["integrations", "check", "1"]).await.ok();
    assert_eq!(bench.status().await["missing_permissions"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_of_the_stripe_cli_is_a_source_of_keys() {
    let bench = Bench::new(300).await;
    let keys = bench.stripe.keys.clone();
    let base = bench.stripe.base_url.clone();
    let connect = async |more: &[&str]| {
        let mut args = vec!["--api-base", base.as_str(), "connect", "--from-stripe-cli"];
        args.extend_from_slice(more);
        bench.run(&args).await
    };
    connect(&["default"]).await.refused(2, &["no profile", "stripe login"]);
    let folder = bench.home.path().join("config/stripe");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |test: &str| {
        let text = format!(
            "[default]\ndisplay_name = 'Fake Co'\ntest_mode_api_key = '{test}'\ntest_mode_key_expires_at = '2031-02-03'\nlive_mode_api_key = 'rk_live_*****LLLL'\n"
        );
        std::fs::write(folder.join("config.toml"), text).unwrap();
    };
    write(&keys.restricted);
    connect(&["shop"]).await.refused(2, &["no profile `shop`", "default"]);
    connect(&["default", "--live"]).await.refused(2, &["keyring"]);
    let said = connect(&["default"]).await.ok().out;
    assert!(said.contains("profile default of the Stripe CLI, ends on 2031-02-03"), "{said}");
    // Another login, and the old key ends: the run goes on with the new one.
    write(&keys.secret);
    bench.stripe.expire(&keys.restricted).unwrap();
    bench.run(&["discover"]).await.ok();
    let shown = bench.json(&["integrations", "show", "1"]).await;
    assert_eq!(shown["state"]["state"], "connected");
    assert!(shown["key"]["masked"].as_str().unwrap().starts_with("sk_test_"));
    for key in [&keys.restricted, &keys.secret] {
        assert_eq!(bench.found_in_files("data", &key.as_bytes()[8..24]), no_files());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_stays_shut_is_no_wrong_usage() {
    let bench = Bench::connected(100).await;
    let keys: Vec<PathBuf> = std::fs::read_dir(bench.home.path().join("config"))
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::read_dir(path).unwrap().map(|inner| inner.unwrap().path()).collect()
            } else {
                vec![path]
            }
        })
        .collect();
    assert!(!keys.is_empty(), "there is no key to lose");
    for key in keys {
        std::fs::remove_file(key).unwrap();
    }
    bench.run(&["sync"]).await.refused(1, &["vault"]);
}
