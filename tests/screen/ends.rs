//! Ends that nobody typed: signals, and a terminal that goes away.

use rustix::process::Signal;

use crate::{Start, WIDE, assert_gone, demo, event_lines};

#[test]
fn signals_end_it_and_the_terminal_is_as_before() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let (mut pty, temp) = demo(WIDE, &["--invoices", "300"]);
        pty.until("events", |text| text.contains("DEMO") && !event_lines(text).is_empty());
        pty.signal(signal);
        let (status, took) = pty.end_cleanly();
        eprintln!("{signal:?} took {took:?}");
        assert!(status.success(), "{signal:?}: {status:?}");
        assert_gone(temp.path());
    }
}

#[test]
fn a_signal_before_the_screen_leaves_no_folder_either() {
    for wait in [5, 40, 80, 120, 180, 250] {
        let (mut pty, temp) = demo(WIDE, &["--invoices", "300"]);
        std::thread::sleep(std::time::Duration::from_millis(wait));
        pty.signal(Signal::TERM);
        let (status, _) = pty.end();
        assert_gone(temp.path());
        let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
        assert_eq!(raw.contains("\x1b[?1049h"), raw.contains("\x1b[?1049l"), "{wait} ms: {status:?}");
    }
}

#[test]
fn a_terminal_that_is_closed_ends_it() {
    let (mut pty, temp) = demo(WIDE, &["--invoices", "300"]);
    pty.until("events", |text| text.contains("DEMO") && !event_lines(text).is_empty());
    pty.hang_up();
    let (status, took) = pty.end();
    assert!(status.success(), "{status:?}");
    eprintln!("the closed terminal took {took:?}");
    assert_gone(temp.path());
}

#[test]
fn a_terminal_that_is_closed_ends_it_without_a_signal() {
    let temp = tempfile::tempdir().unwrap();
    let mut pty = Start::untold(temp.path(), &["demo", "--invoices", "300"]).on(WIDE);
    pty.until("events", |text| text.contains("DEMO") && !event_lines(text).is_empty());
    pty.hang_up();
    pty.end();
    assert_eq!(std::fs::read_to_string(temp.path().join("ended")).unwrap().trim(), "0");
    assert_gone(temp.path());
}
