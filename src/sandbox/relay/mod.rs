//! The relay: what the Stripe CLI's `listen` speaks to. Sessions, their sockets, and what is counted.
//!
//! The protocol is private to Stripe and not documented; what is here follows the CLI's public source and
//! what its binaries do. Nothing is kept for a client that is not connected: what happens then is lost on
//! the relay, as it may be at Stripe, and a client has to fetch it. No lock is held over an await.

mod frame;
mod mischief;
pub mod socket;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::mpsc;

use super::json::Out;
use super::rng::hash;
use super::state::lock;

/// Seconds after which the CLI resets its socket if the session does not say: the session says this.
const RESET: u64 = 60;
/// Sessions kept; the oldest without a socket are forgotten first.
const MOST_KEPT: usize = 1000;

/// What happens when a socket opens while the session has one. Nobody outside Stripe knows what Stripe does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondSocket {
    /// both are served, and both get every event
    Overlap,
    /// the older one is closed
    Replace,
    /// the new one is refused with 409
    Refuse,
}

impl SecondSocket {
    /// The word on the command line.
    pub fn parse(word: &str) -> Option<SecondSocket> {
        match word {
            "overlap" => Some(SecondSocket::Overlap),
            "replace" => Some(SecondSocket::Replace),
            "refuse" => Some(SecondSocket::Refuse),
            _ => None,
        }
    }
}

/// What is said to an offered sub-protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubProtocol {
    /// it is echoed
    Echo,
    /// nothing, which some WebSocket libraries take as a refusal
    Omit,
    /// it is sent even if it was not offered
    Always,
}

/// How the relay behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelayOptions {
    /// seconds between resets, as the session tells them; a socket half as old again is closed by the server
    pub reset: u64,
    /// what becomes of a second socket
    pub second: SecondSocket,
    /// what becomes of the sub-protocol
    pub protocol: SubProtocol,
    /// sessions with an open socket, per mode; one more is answered 429
    pub sessions: usize,
}

impl Default for RelayOptions {
    fn default() -> RelayOptions {
        RelayOptions {
            reset: RESET,
            second: SecondSocket::Overlap,
            protocol: SubProtocol::Echo,
            sessions: 10,
        }
    }
}

/// What is told to an open socket from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// the connection goes without a word
    Cut,
    /// a close frame with this code and reason
    Close(u16, &'static str),
    /// nothing is sent or read any more, and the connection stays
    Silence,
}

/// What the relay counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct RelayReport {
    /// sessions made
    pub sessions: u64,
    /// sockets opened
    pub opened: u64,
    /// upgrades refused
    pub refused: u64,
    /// `webhook_event` frames sent: two an event, unless a fault struck
    pub frames: u64,
    /// frames by socket, as `SESSION.SOCKET`, counted from 1
    pub frames_by_socket: BTreeMap<String, u64>,
    /// events of which at least one frame was sent
    pub events_sent: u64,
    /// `event_ack` frames that fit a frame sent
    pub acks: u64,
    /// events of which at least one frame was acknowledged
    pub events_acked: u64,
    /// `event_ack` frames that fit nothing
    pub stray_acks: u64,
    /// `webhook_response` frames
    pub responses: u64,
    /// frames from clients that are none of these
    pub unknown: u64,
}

#[derive(Debug)]
struct Session {
    number: u64,
    livemode: bool,
    webhooks: bool,
    sockets: Vec<(u64, mpsc::UnboundedSender<Order>)>,
    opened: u64,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: HashMap<String, Session>,
    /// conversations without an acknowledgement, and the event of each
    waiting: HashMap<String, u64>,
    sent: [HashSet<u64>; 2],
    acked: [HashSet<u64>; 2],
    made: u64,
    frames: u64,
    report: RelayReport,
}

/// A place at the relay for one socket.
#[derive(Debug)]
pub struct Seat {
    /// live mode's events
    pub livemode: bool,
    /// whether the session asked for webhooks at all
    pub webhooks: bool,
    /// counted from 1
    pub session: u64,
    /// counted from 1 within the session
    pub socket: u64,
    /// what is told from outside
    pub orders: mpsc::UnboundedReceiver<Order>,
    id: String,
}

