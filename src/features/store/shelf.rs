//! One file of features: a header, then records of one size: key, values, checksum.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use half::f16;

use super::series::{CHECK, KEY, RowKey, Series};

/// A file of features, which need not be there yet. Nothing in it is trusted: a record counts only
/// with its key and its checksum.
pub(super) struct Shelf {
    path: PathBuf,
    header: Vec<u8>,
    record: usize,
    file: Option<Arc<File>>,
    /// Where the record of each key is.
    index: HashMap<RowKey, u64>,
    /// Records whose keys were read.
    records: u64,
    /// Records that hold nothing of use.
    spoilt: Vec<u64>,
}

impl Shelf {
    /// The file of `series` in the store's `folder`, with the keys of its records.
    pub fn open(series: &Series, folder: &Path) -> Shelf {
        let path = folder.join(series.folder()).join(series.file());
        let (header, record) = (series.header(), series.record());
        let (index, spoilt) = (HashMap::new(), Vec::new());
        let mut shelf = Shelf { path, header, record, file: None, index, records: 0, spoilt };
        if let Err(error) = shelf.open_there() {
            log::debug!("no features from {}: {error}", shelf.path.display());
            shelf.forget();
        }
        shelf
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that `rows` rows would add.
    pub fn bytes_of(&self, rows: usize) -> u64 {
        let header = if self.records == 0 { self.header.len() } else { 0 };
        (header + rows * self.record) as u64
    }

    /// The values of `key`, if they are there and whole.
    pub fn get(&mut self, key: &RowKey) -> Option<Vec<f16>> {
        let number = *self.index.get(key)?;
        match self.read(number) {
            Ok(Some(record)) if record[..KEY] == key.0 => {
                let values = &record[KEY..self.record - CHECK];
                Some(values.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]])).collect())
            }
            Ok(_) => {
                log::debug!("{}: record {number} is damaged", self.path.display());
                self.index.remove(key);
                self.spoilt.push(number);
                None
            }
            Err(error) => {
                log::debug!("{}: record {number} cannot be read: {error}", self.path.display());
                self.index.remove(key);
                None
            }
        }
    }

    /// Adds `rows` that are not there, unless another process is adding some of its own.
    ///
    /// # Errors
    /// When the file cannot be written; what was in it before is still there.
    pub fn append(&mut self, rows: &[(RowKey, &[f16])]) -> io::Result<()> {
        if self.file.is_some() && !fs::exists(&self.path)? {
            // Another process made room.
            self.file = None;
            self.forget();
        }
        let file = self.open_to_write()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                log::debug!("{} is being written by another process", self.path.display());
                return Ok(());
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let written = self.write(&file, rows);
        if written.is_err() {
            self.forget();
        }
        // It falls with the file at the latest.
        let _ = file.unlock();
        written
    }

    fn start_of(&self, number: u64) -> u64 {
        self.header.len() as u64 + number * self.record as u64
    }

    fn forget(&mut self) {
        self.index.clear();
        self.spoilt.clear();
        self.records = 0;
    }

    fn open_there(&mut self) -> io::Result<()> {
        if !self.is_there()? {
            return Ok(());
        }
        let both = OpenOptions::new().read(true).write(true).open(&self.path);
        let file = both.or_else(|_| File::open(&self.path))?;
        // Files go by when they were used; one that cannot be touched goes early, no more.
        let _ = file.set_modified(SystemTime::now());
        self.file = Some(Arc::new(file));
        self.catch_up().map(drop)
    }

    /// True for a file, false for nothing.
    ///
    /// # Errors
    /// When something else has its name: what a link leads to is not the store's to write to.
    fn is_there(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The file, made if it is not there.
    fn open_to_write(&mut self) -> io::Result<Arc<File>> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        self.is_there()?;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&self.path)?;
        Ok(Arc::clone(self.file.insert(Arc::new(file))))
    }

    /// Reads the keys that were added since; false when the file does not begin as it should.
    fn catch_up(&mut self) -> io::Result<bool> {
        let Some(file) = self.file.as_deref() else { return Ok(false) };
        let length = file.metadata()?.len();
        // Keys of large records are read one by one, without what lies between.
        let buffer = if self.record > 8192 { KEY } else { 1 << 16 };
        let mut reader = BufReader::with_capacity(buffer, file);
        reader.seek(SeekFrom::Start(0))?;
        let mut header = vec![0; self.header.len()];
        let begins = length >= header.len() as u64 && {
            reader.read_exact(&mut header)?;
            header == self.header
        };
        if !begins {
            self.forget();
            return Ok(false);
        }
        let whole = (length - header.len() as u64) / self.record as u64;
        if whole < self.records {
            self.index.clear();
            self.spoilt.clear();
            self.records = 0;
        }
        reader.seek(SeekFrom::Start(header.len() as u64 + self.records * self.record as u64))?;
        for number in self.records..whole {
            let mut key = [0; KEY];
            reader.read_exact(&mut key)?;
            reader.seek_relative((self.record - KEY) as i64)?;
            // What a crash may leave where nothing came to the disk.
            if key == [0; KEY] {
                self.spoilt.push(number);
            } else {
                self.index.insert(RowKey(key), number);
            }
        }
        self.records = whole;
        Ok(true)
    }

    /// Record `number`, if its checksum is right.
    fn read(&self, number: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.file.as_deref() else { return Ok(None) };
        if self.start_of(number + 1) > file.metadata()?.len() {
            return Ok(None);
        }
        let mut record = vec![0; self.record];
        file.seek(SeekFrom::Start(self.start_of(number)))?;
        file.read_exact(&mut record)?;
        let (held, check) = record.split_at(self.record - CHECK);
        let whole = checksum(held) == check;
        Ok(whole.then_some(record))
    }

    /// Adds `rows` under the lock: over damaged records first, then behind the last whole one.
    fn write(&mut self, mut file: &File, rows: &[(RowKey, &[f16])]) -> io::Result<()> {
        let begins = self.catch_up()?;
        let end = if begins { self.start_of(self.records) } else { 0 };
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        let mut added = if begins { Vec::new() } else { self.header.clone() };
        for (key, values) in rows {
            if self.index.contains_key(key) {
                continue;
            }
            let record = record_of(key, values);
            match self.spoilt_record()? {
                Some(number) => {
                    file.seek(SeekFrom::Start(self.start_of(number)))?;
                    file.write_all(&record)?;
                    self.index.insert(*key, number);
                }
                None => {
                    added.extend(record);
                    self.index.insert(*key, self.records);
                    self.records += 1;
                }
            }
        }
        file.seek(SeekFrom::Start(end))?;
        file.write_all(&added).inspect_err(|_| {
            // A torn record costs nothing but its bytes.
            let _ = file.set_len(end);
        })
    }

    /// A record that is still damaged, to be written over: another process may have done so.
    fn spoilt_record(&mut self) -> io::Result<Option<u64>> {
        while let Some(number) = self.spoilt.pop() {
            match self.read(number)? {
                None => return Ok(Some(number)),
                Some(record) => {
                    let mut key = [0; KEY];
                    key.copy_from_slice(&record[..KEY]);
                    self.index.insert(RowKey(key), number);
                }
            }
        }
        Ok(None)
    }
}

fn record_of(key: &RowKey, values: &[f16]) -> Vec<u8> {
    let mut record = key.0.to_vec();
    record.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    let check = checksum(&record);
    record.extend(check);
    record
}

/// The first bytes of BLAKE3.
fn checksum(held: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&blake3::hash(held).as_bytes()[..CHECK]);
    check
}
