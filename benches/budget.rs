//! What the screen costs, against the figures of the design (its §8), as a table.
//!
//! `cargo bench --bench budget [-- --records N]` (1 000 000 unless said): fills a data folder from the local Stripe once
//! (kept under `target/budget`, about six minutes for a million), then measures the real program on a pseudo-terminal and
//! the engine in this process. Nothing else should run meanwhile. Each row says what was measured; "p99" is over the
//! number of tries in brackets. CPU and wake-ups are read from /proc, so it runs on Linux only; sled's own threads are
//! counted apart, as the design does.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::panic)]

#[path = "../tests/screen/pty.rs"]
#[allow(dead_code)]
mod pty;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossterm::event::{KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tillwatch::clock;
use tillwatch::engine::api::{Answer, Request};
use tillwatch::engine::{Engine, Options};
use tillwatch::store::OpenOptions;
use tillwatch::tui::effects::Effect;
use tillwatch::tui::input::keys::Key;
use tillwatch::tui::msg::Msg;
use tillwatch::tui::state::State;
use tillwatch::tui::style::Theme;
use tillwatch::tui::{update::update, view};

use pty::{Pty, Start};

const WIDE: (u16, u16) = (200, 50);

fn main() {
    let mut words = std::env::args().skip_while(|word| word != "--records").skip(1);
    let records: u64 = words.next().map_or(1_000_000, |word| word.parse().expect("--records takes a number"));
    let home = fill(records);
    row("what", "measured", "to reach");
    idle(&home);
    start(&home, records);
    keys_under_load(&home);
    inside(&home);
}

fn row(what: &str, measured: &str, wanted: &str) {
    println!("{what:<46} {measured:>22}   {wanted}");
}

/// The local Stripe in a process of its own, ended with this.
struct Sandbox(Child, String, String);

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sandbox(words: &[&str]) -> Sandbox {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_tillwatch"))
        .arg("sandbox")
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    Sandbox(child, text("base_url"), text("restricted_key"))
}

fn tillwatch(home: &Path, words: &[&str], key: Option<&str>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command
        .args(words)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("TILLWATCH_DATA_DIR", home.join("data"));
    if let Some(key) = key {
        command.env("STRIPE_API_KEY", key);
    }
    let done = command.stdout(Stdio::null()).stderr(Stdio::inherit()).status().unwrap();
    assert!(done.success(), "{words:?}");
}

/// A folder with so many invoices and what belongs to them; made once.
fn fill(records: u64) -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/budget/{records}"));
    let mark = home.join("filled");
    if !mark.exists() {
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).unwrap();
        eprintln!("filling {} once …", home.display());
        let many = records.to_string();
        let stripe = sandbox(&["--seed", "1", "--invoices", &many, "--limits", "none"]);
        tillwatch(&home, &["--api-base", &stripe.1, "connect"], Some(&stripe.2));
        for words in [["discover", "--pace", "none", "--yes"], ["sync", "--pace", "none", "--yes"]] {
            tillwatch(&home, &[&["--api-base", stripe.1.as_str()], &words[..]].concat(), None);
        }
        std::fs::write(mark, "").unwrap();
    }
    home
}

fn dashboard(home: &Path, base: &str) -> Pty {
    Start::new(home, &["--api-base", base])
        .env("TILLWATCH_DATA_DIR", home.join("data").to_str().unwrap())
        .on(WIDE)
}

/// Nanoseconds on a processor and voluntary switches of the threads that are ours.
fn used(pid: i32) -> (u64, u64) {
    let mut all = (0, 0);
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        if read("comm").starts_with("sled") {
            continue;
        }
        all.0 += read("schedstat").split(' ').next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let status = read("status");
        let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        all.1 += switches.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0);
    }
    all
}

