//! What SQLite says, in the user's words.

use std::path::Path;

use rusqlite::ErrorCode;

use super::holder;
use crate::error::Error;

/// Why something about a project file did not work.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// In the user's words.
    Said(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sqlite(error)
    }
}

impl Fault {
    /// A fault in the user's words.
    pub fn said(text: impl Into<String>) -> Fault {
        Fault::Said(text.into())
    }
}

/// The fault as an error about the file at `path`, which was to be `wanted` ("open", "save", "read").
pub(super) fn told(path: &Path, wanted: &str, fault: Fault) -> Error {
    let error = match fault {
        Fault::Said(why) => return Error::project(path.display().to_string(), why),
        Fault::Sqlite(error) => error,
    };
    let why = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            format!("is open in {}; close it there first", holder::name(path))
        }
        Some(ErrorCode::NotADatabase) => {
            "not a project file; choose one that difscope has made (or it is damaged: take a copy)".into()
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("the file is damaged ({error}); go on with a copy of it from before")
        }
        Some(ErrorCode::DiskFull) => {
            "the disk is full: the last change was not saved, everything before it is; make room and do it \
             again"
                .into()
        }
        Some(ErrorCode::ReadOnly) if wanted != "save" => {
            "read-only, and a change was under way when it was used last, which has to be undone first; allow \
             writing to the file and its folder, or copy it elsewhere with the file beside it that ends in \
             -journal"
                .into()
        }
        Some(ErrorCode::ReadOnly) => {
            "read-only: the last change was not saved; allow writing to the file and its folder, or copy it \
             elsewhere"
                .into()
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("cannot {wanted} it ({error}); look at the rights of the file and its folder")
        }
        Some(ErrorCode::SystemIoFailure) => format!(
            "cannot {wanted} it: the disk fails ({error}); everything saved before is kept, as far as the disk \
             keeps it"
        ),
        _ => format!("cannot {wanted} it ({error})"),
    };
    Error::project(path.display().to_string(), why)
}
