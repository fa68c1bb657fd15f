//! The HTTP API of `tillwatch serve`: the three documented sync endpoints (sync API reference, §1.3 and §1.4), read-only
//! lists beside them, and what an operator's tools look at.
//!
//! Order of checks: Host, Origin, token, pace, body, path, method, fields, integration. It knows the engine's requests and
//! snapshots. It must never answer without the token, send CORS headers, or log a query, a header or a body.

mod catalog;
pub mod fault;
mod fields;
mod guard;
mod health;
mod lists;
pub mod metrics;
mod openapi;
mod pick;
mod routes;
mod sync;
pub mod token;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::http::{Connections, Limits, Unread, discard, read};
use crate::engine::Engine;
use crate::engine::api::Phase;
use crate::vault::secret::Secret;
use fault::Fault;
use guard::Guard;
use metrics::Metrics;

pub use routes::ROUTES;

/// A body that is refused anyway is taken off the wire for so long, so that the client reads why.
const REFUSED: Duration = Duration::from_secs(2);

/// The API of one engine.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
    router: TowerToHyperService<axum::Router>,
}

/// What all answers are made from.
pub struct Shared {
    engine: Engine,
    guard: Guard,
    limits: Limits,
    metrics: Metrics,
}

impl Api {
    /// For an engine that may still be opening its store.
    pub fn new(
        engine: Engine,
        token: &Secret,
        hosts: &[String],
        limits: Limits,
    ) -> Result<Api, getrandom::Error> {
        let guard = Guard::new(token, hosts)?;
        let shared = Arc::new(Shared { engine, guard, limits, metrics: Metrics::default() });
        Ok(Api { router: TowerToHyperService::new(routes::router(shared.clone())), shared })
    }

    /// Counts events as they come, until the engine ends.
    pub async fn count(&self) {
        self.shared.metrics.watch(&self.shared.engine).await;
    }

    /// Tells the metrics of a listener.
    pub fn tell(&self, listener: &'static str, connections: Connections) {
        self.shared.metrics.listener(listener, connections);
    }

    /// Tells the metrics of the receiver of deliveries.
    pub fn deliveries(&self, counts: Arc<crate::server::receiver::Counts>) {
        self.shared.metrics.deliveries(counts);
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let begun = Instant::now();
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let answer = AssertUnwindSafe(self.carry_out(request)).catch_unwind().await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(fault)) => fault.response(),
            Err(_) => Fault::ours().response(),
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let status = response.status().as_u16();
        self.shared.metrics.request(status);
        let ms = begun.elapsed().as_millis() as u64;
        let path = fault::said(&path);
        tracing::info!(%method, %path, status, ms, "request");
        response
    }

    async fn carry_out(&self, request: Request<Incoming>) -> Result<Response<Body>, Fault> {
        let (parts, body) = request.into_parts();
        if let Err(fault) = self.shared.guard.admit(&parts) {
            discard(&parts, body, REFUSED).await;
            return Err(fault);
        }
        let most = self.shared.limits.body_bytes;
        let bytes = read(&parts, body, &self.shared.limits).await.map_err(|unread| match unread {
            Unread::TooLarge => Fault::new(
                413,
                "too_large",
                Some("body"),
                format!("The body must have at most {most} bytes."),
            ),
            Unread::TooSlow => {
                Fault::new(408, "too_slow", Some("body"), "The body did not come to its end in time.")
            }
            Unread::Broken => Fault::new(400, "broken_body", Some("body"), "The body broke off."),
        })?;
        match self.router.call(Request::from_parts(parts, Body::from(bytes))).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }
}

impl Shared {
    /// The state of this moment; not before the store is open.
    fn snapshot(&self) -> Result<crate::engine::api::Snapshot, Fault> {
        let snapshot = crate::engine::publish::build(&self.engine);
        match &snapshot.phase {
            Phase::Ready => Ok(snapshot),
            Phase::Opening => Err(Fault::not_now("The store is still opening: try again in a moment.")),
            Phase::Failed { reason } => {
                Err(Fault { retry_after: None, ..Fault::not_now(fault::sentence(reason)) })
            }
        }
    }

    /// The open store.
    fn store(&self) -> Result<crate::store::Store, Fault> {
        self.engine.store().ok_or_else(|| Fault::not_now("The store is not open: try again in a moment."))
    }
}
