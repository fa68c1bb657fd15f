//! A disk that fills up: writing stops with a sentence, reading goes on, and writing too once there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use tillwatch::store::{Batch, OpenOptions, Store, StoreError};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, Thing, commit, noise, open, options};

#[test]
fn a_folder_on_a_full_disk_is_not_opened() {
    let temp = tempfile::tempdir().unwrap();
    open(temp.path()).close();
    let huge = OpenOptions { need_mb: 1 << 40, ..options() };
    let Err(error) = Store::open(temp.path(), &huge) else { panic!("it opened") };
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    // Nothing is held.
    open(temp.path()).close();
}

/// A small disk of its own; gone when dropped.
struct Mounted(PathBuf, #[expect(dead_code, reason = "the folder under the disk")] tempfile::TempDir);

impl Mounted {
    /// None where this may not be done.
    fn new(megabytes: u32) -> Option<Mounted> {
        let temp = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m,mode=700");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(temp.path())
            .output()
            .is_ok_and(|output| output.status.success());
        done.then(|| Mounted(temp.path().to_owned(), temp))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn write_until_refused(store: &Store, from: u64) -> (u64, StoreError) {
    for n in from..from + 2000 {
        let mut batch = Batch::new();
        for m in 0..5 {
            let id = format!("in_{n}_{m}");
            batch.record(Thing::new(Kind::Invoice, &id, 1, &noise(20_000, n * 5 + m)).write(store));
        }
        if let Err(error) = commit(store, batch, 1) {
            return (n, error);
        }
    }
    panic!("the disk never got full");
}

fn all_there(store: &Store, until: u64) {
    for n in (0..until).step_by(7) {
        let record = store.record(ONE, Kind::Invoice, &format!("in_{n}_3")).unwrap().unwrap();
        assert!(record.json == noise(20_000, n * 5 + 3).as_bytes());
    }
    assert_eq!(store.counters(ONE).catalog.total, until * 5);
}

fn ballast(dir: &Path, megabytes: usize) -> PathBuf {
    let file = dir.join("ballast");
    std::fs::write(&file, vec![1; megabytes << 20]).unwrap();
    file
}

#[test]
fn writing_stops_before_the_disk_is_full_and_goes_on_when_there_is_room() {
    let Some(disk) = Mounted::new(96) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let dir = disk.0.join("data");
    let store = Store::open(&dir, &OpenOptions { need_mb: 24, ..options() }).unwrap();
    let ballast = ballast(&disk.0, 40);
    let (until, error) = write_until_refused(&store, 0);
    assert!(matches!(error, StoreError::DiskFull { need_mb: 24, .. }), "{error:?}");
    all_there(&store, until);
    std::fs::remove_file(ballast).unwrap();
    let mut batch = Batch::new();
    batch.record(Thing::new(Kind::Customer, "cus_1", 1, "{}").write(&store));
    commit(&store, batch, 1).unwrap();
    store.close();
    let store = Store::open(&dir, &options()).unwrap();
    all_there(&store, until);
    assert!(store.has(ONE, Kind::Customer, "cus_1").unwrap());
}

#[test]
#[ignore = "sled 0.34.7 can wait for ever in apply_batch or close once a write has failed; need_mb keeps it from that"]
fn a_disk_that_is_full_to_the_last_byte_loses_nothing_that_was_safe() {
    let Some(disk) = Mounted::new(24) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let dir = disk.0.join("data");
    let store = Store::open(&dir, &OpenOptions { need_mb: 0, ..options() }).unwrap();
    let mut batch = Batch::new();
    batch.record(Thing::new(Kind::Customer, "cus_safe", 1, "{\"safe\":1}").write(&store));
    crate::commit_as(&store, batch, tillwatch::store::Durability::Synced, 1).unwrap();
    let (_, error) = write_until_refused(&store, 0);
    assert!(!error.to_string().is_empty());
    // Whatever sled does now, it may not take the process with it.
    let _ = store.record(ONE, Kind::Customer, "cus_safe");
    store.close();
    // With room again, on a larger disk, everything that was acknowledged as safe is there.
    let copied = tempfile::tempdir().unwrap();
    let status = Command::new("cp").arg("-a").arg(dir.join(".")).arg(copied.path()).status().unwrap();
    assert!(status.success());
    let store = open(copied.path());
    assert_eq!(store.record(ONE, Kind::Customer, "cus_safe").unwrap().unwrap().json, b"{\"safe\":1}");
}
