//! One request to a target: the event byte for byte, its headers, and what came back.
//!
//! It must never follow a redirect, use a proxy for this machine, wait longer than the target's timeout, or read more
//! of an answer than is kept.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use url::Url;

use super::attempts::Exchange;
use super::sign;
use super::target::is_loopback;
use crate::engine::api::Outcome;
use crate::text;
use crate::vault::secret::Secret;

/// Bytes of an answer that are kept.
const KEPT: usize = 64 * 1024;
/// Headers that are kept of an answer, and characters of each.
const MOST_HEADERS: usize = 100;
const MOST_HEADER: usize = 2_000;
/// A connection that rests longer is not used again: servers close theirs after five seconds and more, and a request
/// that meets the closing fails for nothing.
const REST: Duration = Duration::from_secs(2);
const SIGNATURE: &str = "stripe-signature";
/// Headers that belong to a connection, or that are ours to set.
const NOT_SENT: [&str; 11] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "proxy-authorization",
    "expect",
    SIGNATURE,
];

/// What requests are made with. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Clients {
    /// To this machine.
    local: reqwest::Client,
    /// Elsewhere.
    far: reqwest::Client,
}

impl Clients {
    /// The error is one sentence.
    pub fn new() -> Result<Clients, String> {
        crate::stripe::install_tls();
        let builder = || {
            reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .http1_only()
                .gzip(false)
                .pool_idle_timeout(REST)
        };
        let made = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| format!("nothing can be sent: {}", innermost(&error)))
        };
        Ok(Clients { local: made(builder().no_proxy())?, far: made(builder())? })
    }
}

/// What is sent.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// Where to.
    pub url: &'a str,
    /// The event, byte for byte.
    pub body: Vec<u8>,
    /// HTTP headers as they came with it; none: it was found in Stripe's list.
    pub headers: &'a [(String, String)],
    /// The target's own secret.
    pub secret: &'a Secret,
    /// For the whole exchange.
    pub timeout: Duration,
    /// Now, Unix seconds.
    pub now: i64,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// How it ended.
    pub outcome: Outcome,
    /// Milliseconds.
    pub took_ms: u32,
    /// What was sent and came back.
    pub exchange: Exchange,
}

/// Sends one event once.
pub async fn send(clients: &Clients, parcel: Parcel<'_>) -> Sent {
    let begun = Instant::now();
    let headers = headers(&parcel);
    let shown = |headers: &HeaderMap| -> Vec<(String, String)> {
        let cleaned =
            |value: &HeaderValue| text::clean_max(&String::from_utf8_lossy(value.as_bytes()), MOST_HEADER);
        headers.iter().take(MOST_HEADERS).map(|(name, value)| (name.to_string(), cleaned(value))).collect()
    };
    let mut exchange = Exchange {
        request_headers: shown(&headers),
        request_bytes: parcel.body.len() as u64,
        ..Exchange::default()
    };
    let answered = async {
        let url = Url::parse(parcel.url).map_err(|_| "its URL cannot be read".to_owned())?;
        let client = if is_loopback(&url) { &clients.local } else { &clients.far };
        let request = client.post(url).headers(headers).body(parcel.body);
        let response = request.send().await.map_err(|error| sentence(&error))?;
        let status = response.status();
        exchange.response_headers = shown(response.headers());
        Ok::<_, String>((status, response))
    };
    let limit = begun + parcel.timeout;
    let late = format!("no answer within {} s", parcel.timeout.as_secs());
    let outcome = match tokio::time::timeout_at(limit, answered).await {
        Err(_) => Outcome::Failed { reason: late },
        Ok(Err(reason)) => Outcome::Failed { reason },
        Ok(Ok((status, response))) => {
            // The status is the answer; of a body that stalls or breaks off, what came is kept.
            let mut body = Vec::new();
            let whole = tokio::time::timeout_at(limit, read(response, &mut body)).await;
            exchange.response_cut = !matches!(whole, Ok(true));
            exchange.response_body = lines(&body);
            if status.is_success() {
                Outcome::Delivered { status: status.as_u16() }
            } else {
                Outcome::Refused { status: status.as_u16() }
            }
        }
    };
    Sent { outcome, took_ms: u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX), exchange }
}

