//! One open socket: events out, acknowledgements in, until somebody ends it.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::SplitSink;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::mischief::{KINDS, garbage};
use super::{Order, Seat, frame};
use crate::sandbox::faults::{FaultKind, strike_relay};
use crate::sandbox::model::API_VERSION;
use crate::sandbox::rng::{Rng, hash};
use crate::sandbox::state::State;

/// How long [`FaultKind::RelayDelay`] keeps a frame.
const DELAY: Duration = Duration::from_millis(800);
/// How long [`FaultKind::RelayReorder`] waits for a frame to change places with.
const SWAP: Duration = Duration::from_millis(300);
/// How long a closing handshake or a silence may take.
const GOODBYE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_secs(600);
/// Events made into text at once, so that a socket far behind holds neither lock nor memory.
const BATCH: u64 = 16;

/// Where a socket gets its events from. Made before the handshake is answered, so that what happens right
/// after it is not missed.
#[derive(Debug)]
pub struct Source {
    written: watch::Receiver<u64>,
    resent: broadcast::Receiver<u64>,
    cursor: u64,
}

impl Source {
    /// Everything from now on.
    pub fn new(state: &State, livemode: bool) -> Source {
        let mode = state.mode(livemode);
        let written = mode.written.subscribe();
        let cursor = *written.borrow();
        Source { written, resent: mode.resent.subscribe(), cursor }
    }
}

