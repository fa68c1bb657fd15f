//! What a running sandbox shares between its requests and those who script it.
//!
//! One lock for what traffic changes, one for the small bookkeeping. No lock is ever held over an await.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::events::history;
use super::faults::Faults;
use super::hooks::{HookReport, Hooks};
use super::ids::Obj;
use super::keys::Keys;
use super::limits::Limiter;
use super::model::World;
use super::overlay::{Overlay, View};
use super::relay::{Relay, RelayReport};
use super::traffic::Traffic;

/// One mode: history, what came after, and what goes on.
pub struct Mode {
    /// history
    pub world: World,
    /// what came after
    pub overlay: RwLock<Overlay>,
    /// what goes on
    pub traffic: Mutex<Traffic>,
    /// events written so far, those of the beginning and those dropped included: the next event's number
    pub written: watch::Sender<u64>,
    /// numbers of events that somebody wants sent over the relay again
    pub resent: broadcast::Sender<u64>,
    /// webhook endpoints. Locked after the overlay, if both are
    pub hooks: Mutex<Hooks>,
    /// the number of the first event after the beginning
    pub first_made: u64,
}

/// Events are listed and retrieved for thirty days, in seconds.
const RETENTION: i64 = 30 * 86_400;
/// Resends kept for a socket that is behind; a person asks for them one by one.
const RESENDS: usize = 1024;

impl Mode {
    fn new(options: &Options, livemode: bool) -> Mode {
        let mut world =
            World::new(options.seed, livemode, options.start, options.invoices, options.customers.max(1));
        world.name.clone_from(&options.name);
        world.default_version.clone_from(&options.default_version);
        let mut overlay = Overlay::default();
        for event in history(&world) {
            overlay.push_event(event);
        }
        let traffic = Mutex::new(Traffic::new(world.seed));
        let first_made = overlay.events_written();
        Mode {
            world,
            overlay: RwLock::new(overlay),
            traffic,
            written: watch::Sender::new(first_made),
            resent: broadcast::Sender::new(RESENDS),
            hooks: Mutex::default(),
            first_made,
        }
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
        let before = overlay.events_written();
        for _ in 0..steps {
            traffic.step(&self.world, &mut overlay, now);
        }
        let after = overlay.events_written();
        self.announce(overlay, before);
        after - before
    }

    /// Tells endpoints and relay what was written from `from` on. Takes the lock, so that they are not told
    /// before it can be read.
    fn announce(&self, mut overlay: RwLockWriteGuard<'_, Overlay>, from: u64) {
        lock(&self.hooks).dispatch(&mut overlay, from);
        let written = overlay.events_written();
        drop(overlay);
        // Two writers may come here in the other order.
        self.written.send_if_modified(|known| {
            let newer = *known < written;
            *known = (*known).max(written);
            newer
        });
    }

    /// Drops the events that Stripe would not show any more at `now`.
    pub fn forget_old_events(&self, now: i64) {
        let before = now - RETENTION;
        if self.read().has_events_before(before) {
            self.write().drop_events_before(before);
        }
    }

    /// An event as it is pushed, in the given version or the account's own. `None` if it is gone.
    pub fn event_text(&self, number: u64, version: Option<&str>) -> Option<String> {
        let overlay = self.read();
        let version = version.unwrap_or(&self.world.default_version);
        super::write::event_text(view(self, &overlay), number, version)
    }

    /// Ids of the events written since the beginning that are still kept, oldest first.
    pub fn events_made(&self) -> Vec<String> {
        let overlay = self.read();
        let first = overlay.event_span().0.max(self.first_made);
        (first..overlay.events_written()).map(|number| self.world.ids.id(Obj::Event, number)).collect()
    }

    /// Changes `count` invoices as somebody with the API would; gives their ids.
    pub fn mutate(&self, count: u64, now: i64) -> Vec<String> {
        let mut traffic = lock(&self.traffic);
        let mut overlay = self.write();
        let before = overlay.events_written();
        let ids = traffic.mutate(&self.world, &mut overlay, count, now);
        self.announce(overlay, before);
        ids
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
    /// faults that struck, by the word of the command line
    pub faults: BTreeMap<String, u64>,
    /// events written since the beginning, in both modes
    pub events: u64,
    /// what went over the relay
    pub relay: RelayReport,
    /// what went to webhook endpoints, by id
    pub webhooks: BTreeMap<String, HookReport>,
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
    /// the relay
    pub relay: Relay,
    /// the traffic that goes on by itself stands still
    pub quiet: AtomicBool,
    /// cancelled when the sandbox ends
    pub stopping: CancellationToken,
    address: OnceLock<SocketAddr>,
    /// when it started, on the machine's clock
    pub began: Instant,
    requests: AtomicU64,
    skipped: AtomicU64,
}

impl State {
    /// A sandbox that has served nothing.
    pub fn new(options: Options) -> State {
        State {
            relay: Relay::new(options.seed, options.relay),
            quiet: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            address: OnceLock::new(),
            test: Mode::new(&options, false),
            live: Mode::new(&options, true),
            keys: RwLock::new(Keys::new(options.seed, &options.deny)),
            limiters: [Mutex::new(Limiter::new(options.limits)), Mutex::new(Limiter::new(options.limits))],
            faults: Mutex::new(Faults::new(options.seed, options.faults.clone())),
            report: Mutex::new(Report::default()),
            began: Instant::now(),
            requests: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            options,
        }
    }

    /// One of the modes.
    pub fn mode(&self, livemode: bool) -> &Mode {
        if livemode { &self.live } else { &self.test }
    }

    /// The sandbox's own clock, in seconds since 1970: the start it was given, plus what has passed and what
    /// was skipped.
    pub fn now(&self) -> i64 {
        self.options.start
            + self.began.elapsed().as_secs() as i64
            + self.skipped.load(Ordering::Relaxed).min(i64::MAX as u64 / 4) as i64
    }

    /// Sets the sandbox's clock forward.
    pub fn skip(&self, seconds: u64) {
        self.skipped.fetch_add(seconds.min(1 << 40), Ordering::Relaxed);
    }

    /// Where it listens, as `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.get().map(ToString::to_string).unwrap_or_default()
    }

    /// Says where it listens; the first word counts.
    pub fn listens_on(&self, address: SocketAddr) {
        // There is one listener.
        let _ = self.address.set(address);
    }

    /// What was counted so far.
    pub fn report(&self) -> Report {
        let mut report = lock(&self.report).clone();
        report.relay = self.relay.report();
        for mode in [&self.test, &self.live] {
            report.webhooks.extend(lock(&mode.hooks).report(&mode.world.ids));
            report.events += mode.read().events_written() - mode.first_made;
        }
        report
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
