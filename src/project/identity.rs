//! Whether a project file is still the one that was opened. Some systems let go on writing to a file
//! that was deleted or moved away, where nobody finds it again.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::fault::Fault;

/// Names a file by what the system knows it by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity(Option<[u64; 2]>);

impl Identity {
    /// Of the file at `path`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn of(path: &Path) -> io::Result<Identity> {
        Ok(Identity(numbers(&std::fs::metadata(path)?)))
    }

    /// Refuses to go on when another file is at `path` now, or none.
    pub fn check(&self, path: &Path) -> Result<(), Fault> {
        match Identity::of(path) {
            Ok(found) if found == *self => Ok(()),
            _ => Err(Fault::said(
                "it was moved, replaced or deleted while it was open here: the last change was not saved; put \
                 it back, or open it where it is now",
            )),
        }
    }
}

#[cfg(unix)]
fn numbers(about: &Metadata) -> Option<[u64; 2]> {
    use std::os::unix::fs::MetadataExt;
    Some([about.dev(), about.ino()])
}

/// Where an open file cannot be moved, that it is there is enough.
#[cfg(not(unix))]
fn numbers(_: &Metadata) -> Option<[u64; 2]> {
    None
}
