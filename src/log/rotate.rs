//! A log file that is exchanged when it is full: `serve.log`, the one before as `serve.log.1`, and so on to `.5`.
//!
//! Own, since the crates at hand rotate by time only, and a flood of entries must not fill the disk. It must never make a
//! file that others can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of a file.
const MOST: u64 = 10 * 1024 * 1024;
/// Files that are kept beside the one that is written.
const KEPT: u32 = 5;

/// A file that is exchanged when it is full.
#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    file: File,
    written: u64,
    most: u64,
}

impl Rotating {
    /// Goes on with the file, or makes it with its folder.
    pub fn open(path: &Path) -> io::Result<Rotating> {
        Rotating::with(path, MOST)
    }

    fn with(path: &Path, most: u64) -> io::Result<Rotating> {
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let file = append(path)?;
        let written = file.metadata()?.len();
        Ok(Rotating { path: path.to_owned(), file, written, most })
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }

    fn exchange(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))?;
        self.file = append(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Write for Rotating {
    /// Takes a whole line, which stays in one file.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written > 0 && self.written + line.len() as u64 > self.most {
            // A folder that cannot be changed any more: better one long file than no log.
            let _ = self.exchange();
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_full_file_makes_room_and_the_oldest_goes() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("logs").join("serve.log");
        let mut log = Rotating::with(&path, 20).unwrap();
        for number in 0..20 {
            log.write_all(format!("line {number:02} --\n").as_bytes()).unwrap();
        }
        drop(log);
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(text(&path), "line 19 --\n");
        let mut names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|one| one.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names.len(), 1 + KEPT as usize, "{names:?}");
        assert_eq!(text(&path.with_extension("log.5")), "line 14 --\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut again = Rotating::with(&path, 100).unwrap();
        again.write_all(b"more\n").unwrap();
        assert_eq!(text(&path), "line 19 --\nmore\n", "it goes on where it was");
    }
}
