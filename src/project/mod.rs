//! The project file: one SQLite file with everything the user made. Pictures by content and place,
//! classes, labels with their source and history, splits, runs, sweeps, predictions, and the state of
//! the window. Plain records: what they mean is known further up. No SQL stands outside this room.
//!
//! Every change is one transaction, on the disk when the call returns. The file has a rollback journal,
//! not a write-ahead log: at rest it is a single file, whole by itself, that may be copied, sent and
//! kept on a network drive; changes are few and small, so that the log's speed is not missed. While it
//! is open the file is locked exclusively by SQLite, which the system undoes however the program ends.

mod fault;
mod holder;
mod identity;
mod images;
mod labelling;
mod labelling_open;
mod labels;
mod runs;
mod schema;
mod store;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::limits::Limit;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Error, Result};
use fault::{Fault, told};
use holder::Holder;
use identity::Identity;

pub use images::{Image, ImageId, NewImage, Relinked, is_there};
pub use labelling::{Answered, Labelling, MarkStep, Marked, PictureKey};
pub use labelling_open::{KeptChange, KeptLabelling, KeptStep, LabellingEntry};
pub use labels::{Change, Class, ClassId, Label, LabelChange, LabelSource};
pub use runs::{NewRun, Prediction, Run, RunId, RunStatus, SweepCell};
pub use store::{SplitEntry, Summary};

/// The longest text or picture scores in one place of the file: a longer one is damage.
const MAX_VALUE_BYTES: i32 = 256 << 20;
/// How long another program may take to let go of the file.
const PATIENCE: Duration = Duration::from_millis(300);

/// An open project file. Nobody else can work on it or look at it until this is dropped, unless it was
/// opened by [`Project::read`].
#[derive(Debug)]
pub struct Project {
    /// Tells others who has the file; `None` where it is only read. Goes before the lock does, so that
    /// it never takes the note of the next one away.
    _holder: Option<Holder>,
    connection: Connection,
    path: PathBuf,
    /// Which file it is, whatever becomes of its name.
    identity: Identity,
}

impl Project {
    /// Makes a new project file at `path`.
    ///
    /// # Errors
    /// [`Error::Exists`] when something is there; when the file cannot be written.
    pub fn create(path: &Path) -> Result<Project> {
        // Only the one who makes the file goes on: two at a time cannot take it for new.
        std::fs::File::create_new(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists(path.to_path_buf()),
            _ => Error::io("create", path)(error),
        })?;
        Project::open(path)
    }

    /// Opens the project file at `path` to work on it. A file of an older version is brought up to
    /// date; an empty one becomes a new project.
    ///
    /// # Errors
    /// When it is not there, read-only, damaged, no project, of a newer version, or open elsewhere (the
    /// text names the process).
    pub fn open(path: &Path) -> Result<Project> {
        let mut connection = connect(path)?;
        let fail = |fault: Fault| told(path, "open", fault);
        if connection.is_readonly(MAIN_DB).map_err(|error| fail(error.into()))? {
            let why = "read-only: nothing could be saved in it; allow writing to the file and its folder, or \
                       copy it elsewhere";
            return Err(Error::project(path.display().to_string(), why));
        }
        let prepare = |connection: &mut Connection| -> Result<(), Fault> {
            connection.pragma_update(None, "synchronous", "EXTRA")?;
            schema::check(connection)?;
            connection.pragma_update(None, "journal_mode", "DELETE")?;
            // From here on the lock is held until the connection is closed. Asked for before it is had,
            // this would keep what was read so far locked, and of many at once none would get the file.
            let work = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
            work.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
            schema::migrate(&work, &schema::STEPS)?;
            work.commit()?;
            Ok(())
        };
        prepare(&mut connection).map_err(fail)?;
        let identity = Identity::of(path).map_err(Error::io("read", path))?;
        Ok(Project { connection, path: path.to_path_buf(), identity, _holder: Some(Holder::announce(path)) })
    }

    /// Opens the project file at `path` to look at it: nothing can be changed, and it may be read-only.
    ///
    /// # Errors
    /// As [`Project::open`], and when it is of an older version, which has to be brought up to date.
    pub fn read(path: &Path) -> Result<Project> {
        // What a killed program left half written is undone on the way, where writing is allowed.
        let connection = connect(path)?;
        let check = || -> Result<(), Fault> {
            connection.pragma_update(None, "query_only", true)?;
            schema::check(&connection)?;
            schema::check_current(&connection)
        };
        check().map_err(|fault| told(path, "open", fault))?;
        let identity = Identity::of(path).map_err(Error::io("read", path))?;
        Ok(Project { connection, path: path.to_path_buf(), identity, _holder: None })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `change` as one transaction: all of it is on the disk when this returns, or nothing.
    fn change<T>(&mut self, change: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T> {
        let Project { connection, path, identity, .. } = self;
        let run = || -> Result<T, Fault> {
            identity.check(path)?;
            let work = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = change(&work)?;
            work.commit()?;
            Ok(value)
        };
        run().map_err(|fault| told(path, "save", fault))
    }

    /// Runs `look` over one state of the file.
    fn look<T>(&self, look: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T> {
        look(&self.connection).map_err(|fault| told(&self.path, "read", fault))
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let about = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::project(path.display().to_string(), "not there: it was moved, renamed or deleted")
        }
        _ => Error::io("read", path)(error),
    })?;
    if !about.is_file() {
        return Err(Error::project(path.display().to_string(), "a folder or device, not a project file"));
    }
    let open = || -> Result<Connection, Fault> {
        // A file that is write-protected is opened to be read only, without a word.
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, access)?;
        connection.busy_timeout(PATIENCE)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
        // The file may be anybody's: nothing that it defines itself may run more than plain SQL.
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    };
    open().map_err(|fault| told(path, "open", fault))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
