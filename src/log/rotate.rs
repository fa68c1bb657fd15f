//! A log file that is exchanged when it is full: `serve.log`, the one before as `serve.log.1`, and so on to `.5`.
//!
//! Own, since the crates at hand rotate by time only, and a flood of entries must not fill the disk. It must never make a
//! file that others can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
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
    /// Not exchanged before so much is written: `most`, and more after an exchange that failed.
    full: u64,
}

impl Rotating {
    /// Goes on with the file, or makes it with its folder.
    pub fn open(path: &Path) -> io::Result<Rotating> {
        Rotating::with(path, MOST)
    }

    fn with(path: &Path, most: u64) -> io::Result<Rotating> {
        let file = append(path)?;
        let written = file.metadata()?.len();
        Ok(Rotating { path: path.to_owned(), file, written, most, full: most })
    }

    /// Goes on with what stands at the path now.
    fn reopen(&mut self) -> io::Result<()> {
        self.file = append(&self.path)?;
        self.written = self.file.metadata()?.len();
        self.full = self.most;
        Ok(())
    }

    /// Our file stands at its path: nobody has moved or removed it meanwhile.
    fn in_place(&self) -> io::Result<bool> {
        let here = match fs::symlink_metadata(&self.path) {
            Ok(here) => here,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        // One that was linked there on purpose is followed, as it was when it was opened.
        let here = if here.is_symlink() { fs::metadata(&self.path)? } else { here };
        let ours = self.file.metadata()?;
        Ok((here.dev(), here.ino()) == (ours.dev(), ours.ino()))
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        name.into()
    }

    fn exchange(&mut self) -> io::Result<()> {
        // Without a file of ours to move up, moving the old ones would only lose them, one with each line.
        if !self.in_place()? {
            return self.reopen();
        }
        for number in (1..KEPT).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))?;
        self.reopen()
    }
}

/// Makes the file with its folder if it is not there.
fn append(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Write for Rotating {
    /// Takes a whole line, which stays in one file.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.written > 0 && self.written + line.len() as u64 > self.full && self.exchange().is_err() {
            // A folder that cannot be changed any more: better one long file than no log. It is not tried at each line.
            self.full = self.written + self.most / 10;
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

    fn fill(log: &mut Rotating, lines: std::ops::Range<u32>) {
        for number in lines {
            log.write_all(format!("line {number:02} --\n").as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_file_that_was_taken_away_costs_no_older_one() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("logs").join("serve.log");
        let text = |end: &str| fs::read_to_string(path.with_extension(end)).ok();
        let mut log = Rotating::with(&path, 20).unwrap();
        fill(&mut log, 0..6);
        fs::remove_file(&path).unwrap();
        fill(&mut log, 6..8);
        assert_eq!(text("log").as_deref(), Some("line 07 --\n"));
        assert_eq!(text("log.1").as_deref(), Some("line 06 --\n"));
        assert_eq!(text("log.2").as_deref(), Some("line 04 --\n"), "line 05 went with its file");
        // Somebody else exchanged it: what they made is gone on with, and theirs is left alone.
        fs::rename(&path, temp.path().join("logs").join("moved")).unwrap();
        fs::write(&path, "theirs\n").unwrap();
        fill(&mut log, 8..9);
        assert_eq!(text("log").as_deref(), Some("theirs\nline 08 --\n"));
        assert_eq!(text("log.1").as_deref(), Some("line 06 --\n"));
        // The whole folder is gone.
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        fill(&mut log, 9..10);
        assert_eq!(text("log").as_deref(), Some("line 09 --\n"));
        assert_eq!(text("log.1"), None);
    }

    #[test]
    fn an_exchange_that_fails_is_not_tried_at_each_line() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("serve.log");
        // Nothing can be moved onto a folder that is not empty.
        for number in 1..=KEPT {
            fs::create_dir_all(temp.path().join(format!("serve.log.{number}")).join("x")).unwrap();
        }
        let mut log = Rotating::with(&path, 200).unwrap();
        fill(&mut log, 0..30);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 30, "one long file");
        assert!(log.full > log.written, "it waits for more");
    }
}
