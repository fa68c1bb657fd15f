//! The receiver of webhook deliveries: an address of its own, so that only this is led to from outside.
//!
//! A delivery is answered 200 when it is on disk, never before. Whoever does not know an address learns nothing: every
//! wrong path is answered alike, before a body is read. It must never parse what is not signed, and never answer
//! anything but deliveries.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONNECTION, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::http::{Limits, Listening, Unread, discard, read};
use super::service::{Answerer, Door};
use crate::engine::Engine;
use crate::engine::endpoints::Taken;

/// Where it listens when nothing else is said.
pub const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8456);
/// Bytes of all bodies that are being read or stored.
const BODIES: usize = 64 * 1024 * 1024;
/// The unit in which that is handed out.
const UNIT: usize = 1024;
/// Refusals are logged so often at most.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// A body that nobody wants is taken off the wire for so long.
const UNWANTED: Duration = Duration::from_secs(1);

/// What senders may use: a proxy keeps connections open, and an event has some kilobytes, seldom a hundred.
pub fn limits() -> Limits {
    Limits {
        connections: 512,
        header_time: Duration::from_secs(30),
        body_bytes: 1024 * 1024,
        ..Limits::default()
    }
}

/// What was answered since it began.
#[derive(Debug, Default)]
pub struct Counts {
    /// 200: stored, or known.
    pub taken: AtomicU64,
    /// 4xx with the right path: not signed, too old, too large, too slow.
    pub refused: AtomicU64,
    /// 404.
    pub lost: AtomicU64,
    /// 503: it could not be stored now.
    pub later: AtomicU64,
}

/// A receiver that runs by itself. It stops when it is dropped; [`Receiver::stop`] waits for what is under way.
pub struct Receiver {
    engine: Engine,
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    engine: Engine,
    limits: Limits,
    counts: Arc<Counts>,
    memory: Semaphore,
    refusals: Mutex<Refusals>,
}

/// Refusals since the last line of the log on them.
#[derive(Default)]
struct Refusals {
    told: Option<Instant>,
    since: u64,
}

impl Refusals {
    /// Counts one; how many there were when it is time for a line.
    fn more(&mut self, now: Instant) -> Option<u64> {
        self.since += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TOLD_EVERY) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

impl Shared {
    /// Who can reach the address decides how many there are: a line a minute tells as much.
    fn refused(&self, status: StatusCode, why: &str) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        let due = self.refusals.lock().unwrap_or_else(PoisonError::into_inner).more(Instant::now());
        if let Some(deliveries) = due {
            tracing::warn!(deliveries, status = status.as_u16(), why, "deliveries were refused");
        }
    }
}

/// Listens there; deliveries are answered once somebody serves at the door. The error is a sentence.
pub async fn open(
    engine: &Engine,
    address: SocketAddr,
    limits: Limits,
) -> Result<(Door, Arc<Counts>), String> {
    let failed = |error: std::io::Error| {
        format!(
            "deliveries cannot be taken at {address} ({error}): name another address with --webhook-listen"
        )
    };
    let listening = Listening::bind(address, limits.clone()).await.map_err(failed)?;
    let address = listening.address().map_err(failed)?;
    let counts = Arc::<Counts>::default();
    let shared = Arc::new(Shared {
        engine: engine.clone(),
        limits,
        counts: counts.clone(),
        memory: Semaphore::new(BODIES / UNIT),
        refusals: Mutex::default(),
    });
    engine.listens(Some(&format!("http://{address}")));
    let answer: Answerer = Arc::new(move |request| {
        let shared = shared.clone();
        Box::pin(async move { answer(&shared, request).await })
    });
    Ok((Door { name: "webhooks", listening, answer }, counts))
}

/// Listens there and answers. The error is a sentence.
pub async fn start(engine: &Engine, address: SocketAddr, limits: Limits) -> Result<Receiver, String> {
    let (door, counts) = open(engine, address, limits).await?;
    let address = door.address().unwrap_or(address);
    let stop = CancellationToken::new();
    let (ending, Door { listening, answer, .. }) = (stop.clone(), door);
    let serving = tokio::spawn(async move { listening.serve(move |request| answer(request), ending).await });
    Ok(Receiver { engine: engine.clone(), address, counts, stop, serving: Some(serving) })
}

impl Receiver {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was answered so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes no more, and waits until what came is answered.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            let _ = serving.await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
        self.engine.listens(None);
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let token = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let door = if token.is_empty() { None } else { shared.engine.door(token) };
    let Some(door) = door else {
        shared.counts.lost.fetch_add(1, Ordering::Relaxed);
        discard(&parts, body, UNWANTED).await;
        return closing(StatusCode::NOT_FOUND, "");
    };
    let refuse = |status, why: &'static str| {
        shared.refused(status, why);
        closing(status, why)
    };
    if parts.method != Method::POST {
        discard(&parts, body, UNWANTED).await;
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "deliveries are posted");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    // Kept until the delivery is stored. Who does not say how much will come may send as much as anybody.
    let most = shared.limits.body_bytes;
    let length = body.size_hint().exact().map_or(most, |bytes| bytes.min(most as u64) as usize);
    let units = length.div_ceil(UNIT).min(BODIES / UNIT) as u32;
    let room = tokio::time::timeout(shared.limits.body_time, shared.memory.acquire_many(units)).await;
    let Ok(Ok(_room)) = room else { return later(shared) };
    let body = match read(&parts, body, &shared.limits).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than any event");
        }
        Err(Unread::TooSlow) => return refuse(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
        Err(Unread::Broken) => return refuse(StatusCode::BAD_REQUEST, "the body was cut off"),
    };
    let signature = parts.headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    match door.take(signature, body).await {
        Taken::Stored => {
            shared.counts.taken.fetch_add(1, Ordering::Relaxed);
            Response::new(Body::empty())
        }
        Taken::Wrong(wrong) => {
            let why = wrong.to_string();
            shared.refused(StatusCode::BAD_REQUEST, &why);
            told(StatusCode::BAD_REQUEST, why)
        }
        Taken::Later => later(shared),
    }
}

fn told(status: StatusCode, why: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(why.into());
    *response.status_mut() = status;
    response
}

/// The connection ends with it.
fn closing(status: StatusCode, why: &'static str) -> Response<Body> {
    let mut response = told(status, why);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn later(shared: &Shared) -> Response<Body> {
    shared.counts.later.fetch_add(1, Ordering::Relaxed);
    let mut response = closing(StatusCode::SERVICE_UNAVAILABLE, "it cannot be stored now: send it again");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_one_line_a_minute() {
        let (mut refusals, first) = (Refusals::default(), Instant::now());
        assert_eq!(refusals.more(first), Some(1));
        for _ in 0..99 {
            assert_eq!(refusals.more(first + TOLD_EVERY / 2), None);
        }
        assert_eq!(refusals.more(first + TOLD_EVERY), Some(100));
    }
}
