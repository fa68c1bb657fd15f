//! The token of the API: read from a file that a person names, or made once and kept beside the vault's key.
//!
//! It must never be printed, logged, or left where others can read it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::vault::secret::Secret;

/// Its name beside the vault's key.
pub const NAME: &str = "api.token";
/// What one that is made here begins with; it is hidden wherever it shows (`stripe::scrub`).
const PREFIX: &str = "tw_api_";
/// Characters of a token, at least and at most.
const LENGTH: std::ops::RangeInclusive<usize> = 20..=512;
/// Random bytes of one that is made here.
const BYTES: usize = 32;

/// The token, and where it is kept. A file that was named has to be there; else one is made in `key_dir`.
pub fn take(named: Option<&Path>, key_dir: &Path) -> Result<(Secret, PathBuf), String> {
    if let Some(path) = named {
        return match read(path)? {
            Some(token) => Ok((token, path.to_owned())),
            None => Err(format!(
                "there is no token file {}: make one with `(umask 077; openssl rand -hex 32 > FILE)`, or leave --token-file out",
                path.display()
            )),
        };
    }
    let path = key_dir.join(NAME);
    if let Some(token) = read(&path)? {
        return Ok((token, path));
    }
    make(&path).map_err(|error| format!("the token file {} cannot be made: {error}", path.display()))?;
    // Another process may have been quicker: what is there now counts.
    match read(&path)? {
        Some(token) => Ok((token, path)),
        None => Err(format!("the token file {} is gone again: start once more", path.display())),
    }
}

fn read(path: &Path) -> Result<Option<Secret>, String> {
    let shown = path.display();
    let failed = |error: io::Error| format!("the token file {shown} cannot be read: {error}");
    // A pipe must not make us wait.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(format!("the token file {shown} is no plain file: name another"));
    }
    // The group may read it: that is how a person shares it with a program on purpose.
    if meta.mode() & 0o027 != 0 {
        return Err(format!(
            "the token file {shown} can be read or changed by others: run `chmod 600` on it, and put a new token in if this machine has other users"
        ));
    }
    let mut text = Zeroizing::new(String::new());
    let most = *LENGTH.end() as u64 + 16;
    let whole = file.take(most).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim_end_matches(['\r', '\n']);
    let plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    if whole as u64 == most || !plain || !LENGTH.contains(&token.len()) {
        return Err(format!(
            "the token file {shown} must hold one line of {} to {} letters, digits and signs, without blanks",
            LENGTH.start(),
            LENGTH.end()
        ));
    }
    Ok(Some(Secret::new(token)))
}

/// Makes it whole or not at all; one that is there already stays.
fn make(path: &Path) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(dir)?;
    let mut bytes = Zeroizing::new([0_u8; BYTES]);
    getrandom::fill(bytes.as_mut_slice())
        .map_err(|_| io::Error::other("the system gives no random bytes"))?;
    let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * BYTES + 1));
    text.push_str(PREFIX);
    for byte in bytes.iter() {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike a rename, a link never replaces one that is there.
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(_) => fs::rename(&temporary, path),
            Ok(()) => Ok(()),
        }
    };
    let made = write();
    let _ = fs::remove_file(&temporary);
    made?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(dir: &Path, text: &str, mode: u32) -> PathBuf {
        let path = dir.join("token");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn one_is_made_once_for_its_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let keys = temp.path().join("new").join("keys");
        let (first, path) = take(None, &keys).unwrap();
        let (second, again) = take(None, &keys).unwrap();
        assert_eq!((first.expose(), &path), (second.expose(), &again));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&keys).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1, "nothing but the token is left");
        assert!(first.expose().len() > 60);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(take(None, other.path()).unwrap().0.expose(), first.expose());
    }

    #[test]
    fn a_named_file_has_to_be_there_private_and_one_word() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        assert!(take(Some(&dir.join("none")), dir).unwrap_err().contains("there is no token file"));
        let long = "0123456789012345678901234567890123456789";
        let path = file(dir, &format!("{long}\n"), 0o600);
        assert_eq!(take(Some(&path), dir).unwrap().0.expose(), long);
        file(dir, long, 0o640);
        assert!(take(Some(&path), dir).is_ok(), "its group may read it");
        for mode in [0o644, 0o660, 0o602] {
            file(dir, long, mode);
            let refused = take(Some(&path), dir).unwrap_err();
            assert!(refused.contains("chmod 600") && !refused.contains(long), "{refused}");
        }
        for text in
            ["", "short", "two words of which each is long", &"x".repeat(600), "töken-that-is-not-ascii-only"]
        {
            file(dir, text, 0o600);
            let refused = take(Some(&path), dir).unwrap_err();
            assert!(refused.contains("must hold one line"), "{refused}");
        }
        assert!(take(Some(dir), dir).unwrap_err().contains("no plain file"));
    }
}
