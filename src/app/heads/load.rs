//! Head files that become runs, and features kept beside the project.

use std::path::{Path, PathBuf};

use super::state::training_of;
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::error::{Error, Result};
use crate::heads::{Backbone, HeadInfo, read_info};
use crate::jobs::{JobId, JobState, NewRecord, Outcome, RunSettings};
use crate::project::{RunId, RunStatus};
use crate::study::TrainingConfig;
use crate::study::table::Features;
use crate::train::Recipe;

impl Window {
    /// Reads what the head file at `path` says of itself; then it becomes a run.
    pub fn load_head(&mut self, path: PathBuf) {
        self.engine.aside(format!("reading {}", path.display()), move |_| {
            let info = read_info(&path)?;
            Ok(Outcome::HeadRead(path, std::sync::Arc::new(info)))
        });
    }

    /// A job of loading or counting came further; false where it is another one's.
    pub(super) fn take_loading(&mut self, job: JobId, state: &JobState) -> bool {
        match state {
            JobState::Failed { error, .. } => {
                if let Some(run) = self.state.heads.copying.remove(&job) {
                    self.state.heads.failures.insert(run, error.to_string());
                    self.end_copy(run, RunStatus::Failed);
                }
                return false;
            }
            JobState::Done(Outcome::HeadRead(path, info)) => self.head_read(path, info),
            JobState::Done(Outcome::HeadCopied(run)) => {
                self.state.heads.copying.remove(&job);
                self.end_copy(*run, RunStatus::Done);
            }
            JobState::Done(Outcome::Counted(folder, bytes)) => {
                if self.state.heads.cache.as_ref() == Some(folder) {
                    self.state.heads.cache_bytes = Some(*bytes);
                }
            }
            _ => return false,
        }
        true
    }

    fn end_copy(&mut self, run: RunId, status: RunStatus) {
        if let Some(run) = self.state.heads.runs.iter_mut().find(|held| held.id == run) {
            run.status = status;
            self.engine.keep_run(run.clone());
        }
    }

    fn head_read(&mut self, path: &Path, info: &HeadInfo) {
        let Some(network) = &self.state.network else { return };
        let backbone = Backbone::from(&*network.card);
        if info.network.hash != backbone.hash {
            let text = format!(
                "{}: this head reads {}, and {} is open; open that network first",
                path.display(),
                info.network.name,
                backbone.name
            );
            self.notices.push(NoticeKind::Error, text);
            return;
        }
        match training_of(info.config.kind, Recipe::FewShot, Features::Network, &backbone) {
            Ok(plain) => {
                let mut training =
                    TrainingConfig { head: info.config.clone(), draws: info.draws, states: 0, ..plain };
                training.train.seed = info.seed;
                let settings =
                    RunSettings { data: path.to_path_buf(), network: info.network.clone(), training };
                self.state.heads.loading.push((path.to_path_buf(), settings.clone()));
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let notes = format!("loaded from {}", path.display());
                self.engine.begin_run(NewRecord { name, notes, settings });
            }
            Err(error) => self.notices.push(NoticeKind::Error, error.to_string()),
        }
    }

    /// Copies a head file into the project where `run` was begun for one; false for other runs.
    pub(super) fn take_loaded(&mut self, run: RunId, settings: &RunSettings, head: Option<&Path>) -> bool {
        let heads = &mut self.state.heads;
        let Some(at) = heads.loading.iter().position(|(_, held)| held == settings) else { return false };
        let (from, _) = heads.loading.remove(at);
        heads.config.chosen = vec![run.0];
        let Some(to) = head.map(Path::to_path_buf) else { return true };
        let job = self.engine.aside(format!("copying {}", from.display()), move |_| {
            std::fs::copy(&from, &to).map_err(Error::io("copy", &from))?;
            Ok(Outcome::HeadCopied(run))
        });
        self.state.heads.copying.insert(job, run);
        true
    }

    /// Counts what is kept beside the project.
    pub(super) fn count_cache(&mut self) {
        let Some(folder) = self.state.heads.cache.clone() else { return };
        self.engine.aside("counting features kept", move |_| {
            let bytes = bytes_in(&folder);
            Ok(Outcome::Counted(folder, bytes))
        });
    }

    /// Throws away the features kept beside the project.
    pub(super) fn clear_cache(&mut self) {
        let Some(folder) = self.state.heads.cache.clone() else { return };
        self.engine.aside("clearing features kept", move |_| {
            clear(&folder)?;
            let bytes = bytes_in(&folder);
            Ok(Outcome::Counted(folder, bytes))
        });
    }
}

/// Removes everything in `folder` that can be computed again.
fn clear(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let gone = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        gone.map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

/// Bytes of the files in `folder` and below; what cannot be read counts nothing.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_in(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    bytes.sum()
}
