//! A listener with its limits, and the loop that serves its connections until it is told to stop.
//!
//! It must never answer slower because others are idle, and never take longer to stop than the grace it was given.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::lines::{Line, Lines};
use super::patient::Patient;

/// A connection that did nothing for so long makes room for a new one when all places are taken.
const IDLE: Duration = Duration::from_secs(1);
/// Out of descriptors: some connection goes meanwhile.
const NO_DESCRIPTORS: Duration = Duration::from_millis(50);
/// What is said when there is no place. Nobody waits for it to be read.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";

/// What clients may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once. When there are more, the one that was idle longest goes.
    pub connections: usize,
    /// From a connection's start, or the end of the answer before, to the end of a request's headers.
    pub header_time: Duration,
    /// Bytes of a request line with its headers; 8 192 at least.
    pub header_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// From the headers' end to the body's.
    pub body_time: Duration,
    /// A client that takes nothing of an answer for so long is let go.
    pub write_time: Duration,
    /// What runs when it is told to stop may run so much longer.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 256,
            header_time: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            headers: 64,
            body_bytes: 64 * 1024,
            body_time: Duration::from_secs(10),
            write_time: Duration::from_secs(10),
            grace: Duration::from_secs(5),
        }
    }
}

/// Tells how many connections of a listener are open.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Lines>);

impl Connections {
    /// How many.
    pub fn count(&self) -> usize {
        self.0.count()
    }
}

/// A bound address.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    limits: Arc<Limits>,
    lines: Arc<Lines>,
}

impl Listening {
    /// Binds; nobody is answered before [`Listening::serve`].
    pub async fn bind(address: SocketAddr, limits: Limits) -> io::Result<Listening> {
        let listener = TcpListener::bind(address).await?;
        Ok(Listening { listener, limits: Arc::new(limits), lines: Arc::default() })
    }

    /// Where it is bound; the port is the one that was found if 0 was asked for.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Open connections, now and later.
    pub fn connections(&self) -> Connections {
        Connections(self.lines.clone())
    }

    /// Answers requests with `handler` until `stop`; then takes no more, lets what runs end within the grace, and ends.
    /// The handler reads bodies with [`super::read`].
    pub async fn serve<H, F>(self, handler: H, stop: CancellationToken)
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = tasks.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, _)) = stream else {
                self.lines.let_go(Duration::ZERO);
                tokio::time::sleep(NO_DESCRIPTORS).await;
                continue;
            };
            if self.lines.count() >= self.limits.connections && !self.lines.let_go(IDLE) {
                // What does not fit into the socket at once is not sent.
                let _ = stream.try_write(FULL);
                continue;
            }
            let line = self.lines.enter();
            tasks.spawn(one(stream, line, self.limits.clone(), handler.clone()));
        }
        drop(self.listener);
        self.lines.finish();
        let ended =
            tokio::time::timeout(self.limits.grace, async { while tasks.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tracing::warn!(connections = tasks.len(), "some requests did not end in time");
            tasks.shutdown().await;
        }
    }
}

/// One connection, to its end.
async fn one<H, F>(stream: TcpStream, line: Line, limits: Arc<Limits>, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    // Small answers must not wait for more; the connection works without it too.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Patient::new(stream, limits.write_time, line.state()));
    let state = line.state();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let working = state.working();
        request.extensions_mut().insert(state.clone());
        let answer = handler(request);
        async move {
            let response = answer.await;
            drop(working);
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes.max(8192))
        .max_headers(limits.headers)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        // Nobody waits for an answer on it.
        () = line.let_go() => return,
        () = line.finishing() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        // A client that breaks off is nobody's business but its own.
        tracing::debug!(%error, "a connection ended");
    }
}
