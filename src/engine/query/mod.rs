//! Answers about what is stored: tables, search, objects, events, timelines, marks.
//!
//! What is kept in memory for them (row tables, the index of events by the ids they name, the feed's filters)
//! is built by one thread of its own after the store is open, kept current from the writer's batches, and can be
//! thrown away at any time. Every function here blocks: call them off the runtime's threads. It must never hold
//! one of its locks while reading the store for long, and never answer from memory what the store denies.

mod cases;
mod casework;
mod changes;
mod classify;
mod columns;
mod event;
mod facts;
mod feed;
mod filtering;
mod links;
pub mod marks;
mod mentions;
mod object;
mod picks;
mod search;
mod tables;
#[cfg(test)]
pub(super) mod tests;
mod what;
mod window;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::api::{Answer, EventWindow, Request};
use crate::recovery::Declines;
use crate::store::{Store, StoreError};
pub use casework::{Heard, Today};
pub use filtering::Accounts;

/// How long the thread sleeps at most when nothing is stored.
const SLEEP: Duration = Duration::from_secs(600);

/// After something could not be read, until it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// How long the thread stands back at most while questions wait.
const POLITE: Duration = Duration::from_millis(200);

/// Between two words about a filter of the feed that goes on.
const TELL_FEED: Duration = Duration::from_millis(500);

/// What is kept in memory of one open store.
pub struct Query {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    store: Store,
    tables: tables::Tables,
    mentions: mentions::Mentions,
    feed: feed::Feed,
    cases: cases::Cases,
    /// The table of decline codes.
    declines: Arc<Declines>,
    /// Held while the writer's changes are taken over: they must be applied in their order.
    catching_up: Mutex<()>,
    stop: AtomicBool,
    /// Questions that wait for a lock which the thread takes, too.
    asking: AtomicUsize,
    /// Rises with every search: an older one gives up.
    searches: AtomicU64,
    /// Called when more can be shown though nothing was stored.
    progress: Box<dyn Fn(News) + Send + Sync>,
}

/// A question that waits.
struct Asks<'a>(&'a AtomicUsize);

impl Drop for Asks<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What more can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Of tables.
    Tables,
    /// Of a filtered feed.
    Feed,
    /// Of failed payments.
    Cases,
}

impl Query {
    /// Begins to build, in a thread of its own. `progress` is called when more of it can be shown.
    pub fn start(store: Store, progress: impl Fn(News) + Send + Sync + 'static) -> Query {
        Query::with_declines(store, Arc::new(Declines::built_in()), progress)
    }

    /// The same, with a person's table of decline codes.
    pub fn with_declines(
        store: Store,
        declines: Arc<Declines>,
        progress: impl Fn(News) + Send + Sync + 'static,
    ) -> Query {
        // From here on every change is heard of; what is older is read from the store.
        store.changes().listen();
        let shared = Arc::new(Shared {
            tables: tables::Tables::new(&store),
            mentions: mentions::Mentions::new(&store),
            feed: feed::Feed::default(),
            cases: cases::Cases::default(),
            declines,
            store,
            catching_up: Mutex::default(),
            stop: AtomicBool::new(false),
            asking: AtomicUsize::new(0),
            searches: AtomicU64::new(0),
            progress: Box::new(progress),
        });
        let own = shared.clone();
        let thread = std::thread::Builder::new().name("tables".into()).spawn(move || own.run()).ok();
        Query { shared, thread: Mutex::new(thread) }
    }

