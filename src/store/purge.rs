//! Removing all of an integration from an open store, and its last bytes when the folder is opened next.
//!
//! sled's log keeps old bytes, and a store that is in use cannot be written anew: the keys go now, and a marker makes
//! the next opening rewrite the database without them (`rewrite.rs`). It must never remove the marker before that is
//! done, and never keep a folder from opening.

use std::path::Path;

use super::error::StoreError;
use super::folder::{self, Folder};
use super::{Batch, Durability, OpenOptions, Store, guard, keys, rewrite};
use crate::engine::api::IntegrationId;

/// The numbers of integrations whose bytes are still in the log.
const MARKER: &str = "purge.json";
/// Keys removed at once: readers wait while a batch is applied.
const AT_ONCE: usize = 500;

impl Store {
    /// Removes everything of an integration. Kill-safe: the marker goes first. Its number must not be used again, unless
    /// this failed before the integration's document was gone: then [`Store::keep_number`] first.
    pub async fn purge(&self, integration: IntegrationId, now: i64) -> Result<(), StoreError> {
        let store = self.clone();
        let found = tokio::task::spawn_blocking(move || {
            let dir = store.dir();
            let mut numbers = marked(dir);
            if !numbers.contains(&integration.0) {
                numbers.push(integration.0);
            }
            let text = serde_json::to_vec(&numbers).map_err(|error| StoreError::Value(error.to_string()))?;
            folder::write_whole(&dir.join(MARKER), &text)?;
            store.keys_of(integration)
        });
        let found =
            found.await.map_err(|_| StoreError::Stopped("the records could not be listed".into()))??;
        for some in found.chunks(AT_ONCE) {
            let mut batch = Batch::new();
            for key in some {
                batch.remove_key(key.clone());
            }
            self.commit(batch, Durability::Applied, now).await?;
        }
        let mut batch = Batch::new();
        batch.forget(integration);
        self.commit(batch, Durability::Synced, now).await.map(|_| ())
    }

    /// Takes a number out of the marker: its account is connected again, and what is stored under it from now on must
    /// not go with the next opening. To be called before anything is stored under it. Blocks for a moment.
    pub fn keep_number(&self, integration: IntegrationId) -> Result<(), StoreError> {
        let dir = self.dir();
        let numbers = marked(dir);
        let left: Vec<u32> = numbers.iter().copied().filter(|number| *number != integration.0).collect();
        if left.len() == numbers.len() {
            return Ok(());
        }
        let text = serde_json::to_vec(&left).map_err(|error| StoreError::Value(error.to_string()))?;
        folder::write_whole(&dir.join(MARKER), &text)
    }

    fn keys_of(&self, integration: IntegrationId) -> Result<Vec<Vec<u8>>, StoreError> {
        let own = keys::meta(&format!("of/{:08}/", integration.0));
        let document = keys::meta(&format!("integration/{:08}", integration.0));
        guard(|| {
            let mut out = vec![document];
            let tables = keys::PER_INTEGRATION.iter().map(|table| keys::prefix(*table, integration));
            for prefix in tables.chain([own]) {
                for key in self.tree().scan_prefix(prefix).keys() {
                    out.push(key.map_err(super::sled_error)?.to_vec());
                }
            }
            Ok(out)
        })
    }
}

/// Numbers in the marker.
fn marked(dir: &Path) -> Vec<u32> {
    let read = std::fs::read(dir.join(MARKER)).ok();
    read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Writes the database anew without what was purged. What stands in the way is logged: the next opening tries again.
pub fn finish(folder: &Folder, options: &OpenOptions) {
    let numbers = marked(&folder.dir);
    if numbers.is_empty() {
        return;
    }
    let gone: Vec<_> = numbers.into_iter().map(|number| rewrite::belongs_to(IntegrationId(number))).collect();
    let result = rewrite::within(folder, options, |key| gone.iter().any(|belongs| belongs(key)))
        .and_then(|_| {
            let marker = folder.dir.join(MARKER);
            std::fs::remove_file(&marker).map_err(|error| StoreError::io(&marker, &error))
        })
        .and_then(|()| folder::sync_dir(&folder.dir));
    if let Err(error) = result {
        tracing::warn!(%error, "what was purged is not written out of the log yet");
    }
}
