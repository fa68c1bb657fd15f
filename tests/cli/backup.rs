//! `backup` and `restore`: a folder comes back whole, and a broken file makes nothing.

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_folder_prints_the_same_and_a_broken_file_makes_nothing() {
    let bench = Bench::synced(300).await;
    let file = bench.home.path().join("all.backup");
    let name = file.display().to_string();
    assert!(bench.json(&["backup", &name]).await["entries"].as_u64().unwrap() > 300);
    let bytes = std::fs::read(&file).unwrap();
    for key in [&bench.stripe.keys.restricted, &bench.stripe.keys.secret] {
        assert!(!crate::bench::holds(&bytes, key.as_bytes()));
    }
    let other = bench.home.path().join("other");
    bench.run_in(&other, &["restore", &name]).await.ok();
    for kind in ["invoices", "customers", "products", "invoice_payments", "payment_intents", "charges"] {
        let args = ["records", kind, "--json"];
        let (here, there) = (bench.run(&args).await.ok().out, bench.run_in(&other, &args).await.ok().out);
        assert!(!here.is_empty() && here == there, "{kind}");
    }
    // Its key is not in it: nothing can be read with it until it is given again.
    bench.run_in(&other, &["discover"]).await.refused(3, &["holds no API keys", "--api-key-file"]);
    bench.run_in(&other, &["status", "--check"]).await.ended(3);
    let event = bench.json(&["events", "--limit", "1"]).await["id"].as_str().unwrap().to_owned();
    assert_eq!(bench.json(&["get", &event]).await["id"], event.as_str());
    let key = bench.key(&bench.stripe.keys.restricted);
    bench.run_in(&other, &["integrations", "edit", "1", "--api-key-file", &key]).await.ok();
    bench.run_in(&other, &["discover", "-q"]).await.ok();
    bench.run_in(&other, &["restore", &name]).await.refused(2, &["not empty", "--data-dir"]);

    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    let mut early = bytes.clone();
    early[40] ^= 0x01;
    for (what, broken) in [
        ("cut", &bytes[..bytes.len() - 100]),
        ("half", &bytes[..bytes.len() / 2]),
        ("empty", &bytes[..0]),
        ("flipped", &flipped[..]),
        ("flipped early", &early[..]),
        ("something else", b"dear diary"),
    ] {
        let path = bench.file("broken.backup", broken);
        let made = bench.home.path().join("made");
        let ran = bench.run_in(&made, &["restore", &path]).await;
        ran.refused(1, &["broken.backup", "no usable tillwatch backup"]);
        let left: Vec<_> = std::fs::read_dir(&made)
            .map(|dir| dir.map(|one| one.unwrap().path()).collect())
            .unwrap_or_default();
        assert_eq!(left, Vec::<std::path::PathBuf>::new(), "{what}");
    }
    let missing = bench.home.path().join("missing").display().to_string();
    bench.run_in(&bench.home.path().join("made"), &["restore", &missing]).await.refused(1, &["missing"]);
    let nowhere = bench.home.path().join("no/such/folder/file").display().to_string();
    bench.run(&["backup", &nowhere]).await.refused(1, &["no/such/folder"]);
}
