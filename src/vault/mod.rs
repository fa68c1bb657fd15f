//! Keys and secrets at rest: the system's keyring, a sealed file, or nothing at all.
//!
//! On macOS and Windows (and on Linux with the feature `system-keyring`) a secret goes to the system's keyring;
//! a keyring that fails or hangs for 2 s, as over SSH, is passed over. Else it is sealed into a file whose key
//! lies in another folder, so that a copy of the data folder alone gives nothing away. With a key command
//! nothing is kept. It must never write a secret in the clear, print one, or put one into a [`Place`].
//!
//! Files and folders are made for their owner only. A file that others can read is tightened and warned about
//! ([`Vault::warnings`]); one that belongs to somebody else is refused.

mod command;
mod files;
#[cfg(any(target_os = "macos", target_os = "windows", feature = "system-keyring"))]
mod keyring;
mod limit;
mod sealed;
pub mod secret;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use sealed::Sealed;
use secret::Secret;

/// How long a key command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// Where a secret is. Holds no secret, so that it can be stored with the integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// In the sealed file of the data folder.
    SealedFile {
        /// The sealed file.
        path: PathBuf,
        /// The file with its key.
        key: PathBuf,
    },
    /// In the system's keyring.
    SystemKeyring,
    /// Nowhere: this command prints it each time.
    Command {
        /// Run with `sh -c`.
        command: String,
    },
    /// In this process only.
    Memory,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |path: &Path| crate::text::clean(&path.display().to_string()).into_owned();
        match self {
            Place::SealedFile { path, key } => {
                write!(f, "sealed in {}, its key kept apart in {}", shown(path), shown(key))?;
                f.write_str(" (only you can read both)")
            }
            Place::SystemKeyring => f.write_str("in the system's keyring"),
            Place::Command { command } => {
                write!(f, "not kept: read with `{}` when needed", crate::text::clean_max(command, 120))
            }
            Place::Memory => f.write_str("in memory only, until tillwatch ends"),
        }
    }
}

/// Why a secret could not be kept or read: one or two sentences for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// A file or folder.
    #[error("{what} {path} failed: {message}.")]
    Io {
        /// `Reading`, `Writing`.
        what: &'static str,
        /// Which one.
        path: String,
        /// The system's words.
        message: String,
    },
    /// It belongs to another user, or is no plain file.
    #[error("{path} is not a plain file of yours; remove it, or choose another folder.")]
    NotOurs {
        /// Which one.
        path: String,
    },
    /// Nothing is kept under that name.
    #[error(
        "No key is kept for {name}; give it again: `tillwatch integrations edit {name} --api-key-file -`."
    )]
    NotFound {
        /// The name.
        name: String,
    },
    /// The file with the vault's key is gone.
    #[error(
        "The key of the vault, {path}, is gone, so {name} can't be read; connect again with the key: `tillwatch integrations edit {name} --api-key-file -`."
    )]
    KeyMissing {
        /// Where it should be.
        path: String,
        /// The name.
        name: String,
    },
    /// Sealed with another key, for another name, or changed since.
    #[error(
        "What the vault keeps for {name} was sealed with another key or has been changed; connect again with the key: `tillwatch integrations edit {name} --api-key-file -`."
    )]
    Tampered {
        /// The name.
        name: String,
    },
    /// The file is not what we wrote.
    #[error(
        "{path} is damaged; move it away and connect again with the key: `tillwatch integrations edit NAME --api-key-file -`."
    )]
    Damaged {
        /// Which one.
        path: String,
    },
    /// The key command failed.
    #[error("The key command failed: {message}.")]
    Command {
        /// Its own words, cleaned.
        message: String,
    },
    /// The keyring failed.
    #[error("The system's keyring does not give the key for {name} ({message}); unlock it and try again.")]
    Keyring {
        /// The name.
        name: String,
        /// Its own words, cleaned.
        message: String,
    },
    /// It was only ever in memory, or a place that this build doesn't have.
    #[error("The key for {name} is not kept where this program can read it; give it again.")]
    Elsewhere {
        /// The name.
        name: String,
    },
    /// No random numbers.
    #[error("The system gives no random numbers, so nothing can be sealed.")]
    Random,
}

impl VaultError {
    /// What is kept may well be read, or wiped, later: a keyring is unlocked, a disk mounted. Else it is lost.
    pub fn may_pass(&self) -> bool {
        use VaultError::{Command, Io, Keyring, NotOurs, Random};
        matches!(self, Command { .. } | Io { .. } | Keyring { .. } | NotOurs { .. } | Random)
    }
}

/// The secrets of one data folder. Processes must not share it at the same time: the folder's lock sees to that.
#[derive(Debug)]
pub struct Vault {
    sealed: Option<Mutex<Sealed>>,
    memory: Mutex<BTreeMap<String, Secret>>,
}

