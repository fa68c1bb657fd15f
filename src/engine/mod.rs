//! The running system: requests in, snapshots out. It owns integrations, jobs and schedules.
//!
//! It knows no front-end: the screen and the command line both talk to it by the plain data of [`api`]. It
//! must never show what is not stored, and never let two jobs of one kind run for one integration.

pub mod alerts;
pub mod api;
mod budget;
mod cases;
mod changing;
mod connecting;
mod data;
pub mod endpoints;
pub mod forwarding;
mod history;
mod jobs;
mod live;
mod plans;
mod poller;
pub mod publish;
pub mod query;
mod retention;
#[cfg(test)]
pub(crate) mod rig;
mod runtime;
pub mod status;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Now;
use crate::config::Upkeep;
use crate::integration::Integration;
use crate::store::{OpenOptions, Store, StoreError};
use crate::stripe::{BaseUrl, Client, ClientOptions};
use api::{Answer, IntegrationId, Level, Message, Phase, Request, Snapshot};
use runtime::{Runtime, State};

/// How long a shutdown waits for jobs to store where they are.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// A folder that is held or not ours is known at once; a large store takes longer to open than this.
const EARLY: Duration = Duration::from_millis(140);
/// Messages that are kept for front-ends.
const MESSAGES: usize = 50;

/// How the engine is run.
#[derive(Clone)]
pub struct Options {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where the vault's key is kept.
    pub key_dir: PathBuf,
    /// Instead of the address that each integration was connected with.
    pub api_base: Option<BaseUrl>,
    /// Where certain keys are good for, by their fingerprint: the demo's other accounts. Looked at before
    /// `api_base`.
    pub bases: Vec<(String, BaseUrl)>,
    /// On a local Stripe of our own making.
    pub demo: bool,
    /// Nothing may be written at Stripe.
    pub read_only: bool,
    /// Poll by schedule, and take up jobs that were cut off.
    pub live: bool,
    /// For the store.
    pub store: OpenOptions,
    /// Where the Stripe CLI keeps its profiles, the first looked at first.
    pub stripe_cli: Vec<PathBuf>,
    /// What decline codes mean, with what the user's own file says of them.
    pub declines: Arc<crate::recovery::Declines>,
    /// What a person wants to be called for.
    pub alerts: alerts::Settings,
    /// How long events are kept, and how much is read by itself.
    pub upkeep: Upkeep,
    /// The time.
    pub now: Now,
}

/// A handle on the running system. Clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    caller: Caller,
}

/// For whom a handle asks, where that is another process with flags of its own.
#[derive(Clone, Default)]
pub struct Caller {
    /// Nothing may be written at Stripe for it, whatever the engine itself may do.
    pub read_only: bool,
    /// Where keys that it offers are tried, instead of the engine's own address.
    pub api_base: Option<BaseUrl>,
}

struct Inner {
    options: Options,
    state: Mutex<State>,
    changed: Arc<Notify>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    publishing: Mutex<()>,
    opened: watch::Sender<Option<Result<(), StoreError>>>,
    failed: watch::Sender<Option<StoreError>>,
    cancel: CancellationToken,
    /// Held while what is connected is changed: one such change at a time.
    connecting: tokio::sync::Mutex<()>,
    /// Held while a key is looked up again: who comes second finds it done.
    rereading: tokio::sync::Mutex<()>,
    /// Where deliveries of webhook endpoints are taken.
    doors: endpoints::Doors,
    /// Held while an integration's document is written.
    documents: tokio::sync::Mutex<()>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// Held by whoever changes what is connected in the store alone.
pub struct Alone<'a> {
    engine: &'a Engine,
    _connecting: tokio::sync::MutexGuard<'a, ()>,
    _documents: tokio::sync::MutexGuard<'a, ()>,
}

impl Alone<'_> {
    /// Takes what is stored of an integration, before anybody else may change it: whoever came next would write what
    /// it had in memory over it.
    pub async fn reload(self, id: IntegrationId) {
        self.engine.reload(id).await;
    }
}

