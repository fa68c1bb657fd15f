//! The engine of another process, as a screen sees it; and what becomes of the screen when that process goes.
//!
//! It must never pretend: once nothing is heard any more the snapshot says so, and every request is answered with
//! why it cannot be done. A person may take the data folder over; a holder that is there again is joined by itself.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::host::{Host, Runner};
use super::place;
use super::wire::{Call, Carried, Hello, Reply, receive, send};
use crate::engine::api::{Answer, Attached, Phase, Request, Snapshot};
use crate::engine::{self, Engine};
use crate::store::{StoreError, folder};
use crate::vault::secret::Secret;

/// A holder that says nothing for so long hangs: it is to say something every two seconds.
pub const SILENCE: Duration = Duration::from_secs(8);
/// Another holder is looked for so often.
const AGAIN: Duration = Duration::from_secs(1);
/// A hello takes no longer.
const HELLO: Duration = Duration::from_secs(3);
/// Calls on their way.
const CALLS: usize = 64;

/// Why nobody could be attached to.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// Nobody listens: it is starting, ending, or not ours.
    #[error("nobody listens")]
    Nobody,
    /// Another version.
    #[error("{0}")]
    Version(String),
    /// It is there and does not speak.
    #[error("process {0} holds the data folder and does not answer: end it (kill -9 {0}), then try again")]
    Silent(u32),
}

/// Connects to whoever holds the folder, and says hello.
pub async fn connect(dir: &Path) -> Result<(UnixStream, Hello), AttachError> {
    let holder = folder::holder(dir).ok_or(AttachError::Nobody)?;
    // Keys are typed for whoever answers: that must be this user.
    let socket = holder.socket.filter(|socket| place::trusted(socket)).ok_or(AttachError::Nobody)?;
    let greeted = tokio::time::timeout(HELLO, async {
        let mut stream = UnixStream::connect(&socket).await.map_err(|_| AttachError::Nobody)?;
        if !place::same_user(&stream) {
            return Err(AttachError::Nobody);
        }
        let gone = |_| AttachError::Nobody;
        send(&mut stream, &Hello::own()).await.map_err(gone)?;
        let hello: Hello = receive(&mut stream).await.map_err(gone)?;
        Ok((stream, hello))
    });
    let (stream, hello) = greeted.await.map_err(|_| AttachError::Silent(holder.pid))??;
    match hello.mismatch() {
        Some(reason) => Err(AttachError::Version(reason)),
        None => Ok((stream, hello)),
    }
}

/// The engine of another process.
pub struct Remote {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    options: engine::Options,
    runner: Runner,
    snapshots: watch::Sender<Arc<Snapshot>>,
    link: Mutex<Link>,
    numbers: AtomicU64,
}

/// How a connection ended.
struct Gone {
    /// It is open, and nothing comes.
    hangs: bool,
    /// For a person.
    why: String,
}

enum Link {
    /// Calls go there.
    Up { calls: mpsc::Sender<Call>, waiting: HashMap<u64, oneshot::Sender<Answer>>, pid: u32 },
    /// Nothing is heard, for this reason.
    Lost(String),
    /// The folder was taken over, and others can attach to this process.
    Own { engine: Engine, host: Option<Host> },
}

impl Remote {
    /// Over a connection that was greeted. `options` and `runner`: for taking the folder over.
    pub fn new(stream: UnixStream, hello: &Hello, options: engine::Options, runner: Runner) -> Remote {
        let attached = Some(Attached { pid: hello.pid, lost: None });
        let first = Snapshot { attached, read_only: options.read_only, ..Snapshot::default() };
        let shared = Arc::new(Shared {
            options,
            runner,
            snapshots: watch::channel(Arc::new(first)).0,
            link: Mutex::new(Link::Lost("it is being attached to".into())),
            numbers: AtomicU64::new(0),
        });
        let (keeping, pid) = (shared.clone(), hello.pid);
        // The link is there before anybody can ask.
        let calls = shared.up(pid);
        let task = tokio::spawn(async move { keeping.keep(stream, pid, calls).await });
        Remote { shared, task }
    }

