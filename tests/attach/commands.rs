//! Commands while a dashboard holds the folder: the same results, exit codes and questions as without one.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::bench::{Bench, PATIENCE};
use crate::dashboard;
use crate::pty::Start;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_commands_print_does_not_depend_on_who_holds_the_folder() {
    let bench = Bench::synced(300).await;
    let reads: [&[&str]; 9] = [
        &["integrations", "--json"],
        &["records", "invoices", "--json"],
        &["records", "customers", "--limit", "7"],
        &["records", "invoices", "--filter", "status:open", "--json"],
        &["events", "--limit", "5"],
        &["get", "in_none"],
        &["records", "unicorns"],
        &["events", "--filter", "type:"],
        &["status", "-i", "nobody"],
    ];
    let mut alone = Vec::new();
    for args in reads {
        alone.push(bench.run(args).await);
    }
    let mut pty = dashboard(&bench);
    for (args, before) in reads.iter().zip(alone) {
        let within = bench.run(args).await;
        assert_eq!((within.code, within.out, within.err), (before.code, before.out, before.err), "{args:?}");
    }
    // Without a terminal: the status lines.
    let lines = bench.run(&[]).await.ok().out;
    assert!(lines.starts_with("Sandbox Supplies TEST: 300 invoices"), "{lines}");
    // A file is written where the caller stands, not where the holder was started.
    let beside = bench.home.path().join("elsewhere");
    std::fs::create_dir(&beside).unwrap();
    let mut backup = bench.command(&["backup", "whole.tillwatch"]);
    backup.current_dir(&beside);
    assert!(backup.output().await.unwrap().status.success());
    assert!(beside.join("whole.tillwatch").exists());
    // A change shows on the screen at once, and is there when the holder has gone.
    bench.run(&["integrations", "edit", "1", "--name", "Renamed by hand"]).await.ok();
    pty.until_text("Renamed by hand");
    pty.keys("q");
    pty.end_cleanly();
    assert!(bench.run(&["integrations"]).await.ok().out.contains("Renamed by hand"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_run_by_the_holder_and_seen_by_both() {
    let bench = Bench::connected(300).await;
    let mut pty = dashboard(&bench);
    let listed = bench.run(&["discover", "--json"]).await.ok().out;
    assert!(listed.contains(r#""outcome":"done""#), "{listed}");
    let synced = bench.run(&["sync"]).await.ok().out;
    assert!(synced.contains("done: 300 invoices synced"), "{synced}");
    pty.until("what was synced", |text| text.contains("300"));
    pty.keys("q");
    pty.end_cleanly();
    assert_eq!(bench.run(&["records", "invoices", "--json"]).await.ok().out.lines().count(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupting_the_caller_stops_its_job_and_the_next_run_goes_on() {
    let bench = Bench::connected(3000).await;
    let mut pty = dashboard(&bench);
    bench.run(&["discover", "--yes"]).await.ok();
    // Slow enough to be in the middle of it.
    let mut child = bench.command(&["sync", "--yes", "--delay", "0.01"]).spawn().unwrap();
    while !bench.run(&["status"]).await.ok().out.contains(r#""running""#) {
        assert!(child.try_wait().unwrap().is_none(), "it was too fast");
    }
    let pid = rustix::process::Pid::from_raw(child.id().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, Signal::INT).unwrap();
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130));
    let goes_on = bench.run(&["sync", "--yes"]).await;
    assert_eq!(goes_on.code, Some(0), "{goes_on:?}");
    assert!(goes_on.err.contains("going on with job"), "{goes_on:?}");
    pty.keys("q");
    pty.end_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_asked_at_the_caller_and_a_key_is_typed_there() {
    let bench = Bench::connected(50).await;
    let mut held = dashboard(&bench);
    let (data, home) = (bench.data(), bench.home.path());
    let mut pty =
        Start::new(home, &["--data-dir", data.to_str().unwrap(), "integrations", "edit", "1", "--new-key"])
            .env("XDG_RUNTIME_DIR", home.join("run").to_str().unwrap())
            .on((120, 20));
    pty.until_text("it is not shown");
    pty.keys(&format!("{}\r", bench.stripe.keys.secret));
    pty.until_text("✓");
    let (status, _) = pty.end();
    assert!(status.success(), "{status:?}");
    let shown = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(!shown.contains(&*bench.stripe.keys.secret));
    held.keys("q");
    held.end_cleanly();
    assert!(bench.run(&["integrations", "show", "1"]).await.ok().out.contains("sk_test_"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_question() {
    let bench = Bench::connected(50).await;
    let (data, home) = (bench.data(), bench.home.path());
    let data = data.to_str().unwrap();
    // Of a command on its own, and of one that is carried out elsewhere.
    let mut alone = Start::new(home, &["--data-dir", data, "integrations", "edit", "1", "--new-key"])
        .env("XDG_RUNTIME_DIR", home.join("run").to_str().unwrap())
        .on((120, 20));
    alone.until_text("it is not shown");
    alone.keys("\x03");
    assert_eq!(alone.end().0.exit_code(), 130);
    let mut held = dashboard(&bench);
    for (args, question) in [
        (["integrations", "edit", "1", "--new-key"].as_slice(), "it is not shown"),
        (["disconnect", "1", "--purge"].as_slice(), "[y/N]"),
    ] {
        let args: Vec<&str> = ["--data-dir", data].iter().chain(args).copied().collect();
        let mut pty =
            Start::new(home, &args).env("XDG_RUNTIME_DIR", home.join("run").to_str().unwrap()).on((120, 20));
        pty.until_text(question);
        pty.keys("\x03");
        let (status, _) = pty.end();
        assert_eq!(status.exit_code(), 130, "{args:?}");
    }
    assert!(bench.run(&["status"]).await.ok().out.contains("Sandbox Supplies"), "nothing was done");
    held.keys("q");
    held.end_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_runs_is_attached_to_as_well() {
    let bench = Bench::connected(100).await;
    let mut listen = bench.command(&["events", "--follow"]).spawn().unwrap();
    let mut talk = BufReader::new(listen.stderr.take().unwrap()).lines();
    tokio::time::timeout(PATIENCE, talk.next_line()).await.unwrap().unwrap().unwrap();
    bench.run(&["status"]).await.ok();
    listen.kill().await.unwrap();
    // What it left behind turns nobody away.
    let begun = Instant::now();
    bench.run(&["status"]).await.ok();
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_hangs_is_named_with_exit_75() {
    let bench = Bench::connected(50).await;
    let mut pty = dashboard(&bench);
    bench.run(&["status"]).await.ok();
    pty.signal(Signal::STOP);
    bench.run(&["status"]).await.refused(75, &["does not answer", &pty.pid().as_raw_nonzero().to_string()]);
    pty.signal(Signal::CONT);
    bench.run(&["status"]).await.ok();
    pty.keys("q");
    pty.end_cleanly();
}
