//! Carries out what the machine decides: sessions, sockets and clocks are real here.
//!
//! One task; sockets, handshakes and session requests are tasks of their own that report back. It must end all
//! of them when it ends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::machine::{Action, Input, Link, Machine, SocketId, Time};
use super::session::{NoSession, Session};
use super::socket::{Arrival, Ports, Pulse};
use super::{PING, dial, session, socket};
use crate::clock::Now;
use crate::engine::api::LinkView;
use crate::stripe::{Client, Error};

/// Between two looks at clocks and pulses.
const LOOK: Duration = PING;
/// A clock that is off by more than this between two looks: we slept, were suspended, or it was set.
const JUMP: Duration = Duration::from_secs(5);
/// At the end nobody waits for longer.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the client tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// How the connection is now.
    Link(LinkView),
    /// Something may have been missed: fetch it.
    Cover {
        /// Since when; none: not known here, as after a start.
        since: Option<i64>,
        /// Nobody should wait for it.
        at_once: bool,
    },
    /// The key was refused.
    Key(Error),
    /// A new session was made.
    Session,
    /// A frame came that is too large to be read.
    TooLarge,
}

/// What the client works with.
pub struct Relay {
    /// Asks for sessions; its cancel token ends requests.
    pub client: Client,
    /// Where frames go.
    pub arrivals: mpsc::Sender<Arrival>,
    /// Who is told.
    pub reports: mpsc::Sender<Report>,
    /// Wall clock.
    pub now: Now,
    /// Ends it.
    pub cancel: CancellationToken,
    /// For the jitter.
    pub seed: u64,
}

enum Done {
    Session(Result<Session, NoSession>),
    Dialed(SocketId, Box<Result<dial::Socket, super::machine::Failure>>),
    Ended(SocketId, socket::End),
}

struct Live {
    close: CancellationToken,
    pulse: Pulse,
}

struct Running {
    relay: Relay,
    machine: Machine,
    began: Instant,
    session: Option<Arc<Session>>,
    open: HashMap<SocketId, Live>,
    tasks: JoinSet<Done>,
    told: Option<LinkView>,
    /// The last sign of life, on the wall's clock.
    alive: Option<i64>,
    /// Since when there may be a gap.
    gap: Option<i64>,
}