    /// Ends what was taken over, if it was.
    pub async fn close(self) {
        self.task.abort();
        let own = match &mut *self.shared.link() {
            Link::Own { engine, host } => {
                drop(host.take());
                Some(engine.clone())
            }
            _ => None,
        };
        if let Some(engine) = own {
            engine.shutdown().await;
        }
    }

    /// What the screen talks to.
    pub fn handle(&self) -> Arc<dyn crate::tui::Engine> {
        Arc::new(Handle(self.shared.clone()))
    }
}

struct Handle(Arc<Shared>);

impl crate::tui::Engine for Handle {
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.0.snapshots.subscribe()
    }

    fn request(&self, request: Request) -> BoxFuture<'static, Answer> {
        let shared = self.0.clone();
        Box::pin(async move {
            if matches!(request, Request::TakeOver) {
                return shared.take_over().await;
            }
            if let Some(engine) = shared.own() {
                return engine.request(request).await;
            }
            shared.call(|number| Call::Ask { number, request: Box::new(request) }).await
        })
    }

    fn offer_key(&self, key: Secret) -> BoxFuture<'static, Answer> {
        let shared = self.0.clone();
        Box::pin(async move {
            if let Some(engine) = shared.own() {
                return engine.offer_key(key);
            }
            shared.call(|number| Call::OfferKey { number, key: Carried(key) }).await
        })
    }
}

impl Shared {
    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own(&self) -> Option<Engine> {
        match &*self.link() {
            Link::Own { engine, .. } => Some(engine.clone()),
            _ => None,
        }
    }

    async fn call(&self, call: impl FnOnce(u64) -> Call) -> Answer {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let calls = match &mut *self.link() {
            Link::Up { calls, waiting, .. } => {
                waiting.insert(number, answer);
                Ok(calls.clone())
            }
            Link::Lost(reason) => Err(reason.clone()),
            Link::Own { .. } => Err("try again".to_owned()),
        };
        let calls = match calls {
            Ok(calls) => calls,
            Err(reason) => return Answer::Refused { reason },
        };
        let gone = || Answer::Refused {
            reason: match &*self.link() {
                Link::Lost(reason) => reason.clone(),
                _ => "the connection was made anew: try again".to_owned(),
            },
        };
        if calls.send(call(number)).await.is_err() {
            return gone();
        }
        answered.await.unwrap_or_else(|_| gone())
    }

    fn up(&self, pid: u32) -> mpsc::Receiver<Call> {
        let (calls, out) = mpsc::channel(CALLS);
        *self.link() = Link::Up { calls, waiting: HashMap::new(), pid };
        out
    }

    /// Keeps the connection until the folder is taken over.
    async fn keep(self: Arc<Self>, stream: UnixStream, pid: u32, calls: mpsc::Receiver<Call>) {
        let (mut stream, mut pid, mut calls) = (stream, pid, calls);
        loop {
            let begun = Instant::now();
            let Gone { hangs, why } = self.hear(stream, pid, calls).await;
            // A screen that was suspended for long was let go by a holder that is still there.
            if !hangs
                && begun.elapsed() > SILENCE
                && let Ok((again, hello)) = connect(&self.options.data_dir).await
            {
                (stream, pid) = (again, hello.pid);
                calls = self.up(pid);
                continue;
            }
            self.lost(pid, why.clone());
            let mut said = why.clone();
            (stream, pid) = loop {
                tokio::time::sleep(AGAIN).await;
                if self.own().is_some() {
                    return;
                }
                let reason = match connect(&self.options.data_dir).await {
                    Ok((stream, hello)) => break (stream, hello.pid),
                    // Another version has been started there meanwhile.
                    Err(AttachError::Version(reason)) => reason,
                    Err(_) => why.clone(),
                };
                if reason != said {
                    self.lost(pid, reason.clone());
                    said = reason;
                }
            };
            if self.own().is_some() {
                return;
            }
            calls = self.up(pid);
        }
    }

