//! What is wrong with a request: a status, the field, one sentence.
//!
//! It must never hold a token, nor text of the client's that was not cleaned.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::text;

/// Characters of a client's own text that are said back.
const SAID: usize = 60;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// HTTP status.
    pub status: u16,
    /// A word for programs, `invalid_value`.
    pub code: &'static str,
    /// The field, parameter or header; none when it is none of them.
    pub field: Option<String>,
    /// One sentence: what is wrong and what to do.
    pub message: String,
    /// Seconds after which it may be tried again.
    pub retry_after: Option<u32>,
}

impl Fault {
    /// Any.
    pub fn new(status: u16, code: &'static str, field: Option<&str>, message: impl Into<String>) -> Fault {
        let field = field.map(|name| text::clean_max(name, SAID));
        Fault { status, code, field, message: message.into(), retry_after: None }
    }

    /// 422: a field has a value that cannot be used.
    pub fn invalid(field: &str, message: impl Into<String>) -> Fault {
        Fault::new(422, "invalid_value", Some(field), message)
    }

    /// 422: a field has a value of another type.
    pub fn wrong_type(field: &str, wanted: &str) -> Fault {
        Fault::new(422, "wrong_type", Some(field), format!("{field} must be {wanted}."))
    }

    /// 503: not now.
    pub fn not_now(message: impl Into<String>) -> Fault {
        Fault { retry_after: Some(1), ..Fault::new(503, "not_ready", None, message) }
    }

    /// 500: ours.
    pub fn ours() -> Fault {
        Fault::new(500, "failed", None, "The request failed inside tillwatch; its log says why.")
    }

    /// The answer.
    pub fn response(&self) -> Response<Body> {
        let body = json!({
            "status": "error",
            "status_code": self.status,
            "code": self.code,
            "field": self.field,
            "message": self.message,
        });
        let mut response = answer(self.status, "application/json", body.to_string());
        let headers = response.headers_mut();
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What the engine says, as a sentence.
pub fn sentence(text: &str) -> String {
    let mut text = text::clean(text).trim_end().to_owned();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// A client's own text, fit to be said back.
pub fn said(text: &str) -> String {
    crate::stripe::scrub::scrub(&text::clean_max(text, SAID))
}

/// An answer with a body.
pub fn answer(status: u16, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
