//! How it looks where there are no colours, only ASCII, or no room.

use crate::{SMALL, Start, WIDE, demo, event_lines};

/// The numbers of every colour or weight sequence.
fn weights(raw: &[u8]) -> Vec<Vec<u32>> {
    let text = String::from_utf8_lossy(raw);
    let mut found = Vec::new();
    for piece in text.split("\x1b[").skip(1) {
        let end = piece.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':' || c == '?'));
        if let Some(end) = end
            && piece[end..].starts_with('m')
        {
            found.push(piece[..end].split([';', ':']).map(|n| n.parse().unwrap_or(0)).collect());
        }
    }
    found
}

/// Sets a colour; 39, 49 and 59 give the terminal's own back.
fn is_colour(n: u32) -> bool {
    matches!(n, 30..=38 | 40..=48 | 58 | 90..=97 | 100..=107)
}

#[test]
fn without_colour_weight_stays() {
    let temp = tempfile::tempdir().unwrap();
    for (name, value, wanted) in [("NO_COLOR", "1", false), ("NO_COLOR", "", true)] {
        let mut pty = Start::new(temp.path(), &["demo", "--invoices", "300"]).env(name, value).on(WIDE);
        pty.until("events", |text| text.contains("DEMO") && !event_lines(text).is_empty());
        pty.keys("jjj");
        pty.until_text("frozen");
        pty.keys("q");
        pty.end_cleanly();
        let found = weights(&pty.raw());
        let has = |n: u32| found.iter().any(|numbers| numbers.contains(&n));
        assert!(has(1) && has(7), "bold or reversed is lost: {value:?}");
        let coloured = found.iter().any(|numbers| numbers.iter().any(|n| is_colour(*n)));
        assert_eq!(coloured, wanted, "{name}={value:?}");
    }
}

#[test]
fn ascii_is_nothing_but_ascii() {
    let (mut pty, _temp) = demo(WIDE, &["--ascii", "--invoices", "300"]);
    pty.until("events", |text| text.contains("DEMO") && !event_lines(text).is_empty());
    for keys in ["?", "M"] {
        pty.keys(keys);
        pty.until_text("Esc closes");
        pty.keys("\x1b");
        // Seen to be closed before the next key: right behind an Esc, a letter is Alt and the letter.
        pty.until("the overlay closed", |text| !text.contains("Esc closes"));
    }
    pty.keys("33d");
    pty.until_text("the last discover ended well");
    pty.keys("q");
    pty.end_cleanly();
    let raw = pty.raw();
    let odd = raw.iter().position(|byte| !byte.is_ascii());
    let around = odd.map(|at| String::from_utf8_lossy(&raw[at.saturating_sub(40)..at + 4]).into_owned());
    assert_eq!(around, None);
}

#[test]
fn it_comes_back_from_no_room_at_all() {
    let (mut pty, _temp) = demo(WIDE, &["--invoices", "300"]);
    pty.until("events", |text| text.contains("DEMO") && !event_lines(text).is_empty());
    for (cols, rows) in [(10, 3), (1, 1), (60, 16), (2, 40), (300, 1), (59, 15)] {
        pty.resize(cols, rows);
        let before = pty.raw().len();
        // Drawn anew, however long a loaded machine takes: keys on the heels of a resize can wait for the next
        // one, since crossterm takes one readiness of the two.
        let begun = std::time::Instant::now();
        while pty.raw().len() == before {
            assert!(begun.elapsed().as_secs() < 20, "nothing is drawn at {cols}x{rows}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        std::thread::sleep(std::time::Duration::from_millis(150));
        for key in ["?", "j", "\x1b"] {
            pty.keys(key);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(pty.runs(), "{cols}x{rows} ended it");
    }
    pty.resize(WIDE.0, WIDE.1);
    pty.until("the whole screen again", |text| {
        text.contains("DEMO")
            && text.contains("Live events")
            && text.contains("Discover & sync")
            && !text.contains("too small")
            && !event_lines(text).is_empty()
    });
    pty.keys("q");
    assert!(pty.end_cleanly().0.success());
}

#[test]
fn it_starts_where_there_is_no_room() {
    let (mut pty, _temp) = demo((9, 2), &["--invoices", "300"]);
    // What fits of the sentence.
    pty.until_text("too");
    pty.resize(SMALL.0, SMALL.1);
    std::thread::sleep(std::time::Duration::from_millis(300));
    pty.keys("q");
    assert!(pty.end_cleanly().0.success());
}