/// Why a socket is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSeat {
    /// no such session
    Unknown,
    /// it has a socket already
    Taken,
}

/// Names of a frame's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `webhook_id`
    pub webhook: String,
    /// `webhook_conversation_id`
    pub conversation: String,
}

/// All sessions.
#[derive(Debug)]
pub struct Relay {
    seed: u64,
    options: Mutex<RelayOptions>,
    inner: Mutex<Inner>,
}

impl Relay {
    /// A relay without sessions.
    pub fn new(seed: u64, options: RelayOptions) -> Relay {
        Relay { seed, options: Mutex::new(options), inner: Mutex::default() }
    }

    /// How it behaves now.
    pub fn options(&self) -> RelayOptions {
        *lock(&self.options)
    }

    /// Changes how it behaves, from the next session or socket on.
    pub fn set(&self, options: RelayOptions) {
        *lock(&self.options) = options;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// The signing secret of a mode's sessions: the same for all of them, as at Stripe.
    pub fn secret(&self, livemode: bool) -> String {
        let mut out = Out::default();
        out.raw("whsec_");
        hexadecimal(&mut out, self.seed, 0x5ec0 + u64::from(livemode));
        out.into_string()
    }

    /// Makes a session; gives its id, or `None` if there are too many.
    pub fn open_session(&self, livemode: bool, webhooks: bool) -> Option<String> {
        let most = self.options().sessions;
        let mut inner = self.inner();
        let open =
            inner.sessions.values().filter(|s| s.livemode == livemode && !s.sockets.is_empty()).count();
        if open >= most {
            return None;
        }
        inner.made += 1;
        inner.report.sessions += 1;
        let number = inner.made;
        let noise = hash(self.seed, 0x5e55, number);
        let mut out = Out::default();
        out.raw("cliws_{");
        out.int((10_000 + noise % 90_000) as i64);
        out.raw("}_");
        name(&mut out, noise, 22);
        let id = out.into_string();
        if inner.sessions.len() >= MOST_KEPT
            && let Some(oldest) = inner
                .sessions
                .iter()
                .filter(|(_, s)| s.sockets.is_empty())
                .min_by_key(|(_, s)| s.number)
                .map(|(id, _)| id.clone())
        {
            inner.sessions.remove(&oldest);
        }
        let session = Session { number, livemode, webhooks, sockets: Vec::new(), opened: 0 };
        inner.sessions.insert(id.clone(), session);
        Some(id)
    }

    /// Forgets all sessions: their sockets are closed, and their ids are unknown from now on.
    pub fn forget(&self) {
        for (_, session) in self.inner().sessions.drain() {
            for (_, orders) in session.sockets {
                // A socket that is gone needs no order.
                let _ = orders.send(Order::Close(1001, "Session expired"));
            }
        }
    }

    /// Opens a socket on a session.
    pub fn sit(&self, id: &str) -> Result<Seat, NoSeat> {
        let second = self.options().second;
        let mut inner = self.inner();
        let Some(session) = inner.sessions.get_mut(id) else {
            inner.report.refused += 1;
            return Err(NoSeat::Unknown);
        };
        if !session.sockets.is_empty() {
            match second {
                SecondSocket::Overlap => {}
                SecondSocket::Replace => {
                    for (_, orders) in session.sockets.drain(..) {
                        // A socket that is gone needs no order.
                        let _ = orders.send(Order::Close(1000, "Replaced by a newer connection"));
                    }
                }
                SecondSocket::Refuse => {
                    inner.report.refused += 1;
                    return Err(NoSeat::Taken);
                }
            }
        }
        session.opened += 1;
        let (sender, orders) = mpsc::unbounded_channel();
        session.sockets.push((session.opened, sender));
        let seat = Seat {
            livemode: session.livemode,
            webhooks: session.webhooks,
            session: session.number,
            socket: session.opened,
            orders,
            id: id.to_owned(),
        };
        inner.report.opened += 1;
        Ok(seat)
    }

    /// A socket is gone, or as good as gone.
    pub fn leave(&self, seat: &Seat) {
        if let Some(session) = self.inner().sessions.get_mut(&seat.id) {
            session.sockets.retain(|socket| socket.0 != seat.socket);
        }
    }

    /// Tells every open socket something; gives how many there were.
    pub fn order(&self, order: &Order) -> usize {
        let inner = self.inner();
        let sockets = inner.sessions.values().flat_map(|session| &session.sockets);
        sockets.filter(|(_, orders)| orders.send(order.clone()).is_ok()).count()
    }

    /// Sockets that are open now.
    pub fn open_sockets(&self) -> usize {
        self.inner().sessions.values().map(|session| session.sockets.len()).sum()
    }

    /// Names for the next frame of an event, which are then waited for in an acknowledgement.
    fn names(&self, seat: &Seat, event: u64, now: i64) -> Names {
        let mut inner = self.inner();
        inner.frames += 1;
        let noise = hash(self.seed ^ seat.session, 0xf4a3, (seat.socket << 32) ^ inner.frames);
        let spell = |kind: &str, salt: u64| {
            let mut out = Out::default();
            out.int(now);
            out.raw(kind);
            name(&mut out, noise ^ salt, 14);
            out.into_string()
        };
        let names = Names { webhook: spell("-wh_", 1), conversation: spell("-wc_", 2) };
        inner.waiting.insert(names.conversation.clone(), event);
        names
    }

    /// Counts a frame that was sent.
    fn count_sent(&self, seat: &Seat, event: u64) {
        let mut inner = self.inner();
        inner.sent[usize::from(seat.livemode)].insert(event);
        inner.report.frames += 1;
        let socket = format!("{}.{}", seat.session, seat.socket);
        *inner.report.frames_by_socket.entry(socket).or_default() += 1;
    }

    /// A frame that was counted did not go: the client went before.
    fn count_unsent(&self, seat: &Seat) {
        let mut inner = self.inner();
        inner.report.frames = inner.report.frames.saturating_sub(1);
        let socket = format!("{}.{}", seat.session, seat.socket);
        if let Some(frames) = inner.report.frames_by_socket.get_mut(&socket) {
            *frames = frames.saturating_sub(1);
        }
    }

    /// Counts a frame of a client.
    fn count_received(&self, livemode: bool, text: &str) {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Received {
            r#type: String,
            webhook_conversation_id: String,
        }
        let received: Received = serde_json::from_str(text).unwrap_or_default();
        let mut inner = self.inner();
        match received.r#type.as_str() {
            "event_ack" => match inner.waiting.remove(&received.webhook_conversation_id) {
                Some(event) => {
                    inner.report.acks += 1;
                    inner.acked[usize::from(livemode)].insert(event);
                }
                None => inner.report.stray_acks += 1,
            },
            "webhook_response" => inner.report.responses += 1,
            _ => inner.report.unknown += 1,
        }
    }

    /// What was counted so far.
    pub fn report(&self) -> RelayReport {
        let inner = self.inner();
        RelayReport {
            events_sent: inner.sent.iter().map(|set| set.len() as u64).sum(),
            events_acked: inner.acked.iter().map(|set| set.len() as u64).sum(),
            ..inner.report.clone()
        }
    }
}

/// Appends `length` letters and digits that follow from `noise`.
pub fn name(out: &mut Out, noise: u64, length: usize) {
    let mut state = noise;
    for _ in 0..length {
        state = super::rng::mix(state.wrapping_add(0x9e37_79b9_7f4a_7c15));
        out.byte(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(state % 62) as usize]);
    }
}

/// Appends 64 hexadecimal digits that follow from seed and number: the body of a signing secret.
pub fn hexadecimal(out: &mut Out, seed: u64, number: u64) {
    for part in 0..4 {
        let bits = hash(seed, number, part);
        for digit in 0..16 {
            out.byte(b"0123456789abcdef"[(bits >> (digit * 4) & 15) as usize]);
        }
    }
}
