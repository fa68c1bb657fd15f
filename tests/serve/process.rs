//! The process: its token file, one holder of a folder, signals, kills.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use tillwatch::sandbox::Options;

use crate::bench::{Bench, options};
use crate::service::Service;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_made_once_and_its_file_is_looked_at() {
    let bench = Bench::connected(20).await;
    let service = Service::start(&bench).await;
    let path = service.told["token_file"].as_str().unwrap().to_owned();
    assert!(
        path.starts_with(bench.home.path().join("config").to_str().unwrap()),
        "beside the vault's key: {path}"
    );
    let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let token = service.token.clone();
    service.end().await;
    assert!(bench.found_in_files("data", token.as_bytes()).is_empty(), "never in the data folder");
    let again = Service::start(&bench).await;
    assert_eq!(again.token, token);
    again.end().await;
    let own = bench.file("own-token", "a-token-of-a-persons-own\n");
    let chmod = |mode| std::fs::set_permissions(&own, std::fs::Permissions::from_mode(mode)).unwrap();
    let serve =
        ["serve", "--webhook-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--token-file", own.as_str()];
    chmod(0o644);
    let refused = bench.run(&serve).await.refused(2, &["own-token", "chmod 600"]);
    assert!(!refused.err.contains("a-token-of"));
    chmod(0o600);
    let service = Service::with(&bench, &["--token-file", &own]).await;
    assert_eq!(service.token, "a-token-of-a-persons-own");
    service.end().await;
    std::fs::write(&own, "short").unwrap();
    bench.run(&serve).await.refused(2, &["must hold one line"]);
    std::fs::remove_file(&own).unwrap();
    bench.run(&serve).await.refused(2, &["there is no token file"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_holds_the_folder_and_commands_attach_to_it() {
    let bench = Bench::connected(120).await;
    let service = Service::start(&bench).await;
    bench
        .run(&["serve", "--webhook-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"])
        .await
        .refused(75, &["in use by another tillwatch"]);
    // Commands are carried out by it meanwhile.
    bench.run(&["discover"]).await.ok();
    assert_eq!(service.status().await["discover"]["status"], "completed");
    bench.run(&["sync"]).await.ok();
    assert_eq!(service.status().await["catalog"], bench.status().await["catalog"]);
    let port = service.base.rsplit(':').next().unwrap();
    let taken = format!("127.0.0.1:{port}");
    let other = bench.home.path().join("other");
    let ran = bench.run_in(&other, &["serve", "--webhook-listen", "off", "--listen", &taken]).await;
    ran.refused(1, &["cannot listen", "name another address"]);
    bench.run_in(&other, &["serve", "--listen", "here"]).await.refused(2, &["no address to listen at"]);
    service.end().await;
    bench.run(&["status", "--check"]).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_signal_ends_it_in_order() {
    let bench = Bench::connected(20).await;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let service = Service::start(&bench).await;
        assert_eq!(service.stop(signal).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_kill_cut_off_goes_on_at_the_next_start() {
    let bench = Bench::with(Options { latency_ms: 25, ..options(2500) }).await;
    bench.connect().await;
    for signal in [Signal::KILL, Signal::TERM] {
        let service = Service::start(&bench).await;
        let before = bench.asked("GET /v1/invoices");
        let body = r#"{"from_date":"2000-01-01"}"#;
        let job = service.post("/api/integrations/stripe/sync/discover", body).await.ok();
        bench.until("some pages", |bench| bench.asked("GET /v1/invoices") >= before + 4).await;
        service.stop(signal).await;
        let again = Service::start(&bench).await;
        let done = again.ended("discover").await;
        assert_eq!((&done["status"], &done["job_id"]), (&"completed".into(), &job["data"]["job_id"]));
        let status = again.status().await;
        let listed = bench.list("/v1/invoices").await.iter().filter(|one| one["status"] != "draft").count();
        assert_eq!(status["catalog"]["total"], listed);
        again.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_of_an_attached_command_goes_on_at_the_next_start_as_well() {
    let bench = Bench::connected(600).await;
    bench.run(&["discover"]).await.ok();
    let service = Service::start(&bench).await;
    let command = crate::bench::finish(bench.command(&["sync", "--yes", "--delay", "0.005"]));
    let command = tokio::spawn(command);
    service
        .until("it is in the middle", async || service.status().await["catalog"]["synced"].as_u64() > Some(5))
        .await;
    let job = service.status().await["sync"]["job_id"].clone();
    // A request that comes slowly keeps the service from ending at once, and must not make a difference.
    let mut slow = tokio::net::TcpStream::connect(service.base.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/integrations/stripe/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        service.token
    );
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes()).await.unwrap();
    service.end().await;
    let ran = command.await.unwrap();
    assert_ne!(ran.code, Some(0), "{ran:?}");
    let again = Service::start(&bench).await;
    let sync = again.status().await["sync"].clone();
    assert_eq!(sync["job_id"], job);
    assert_ne!(sync["status"], "cancelled", "nobody stopped it: {sync}");
    let done = again.ended("sync").await;
    assert_eq!((&done["status"], &done["job_id"]), (&"completed".into(), &job));
    again.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_in_the_file_is_told() {
    let bench = Bench::connected(20).await;
    let config = bench.file("wrong.toml", "\n[events]\nkeep_months = 0\n");
    let log = bench.home.path().join("serve.log");
    let service = Service::with(&bench, &["--config", &config, "--log-file", log.to_str().unwrap()]).await;
    service.end().await;
    let log = std::fs::read_to_string(&log).unwrap();
    let line = log.lines().find(|line| line.contains("keep_months")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("WARN") && line.contains("wrong.toml line 3"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flag_before_environment_before_file() {
    let bench = Bench::connected(20).await;
    let config =
        bench.file("serve.toml", "[serve]\nlisten = \"127.0.0.1:1\"\nlog_file = \"from-file.log\"\n");
    // Port 1 is nobody's to take: the flag was heard, and the file's log path.
    let service = Service::with(&bench, &["--config", &config]).await;
    assert_eq!(service.told["log"], bench.home.path().join("from-file.log").to_str().unwrap());
    service.end().await;
    let command = |args: &[&str], variable: &str| {
        let mut command = bench.command(args);
        command.env("TILLWATCH_LISTEN", variable);
        crate::bench::finish(command)
    };
    command(&["serve", "--config", &config], "nowhere").await.refused(2, &["`nowhere`"]);
    command(&["serve", "--config", &config, "--listen", "flag"], "nowhere").await.refused(2, &["`flag`"]);
    let wrong = bench.file("wrong.toml", "[serve]\nport = 8455\n");
    bench
        .run(&["serve", "--config", &wrong])
        .await
        .refused(2, &["wrong.toml line 2", "unknown field `port`"]);
}
