//! The sealed file: names to secrets, each encrypted with XChaCha20-Poly1305.
//!
//! The key lies in another folder than the file. What is sealed is bound to its name and to this file's own
//! random id, so that entries can't be swapped. It must never write a secret or the key into the sealed file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::files;
use super::{Secret, VaultError};

/// Changes when the file's layout does.
const FORMAT: u32 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The file as it is written: JSON, so that a person can see what it is.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    format: u32,
    /// Random, hexadecimal; made with the file.
    install: String,
    entries: BTreeMap<String, Entry>,
}

/// One sealed secret, hexadecimal.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    nonce: String,
    sealed: String,
}

/// The sealed file of a data folder.
#[derive(Debug)]
pub(super) struct Sealed {
    path: PathBuf,
    key_path: PathBuf,
    warnings: Vec<String>,
}

impl Sealed {
    pub fn new(data_dir: &Path, key_dir: &Path) -> Sealed {
        Sealed {
            path: data_dir.join("vault.sealed"),
            key_path: key_dir.join("vault.key"),
            warnings: Vec::new(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn key_path(&self) -> &Path {
        &self.key_path
    }

    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The id of this file, which is made when there is none yet.
    #[cfg_attr(
        not(any(target_os = "macos", target_os = "windows", feature = "system-keyring")),
        allow(dead_code)
    )]
    pub fn install(&mut self) -> Result<String, VaultError> {
        if let Some(content) = self.load()? {
            return Ok(content.install);
        }
        let content = Content::new()?;
        self.store(&content)?;
        Ok(content.install)
    }

    pub fn put(&mut self, name: &str, secret: &Secret) -> Result<(), VaultError> {
        let mut content = match self.load()? {
            Some(content) => content,
            None => Content::new()?,
        };
        let key = self.key_or_new()?;
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let bound = bound_to(&content.install, name);
        let payload = Payload { msg: secret.expose().as_bytes(), aad: &bound };
        let sealed = cipher(&key)
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| VaultError::Tampered { name: name.to_owned() })?;
        content.entries.insert(name.to_owned(), Entry { nonce: to_hex(&nonce), sealed: to_hex(&sealed) });
        self.store(&content)
    }

    pub fn get(&mut self, name: &str) -> Result<Secret, VaultError> {
        let not_found = || VaultError::NotFound { name: name.to_owned() };
        let content = self.load()?.ok_or_else(not_found)?;
        let entry = content.entries.get(name).ok_or_else(not_found)?;
        let key = self.key()?.ok_or_else(|| VaultError::KeyMissing {
            path: files::shown(&self.key_path),
            name: name.to_owned(),
        })?;
        let tampered = || VaultError::Tampered { name: name.to_owned() };
        let nonce = from_hex(&entry.nonce).filter(|nonce| nonce.len() == NONCE_BYTES).ok_or_else(tampered)?;
        let sealed = from_hex(&entry.sealed).ok_or_else(tampered)?;
        let bound = bound_to(&content.install, name);
        let payload = Payload { msg: &sealed, aad: &bound };
        let clear = cipher(&key).decrypt(XNonce::from_slice(&nonce), payload).map_err(|_| tampered())?;
        // Takes the buffer over, so that no copy stays behind.
        String::from_utf8(clear).map(Secret::new).map_err(|error| {
            error.into_bytes().zeroize();
            tampered()
        })
    }

    pub fn wipe(&mut self, name: &str) -> Result<(), VaultError> {
        let Some(mut content) = self.load()? else { return Ok(()) };
        if content.entries.remove(name).is_none() {
            return Ok(());
        }
        self.store(&content)
    }

    fn load(&mut self) -> Result<Option<Content>, VaultError> {
        let Some((bytes, warning)) = files::read(&self.path)? else { return Ok(None) };
        self.warnings.extend(warning);
        match serde_json::from_slice::<Content>(&bytes) {
            Ok(content) if content.format == FORMAT => Ok(Some(content)),
            _ => Err(VaultError::Damaged { path: files::shown(&self.path) }),
        }
    }

    fn store(&self, content: &Content) -> Result<(), VaultError> {
        let mut text = serde_json::to_vec_pretty(content)
            .map_err(|_| VaultError::Damaged { path: files::shown(&self.path) })?;
        text.push(b'\n');
        files::replace(&self.path, &text)
    }

