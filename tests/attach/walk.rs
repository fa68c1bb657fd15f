//! The whole walk of the demo through a dashboard that is attached to a `serve`: nothing is refused or missing because
//! the engine is in another process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use tillwatch::sandbox::{Fault, Options};

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
    let text = pty.until_text("c connects one");
    assert!(text.contains("attached to"), "{text}");

    // Connect by the wizard, live.
    pty.keys("c");
    pty.until_text("Connect an account");
    pty.keys("\t");
    pty.keys("p");
    pty.until_text("The Stripe CLI has no key on this machine");
    pty.keys("\x1b");
    pty.until_text("API key");
    pty.key_to_last_step(&bench.stripe.keys.restricted);
    pty.keys("kl");
    pty.until_text("● relay");
    pty.keys("\r");
    pty.until("live events", |text| text.contains("Sandbox Supplies") && text.contains("● relay + poll"));

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
    pty.until("only those", |text| text.contains("│ type:invoice.*") && top(text).contains("invoice."));
    pty.keys(" ");
    pty.until_text("frozen · ");
    pty.keys("*");
    pty.until("a star", |text| top(text).contains('★'));
    pty.keys("\r");
    pty.until_text("What changed");
    pty.keys("t");
    pty.until_text(" events name in_");

    // A record, whole; found again by its customer's e-mail, from anywhere.
    pty.keys("4");
    pty.until("records", |text| text.contains("› Records › Invoices") && text.contains("▌"));
    pty.keys("\r");
    let text =
        pty.until("an invoice", |text| text.contains("JSON as Stripe sent it") && text.contains("e-mail  "));
    let email = text.split("e-mail  ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    pty.keys("S");
    pty.until_text("Search anywhere");
    pty.keys(&pasted(&email));
    pty.until("who it is", |text| text.contains("searched as an e-mail") && text.contains("▌ customer "));
    pty.keys("\r");
    pty.until("the customer", |text| {
        text.contains("› Records › ")
            && text.lines().any(|line| line.starts_with("╭─ ") && line.contains("  cus_"))
    });

    // A failed payment's case.
    pty.keys("5");
    pty.until("a case", |text| text.contains("Open cases  ") && text.contains("│▌"));
    pty.keys("\r");
    pty.until_text("Tries, newest first");

    // A target, what is sent to it, and an event sent again.
    let port = receiver();
    pty.keys("6");
    pty.until_text("no targets yet: a adds one");
    pty.keys("a");
    pty.until_text("Forward events to");
    pty.keys(&format!("{port}\r"));
    pty.until("delivered events", |text| {
        text.contains("Targets  1") && text.contains("ready") && text.contains("✓ 200")
    });
    pty.keys("\t");
    pty.keys("j\r");
    pty.until("the attempt", |text| {
        text.contains("delivered: answered 200") && text.contains("What was sent")
    });
    pty.keys("2");
    pty.until_text("› Events");
    pty.keys("R");
    pty.until_text("Send again");
    pty.keys("\r");
    pty.until_text("again: delivered: answered 200");

    // What a run would cost, what ran, a mark; a job that is stopped.
    pty.keys("3");
    pty.until_text("Next run, before it runs");
    pty.keys("p");
    pty.until_text("invoices are estimated from");
    pty.keys("H");
    pty.until("what ran", |text| text.contains("History · 2 runs") && text.contains("ended well"));
    pty.keys("\x1b");
    pty.until_text("Next run, before it runs");
    pty.keys("v");
    pty.until_text("will be taken up by the next sync");
    bench.stripe.set_faults(vec![Fault::parse("slow=1").unwrap()]);
    pty.keys("d");
    pty.until_text("x stops");
    pty.keys("x");
    pty.until_text("stopped");
    bench.stripe.set_faults(Vec::new());

    // Renamed; told in the log; gone, and its records stay.
    pty.keys("1");
    pty.until_text("What the key may read");
    pty.keys("i");
    pty.until_text("Edit Sandbox Supplies");
    pty.keys(" II\r");
    pty.until("its new name", |text| text.contains("Sandbox Supplies II › ") && !text.contains("Edit "));
    pty.keys("7");
    pty.until("the log", |text| text.contains("› Log") && text.contains("the sync is done"));
    pty.keys("1");
    pty.until_text("What the key may read");
    pty.keys("D");
    pty.until_text("The relay session ends by itself");
    pty.keys("\t");
    pty.until_text("Enter do it");
    pty.keys("\r");
    pty.until_text("off: disconnected; its records stay");

    // It goes; what it did is there for others, and the service goes on.
    pty.keys("q");
    let (status, _) = pty.end_cleanly();
    assert!(status.success());
    let raw = String::from_utf8_lossy(&pty.raw()).into_owned();
    assert!(!raw.contains("could not be read") && !raw.contains("NOT CONNECTED"));
    let listed = bench.run(&["integrations"]).await.ok().out;
    assert!(listed.contains("Sandbox Supplies II") && listed.contains("disconnected"), "{listed}");
    service.end().await;
}
