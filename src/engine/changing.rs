//! How the engine changes what is connected: documents one at a time, keys by way of the vault, schedules rung.
//!
//! It must never show a change that is not stored, except what Stripe or the disk told about an integration: that
//! holds whether or not it can be written down.

use std::sync::Arc;

use super::api::{IntegrationId, Level};
use super::runtime::Runtime;
use super::{Engine, endpoints, poller};
use crate::integration::Integration;
use crate::integration::connect::key_trouble;
use crate::store::{Batch, Durability, StoreError};
use crate::stripe::{ApiKey, BaseUrl};
use crate::vault::{Vault, VaultError};

impl Engine {
    /// All integrations as they are.
    pub(super) fn configs(&self) -> Vec<Arc<Integration>> {
        self.state().runtimes.values().map(|runtime| runtime.config.clone()).collect()
    }

    /// Where an integration's API is.
    pub(super) fn base_of(&self, config: &Integration) -> Result<BaseUrl, String> {
        let own = config.key.as_ref().and_then(|key| self.base_of_key(&key.fingerprint));
        match own.or(self.inner.options.api_base.as_ref()) {
            Some(base) => Ok(base.clone()),
            None => BaseUrl::parse(&config.base_url),
        }
    }

    /// Where a key is good for, when it has a server of its own.
    pub(super) fn base_of_key(&self, fingerprint: &str) -> Option<&BaseUrl> {
        self.inner.options.bases.iter().find(|(own, _)| own == fingerprint).map(|(_, base)| base)
    }

    /// Where an integration's API is, and its key, read from where it is kept.
    pub(super) async fn key_of(&self, config: &Integration) -> Result<(BaseUrl, ApiKey), String> {
        let note = config.key.clone().ok_or_else(|| format!("{} is disconnected", config.name))?;
        let id = config.id;
        let secret = self
            .with_vault(move |vault| vault.get(&Integration::vault_name(id), &note.place))
            .await
            .map_err(|error| key_trouble(&error, id))?;
        let key = ApiKey::parse(secret.expose()).map_err(|problem| problem.to_string())?;
        Ok((self.base_of(config)?, key))
    }

    /// Works with the vault, off the threads that must not wait: a keyring or a key command may take long.
    pub(super) async fn with_vault<T, E>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<VaultError> + Send + 'static,
    {
        let options = self.inner.options.clone();
        let done = tokio::task::spawn_blocking(move || {
            let vault = Vault::open(&options.data_dir, &options.key_dir)?;
            work(&vault)
        });
        done.await.unwrap_or_else(|_| {
            Err(E::from(VaultError::Io {
                what: "Using",
                path: "the vault".into(),
                message: "it stopped half-way".into(),
            }))
        })
    }

    /// The next request is sent with the key that is in the vault then.
    pub(super) fn forget_client(&self, id: IntegrationId) {
        if let Some(runtime) = self.state().runtimes.get_mut(&id) {
            runtime.client = None;
            runtime.offline = None;
            runtime.poll.error = None;
        }
        self.inner.changed.notify_one();
    }

    /// Polls at once.
    pub(super) fn poke(&self, id: IntegrationId) {
        if let Some(runtime) = self.state().runtimes.get(&id) {
            runtime.poll.poke.notify_one();
        }
    }

    /// Makes the live connection anew, with the key that is there now.
    pub(super) fn relink(&self, id: IntegrationId) {
        if let Some(runtime) = self.state().runtimes.get(&id) {
            runtime.poll.relink.notify_one();
        }
    }

    /// Works out anew when the next poll is due.
    pub(super) fn replan(&self, id: IntegrationId) {
        if let Some(runtime) = self.state().runtimes.get(&id) {
            runtime.poll.replan.notify_one();
            // What the live connection keeps may have changed as well.
            runtime.poll.relink.notify_one();
        }
    }

    /// Works out anew when the next poll is due, and leaves the live connection alone.
    pub(super) fn reschedule(&self, id: IntegrationId) {
        if let Some(runtime) = self.state().runtimes.get(&id) {
            runtime.poll.replan.notify_one();
        }
    }

