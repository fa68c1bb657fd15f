//! The client: reads objects and lists, within limits, with retries, and counts what it sends.
//!
//! A [`Client`] is a handle: [`Client::with_pace`] makes another one over the same connections, counter and
//! account limits, with a pace and a cancel token of its own. It must never send a request other than GET that
//! is not in [`WRITES`].

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::base::BaseUrl;
use super::endpoint;
use super::error::Error;
use super::key::ApiKey;
use super::limiter::{Account, Limiter};
use super::limits;
use super::page::{Object, Page, Unreadable, check_object, split_list};
use super::retry::{Failure, Timing, next_random};
use super::wire::{Answer, Outgoing, Wire};
use super::{WRITES, Write};
use crate::engine::api::Pace;

/// How a client is made.
#[derive(Debug)]
pub struct ClientOptions {
    /// Where the API is.
    pub base: BaseUrl,
    /// With which key.
    pub key: ApiKey,
    /// How fast this handle may go. [`Pace::None`] counts as `Full` off this machine.
    pub pace: Pace,
    /// Ends every wait and request of this handle at once.
    pub cancel: CancellationToken,
    /// Stay with HTTP/1.1: a way out for proxies that break HTTP/2.
    pub http1: bool,
    /// Tries after the first one.
    pub max_retries: u32,
    /// Seeds the jitter.
    pub seed: u64,
    /// Ask for packed answers; none: yes, except on this machine.
    pub gzip: Option<bool>,
}

impl ClientOptions {
    /// The usual: pace by mode, 5 retries, nothing to cancel it.
    pub fn new(base: BaseUrl, key: ApiKey) -> ClientOptions {
        ClientOptions {
            base,
            key,
            pace: Pace::Auto,
            cancel: CancellationToken::new(),
            http1: false,
            max_retries: 5,
            seed: 0,
            gzip: None,
        }
    }
}

/// What was sent so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// GETs that went out, repeated ones too: what Stripe's read allocation counts. Of all handles.
    pub reads: u64,
    /// Tries after the first one. Of all handles.
    pub retries: u64,
    /// Answers 429. Of all handles.
    pub rate_limited: u64,
    /// Why this handle waits just now, for a person.
    pub waiting: Option<String>,
    /// The same in a few words: `waits 2 s, Stripe said slow down (endpoint-rate)`.
    pub pause: Option<String>,
}

/// A handle to an account's API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    limiter: Limiter,
    pace: Pace,
    cancel: CancellationToken,
    /// Until when this handle waits for another try, and why.
    waiting: Mutex<Option<Waiting>>,
    own_reads: AtomicU64,
}

/// A pause before another try.
#[derive(Debug)]
struct Waiting {
    until: Instant,
    why: String,
    brief: String,
}

#[derive(Debug)]
struct Shared {
    wire: Wire,
    livemode: bool,
    local: bool,
    stripe: bool,
    max_retries: u32,
    timing: Timing,
    reads: AtomicU64,
    retries: AtomicU64,
    rate_limited: AtomicU64,
    random: AtomicU64,
    /// Stripe's clock minus ours in seconds; `i64::MIN`: not known yet.
    skew: AtomicI64,
    /// Smoothed time of an answer, microseconds; 0: not known yet.
    latency_us: AtomicU64,
}

/// Clocks apart by less are not worth a word: the header has whole seconds, and answers take time.
const SKEW_NOTICED_S: i64 = 60;

impl Client {
    /// Builds the connection pool; sends nothing.
    pub fn new(options: ClientOptions) -> Result<Client, Error> {
        Client::with_timing(options, Timing::default())
    }

    pub(crate) fn with_timing(options: ClientOptions, timing: Timing) -> Result<Client, Error> {
        let wire = Wire::new(options.base.clone(), &options.key, options.http1, options.gzip, timing)?;
        let livemode = options.key.livemode;
        let shared = Shared {
            wire,
            livemode,
            local: options.base.is_loopback(),
            stripe: options.base.is_stripe(),
            max_retries: options.max_retries,
            timing,
            reads: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            rate_limited: AtomicU64::new(0),
            random: AtomicU64::new(options.seed),
            skew: AtomicI64::new(i64::MIN),
            latency_us: AtomicU64::new(0),
        };
        let account = Arc::new(Account::new(limits::stripe_limits(livemode)));
        Ok(Client::handle(Arc::new(shared), account, options.pace, options.cancel))
    }

    fn handle(shared: Arc<Shared>, account: Arc<Account>, pace: Pace, cancel: CancellationToken) -> Client {
        // Without a limit of ours a walk would be a storm: only on this machine.
        let pace = if pace == Pace::None && !shared.local { Pace::Full } else { pace };
        let limiter = Limiter::new(account, limits::rates(pace, shared.livemode));
        Client(Arc::new(Handle {
            shared,
            limiter,
            pace,
            cancel,
            waiting: Mutex::new(None),
            own_reads: AtomicU64::new(0),
        }))
    }

    /// It speaks with Stripe's own servers.
    pub fn is_stripe(&self) -> bool {
        self.0.shared.stripe
    }

