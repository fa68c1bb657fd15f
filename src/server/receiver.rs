//! The receiver of webhook deliveries: an address of its own, so that only this is led to from outside.
//!
//! A delivery is answered 200 when it is on disk, never before. Whoever does not know an address learns nothing: every
//! wrong path is answered alike, before a body is read. It must never parse what is not signed, never hold more than
//! its limits of anybody's bytes, and never answer anything but deliveries.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::Engine;
use crate::engine::endpoints::Taken;

/// Where it listens when nothing else is said.
pub const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8456);
/// Header lines that a request may have. Stripe sends ten, a proxy adds a few.
const MOST_HEADERS: usize = 64;
/// Bytes that a request's head may have.
const MOST_HEAD: usize = 16 * 1024;
/// How long a stop waits for deliveries that are being stored.
const GOODBYE: Duration = Duration::from_secs(5);
/// The unit in which the memory for bodies is handed out.
const UNIT: usize = 1024;

/// What anybody may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; further ones wait in the system's queue.
    pub connections: usize,
    /// Bytes of one body. An event of Stripe's has some kilobytes, seldom a hundred.
    pub body: usize,
    /// Bytes of all bodies that are being read or stored.
    pub bodies: usize,
    /// For a request's head, and for the next one on a connection.
    pub head: Duration,
    /// For a body.
    pub slow: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1024,
            body: 1024 * 1024,
            bodies: 64 * 1024 * 1024,
            head: Duration::from_secs(30),
            slow: Duration::from_secs(10),
        }
    }
}

/// What was answered since it began.
#[derive(Debug, Default)]
pub struct Counts {
    /// 200: stored, or known.
    pub taken: AtomicU64,
    /// 4xx with the right path: not signed, too old, too big, too slow.
    pub refused: AtomicU64,
    /// 404.
    pub lost: AtomicU64,
    /// 503: it could not be stored now.
    pub later: AtomicU64,
}

/// A receiver that listens. It stops when it is dropped; [`Receiver::stop`] waits for what is under way.
pub struct Receiver {
    engine: Engine,
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Shared {
    engine: Engine,
    limits: Limits,
    counts: Arc<Counts>,
    memory: Semaphore,
    stop: CancellationToken,
}

/// Listens there and hands deliveries to the engine. The error is a sentence.
pub async fn start(engine: &Engine, listen: SocketAddr, limits: Limits) -> Result<Receiver, String> {
    let failed = |error: std::io::Error| {
        format!(
            "deliveries cannot be taken on {listen} ({error}): choose another address with --webhook-listen"
        )
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (counts, stop, tasks) = (Arc::<Counts>::default(), CancellationToken::new(), TaskTracker::new());
    let shared = Arc::new(Shared {
        engine: engine.clone(),
        limits,
        counts: counts.clone(),
        memory: Semaphore::new(limits.bodies / UNIT),
        stop: stop.clone(),
    });
    tasks.spawn(accept(listener, shared, tasks.clone()));
    engine.listens(Some(format!("http://{address}")));
    Ok(Receiver { engine: engine.clone(), address, counts, stop, tasks })
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
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(GOODBYE, self.tasks.wait()).await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.cancel();
        self.engine.listens(None);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker) {
    let places = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of descriptors, mostly: some come back.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let shared = shared.clone();
        tasks.spawn(async move {
            serve(stream, &shared).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, shared: &Arc<Shared>) {
    // An answer is small and must not wait for more; the connection works without it too.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(answer(&shared, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.head)
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // Who breaks off, or sends what is no HTTP, gets no more than that.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shared.stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let token = request.uri().path().rsplit('/').next().unwrap_or_default();
    let door = if token.is_empty() { None } else { shared.engine.door(token) };
    let Some(door) = door else {
        shared.counts.lost.fetch_add(1, Ordering::Relaxed);
        return closing(StatusCode::NOT_FOUND, "");
    };
    let refuse = |status, why: &'static str| {
        shared.counts.refused.fetch_add(1, Ordering::Relaxed);
        closing(status, why)
    };
    if request.method() != Method::POST {
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "deliveries are posted");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let limits = shared.limits;
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length: usize = length.unwrap_or(limits.body);
    if length > limits.body {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than any event");
    }
    // Kept until the delivery is stored.
    let units = u32::try_from(length.div_ceil(UNIT)).unwrap_or(u32::MAX);
    let room = tokio::time::timeout(limits.slow, shared.memory.acquire_many(units)).await;
    let Ok(Ok(_room)) = room else { return later(shared) };
    let (parts, body) = request.into_parts();
    let body = match tokio::time::timeout(limits.slow, to_bytes(Body::new(body), limits.body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is larger than any event, or was cut off",
            );
        }
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
    };
    let signature = parts.headers.get("stripe-signature").and_then(|value| value.to_str().ok());
    match door.take(signature, body).await {
        Taken::Stored => {
            shared.counts.taken.fetch_add(1, Ordering::Relaxed);
            Response::new(Body::empty())
        }
        Taken::Wrong(wrong) => {
            shared.counts.refused.fetch_add(1, Ordering::Relaxed);
            told(StatusCode::BAD_REQUEST, wrong.to_string())
        }
        Taken::Later => later(shared),
    }
}

fn told(status: StatusCode, why: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(why.into());
    *response.status_mut() = status;
    response
}

/// What is left of the request is not read.
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
