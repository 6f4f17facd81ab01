//! A command's run in a project.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::args::Everywhere;
use super::session::Session;
use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::heads::NetworkRef;
use crate::jobs::{
    Engine, Event, NewRecord, NewSweep, ProjectChoice, ProjectEvent, RunRecord, RunResults, RunSettings,
    SweepSettings,
};
use crate::project::{RunId, RunStatus};
use crate::study::sweep::{SweepConfig, SweepReport};
use crate::study::{TrainReport, TrainingConfig};

/// A run of training that a project has.
pub struct KeptRun(RunRecord);

/// Opens the project that the flags name, if they do; features are kept beside it.
///
/// # Errors
/// When it cannot be opened, or is open in a window.
pub fn open(session: &mut Session, everywhere: &Everywhere) -> Result<(), Failure> {
    let Some(path) = &everywhere.project else { return Ok(()) };
    let opened = session.keep(|engine| engine.open_project(ProjectChoice::File(path.clone())));
    let news = opened.map_err(nothing_done)?;
    for event in news {
        if let ProjectEvent::Opened(project) = event {
            session.keep_features(project.cache.clone());
            for note in &project.notes {
                session.progress.note(note);
            }
        }
    }
    Ok(())
}

impl KeptRun {
    /// Begins the run of `training` on `data` in the project that is open; its head goes to `out`.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn begin(
        session: &mut Session,
        training: &TrainingConfig,
        data: &Path,
        card: &NetworkCard,
        out: &Path,
    ) -> Result<KeptRun, Failure> {
        let network =
            NetworkRef { name: card.name.clone(), hash: card.hash.clone(), path: card.path.clone() };
        let new = NewRecord {
            name: out.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            notes: String::new(),
            settings: RunSettings { data: anywhere(data)?, network, training: training.clone() },
        };
        let news = session.keep(|engine| engine.begin_run(new)).map_err(nothing_trained)?;
        let begun = news.iter().find_map(|event| match event {
            ProjectEvent::RunAdded(run) => Some(run),
            _ => None,
        });
        let Some(begun) = begun else {
            return Err(Error::Compute("a run was begun and is not there".into()).into());
        };
        let record = RunRecord { head: Some(anywhere(out)?), ..(**begun).clone() };
        session.keep(|engine| engine.keep_run(record.clone())).map_err(nothing_trained)?;
        Ok(KeptRun(record))
    }

    /// Keeps what came of it.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn end(self, session: &mut Session, came: Result<&TrainReport, &Failure>) -> Result<(), Failure> {
        let KeptRun(mut record) = self;
        record.status = match came {
            Ok(_) => RunStatus::Done,
            Err(failure) if failure.code == Failure::STOPPED => RunStatus::Cancelled,
            Err(_) => RunStatus::Failed,
        };
        if let Ok(report) = came {
            record.results = Some(RunResults::from(report));
            record.curve = report.curve.clone();
        }
        session.keep(|engine| engine.keep_run(record)).map(drop)
    }
}

/// A sweep that a project has.
pub struct KeptSweep(RunId);

impl KeptSweep {
    /// Begins the sweep of `config` on `data`, called `name`, in the project that is open.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn begin(
        session: &mut Session,
        config: &SweepConfig,
        data: &Path,
        card: &NetworkCard,
        name: String,
    ) -> Result<KeptSweep, Failure> {
        let network =
            NetworkRef { name: card.name.clone(), hash: card.hash.clone(), path: card.path.clone() };
        let settings = SweepSettings { data: anywhere(data)?, network, sweep: config.clone() };
        let news = session.keep(|engine| engine.begin_sweep(NewSweep { name, settings }))?;
        let begun = news.iter().find_map(|event| match event {
            ProjectEvent::SweepAdded(sweep) => Some(KeptSweep(sweep.id)),
            _ => None,
        });
        begun.ok_or_else(|| Error::Compute("a sweep was begun and is not there".into()).into())
    }

    /// Keeps the cells that `event` tells of.
    pub fn see(&self, engine: &Engine, event: &Event) {
        if let Event::Sweep { news, .. } = event
            && !news.changed.is_empty()
        {
            engine.keep_sweep_rows(self.0, news.changed.clone());
        }
    }

    /// Keeps what came of it.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub fn end(
        self,
        session: &mut Session,
        came: Result<&Arc<SweepReport>, &Failure>,
    ) -> Result<(), Failure> {
        let (status, report) = match came {
            Ok(report) => (RunStatus::Done, Some(Arc::clone(report))),
            Err(failure) if failure.code == Failure::STOPPED => (RunStatus::Cancelled, None),
            Err(_) => (RunStatus::Failed, None),
        };
        session.keep(|engine| engine.end_sweep(self.0, status, report)).map(drop)
    }
}

fn nothing_done(failure: Failure) -> Failure {
    failure.with("nothing was done")
}

fn nothing_trained(failure: Failure) -> Failure {
    failure.with("nothing was trained")
}

/// The path wherever the program is called from; what comes with the program has none.
fn anywhere(path: &Path) -> Result<PathBuf, Failure> {
    match path.to_str() {
        Some(text) if text.starts_with("bundled:") => Ok(path.to_path_buf()),
        _ => Ok(std::path::absolute(path).map_err(Error::io("find", path))?),
    }
}
