//! Waiting for one's turn: the account's buckets and the job's own, and how many requests are under way.
//!
//! The account's buckets are shared by every handle of a client; a job's pace applies on top. Within one
//! handle and endpoint requests leave in the order in which they asked. It must never hold its lock across a
//! wait, and a dropped wait must leave nothing behind.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::{Buckets, Rates};

/// Requests under way at most; Stripe's own limit of concurrency is not published.
const MOST_IN_FLIGHT: usize = 40;

/// What one account's clients share.
#[derive(Debug)]
pub(crate) struct Account {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    buckets: Buckets,
    in_flight: usize,
    most_in_flight: usize,
    /// When the bound of concurrency was last changed.
    bound_changed: Option<Instant>,
}

/// A handle's way to its turn.
#[derive(Debug)]
pub(crate) struct Limiter {
    account: Arc<Account>,
    /// The pace of this handle; none: no limit of ours.
    own: Option<Mutex<Buckets>>,
    gates: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Account>);

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.0.state);
            state.in_flight = state.in_flight.saturating_sub(1);
        }
        self.0.freed.notify_waiters();
    }
}

enum Wait {
    Until(Instant),
    Freed,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here can be left half done by a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Account {
    pub fn new(limits: Rates) -> Account {
        Account {
            state: Mutex::new(State {
                buckets: Buckets::new(limits),
                in_flight: 0,
                most_in_flight: MOST_IN_FLIGHT,
                bound_changed: None,
            }),
            freed: Notify::new(),
        }
    }
}

impl Limiter {
    /// `pace` none: no limit of ours. Rates above the account's raise the account's.
    pub fn new(account: Arc<Account>, pace: Option<Rates>) -> Limiter {
        if let Some(rates) = pace {
            lock(&account.state).buckets.raise(rates);
        }
        Limiter {
            account,
            own: pace.map(|rates| Mutex::new(Buckets::new(rates))),
            gates: Mutex::new(HashMap::new()),
        }
    }

    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Waits for a turn at the endpoint.
    pub async fn turn(&self, endpoint: &str) -> Permit {
        let gate = Arc::clone(lock(&self.gates).entry(endpoint.to_owned()).or_default());
        let _first_in_line = gate.lock().await;
        loop {
            let freed = self.account.freed.notified();
            match self.try_turn(endpoint, Instant::now()) {
                Ok(permit) => return permit,
                Err(Wait::Until(at)) => tokio::time::sleep_until(at).await,
                Err(Wait::Freed) => freed.await,
            }
        }
    }

    fn try_turn(&self, endpoint: &str, now: Instant) -> Result<Permit, Wait> {
        let mut state = lock(&self.account.state);
        state.relax(now);
        if state.in_flight >= state.most_in_flight {
            return Err(Wait::Freed);
        }
        match &self.own {
            Some(own) => {
                let mut own = lock(own);
                let ready = state.buckets.ready_at(endpoint, now).max(own.ready_at(endpoint, now));
                if ready > now {
                    return Err(Wait::Until(ready));
                }
                own.take(endpoint, now);
                state.buckets.take(endpoint, now);
            }
            None => {
                if let Some(until) = state.buckets.cool_until(endpoint, now) {
                    return Err(Wait::Until(until));
                }
            }
        }
        state.in_flight += 1;
        Ok(Permit(Arc::clone(&self.account)))
    }

    /// A 429 with Stripe's reason came back. `jitter` is in 0.5..1.
    pub fn limited(&self, endpoint: &str, reason: Option<&str>, now: Instant, jitter: f64) {
        let mut state = lock(&self.account.state);
        match reason {
            Some("global-rate") => state.buckets.overall().limited(now, jitter),
            Some("global-concurrency") => {
                state.fewer(now);
                state.buckets.overall().cool(now + Duration::from_secs(1).mul_f64(jitter));
            }
            Some("endpoint-concurrency") => {
                state.fewer(now);
                state.buckets.endpoint(endpoint).cool(now + Duration::from_secs(1).mul_f64(jitter));
            }
            // One object's own limit: only the request itself has to wait.
            Some("resource-specific") => {}
            _ => state.buckets.endpoint(endpoint).limited(now, jitter),
        }
    }

    /// Requests/s that one endpoint gets at present; none: no limit of ours.
    pub fn rate(&self) -> Option<f64> {
        let own = self.own.as_ref()?;
        // One lock at a time: `try_turn` holds the account's while it takes the handle's.
        let account = lock(&self.account.state).buckets.overall().rate();
        let mut own = lock(own);
        Some(own.endpoint("").rate().min(own.overall().rate()).min(account))
    }

    /// The bound of requests under way.
    pub fn most_in_flight(&self) -> usize {
        lock(&self.account.state).most_in_flight
    }
}

impl State {
    /// Fewer at once: Stripe limits concurrency.
    fn fewer(&mut self, now: Instant) {
        if self.bound_changed.is_some_and(|at| now < at + Duration::from_secs(1)) {
            return;
        }
        let busy = self.in_flight.clamp(1, self.most_in_flight);
        self.most_in_flight = (busy * 7 / 10).max(1);
        self.bound_changed = Some(now);
    }

