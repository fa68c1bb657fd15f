//! `tillwatch sandbox` as a process: its one line, its report, and what it says to nonsense.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use serde_json::Value;

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.arg("sandbox").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn bad_values_are_one_sentence_and_exit_2() {
    for arguments in [
        &["--limits", "some"][..],
        &["--fault", "fire"],
        &["--fault", "500=7"],
        &["--events-per-second", "-1"],
        &["--customers", "0"],
        &["--deny", "everything"],
        &["--relay-second", "both"],
        &["--relay-reset", "0"],
        &["--default-version", "newest"],
        &["--fault", "relay-fire"],
    ] {
        // With `=`, so that a value that begins with a dash is a value.
        let joined = format!("{}={}", arguments[0], arguments[1]);
        let output = sandbox(&[&joined]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{joined}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_names_every_fault_with_what_it_does() {
    let output = sandbox(&["--help"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let unknown = sandbox(&["--fault=fire"]).output().unwrap();
    let unknown = String::from_utf8(unknown.stderr).unwrap();
    let words: Vec<&str> =
        unknown.split("there are ").nth(1).unwrap().trim_end().trim_end_matches('.').split(", ").collect();
    assert!(words.len() >= 17, "{words:?}");
    for word in words {
        let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{word} ")));
        assert!(line.is_some_and(|line| line.trim().len() > word.len() + 10), "{word}: {line:?}");
    }
    assert!(text.contains("while no relay socket is open is lost"));
}

#[cfg(unix)]
#[test]
fn it_prints_one_line_and_reports_when_told_to_stop() {
    let mut child = sandbox(&["--report", "--invoices=20", "--start=1795000000"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let info: Value = serde_json::from_str(&line).unwrap();
    for name in [
        "base_url",
        "account",
        "secret_key",
        "restricted_key",
        "publishable_key",
        "expired_key",
        "live_restricted_key",
    ] {
        assert!(info[name].is_string(), "{name}");
    }
    assert!(info["base_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let mut report = String::new();
    child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(child.wait().unwrap().success());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["total"], 0);
    line.clear();
    assert_eq!(lines.read_line(&mut line).unwrap(), 0, "more than one line: {line}");
}
