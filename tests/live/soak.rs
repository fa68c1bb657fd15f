//! A long time of everything that goes wrong, in a short form: `TILLWATCH_SOAK_S=600` makes it ten minutes.
//! `cargo test --test live soak:: -- --nocapture` prints what was counted.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use tillwatch::engine::api::{Answer, EventQuery, Request};
use tillwatch::sandbox::{RelayOptions, SecondSocket};
use tillwatch::store::{OpenOptions, Store};

use crate::process::{Desk, Listening};
use crate::{PATIENCE, Rig, all_acknowledged, same, stripe};

/// Events a second.
const RATE: f64 = 50.0;

/// How long events happen, and how long a suspension takes: shorter than in the long form, but longer than silence is
/// borne.
fn lengths() -> (Duration, Duration) {
    let long = std::env::var("TILLWATCH_SOAK_S").ok().and_then(|text| text.parse::<u64>().ok());
    let whole = Duration::from_secs(long.unwrap_or(20));
    (whole, Duration::from_secs(if long.is_some() { 30 } else { 11 }))
}

async fn resets(reset: u64, second: SecondSocket) -> String {
    let made = stripe(|options| {
        options.relay = RelayOptions { reset, second, ..RelayOptions::default() };
        options.events_per_second = RATE;
    })
    .await;
    made.quiet(true);
    let rig = Rig::new(made).await;
    rig.connected().await;
    rig.stripe.quiet(false);
    tokio::time::sleep(lengths().0).await;
    rig.stripe.quiet(true);
    rig.until_whole().await;
    all_acknowledged(&rig).await;
    rig.records_are_stripes().await;
    // The feed is what the screen asks for.
    let Answer::Events(window) =
        rig.engine.request(Request::Events(EventQuery { limit: 1, ..EventQuery::default() })).await
    else {
        panic!()
    };
    let made: HashSet<String> = rig.stripe.events_made().into_iter().collect();
    // The page of history that was there before it began is in the log, too.
    let known =
        rig.store.arrivals(crate::ID, 0).unwrap().iter().filter(|row| !made.contains(&row.id)).count();
    assert_eq!(window.total, (made.len() + known) as u64);
    let report = rig.stripe.report();
    let reads = report
        .requests
        .iter()
        .filter(|(name, _)| name.ends_with("/v1/events"))
        .map(|(_, reads)| reads)
        .sum::<u64>();
    let relay = report.relay;
    assert_eq!(relay.sessions, 1);
    if second == SecondSocket::Overlap {
        let rows = rig.store.arrivals(crate::ID, 0).unwrap();
        assert!(!rows.iter().any(|row| row.marks.late), "nothing had to be fetched");
    }
    let told = format!(
        "{second:?}, reset {reset} s: {} events made, {} in the log (with {known} from before); {} sockets, {} frames, {} acks, {reads} reads of the list",
        made.len(),
        window.total,
        relay.opened,
        relay.frames,
        relay.acks
    );
    rig.end().await;
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn resets_lose_nothing_whatever_becomes_of_the_second_socket() {
    let told = tokio::join!(
        resets(2, SecondSocket::Replace),
        resets(3, SecondSocket::Refuse),
        resets(5, SecondSocket::Overlap)
    );
    eprintln!("{}\n{}\n{}", told.0, told.1, told.2);
}

/// The local Stripe as a process of its own.
struct Apart {
    child: Child,
    base: String,
    hello: Value,
    http: reqwest::Client,
}

impl Apart {
    fn start(words: &[&str]) -> Apart {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        let rate = RATE.to_string();
        command.args(["sandbox", "--limits", "none", "--invoices", "200", "--events-per-second", &rate]);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let hello: Value = serde_json::from_str(&line).unwrap();
        let base = hello["base_url"].as_str().unwrap().to_owned();
        tillwatch::stripe::install_tls();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Apart { child, base, hello, http }
    }

    fn key(&self, which: &str) -> &str {
        self.hello[which].as_str().unwrap()
    }

    async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/_sandbox/{path}", self.base);
        let request =
            if body.is_null() { self.http.get(url) } else { self.http.post(url).body(body.to_string()) };
        serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap()
    }

    async fn made(&self) -> Vec<String> {
        let events = self.control("events", Value::Null).await;
        events["events"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until what it says next after so many bytes has the words.
async fn says(listening: &Listening, from: usize, words: &str) -> Duration {
    listening.until(words, |one| one.talk.lock().unwrap()[from..].contains(words)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_killed_and_cut_off_at_random_it_has_everything_once_and_as_it_is() {
    let (whole, suspension) = lengths();
    let there = Apart::start(&[
        "--relay-reset",
        "5",
        "--fault",
        "relay-drop=0.001",
        "--fault",
        "relay-duplicate=0.02",
        "--fault",
        "relay-reorder=0.02",
        "--fault",
        "relay-delay=0.005",
    ]);
    there.control("traffic", serde_json::json!({ "paused": true })).await;
    let desk = Desk::with(&there.base, there.key("restricted_key"));
    let mut listening = Listening::start(&desk);
    listening.connected().await;
    there.control("traffic", serde_json::json!({ "paused": false })).await;
    let begun = Instant::now();
    let (mut kills, mut wakes) = (0_u32, Vec::new());
    let mut printed: HashMap<String, u32> = HashMap::new();
    let mut repeated = 0;
    let mut round = 0_u64;
    while begun.elapsed() < whole {
        round += 1;
        let some = listening.printed().len();
        listening.until("some events", |one| one.printed().len() > some + 60).await;
        tokio::time::sleep(Duration::from_millis(97 * (round % 7))).await;
        if round % 2 == 1 {
            listening.signal(Signal::STOP);
            tokio::time::sleep(suspension).await;
            let from = listening.talk.lock().unwrap().len();
            listening.signal(Signal::CONT);
            // Compared with Stripe's own list: complete again.
            wakes.push(says(&listening, from, "nothing is missing").await);
        } else {
            listening.child.kill().unwrap();
            listening.child.wait().unwrap();
            kills += 1;
            repeated += count(&listening, &mut printed);
            listening = Listening::start(&desk);
            listening.connected().await;
        }
    }
    there.control("traffic", serde_json::json!({ "paused": true })).await;
    let made = there.made().await;
    let rest = Instant::now();
    // Until the log has all of it, which needs no more than the reads that are due: ended cleanly, and looked at.
    listening
        .until("the last event", |one| {
            one.printed().last().is_some() && one.printed().contains(made.last().unwrap())
        })
        .await;
    there.control("faults", serde_json::json!({ "faults": [] })).await;
    listening.signal(Signal::INT);
    listening.child.wait().unwrap();
    repeated += count(&listening, &mut printed);
    // Once more, as a person would: whatever is missing is fetched, and what nothing decided is read.
    let last = Listening::start(&desk);
    last.connected().await;
    says(&last, 0, "nothing is missing").await;
    unsettled_are_read(&there).await;
    last.end().await;
    let log = desk.log();
    let missing: Vec<&String> = made.iter().filter(|id| !log.contains_key(*id)).collect();
    let report = there.control("report", Value::Null).await;
    eprintln!(
        "{} s: {} events made, {} in the log, {} missing; {kills} kills, {} suspensions of {} s, complete again after {:?} at the longest; {} sockets, {} frames, faults {}; printed twice over all runs: {repeated}; rest {:?}",
        whole.as_secs(),
        made.len(),
        log.len(),
        missing.len(),
        wakes.len(),
        suspension.as_secs(),
        wakes.iter().max().unwrap(),
        report["relay"]["opened"],
        report["relay"]["frames"],
        report["faults"],
        rest.elapsed(),
    );
    assert!(missing.is_empty(), "{missing:?}");
    assert!(log.values().all(|times| *times == 1), "each once");
    assert!(wakes.iter().all(|took| *took < Duration::from_secs(5)), "{wakes:?}");
    let store = Store::open(&desk.dir.path().join("data"), &OpenOptions::default()).unwrap();
    let compared = same::records(&store, &there.base, there.key("secret_key")).await;
    eprintln!("{compared} objects as Stripe has them");
    store.close();
}

/// Counts what a run printed; gives how many of it an earlier run or this one had printed before.
fn count(listening: &Listening, printed: &mut HashMap<String, u32>) -> u32 {
    let mut again = 0;
    for id in listening.printed() {
        let times = printed.entry(id).or_default();
        again += u32::from(*times > 0);
        *times += 1;
    }
    again
}

/// Single reads of objects come to an end: what nothing decided is settled.
async fn unsettled_are_read(there: &Apart) {
    let begun = Instant::now();
    let (mut known, mut since) = (u64::MAX, Instant::now());
    while since.elapsed() < Duration::from_secs(2) {
        let report = there.control("report", Value::Null).await;
        let total = report["total"].as_u64().unwrap();
        if total != known {
            (known, since) = (total, Instant::now());
        }
        assert!(begun.elapsed() < PATIENCE, "it goes on reading");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
