//! Connecting against a local Stripe, as the screen does it.

use crate::engine::api::{
    Answer, ConnectSpec, Delivery, DiscoverSpec, Edit, EndpointLeft, Health, IntegrationId, JobOutcome,
    JobState, KeyCheckState, KeyCheckView, KeyTicket, PermissionGroup, PermissionState, Request, SyncSpec,
};
use crate::engine::rig::Rig;
use crate::stripe::kind::Kind;

mod cases;
mod runs;

const GONE: Answer = Answer::Disconnected { left: EndpointLeft::Nothing };

fn spec() -> ConnectSpec {
    ConnectSpec {
        name: None,
        description: None,
        billing: true,
        delivery: Delivery::Poll,
        poll_every_s: 900,
        confirmed: None,
        public_url: None,
        by_hand: false,
    }
}

fn refused(answer: Answer) -> String {
    match answer {
        Answer::Refused { reason } => reason,
        other => panic!("not refused: {other:?}"),
    }
}

impl Rig {
    fn offer(&self, key: &str) -> KeyTicket {
        match self.engine.offer_key(crate::vault::secret::Secret::new(key)) {
            Answer::Ticket { ticket } => ticket,
            other => panic!("{other:?}"),
        }
    }

    /// Tries a key to the end of its check.
    async fn tried(&self, ticket: KeyTicket) -> KeyCheckView {
        assert_eq!(self.engine.request(Request::TryKey { ticket, billing: true }).await, Answer::Done);
        self.checked(ticket).await
    }

    async fn checked(&self, ticket: KeyTicket) -> KeyCheckView {
        let snapshot = self
            .until("the end of the check", |snapshot| {
                snapshot
                    .key_checks
                    .iter()
                    .any(|view| view.ticket == ticket && view.state != KeyCheckState::Checking)
            })
            .await;
        snapshot.key_checks.iter().find(|view| view.ticket == ticket).unwrap().clone()
    }

    async fn connect(&self, key: &str, spec: ConnectSpec) -> IntegrationId {
        let ticket = self.offer(key);
        match self.engine.request(Request::Connect { ticket, spec }).await {
            Answer::Connected { integration } => integration,
            other => panic!("{other:?}"),
        }
    }

    async fn run(&self, request: Request) -> crate::engine::api::JobView {
        let Answer::Started { job, .. } = self.engine.request(request).await else { panic!("not started") };
        let ended = |snapshot: &crate::engine::api::Snapshot| {
            snapshot
                .integrations
                .iter()
                .flat_map(|one| [one.discover.clone(), one.sync.clone()])
                .flatten()
                .find(|view| view.id == job && view.state != JobState::Running)
        };
        let snapshot = self.until("the end of the run", |snapshot| ended(snapshot).is_some()).await;
        ended(&snapshot).unwrap()
    }
}

fn discover(integration: IntegrationId) -> Request {
    Request::Discover { integration, spec: DiscoverSpec::default() }
}

