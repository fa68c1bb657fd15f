//! Data folders that can't be used: one sentence, the right exit code, nothing changed in them.

use std::fs;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::bench::{Bench, Ran};

/// Every command that opens the folder.
const ALL: [&[&str]; 7] = [
    &["connect", "--api-key-file", "KEY"],
    &["integrations"],
    &["status"],
    &["discover"],
    &["sync"],
    &["records", "invoices"],
    &["disconnect", "1"],
];

async fn all(bench: &Bench, dir: &Path, check: impl Fn(Ran)) {
    let key = bench.key(&bench.stripe.keys.restricted);
    for args in ALL {
        let mut args = args.to_vec();
        for arg in &mut args {
            if *arg == "KEY" {
                *arg = &key;
            }
        }
        args.extend(["--api-base", bench.stripe.base_url.as_str()]);
        check(bench.run_in(dir, &args).await);
    }
    assert_eq!(bench.stripe.report().total, 0, "Stripe was asked all the same");
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_not_ours_is_left_alone() {
    let bench = Bench::new(300).await;
    let dir = bench.home.path().join("letters");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("dear.txt"), "dear").unwrap();
    let mode = fs::metadata(&dir).unwrap().permissions();
    all(&bench, &dir, |ran| {
        ran.refused(2, &["letters", "not made by tillwatch", "--data-dir"]);
    })
    .await;
    assert_eq!(names(&dir), ["dear.txt"]);
    assert_eq!(fs::metadata(&dir).unwrap().permissions(), mode);
    fs::remove_file(dir.join("dear.txt")).unwrap();
    fs::write(dir.join("tillwatch.json"), "not json").unwrap();
    all(&bench, &dir, |ran| {
        ran.refused(2, &["letters", "--data-dir"]);
    })
    .await;
    assert_eq!(names(&dir), ["tillwatch.json"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_folder_is_left_alone() {
    let bench = Bench::new(300).await;
    let dir = bench.home.path().join("newer");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("tillwatch.json"), r#"{"format":99}"#).unwrap();
    all(&bench, &dir, |ran| {
        ran.refused(2, &["newer tillwatch", "format 99", "update"]);
    })
    .await;
    assert_eq!(names(&dir), ["tillwatch.json"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_folder_or_cannot_be_written_is_told() {
    let bench = Bench::new(300).await;
    let file = bench.home.path().join("file");
    fs::write(&file, "text").unwrap();
    all(&bench, &file, |ran| {
        ran.refused(1, &["file", "not a folder", "--data-dir"]);
    })
    .await;
    assert_eq!(fs::read(&file).unwrap(), b"text");
    let key = bench.key(&bench.stripe.keys.restricted);
    let connect = ["--api-base", bench.stripe.base_url.as_str(), "connect", "--api-key-file", &key];
    // Nobody can make a folder there, not even root.
    for nowhere in [file.join("below"), "/proc/tillwatch".into()] {
        bench.run_in(&nowhere, &connect).await.refused(1, &["cannot be used", "--data-dir"]);
    }
    bench.run_in(&bench.home.path().join("none"), &["status"]).await.refused(3, &["tillwatch connect"]);
    assert!(!bench.home.path().join("none").exists(), "reading made a folder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_use_is_exit_75() {
    let bench = Bench::connected(300).await;
    let lock = fs::OpenOptions::new().read(true).write(true).open(bench.data().join("lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    for args in
        [&["status"][..], &["discover"], &["sync"], &["records", "invoices"], &["backup", "/tmp/none"]]
    {
        bench.run(args).await.refused(75, &["in use by another tillwatch", "--data-dir"]);
    }
    drop(lock);
    bench.run(&["status"]).await.ok();
}
