//! What the relay client does next: events in, actions out. Pure; time and randomness come in.
//!
//! A socket is reset on purpose every minute or so. The next one is opened before it goes, and only where the
//! server refuses a second one is the first closed before. After every moment in which no socket was open the
//! machine asks for that moment to be covered. It must never say "connected" without an open socket that has
//! given a sign of life within [`SILENCE`].

use std::time::Duration;

use super::SILENCE;
use crate::stripe::next_random;

/// Monotonic time since the client began.
pub type Time = Duration;
/// Number of a socket; never used twice.
pub type SocketId = u64;

/// The shortest wait after a failure, and the longest.
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// Wait before another try when Stripe refuses a session to this key.
const REFUSED: Duration = Duration::from_secs(15 * 60);
/// A socket that lived for less counts as a failure: a server that closes at once must not be stormed.
const SHORT_LIFE: Duration = Duration::from_secs(5);
/// The longest wait after sockets that opened and were closed soon.
const SHORT_LIFE_WAIT: Duration = Duration::from_secs(5);
/// How long the former socket stays open beside the new one, for what is on its way.
const DRAIN: Duration = Duration::from_secs(1);
/// A socket that is closing keeps the next one waiting for so long.
const LEAVING: Duration = Duration::from_secs(4);
/// Refusals of one session's sockets in a row, after which a new session is asked for.
const REFUSALS: u32 = 2;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Time passed; also the first input.
    Tick,
    /// A session was made; its sockets are to be reset so often.
    Session(Duration),
    /// No session, and asking again soon is of no use.
    SessionRefused(String),
    /// No session this time.
    SessionFailed(String),
    /// A socket opened.
    Opened(SocketId),
    /// A socket did not open.
    NotOpened(SocketId, Failure),
    /// An open socket gave a sign of life at that time.
    Heard(SocketId, Time),
    /// An open socket is gone.
    Closed(SocketId, String),
    /// This machine slept, the process was suspended, or the clock jumped.
    Woke,
}

/// Why a socket did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The server and we do not agree on the sub-protocol.
    Protocol,
    /// The session is unknown, or no longer known.
    UnknownSession,
    /// The server refuses with this status.
    Refused(u16, String),
    /// No connection, no answer in time, no WebSocket.
    Other(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask for a session.
    AskSession,
    /// Open a socket on the session, offering the sub-protocol or not.
    Dial {
        /// Its number.
        socket: SocketId,
        /// Offer the sub-protocol.
        protocol: bool,
    },
    /// Close a socket.
    Close(SocketId),
    /// Something may have been missed: have it fetched. At once, or with the next read that is due anyway.
    Cover {
        /// After sleep and at the start nobody should wait for it.
        at_once: bool,
    },
}

/// How the connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// On the way, since then.
    Connecting(Time),
    /// Open; last sign of life, and when it will be reset.
    Connected {
        /// Last sign of life.
        heard: Time,
        /// The next planned reset.
        resets: Time,
    },
    /// Between two sockets, as planned, since then.
    Resetting(Time),
    /// Until then, because of that.
    Waiting(Time, String),
    /// Stripe refuses a session, since then, because of that.
    Refused(Time, String),
}

#[derive(Debug, Clone, Copy)]
struct Open {
    id: SocketId,
    opened: Time,
    heard: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uncovered {
    No,
    Yes,
    AtOnce,
}

/// The client's mind.
#[derive(Debug)]
pub struct Machine {
    session: bool,
    asking: bool,
    reset: Duration,
    /// The socket that counts.
    main: Option<Open>,
    /// Being opened.
    dialing: Option<SocketId>,
    /// Left behind by a handover, to be closed then.
    old: Vec<(SocketId, Time)>,
    /// Closing; the next one is opened when it is gone, or then.
    leaving: Option<(SocketId, Time)>,
    /// Nothing is tried before.
    wait: Option<(Time, String)>,
    refused: Option<(Time, String)>,
    /// Since when there is no open socket, and whether that was planned.
    away: (Time, bool),
    uncovered: Uncovered,
    protocol: bool,
    /// The server refuses a second socket beside the first.
    one_only: bool,
    failures: u32,
    short_lives: u32,
    refusals: u32,
    last_id: SocketId,
    random: u64,
}

impl Machine {
    /// Nothing is open yet; `seed` is for the jitter.
    pub fn new(seed: u64) -> Machine {
        Machine {
            session: false,
            asking: false,
            reset: super::RESET,
            main: None,
            dialing: None,
            old: Vec::new(),
            leaving: None,
            wait: None,
            refused: None,
            away: (Time::ZERO, false),
            uncovered: Uncovered::AtOnce,
            protocol: true,
            one_only: false,
            failures: 0,
            short_lives: 0,
            refusals: 0,
            last_id: 0,
            random: seed,
        }
    }

