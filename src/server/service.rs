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
use crate::engine::api::{Level, Snapshot};

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
    let mut last = 0;
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

/// Writes messages behind `last`; the newest one's number.
fn write(snapshot: &Snapshot, last: u64) -> u64 {
    for message in snapshot.messages.iter().filter(|message| message.seq > last) {
        let named = |id| snapshot.integrations.iter().find(|one| Some(one.id) == id);
        let integration = named(message.integration).map_or("", |one| one.name.as_str());
        let text = message.text.as_str();
        match message.level {
            Level::Info => tracing::info!(integration, "{text}"),
            Level::Warning => tracing::warn!(integration, "{text}"),
            Level::Error => tracing::error!(integration, "{text}"),
        }
    }
    snapshot.messages.last().map_or(last, |message| message.seq.max(last))
}
