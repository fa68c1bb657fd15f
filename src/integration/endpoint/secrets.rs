//! Signing secrets of webhook endpoints: what a person pasted, and what the vault keeps.
//!
//! It must never show one, and never take an API key or an endpoint's id for one.

use serde::{Deserialize, Serialize};

use crate::engine::api::IntegrationId;
use crate::store::folder::random_id;
use crate::vault::secret::Secret;
use crate::vault::{Place, Vault, VaultError};

use super::{EndpointNote, OVERLAP_S};

/// A signing secret: where the vault put it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNote {
    /// Its name in the vault.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// It is taken until then, Unix seconds; none: it is the one in use.
    #[serde(default)]
    pub until: Option<i64>,
}

/// Why secrets could not be read: one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret of the webhook endpoint cannot be read ({why})")]
pub struct Unread {
    why: &'static str,
    /// They may be readable later; else they are lost, and a new one has to be taken.
    pub passing: bool,
}

impl From<VaultError> for Unread {
    fn from(error: VaultError) -> Unread {
        let why = match error {
            VaultError::Command { .. } | VaultError::Keyring { .. } => "the keyring does not give it",
            VaultError::KeyMissing { .. } => "the vault's key is gone",
            VaultError::Io { .. } | VaultError::NotOurs { .. } => "the vault cannot be read",
            _ => "the vault does not have it",
        };
        Unread { why, passing: error.may_pass() }
    }
}

/// A signing secret as it was pasted. What is something else is named; the error is a sentence.
pub fn parse(text: &str) -> Result<Secret, String> {
    let word = text.trim().trim_matches(['"', '\'']);
    let what = match word {
        "" => return Err("no signing secret was given: it begins with whsec_".into()),
        word if word.starts_with("sk_") || word.starts_with("rk_") => "an API key",
        word if word.starts_with("pk_") => "a publishable key",
        word if word.starts_with("we_") => "the endpoint's id",
        word if !word.starts_with("whsec_") => "no signing secret",
        word => {
            let rest = &word["whsec_".len()..];
            let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+/=".contains(&byte));
            if !plain || !(16..=512).contains(&rest.len()) {
                return Err("the signing secret is cut off or has other text beside it: copy it again with “Reveal” on the endpoint's page".into());
            }
            return Ok(Secret::new(word));
        }
    };
    Err(format!(
        "that is {what}: the signing secret begins with whsec_ and is behind “Reveal” on the endpoint's page in the Dashboard"
    ))
}

/// Keeps a new secret; the one before it is taken for a day more. May ask a keyring: blocks.
pub fn keep(
    vault: &Vault,
    id: IntegrationId,
    note: &mut EndpointNote,
    secret: &Secret,
    now: i64,
) -> Result<(), VaultError> {
    let name = format!("integration/{:08}/webhook_secret/{}", id.0, random_id());
    let place = vault.put(&name, secret)?;
    for old in &mut note.secrets {
        old.until.get_or_insert(now + OVERLAP_S);
    }
    note.secrets.insert(0, SecretNote { name, place, until: None });
    // Two are live at a time: the one in use and the one before it.
    for older in note.secrets.split_off(note.secrets.len().min(2)) {
        vault.wipe(&older.name, &older.place)?;
    }
    Ok(())
}

/// Secrets that are taken at `now`, with how long each is. May ask a keyring: blocks.
pub fn read(vault: &Vault, note: &EndpointNote, now: i64) -> Result<Vec<(Secret, Option<i64>)>, Unread> {
    let mut out = Vec::new();
    let mut failed = None;
    for one in note.secrets.iter().filter(|one| one.until.is_none_or(|until| until > now)) {
        match vault.get(&one.name, &one.place) {
            Ok(secret) => out.push((secret, one.until)),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        // Of two, the one in use is what counts.
        Some(_) if out.iter().any(|(_, until)| until.is_none()) => Ok(out),
        Some(error) => Err(error.into()),
        None => Ok(out),
    }
}

/// Forgets all of them, as far as the vault lets go; what it keeps stays in the note. May ask a keyring: blocks.
pub fn wipe(vault: &Vault, note: &mut EndpointNote) -> Result<(), VaultError> {
    let mut failed = Ok(());
    note.secrets.retain(|one| match vault.wipe(&one.name, &one.place) {
        Ok(()) => false,
        Err(error) => {
            failed = Err(error);
            true
        }
    });
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_by_mistake_is_named_and_never_shown() {
        let good = format!(" whsec_{} \n", "a1B2".repeat(8));
        assert_eq!(parse(&good).unwrap().expose(), good.trim());
        for (text, named) in [
            ("sk_live_abcdefghijkl", "an API key"),
            ("rk_test_abcdefghijkl", "an API key"),
            ("pk_test_abcdefghijkl", "publishable"),
            ("we_1abcdefghijkl", "the endpoint's id"),
            ("hello", "no signing secret"),
            ("", "no signing secret"),
            ("whsec_short", "cut off"),
            ("whsec_abcdefghijklmnop and more", "cut off"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert!(wrong.contains(named), "{text}: {wrong}");
            assert!(!wrong.contains("abcdefgh"), "{wrong}");
        }
    }

    #[test]
    fn two_are_live_while_one_takes_the_place_of_the_other() {
        let vault = Vault::in_memory();
        let mut note = EndpointNote::new("a1", "https://example.com", false).unwrap();
        let secret = |n: u8| Secret::new(format!("whsec_{}", n.to_string().repeat(20)));
        let read = |note: &EndpointNote, now| -> Vec<String> {
            read(&vault, note, now).unwrap().iter().map(|(one, _)| one.expose().to_owned()).collect()
        };
        for n in 1..=3 {
            keep(&vault, IntegrationId(1), &mut note, &secret(n), 1000 * i64::from(n)).unwrap();
        }
        let (second, third) = (secret(2).expose().to_owned(), secret(3).expose().to_owned());
        assert_eq!(read(&note, 3001), [third.clone(), second]);
        assert_eq!(read(&note, 3000 + OVERLAP_S), [third]);
        let known = note.clone();
        wipe(&vault, &mut note).unwrap();
        assert!(note.secrets.is_empty());
        let lost = super::read(&vault, &known, 0).unwrap_err();
        assert!(lost.to_string().contains("cannot be read") && !lost.passing);
    }
}