fn headers(parcel: &Parcel<'_>) -> HeaderMap {
    let mut out = HeaderMap::new();
    let mut received = None;
    for (name, value) in parcel.headers {
        if name.eq_ignore_ascii_case(SIGNATURE) {
            received = Some(value.as_str());
        }
        let name = HeaderName::try_from(name.as_str()).ok().filter(|name| !NOT_SENT.contains(&name.as_str()));
        if let (Some(name), Ok(value)) = (name, HeaderValue::try_from(value.as_str())) {
            out.append(name, value);
        }
    }
    let usual = [
        ("user-agent", concat!("tillwatch/", env!("CARGO_PKG_VERSION"))),
        ("accept", "*/*"),
        ("content-type", "application/json; charset=utf-8"),
    ];
    for (name, value) in usual {
        if !out.contains_key(name) {
            out.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
    let signature = sign::header(received, parcel.secret, &parcel.body, parcel.now);
    if let Ok(value) = HeaderValue::try_from(signature) {
        out.insert(HeaderName::from_static(SIGNATURE), value);
    }
    out
}

/// Reads an answer's body as far as it is kept; true: that was all of it.
async fn read(mut response: reqwest::Response, body: &mut Vec<u8>) -> bool {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = KEPT - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return false;
                }
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Text that is safe on a terminal, its lines kept.
fn lines(body: &[u8]) -> String {
    let whole = String::from_utf8_lossy(body);
    let cleaned = whole.split('\n').map(|line| text::clean(line.trim_end_matches('\r')));
    cleaned.collect::<Vec<_>>().join("\n")
}

/// Why there was no answer, for a person.
fn sentence(error: &reqwest::Error) -> String {
    let found = causes(error).find_map(|cause| {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind as Kind;
            return match io.kind() {
                Kind::ConnectionRefused => Some("connection refused: nothing listens there".to_owned()),
                Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
                    Some("it closed the connection without an answer".to_owned())
                }
                Kind::HostUnreachable | Kind::NetworkUnreachable => Some("there is no way to it".to_owned()),
                _ => None,
            };
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            if http.is_parse() {
                return Some("what it answers is not HTTP".to_owned());
            }
            if http.is_incomplete_message() {
                return Some("it closed the connection without an answer".to_owned());
            }
        }
        None
    });
    found.unwrap_or_else(|| {
        let text = text::clean_max(&innermost(error), 200);
        if error.is_dns() { format!("its name is not known ({text})") } else { text }
    })
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
    .take(20)
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_go_as_they_came_but_for_those_of_the_connection() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let came = [
            pair("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
            pair("Content-Type", "application/json; charset=utf-8"),
            pair("Stripe-Signature", "t=1000,v1=aa"),
            pair("Host", "evil.example"),
            pair("Content-Length", "7"),
            pair("X-Odd", "a\r\nb: c"),
            pair("Bad Name", "x"),
        ];
        let secret = Secret::new("whsec_x");
        let mut parcel = Parcel {
            url: "http://localhost:1/",
            body: b"{}".to_vec(),
            headers: &came,
            secret: &secret,
            timeout: Duration::from_secs(1),
            now: 1_100,
        };
        let sent = headers(&parcel);
        let names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["user-agent", "content-type", "accept", SIGNATURE]);
        assert!(sent["user-agent"].to_str().unwrap().starts_with("Stripe/1.0"));
        assert!(sent[SIGNATURE].to_str().unwrap().starts_with("t=1000,v1=aa,v1="));
        parcel.headers = &[];
        let sent = headers(&parcel);
        assert!(sent["user-agent"].to_str().unwrap().starts_with("tillwatch/"));
        assert_eq!(sent["content-type"], "application/json; charset=utf-8");
        assert!(sent[SIGNATURE].to_str().unwrap().starts_with("t=1100,v1="));
    }

    #[test]
    fn an_answer_is_made_safe_and_keeps_its_lines() {
        assert_eq!(lines(b"<h1>\x1b[31mNo\r\nway\x07\n"), "<h1>No\nway\n");
    }
}
