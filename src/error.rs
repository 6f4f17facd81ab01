//! What can go wrong, in the user's words: what failed, on what, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in difscope that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure that a user can meet. The text of each is complete: fronts show it as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read, written or listed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was being done: "read", "write", "list", "create".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A picture could not be used.
    #[error("picture {name}: {why}")]
    Picture {
        /// The file name or where the picture came from.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A checkpoint could not be used.
    #[error("network {name}: {why}")]
    Checkpoint {
        /// The file name or preset.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A data set or tensor file could not be used.
    #[error("data {name}: {why}")]
    Data {
        /// The file name.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A saved head could not be used.
    #[error("head {name}: {why}")]
    Head {
        /// The file name.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A project file could not be used.
    #[error("project {name}: {why}")]
    Project {
        /// The file name.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A setting is impossible, or impossible together with another.
    #[error("{0}")]
    Setting(String),
    /// The output is already there.
    #[error("{} exists already; choose another name, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// The tensor library failed: not expected to happen whatever the input.
    #[error("computation failed: {0}; please report this")]
    Compute(String),
    /// A job panicked: the engine lives on.
    #[error("{job} stopped by an internal error: {message}; the program goes on, please report this")]
    Panic {
        /// What was being done.
        job: String,
        /// The message of the panic.
        message: String,
    },
    /// The user cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// An adapter for `map_err` on file operations.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// A picture named `name` that cannot be used because of `why`.
    pub fn picture(name: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Picture { name: name.into(), why: why.into() }
    }

    /// A checkpoint named `name` that cannot be used because of `why`.
    pub fn checkpoint(name: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Checkpoint { name: name.into(), why: why.into() }
    }

    /// A data file named `name` that cannot be used because of `why`.
    pub fn data(name: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Data { name: name.into(), why: why.into() }
    }

    /// A saved head named `name` that cannot be used because of `why`.
    pub fn head(name: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Head { name: name.into(), why: why.into() }
    }

    /// A project file named `name` that cannot be used because of `why`.
    pub fn project(name: impl Into<String>, why: impl Into<String>) -> Error {
        Error::Project { name: name.into(), why: why.into() }
    }

    /// True when a file or picture is at fault, and others may be fine.
    pub fn is_about_a_file(&self) -> bool {
        matches!(self, Error::Io { .. } | Error::Picture { .. } | Error::Data { .. })
    }

    /// True for the user's own cancel, which is no failure.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Error::Cancelled)
    }
}
