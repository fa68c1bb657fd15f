//! The data folder: whose it is, who holds it, whether it may be written, and how full the disk is.
//!
//! Everything here happens before sled is opened. It must never touch a folder that is not ours.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::StoreError;

/// The format that this version reads and writes.
pub const FORMAT: u32 = 1;
/// The file that says that the folder is ours.
const MARKER: &str = "tillwatch.json";
/// How long a lock that is held is waited for.
const LOCK_WAIT: Duration = Duration::from_millis(80);
/// Held (flock) by the process that owns the folder.
const LOCK: &str = "lock";
/// The database.
pub const DB: &str = "db";

/// What the marker file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The store's format.
    pub format: u32,
    /// This data folder, among all others: random, made anew when a backup is restored.
    pub install_id: String,
    /// The version that made it.
    pub made_by: String,
}

/// A folder that is ours and locked by us. The lock ends with the value.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub dir: PathBuf,
    /// What its marker says.
    pub marker: Marker,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, checks that it is ours and not newer, and takes the lock.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let io = |error: std::io::Error| StoreError::io(dir, &error);
        if !dir.exists() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        }
        if !dir.is_dir() {
            return Err(StoreError::Unusable { dir: dir.to_owned(), reason: "it is not a folder".into() });
        }
        let marker_file = dir.join(MARKER);
        // Checked before the lock file is made: nothing may change in a folder that is not ours.
        // Looked for twice: another first start may be writing it at this moment.
        if !marker_file.exists() && !is_fresh(dir).map_err(io)? && !marker_file.exists() {
            return Err(StoreError::NotOurs { dir: dir.to_owned() });
        }
        if marker_file.exists() {
            let _ = read_marker(dir, &marker_file)?;
        }
        let lock = lock(dir)?;
        let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
        let marker = if marker_file.exists() {
            read_marker(dir, &marker_file)?
        } else {
            let marker =
                Marker { format: FORMAT, install_id: random_id(), made_by: env!("CARGO_PKG_VERSION").into() };
            write_whole(&marker_file, &serde_json::to_vec_pretty(&marker).unwrap_or_default())?;
            marker
        };
        Ok(Self { dir: dir.to_owned(), marker, _lock: lock })
    }

    /// Names the socket on which the holder listens, behind its process number.
    pub fn name_socket(&self, socket: &Path) -> Result<(), StoreError> {
        let path = self.dir.join(LOCK);
        let text = format!("{}\n{}\n", std::process::id(), socket.display());
        // Written over, never replaced: the lock is on this very file.
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| StoreError::io(&path, &error))
    }

    /// The path of the database.
    pub fn db(&self) -> PathBuf {
        self.dir.join(DB)
    }
}

/// Empty, or holding only what a first start that was killed had time to make.
fn is_fresh(dir: &Path) -> std::io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let ours = name == LOCK || name.starts_with("tillwatch.json.tmp");
        if !ours {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The format alone: a newer marker may have another shape.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn read_marker(dir: &Path, file: &Path) -> Result<Marker, StoreError> {
    let text = fs::read(file).map_err(|error| StoreError::io(file, &error))?;
    let broken = || StoreError::NotOurs { dir: dir.to_owned() };
    let found = serde_json::from_slice::<Format>(&text).map_err(|_| broken())?.format;
    if found > FORMAT {
        return Err(StoreError::Newer { dir: dir.to_owned(), found, known: FORMAT });
    }
    serde_json::from_slice(&text).map_err(|_| broken())
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| StoreError::io(&path, &error))?;
    let begun = Instant::now();
    let taken = loop {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            // A process that was just killed, or a child between fork and exec, can hold it for a moment.
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < LOCK_WAIT => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => break result,
        }
    };
    match taken {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(StoreError::Owned { dir: dir.to_owned(), pid: holder(dir).map(|holder| holder.pid) });
        }
        Err(errno) => return Err(StoreError::Unusable { dir: path, reason: errno.to_string() }),
    }
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Who holds a folder, as its lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Where it can be talked to.
    pub socket: Option<PathBuf>,
}

/// Reads who holds a folder, or held it last; none: nobody ever did, or it is being written.
pub fn holder(dir: &Path) -> Option<Holder> {
    let text = fs::read_to_string(dir.join(LOCK)).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    let socket = lines.next().map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from);
    Some(Holder { pid, socket })
}

/// Writes a file whole or not at all: temporary file, fsync, rename, fsync of the folder. Mode 0600.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let io = |error: std::io::Error| StoreError::io(path, &error);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(io)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io)?;
    fs::rename(&temporary, path).map_err(io)?;
    if let Some(parent) = path.parent() {
        sync_dir(parent)?;
    }
    Ok(())
}

/// Makes renames in a folder certain.
pub fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| StoreError::io(dir, &error))
}

/// Refuses when fewer than `need_mb` megabytes are free.
pub fn check_space(dir: &Path, need_mb: u64) -> Result<(), StoreError> {
    // A file system that can't be asked is not a reason to stop.
    let Ok(stat) = rustix::fs::statvfs(dir) else { return Ok(()) };
    let free_mb = stat.f_bavail.saturating_mul(stat.f_frsize) / 1_048_576;
    if free_mb < need_mb {
        return Err(StoreError::DiskFull { dir: dir.to_owned(), free_mb, need_mb });
    }
    Ok(())
}

/// 16 random bytes as hex. Not a secret.
pub fn random_id() -> String {
    let mut bytes = [0u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // No entropy source: the time and the process are enough to tell folders apart.
        let nanos =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_nanos());
        bytes = (nanos ^ u128::from(std::process::id()) << 96).to_le_bytes();
    }
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_private_marked_and_held() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("data");
        let first = Folder::take(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        let Err(StoreError::Owned { pid, .. }) = Folder::take(&dir) else { panic!("held twice") };
        assert_eq!(pid, Some(std::process::id()));
        let id = first.marker.install_id.clone();
        drop(first);
        assert_eq!(Folder::take(&dir).unwrap().marker.install_id, id);
    }

    #[test]
    fn a_folder_that_is_not_ours_is_left_as_it_is() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("letter.txt"), "dear").unwrap();
        assert!(matches!(Folder::take(temp.path()), Err(StoreError::NotOurs { .. })));
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_newer_format_and_a_broken_marker_are_refused_unchanged() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(MARKER), r#"{"format": 99, "shape": "new"}"#).unwrap();
        assert!(matches!(Folder::take(temp.path()), Err(StoreError::Newer { found: 99, .. })));
        fs::write(temp.path().join(MARKER), "not json").unwrap();
        assert!(matches!(Folder::take(temp.path()), Err(StoreError::NotOurs { .. })));
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_told() {
        assert!(matches!(check_space(Path::new("/"), u64::MAX / 2), Err(StoreError::DiskFull { .. })));
        assert!(check_space(Path::new("/"), 0).is_ok());
    }
}
