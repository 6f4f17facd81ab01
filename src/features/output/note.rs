//! The note of a run under way: which rows are done, and of what.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::FeatureLayout;
use crate::error::{Error, Result};

/// What `.part.json` holds. Rows without features count as not done: they are tried again.
#[derive(Serialize, Deserialize)]
pub(super) struct Note<'a> {
    pub layout: Cow<'a, FeatureLayout>,
    pub stamps: Cow<'a, [String]>,
    pub done: Cow<'a, [bool]>,
}

/// The note beside `out`, if there is one.
pub(super) fn read_note(out: &Path) -> Result<Option<Note<'static>>> {
    let path = beside(out, ".part.json");
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(Error::io("read", &path))?,
    };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        let why = format!("damaged ({error}); add --force, without --resume, to start anew");
        Error::data(path.display().to_string(), why)
    })
}

pub(super) fn beside(out: &Path, ending: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(ending);
    out.with_file_name(name)
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The rows that the note beside `out` vouches for, if they are of the same run.
pub(super) fn check_left(out: &Path, layout: &FeatureLayout, stamps: &[String]) -> Result<Vec<bool>> {
    let refuse = |why: String| Err(Error::data(beside(out, ".part").display().to_string(), why));
    let Some(note) = read_note(out)? else {
        return refuse(
            "was left without a note of what is done, as after a power cut; start anew without --resume"
                .into(),
        );
    };
    let rows = layout.items.len();
    if *note.layout != *layout || note.done.len() != rows || note.stamps.len() != rows {
        return refuse(
            "was left by a run with other settings or pictures; repeat that run, or start anew with --force \
             instead of --resume"
                .into(),
        );
    }
    let changed = (0..rows).find(|&row| note.done[row] && note.stamps[row] != stamps[row]);
    match changed {
        Some(row) => refuse(format!(
            "was left by a run with other pictures: {} has changed since; start anew with --force instead of \
             --resume",
            layout.items[row]
        )),
        None => Ok(note.done.into_owned()),
    }
}

/// Refuses to throw away the rows that a stopped run has left beside `out`, if it has.
pub(super) fn refuse_left(out: &Path) -> Result<()> {
    let Some(note) = read_note(out)? else { return Ok(()) };
    match note.done.iter().filter(|&&done| done).count() {
        0 => Ok(()),
        done => Err(Error::Setting(format!(
            "{}: a stopped run has left {done} of {} rows; add --resume to go on with it, or --force to start anew",
            out.display(),
            note.done.len()
        ))),
    }
}
