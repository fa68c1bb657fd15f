//! One request over HTTP: send it, read the answer whole, tell what went wrong.
//!
//! It must never follow a redirect (that would carry the key elsewhere), never use plain HTTP off this
//! machine, and never read an answer without a bound on its size and time.

use std::error::Error as StdError;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::API_VERSION;
use super::answer::Refusal;
use super::base::BaseUrl;
use super::error::Error;
use super::key::ApiKey;
use super::retry::{Failure, Timing};
use super::scrub::scrub;

/// The largest answer that is read; a page of 100 large invoices has about 2 MB.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// A success, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub body: Bytes,
    /// Stripe's `Date`, Unix seconds; ours when it had none.
    pub date: i64,
    /// Stripe's clock minus ours, seconds, when there was a `Date`.
    pub skew: Option<i64>,
    pub request_id: Option<String>,
}

/// A request to be sent, possibly several times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The path with its ids folded.
    pub folded: &'a str,
    pub query: &'a [(&'a str, String)],
    pub form: &'a [(&'a str, String)],
    pub idempotency_key: Option<&'a str>,
}

/// The connection pool of one account's client.
#[derive(Debug)]
pub(crate) struct Wire {
    http: reqwest::Client,
    base: BaseUrl,
}

impl Wire {
    pub fn new(
        base: BaseUrl,
        key: &ApiKey,
        http1: bool,
        gzip: Option<bool>,
        timing: Timing,
    ) -> Result<Wire, Error> {
        super::install_tls();
        let local = base.is_loopback();
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.secret.expose()))
            .map_err(|_| Error::from(super::KeyProblem::Characters))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(HeaderName::from_static("stripe-version"), HeaderValue::from_static(API_VERSION));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tillwatch/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timing.connect)
            .read_timeout(timing.read)
            .timeout(timing.whole)
            .pool_max_idle_per_host(48)
            .pool_idle_timeout(timing.second * 60)
            .tcp_keepalive(timing.second * 30)
            .https_only(!local)
            // On this machine packing only burns processor time.
            .gzip(gzip.unwrap_or(!local));
        if local {
            // A proxy can't reach what listens on this machine.
            builder = builder.no_proxy();
        }
        if !base.is_https() {
            // No certificates will be looked at: spares loading the system's.
            builder = builder.tls_certs_only([]);
        }
        builder = if http1 { builder.http1_only() } else { builder.http2_adaptive_window(true) };
        let http = builder
            .build()
            .map_err(|error| Error::Network { host: base.host(), message: innermost(&error) })?;
        Ok(Wire { http, base })
    }

    /// Sends once. `sent` is called as soon as the request can have reached Stripe.
    pub async fn send(&self, request: Outgoing<'_>, sent: impl FnOnce()) -> Result<Answer, Failure> {
        let bad = |message: String| Failure::new(Error::BadRequest { code: None, param: None, message });
        let url = self
            .base
            .join(request.path)
            .ok_or_else(|| bad(format!("“{}” is not a path of the API", scrub(request.path))))?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| bad("no such method".to_owned()))?;
        let mut builder = self.http.request(method, url);
        if !request.query.is_empty() {
            builder = builder.query(request.query);
        }
        if !request.form.is_empty() {
            builder = builder.form(request.form);
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header("Idempotency-Key", key);
        }
        // A cancelled request may have been sent, one that found no connection has not.
        let counting = Sent(Some(sent));
        let response = match builder.send().await {
            Ok(response) => response,
            Err(error) => {
                if error.is_connect() || error.is_builder() {
                    counting.not_sent();
                }
                return Err(Failure::new(self.transport_error(&error)));
            }
        };
        drop(counting);
        self.read(request, response).await
    }

    async fn read(&self, request: Outgoing<'_>, mut response: reqwest::Response) -> Result<Answer, Failure> {
        let status = response.status();
        let local = unix_now();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let date = header("date").and_then(parse_date);
        let request_id = header("request-id").map(scrub);
        let reason = header("stripe-rate-limited-reason").map(str::to_owned);
        let should_retry = match header("stripe-should-retry") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        };
        let retry_after = header("retry-after")
            .and_then(|text| text.trim().parse::<f64>().ok())
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        // A length may be a lie: no more than a megabyte is set aside for it.
        let expected = response.content_length().unwrap_or(0).min(1 << 20);
        let mut body = Vec::with_capacity(expected as usize);
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST_BODY => {
                    let message = "it is far too large".to_owned();
                    return Err(Failure::new(Error::BadAnswer { message, request_id }));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if status.is_success() {
            let Some(error) = broken else {
                return Ok(Answer {
                    body: Bytes::from(body),
                    date: date.unwrap_or(local),
                    skew: date.map(|date| date - local),
                    request_id,
                });
            };
            let error = if error.is_timeout() {
                Error::Timeout
            } else {
                Error::BadAnswer { message: "it was cut off".to_owned(), request_id }
            };
            return Err(Failure { status: Some(status.as_u16()), garbled: true, ..Failure::new(error) });
        }
        // Of a refusal even half a body may tell what it is about.
        let refusal = Refusal {
            status: status.as_u16(),
            body: &body,
            reason: reason.as_deref(),
            request_id: request_id.as_deref(),
            path: request.folded,
        };
        Err(Failure {
            error: refusal.error(),
            status: Some(status.as_u16()),
            should_retry,
            retry_after,
            garbled: false,
        })
    }

    fn transport_error(&self, error: &reqwest::Error) -> Error {
        if let Some(message) = certificate_problem(error) {
            return Error::Certificate { host: self.base.host(), message };
        }
        if error.is_timeout() {
            return Error::Timeout;
        }
        Error::Network { host: self.base.host(), message: innermost(error) }
    }
}

/// Calls back when dropped, unless it turned out that nothing was sent.
struct Sent<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Sent<F> {
    fn not_sent(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for Sent<F> {
    fn drop(&mut self) {
        if let Some(count) = self.0.take() {
            count();
        }
    }
}

/// The causes of an error, outermost first. `io::Error` hides what it wraps from `source`.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            let inner: &'a (dyn StdError + 'static) = inner;
            return Some(inner);
        }
        error.source()
    })
    // No chain of causes is that long; a loop in one must not hang us.
    .take(20)
}

/// What is wrong with the server's certificate, if that is what failed.
fn certificate_problem(error: &(dyn StdError + 'static)) -> Option<String> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
        Some(
            wrong @ (rustls::Error::InvalidCertificate(_)
            | rustls::Error::NoCertificatesPresented
            | rustls::Error::UnsupportedNameType
            | rustls::Error::InvalidCertRevocationList(_)),
        ) => Some(scrub(&wrong.to_string())),
        _ => None,
    })
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(|cause| scrub(&cause.to_string())).unwrap_or_default()
}

/// An HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`, as Unix seconds.
fn parse_date(text: &str) -> Option<i64> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(jiff::Timestamp::as_second)
}

fn unix_now() -> i64 {
    // The API measures against the real clock; before 1970 there was no Stripe.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates() {
        assert_eq!(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_date("yesterday"), None);
    }

    #[test]
    fn a_certificate_problem_is_found_inside_io_errors() {
        let wrong = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
        let wrapped = std::io::Error::other(std::io::Error::other(wrong));
        assert!(certificate_problem(&wrapped).is_some_and(|text| text.contains("ertificate")));
        let other = std::io::Error::other(rustls::Error::DecryptError);
        assert_eq!(certificate_problem(&other), None);
    }
}