    /// How the connection is.
    pub fn link(&self) -> Link {
        if let Some(main) = &self.main {
            return Link::Connected { heard: main.heard, resets: main.opened + self.reset };
        }
        if let Some((since, reason)) = &self.refused {
            return Link::Refused(*since, reason.clone());
        }
        if let Some((until, reason)) = &self.wait {
            return Link::Waiting(*until, reason.clone());
        }
        let (since, planned) = self.away;
        if planned { Link::Resetting(since) } else { Link::Connecting(since) }
    }

    /// When the next tick is needed at the latest.
    pub fn next_at(&self) -> Option<Time> {
        let wait = self.wait.as_ref().map(|wait| wait.0);
        let main = self.main.map(|main| {
            let silent = main.heard + SILENCE;
            if self.idle() { silent.min(main.opened + self.reset) } else { silent }
        });
        let old = self.old.iter().map(|old| old.1).min();
        let leaving = self.leaving.map(|leaving| leaving.1);
        [wait, main, old, leaving].into_iter().flatten().min()
    }

    /// Takes an input; gives what is to be done.
    pub fn step(&mut self, input: Input, now: Time) -> Vec<Action> {
        let mut out = Vec::new();
        match input {
            Input::Session(reset) => {
                self.asking = false;
                self.session = true;
                self.reset = if reset.is_zero() { super::RESET } else { reset };
                self.refused = None;
                self.dial(&mut out);
            }
            Input::SessionRefused(reason) => {
                self.asking = false;
                let since = self.refused.take().map_or(now, |refused| refused.0);
                self.refused = Some((since, reason.clone()));
                self.wait = Some((now + REFUSED, reason));
            }
            Input::SessionFailed(reason) => {
                self.asking = false;
                self.fail(now, reason);
            }
            Input::Opened(id) => self.opened(id, now, &mut out),
            Input::NotOpened(id, failure) if self.dialing == Some(id) => {
                self.dialing = None;
                self.not_opened(failure, now, &mut out);
            }
            // A socket that nobody waits for did not open.
            Input::Tick | Input::NotOpened(..) => {}
            Input::Heard(id, at) => {
                if let Some(main) = self.main.as_mut().filter(|main| main.id == id) {
                    main.heard = main.heard.max(at);
                }
            }
            Input::Closed(id, reason) => self.closed(id, now, reason, &mut out),
            Input::Woke => self.woke(now, &mut out),
        }
        self.drive(now, &mut out);
        out
    }

    fn idle(&self) -> bool {
        !self.asking && self.dialing.is_none() && self.wait.is_none() && self.leaving.is_none()
    }

    fn dial(&mut self, out: &mut Vec<Action>) {
        self.last_id += 1;
        self.dialing = Some(self.last_id);
        out.push(Action::Dial { socket: self.last_id, protocol: self.protocol });
    }

    fn go(&mut self, out: &mut Vec<Action>) {
        if self.session {
            self.dial(out);
        } else {
            self.asking = true;
            out.push(Action::AskSession);
        }
    }

    fn opened(&mut self, id: SocketId, now: Time, out: &mut Vec<Action>) {
        if self.dialing != Some(id) {
            out.push(Action::Close(id));
            return;
        }
        self.dialing = None;
        self.failures = 0;
        self.refusals = 0;
        if let Some(former) = self.main.replace(Open { id, opened: now, heard: now }) {
            self.old.push((former.id, now + DRAIN));
        }
        match self.uncovered {
            Uncovered::No => {}
            uncovered => out.push(Action::Cover { at_once: uncovered == Uncovered::AtOnce }),
        }
        self.uncovered = Uncovered::No;
    }

