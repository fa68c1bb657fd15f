//! A key that is given to the wizard is nowhere in what is written to the terminal, and in no file.

use std::path::Path;

use crate::{Pty, WIDE, assert_gone, demo, pasted};

/// Letters that stand nowhere else on the screens that are shown here.
const ODD: [char; 4] = ['Q', 'X', 'Z', 'J'];

/// What is printed of what was written: no colours, no places.
fn printed(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::new();
    let mut pieces = text.split('\x1b');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        if let Some(rest) = piece.strip_prefix('[') {
            let end = rest.find(|c: char| c.is_ascii() && matches!(c as u8, 0x40..=0x7e));
            out.push_str(end.map_or("", |end| &rest[end + 1..]));
        } else {
            out.push_str(piece);
        }
    }
    out
}

/// Nothing of the key was printed since then, not even a letter: frames write only the cells that differ.
fn assert_unseen(pty: &Pty, since: usize, when: &str) {
    let raw = pty.raw();
    let seen = printed(&raw[since..]);
    assert!(!seen.contains(ODD), "{when}: {seen}");
}

fn dots(text: &str) -> usize {
    text.lines().find(|line| line.contains("API key")).map_or(0, |line| line.matches('•').count())
}

/// Whether any file under a folder holds the bytes.
fn holds(folder: &Path, what: &[u8]) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = holds(&path, what) {
                return Some(found);
            }
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(what.len()).any(|part| part == what)) {
            return Some(path);
        }
    }
    None
}

#[test]
fn a_key_given_to_the_wizard_is_never_written() {
    let (mut pty, temp) = demo(WIDE, &["--events-per-second", "0", "--invoices", "50"]);
    pty.until("the account", |text| text.contains("DEMO") && text.contains("complete to"));
    pty.keys("c");
    pty.until_text("Connect an account");
    let body: String = ODD.iter().cycle().take(20).collect();

    // Typed: a dot for each letter.
    let since = pty.raw().len();
    pty.keys("rk_test_");
    pty.until_text("rk_test_");
    for (index, letter) in body.chars().enumerate() {
        pty.keys(&letter.to_string());
        pty.until("its dot", |text| dots(text) == index + 1);
    }
    assert_unseen(&pty, since, "typed");

    // Pasted, with blanks around it: its last four may be seen.
    pty.keys("\x15");
    pty.until("nothing of it", |text| dots(text) == 0);
    pty.keys(&pasted(&format!("  rk_test_{body}4242\n")));
    pty.until_text("••••4242");
    assert_unseen(&pty, since, "pasted");

    // Refused by the server, whose message quotes a part of it.
    pty.keys("\r");
    let text = pty.until_text("✗");
    assert_unseen(&pty, since, "refused");
    assert!(text.contains("••••4242"), "{text}");

    // And what is no key at all is named, not shown.
    for (other, named) in [("whsec_", "webhook signing secret"), ("pk_test_", "publishable key")] {
        pty.keys(&pasted(&format!("{other}{body}4242")));
        pty.until_text(&format!("{other}••••"));
        pty.keys("\r");
        pty.until_text(named);
        assert_unseen(&pty, since, other);
    }
    assert_eq!(holds(temp.path(), body.as_bytes()), None);
    pty.keys("\x03");
    let (status, _) = pty.end_cleanly();
    assert!(status.success());
    assert_unseen(&pty, since, "at the end");
    assert_gone(temp.path());
}

#[test]
fn a_key_of_the_stripe_cli_is_never_written() {
    let (mut pty, temp) = demo(WIDE, &["--events-per-second", "0", "--invoices", "50"]);
    pty.until("the account", |text| text.contains("DEMO") && text.contains("Sandbox Supplies"));
    let folders = std::fs::read_dir(temp.path().join("tmp")).unwrap().flatten().map(|entry| entry.path());
    let folder = folders.into_iter().find(|path| path.join("stripe-cli.toml").exists()).unwrap();
    let config = std::fs::read_to_string(folder.join("stripe-cli.toml")).unwrap();
    let at = config.find("rk_test_").or_else(|| config.find("sk_test_")).unwrap();
    let key: String = config[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    // Without the last four, which may be seen.
    let body = &key[8..key.len() - 4];
    assert!(body.len() > 12, "{}", key.len());

    pty.keys("c");
    pty.until_text("Connect an account");
    pty.keys("p");
    pty.until_text("harbour-books");
    pty.keys("\r");
    pty.go_on_to_last_step();
    pty.keys("\r");
    pty.until_text("Harbour Books is connected");
    pty.keys("11");
    pty.until_text("taken from the profile harbour-books");
    let screens = printed(&pty.raw());
    // Any eight letters of it in a row would be too many.
    for part in body.as_bytes().windows(8) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!screens.contains(part), "a part of the key was written");
    }
    pty.keys("q");
    let (status, _) = pty.end_cleanly();
    assert!(status.success());
    assert_gone(temp.path());
}