    /// Makes a runtime one of this engine's: its schedule ends with the engine.
    pub(super) fn adopt(&self, mut runtime: Runtime) -> Runtime {
        runtime.poll.stop = self.inner.cancel.child_token();
        runtime
    }

    /// Takes an integration as it is stored. One that stays connected keeps its jobs, schedule and sources: only what
    /// it is changes.
    pub(super) async fn reload(&self, id: IntegrationId) {
        let Some(store) = self.store() else { return };
        let reader = store.clone();
        let stored = tokio::task::spawn_blocking(move || {
            reader.meta::<Integration>(&Integration::document(id)).ok().flatten()
        });
        let Ok(Some(config)) = stored.await else { return };
        if config.off_since.is_none() && self.renew(id, &config) {
            endpoints::finish_later(self, &config);
            return;
        }
        let now = self.now();
        let loaded = tokio::task::spawn_blocking(move || {
            let config: Option<Integration> = store.meta(&Integration::document(id))?;
            config.map(|config| Runtime::load(&store, config, now)).transpose()
        });
        let Ok(Ok(Some(runtime))) = loaded.await else { return };
        let on = runtime.config.off_since.is_none();
        let config = runtime.config.clone();
        if let Some(earlier) = self.state().runtimes.insert(id, self.adopt(runtime)) {
            earlier.poll.stop.cancel();
        }
        if on && self.inner.options.live {
            poller::start(self, id);
        }
        endpoints::finish_later(self, &config);
    }

    /// Puts a changed document in the place of a connected integration's; false: it is not connected here.
    fn renew(&self, id: IntegrationId, config: &Integration) -> bool {
        let mut state = self.state();
        let runs = |one: &&mut Runtime| one.config.off_since.is_none() && !one.poll.stop.is_cancelled();
        let Some(runtime) = state.runtimes.get_mut(&id).filter(runs) else { return false };
        let before = std::mem::replace(&mut runtime.config, Arc::new(config.clone()));
        runtime.client = None;
        runtime.offline = None;
        // What was only looked up does not end a connection.
        let looked_up = |one: &Integration| {
            let mut one = Integration { checked_at: 0, ..one.clone() };
            if let Some(note) = &mut one.endpoint {
                note.seen = None;
            }
            one
        };
        let changed = looked_up(&before) != looked_up(config);
        if changed {
            // What was missed, was missed by the endpoint as it was.
            runtime.endpoint.missed_at = None;
        }
        drop(state);
        if changed {
            self.replan(id);
        }
        if endpoints::resumed(&before, config) {
            self.poke(id);
        }
        self.inner.changed.notify_one();
        true
    }

    /// Changes an integration in the store, then in memory; nothing is changed if it can't be stored.
    pub(super) async fn commit_integration(
        &self,
        id: IntegrationId,
        change: impl FnOnce(&mut Integration),
    ) -> Result<Integration, StoreError> {
        self.write_integration(id, change, false).await
    }

    /// Changes an integration for what was learnt of it: in memory also when it can't be stored.
    pub(super) async fn change_integration(&self, id: IntegrationId, change: impl FnOnce(&mut Integration)) {
        if let Err(error) = self.write_integration(id, change, true).await {
            self.message(Level::Error, Some(id), error.to_string());
        }
    }

    async fn write_integration(
        &self,
        id: IntegrationId,
        change: impl FnOnce(&mut Integration),
        anyway: bool,
    ) -> Result<Integration, StoreError> {
        // One at a time: a change is made to what the one before it has left.
        let _turn = self.inner.documents.lock().await;
        let found = {
            let state = self.state();
            state.runtimes.get(&id).map(|runtime| (*runtime.config).clone()).zip(state.store.clone())
        };
        let Some((mut config, store)) = found else {
            return Err(StoreError::Stopped("the integration is gone".into()));
        };
        change(&mut config);
        let mut batch = Batch::new();
        batch.meta(Integration::document(id), &config);
        let stored = store.commit(batch, Durability::Synced, self.now()).await;
        if (stored.is_ok() || anyway)
            && let Some(runtime) = self.state().runtimes.get_mut(&id)
        {
            runtime.config = Arc::new(config.clone());
        }
        self.inner.changed.notify_one();
        stored.map(|_| config)
    }
}
