//! The holder's side: takes callers in, sends them snapshots and answers, carries their commands out.
//!
//! It must never answer another user, wait for a slow caller, or outlive the engine it speaks for.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::place;
use super::run::Far;
use super::wire::{Call, Command, Hello, Reply, receive, send};
use crate::engine::api::{Answer, Snapshot};
use crate::engine::{Caller, Engine};
use crate::stripe::BaseUrl;

/// Callers at once; more wait at the door.
const CALLERS: usize = 64;
/// Requests of one caller that are being answered at once.
const ASKED: usize = 64;
/// A sign of life is sent so often.
const ALIVE: Duration = Duration::from_secs(2);
/// A caller that takes nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);
/// A hello takes no longer.
const HELLO: Duration = Duration::from_secs(5);

/// Carries a command out; runs on a thread of its own, within the runtime, and may block.
pub type Runner = Arc<dyn Fn(Engine, Command, Far) + Send + Sync>;

/// The listening side; the socket goes with it.
pub struct Host {
    path: PathBuf,
    cancel: CancellationToken,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.cancel.cancel();
        let _ = std::fs::remove_file(&self.path);
        place::leave(&self.path);
    }
}

impl Host {
    /// Listens for an engine whose store is open, and names the socket in the folder's lock file.
    pub fn listen(engine: &Engine, runner: Runner) -> std::io::Result<Host> {
        let store = engine.store().ok_or_else(|| std::io::Error::other("the store is not open"))?;
        let mut path = place::fresh()?;
        let listener = match UnixListener::bind(&path) {
            // Another one that ended took the empty folder with it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                path = place::fresh()?;
                UnixListener::bind(&path)?
            }
            bound => bound?,
        };
        let host = Host { path: path.clone(), cancel: CancellationToken::new() };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        store.name_socket(&path).map_err(std::io::Error::other)?;
        let (engine, cancel) = (engine.clone(), host.cancel.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => {}
                () = accept(&engine, &listener, &runner, &cancel) => {}
            }
        });
        Ok(host)
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

async fn accept(engine: &Engine, listener: &UnixListener, runner: &Runner, cancel: &CancellationToken) {
    let places = Arc::new(Semaphore::new(CALLERS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: some caller goes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let ours = stream.peer_cred().is_ok_and(|cred| cred.uid() == rustix::process::getuid().as_raw());
        if !ours {
            continue;
        }
        let (engine, runner, cancel) = (engine.clone(), runner.clone(), cancel.clone());
        tokio::spawn(async move {
            // A caller that breaks off is nobody's business but its own.
            let served = tokio::select! {
                () = cancel.cancelled() => Ok(()),
                served = serve(&engine, stream, &runner, &cancel) => served,
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a caller went");
            }
            drop(place);
        });
    }
}

async fn serve(
    engine: &Engine,
    mut stream: UnixStream,
    runner: &Runner,
    cancel: &CancellationToken,
) -> std::io::Result<()> {
    let hello = tokio::time::timeout(HELLO, async {
        let theirs: Hello = receive(&mut stream).await?;
        send(&mut stream, &Hello::own()).await?;
        Ok::<_, std::io::Error>(theirs)
    });
    let theirs = hello.await.map_err(|_| std::io::Error::other("no hello"))??;
    if theirs.mismatch().is_some() {
        // Our hello tells it what is the matter.
        return Ok(());
    }
    match receive::<Call>(&mut stream).await? {
        Call::Watch { read_only, api_base } => {
            let api_base = api_base.map(|text| BaseUrl::parse(&text)).transpose();
            let caller = Caller { read_only, api_base: api_base.map_err(std::io::Error::other)? };
            watch(&engine.on_behalf(caller), stream).await
        }
        Call::Run(command) => run(engine, stream, command, runner, cancel).await,
        _ => Err(std::io::Error::other("a call out of turn")),
    }
}

/// A screen: snapshots out, requests in, each answered when its answer is there.
async fn watch(engine: &Engine, stream: UnixStream) -> std::io::Result<()> {
    let (from, to) = stream.into_split();
    let (answers, ready) = mpsc::channel(ASKED);
    let snapshots = engine.snapshots();
    tokio::select! {
        done = take(engine, from, answers) => done,
        done = give(to, snapshots, ready) => done,
    }
}

async fn take(
    engine: &Engine,
    mut from: OwnedReadHalf,
    answers: mpsc::Sender<(u64, Answer)>,
) -> std::io::Result<()> {
    let places = Arc::new(Semaphore::new(ASKED));
    loop {
        let call: Call = receive(&mut from).await?;
        let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
        let (engine, answers) = (engine.clone(), answers.clone());
        match call {
            Call::Ask { number, request } => {
                tokio::spawn(async move {
                    let answer = engine.request(*request).await;
                    let _ = answers.send((number, answer)).await;
                    drop(place);
                });
            }
            Call::OfferKey { number, key } => {
                let _ = answers.send((number, engine.offer_key(key.0))).await;
            }
            _ => return Err(std::io::Error::other("a call out of turn")),
        }
    }
}

async fn give(
    mut to: OwnedWriteHalf,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut answers: mpsc::Receiver<(u64, Answer)>,
) -> std::io::Result<()> {
    snapshots.mark_changed();
    let mut alive = tokio::time::interval(ALIVE);
    loop {
        let reply = tokio::select! { biased;
            Some((number, answer)) = answers.recv() => Reply::Answer { number, answer: Box::new(answer) },
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return to.shutdown().await;
                }
                // The newest; those that came while the caller was slow are not sent at all.
                let snapshot = Snapshot::clone(&snapshots.borrow_and_update());
                Reply::Snapshot { snapshot: Box::new(snapshot) }
            }
            _ = alive.tick() => Reply::Alive,
        };
        let sent = match tokio::time::timeout(PATIENCE, send(&mut to, &reply)).await {
            Ok(sent) => sent,
            Err(_) => return Err(std::io::Error::other("the caller takes nothing")),
        };
        match (sent, reply) {
            // Nothing of it was sent: it cannot be written down, or is too large for a frame.
            (Err(error), Reply::Answer { number, .. }) if error.kind() == ErrorKind::InvalidData => {
                let reason = format!("the answer cannot be sent ({error})");
                let answer = Box::new(Answer::Refused { reason });
                send(&mut to, &Reply::Answer { number, answer }).await?;
            }
            (sent, _) => sent?,
        }
    }
}

/// A command: a thread of its own carries it out, since it prints and asks as it goes.
async fn run(
    engine: &Engine,
    stream: UnixStream,
    command: Command,
    runner: &Runner,
    cancel: &CancellationToken,
) -> std::io::Result<()> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    let far = Far::new(stream, command.clone(), cancel.clone())?;
    let (engine, runner, told) = (engine.clone(), runner.clone(), far.clone());
    let (ended, mut end) = tokio::sync::oneshot::channel::<()>();
    std::thread::Builder::new().name("command".into()).spawn(move || {
        runner(engine, command, far);
        drop(ended);
    })?;
    // The place at the door is held until it has ended.
    let mut alive = tokio::time::interval(ALIVE);
    loop {
        tokio::select! {
            _ = &mut end => return Ok(()),
            _ = alive.tick() => {
                let told = told.clone();
                let _ = tokio::task::spawn_blocking(move || told.alive()).await;
            }
        }
    }
}
