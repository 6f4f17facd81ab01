//! What follows from events and changes: runs that go on, settings that are kept, a data set to read.

use std::sync::Arc;

use super::state::{HeadsConfig, Progress, Tab};
use crate::app::command::Space;
use crate::app::widgets::notices::NoticeKind;
use crate::app::window::Window;
use crate::error::Error;
use crate::jobs::{
    AttentionConfig, JobId, JobState, OpenedProject, Outcome, ProjectEvent, RunRecord, RunResults, TrainJob,
};
use crate::project::{RunId, RunStatus};
use crate::study::statistics::Bootstrap;
use crate::study::{Answers, Contrast};
use crate::train::EpochPoint;

/// Under this name the settings are kept in the project.
const KEY: &str = "heads";
/// Under this name the work space is kept.
const SPACE: &str = "space";

impl Window {
    /// News of the project.
    pub(in crate::app) fn take_project(&mut self, event: ProjectEvent) {
        match event {
            ProjectEvent::Opened(opened) => self.project_opened(&opened),
            ProjectEvent::Failed(error) => self.notices.push(NoticeKind::Error, error.to_string()),
            ProjectEvent::RunAdded(run) => self.run_added(RunRecord::clone(&run)),
            ProjectEvent::NotSaved { what, error, .. } => {
                self.state.heads.begun.clear();
                self.state.sweep.begun = false;
                self.notices.push(NoticeKind::Error, format!("not saved: {what}: {error}"));
            }
            ProjectEvent::SweepAdded(record) => self.sweep_added(&record),
            ProjectEvent::Relinked { moved } => self.pictures_moved(moved),
            ProjectEvent::Saved { late, .. } => {
                if !late.is_empty() {
                    self.notices.push(NoticeKind::Good, "what could not be saved before is saved now");
                }
            }
        }
    }

    fn project_opened(&mut self, opened: &OpenedProject) {
        for note in &opened.notes {
            self.notices.push(NoticeKind::Warning, note.clone());
        }
        let heads = &mut self.state.heads;
        self.engine.use_feature_store(Some(opened.cache.clone()));
        heads.project = Some(opened.path.clone());
        heads.cache = Some(opened.cache.clone());
        heads.runs = opened.runs.clone();
        if let Some(kept) = opened.state.get(KEY) {
            match serde_json::from_value::<HeadsConfig>(kept.clone()) {
                Ok(config) => heads.config = config,
                Err(error) => log::warn!("the settings of heads are of another version: {error}"),
            }
        }
        heads.data_text = heads.config.survey.data.display().to_string();
        self.kept_heads = Some(heads.config.clone());
        if let Some(kept) = opened.state.get(crate::app::attention::KEY) {
            match serde_json::from_value::<AttentionConfig>(kept.clone()) {
                Ok(config) => self.state.attention.config = config,
                Err(error) => log::warn!("the settings of attention are of another version: {error}"),
            }
        }
        self.kept_attention = Some(self.state.attention.config.clone());
        self.sweeps_opened(opened);
        self.labels_opened(opened);
        self.count_cache();
        if let Some(space) = opened.state.get(SPACE)
            && let Ok(space) = serde_json::from_value(space.clone())
        {
            self.state.space = space;
        }
        self.kept_space = self.state.space;
        self.relinked = None;
        self.find_screen_again(opened);
        self.look_beside(&opened.path);
    }

    /// Starts the training of a run that is on the disk.
    fn run_added(&mut self, run: RunRecord) {
        let (id, settings, head) = (run.id, run.settings.clone(), run.head.clone());
        let heads = &mut self.state.heads;
        heads.begun.retain(|begun| *begun != run.settings);
        heads.runs.push(run);
        if self.take_loaded(id, &settings, head.as_deref()) {
            return;
        }
        let heads = &mut self.state.heads;
        if heads.progress.is_empty() {
            heads.config.chosen = vec![id.0];
            heads.config.tab = Tab::Curves;
        } else if !settings.training.features.is_control() {
            heads.config.chosen.push(id.0);
        }
        let job = self.engine.submit(TrainJob::new(settings.training, settings.data, head, true));
        self.state.heads.progress.insert(id, Progress { job, state: JobState::Queued });
    }

    fn run_of_job(&self, job: JobId) -> Option<RunId> {
        let running = self.state.heads.progress.iter();
        running.into_iter().find(|(_, progress)| progress.job == job).map(|(run, _)| *run)
    }

    /// An epoch of a run has ended.
    pub(in crate::app) fn take_epoch(&mut self, job: JobId, point: EpochPoint) {
        let Some(id) = self.run_of_job(job) else { return };
        if let Some(run) = self.state.heads.runs.iter_mut().find(|run| run.id == id) {
            run.curve.push(point);
            self.engine.keep_run(run.clone());
        }
    }

