//! Writing the whole store anew without some of its keys, because sled's log keeps old bytes.
//!
//! Used by `disconnect --purge`. Kill-safe: the new database is made beside the old one, and a marker file
//! decides on the next start whether to finish the exchange or to forget it. It must only run on a closed
//! store.

use std::fs;
use std::path::Path;

use super::OpenOptions;
use super::error::StoreError;
use super::folder::{self, DB, Folder};
use super::keys;
use super::writer::sled_error;
use crate::engine::api::IntegrationId;

const NEW: &str = "db.new";
const OLD: &str = "db.old";
/// Exists from the moment that the new database is whole until the old one is gone.
const MARKER: &str = "db.exchange";
/// Keys copied per batch.
const AT_ONCE: usize = 500;

/// Everything of an integration, for [`without`].
pub fn belongs_to(integration: IntegrationId) -> impl Fn(&[u8]) -> bool {
    let number = integration.0.to_be_bytes();
    let meta = keys::meta(&format!("integration/{:08}", integration.0));
    let meta_under = keys::meta(&format!("of/{:08}/", integration.0));
    move |key| match key.first() {
        Some(&keys::META) => key == meta || key.starts_with(&meta_under),
        Some(table) if keys::PER_INTEGRATION.contains(table) => key.get(1..5) == Some(&number[..]),
        _ => false,
    }
}

/// Rewrites the store in `dir` without the keys that `remove` names. Returns how many went.
pub fn without(dir: &Path, options: &OpenOptions, remove: impl Fn(&[u8]) -> bool) -> Result<u64, StoreError> {
    let folder = Folder::take(dir)?;
    within(&folder, options, remove)
}

/// The same in a folder that is taken already.
pub(super) fn within(
    folder: &Folder,
    options: &OpenOptions,
    remove: impl Fn(&[u8]) -> bool,
) -> Result<u64, StoreError> {
    let dir = folder.dir.as_path();
    finish(folder)?;
    let mut removed = 0;
    {
        let (tree, _) = super::open::database(folder, options)?;
        let config = sled::Config::new().path(dir.join(NEW)).cache_capacity(options.cache_bytes);
        let new = config.open().map_err(sled_error)?;
        let mut batch = sled::Batch::default();
        let mut held = 0;
        for item in tree.iter() {
            let (key, value) = item.map_err(sled_error)?;
            if remove(&key) {
                removed += 1;
                continue;
            }
            batch.insert(key, value);
            held += 1;
            if held == AT_ONCE {
                folder::check_space(dir, options.need_mb)?;
                new.apply_batch(std::mem::take(&mut batch)).map_err(sled_error)?;
                held = 0;
            }
        }
        new.apply_batch(batch).map_err(sled_error)?;
        new.flush().map_err(sled_error)?;
        let file = dir.join(NEW).join("db");
        fs::File::open(&file)
            .and_then(|file| file.sync_all())
            .map_err(|error| StoreError::io(&file, &error))?;
    }
    folder::write_whole(&dir.join(MARKER), b"the new database is whole\n")?;
    finish(folder)?;
    Ok(removed)
}

/// Finishes an exchange that was cut off, or forgets one that never became whole. Whatever is found, a whole
/// database is never thrown away while there is no other.
pub fn finish(folder: &Folder) -> Result<(), StoreError> {
    let dir = &folder.dir;
    let (db, new, old, marker) = (dir.join(DB), dir.join(NEW), dir.join(OLD), dir.join(MARKER));
    let io = |error: std::io::Error| StoreError::io(dir, &error);
    if marker.exists() && new.exists() {
        if db.exists() {
            // What an earlier exchange left behind would be in the way.
            if old.exists() {
                fs::remove_dir_all(&old).map_err(io)?;
            }
            fs::rename(&db, &old).map_err(io)?;
        }
        fs::rename(&new, &db).map_err(io)?;
        folder::sync_dir(dir)?;
    }
    if old.exists() && !db.exists() {
        fs::rename(&old, &db).map_err(io)?;
        folder::sync_dir(dir)?;
    }
    for rest in [&old, &new] {
        if rest.exists() {
            fs::remove_dir_all(rest).map_err(io)?;
        }
    }
    if marker.exists() {
        // Last, and only when the old bytes are gone for certain.
        folder::sync_dir(dir)?;
        fs::remove_file(&marker).map_err(io)?;
        folder::sync_dir(dir)?;
    }
    Ok(())
}
