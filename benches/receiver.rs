//! How many signed deliveries a second the receiver makes durable, how long each waits for its 200, and that after
//! kill -9 in the middle every 200 is in the store.
//!
//! The binary's own receiver (`tillwatch listen --webhook-listen`) takes deliveries over real sockets on loopback from
//! this process, which signs each one; both share the machine's cores. *As fast as it goes* has every sender wait for
//! its answer; *at a given rate* sends by the clock, whatever the answers do, and counts a delivery's time from when it
//! was due. The figures hold for this machine and its load at the time.
//!
//! `cargo bench --bench receiver` (about a minute). `-- --quick` takes a fifth of the time.

#![expect(clippy::expect_used, reason = "a bench that cannot run its commands has nothing to say")]
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tillwatch::engine::api::IntegrationId;
use tillwatch::sandbox::sign::digest;
use tillwatch::store::{OpenOptions, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BINARY: &str = env!("CARGO_BIN_EXE_tillwatch");
const SECRET: &str = "whsec_abcdefghijklmnopqrstuvwxyz012345";
/// Connections: what a proxy in front keeps open.
const SENDERS: u64 = 64;
/// The figure to reach, in deliveries a second.
const GOAL: u64 = 3000;

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tillwatch(dir: &Path, base: &str, words: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(words).env("HOME", dir).env("XDG_RUNTIME_DIR", dir).current_dir(dir);
    command.env("TILLWATCH_DATA_DIR", dir.join("data")).env("TILLWATCH_API_BASE", base).stdin(Stdio::null());
    command
}

/// A process that takes deliveries, and where.
fn listen(dir: &Path, base: &str) -> (Killed, String) {
    let mut child = tillwatch(dir, base, &["listen", "--webhook-listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let line = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains("deliveries are taken"))
        .expect("it tells its address");
    std::thread::spawn(move || lines.for_each(drop));
    let address = line.rsplit("//").next().expect("an address").to_owned();
    (Killed(child), address)
}

/// One sender's connection.
struct Sender {
    stream: TcpStream,
    answer: Vec<u8>,
    token: String,
}

impl Sender {
    async fn new(address: &str, token: &str) -> std::io::Result<Sender> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Sender { stream, answer: vec![0; 4096], token: token.to_owned() })
    }

    /// Posts one delivery; its status.
    async fn post(&mut self, id: &str, n: u64) -> std::io::Result<u16> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        let body = event(id, at, n);
        let head = format!(
            "POST /{} HTTP/1.1\r\nHost: till.example.com\r\nContent-Type: application/json; charset=utf-8\r\nStripe-Signature: t={at},v1={}\r\nContent-Length: {}\r\n\r\n",
            self.token,
            digest(SECRET, at, &body),
            body.len()
        );
        self.stream.write_all((head + &body).as_bytes()).await?;
        let mut have = 0;
        loop {
            let read = self.stream.read(&mut self.answer[have..]).await?;
            if read == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            have += read;
            // A 200 has no body; anything else ends the run of this connection.
            if self.answer[..have].windows(4).any(|end| end == b"\r\n\r\n") {
                let status = std::str::from_utf8(&self.answer[9..12]).ok().and_then(|text| text.parse().ok());
                return status.ok_or_else(|| std::io::ErrorKind::InvalidData.into());
            }
        }
    }
}

/// An event about a payment, as big as such events are.
fn event(id: &str, at: i64, n: u64) -> String {
    let filler = "x".repeat(1500);
    format!(
        r#"{{"id":"{id}","object":"event","api_version":"2026-10-28.endive","created":{at},"data":{{"object":{{"id":"pi_{id}","object":"payment_intent","amount":{n},"amount_received":{n},"currency":"eur","created":{at},"customer":"cus_{}","description":"{filler}","livemode":false,"status":"succeeded","metadata":{{"order":"{n}"}}}}}},"livemode":false,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"payment_intent.succeeded"}}"#,
        n % 997
    )
}

/// What a run brought.
#[derive(Default)]
struct Run {
    micros: Vec<u64>,
    failed: u64,
    seconds: f64,
}

impl Run {
    fn at(&self, part: f64) -> f64 {
        let index = ((self.micros.len() as f64 * part) as usize).min(self.micros.len().saturating_sub(1));
        self.micros.get(index).copied().unwrap_or(0) as f64 / 1000.0
    }