    /// Another handle over the same connections, read counter and account limits, with its own pace on top
    /// and its own cancel token.
    #[must_use]
    pub fn with_pace(&self, pace: Pace, cancel: CancellationToken) -> Client {
        Client::handle(Arc::clone(&self.0.shared), Arc::clone(self.0.limiter.account()), pace, cancel)
    }

    /// One object. `path` is plain (`/v1/invoices/in_1`), without percent signs or query.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Object, Error> {
        let folded = endpoint::fold(path);
        let request =
            Outgoing { method: "GET", path, folded: &folded, query, form: &[], idempotency_key: None };
        self.run(request, |answer| {
            check_object(&answer.body)?;
            Ok(Object { body: answer.body, date: answer.date, request_id: answer.request_id })
        })
        .await
    }

    /// One page of a list; what is no list is [`Error::BadAnswer`].
    pub async fn list(&self, path: &str, query: &[(&str, String)]) -> Result<Page, Error> {
        let folded = endpoint::fold(path);
        let request =
            Outgoing { method: "GET", path, folded: &folded, query, form: &[], idempotency_key: None };
        self.run(request, |answer| {
            let (items, has_more) = split_list(&answer.body)?;
            let Answer { body, date, request_id, .. } = answer;
            Ok(Page { body, items, has_more, date, request_id })
        })
        .await
    }

    /// A request from the table of [`WRITES`]; any other is refused before it is sent.
    /// `idempotency_key` (at most 255 characters) makes repeating it safe: use the same one for the same thing.
    pub async fn write(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, String)],
        idempotency_key: &str,
    ) -> Result<Object, Error> {
        self.write_if_in(WRITES, method, path, form, idempotency_key).await
    }

    /// [`Client::write`], sent once and never again: for what has waits of its own. Without an idempotency key.
    pub(crate) async fn write_once(
        &self,
        method: &str,
        path: &str,
        form: &[(&str, String)],
    ) -> Result<Object, Error> {
        let folded = endpoint::fold(path);
        if !WRITES.iter().any(|write| write.method == method && write.path == folded) {
            return Err(Error::NotAllowedWrite { method: method.to_owned(), path: folded });
        }
        let request = Outgoing { method, path, folded: &folded, query: &[], form, idempotency_key: None };
        let bucket = endpoint::bucket(method, &folded);
        let answer = tokio::select! {
            biased;
            () = self.0.cancel.cancelled() => return Err(Error::Cancelled),
            answer = self.once(request, &bucket) => answer.map_err(|failure| failure.error)?,
        };
        let request_id = answer.request_id.clone();
        check_object(&answer.body).map_err(|problem| unreadable(problem, request_id, false).error)?;
        let Answer { body, date, request_id, .. } = answer;
        tracing::info!(method, path = %folded, at = date, ?request_id, "written at Stripe");
        Ok(Object { body, date, request_id })
    }

    /// The server is on this machine: a sandbox, with no read allocation to mind.
    pub fn is_local(&self) -> bool {
        self.0.shared.local
    }

    pub(crate) async fn write_if_in(
        &self,
        table: &[Write],
        method: &str,
        path: &str,
        form: &[(&str, String)],
        idempotency_key: &str,
    ) -> Result<Object, Error> {
        let folded = endpoint::fold(path);
        if !table.iter().any(|write| write.method == method && write.path == folded) {
            return Err(Error::NotAllowedWrite { method: method.to_owned(), path: folded });
        }
        let request = Outgoing {
            method,
            path,
            folded: &folded,
            query: &[],
            form,
            idempotency_key: (method == "POST").then_some(idempotency_key),
        };
        let object = self
            .run(request, |answer| {
                check_object(&answer.body)?;
                Ok(Object { body: answer.body, date: answer.date, request_id: answer.request_id })
            })
            .await?;
        tracing::info!(method, path = %folded, at = object.date, request_id = ?object.request_id, "written at Stripe");
        Ok(object)
    }

    /// What was sent so far, and why this handle waits.
    pub fn counters(&self) -> Counters {
        let shared = &self.0.shared;
        let (waiting, pause) = self.waiting().unzip();
        Counters {
            reads: shared.reads.load(Ordering::Relaxed),
            retries: shared.retries.load(Ordering::Relaxed),
            rate_limited: shared.rate_limited.load(Ordering::Relaxed),
            waiting,
            pause,
        }
    }

    /// GETs that went out through this handle alone.
    pub fn own_reads(&self) -> u64 {
        self.0.own_reads.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> Option<(String, String)> {
        let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { until, why, brief } = waiting.as_ref()?;
        let left = until.checked_duration_since(Instant::now())?.as_secs_f64().ceil().max(1.0);
        Some((format!("{why}: next try in {left} s"), format!("waits {left} s, {brief}")))
    }

    /// How many GETs a second this handle may send overall; 0: no limit of ours.
    pub fn gets_limit(&self) -> u32 {
        limits::rates(self.0.pace, self.0.shared.livemode).map_or(0, |rates| rates.overall)
    }

    /// Stripe's clock minus this machine's in seconds, when they are more than 60 s apart.
    pub fn clock_skew_s(&self) -> Option<i64> {
        let skew = self.0.shared.skew.load(Ordering::Relaxed);
        (skew != i64::MIN && skew.abs() > SKEW_NOTICED_S).then_some(skew)
    }

    /// How fast this handle may go, for a person.
    pub fn pace(&self) -> String {
        limits::describe(self.0.pace, self.0.shared.livemode)
    }

    /// How many requests to one list are worth having under way at once: twice rate × latency, so that the
    /// rate is reached whatever a single answer takes.
    pub fn concurrency(&self) -> usize {
        let latency = match self.0.shared.latency_us.load(Ordering::Relaxed) {
            // Not measured yet: a usual distance.
            0 => 0.2,
            us => us as f64 / 1e6,
        };
        let most = self.0.limiter.most_in_flight();
        let wanted = self.0.limiter.rate().map_or(16.0, |rate| (2.0 * rate * latency).ceil());
        (wanted as usize).clamp(4, 24).min(most).max(1)
    }

    /// The token that ends this handle.
    pub fn cancel_token(&self) -> &CancellationToken {
        &self.0.cancel
    }

    async fn run<T>(
        &self,
        request: Outgoing<'_>,
        read: impl Fn(Answer) -> Result<T, Unreadable>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.0.cancel.cancelled() => Err(Error::Cancelled),
            result = self.try_until_done(request, read) => result,
        }
    }

    async fn try_until_done<T>(
        &self,
        request: Outgoing<'_>,
        read: impl Fn(Answer) -> Result<T, Unreadable>,
    ) -> Result<T, Error> {
        let shared = &self.0.shared;
        let bucket = endpoint::bucket(request.method, request.folded);
        let is_get = request.method == "GET";
        // Only with a key does Stripe tell a repeated POST from a second one; DELETE may be repeated as it is.
        let idempotent = is_get || request.method == "DELETE" || request.idempotency_key.is_some();
        let mut failures = 0;
        loop {
            let failure = match self.once(request, &bucket).await {
                Ok(answer) => {
                    let request_id = answer.request_id.clone();
                    match read(answer) {
                        Ok(value) => {
                            self.set_waiting(None);
                            return Ok(value);
                        }
                        Err(problem) => unreadable(problem, request_id, is_get),
                    }
                }
                Err(failure) => failure,
            };
            failures += 1;
            if matches!(failure.error, Error::RateLimited { .. } | Error::LockTimeout) {
                shared.rate_limited.fetch_add(1, Ordering::Relaxed);
            }
            if let Error::RateLimited { reason } = &failure.error {
                let jitter = 0.5 + self.random() / 2.0;
                self.0.limiter.limited(&bucket, reason.as_deref(), Instant::now(), jitter);
            }
            if !failure.retries(failures, shared.max_retries, idempotent) {
                return Err(failure.error);
            }
            let seconds = failure.delay(failures, self.random());
            tracing::debug!(path = request.folded, failures, seconds, error = %failure.error, "trying again");
            let delay = shared.timing.second.mul_f64(seconds);
            let (why, brief) = (failure.reason(), failure.brief());
            self.set_waiting(Some(Waiting { until: Instant::now() + delay, why, brief }));
            tokio::time::sleep(delay).await;
            shared.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn once(&self, request: Outgoing<'_>, bucket: &str) -> Result<Answer, Failure> {
        let shared = &self.0.shared;
        let _permit = self.0.limiter.turn(bucket).await;
        let began = Instant::now();
        let is_get = request.method == "GET";
        let answer = shared
            .wire
            .send(request, || {
                if is_get {
                    shared.reads.fetch_add(1, Ordering::Relaxed);
                    self.0.own_reads.fetch_add(1, Ordering::Relaxed);
                }
            })
            .await?;
        shared.note_latency(began.elapsed());
        if let Some(skew) = answer.skew {
            shared.skew.store(skew, Ordering::Relaxed);
        }
        Ok(answer)
    }

    fn set_waiting(&self, waiting: Option<Waiting>) {
        *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    fn random(&self) -> f64 {
        let random = &self.0.shared.random;
        let before = random.fetch_add(1, Ordering::Relaxed);
        next_random(before.wrapping_mul(0x2545_f491_4f6c_dd1d)).1
    }
}

impl Shared {
    fn note_latency(&self, took: Duration) {
        let took = took.as_micros() as u64;
        // Two answers at once may lose one of them: it is a smoothed hint, nothing more.
        let old = self.latency_us.load(Ordering::Relaxed);
        let new = if old == 0 { took } else { (old * 7 + took) / 8 };
        self.latency_us.store(new.max(1), Ordering::Relaxed);
    }
}

fn unreadable(problem: Unreadable, request_id: Option<String>, is_get: bool) -> Failure {
    let (message, garbled) = match problem {
        Unreadable::Garbled(message) => (message, is_get),
        Unreadable::Other(message) => (message, false),
    };
    Failure { garbled, ..Failure::new(Error::BadAnswer { message, request_id }) }
}
