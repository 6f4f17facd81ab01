//! Who has a project open. The lock itself is SQLite's; the note beside the file only gives it a name,
//! and one left behind by a killed program means nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// The note of this process; taken away when dropped.
#[derive(Debug)]
pub(super) struct Holder(PathBuf);

impl Holder {
    /// Leaves a note that this process has the project at `path`. Without one (a full disk, say) others
    /// are still kept out, by a lock without a name.
    pub fn announce(path: &Path) -> Holder {
        let note = note(path);
        let text = match host() {
            Some(host) => format!("process {} on {host}\n", std::process::id()),
            None => format!("process {}\n", std::process::id()),
        };
        if let Err(error) = fs::write(&note, text) {
            log::debug!("no note at {}: {error}", note.display());
        }
        Holder(note)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // A note that stays means nothing.
        let _ = fs::remove_file(&self.0);
    }
}

/// Who has the project at `path`, for messages.
pub(super) fn name(path: &Path) -> String {
    let text = fs::read_to_string(note(path)).unwrap_or_default();
    match text.lines().next().filter(|line| line.starts_with("process ") && line.len() < 200) {
        Some(line) => format!("another difscope ({line})"),
        None => "another program".into(),
    }
}

fn note(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".open");
    path.with_file_name(name)
}

fn host() -> Option<String> {
    let told = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told =
        told.or_else(|| std::env::var("COMPUTERNAME").ok()).or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(told.trim().to_owned()).filter(|host| !host.is_empty())
}
