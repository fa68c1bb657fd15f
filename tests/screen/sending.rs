//! Failed payments and deliveries by keys: from a case to its invoice, a target that takes what it is sent, an attempt in
//! detail, and an event sent again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use crate::{WIDE, assert_gone, demo};

/// A receiver of webhooks on a port of its own, that takes everything: what it was sent, head and body.
fn receiver() -> (u16, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let (mut head, mut length) = (String::new(), 0);
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        if line.trim().is_empty() {
                            break;
                        }
                        let lower = line.to_ascii_lowercase();
                        if let Some(value) = lower.strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        head.push_str(&lower);
                    }
                    let mut body = vec![0; length];
                    reader.read_exact(&mut body).unwrap();
                    let answer = r#"{"received":true,"by":"a test"}"#;
                    let text = format!(
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
                        answer.len()
                    );
                    if stream.write_all(text.as_bytes()).is_err() {
                        return;
                    }
                    let _ = tell.send((head, String::from_utf8(body).unwrap()));
                }
            });
        }
    });
    (port, told)
}

#[test]
fn a_failed_payment_leads_to_its_invoice() {
    let (mut pty, temp) = demo(WIDE, &["--events-per-second", "40"]);
    pty.until("the account", |text| text.contains("DEMO") && text.contains("Sandbox Supplies"));
    pty.keys("5");
    let text = pty.until("a case", |text| text.contains("Open cases  ") && text.contains("│▌"));
    assert!(text.contains("At risk") && text.contains("last answer") && text.contains(" next "), "{text}");
    pty.keys("\r");
    let text = pty.until_text("Tries, newest first");
    assert!(text.contains("last answer") && text.contains('✗'), "{text}");
    let link = text.lines().find(|line| line.contains("invoice") && line.contains("→ "));
    let link =
        link.or_else(|| text.lines().find(|line| line.contains("→ "))).unwrap_or_else(|| panic!("{text}"));
    let title =
        link.rsplit_once("→ ").unwrap().1.split("  ").next().unwrap().trim_end_matches([' ', '│']).to_owned();
    // The first link is the invoice, or the payment where there is none.
    pty.keys("g\r");
    pty.until("the invoice", |text| text.contains("› Records › ") && text.contains(&title));
    pty.keys("\x1b");
    pty.until_text("Tries, newest first");
    pty.keys("q");
    assert!(pty.end_cleanly().0.success());
    assert_gone(temp.path());
}

#[test]
fn a_target_is_added_and_takes_events_and_one_is_sent_again() {
    let (port, told) = receiver();
    let (mut pty, temp) = demo(WIDE, &["--events-per-second", "5"]);
    pty.until("the account", |text| text.contains("DEMO") && text.contains("Sandbox Supplies"));
    pty.keys("6");
    pty.until_text("no targets yet: a adds one");
    pty.keys("a");
    pty.until_text("Forward events to");
    pty.keys(&format!("{port}"));
    pty.until_text(&format!("Address   {port}"));
    pty.keys("\r");
    let text = pty.until("delivered events", |text| {
        text.contains("Targets  1") && text.contains("ready") && text.contains("✓ 200")
    });
    assert!(text.contains(&format!(":{port}")), "{text}");
    let (head, body) = told.recv_timeout(crate::pty::PATIENCE).unwrap();
    assert!(head.starts_with("post ") && head.contains("stripe-signature: t="), "{head}");
    assert!(body.contains("\"object\": \"event\"") || body.contains("\"object\":\"event\""), "{body}");

    // One attempt, whole.
    pty.keys("\t");
    pty.keys("j\r");
    pty.until("the attempt", |text| {
        text.contains("delivered: answered 200 in")
            && text.contains("What was sent")
            && text.contains("stripe-signature:")
    });
    pty.keys("G");
    pty.until_text("by: \"a test\"");

    // Sent again, from the events' screen.
    pty.keys("22");
    pty.until_text("/ filters, as in");
    pty.keys(" ");
    pty.until_text("frozen");
    pty.keys("R");
    pty.until_text("Send again");
    pty.keys("\r");
    pty.until("how it ended", |text| text.contains("again: delivered: answered 200"));
    pty.keys("\r");
    pty.until_text("What changed");
    pty.keys("\x1b[Z");
    pty.until("its attempts", |text| {
        text.contains("answer") && text.contains("✓ 200") && text.contains(" R ")
    });
    pty.keys("q");
    assert!(pty.end_cleanly().0.success());
    assert_gone(temp.path());
}
