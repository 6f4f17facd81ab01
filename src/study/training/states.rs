//! Which states of a head are kept while it learns, and where.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The folder of the states of the head `out`: beside it, with its name.
fn folder(out: &Path) -> PathBuf {
    out.with_extension("")
}

/// The file of the state after `epoch` of the head `out`; 0 is before the first.
pub fn state_file(out: &Path, epoch: usize) -> PathBuf {
    folder(out).join(format!("epoch-{epoch:04}.safetensors"))
}

/// The epochs whose states are kept for the head `out`, ascending.
pub fn states_beside(out: &Path) -> Vec<usize> {
    let Ok(entries) = std::fs::read_dir(folder(out)) else { return Vec::new() };
    let epoch = |entry: std::io::Result<std::fs::DirEntry>| -> Option<usize> {
        let name = entry.ok()?.file_name();
        name.to_str()?.strip_prefix("epoch-")?.strip_suffix(".safetensors")?.parse().ok()
    };
    let mut epochs: Vec<usize> = entries.filter_map(epoch).collect();
    epochs.sort_unstable();
    epochs
}

/// The epochs of `epochs` that `states` states are kept of: dense at first, where most is learned.
pub(super) fn kept(epochs: usize, states: usize) -> Vec<usize> {
    let last = states.saturating_sub(1).max(1) as f64;
    let place = |index: usize| ((index as f64 / last).powf(1.7) * epochs as f64).round() as usize;
    let mut kept: Vec<usize> = (0..states).map(place).collect();
    // Rounding joins the first ones: each moves behind the one before.
    for index in 1..kept.len() {
        kept[index] = kept[index].max(kept[index - 1] + 1);
    }
    kept.retain(|&epoch| epoch <= epochs);
    kept
}

/// Removes the folder for the states of `out` where it holds nothing.
pub(super) fn leave(out: &Path) {
    // With anything in it, it stays.
    let _ = std::fs::remove_dir(folder(out));
}

/// Prepares the folder for the states of `out`: what an earlier training left there goes.
pub(super) fn prepare(out: &Path) -> Result<()> {
    for epoch in states_beside(out) {
        let file = state_file(out, epoch);
        std::fs::remove_file(&file).map_err(Error::io("replace", &file))?;
    }
    let folder = folder(out);
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_dense_at_first_and_never_more_than_asked() {
        assert_eq!(kept(40, 8), [0, 1, 5, 9, 15, 23, 31, 40]);
        assert_eq!(kept(3, 8), [0, 1, 2, 3]);
        assert_eq!(kept(40, 1), [0]);
        assert!(kept(40, 0).is_empty());
    }

    #[test]
    fn states_are_found_beside_their_head() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("run-3.safetensors");
        assert!(states_beside(&out).is_empty());
        prepare(&out).unwrap();
        for epoch in [12, 0, 3] {
            std::fs::write(state_file(&out, epoch), "").unwrap();
        }
        std::fs::write(folder(&out).join("epoch-x.safetensors"), "").unwrap();
        assert_eq!(states_beside(&out), [0, 3, 12]);
        leave(&out);
        assert!(folder(&out).exists(), "states of others stay");
        prepare(&out).unwrap();
        assert!(states_beside(&out).is_empty());
        std::fs::remove_file(folder(&out).join("epoch-x.safetensors")).unwrap();
        leave(&out);
        assert!(!folder(&out).exists());
    }
}
