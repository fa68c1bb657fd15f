//! The loop: waits for something to happen, lets `update` say what follows, carries that out, and draws when due.
//!
//! Frames are asked for, never made by a timer: at once for a key (but 10 ms apart), within 33 ms for data, with the
//! clock only while the frame shows one. When nothing happens nothing wakes up. It decides nothing by itself.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crossterm::event::Event;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use ratatui::{Terminal, backend::Backend, layout::Rect};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::backend::Engine;
use super::effects::Effect;
use super::input::keymap::Keymap;
use super::msg::Msg;
use super::state::{Calls, State};
use super::style::Theme;
use super::terminal::Tty;
use super::terminal::signals::Signal;
use super::update::update;
use super::view;
use super::widgets::Wake;
use super::{ExitReason, TuiError};
use crate::engine::api::{Answer, Level, Snapshot};
use crate::vault::secret::Secret;

/// Least time between two frames.
const INPUT_GAP: Duration = Duration::from_millis(10);
/// Most time between data and its frame.
const DATA_GAP: Duration = Duration::from_millis(33);
/// Keys taken in before the next look at the clock.
const KEYS_AT_ONCE: usize = 256;

type Pending = FuturesUnordered<JoinHandle<(u64, Answer)>>;

/// Everything the loop talks to; tests put their own in.
pub struct App<B: Backend, T: Tty> {
    /// Where it draws.
    pub terminal: Terminal<B>,
    /// The terminal besides drawing.
    pub tty: T,
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Styles.
    pub theme: Theme,
    /// ASCII only.
    pub ascii: bool,
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// How a person is called at an alert.
    pub calls: Calls,
    /// Told as warnings when the screen is there.
    pub mistakes: Vec<String>,
    /// The time, Unix milliseconds.
    pub now_ms: Box<dyn Fn() -> i64 + Send>,
    /// Panics of other threads.
    pub panics: mpsc::Receiver<String>,
}

/// When the next frame is due.
#[derive(Debug, Default)]
struct Due {
    at: Option<Instant>,
    last: Option<Instant>,
}

impl Due {
    fn within(&mut self, gap: Duration) {
        let at = Instant::now() + gap;
        self.at = Some(self.at.map_or(at, |old| old.min(at)));
    }

    fn for_input(&mut self) {
        let now = Instant::now();
        let at = self.last.map_or(now, |last| (last + INPUT_GAP).max(now));
        self.at = Some(self.at.map_or(at, |old| old.min(at)));
    }
}

