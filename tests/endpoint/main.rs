//! Webhook endpoints end to end: made at a local Stripe, delivered to over real sockets, stored, removed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod between;
mod door;
mod leaving;
mod life;
mod mend;
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tillwatch::clock;
use tillwatch::engine::api::{
    Answer, ConnectSpec, Delivery, IntegrationId, IntegrationView, Request, Snapshot,
};
use tillwatch::engine::{Engine, Options};
use tillwatch::sandbox::{self, Fault, HookOptions, Limits, Running};
use tillwatch::server::receiver::{self, Receiver};
use tillwatch::store::{OpenOptions, Store};
use tillwatch::stripe::BaseUrl;
use tillwatch::vault::secret::Secret;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
pub(crate) const ID: IntegrationId = IntegrationId(1);

/// A local Stripe that does nothing by itself.
pub(crate) async fn stripe() -> Running {
    tillwatch::stripe::install_tls();
    let mut options = sandbox::Options::new(clock::system()());
    options.invoices = 100;
    options.customers = 30;
    options.limits = Limits::None;
    options.hooks = HookOptions { retry_ms: 20, timeout_ms: 10_000, disable_after: 3 };
    sandbox::start(options).await.unwrap()
}

pub(crate) fn faults(words: &[&str]) -> Vec<Fault> {
    words.iter().map(|word| Fault::parse(word).unwrap()).collect()
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// What is at Stripe, oldest first.
pub(crate) async fn endpoints(stripe: &Running) -> Vec<Value> {
    let url = format!("{}/v1/webhook_endpoints?limit=100", stripe.base_url);
    let answer = http().get(url).bearer_auth(&stripe.keys.secret).send().await.unwrap();
    let list: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let mut all = list["data"].as_array().unwrap().clone();
    all.reverse();
    all
}

/// Changes something at Stripe by another hand than ours.
pub(crate) async fn post(stripe: &Running, path: &str, form: &str) -> Value {
    let url = format!("{}{path}", stripe.base_url);
    let request = http().post(url).bearer_auth(&stripe.keys.secret);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// Somebody else's endpoint.
pub(crate) async fn foreign(stripe: &Running, host: &str, more: &str) -> Value {
    let form = format!("url=https%3A%2F%2F{host}%2Fhook&enabled_events[]=invoice.paid{more}");
    post(stripe, "/v1/webhook_endpoints", &form).await
}

/// An engine with a receiver, on a data folder.
pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) receiver: Receiver,
    pub(crate) dir: Arc<TempDir>,
    base: String,
}

impl Desk {
    pub(crate) async fn new(stripe: &Running) -> Desk {
        Desk::on(Arc::new(tempfile::tempdir().unwrap()), &stripe.base_url).await
    }

    async fn on(dir: Arc<TempDir>, base: &str) -> Desk {
        Desk::at(dir, base, clock::system()).await
    }

    /// With a clock of its own.
    pub(crate) async fn at(dir: Arc<TempDir>, base: &str, now: clock::Now) -> Desk {
        let engine = Engine::start(Options {
            data_dir: dir.path().join("data"),
            key_dir: dir.path().join("keys"),
            api_base: Some(BaseUrl::parse(base).unwrap()),
            bases: Vec::new(),
            demo: false,
            read_only: false,
            live: true,
            store: OpenOptions::default(),
            stripe_cli: Vec::new(),
            declines: Arc::new(tillwatch::recovery::Declines::built_in()),
            alerts: tillwatch::engine::alerts::Settings::default(),
            upkeep: tillwatch::config::Upkeep::default(),
            now,
        });
        engine.ready().await.unwrap();
        let any = "127.0.0.1:0".parse().unwrap();
        let receiver = receiver::start(&engine, any, receiver::limits()).await.unwrap();
        Desk { engine, receiver, dir, base: base.to_owned() }
    }

    pub(crate) async fn restart(self) -> Desk {
        let Desk { engine, receiver, dir, base } = self;
        receiver.stop().await;
        engine.shutdown().await;
        drop(engine);
        Desk::on(dir, &base).await
    }

    pub(crate) fn public_url(&self) -> String {
        format!("http://{}", self.receiver.address())
    }

    /// Connects with an endpoint of our own.
    pub(crate) async fn connect(&self, stripe: &Running) -> Answer {
        let key = Secret::new(stripe.keys.restricted.as_str());
        let Answer::Ticket { ticket } = self.engine.offer_key(key) else { panic!("no ticket") };
        let spec = ConnectSpec {
            name: None,
            description: None,
            billing: true,
            delivery: Delivery::Endpoint,
            poll_every_s: 900,
            confirmed: None,
            public_url: Some(self.public_url()),
            by_hand: false,
        };
        self.engine.request(Request::Connect { ticket, spec }).await
    }

    /// The same; it takes deliveries when this is done.
    pub(crate) async fn connected(&self, stripe: &Running) {
        let answer = self.connect(stripe).await;
        assert!(matches!(answer, Answer::Connected { integration: ID }), "{answer:?}: {:?}", self.messages());
        self.open().await;
    }

    /// Waits until the beginning of the log is known and the door is open.
    pub(crate) async fn open(&self) {
        self.until("an open door", |snapshot| {
            let view = &snapshot.integrations[0];
            view.complete_to.is_some() && self.engine.door(token(view)).is_some()
        })
        .await;
    }

    pub(crate) fn store(&self) -> Store {
        self.engine.store().unwrap()
    }

    pub(crate) fn view(&self) -> IntegrationView {
        self.engine.snapshots().borrow().integrations[0].clone()
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.engine.snapshots().borrow().messages.iter().map(|one| one.text.clone()).collect()
    }

    /// Waits for a snapshot.
    pub(crate) async fn until(&self, what: &str, mut so: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut snapshots = self.engine.snapshots();
        let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| so(snapshot))).await;
        match found {
            Ok(Ok(snapshot)) => snapshot.clone(),
            _ => panic!("never came: {what}: {:?} {:?}", self.view().endpoint, self.messages()),
        }
    }

    /// Waits until the store has whatever happened at Stripe.
    pub(crate) async fn until_whole(&self, stripe: &Running) {
        let begun = Instant::now();
        loop {
            let here: Vec<String> =
                self.store().arrivals(ID, 0).unwrap().into_iter().map(|row| row.id).collect();
            let missing: Vec<String> =
                wanted(stripe).await.into_iter().filter(|id| !here.contains(id)).collect();
            if missing.is_empty() {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "missing {missing:?}; {:?}", self.view().endpoint);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn end(self) {
        self.receiver.stop().await;
        self.engine.shutdown().await;
    }
}

/// The last word of an endpoint's address.
pub(crate) fn token(view: &IntegrationView) -> &str {
    view.endpoint.as_ref().map(|one| one.url.rsplit('/').next().unwrap()).unwrap_or_default()
}

/// Events that an endpoint with billing is sent.
pub(crate) async fn wanted(stripe: &Running) -> Vec<String> {
    let types = tillwatch::integration::endpoint::events(true, false);
    let url = format!("{}/v1/events?limit=100", stripe.base_url);
    let answer = http().get(url).bearer_auth(&stripe.keys.secret).send().await.unwrap();
    let list: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let made = stripe.events_made();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| types.contains(&event["type"].as_str().unwrap()))
        .map(|event| text(&event["id"]))
        .filter(|id| made.contains(id))
        .collect()
}

/// Waits for something at Stripe.
pub(crate) async fn at_stripe(stripe: &Running, what: &str, so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let all = endpoints(stripe).await;
        if so(&all) {
            return all;
        }
        assert!(begun.elapsed() < PATIENCE, "never: {what}: {all:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