    fn key(&mut self) -> Result<Option<Zeroizing<[u8; KEY_BYTES]>>, VaultError> {
        let Some((text, warning)) = files::read(&self.key_path)? else { return Ok(None) };
        self.warnings.extend(warning);
        let damaged = || VaultError::Damaged { path: files::shown(&self.key_path) };
        let text = std::str::from_utf8(&text).map_err(|_| damaged())?;
        let bytes = Zeroizing::new(from_hex(text.trim()).ok_or_else(damaged)?);
        let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| damaged())?;
        Ok(Some(Zeroizing::new(key)))
    }

    fn key_or_new(&mut self) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        if let Some(key) = self.key()? {
            return Ok(key);
        }
        let mut key = Zeroizing::new([0_u8; KEY_BYTES]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| VaultError::Random)?;
        let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(to_hex(key.as_slice()))));
        if files::create_once(&self.key_path, text.as_bytes())? {
            return Ok(key);
        }
        // Another data folder's process was quicker: its key serves both.
        self.key()?.ok_or_else(|| VaultError::Damaged { path: files::shown(&self.key_path) })
    }
}

impl Content {
    fn new() -> Result<Content, VaultError> {
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id).map_err(|_| VaultError::Random)?;
        Ok(Content { format: FORMAT, install: to_hex(&id), entries: BTreeMap::new() })
    }
}

fn cipher(key: &[u8; KEY_BYTES]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(key))
}

