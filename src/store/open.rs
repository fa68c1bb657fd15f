//! Opening sled, with what it needs around it.
//!
//! A kill during open leaves `snap.*.generating`, with which the next open would fail for ever: such files
//! are removed first. A snapshot that can't be read is set aside once; sled then replays its log. It must
//! never delete a snapshot or the log itself.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::OpenOptions;
use super::error::StoreError;
use super::folder::Folder;
use super::keys;

/// sled's own lock can outlive a closed handle for a moment (spacejam/sled#1234).
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// Opens the database and a descriptor of its file for `sync_data`.
pub fn database(folder: &Folder, options: &OpenOptions) -> Result<(sled::Db, File), StoreError> {
    let path = folder.db();
    clean(&path)?;
    let tree = match open(&path, options) {
        Ok(tree) => tree,
        Err(first) if set_snapshots_aside(&path)? => open(&path, options).map_err(|second| {
            StoreError::Corrupt { dir: folder.dir.clone(), reason: format!("{first}; then {second}") }
        })?,
        Err(reason) => return Err(StoreError::Corrupt { dir: folder.dir.clone(), reason }),
    };
    let file = path.join("db");
    let file = File::open(&file).map_err(|error| StoreError::io(&file, &error))?;
    Ok((tree, file))
}

fn open(path: &Path, options: &OpenOptions) -> Result<sled::Db, String> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(options.cache_bytes)
        // The only real fsync that sled does by itself; ours come on top.
        .flush_every_ms(Some(500))
        .use_compression(false);
    let begun = Instant::now();
    loop {
        let result = catch_unwind(AssertUnwindSafe(|| config.open()));
        match result {
            Ok(Ok(tree)) => return readable(&tree).map(|()| tree),
            Ok(Err(error)) => {
                let text = error.to_string();
                if text.contains("could not acquire lock") && begun.elapsed() < LOCK_WAIT {
                    std::thread::sleep(Duration::from_millis(50));
                    continue;
                }
                return Err(text);
            }
            Err(_) => return Err("the database engine failed while opening".into()),
        }
    }
}

/// Reads a little, as every start does: a snapshot may speak of bytes that the log no longer has, and sled
/// notices only when it reads them.
fn readable(tree: &sled::Db) -> Result<(), String> {
    let read = catch_unwind(AssertUnwindSafe(|| {
        tree.scan_prefix([keys::COUNTERS])
            .chain(tree.scan_prefix([keys::META]))
            .try_for_each(|pair| pair.map(drop))
    }));
    match read {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the database engine failed while reading".into()),
    }
}

/// Removes half-made snapshots.
fn clean(path: &Path) -> Result<(), StoreError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(|error| StoreError::io(&entry.path(), &error))?;
        }
    }
    Ok(())
}

/// Renames `snap.*` so that sled replays its log. False when there was none.
fn set_snapshots_aside(path: &Path) -> Result<bool, StoreError> {
    let Ok(entries) = fs::read_dir(path) else { return Ok(false) };
    let mut any = false;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") {
            let aside = path.join(format!("aside-{name}"));
            fs::rename(entry.path(), &aside).map_err(|error| StoreError::io(&aside, &error))?;
            any = true;
        }
    }
    Ok(any)
}
