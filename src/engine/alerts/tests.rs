use super::*;
use crate::engine::api::*;
use crate::tui::tests::canned;

const NOW: i64 = canned::NOW;

fn settings() -> Settings {
    Settings { failed_above: BTreeMap::from([("eur".to_owned(), 50_000)]), ..Settings::default() }
}

fn snapshot() -> Snapshot {
    let mut view = canned::integration(1, "Acme", true);
    view.complete_to = Some(NOW);
    Snapshot { phase: Phase::Ready, integrations: vec![view], ..Snapshot::default() }
}

/// Looks every ten seconds up to `until`; what was said, as reason and whether it is over, and when.
fn watch(decider: &mut Decider, snapshot: &Snapshot, from: i64, until: i64) -> Vec<(i64, AlertReason, bool)> {
    let mut out = Vec::new();
    let mut now = from;
    while now <= until {
        let said = decider.look(snapshot, &[], now);
        out.extend(said.into_iter().map(|one| (now, one.alert.reason, one.alert.over)));
        now += 10;
    }
    out
}

#[test]
fn a_refused_key_is_told_at_once_once_and_when_it_is_over() {
    let mut decider = Decider::new(settings(), NOW);
    let good = snapshot();
    assert!(watch(&mut decider, &good, NOW, NOW + 60).is_empty());
    let mut bad = snapshot();
    bad.integrations[0].health = Health::KeyRefused { since: NOW, reason: "expired\u{1b}[2J".into() };
    bad.integrations[0].poll.error = Some("expired".into());
    let said = decider.look(&bad, &[], NOW + 70);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].alert.text, "Acme (LIVE): Stripe refuses the key: expired");
    assert!(watch(&mut decider, &bad, NOW + 80, NOW + 4 * 3600).is_empty(), "nor its consequences");
    let mut again = good.clone();
    again.integrations[0].complete_to = Some(NOW + 4 * 3600);
    let said = watch(&mut decider, &again, NOW + 4 * 3600 + 10, NOW + 4 * 3600 + 60);
    assert_eq!(said, [(NOW + 4 * 3600 + 10, AlertReason::KeyRefused, true)]);
}

#[test]
fn a_source_is_dead_after_its_minutes_also_when_it_tries_again_in_between() {
    let mut decider = Decider::new(settings(), NOW);
    let mut down = snapshot();
    down.integrations[0].delivery = Delivery::Relay;
    let mut trying = down.clone();
    down.integrations[0].link = LinkView::Waiting { until: NOW, reason: "the relay closed it".into() };
    trying.integrations[0].link = LinkView::Connecting { since: NOW };
    let mut said = watch(&mut decider, &down, NOW, NOW + 300);
    said.extend(watch(&mut decider, &trying, NOW + 310, NOW + 320));
    said.extend(watch(&mut decider, &down, NOW + 330, NOW + 2000));
    assert_eq!(said, [(NOW + 900, AlertReason::SourceDead, false)]);
    let up = snapshot();
    assert_eq!(
        watch(&mut decider, &up, NOW + 2010, NOW + 2100),
        [(NOW + 2010, AlertReason::SourceDead, true)]
    );
    // A short one is nothing.
    assert!(watch(&mut decider, &down, NOW + 2110, NOW + 2900).is_empty());
    assert!(watch(&mut decider, &up, NOW + 2910, NOW + 2950).is_empty());
    // In read-only mode there is no relay by a person's own wish.
    down.read_only = true;
    assert!(watch(&mut decider, &down, NOW + 2960, NOW + 5000).is_empty());
}

#[test]
fn no_comparison_is_told_after_its_minutes_of_watching_and_never_before_the_schedule() {
    let mut decider = Decider::new(settings(), NOW);
    let mut old = snapshot();
    // Nobody watched for a day: the waiting begins with the start.
    old.integrations[0].complete_to = Some(NOW - 86_400);
    let wait = 7200;
    let said = watch(&mut decider, &old, NOW, NOW + 3 * wait);
    assert_eq!(said, [(NOW + wait + 10, AlertReason::Unchecked, false)]);
    let mut new = snapshot();
    new.integrations[0].complete_to = Some(NOW + 3 * wait);
    let at = NOW + 3 * wait + 10;
    assert_eq!(watch(&mut decider, &new, at, at + 50), [(at, AlertReason::Unchecked, true)]);
    // A sleep: the waiting begins anew.
    let woken = at + 80_000;
    assert!(watch(&mut decider, &new, woken, woken + wait).is_empty());
    // A slow schedule of a person's own is no failure.
    let mut slow = snapshot();
    slow.integrations[0].poll.every_s = 6 * 3600;
    let mut decider = Decider::new(settings(), NOW);
    let said = watch(&mut decider, &slow, NOW, NOW + 12 * 3600 + 100);
    assert_eq!(said, [(NOW + 12 * 3600 + 10, AlertReason::Unchecked, false)]);
}

fn heard(id: &str, state: CaseState, of_payment: bool) -> Heard {
    Heard {
        at: NOW + 5,
        asked: 120_000,
        of_payment,
        row: CaseRow {
            integration: IntegrationId(1),
            id: id.into(),
            number: "N-1".into(),
            customer: "cus_1".into(),
            who: "Ann".into(),
            amount: (120_000, "eur".into()),
            opened_at: NOW,
            failed_at: NOW,
            tries: 1,
            decline: crate::recovery::Declines::built_in().tell(&crate::recovery::declines::Codes {
                decline_code: Some("insufficient_funds".into()),
                ..Default::default()
            }),
            next: Next::Nothing,
            state,
            pay_url: None,
        },
    }
}

