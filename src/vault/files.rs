//! Files and folders that only their owner can read.
//!
//! It must never leave a half-written file under its final name, and never follow what is not a plain file of
//! the running user.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use super::VaultError;

/// Permissions of everybody but the owner.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// The largest file of ours that is read; thousands of secrets fit.
const LARGEST: u64 = 16 * 1024 * 1024;

pub(super) fn failed(what: &'static str, path: &Path, error: &std::io::Error) -> VaultError {
    VaultError::Io { what, path: shown(path), message: crate::text::clean(&error.to_string()).into_owned() }
}

pub(super) fn shown(path: &Path) -> String {
    crate::text::clean(&path.display().to_string()).into_owned()
}

/// Makes a folder for its owner alone. One that is there already is left as it is.
pub(super) fn private_dir(path: &Path) -> Result<(), VaultError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| failed("Making the folder", path, &error))
}

/// A file's content, wiped when dropped, and a warning if there is one.
pub(super) type Content = (Zeroizing<Vec<u8>>, Option<String>);

/// A file's content, none when there is no file; and a warning when others could read it until now.
pub(super) fn read(path: &Path) -> Result<Option<Content>, VaultError> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        // A symbolic link (ELOOP): somebody else may own where it leads.
        Err(_) if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) => {
            return Err(VaultError::NotOurs { path: shown(path) });
        }
        Err(error) => return Err(failed("Reading", path, &error)),
    };
    let warning = check(path, &file)?;
    let mut content = Zeroizing::new(Vec::with_capacity(4096));
    let read = file.take(LARGEST + 1).read_to_end(&mut content);
    read.map_err(|error| failed("Reading", path, &error))?;
    if content.len() as u64 > LARGEST {
        return Err(VaultError::Damaged { path: shown(path) });
    }
    Ok(Some((content, warning)))
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Not through symbolic links, and a pipe must not make us wait.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

/// Refuses what is not a plain file of ours; takes other people's permissions away.
#[cfg(unix)]
fn check(path: &Path, file: &File) -> Result<Option<String>, VaultError> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let meta = file.metadata().map_err(|error| failed("Reading", path, &error))?;
    if !meta.is_file() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(VaultError::NotOurs { path: shown(path) });
    }
    if meta.mode() & OTHERS == 0 {
        return Ok(None);
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(|error| failed("Tightening the permissions of", path, &error))?;
    let warning = format!(
        "{} could be read by others; only you can now. If this machine has other users, roll the key in the Stripe Dashboard.",
        shown(path)
    );
    tracing::warn!("{warning}");
    Ok(Some(warning))
}

#[cfg(not(unix))]
fn check(path: &Path, file: &File) -> Result<Option<String>, VaultError> {
    // Elsewhere the user's own folders are private by inherited access lists.
    let meta = file.metadata().map_err(|error| failed("Reading", path, &error))?;
    if meta.is_file() { Ok(None) } else { Err(VaultError::NotOurs { path: shown(path) }) }
}

/// Writes a new file for its owner alone and brings it to the disk. Fails when there is one.
fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Replaces a file whole: either the old or the new content is there, also after a power cut.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<()> {
        remove_if_there(&temporary)?;
        create(&temporary, content)?;
        fs::rename(&temporary, path)?;
        sync_dir(path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed("Writing", path, &error)
    })
}

/// Makes a file that must not be there yet, never half of it. False when there is one.
pub(super) fn create_once(path: &Path, content: &[u8]) -> Result<bool, VaultError> {
    let temporary = path.with_extension("tmp");
    let write = || -> std::io::Result<bool> {
        remove_if_there(&temporary)?;
        create(&temporary, content)?;
        // Unlike a rename, a link never replaces; unlike writing in place, it shows the file whole.
        let made = match fs::hard_link(&temporary, path) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            // A file system without links.
            Err(_) => match create(path, content) {
                Ok(()) => true,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
                Err(error) => {
                    let _ = fs::remove_file(path);
                    return Err(error);
                }
            },
        };
        fs::remove_file(&temporary)?;
        sync_dir(path)?;
        Ok(made)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failed("Writing", path, &error)
    })
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn sync_dir(_path: &Path) -> std::io::Result<()> {
    Ok(())
}
