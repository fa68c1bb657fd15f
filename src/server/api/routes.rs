//! Which path leads where.
//!
//! The table and the OpenAPI document say the same; a test holds them to it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Response, Uri, header};
use axum::routing::{get, post};

use super::fault::{Fault, said};
use super::{Shared, health, lists, metrics, openapi, sync};

/// Every path with its method.
pub const ROUTES: [(&str, &str); 10] = [
    ("POST", "/api/integrations/stripe/sync/discover"),
    ("POST", "/api/integrations/stripe/sync"),
    ("GET", "/api/integrations/stripe/sync/status"),
    ("GET", "/api/integrations"),
    ("GET", "/api/events"),
    ("GET", "/api/records/{kind}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
];

/// An answer, or what is wrong with the request.
pub type Reply = Result<Response<Body>, Fault>;

/// All of them.
pub fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/integrations/stripe/sync/discover", post(sync::discover))
        .route("/api/integrations/stripe/sync", post(sync::sync))
        .route("/api/integrations/stripe/sync/status", get(sync::status))
        .route("/api/integrations", get(lists::integrations))
        .route("/api/events", get(lists::events))
        .route("/api/records/{kind}", get(lists::records))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::page))
        .route("/openapi.json", get(openapi::document))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .with_state(shared)
}

impl axum::response::IntoResponse for Fault {
    fn into_response(self) -> Response<Body> {
        self.response()
    }
}

async fn nowhere(uri: Uri) -> Fault {
    let text = format!("There is nothing at {}: /openapi.json lists what there is.", said(uri.path()));
    Fault::new(404, "not_found", Some("path"), text)
}

async fn not_so(method: Method, uri: Uri) -> Response<Body> {
    let wanted = allowed(uri.path());
    let text = format!("{} does not take {}: use {wanted}.", said(uri.path()), said(method.as_str()));
    let mut response = Fault::new(405, "method_not_allowed", Some("method"), text).response();
    if let Ok(value) = wanted.replace(" or ", ", ").parse() {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// What a path takes; a GET is answered to HEAD, too.
fn allowed(path: &str) -> &'static str {
    let fits = |route: &str| match route.split_once('{') {
        Some((start, _)) => path.starts_with(start),
        None => path == route,
    };
    match ROUTES.iter().find(|(_, route)| fits(route)) {
        Some(("POST", _)) => "POST",
        _ => "GET or HEAD",
    }
}