    /// One more every 5 s without a complaint.
    fn relax(&mut self, now: Instant) {
        if self.most_in_flight < MOST_IN_FLIGHT
            && self.bound_changed.is_some_and(|at| now >= at + Duration::from_secs(5))
        {
            self.most_in_flight += 1;
            self.bound_changed = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits;
    use super::super::retry::next_random;
    use super::*;
    use crate::engine::api::Pace;
    use std::collections::VecDeque;

    /// How a server counts.
    #[derive(Clone, Copy, Debug)]
    enum Counts {
        Sliding,
        ByTheSecond,
    }

    struct Model {
        counts: Counts,
        limit: usize,
        start: Instant,
        taken: VecDeque<Instant>,
        random: u64,
        served: u64,
        refused: u64,
    }

    impl Model {
        fn arrives(&mut self, now: Instant) -> bool {
            while self.taken.front().is_some_and(|first| match self.counts {
                Counts::Sliding => *first + Duration::from_secs(1) <= now,
                Counts::ByTheSecond => (*first - self.start).as_secs() < (now - self.start).as_secs(),
            }) {
                self.taken.pop_front();
            }
            let fits = self.taken.len() < self.limit;
            if fits {
                self.taken.push_back(now);
                self.served += 1;
            } else {
                self.refused += 1;
            }
            fits
        }

        /// A way to the server of 40 ms and up to 25 ms more.
        fn travel(&mut self) -> Duration {
            let (state, random) = next_random(self.random);
            self.random = state;
            Duration::from_millis(40) + Duration::from_millis(25).mul_f64(random)
        }
    }

    async fn walk(counts: Counts, limit: usize, seconds: u64) -> (u64, u64) {
        let start = Instant::now();
        let model = Arc::new(Mutex::new(Model {
            counts,
            limit,
            start,
            taken: VecDeque::new(),
            random: 7,
            served: 0,
            refused: 0,
        }));
        let account = Arc::new(Account::new(limits::stripe_limits(true)));
        let limiter = Arc::new(Limiter::new(account, limits::rates(Pace::Full, true)));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (limiter, model) = (Arc::clone(&limiter), Arc::clone(&model));
                tokio::spawn(async move {
                    while Instant::now() < start + Duration::from_secs(seconds) {
                        let _permit = limiter.turn("GET /v1/invoices").await;
                        let travel = lock(&model).travel();
                        tokio::time::sleep(travel).await;
                        let fits = lock(&model).arrives(Instant::now());
                        tokio::time::sleep(Duration::from_millis(60)).await;
                        if !fits {
                            limiter.limited("GET /v1/invoices", Some("endpoint-rate"), Instant::now(), 0.7);
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let model = lock(&model);
        (model.served, model.refused)
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_is_reached_and_kept_to() {
        for counts in [Counts::Sliding, Counts::ByTheSecond] {
            let (served, refused) = walk(counts, 25, 120).await;
            let share = served as f64 / (25.0 * 120.0);
            assert!(share >= 0.97, "{counts:?}: {share}");
            assert!((refused as f64) < served as f64 * 0.005, "{counts:?}: {refused} of {served}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_else_uses_half_of_it() {
        let (served, refused) = walk(Counts::Sliding, 12, 300).await;
        let share = served as f64 / (12.0 * 300.0);
        assert!(share >= 0.75, "{share}");
        assert!((refused as f64) < served as f64 * 0.02, "{refused} of {served}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_keeps_to_its_pace_beside_another() {
        let account = Arc::new(Account::new(limits::stripe_limits(true)));
        let polite = Limiter::new(Arc::clone(&account), limits::rates(Pace::Polite, true));
        let other = Limiter::new(account, limits::rates(Pace::PerEndpoint(5), true));
        let start = Instant::now();
        let count = |limiter: Limiter| async move {
            let mut sent = 0_u32;
            while start.elapsed() < Duration::from_secs(20) {
                drop(limiter.turn("GET /v1/events").await);
                sent += 1;
            }
            sent
        };
        let (polite, other) = tokio::join!(count(polite), count(other));
        assert!((280..=301).contains(&polite), "{polite}");
        assert!((92..=101).contains(&other), "{other}");
    }

    #[test]
    fn looking_at_the_rate_never_blocks_a_turn() {
        let account = Arc::new(Account::new(limits::stripe_limits(true)));
        let limiter = Arc::new(Limiter::new(account, limits::rates(Pace::Full, true)));
        let (done, ended) = std::sync::mpsc::channel();
        for looks in [true, false, true, false] {
            let (limiter, done) = (Arc::clone(&limiter), done.clone());
            std::thread::spawn(move || {
                for _ in 0..20_000 {
                    if looks {
                        assert!(limiter.rate().is_some());
                    } else {
                        let _ = limiter.try_turn("GET /v1/invoices", Instant::now());
                    }
                }
                let _ = done.send(());
            });
        }
        for _ in 0..4 {
            ended.recv_timeout(Duration::from_secs(30)).expect("two locks were taken in two orders");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrency_is_bounded_and_shrinks_on_complaint() {
        let account = Arc::new(Account::new(limits::stripe_limits(true)));
        let limiter = Limiter::new(account, None);
        let mut permits = Vec::new();
        for _ in 0..MOST_IN_FLIGHT {
            permits.push(limiter.turn("GET /v1/x").await);
        }
        let late = tokio::time::timeout(Duration::from_secs(1), limiter.turn("GET /v1/x")).await;
        assert!(late.is_err(), "no more than the bound");
        permits.pop();
        permits.push(limiter.turn("GET /v1/x").await);

        limiter.limited("GET /v1/x", Some("global-concurrency"), Instant::now(), 0.5);
        assert_eq!(limiter.most_in_flight(), MOST_IN_FLIGHT * 7 / 10);
        permits.clear();
        let before = Instant::now();
        drop(limiter.turn("GET /v1/y").await);
        assert!(before.elapsed() >= Duration::from_millis(499), "all wait for the cool-down");
        tokio::time::sleep(Duration::from_secs(60)).await;
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_secs(6)).await;
            drop(limiter.turn("GET /v1/y").await);
        }
        assert_eq!(limiter.most_in_flight(), MOST_IN_FLIGHT, "and comes back");
    }
}
