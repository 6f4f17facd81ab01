//! `difscope [INPUT…]`: what the window opens with, or the tour where there is no display.

use std::path::PathBuf;

use super::args::{Everywhere, TourArgs};
use super::progress::Progress;
use super::session::Interrupt;
use super::{Failure, set, tour};
use crate::jobs::{ProjectChoice, WindowOptions};

/// What the window opens with; `None` when there was no display and the tour was written instead.
///
/// # Errors
/// When an input or setting cannot be meant, or the tour fails.
pub fn open(
    inputs: Vec<PathBuf>,
    everywhere: &Everywhere,
    interrupt: &Interrupt,
) -> Result<Option<WindowOptions>, Failure> {
    // A mistyped command would open an empty window.
    if let Some(word) = inputs.iter().find(|path| is_bare_word(path)) {
        return Err(Failure::usage(format!(
            "there is no command and no file {:?}; difscope --help lists the commands",
            word.display().to_string()
        )));
    }
    let explore = set::apply(everywhere.explore(), &everywhere.set)?;
    explore.look.validate()?;
    if !has_display() {
        Progress::new(everywhere.quiet).note(&format!(
            "no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set); writing the first views to {}",
            tour::FOLDER
        ));
        tour::run(&TourArgs { out: tour::FOLDER.into() }, everywhere, interrupt)?;
        return Ok(None);
    }
    Ok(Some(WindowOptions {
        paths: inputs,
        source: everywhere.network(None)?,
        preset: everywhere.preset.clone(),
        project: everywhere.project.clone().map_or(ProjectChoice::Default, ProjectChoice::File),
        engine: everywhere.engine(),
        explore,
    }))
}

/// A word that is no file and looks like none.
fn is_bare_word(path: &std::path::Path) -> bool {
    let text = path.to_string_lossy();
    !path.exists() && text.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
}

/// Whether a window can be opened: always outside of Linux, where the system tells itself.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
