//! How fast discover and sync are, how many reads they take and how much memory, beside Stripe's limits and
//! the figures of the design.
//!
//! The release binary runs against `tillwatch sandbox`, each in a process of its own, over real HTTP on
//! loopback: what is timed is the whole command, from start to a synced end, with the open of a new store.
//! The figures hold for this machine and its load at the time; what they are compared with stands beside them.
//!
//! `cargo bench --bench sync_speed` (about two minutes). `-- --quick` takes a tenth of the invoices.

#![expect(clippy::expect_used, reason = "a bench that cannot run its commands has nothing to say")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_tillwatch");

struct Sandbox {
    child: Child,
    base: String,
    key: String,
}

impl Sandbox {
    fn start(invoices: u64, more: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["sandbox", "--seed", "1", "--invoices", &invoices.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the sandbox starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it prints its address");
        let started: Value = serde_json::from_str(&line).expect("as JSON");
        let text = |name: &str| started[name].as_str().expect("a text").to_owned();
        // The live key: only live mode has 100 requests a second overall.
        Self { child, base: text("base_url"), key: text("live_restricted_key") }
    }

    /// What the sandbox counted, by plain HTTP.
    fn report(&self) -> Value {
        let address = self.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("it listens");
        write!(stream, "GET /_sandbox/report HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let from = answer.find('{').expect("a JSON body");
        let to = answer.rfind('}').expect("a JSON body");
        serde_json::from_str(&answer[from..=to]).expect("JSON")
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command's JSON result, its seconds, and its largest resident size in MB.
fn run(dir: &Path, base: &str, args: &[&str]) -> (Value, f64, f64) {
    let begun = Instant::now();
    let mut child = Command::new(BINARY)
        .args(args)
        .arg("--json")
        .env("TILLWATCH_DATA_DIR", dir.join("data"))
        .env("TILLWATCH_API_BASE", base)
        .env("HOME", dir)
        .env("XDG_CONFIG_HOME", dir.join("config"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0_u64;
    while child.try_wait().expect("it can be waited for").is_none() {
        // The kernel keeps the high-water mark; it is read until the process is gone.
        if let Ok(text) = std::fs::read_to_string(&status) {
            let kb = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kb = kb.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
            peak_kb = peak_kb.max(kb.unwrap_or(0));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut text = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut text).expect("text");
    let value = serde_json::from_str(&text).unwrap_or(Value::Null);
    (value, seconds, peak_kb as f64 / 1024.0)
}

fn connected(sandbox: &Sandbox) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let key = dir.path().join("key");
    std::fs::write(&key, &sandbox.key).expect("written");
    let (made, ..) = run(dir.path(), &sandbox.base, &["connect", "--api-key-file", &key.to_string_lossy()]);
    assert_eq!(made["id"], 1, "connect failed");
    dir
}

fn row(what: &str, measured: &str, beside: &str) {
    let _ = writeln!(std::io::stdout(), "| {what:<58} | {measured:<34} | {beside:<44} |");
}

fn counts(report: &Value) -> BTreeMap<String, u64> {
    let requests = report["requests"].as_object().cloned().unwrap_or_default();
    requests.into_iter().map(|(name, count)| (name, count.as_u64().unwrap_or(0))).collect()
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let invoices: u64 = if quick { 10_000 } else { 100_000 };
    row("what", "measured", "beside it");
    row(&"-".repeat(58), &"-".repeat(34), &"-".repeat(44));

    // Stripe's limits and a usual distance.
    let sandbox = Sandbox::start(invoices, &["--limits", "live", "--latency", "120"]);
    let dir = connected(&sandbox);
    let before = sandbox.report();
    let (result, seconds, _) = run(dir.path(), &sandbox.base, &["discover", "--pace", "full", "--yes"]);
    let after = sandbox.report();
    let listed = result["job"]["done"].as_u64().unwrap_or(0);
    assert_eq!(listed, invoices, "not all were listed");
    let sent = after["total"].as_u64().unwrap_or(0) - before["total"].as_u64().unwrap_or(0);
    let limited = |report: &Value| report["statuses"]["429"].as_u64().unwrap_or(0);
    let refused = limited(&after) - limited(&before);
    let rate = listed as f64 / seconds;
    row(
        &format!("discover {invoices}, 120 ms latency, live limits, --pace full"),
        &format!("{rate:.0} invoices/s, {:.1} % of it", rate / 25.0),
        "Stripe: 25 pages/s = 2 500/s; to reach: 95 %",
    );
    row(
        "  requests that were answered 429",
        &format!("{refused} of {sent}, {:.2} %", refused as f64 * 100.0 / sent as f64),
        "to reach: under 0.5 %",
    );
    drop(sandbox);

    // The program's own speed.
    let sandbox = Sandbox::start(invoices, &["--limits", "none"]);
    let dir = connected(&sandbox);
    let before = counts(&sandbox.report());
    let (result, seconds, peak) = run(dir.path(), &sandbox.base, &["discover", "--pace", "none", "--yes"]);
    assert_eq!(result["job"]["done"].as_u64(), Some(invoices), "not all were listed");
    let middle = counts(&sandbox.report());
    row(
        &format!("discover {invoices}, no limits, no latency, --pace none"),
        &format!("{:.0} invoices/s stored, {seconds:.1} s", invoices as f64 / seconds),
        "Stripe allows 2 500/s; to reach: 12 000/s",
    );
    row("  resident at most", &format!("{peak:.0} MB"), "to reach: under 250 MB");
    let list = "GET /v1/invoices";
    let used = |from: &BTreeMap<String, u64>, to: &BTreeMap<String, u64>, name: &str| {
        to.get(name).copied().unwrap_or(0) - from.get(name).copied().unwrap_or(0)
    };
    let pages = used(&before, &middle, list);
    row(
        "  list pages read",
        &format!("{pages}, {} more than full pages", pages - invoices / 100),
        &format!("least: {} + one a window", invoices / 100),
    );

    let (result, seconds, peak) = run(dir.path(), &sandbox.base, &["sync", "--pace", "none", "--yes"]);
    let synced = result["job"]["done"].as_u64().unwrap_or(0);
    assert_eq!(synced, invoices, "not all were synced");
    let after = counts(&sandbox.report());
    row(
        &format!("sync {invoices}, no limits, no latency, --pace none"),
        &format!("{:.0} invoices/s, {seconds:.1} s", synced as f64 / seconds),
        "with customers, products, payments, all lines",
    );
    row("  resident at most", &format!("{peak:.0} MB"), "to reach: 300 MB at 1 000 000 records");
    row(
        "  single reads of invoices",
        &used(&middle, &after, "GET /v1/invoices/{id}").to_string(),
        "to reach: 0",
    );
    for (kind, list, single) in [
        ("customers", "GET /v1/customers", "GET /v1/customers/{id}"),
        ("products", "GET /v1/products", "GET /v1/products/{id}"),
        ("invoice payments", "GET /v1/invoice_payments", "GET /v1/invoice_payments/{id}"),
        ("payment intents", "GET /v1/payment_intents", "GET /v1/payment_intents/{id}"),
    ] {
        let stored = result["stored"].as_array().into_iter().flatten();
        let name = list.trim_start_matches("GET /v1/");
        let count = stored
            .filter(|one| one["kind"].as_str().is_some_and(|kind| format!("{kind}s") == name))
            .find_map(|one| one["count"].as_u64())
            .unwrap_or(0);
        row(
            &format!("  reads of {kind}: list pages + single"),
            &format!("{} + {}", used(&middle, &after, list), used(&middle, &after, single)),
            &format!("least: min({} pages, {count} single)", count.div_ceil(100)),
        );
    }
    let lines = after.iter().filter(|(name, _)| name.ends_with("/lines")).map(|(_, count)| count).sum::<u64>();
    row("  pages of further lines", &lines.to_string(), "one per 100 lines beyond the inline ten");
}
