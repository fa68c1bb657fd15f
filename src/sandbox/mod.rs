//! A local Stripe: a faithful, deterministic account over real HTTP on loopback.
//!
//! It serves `demo`, tests, benches, and people who test their own clients. A million invoices cost no
//! memory: each object is computed from the seed and its number (`model`) and written by appending
//! (`write`); only what traffic changes after the start is kept (`overlay`). It must never hold history as
//! JSON, listen on anything but loopback, or know about the rest of tillwatch.
//!
//! # In the same process
//! [`start`] gives a [`Running`]: address, keys, and a handle to script it.
//!
//! # Over HTTP
//! A running sandbox obeys, without a key:
//!
//! | Request | Body | What it does |
//! |---|---|---|
//! | `POST /_sandbox/permissions` | `{"key":K,"deny":["rak_…"],"allow":["rak_…"]}` | takes from or gives back to a key |
//! | `POST /_sandbox/expire` | `{"key":K}`, `"expired":false` to undo | 401 from now on |
//! | `POST /_sandbox/traffic` | `{"steps":N,"livemode":B}` | N steps of account life; answers how many events |
//! | `POST /_sandbox/traffic` | `{"paused":B}` | stops what goes on by itself, or lets it go on |
//! | `GET /_sandbox/events` | | ids of the test mode's events since the start, oldest first |
//! | `POST /_sandbox/mutate` | `{"count":N,"livemode":B}` | changes N invoices of history, with events |
//! | `POST /_sandbox/faults` | `{"faults":["500=0.1"],"paused":B}` | replaces, pauses or resumes faults |
//! | `POST /_sandbox/relay` | `{"reset":S,"second":"overlap"\|"replace"\|"refuse"}` | changes the relay |
//! | `POST /_sandbox/relay` | `{"cut":B,"close":CODE,"silence":B,"forget":B}` | ends, silences or forgets its sockets |
//! | `POST /_sandbox/clock` | `{"skip":SECONDS}` | sets the sandbox's clock forward |
//! | `POST /_sandbox/limits` | `{"limits":"live"\|"test"\|"none"}` | changes the limits |
//! | `GET /_sandbox/report` | | what was counted: a [`Report`] |

mod aftermath;
pub mod errors;
mod events;
mod expand;
mod faults;
mod hooks;
mod http;
mod ids;
mod json;
mod keys;
mod limits;
mod list;
mod model;
mod overlay;
mod relay;
mod rng;
pub mod sign;
mod state;
mod traffic;
mod write;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use faults::{Fault, FaultKind, help as faults_help};
pub use hooks::{HookOptions, HookReport};
pub use keys::Keys;
pub use limits::Limits;
pub use model::{API_VERSION, is_version};
pub use relay::{RelayOptions, RelayReport, SecondSocket, SubProtocol};
pub use state::Report;
use state::{State, lock};

/// How a sandbox is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// on loopback; 0 for any that is free
    pub port: u16,
    /// what everything follows from
    pub seed: u64,
    /// what the account is called: letters, digits, blanks
    pub name: String,
    /// the moment history ends, in seconds since 1970; the sandbox's clock runs on from it
    pub start: i64,
    /// invoices of history
    pub invoices: u64,
    /// customers, at least 1
    pub customers: u64,
    /// milliseconds added to each answer
    pub latency_ms: u64,
    /// request limits
    pub limits: Limits,
    /// events that traffic writes per second, about; 0 for none
    pub events_per_second: f64,
    /// what goes wrong
    pub faults: Vec<Fault>,
    /// permissions that the restricted test key lacks, as `rak_…_read`
    pub deny: Vec<String>,
    /// the account's default version, which events are listed in; shapes before 2025-03-31 are the old ones
    pub default_version: String,
    /// how the relay behaves
    pub relay: RelayOptions,
    /// how webhooks are delivered
    pub hooks: HookOptions,
}

impl Options {
    /// The defaults of the command line, for a history that ends at `start`.
    pub fn new(start: i64) -> Options {
        Options {
            port: 0,
            seed: 1,
            name: "Sandbox Supplies".to_owned(),
            start,
            invoices: 2000,
            customers: 500,
            latency_ms: 0,
            limits: Limits::Live,
            events_per_second: 0.0,
            faults: Vec::new(),
            deny: Vec::new(),
            default_version: API_VERSION.to_owned(),
            relay: RelayOptions::default(),
            hooks: HookOptions::default(),
        }
    }
}

/// A sandbox that is up. Dropping it stops it.
pub struct Running {
    /// `http://127.0.0.1:PORT`
    pub base_url: String,
    /// `acct_…`
    pub account: String,
    /// all kinds of key
    pub keys: Keys,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    traffic: Option<JoinHandle<()>>,
}

/// Starts a sandbox on the current runtime.
pub async fn start(options: Options) -> io::Result<Running> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await?;
    let address = listener.local_addr()?;
    let state = Arc::new(State::new(options));
    state.listens_on(address);
    let service = http::router(Arc::clone(&state)).into_make_service_with_connect_info::<http::Connection>();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let serving = axum::serve(http::Counted(listener), service).with_graceful_shutdown(async {
            // Either word or a dropped handle means stop.
            let _ = stopped.await;
        });
        // The listener retries by itself; there is no error to report.
        let _ = serving.await;
    });
    let rate = state.options.events_per_second;
    let traffic = (rate > 0.0).then(|| tokio::spawn(live(Arc::clone(&state), rate)));
    let keys = state.keys().clone();
    Ok(Running {
        base_url: format!("http://{address}"),
        account: state.test.world.account.clone(),
        keys,
        state,
        stop: Some(stop),
        server,
        traffic,
    })
}

