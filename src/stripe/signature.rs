//! `Stripe-Signature`: whether a delivery was signed with one of our secrets, lately.
//!
//! It must look at the very bytes that came, before anybody parses them, take as long for a wrong signature as for a
//! right one, and never pass without a secret.
//! Facts: HMAC-SHA256 over `t.body`, keyed with the whole `whsec_…` text; several `v1` while a secret is rolled; other
//! schemes (`v0`) are not proof of anything (docs.stripe.com/webhooks/signature).

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::vault::secret::Secret;

/// How far the time of a signature may lie from ours, either way, in seconds.
pub const TOLERANCE_S: i64 = 300;
/// No header of Stripe's comes near this length.
const LONGEST: usize = 4096;

/// Why a delivery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// There is no signature, or nothing that could be one.
    #[error("there is no Stripe-Signature that can be read")]
    Missing,
    /// Not signed with any of our secrets.
    #[error(
        "the signature does not fit: the signing secret is another one, or the body was changed on its way"
    )]
    Mismatch,
    /// It was signed too long ago.
    #[error("it was signed more than 300 s ago: it is a repetition, or a clock is wrong")]
    Old,
    /// It was signed in the future.
    #[error("it was signed more than 300 s ahead of this machine's clock")]
    Ahead,
}

/// Whether `body` was signed with one of `secrets` within 300 s of `now` (Unix seconds).
pub fn verify<'a>(
    header: &str,
    body: &[u8],
    secrets: impl IntoIterator<Item = &'a Secret>,
    now: i64,
) -> Result<(), Wrong> {
    if header.len() > LONGEST {
        return Err(Wrong::Missing);
    }
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").map(|(_, value)| value).ok_or(Wrong::Missing)?;
    let at: i64 = time.parse().map_err(|_| Wrong::Missing)?;
    let said: Vec<[u8; 32]> =
        parts().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| unhex(value)).collect();
    if said.is_empty() {
        return Err(Wrong::Missing);
    }
    let mut fits = false;
    for secret in secrets.into_iter().filter(|secret| !secret.expose().is_empty()) {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { continue };
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        // All of them are compared, so that the time taken does not tell which one was near.
        for said in &said {
            fits |= mac.clone().verify_slice(said).is_ok();
        }
    }
    if !fits {
        return Err(Wrong::Mismatch);
    }
    if at < now.saturating_sub(TOLERANCE_S) {
        return Err(Wrong::Old);
    }
    if at > now.saturating_add(TOLERANCE_S) {
        return Err(Wrong::Ahead);
    }
    Ok(())
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From stripe-api.md, checked there with stripe-python's verifier.
    const VECTORS: [(&str, &str, &str); 5] = [
        (
            "whsec_test_secret",
            r#"{"id":"evt_1","object":"event"}"#,
            "0c8670ed117751cc551a20e35839447075c42800ea3cf3e8a2fbda99cd1e6edd",
        ),
        (
            "whsec_test_secret",
            "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}",
            "4f1cd7feda9826e746b7d482c4badebb657398df1099e1046364f6196a230150",
        ),
        (
            "whsec_other",
            r#"{"id":"evt_1","object":"event"}"#,
            "ce486949e2e39bec553617072a9bf7c086e490c7071f3324a664d8082cf43f97",
        ),
        (
            "whsec_test_secret",
            r#"{"name":"Zoë ☃","amount":100}"#,
            "eb066f169f9590f577b7018e586b8c591d511af358fcaf3991ecc3f9e47876c9",
        ),
        ("whsec_test_secret", "", "316b9ab98c15bfa039d243f3196acee619cf29749a91a634e6a8154e2f7b6727"),
    ];
    const AT: i64 = 1_700_000_000;

    #[test]
    fn stripes_own_signatures_pass_and_one_changed_byte_does_not() {
        for (secret, body, digest) in VECTORS {
            let secrets = [Secret::new(secret)];
            let header = format!("t={AT},v1={digest},v0={}", "6".repeat(64));
            assert_eq!(verify(&header, body.as_bytes(), &secrets, AT), Ok(()));
            let changed = format!("{body} ");
            assert_eq!(verify(&header, changed.as_bytes(), &secrets, AT), Err(Wrong::Mismatch));
            let header = format!("t={},v1={digest}", AT + 1);
            assert_eq!(
                verify(&header, body.as_bytes(), &secrets, AT),
                Err(Wrong::Mismatch),
                "the time is signed"
            );
        }
    }

    #[test]
    fn any_signature_of_several_fits_any_of_several_secrets() {
        let (_, body, first) = VECTORS[0];
        let (_, _, other) = VECTORS[2];
        let both = [Secret::new("whsec_other"), Secret::new("whsec_test_secret")];
        let wrong = "0".repeat(64);
        for header in [
            format!("t={AT},v1={wrong},v1={first}"),
            format!("v1={other},t={AT}"),
            format!("t={AT}, v1={first} ,v1=short"),
        ] {
            assert_eq!(verify(&header, body.as_bytes(), &both, AT), Ok(()), "{header}");
        }
        let header = format!("t={AT},v1={other}");
        assert_eq!(verify(&header, body.as_bytes(), &both[1..], AT), Err(Wrong::Mismatch));
        assert_eq!(verify(&header, body.as_bytes(), &[], AT), Err(Wrong::Mismatch), "without a secret");
    }

    #[test]
    fn three_hundred_seconds_either_way() {
        let (secret, body, digest) = VECTORS[0];
        let secrets = [Secret::new(secret)];
        let header = format!("t={AT},v1={digest}");
        for (now, result) in [
            (AT + 300, Ok(())),
            (AT + 301, Err(Wrong::Old)),
            (AT + 86_400, Err(Wrong::Old)),
            (AT - 300, Ok(())),
            (AT - 301, Err(Wrong::Ahead)),
        ] {
            assert_eq!(verify(&header, body.as_bytes(), &secrets, now), result, "{now}");
        }
    }

    #[test]
    fn what_is_no_signature_is_none() {
        let secrets = [Secret::new("whsec_test_secret"), Secret::new("")];
        let (_, _, digest) = VECTORS[0];
        for header in [
            String::new(),
            "t=1".into(),
            format!("v1={digest}"),
            format!("t=never,v1={digest}"),
            format!("t={AT},v0={digest}"),
            format!("t={AT},v1=zz{}", &digest[2..]),
            format!("t={AT},v1=é"),
            format!("t={AT},{}", "v1=0,".repeat(2000)),
        ] {
            assert_eq!(verify(&header, b"", &secrets, AT), Err(Wrong::Missing), "{header:.60}");
        }
        // An empty secret signs nothing.
        let empty = "t=1700000000,v1=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
        assert_eq!(verify(empty, b"", &[Secret::new("")], AT), Err(Wrong::Mismatch));
    }
}
