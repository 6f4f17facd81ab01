//! Labels to and from other programs: tables, folders, Label Studio, FiftyOne, COCO and the projector of
//! TensorBoard.
//!
//! A label is what a person gave or accepted. What a head suggests stands in fields of its own, and only
//! where it is asked for. Everything written follows from the input alone, file by file through a
//! temporary file; nothing is replaced unasked.

mod carry;
mod coco;
mod config;
mod fiftyone;
mod find;
mod folders;
mod journal;
mod label_studio;
mod made;
mod packed;
mod place;
mod projector;
mod read_csv;
mod read_json;
mod set;
mod table;
mod write;

pub use carry::{Carried, Stopped};
pub use config::{Carry, ExportConfig, ExportFormat};
pub use find::{FoundBy, Imported, Known, Taken, Unused};
pub use folders::{Conflict, FolderOf, FolderPlan, LeftOut, Step};
pub use journal::{Undone, undo};
pub use projector::Vectors;
pub use read_csv::{Guess, import_csv, read_guesses};
pub use read_json::import_json;
pub use set::{LabelClass, LabelPicture, LabelSet, Suggested};
pub use write::{Exported, export, files};

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// Longer files of labels are refused before they are read.
const MAX_BYTES: u64 = 256 << 20;
/// More classes than this in one import are a wrong column.
const MAX_CLASSES: usize = 4096;
/// Longer paths and names of classes are damage.
const MAX_TEXT: usize = 4096;

/// Labels from the file at `path` for `pictures`, by its ending: a table (`.csv`, `.tsv`), or JSON of
/// Label Studio or COCO. `classes` are those that there are. See [`import_csv`] and [`import_json`].
///
/// # Errors
/// When it cannot be read, is too long, or is nothing of these.
pub fn import(path: &Path, pictures: &[Known<'_>], classes: &[String]) -> Result<Imported> {
    let name = path.display().to_string();
    let text = read_text(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("csv" | "tsv") => import_csv(&text, &name, folder, pictures, classes),
        Some("json") => import_json(&text, &name, folder, pictures, classes),
        _ => Err(Error::data(
            name,
            "labels are read from .csv, .tsv or .json; choose such a file, or give it this ending",
        )),
    }
}

/// The text of a file of labels.
fn read_text(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let about = file.metadata().map_err(Error::io("read", path))?;
    let refuse = |why: String| Error::data(path.display().to_string(), why);
    if !about.is_file() {
        return Err(refuse("a folder or device, not a file of labels".into()));
    }
    if about.len() > MAX_BYTES {
        return Err(refuse(format!(
            "labels of more than {} MB are not read here; split the file",
            MAX_BYTES >> 20
        )));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| refuse(format!("not text in UTF-8 ({error}); save it as UTF-8")))?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