    fn print(&mut self, name: &str) {
        self.micros.sort_unstable();
        println!(
            "{name:<34} {:>9.0}/s   p50 {:>7.1} ms   p99 {:>7.1} ms   p99.9 {:>7.1} ms   not taken {}",
            self.micros.len() as f64 / self.seconds,
            self.at(0.5),
            self.at(0.99),
            self.at(0.999),
            self.failed
        );
    }
}

/// Senders post for so long; `rate`: by the clock, all of them together.
async fn load(
    address: &str,
    token: &str,
    name: &str,
    time: Duration,
    rate: Option<u64>,
    taken: &Arc<Mutex<HashSet<String>>>,
) -> Run {
    let begun = Instant::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..SENDERS {
        let (next, taken, name) = (next.clone(), taken.clone(), name.to_owned());
        let mut sender = Sender::new(address, token).await.expect("it listens");
        tasks.push(tokio::spawn(async move {
            let mut run = Run::default();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                let due = match rate {
                    Some(rate) => begun + Duration::from_secs_f64(n as f64 / rate as f64),
                    None => Instant::now(),
                };
                if due.duration_since(begun) >= time {
                    return run;
                }
                tokio::time::sleep_until(due.into()).await;
                let id = format!("evt_{name}_{n}");
                match sender.post(&id, n).await {
                    Ok(200) => {
                        run.micros.push(due.elapsed().as_micros() as u64);
                        taken.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                    }
                    _ => {
                        run.failed += 1;
                        return run;
                    }
                }
            }
        }));
    }
    let mut all = Run::default();
    for task in tasks {
        let run = task.await.expect("a sender ends");
        all.micros.extend(run.micros);
        all.failed += run.failed;
    }
    all.seconds = begun.elapsed().as_secs_f64();
    all
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    if std::env::args().any(|word| word == "--list") {
        return;
    }
    let quick = std::env::args().any(|word| word == "--quick");
    let time = Duration::from_secs(if quick { 3 } else { 15 });
    let temp = tempfile::tempdir().expect("a folder");
    let dir = temp.path();
    let mut child = Command::new(BINARY)
        .args(["sandbox", "--invoices", "100", "--limits", "none"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sandbox starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it prints its address");
    let _sandbox = Killed(child);
    let started: Value = serde_json::from_str(&line).expect("as JSON");
    let base = started["base_url"].as_str().expect("a text").to_owned();
    std::fs::write(dir.join("key"), started["restricted_key"].as_str().expect("a text")).expect("written");
    std::fs::write(dir.join("secret"), SECRET).expect("written");
    let words = [
        "--json",
        "connect",
        "--api-key-file",
        "key",
        "--webhook",
        "endpoint",
        "--by-hand",
        "--webhook-secret-file",
        "secret",
        "--public-url",
        "http://127.0.0.1:8456",
    ];
    let output = tillwatch(dir, &base, &words).output().expect("it connects");
    let made: Value = serde_json::from_slice(&output.stdout).expect("as JSON");
    let url = made["endpoint"]["url"].as_str().expect("an address");
    let token = url.rsplit('/').next().expect("a word").to_owned();
    let taken = Arc::new(Mutex::new(HashSet::new()));

    let (server, address) = listen(dir, &base);
    // The door opens when the beginning of the log is known.
    loop {
        let mut sender = Sender::new(&address, &token).await.expect("it listens");
        if sender.post("evt_first", 0).await.is_ok_and(|status| status == 200) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{SENDERS} connections, bodies of {} bytes, each delivery on disk before its 200",
        event("evt_x_1", 1, 1).len()
    );
    load(&address, &token, "warm", time / 5, None, &taken).await;
    load(&address, &token, "full", time, None, &taken).await.print("as fast as it goes");
    load(&address, &token, "paced", time, Some(GOAL), &taken).await.print(&format!("at {GOAL}/s"));
    let killing = tokio::spawn(async move {
        tokio::time::sleep(time / 3).await;
        drop(server);
    });
    load(&address, &token, "killed", time, None, &taken).await.print("until kill -9");
    killing.await.expect("killed");

    let store = Store::open(&dir.join("data"), &OpenOptions::default()).expect("it opens after the kill");
    let here: HashSet<String> =
        store.arrivals(IntegrationId(1), 0).expect("read").into_iter().map(|row| row.id).collect();
    let told = taken.lock().unwrap_or_else(PoisonError::into_inner);
    let lost = told.iter().filter(|id| !here.contains(*id)).count();
    println!("{} acknowledged, {} stored, {lost} acknowledged and lost", told.len(), here.len());
    store.close();
    assert!(lost == 0, "what was acknowledged is lost");
}
