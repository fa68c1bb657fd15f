//! For tests of the engine: a local Stripe, a folder that is thrown away, an engine on both.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::alerts::Settings;
use super::api::Snapshot;
use super::{Engine, Options};
use crate::clock;
use crate::sandbox::{self, Limits, Running};
use crate::store::OpenOptions;
use crate::stripe::BaseUrl;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// All of it.
pub struct Rig {
    /// The running system.
    pub engine: Engine,
    /// Holds `data`, `config` and `stripe`.
    pub dir: TempDir,
    stripe: Option<Running>,
    options: sandbox::Options,
    base: String,
}

impl Rig {
    /// With so many invoices; `live`: with schedules.
    pub async fn new(invoices: u64, live: bool) -> Rig {
        Rig::with(invoices, live, 0).await
    }

    /// Without schedules, each answer taking so many milliseconds.
    pub async fn slow(invoices: u64, latency_ms: u64) -> Rig {
        Rig::with(invoices, false, latency_ms).await
    }

    async fn with(invoices: u64, live: bool, latency_ms: u64) -> Rig {
        crate::stripe::install_tls();
        let mut options = sandbox::Options::new(clock::system()());
        options.invoices = invoices;
        options.customers = (invoices / 4).max(20);
        options.limits = Limits::None;
        options.latency_ms = latency_ms;
        let stripe = sandbox::start(options.clone()).await.unwrap();
        let base = stripe.base_url.clone();
        options.port = base.rsplit(':').next().unwrap().parse().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let engine = start(&dir, &base, live, Settings::default()).await;
        Rig { engine, dir, stripe: Some(stripe), options, base }
    }

    /// The local Stripe.
    pub fn stripe(&self) -> &Running {
        self.stripe.as_ref().unwrap()
    }

    /// The network is away.
    pub async fn stop_stripe(&mut self) {
        self.stripe.take().unwrap().stop().await;
    }

    /// It is back; with another seed it is another account.
    pub async fn start_stripe(&mut self, seed: u64) {
        self.options.seed = seed;
        self.stripe = Some(sandbox::start(self.options.clone()).await.unwrap());
    }

    /// Ends the system and starts it again on the same folder, without schedules.
    pub async fn restart(&mut self) {
        self.restart_as(false).await;
    }

    /// The same, with schedules or without.
    pub async fn restart_as(&mut self, live: bool) {
        self.engine.shutdown().await;
        self.engine = start(&self.dir, &self.base, live, Settings::default()).await;
    }

    /// The same, with schedules and with alerts.
    pub async fn restart_with(&mut self, alerts: Settings) {
        self.engine.shutdown().await;
        self.engine = start(&self.dir, &self.base, true, alerts).await;
    }

    /// A key that had expired is good again.
    pub async fn revive(&self, key: &str) {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let body = format!("{{\"key\":\"{key}\",\"expired\":false}}");
        let sent = http.post(format!("{}/_sandbox/expire", self.base)).body(body).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.status());
    }

    /// The newest snapshot.
    pub fn now(&self) -> Arc<Snapshot> {
        self.engine.snapshots().borrow().clone()
    }

    /// Waits for a snapshot.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.engine.snapshots();
        let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| so(snapshot))).await;
        match found {
            Ok(Ok(snapshot)) => snapshot.clone(),
            _ => panic!("never came: {what}: {:?}", self.now()),
        }
    }

    /// Writes the Stripe CLI's configuration.
    pub fn write_cli(&self, text: &str) {
        std::fs::write(self.dir.path().join("stripe.toml"), text).unwrap();
    }

    /// Whether a file of the data folder holds these bytes.
    pub fn on_disk(&self, bytes: &[u8]) -> bool {
        let mut open = vec![self.dir.path().join("data")];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
                    return true;
                }
            }
        }
        false
    }
}

async fn start(dir: &TempDir, base: &str, live: bool, alerts: Settings) -> Engine {
    let engine = Engine::start(Options {
        data_dir: dir.path().join("data"),
        key_dir: dir.path().join("config"),
        api_base: Some(BaseUrl::parse(base).unwrap()),
        bases: Vec::new(),
        demo: false,
        read_only: false,
        live,
        store: OpenOptions::default(),
        stripe_cli: vec![dir.path().join("stripe.toml")],
        declines: Arc::new(crate::recovery::Declines::built_in()),
        alerts,
        upkeep: crate::config::Upkeep::default(),
        now: clock::system(),
    });
    engine.ready().await.unwrap();
    engine
}