/// Steps the test mode's traffic so that about `rate` events a second are written.
async fn live(state: Arc<State>, rate: f64) {
    let began = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut written = 0_u64;
    let mut idle = Duration::ZERO;
    let mut before = began;
    loop {
        let at = ticks.tick().await;
        if state.quiet.load(Ordering::Relaxed) {
            idle += at - before;
        }
        before = at;
        let wanted = (began.elapsed().saturating_sub(idle).as_secs_f64() * rate) as u64;
        // A bound on each tick, so that a stalled clock is not made up for in one go.
        for _ in 0..2000 {
            if written >= wanted {
                break;
            }
            written += state.test.run_traffic(1, state.now()).max(1);
        }
    }
}

impl Running {
    /// Takes permissions (`rak_…_read`) from a key, from the next request on.
    pub fn deny(&self, key: &str, permissions: &[&str]) -> Result<(), String> {
        let denied: Vec<String> = permissions.iter().map(|&p| p.to_owned()).collect();
        self.state.set_permissions(key, &denied, &[])
    }

    /// Gives permissions back.
    pub fn allow(&self, key: &str, permissions: &[&str]) -> Result<(), String> {
        let allowed: Vec<String> = permissions.iter().map(|&p| p.to_owned()).collect();
        self.state.set_permissions(key, &[], &allowed)
    }

    /// Makes a key answer 401 `api_key_expired`.
    pub fn expire(&self, key: &str) -> Result<(), String> {
        self.state.expire(key, true)
    }

    /// Stops faults, or lets them strike again.
    pub fn pause_faults(&self, paused: bool) {
        lock(&self.state.faults).pause(paused);
    }

    /// Replaces the faults.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        lock(&self.state.faults).set(faults);
    }

    /// Runs steps of test-mode traffic; gives how many events they wrote.
    pub fn run_traffic(&self, steps: u64) -> u64 {
        self.state.test.run_traffic(steps, self.state.now())
    }

    /// Stops the traffic that goes on by itself, or lets it go on.
    pub fn quiet(&self, quiet: bool) {
        self.state.quiet.store(quiet, Ordering::Relaxed);
    }

    /// Changes up to `count` test-mode invoices of history, with events; gives their ids.
    pub fn mutate(&self, count: u64) -> Vec<String> {
        self.state.test.mutate(count, self.state.now())
    }

    /// What was counted so far.
    pub fn report(&self) -> Report {
        self.state.report()
    }

    /// Ids of the test-mode events that were made since the start, oldest first; those that are older than
    /// what is kept are missing.
    pub fn events_made(&self) -> Vec<String> {
        self.state.test.events_made()
    }

    /// Sets the sandbox's clock forward by so many seconds: what happens from now on is dated later, and events
    /// older than thirty days are gone.
    pub fn skip(&self, seconds: u64) {
        self.state.skip(seconds);
    }

    /// Cuts every socket of the relay without a word; gives how many there were.
    pub fn cut_sockets(&self) -> usize {
        self.state.relay.order(&relay::Order::Cut)
    }

    /// Closes every socket of the relay with a code; gives how many there were.
    pub fn close_sockets(&self, code: u16) -> usize {
        self.state.relay.order(&relay::Order::Close(code, ""))
    }

    /// From now on the open sockets of the relay stay open, and neither say nor answer anything.
    pub fn silence_sockets(&self) -> usize {
        self.state.relay.order(&relay::Order::Silence)
    }

    /// Sockets of the relay that are open now.
    pub fn open_sockets(&self) -> usize {
        self.state.relay.open_sockets()
    }

    /// Forgets all sessions of the relay: `Unknown WebSocket ID.` is what their next handshake gets.
    pub fn forget_sessions(&self) {
        self.state.relay.forget();
    }

    /// Changes how the relay behaves, from the next session or socket on.
    pub fn set_relay_behaviour(&self, options: RelayOptions) {
        self.state.relay.set(options);
    }

    /// How the relay behaves.
    pub fn relay_behaviour(&self) -> RelayOptions {
        self.state.relay.options()
    }

    /// Stops listening and waits until open connections are done, two seconds at most.
    pub async fn stop(mut self) {
        self.state.stopping.cancel();
        if let Some(stop) = self.stop.take() {
            // The server may have gone already.
            let _ = stop.send(());
        }
        if let Some(traffic) = self.traffic.take() {
            traffic.abort();
        }
        // Idle keep-alive connections of a client would hold it open for ever.
        let _ = tokio::time::timeout(Duration::from_secs(2), &mut self.server).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.state.stopping.cancel();
        self.server.abort();
        if let Some(traffic) = &self.traffic {
            traffic.abort();
        }
    }
}

impl State {
    fn set_permissions(&self, key: &str, deny: &[String], allow: &[String]) -> Result<(), String> {
        let mut keys = self.keys_mut();
        let key = keys.find(key).ok_or("There is no such key.")?;
        key.denied.extend(deny.iter().cloned());
        key.denied.retain(|permission| !allow.contains(permission));
        Ok(())
    }

    fn expire(&self, key: &str, expired: bool) -> Result<(), String> {
        let mut keys = self.keys_mut();
        keys.find(key).ok_or("There is no such key.")?.expired = expired;
        Ok(())
    }
}
