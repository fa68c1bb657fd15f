//! The demo over the relay with many resets: the feed, the log and the local Stripe agree. `TILLWATCH_SOAK_S=600` makes
//! it ten minutes; `cargo test --test screen soak:: -- --nocapture` prints what was counted.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::demo::before;
use crate::{Start, WIDE};

#[test]
fn what_happened_is_in_the_feed_and_in_the_log_once_through_all_resets() {
    let long = std::env::var("TILLWATCH_SOAK_S").ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = long.unwrap_or(15);
    let reset = if long.is_some() { "5" } else { "2" };
    let temp = tempfile::tempdir().unwrap();
    let keep = temp.path().join("kept");
    let (keep_text, for_text) = (keep.to_str().unwrap().to_owned(), seconds.to_string());
    let words = [
        "demo",
        "--invoices",
        "500",
        "--events-per-second",
        "50",
        "--relay-reset",
        reset,
        "--events-for",
        &for_text,
        "--keep",
        &keep_text,
    ];
    let mut pty = Start::new(temp.path(), &words).on(WIDE);
    pty.until_text("kept here");
    std::thread::sleep(Duration::from_secs(seconds));
    // Nothing happens any more: the feed comes to rest.
    let kept = || pty.look(|screen| before(&screen.contents(), " kept here"));
    let begun = Instant::now();
    let (mut last, mut since) = (kept(), Instant::now());
    while since.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(100));
        let now = kept();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "events go on");
    }
    pty.keys("q");
    assert!(pty.end_cleanly().0.success());
    let made = std::fs::read_to_string(keep.join("made.txt")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.env("HOME", temp.path()).env("XDG_CONFIG_HOME", temp.path());
    let output = command.args(["--data-dir", &keep_text, "events", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut stored: HashMap<String, u32> = HashMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        *stored.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let missing = made.lines().filter(|id| !stored.contains_key(*id)).count();
    eprintln!(
        "{seconds} s, resets every {reset} s: {} events made, {missing} missing, {} in the log, {last:?} in the feed",
        made.lines().count(),
        stored.len()
    );
    assert!(made.lines().count() as u64 > seconds * 40);
    assert_eq!(missing, 0);
    assert!(stored.values().all(|times| *times == 1), "each once");
    assert_eq!(last, Some(stored.len() as u64), "the feed says so, too");
}
