//! What a live event costs from the relay's socket to the disk and to the screen, against the figures of the design
//! (its §8), as a table.
//!
//! `cargo bench --bench ingest` (about two minutes; `-- --quick` takes a third). The local Stripe runs in a process of
//! its own and sends over the real relay socket; both share this machine, so its CPU is part of what is measured. Rows:
//!
//! - *disk alone*: 4 KB written and `fdatasync` called, nothing else, in the same folder: what no durable store can beat.
//! - *frame to stored*: the relay client, the intake and the store of the library in this process; from the moment a
//!   frame was read from the socket until its batch was on disk (`flush` and `sync_data`), for each event.
//! - *made to screen*: the real program on a pseudo-terminal; from just before the sandbox was told to make an event
//!   until the bytes of a frame whose window of the feed holds it were there. It is more than "frame to screen": making
//!   the event, the socket, and reading the terminal are in it.
//! - *sustained*: events made at a steady rate, and how many of them were stored when the last was made; then how long
//!   it took until all were there, and that none is missing.
//! - *catching up*: events made at once, as fast as the sandbox can, and how fast they are stored.
//!
//! CPU is of the program's own threads (sled's counted apart), in percent of one core; memory is resident. Linux only.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::panic)]

#[path = "../tests/screen/pty.rs"]
#[allow(dead_code)]
mod pty;

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tillwatch::clock;
use tillwatch::engine::api::{Delivery, IntegrationId};
use tillwatch::events::intake::{self, Intake};
use tillwatch::events::relay::driver::{self, Relay};
use tillwatch::events::relay::frame::{self, Frame};
use tillwatch::events::relay::socket::Arrival;
use tillwatch::integration::Integration;
use tillwatch::integration::connect::{Wish, save, try_key};
use tillwatch::store::{OpenOptions, Store};
use tillwatch::stripe::{ApiKey, BaseUrl, Client, ClientOptions};
use tillwatch::vault::Vault;
use tokio::sync::mpsc;

use pty::{Pty, Start};

const ID: IntegrationId = IntegrationId(1);
const BINARY: &str = env!("CARGO_BIN_EXE_tillwatch");
const SIZE: (u16, u16) = (140, 40);

fn main() {
    let quick = std::env::args().any(|word| word == "--quick");
    let seconds = if quick { 10 } else { 30 };
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    row("what", "measured", "to reach");
    row(&"-".repeat(58), &"-".repeat(34), &"-".repeat(40));
    let disk = disk(home.path());
    stored(&home.path().join("stored"), seconds, disk);
    on_screen(&home.path().join("screen"), seconds);
    sustained(&home.path().join("sustained"), seconds);
    catching_up(&home.path().join("burst"), if quick { 20_000 } else { 100_000 });
}

