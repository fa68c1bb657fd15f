//! The whole walk of the demo through a dashboard that is attached to a `serve`: nothing is refused or missing because
//! the engine is in another process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use tillwatch::sandbox::Options;

use crate::attached;
use crate::bench::{Bench, options};
use crate::pty::pasted;
use crate::service::Service;

/// A receiver of webhooks that takes everything; its port.
fn receiver() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                loop {
                    let mut length = 0;
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        if line.trim().is_empty() {
                            break;
                        }
                        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                    }
                    reader.read_exact(&mut vec![0; length]).unwrap();
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// The first event that is listed: its time, type and amount.
fn top(text: &str) -> String {
    text.lines().find(|line| line.starts_with("│▌")).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_whole_walk_by_keys_alone() {
    let bench = Bench::with(Options { events_per_second: 4.0, ..options(700) }).await;
    let service = Service::start(&bench).await;
    // The service knows no address of its own: where the key is tried is said at the screen.
    let mut pty = attached(&bench, &["--api-base", &bench.stripe.base_url]);
    let text = pty.until_text("attached to");
    assert!(text.contains("no account connected"), "{text}");

    // Connect by the wizard, live.
    pty.keys("c");
    pty.until_text("Connect an account");
    pty.keys("\t");
    pty.keys("p");
    pty.until_text("no profile of the Stripe CLI");
    pty.keys("\x1b");
    pty.until_text("API key");
    pty.keys(&pasted(&bench.stripe.keys.restricted));
    pty.until_text("rk_test_•");
    pty.keys("\r");
    pty.until_text("12 of 12");
    pty.keys("\r");
    pty.until_text("What to keep of this account");
    pty.keys("\r");
    pty.until_text("How this account stays current");
    pty.keys("j");
    pty.until_text("● relay");
    pty.keys("\r");
    pty.until("live events", |text| text.contains("Sandbox Supplies") && text.contains("● live"));

    // They arrive.
    let first = top(&pty.until("events", |text| text.contains("2 Live events") && text.contains("│▌")));
    pty.until("a new one at the top", |text| !top(text).is_empty() && top(text) != first);

    // Discover and sync, with progress; a plan; a stop.
    pty.keys("d");
    pty.until_text("the discover is done");
    pty.keys("s");
    pty.until_text("the sync is done");

    // Filter the events, freeze them, open one, star it, its timeline.
    pty.keys("22");
    pty.until_text("/ filters, as in");
    pty.keys("/type:invoice.*\r");
    pty.until_text(" match");
    pty.keys(" ");
    pty.until_text("frozen");
    pty.keys("*");
    pty.until("a star", |text| top(text).contains('★'));
    pty.keys("t");
    let text = pty.until("a timeline", |text| text.contains("Timeline") && text.contains(" events of "));
    assert!(!text.contains("could not be read"), "{text}");

    service.end().await;
}
