//! Looks into cells that are begun and end.

use std::sync::Arc;

use super::state::{Asked, Wanted};
use crate::app::command::Space;
use crate::app::state::State;
use crate::app::window::Window;
use crate::figure::Theme;
use crate::jobs::{CellJob, JobId, JobState, Outcome};
use crate::study::cell::{CellReport, write_cell};

impl State {
    /// What was seen of the cell in hand.
    pub fn look_in_hand(&self) -> Option<Arc<CellReport>> {
        match self.wanted_look() {
            Wanted::Look(key) => self.sweep.below.exact(&key).cloned(),
            _ => None,
        }
    }
}

impl Window {
    /// Between frames: looks into the cell in hand where that is shown.
    pub(in crate::app::sweep) fn follow_cell(&mut self, hand_rests: bool) {
        let tab = self.state.sweep.settings.below.tab;
        let shown = self.state.space == Space::Sweep && tab.needs_look();
        if !shown || !hand_rests || self.state.heads.project.is_none() {
            return;
        }
        let Wanted::Look(key) = self.state.wanted_look() else { return };
        let below = &mut self.state.sweep.below;
        let failed = below.error.as_ref().is_some_and(|(held, _)| *held == *key);
        let asked = below.asked.as_ref().is_some_and(|asked| asked.key == *key);
        if failed || asked || below.stopped.as_ref() == Some(&*key) || below.exact(&key).is_some() {
            return;
        }
        if let Some(asked) = below.asked.take() {
            below.dropped.push(asked.job);
            self.engine.cancel(asked.job);
        }
        match CellJob::new(key.config.clone(), key.data.clone()) {
            Ok(job) => {
                let job = self.engine.submit(job);
                self.state.sweep.below.asked = Some(Asked { key: *key, job, state: JobState::Queued });
            }
            Err(error) => self.state.sweep.below.error = Some((*key, Arc::new(error))),
        }
    }

    /// A look came further; false where it is another job.
    pub(in crate::app::sweep) fn take_cell_job(&mut self, id: JobId, state: &JobState) -> bool {
        let below = &mut self.state.sweep.below;
        let ends = !matches!(state, JobState::Queued | JobState::Running { .. } | JobState::Paused);
        if below.dropped.contains(&id) {
            if ends {
                below.dropped.retain(|dropped| *dropped != id);
            }
            return true;
        }
        let Some(mut asked) = below.asked.take_if(|asked| asked.job == id) else { return false };
        match state {
            JobState::Done(Outcome::Cell(report)) => below.keep(asked.key, Arc::clone(report)),
            JobState::Failed { error, .. } => below.error = Some((asked.key, Arc::clone(error))),
            JobState::Cancelled { .. } | JobState::Done(_) => below.stopped = Some(asked.key),
            JobState::Queued | JobState::Running { .. } | JobState::Paused => {
                asked.state = state.clone();
                below.asked = Some(asked);
            }
        }
        true
    }

    /// Looks again after a failure or a stop.
    pub(in crate::app::sweep) fn look_again(&mut self) {
        let below = &mut self.state.sweep.below;
        (below.error, below.stopped) = (None, None);
    }

    /// Stops the look on its way.
    pub(in crate::app::sweep) fn stop_looking(&mut self) {
        if let Some(asked) = &self.state.sweep.below.asked {
            self.engine.cancel(asked.job);
        }
    }

    /// Writes tables and figure of a look into `folder`.
    pub(in crate::app) fn write_cell_to(&mut self, report: Arc<CellReport>, folder: std::path::PathBuf) {
        self.engine.aside(format!("writing into {}", folder.display()), move |_| {
            write_cell(&folder, &report, Theme::Light, false)?;
            Ok(Outcome::Saved(folder))
        });
    }
}
