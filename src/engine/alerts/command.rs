//! A person's own command, run for each alert.
//!
//! It gets the alert as one JSON object on its standard input, and nothing else: no text of an alert ever becomes part
//! of a command line. It runs in a process group of its own, one at a time, and is ended with its group when it takes
//! too long. What it prints goes nowhere. It must never hold anything up.

use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::OnAlert;
use crate::engine::api::{Alert, AlertReason, CaseRow, IntegrationId, Level, Snapshot};

/// A command that takes longer is ended.
pub const LIMIT: Duration = Duration::from_secs(20);
/// What could be a secret in our own environment.
const SECRETS: [&str; 1] = ["STRIPE_API_KEY"];

/// What the command reads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Body {
    reason: AlertReason,
    over: bool,
    level: Level,
    at: i64,
    time: String,
    text: String,
    account: Account,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Payment>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Account {
    integration: IntegrationId,
    name: String,
    id: String,
    livemode: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Payment {
    case: String,
    customer: String,
    amount: i64,
    currency: String,
    decline_code: String,
    state: crate::engine::api::CaseState,
}

impl Body {
    /// Of an alert; none when its account is gone.
    pub fn new(alert: &Alert, snapshot: &Snapshot, row: Option<CaseRow>) -> Option<Body> {
        let view = snapshot.integrations.iter().find(|view| view.id == alert.integration)?;
        Some(Body {
            reason: alert.reason,
            over: alert.over,
            level: alert.level,
            at: alert.at,
            time: crate::engine::status::time(alert.at),
            text: crate::stripe::scrub::scrub(&alert.text),
            account: Account {
                integration: view.id,
                name: view.name.clone(),
                id: view.account.clone(),
                livemode: view.livemode,
            },
            payment: row.map(|row| Payment {
                case: row.id,
                customer: row.customer,
                amount: row.amount.0,
                currency: row.amount.1,
                decline_code: row.decline.code,
                state: row.state,
            }),
        })
    }
}

/// Runs the command for each alert, one after the other, until told to stop. `failed` is told once that it does not
/// work, and again after it has worked in between.
pub async fn run_all(
    on_alert: OnAlert,
    mut waiting: mpsc::Receiver<Body>,
    cancel: CancellationToken,
    failed: impl Fn(String),
) {
    let mut known = false;
    loop {
        let body = tokio::select! {
            () = cancel.cancelled() => return,
            body = waiting.recv() => match body {
                Some(body) => body,
                None => return,
            },
        };
        match run(&on_alert, &body, LIMIT, &cancel).await {
            Ok(()) => known = false,
            Err(why) => {
                if !std::mem::replace(&mut known, true) {
                    failed(format!("the command of on_alert failed: {why}; see [alerts] in config.toml"));
                }
            }
        }
    }
}

/// Runs it once. The error says why, without what it printed.
pub async fn run(
    on_alert: &OnAlert,
    body: &Body,
    limit: Duration,
    cancel: &CancellationToken,
) -> Result<(), String> {
    let mut child = start(on_alert).map_err(|error| format!("it can't be started ({error})"))?;
    let group = child.id();
    let input = serde_json::to_vec(body).map_err(|error| error.to_string())?;
    let work = async {
        if let Some(mut pipe) = child.stdin.take() {
            // One that does not read its input may do its work all the same.
            let _ = pipe.write_all(&input).await;
            let _ = pipe.write_all(b"\n").await;
        }
        child.wait().await
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(limit, work) => ended.ok(),
        () = cancel.cancelled() => None,
    };
    match ended {
        Some(Ok(status)) if status.success() => Ok(()),
        Some(Ok(status)) => Err(status.to_string()),
        Some(Err(error)) => Err(format!("it can't be waited for ({error})")),
        None => {
            end_group(group);
            reap(child).await;
            if cancel.is_cancelled() {
                return Ok(());
            }
            Err(format!("it did not end within {} s and was ended", limit.as_secs()))
        }
    }
}

fn start(on_alert: &OnAlert) -> std::io::Result<Child> {
    let mut command = match on_alert {
        OnAlert::Shell(line) => {
            let mut shell = Command::new(if cfg!(windows) { "cmd" } else { "sh" });
            shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(line);
            shell
        }
        OnAlert::Program(words) => {
            let mut words = words.iter();
            let program = words.next().ok_or_else(|| std::io::Error::other("it is empty"))?;
            let mut command = Command::new(program);
            command.args(words);
            command
        }
    };
    for name in SECRETS {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    // Its own group: it must not take the screen's input, and it can be ended whole.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

async fn reap(mut child: Child) {
    let _ = child.start_kill();
    let _ = child.wait().await;
}

#[cfg(unix)]
fn end_group(pid: Option<u32>) {
    if let Some(group) = pid.and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed())) {
        // It may just have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_pid: Option<u32>) {}
