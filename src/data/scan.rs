//! Listing what can be opened in files and folders, without decoding anything.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cifar;
use super::container;
use super::decode::unreadable;
use super::idx::{self, Header};
use super::library::{IdxSet, Source, named};
use super::natural::natural_cmp;
use crate::error::{Error, Result};

/// How many sources are delivered at a time, so that a large folder appears while it is read.
const CHUNK: usize = 64;

/// A file or folder that gives no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub path: PathBuf,
    /// Why, in the user's words, without the path.
    pub why: String,
}

/// Lists the pictures in `paths` and hands them to `found`, a few at a time, in order. Each path is a
/// picture file, an IDX images file or CIFAR batch (all its pictures, or one as `file#12`), a folder
/// (with its folders, each in natural order, files first; hidden ones are left out) or a name as
/// [`named`](super::library::named) reads it. Files are told by content; no picture is decoded. What
/// gives no picture is returned with the reason, and nothing else is lost.
///
/// # Errors
/// Only [`Error::Cancelled`], as soon as `cancel` says so; what was found stays found.
pub fn scan(
    paths: &[PathBuf],
    cancel: &dyn Fn() -> bool,
    found: &mut dyn FnMut(Vec<Source>),
) -> Result<Vec<Skipped>> {
    let mut scan =
        Scan { cancel, found, chunk: Vec::new(), count: 0, skipped: Vec::new(), visited: HashSet::new() };
    for path in paths {
        if let Err(error) = scan.given(path) {
            if error.is_cancelled() {
                scan.deliver();
                return Err(error);
            }
            scan.skip(path, &error);
        }
    }
    scan.deliver();
    Ok(scan.skipped)
}

struct Scan<'a> {
    cancel: &'a dyn Fn() -> bool,
    found: &'a mut dyn FnMut(Vec<Source>),
    chunk: Vec<Source>,
    count: usize,
    skipped: Vec<Skipped>,
    /// Real paths of the folders seen, so that links in a circle end and nothing is listed twice.
    visited: HashSet<PathBuf>,
}