impl<B, T> App<B, T>
where
    B: Backend,
    B::Error: Into<io::Error>,
    T: Tty,
{
    /// Runs until something ends it. `input` is the keys, `signals` what the system sends.
    pub async fn run<I, S>(&mut self, mut input: I, mut signals: S) -> Result<(ExitReason, State), TuiError>
    where
        I: Stream<Item = io::Result<Event>> + Unpin,
        S: Stream<Item = Signal> + Unpin,
    {
        let mut snapshots = self.engine.snapshots();
        let size = self.terminal.size().map_err(Into::into)?;
        let mut state = State::new((size.width, size.height));
        state.keymap = Arc::clone(&self.keymap);
        state.calls = self.calls;
        let mistakes = std::mem::take(&mut self.mistakes);
        let many = mistakes.len();
        for mistake in mistakes {
            state.tell(Level::Warning, mistake, (self.now_ms)());
        }
        if many > 1 {
            let text = format!("{many} mistakes in the configuration: M lists them; defaults are used there");
            state.flash(Level::Warning, text, (self.now_ms)());
        }
        let mut pending = Pending::new();
        let mut due = Due::default();
        let mut fresh = true;
        let mut engine_there = true;
        due.for_input();
        loop {
            // Looked at first: keys that never stop must not keep the frame from being drawn.
            if due.at.is_some_and(|at| at <= Instant::now()) {
                if std::mem::take(&mut fresh)
                    && let Some(end) = self.take_snapshot(&mut state, &mut snapshots, &mut pending)?
                {
                    return Ok((end, state));
                }
                self.frame(&mut state)?;
                due = Due { at: None, last: Some(Instant::now()) };
            }
            let clock = self.next_change(&state);
            let mut msgs: VecDeque<Msg> = VecDeque::new();
            tokio::select! { biased;
                signal = signals.next() => match signal {
                    None | Some(Signal::End) => return Ok((ExitReason::Signal, state)),
                    Some(Signal::Stop) => {
                        msgs.extend(self.suspend()?);
                        due.for_input();
                    }
                    Some(Signal::Continued) => {
                        self.tty.take_again()?;
                        self.repaint()?;
                        due.for_input();
                    }
                },
                event = input.next() => {
                    let mut next = Some(event);
                    let mut taken = 0;
                    while let Some(event) = next {
                        match event {
                            None => return Ok((ExitReason::InputEnded, state)),
                            Some(event) => msgs.extend(message(&event?)),
                        }
                        taken += 1;
                        // With this task's own waker: polled with any other, the stream would wake nobody
                        // for the next key.
                        next = None;
                        if taken < KEYS_AT_ONCE
                            && let Poll::Ready(event) = futures::poll!(input.next())
                        {
                            next = Some(event);
                        }
                    }
                    if !msgs.is_empty() {
                        due.for_input();
                    }
                }
                () = sleep_until(due.at.unwrap_or_else(Instant::now)), if due.at.is_some() => {}
                Some(answer) = pending.next(), if !pending.is_empty() => {
                    if let Ok((generation, answer)) = answer {
                        msgs.push_back(Msg::Answer { generation, answer });
                        due.within(DATA_GAP);
                    }
                }
                // While one waits for its frame, newer ones need not wake anybody: the newest is taken then.
                changed = snapshots.changed(), if engine_there && !fresh => {
                    if changed.is_ok() {
                        fresh = true;
                        due.within(DATA_GAP);
                    } else {
                        engine_there = false;
                        msgs.push_back(Msg::EngineGone);
                        due.for_input();
                    }
                }
                Some(text) = self.panics.recv() => {
                    msgs.push_back(Msg::Panicked(text));
                    due.for_input();
                }
                () = sleep_until(clock.unwrap_or_else(Instant::now)), if clock.is_some() => {
                    msgs.push_back(Msg::Tick);
                    due.for_input();
                }
            }
            while let Some(msg) = msgs.pop_front() {
                let effects = update(&mut state, msg, (self.now_ms)());
                if let Some(end) = self.carry_out(effects, &mut state, &mut pending)? {
                    return Ok((end, state));
                }
            }
        }
    }

    fn take_snapshot(
        &mut self,
        state: &mut State,
        snapshots: &mut watch::Receiver<Arc<Snapshot>>,
        pending: &mut Pending,
    ) -> Result<Option<ExitReason>, TuiError> {
        let newest = Arc::clone(&snapshots.borrow_and_update());
        let effects = update(state, Msg::Snapshot(newest), (self.now_ms)());
        self.carry_out(effects, state, pending)
    }

    /// Carries effects out; says why, when one of them ends the program.
    fn carry_out(
        &mut self,
        effects: Vec<Effect>,
        state: &mut State,
        pending: &mut Pending,
    ) -> Result<Option<ExitReason>, TuiError> {
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(Some(ExitReason::Quit)),
                Effect::Copy(text) => self.tty.copy(&text)?,
                Effect::Ring => self.tty.ring()?,
                Effect::Notify(text) => self.tty.notify(&text)?,
                Effect::Suspend => {
                    if let Some(msg) = self.suspend()? {
                        update(state, msg, (self.now_ms)());
                    }
                }
                Effect::Request { generation, request } => {
                    pending.push(answered(generation, self.engine.request(request)));
                }
                Effect::OfferKey { generation, key } => {
                    pending.push(answered(generation, self.engine.offer_key(key)));
                }
                Effect::OpenPage(url) => {
                    let told = if self.tty.open_page(&url) {
                        format!("opened in a browser: {url}")
                    } else {
                        self.tty.copy(&url)?;
                        format!("no browser here; the address was sent to the terminal's clipboard: {url}")
                    };
                    update(state, Msg::Told(told), (self.now_ms)());
                }
            }
        }
        Ok(None)
    }

    fn suspend(&mut self) -> Result<Option<Msg>, TuiError> {
        let msg = self.tty.suspend()?.err().map(Msg::NotSuspended);
        self.repaint()?;
        Ok(msg)
    }

    /// Forgets what is on the terminal, so that the next frame writes all of it.
    fn repaint(&mut self) -> Result<(), TuiError> {
        // `Terminal::clear` would ask the terminal where its cursor is, and the stream of keys would swallow the answer.
        let size = self.terminal.size().map_err(Into::into)?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height)).map_err(Into::into)?;
        Ok(())
    }

    fn frame(&mut self, state: &mut State) -> Result<(), TuiError> {
        let now_ms = (self.now_ms)();
        update(state, Msg::Tick, now_ms);
        let (theme, ascii) = (self.theme, self.ascii);
        let mut hits = None;
        self.tty.begin()?;
        let drawn = self.terminal.draw(|frame| {
            let now = now_ms.div_euclid(1000);
            hits = Some(view::draw(state, theme, ascii, now, frame.buffer_mut()));
        });
        let drawn = drawn.map(|_| ()).map_err(Into::into);
        // Ended even when drawing failed: a terminal that waits shows nothing at all.
        self.tty.end()?;
        drawn?;
        if let Some(hits) = hits {
            update(state, Msg::Drawn(hits), now_ms);
        }
        Ok(())
    }

    /// When the clock alone makes the frame old.
    fn next_change(&self, state: &State) -> Option<Instant> {
        let now_ms = (self.now_ms)();
        let to_next = |unit: i64| unit - now_ms.rem_euclid(unit);
        let clock = match state.hits.wake {
            Wake::Never => None,
            Wake::Minute => Some(to_next(60_000)),
            Wake::Second => Some(to_next(1000)),
        };
        let toast = state.toast.as_ref().map(|toast| (toast.until_ms - now_ms).max(0));
        let wait = [clock, toast].into_iter().flatten().min()?;
        Some(Instant::now() + Duration::from_millis(wait.unsigned_abs()))
    }
}

/// The answer of a request, whatever becomes of it: one that panics must not stay unanswered.
fn answered(generation: u64, asked: BoxFuture<'static, Answer>) -> JoinHandle<(u64, Answer)> {
    tokio::spawn(async move {
        let answer = std::panic::AssertUnwindSafe(asked).catch_unwind().await;
        let broke = |_| Answer::Refused { reason: "the engine broke on it".to_owned() };
        (generation, answer.unwrap_or_else(broke))
    })
}

/// What an event of the terminal means.
fn message(event: &Event) -> Option<Msg> {
    match event {
        Event::Key(key) => Some(Msg::Key(*key)),
        Event::Resize(columns, rows) => Some(Msg::Resize(*columns, *rows)),
        Event::Paste(text) => Some(Msg::Paste(Secret::new(text.as_str()))),
        Event::Mouse(_) | Event::FocusGained | Event::FocusLost => None,
    }
}