fn sync(integration: IntegrationId) -> Request {
    Request::Sync { integration, spec: SyncSpec::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_corrected_in_place_and_the_account_is_connected() {
    let rig = Rig::new(300, true).await;
    for (text, words) in [
        ("\n \"whsec_51MadeUpForThisTest0123\" ", "webhook signing secret"),
        ("sk_org_51MadeUpForThisTest0123", "Organization keys"),
        ("acct_1MadeUp", "id of something"),
        ("rk_test_51MadeUpForThisTest0123456789", "does not know this API key"),
    ] {
        let ticket = rig.offer(text);
        let view = rig.tried(ticket).await;
        let KeyCheckState::Refused { reason } = view.state else { panic!("{text} was taken") };
        assert!(reason.contains(words), "{reason}");
        let reason = refused(rig.engine.request(Request::Connect { ticket, spec: spec() }).await);
        assert!(reason.contains(words), "{reason}");
        assert_eq!(rig.engine.request(Request::DropKey { ticket }).await, Answer::Done);
    }
    assert!(rig.now().key_checks.is_empty() && rig.now().integrations.is_empty());
    let ticket = rig.offer(&format!(" '{}'\r\n", rig.stripe().keys.restricted));
    let view = rig.tried(ticket).await;
    assert_eq!(view.state, KeyCheckState::Done);
    assert!(!serde_json::to_string(&view).unwrap().contains(&rig.stripe().keys.restricted[8..24]));
    let account = view.account.unwrap();
    assert_eq!(account.id, rig.stripe().account);
    assert!(!account.name.is_empty() && account.currency.len() == 3 && account.timezone.contains('/'));
    for row in &view.permissions {
        let relay = row.group == PermissionGroup::Relay || row.permission == "rak_webhook_write";
        let wanted = if relay { PermissionState::NotTried } else { PermissionState::Allowed };
        assert_eq!(row.state, wanted, "{}", row.permission);
    }
    assert!(view.form_url.starts_with("https://dashboard.stripe.com/test/apikeys/create?name=tillwatch"));
    assert!(!view.form_url.contains("rak_webhook"));
    let endpoint = ConnectSpec { delivery: Delivery::Endpoint, ..spec() };
    assert!(
        refused(rig.engine.request(Request::Connect { ticket, spec: endpoint }).await)
            .contains("needs a public URL")
    );
    let answer = rig.engine.request(Request::Connect { ticket, spec: spec() }).await;
    let Answer::Connected { integration } = answer else { panic!("{answer:?}") };
    assert_eq!(integration, IntegrationId(1));
    assert!(rig.now().key_checks.is_empty(), "the key is saved, so it is no longer held");
    assert_eq!(rig.now().integrations[0].name, account.name);
    // The schedule runs without a restart.
    let snapshot =
        rig.until("a first poll", |snapshot| snapshot.integrations[0].poll.last_at.is_some()).await;
    assert_eq!(snapshot.integrations[0].health, Health::Connected);
    assert!(snapshot.integrations[0].reads.last_30_days >= 13, "the check's reads are counted");
    // Once an account and mode, and names are unique.
    let ticket = rig.offer(&rig.stripe().keys.secret);
    assert_eq!(rig.tried(ticket).await.connected_as, Some(integration));
    let reason = refused(rig.engine.request(Request::Connect { ticket, spec: spec() }).await);
    assert!(reason.contains("connected already"), "{reason}");
    let ticket = rig.offer(&rig.stripe().keys.live_restricted);
    let taken = ConnectSpec { name: Some(account.name.to_uppercase()), ..spec() };
    assert!(refused(rig.engine.request(Request::Connect { ticket, spec: taken }).await).contains("taken"));
    let often = ConnectSpec { poll_every_s: 32 * 86_400, ..spec() };
    assert!(refused(rig.engine.request(Request::Connect { ticket, spec: often }).await).contains("31 days"));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_secret_key_needs_the_accounts_name() {
    let rig = Rig::new(50, false).await;
    let ticket = rig.offer(&rig.stripe().keys.live_secret);
    let view = rig.tried(ticket).await;
    assert!(view.livemode && view.kind == "secret");
    let name = view.account.unwrap().name;
    let connect = |confirmed: Option<&str>| Request::Connect {
        ticket,
        spec: ConnectSpec { confirmed: confirmed.map(str::to_owned), ..spec() },
    };
    assert!(refused(rig.engine.request(connect(None)).await).contains("can move money"));
    assert!(refused(rig.engine.request(connect(Some("yes"))).await).contains("not the account's name"));
    assert!(rig.now().integrations.is_empty());
    let answer = rig.engine.request(connect(Some(&name))).await;
    assert_eq!(answer, Answer::Connected { integration: IntegrationId(1) });
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_is_away_is_no_missing_permission() {
    let mut rig = Rig::new(50, false).await;
    let key = rig.stripe().keys.restricted.clone();
    rig.stop_stripe().await;
    let ticket = rig.offer(&key);
    let view = rig.tried(ticket).await;
    let KeyCheckState::Refused { reason } = &view.state else { panic!("{view:?}") };
    assert!(reason.contains("No connection"), "{reason}");
    assert!(view.permissions.iter().all(|row| row.state != PermissionState::Missing));
    rig.start_stripe(1).await;
    // The same key again, in place.
    assert_eq!(rig.tried(ticket).await.state, KeyCheckState::Done);
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_must_be_of_the_same_account_and_takes_over_at_once() {
    let mut rig = Rig::new(100, true).await;
    let keys = rig.stripe().keys.clone();
    let id = rig.connect(&keys.restricted, spec()).await;
    rig.until("a first poll", |snapshot| snapshot.integrations[0].poll.last_at.is_some()).await;
    let new_key = |ticket| Request::NewKey { integration: id, ticket, confirmed: None };
    let live = rig.offer(&keys.live_restricted);
    assert!(refused(rig.engine.request(new_key(live)).await).contains("that key is of"));
    // The key is withdrawn; the next poll notices.
    rig.stripe().expire(&keys.restricted).unwrap();
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    rig.until("a refused key", |snapshot| {
        matches!(snapshot.integrations[0].health, Health::KeyRefused { .. })
    })
    .await;
    let reads = rig.now().integrations[0].reads.last_30_days;
    let ticket = rig.offer(&keys.secret);
    assert_eq!(rig.engine.request(new_key(ticket)).await, Answer::Done);
    assert_eq!(rig.now().integrations[0].health, Health::Connected);
    assert!(rig.now().integrations[0].reads.last_30_days > reads);
    rig.stripe().run_traffic(20);
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    rig.until("events by the new key", |snapshot| snapshot.integrations[0].events_today > 0).await;
    // Another account answers at the same address.
    rig.stop_stripe().await;
    rig.start_stripe(2).await;
    let other = rig.offer(&rig.stripe().keys.restricted);
    let reason = refused(rig.engine.request(new_key(other)).await);
    assert!(reason.contains("that key is of") && reason.contains(&rig.stripe().account), "{reason}");
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_stores_what_it_found_and_what_polling_needs_not_is_no_loss() {
    let rig = Rig::new(50, false).await;
    let key = rig.stripe().keys.restricted.clone();
    let id = rig.connect(&key, spec()).await;
    rig.stripe().deny(&key, &["rak_webhook_read"]).unwrap();
    assert_eq!(rig.engine.request(Request::Check { integration: id }).await, Answer::Done);
    let ticket = rig.now().key_checks[0].ticket;
    let view = rig.checked(ticket).await;
    assert_eq!((view.state, view.integration), (KeyCheckState::Done, Some(id)));
    let webhooks = view.permissions.iter().find(|row| row.permission == "rak_webhook_read").unwrap();
    assert_eq!(webhooks.state, PermissionState::Missing);
    assert_eq!(rig.now().integrations[0].health, Health::Connected);
    rig.stripe().deny(&key, &["rak_dispute_read"]).unwrap();
    assert_eq!(rig.engine.request(Request::Check { integration: id }).await, Answer::Done);
    let snapshot = rig
        .until("a degraded one", |snapshot| {
            matches!(snapshot.integrations[0].health, Health::Degraded { .. })
        })
        .await;
    let Health::Degraded { missing } = &snapshot.integrations[0].health else { unreachable!() };
    assert_eq!(missing.iter().map(|one| one.permission.as_str()).collect::<Vec<_>>(), ["rak_dispute_read"]);
    rig.stripe().expire(&key).unwrap();
    assert_eq!(rig.engine.request(Request::Check { integration: id }).await, Answer::Done);
    rig.until("a refused key", |snapshot| {
        matches!(snapshot.integrations[0].health, Health::KeyRefused { .. })
            && snapshot.key_checks.len() == 1
            && matches!(snapshot.key_checks[0].state, KeyCheckState::Refused { .. })
    })
    .await;
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_holds_after_a_restart_and_bad_ones_change_nothing() {
    let mut rig = Rig::new(50, true).await;
    let id =
        rig.connect(&rig.stripe().keys.restricted.clone(), ConnectSpec { billing: false, ..spec() }).await;
    rig.connect(
        &rig.stripe().keys.live_restricted.clone(),
        ConnectSpec { name: Some("Other".into()), ..spec() },
    )
    .await;
    let before = rig.now().integrations[0].clone();
    for (edit, words) in [
        (Edit { name: Some("other".into()), ..Edit::default() }, "taken"),
        (Edit { name: Some(" ".into()), ..Edit::default() }, "a name needs"),
        (Edit { name: Some("a\u{1b}b".into()), ..Edit::default() }, "control characters"),
        (Edit { delivery: Some(Delivery::Endpoint), ..Edit::default() }, "needs a public URL"),
        (Edit { poll_every_s: Some(u64::MAX), ..Edit::default() }, "31 days"),
    ] {
        let reason = refused(rig.engine.request(Request::Edit { integration: id, edit }).await);
        assert!(reason.contains(words), "{reason}");
    }
    let now = rig.now().integrations[0].clone();
    assert_eq!(
        (now.name, now.delivery, now.poll.every_s),
        (before.name, before.delivery, before.poll.every_s)
    );
    let edit = Edit {
        name: Some("Shop".into()),
        description: Some("the\u{7} shop".into()),
        billing: Some(true),
        delivery: None,
        poll_every_s: Some(0),
        public_url: None,
        by_hand: None,
    };
    assert_eq!(rig.engine.request(Request::Edit { integration: id, edit }).await, Answer::Done);
    let snapshot = rig.until("no schedule", |snapshot| snapshot.integrations[0].poll.next_at.is_none()).await;
    assert!(snapshot.messages.iter().any(|message| message.text.contains("discover lists")));
    rig.restart().await;
    let one = rig.now().integrations[0].clone();
    assert_eq!((one.name.as_str(), one.billing, one.poll.every_s), ("Shop", true, 0));
    assert!(one.description.starts_with("the") && !one.description.contains('\u{7}'));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disconnect_keeps_records_and_a_purge_leaves_no_byte() {
    let mut rig = Rig::new(200, true).await;
    let key = rig.stripe().keys.restricted.clone();
    let id = rig.connect(&key, spec()).await;
    rig.run(discover(id)).await;
    rig.run(sync(id)).await;
    let kept = rig.now().integrations[0].catalog.synced;
    assert!(kept > 0);
    assert_eq!(rig.engine.request(Request::Disconnect { integration: id, purge: false }).await, GONE);
    let one = rig.now().integrations[0].clone();
    assert_eq!((one.health, one.key.as_str(), one.catalog.synced), (Health::Off, "", kept));
    assert!(refused(rig.engine.request(sync(id)).await).contains("disconnected"));
    assert!(refused(rig.engine.request(Request::Poll { integration: id }).await).contains("disconnected"));
    // As if a purge had failed before anything was removed.
    std::fs::write(rig.dir.path().join("data/purge.json"), format!("[{}]", id.0)).unwrap();
    // The same account comes back under its old number, with its records.
    assert_eq!(rig.connect(&key, spec()).await, id);
    rig.restart_as(true).await;
    assert_eq!(rig.now().integrations.len(), 1, "the next opening must not take it away");
    assert_eq!(rig.now().integrations[0].catalog.synced, kept);
    rig.stripe().run_traffic(5);
    let polled = rig.now().integrations[0].poll.last_at;
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    rig.until("its schedule", |snapshot| snapshot.integrations[0].poll.last_at >= polled).await;
    assert!(rig.on_disk(rig.stripe().account.as_bytes()));
    assert_eq!(rig.engine.request(Request::Disconnect { integration: id, purge: true }).await, GONE);
    assert!(rig.now().integrations.is_empty());
    let store = rig.engine.store().unwrap();
    assert_eq!(store.counters(id), crate::store::Counters::default());
    store.each_header(id, Kind::Invoice, |invoice, _| panic!("{invoice} is still here")).unwrap();
    drop(store);
    rig.restart().await;
    assert!(!rig.on_disk(rig.stripe().account.as_bytes()), "old bytes are in the log");
    assert!(!rig.dir.path().join("data/purge.json").exists());
    assert_eq!(rig.connect(&key, spec()).await, IntegrationId(2), "numbers are not used again");
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_job_is_stopped_by_a_disconnect() {
    let rig = Rig::slow(3000, 100).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    assert!(matches!(rig.engine.request(discover(id)).await, Answer::Started { .. }));
    rig.until("some pages", |snapshot| {
        snapshot.integrations[0].discover.as_ref().is_some_and(|job| job.done > 0)
    })
    .await;
    assert_eq!(rig.engine.request(Request::Disconnect { integration: id, purge: false }).await, GONE);
    let job = rig.now().integrations[0].discover.clone().unwrap();
    assert_eq!(job.state, JobState::Cancelled);
    assert_eq!((job.rate, job.gets_per_s), (0.0, 0.0));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_the_stripe_cli_is_looked_up_again_when_it_is_refused() {
    let mut rig = Rig::new(300, true).await;
    let keys = rig.stripe().keys.clone();
    assert_eq!(rig.engine.request(Request::CliProfiles).await, Answer::CliProfiles(Vec::new()));
    let take = |profile: &str, livemode| Request::CliProfileKey { profile: profile.into(), livemode };
    assert!(refused(rig.engine.request(take("default", false)).await).contains("stripe login"));
    rig.write_cli(&format!(
        "[default]\naccount_id = 'acct_x'\ntest_mode_api_key = '{}'\ntest_mode_key_expires_at = '2031-02-03'\n",
        keys.restricted
    ));
    let Answer::CliProfiles(profiles) = rig.engine.request(Request::CliProfiles).await else { panic!() };
    assert_eq!((profiles[0].name.as_str(), profiles[0].test.as_deref()), ("default", Some("2031-02-03")));
    let Answer::Ticket { ticket } = rig.engine.request(take("default", false)).await else { panic!() };
    assert_eq!(rig.tried(ticket).await.expires.as_deref(), Some("2031-02-03"));
    let answer = rig.engine.request(Request::Connect { ticket, spec: spec() }).await;
    let Answer::Connected { integration: id } = answer else { panic!("{answer:?}") };
    assert!(
        rig.now().integrations[0].key_place.contains("profile default of the Stripe CLI, ends on 2031-02-03")
    );
    // A new login: the old key ends, the file has another, in the newer layout.
    rig.write_cli(&format!(
        "config_version = 2\n[profiles.default]\naccount_id = 'acct_x'\ntest_mode_api_key = '{}'\n",
        keys.secret
    ));
    rig.stripe().expire(&keys.restricted).unwrap();
    let ended = rig.run(discover(id)).await;
    assert_eq!((ended.state, ended.outcome), (JobState::Completed, Some(JobOutcome::Done)));
    let snapshot = rig.now();
    assert_eq!(snapshot.integrations[0].health, Health::Connected);
    assert!(snapshot.integrations[0].key.starts_with("sk_test_"));
    assert!(snapshot.messages.iter().any(|message| message.text.contains("newer one")));
    // Nothing newer: then it is refused, and said so.
    rig.stripe().expire(&keys.secret).unwrap();
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    rig.until("a refused key", |snapshot| {
        matches!(snapshot.integrations[0].health, Health::KeyRefused { .. })
    })
    .await;
    // A new login while tillwatch was away: the next start looks again.
    rig.revive(&keys.restricted).await;
    rig.write_cli(&format!("[default]\ntest_mode_api_key = '{}'\n", keys.restricted));
    rig.restart_as(true).await;
    rig.until("the key of the new login", |snapshot| {
        snapshot.integrations[0].health == Health::Connected
            && snapshot.integrations[0].key.starts_with("rk_test_")
    })
    .await;
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_secret_key_of_the_stripe_cli_is_not_taken_unasked() {
    let rig = Rig::new(50, true).await;
    let keys = rig.stripe().keys.clone();
    let write = |key: &str| {
        rig.write_cli(&format!("[default]\naccount_id = 'acct_x'\nlive_mode_api_key = '{key}'\n"));
    };
    write(&keys.live_restricted);
    let take = Request::CliProfileKey { profile: "default".into(), livemode: true };
    let Answer::Ticket { ticket } = rig.engine.request(take).await else { panic!() };
    let answer = rig.engine.request(Request::Connect { ticket, spec: spec() }).await;
    let Answer::Connected { integration: id } = answer else { panic!("{answer:?}") };
    write(&keys.live_secret);
    rig.stripe().expire(&keys.live_restricted).unwrap();
    assert_eq!(rig.engine.request(Request::Poll { integration: id }).await, Answer::Done);
    let snapshot = rig
        .until("a refused key", |snapshot| {
            matches!(snapshot.integrations[0].health, Health::KeyRefused { .. })
        })
        .await;
    assert!(snapshot.integrations[0].key.starts_with("rk_live_"));
    assert!(snapshot.messages.iter().any(|message| message.text.contains("can move money")));
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_written_during_a_disconnect_does_not_bring_it_back() {
    let rig = Rig::new(50, false).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    // Both at once: whichever comes first, it is off in the end, in memory and on disk.
    let change = rig.engine.change_integration(id, |config| config.description = Some("late".into()));
    let leave = rig.engine.request(Request::Disconnect { integration: id, purge: false });
    let ((), answer) = tokio::join!(change, leave);
    assert_eq!(answer, GONE);
    let stored = crate::integration::Integration::all(&rig.engine.store().unwrap()).unwrap();
    assert!(stored[0].off_since.is_some() && stored[0].key.is_none());
    assert_eq!(stored[0].description.as_deref(), Some("late"));
    assert_eq!(rig.now().integrations[0].health, Health::Off);
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_begins_and_no_poll_is_sent_while_a_disconnect_is_under_way() {
    let rig = Rig::new(50, false).await;
    let id = rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    let sent = rig.stripe().report().total;
    // What a disconnect does first; the document and the key go later.
    rig.engine.state().runtimes[&id].poll.stop.cancel();
    assert!(refused(rig.engine.request(discover(id)).await).contains("just changed"));
    crate::engine::poller::once(&rig.engine, id).await;
    assert_eq!(rig.stripe().report().total, sent, "nothing is sent with a key that is about to be wiped");
    let store = rig.engine.store().unwrap();
    let name = crate::sync::job::JobDoc::name(id, crate::engine::api::JobKind::Discover);
    let doc: crate::sync::job::JobDoc = store.meta(&name).unwrap().unwrap();
    assert_eq!(doc.view.state, JobState::Cancelled, "nobody takes it up");
    rig.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_tells_no_account_is_only_taken_for_itself() {
    use crate::integration::check::{Account, KeyCheck};
    use crate::integration::connect::same_account;
    let rig = Rig::new(50, false).await;
    rig.connect(&rig.stripe().keys.restricted.clone(), spec()).await;
    let mut before = crate::integration::Integration::all(&rig.engine.store().unwrap()).unwrap().remove(0);
    let found = |id: &str| KeyCheck {
        account: Account { id: id.into(), name: id.into(), currency: String::new(), timezone: "UTC".into() },
        livemode: false,
        matrix: Vec::new(),
    };
    assert!(same_account(&before, &found(&before.account)).is_ok());
    let reason = same_account(&before, &found("unknown-1234")).unwrap_err().to_string();
    assert!(reason.contains("does not tell whose it is"), "{reason}");
    before.account = "unknown-1234".into();
    assert!(same_account(&before, &found("unknown-1234")).is_ok());
    assert!(same_account(&before, &found("unknown-5678")).is_err());
    rig.engine.shutdown().await;
}
