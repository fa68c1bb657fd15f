//! API keys: what a person pasted, recognised or refused before anything is sent.
//!
//! Prefixes: docs.stripe.com/keys and the Stripe CLI's own validation. It must never print a key: what is
//! shown is [`ApiKey::masked`], what is compared is [`ApiKey::fingerprint`].

use sha2::{Digest, Sha256};

use crate::vault::secret::Secret;

/// What a key is able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `sk_…`: everything, also moving money. tillwatch only needs to read.
    Secret,
    /// `rk_…`: what was ticked when it was made.
    Restricted,
    /// `rkcs_test_…`: of a sandbox that the Stripe CLI made and nobody has claimed yet; ends after days.
    ClaimableSandbox,
}

/// A key that Stripe may accept. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// What it is able to do.
    pub kind: KeyKind,
    /// Live money or test mode, as the prefix says.
    pub livemode: bool,
    /// The key itself.
    pub secret: Secret,
}

/// Why a text is no key that can be used: one sentence each, without the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Nothing there.
    #[error("There is no key: paste a restricted key (rk_live_… or rk_test_…) from the Stripe Dashboard.")]
    Empty,
    /// More than one line, or blanks inside.
    #[error("The key has blanks or line breaks inside: give exactly one key, on one line.")]
    Broken,
    /// Control or other characters that no key has.
    #[error("The key has characters that no Stripe key has: copy it again from the Stripe Dashboard.")]
    Characters,
    /// `pk_…`
    #[error(
        "This is a publishable key (pk_…), which cannot read anything: use a restricted key (rk_…) instead."
    )]
    Publishable,
    /// `whsec_…`
    #[error("This is a webhook signing secret (whsec_…), not an API key: use a restricted key (rk_…).")]
    SigningSecret,
    /// `ek_…`
    #[error(
        "This is an ephemeral key (ek_…), made for one customer's phone: use a restricted key (rk_…) instead."
    )]
    Ephemeral,
    /// `sk_org_…`
    #[error(
        "Organization keys (sk_org_…) are not supported yet: make a restricted key (rk_…) in each account."
    )]
    Organization,
    /// `we_…`, `acct_…` and the like.
    #[error("This is the id of something at Stripe, not an API key: use a restricted key (rk_…).")]
    ObjectId,
    /// The right beginning, but too short to be whole.
    #[error("The key is cut off: copy the whole key from the Stripe Dashboard.")]
    Cut,
    /// Shown as `rk_live_…4242` or with asterisks.
    #[error("The key is masked: reveal it in the Stripe Dashboard and copy it whole.")]
    Masked,
    /// Anything else.
    #[error("This is not a Stripe API key: it should begin with rk_live_, rk_test_, sk_live_ or sk_test_.")]
    Unknown,
}

const KEYS: &[(&str, KeyKind, bool)] = &[
    ("sk_test_", KeyKind::Secret, false),
    ("sk_live_", KeyKind::Secret, true),
    ("rk_test_", KeyKind::Restricted, false),
    ("rk_live_", KeyKind::Restricted, true),
    ("rkcs_test_", KeyKind::ClaimableSandbox, false),
];

const NOT_KEYS: &[(&str, KeyProblem)] = &[
    ("pk_", KeyProblem::Publishable),
    ("whsec_", KeyProblem::SigningSecret),
    ("ek_", KeyProblem::Ephemeral),
    ("sk_org_", KeyProblem::Organization),
    ("we_", KeyProblem::ObjectId),
    ("acct_", KeyProblem::ObjectId),
    ("ca_", KeyProblem::ObjectId),
    ("cus_", KeyProblem::ObjectId),
    ("in_", KeyProblem::ObjectId),
];

/// Characters of a key after its prefix below which it can't be whole. Real keys have 24 or more; local
/// stand-ins for Stripe use short ones.
const SHORTEST: usize = 4;

