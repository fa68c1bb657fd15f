//! The system's keyring: Keychain, Windows Credential Manager, or the secret service.
//!
//! It must never be trusted to answer: over SSH and without a desktop keyrings fail or wait for a prompt that
//! nobody sees. Each call has 2 s.

use std::time::Duration;

use super::limit::within;
use super::{Secret, VaultError};

/// How long the keyring may take.
const LIMIT: Duration = Duration::from_secs(2);

/// Under which service entries stand in the keyring.
const SERVICE: &str = "tillwatch";

/// `install` keeps data folders apart.
pub(super) fn put(install: &str, name: &str, secret: &Secret) -> Result<(), VaultError> {
    let secret = secret.clone();
    call(install, name, move |entry| entry.set_password(secret.expose()))
}

pub(super) fn get(install: &str, name: &str) -> Result<Secret, VaultError> {
    call(install, name, |entry| entry.get_password().map(Secret::new))
}

pub(super) fn wipe(install: &str, name: &str) -> Result<(), VaultError> {
    match call(install, name, |entry| entry.delete_credential()) {
        Err(VaultError::NotFound { .. }) => Ok(()),
        result => result,
    }
}

fn call<T: Send + 'static>(
    install: &str,
    name: &str,
    work: impl FnOnce(&keyring::Entry) -> keyring::Result<T> + Send + 'static,
) -> Result<T, VaultError> {
    let user = format!("{install}/{name}");
    let result = within(LIMIT, move || keyring::Entry::new(SERVICE, &user).and_then(|entry| work(&entry)));
    let failed = |message: String| VaultError::Keyring { name: name.to_owned(), message };
    match result {
        None => Err(failed("no answer within 2 s".to_owned())),
        Some(Ok(value)) => Ok(value),
        Some(Err(keyring::Error::NoEntry)) => Err(VaultError::NotFound { name: name.to_owned() }),
        Some(Err(error)) => Err(failed(crate::stripe::scrub::scrub(&error.to_string()))),
    }
}
