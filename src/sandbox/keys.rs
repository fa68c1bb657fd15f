//! API keys: which exist, what mode they open, and what they may read.
//!
//! Keys are made from the seed and open nothing but this sandbox. They must never be logged in full: errors
//! show them masked.

use std::collections::BTreeSet;

use super::errors::ApiError;
use super::json::Out;
use super::rng::hash;

/// One key.
#[derive(Debug, Clone)]
pub struct Key {
    /// the whole key
    pub text: String,
    /// opens live mode
    pub livemode: bool,
    /// answers 401 `api_key_expired`
    pub expired: bool,
    /// permissions taken away, as `rak_…_read`; empty for a key that may all
    pub denied: BTreeSet<String>,
}

/// All keys of a sandbox.
#[derive(Debug, Clone)]
pub struct Keys {
    all: Vec<Key>,
    /// `sk_test_…`
    pub secret: String,
    /// `rk_test_…`
    pub restricted: String,
    /// `pk_test_…`
    pub publishable: String,
    /// an `rk_test_…` that has expired
    pub expired: String,
    /// `rk_live_…`
    pub live_restricted: String,
    /// `sk_live_…`
    pub live_secret: String,
}

impl Keys {
    /// The keys of a seed; `denied` is what the restricted test key may not.
    pub fn new(seed: u64, denied: &[String]) -> Keys {
        let make = |prefix: &str, number: u64| {
            let mut out = Out::default();
            out.raw(prefix);
            out.raw("51");
            let mut state = hash(seed, 0x6b65, number);
            for _ in 0..40 {
                out.byte(
                    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(state % 62) as usize],
                );
                state = super::rng::mix(state.wrapping_add(number + 1));
            }
            out.into_string()
        };
        let secret = make("sk_test_", 1);
        let restricted = make("rk_test_", 2);
        let publishable = make("pk_test_", 3);
        let expired = make("rk_test_", 4);
        let live_restricted = make("rk_live_", 5);
        let live_secret = make("sk_live_", 6);
        let key = |text: &str, livemode, expired, denied: &[String]| Key {
            text: text.to_owned(),
            livemode,
            expired,
            denied: denied.iter().cloned().collect(),
        };
        let all = vec![
            key(&secret, false, false, &[]),
            key(&restricted, false, false, denied),
            key(&expired, false, true, &[]),
            key(&live_restricted, true, false, &[]),
            key(&live_secret, true, false, &[]),
        ];
        Keys { all, secret, restricted, publishable, expired, live_restricted, live_secret }
    }

    /// Who is asking, from the text of a key.
    pub fn check(&self, text: &str) -> Result<&Key, ApiError> {
        if let Some(key) = self.all.iter().find(|key| key.text == text) {
            return if key.expired { Err(ApiError::expired_key(&mask(text))) } else { Ok(key) };
        }
        if text.starts_with("pk_") {
            return Err(ApiError::publishable_key());
        }
        if text.starts_with("sk_org_") {
            return Err(ApiError::no_context());
        }
        Err(ApiError::bad_key(&mask(text)))
    }

    /// The key with that text, to be changed.
    pub fn find(&mut self, text: &str) -> Option<&mut Key> {
        self.all.iter_mut().find(|key| key.text == text)
    }
}

impl Key {
    /// Refuses if the key lacks a permission. Writing implies reading, as with Stripe's keys.
    pub fn require(&self, permission: &str, account: &str) -> Result<(), ApiError> {
        if permission.is_empty() || !self.denied.contains(permission) {
            return Ok(());
        }
        Err(ApiError::forbidden(&mask(&self.text), account, permission))
    }
}

/// The key with its middle hidden.
pub fn mask(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let prefix = key.match_indices('_').nth(1).map_or(0, |(at, _)| key[..=at].chars().count());
    let tail = characters.len().saturating_sub(4).max(prefix);
    let mut masked: String = characters[..prefix].iter().collect();
    masked.extend(std::iter::repeat_n('*', tail - prefix));
    masked.extend(&characters[tail..]);
    masked
}

/// The key in an `Authorization` header: Bearer, or Basic with the key as user.
pub fn from_header(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!rest.is_empty()).then(|| rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = decode_base64(rest)?;
    let user = decoded.split(|byte| *byte == b':').next()?;
    let user = String::from_utf8(user.to_vec()).ok()?;
    (!user.is_empty()).then_some(user)
}

/// Standard base 64; padding may be missing.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_header_are_read() {
        assert_eq!(from_header("Bearer sk_test_1"), Some("sk_test_1".to_owned()));
        // sk_test_1: with an empty password
        assert_eq!(from_header("Basic c2tfdGVzdF8xOg=="), Some("sk_test_1".to_owned()));
        assert_eq!(from_header("Basic !"), None);
        assert_eq!(from_header("nonsense"), None);
    }

    #[test]
    fn masks_show_mode_and_tail_only() {
        assert_eq!(mask("sk_test_abcdefgh"), "sk_test_****efgh");
        assert_eq!(mask("ab"), "ab");
        assert_eq!(mask("zoë_é_öäüß"), "zoë_é_öäüß");
    }
}
