//! Who may ask: the token, the names that this machine goes by, where a browser's request comes from, how often.
//!
//! A web page that a browser on this machine shows can send requests here: it has no token, its Origin is another, and
//! a name of its own that leads here (DNS rebinding) is no name of ours. It must never keep the token itself.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::fault::{Fault, said};
use crate::vault::secret::Secret;

/// Requests a second that are answered, in the long run.
const RATE: f64 = 100.0;
/// And at once after a pause.
const BURST: f64 = 300.0;
/// Paths that have a rate of their own.
const WATCHED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What stands at the door.
pub struct Guard {
    key: [u8; 64],
    /// What the token's code is under `key`: comparing codes tells nothing of the token by the time it takes.
    code: Vec<u8>,
    /// Names beyond the loopback's.
    hosts: Vec<String>,
    bucket: Bucket,
    /// What watches the service is answered however much others ask.
    watched: Bucket,
}

/// Requests that are left of the rate, and when that was.
struct Bucket(Mutex<(f64, Instant)>);

impl Guard {
    /// For a token, and names that `Host` may have beside those of the loopback: without a port, any case.
    pub fn new(token: &Secret, hosts: &[String]) -> Result<Guard, getrandom::Error> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        let code = mac(&key, token.expose().as_bytes()).finalize().into_bytes().to_vec();
        let hosts = hosts.iter().map(|host| bare(host).to_ascii_lowercase()).collect();
        Ok(Guard { key, code, hosts, bucket: Bucket::full(), watched: Bucket::full() })
    }

    /// Lets a request in, or says why not.
    pub fn admit(&self, parts: &Parts) -> Result<(), Fault> {
        let host = self.host(parts)?;
        origin(&parts.headers, &host)?;
        self.token(&parts.headers)?;
        // Only of those who have the token: nobody else can use up what is theirs.
        let bucket = if WATCHED.contains(&parts.uri.path()) { &self.watched } else { &self.bucket };
        bucket.take(Instant::now())
    }

    fn host(&self, parts: &Parts) -> Result<String, Fault> {
        let refused = |text: String| Fault::new(403, "wrong_host", Some("Host"), text);
        let mut named = parts.headers.get_all(header::HOST).iter();
        let host = match (named.next(), named.next(), parts.uri.authority()) {
            (_, Some(_), _) => return Err(refused("There is more than one Host header: send one.".into())),
            // An address in the request line goes before the header (RFC 9112, 3.2.2).
            (_, _, Some(authority)) => authority.as_str().to_owned(),
            (Some(host), ..) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
            (None, None, None) => return Err(refused("There is no Host header: send one.".into())),
        };
        let parsed: Option<Authority> = host.parse().ok().filter(|_| !host.contains('@'));
        let name = parsed.as_ref().map(|authority| bare(authority.host()).to_ascii_lowercase());
        let ours = name.is_some_and(|name| {
            name == "localhost"
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
                || self.hosts.contains(&name)
        });
        if ours {
            return Ok(host.to_ascii_lowercase());
        }
        let shown = said(&host);
        Err(refused(format!(
            "`{shown}` is no name of this service: use 127.0.0.1 or localhost, or start serve with --allow-host NAME."
        )))
    }

    fn token(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let refused = |text: &str| Fault::new(401, "unauthorized", Some("Authorization"), text);
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Err(refused(
                "There is no token: send `Authorization: Bearer TOKEN` with that of the token file.",
            ));
        };
        let value = value.as_bytes();
        let bearer = value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"Bearer "));
        if !bearer || values.next().is_some() {
            return Err(refused("The token is not readable: send one header `Authorization: Bearer TOKEN`."));
        }
        mac(&self.key, value[7..].trim_ascii())
            .verify_slice(&self.code)
            .map_err(|_| refused("The token is wrong: use that of the token file."))
    }
}

impl Bucket {
    fn full() -> Bucket {
        Bucket(Mutex::new((BURST, Instant::now())))
    }

    fn take(&self, now: Instant) -> Result<(), Fault> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, then) = *bucket;
        let left = (left + now.saturating_duration_since(then).as_secs_f64() * RATE).min(BURST);
        *bucket = (left, now);
        if left < 1.0 {
            let text = "Too many requests: wait a second.";
            return Err(Fault { retry_after: Some(1), ..Fault::new(429, "too_many_requests", None, text) });
        }
        bucket.0 -= 1.0;
        Ok(())
    }
}

