//! From an answer to HTTP: headers, compression, and the body that stops in the middle.

use std::io::Write as _;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};

use crate::sandbox::errors::ApiError;

/// Below this many bytes compression is not worth its time.
const SMALL: usize = 1024;

/// A status and a body.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status
    pub status: u16,
    body: Vec<u8>,
    html: bool,
    /// `Stripe-Rate-Limited-Reason`
    pub reason: Option<&'static str>,
    /// send half of the body, then close
    cut: bool,
}

impl Answer {
    /// 200 with a JSON body.
    pub fn json(body: Vec<u8>) -> Answer {
        Answer { status: 200, body, html: false, reason: None, cut: false }
    }

    /// A status and a JSON body.
    pub fn error(status: u16, body: Vec<u8>) -> Answer {
        Answer { status, ..Answer::json(body) }
    }

    /// An error of the API.
    pub fn from(error: &ApiError, request: &str) -> Answer {
        Answer { reason: error.reason, ..Answer::error(error.status, error.body(request)) }
    }

    /// The same, but the connection breaks in the middle of the body.
    pub fn cut_short(self) -> Answer {
        Answer { cut: true, ..self }
    }

    /// What a proxy in front would say.
    pub fn html(status: u16) -> Answer {
        let body = b"<html><head><title>503 Service Unavailable</title></head><body>No server is available \
                     to handle this request.</body></html>\n";
        Answer { html: true, ..Answer::error(status, body.to_vec()) }
    }

    /// The response.
    pub fn into_response(self, request: &str, version: &str, gzip: bool) -> Response<Body> {
        let mut compressed = false;
        let mut body = self.body;
        if gzip
            && body.len() >= SMALL
            && let Some(smaller) = compress(&body)
        {
            body = smaller;
            compressed = true;
        }
        let length = body.len();
        let body = if self.cut && length > 1 {
            body.truncate(length / 2);
            Body::from_stream(stream::iter([Ok(Bytes::from(body))]).chain(stream::once(breaking())))
        } else {
            Body::from(body)
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(header::CONTENT_TYPE, if self.html { "text/html" } else { "application/json" });
        put(header::CONTENT_LENGTH, &length.to_string());
        if compressed {
            put(header::CONTENT_ENCODING, "gzip");
        }
        if !self.html {
            put(HeaderName::from_static("request-id"), request);
            put(HeaderName::from_static("stripe-version"), version);
        }
        if let Some(reason) = self.reason {
            put(HeaderName::from_static("stripe-rate-limited-reason"), reason);
        }
        response
    }
}

/// The end of a body that is cut: an error, after a moment in which the first half gets out. Without the
/// pause the server would drop it together with the connection.
async fn breaking() -> std::io::Result<Bytes> {
    tokio::time::sleep(std::time::Duration::from_millis(15)).await;
    Err(std::io::ErrorKind::ConnectionAborted.into())
}

fn compress(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::new(1));
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}
