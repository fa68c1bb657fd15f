//! What comes on a relay socket, and the acknowledgement.
//!
//! It must never take something for an event that cannot be acknowledged, and never change the payload: it is
//! what the signature covers.

use std::borrow::Cow;

use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;

use crate::stripe::lenient;
use crate::vault::secret::Secret;

/// A frame.
#[derive(Debug)]
pub enum Frame<'a> {
    /// An event.
    Event(Delivery<'a>),
    /// Something else that is well formed: not for us.
    Other,
    /// Nothing that can be read; the sentence says why.
    Unreadable(&'static str),
}

/// An event as it was delivered.
#[derive(Debug)]
pub struct Delivery<'a> {
    /// `webhook_id`
    pub webhook: Cow<'a, str>,
    /// `webhook_conversation_id`
    pub conversation: Cow<'a, str>,
    /// The event's text, byte for byte.
    pub payload: Cow<'a, str>,
    /// The event's id.
    pub event: String,
    /// In the account's default version (no version is named), not in the newest.
    pub account_version: bool,
    /// `Stripe-Signature`, when there is one.
    pub signature: Option<String>,
    /// All HTTP headers, as received.
    pub headers: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(rename = "type", default, borrow, deserialize_with = "lenient::text_or_empty")]
    kind: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "lenient::text_or_empty")]
    webhook_id: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "lenient::text_or_empty")]
    webhook_conversation_id: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "lenient::text_or_empty")]
    event_payload: Cow<'a, str>,
    #[serde(default, borrow)]
    http_headers: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "lenient::object")]
    endpoint: Endpoint<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Endpoint<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    api_version: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Id<'a> {
    #[serde(default, borrow, deserialize_with = "lenient::text_or_empty")]
    id: Cow<'a, str>,
    #[serde(default, borrow, deserialize_with = "lenient::text_or_empty")]
    object: Cow<'a, str>,
}

/// Reads a frame.
pub fn read(text: &[u8]) -> Frame<'_> {
    let Ok(wire) = serde_json::from_slice::<Wire<'_>>(text) else {
        return Frame::Unreadable("it is not JSON as the relay sends it");
    };
    if wire.kind != "webhook_event" {
        return Frame::Other;
    }
    if wire.webhook_id.is_empty() || wire.webhook_conversation_id.is_empty() {
        return Frame::Unreadable("the ids of the delivery are missing");
    }
    let Ok(id) = serde_json::from_str::<Id<'_>>(&wire.event_payload) else {
        return Frame::Unreadable("its payload is no event");
    };
    if id.id.is_empty() || id.object != "event" {
        return Frame::Unreadable("its payload is no event");
    }
    let event = id.id.into_owned();
    Frame::Event(Delivery {
        event,
        webhook: wire.webhook_id,
        conversation: wire.webhook_conversation_id,
        account_version: wire.endpoint.api_version.is_none(),
        signature: wire.http_headers.and_then(signature),
        headers: wire.http_headers,
        payload: wire.event_payload,
    })
}

/// One value per name; names as HTTP has them, in any case.
fn signature(headers: &RawValue) -> Option<String> {
    let headers: std::collections::HashMap<String, serde_json::Value> =
        serde_json::from_str(headers.get()).ok()?;
    let (_, value) = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("stripe-signature"))?;
    value.as_str().map(str::to_owned)
}

