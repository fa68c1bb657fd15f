//! Where the steps of an endpoint are written down: as changes to the integration as it is by then, so that what others
//! have changed while Stripe was asked is not lost.
//!
//! It must never write a whole document back that was read before Stripe was asked.

use std::future::Future;

use crate::clock::Now;
use crate::engine::api::IntegrationId;
use crate::integration::Integration;
use crate::integration::connect::ConnectError;
use crate::store::{Batch, Durability, Store};

/// A change to an integration.
pub type Change = Box<dyn FnOnce(&mut Integration) + Send>;

/// Writes changes of one integration down.
pub trait Keep {
    /// Changes the integration, and tells how it is then. It is on disk when this is done.
    fn keep(&self, change: Change) -> impl Future<Output = Result<Integration, ConnectError>> + Send;
}

/// In a store that nobody else changes.
pub struct InStore<'a> {
    /// The store.
    pub store: &'a Store,
    /// Which integration.
    pub id: IntegrationId,
    /// The time.
    pub now: &'a Now,
}

impl Keep for InStore<'_> {
    async fn keep(&self, change: Change) -> Result<Integration, ConnectError> {
        let name = Integration::document(self.id);
        let found: Option<Integration> = self.store.meta(&name)?;
        let mut integration =
            found.ok_or_else(|| ConnectError::Refused("the integration is gone".to_owned()))?;
        change(&mut integration);
        let mut batch = Batch::new();
        batch.meta(name, &integration);
        self.store.commit(batch, Durability::Synced, (self.now)()).await?;
        Ok(integration)
    }
}
