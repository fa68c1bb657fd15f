//! The doors of `serve` and its life: all listeners are opened from one list, and all of them end before the engine does.
//!
//! Whoever adds a listener adds a [`Door`]. It must never leave one open that answers for an engine that has ended.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use futures::future::BoxFuture;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::http::Listening;
use crate::engine::Engine;
use crate::engine::api::{IntegrationId, Level, Snapshot};

/// Answers requests.
pub type Answerer = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// One listener and who answers there.
pub struct Door {
    /// What it is, for a person and the metrics: `api`.
    pub name: &'static str,
    /// Where it listens.
    pub listening: Listening,
    /// Who answers.
    pub answer: Answerer,
}

impl Door {
    /// Where it listens; none: the system does not tell.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listening.address().ok()
    }
}

/// Serves at all doors until `stop`; ends when the last request has.
pub async fn serve(doors: Vec<Door>, stop: &CancellationToken) {
    let mut open = JoinSet::new();
    for Door { name, listening, answer } in doors {
        let stop = stop.clone();
        open.spawn(async move {
            listening.serve(move |request| answer(request), stop).await;
            tracing::info!(name, "listens no more");
        });
    }
    while open.join_next().await.is_some() {}
}

/// Writes what the engine has to tell into the log, until `quiet`.
pub async fn tell(engine: &Engine, quiet: &CancellationToken) {
    let mut snapshots: watch::Receiver<Arc<Snapshot>> = engine.snapshots();
    let mut last = Told::default();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        last = write(&snapshot, last);
        let more = tokio::select! {
            changed = snapshots.changed() => changed.is_ok(),
            () = quiet.cancelled() => false,
        };
        if !more {
            break;
        }
    }
    // What was not published yet is told, too.
    write(&crate::engine::publish::build(engine), last);
}

/// The newest that was written, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Told {
    message: u64,
    alert: u64,
}

/// Writes messages and alerts behind `last`; the newest ones' numbers.
fn write(snapshot: &Snapshot, last: Told) -> Told {
    let name = |id: Option<IntegrationId>| {
        let one = snapshot.integrations.iter().find(|one| Some(one.id) == id);
        one.map_or("", |one| one.name.as_str())
    };
    for message in snapshot.messages.iter().filter(|message| message.seq > last.message) {
        let (integration, text) = (name(message.integration), message.text.as_str());
        match message.level {
            Level::Info => tracing::info!(integration, "{text}"),
            Level::Warning => tracing::warn!(integration, "{text}"),
            Level::Error => tracing::error!(integration, "{text}"),
        }
    }
    for alert in snapshot.alerts.iter().filter(|alert| alert.seq > last.alert) {
        let (integration, text) = (name(Some(alert.integration)), alert.text.as_str());
        match alert.level {
            Level::Info => tracing::info!(integration, alert = true, "{text}"),
            Level::Warning => tracing::warn!(integration, alert = true, "{text}"),
            Level::Error => tracing::error!(integration, alert = true, "{text}"),
        }
    }
    Told {
        message: snapshot.messages.last().map_or(last.message, |message| message.seq.max(last.message)),
        alert: snapshot.alerts.last().map_or(last.alert, |alert| alert.seq.max(last.alert)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;
    use crate::engine::api::{Alert, AlertReason, Message};

    #[derive(Clone, Default)]
    struct Held(Arc<Mutex<Vec<u8>>>);

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn messages_and_alerts_are_written_once() {
        let mut snapshot = Snapshot::default();
        let id = IntegrationId(1);
        let alert = |seq, level, text: &str| Alert {
            seq,
            at: 0,
            level,
            integration: id,
            reason: AlertReason::SourceDead,
            over: false,
            case: None,
            text: text.into(),
        };
        snapshot.messages =
            vec![Message { seq: 7, at: 0, level: Level::Info, integration: None, text: "a message".into() }];
        snapshot.alerts = vec![alert(3, Level::Error, "no events for an hour")];
        let held = Held::default();
        let writer = held.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            let told = write(&snapshot, Told::default());
            assert_eq!(told, Told { message: 7, alert: 3 });
            assert_eq!(write(&snapshot, told), told);
            snapshot.alerts.push(alert(4, Level::Info, "they come again"));
            assert_eq!(write(&snapshot, told), Told { alert: 4, ..told });
        });
        let text = String::from_utf8(held.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("ERROR") && text.contains("no events for an hour"), "{text}");
        assert!(text.contains("a message") && text.contains("they come again"), "{text}");
    }
}
