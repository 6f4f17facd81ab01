//! The folder of a store: what is in it, how large it is, and what goes first when it is full.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How names of files of features end.
pub(super) const ENDING: &str = "f16";

/// A file of features.
struct Held {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// Every file of features below `folder`; none where nothing can be listed.
fn held(folder: &Path) -> Vec<Held> {
    let mut all = Vec::new();
    for network in networks(folder) {
        // Links are not followed, here and below: what they lead to is not the store's.
        for entry in fs::read_dir(network).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() && path.extension().is_some_and(|ending| ending == ENDING) {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                all.push(Held { path, bytes: metadata.len(), used });
            }
        }
    }
    all
}

/// Bytes that can still be written to the disk of `folder`, which need not exist; where the system tells.
pub fn free_disk(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let absolute = std::path::absolute(folder).ok()?;
        let there = absolute.ancestors().find(|folder| folder.is_dir())?;
        let disk = rustix::fs::statvfs(there).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// The folders of networks in `folder`.
fn networks(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(named))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// Bytes of all files of features.
pub(super) fn size(folder: &Path) -> u64 {
    held(folder).iter().map(|held| held.bytes).sum()
}

/// Makes room for `needed` bytes under `cap`: files go, those first that were used longest ago, and
/// never those in `kept`. False when that would not be enough; then none goes.
pub(super) fn make_room(folder: &Path, needed: u64, cap: u64, kept: &[PathBuf]) -> bool {
    let (stay, mut go): (Vec<Held>, Vec<Held>) =
        held(folder).into_iter().partition(|held| kept.contains(&held.path));
    let bytes = |list: &[Held]| list.iter().map(|held| held.bytes).sum::<u64>();
    let staying = bytes(&stay) + needed;
    if staying > cap {
        return false;
    }
    let mut total = staying + bytes(&go);
    go.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
    for held in go {
        if total <= cap {
            break;
        }
        match fs::remove_file(&held.path) {
            Ok(()) => log::debug!("{} made room for newer features", held.path.display()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                log::debug!("{} stays: {error}", held.path.display());
                continue;
            }
        }
        total -= held.bytes;
    }
    total <= cap
}

/// Removes every file of features, and folders that are left empty.
///
/// # Errors
/// The first file that cannot be removed, with why.
pub(super) fn clear(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    for held in held(folder) {
        match fs::remove_file(&held.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err((held.path, error)),
            _ => {}
        }
    }
    // Folders with anything else in them stay.
    for network in networks(folder) {
        let _ = fs::remove_dir(network);
    }
    let _ = fs::remove_dir(folder);
    Ok(())
}
