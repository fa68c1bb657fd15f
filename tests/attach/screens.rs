//! Dashboards that are attached to another one: they show and do the same, and outlive it.

use rustix::process::Signal;

use crate::bench::Bench;
use crate::dashboard;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_dashboard_shows_and_does_the_same() {
    let bench = Bench::connected(300).await;
    let mut first = dashboard(&bench);
    let mut second = dashboard(&bench);
    second.until_text("attached to");
    second.keys("d");
    first.until("what was listed", |text| text.contains("300"));
    second.until("what was listed", |text| text.contains("300"));
    second.keys("s");
    second.until("what was synced", |text| text.contains("synced"));
    second.keys("4");
    second.until("rows", |text| text.contains("› Records") && text.contains('▌'));
    second.keys("\r");
    second.until_text("JSON as Stripe sent it");
    // It goes and leaves the other alone.
    second.keys("q");
    second.end_cleanly();
    assert!(first.runs());
    bench.run(&["status"]).await.ok();
    first.keys("q");
    first.end_cleanly();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_holder_is_told_and_its_folder_taken_over() {
    let bench = Bench::synced(100).await;
    let mut first = dashboard(&bench);
    let mut second = dashboard(&bench);
    second.until_text("attached to");
    first.signal(Signal::KILL);
    first.end();
    second.until_text("NOT CONNECTED");
    second.keys("\x14");
    second.until("a screen of its own", |text| {
        !text.contains("NOT CONNECTED") && !text.contains("attached to")
    });
    second.until_text("Sandbox Supplies");
    // It is the holder now: listing goes by it, and commands.
    bench.run(&["discover"]).await.ok();
    second.keys("q");
    let (status, _) = second.end_cleanly();
    assert!(status.success());
    bench.run(&["status"]).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_hangs_is_told_and_joined_again() {
    let bench = Bench::synced(100).await;
    let mut first = dashboard(&bench);
    let mut second = dashboard(&bench);
    second.until_text("attached to");
    first.signal(Signal::STOP);
    second.until_text("NOT CONNECTED");
    second.keys("\x14");
    second.until_text("not taken over");
    first.signal(Signal::CONT);
    second.until("attached again", |text| text.contains("attached to") && !text.contains("NOT CONNECTED"));
    second.keys("q");
    second.end_cleanly();
    first.keys("q");
    first.end_cleanly();
}
