//! Tells the program which commit it was built from, as `DIFSCOPE_COMMIT`; "unknown" without one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let commit = commit(&root).unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=DIFSCOPE_COMMIT={commit}");
}

/// The commit checked out in `root`, read from git's own files: git itself may not be installed.
fn commit(root: &Path) -> Option<String> {
    let git = git_folder(&root.join(".git"))?;
    let head = read(&git.join("HEAD"))?;
    let Some(reference) = head.strip_prefix("ref: ").map(str::trim) else { return hash(&head) };
    // A second work tree keeps its branches in the folder of the first.
    let common = read(&git.join("commondir")).map_or_else(|| git.clone(), |path| git.join(path.trim()));
    if let Some(text) = read(&common.join(reference)) {
        return hash(&text);
    }
    let packed = read(&common.join("packed-refs"))?;
    packed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(_, name)| *name == reference)
        .and_then(|(id, _)| hash(id))
}

/// `.git` is a folder, or a file that names one.
fn git_folder(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_path_buf());
    }
    let text = fs::read_to_string(git).ok()?;
    let folder = Path::new(text.strip_prefix("gitdir: ")?.trim());
    Some(git.parent()?.join(folder))
}

/// The text of a file, which is watched from then on.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text)
}

fn hash(text: &str) -> Option<String> {
    let text = text.trim();
    let whole = text.len() >= 40 && text.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then(|| text[..12].to_string())
}
