//! One open socket: frames in, acknowledgements and pings out, until it ends.
//!
//! Frames are handed on unread. While the receiver has no room nothing more is read, so that back-pressure
//! reaches Stripe, and pings go on. It must never drop a frame, nor wait for ever on a peer that does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_util::sync::CancellationToken;

use super::PING;
use super::acks::{Acks, Route};
use super::dial::Socket;
use crate::stripe::scrub::scrub;
use crate::vault::secret::Secret;

/// A peer that takes nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(5);
/// What was read is acknowledged within that, before a socket is closed.
const DRAIN: Duration = Duration::from_secs(2);
/// For the closing handshake.
const GOODBYE: Duration = Duration::from_secs(1);
const NOBODY: &str = "nobody takes its events any more";

/// A frame as it came.
#[derive(Debug)]
pub struct Arrival {
    /// Its bytes.
    pub frame: Bytes,
    /// When it was read.
    pub at: Instant,
    /// Where acknowledgements go.
    pub acks: Acks,
    /// The session's signing secret.
    pub secret: Option<Secret>,
}

/// When a socket last gave a sign of life: milliseconds since the client began.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    fn beat(&self, began: Instant) {
        self.0.fetch_max(began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Since the client began.
    pub fn last(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// What a socket works with.
pub struct Ports {
    /// Where frames go.
    pub arrivals: mpsc::Sender<Arrival>,
    /// Signs the payloads.
    pub secret: Option<Secret>,
    /// Where acknowledgements go that it could not send.
    pub route: Route,
    /// Signs of life.
    pub pulse: Pulse,
    /// When the client began.
    pub began: Instant,
    /// Ends it, with a goodbye.
    pub close: CancellationToken,
}

/// Why a socket ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// In a sentence.
    pub reason: String,
    /// A frame came that is larger than anything that is read.
    pub too_large: bool,
}

/// Serves a socket to its end; tells why it ended.
pub async fn run(socket: Socket, ports: Ports) -> End {
    let (sink, stream) = socket.split();
    let (acks, outbox) = ports.route.open();
    let mut open = Open { sink, stream, outbox, waiting: None, too_large: false, ports };
    let end = open.serve(&acks).await;
    acks.close();
    let end = if let Some(end) = end {
        end
    } else {
        open.say_goodbye().await;
        "closed".to_owned()
    };
    // What it could not send any more goes by the next one.
    open.outbox.close();
    while let Ok(text) = open.outbox.try_recv() {
        open.ports.route.elsewhere(text);
    }
    End { reason: end, too_large: open.too_large }
}

struct Open {
    too_large: bool,
    sink: SplitSink<Socket, Message>,
    stream: SplitStream<Socket>,
    outbox: mpsc::Receiver<String>,
    /// Read, and not yet handed on.
    waiting: Option<Arrival>,
    ports: Ports,
}

impl Open {
    /// Until it breaks or is closed by the server, which is told, or is to be closed by us.
    async fn serve(&mut self, acks: &Acks) -> Option<String> {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (close, arrivals) = (self.ports.close.clone(), self.ports.arrivals.clone());
        self.beat();
        loop {
            tokio::select! {
                biased;
                () = close.cancelled() => return None,
                Some(text) = self.outbox.recv() => {
                    if let Some(end) = self.acknowledge(text).await {
                        return Some(end);
                    }
                }
                permit = arrivals.reserve(), if self.waiting.is_some() => {
                    let Ok(permit) = permit else { return Some(NOBODY.to_owned()) };
                    if let Some(arrival) = self.waiting.take() {
                        permit.send(arrival);
                    }
                    // What was not read meanwhile is no silence.
                    self.beat();
                }
                _ = ping.tick() => {
                    if self.waiting.is_some() {
                        self.beat();
                    }
                    let ping = self.sink.send(Message::Ping(Bytes::new()));
                    if let Some(end) = stuck(timeout(WRITE, ping).await) {
                        return Some(end);
                    }
                }
                message = self.stream.next(), if self.waiting.is_none() => match self.frame(message, acks) {
                    Ok(arrival) => self.waiting = arrival,
                    Err(end) => return Some(end),
                }
            }
        }
    }

    fn beat(&self) {
        self.ports.pulse.beat(self.ports.began);
    }

    fn frame(
        &mut self,
        message: Option<Result<Message, WsError>>,
        acks: &Acks,
    ) -> Result<Option<Arrival>, String> {
        let frame = match message {
            Some(Ok(Message::Text(text))) => Bytes::from(text),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
            // A pong is a sign of life; a ping is answered by the library, and counts as well.
            Some(Ok(_)) => {
                self.beat();
                return Ok(None);
            }
            Some(Err(WsError::Capacity(_))) => {
                self.too_large = true;
                return Err("a frame of the relay is over 64 MB".to_owned());
            }
            Some(Err(error)) => return Err(broken(&error)),
            None => return Err("the relay closed the connection".to_owned()),
        };
        self.beat();
        Ok(Some(Arrival { frame, at: Instant::now(), acks: acks.clone(), secret: self.ports.secret.clone() }))
    }

    /// Sends what waits to be sent; tells why the socket ended.
    async fn acknowledge(&mut self, first: String) -> Option<String> {
        let mut next = Some(first);
        while let Some(text) = next {
            if let Some(end) = stuck(timeout(WRITE, self.sink.feed(Message::text(text))).await) {
                return Some(end);
            }
            next = self.outbox.try_recv().ok();
        }
        stuck(timeout(WRITE, self.sink.flush()).await)
    }

    /// All that was read is stored and acknowledged on this very socket before it is closed; what comes until the
    /// server has heard of it is taken, too.
    async fn say_goodbye(&mut self) {
        let arrivals = self.ports.arrivals.clone();
        let drained = async {
            loop {
                tokio::select! {
                    text = self.outbox.recv() => match text {
                        Some(text) => if self.acknowledge(text).await.is_some() { return },
                        // Nothing is on its way any more.
                        None => return,
                    },
                    permit = arrivals.reserve(), if self.waiting.is_some() => {
                        let Ok(permit) = permit else { return };
                        if let Some(arrival) = self.waiting.take() {
                            permit.send(arrival);
                        }
                    }
                }
            }
        };
        // A disk that is slow, or a server that takes nothing, keeps it open no longer.
        let _ = timeout(DRAIN, drained).await;
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        let acks = Acks::of_a_closed_socket(&self.ports.route);
        let ended = async {
            if self.sink.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
            loop {
                if let Some(arrival) = self.waiting.take()
                    && self.ports.arrivals.send(arrival).await.is_err()
                {
                    return;
                }
                let message = self.stream.next().await;
                match self.frame(message, &acks) {
                    Ok(arrival) => self.waiting = arrival,
                    Err(_) => return,
                }
            }
        };
        // A server that does not answer is left.
        let _ = timeout(GOODBYE, ended).await;
    }
}

fn broken(error: &WsError) -> String {
    format!("the socket broke: {}", scrub(&error.to_string()))
}

fn stuck(sent: Result<Result<(), WsError>, tokio::time::error::Elapsed>) -> Option<String> {
    match sent {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(broken(&error)),
        Err(_) => Some("the relay takes nothing any more".to_owned()),
    }
}

fn closed(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(frame) if !frame.reason.is_empty() => {
            format!("the relay closed the socket ({} {})", u16::from(frame.code), scrub(&frame.reason))
        }
        Some(frame) => format!("the relay closed the socket ({})", u16::from(frame.code)),
        None => "the relay closed the socket".to_owned(),
    }
}
