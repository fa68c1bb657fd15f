//! Purging: exactly one integration goes, whenever the rewrite is cut off.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tillwatch::engine::api::IntegrationId;
use tillwatch::store::codec::Content;
use tillwatch::store::rewrite::{belongs_to, without};
use tillwatch::store::{Batch, Store, StoreError};
use tillwatch::stripe::kind::Kind;

use crate::{ONE, Thing, commit, dump, event, noise, open, options, pack, synced};

const TEN: IntegrationId = IntegrationId(10);
const OTHERS: [IntegrationId; 3] = [IntegrationId(2), TEN, IntegrationId(0x0100_0000)];

/// Every table, for four integrations whose numbers look alike.
fn filled(dir: &Path) {
    let store = open(dir);
    for whose in OTHERS.into_iter().chain([ONE]) {
        let mut batch = Batch::new();
        for kind in [Kind::Invoice, Kind::Customer] {
            for n in 0..30 {
                let (id, json) = (format!("x_{n}"), noise(600, n));
                batch.record(Thing { whose, ..Thing::new(kind, &id, 1, &json) }.write(&store));
            }
        }
        batch.record(Thing { whose, ..Thing::new(Kind::Charge, "ch_1", 1, &noise(90_000, 1)) }.write(&store));
        batch.event(event(&store, whose, "evt_1", 5, "{}"));
        batch.reads(whose, 1, 1);
        batch.meta(format!("integration/{:08}", whose.0), &whose.0);
        batch.meta(format!("of/{:08}/discover", whose.0), &whose.0);
        commit(&store, batch, 1).unwrap();
    }
    let mut batch = Batch::new();
    let lines = vec![pack(&store, Content::Lines, "[1]")];
    batch.state(synced("x_1", &noise(600, 1), lines)).meta("next/integration", &11);
    commit(&store, batch, 1).unwrap();
    store.close();
}

/// What must be left, by reading keys by hand: not by the function under test.
fn without_one(all: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let own = |key: &[u8]| match key[0] {
        b'm' => [&b"mintegration/00000001"[..], b"mof/00000001/discover"].contains(&key),
        _ => key[1..5] == [0, 0, 0, 1],
    };
    all.iter().filter(|(key, _)| !own(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[test]
fn exactly_one_integration_goes() {
    let temp = tempfile::tempdir().unwrap();
    filled(temp.path());
    let before = dump(temp.path());
    let left = without_one(&before);
    let store = open(temp.path());
    assert!(matches!(without(temp.path(), &options(), belongs_to(ONE)), Err(StoreError::Owned { .. })));
    store.close();
    let removed = without(temp.path(), &options(), belongs_to(ONE)).unwrap();
    assert!(removed > 60);
    assert_eq!(removed as usize, before.len() - left.len());
    assert!(dump(temp.path()) == left);
    clean(temp.path());
    let store = open(temp.path());
    assert!(store.event_json(ONE, "evt_1").unwrap().is_none());
    assert_eq!(store.counters(ONE).catalog.total, 0);
    for whose in OTHERS {
        assert_eq!(store.counters(whose).catalog.total, 30);
        assert!(store.record(whose, Kind::Charge, "ch_1").unwrap().is_some());
        assert!(store.event_json(whose, "evt_1").unwrap().is_some());
    }
    store.close();
    assert_eq!(without(temp.path(), &options(), belongs_to(ONE)).unwrap(), 0);
}

/// No rests of a rewrite.
fn clean(dir: &Path) {
    for rest in ["db.new", "db.old", "db.exchange"] {
        assert!(!dir.join(rest).exists(), "{rest} was left in {}", dir.display());
    }
}

#[test]
fn a_cut_at_any_step_ends_with_all_or_with_one_less() {
    let temp = tempfile::tempdir().unwrap();
    let (full, less) = (temp.path().join("full"), temp.path().join("less"));
    filled(&full);
    copy_dir(&full, &less);
    without(&less, &options(), belongs_to(ONE)).unwrap();
    let (all, left) = (dump(&full), dump(&less));
    for bits in 0..16_u8 {
        let [marker, db, new, old] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        // Without any whole database there is nothing to expect; a half-made one never stands alone.
        if !(db || old || (new && marker)) {
            continue;
        }
        let dir = temp.path().join(format!("cut{bits:04b}"));
        fs::create_dir(&dir).unwrap();
        fs::copy(full.join("tillwatch.json"), dir.join("tillwatch.json")).unwrap();
        // With both gone aside, or nothing but the marker left, the exchange has been made.
        let exchanged = !new && (old || marker);
        let put = |name: &str, from: &Path| copy_dir(&from.join("db"), &dir.join(name));
        if marker {
            fs::write(dir.join("db.exchange"), "x").unwrap();
        }
        if db {
            put("db", if exchanged { &less } else { &full });
        }
        if new {
            put("db.new", &less);
            if !marker {
                // Not whole yet.
                let file = fs::OpenOptions::new().write(true).open(dir.join("db.new/db")).unwrap();
                file.set_len(1000).unwrap();
            }
        }
        if old {
            put("db.old", &full);
        }
        let what = format!("marker {marker}, db {db}, new {new}, old {old}");
        match Store::open(&dir, &options()) {
            Ok(store) => store.close(),
            Err(error) => panic!("{what}: {error}"),
        };
        clean(&dir);
        let purged = (marker && new) || (db && exchanged);
        assert!(dump(&dir) == *if purged { &left } else { &all }, "{what}");
    }
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
