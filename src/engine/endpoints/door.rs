//! Doors: by the last word of an address, the secrets and the way into the store of one integration.
//!
//! What is signed wrong goes no further. It must never say that something is stored before it is.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use crate::clock::Now;
use crate::engine::api::IntegrationId;
use crate::events::intake::Post;
use crate::stripe::signature::{Wrong, verify};
use crate::vault::secret::Secret;

/// A delivery that is not stored after so long is answered as one that was not: Stripe sends it again.
const PATIENCE: Duration = Duration::from_secs(9);

/// What was refused since the process began.
#[derive(Debug, Default)]
pub struct Tally {
    /// Signed wrong, or not at all.
    pub unsigned: AtomicU64,
    /// Signed too long ago, or in the future.
    pub untimely: AtomicU64,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is stored (or was, or is none of ours): it may be acknowledged.
    Stored,
    /// It is not what it says.
    Wrong(Wrong),
    /// It could not be stored now.
    Later,
}

/// The way in for one integration's deliveries.
pub struct Door {
    secrets: Vec<(Secret, Option<i64>)>,
    posts: mpsc::Sender<Post>,
    tally: Arc<Tally>,
    now: Now,
}

impl Door {
    /// With the secrets that are taken, each until its time.
    pub fn new(
        secrets: Vec<(Secret, Option<i64>)>,
        posts: mpsc::Sender<Post>,
        tally: Arc<Tally>,
        now: Now,
    ) -> Door {
        Door { secrets, posts, tally, now }
    }

    /// Deliveries that the store has not begun with.
    pub fn waiting(&self) -> usize {
        self.posts.max_capacity() - self.posts.capacity()
    }

    /// Takes a delivery: its signature first, then the store.
    pub async fn take(&self, signature: Option<&str>, body: Bytes) -> Taken {
        let now = (self.now)();
        let live = self.secrets.iter().filter(|(_, until)| until.is_none_or(|until| until > now));
        let result = match signature {
            Some(header) => verify(header, &body, live.map(|(secret, _)| secret), now),
            None => Err(Wrong::Missing),
        };
        if let Err(wrong) = result {
            let count = match wrong {
                Wrong::Missing | Wrong::Mismatch => &self.tally.unsigned,
                Wrong::Old | Wrong::Ahead => &self.tally.untimely,
            };
            count.fetch_add(1, Ordering::Relaxed);
            return Taken::Wrong(wrong);
        }
        let (done, stored) = oneshot::channel();
        let post = Post { body, at: Instant::now(), done };
        let way = async { self.posts.send(post).await.is_ok() && stored.await.is_ok() };
        if timeout(PATIENCE, way).await.unwrap_or(false) { Taken::Stored } else { Taken::Later }
    }
}

/// All doors that are open.
#[derive(Default)]
pub struct Doors {
    open: RwLock<HashMap<String, Arc<Door>>>,
    listening: Mutex<Option<String>>,
    finishing: Arc<Mutex<HashSet<IntegrationId>>>,
}

/// While it is held something is being finished for an integration.
pub struct Finishing(IntegrationId, Arc<Mutex<HashSet<IntegrationId>>>);

impl Drop for Finishing {
    fn drop(&mut self) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

impl Doors {
    /// Somebody begins to finish what is left to do for an integration. None: somebody does it already.
    pub fn begin_finishing(&self, id: IntegrationId) -> Option<Finishing> {
        let first = self.finishing.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        first.then(|| Finishing(id, self.finishing.clone()))
    }

    /// The door of an address.
    pub fn find(&self, token: &str) -> Option<Arc<Door>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// Opens one.
    pub fn open(&self, token: &str, door: Arc<Door>) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned(), door);
    }

    /// Closes this one, if it is still the one of its address.
    pub fn close(&self, token: &str, door: &Arc<Door>) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.get(token).is_some_and(|there| Arc::ptr_eq(there, door)) {
            open.remove(token);
        }
    }

    /// Where the receiver listens.
    pub fn listening(&self) -> Option<String> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A receiver listens there.
    pub fn listens(&self, at: Option<String>) {
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}