/// What an entry is bound to. The id has a fixed length, so that no two pairs give the same bytes.
fn bound_to(install: &str, name: &str) -> Vec<u8> {
    format!("tillwatch vault {FORMAT}\n{install}\n{name}").into_bytes()
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::vault::{Place, Vault};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Folders {
        _root: tempfile::TempDir,
        data: PathBuf,
        config: PathBuf,
    }

    fn folders() -> Folders {
        let root = tempfile::tempdir().unwrap();
        let (data, config) = (root.path().join("a/data"), root.path().join("b/config"));
        Folders { _root: root, data, config }
    }

    impl Folders {
        fn vault(&self) -> Vault {
            Vault::open(&self.data, &self.config).unwrap()
        }

        fn sealed(&self) -> PathBuf {
            self.data.join("vault.sealed")
        }

        fn key(&self) -> PathBuf {
            self.config.join("vault.key")
        }

        fn place(&self) -> Place {
            Place::SealedFile { path: self.sealed(), key: self.key() }
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_come_back_and_files_are_private() {
        let at = folders();
        let vault = at.vault();
        assert_eq!(mode(&at.data), 0o700);
        assert_eq!(mode(&at.config), 0o700);
        assert!(!at.key().exists() && !at.sealed().exists());
        Sealed::new(&at.data, &at.config).put("shop", &Secret::new("s3cret-one")).unwrap();
        Sealed::new(&at.data, &at.config).put("other", &Secret::new("zwei ☃")).unwrap();
        assert_eq!(vault.get("shop", &at.place()).unwrap().expose(), "s3cret-one");
        // Another process, later.
        assert_eq!(at.vault().get("other", &at.place()).unwrap().expose(), "zwei ☃");
        assert_eq!(mode(&at.key()), 0o600);
        assert_eq!(mode(&at.sealed()), 0o600);
        let text = fs::read_to_string(at.sealed()).unwrap();
        assert!(!text.contains("s3cret") && !text.contains(&to_hex(b"s3cret-one")));
        assert!(!text.contains(fs::read_to_string(at.key()).unwrap().trim()));
        let names: Vec<_> = fs::read_dir(&at.data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["vault.sealed"], "no temporary file is left");

        vault.wipe("shop", &at.place()).unwrap();
        vault.wipe("shop", &at.place()).unwrap();
        assert!(matches!(vault.get("shop", &at.place()), Err(VaultError::NotFound { .. })));
        assert_eq!(vault.get("other", &at.place()).unwrap().expose(), "zwei ☃");
    }

    #[test]
    fn changed_and_swapped_entries_are_refused() {
        let at = folders();
        let vault = at.vault();
        let mut sealed = Sealed::new(&at.data, &at.config);
        sealed.put("a", &Secret::new("secret of a")).unwrap();
        sealed.put("b", &Secret::new("secret of b")).unwrap();
        let load = || serde_json::from_slice::<Content>(&fs::read(at.sealed()).unwrap()).unwrap();
        let store = |content: &Content| fs::write(at.sealed(), serde_json::to_vec(content).unwrap()).unwrap();
        let is_tampered = || matches!(vault.get("a", &at.place()), Err(VaultError::Tampered { .. }));

        let mut swapped = load();
        let b = swapped.entries.remove("b").unwrap();
        let good = swapped.entries.insert("a".into(), b).unwrap();
        store(&swapped);
        assert!(is_tampered(), "an entry under another name");

        let mut flipped = Entry { nonce: good.nonce.clone(), sealed: good.sealed.clone() };
        let last = if flipped.sealed.ends_with('0') { "1" } else { "0" };
        flipped.sealed.replace_range(flipped.sealed.len() - 1.., last);
        swapped.entries.insert("a".into(), flipped);
        store(&swapped);
        assert!(is_tampered(), "a flipped bit");

        for sealed in ["", "zz", "é0", "00"] {
            let entry = Entry { nonce: good.nonce.clone(), sealed: sealed.to_owned() };
            swapped.entries.insert("a".into(), entry);
            store(&swapped);
            assert!(is_tampered(), "{sealed:?}");
        }

        swapped.entries.insert("a".into(), good);
        swapped.install = "00".repeat(16);
        store(&swapped);
        assert!(is_tampered(), "from another installation");

        fs::write(at.sealed(), b"{\"format\":1,").unwrap();
        let error = vault.get("a", &at.place()).unwrap_err();
        assert!(matches!(error, VaultError::Damaged { .. }));
        assert!(error.to_string().contains("integrations edit"));
    }

    #[test]
    fn another_or_no_key() {
        let at = folders();
        let vault = at.vault();
        let mut sealed = Sealed::new(&at.data, &at.config);
        sealed.put("a", &Secret::new("secret")).unwrap();
        fs::write(at.key(), format!("{}\n", "ab".repeat(32))).unwrap();
        let error = vault.get("a", &at.place()).unwrap_err();
        assert!(matches!(error, VaultError::Tampered { .. }));
        assert!(error.to_string().contains("tillwatch integrations edit a --api-key-file"));
        fs::write(at.key(), "short").unwrap();
        assert!(matches!(vault.get("a", &at.place()), Err(VaultError::Damaged { .. })));
        fs::remove_file(at.key()).unwrap();
        assert!(matches!(vault.get("a", &at.place()), Err(VaultError::KeyMissing { .. })));
        // Connecting again makes a new key; the old entry is replaced.
        sealed.put("a", &Secret::new("again")).unwrap();
        assert_eq!(vault.get("a", &at.place()).unwrap().expose(), "again");
    }

    #[test]
    fn loose_permissions_are_tightened_and_told() {
        let at = folders();
        let vault = at.vault();
        Sealed::new(&at.data, &at.config).put("a", &Secret::new("secret")).unwrap();
        for path in [at.key(), at.sealed()] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        assert_eq!(vault.get("a", &at.place()).unwrap().expose(), "secret");
        assert_eq!((mode(&at.key()), mode(&at.sealed())), (0o600, 0o600));
        assert_eq!(vault.warnings().len(), 2);
    }

    #[test]
    fn links_and_folders_are_refused() {
        let at = folders();
        let vault = at.vault();
        Sealed::new(&at.data, &at.config).put("a", &Secret::new("secret")).unwrap();
        let moved = at.config.join("moved");
        fs::rename(at.key(), &moved).unwrap();
        symlink(&moved, at.key()).unwrap();
        assert!(matches!(vault.get("a", &at.place()), Err(VaultError::NotOurs { .. })));
        fs::remove_file(at.key()).unwrap();
        fs::create_dir(at.key()).unwrap();
        assert!(matches!(vault.get("a", &at.place()), Err(VaultError::NotOurs { .. })));
    }

    #[test]
    fn a_left_over_temporary_file_does_no_harm() {
        let at = folders();
        let vault = at.vault();
        fs::write(at.data.join("vault.tmp"), b"half").unwrap();
        fs::write(at.config.join("vault.tmp"), b"half").unwrap();
        Sealed::new(&at.data, &at.config).put("a", &Secret::new("secret")).unwrap();
        assert_eq!(vault.get("a", &at.place()).unwrap().expose(), "secret");
    }
}