impl Engine {
    /// Starts. Opening the store goes on in the background: the first snapshot says `Opening`.
    pub fn start(options: Options) -> Engine {
        let engine = Engine::new(options);
        let opener = engine.clone();
        engine.spawn(async move {
            let options = opener.inner.options.clone();
            let store =
                tokio::task::spawn_blocking(move || Store::open(&options.data_dir, &options.store)).await;
            let result = match store {
                Ok(Ok(store)) => opener.take(store).await,
                Ok(Err(error)) => Err(error),
                Err(_) => Err(StoreError::Stopped("it failed while opening".into())),
            };
            opener.opened(result);
        });
        engine
    }

    /// Starts on a store that is already open.
    pub async fn with_store(options: Options, store: Store) -> Result<Engine, StoreError> {
        let engine = Engine::new(options);
        let result = engine.take(store).await;
        engine.opened(result.clone());
        result.map(|()| engine)
    }

    fn new(options: Options) -> Engine {
        let first = Snapshot {
            demo: options.demo,
            read_only: options.read_only,
            data_dir: options.data_dir.display().to_string(),
            ..Snapshot::default()
        };
        let state = State::beginning((options.now)());
        let inner = Inner {
            options,
            state: Mutex::new(state),
            changed: Arc::new(Notify::new()),
            snapshots: watch::channel(Arc::new(first)).0,
            publishing: Mutex::new(()),
            opened: watch::channel(None).0,
            failed: watch::channel(None).0,
            cancel: CancellationToken::new(),
            connecting: tokio::sync::Mutex::new(()),
            rereading: tokio::sync::Mutex::new(()),
            doors: endpoints::Doors::default(),
            documents: tokio::sync::Mutex::new(()),
            tasks: Mutex::new(Vec::new()),
        };
        let engine = Engine { inner: Arc::new(inner), caller: Caller::default() };
        let publisher = engine.clone();
        engine.spawn(async move { publish::run(&publisher).await });
        engine
    }

    fn opened(&self, result: Result<(), StoreError>) {
        if let Err(error) = &result {
            self.state().phase = Phase::Failed { reason: error.to_string() };
        }
        publish::now(self);
        self.inner.opened.send_replace(Some(result));
    }

