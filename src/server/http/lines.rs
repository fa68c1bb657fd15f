//! The open connections of a listener: who works, who is idle since when.
//!
//! It must never let a connection go on which an answer is being made.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// All connections of a listener.
#[derive(Debug)]
pub struct Lines {
    open: Mutex<Open>,
    finish: CancellationToken,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    lines: HashMap<u64, (State, CancellationToken)>,
}

/// One connection; its place goes with it.
pub struct Line {
    number: u64,
    state: State,
    go: CancellationToken,
    lines: Arc<Lines>,
}

/// What one connection does.
#[derive(Debug, Clone)]
pub struct State(Arc<Doing>);

#[derive(Debug)]
struct Doing {
    begun: Instant,
    /// Milliseconds after `begun` at which something was read of a body, or written, last.
    moved: AtomicU64,
    working: AtomicIsize,
    /// A request has come: its headers are complete, its answer is not.
    within: AtomicBool,
}

/// While it is held an answer is being made.
pub struct Working(State);

/// While it is held, the answer waits for its client.
pub struct Resting(State);

impl Default for Lines {
    fn default() -> Lines {
        Lines { open: Mutex::default(), finish: CancellationToken::new() }
    }
}

impl Lines {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open().lines.len()
    }

    /// A new connection.
    pub fn enter(self: &Arc<Self>) -> Line {
        let state = State(Arc::new(Doing {
            begun: Instant::now(),
            moved: AtomicU64::new(0),
            working: AtomicIsize::new(0),
            within: AtomicBool::new(false),
        }));
        let go = CancellationToken::new();
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        open.lines.insert(number, (state.clone(), go.clone()));
        Line { number, state, go, lines: self.clone() }
    }

    /// Lets the connection go that was idle longest, and at least so long. False: there is none.
    pub fn let_go(&self, idle: Duration) -> bool {
        let mut open = self.open();
        let candidates = open.lines.iter().filter_map(|(number, (state, _))| Some((state.idle()?, *number)));
        let Some((_, number)) = candidates.filter(|(since, _)| *since >= idle).max() else { return false };
        if let Some((_, go)) = open.lines.remove(&number) {
            go.cancel();
        }
        true
    }

    /// Every connection ends with the answer that it is at.
    pub fn finish(&self) {
        self.finish.cancel();
    }
}

impl Line {
    /// What it does.
    pub fn state(&self) -> State {
        self.state.clone()
    }

    /// Waits until its place is wanted for another.
    pub async fn let_go(&self) {
        self.go.cancelled().await;
    }

    /// Waits until all are to end.
    pub async fn finishing(&self) {
        self.lines.finish.cancelled().await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.lines.open().lines.remove(&self.number);
    }
}

impl State {
    /// An answer is being made until this is dropped.
    pub fn working(&self) -> Working {
        self.0.working.fetch_add(1, Ordering::SeqCst);
        self.0.within.store(true, Ordering::SeqCst);
        // Its body has the time from here.
        self.moved();
        Working(self.clone())
    }

    /// The answer waits for its client until this is dropped.
    pub fn resting(&self) -> Resting {
        self.0.working.fetch_sub(1, Ordering::SeqCst);
        Resting(self.clone())
    }

    /// Something was read. Of headers that does not count: a client that sends them a byte at a time is as idle as one that
    /// sends nothing.
    pub fn heard(&self) {
        if self.0.within.load(Ordering::SeqCst) {
            self.moved();
        }
    }

    /// Something was written, or read of a body.
    pub fn moved(&self) {
        self.0.moved.store(self.0.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// For how long nothing moved, since its beginning or the answer before; none while an answer is being made.
    fn idle(&self) -> Option<Duration> {
        if self.0.working.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let moved = Duration::from_millis(self.0.moved.load(Ordering::Relaxed));
        Some(self.0.begun.elapsed().saturating_sub(moved))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.working.fetch_sub(1, Ordering::SeqCst);
        self.0.0.within.store(false, Ordering::SeqCst);
        self.0.moved();
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.0.working.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_trickle_in_hold_no_place_and_a_body_does() {
        let lines = Arc::new(Lines::default());
        let line = lines.enter();
        let (state, begun, short) = (line.state(), Instant::now(), Duration::from_millis(20));
        while state.idle().unwrap() < short {
            state.heard();
            assert!(begun.elapsed() < Duration::from_secs(10), "every byte began its time anew");
        }
        let working = state.working();
        let _resting = state.resting();
        while begun.elapsed() < short * 4 {
            state.heard();
            assert!(state.idle().unwrap() + short / 2 < begun.elapsed(), "a body comes");
        }
        drop(working);
    }

    #[test]
    fn the_one_that_was_idle_longest_goes_and_never_one_at_work() {
        let lines = Arc::new(Lines::default());
        let (first, second) = (lines.enter(), lines.enter());
        let working = first.state().working();
        assert!(!lines.let_go(Duration::from_secs(60)), "nobody was idle for a minute");
        assert!(lines.let_go(Duration::ZERO));
        assert!(second.go.is_cancelled() && !first.go.is_cancelled());
        assert!(!lines.let_go(Duration::ZERO), "the first one works");
        let resting = first.state().resting();
        assert!(first.state().idle().is_some(), "it waits for its client");
        drop(resting);
        assert!(first.state().idle().is_none());
        drop(working);
        assert!(lines.let_go(Duration::ZERO));
        assert!(first.go.is_cancelled());
        assert_eq!(lines.count(), 0);
        drop((first, second, lines.enter()));
        assert_eq!(lines.count(), 0);
    }
}
