//! What can go wrong with the data folder and the store, as sentences that say what to do.
//!
//! It must never carry an object's content: these texts reach logs and terminals.

use std::path::PathBuf;

/// A failure of the data folder or the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process owns the folder (its pid, when the lock file tells it).
    #[error("{} is in use by another tillwatch{}: end that one first, or use another --data-dir", dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Owned {
        /// The folder.
        dir: PathBuf,
        /// Who holds it.
        pid: Option<u32>,
    },
    /// The folder holds something else.
    #[error("{} is not empty and was not made by tillwatch: name an empty or new folder with --data-dir", dir.display())]
    NotOurs {
        /// The folder.
        dir: PathBuf,
    },
    /// A backup is restored into an empty place only.
    #[error("{} is not empty: a backup is restored into an empty or new folder, name one with --data-dir", dir.display())]
    NotEmpty {
        /// The folder.
        dir: PathBuf,
    },
    /// Written by a newer version.
    #[error("{} was written by a newer tillwatch (format {found}, this one reads {known}): update tillwatch, or use another --data-dir", dir.display())]
    Newer {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The folder can't be made, read or written.
    #[error("{} cannot be used: {reason}; check its owner and permissions, or use another --data-dir", dir.display())]
    Unusable {
        /// The folder or file.
        dir: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The disk is (nearly) full.
    #[error("only {free_mb} MB are free where {} is, and tillwatch stops at {need_mb} MB so that nothing is lost: free some space and try again", dir.display())]
    DiskFull {
        /// The folder.
        dir: PathBuf,
        /// Free now, in megabytes.
        free_mb: u64,
        /// Wanted, in megabytes.
        need_mb: u64,
    },
    /// The database can't be read, even after its snapshots were set aside.
    #[error("the database in {} cannot be opened ({reason}): restore a backup with `tillwatch restore`, or move the folder away and sync again", dir.display())]
    Corrupt {
        /// The folder.
        dir: PathBuf,
        /// What sled said.
        reason: String,
    },
    /// A value in the store can't be read.
    #[error(
        "a stored value cannot be read ({0}): run `tillwatch discover` and `tillwatch sync` again, or restore a backup"
    )]
    Value(String),
    /// The writer has stopped; nothing more is stored.
    #[error(
        "the store stopped writing ({0}): end tillwatch and start it again; what was acknowledged is safe"
    )]
    Stopped(String),
    /// A backup file can't be used.
    #[error("{} is no usable tillwatch backup: {reason}", file.display())]
    Backup {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// From an IO error at a path.
    pub fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return StoreError::DiskFull { dir: path.to_owned(), free_mb: 0, need_mb: 1 };
        }
        StoreError::Unusable { dir: path.to_owned(), reason: error.to_string() }
    }
}