    /// Waits until the store is open.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let mut opened = self.inner.opened.subscribe();
        let result = opened.wait_for(Option::is_some).await;
        match result.as_deref() {
            Ok(Some(result)) => result.clone(),
            _ => Err(StoreError::Stopped("it never opened".into())),
        }
    }

    /// Waits until an open store fails while it is used; it does not come back in this process.
    pub async fn failed(&self) -> StoreError {
        let mut failed = self.inner.failed.subscribe();
        match failed.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(error)) => error.clone(),
            _ => StoreError::Stopped("the engine has ended".into()),
        }
    }

    /// Notices when the store fails, so that nobody takes what is shown for what is stored from then on.
    fn watch_store(&self, store: &Store) {
        let (engine, store) = (self.clone(), store.clone());
        let cancel = self.inner.cancel.clone();
        self.spawn(async move {
            let error = tokio::select! {
                () = cancel.cancelled() => return,
                error = store.broken() => error,
            };
            engine.state().phase = Phase::Failed { reason: error.to_string() };
            engine.message(Level::Error, None, error.to_string());
            publish::now(&engine);
            engine.inner.failed.send_replace(Some(error));
        });
    }

    /// Waits a moment for an early end of opening (a folder that can't be used), so that it can be told
    /// before a screen is taken. `None`: it still opens.
    pub async fn failed_early(&self) -> Option<Result<(), StoreError>> {
        tokio::time::timeout(EARLY, self.ready()).await.ok()
    }

    /// The newest snapshot, and word of each newer one.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.snapshots.subscribe()
    }

    /// Answers one request.
    pub async fn request(&self, request: Request) -> Answer {
        match request {
            Request::Events(_)
            | Request::Event { .. }
            | Request::Timeline { .. }
            | Request::Records(_)
            | Request::Object { .. }
            | Request::Search { .. } => data::ask(self, request).await,
            Request::Star { integration, event, on } => data::star(self, integration, event, on).await,
            Request::Mark { integration, ids, mark } => data::mark(self, integration, ids, mark).await,
            Request::Plan { integration, discover, sync, look } => {
                plans::plan(self, integration, discover, sync, look).await
            }
            Request::Runs { integration, limit } => history::runs(self, integration, limit).await,
            Request::TakeOver => Answer::Done,
            Request::Remember { text } => history::remember(self, text).await,
            request @ (Request::TryKey { .. }
            | Request::DropKey { .. }
            | Request::Check { .. }
            | Request::Connect { .. }
            | Request::NewKey { .. }
            | Request::Edit { .. }
            | Request::Disconnect { .. }
            | Request::CliProfiles
            | Request::CliProfileKey { .. }) => connecting::answer(self, request).await,
            Request::Discover { integration, spec } => jobs::discover(self, integration, spec).await,
            Request::Sync { integration, spec } => jobs::sync(self, integration, spec).await,
            Request::Cancel { job } => jobs::cancel(self, job),
            Request::Poll { integration } => poller::now(self, integration),
            Request::Endpoint { integration, action } => endpoints::answer(self, integration, action).await,
            request @ (Request::AddTarget(_)
            | Request::RemoveTarget { .. }
            | Request::PauseTarget { .. }
            | Request::TryTarget { .. }
            | Request::Attempts(_)
            | Request::Attempt { .. }
            | Request::Replay { .. }
            | Request::ReplayParked { .. }) => forwarding::answer(self, request).await,
            request @ (Request::Cases(_) | Request::Case { .. }) => cases::answer(self, request).await,
        }
    }

    /// The open store.
    pub fn store(&self) -> Option<Store> {
        self.state().store.clone()
    }

    /// Stops jobs and polling where they are (jobs are taken up again next time), and closes the store.
    pub async fn shutdown(&self) {
        self.inner.cancel.cancel();
        let tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures::future::join_all(tasks);
        if tokio::time::timeout(SHUTDOWN, all).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        data::stop(self).await;
        let store = self.state().store.take();
        if let Some(store) = store {
            let _ = tokio::task::spawn_blocking(move || store.close()).await;
        }
    }

    /// How it is run.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// A handle that asks for somebody.
    #[must_use]
    pub fn on_behalf(&self, caller: Caller) -> Engine {
        Engine { inner: self.inner.clone(), caller }
    }

    /// For what goes on when whoever asked for it has gone.
    fn own(&self) -> Engine {
        self.on_behalf(Caller::default())
    }

    /// Nothing may be written at Stripe for whoever asks by this handle. What goes on by itself asks the options.
    fn read_only(&self) -> bool {
        self.caller.read_only || self.inner.options.read_only
    }

    /// A live connection that would begin now, for whoever asks by this handle, and may not.
    fn may_begin_relay(&self) -> Result<(), Answer> {
        if self.caller.read_only && !self.inner.options.read_only {
            return Err(refused(
                "read-only: asking for a relay session would write at Stripe; choose polling",
            ));
        }
        Ok(())
    }

    /// What was sent to Stripe so far, by integration; nothing of one that nothing was asked of yet.
    pub fn sent(&self) -> Vec<(IntegrationId, crate::stripe::Counters)> {
        let state = self.state();
        let sent =
            |(id, one): (&IntegrationId, &runtime::Runtime)| Some((*id, one.client.as_ref()?.counters()));
        state.runtimes.iter().filter_map(sent).collect()
    }

    /// Nothing that is connected is changed while this is held.
    pub async fn alone(&self) -> Alone<'_> {
        Alone {
            engine: self,
            _connecting: self.inner.connecting.lock().await,
            _documents: self.inner.documents.lock().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        (self.inner.options.now)()
    }

    /// Runs a task that a shutdown waits for.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let handle = tokio::spawn(task);
        let mut tasks = self.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(handle);
    }

    /// Takes an open store over: reads integrations and their last jobs, starts schedules.
    async fn take(&self, store: Store) -> Result<(), StoreError> {
        let reader = store.clone();
        let now = self.now();
        let (loaded, remembered, targets) = tokio::task::spawn_blocking(move || {
            let mut out = Vec::new();
            for integration in Integration::all(&reader)? {
                out.push(Runtime::load(&reader, integration, now)?);
            }
            Ok::<_, StoreError>((out, history::remembered(&reader)?, forwarding::load(&reader)?))
        })
        .await
        .map_err(|_| StoreError::Stopped("it could not be read".into()))??;
        let mut unfinished = Vec::new();
        {
            let mut state = self.state();
            store.changes().begin_at(state.events_version);
            state.store = Some(store);
            state.phase = Phase::Ready;
            state.remembered = remembered;
            for runtime in loaded {
                let id = runtime.config.id;
                unfinished.extend(runtime.cut_off().into_iter().map(|what| (id, what)));
                state.runtimes.insert(id, self.adopt(runtime));
            }
        }
        if let Some(store) = self.store() {
            self.watch_store(&store);
        }
        forwarding::begin(self, targets);
        self.inner.changed.notify_one();
        if self.inner.options.live {
            // Built while nobody asks yet.
            data::begin(self);
            let watcher = self.clone();
            self.spawn(async move { alerts::run(&watcher).await });
            retention::start(self);
            for config in self.configs() {
                if config.off_since.is_none() {
                    poller::start(self, config.id);
                }
                endpoints::finish_later(self, &config);
                if config.refused.is_some() {
                    // There may have been another login at the Stripe CLI meanwhile.
                    let engine = self.clone();
                    self.spawn(async move {
                        connecting::read_again(&engine, &config).await;
                    });
                }
            }
            for (id, what) in unfinished {
                jobs::resume(self, id, what).await;
            }
        }
        Ok(())
    }

    /// The client of an integration, made on first use: the key is read from the vault only now.
    async fn client(&self, id: IntegrationId) -> Result<Client, String> {
        let (config, known) = {
            let state = self.state();
            let runtime = state.runtimes.get(&id).ok_or("there is no such integration")?;
            (runtime.config.clone(), runtime.client.clone())
        };
        if let Some(client) = known {
            return Ok(client);
        }
        let (base, key) = self.key_of(&config).await?;
        let client_options = ClientOptions {
            cancel: self.inner.cancel.child_token(),
            seed: u64::from(std::process::id()) ^ self.now() as u64,
            ..ClientOptions::new(base, key)
        };
        let client = Client::new(client_options).map_err(|error| error.to_string())?;
        if let Some(runtime) = self.state().runtimes.get_mut(&id)
            && runtime.config.key == config.key
        {
            runtime.client = Some(client.clone());
        }
        Ok(client)
    }

    /// Tells front-ends something once.
    fn message(&self, level: Level, integration: Option<IntegrationId>, text: impl Into<String>) {
        let at = self.now();
        let mut state = self.state();
        state.message_seq += 1;
        let message = Message { seq: state.message_seq, at, level, integration, text: text.into() };
        state.messages.push_back(message);
        while state.messages.len() > MESSAGES {
            state.messages.pop_front();
        }
        drop(state);
        self.inner.changed.notify_one();
    }

    /// Keeps what an error says about an integration: a refused key, or a network that is away. `used` is how the
    /// integration was when the request was sent. True: the key was refused, and another one has taken its place.
    async fn note_error(&self, used: &Integration, error: &crate::stripe::Error) -> bool {
        use crate::stripe::Error;
        let id = used.id;
        let now = self.now();
        if error.is_key_refused() {
            if connecting::read_again(self, used).await {
                return true;
            }
            let reason = error.to_string();
            let mut news = false;
            self.change_integration(id, |config| {
                news = config.refused.is_none();
                config.refused.get_or_insert(crate::integration::config::Refused {
                    since: now,
                    reason: reason.clone(),
                });
            })
            .await;
            if news {
                self.message(Level::Error, Some(id), reason);
            }
        } else if matches!(
            error,
            Error::Network { .. }
                | Error::Timeout
                | Error::Certificate { .. }
                | Error::Fault { .. }
                | Error::BadAnswer { .. }
        ) {
            let mut state = self.state();
            if let Some(runtime) = state.runtimes.get_mut(&id) {
                runtime.offline.get_or_insert((now, error.to_string()));
            }
        }
        self.inner.changed.notify_one();
        false
    }

    /// An answer came: the network is there.
    fn note_answer(&self, id: IntegrationId) {
        if let Some(runtime) = self.state().runtimes.get_mut(&id) {
            runtime.offline = None;
        }
    }
}

fn refused(reason: impl Into<String>) -> Answer {
    Answer::Refused { reason: reason.into() }
}
