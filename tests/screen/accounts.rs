//! The dashboard on a data folder: resuming, nothing connected, and folders that cannot be used.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tillwatch::sandbox::{self, Limits, Options};
use tillwatch::store::{OpenOptions, Store};

use crate::{Start, WIDE};

fn run(home: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.env_clear().env("HOME", home).env("XDG_CONFIG_HOME", home);
    command.arg("--data-dir").arg(home.join("data")).args(words).output().unwrap()
}

fn dashboard(home: &Path) -> crate::Pty {
    Start::new(home, &["--data-dir", home.join("data").to_str().unwrap()]).on(WIDE)
}

#[test]
fn a_discover_that_q_cut_off_goes_on_by_itself_next_time() {
    let temp = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options = Options {
        invoices: 12_000,
        customers: 500,
        latency_ms: 20,
        limits: Limits::None,
        ..Options::new(1_795_000_000)
    };
    let stripe = runtime.block_on(sandbox::start(options)).unwrap();
    let key = temp.path().join("key");
    std::fs::write(&key, &stripe.keys.restricted).unwrap();
    let key = key.to_str().unwrap();
    let words = ["connect", "--api-base", &stripe.base_url, "--name", "Acme", "--api-key-file", key];
    let output = run(temp.path(), &words);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut pty = dashboard(temp.path());
    pty.until_text("Acme");
    pty.keys("d");
    pty.until("a running discover", |text| text.contains("x stops") && text.contains(" listed"));
    let before = stripe.report().total;
    while stripe.report().total < before + 25 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    pty.keys("q");
    let (status, took) = pty.end_cleanly();
    assert!(status.success());
    assert!(took.as_secs() < 3, "q took {took:?}");
    let farewell = pty.look(vt100::Screen::contents);
    assert!(farewell.contains("1 account is no longer watched"), "{farewell}");
    assert!(farewell.contains("1 job was interrupted"), "{farewell}");
    let status: Value = serde_json::from_slice(&run(temp.path(), &["status", "--json"]).stdout).unwrap();
    let listed = status["catalog"]["total"].as_u64().unwrap();
    assert!(listed > 500 && listed < 11_000, "{status}");
    let job = status["discover"]["job_id"].clone();

    let mut pty = dashboard(temp.path());
    pty.until("the end of discover", |text| text.contains("last run"));
    pty.keys("q");
    pty.end_cleanly();
    let status: Value = serde_json::from_slice(&run(temp.path(), &["status", "--json"]).stdout).unwrap();
    assert_eq!(status["discover"]["status"], "completed", "{status}");
    assert_eq!(status["discover"]["job_id"], job, "it began anew");
    assert_eq!(status["discover"]["found"], status["catalog"]["total"], "{status}");
    assert!(status["catalog"]["total"].as_u64().unwrap() > 11_000, "{status}");
    drop(stripe);
}

#[test]
fn without_an_account_it_says_what_to_do() {
    let temp = tempfile::tempdir().unwrap();
    let mut pty = dashboard(temp.path());
    let text = pty.until_text("no account connected");
    assert!(text.contains("c connects one"), "{text}");
    // Keys that need an account say so and break nothing.
    pty.keys("dsxrEy");
    pty.keys("jkgGAz z?");
    pty.until_text("Keys");
    pty.keys("q");
    let (status, _) = pty.end_cleanly();
    assert!(status.success());
    assert!(!pty.look(vt100::Screen::contents).contains("watched"), "there was nothing to watch");
}

#[test]
fn a_folder_that_another_process_owns_is_one_sentence_and_the_screen_is_not_touched() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::open(&temp.path().join("data"), &OpenOptions::default()).unwrap();
    let mut pty = dashboard(temp.path());
    let (status, _) = pty.end();
    assert_eq!(status.exit_code(), 75);
    let raw = String::from_utf8(wait_raw(&pty)).unwrap();
    assert!(!raw.contains('\x1b'), "{raw:?}");
    assert!(raw.contains("in use by another tillwatch"), "{raw}");
    assert_eq!(raw.trim().lines().count(), 1, "{raw}");
    store.close();
}

/// What was written by a program that has ended: its last bytes may still be on their way.
fn wait_raw(pty: &crate::Pty) -> Vec<u8> {
    for _ in 0..500 {
        let raw = pty.raw();
        if raw.ends_with(b"\n") {
            return raw;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    pty.raw()
}

#[test]
fn a_store_that_cannot_be_opened_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("data");
    Store::open(&data, &OpenOptions::default()).unwrap().close();
    std::fs::remove_file(data.join("db/db")).unwrap();
    std::fs::create_dir(data.join("db/db")).unwrap();
    let mut pty = dashboard(temp.path());
    // Told early it is a sentence; told late it is on the screen until q.
    let ended = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        !pty.runs() || pty.look(vt100::Screen::contents).contains("the store can't be used")
    });
    assert!(ended, "{}", pty.look(vt100::Screen::contents));
    if pty.runs() {
        let text = pty.until_text("cannot be opened");
        assert!(text.contains("tillwatch restore"), "{text}");
        pty.keys("ds");
        pty.keys("q");
        pty.end_cleanly();
    } else {
        assert_eq!(pty.end().0.exit_code(), 1);
        let raw = String::from_utf8(wait_raw(&pty)).unwrap();
        assert!(raw.contains("cannot be opened") && raw.contains("tillwatch restore"), "{raw}");
        assert!(!raw.contains('\x1b'), "{raw:?}");
    }
}
