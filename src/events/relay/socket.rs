//! One open socket: frames in, acknowledgements and pings out, until it ends.
//!
//! Frames are handed on unread. While the receiver has no room nothing more is read, so that back-pressure
//! reaches Stripe, and pings go on. It must never drop a frame, nor wait for ever on a peer that does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;

use super::PING;
use super::dial::Socket;
use crate::stripe::scrub::scrub;
use crate::vault::secret::Secret;

/// Acknowledgements that wait for a socket, at most.
const OUTBOX: usize = 4096;
/// A peer that takes nothing for so long is gone.
const WRITE: Duration = Duration::from_secs(5);
/// For the closing handshake.
const GOODBYE: Duration = Duration::from_secs(1);

/// A frame as it came.
#[derive(Debug)]
pub struct Arrival {
    /// Its bytes.
    pub frame: Bytes,
    /// When it was read.
    pub at: Instant,
    /// Where acknowledgements go.
    pub acks: mpsc::Sender<String>,
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
    /// Signs of life.
    pub pulse: Pulse,
    /// When the client began.
    pub began: Instant,
    /// Ends it, with a goodbye.
    pub close: CancellationToken,
}

/// Serves a socket to its end; tells why it ended.
pub async fn run(socket: Socket, ports: Ports) -> String {
    let (mut sink, mut stream) = socket.split();
    let (acks, mut outbox) = mpsc::channel::<String>(OUTBOX);
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting: Option<Arrival> = None;
    ports.pulse.beat(ports.began);
    loop {
        tokio::select! {
            biased;
            () = ports.close.cancelled() => {
                // What was stored meanwhile is still acknowledged.
                while let Ok(text) = outbox.try_recv() {
                    if !matches!(timeout(WRITE, sink.feed(Message::text(text))).await, Ok(Ok(()))) {
                        return "closed".to_owned();
                    }
                }
                let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
                // A server that does not answer is left.
                let _ = timeout(GOODBYE, sink.send(Message::Close(Some(frame)))).await;
                return "closed".to_owned();
            }
            Some(text) = outbox.recv() => {
                let mut sent = timeout(WRITE, sink.feed(Message::text(text))).await;
                while let Ok(text) = outbox.try_recv() {
                    if !matches!(sent, Ok(Ok(()))) {
                        break;
                    }
                    sent = timeout(WRITE, sink.feed(Message::text(text))).await;
                }
                if matches!(sent, Ok(Ok(()))) {
                    sent = timeout(WRITE, sink.flush()).await;
                }
                if let Some(end) = stuck(sent) {
                    return end;
                }
            }
            permit = ports.arrivals.reserve(), if waiting.is_some() => {
                let Ok(permit) = permit else { return "nobody takes its events any more".to_owned() };
                if let Some(arrival) = waiting.take() {
                    permit.send(arrival);
                }
                // What was not read meanwhile is no silence.
                ports.pulse.beat(ports.began);
            }
            _ = ping.tick() => {
                if waiting.is_some() {
                    ports.pulse.beat(ports.began);
                }
                if let Some(end) = stuck(timeout(WRITE, sink.send(Message::Ping(Bytes::new()))).await) {
                    return end;
                }
            }
            message = stream.next(), if waiting.is_none() => {
                let frame = match message {
                    Some(Ok(Message::Text(text))) => Bytes::from(text),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    Some(Ok(Message::Close(frame))) => return closed(frame),
                    // A pong is a sign of life; a ping is answered by the library, and counts as well.
                    Some(Ok(_)) => {
                        ports.pulse.beat(ports.began);
                        continue;
                    }
                    Some(Err(error)) => return format!("the socket broke: {}", scrub(&error.to_string())),
                    None => return "the relay closed the connection".to_owned(),
                };
                ports.pulse.beat(ports.began);
                let (acks, secret) = (acks.clone(), ports.secret.clone());
                waiting = Some(Arrival { frame, at: Instant::now(), acks, secret });
            }
        }
    }
}

fn stuck<E: std::fmt::Display>(sent: Result<Result<(), E>, tokio::time::error::Elapsed>) -> Option<String> {
    match sent {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("the socket broke: {}", scrub(&error.to_string()))),
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
