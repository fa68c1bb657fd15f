//! Opening and closing: whose folder it is, what a kill or a bad disk left, and what works after the end.

use std::fs;
use std::path::Path;
use std::process::Command;

use tillwatch::store::{Batch, Durability, Store, StoreError};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, Thing, commit, commit_as, noise, open, options};

/// A closed store of some hundred records; a good part of them in the log only, not in the snapshot.
fn filled(dir: &Path) -> usize {
    for round in 0..3 {
        let store = open(dir);
        for n in 0..8 {
            let mut batch = Batch::new();
            for m in 0..10 {
                let id = format!("in_{round}_{n}_{m}");
                batch.record(Thing::new(Kind::Invoice, &id, 1, &noise(3000, n * 10 + m)).write(&store));
            }
            commit_as(&store, batch, Durability::Synced, 1).unwrap();
        }
        store.close();
    }
    240
}

fn count(store: &Store) -> Result<usize, StoreError> {
    let mut ids = Vec::new();
    store.each_header(ONE, Kind::Invoice, |id, _| {
        ids.push(id.to_owned());
        true
    })?;
    for id in &ids {
        store.record(ONE, Kind::Invoice, id)?;
    }
    Ok(ids.len())
}

#[test]
fn rests_of_a_kill_and_broken_snapshots_do_not_keep_it_shut() {
    let temp = tempfile::tempdir().unwrap();
    let records = filled(temp.path());
    let db = temp.path().join("db");
    for name in ["snap.0000000000000000.generating", "snap.00000000FFFFFFFF.generating"] {
        fs::write(db.join(name), "half").unwrap();
    }
    let store = open(temp.path());
    assert_eq!(count(&store).unwrap(), records);
    store.close();
    assert!(fs::read_dir(&db).unwrap().flatten().all(|file| !file.path().ends_with("generating")));
    for garbage in [&b""[..], b"garbage", &[0; 64], &[0xff; 4096]] {
        // Over the real one if there is one, and a newer one beside it.
        let real = fs::read_dir(&db).unwrap().flatten().map(|file| file.path());
        let real = real.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."));
        for path in real.collect::<Vec<_>>() {
            fs::write(path, garbage).unwrap();
        }
        fs::write(db.join("snap.00000000FFFFFFFF"), garbage).unwrap();
        let store = open(temp.path());
        assert_eq!(count(&store).unwrap(), records, "{} bytes of garbage", garbage.len());
        store.close();
    }
}

#[test]
fn a_cut_off_database_opens_or_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let records = filled(temp.path());
    let length = fs::metadata(temp.path().join("db/db")).unwrap().len();
    let mut opened = 0;
    for keep in [length - 1, length - 5000, length / 2, length / 3, 70_000, 513, 1, 0] {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(temp.path(), copy.path());
        let file = fs::OpenOptions::new().write(true).open(copy.path().join("db/db")).unwrap();
        file.set_len(keep).unwrap();
        drop(file);
        // Whatever is left: an answer or a sentence, never a panic that gets out.
        match Store::open(copy.path(), &options()) {
            Ok(store) => {
                opened += 1;
                match count(&store) {
                    Ok(left) => assert!(left <= records),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
                let mut batch = Batch::new();
                batch.record(Thing::new(Kind::Invoice, "in_new", 1, "{}").write(&store));
                let _ = commit(&store, batch, 1);
                store.close();
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
                let text = error.to_string();
                assert!(text.contains("restore") && !text.contains('\n'), "{text}");
            }
        }
    }
    assert!(opened > 0, "no cut at all was survived");
}

#[test]
fn a_database_that_cannot_be_opened_is_one_sentence() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    // Not a file that can be read, whatever is set aside.
    fs::remove_file(temp.path().join("db/db")).unwrap();
    fs::create_dir(temp.path().join("db/db")).unwrap();
    let Err(error) = Store::open(temp.path(), &options()) else { panic!("it opened") };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    let output = command(temp.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot be opened") && text.lines().count() == 1, "{text}");
}

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
    command.arg("--data-dir").arg(dir).arg("status").env("HOME", dir.join("home"));
    command.env_remove("TILLWATCH_DATA_DIR").env_remove("TILLWATCH_API_BASE").env_remove("XDG_CONFIG_HOME");
    command
}

#[test]
fn one_owner_at_a_time() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let Err(StoreError::Owned { pid, .. }) = Store::open(temp.path(), &options()) else {
        panic!("two owners")
    };
    assert_eq!(pid, Some(std::process::id()));
    let output = command(temp.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    // A reader that outlives the close keeps the folder: it still reads.
    let reader = store.clone();
    store.close();
    assert!(matches!(Store::open(temp.path(), &options()), Err(StoreError::Owned { .. })));
    drop(reader);
    assert!(Store::open(temp.path(), &options()).is_ok());
}

#[test]
fn a_newer_format_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let marker = temp.path().join("tillwatch.json");
    fs::write(&marker, "{\"format\": 2, \"other\": \"shape\"}").unwrap();
    let before = fs::read(temp.path().join("db/db")).unwrap();
    assert!(matches!(
        Store::open(temp.path(), &options()),
        Err(StoreError::Newer { found: 2, known: 1, .. })
    ));
    let output = command(temp.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(fs::read(temp.path().join("db/db")).unwrap() == before);
}

#[test]
fn after_the_end_nothing_is_written_and_reading_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    Thing::new(Kind::Invoice, "in_1", 1, "{}").put(&store);
    let other = store.clone();
    assert_eq!(store.close(), temp.path());
    let mut batch = Batch::new();
    batch.record(Thing::new(Kind::Invoice, "in_2", 1, "{}").write(&other));
    for durability in [Durability::Applied, Durability::Synced] {
        let refused = commit_as(&other, batch.clone(), durability, 1);
        assert!(matches!(refused, Err(StoreError::Stopped(_))), "{refused:?}");
    }
    assert!(other.record(ONE, Kind::Invoice, "in_1").unwrap().is_some());
    assert_eq!(other.counters(ONE).catalog.total, 1);
    assert!(!other.has(ONE, Kind::Invoice, "in_2").unwrap());
    // Closing twice is no harm.
    other.close();
    assert_eq!(open(temp.path()).counters(ONE).catalog.total, 1);
}

#[test]
fn what_was_sent_before_the_close_is_there_after_it() {
    let temp = tempfile::tempdir().unwrap();
    let store = open(temp.path());
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                let mut done = 0_u64;
                for n in 0..200 {
                    let mut batch = Batch::new();
                    let id = format!("in_{thread}_{n}");
                    batch.record(Thing::new(Kind::Invoice, &id, 1, "{}").write(&store));
                    match commit(&store, batch, 1) {
                        Ok(_) => done += 1,
                        Err(StoreError::Stopped(_)) => break,
                        Err(other) => panic!("{other}"),
                    }
                }
                done
            })
        })
        .collect();
    while store.counters(ONE).catalog.total < 40 {
        std::thread::yield_now();
    }
    store.close();
    let done: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let store = open(temp.path());
    let total = store.counters(ONE).catalog.total;
    // The last batch of a thread may have been applied without its answer being heard: never the reverse.
    assert!(total >= done && total <= done + 4, "{done} acknowledged, {total} stored");
    assert_eq!(count(&store).unwrap() as u64, total);
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
