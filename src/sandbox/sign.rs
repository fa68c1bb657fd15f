//! `Stripe-Signature`, as the relay and webhook deliveries carry it.
//!
//! It must sign the very bytes that are sent. The time in it is the machine's, not the sandbox's: receivers
//! compare it with their own clock.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// HMAC-SHA256 in lower-case hexadecimal over `time.body`, keyed with the whole `whsec_…` text.
pub fn digest(secret: &str, time: i64, body: &str) -> String {
    let mut text = String::with_capacity(64);
    // A key of any length will do, so this cannot fail.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        mac.update(time.to_string().as_bytes());
        mac.update(b".");
        mac.update(body.as_bytes());
        for byte in mac.finalize().into_bytes() {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

/// The header's value. Test mode adds the decoy `v0` that Stripe adds.
pub fn header(secret: &str, body: &str, livemode: bool) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let mut value = format!("t={time},v1={}", digest(secret, time, body));
    if !livemode {
        value.push_str(",v0=");
        value.push_str(&digest("v0", time, body));
    }
    value
}

#[cfg(test)]
mod tests {
    #[test]
    fn digests_are_those_of_stripes_verifier() {
        let known = "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd";
        let body = r#"{"id":"evt_1","object":"event"}"#;
        assert_eq!(super::digest("whsec_test_secret", 1_700_000_000, body), known);
    }
}
