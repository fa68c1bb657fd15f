//! Words that make no sense: told in one sentence, exit 2, before anything is asked of Stripe.

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_numbers_and_words_that_make_no_sense() {
    let bench = Bench::connected(300).await;
    let total = bench.stripe.report().total;
    let before = bench.status().await;
    for args in [
        &["dance"][..],
        &["discover", "--sideways"],
        &["sync", "extra"],
        &["discover", "--max-reads", "0"],
        &["discover", "--max-reads=-1"],
        &["discover", "--max-reads", "99999999999999999999"],
        &["discover", "--max-reads", "many"],
        &["sync", "--batch-size", "0"],
        &["sync", "--batch-size=-5"],
        &["sync", "--delay", "soon"],
        &["discover", "--pace", "0"],
        &["discover", "--pace", "99999999"],
        &["discover", "--pace=-1"],
        &["sync", "--pace", "fast"],
        &["discover", "--resources", "dragons"],
        &["records", "invoices", "--limit", "99999999999999999999"],
        &["connect", "--webhook", "carrier-pigeon"],
        &["connect", "--poll", "sometimes"],
        &["--color", "mauve", "status"],
    ] {
        let ran = bench.run(args).await.usage(&["error: "]);
        assert!(!ran.err.contains("panicked"), "{args:?}: {}", ran.err);
    }
    for (args, words) in [
        (&["discover", "--from", "2026-02-30"][..], &["2026-02-30"][..]),
        (&["discover", "--to", "2025-02-29"], &["2025-02-29"]),
        (&["discover", "--from", "yesterday"], &["yesterday", "YYYY-MM-DD"]),
        (&["discover", "--from", "01/02/2026"], &["01/02/2026"]),
        (&["discover", "--from", ""], &["YYYY-MM-DD"]),
        (
            &["discover", "--from", "2026-03-02", "--to", "2026-03-01"],
            &["2026-03-01", "before", "2026-03-02"],
        ),
        (&["discover", "--from", "9998-01-01"], &["9998-01-01"]),
        (&["discover", "--from", "99999-01-01"], &["99999-01-01"]),
        (&["discover", "--status", "lost"], &["`lost`", "paid", "void"]),
        (&["discover", "--status", "paid,,open"], &["draft, open"]),
        (&["sync", "--delay=-1"], &["--delay", "0 to 3600"]),
        (&["sync", "--delay", "nan"], &["--delay"]),
        (&["sync", "--delay", "1e9"], &["--delay"]),
        (&["discover", "-i", "nobody"], &["`nobody`", "TEST"]),
        (&["sync", "-i", ""], &["``", "TEST"]),
        (&["status", "-i", "0"], &["`0`"]),
        (&["--api-base", "not a url", "discover"], &["not a url", "not a URL"]),
        (&["--api-base", "api.stripe.com", "discover"], &["api.stripe.com"]),
        (&["--api-base", "http://10.0.0.1", "discover"], &["unencrypted", "https"]),
        (&["--api-base", "ftp://127.0.0.1", "sync"], &["neither"]),
        (&["--api-base", "https://me:secret@example.com", "sync"], &["user name or password"]),
        (&["--api-base", "https://api.stripe.com", "discover", "--pace", "none"], &["--pace none", "polite"]),
        (&["--api-base", "https://api.stripe.com", "sync", "--pace", "none"], &["--pace none"]),
        (&["--api-base", "https://api.stripe.com", "connect", "--poll", "5s"], &["30s", "take 5m or more"]),
    ] {
        let ran = bench.run(args).await;
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        let ran = ran.refused(2, words);
        assert!(!ran.err.contains("me:secret"), "{}", ran.err);
    }
    assert_eq!(bench.stripe.report().total, total, "Stripe was asked");
    assert_eq!(bench.status().await, before);
    let mut command = bench.command(&["discover"]);
    command.env("TILLWATCH_API_BASE", "http://192.168.0.1:80");
    crate::bench::finish(command).await.refused(2, &["unencrypted"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_at_the_edges_are_taken() {
    let bench = Bench::connected(300).await;
    let listed = bench.list("/v1/invoices").await;
    let newest = listed[0]["created"].as_i64().unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let date = |at: i64| jiff::Timestamp::from_second(at).unwrap().to_zoned(zone.clone()).date().to_string();
    let day = date(newest);
    bench.run(&["discover", "--to", "0001-01-01"]).await.ok();
    bench.run(&["discover", "--to", "1970-01-01"]).await.ok();
    assert_eq!(bench.status().await["catalog"]["total"], 0);
    // Both ends are inclusive, in the account's time zone.
    bench.run(&["discover", "--from", &day, "--to", &day]).await.ok();
    let that_day =
        |one: &&serde_json::Value| one["status"] != "draft" && date(one["created"].as_i64().unwrap()) == day;
    let expected = listed.iter().filter(that_day).count();
    let status = bench.status().await;
    assert_eq!(status["catalog"]["total"], expected);
    assert_eq!(
        (&status["discover"]["from_date"], &status["discover"]["to_date"]),
        (&day.as_str().into(), &day.as_str().into())
    );
    bench.run(&["discover", "--from", "0001-01-01", "--to", "9000-01-01", "--include-draft"]).await.ok();
    let status = bench.status().await;
    assert_eq!(status["catalog"]["total"], listed.len());
    assert_eq!(status["discover"]["statuses"].as_array().unwrap().len(), 5);
    let drafts = listed.iter().filter(|one| one["status"] == "draft").count();
    assert_eq!(status["catalog"]["by_stripe_status"]["draft"], drafts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_statuses_asked_for_are_listed() {
    let bench = Bench::connected(400).await;
    let listed = bench.list("/v1/invoices").await;
    let count = |status: &str| listed.iter().filter(|one| one["status"] == status).count();
    assert!(count("open") > 0 && count("void") > 0);
    bench.run(&["discover", "--status", "open"]).await.ok();
    assert_eq!(bench.status().await["catalog"]["total"], count("open"));
    bench.run(&["discover", "--status", "void,open"]).await.ok();
    let status = bench.status().await;
    assert_eq!(status["catalog"]["total"], count("open") + count("void"));
    assert_eq!(status["discover"]["statuses"], serde_json::json!(["open", "void"]));
    // The same again changes nothing.
    bench.run(&["discover", "--status", "void,open"]).await.ok();
    assert_eq!(bench.status().await["catalog"], status["catalog"]);
}