impl Vault {
    /// The vault of a data folder; its key lies in `key_dir` (the configuration folder). Makes both folders, but
    /// no file until something is put.
    pub fn open(data_dir: &Path, key_dir: &Path) -> Result<Vault, VaultError> {
        files::private_dir(data_dir)?;
        files::private_dir(key_dir)?;
        Ok(Vault {
            sealed: Some(Mutex::new(Sealed::new(data_dir, key_dir))),
            memory: Mutex::new(BTreeMap::new()),
        })
    }

    /// A vault that keeps everything in memory: for throwaway data folders.
    pub fn in_memory() -> Vault {
        Vault { sealed: None, memory: Mutex::new(BTreeMap::new()) }
    }

    /// Keeps a secret under a name, replacing an older one, and tells where it went.
    pub fn put(&self, name: &str, secret: &Secret) -> Result<Place, VaultError> {
        let Some(sealed) = &self.sealed else {
            lock(&self.memory).insert(name.to_owned(), secret.clone());
            return Ok(Place::Memory);
        };
        let mut sealed = lock(sealed);
        #[cfg(any(target_os = "macos", target_os = "windows", feature = "system-keyring"))]
        match keyring::put(&sealed.install()?, name, secret) {
            Ok(()) => return Ok(Place::SystemKeyring),
            Err(error) => tracing::warn!(%error, "the sealed file is used instead of the keyring"),
        }
        sealed.put(name, secret)?;
        Ok(Place::SealedFile { path: sealed.path().to_owned(), key: sealed.key_path().to_owned() })
    }

    /// Reads a secret. Of a [`Place::Command`] this runs the command (up to 30 s): not on a drawing thread.
    pub fn get(&self, name: &str, place: &Place) -> Result<Secret, VaultError> {
        match place {
            Place::Command { command } => command::run(command, COMMAND_LIMIT),
            Place::Memory => lock(&self.memory).get(name).cloned().ok_or_else(|| elsewhere(name)),
            // The data folder may have been moved since: its own file counts, not the path noted then.
            Place::SealedFile { .. } => self.sealed(name)?.get(name),
            #[cfg(any(target_os = "macos", target_os = "windows", feature = "system-keyring"))]
            Place::SystemKeyring => keyring::get(&self.sealed(name)?.install()?, name),
            #[cfg(not(any(target_os = "macos", target_os = "windows", feature = "system-keyring")))]
            Place::SystemKeyring => Err(elsewhere(name)),
        }
    }

    /// Forgets a secret. One that is not there is forgotten already.
    pub fn wipe(&self, name: &str, place: &Place) -> Result<(), VaultError> {
        match place {
            Place::Command { .. } => Ok(()),
            Place::Memory => {
                lock(&self.memory).remove(name);
                Ok(())
            }
            Place::SealedFile { .. } => self.sealed(name)?.wipe(name),
            #[cfg(any(target_os = "macos", target_os = "windows", feature = "system-keyring"))]
            Place::SystemKeyring => keyring::wipe(&self.sealed(name)?.install()?, name),
            #[cfg(not(any(target_os = "macos", target_os = "windows", feature = "system-keyring")))]
            Place::SystemKeyring => Err(elsewhere(name)),
        }
    }

    /// What was found and set right so far, one sentence each: files that others could read.
    pub fn warnings(&self) -> Vec<String> {
        self.sealed.as_ref().map(|sealed| lock(sealed).warnings().to_vec()).unwrap_or_default()
    }

    fn sealed(&self, name: &str) -> Result<MutexGuard<'_, Sealed>, VaultError> {
        self.sealed.as_ref().map(lock).ok_or_else(|| elsewhere(name))
    }
}

fn elsewhere(name: &str) -> VaultError {
    VaultError::Elsewhere { name: name.to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic could leave behind is in files, which are replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_commands_leave_nothing_behind() {
        let vault = Vault::in_memory();
        let place = vault.put("a", &Secret::new("hush")).unwrap();
        assert_eq!(place, Place::Memory);
        assert_eq!(vault.get("a", &place).unwrap().expose(), "hush");
        vault.wipe("a", &place).unwrap();
        assert!(matches!(vault.get("a", &place), Err(VaultError::Elsewhere { .. })));
        assert!(matches!(vault.get("a", &Place::SystemKeyring), Err(VaultError::Elsewhere { .. })));
        let command = Place::Command { command: "printf ' from-a-command\\n'".to_owned() };
        assert_eq!(vault.get("a", &command).unwrap().expose(), "from-a-command");
        assert_eq!(vault.wipe("a", &command), Ok(()));
    }

    #[test]
    fn a_place_tells_where_and_holds_no_secret() {
        let place = Place::SealedFile { path: "/d/vault.sealed".into(), key: "/c/vault.key".into() };
        assert_eq!(
            place.to_string(),
            "sealed in /d/vault.sealed, its key kept apart in /c/vault.key (only you can read both)"
        );
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
    }
}
