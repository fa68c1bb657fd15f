//! Connecting and disconnecting on the real binary, by keys alone.

use crate::{assert_gone, demo};

#[test]
fn a_second_account_is_connected_and_disconnected() {
    let (mut pty, temp) = demo((120, 36), &[]);
    pty.until_text("Live events");
    pty.keys("c");
    pty.until_text("Connect an account");
    pty.keys("p");
    pty.until_text("harbour-books");
    pty.keys("\r");
    let text = pty.until_text("12 of 12");
    assert!(text.contains("Harbour Books") && text.contains("from the Stripe CLI: harbour-books"), "{text}");
    pty.keys("\r");
    pty.until_text("What to keep of this account");
    pty.keys("\r");
    pty.until_text("How this account stays current");
    pty.keys("\r");
    pty.until_text("Harbour Books is connected; d lists what is at Stripe");
    // It has events of its own: another account at another server.
    pty.until("its own events", |text| text.contains("2 Live events · Harbour Books"));
    pty.keys("1");
    pty.keys("1");
    pty.until_text("What the key may read");
    pty.keys("D");
    pty.until_text("Nothing is removed there");
    pty.keys("\t");
    pty.keys("\r");
    pty.until_text("off: disconnected; its records stay");
    pty.keys("q");
    let (status, _) = pty.end_cleanly();
    assert!(status.success());
    assert_gone(temp.path());
}