    /// A job of this work space came further; false where it is another one's.
    pub(in crate::app) fn take_heads_job(&mut self, job: JobId, state: &JobState) -> bool {
        if let Some(run) = self.run_of_job(job) {
            self.take_training(run, job, state);
            return true;
        }
        if self.take_loading(job, state) {
            return true;
        }
        let heads = &mut self.state.heads;
        if let Some((_, asked)) = heads.surveying.take_if(|(surveying, _)| *surveying == job) {
            match state {
                JobState::Done(Outcome::Surveyed(survey)) => {
                    heads.survey = Some(Arc::clone(survey));
                    heads.survey_error = None;
                    self.find_pictures(survey);
                }
                JobState::Failed { error, .. } => heads.survey_error = Some((asked, Arc::clone(error))),
                JobState::Cancelled { .. } => {
                    let why = "reading it was cancelled; choose it again to go on";
                    heads.survey_error = Some((asked, Arc::new(Error::Setting(why.into()))));
                }
                _ => heads.surveying = Some((job, asked)),
            }
            return true;
        }
        if let Some((_, pair)) = heads.contrasting.take_if(|(contrasting, _)| *contrasting == job) {
            match state {
                JobState::Done(Outcome::Contrasted(contrast)) => {
                    heads.contrast = Some((pair, Ok(Arc::clone(contrast))));
                }
                JobState::Failed { error, .. } => heads.contrast = Some((pair, Err(Arc::clone(error)))),
                JobState::Cancelled { .. } => {}
                _ => heads.contrasting = Some((job, pair)),
            }
            return true;
        }
        false
    }

    fn take_training(&mut self, id: RunId, job: JobId, state: &JobState) {
        let heads = &mut self.state.heads;
        let Some(run) = heads.runs.iter_mut().find(|run| run.id == id) else { return };
        match state {
            JobState::Done(Outcome::Trained(report)) => {
                run.status = RunStatus::Done;
                run.results = Some(RunResults::from(&**report));
                run.curve = report.curve.clone();
                if report.out.is_none() {
                    run.head = None;
                }
            }
            JobState::Done(_) => run.status = RunStatus::Done,
            JobState::Failed { error, .. } => {
                run.status = RunStatus::Failed;
                heads.failures.insert(id, error.to_string());
                self.notices.push(NoticeKind::Error, format!("{}: {error}", run.name));
            }
            JobState::Cancelled { .. } => run.status = RunStatus::Cancelled,
            JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                heads.progress.insert(id, Progress { job, state: state.clone() });
                return;
            }
        }
        self.engine.keep_run(run.clone());
        self.state.heads.progress.remove(&id);
        self.count_cache();
    }

    /// Between frames: keeps what was changed, reads the data set in use, compares the runs chosen.
    pub(in crate::app) fn follow_heads(&mut self, hand_rests: bool) {
        if self.state.heads.project.is_some() && hand_rests {
            if self.kept_heads.as_ref() != Some(&self.state.heads.config)
                && let Ok(value) = serde_json::to_value(&self.state.heads.config)
            {
                self.engine.keep_state(KEY, value);
                self.kept_heads = Some(self.state.heads.config.clone());
            }
            if self.kept_space != self.state.space
                && let Ok(value) = serde_json::to_value(self.state.space)
            {
                self.engine.keep_state(SPACE, value);
                self.kept_space = self.state.space;
            }
        }
        if matches!(self.state.space, Space::Heads | Space::Sweep) {
            self.read_data(hand_rests);
        }
        if self.state.space == Space::Heads {
            self.contrast_chosen();
        }
    }

    fn read_data(&mut self, hand_rests: bool) {
        let heads = &mut self.state.heads;
        let wanted = &heads.config.survey;
        let failed = heads.survey_error.as_ref().is_some_and(|(config, _)| config == wanted);
        let asked = heads.surveying.as_ref().is_some_and(|(_, config)| config == wanted);
        if !hand_rests || failed || asked || !heads.survey_is_old() || heads.project.is_none() {
            return;
        }
        // An older reading ends first: what it says last is of its own settings.
        if let Some((job, _)) = &heads.surveying {
            self.engine.cancel(*job);
            return;
        }
        let job = self.engine.survey(wanted.clone());
        heads.surveying = Some((job, wanted.clone()));
    }

    fn contrast_chosen(&mut self) {
        let heads = &mut self.state.heads;
        if heads.config.tab != Tab::Difference {
            return;
        }
        let chosen = heads.chosen();
        let tested: Vec<&RunRecord> = chosen.into_iter().filter(|run| has_answers(run)).collect();
        let [first, second, ..] = tested[..] else { return };
        let pair = [first.id, second.id];
        let known = heads.contrast.as_ref().is_some_and(|(held, _)| *held == pair);
        let asked = heads.contrasting.as_ref().is_some_and(|(_, held)| *held == pair);
        if known || asked {
            return;
        }
        let (Some(first), Some(second)) = (first.results.clone(), second.results.clone()) else { return };
        let job = self.engine.aside("comparing two runs", move |_| {
            let [first, second] = [&first, &second].map(|results| Answers {
                tested: &results.tested,
                probabilities: &results.probabilities,
                classes: &results.classes,
            });
            let contrast = Contrast::of(first, second, Bootstrap::default())?;
            Ok(Outcome::Contrasted(Arc::new(contrast)))
        });
        self.state.heads.contrasting = Some((job, pair));
    }
}

/// Whether a run was tested, and its answers are known picture by picture.
pub(super) fn has_answers(run: &RunRecord) -> bool {
    run.results.as_ref().is_some_and(|results| !results.tested.is_empty())
}