/// Runs until cancelled, or until nobody listens to its reports.
pub async fn run(relay: Relay) {
    let machine = Machine::new(relay.seed);
    let mut running = Running {
        relay,
        machine,
        began: Instant::now(),
        session: None,
        open: HashMap::new(),
        tasks: JoinSet::new(),
        told: None,
        alive: None,
        gap: None,
    };
    running.run().await;
    for live in running.open.values() {
        live.close.cancel();
    }
    // Goodbyes are short; a handshake that is under way is dropped. What is on its way into the store is still
    // acknowledged.
    let goodbye = async { while running.tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

impl Running {
    async fn run(&mut self) {
        let mut clocks = Clocks { mono: self.began, wall: (self.relay.now)() };
        let mut input = Input::Tick;
        loop {
            if clocks.jumped((self.relay.now)()) {
                self.gap = self.gap.or(self.alive);
                if !self.step(Input::Woke).await {
                    return;
                }
            }
            if !self.hear().await || !self.step(input).await || !self.tell().await {
                return;
            }
            let look = Instant::now() + LOOK;
            let next = self.machine.next_at().map_or(look, |at| look.min(self.began + at));
            input = tokio::select! {
                () = self.relay.cancel.cancelled() => return,
                () = self.relay.reports.closed() => return,
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => match done {
                    Ok(done) => match self.done(done).await {
                        Some(input) => input,
                        None => return,
                    },
                    // A task of ours that failed: what it was for is tried again after the silence.
                    Err(_) => Input::Tick,
                },
                () = sleep_until(next) => Input::Tick,
            };
        }
    }

    fn time(&self) -> Time {
        self.began.elapsed()
    }

    async fn hear(&mut self) -> bool {
        let beats: Vec<(SocketId, Time)> =
            self.open.iter().map(|(id, live)| (*id, live.pulse.last())).collect();
        for (id, at) in beats {
            if !self.step(Input::Heard(id, at)).await {
                return false;
            }
        }
        true
    }

    async fn step(&mut self, input: Input) -> bool {
        let now = self.time();
        for action in self.machine.step(input, now) {
            match action {
                Action::AskSession => {
                    let client = self.relay.client.clone();
                    self.tasks.spawn(async move { Done::Session(session::ask(&client).await) });
                }
                Action::Dial { socket, protocol } => {
                    let Some(session) = self.session.clone() else { continue };
                    self.tasks.spawn(async move {
                        Done::Dialed(socket, Box::new(dial::dial(&session, protocol).await))
                    });
                }
                Action::Close(id) => {
                    if let Some(live) = self.open.remove(&id) {
                        live.close.cancel();
                    }
                }
                Action::Cover { at_once } => {
                    // A handover that was not seamless has no beginning of its own.
                    let since = self.gap.take().or(self.alive.map(|alive| alive.min((self.relay.now)())));
                    if self.relay.reports.send(Report::Cover { since, at_once }).await.is_err() {
                        return false;
                    }
                }
            }
        }
        true
    }

    async fn done(&mut self, done: Done) -> Option<Input> {
        Some(match done {
            Done::Session(Ok(made)) => {
                let reset = made.reset;
                self.session = Some(Arc::new(made));
                self.relay.reports.send(Report::Session).await.ok()?;
                Input::Session(reset)
            }
            Done::Session(Err(NoSession::Refused(reason))) => Input::SessionRefused(reason),
            Done::Session(Err(NoSession::Failed(reason))) => Input::SessionFailed(reason),
            Done::Session(Err(NoSession::Key(error))) => {
                let reason = error.to_string();
                self.relay.reports.send(Report::Key(error)).await.ok()?;
                Input::SessionRefused(reason)
            }
            Done::Session(Err(NoSession::Cancelled)) => return None,
            Done::Dialed(id, dialed) => {
                let opened = match *dialed {
                    Ok(opened) => opened,
                    Err(failure) => {
                        tracing::debug!(?failure, "relay socket not opened");
                        return Some(Input::NotOpened(id, failure));
                    }
                };
                let live = Live { close: CancellationToken::new(), pulse: Pulse::default() };
                let session = self.session.as_deref();
                let ports = Ports {
                    arrivals: self.relay.arrivals.clone(),
                    secret: session.and_then(|session| session.secret.clone()),
                    route: session.map(|session| session.route.clone()).unwrap_or_default(),
                    pulse: live.pulse.clone(),
                    began: self.began,
                    close: live.close.clone(),
                };
                self.open.insert(id, live);
                self.tasks.spawn(async move { Done::Ended(id, socket::run(opened, ports).await) });
                Input::Opened(id)
            }
            Done::Ended(id, socket::End { reason, too_large }) => {
                tracing::debug!(reason, "relay socket ended");
                self.open.remove(&id);
                if too_large {
                    self.relay.reports.send(Report::TooLarge).await.ok()?;
                }
                Input::Closed(id, reason)
            }
        })
    }

    async fn tell(&mut self) -> bool {
        let (began, wall) = (self.time(), (self.relay.now)());
        // Monotonic to wall: what a person reads on a clock.
        let at = |time: Time| wall + time.as_secs() as i64 - began.as_secs() as i64;
        let view = match self.machine.link() {
            Link::Connecting(since) => LinkView::Connecting { since: at(since) },
            Link::Connected { heard, resets } => {
                LinkView::Connected { heard_at: at(heard), resets_at: at(resets) }
            }
            Link::Resetting(since) => LinkView::Resetting { since: at(since) },
            Link::Waiting(until, reason) => LinkView::Waiting { until: at(until), reason },
            Link::Refused(since, reason) => LinkView::Refused { since: at(since), reason },
        };
        match &view {
            LinkView::Connected { heard_at, .. } => self.alive = Some(*heard_at),
            _ => self.gap = self.gap.or(self.alive),
        }
        if self.told.as_ref().is_some_and(|told| told.is_like(&view)) {
            return true;
        }
        self.told = Some(view.clone());
        self.relay.reports.send(Report::Link(view)).await.is_ok()
    }
}

/// Both clocks at the last look. Of a sleeping machine only the wall clock goes on, of a suspended process both
/// go on and nobody looks.
struct Clocks {
    mono: Instant,
    wall: i64,
}

impl Clocks {
    fn jumped(&mut self, wall: i64) -> bool {
        let mono = Instant::now();
        let passed = mono - self.mono;
        let drift = (wall - self.wall).abs_diff(passed.as_secs() as i64);
        (self.mono, self.wall) = (mono, wall);
        passed > LOOK + JUMP || drift > JUMP.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleep_suspension_and_a_clock_that_is_set_are_noticed() {
        let mut clocks = Clocks { mono: Instant::now(), wall: 1000 };
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!clocks.jumped(1002));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(clocks.jumped(1032), "suspended: nobody looked for 30 s");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(clocks.jumped(1500), "slept: the monotonic clock stood still");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(clocks.jumped(900), "set back");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(!clocks.jumped(902));
    }
}
