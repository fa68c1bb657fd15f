//! The real binary: what it prints and asks, two runs on one endpoint, a restored backup, and kill -9 under load.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;
use tillwatch::sandbox::Running;
use tillwatch::sandbox::sign::digest;
use tillwatch::store::{OpenOptions, Store};

use crate::{ID, PATIENCE, endpoints, faults, http, stripe};

const SECRET: &str = "whsec_abcdefghijklmnopqrstuvwxyz012345";

pub(crate) struct Shell {
    dir: TempDir,
    base: String,
}

impl Shell {
    pub(crate) fn new(stripe: &Running) -> Shell {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), &stripe.keys.restricted).unwrap();
        Shell { dir, base: stripe.base_url.clone() }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tillwatch"));
        command
            .args(words)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("TILLWATCH_DATA_DIR", self.dir.path().join("data"))
            .env("TILLWATCH_API_BASE", &self.base)
            .stdin(Stdio::null());
        command
    }

    pub(crate) async fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command(words);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    pub(crate) async fn ok(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {err}");
        String::from_utf8(output.stdout).unwrap() + &err
    }

    /// It ended with 4: something is not as it should be.
    pub(crate) async fn partly(&self, words: &[&str]) -> String {
        let output = self.run(words).await;
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{words:?}: {err}");
        String::from_utf8(output.stdout).unwrap() + &err
    }

    pub(crate) async fn json(&self, words: &[&str]) -> Value {
        let mut all = vec!["--json"];
        all.extend(words);
        let output = self.run(&all).await;
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    fn store(&self) -> Store {
        Store::open(&self.dir.path().join("data"), &OpenOptions::default()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_makes_adopts_and_removes_one() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    let key = ["--api-key-file", "key"];
    let connect =
        |more: &[&'static str]| -> Vec<&str> { [&["connect", "--webhook", "endpoint"], more, &key].concat() };
    let output = shell.run(&connect(&[])).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs --public-url"));
    let far = ["--public-url", "https://till.example.com"];
    let output = shell.run(&connect(&["--public-url", "https://till.example.com", "--read-only"])).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(endpoints(&stripe).await.is_empty());
    let made = shell.json(&connect(&["--public-url", "https://till.example.com"])).await;
    let (endpoint, id) = (&made["endpoint"], made["endpoint"]["id"].as_str().unwrap());
    assert_eq!((&endpoint["done"], &endpoint["problem"]), (&"created".into(), &Value::Null));
    assert!(endpoint["url"].as_str().unwrap().starts_with("https://till.example.com/"));
    assert_eq!(endpoints(&stripe).await[0]["id"], id);
    let shown = shell.ok(&["integrations", "show", "1"]).await;
    assert!(shown.contains(id) && shown.contains("enabled"), "{shown}");
    assert!(!shown.contains("whsec_"));
    let output = shell.run(&connect(&far)).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("edit 1 --webhook endpoint"));

    // Stripe does not answer: it is finished by whoever comes next, here by connecting again.
    stripe.set_faults(faults(&["reset=1"]));
    let output = shell.run(&["disconnect", "1"]).await;
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shell.ok(&["integrations"]).await.contains("disconnecting"));
    stripe.set_faults(Vec::new());
    let again = shell.json(&connect(&far)).await;
    assert_eq!((&again["endpoint"]["done"], &again["endpoint"]["id"]), (&"adopted".into(), &id.into()));

    // Somebody takes an event away and disables it: a check tells, one command sets it right.
    let path = format!("/v1/webhook_endpoints/{id}");
    crate::post(&stripe, &path, "enabled_events[]=invoice.paid&enabled_events[]=payout.paid").await;
    let said = shell.ok(&["integrations", "check", "1"]).await;
    assert!(
        said.contains("does not send what is used") && said.contains("sends what is not used: payout.paid"),
        "{said}"
    );
    crate::post(&stripe, &path, "disabled=true").await;
    let said = shell.partly(&["integrations", "check", "1"]).await;
    assert!(said.contains("disabled") && said.contains("check 1 --enable"), "{said}");
    assert!(shell.partly(&["status", "--check"]).await.contains("disabled at Stripe"));
    let told = &shell.json(&["status"]).await["delivery"]["endpoint"];
    assert_eq!(told["state"], "disabled");
    assert!(told["problem"].as_str().is_some_and(|text| text.contains("--enable")), "{told}");
    let output = shell.run(&["--read-only", "integrations", "check", "1", "--enable"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(shell.json(&["integrations", "check", "1", "--enable"]).await["endpoint"]["done"], "enabled");
    let all = endpoints(&stripe).await;
    assert_eq!((all.len(), &all[0]["status"]), (1, &"enabled".into()));
    assert_eq!(all[0]["enabled_events"].as_array().unwrap().len(), 37);
    let rotated = shell.json(&["integrations", "edit", "1", "--rotate"]).await;
    assert_eq!(rotated["endpoint"]["done"], "replaced");
    assert_eq!(endpoints(&stripe).await.len(), 1);

    // A backup that is restored elsewhere is another installation.
    shell.ok(&["backup", "copy"]).await;
    let elsewhere = Shell::new(&stripe);
    let copy = shell.dir.path().join("copy");
    elsewhere.ok(&["restore", copy.to_str().unwrap()]).await;
    assert!(elsewhere.ok(&["integrations", "show", "1"]).await.contains("restored from a backup"));
    elsewhere.ok(&["integrations", "edit", "1", "--api-key-file", "key"]).await;
    let all = endpoints(&stripe).await;
    assert_eq!(all.len(), 2);
    assert_ne!(all[0]["url"], all[1]["url"]);
    elsewhere.ok(&["disconnect", "1"]).await;
    assert_eq!(endpoints(&stripe).await.len(), 1);
    assert!(elsewhere.run(&["disconnect", "1"]).await.status.code() == Some(2));

    let said = shell.ok(&["disconnect", "1", "--purge", "--yes"]).await;
    assert!(said.contains("Nothing was left at Stripe but the key"), "{said}");
    assert!(endpoints(&stripe).await.is_empty());
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_it_tells_how_and_takes_nothing_but_a_signing_secret() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    let words = ["connect", "--webhook", "endpoint", "--by-hand", "--public-url", "https://till.example.com"];
    let said = shell.ok(&[&words[..], &["--api-key-file", "key", "--read-only"]].concat()).await;
    for what in [
        "https://dashboard.stripe.com/test/webhooks",
        "https://till.example.com/",
        "invoice.marked_uncollectible",
        "--webhook-secret",
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert!(endpoints(&stripe).await.is_empty(), "by hand is by hand");
    for (text, named) in [
        (stripe.keys.secret.as_str(), "that is an API key"),
        (stripe.keys.restricted.as_str(), "that is an API key"),
        ("we_1abcdefghijklmnop", "that is the endpoint's id"),
    ] {
        std::fs::write(shell.dir.path().join("secret"), text).unwrap();
        let output = shell.run(&["integrations", "edit", "1", "--webhook-secret-file", "secret"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(named) && !said.contains(text), "{said}");
    }
    // Made by hand, with too many events.
    let url =
        shell.json(&["integrations", "show", "1"]).await["endpoint"]["url"].as_str().unwrap().to_owned();
    let form = format!("url={}&enabled_events[]=*", url.replace(':', "%3A").replace('/', "%2F"));
    let made = crate::post(&stripe, "/v1/webhook_endpoints", &form).await;
    std::fs::write(shell.dir.path().join("secret"), made["secret"].as_str().unwrap()).unwrap();
    let said = shell.ok(&["integrations", "edit", "1", "--webhook-secret-file", "secret"]).await;
    assert!(said.contains("sends what is not used"), "{said}");
    assert!(!said.contains(made["secret"].as_str().unwrap()));
    let said = shell.ok(&["disconnect", "1"]).await;
    assert!(said.contains("made by hand is still at Stripe"), "{said}");
    assert_eq!(endpoints(&stripe).await.len(), 1, "never touched");
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnecting_by_way_of_the_process_that_holds_the_folder_tells_what_became_of_it() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    let connect = [
        "connect",
        "--webhook",
        "endpoint",
        "--public-url",
        "http://127.0.0.1:8456",
        "--api-key-file",
        "key",
    ];
    shell.ok(&connect).await;
    let mut listening = tokio::task::block_in_place(|| listen(&shell));
    stripe.deny(&stripe.keys.restricted, &["rak_webhook_write"]).unwrap();
    let said = shell.ok(&["disconnect", "1"]).await;
    assert!(said.contains("remove it there") && !said.contains("Nothing was left"), "{said}");
    assert!(said.contains("Revoke its key"), "{said}");
    stripe.allow(&stripe.keys.restricted, &["rak_webhook_write"]).unwrap();
    assert_eq!(endpoints(&stripe).await.len(), 1, "it could not be removed");

    shell.ok(&connect).await;
    assert_eq!(endpoints(&stripe).await.len(), 1, "the one that was left is ours, and was replaced");
    let said = shell.ok(&["disconnect", "1", "--purge", "--yes"]).await;
    assert!(said.contains("records and events are removed") && !said.contains("did not answer"), "{said}");
    assert!(endpoints(&stripe).await.is_empty());
    assert_eq!(shell.run(&["integrations", "show", "1"]).await.status.code(), Some(3));
    listening.child.kill().unwrap();
    listening.child.wait().unwrap();
    stripe.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_comes_in_when_a_command_enables_it_in_the_process_that_listens() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    let words = ["connect", "--webhook", "endpoint", "--public-url", "http://127.0.0.1:9"];
    shell.ok(&[&words[..], &["--api-key-file", "key"]].concat()).await;
    let mut listening = tokio::task::block_in_place(|| listen(&shell));
    let url = listening.url.clone();
    shell.ok(&["integrations", "edit", "1", "--public-url", &url]).await;
    let id = endpoints(&stripe).await[0]["id"].as_str().unwrap().to_owned();
    let whole = async || {
        let begun = Instant::now();
        loop {
            let here = shell.ok(&["--json", "events"]).await;
            let wanted = crate::wanted(&stripe).await;
            if !wanted.is_empty() && wanted.iter().all(|id| here.contains(id)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "some of {wanted:?} are missing");
        }
    };
    stripe.run_traffic(3);
    whole().await;
    crate::post(&stripe, &format!("/v1/webhook_endpoints/{id}"), "disabled=true").await;
    let said = shell.partly(&["integrations", "check", "1"]).await;
    assert!(said.contains("disabled"), "{said}");
    stripe.run_traffic(5);
    assert_eq!(shell.json(&["integrations", "check", "1", "--enable"]).await["endpoint"]["done"], "enabled");
    whole().await;
    listening.child.kill().unwrap();
    listening.child.wait().unwrap();
    stripe.stop().await;
}

pub(crate) struct Listening {
    pub(crate) child: Child,
    url: String,
}

/// A process that takes deliveries.
pub(crate) fn listen(shell: &Shell) -> Listening {
    let mut child = shell
        .command(&["listen", "--webhook-listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.by_ref().map(Result::unwrap).find(|line| line.contains("deliveries are taken")).unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    Listening { child, url: line.rsplit(' ').next().unwrap().to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_in_the_middle_every_200_is_in_the_store() {
    let stripe = stripe().await;
    let shell = Shell::new(&stripe);
    std::fs::write(shell.dir.path().join("secret"), SECRET).unwrap();
    let words = ["connect", "--webhook", "endpoint", "--by-hand", "--public-url", "http://127.0.0.1:8456"];
    let made = shell
        .json(&[&words[..], &["--webhook-secret-file", "secret", "--api-key-file", "key"]].concat())
        .await;
    let token = made["endpoint"]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let acknowledged = Arc::new(Mutex::new(HashSet::new()));
    for round in 0..3 {
        let mut listening = tokio::task::block_in_place(|| listen(&shell));
        let url = format!("{}/{token}", listening.url);
        let before = acknowledged.lock().unwrap().len();
        let mut senders = Vec::new();
        for sender in 0..8 {
            let (url, acknowledged) = (url.clone(), acknowledged.clone());
            senders.push(tokio::spawn(async move {
                let http = http();
                for n in 0.. {
                    let id = format!("evt_{round}_{sender}_{n}");
                    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
                    let body = format!(
                        r#"{{"id":"{id}","object":"event","created":{at},"livemode":false,"type":"customer.updated","data":{{"object":{{"id":"cus_{sender}","object":"customer","name":"N{n}"}}}}}}"#
                    );
                    let header = format!("t={at},v1={}", digest(SECRET, at, &body));
                    match http.post(&url).header("Stripe-Signature", header).body(body).send().await {
                        Ok(answer) if answer.status() == 200 => {
                            acknowledged.lock().unwrap().insert(id);
                        }
                        // The door is not open yet, or the store is busy.
                        Ok(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                        Err(_) => return,
                    }
                }
            }));
        }
        let begun = Instant::now();
        while acknowledged.lock().unwrap().len() < before + 200 + round * 57 {
            assert!(begun.elapsed() < PATIENCE, "no deliveries are taken");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // SIGKILL, in the middle.
        listening.child.kill().unwrap();
        listening.child.wait().unwrap();
        for sender in senders {
            sender.await.unwrap();
        }
    }
    let store = shell.store();
    let here: HashSet<String> = store.arrivals(ID, 0).unwrap().into_iter().map(|row| row.id).collect();
    let told = acknowledged.lock().unwrap().clone();
    let lost: Vec<&String> = told.iter().filter(|id| !here.contains(*id)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert!(told.len() >= 600);
    stripe.stop().await;
}
