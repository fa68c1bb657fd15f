//! The real loop, with keys from a channel, the canned engine, and a terminal that hands each frame to the test.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyModifiers};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::canned;
use crate::tui::app::App;
use crate::tui::input::keys::Key;
use crate::tui::style::Theme;
use crate::tui::terminal::Tty;
use crate::tui::terminal::signals::Signal;
use crate::tui::{ExitReason, TuiError};

/// A test backend whose errors are those of a real one, and which shows its frames.
struct Shown {
    inner: TestBackend,
    frames: watch::Sender<String>,
}

macro_rules! forward {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $out:ty;)*) => {
        $(fn $name(&mut self, $($arg: $ty),*) -> io::Result<$out> {
            self.inner.$name($($arg),*).map_err(|never| match never {})
        })*
    };
}

impl Backend for Shown {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.inner.draw(content).map_err(|never| match never {})
    }

    forward! {
        hide_cursor() -> ();
        show_cursor() -> ();
        get_cursor_position() -> Position;
        clear() -> ();
        clear_region(what: ClearType) -> ();
        window_size() -> WindowSize;
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position).map_err(|never| match never {})
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size().map_err(|never| match never {})
    }

    fn flush(&mut self) -> io::Result<()> {
        self.frames.send_replace(super::text(self.inner.buffer()));
        Ok(())
    }
}

#[derive(Default)]
struct Desk {
    frames: Arc<AtomicUsize>,
    copied: Arc<std::sync::Mutex<Vec<String>>>,
    suspended: Arc<AtomicUsize>,
}

impl Tty for Desk {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.frames.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.copied.lock().unwrap().push(text.to_owned());
        Ok(())
    }

    fn ring(&mut self) -> io::Result<()> {
        self.copied.lock().unwrap().push("(bell)".to_owned());
        Ok(())
    }

    fn notify(&mut self, text: &str) -> io::Result<()> {
        self.copied.lock().unwrap().push(format!("(notify) {text}"));
        Ok(())
    }

    fn open_page(&mut self, _url: &str) -> bool {
        false
    }

    fn suspend(&mut self) -> io::Result<Result<(), String>> {
        self.suspended.fetch_add(1, Ordering::SeqCst);
        Ok(Ok(()))
    }

    fn take_again(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Driver {
    engine: Arc<canned::Fake>,
    keys: UnboundedSender<io::Result<Event>>,
    signals: UnboundedSender<Signal>,
    screen: watch::Receiver<String>,
    drawn: Arc<AtomicUsize>,
    copied: Arc<std::sync::Mutex<Vec<String>>>,
    suspended: Arc<AtomicUsize>,
    panics: mpsc::Sender<String>,
    end: JoinHandle<Result<ExitReason, TuiError>>,
}

impl Driver {
    fn start(name: &str, size: (u16, u16)) -> Driver {
        let engine = canned::Fake::new(name);
        let (keys, input) = unbounded();
        let (signals, sent) = unbounded();
        let (frames, screen) = watch::channel(String::new());
        let (panics, panicked) = mpsc::channel(4);
        let desk = Desk::default();
        let (drawn, copied, suspended) = (desk.frames.clone(), desk.copied.clone(), desk.suspended.clone());
        let backend = Shown { inner: TestBackend::new(size.0, size.1), frames };
        let mut app = App {
            keymap: Arc::default(),
            calls: crate::tui::state::Calls { bell: true, osc9: true },
            mistakes: Vec::new(),
            terminal: Terminal::new(backend).unwrap(),
            tty: desk,
            engine: engine.clone(),
            theme: Theme::default(),
            ascii: false,
            now_ms: Box::new(|| canned::NOW * 1000),
            panics: panicked,
        };
        let end = tokio::spawn(async move { app.run(input, sent).await.map(|(reason, _)| reason) });
        Driver { engine, keys, signals, screen, drawn, copied, suspended, panics, end }
    }

    fn key(&self, name: &str) {
        let key = Key::parse(name).unwrap();
        let modifiers = if key.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        self.keys.unbounded_send(Ok(Event::Key(KeyEvent::new(key.code, modifiers)))).unwrap();
    }

    /// Waits until the screen is as wanted.
    async fn until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let seen = timeout(Duration::from_secs(10), self.screen.wait_for(|text| wanted(text))).await;
        if let Ok(Ok(text)) = seen {
            return text.clone();
        }
        drop(seen);
        panic!("never seen; the screen is\n{}", *self.screen.borrow())
    }

    async fn until_text(&mut self, text: &str) -> String {
        self.until(|screen| screen.contains(text)).await
    }

    async fn ends(self) -> ExitReason {
        timeout(Duration::from_secs(10), self.end).await.expect("it goes on").unwrap().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut crate::engine::api::Snapshot)) {
        self.engine.snapshots.send_modify(|snapshot| change(Arc::make_mut(snapshot)));
    }
}