impl Delivery<'_> {
    /// Whether the payload is what was signed with the session's secret. How old the signature is does not matter
    /// here: the socket is ours. Source: docs.stripe.com/webhooks/signature.
    pub fn is_signed(&self, secret: &Secret) -> bool {
        let Some(header) = &self.signature else { return false };
        let Some(time) = header.split(',').find_map(|part| part.trim().strip_prefix("t=")) else {
            return false;
        };
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(self.payload.as_bytes());
        let said = header.split(',').filter_map(|part| part.trim().strip_prefix("v1=")).filter_map(hex);
        said.into_iter().any(|said| mac.clone().verify_slice(&said).is_ok())
    }

    /// The acknowledgement.
    pub fn ack(&self) -> String {
        serde_json::json!({
            "type": "event_ack",
            "webhook_conversation_id": self.conversation,
            "event_id": self.event,
            "webhook_id": self.webhook,
        })
        .to_string()
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &str, version: &str) -> String {
        let header = "t=1700000000,v1=0";
        format!(
            r#"{{"webhook_id":"1-wh_a","webhook_conversation_id":"1-wc_b","event_payload":{},"http_headers":{{"stripe-signature":"{header}"}},"endpoint":{{"api_version":{version}}},"type":"webhook_event"}}"#,
            serde_json::Value::from(payload)
        )
    }

    #[test]
    fn an_event_is_read_and_acknowledged_by_its_names() {
        let text = frame("{\n  \"id\": \"evt_1\",\n  \"object\": \"event\", \"request\": 7}", "null");
        let Frame::Event(event) = read(text.as_bytes()) else { panic!() };
        assert!(event.account_version);
        assert_eq!(event.payload, "{\n  \"id\": \"evt_1\",\n  \"object\": \"event\", \"request\": 7}");
        let ack: serde_json::Value = serde_json::from_str(&event.ack()).unwrap();
        assert_eq!(
            ack,
            serde_json::json!({"type":"event_ack","webhook_conversation_id":"1-wc_b","event_id":"evt_1","webhook_id":"1-wh_a"})
        );
        let text = frame(r#"{"id":"evt_1","object":"event"}"#, r#""2026-10-28.endive""#);
        let Frame::Event(event) = read(text.as_bytes()) else { panic!() };
        assert!(!event.account_version);
    }

    #[test]
    fn what_is_no_event_is_not_taken_for_one() {
        for wrong in [
            "this is no JSON {".to_owned(),
            r#"{"type":"webhook_event"}"#.to_owned(),
            r#"{"type":"webhook_event","webhook_id":7,"event_payload":["not","an","event"]}"#.to_owned(),
            frame("[]", "null"),
            frame(r#"{"id":"evt_1"}"#, "null"),
            frame(r#"{"id":"","object":"event"}"#, "null"),
            "1".to_owned(),
            "\u{0}".to_owned(),
        ] {
            assert!(matches!(read(wrong.as_bytes()), Frame::Unreadable(_)), "{wrong}");
        }
        assert!(matches!(read(&[0, 159, 146, 150, 255]), Frame::Unreadable(_)));
        assert!(matches!(read(br#"{"type":"source_error","message":"x"}"#), Frame::Other));
        assert!(matches!(read(br#"{"type":"request_log_event","event_payload":"{}"}"#), Frame::Other));
    }

    #[test]
    fn a_signature_covers_the_payload_byte_for_byte() {
        // From stripe-api.md: HMAC of `t.body` with the whole secret.
        let secret = Secret::new("whsec_test_secret");
        let body = r#"{"id":"evt_1","object":"event"}"#;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).unwrap();
        mac.update(format!("12.{body}").as_bytes());
        let mut digest = String::new();
        for byte in mac.finalize().into_bytes() {
            let _ = std::fmt::Write::write_fmt(&mut digest, format_args!("{byte:02x}"));
        }
        let mut event = Delivery {
            webhook: "w".into(),
            conversation: "c".into(),
            payload: body.into(),
            event: "evt_1".into(),
            account_version: true,
            signature: Some(format!("t=12,v1={},v1={digest},v0=ff", "0".repeat(64))),
            headers: None,
        };
        assert!(event.is_signed(&secret));
        event.payload = body.replace("evt_1", "evt_2").into();
        assert!(!event.is_signed(&secret));
        for wrong in [None, Some(""), Some("t=12"), Some("v1=zz"), Some("t=12,v1=é")] {
            event.signature = wrong.map(str::to_owned);
            assert!(!event.is_signed(&secret), "{wrong:?}");
        }
    }
}