/// A page of this very service sends its own address; programs send none.
fn origin(headers: &HeaderMap, host: &str) -> Result<(), Fault> {
    for origin in headers.get_all(header::ORIGIN) {
        let text = String::from_utf8_lossy(origin.as_bytes()).to_ascii_lowercase();
        let own = text
            .split_once("://")
            .is_some_and(|(scheme, rest)| matches!(scheme, "http" | "https") && rest == host);
        if !own {
            return Err(Fault::new(
                403,
                "wrong_origin",
                Some("Origin"),
                "Web pages may not use this service: send no Origin header.",
            ));
        }
    }
    Ok(())
}

/// Without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn mac(key: &[u8; 64], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(key.into());
    mac.update(text);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    const TOKEN: &str = "a-token-of-some-length";

    fn admit(guard: &Guard, headers: &[(&str, &str)]) -> Result<(), (u16, Option<String>)> {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        guard.admit(&parts).map_err(|fault| (fault.status, fault.field))
    }

    fn guard() -> Guard {
        Guard::new(&Secret::from(TOKEN), &["Desk.example".to_owned(), "[fd00::7]".to_owned()]).unwrap()
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let guard = guard();
        let token = format!("Bearer {TOKEN}");
        for host in [
            "127.0.0.1:8455",
            "localhost",
            "LOCALHOST:9",
            "[::1]:8455",
            "127.3.2.1",
            "desk.EXAMPLE:1",
            "[fd00::7]",
        ] {
            assert_eq!(admit(&guard, &[("host", host), ("authorization", &token)]), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "0.0.0.0",
            "x@localhost",
            "192.168.1.4:8455",
            "",
            "[::2]",
            "a b",
        ] {
            let refused = admit(&guard, &[("host", host), ("authorization", &token)]);
            assert_eq!(refused, Err((403, Some("Host".into()))), "{host}");
        }
        assert_eq!(admit(&guard, &[("authorization", &token)]), Err((403, Some("Host".into()))));
        let two = [("host", "localhost"), ("host", "localhost"), ("authorization", &token)];
        assert_eq!(admit(&guard, &two), Err((403, Some("Host".into()))));
    }

    #[test]
    fn pages_of_others_are_refused() {
        let guard = guard();
        let token = format!("Bearer {TOKEN}");
        let from = |origin: &str| {
            admit(&guard, &[("host", "localhost:8455"), ("authorization", &token), ("origin", origin)])
        };
        assert_eq!(from("http://localhost:8455"), Ok(()));
        for origin in ["null", "http://evil.example", "http://localhost:3000", "file://localhost:8455", ""] {
            assert_eq!(from(origin), Err((403, Some("Origin".into()))), "{origin}");
        }
    }

    #[test]
    fn the_token_is_needed_and_has_to_be_whole() {
        let guard = guard();
        let with = |value: &str| admit(&guard, &[("host", "localhost"), ("authorization", value)]);
        assert_eq!(with(&format!("bearer  {TOKEN}")), Ok(()));
        let wrong =
            ["", "Bearer", "Bearer ", TOKEN, "Basic YTpi", "Bearer a-token-of-some-lengt", "Bearer é"];
        for value in wrong.iter().map(ToString::to_string).chain([format!("Bearer {TOKEN}x")]) {
            assert_eq!(with(&value), Err((401, Some("Authorization".into()))), "{value}");
        }
        let one = format!("Bearer {TOKEN}");
        let twice = [("host", "localhost"), ("authorization", one.as_str()), ("authorization", one.as_str())];
        assert_eq!(admit(&guard, &twice), Err((401, Some("Authorization".into()))));
    }

    #[test]
    fn too_many_at_once_wait_and_wrong_tokens_cost_nobody_anything() {
        let guard = guard();
        let now = Instant::now();
        *guard.bucket.0.lock().unwrap() = (1.0, now);
        assert_eq!(admit(&guard, &[("host", "localhost")]), Err((401, Some("Authorization".into()))));
        assert_eq!(guard.bucket.take(now), Ok(()));
        let refused = guard.bucket.take(now).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (429, Some(1)));
        assert_eq!(guard.bucket.take(now + std::time::Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn what_watches_the_service_is_answered_while_others_have_to_wait() {
        let guard = guard();
        // Full again only in a year: nothing comes back while this runs.
        let later = Instant::now() + std::time::Duration::from_secs(31_000_000);
        *guard.bucket.0.lock().unwrap() = (0.0, later);
        let token = format!("Bearer {TOKEN}");
        let status = |path: &str| {
            let request =
                Request::builder().uri(path).header("host", "localhost").header("authorization", &token);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            guard.admit(&parts).err().map(|fault| fault.status)
        };
        assert_eq!(status("/api/events"), Some(429));
        for path in WATCHED {
            assert_eq!(status(path), None, "{path}");
        }
        *guard.watched.0.lock().unwrap() = (0.0, later);
        assert_eq!(status("/metrics"), Some(429), "but not without end");
    }
}