fn row(what: &str, measured: &str, wanted: &str) {
    println!("{what:<58} {measured:>34}   {wanted}");
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// p50 and p99.
fn shares(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    (at(50), at(99))
}

/// The same disk without a database: what one durable write costs at least.
fn disk(dir: &Path) -> Duration {
    let mut file = std::fs::File::create(dir.join("disk")).unwrap();
    let mut times = Vec::new();
    for _ in 0..400 {
        let begun = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        times.push(begun.elapsed());
    }
    let (half, most) = shares(&mut times);
    row(
        "disk alone: 4 KB and fdatasync (p50 · p99 of 400)",
        &format!("{} · {}", ms(half), ms(most)),
        "the reference",
    );
    half
}

/// The local Stripe in a process of its own, ended with this.
struct Sandbox {
    child: Child,
    base: String,
    key: String,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sandbox {
    fn start(more: &[&str]) -> Sandbox {
        let mut child = Command::new(BINARY)
            .args(["sandbox", "--seed", "3", "--invoices", "20000", "--limits", "none"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| told[name].as_str().unwrap().to_owned();
        Sandbox { child, base: text("base_url"), key: text("restricted_key") }
    }

    fn control(&self) -> Control {
        let address = self.base.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&address).unwrap();
        stream.set_nodelay(true).unwrap();
        Control { stream: BufReader::new(stream), address }
    }
}

/// One kept connection to `/_sandbox/`.
struct Control {
    stream: BufReader<TcpStream>,
    address: String,
}

impl Control {
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let head = format!(
            "{method} /_sandbox/{path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(head.as_bytes()).unwrap();
        let (mut length, mut line) = (0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let text = line.trim_end().to_ascii_lowercase();
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if text.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Events made since the sandbox began.
    fn made(&mut self) -> u64 {
        self.ask("GET", "report", "")["events"].as_u64().unwrap()
    }

    fn make(&mut self, steps: u64) -> u64 {
        self.ask("POST", "traffic", &format!("{{\"steps\":{steps}}}"))["events"].as_u64().unwrap()
    }
}

/// Makes events at a steady rate for so long; when each (by its number, from 1 on) was asked for.
fn make_steadily(control: &mut Control, rate: u64, time: Duration) -> Vec<Instant> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time {
        let due = begun.elapsed().as_micros() as u64 * rate / 1_000_000;
        let lacking = due.saturating_sub(times.len() as u64);
        if lacking == 0 {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        let asked = Instant::now();
        // A step makes two or three events.
        let made = control.make(lacking.div_ceil(3));
        times.extend(std::iter::repeat_n(asked, made as usize));
    }
    times
}

fn tillwatch(home: &Path, words: &[&str], key: &str) -> String {
    let output = Command::new(BINARY)
        .args(words)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("TILLWATCH_DATA_DIR", home.join("data"))
        .env("STRIPE_API_KEY", key)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Frame to stored, in this process.
fn stored(home: &Path, seconds: u64, disk: Duration) {
    tillwatch::stripe::install_tls();
    let stripe = Sandbox::start(&[]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let times = runtime.block_on(async {
        let (data, keys) = (home.join("data"), home.join("keys"));
        let store = Store::open(&data, &OpenOptions::default()).unwrap();
        let vault = Vault::open(&data, &keys).unwrap();
        let (base, key) = (BaseUrl::parse(&stripe.base).unwrap(), ApiKey::parse(&stripe.key).unwrap());
        let (_, found) = try_key(&base, &key, true).await.unwrap();
        let wish = Wish {
            name: None,
            description: None,
            billing: true,
            poll_every_s: 0,
            delivery: Delivery::Relay,
            all_events: true,
            base: base.clone(),
            key: key.clone(),
            key_command: None,
            origin: None,
        };
        let now = clock::system();
        save(&store, &vault, wish, found, &now).await.unwrap();
        let integration = Arc::new(Integration::all(&store).unwrap().remove(0));
        let client = Client::new(ClientOptions::new(base, key)).unwrap();
        let cancel = tokio_util::sync::CancellationToken::new();
        let (arrivals, mut tapped) = mpsc::channel::<Arrival>(1024);
        let (passed, frames) = mpsc::channel::<Arrival>(1024);
        let (reports, mut heard) = mpsc::channel(64);
        let (telling, mut words) = mpsc::channel(64);
        let relay = Relay { client, arrivals, reports, now: now.clone(), cancel: cancel.clone(), seed: 7 };
        let intake = Intake { store: store.clone(), integration, shared: Arc::default(), now };
        tokio::spawn(driver::run(relay));
        tokio::spawn(intake::run(intake, frames, telling));
        let open = Arc::new(AtomicBool::new(false));
        let opened = open.clone();
        tokio::spawn(async move {
            while let Some(report) = heard.recv().await {
                if matches!(report, driver::Report::Cover { .. }) {
                    opened.store(true, Ordering::SeqCst);
                }
            }
        });
        // When each frame was read, in the order in which they are stored.
        let read: Arc<Mutex<VecDeque<tokio::time::Instant>>> = Arc::default();
        let tap = read.clone();
        tokio::spawn(async move {
            while let Some(arrival) = tapped.recv().await {
                // Each event comes in two versions; the account's own is the one that is stored.
                if matches!(frame::read(&arrival.frame), Frame::Event(event) if event.account_version) {
                    tap.lock().unwrap().push_back(arrival.at);
                }
                if passed.send(arrival).await.is_err() {
                    return;
                }
            }
        });
        while !open.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut control = stripe.control();
        let making = tokio::task::spawn_blocking(move || {
            make_steadily(&mut control, 1000, Duration::from_secs(seconds)).len()
        });
        let mut times = Vec::new();
        let mut made = None;
        tokio::pin!(making);
        while made.is_none_or(|made| times.len() < made) {
            tokio::select! {
                count = &mut making, if made.is_none() => made = Some(count.unwrap()),
                Some(told) = words.recv() => {
                    assert!(told.failed.is_none() && told.odd.is_empty(), "{told:?}");
                    let mut read = read.lock().unwrap();
                    for _ in 0..told.new {
                        times.push(read.pop_front().unwrap().elapsed());
                    }
                }
                () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{} of {made:?}", times.len()),
            }
        }
        assert_eq!(store.counters(ID).events as usize, times.len());
        cancel.cancel();
        times
    });
    let mut times = times;
    let count = times.len();
    let (half, most) = shares(&mut times);
    row(
        &format!("frame to stored at 1 000/s (p50 · p99 of {count})"),
        &format!("{} · {}", ms(half), ms(most)),
        &format!(
            "p99 25 ms; {:.1} times the disk alone (p50 by p50)",
            half.as_secs_f64() / disk.as_secs_f64()
        ),
    );
}

/// The program on a terminal, connected and quiet.
fn dashboard(home: &Path, stripe: &Sandbox) -> Pty {
    std::fs::create_dir_all(home).unwrap();
    let words = ["connect", "--webhook", "relay", "--events", "all", "--api-base", &stripe.base];
    tillwatch(home, &words, &stripe.key);
    let screen = Start::new(home, &["--api-base", &stripe.base])
        .env("TILLWATCH_DATA_DIR", home.join("data").to_str().unwrap())
        .on(SIZE);
    screen.until_text("complete to");
    screen.until("a live connection", |text| text.contains("relay"));
    let mut control = stripe.control();
    let begun = Instant::now();
    while control.ask("GET", "report", "")["relay"]["opened"].as_u64() == Some(0) {
        assert!(begun.elapsed() < Duration::from_secs(20), "no socket was opened");
        std::thread::sleep(Duration::from_millis(20));
    }
    // What the start asks for is over.
    std::thread::sleep(Duration::from_secs(3));
    screen
}

/// Events kept, as the screen says.
fn kept(text: &str) -> Option<u64> {
    let before = &text[..text.find(" kept here")?];
    let digits: String = before.chars().rev().take_while(|c| c.is_ascii_digit() || *c == ' ').collect();
    digits.chars().rev().filter(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// Nanoseconds on a processor: of our threads, and of sled's.
fn used(pid: i32) -> (u64, u64) {
    let mut all = (0, 0);
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        let time = read("schedstat").split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        if read("comm").starts_with("sled") {
            all.1 += time;
        } else {
            all.0 += time;
        }
    }
    all
}

fn resident_mb(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

/// CPU of a program from here on.
struct Meter(i32, Instant, (u64, u64));

impl Meter {
    fn new(screen: &Pty) -> Meter {
        let pid = screen.pid().as_raw_nonzero().get();
        Meter(pid, Instant::now(), used(pid))
    }

    fn rows(&self, at: &str) {
        let (seconds, now) = (self.1.elapsed().as_secs_f64(), used(self.0));
        let share = |nanos: u64| nanos as f64 / seconds / 1e7;
        row(
            &format!("CPU {at}: ours · sled's, of one core"),
            &format!("{:.0} % · {:.0} %", share(now.0 - self.2.0), share(now.1 - self.2.1)),
            "",
        );
        row(&format!("memory {at}"), &format!("{} MB", resident_mb(self.0)), "");
    }
}

fn on_screen(home: &Path, seconds: u64) {
    let stripe = Sandbox::start(&[]);
    let mut screen = dashboard(home, &stripe);
    let before = kept(&screen.until_text(" kept here")).unwrap();
    let meter = Meter::new(&screen);
    let mut control = stripe.control();
    let making = std::thread::spawn(move || make_steadily(&mut control, 1000, Duration::from_secs(seconds)));
    // Each picture that shows more than the one before.
    let mut shown: Vec<(Instant, u64)> = Vec::new();
    let mut made = None;
    let mut making = Some(making);
    while made
        .as_ref()
        .is_none_or(|made: &Vec<Instant>| shown.last().is_none_or(|last| last.1 < made.len() as u64))
    {
        let last = shown.last().map_or(0, |one| one.1);
        let text = screen.until("more events", |text| kept(text).is_some_and(|kept| kept - before > last));
        shown.push((Instant::now(), kept(&text).unwrap() - before));
        if making.as_ref().is_some_and(std::thread::JoinHandle::is_finished) {
            meter.rows("at 1 000/s");
            made = making.take().map(|making| making.join().unwrap());
        }
    }
    let made = made.unwrap();
    let mut times = Vec::with_capacity(made.len());
    let mut next = shown.iter().peekable();
    for (index, asked) in made.iter().enumerate() {
        while next.peek().is_some_and(|one| one.1 <= index as u64) {
            next.next();
        }
        times.push(next.peek().unwrap().0.duration_since(*asked));
    }
    let pictures = shown.len() as f64 / seconds as f64;
    let (half, most) = shares(&mut times);
    row(
        &format!("made to screen at 1 000/s (p50 · p99 of {})", times.len()),
        &format!("{} · {}", ms(half), ms(most)),
        &format!("p99 70 ms from the frame on; {pictures:.0} pictures/s"),
    );
    screen.keys("q");
    screen.end();
}

/// Waits until the screen shows so many; how long that took.
fn until_shown(screen: &Pty, all: u64) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(300) {
        let text = screen.until("the rest", |text| {
            kept(text).is_some_and(|kept| kept >= all) || begun.elapsed() > Duration::from_secs(300)
        });
        if kept(&text) >= Some(all) {
            return begun.elapsed();
        }
    }
    panic!("never shown: {all}")
}

/// Nothing is lost: the log has as many events as were made, each once.
fn whole(home: &Path, stripe: &Sandbox, made: u64, what: &str) {
    let status = tillwatch(home, &["status"], &stripe.key);
    let status: Value = serde_json::from_str(&status).unwrap();
    let events = status["event_log"]["events"].as_u64().unwrap();
    let bytes = status["event_log"]["bytes"].as_u64().unwrap();
    row(
        &format!("{what}: events lost of {made}"),
        &format!("{}", i128::from(made) - i128::from(events)),
        &format!("0; {} bytes of log an event", bytes / events.max(1)),
    );
}

fn sustained(home: &Path, seconds: u64) {
    let stripe = Sandbox::start(&[]);
    let mut screen = dashboard(home, &stripe);
    let before = kept(&screen.until_text(" kept here")).unwrap();
    let mut control = stripe.control();
    let first = control.made();
    let meter = Meter::new(&screen);
    let begun = Instant::now();
    let made = make_steadily(&mut control, 5000, Duration::from_secs(seconds)).len() as u64;
    let took = begun.elapsed().as_secs_f64();
    let shown = screen.look(|look| kept(&look.contents())).unwrap_or(before) - before;
    meter.rows("at 5 000/s");
    let rest = until_shown(&screen, before + made);
    row(
        &format!("sustained: made for {took:.0} s · shown meanwhile"),
        &format!("{:.0}/s · {:.0}/s", made as f64 / took, shown as f64 / took),
        &format!("5 000/s; all on the screen {} later", ms(rest)),
    );
    let all = control.made() - first + before;
    screen.keys("q");
    screen.end();
    whole(home, &stripe, all, "sustained");
}

fn catching_up(home: &Path, count: u64) {
    let stripe = Sandbox::start(&[]);
    let mut screen = dashboard(home, &stripe);
    let before = kept(&screen.until_text(" kept here")).unwrap();
    let mut control = stripe.control();
    let first = control.made();
    let meter = Meter::new(&screen);
    let begun = Instant::now();
    let mut made = 0;
    while made < count {
        made += control.make(400);
    }
    until_shown(&screen, before + made);
    let took = begun.elapsed().as_secs_f64();
    row(
        &format!("catching up with {made} events made at once"),
        &format!("{:.0}/s", made as f64 / took),
        "more than 5 000/s",
    );
    meter.rows("catching up");
    let all = control.made() - first + before;
    screen.keys("q");
    screen.end();
    whole(home, &stripe, all, "catching up");
}
