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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::place;
use super::run::Far;
use super::wire::{Call, Command, Hello, Reply, receive, send};
use crate::engine::api::{Answer, Snapshot};
use crate::engine::{Caller, Engine};
use crate::stripe::BaseUrl;

/// Callers that have not said yet what they want; more wait at the door.
const CALLERS: usize = 64;
/// Screens at once.
const SCREENS: usize = 64;
/// Commands at once: one whose reader pauses (`events | less`) is waited for, however long. Each has two threads.
const COMMANDS: usize = 256;
/// Requests of one caller that are being answered at once.
const ASKED: usize = 64;
/// A sign of life is sent so often.
const ALIVE: Duration = Duration::from_secs(2);
/// A caller that takes nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(30);
/// A hello takes no longer, nor does saying what is wanted.
const HELLO: Duration = Duration::from_secs(5);

/// Exit code of a command for which there is no place: as for a folder that cannot be used now.
const BUSY: u8 = 75;

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

/// How many callers of each sort there may be.
#[derive(Clone)]
struct Places {
    door: Arc<Semaphore>,
    screens: Arc<Semaphore>,
    commands: Arc<Semaphore>,
}

async fn accept(engine: &Engine, listener: &UnixListener, runner: &Runner, cancel: &CancellationToken) {
    let new = |places| Arc::new(Semaphore::new(places));
    let places = Places { door: new(CALLERS), screens: new(SCREENS), commands: new(COMMANDS) };
    loop {
        let Ok(place) = places.door.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: some caller goes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        if !place::same_user(&stream) {
            continue;
        }
        let (engine, runner, cancel) = (engine.clone(), runner.clone(), cancel.clone());
        let places = places.clone();
        tokio::spawn(async move {
            // A caller that breaks off is nobody's business but its own.
            let served = tokio::select! {
                () = cancel.cancelled() => Ok(()),
                served = serve(&engine, stream, &runner, &cancel, place, &places) => served,
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a caller went");
            }
        });
    }
}

async fn serve(
    engine: &Engine,
    mut stream: UnixStream,
    runner: &Runner,
    cancel: &CancellationToken,
    door: OwnedSemaphorePermit,
    places: &Places,
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
    let call = tokio::time::timeout(HELLO, receive::<Call>(&mut stream));
    let call = call.await.map_err(|_| std::io::Error::other("it wants nothing"))??;
    let full = |_| std::io::Error::other("there are too many of its sort");
    // It stands at the door no more.
    drop(door);
    match call {
        Call::Watch { read_only, api_base } => {
            let api_base = api_base.map(|text| BaseUrl::parse(&text)).transpose();
            let caller = Caller { read_only, api_base: api_base.map_err(std::io::Error::other)? };
            let _place = places.screens.clone().try_acquire_owned().map_err(full)?;
            watch(&engine.on_behalf(caller), stream).await
        }
        Call::Run(command) => {
            let Ok(_place) = places.commands.clone().try_acquire_owned() else {
                let text =
                    format!("{COMMANDS} commands are attached to the running tillwatch: end some of them");
                let end = Reply::End { code: BUSY, failure: Some(text), below: String::new() };
                return send(&mut stream, &end).await;
            };
            run(engine, stream, command, runner, cancel).await
        }
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
        let Ok(sent) = tokio::time::timeout(PATIENCE, send(&mut to, &reply)).await else {
            return Err(std::io::Error::other("the caller takes nothing"));
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::engine::rig::Rig;

    /// Says hello, and what it wants.
    async fn attach(host: &Host, call: Option<Call>) -> UnixStream {
        let mut stream = UnixStream::connect(host.path()).await.unwrap();
        send(&mut stream, &Hello::own()).await.unwrap();
        let _: Hello = receive(&mut stream).await.unwrap();
        if let Some(call) = call {
            send(&mut stream, &call).await.unwrap();
        }
        stream
    }

    fn command() -> Call {
        Call::Run(Command {
            args: vec!["events".into()],
            cwd: PathBuf::new(),
            api_base: None,
            color: false,
            asks: false,
            progress: false,
        })
    }

    /// What comes that is no sign of life.
    async fn heard(stream: &mut UnixStream) -> std::io::Result<Reply> {
        loop {
            match receive(stream).await {
                Ok(Reply::Alive) => {}
                other => return other,
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn commands_that_wait_for_their_readers_keep_nobody_out() {
        let rig = Rig::new(10, false).await;
        // Each runs until it is let go.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Mutex::new(released);
        let runner: Runner = Arc::new(move |_, _, far: Far| {
            far.line("begun");
            let _ = released.lock().unwrap().recv();
            far.end(0, None, String::new());
        });
        let host = Host::listen(&rig.engine, runner).unwrap();
        let mut waiting = Vec::new();
        for number in 0..COMMANDS {
            let mut stream = attach(&host, Some(command())).await;
            let reply = heard(&mut stream).await.unwrap();
            assert!(matches!(reply, Reply::Line { .. }), "{number}: {reply:?}");
            waiting.push(stream);
        }
        // One more is told why not; a screen has a place.
        let mut more = attach(&host, Some(command())).await;
        let Ok(Reply::End { code: BUSY, failure: Some(text), .. }) = heard(&mut more).await else {
            panic!("it was let in")
        };
        assert!(text.contains("end some of them"), "{text}");
        let mut screen = attach(&host, Some(Call::Watch { read_only: false, api_base: None })).await;
        assert!(matches!(heard(&mut screen).await, Ok(Reply::Snapshot { .. })));
        // They were waited for.
        drop(release);
        for stream in &mut waiting {
            assert!(matches!(heard(stream).await, Ok(Reply::End { code: 0, .. })));
        }
        drop(host);
        rig.engine.shutdown().await;
    }

    #[tokio::test]
    async fn who_says_nothing_does_not_stay() {
        let rig = Rig::new(10, false).await;
        let host = Host::listen(&rig.engine, Arc::new(|_, _, _| {})).unwrap();
        tokio::time::pause();
        let mut silent = attach(&host, None).await;
        let begun = tokio::time::Instant::now();
        assert!(heard(&mut silent).await.is_err(), "it is let go");
        assert!(begun.elapsed() >= HELLO);
        tokio::time::resume();
        drop(host);
        rig.engine.shutdown().await;
    }
}
