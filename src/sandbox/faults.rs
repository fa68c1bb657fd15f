//! Faults on demand: what a client has to survive, at a chosen rate, from a seed.

use std::fmt::Write as _;

use super::rng::Rng;
use super::state::{State, lock};

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// 500 with an `api_error`
    Internal,
    /// 503 whose body is HTML
    Html,
    /// 429 with a reason, though no limit was reached
    TooMany,
    /// 429 without a reason: an object lock
    Lock,
    /// the body ends in the middle
    Cut,
    /// the connection closes without an answer
    Reset,
    /// the answer takes `SLOW_MS` longer
    Slow,
    /// a relay socket is cut, and the frame that was to be sent is lost
    RelayDrop,
    /// a frame is sent twice
    RelayDuplicate,
    /// a frame changes places with the next
    RelayReorder,
    /// a frame comes 0.8 s late, the others not
    RelayDelay,
    /// a frame is not sent
    RelayLose,
    /// a socket stays open, and neither says nor answers anything any more
    RelaySilence,
    /// something that is no event comes before the frame
    RelayGarbage,
    /// the handshake is answered with HTML
    RelayHtml,
    /// the handshake is answered with a redirect
    RelayRedirect,
    /// the handshake is not answered for a minute
    RelayHang,
}

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Request,
    Frame,
    Handshake,
}

impl FaultKind {
    fn place(self) -> Place {
        match self {
            FaultKind::RelayHtml | FaultKind::RelayRedirect | FaultKind::RelayHang => Place::Handshake,
            FaultKind::RelayDrop
            | FaultKind::RelayDuplicate
            | FaultKind::RelayReorder
            | FaultKind::RelayDelay
            | FaultKind::RelayLose
            | FaultKind::RelaySilence
            | FaultKind::RelayGarbage => Place::Frame,
            _ => Place::Request,
        }
    }

    /// The word on the command line and in reports.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }
}

/// Milliseconds that [`FaultKind::Slow`] adds.
pub const SLOW_MS: u64 = 1500;

/// Each kind with its word and what it does, for `--help`.
const WORDS: [(FaultKind, &str, &str); 17] = [
    (FaultKind::Internal, "500", "500 with an `api_error`"),
    (FaultKind::Html, "503-html", "503 whose body is HTML"),
    (FaultKind::TooMany, "429", "429 with a reason, though no limit was reached"),
    (FaultKind::Lock, "lock", "429 without a reason: an object lock"),
    (FaultKind::Cut, "cut", "the body ends in the middle"),
    (FaultKind::Reset, "reset", "the connection closes without an answer"),
    (FaultKind::Slow, "slow", "the answer takes 1.5 s longer"),
    (FaultKind::RelayDrop, "relay-drop", "the socket is cut, and the frame that was to be sent is lost"),
    (FaultKind::RelayDuplicate, "relay-duplicate", "a frame is sent twice"),
    (FaultKind::RelayReorder, "relay-reorder", "a frame changes places with the next"),
    (FaultKind::RelayDelay, "relay-delay", "a frame comes 0.8 s late, the others not"),
    (FaultKind::RelayLose, "relay-lose", "a frame is not sent"),
    (
        FaultKind::RelaySilence,
        "relay-silence",
        "the socket stays open, and neither says nor answers anything any more",
    ),
    (FaultKind::RelayGarbage, "relay-garbage", "something that is no event comes before the frame"),
    (FaultKind::RelayHtml, "relay-html", "the handshake is answered with HTML"),
    (FaultKind::RelayRedirect, "relay-redirect", "the handshake is answered with a redirect"),
    (FaultKind::RelayHang, "relay-hang", "the handshake is not answered for a minute"),
];

