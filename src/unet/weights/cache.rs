//! The folder in which `.pt` files are kept as safetensors, named by the file's hash, and a list of
//! the hashes of files that have not changed since they were last read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::parameters::Parameters;
use super::progress::Meter;
use super::safetensors::SafetensorsFile;
use super::store::Store;
use super::survey::{Survey, Wanted, survey};
use super::write::write_safetensors;
use crate::error::{Error, Result};

/// Metadata key under which a kept file states the hash of its contents.
const CONTENTS: &str = "contents";
/// Files remembered at most.
const MAX_KNOWN: usize = 256;

/// A cache folder; it need not exist yet.
pub(super) struct Cache<'a> {
    folder: &'a Path,
}

/// A file whose hash is known as long as length and time of change stay the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    hash: String,
}

impl<'a> Cache<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Cache { folder }
    }

    /// The hash of `file`, read from the list when the file has not changed.
    ///
    /// # Errors
    /// When the file cannot be read or the user cancels.
    pub(super) fn file_hash(&self, file: &Store, meter: &mut Meter<'_>) -> Result<String> {
        let mut list = self.list();
        let now = Known::of(file);
        if let Some(now) = &now
            && let Some(known) = list.iter().find(|known| known.same_file(now))
        {
            return Ok(known.hash.clone());
        }
        let hash = file.hash(meter)?;
        if let Some(mut now) = now {
            now.hash.clone_from(&hash);
            list.retain(|known| known.path != now.path);
            list.push(now);
            let surplus = list.len().saturating_sub(MAX_KNOWN);
            list.drain(..surplus);
            // The list only saves time: without it the file is hashed again.
            if let Err(error) = self.keep_list(&list) {
                log::debug!("list of file hashes not kept in {}: {error}", self.folder.display());
            }
        }
        Ok(hash)
    }

    /// The values kept for the file with hash `file_hash`, and what a reading of the `wanted` ones
    /// found, when they are whole and hold exactly `entries`.
    ///
    /// # Errors
    /// Only when the user cancels: a copy that cannot be read is as good as none.
    pub(super) fn load(
        &self,
        file_hash: &str,
        entries: &[Entry],
        wanted: &Wanted<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<Option<(Parameters, Survey)>> {
        let path = self.kept(file_hash);
        let Ok(file) = File::open(&path) else { return Ok(None) };
        let name = path.display().to_string();
        let loaded = Store::file(file, &path, &name).and_then(SafetensorsFile::open).and_then(|file| {
            let parameters = file.parameters();
            let stated = file.metadata().get(CONTENTS);
            if stated.is_none() || !holds(&parameters, entries) {
                return Ok(None);
            }
            let (survey, contents) = survey(&parameters, wanted, meter)?;
            Ok((stated == Some(&contents)).then_some((parameters, survey)))
        });
        match loaded {
            Ok(loaded) => Ok(loaded),
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(error) => {
                log::info!("converted again: {error}");
                Ok(None)
            }
        }
    }

    /// Keeps `parameters`, whose hash is `contents`, as the values of the file with hash `file_hash`.
    ///
    /// # Errors
    /// When they cannot be read or written, or the user cancels.
    pub(super) fn store(
        &self,
        file_hash: &str,
        parameters: &Parameters,
        contents: &str,
        meter: &mut Meter<'_>,
    ) -> Result<()> {
        fs::create_dir_all(self.folder).map_err(Error::io("create", self.folder))?;
        let metadata = BTreeMap::from([(CONTENTS.to_owned(), contents.to_owned())]);
        write_safetensors(&self.kept(file_hash), &metadata, parameters, false, true, meter)?;
        Ok(())
    }

    fn kept(&self, file_hash: &str) -> PathBuf {
        self.folder.join(format!("{file_hash}.safetensors"))
    }

    fn list_path(&self) -> PathBuf {
        self.folder.join("hashes.json")
    }

    /// The list, empty when it is missing or damaged.
    fn list(&self) -> Vec<Known> {
        let text = fs::read_to_string(self.list_path()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    fn keep_list(&self, list: &[Known]) -> std::io::Result<()> {
        fs::create_dir_all(self.folder)?;
        let file = tempfile::NamedTempFile::new_in(self.folder)?;
        serde_json::to_writer(&file, list)?;
        file.persist(self.list_path())?;
        Ok(())
    }
}

impl Known {
    /// `file` as it was opened, without its hash; `None` where the system tells no time of change.
    fn of(file: &Store) -> Option<Known> {
        let (path, modified) = file.origin()?;
        let modified = modified?.duration_since(UNIX_EPOCH).ok()?;
        let modified = u64::try_from(modified.as_nanos()).ok()?;
        let path = fs::canonicalize(path).ok()?;
        Some(Known { path, size: file.len(), modified, hash: String::new() })
    }

    /// True when both are the same state of the same file, and this one's hash can name a file.
    fn same_file(&self, other: &Known) -> bool {
        (&self.path, self.size, self.modified) == (&other.path, other.size, other.modified)
            && self.hash.len() == 64
            && self.hash.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

fn holds(parameters: &Parameters, entries: &[Entry]) -> bool {
    let mut floats = entries.iter().filter(|entry| entry.stored.size().is_some());
    let all = floats.clone().count() == parameters.len();
    all && floats.all(|entry| parameters.shape(&entry.name) == Some(entry.shape.as_slice()))
}
