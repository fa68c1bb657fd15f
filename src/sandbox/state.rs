//! What a running sandbox shares between its requests and those who script it.
//!
//! One lock for what traffic changes, one for the small bookkeeping. No lock is ever held over an await.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use super::Options;
use super::events::history;
use super::faults::Faults;
use super::keys::Keys;
use super::limits::Limiter;
use super::model::World;
use super::overlay::{Overlay, View};
use super::traffic::Traffic;

/// One mode: history, what came after, and what goes on.
pub struct Mode {
    /// history
    pub world: World,
    /// what came after
    pub overlay: RwLock<Overlay>,
    /// what goes on
    pub traffic: Mutex<Traffic>,
}

impl Mode {
    fn new(options: &Options, livemode: bool) -> Mode {
        let mut world =
            World::new(options.seed, livemode, options.start, options.invoices, options.customers.max(1));
        world.name.clone_from(&options.name);
        let mut overlay = Overlay::default();
        for event in history(&world) {
            overlay.push_event(event);
        }
        let traffic = Mutex::new(Traffic::new(world.seed));
        Mode { world, overlay: RwLock::new(overlay), traffic }
    }

    /// For reading. A panic elsewhere must not take the sandbox down with it.
    pub fn read(&self) -> RwLockReadGuard<'_, Overlay> {
        self.overlay.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// For changing.
    pub fn write(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs `steps` steps of traffic at `now` (seconds since 1970); gives how many events they wrote.
    pub fn run_traffic(&self, steps: u64, now: i64) -> u64 {
        let mut traffic = lock(&self.traffic);
        let mut overlay = self.write();
        let before = overlay.event_span();
        for _ in 0..steps {
            traffic.step(&self.world, &mut overlay, now);
        }
        let after = overlay.event_span();
        (after.0 + after.1) - (before.0 + before.1)
    }

    /// Changes `count` invoices as somebody with the API would; gives their ids.
    pub fn mutate(&self, count: u64, now: i64) -> Vec<String> {
        let mut traffic = lock(&self.traffic);
        let mut overlay = self.write();
        traffic.mutate(&self.world, &mut overlay, count, now)
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// requests by endpoint, ids folded, refused ones included
    pub requests: BTreeMap<String, u64>,
    /// all of them
    pub total: u64,
    /// answers by status
    pub statuses: BTreeMap<u16, u64>,
    /// 429s by reason; `lock` for those without
    pub limited: BTreeMap<String, u64>,
    /// faults that struck, by kind
    pub faults: BTreeMap<String, u64>,
}

/// Everything.
pub struct State {
    /// how it was started
    pub options: Options,
    /// test mode
    pub test: Mode,
    /// live mode
    pub live: Mode,
    /// keys and what they may
    pub keys: RwLock<Keys>,
    /// limits of test and live mode
    pub limiters: [Mutex<Limiter>; 2],
    /// faults in force
    pub faults: Mutex<Faults>,
    /// what was counted
    pub report: Mutex<Report>,
    /// when it started, on the machine's clock
    pub began: Instant,
    requests: AtomicU64,
}

impl State {
    /// A sandbox that has served nothing.
    pub fn new(options: Options) -> State {
        State {
            test: Mode::new(&options, false),
            live: Mode::new(&options, true),
            keys: RwLock::new(Keys::new(options.seed, &options.deny)),
            limiters: [Mutex::new(Limiter::new(options.limits)), Mutex::new(Limiter::new(options.limits))],
            faults: Mutex::new(Faults::new(options.seed, options.faults.clone())),
            report: Mutex::new(Report::default()),
            began: Instant::now(),
            requests: AtomicU64::new(0),
            options,
        }
    }

    /// One of the modes.
    pub fn mode(&self, livemode: bool) -> &Mode {
        if livemode { &self.live } else { &self.test }
    }

    /// The sandbox's own clock, in seconds since 1970: the start it was given, plus what has passed.
    pub fn now(&self) -> i64 {
        self.options.start + self.began.elapsed().as_secs() as i64
    }

    /// A number for the next request.
    pub fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Copies of the keys, for checking.
    pub fn keys(&self) -> RwLockReadGuard<'_, Keys> {
        self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The keys, for changing.
    pub fn keys_mut(&self) -> RwLockWriteGuard<'_, Keys> {
        self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Locks, whatever happened to the one who held it before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// History and changes of one mode, under its read lock.
pub fn view<'a>(mode: &'a Mode, overlay: &'a Overlay) -> View<'a> {
    View { world: &mode.world, overlay }
}