/// What can go wrong on demand, a line each, for `--help`.
pub fn help() -> String {
    let mut out = String::from(
        "Faults (`--fault KIND=P`, or POST /_sandbox/faults while it runs; P from 0 to 1, for each request, relay frame or relay handshake):\n",
    );
    for (_, word, what) in WORDS {
        // Into a text that cannot fail.
        let _ = writeln!(out, "  {word:<16} {what}");
    }
    out.push_str(
        "What happens while no relay socket is open is lost to the relay, as with Stripe: it is only in the list of events. `--relay-reset`, and POST /_sandbox/relay with `cut`, `close`, `silence` or `forget`, end sockets when you want.",
    );
    out
}

/// A kind and how often it strikes, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    /// what
    pub kind: FaultKind,
    /// how often
    pub probability: f64,
}

impl Fault {
    /// Reads `KIND` or `KIND=P`. The error is a sentence.
    pub fn parse(text: &str) -> Result<Fault, String> {
        let (word, probability) = match text.split_once('=') {
            Some((word, p)) => {
                let p = p.parse::<f64>().ok().filter(|p| (0.0..=1.0).contains(p));
                (word, p.ok_or_else(|| format!("The fault `{text}` needs a probability from 0 to 1."))?)
            }
            None => (text, 0.02),
        };
        let kind = WORDS.iter().find(|row| row.1 == word).map(|row| row.0).ok_or_else(|| {
            let all: Vec<&str> = WORDS.iter().map(|row| row.1).collect();
            format!("There is no fault `{word}`; there are {}.", all.join(", "))
        })?;
        Ok(Fault { kind, probability })
    }
}

/// The faults in force.
#[derive(Debug)]
pub struct Faults {
    active: Vec<Fault>,
    paused: bool,
    rng: Rng,
}

impl Faults {
    /// Faults that strike in an order which follows from the seed.
    pub fn new(seed: u64, faults: Vec<Fault>) -> Faults {
        Faults { active: faults, paused: false, rng: Rng::new(seed, 0xfa17) }
    }

    /// Stops or resumes them.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Replaces them.
    pub fn set(&mut self, faults: Vec<Fault>) {
        self.active = faults;
    }

    /// What strikes the next request; at most one thing does.
    pub fn strike(&mut self) -> Option<FaultKind> {
        if self.paused {
            return None;
        }
        roll(&self.active, Place::Request, &mut self.rng)
    }
}

fn roll(active: &[Fault], place: Place, rng: &mut Rng) -> Option<FaultKind> {
    let mut here = active.iter().filter(|fault| fault.kind.place() == place);
    here.find(|fault| rng.chance(fault.probability)).map(|fault| fault.kind)
}

/// What strikes the next frame of a socket. Each socket has numbers of its own, so that what happens on one
/// does not depend on the others.
pub fn strike_relay(state: &State, rng: &mut Rng) -> Option<FaultKind> {
    let faults = lock(&state.faults);
    let struck = if faults.paused { None } else { roll(&faults.active, Place::Frame, rng) };
    drop(faults);
    count(state, struck)
}

/// What strikes the next handshake.
pub fn strike_upgrade(state: &State) -> Option<FaultKind> {
    let mut faults = lock(&state.faults);
    let Faults { active, paused, rng } = &mut *faults;
    let struck = if *paused { None } else { roll(active, Place::Handshake, rng) };
    drop(faults);
    count(state, struck)
}

fn count(state: &State, struck: Option<FaultKind>) -> Option<FaultKind> {
    if let Some(kind) = struck {
        *lock(&state.report).faults.entry(kind.word().to_owned()).or_default() += 1;
    }
    struck
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_or_refused_in_a_sentence() {
        assert_eq!(Fault::parse("500").unwrap(), Fault { kind: FaultKind::Internal, probability: 0.02 });
        assert_eq!(Fault::parse("cut=0.5").unwrap(), Fault { kind: FaultKind::Cut, probability: 0.5 });
        assert!(Fault::parse("cut=2").unwrap_err().ends_with('.'));
        assert!(Fault::parse("fire").is_err());
    }
}
