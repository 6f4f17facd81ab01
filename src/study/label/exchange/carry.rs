//! Carrying pictures into folders: each is either carried or where it was, and nothing is replaced.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::config::Carry;
use super::folders::{FolderPlan, Step};
use super::journal::Journal;
use super::packed::Packed;
use super::place::is_packed;
use crate::error::{Error, Result};
use crate::figure::write::atomic;

/// What was carried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Carried {
    /// How many of [`FolderPlan::steps`], the first ones, are done.
    pub done: usize,
    /// Where moves are written down; [`undo`](super::undo) takes them back.
    pub journal: Option<PathBuf>,
    /// Why the others are not.
    pub stopped: Option<Stopped>,
}

/// Why carrying ended early.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stopped {
    /// The picture that was next; it is where it was.
    pub from: PathBuf,
    /// What failed, in full; nothing where the user stopped it.
    pub why: Option<String>,
}

impl FolderPlan {
    /// Does what was planned. `progress` gets how many pictures are done of how many, and returns false to
    /// stop.
    ///
    /// # Errors
    /// When something is in the way, or the target cannot be written to: then nothing was carried. What fails
    /// later is in [`Carried::stopped`].
    pub fn run(&self, progress: &mut dyn FnMut(usize, usize) -> bool) -> Result<Carried> {
        if let Some(first) = self.conflicts.first() {
            let more = match self.conflicts.len() {
                1 => String::new(),
                count => format!(" (and {} more conflicts)", count - 1),
            };
            let text = format!("nothing was done: {}: {}{more}", first.path.display(), first.why);
            return Err(Error::Setting(text));
        }
        let mut carried = Carried { done: 0, journal: None, stopped: None };
        if self.steps.is_empty() {
            return Ok(carried);
        }
        fs::create_dir_all(&self.target).map_err(Error::io("create", &self.target))?;
        let mut journal = match self.how {
            Carry::Move => Some(Journal::begin(&self.target)?),
            _ => None,
        };
        carried.journal = journal.as_ref().map(|journal| journal.path.clone());
        let mut packed = Packed::default();
        for step in &self.steps {
            let failed = match progress(carried.done, self.steps.len()) {
                false => Some(None),
                true => {
                    self.carry(step, journal.as_mut(), &mut packed).err().map(|error| Some(error.to_string()))
                }
            };
            if let Some(why) = failed {
                carried.stopped = Some(Stopped { from: step.from.clone(), why });
                break;
            }
            carried.done += 1;
        }
        if let Some(journal) = journal {
            let path = journal.path.clone();
            // What is moved is moved: that the disk did not take all of the journal is said beside.
            if let Err(error) = journal.end(carried.done > 0) {
                carried.stopped.get_or_insert(Stopped { from: path, why: Some(error.to_string()) });
            }
            carried.journal = carried.journal.filter(|_| carried.done > 0);
        }
        Ok(carried)
    }

    fn carry(&self, step: &Step, journal: Option<&mut Journal>, packed: &mut Packed) -> Result<()> {
        let Step { from, to, .. } = step;
        let folder = to.parent().unwrap_or(&self.target);
        let new = match fs::create_dir(folder) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(Error::io("create", folder)(error)),
        };
        // Written down before it is done: what was not done then is seen to be by looking.
        if let Some(journal) = journal {
            if new {
                journal.folder(folder)?;
            }
            journal.step(from, to)?;
        }
        match self.how {
            Carry::Copy => match from.to_str().filter(|place| is_packed(place)) {
                Some(place) => packed.copy(place, to),
                None => copy(from, to),
            },
            Carry::Link => {
                let real = from.canonicalize().map_err(Error::io("read", from))?;
                fs::hard_link(real, to).map_err(at(to))
            }
            Carry::Symlink => symlink(from, to).map_err(at(to)),
            Carry::Move => move_file(from, to),
        }
    }
}

/// What the system said, or that something is there now.
fn at(to: &Path) -> impl FnOnce(io::Error) -> Error {
    let to = to.to_path_buf();
    move |error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists(to),
        _ => Error::io("write", to)(error),
    }
}

fn symlink(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(from, to);
    #[cfg(windows)]
    return std::os::windows::fs::symlink_file(from, to);
    #[cfg(not(any(unix, windows)))]
    {
        let _ = (from, to);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Copies a picture with the time of its last change. Nothing is replaced, and on a failure nothing is there.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).map_err(Error::io("read", from))?;
    let about = source.metadata().map_err(Error::io("read", from))?;
    atomic(to, false, |file| {
        let length = io::copy(&mut source, file).map_err(Error::io("write", to))?;
        if length != about.len() {
            let why = format!("{length} of {} bytes could be read", about.len());
            return Err(Error::picture(from.display().to_string(), why));
        }
        file.flush().map_err(Error::io("write", to))?;
        // Not every disk keeps times.
        let _ = about.modified().map(|when| file.get_ref().set_modified(when));
        Ok(())
    })
}

/// Moves a picture. Renaming would replace what is there; a second name does not.
pub(super) fn move_file(from: &Path, to: &Path) -> Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(at(to)(error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::io("move", from)(error)),
        // Another disk, or one without hard links.
        Err(_) => copy(from, to)?,
    }
    fs::remove_file(from).map_err(|error| {
        // It stays where it was, and only there.
        let _ = fs::remove_file(to);
        Error::io("move", from)(error)
    })
}
