//! Where the values of a checkpoint lie, read piece by piece when they are asked for.

use std::borrow::Cow;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::progress::Meter;
use crate::error::{Error, Result};

/// Bytes read at a time, a multiple of the size of every kind of value.
pub(super) const CHUNK: usize = 1 << 20;

/// A file that stays open, or bytes in memory.
///
/// The file is held, not its name: one that is deleted or replaced by another under its name goes on
/// giving the values that were opened. One that is written to is noticed.
pub(super) struct Store {
    name: String,
    len: u64,
    bytes: Bytes,
}

enum Bytes {
    File { file: Mutex<File>, path: PathBuf, modified: Option<SystemTime> },
    Memory(Cow<'static, [u8]>),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.name).field("len", &self.len).finish_non_exhaustive()
    }
}

impl Store {
    /// The open file at `path`, called `name` in errors.
    ///
    /// # Errors
    /// When its length cannot be told.
    pub(super) fn file(file: File, path: &Path, name: &str) -> Result<Store> {
        let metadata = file.metadata().map_err(Error::io("read", path))?;
        let (len, modified) = (metadata.len(), metadata.modified().ok());
        let bytes = Bytes::File { file: Mutex::new(file), path: path.into(), modified };
        Ok(Store { name: name.into(), len, bytes })
    }

    /// `bytes`, called `name` in errors.
    pub(super) fn memory(bytes: impl Into<Cow<'static, [u8]>>, name: &str) -> Store {
        let bytes = bytes.into();
        Store { name: name.into(), len: bytes.len() as u64, bytes: Bytes::Memory(bytes) }
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The file, and when it was changed last, if the system tells.
    pub(super) fn origin(&self) -> Option<(&Path, Option<SystemTime>)> {
        match &self.bytes {
            Bytes::File { path, modified, .. } => Some((path, *modified)),
            Bytes::Memory(_) => None,
        }
    }

    /// Fills `part` from byte `offset` on.
    ///
    /// # Errors
    /// When the file has changed or cannot be read.
    pub(super) fn read_at(&self, offset: u64, part: &mut [u8]) -> Result<()> {
        let read = match &self.bytes {
            Bytes::File { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(part))
            }
            Bytes::Memory(bytes) => {
                let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
                match from.and_then(|from| from.get(..part.len())) {
                    Some(from) => {
                        part.copy_from_slice(from);
                        Ok(())
                    }
                    None => Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        };
        read.or_else(|error| {
            self.unchanged()?;
            Err(Error::io("read", self.path())(error))
        })
    }

    /// That nobody has written to the file since it was opened; asked after values are read.
    ///
    /// # Errors
    /// When somebody has, or the system does not tell any more.
    pub(super) fn unchanged(&self) -> Result<()> {
        let Bytes::File { file, path, modified } = &self.bytes else { return Ok(()) };
        let metadata = |file: &File| -> io::Result<Metadata> { file.metadata() };
        let now = metadata(&file.lock().unwrap_or_else(PoisonError::into_inner));
        let now = now.map_err(Error::io("read", path))?;
        if (now.len(), now.modified().ok()) == (self.len, *modified) {
            return Ok(());
        }
        Err(Error::checkpoint(&self.name, "the file has changed since it was opened; open it again"))
    }

    /// BLAKE3 of the whole in hex.
    ///
    /// # Errors
    /// When the file has changed or cannot be read, or the user cancels.
    pub(super) fn hash(&self, meter: &mut Meter<'_>) -> Result<String> {
        meter.start("hashing", self.len)?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0u8; CHUNK];
        let mut offset = 0;
        while offset < self.len {
            let part = &mut buffer[..(self.len - offset).min(CHUNK as u64) as usize];
            self.read_at(offset, part)?;
            hasher.update(part);
            offset += part.len() as u64;
            meter.add(part.len())?;
        }
        self.unchanged()?;
        Ok(hasher.finalize().to_hex().to_string())
    }

    /// To read it from the start like any file.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { store: self, place: 0 }
    }

    fn path(&self) -> &Path {
        match &self.bytes {
            Bytes::File { path, .. } => path,
            Bytes::Memory(_) => Path::new(&self.name),
        }
    }
}

/// A place in a store that moves on as it is read.
pub(super) struct Reader<'a> {
    store: &'a Store,
    place: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.store.len.saturating_sub(self.place)).unwrap_or(usize::MAX);
        let count = part.len().min(left);
        self.store.read_at(self.place, &mut part[..count]).map_err(io::Error::other)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(step) => self.store.len.checked_add_signed(step),
            SeekFrom::Current(step) => self.place.checked_add_signed(step),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn pieces_of_files_and_of_memory_are_the_same() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("f");
        let bytes: Vec<u8> = (0..=255).cycle().take(2 * CHUNK + 77).collect();
        fs::write(&path, &bytes).unwrap();
        let file = Store::file(File::open(&path).unwrap(), &path, "f").unwrap();
        let memory = Store::memory(bytes.clone(), "f");
        for store in [file, memory] {
            let mut part = [0; 100];
            store.read_at(CHUNK as u64 - 3, &mut part).unwrap();
            assert_eq!(part, bytes[CHUNK - 3..][..100]);
            assert!(store.read_at(store.len() - 99, &mut part).is_err());
            let hash = store.hash(&mut Meter::new(&mut |_| ControlFlow::Continue(()))).unwrap();
            assert_eq!(hash, blake3::hash(&bytes).to_hex().to_string());
            let mut reader = store.reader();
            reader.seek(SeekFrom::End(-5)).unwrap();
            let mut end = Vec::new();
            reader.read_to_end(&mut end).unwrap();
            assert_eq!(end, bytes[bytes.len() - 5..]);
            assert!(reader.seek(SeekFrom::Current(-(bytes.len() as i64) - 1)).is_err());
        }
    }
}
