//! Where the attach socket is: a short path in a folder of this user's, named in the lock file of the data folder.
//!
//! It must never use a folder that somebody else could write to.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::folder;

/// Paths of Unix sockets end here on the systems we run on (104 on macOS, 108 on Linux, with the zero behind).
const MOST_BYTES: usize = 103;

/// A path for a new socket that nobody uses.
pub fn fresh() -> io::Result<PathBuf> {
    let name = format!("tillwatch-{}.sock", &folder::random_id()[..12]);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no folder for the socket");
    for dir in candidates() {
        let path = dir.join(&name);
        if path.as_os_str().len() > MOST_BYTES {
            continue;
        }
        match private(&dir) {
            Ok(()) => {
                sweep(&dir);
                return Ok(path);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether a socket that a lock file names stands in a folder that only this user can write to: a name in a folder that
/// anybody may have made (below `/tmp`, after a restart) can lead to anybody.
pub fn trusted(socket: &Path) -> bool {
    let Some(meta) = socket.parent().and_then(|dir| fs::symlink_metadata(dir).ok()) else { return false };
    let others = meta.permissions().mode() & 0o077;
    meta.is_dir() && meta.uid() == rustix::process::getuid().as_raw() && others == 0
}

/// Whether the other end of a connection belongs to this user.
pub fn same_user(stream: &tokio::net::UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|cred| cred.uid() == rustix::process::getuid().as_raw())
}

/// Takes the folder away if nobody else has a socket in it.
pub fn leave(socket: &Path) {
    if let Some(dir) = socket.parent() {
        // Fails where it is not empty, as it should.
        let _ = fs::remove_dir(dir);
    }
}

/// Removes sockets that were left by processes that were killed: nobody answers there, and not since a minute ago.
fn sweep(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let old = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > Duration::from_secs(60)));
        let socket = path.extension().is_some_and(|end| end == "sock");
        if old
            && socket
            && UnixStream::connect(&path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            let _ = fs::remove_file(&path);
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let own = format!("tillwatch-{uid}");
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    runtime
        .map(|dir| dir.join("tillwatch"))
        .into_iter()
        .chain([std::env::temp_dir().join(&own), Path::new("/tmp").join(own)])
        .collect()
}

/// Makes the folder, or sees that it is ours alone.
fn private(dir: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let meta = fs::symlink_metadata(dir)?;
    if !meta.is_dir() || meta.uid() != rustix::process::getuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} is not a folder of this user's", dir.display()),
        ));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_path_is_short_and_in_a_private_folder() {
        let path = fresh().unwrap();
        assert!(path.as_os_str().len() <= MOST_BYTES);
        let dir = path.parent().unwrap();
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o077, 0);
        assert_ne!(fresh().unwrap(), path);
    }

    #[test]
    fn a_socket_is_trusted_in_a_folder_of_ours_alone() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("tillwatch-0");
        let socket = dir.join("tillwatch-1.sock");
        assert!(!trusted(&socket), "no folder");
        fs::create_dir(&dir).unwrap();
        for (mode, so) in [(0o700, true), (0o770, false), (0o755, false), (0o702, false)] {
            fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(trusted(&socket), so, "{mode:o}");
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        assert!(!trusted(&link.join("tillwatch-1.sock")));
        // Nobody can make one of another user's here: /proc/1 is root's, and open to all.
        assert!(!trusted(Path::new("/proc/1/x.sock")));
    }

    #[test]
    fn a_link_in_the_place_of_the_folder_is_not_used() {
        let temp = tempfile::tempdir().unwrap();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(temp.path(), &link).unwrap();
        assert!(private(&link).is_err());
        assert!(private(&temp.path().join("new")).is_ok());
    }
}