fn resident_mb(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

fn frames(screen: &Pty) -> usize {
    screen.raw().windows(8).filter(|bytes| bytes == b"\x1b[?2026h").count()
}

fn idle(home: &Path) {
    let stripe = sandbox(&["--events-per-second", "0"]);
    let mut screen = dashboard(home, &stripe.1);
    screen.until_text("complete to");
    // Tables of all kinds (with a million invoices, over four million rows) are built in the background first.
    std::thread::sleep(Duration::from_secs(60));
    let pid = screen.pid().as_raw_nonzero().get();
    let (time, before, drawn) = (Instant::now(), used(pid), frames(&screen));
    std::thread::sleep(Duration::from_secs(30));
    let (seconds, after) = (time.elapsed().as_secs_f64(), used(pid));
    let drawn = (frames(&screen) - drawn) as f64 / seconds;
    row("idle: frames a second", &format!("{drawn:.2}"), "at most 1");
    row(
        "idle: wake-ups a second, ours",
        &format!("{:.1}", (after.1 - before.1) as f64 / seconds),
        "at most 4",
    );
    let share = (after.0 - before.0) as f64 / seconds / 1e7;
    row("idle: CPU, ours", &format!("{share:.2} %"), "under 0.3 %");
    screen.keys("q");
    screen.end();
}

fn start(home: &Path, records: u64) {
    let stripe = sandbox(&["--events-per-second", "0"]);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut resident = 0;
    for _ in 0..5 {
        let mut screen = dashboard(home, &stripe.1);
        screen.until("a frame", |text| text.contains("tillwatch") || text.contains("opening"));
        times[0].push(screen.begun.elapsed());
        screen.keys("4");
        screen.until_text("› Records");
        screen.until("rows", |text| text.contains('$'));
        times[1].push(screen.begun.elapsed());
        let all = tillwatch::tui::fmt::count(records);
        screen.until("all rows", |text| text.contains(&all) && !text.contains("loading"));
        times[2].push(screen.begun.elapsed());
        resident = resident_mb(screen.pid().as_raw_nonzero().get());
        screen.keys("q");
        screen.end();
    }
    for (what, (all, wanted)) in ["first frame", "first rows of Records", "all rows there"]
        .iter()
        .zip(times.into_iter().zip(["150 ms", "1 s", "4 s"]))
    {
        row(&format!("start: {what} (worst of 5)"), &ms(all.into_iter().max().unwrap()), wanted);
    }
    row("memory with all rows there", &format!("{resident} MB"), "300 MB at 1 000 000 records");
}

fn keys_under_load(home: &Path) {
    let demo = Start::new(home, &["demo", "--events-per-second", "5000"]);
    let mut screen = demo.on(WIDE);
    screen.until_text("complete to");
    std::thread::sleep(Duration::from_secs(5));
    let mut times = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        screen.keys("?");
        screen.until_text("Keys ·");
        times.push(begun.elapsed());
        screen.keys("?");
        screen.until("closed", |text| !text.contains("Keys ·"));
    }
    row("key to frame, 5 000 events/s made (p50 of 50)", &ms(percentile(&mut times, 50)), "");
    row("key to frame, 5 000 events/s made (p99 of 50)", &ms(percentile(&mut times, 99)), "under 16 ms");
    screen.keys("q");
    screen.end();
}

fn percentile(times: &mut [Duration], share: usize) -> Duration {
    times.sort();
    times[(times.len() * share / 100).min(times.len() - 1)]
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// The state of the screen on the real engine, without loop or terminal.
struct Desk {
    state: State,
    engine: Engine,
    runtime: tokio::runtime::Runtime,
}

impl Desk {
    fn send(&mut self, msg: Msg) {
        let mut waiting = VecDeque::from([msg]);
        while let Some(msg) = waiting.pop_front() {
            for effect in update(&mut self.state, msg, 0) {
                if let Effect::Request { generation, request } = effect {
                    let answer = self.runtime.block_on(self.engine.request(request));
                    waiting.push_back(Msg::Answer { generation, answer });
                }
            }
        }
    }

    fn key(&mut self, name: &str) {
        let key = Key::parse(name).unwrap();
        let modifiers = if key.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        self.send(Msg::Key(KeyEvent::new(key.code, modifiers)));
    }

    fn draw(&mut self) -> Duration {
        let mut buf = Buffer::empty(Rect::new(0, 0, WIDE.0, WIDE.1));
        let begun = Instant::now();
        let hits = view::draw(&self.state, Theme::default(), false, clock::system()(), &mut buf);
        let took = begun.elapsed();
        self.send(Msg::Drawn(hits));
        took
    }
}

fn inside(home: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options = Options {
        data_dir: home.join("data"),
        key_dir: home.join("data"),
        api_base: None,
        demo: false,
        bases: Vec::new(),
        stripe_cli: Vec::new(),
        upkeep: tillwatch::config::Upkeep::default(),
        read_only: false,
        live: false,
        store: OpenOptions::default(),
        declines: std::sync::Arc::new(tillwatch::recovery::Declines::built_in()),
        alerts: tillwatch::engine::alerts::Settings::default(),
        now: clock::system(),
    };
    let engine = runtime.block_on(async {
        let engine = Engine::start(options);
        engine.ready().await.unwrap();
        engine
    });
    let mut desk = Desk { state: State::new(WIDE), engine, runtime };
    let snapshot = desk.engine.snapshots().borrow().clone();
    desk.send(Msg::Snapshot(snapshot));
    for (name, keys) in
        [("dashboard", &["esc"][..]), ("records", &["4"]), ("events", &["2"]), ("sync", &["3"])]
    {
        for key in keys {
            desk.key(key);
        }
        desk.draw();
        let mut times = Vec::new();
        for step in 0..400 {
            desk.key(if step % 7 == 0 { "pgdn" } else { "j" });
            times.push(desk.draw());
        }
        row(&format!("frame at 200x50, {name} (p99 of 400)"), &ms(percentile(&mut times, 99)), "under 4 ms");
    }
    let mut times = Vec::new();
    for text in ["ada@example.com", "INV-2041", "in_1QxAb", "4242", "1240.00", "lindqvist"] {
        for end in 1..=text.chars().count() {
            let text: String = text.chars().take(end).collect();
            let begun = Instant::now();
            let answer = desk.runtime.block_on(desk.engine.request(Request::Search { text, limit: 50 }));
            assert!(matches!(answer, Answer::Found(_)), "{answer:?}");
            times.push(begun.elapsed());
        }
    }
    let tries = times.len();
    row(&format!("search as one types (p99 of {tries})"), &ms(percentile(&mut times, 99)), "under 50 ms");
    let Desk { engine, runtime, .. } = desk;
    runtime.block_on(engine.shutdown());
}