/// Why a socket ends.
enum End {
    /// without a word
    Cut,
    /// with a close frame
    Close(u16, &'static str),
    /// it stays, and nothing happens on it
    Silence,
    /// the client went
    Gone,
}

struct Held {
    due: Instant,
    /// goes with the next frame that is sent
    swaps: bool,
    event: u64,
    text: String,
}

struct Socket<S> {
    state: Arc<State>,
    seat: Seat,
    sink: SplitSink<WebSocketStream<S>, Message>,
    reader: JoinHandle<()>,
    held: Vec<Held>,
    rng: Rng,
    secret: String,
}

/// Serves a socket to its end.
pub async fn run<S>(state: Arc<State>, socket: WebSocketStream<S>, seat: Seat, source: Source)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sink, mut stream) = socket.split();
    let (counting, livemode) = (Arc::clone(&state), seat.livemode);
    let reader = tokio::spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            // Text or binary: both are read as JSON.
            match message {
                Message::Text(text) => counting.relay.count_received(livemode, text.as_str()),
                Message::Binary(bytes) => {
                    counting.relay.count_received(livemode, &String::from_utf8_lossy(&bytes));
                }
                _ => {}
            }
        }
    });
    let noise = hash(state.options.seed, 0xfa18, (seat.session << 32) | seat.socket);
    let secret = state.relay.secret(seat.livemode);
    let mut socket = Socket { state, seat, sink, reader, held: Vec::new(), rng: Rng::new(noise, 1), secret };
    let end = socket.serve(source).await;
    socket.finish(end).await;
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket<S> {
    async fn serve(&mut self, mut source: Source) -> End {
        let reset = self.state.relay.options().reset.max(1);
        let reset = Instant::now() + Duration::from_millis(reset.saturating_mul(1500));
        loop {
            let behind = self.seat.webhooks && source.cursor < *source.written.borrow();
            let due = self.held.iter().map(|held| held.due).min();
            let mut again = None;
            tokio::select! {
                biased;
                order = self.seat.orders.recv() => return ended(order.as_ref()),
                () = self.state.stopping.cancelled() => return End::Close(1001, "Going away"),
                _ = &mut self.reader => return End::Gone,
                () = sleep_until(reset) => return End::Close(1000, "Resetting the connection"),
                () = sleep_until(due.unwrap_or(reset)), if due.is_some() => {}
                () = std::future::ready(()), if behind => {}
                event = source.resent.recv(), if self.seat.webhooks => again = event.ok(),
                // The sender lives as long as the sandbox.
                _ = source.written.changed(), if self.seat.webhooks => {}
            }
            let sent = match again {
                Some(event) => self.event(event).await,
                None => self.catch_up(&mut source).await,
            };
            if let Err(end) = sent {
                return end;
            }
        }
    }

    /// Sends what is due, and the next events.
    async fn catch_up(&mut self, source: &mut Source) -> Result<(), End> {
        self.release(|held, now| held.due <= now).await?;
        if !self.seat.webhooks {
            return Ok(());
        }
        let end = (*source.written.borrow_and_update()).min(source.cursor + BATCH);
        while source.cursor < end {
            source.cursor += 1;
            self.event(source.cursor - 1).await?;
        }
        Ok(())
    }

    /// Sends both versions of one event: the account's own first.
    async fn event(&mut self, event: u64) -> Result<(), End> {
        let state = Arc::clone(&self.state);
        let mode = state.mode(self.seat.livemode);
        let now = self.state.now();
        let mut payload = String::new();
        for latest in [false, true] {
            let version = latest.then_some(API_VERSION);
            // The same text where the account's version is the latest.
            if payload.is_empty() || mode.world.default_version != API_VERSION {
                let Some(text) = mode.event_text(event, version) else { return Ok(()) };
                payload = text;
            }
            let names = self.state.relay.names(&self.seat, event, now);
            let text = frame::webhook_event(&names, &payload, version, &self.secret, self.seat.livemode);
            self.frame(event, text).await?;
        }
        Ok(())
    }

    /// Sends a frame, unless a fault strikes it.
    async fn frame(&mut self, event: u64, text: String) -> Result<(), End> {
        match strike_relay(&self.state, &mut self.rng) {
            Some(FaultKind::RelayDrop) => return Err(End::Cut),
            Some(FaultKind::RelaySilence) => return Err(End::Silence),
            Some(FaultKind::RelayLose) => return Ok(()),
            Some(FaultKind::RelayDelay) => {
                self.held.push(Held { due: Instant::now() + DELAY, swaps: false, event, text });
                return Ok(());
            }
            Some(FaultKind::RelayReorder) => {
                self.held.push(Held { due: Instant::now() + SWAP, swaps: true, event, text });
                return Ok(());
            }
            Some(FaultKind::RelayDuplicate) => self.proper(event, text.clone()).await?,
            Some(FaultKind::RelayGarbage) => {
                let kind = self.rng.below(KINDS);
                self.send(garbage(kind, &text)).await?;
            }
            _ => {}
        }
        self.proper(event, text).await?;
        self.release(|held, _| held.swaps).await
    }

    /// Sends the held frames that are chosen, in the order in which they were held.
    async fn release(&mut self, chosen: impl Fn(&Held, Instant) -> bool) -> Result<(), End> {
        let now = Instant::now();
        while let Some(at) = self.held.iter().position(|held| chosen(held, now)) {
            let held = self.held.remove(at);
            self.proper(held.event, held.text).await?;
        }
        Ok(())
    }

    async fn proper(&mut self, event: u64, text: String) -> Result<(), End> {
        // Counted first: whoever has the frame may ask for the count.
        self.state.relay.count_sent(&self.seat, event);
        let sent = self.send(Message::text(text)).await;
        if sent.is_err() {
            self.state.relay.count_unsent(&self.seat);
        }
        sent
    }

    /// A client that does not read must not keep an order from being obeyed.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        tokio::select! {
            sent = self.sink.send(message) => sent.map_err(|_| End::Gone),
            order = self.seat.orders.recv() => Err(ended(order.as_ref())),
            () = self.state.stopping.cancelled() => Err(End::Cut),
        }
    }

    async fn finish(mut self, end: End) {
        self.state.relay.leave(&self.seat);
        match end {
            End::Cut | End::Gone => {}
            End::Close(code, reason) => {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                let goodbye = async {
                    // A client that went in the meantime needs no goodbye.
                    let _ = self.sink.send(Message::Close(Some(frame))).await;
                    let _ = (&mut self.reader).await;
                };
                // A client that does not answer is left.
                let _ = tokio::time::timeout(GOODBYE, goodbye).await;
            }
            End::Silence => {
                self.reader.abort();
                let stopping = self.state.stopping.cancelled();
                // Until the client gives up it would hold on to a dead connection.
                let _ = tokio::time::timeout(SILENCE, stopping).await;
            }
        }
        self.reader.abort();
    }
}

fn ended(order: Option<&Order>) -> End {
    match order {
        None | Some(Order::Cut) => End::Cut,
        Some(Order::Close(code, reason)) => End::Close(*code, reason),
        Some(Order::Silence) => End::Silence,
    }
}
