//! One side is killed or hangs while the other works with it: what was under way goes on, and it is said.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tillwatch::sandbox::Options;
use tokio::io::AsyncReadExt as _;

use crate::bench::{Bench, PATIENCE, id, options};
use crate::dashboard;
use crate::service::Service;

/// Slow enough to be met in the middle of a run.
async fn slow() -> Bench {
    let bench = Bench::with(Options { latency_ms: 25, ..options(2500) }).await;
    bench.connect().await;
    bench
}

/// Descriptors and threads of a process.
fn held(pid: u32) -> (usize, usize) {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{pid}/{what}")).unwrap().count();
    (count("fd"), count("task"))
}

/// Everything that is at Stripe is stored.
async fn assert_nothing_lost(bench: &Bench) {
    let served = bench.list("/v1/invoices").await;
    let served: BTreeSet<&str> = served.iter().filter(|one| one["status"] != "draft").map(id).collect();
    let stored = bench.run(&["records", "invoices", "--json"]).await.ok().objects();
    let stored: BTreeSet<&str> = stored.iter().map(id).collect();
    assert_eq!(stored, served);
    let status = bench.status().await;
    assert_eq!(status["catalog"]["synced"], status["catalog"]["total"]);
}

async fn until_some_pages(bench: &Bench, endpoint: &str, before: u64) {
    bench.until("some pages", |bench| bench.asked(endpoint) >= before + 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn screens_and_commands_that_are_killed_leave_nothing_behind() {
    let bench = slow().await;
    bench.run(&["discover"]).await.ok();
    let service = Service::start(&bench).await;
    let pid = service.pid();
    let mut first = dashboard(&bench);
    first.keys("s");
    until_some_pages(&bench, "GET /v1/customers", 0).await;
    first.keys("4");
    first.until_text("› Records");
    let (one, _) = held(pid);
    first.signal(Signal::KILL);
    first.end();
    // Each with a window of its own on something.
    for keys in ["22", "4", "33", "5", "6", "S"] {
        let mut pty = dashboard(&bench);
        pty.keys(keys);
        pty.until_text("attached to");
        pty.signal(Signal::KILL);
        pty.end();
    }
    for _ in 0..6 {
        following(&bench).await.kill().await.unwrap();
    }
    // The job went on without them.
    assert_eq!(service.ended("sync").await["status"], "completed");
    service.until("the last socket closed", async || held(pid).0 < one).await;
    let (_, threads) = held(pid);
    let mut next = dashboard(&bench);
    next.until_text("attached to");
    next.keys("q");
    next.end_cleanly();
    service.until("no thread of a command", async || held(pid).1 <= threads).await;
    assert_nothing_lost(&bench).await;
    service.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_service_is_told_and_its_sync_goes_on_where_it_was_taken_over() {
    let bench = slow().await;
    bench.run(&["discover"]).await.ok();
    let service = Service::start(&bench).await;
    let mut pty = dashboard(&bench);
    pty.keys("s");
    until_some_pages(&bench, "GET /v1/customers", 0).await;
    let job = service.status().await["sync"]["job_id"].clone();
    let pid = service.pid();
    service.stop(Signal::KILL).await;
    let killed = Instant::now();
    let text = pty.until_text("NOT CONNECTED");
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
    assert!(text.contains(&pid.to_string()) && text.contains("ctrl-t takes the folder over"), "{text}");
    // What needs the holder says why it cannot be done.
    pty.keys("x");
    pty.until_text("has ended");
    pty.keys("\x14");
    pty.until("a screen of its own", |text| !text.contains("NOT CONNECTED") && !text.contains("attached to"));
    pty.until_text("the sync is done");
    let status = bench.status().await;
    assert_eq!((&status["sync"]["status"], &status["sync"]["job_id"]), (&"completed".into(), &job));
    assert_nothing_lost(&bench).await;
    pty.keys("q");
    pty.end_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_that_is_started_again_is_joined_by_itself() {
    let bench = slow().await;
    let mut service = Service::start(&bench).await;
    let mut pty = dashboard(&bench);
    for signal in [Signal::KILL, Signal::TERM] {
        let before = bench.asked("GET /v1/invoices");
        pty.keys("d");
        until_some_pages(&bench, "GET /v1/invoices", before).await;
        let job = service.status().await["discover"]["job_id"].clone();
        service.stop(signal).await;
        pty.until_text("NOT CONNECTED");
        service = Service::start(&bench).await;
        let attached = format!("attached to {}", service.pid());
        pty.until_text(&attached);
        let ended = service.ended("discover").await;
        assert_eq!((&ended["status"], &ended["job_id"]), (&"completed".into(), &job));
        pty.until_text("the discover is done");
    }
    pty.keys("q");
    pty.end_cleanly();
    service.end().await;
}

fn signal(pid: u32, signal: Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// A command that goes on, once it has said something.
async fn following(bench: &Bench) -> tokio::process::Child {
    let mut child = bench.command(&["events", "--follow"]).spawn().unwrap();
    let mut byte = [0];
    let talk = child.stderr.as_mut().unwrap().read_exact(&mut byte);
    tokio::time::timeout(PATIENCE, talk).await.unwrap().unwrap();
    child
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_that_hangs_is_named_and_never_one_of_two_owners() {
    let bench = Bench::synced(100).await;
    let service = Service::start(&bench).await;
    let (pid, named) = (service.pid(), service.pid().to_string());
    let mut pty = dashboard(&bench);
    let (patient, mut impatient) = (following(&bench).await, following(&bench).await);
    signal(pid, Signal::STOP);
    let begun = Instant::now();
    // Who does not want to wait need not.
    let ended = loop {
        signal(impatient.id().unwrap(), Signal::INT);
        if let Ok(ended) = tokio::time::timeout(Duration::from_millis(50), impatient.wait()).await {
            break ended.unwrap();
        }
    };
    assert_eq!(ended.code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let output = tokio::time::timeout(PATIENCE, patient.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("process {named} holds the data folder and does not answer")), "{said}");
    pty.until_text("NOT CONNECTED");
    pty.keys("\x14");
    pty.until_text(&format!("kill -9 {named}"));
    bench.run(&["status"]).await.refused(75, &["does not answer", &format!("kill -9 {named}")]);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--webhook-listen", "off"];
    bench.run(&serve).await.refused(75, &["in use by another tillwatch", &named]);
    // As it says.
    service.stop(Signal::KILL).await;
    pty.keys("\x14");
    pty.until("a screen of its own", |text| !text.contains("NOT CONNECTED") && !text.contains("attached to"));
    bench.run(&["status"]).await.ok();
    pty.keys("q");
    pty.end_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_command_whose_screen_is_killed_says_so_and_the_next_one_goes_on() {
    let bench = slow().await;
    let mut pty = dashboard(&bench);
    bench.run(&["discover"]).await.ok();
    let sync = bench.command(&["sync"]).spawn().unwrap();
    until_some_pages(&bench, "GET /v1/customers", 0).await;
    pty.signal(Signal::KILL);
    pty.end();
    let output = tokio::time::timeout(PATIENCE, sync.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("has ended meanwhile: try again"), "{said}");
    let again = bench.run(&["sync"]).await.ok();
    assert!(again.err.contains("going on with job"), "{}", again.err);
    assert_nothing_lost(&bench).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_service_that_is_ended_says_so_to_commands_and_goes_on_with_their_job_later() {
    let bench = slow().await;
    bench.run(&["discover"]).await.ok();
    let service = Service::start(&bench).await;
    let (sync, follow) = (bench.command(&["sync"]).spawn().unwrap(), following(&bench).await);
    until_some_pages(&bench, "GET /v1/customers", 0).await;
    let job = service.status().await["sync"]["job_id"].clone();
    service.end().await;
    let words = ["ends: it goes on with it when it is started again", "has ended meanwhile: try again"];
    for (child, words) in [sync, follow].into_iter().zip(words) {
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    }
    let service = Service::start(&bench).await;
    let ended = service.ended("sync").await;
    assert_eq!((&ended["status"], &ended["job_id"]), (&"completed".into(), &job));
    assert_nothing_lost(&bench).await;
    service.end().await;
}
