//! The demo: what a newcomer sees in the first seconds, and what `d` and `s` do.

use std::time::Duration;

use crate::{SMALL, WIDE, assert_gone, demo, event_lines};

fn digits(text: &str) -> Option<u64> {
    let digits: String =
        text.chars().filter(|letter| !letter.is_whitespace()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The number that stands right before a word; digits are grouped by spaces.
pub(crate) fn before(text: &str, word: &str) -> Option<u64> {
    let head = &text[..text.find(word)?];
    let tail: String =
        head.chars().rev().take_while(|c| c.is_ascii_digit() || *c == ' ' || *c == '\u{202f}').collect();
    digits(&tail.chars().rev().collect::<String>())
}

#[test]
fn events_arrive_within_seconds_of_the_start() {
    for size in [WIDE, SMALL] {
        let (mut pty, temp) = demo(size, &[]);
        pty.until_text("DEMO");
        let drawn = pty.begun.elapsed();
        let first = event_lines(&pty.until("events", |text| !event_lines(text).is_empty()));
        let shown = pty.begun.elapsed();
        // And they go on arriving: a new one stands at the top.
        pty.until("a new event", |text| event_lines(text).first().is_some_and(|top| !first.contains(top)));
        let moved = pty.begun.elapsed();
        eprintln!("{size:?}: DEMO after {drawn:?}, events after {shown:?}, a new one after {moved:?}");
        assert!(shown < Duration::from_secs(5), "{shown:?}");
        pty.keys("q");
        let (status, took) = pty.end_cleanly();
        eprintln!("{size:?}: q took {took:?}");
        assert!(status.success(), "{status:?}");
        assert!(took < Duration::from_secs(2), "q took {took:?}");
        assert_gone(temp.path());
    }
}

#[test]
fn discover_and_sync_run_to_their_ends_and_the_counts_agree() {
    for size in [WIDE, SMALL] {
        let (mut pty, temp) = demo(size, &["--invoices", "700", "--events-per-second", "0"]);
        pty.until("the account", |text| text.contains("DEMO") && text.contains("Sandbox Supplies"));
        pty.keys("d");
        // All of them, and no longer on the way: a small screen has no room for `last run`.
        let text = pty.until("the end of discover", |text| {
            before(text, " to store") == Some(700) && !text.contains("x stops")
        });
        assert_eq!(before(&text, " listed"), Some(700), "{text}");
        pty.keys("s");
        let text = pty.until_text("all stored");
        if size == WIDE {
            assert_eq!(before(&text, " in the catalog"), Some(700), "{text}");
            assert_eq!(before(&text, " synced"), Some(700), "{text}");
        }
        assert!(!text.contains('✗'), "{text}");
        // The screen of its own says the same; a small one shows one pane of it.
        pty.keys("33");
        pty.until_text("› Sync");
        if size == SMALL {
            pty.keys("\t\t\t");
        }
        pty.until_text("─ 700   700 synced ─");
        pty.keys("q");
        assert!(pty.end_cleanly().0.success());
        assert_gone(temp.path());
    }
}

#[test]
fn q_ends_it_at_once_in_the_middle_of_a_sync() {
    let (mut pty, temp) = demo(WIDE, &["--invoices", "3000"]);
    pty.until("the account", |text| text.contains("DEMO") && text.contains("Sandbox Supplies"));
    pty.keys("d");
    pty.until("the end of discover", |text| text.contains("last run"));
    pty.keys("s");
    pty.until("a running sync", |text| text.contains(" stored") && text.contains("x stops"));
    pty.keys("q");
    let (status, took) = pty.end_cleanly();
    eprintln!("q in the middle of a sync took {took:?}");
    assert!(status.success());
    assert!(took < Duration::from_secs(2), "q took {took:?}");
    assert_gone(temp.path());
}