    /// Ends the thread and waits for it: afterwards it holds the store no more. Blocks for some milliseconds.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.store.changes().ring();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.shared.store.changes().leave();
    }

    /// Answers a request about what is stored; none for any other. Blocks.
    pub fn answer(&self, request: &Request, accounts: &Accounts, now: i64) -> Option<Answer> {
        let shared = &self.shared;
        let answer = match request {
            Request::Events(query) => feed::events(shared, query, accounts, now),
            Request::Event { integration, id } => event::detail(shared, *integration, id, accounts),
            Request::Timeline { integration, object, from, limit } => {
                mentions::timeline(shared, *integration, object, from.as_ref(), *limit)
            }
            Request::Records(query) => window::records(shared, query, accounts, now),
            Request::Object { integration, id } => object::answer(shared, *integration, id, accounts),
            Request::Cases(query) => casework::window(shared, query, now),
            Request::Case { integration, id } => casework::detail(shared, *integration, id, accounts, now),
            Request::Search { text, limit } => search::answer(shared, text, *limit, accounts),
            _ => return None,
        };
        let answer = answer.and_then(|mut answer| {
            if let Answer::Events(EventWindow { rows, .. }) | Answer::Timeline(rows) = &mut answer {
                event::named(&shared.store, rows)?;
            }
            Ok(answer)
        });
        Some(answer.unwrap_or_else(|error| Answer::Refused { reason: error.to_string() }))
    }

    /// A star came or went: filters that ask for stars look anew.
    pub fn stars_changed(&self) {
        self.shared.feed.stars_changed();
    }

    /// Waits until everything is built. For tests and benches.
    pub fn wait_until_built(&self) {
        while !self.is_built() && !self.shared.stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Everything that was stored when it began is in memory.
    pub fn is_built(&self) -> bool {
        self.shared.tables.loading(None, &self.shared.store).is_none() && self.shared.mentions.is_built()
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Works until told to stop. What can't be read is tried again after a pause, and the rest goes on meanwhile.
    fn run(&self) {
        let mut told = None;
        let mut known = String::new();
        while !self.stop.load(Ordering::SeqCst) {
            let mut trouble = None;
            let mut step = |result: Result<bool, StoreError>| match result {
                Ok(busy) => busy,
                Err(error) => {
                    trouble.get_or_insert(error);
                    false
                }
            };
            self.let_ask();
            step(self.catch_up().map(|()| false));
            let busy = step(self.tables.build_some(self))
                || step(self.mentions.build_some(self))
                || self.tables.read_some(&self.store)
                || step(self.cases.work_some(self));
            let looking = !busy && step(self.look_some(&mut told));
            if let Some(error) = &trouble {
                let text = error.to_string();
                // Told once, not every time that it is tried.
                if text != known {
                    tracing::warn!("what is shown may lack something that can't be read: {text}");
                    known = text;
                }
            }
            if busy {
                self.tables.tell_now_and_then(self);
            } else if !looking {
                // What was learned last is shown, too.
                self.tables.told(self);
                self.tables.tidy();
                self.store.changes().wait(if trouble.is_some() { AGAIN } else { SLEEP });
            }
        }
    }

    /// A question waits for a lock from now on, until what this returns is dropped.
    fn asks(&self) -> Asks<'_> {
        self.asking.fetch_add(1, Ordering::SeqCst);
        Asks(&self.asking)
    }

    /// Lets questions that wait have the locks first: whoever lets one go and takes it again at once gets it again.
    fn let_ask(&self) {
        let begun = Instant::now();
        while self.asking.load(Ordering::SeqCst) > 0 && begun.elapsed() < POLITE {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Goes on with a filter of the feed, and tells of it now and then and at its end.
    fn look_some(&self, told: &mut Option<Instant>) -> Result<bool, StoreError> {
        let looked = self.feed.look_some(&self.store)?;
        let due = told.is_none_or(|told| told.elapsed() >= TELL_FEED);
        if looked && told.is_none() {
            *told = Some(Instant::now());
        } else if told.is_some() && (!looked || due) {
            *told = looked.then(Instant::now);
            (self.progress)(News::Feed);
        }
        Ok(looked)
    }

    /// Takes over what the writer stored since the last time.
    fn catch_up(&self) -> Result<(), StoreError> {
        let _turn = self.catching_up.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = self.store.changes().take();
        if stored.is_empty() {
            return Ok(());
        }
        if stored.lost {
            // What was removed is not in the store any more.
            self.tables.start_anew(&self.store);
            self.cases.start_anew();
            self.mentions.start_anew(&self.store);
            self.feed.start_anew();
        }
        self.tables.put(&stored.records);
        self.cases.put_records(&stored.records);
        // One event that can't be read must not cost the others, which are told only once.
        let mut result = Ok(());
        for event in &stored.events {
            result = result.and(self.mentions.put(event)).and(self.cases.put_event(event));
        }
        result = result.and(self.feed.put(&self.store, stored.events));
        self.mentions.drop_events(&stored.dropped);
        result = result.and(self.feed.drop_events(&self.store, &stored.dropped));
        self.tables.forget(&stored.gone);
        self.cases.forget(&stored.gone);
        result
    }
}