impl Scan<'_> {
    /// A path as the user gave it.
    fn given(&mut self, path: &Path) -> Result<()> {
        if let Some(sources) = path.to_str().and_then(named) {
            return self.add(sources?);
        }
        let about = match fs::metadata(path) {
            Ok(about) => about,
            Err(error) => {
                let Some((file, index)) = numbered(path) else { return Err(unreadable(path)(error)) };
                let set = Arc::new(IdxSet::open(&file)?);
                let source = IdxSet::source(&set, index).ok_or_else(|| {
                    let why = format!("the file holds {} pictures, #{index} is not there", set.count());
                    Error::data(path.display().to_string(), why)
                })?;
                return self.add([source]);
            }
        };
        if !about.is_dir() {
            return self.file(path);
        }
        let before = (self.count, self.visited.len());
        self.folder(path)?;
        if self.count == before.0 && self.visited.len() > before.1 {
            let why = "no pictures in this folder or the folders inside; choose another".to_owned();
            self.skipped.push(Skipped { path: path.to_path_buf(), why });
        }
        Ok(())
    }

    /// Everything in and below a folder. Folders wait on a stack of their own: links may nest deeply.
    fn folder(&mut self, top: &Path) -> Result<()> {
        let mut waiting = vec![top.to_path_buf()];
        while let Some(folder) = waiting.pop() {
            let (files, folders) = match self.entries(&folder) {
                Ok(entries) => entries,
                Err(error) if folder == top => return Err(error),
                Err(error) => {
                    self.skip(&folder, &error);
                    continue;
                }
            };
            for file in files {
                match self.file(&file) {
                    Err(error) if error.is_cancelled() => return Err(error),
                    Err(error) => self.skip(&file, &error),
                    Ok(()) => {}
                }
            }
            waiting.extend(folders.into_iter().rev());
        }
        Ok(())
    }

    /// The files and the folders in `folder` that are not hidden, each in natural order; nothing for a
    /// folder seen before.
    fn entries(&mut self, folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let failed = |error| Error::Io { action: "list", path: folder.to_path_buf(), source: error };
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        if !self.visited.insert(fs::canonicalize(folder).map_err(failed)?) {
            return Ok((Vec::new(), Vec::new()));
        }
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            // A link that leads nowhere goes on as a file, which then says what is wrong.
            let kind = entry.file_type().map_err(failed)?;
            let is_folder = if kind.is_symlink() { path.is_dir() } else { kind.is_dir() };
            let list = if is_folder { &mut folders } else { &mut files };
            list.push((name, path));
        }
        Ok((in_order(files), in_order(folders)))
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        if (self.cancel)() {
            return Err(Error::Cancelled);
        }
        let name = || path.display().to_string();
        if !fs::metadata(path).map_err(unreadable(path))?.is_file() {
            return Err(Error::picture(name(), "neither a file nor a folder"));
        }
        let mut head = Vec::new();
        let file = File::open(path).map_err(unreadable(path))?;
        file.take(container::HEAD as u64).read_to_end(&mut head).map_err(unreadable(path))?;
        let not_a_picture = match container::picture_format(&head) {
            Ok(_) => return self.add([Source::file(path)]),
            Err(why) => why,
        };
        if cifar::peek(path)?.is_some() {
            let set = Arc::new(IdxSet::open(path)?);
            return self.add(IdxSet::sources(&set));
        }
        let gzip = head.starts_with(&[0x1F, 0x8B]);
        if !gzip && !head.starts_with(&[0, 0, 8]) {
            return Err(Error::picture(name(), not_a_picture));
        }
        match idx::peek(path)? {
            Some(Header::Images { .. }) => {
                let set = Arc::new(IdxSet::open(path)?);
                self.add(IdxSet::sources(&set))
            }
            // Labels are read with the pictures that they belong to.
            Some(Header::Labels { .. }) if has_images_beside(path) => Ok(()),
            Some(Header::Labels { .. }) => {
                Err(Error::data(name(), "labels without the images file that belongs beside them"))
            }
            None if gzip => Err(Error::picture(name(), "a compressed file, not pictures; unpack it first")),
            None => Err(Error::picture(name(), not_a_picture)),
        }
    }

    fn add(&mut self, sources: impl IntoIterator<Item = Source>) -> Result<()> {
        for source in sources {
            self.chunk.push(source);
            self.count += 1;
            if self.chunk.len() == CHUNK {
                self.deliver();
                if (self.cancel)() {
                    return Err(Error::Cancelled);
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self) {
        if !self.chunk.is_empty() {
            (self.found)(std::mem::take(&mut self.chunk));
        }
    }

    fn skip(&mut self, path: &Path, error: &Error) {
        let why = match error {
            Error::Picture { why, .. } | Error::Data { why, .. } => why.clone(),
            Error::Io { action, source, .. } => format!("cannot {action} it: {source}"),
            other => other.to_string(),
        };
        self.skipped.push(Skipped { path: path.to_path_buf(), why });
    }
}

fn in_order(mut named: Vec<(String, PathBuf)>) -> Vec<PathBuf> {
    named.sort_by(|a, b| natural_cmp(&a.0, &b.0).then_with(|| a.1.cmp(&b.1)));
    named.into_iter().map(|(_, path)| path).collect()
}

/// `file#12` as the file and the number, when that file exists.
pub(super) fn numbered(path: &Path) -> Option<(PathBuf, usize)> {
    let (file, index) = path.to_str()?.rsplit_once('#')?;
    let file = PathBuf::from(file);
    Some((file.is_file().then_some(file)?, index.parse().ok()?))
}

fn has_images_beside(labels: &Path) -> bool {
    let Some(name) = labels.file_name().and_then(|name| name.to_str()) else { return false };
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let images = plain.replace("labels", "images").replace("idx1", "idx3");
    [images.clone(), format!("{images}.gz")].iter().any(|images| labels.with_file_name(images).is_file())
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
