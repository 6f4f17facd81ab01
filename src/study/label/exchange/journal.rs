//! Moves written down as they happen, and taken back.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::MAX_BYTES;
use super::carry::move_file;
use super::folders::Conflict;
use super::place::{real, slashes};
use crate::error::{Error, Result};

/// The name of a journal, before a number and its ending.
const NAME: &str = "difscope-moves";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Entry {
    /// The first line, with the version of the format.
    Journal(u32),
    /// A folder that was made, within the folder of the journal.
    Folder(String),
    /// A picture that is to be moved: from where, and to where within the folder of the journal.
    Move(String, String),
}

/// A journal that is being written.
pub(super) struct Journal {
    pub path: PathBuf,
    target: PathBuf,
    file: File,
}

impl Journal {
    /// A new one in `target`, beside those that are there.
    pub fn begin(target: &Path) -> Result<Journal> {
        let names = (1u32..).map(|number| match number {
            1 => format!("{NAME}.jsonl"),
            _ => format!("{NAME}-{number}.jsonl"),
        });
        for path in names.map(|name| target.join(name)) {
            match File::create_new(&path) {
                Ok(file) => {
                    let mut journal = Journal { path, target: target.to_path_buf(), file };
                    journal.write(&Entry::Journal(1))?;
                    return Ok(journal);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io("write", &path)(error)),
            }
        }
        Err(Error::Compute("no name is free for a journal".into()))
    }

    fn write(&mut self, entry: &Entry) -> Result<()> {
        let failed = |error| Error::Compute(format!("a journal cannot be written: {error}"));
        let line = serde_json::to_string(entry).map_err(failed)? + "\n";
        self.file.write_all(line.as_bytes()).map_err(Error::io("write", &self.path))
    }

    fn within(&self, path: &Path) -> String {
        slashes(path.strip_prefix(&self.target).unwrap_or(path))
    }

    /// Writes down that `folder` was made.
    pub fn folder(&mut self, folder: &Path) -> Result<()> {
        self.write(&Entry::Folder(self.within(folder)))
    }

    /// Writes down that a picture is about to be moved.
    pub fn step(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.write(&Entry::Move(from.to_string_lossy().into_owned(), self.within(to)))
    }

    /// Ends it; one without a move is removed.
    pub fn end(self, moved: bool) -> Result<()> {
        let Journal { path, file, .. } = self;
        if moved {
            return file.sync_all().map_err(Error::io("write", &path));
        }
        drop(file);
        fs::remove_file(&path).map_err(Error::io("remove", &path))
    }
}

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// Pictures that are back: from where, and where they are now.
    pub back: Vec<(PathBuf, PathBuf)>,
    /// Pictures that had not been moved, or are back already.
    pub not_moved: usize,
    /// Pictures that could not be taken back. While there are some, the journal stays.
    pub conflicts: Vec<Conflict>,
}

/// Takes the moves back that stand in `journal`, the last first. Nothing is replaced. Where all are back,
/// folders that were made and are empty go, and the journal too.
///
/// # Errors
/// When it cannot be read or is no journal: then nothing was moved.
pub fn undo(journal: &Path) -> Result<Undone> {
    let path = real(journal);
    let target = path.parent().unwrap_or(Path::new("")).to_path_buf();
    let (mut steps, mut folders) = (Vec::new(), Vec::new());
    for entry in read(&path)? {
        match entry {
            Entry::Journal(_) => {}
            Entry::Folder(folder) => folders.push(target.join(folder)),
            Entry::Move(from, to) => steps.push((PathBuf::from(from), target.join(to))),
        }
    }
    let mut undone = Undone::default();
    for (from, to) in steps.into_iter().rev() {
        match back(&from, &to) {
            Ok(true) => undone.back.push((to, from)),
            Ok(false) => undone.not_moved += 1,
            Err(why) => undone.conflicts.push(Conflict { picture: None, path: to, why }),
        }
    }
    if undone.conflicts.is_empty() {
        for folder in folders.iter().rev() {
            // One with something in it stays.
            let _ = fs::remove_dir(folder);
        }
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(undone)
}

/// Takes one move back; false where there is nothing to be taken back.
fn back(from: &Path, to: &Path) -> Result<bool, String> {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    match (is_there(from), is_there(to)) {
        (true, false) => Ok(false),
        (false, false) => Err(format!("it is neither here nor at {}; find it first", from.display())),
        // A move that was broken off between its two names.
        (true, true) if same_file(from, to) => {
            fs::remove_file(to).map(|()| false).map_err(|error| format!("cannot be removed: {error}"))
        }
        (true, true) => Err(format!("something else is at {} now; move it away first", from.display())),
        (false, true) => {
            if let Some(folder) = from.parent() {
                fs::create_dir_all(folder)
                    .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
            }
            move_file(to, from).map(|()| true).map_err(|error| error.to_string())
        }
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = |path: &Path| fs::symlink_metadata(path).ok().map(|about| (about.dev(), about.ino()));
        file(one).is_some() && file(one) == file(other)
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        false
    }
}

/// All entries, checked.
fn read(path: &Path) -> Result<Vec<Entry>> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(Error::io("read", path))?;
    if file.metadata().map_err(Error::io("read", path))?.len() > MAX_BYTES {
        return Err(Error::data(name, "too long for a journal of moves"));
    }
    let refuse = |line: usize, why: String| Error::data(format!("{name}, line {line}"), why);
    let mut entries = Vec::new();
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.map_err(Error::io("read", path))?;
        let entry: Entry = match serde_json::from_str(&text) {
            Ok(entry) => entry,
            // The program may have ended within the last line: then its move was not begun.
            Err(error) if error.is_eof() && line > 1 => break,
            Err(error) => return Err(refuse(line, format!("no journal of moves ({error})"))),
        };
        let inside = match &entry {
            Entry::Journal(1) if line == 1 => continue,
            Entry::Journal(version) => {
                return Err(refuse(line, format!("a journal of version {version}; use a newer difscope")));
            }
            Entry::Folder(inside) => inside,
            Entry::Move(from, inside) => {
                if !Path::new(from).is_absolute() {
                    return Err(refuse(line, format!("{from} is no full path")));
                }
                inside
            }
        };
        let parts = || Path::new(inside).components();
        if line == 1 || parts().next().is_none() || !parts().all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(refuse(line, format!("{inside:?} is not within the folder of the journal")));
        }
        entries.push(entry);
    }
    Ok(entries)
}