    fn not_opened(&mut self, failure: Failure, now: Time, out: &mut Vec<Action>) {
        match failure {
            Failure::Protocol if self.failures == 0 => {
                // Some servers do not echo it, which our library takes for a refusal: without, and remembered.
                self.protocol = !self.protocol;
                self.failures = 1;
                self.dial(out);
            }
            Failure::Protocol => self.fail(now, "the server does not speak the relay's protocol".to_owned()),
            Failure::UnknownSession => {
                self.session = false;
                // Sessions that are unknown as soon as they are made must not be asked for in a loop.
                if self.refusals > 0 {
                    self.fail(now, "Stripe does not know the session that it has just made".to_owned());
                }
                self.refusals += 1;
            }
            Failure::Refused(400..500, _) if self.main.is_some() && !self.one_only => {
                // It takes one socket only: the first goes before the next comes, from now on.
                self.one_only = true;
                self.reset_now(now, out);
            }
            // A page of a gateway that is down says nothing of the session while a socket of it is open.
            Failure::Refused(_, reason) if self.main.is_some() => self.fail(now, reason),
            Failure::Refused(_, reason) => {
                self.refusals += 1;
                if self.refusals >= REFUSALS {
                    self.session = false;
                    self.refusals = 0;
                }
                self.fail(now, reason);
            }
            Failure::Other(reason) => self.fail(now, reason),
        }
    }

    fn closed(&mut self, id: SocketId, now: Time, reason: String, out: &mut Vec<Action>) {
        if self.leaving.is_some_and(|leaving| leaving.0 == id) {
            self.leaving = None;
            return;
        }
        if let Some(at) = self.old.iter().position(|old| old.0 == id) {
            // The server closed it when the next one came: what was on its way to it may be lost.
            self.old.remove(at);
            out.push(Action::Cover { at_once: false });
            return;
        }
        let Some(main) = self.main.filter(|main| main.id == id) else { return };
        self.main = None;
        self.away = (now, self.dialing.is_some());
        self.miss(Uncovered::Yes);
        if self.dialing.is_some() {
            return;
        }
        if now.saturating_sub(main.opened) < SHORT_LIFE {
            self.short_lives += 1;
            let wait = self.wait_for(self.short_lives).min(SHORT_LIFE_WAIT);
            self.wait.get_or_insert((now + wait, reason));
        } else {
            self.short_lives = 0;
        }
    }

    fn woke(&mut self, now: Time, out: &mut Vec<Action>) {
        self.miss(Uncovered::AtOnce);
        self.failures = 0;
        if self.refused.is_none() {
            self.wait = None;
        }
        if let Some(main) = &mut self.main {
            // It may be dead, or what was sent to it may have been given up: a fresh one beside it.
            main.heard = now;
            if self.idle() {
                self.reset_now(now, out);
            }
        }
    }

    /// The next socket: beside the open one, or after it.
    fn reset_now(&mut self, now: Time, out: &mut Vec<Action>) {
        if self.one_only
            && let Some(main) = self.main.take()
        {
            out.push(Action::Close(main.id));
            self.away = (now, true);
            self.miss(Uncovered::Yes);
            // It acknowledges what came on it before it goes; until then the next one would be refused.
            self.leaving = Some((main.id, now + LEAVING));
            return;
        }
        self.go(out);
    }

    fn miss(&mut self, how: Uncovered) {
        if self.uncovered != Uncovered::AtOnce {
            self.uncovered = how;
        }
    }

    fn drive(&mut self, now: Time, out: &mut Vec<Action>) {
        self.old.retain(|(id, at)| {
            let due = *at <= now;
            if due {
                out.push(Action::Close(*id));
            }
            !due
        });
        if self.leaving.is_some_and(|leaving| leaving.1 <= now) {
            self.leaving = None;
        }
        if self.wait.as_ref().is_some_and(|wait| wait.0 <= now) {
            self.wait = None;
        }
        if let Some(main) = self.main {
            if now.saturating_sub(main.heard) >= SILENCE {
                out.push(Action::Close(main.id));
                self.main = None;
                self.away = (now, false);
                self.miss(Uncovered::Yes);
            } else if self.idle() && now >= main.opened + self.reset {
                self.short_lives = 0;
                self.reset_now(now, out);
            } else if self.idle() && !self.session {
                // The session is gone under an open socket: the next reset needs another one.
                self.go(out);
            }
        }
        if self.main.is_none() && self.idle() {
            self.go(out);
        }
    }

    fn fail(&mut self, now: Time, reason: String) {
        self.failures += 1;
        let wait = self.wait_for(self.failures);
        self.wait = Some((now + wait, reason));
    }

    /// Doubles with each failure, the second half of it by chance.
    fn wait_for(&mut self, failures: u32) -> Duration {
        let (state, random) = next_random(self.random);
        self.random = state;
        let whole = WAIT.0.saturating_mul(1 << failures.min(10)).min(WAIT.1);
        whole.mul_f64(0.5 + random / 2.0).max(WAIT.0)
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
