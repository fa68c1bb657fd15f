//! Backups: they come back whole, or are refused with a sentence.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tillwatch::store::backup::{restore, write};
use tillwatch::store::{Batch, Store, StoreError};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, TWO, Thing, commit, dump, event, noise, open, options};

fn filled(dir: &Path) -> Store {
    let store = open(dir);
    let mut batch = Batch::new();
    for n in 0..40 {
        batch.record(Thing::new(Kind::Invoice, &format!("in_{n}"), 1, &noise(900, n)).write(&store));
        batch.event(event(&store, TWO, &format!("evt_{n}"), n as i64, "{}"));
    }
    batch.record(Thing::new(Kind::Customer, "cus_1", 1, &noise(120_000, 7)).write(&store));
    batch.meta("integration/00000001", &"Acme").reads(ONE, 3, 4);
    commit(&store, batch, 1).unwrap();
    store
}

#[test]
fn a_backup_comes_back_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file, back) = (temp.path().join("a"), temp.path().join("b.tw"), temp.path().join("c"));
    let store = filled(&dir);
    let install = store.install_id().to_owned();
    let keys = write(&store, &file).unwrap();
    // Over an older one, too.
    assert_eq!(write(&store, &file).unwrap(), keys);
    store.close();
    assert_eq!(restore(&file, &back, &options()).unwrap(), keys);
    let store = open(&back);
    assert_ne!(store.install_id(), install);
    assert_eq!(store.counters(ONE).catalog.total, 40);
    store.close();
    assert!(dump(&dir) == dump(&back));
    assert_eq!(dump(&dir).len() as u64, keys);
    let names: Vec<_> = fs::read_dir(temp.path()).unwrap().flatten().map(|file| file.file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_flipped_bit_or_a_cut_is_refused_and_nothing_is_made() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("a"), temp.path().join("b.tw"));
    let store = filled(&dir);
    write(&store, &file).unwrap();
    store.close();
    let content = dump(&dir);
    let refusals = std::cell::Cell::new(0);
    let good = fs::read(&file).unwrap();
    let (bad, back) = (temp.path().join("bad.tw"), temp.path().join("back"));
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&bad, bytes).unwrap();
        let result = restore(&bad, &back, &options());
        let Err(error) = result else {
            // A bit that says nothing about the content, as the window's size: then all of it is there.
            assert!(dump(&back) == content, "{what} was taken for good");
            fs::remove_dir_all(&back).unwrap();
            return;
        };
        refusals.set(refusals.get() + 1);
        assert!(matches!(error, StoreError::Backup { .. }), "{what}: {error:?}");
        assert!(!back.exists(), "{what} made a folder");
    };
    let length = good.len();
    for at in (0..80).chain((80..length).step_by(length / 97)).chain(length - 60..length) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        refused(&bytes, &format!("a flip at {at}"));
    }
    assert!(refusals.get() > 200, "only {} flips were noticed", refusals.get());
    for keep in (0..80).chain((80..length).step_by(length / 97)).chain(length - 60..length) {
        refused(&good[..keep], &format!("a cut at {keep}"));
    }
    refused(b"", "an empty file");
    let mut newer = good.clone();
    newer[19] = 9;
    refused(&newer, "a newer format");
    let missing = restore(&temp.path().join("none"), &back, &options()).unwrap_err();
    assert!(matches!(missing, StoreError::Backup { .. }));
    // And the good one still works.
    restore(&file, &back, &options()).unwrap();
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, file) = (temp.path().join("a"), temp.path().join("b.tw"));
    let store = filled(&dir);
    write(&store, &file).unwrap();
    store.close();
    let before = dump(&dir);
    assert!(restore(&file, &dir, &options()).is_err());
    assert!(dump(&dir) == before);
    let letters = temp.path().join("letters");
    fs::create_dir(&letters).unwrap();
    fs::write(letters.join("dear.txt"), "dear").unwrap();
    assert!(matches!(restore(&file, &letters, &options()), Err(StoreError::NotEmpty { .. })));
    assert_eq!(fs::read_dir(&letters).unwrap().count(), 1);
}
