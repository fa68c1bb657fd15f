//! What the screen needs of the engine, and nothing more.
//!
//! The engine in this process implements it, so does a test's fake, and one at the far end of a socket can.
//! Nothing here may block: the drawing loop calls it.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::engine::api::{Answer, Request, Snapshot};
use crate::vault::secret::Secret;

/// The engine as the screen sees it.
pub trait Engine: Send + Sync {
    /// The newest snapshot, now and from now on.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Sends a request; the future ends with its answer.
    fn request(&self, request: Request) -> BoxFuture<'static, Answer>;

    /// Hands a key over; the answer is its ticket, or why it can't be one.
    fn offer_key(&self, key: Secret) -> BoxFuture<'static, Answer>;
}
