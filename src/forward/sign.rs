//! Signatures of what is forwarded: `Stripe-Signature`, so that a receiver verifies with Stripe's own libraries.
//!
//! A signature that came with the event is kept while Stripe's libraries still take it, with one more `v1` of the
//! target's own secret beside it: they accept any of several. So one secret always verifies, whatever the source.
//! It must never show a secret.
//! Facts: HMAC-SHA256 over `t.body`, keyed with the whole `whsec_…` text; libraries refuse a `t` older than 300 s
//! (docs.stripe.com/webhooks/signature).

use std::fmt::Write as _;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::vault::secret::Secret;

/// A received signature is sent on until it is so old, in seconds: a minute less than receivers take.
const KEPT_S: i64 = 240;
/// No signature that Stripe sends comes near this.
const LONGEST: usize = 2_048;

/// A new secret, as Stripe's look. The error is one sentence.
pub fn new_secret() -> Result<Secret, String> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| "the system gives no random numbers, so there is no signing secret".to_owned())?;
    let mut text = String::with_capacity(70);
    text.push_str("whsec_");
    hex(&bytes, &mut text);
    Ok(Secret::new(text))
}

/// The header's value for a body sent at `now`, signed with the target's own secret; `received`: as it came.
pub fn header(received: Option<&str>, secret: &Secret, body: &[u8], now: i64) -> String {
    if let Some(received) = received.filter(|text| text.len() <= LONGEST && text.is_ascii())
        && let Some(time) = received.split(',').find_map(|part| part.trim().strip_prefix("t="))
        && let Ok(at) = time.parse::<i64>()
        && now.saturating_sub(at) <= KEPT_S
    {
        return format!("{received},v1={}", digest(secret, time, body));
    }
    let time = now.to_string();
    let own = digest(secret, &time, body);
    format!("t={time},v1={own}")
}

fn digest(secret: &Secret, time: &str, body: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    // A key of any length will do, so this cannot fail.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) {
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        hex(&mac.finalize().into_bytes(), &mut text);
    }
    text
}

fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Stripe's own verifier, as in `sandbox/sign.rs`.
    const KNOWN: &str = "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd";
    const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
    const AT: i64 = 1_700_000_000;

    #[test]
    fn a_fresh_signature_is_kept_and_ours_stands_beside_it() {
        let secret = Secret::new("whsec_test_secret");
        let theirs = format!("t={AT},v1=aa,v0=bb");
        assert_eq!(header(Some(&theirs), &secret, BODY, AT + 240), format!("{theirs},v1={KNOWN}"));
        // A clock that is behind Stripe's is no reason to drop it.
        assert_eq!(header(Some(&theirs), &secret, BODY, AT - 100), format!("{theirs},v1={KNOWN}"));
    }

    #[test]
    fn an_old_a_missing_or_a_broken_one_is_made_anew() {
        let secret = Secret::new("whsec_test_secret");
        let fresh = format!("t={AT},v1={KNOWN}");
        let old = format!("t={},v1=aa", AT - 241);
        for received in
            [None, Some(old.as_str()), Some("v1=aa"), Some("t=never,v1=aa"), Some(""), Some("t=é")]
        {
            assert_eq!(header(received, &secret, BODY, AT), fresh, "{received:?}");
        }
    }

    #[test]
    fn secrets_look_like_stripes_and_differ() {
        let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
        assert!(one.expose().starts_with("whsec_") && one.expose().len() == 70);
        assert_ne!(one.expose(), two.expose());
    }
}
