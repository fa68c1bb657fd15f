//! A target as it is stored, and the addresses that are taken for one: those that the Stripe CLI takes.
//!
//! It must never hold a signing secret: only where the vault put it.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::routes::Route;
use crate::engine::api::{IntegrationId, Outcome, TargetId};
use crate::store::{Store, StoreError};
use crate::vault::Place;

/// The longest address.
const LONGEST: usize = 2_000;

/// A target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its number; never reused.
    pub id: TargetId,
    /// Whole.
    pub url: String,
    /// Whose events; none: those of every integration.
    pub integration: Option<IntegrationId>,
    /// Patterns of types; empty: all.
    pub events: Vec<String>,
    /// Seconds that an answer may take.
    pub timeout_s: u32,
    /// Live integrations that somebody agreed to.
    #[serde(default)]
    pub agreed: Vec<IntegrationId>,
    /// A person stopped it.
    #[serde(default)]
    pub paused: bool,
    /// Only there while the process that asked for it runs (`listen --forward-to`).
    #[serde(default)]
    pub passing: bool,
    /// Unix seconds; of a passing one, when it was last asked for.
    pub added_at: i64,
    /// Where the vault put its signing secret.
    pub secret: Place,
}

/// What became of a target's events so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// Events that it took.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// The last attempt.
    pub last: Option<(i64, Outcome)>,
}

impl Stats {
    /// Counts an attempt.
    pub fn count(&mut self, at: i64, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered { .. } => self.delivered += 1,
            Outcome::Refused { .. } | Outcome::Failed { .. } => self.failed += 1,
            Outcome::Expired => return,
        }
        self.last = Some((at, outcome.clone()));
    }
}

impl Target {
    /// The name of its document in the store.
    pub fn document(id: TargetId) -> String {
        format!("target/{:08}", id.0)
    }

    /// The name of the document with its counts.
    pub fn stats_document(id: TargetId) -> String {
        format!("target_stats/{:08}", id.0)
    }

    /// The name of its secret in the vault. What passes shares one, so that a restart changes nobody's settings.
    pub fn vault_name(&self) -> String {
        if self.passing {
            SHARED_SECRET.to_owned()
        } else {
            format!("forward/{:08}/signing_secret", self.id.0)
        }
    }

    /// All of them, in the order of their numbers.
    pub fn all(store: &Store) -> Result<Vec<Target>, StoreError> {
        Ok(store.metas("target/")?.into_iter().map(|(_, target)| target).collect())
    }

    /// On this machine.
    pub fn is_loopback(&self) -> bool {
        Url::parse(&self.url).is_ok_and(|url| is_loopback(&url))
    }

    /// What it wants.
    pub fn route(&self) -> Route {
        Route {
            target: self.id,
            integration: self.integration,
            events: self.events.clone(),
            agreed: self.agreed.clone(),
            since: self.added_at,
        }
    }
}

/// The name of the secret that passing targets and replays to any URL share.
pub const SHARED_SECRET: &str = "forward/shared/signing_secret";

/// Reads an address: `3000`, `3000/hook`, `localhost:3000/hook`, `/hook`, `http://…`, `https://…`. The error is one
/// sentence for a person.
pub fn parse_url(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let shown = crate::text::clean_max(text, 100);
    let wrong = |what: &str| {
        Err(format!(
            "`{shown}` {what}: give a port (3000), localhost:3000/path, or a whole http or https URL"
        ))
    };
    if text.is_empty() {
        return Err(
            "a target needs a URL: give a port (3000), localhost:3000/path, or a whole http or https URL"
                .into(),
        );
    }
    if text.len() > LONGEST || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return wrong("is no URL");
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let rest = &text[digits..];
    let whole = if digits > 0 && (rest.is_empty() || rest.starts_with(['/', '?'])) {
        format!("http://localhost:{text}")
    } else if text.starts_with(':') || (text.starts_with('/') && !text.starts_with("//")) {
        format!("http://localhost{text}")
    } else if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let Ok(url) = Url::parse(&whole) else { return wrong("is no URL") };
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: it holds a password.
        return Err("a target's URL must not hold a user name or password: it is stored and shown".into());
    }
    match url.scheme() {
        "http" | "https" => {}
        _ => return wrong("is neither an http nor an https URL"),
    }
    if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return wrong("names no host or no port that can be reached");
    }
    if url.fragment().is_some() {
        return wrong("has a part behind # that is never sent");
    }
    Ok(url)
}

/// On this machine: 127.0.0.0/8, ::1, `localhost` or a name below it (RFC 6761).
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_the_stripe_cli_takes_them() {
        for (typed, whole, local) in [
            ("3000", "http://localhost:3000/", true),
            (" 3000/hook?x=1 ", "http://localhost:3000/hook?x=1", true),
            (":3000", "http://localhost:3000/", true),
            ("/hook", "http://localhost/hook", true),
            ("localhost:3000/webhook", "http://localhost:3000/webhook", true),
            ("127.0.0.1:80/x", "http://127.0.0.1/x", true),
            ("http://[::1]:9/", "http://[::1]:9/", true),
            ("app.localhost:3000", "http://app.localhost:3000/", true),
            ("https://example.com", "https://example.com/", false),
            ("example.com/x", "http://example.com/x", false),
            ("http://localhost.example.com", "http://localhost.example.com/", false),
            ("http://0.0.0.0:3000", "http://0.0.0.0:3000/", false),
        ] {
            let url = parse_url(typed).unwrap();
            assert_eq!((url.as_str(), is_loopback(&url)), (whole, local), "{typed}");
        }
    }

    #[test]
    fn anything_else_is_one_sentence() {
        for wrong in [
            "",
            "99999",
            "0",
            "not a url",
            "ftp://localhost",
            "file:///etc/passwd",
            "http://",
            "http://:3000",
            "mailto:a",
            "http://user:pw@localhost:3000",
            "localhost:3000/#x",
            "http://local\u{1b}[31mhost",
            "javascript:alert(1)",
        ] {
            let said = parse_url(wrong).unwrap_err();
            assert!(
                !said.contains('\n') && !said.contains('\u{1b}') && !said.contains("pw@"),
                "{wrong}: {said}"
            );
        }
    }
}
