//! Where a sweep that is stopped goes on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Where a sweep keeps what is done, so that it can go on after it was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SweepKeep {
    /// The folder of its outputs.
    pub folder: PathBuf,
    /// Go on with what is there.
    pub resume: bool,
    /// Throw away what is there.
    pub force: bool,
}

impl SweepKeep {
    /// The folder of what is done, inside that of the outputs.
    pub fn parts(folder: &Path) -> PathBuf {
        folder.join("sweep.part")
    }

    /// Takes away what was kept, once the outputs are written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn clear(folder: &Path) -> Result<()> {
        let parts = SweepKeep::parts(folder);
        match fs::remove_dir_all(&parts) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &parts)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes the folder ready.
    ///
    /// # Errors
    /// When something is there and neither `resume` nor `force` is given, or the disk refuses.
    pub(super) fn begin(&self) -> Result<PathBuf> {
        let parts = SweepKeep::parts(&self.folder);
        if parts.exists() && !self.resume {
            if !self.force {
                return Err(Error::Setting(format!(
                    "{} holds what a stopped sweep has left; go on with --resume, or begin anew with --force",
                    parts.display()
                )));
            }
            SweepKeep::clear(&self.folder)?;
        }
        fs::create_dir_all(&parts).map_err(Error::io("create", &parts))?;
        Ok(parts)
    }
}
