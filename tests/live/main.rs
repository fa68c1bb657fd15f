//! Live events against the local Stripe: everything that happened is stored exactly once, whatever becomes of the
//! sockets, of this process, or of what comes on the wire.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod budget;
mod day;
mod fake;
mod forward;
mod ours;
mod process;
mod reads;
mod receiver;
mod relay;
mod same;
mod soak;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tillwatch::clock;
use tillwatch::config::Upkeep;
use tillwatch::engine::api::{Delivery, IntegrationId, IntegrationView, LinkView, Snapshot};
use tillwatch::engine::{Engine, Options};
use tillwatch::integration::connect::{Wish, save, try_key};
use tillwatch::sandbox::{self, Fault, Limits, Running};
use tillwatch::store::{OpenOptions, Store};
use tillwatch::stripe::{ApiKey, BaseUrl};
use tillwatch::vault::Vault;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
pub(crate) const ID: IntegrationId = IntegrationId(1);

/// A local Stripe that does nothing by itself.
pub(crate) async fn stripe(change: impl FnOnce(&mut sandbox::Options)) -> Running {
    tillwatch::stripe::install_tls();
    let mut options = sandbox::Options::new(clock::system()());
    options.invoices = 200;
    options.customers = 50;
    options.limits = Limits::None;
    change(&mut options);
    sandbox::start(options).await.unwrap()
}

/// What is at Stripe and not in the log, or in the log twice.
pub(crate) fn difference(stripe: &Running, store: &Store) -> String {
    let made: BTreeSet<String> = stripe.events_made().into_iter().collect();
    let rows = store.arrivals(ID, 0).unwrap();
    let here: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let twice = rows.len() - here.len();
    let missing: Vec<&String> = made.iter().filter(|id| !here.contains(id.as_str())).collect();
    if twice == 0 && missing.is_empty() {
        String::new()
    } else {
        format!("{twice} twice, missing {missing:?}")
    }
}

/// An engine that is connected over the relay.
pub(crate) struct Rig {
    pub(crate) stripe: Running,
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    _dir: TempDir,
}

impl Rig {
    pub(crate) async fn new(stripe: Running) -> Rig {
        Rig::with(stripe, |_| {}).await
    }

    pub(crate) async fn with(stripe: Running, change: impl FnOnce(&mut Wish)) -> Rig {
        Rig::upkept(stripe, Upkeep::default(), change).await
    }

    pub(crate) async fn upkept(stripe: Running, upkeep: Upkeep, change: impl FnOnce(&mut Wish)) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        let (data, keys) = (dir.path().join("data"), dir.path().join("keys"));
        let store = Store::open(&data, &OpenOptions::default()).unwrap();
        let vault = Vault::open(&data, &keys).unwrap();
        let base = BaseUrl::parse(&stripe.base_url).unwrap();
        let key = ApiKey::parse(&stripe.keys.restricted).unwrap();
        let (_, found) = try_key(&base, &key, true).await.unwrap();
        let mut wish = Wish {
            name: None,
            description: None,
            billing: true,
            poll_every_s: 900,
            delivery: Delivery::Relay,
            all_events: true,
            base,
            key,
            key_command: None,
            origin: None,
        };
        change(&mut wish);
        let now = clock::system();
        save(&store, &vault, wish, found, &now).await.unwrap();
        let options = Options {
            data_dir: data,
            key_dir: keys,
            api_base: None,
            bases: Vec::new(),
            demo: false,
            read_only: false,
            live: true,
            store: OpenOptions::default(),
            stripe_cli: Vec::new(),
            declines: std::sync::Arc::new(tillwatch::recovery::Declines::built_in()),
            alerts: tillwatch::engine::alerts::Settings::default(),
            upkeep,
            now,
        };
        let engine = Engine::with_store(options, store.clone()).await.unwrap();
        Rig { stripe, engine, store, _dir: dir }
    }

    pub(crate) fn view(&self) -> IntegrationView {
        self.engine.snapshots().borrow().integrations[0].clone()
    }

    /// Waits for a snapshot.
    pub(crate) async fn until(&self, what: &str, mut so: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.engine.snapshots();
        match tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| so(snapshot))).await {
            Ok(Ok(snapshot)) => snapshot.clone(),
            _ => panic!("never came: {what}: {:?}", self.view().link),
        }
    }

    pub(crate) async fn connected(&self) {
        self.until("a connection", |snapshot| {
            matches!(snapshot.integrations[0].link, LinkView::Connected { .. })
                && snapshot.integrations[0].complete_to.is_some()
        })
        .await;
    }

    /// Waits until the log has everything that happened, once.
    pub(crate) async fn until_whole(&self) {
        let begun = std::time::Instant::now();
        loop {
            let difference = difference(&self.stripe, &self.store);
            if difference.is_empty() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{difference}; {:?}", self.view());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn records_are_stripes(&self) {
        same::records(&self.store, &self.stripe.base_url, &self.stripe.keys.secret).await;
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.engine.snapshots().borrow().messages.iter().map(|one| one.text.clone()).collect()
    }

    pub(crate) async fn end(self) {
        self.engine.shutdown().await;
        self.stripe.stop().await;
    }
}

pub(crate) fn faults(words: &[&str]) -> Vec<Fault> {
    words.iter().map(|word| Fault::parse(word).unwrap()).collect()
}

/// Every frame that was sent is acknowledged, on whatever socket it came.
pub(crate) async fn all_acknowledged(rig: &Rig) {
    let begun = std::time::Instant::now();
    loop {
        let report = rig.stripe.report().relay;
        if report.frames > 0 && report.acks == report.frames {
            assert_eq!((report.stray_acks, report.unknown), (0, 0));
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{report:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
