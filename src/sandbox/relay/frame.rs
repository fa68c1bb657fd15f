//! The frames that the relay sends.

use super::Names;
use crate::sandbox::json::Out;
use crate::sandbox::sign;

/// A `webhook_event`. `version` is `None` for the account's default version. The order of the members is
/// Stripe's.
pub fn webhook_event(
    names: &Names,
    payload: &str,
    version: Option<&str>,
    secret: &str,
    livemode: bool,
) -> String {
    let mut out = Out::with_capacity(payload.len() * 5 / 4 + 700);
    out.raw("{\"webhook_id\":");
    out.text(&names.webhook);
    out.raw(",\"webhook_conversation_id\":");
    out.text(&names.conversation);
    out.raw(",\"event_payload\":");
    out.text(payload);
    out.raw(
        ",\"http_headers\":{\"User-Agent\":\"Stripe/1.0 (+https://stripe.com/docs/webhooks)\",\
         \"Accept\":\"*/*; q=0.5, application/xml\",\"Cache-Control\":\"no-cache\",\
         \"Content-Type\":\"application/json; charset=utf-8\",\"Stripe-Signature\":",
    );
    out.text(&sign::header(secret, payload, livemode));
    out.raw("},\"endpoint\":{\"api_version\":");
    out.text_or_null(version);
    out.raw("},\"type\":\"webhook_event\"}");
    out.into_string()
}
