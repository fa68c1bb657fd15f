//! A backup: every key and value in one checked file. `restore` makes a new data folder of it.
//!
//! Layout: a magic line, the format as u32, then a zstd stream of `key length u32, value length u32, key,
//! value` (little-endian), ended by two zero lengths, the count as u64 and the SHA-256 of all before. It
//! must never hold secrets: the vault is not part of it, so a restored folder asks for its keys again.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::folder::{self, FORMAT, Folder};
use super::writer::sled_error;
use super::{OpenOptions, Store};

const MAGIC: &[u8] = b"tillwatch backup 1\n";
/// No value in the store comes near this; guards against a broken length.
const MOST: u32 = 1 << 24;
const AT_ONCE: usize = 500;

struct Hashing<T> {
    inner: T,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<R: Read> Hashing<R> {
    fn take<const N: usize>(&mut self) -> std::io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    fn take_vec(&mut self, length: u32) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length as usize];
        self.inner.read_exact(&mut bytes)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }
}

/// Writes a backup and reads it back before it gets its name. Returns the number of keys.
pub fn write(store: &Store, file: &Path) -> Result<u64, StoreError> {
    let written = write_checked(store, file);
    if written.is_err() {
        let _ = fs::remove_file(temporary_name(file));
    }
    written
}

fn temporary_name(file: &Path) -> std::path::PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    file.with_file_name(name)
}

fn write_checked(store: &Store, file: &Path) -> Result<u64, StoreError> {
    let temporary = temporary_name(file);
    let io = |error: std::io::Error| StoreError::io(file, &error);
    let count = dump(store, &temporary)?;
    let checked = read(&temporary, |_, _| Ok(()))?;
    if checked != count {
        return Err(StoreError::Backup { file: file.to_owned(), reason: "it could not be read back".into() });
    }
    fs::rename(&temporary, file).map_err(io)?;
    if let Some(parent) = file.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder::sync_dir(parent)?;
    }
    Ok(count)
}

fn dump(store: &Store, file: &Path) -> Result<u64, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let io = |error: std::io::Error| StoreError::io(file, &error);
    let mut out =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file).map_err(io)?;
    out.write_all(MAGIC).and_then(|()| out.write_all(&FORMAT.to_le_bytes())).map_err(io)?;
    let encoder = zstd::Encoder::new(BufWriter::new(out), 3).map_err(io)?;
    let mut out = Hashing { inner: encoder, hash: Sha256::new() };
    let mut count = 0u64;
    for item in store.tree().iter() {
        let (key, value) = item.map_err(sled_error)?;
        out.put(&(key.len() as u32).to_le_bytes()).map_err(io)?;
        out.put(&(value.len() as u32).to_le_bytes()).map_err(io)?;
        out.put(&key).and_then(|()| out.put(&value)).map_err(io)?;
        count += 1;
    }
    out.put(&[0; 8]).and_then(|()| out.put(&count.to_le_bytes())).map_err(io)?;
    let digest = out.hash.finalize();
    let mut encoder = out.inner;
    encoder.write_all(&digest).map_err(io)?;
    let buffered = encoder.finish().map_err(io)?;
    let file_handle = buffered.into_inner().map_err(|error| io(error.into_error()))?;
    file_handle.sync_all().map_err(io)?;
    Ok(count)
}

/// Reads a backup from beginning to end, checks it, and hands out its pairs.
fn read(
    file: &Path,
    mut each: impl FnMut(Vec<u8>, Vec<u8>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let bad = |reason: &str| StoreError::Backup { file: file.to_owned(), reason: reason.to_owned() };
    let cut = |error: std::io::Error| bad(&format!("it is cut short or broken ({error})"));
    let mut input = File::open(file).map_err(|error| bad(&error.to_string()))?;
    let mut magic = vec![0; MAGIC.len()];
    input.read_exact(&mut magic).map_err(|_| bad("it is no backup"))?;
    if magic != MAGIC {
        return Err(bad("it is no backup"));
    }
    let mut format = [0; 4];
    input.read_exact(&mut format).map_err(cut)?;
    if u32::from_le_bytes(format) > FORMAT {
        return Err(bad("it was written by a newer tillwatch: update tillwatch"));
    }
    let decoder = zstd::Decoder::new(BufReader::new(input)).map_err(cut)?;
    let mut input = Hashing { inner: decoder, hash: Sha256::new() };
    let mut count = 0u64;
    loop {
        let key_length = u32::from_le_bytes(input.take().map_err(cut)?);
        let value_length = u32::from_le_bytes(input.take().map_err(cut)?);
        if key_length == 0 && value_length == 0 {
            break;
        }
        if key_length > MOST || value_length > MOST {
            return Err(bad("a length in it is impossible"));
        }
        let key = input.take_vec(key_length).map_err(cut)?;
        let value = input.take_vec(value_length).map_err(cut)?;
        each(key, value)?;
        count += 1;
    }
    let told = u64::from_le_bytes(input.take().map_err(cut)?);
    let digest = input.hash.clone().finalize();
    let mut stored = [0; 32];
    input.inner.read_exact(&mut stored).map_err(cut)?;
    if told != count || digest.as_slice() != stored {
        return Err(bad("its checksum does not fit"));
    }
    Ok(count)
}

/// Makes the data folder `dir` from a backup. The folder must be new or empty. The backup is checked whole
/// before anything is made; the folder gets an install id of its own.
pub fn restore(file: &Path, dir: &Path, options: &OpenOptions) -> Result<u64, StoreError> {
    read(file, |_, _| Ok(()))?;
    if dir.is_dir() && fs::read_dir(dir).map_err(|error| StoreError::io(dir, &error))?.next().is_some() {
        return Err(StoreError::NotEmpty { dir: dir.to_owned() });
    }
    // Made beside its place and moved there whole: a kill leaves nothing that looks like a data folder.
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    let beside = dir.with_file_name(name);
    let io = |error: std::io::Error| StoreError::io(dir, &error);
    if beside.exists() {
        fs::remove_dir_all(&beside).map_err(io)?;
    }
    let count = fill(file, &beside, options)?;
    if dir.is_dir() {
        fs::remove_dir(dir).map_err(io)?;
    }
    fs::rename(&beside, dir).map_err(io)?;
    if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder::sync_dir(parent)?;
    }
    Ok(count)
}

fn fill(file: &Path, dir: &Path, options: &OpenOptions) -> Result<u64, StoreError> {
    let taken = Folder::take(dir)?;
    let (tree, handle) = super::open::database(&taken, options)?;
    let mut batch = sled::Batch::default();
    let mut held = 0;
    let count = read(file, |key, value| {
        batch.insert(key, value);
        held += 1;
        if held == AT_ONCE {
            folder::check_space(dir, options.need_mb)?;
            held = 0;
            tree.apply_batch(std::mem::take(&mut batch)).map_err(sled_error)?;
        }
        Ok(())
    })?;
    tree.apply_batch(batch).map_err(sled_error)?;
    tree.flush().map_err(sled_error)?;
    handle.sync_all().map_err(|error| StoreError::io(dir, &error))?;
    Ok(count)
}