#[tokio::test]
async fn a_session_from_opening_to_quitting() {
    let mut it = Driver::start("opening", (120, 36));
    it.until_text("opening the store …").await;
    *it.engine.rows.lock().unwrap() = canned::events("data");
    it.change(|snapshot| *snapshot = canned::snapshot("idle"));
    it.until_text("invoice.paid").await;
    it.key("s");
    it.until_text("Sync Acme Inc  LIVE ?").await;
    it.key("enter");
    it.until(|screen| !screen.contains("LIVE ?")).await;
    it.key("d");
    it.until_text("Discover Acme Inc  LIVE ?").await;
    it.key("y");
    it.until_text("goes on where it stopped").await;
    it.key("?");
    it.until_text("Keys").await;
    it.key("q");
    assert_eq!(it.ends().await, ExitReason::Quit);
}

#[tokio::test]
async fn new_events_come_in_and_stop_moving_when_frozen() {
    let mut it = Driver::start("data", (140, 40));
    it.until_text("invoice.paid").await;
    let add = |it: &Driver, n: i64| {
        let mut row = canned::events("data")[0].clone();
        (row.id, row.who, row.created) = (format!("evt_3{n}"), format!("Newcomer {n}"), canned::NOW + n);
        it.engine.rows.lock().unwrap().insert(0, row);
        it.change(|snapshot| snapshot.events_version += 1);
    };
    add(&it, 1);
    it.until_text("Newcomer 1").await;
    it.key("space");
    it.until_text("frozen").await;
    add(&it, 2);
    let text = it.until_text("1 new above").await;
    assert!(!text.contains("Newcomer 2"), "{text}");
    it.key("space");
    it.until_text("Newcomer 2").await;
    it.key("y");
    it.until_text("evt_32 was sent").await;
    assert_eq!(*it.copied.lock().unwrap(), ["evt_32"]);
}

#[tokio::test]
async fn an_alert_rings_once_notifies_and_shows() {
    use crate::engine::api::{Alert, AlertReason, IntegrationId, Level};
    let mut it = Driver::start("data", (120, 36));
    it.until_text("invoice.paid").await;
    let alert = |seq, over| Alert {
        seq,
        at: canned::NOW,
        level: if over { Level::Info } else { Level::Error },
        integration: IntegrationId(1),
        reason: AlertReason::KeyRefused,
        over,
        case: None,
        text: format!("alert {seq}: the key is \u{1b}]0;evil\u{7}refused"),
    };
    it.change(|snapshot| snapshot.alerts.push(alert(1, false)));
    it.until_text("alert 1: the key is refused").await;
    let called = it.copied.lock().unwrap().clone();
    assert_eq!(called, ["(bell)", "(notify) alert 1: the key is refused"]);
    // What is over is told and rings no more.
    it.change(|snapshot| snapshot.alerts.push(alert(2, true)));
    it.until_text("alert 2").await;
    assert_eq!(*it.copied.lock().unwrap(), called);
}

#[tokio::test]
async fn the_end_of_input_and_signals_end_it() {
    let mut it = Driver::start("data", (80, 24));
    it.until_text("Live events").await;
    it.keys.close_channel();
    assert_eq!(it.ends().await, ExitReason::InputEnded);
    let mut it = Driver::start("data", (80, 24));
    it.until_text("Live events").await;
    it.signals.unbounded_send(Signal::End).unwrap();
    assert_eq!(it.ends().await, ExitReason::Signal);
}

#[tokio::test]
async fn an_error_of_the_terminal_ends_it_with_that_error() {
    let mut it = Driver::start("data", (80, 24));
    it.until_text("Live events").await;
    it.keys.unbounded_send(Err(io::Error::other("gone"))).unwrap();
    let end = timeout(Duration::from_secs(10), it.end).await.unwrap().unwrap();
    assert!(matches!(end, Err(TuiError::Terminal(_))));
}

#[tokio::test]
async fn it_suspends_and_tells_of_panics_elsewhere() {
    let mut it = Driver::start("data", (120, 36));
    it.until_text("Live events").await;
    it.key("ctrl-z");
    it.panics.send("index out of bounds (store.rs:7)".into()).await.unwrap();
    it.until_text("a part of tillwatch broke: index out of bounds").await;
    assert_eq!(it.suspended.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_flood_of_snapshots_neither_starves_keys_nor_draws_each_of_them() {
    let mut it = Driver::start("data", (120, 36));
    it.until_text("Live events").await;
    let before = it.drawn.load(Ordering::SeqCst);
    let begun = std::time::Instant::now();
    for n in 0..20_000_u64 {
        it.change(|snapshot| snapshot.integrations[0].events_today = n);
        if n == 10_000 {
            it.key("3");
        }
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    it.until_text("19 999 received today").await;
    let frames = it.drawn.load(Ordering::SeqCst) - before;
    // At most one every 33 ms, one for the key, and a few for rounding.
    let most = begun.elapsed().as_millis() / 33 + 6;
    assert!((frames as u128) <= most, "{frames} frames, at most {most}");
}

#[tokio::test]
async fn pasted_text_is_not_run_as_keys() {
    let mut it = Driver::start("data", (120, 36));
    it.until_text("Live events").await;
    it.keys.unbounded_send(Ok(Event::Paste("q?sy".into()))).unwrap();
    it.key("7");
    let text = it.until_text("Acme Inc › Log").await;
    assert!(!text.contains("Keys"), "{text}");
}