#[test]
fn a_failed_payment_is_told_once_and_its_end_too() {
    let mut decider = Decider::new(settings(), NOW);
    let snapshot = snapshot();
    let texts =
        |said: Vec<Said>| said.into_iter().map(|one| (one.alert.over, one.alert.text)).collect::<Vec<_>>();
    let open = heard("in_1", CaseState::Active, false);
    let said = texts(decider.look(&snapshot, std::slice::from_ref(&open), NOW + 10));
    let text = "Acme (LIVE): a payment of €1,200.00 failed (insufficient_funds): Ann";
    assert_eq!(said, [(false, text.to_owned())]);
    assert!(decider.look(&snapshot, std::slice::from_ref(&open), NOW + 20).is_empty());
    let paid = heard("in_1", CaseState::Recovered { at: NOW + 25 }, false);
    let said = texts(decider.look(&snapshot, std::slice::from_ref(&paid), NOW + 30));
    assert_eq!(said, [(true, "Acme (LIVE): the failed payment of €1,200.00 was paid: Ann".to_owned())]);
    assert!(decider.look(&snapshot, &[paid], NOW + 40).is_empty());
    // One that was paid before anybody could be told of it is not told.
    let quick = heard("in_2", CaseState::Recovered { at: NOW + 1 }, false);
    assert!(decider.look(&snapshot, &[quick], NOW + 50).is_empty());
    // A payment that may be an invoice's waits for it.
    let alone = heard("pi_1", CaseState::Active, true);
    assert!(decider.look(&snapshot, std::slice::from_ref(&alone), NOW + 34).is_empty());
    assert_eq!(decider.look(&snapshot, &[alone], NOW + 35).len(), 1);
    // What failed days ago and is heard of now is no news.
    let mut old = heard("in_3", CaseState::Active, false);
    old.row.failed_at = NOW - 90_000;
    assert!(decider.look(&snapshot, &[old], NOW + 60).is_empty());
}

#[cfg(unix)]
mod commands {
    use std::io::Read;
    use std::time::Instant;

    use super::*;
    use crate::engine::alerts::command::{Body, run, run_all};

    fn body() -> Body {
        let alert = Alert {
            seq: 1,
            at: NOW,
            level: Level::Error,
            integration: IntegrationId(1),
            reason: AlertReason::FailedPayment,
            over: false,
            case: Some("in_1".into()),
            text: "$(touch bad) `touch bad`; rk_live_51Habcdefghijklmnop".into(),
        };
        Body::new(&alert, &snapshot(), Some(heard("in_1", CaseState::Active, false).row)).unwrap()
    }

    #[tokio::test]
    async fn the_command_reads_the_alert_as_json_and_nothing_becomes_a_command_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("got");
        let never = tokio_util::sync::CancellationToken::new();
        let line = format!("cd '{}' && cat > got && echo noise", dir.path().display());
        let words = ["sh", "-c", "cat > \"$0\"", file.to_str().unwrap()].map(str::to_owned).to_vec();
        for on_alert in [OnAlert::Shell(line), OnAlert::Program(words)] {
            run(&on_alert, &body(), command::LIMIT, &never).await.unwrap();
            let got = std::fs::read_to_string(&file).unwrap();
            let got: serde_json::Value = serde_json::from_str(&got).unwrap();
            assert_eq!(got["reason"], "failed_payment");
            assert_eq!(got["account"]["name"], "Acme");
            assert_eq!(got["payment"]["decline_code"], "insufficient_funds");
            assert!(!got.to_string().contains("abcdefgh"), "{got}");
            assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing else was made");
        }
    }

    #[tokio::test]
    async fn one_that_hangs_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // It reads to the end: when the last process that could write is gone.
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut got = String::new();
                std::fs::File::open(pipe).unwrap().read_to_string(&mut got).unwrap();
                got
            })
        };
        let line = format!("exec 3>'{}'; echo begun >&3; sleep 600 & sleep 600", pipe.display());
        let begun = Instant::now();
        let limit = Duration::from_millis(700);
        let never = tokio_util::sync::CancellationToken::new();
        let error = run(&OnAlert::Shell(line), &body(), limit, &never).await.unwrap_err();
        assert!(error.contains("did not end"), "{error}");
        assert_eq!(tokio::task::spawn_blocking(move || reader.join().unwrap()).await.unwrap(), "begun\n");
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[tokio::test]
    async fn a_failing_one_is_told_once_until_it_works_again() {
        let dir = tempfile::tempdir().unwrap();
        let marks = dir.path().display();
        // Fails, fails, works, fails.
        let line = format!("n=$(ls '{marks}' | wc -l); touch '{marks}'/$n; test $n -eq 2");
        let (send, waiting) = mpsc::channel(8);
        for _ in 0..4 {
            send.send(body()).await.unwrap();
        }
        drop(send);
        let told = std::sync::Mutex::new(Vec::new());
        let never = tokio_util::sync::CancellationToken::new();
        run_all(OnAlert::Shell(line), waiting, never.clone(), |text| told.lock().unwrap().push(text)).await;
        let told = told.into_inner().unwrap();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("the command of on_alert failed: exit status: 1"), "{told:?}");
        let missing = OnAlert::Program(vec!["/no/such/program".into()]);
        assert!(
            run(&missing, &body(), command::LIMIT, &never).await.unwrap_err().contains("can't be started")
        );
    }
}
