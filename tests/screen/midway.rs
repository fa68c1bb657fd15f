//! Ends and stops in the middle of something: a key half given, a filter half typed, an object open, a search open.
//! However it ends, the terminal is as before, no process is left, and the data folder opens again with all it had.

use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tillwatch::sandbox::{self, Limits, Options, Running};
use tokio::runtime::Runtime;

use crate::{Pty, Start, WIDE, pasted};

/// A data folder with one account, and the local Stripe it is of.
struct Desk {
    home: TempDir,
    held: String,
    // In this order: the server needs its runtime to the end.
    _stripe: Running,
    _runtime: Runtime,
}

impl Desk {
    fn new() -> Desk {
        let home = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options =
            Options { invoices: 300, customers: 40, limits: Limits::None, ..Options::new(1_795_000_000) };
        let stripe = runtime.block_on(sandbox::start(options)).unwrap();
        let key = home.path().join("key");
        std::fs::write(&key, &stripe.keys.restricted).unwrap();
        let key = key.to_str().unwrap();
        let connect = ["connect", "--api-base", &stripe.base_url, "--name", "Acme", "--api-key-file", key];
        for words in [&connect[..], &["discover"], &["sync"]] {
            let output = run(home.path(), words);
            assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let mut desk = Desk { home, held: String::new(), _stripe: stripe, _runtime: runtime };
        desk.held = desk.holds();
        assert!(desk.held.contains("300"), "{}", desk.held);
        desk
    }

    fn data(&self) -> String {
        self.home.path().join("data").to_str().unwrap().to_owned()
    }

    fn start(&self) -> Pty {
        Start::new(self.home.path(), &["--data-dir", &self.data()]).on(WIDE)
    }

    /// What the folder holds: it opens, and that is what is in its catalog.
    fn holds(&self) -> String {
        let output = run(self.home.path(), &["status", "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        status["catalog"].to_string()
    }

    /// Nothing runs any more, and the folder is as it was.
    fn assert_safe(&self, how: &str) {
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            assert!(!words.contains(self.home.path().to_str().unwrap()), "{how}: left behind: {words}");
        }
        assert_eq!(self.holds(), self.held, "{how}");
    }
}

fn run(home: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.env_clear().env("HOME", home).env("XDG_CONFIG_HOME", home);
    command.arg("--data-dir").arg(home.join("data")).args(words).output().unwrap()
}

/// Somewhere in the middle: how one gets there, and what is seen there.
type Midway = (&'static str, fn(&mut Pty), &'static str);

const PLACES: [Midway; 4] = [
    (
        "a key typed into the wizard",
        |pty| {
            pty.keys("c");
            pty.until_text("Connect an account");
            pty.keys("rk_test_51Hxyz");
        },
        "rk_test_••••••",
    ),
    (
        "a filter half typed",
        |pty| {
            pty.keys("22");
            pty.until_text("─ filter ─");
            pty.keys("/");
            pty.keys("type:invoice.pa amou");
        },
        "type:invoice.pa amou",
    ),
    (
        "an object open",
        |pty| {
            pty.keys("4");
            // Where it ended the last time may be remembered.
            let text = pty.until("records", |text| {
                text.contains("JSON as Stripe sent it") || (text.contains("› Records") && text.contains('▌'))
            });
            if !text.contains("JSON as Stripe sent it") {
                pty.keys("\r");
            }
        },
        "JSON as Stripe sent it",
    ),
    (
        "a search open",
        |pty| {
            pty.keys("S");
            pty.until_text("Search anywhere");
            pty.keys(&pasted("example"));
        },
        " found",
    ),
];

fn go(pty: &mut Pty, (_, way, seen): Midway) {
    // The account of the folder; its screen may be any.
    pty.until_text("Acme");
    way(pty);
    pty.until_text(seen);
}

#[test]
fn signals_in_the_middle_of_something() {
    let desk = Desk::new();
    for place in PLACES {
        for signal in [Signal::TERM, Signal::HUP] {
            let how = format!("{signal:?}, {}", place.0);
            let mut pty = desk.start();
            go(&mut pty, place);
            pty.signal(signal);
            let (status, took) = pty.end_cleanly();
            assert!(status.success(), "{how}: {status:?}");
            assert!(took.as_secs() < 5, "{how} took {took:?}");
            desk.assert_safe(&how);
        }
    }
}

#[test]
fn a_terminal_closed_in_the_middle_of_something() {
    let desk = Desk::new();
    for place in PLACES {
        let mut pty = desk.start();
        go(&mut pty, place);
        pty.hang_up();
        let (status, _) = pty.end();
        assert!(status.success(), "{}: {status:?}", place.0);
        desk.assert_safe(place.0);
    }
}

#[test]
fn suspended_and_back_in_the_middle_of_something() {
    let desk = Desk::new();
    let mut pty = Start::shell(desk.home.path()).on(WIDE);
    pty.until_text("% ");
    for place in PLACES {
        let how = place.0;
        pty.keys("clear\n");
        pty.keys(&format!("{} --data-dir {}\n", env!("CARGO_BIN_EXE_tillwatch"), desk.data()));
        go(&mut pty, place);
        // Twice: what was given back has to be taken again, whole.
        for _ in 0..2 {
            pty.keys("\x1a");
            pty.until_text("Stopped");
            let (alternate, hidden, pasting) = pty
                .look(|screen| (screen.alternate_screen(), screen.hide_cursor(), screen.bracketed_paste()));
            assert!(!alternate && !hidden && !pasting, "{how}: {alternate} {hidden} {pasting}");
            pty.keys("clear\n");
            pty.until("a shell that listens", |text| text.trim() == "%");
            pty.keys("fg\n");
            // As it was: what was typed is still there.
            pty.until_text(place.2);
            pty.until("a whole screen", |text| text.contains("Acme") && !text.contains("Stopped"));
            let (alternate, pasting) =
                pty.look(|screen| (screen.alternate_screen(), screen.bracketed_paste()));
            assert!(alternate && pasting, "{how}: {alternate} {pasting}");
        }
        pty.keys("\x03");
        // A prompt of its own: the one before `fg` shows again before the program has ended.
        pty.until("the shell again", |text| {
            text.trim_end().lines().last().is_some_and(|row| row.trim() == "%")
        });
        pty.keys("echo ended:$?\n");
        pty.until_text("ended:0");
        desk.assert_safe(how);
    }
    pty.keys("exit\n");
    pty.end_cleanly();
}

#[test]
fn stopped_and_continued_from_elsewhere() {
    let desk = Desk::new();
    for place in PLACES {
        let mut pty = desk.start();
        go(&mut pty, place);
        let taken = |pty: &Pty| String::from_utf8_lossy(&pty.raw()).matches("\x1b[?1049h").count();
        let before = taken(&pty);
        pty.signal(Signal::STOP);
        pty.signal(Signal::CONT);
        // Whatever was written meanwhile, it takes the terminal anew and draws all of it.
        let begun = std::time::Instant::now();
        while taken(&pty) == before {
            assert!(begun.elapsed() < crate::pty::PATIENCE, "{}: not taken again", place.0);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        pty.until_text(place.2);
        pty.keys("\x03");
        let (status, _) = pty.end_cleanly();
        assert!(status.success(), "{}: {status:?}", place.0);
        desk.assert_safe(place.0);
    }
}
