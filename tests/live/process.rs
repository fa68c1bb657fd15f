//! The real binary: suspended, killed, and what it prints.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tillwatch::sandbox::Running;

use crate::{PATIENCE, faults, stripe};

pub(crate) struct Desk {
    pub(crate) dir: TempDir,
    base: String,
}

impl Desk {
    pub(crate) fn connected(stripe: &Running) -> Desk {
        Desk::with(&stripe.base_url, &stripe.keys.restricted)
    }

    pub(crate) fn with(base: &str, key_text: &str) -> Desk {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        std::fs::write(&key, key_text).unwrap();
        let desk = Desk { dir, base: base.to_owned() };
        let key = key.to_str().unwrap();
        let words = ["connect", "--webhook", "relay", "--events", "all", "--api-base", &desk.base];
        let output = desk.command(&words).args(["--api-key-file", key]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("not a public API"), "{said}");
        desk
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        command.env_clear().env("HOME", self.dir.path()).env("XDG_CONFIG_HOME", self.dir.path());
        command.arg("--data-dir").arg(self.dir.path().join("data")).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Whether a file of the data or the configuration folder holds these bytes.
    pub(crate) fn on_disk(&self, bytes: &[u8]) -> bool {
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
                    return true;
                }
            }
        }
        false
    }

    /// Ids of all stored events, each as often as it is printed.
    pub(crate) fn log(&self) -> HashMap<String, usize> {
        let output = self.command(&["events", "--json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut ids = HashMap::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            *ids.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        ids
    }
}

/// `listen --json`, and what it printed so far.
pub(crate) struct Listening {
    pub(crate) child: Child,
    ids: Arc<Mutex<Vec<String>>>,
    pub(crate) talk: Arc<Mutex<String>>,
}

impl Listening {
    pub(crate) fn start(desk: &Desk) -> Listening {
        Listening::with(desk, &["listen", "--json"])
    }

    pub(crate) fn with(desk: &Desk, words: &[&str]) -> Listening {
        let mut child = desk.command(words).spawn().unwrap();
        let (ids, talk) = (Arc::default(), Arc::default());
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::clone(&ids);
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // Not a word but events: a line that is none fails here and its event is missed below.
                let event: serde_json::Value = serde_json::from_str(&line).unwrap();
                if event.get("delivery").is_some() {
                    continue;
                }
                seen.lock().unwrap().push(event["id"].as_str().unwrap().to_owned());
            }
        });
        let said: Arc<Mutex<String>> = Arc::clone(&talk);
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                said.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Listening { child, ids, talk }
    }

    /// The word behind others in what it said.
    pub(crate) fn word_behind(&self, words: &str) -> String {
        let talk = self.talk.lock().unwrap();
        let rest = talk.split(words).nth(1).unwrap_or_else(|| panic!("{talk}"));
        rest.split_whitespace().next().unwrap().to_owned()
    }

    pub(crate) fn printed(&self) -> Vec<String> {
        self.ids.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) async fn until(&self, what: &str, mut so: impl FnMut(&Listening) -> bool) -> Duration {
        let begun = Instant::now();
        while !so(self) {
            assert!(begun.elapsed() < PATIENCE, "never: {what}; {}", self.talk.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        begun.elapsed()
    }

    pub(crate) async fn connected(&self) {
        self.until("connected", |one| one.talk.lock().unwrap().contains("connected to Stripe's relay")).await;
    }

    pub(crate) async fn end(mut self) {
        self.signal(Signal::INT);
        self.until("its end", |_| true).await;
        assert_eq!(self.child.wait().unwrap().code(), Some(130));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_and_continued_it_is_whole_again_within_seconds() {
    let made = stripe(|options| options.relay.reset = 2).await;
    let desk = Desk::connected(&made);
    let listening = Listening::start(&desk);
    listening.connected().await;
    let known: HashSet<String> = listening.printed().into_iter().collect();
    let before: HashSet<String> = made.events_made().into_iter().collect();
    made.run_traffic(5);
    listening.signal(Signal::STOP);
    // Longer than a socket lives, than silence is borne, and than a look at the clocks takes.
    for _ in 0..12 {
        made.run_traffic(5);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    listening.signal(Signal::CONT);
    let news =
        || -> Vec<String> { made.events_made().into_iter().filter(|id| !before.contains(id)).collect() };
    let took = listening
        .until("everything that happened meanwhile", |one| {
            let printed: HashSet<String> = one.printed().into_iter().collect();
            news().iter().all(|id| printed.contains(id))
        })
        .await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    listening.until("word of the gap", |one| one.talk.lock().unwrap().contains("nothing is missing")).await;
    let printed: Vec<String> = listening.printed().into_iter().filter(|id| !known.contains(id)).collect();
    assert_eq!(printed.len(), printed.iter().collect::<HashSet<_>>().len(), "each once");
    listening.end().await;
    made.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_ends_with_everything_once() {
    let made = stripe(|options| {
        options.relay.reset = 1;
        options.faults = faults(&["relay-duplicate=0.05", "relay-reorder=0.05"]);
        options.events_per_second = 60.0;
    })
    .await;
    let desk = Desk::connected(&made);
    for round in 0..4_u64 {
        let mut listening = Listening::start(&desk);
        listening.connected().await;
        let some = listening.printed().len();
        listening.until("some events", |one| one.printed().len() > some + 20).await;
        tokio::time::sleep(Duration::from_millis(37 * round)).await;
        listening.child.kill().unwrap();
        listening.child.wait().unwrap();
    }
    let listening = Listening::start(&desk);
    listening.connected().await;
    let want: Vec<String> = made.events_made();
    listening.until("the rest", |one| one.talk.lock().unwrap().contains("nothing is missing")).await;
    listening.end().await;
    let log = desk.log();
    let missing: Vec<&String> = want.iter().filter(|id| !log.contains_key(*id)).collect();
    assert!(missing.is_empty(), "{} of {}: {missing:?}", missing.len(), want.len());
    assert!(log.values().all(|times| *times == 1));
    made.stop().await;
}