impl ApiKey {
    /// Takes what a person pasted or a command printed. Blanks, line breaks and quotes around it don't matter.
    pub fn parse(text: &str) -> Result<ApiKey, KeyProblem> {
        // A byte order mark is what some editors leave in key files.
        let around =
            |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '"' | '\'' | '`' | '“' | '”' | '‘' | '’');
        let text = text.trim_matches(around);
        if text.is_empty() {
            return Err(KeyProblem::Empty);
        }
        if text.chars().any(char::is_whitespace) {
            return Err(KeyProblem::Broken);
        }
        if text.chars().any(char::is_control) {
            return Err(KeyProblem::Characters);
        }
        if let Some((_, problem)) = NOT_KEYS.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            return Err(*problem);
        }
        let Some((prefix, kind, livemode)) = KEYS.iter().find(|(prefix, ..)| text.starts_with(prefix)) else {
            return Err(KeyProblem::Unknown);
        };
        let rest = &text[prefix.len()..];
        if rest.contains(['*', '…', '•']) || rest.contains("...") {
            return Err(KeyProblem::Masked);
        }
        if !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(KeyProblem::Characters);
        }
        if rest.len() < SHORTEST {
            return Err(KeyProblem::Cut);
        }
        Ok(ApiKey { kind: *kind, livemode: *livemode, secret: Secret::new(text) })
    }

    /// What may be shown: the prefix and the last four characters, `rk_live_…4242`.
    pub fn masked(&self) -> String {
        let key = self.secret.expose();
        let prefix = KEYS.iter().map(|row| row.0).find(|prefix| key.starts_with(prefix)).unwrap_or("");
        let rest = &key[prefix.len()..];
        // Of a short key four characters would be too much of it.
        let shown = if rest.len() >= 12 { &rest[rest.len() - 4..] } else { "" };
        format!("{prefix}…{shown}")
    }

    /// The first 8 bytes of the key's SHA-256 as hex: tells whether two keys are the same one.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.secret.expose().as_bytes());
        digest.iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
            use std::fmt::Write as _;
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Put together so that scanners for leaked keys don't take tests for leaks.
    fn key(prefix: &str) -> String {
        format!("{prefix}51HxyzABCDEFghijkl4242")
    }

    #[test]
    fn keys_are_recognised() {
        for (prefix, kind, livemode) in KEYS {
            let parsed = ApiKey::parse(&format!("\u{feff} \"{}\" \r\n", key(prefix))).unwrap();
            assert_eq!((parsed.kind, parsed.livemode), (*kind, *livemode));
            assert_eq!(parsed.masked(), format!("{prefix}…4242"));
            assert!(!format!("{parsed:?}").contains("51Hxyz"));
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_sentence() {
        let cases = [
            ("", KeyProblem::Empty),
            (" \n ", KeyProblem::Empty),
            ("pk_live_abcdefghijkl", KeyProblem::Publishable),
            ("whsec_abcdefghijkl", KeyProblem::SigningSecret),
            ("ek_test_abcdefghijkl", KeyProblem::Ephemeral),
            ("sk_org_abcdefghijkl", KeyProblem::Organization),
            ("we_1abcdefghijkl", KeyProblem::ObjectId),
            ("hello", KeyProblem::Unknown),
            ("sk_test_", KeyProblem::Cut),
            ("sk_test_****abcd", KeyProblem::Masked),
            ("rk_live_…4242", KeyProblem::Masked),
            ("sk_test_abc\ndef12345", KeyProblem::Broken),
            ("sk_test_abc\u{1b}def12345", KeyProblem::Characters),
            ("sk_test_abc\u{e9}def12345", KeyProblem::Characters),
        ];
        for (text, problem) in cases {
            assert_eq!(ApiKey::parse(text).unwrap_err(), problem, "{text:?}");
            assert!(problem.to_string().ends_with('.'));
        }
    }

    #[test]
    fn fingerprints_tell_keys_apart() {
        let one = ApiKey::parse(&key("rk_test_")).unwrap();
        let same = ApiKey::parse(&format!("{}\n", key("rk_test_"))).unwrap();
        let other = ApiKey::parse(&key("rk_live_")).unwrap();
        assert_eq!(one.fingerprint(), same.fingerprint());
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.fingerprint().len(), 16);
    }
}
