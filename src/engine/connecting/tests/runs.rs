//! Plans, runs, and what outlives a restart, against a local Stripe.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_tell_what_is_known_and_look_when_asked() {
    let rig = Rig::new(2000, false).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    let ask = |look, discover: bool| Request::Plan {
        integration: id,
        discover: discover.then(DiscoverSpec::default),
        sync: Some(SyncSpec::default()),
        look,
    };
    let plan = async |look, discover| match rig.engine.request(ask(look, discover)).await {
        Answer::Plan(plan) => plan,
        other => panic!("{other:?}"),
    };
    let asked = rig.stripe().report().total;
    let blind = plan(false, true).await;
    assert_eq!(rig.stripe().report().total, asked, "nothing is sent");
    let row = &blind.rows[0];
    assert_eq!((row.kind, row.discover, row.about, row.exact), (Kind::Invoice, true, None, false));
    assert!(blind.notes.iter().any(|note| note.contains("not known")) && blind.cost == 0);
    let seen = plan(true, true).await;
    assert_eq!(rig.stripe().report().total - asked, seen.cost);
    assert!((1..=7).contains(&seen.cost) && seen.used == blind.used + seen.cost);
    let about = seen.rows[0].about.unwrap();
    assert!((1000..4000).contains(&about), "{about}");
    let sync_row = seen.rows.iter().find(|row| row.kind == Kind::Invoice && !row.discover).unwrap();
    assert_eq!(sync_row.about, Some(about));
    assert_eq!(seen.reads, seen.rows.iter().map(|row| row.list_pages + row.single_reads).sum::<u64>());
    let before = rig.stripe().report().total;
    let discovered = rig.run(discover(id)).await;
    // What was listed is known from now on, without a look.
    let known = plan(false, true).await;
    assert_eq!(known.rows[0].about, Some(rig.now().integrations[0].catalog.total));
    let only = plan(false, false).await;
    assert!(only.rows.iter().all(|row| !row.discover));
    let ended = rig.run(sync(id)).await;
    let real = (rig.stripe().report().total - before) as f64;
    assert!(
        (seen.reads as f64) > real * 0.5 && (seen.reads as f64) < real * 2.0,
        "{} planned, {real} read",
        seen.reads
    );
    // Of a run's reads each belongs to a kind.
    let shared: u64 = ended.parts.iter().map(|part| part.reads).sum();
    assert_eq!(shared, ended.reads, "{:?}", ended.parts);
    assert_eq!((discovered.gets_limit, ended.gets_limit), (25, 25));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_cut_off_ends_with_as_many_as_were_asked_for() {
    let mut rig = Rig::new(200, false).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    rig.run(discover(id)).await;
    let batch = SyncSpec { batch_size: Some(40), delay_ms: 15, ..SyncSpec::default() };
    let request = || Request::Sync { integration: id, spec: batch.clone() };
    let Answer::Started { job, .. } = rig.engine.request(request()).await else { panic!() };
    let synced = |snapshot: &crate::engine::api::Snapshot| snapshot.integrations[0].catalog.synced;
    let before = synced(&rig.now());
    rig.until("some of it", |snapshot| synced(snapshot) >= before + 10).await;
    rig.restart().await;
    assert!(synced(&rig.now()) < before + 40, "it was too fast");
    let ended = rig.run(request()).await;
    assert_eq!((ended.id, ended.outcome, ended.done), (job, Some(JobOutcome::Done), 40));
    assert_eq!(synced(&rig.now()), before + 40);
    // The next is a run of its own.
    let other = rig.run(request()).await;
    assert_eq!((other.id == job, synced(&rig.now())), (false, before + 80));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_come_in_batches_and_at_their_pace() {
    let mut rig = Rig::new(800, false).await;
    let key = rig.stripe().keys.restricted.clone();
    let id = rig.connect(&key, ConnectSpec { billing: false, ..spec() }).await;
    let stored = |rig: &Rig| rig.engine.store().unwrap().counters(id).count(Kind::PaymentIntent);
    let batch = |size, delay_ms| {
        let spec = SyncSpec { batch_size: Some(size), delay_ms, ..SyncSpec::default() };
        Request::Sync { integration: id, spec }
    };
    for number in 1..=3_u64 {
        let ended = rig.run(batch(30, 0)).await;
        assert_eq!((ended.outcome, ended.done), (Some(JobOutcome::Done), 30));
        assert_eq!(stored(&rig), number * 30, "each goes on behind the one before");
    }
    // 120 are two pages: it rests for the 100 of the first.
    let begun = std::time::Instant::now();
    let ended = rig.run(batch(120, 5)).await;
    assert_eq!((ended.done, stored(&rig)), (120, 210));
    assert!(begun.elapsed() >= std::time::Duration::from_millis(500), "{:?}", begun.elapsed());
    // Cut off in the middle, it ends with as many as were asked for.
    let Answer::Started { job, .. } = rig.engine.request(batch(110, 20)).await else { panic!() };
    rig.until("a page", |snapshot| snapshot.integrations[0].sync.as_ref().is_some_and(|job| job.done > 0))
        .await;
    rig.restart().await;
    assert!(stored(&rig) < 320, "it was too fast");
    let ended = rig.run(batch(110, 20)).await;
    assert_eq!((ended.id, ended.done), (job, 110));
    // All the rest at once, and from then on only what is new.
    let all = rig.run(sync(id)).await;
    assert_eq!(all.outcome, Some(JobOutcome::Done));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut there = std::collections::HashSet::new();
    let mut after = String::new();
    loop {
        let url = format!("{}/v1/payment_intents?limit=100{after}", rig.stripe().base_url);
        let page = http.get(url).bearer_auth(&*rig.stripe().keys.secret).send().await.unwrap();
        let page: serde_json::Value = serde_json::from_str(&page.text().await.unwrap()).unwrap();
        there.extend(
            page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        after = format!(
            "&starting_after={}",
            page["data"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap()
        );
        if page["has_more"] != true {
            break;
        }
    }
    let store = rig.engine.store().unwrap();
    assert!(there.iter().all(|one| store.has(id, Kind::PaymentIntent, one).unwrap()), "none is left out");
    assert!(rig.run(sync(id)).await.done < there.len() as u64 / 2);
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_and_what_the_screen_remembers_outlive_a_restart() {
    let mut rig = Rig::slow(2000, 60).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    let text = "x".repeat(64 * 1024 + 1);
    assert!(refused(rig.engine.request(Request::Remember { text }).await).contains("64 KB"));
    assert_eq!(rig.engine.request(Request::Remember { text: "{\"tab\":3}".into() }).await, Answer::Done);
    assert_eq!(rig.now().remembered.as_deref(), Some("{\"tab\":3}"));
    let limited = DiscoverSpec { max_reads: Some(3), ..DiscoverSpec::default() };
    let first = rig.run(Request::Discover { integration: id, spec: limited }).await;
    assert_eq!((first.state, first.outcome), (JobState::Cancelled, Some(JobOutcome::Partly)));
    // A second one is cut off by the end of the process.
    let other = DiscoverSpec { from: Some("2015-01-01".into()), ..DiscoverSpec::default() };
    let request = Request::Discover { integration: id, spec: other };
    let Answer::Started { job, .. } = rig.engine.request(request).await else { panic!() };
    rig.until("some pages", |snapshot| {
        snapshot.integrations[0].discover.as_ref().is_some_and(|view| view.id == job && view.done > 0)
    })
    .await;
    rig.restart().await;
    assert_eq!(rig.now().remembered.as_deref(), Some("{\"tab\":3}"));
    let runs = async |limit| match rig.engine.request(Request::Runs { integration: None, limit }).await {
        Answer::Runs(runs) => runs,
        other => panic!("{other:?}"),
    };
    let all = runs(10).await;
    assert_eq!(all.iter().map(|run| run.id).collect::<Vec<_>>(), [job, first.id], "newest first");
    assert!(all[0].error.as_deref().unwrap().contains("cut off") && all[0].state == JobState::Cancelled);
    // A share's last bit may be lost in JSON.
    let whole =
        |run: &crate::engine::api::JobView| crate::engine::api::JobView { fraction: None, ..run.clone() };
    assert_eq!(whole(&all[1]), whole(&first));
    assert_eq!(runs(1).await.len(), 1);
    // Another run takes its place; it stays in the history.
    rig.run(sync(id)).await;
    rig.run(Request::Discover {
        integration: id,
        spec: DiscoverSpec { max_reads: Some(1), from: Some("2016-01-01".into()), ..DiscoverSpec::default() },
    })
    .await;
    let all = runs(10).await;
    assert_eq!(all.len(), 4);
    assert!(all.iter().any(|run| run.id == job && run.error.as_deref().unwrap().contains("another run")));
    let none = Request::Runs { integration: Some(IntegrationId(9)), limit: 5 };
    assert!(refused(rig.engine.request(none).await).contains("no such integration"));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_in_vain_is_counted_too() {
    let rig = Rig::new(50, true).await;
    let key = rig.stripe().keys.restricted.clone();
    let id = rig.connect(&key, spec()).await;
    rig.until("a first poll", |snapshot| snapshot.integrations[0].poll.last_at.is_some()).await;
    let before = rig.now().integrations[0].reads.last_30_days;
    rig.stripe().deny(&key, &["rak_event_read"]).unwrap();
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    let snapshot = rig.until("an error", |snapshot| snapshot.integrations[0].poll.error.is_some()).await;
    assert_eq!(snapshot.integrations[0].reads.last_30_days, before + 1);
    assert_eq!(rig.stripe().report().total, before + 1, "all that was asked");
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_waits_says_what_stripe_said() {
    let rig = Rig::slow(1500, 20).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    rig.run(discover(id)).await;
    rig.stripe().set_faults(vec![crate::sandbox::Fault::parse("429=1").unwrap()]);
    let Answer::Started { .. } = rig.engine.request(sync(id)).await else { panic!() };
    let waits = |snapshot: &crate::engine::api::Snapshot| {
        let job = snapshot.integrations[0].sync.clone()?;
        let part = job.parts.into_iter().find(|part| part.waiting.is_some())?;
        Some((part.kind, part.waiting?))
    };
    let snapshot = rig.until("a part that waits", |snapshot| waits(snapshot).is_some()).await;
    let (kind, text) = waits(&snapshot).unwrap();
    assert_eq!(kind, Kind::Customer, "the first of a sync");
    assert!(
        text.starts_with("waits ") && text.contains("Stripe said slow down (") && text.contains(" s, "),
        "{text}"
    );
    rig.stripe().set_faults(Vec::new());
    let ended = rig
        .until("the end", |snapshot| {
            snapshot.integrations[0].sync.as_ref().is_some_and(|job| job.state == JobState::Completed)
        })
        .await;
    let job = ended.integrations[0].sync.clone().unwrap();
    assert!(job.retries > 0 && job.parts.iter().all(|part| part.waiting.is_none() && part.rate == 0.0));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_in_the_store_alone_leaves_a_running_job_alone() {
    let rig = Rig::slow(3000, 100).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    let Answer::Started { job, .. } = rig.engine.request(discover(id)).await else { panic!("not started") };
    rig.until("some pages", |snapshot| {
        snapshot.integrations[0].discover.as_ref().is_some_and(|job| job.done > 0)
    })
    .await;
    // What a command does that is carried out within this process.
    let alone = rig.engine.alone().await;
    let store = rig.engine.store().unwrap();
    let mut config = crate::integration::Integration::all(&store).unwrap().remove(0);
    config.name = "Renamed".into();
    let mut batch = crate::store::Batch::new();
    batch.meta(crate::integration::Integration::document(id), &config);
    store.commit(batch, crate::store::Durability::Synced, 0).await.unwrap();
    alone.reload(id).await;
    rig.until("the new name", |snapshot| snapshot.integrations[0].name == "Renamed").await;
    assert_eq!(
        rig.now().integrations[0].discover.as_ref().map(|job| (job.id, job.state)),
        Some((job, JobState::Running))
    );
    assert_eq!(rig.engine.request(discover(id)).await, Answer::Busy { job });
    assert_eq!(rig.engine.request(Request::Cancel { job }).await, Answer::Done);
    rig.until("it stopped", |snapshot| {
        snapshot.integrations[0].discover.as_ref().is_some_and(|job| job.state == JobState::Cancelled)
    })
    .await;
    rig.engine.shutdown().await;
}
