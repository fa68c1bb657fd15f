//! `kill -9` at random moments of connect, open, discover and sync: the next run carries on and ends with
//! exactly the records of an undisturbed one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod kills;
mod resume;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tillwatch::sandbox::{self, Limits, Options, Running};
use tillwatch::stripe::kind::Kind;

/// A fixed start: no test depends on the day it runs.
const START: i64 = 1_795_000_000;

/// A local Stripe that stands still, on threads of its own.
pub(crate) struct Stripe {
    pub(crate) running: Running,
    _runtime: tokio::runtime::Runtime,
}

impl Stripe {
    pub(crate) fn new(invoices: u64, latency_ms: u64) -> Stripe {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options = Options {
            invoices,
            customers: invoices / 8,
            latency_ms,
            limits: Limits::None,
            ..Options::new(START)
        };
        let running = runtime.block_on(sandbox::start(options)).unwrap();
        Stripe { running, _runtime: runtime }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.running.report().total
    }
}

/// A data folder, and the program on it.
pub(crate) struct Desk {
    temp: tempfile::TempDir,
    base: String,
    key: PathBuf,
}

impl Desk {
    pub(crate) fn new(stripe: &Stripe) -> Desk {
        let temp = tempfile::tempdir().unwrap();
        let key = temp.path().join("key");
        std::fs::write(&key, &stripe.running.keys.restricted).unwrap();
        Desk { temp, base: stripe.running.base_url.clone(), key }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.temp.path().join("data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        command.env_clear().env("HOME", self.temp.path()).env("XDG_CONFIG_HOME", self.temp.path());
        command.arg("--data-dir").arg(self.data()).args(words);
        match words[0] {
            "connect" => {
                command.args(["--api-base", &self.base, "--name", "Acme", "--api-key-file"]).arg(&self.key);
            }
            "discover" | "sync" => {
                command.arg("--yes");
            }
            _ => {}
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Runs to the end, which must be a good one.
    pub(crate) fn done(&self, words: &[&str]) -> Output {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {}", text(&output));
        output
    }

    pub(crate) fn spawn(&self, words: &[&str]) -> Child {
        // Nobody reads while it runs: its few lines fit a pipe.
        self.command(words).spawn().unwrap()
    }

    /// Kills the command after a while; false when it had ended by itself.
    pub(crate) fn kill_after(&self, words: &[&str], delay: Duration) -> bool {
        let mut child = self.spawn(words);
        let until = Instant::now() + delay;
        while Instant::now() < until {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2).min(until.saturating_duration_since(Instant::now())));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        std::os::unix::process::ExitStatusExt::signal(&status) == Some(9)
    }

    /// The store opens and answers, as a person would find out. False: not connected yet.
    pub(crate) fn opens(&self) -> bool {
        if !self.data().exists() {
            return false;
        }
        let output = self.run(&["status", "--json"]);
        match output.status.code() {
            Some(0) => true,
            Some(3) => false,
            _ => panic!("status: {}", text(&output)),
        }
    }

    /// Connects, also when a kill came after the key had been kept.
    pub(crate) fn connect(&self) {
        if !self.opens() {
            self.done(&["connect"]);
        }
    }

    pub(crate) fn status(&self) -> Value {
        serde_json::from_slice(&self.done(&["status", "--json"]).stdout).unwrap()
    }

    /// Every record of every kind, in the order of ids.
    pub(crate) fn records(&self) -> BTreeMap<&'static str, Vec<String>> {
        Kind::all()
            .map(|kind| {
                let output = self.done(&["records", kind.list_name(), "--json"]);
                let mut lines: Vec<String> =
                    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
                lines.sort_unstable();
                (kind.list_name(), lines)
            })
            .filter(|(_, lines)| !lines.is_empty())
            .collect()
    }
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What an account comes to.
#[derive(PartialEq)]
pub(crate) struct Sum {
    pub(crate) records: BTreeMap<&'static str, Vec<String>>,
    pub(crate) catalog: Value,
}

impl Sum {
    pub(crate) fn of(desk: &Desk) -> Sum {
        Sum { records: desk.records(), catalog: desk.status()["catalog"].clone() }
    }

    /// Fails with the first difference, not with megabytes.
    pub(crate) fn assert_is(&self, wanted: &Sum, what: &str) {
        let kinds = |sum: &Sum| sum.records.iter().map(|(k, v)| (*k, v.len())).collect::<Vec<_>>();
        for (kind, lines) in &wanted.records {
            let here = self.records.get(kind).map_or(&[][..], Vec::as_slice);
            let missing = lines.iter().find(|line| here.binary_search(line).is_err());
            let extra = here.iter().find(|line| lines.binary_search(line).is_err());
            let short = |line: Option<&String>| line.map(|line| line.chars().take(160).collect::<String>());
            assert!(
                here == lines.as_slice(),
                "{what}: {kind}: {} of {}\nmissing {:?}\nextra {:?}",
                here.len(),
                lines.len(),
                short(missing),
                short(extra)
            );
        }
        assert_eq!(kinds(self), kinds(wanted), "{what}");
        assert_eq!(self.catalog, wanted.catalog, "{what}");
    }
}

/// How long something takes.
pub(crate) fn timed(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

/// Random numbers that are the same every time: splitmix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn part_of(&mut self, whole: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        whole.mul_f64((word >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// The folder is private whatever happened.
pub(crate) fn assert_private(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700);
}
