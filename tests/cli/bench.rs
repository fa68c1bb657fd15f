//! What every test stands on: a local Stripe in this process, a home folder that is thrown away, and the
//! program started on both.
//!
//! The program must never see the environment of who runs the tests: no key, no folder, no proxy.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use serde_json::Value;
use tempfile::TempDir;
use tillwatch::sandbox::{Limits, Options, Running, start};

/// Longer than anything here takes; a wait that reaches it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A local Stripe, a home, and a client for looking at Stripe directly.
pub struct Bench {
    /// The local Stripe.
    pub stripe: Running,
    /// Holds `data`, `config` and key files.
    pub home: TempDir,
    http: reqwest::Client,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// History that ends now, since the program's own clock is the machine's. No limits: tests of those are
/// elsewhere.
pub fn options(invoices: u64) -> Options {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Options {
        invoices,
        customers: (invoices / 4).max(50),
        limits: Limits::None,
        ..Options::new(i64::try_from(now).unwrap())
    }
}

impl Bench {
    /// With so many invoices.
    pub async fn new(invoices: u64) -> Self {
        Self::with(options(invoices)).await
    }

    /// With options of one's own.
    pub async fn with(options: Options) -> Self {
        // A second test in the same process finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { stripe: start(options).await.unwrap(), home: tempfile::tempdir().unwrap(), http }
    }

    /// With the restricted key connected.
    pub async fn connected(invoices: u64) -> Self {
        let bench = Self::new(invoices).await;
        bench.connect().await;
        bench
    }

    /// With everything discovered and synced.
    pub async fn synced(invoices: u64) -> Self {
        let bench = Self::connected(invoices).await;
        bench.run(&["discover"]).await.ok();
        bench.run(&["sync"]).await.ok();
        bench
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A file below the home folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    /// A key in a file outside of the data folder; the file is removed by nobody, so tests that look for keys
    /// in files look in the data and config folders.
    pub fn key(&self, key: &str) -> String {
        let end = &key[key.len() - 8..];
        self.file(&format!("key-{end}"), format!("{key}\n"))
    }

    /// The program, not started yet, on the given data folder.
    pub fn command_in(&self, data: &Path, args: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        let home = self.home.path();
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("share"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .arg("--data-dir")
            .arg(data)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// The program, not started yet.
    pub fn command(&self, args: &[&str]) -> tokio::process::Command {
        self.command_in(&self.data(), args)
    }

    /// Runs the program to its end.
    pub async fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args)).await
    }

    /// Runs it on another data folder.
    pub async fn run_in(&self, data: &Path, args: &[&str]) -> Ran {
        finish(self.command_in(data, args)).await
    }

    /// Runs `connect` with a key from a file.
    pub async fn try_connect(&self, key: &str, more: &[&str]) -> Ran {
        let file = self.key(key);
        let mut args =
            vec!["--api-base", self.stripe.base_url.as_str(), "connect", "--api-key-file", file.as_str()];
        args.extend_from_slice(more);
        self.run(&args).await
    }

    /// Connects the restricted key.
    pub async fn connect(&self) -> Ran {
        self.try_connect(&self.stripe.keys.restricted.clone(), &[]).await.ok()
    }

    /// What `--json` prints as one object.
    pub async fn json(&self, args: &[&str]) -> Value {
        let mut all = args.to_vec();
        all.push("--json");
        self.run(&all).await.ok().json()
    }

    /// The status document.
    pub async fn status(&self) -> Value {
        self.json(&["status"]).await
    }

    /// Asks the local Stripe directly, with its secret key.
    pub async fn ask(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.stripe.base_url));
        let answer = request.bearer_auth(&self.stripe.keys.secret).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// Many at once, in the order of the paths.
    pub async fn ask_all(&self, paths: impl IntoIterator<Item = String>) -> Vec<Value> {
        let asked = paths.into_iter().map(|path| async move { self.ask(&path).await });
        futures::stream::iter(asked).buffered(32).collect().await
    }

    /// A whole list, read page by page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let join = if path.contains('?') { '&' } else { '?' };
        loop {
            let after = all.last().map(|one| format!("&starting_after={}", id(one))).unwrap_or_default();
            let page = self.ask(&format!("{path}{join}limit=100{after}")).await;
            all.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["has_more"] != true {
                return all;
            }
        }
    }

    /// GETs of an endpoint so far, ids folded: `GET /v1/invoices`.
    pub fn asked(&self, endpoint: &str) -> u64 {
        self.stripe.report().requests.get(endpoint).copied().unwrap_or(0)
    }

    /// Waits until something is so. No fixed time: it is looked at again and again.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        let begun = tokio::time::Instant::now();
        while !so(self) {
            assert!(begun.elapsed() < PATIENCE, "never came: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Whether any file below the folders holds these bytes.
    pub fn found_in_files(&self, folder: &str, bytes: &[u8]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.home.path().join(folder)];
        while let Some(dir) = open.pop() {
            let Ok(entries) = std::fs::read_dir(dir) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if holds(&std::fs::read(&path).unwrap_or_default(), bytes) {
                    found.push(path);
                }
            }
        }
        found
    }
}

/// Whether one contains the other.
pub fn holds(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

/// The `id` of an object.
pub fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// Runs a command to its end.
pub async fn finish(mut command: tokio::process::Command) -> Ran {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it hangs").unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// It must have ended well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// It must have ended with this code.
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The only object on standard output.
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one object, one line: {}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    /// One object a line.
    pub fn objects(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// It must have refused: this code, nothing on standard output, one sentence on standard error that holds
    /// each of the words. What was announced before it (the account, the range) may stand above.
    pub fn refused(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.out, self.err);
        assert_eq!(self.out, "", "stderr: {}", self.err);
        let told: Vec<&str> = self.err.lines().filter(|line| line.starts_with("tillwatch: ")).collect();
        let [sentence] = told.as_slice() else { panic!("not one sentence: {}", self.err) };
        assert!(self.err.trim_end().ends_with(sentence), "talk after the end: {}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        for word in words {
            assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
        }
        self
    }

    /// It must have refused the way clap does.
    pub fn usage(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(2), "stdout: {}\nstderr: {}", self.out, self.err);
        assert_eq!(self.out, "");
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in: {}", self.err);
        }
        self
    }
}
