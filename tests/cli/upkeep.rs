//! What is done without being asked: how long events are kept, how large the log is, what is read by itself.

use crate::bench::Bench;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logs_size_and_the_reads_are_told_and_a_broken_setting_in_one_sentence() {
    let bench = Bench::connected(40).await;
    bench.stripe.run_traffic(20);
    bench.run(&["discover"]).await.ok();
    let log = &bench.status().await["event_log"];
    let events = log["events"].as_u64().unwrap();
    assert!(events > 20 && log["bytes"].as_u64().unwrap() > events * 200, "{log}");
    assert_eq!(log["kept"], "13 months");
    let doctor = bench.run(&["doctor"]).await.ok().out;
    for word in
        ["event log", &format!("{events} events"), "kept 13 months", "floor of 10 000", "no limit on this"]
    {
        assert!(doctor.contains(word), "{word}: {doctor}");
    }
    let config = bench.file("mine.toml", "[events]\nkeep_months = 24\n[reads]\nautomatic = 700\n");
    let doctor = bench.run(&["--config", &config, "doctor"]).await.ok().out;
    assert!(doctor.contains("kept 24 months") && doctor.contains("stops at 700"), "{doctor}");
    let config = bench.file("broken.toml", "ascii = true\n[events]\nkeep_months = 0\n");
    let doctor = bench.run(&["--config", &config, "doctor"]).await.ended(1).out;
    let told: Vec<&str> = doctor.lines().filter(|line| line.contains("keep_months")).collect();
    assert_eq!(told.len(), 1, "{doctor}");
    assert!(
        told[0].contains("broken.toml line 3: keep_months is a number of months from 1 to 1200"),
        "{doctor}"
    );
    assert!(doctor.contains("kept for now"), "{doctor}");
    // What does not ask for it goes on.
    let status = bench.json(&["--config", &config, "status"]).await;
    assert_eq!(status["event_log"]["events"], events);
}
