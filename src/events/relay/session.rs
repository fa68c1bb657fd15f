//! Asking Stripe for a relay session: `POST /v1/stripecli/sessions`, the one thing that the relay writes.
//!
//! The name of this machine is never sent. An error becomes one sentence that says what to do.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::acks::Route;
use crate::stripe::scrub::scrub;
use crate::stripe::{Client, Error, lenient};
use crate::vault::secret::Secret;

/// Where it is asked for.
pub const PATH: &str = "/v1/stripecli/sessions";
/// What a key needs for it.
pub const PERMISSION: &str = "rak_stripecli_session_write";
/// What we call ourselves at Stripe.
const DEVICE: &str = "tillwatch";
/// Nothing longer is a delay between resets.
const LONGEST_RESET: i64 = 24 * 3600;

/// A session, as far as we need it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Goes into a header of the upgrade request; whoever has it gets the account's events.
    pub id: Secret,
    /// The address of its sockets, with the feature in its query.
    pub url: Url,
    /// Between planned resets; zero: not said.
    pub reset: Duration,
    /// Signs the payloads.
    pub secret: Option<Secret>,
    /// What its sockets share.
    pub route: Route,
}

/// No session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSession {
    /// Not with this key; asking again soon is of no use.
    Refused(String),
    /// The key itself is refused.
    Key(Error),
    /// Not this time.
    Failed(String),
    /// We are ending.
    Cancelled,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "lenient::string")]
    websocket_id: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    websocket_url: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    websocket_authorized_feature: Option<String>,
    #[serde(deserialize_with = "lenient::int_or_zero")]
    reconnect_delay: i64,
    #[serde(deserialize_with = "lenient::string")]
    secret: Option<String>,
}

/// Asks once.
pub async fn ask(client: &Client) -> Result<Session, NoSession> {
    let form = [("device_name", DEVICE.to_owned()), ("websocket_features[]", "webhooks".to_owned())];
    let object = client.write_once("POST", PATH, &form).await.map_err(why)?;
    let body: Body = serde_json::from_slice(&object.body).unwrap_or_default();
    session(body, client.is_local())
}

fn session(body: Body, local: bool) -> Result<Session, NoSession> {
    let odd = |what: &str| NoSession::Failed(format!("Stripe's answer has no usable {what}"));
    let id = body.websocket_id.filter(|id| !id.is_empty()).ok_or_else(|| odd("session id"))?;
    let text = body.websocket_url.unwrap_or_default();
    let mut url = Url::parse(&text).map_err(|_| odd("socket address"))?;
    // The id is as good as a key to the events: never in the clear, but on this machine.
    match url.scheme() {
        "wss" if url.host_str().is_some() => {}
        "ws" if local && is_loopback(&url) => {}
        _ => return Err(odd("socket address")),
    }
    if let Some(feature) = body.websocket_authorized_feature.filter(|feature| !feature.is_empty()) {
        url.query_pairs_mut().append_pair("websocket_feature", &feature);
    }
    let reset = Duration::from_secs(body.reconnect_delay.clamp(0, LONGEST_RESET) as u64);
    let secret = body.secret.filter(|secret| !secret.is_empty()).map(Secret::new);
    Ok(Session { id: Secret::new(id), url, reset, secret, route: Route::default() })
}

/// On this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn why(error: Error) -> NoSession {
    match error {
        Error::MissingPermission { permission: Some(slug), .. } => NoSession::Refused(format!(
            "the key may not use the relay: {slug} is missing (in Stripe's form “Stripe CLI”, write); polling goes on"
        )),
        // Stripe says so to secret keys of live mode, and has no code for it.
        Error::MissingPermission { permission: None, .. } => NoSession::Refused(
            "Stripe gives the relay to restricted keys only in live mode (rk_live_…): give one, or stay with polling".to_owned(),
        ),
        Error::RateLimited { .. } => NoSession::Failed(
            "Stripe says that too many listen sessions are open on this account: close some `stripe listen`".to_owned(),
        ),
        Error::NotFound { .. } => {
            NoSession::Refused("this server has no relay; polling goes on".to_owned())
        }
        Error::BadRequest { message, .. } => {
            NoSession::Refused(format!("Stripe refuses a relay session: {}", scrub(&message)))
        }
        Error::Cancelled => NoSession::Cancelled,
        error if error.is_key_refused() => NoSession::Key(error),
        error => NoSession::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(url: &str) -> Body {
        Body {
            websocket_id: Some("cliws_{1}_a".into()),
            websocket_url: Some(url.into()),
            websocket_authorized_feature: Some("webhook-payloads".into()),
            reconnect_delay: 83,
            secret: Some("whsec_1".into()),
        }
    }

    #[test]
    fn a_session_gives_its_sockets_address() {
        let made = session(body("wss://stripecli-ws-nw.stripe.com/subscribe/acct_1"), false).unwrap();
        assert_eq!(
            made.url.as_str(),
            "wss://stripecli-ws-nw.stripe.com/subscribe/acct_1?websocket_feature=webhook-payloads"
        );
        assert_eq!((made.id.expose(), made.reset), ("cliws_{1}_a", Duration::from_secs(83)));
    }

    #[test]
    fn the_id_never_goes_in_the_clear() {
        assert!(session(body("ws://127.0.0.1:9/subscribe/a"), true).is_ok());
        for (url, local) in [
            ("ws://127.0.0.1:9/subscribe/a", false),
            ("ws://stripe.com/subscribe/a", true),
            ("ws://stripe.com/subscribe/a", false),
            ("https://stripe.com/", false),
            ("nonsense", false),
            ("", false),
        ] {
            assert!(matches!(session(body(url), local), Err(NoSession::Failed(_))), "{url}");
        }
        let nameless = Body { websocket_id: None, ..body("wss://stripe.com/a") };
        assert!(matches!(session(nameless, false), Err(NoSession::Failed(_))));
    }

    #[test]
    fn errors_say_what_to_do() {
        let missing = |permission: Option<&str>| Error::MissingPermission {
            permission: permission.map(str::to_owned),
            account: None,
            path: PATH.to_owned(),
        };
        let NoSession::Refused(text) = why(missing(Some(PERMISSION))) else { panic!() };
        assert!(text.contains(PERMISSION) && text.contains("polling goes on"));
        let NoSession::Refused(text) = why(missing(None)) else { panic!() };
        assert!(text.contains("rk_live_"));
        let NoSession::Failed(text) = why(Error::RateLimited { reason: None }) else { panic!() };
        assert!(text.contains("stripe listen"));
        assert!(matches!(why(Error::ExpiredKey { message: String::new() }), NoSession::Key(_)));
        assert!(matches!(why(Error::Timeout), NoSession::Failed(_)));
    }
}