    /// Carries calls and replies until nothing is heard any more; says why.
    async fn hear(&self, stream: UnixStream, pid: u32, mut calls: mpsc::Receiver<Call>) -> Gone {
        let (mut from, mut to) = stream.into_split();
        let ended =
            || Gone { hangs: false, why: format!("process {pid}, which held the data folder, has ended") };
        let api_base = self.options.api_base.as_ref().map(ToString::to_string);
        let watch = Call::Watch { read_only: self.options.read_only, api_base };
        if send(&mut to, &watch).await.is_err() {
            return ended();
        }
        let sending = async {
            while let Some(call) = calls.recv().await {
                if send(&mut to, &call).await.is_err() {
                    break;
                }
            }
        };
        let hearing = async {
            loop {
                match tokio::time::timeout(SILENCE, receive::<Reply>(&mut from)).await {
                    Err(_) => {
                        let why =
                            format!("process {pid}, which holds the data folder, does not answer any more");
                        return Gone { hangs: true, why };
                    }
                    Ok(Err(_)) => return ended(),
                    Ok(Ok(Reply::Snapshot { snapshot })) => self.show(*snapshot, pid, None),
                    Ok(Ok(Reply::Answer { number, answer })) => {
                        if let Link::Up { waiting, .. } = &mut *self.link()
                            && let Some(asked) = waiting.remove(&number)
                        {
                            let _ = asked.send(*answer);
                        }
                    }
                    Ok(Ok(_)) => {}
                }
            }
        };
        tokio::select! {
            why = hearing => why,
            () = sending => ended(),
        }
    }

    fn show(&self, mut snapshot: Snapshot, pid: u32, lost: Option<String>) {
        snapshot.read_only |= self.options.read_only;
        snapshot.attached = Some(Attached { pid, lost });
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Whatever waits is answered with the reason; what was shown last stays, marked.
    fn lost(&self, pid: u32, why: String) {
        {
            let mut link = self.link();
            if matches!(*link, Link::Own { .. }) {
                return;
            }
            *link = Link::Lost(why.clone());
        }
        let last = Snapshot::clone(&self.snapshots.borrow());
        self.show(last, pid, Some(why));
    }

    /// Opens the data folder here, when nobody holds it any more.
    async fn take_over(self: &Arc<Self>) -> Answer {
        if let Link::Up { pid, .. } = &*self.link() {
            return Answer::Refused { reason: format!("process {pid} holds the data folder and answers") };
        }
        if self.own().is_some() {
            return Answer::Done;
        }
        let engine = Engine::start(self.options.clone());
        if let Err(error) = engine.ready().await {
            engine.shutdown().await;
            let another = connect(&self.options.data_dir).await;
            let reason = match error {
                StoreError::Owned { pid: Some(pid), .. } if another.is_ok() => {
                    format!("process {pid} has taken the data folder over; this screen attaches to it")
                }
                StoreError::Owned { pid: Some(pid), .. } => {
                    format!("process {pid} still holds the data folder: end it first (kill -9 {pid})")
                }
                error => error.to_string(),
            };
            return Answer::Refused { reason };
        }
        // Without a socket of its own it turns others away, as it says then.
        let host = Host::listen(&engine, self.runner.clone()).ok();
        *self.link() = Link::Own { engine: engine.clone(), host };
        let shared = self.clone();
        tokio::spawn(async move {
            let mut own = engine.snapshots();
            own.mark_changed();
            while own.changed().await.is_ok() {
                let newest = own.borrow_and_update().clone();
                if newest.phase != Phase::Opening {
                    shared.snapshots.send_replace(newest);
                }
            }
        });
        Answer::Done
    }
}
