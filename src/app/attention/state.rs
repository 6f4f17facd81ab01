//! What the work space of attention knows.

use std::path::PathBuf;
use std::sync::Arc;

use super::drawn::Drawings;
use crate::app::current::ShownPicture;
use crate::app::heads::HeadsState;
use crate::jobs::{AttentionConfig, HeadInside, LookConfig, RunRecord, SeenInside};
use crate::project::{RunId, RunStatus};
use crate::study::state_file;

/// What drawings depend on beside what was seen: settings, timestep and block, and the look.
pub type DrawnAs = (AttentionConfig, (usize, usize), LookConfig);

/// What was seen inside a head, with all that is drawn of it.
pub struct ShownInside {
    /// As it came.
    pub seen: Arc<HeadInside>,
    /// The picture it is of: the ground of the maps.
    pub picture: Option<ShownPicture>,
    /// Ready to be drawn, and with which settings.
    pub drawings: Option<(DrawnAs, Drawings)>,
    /// A newer one is on its way.
    pub stale: bool,
}

impl ShownInside {
    /// What was seen, unless it failed.
    pub fn seen(&self) -> Option<&SeenInside> {
        self.seen.seen.as_deref().ok()
    }
}

/// What the work space knows.
#[derive(Default)]
pub struct AttentionState {
    /// The settings.
    pub config: AttentionConfig,
    /// What is on screen.
    pub shown: Option<ShownInside>,
    /// The states kept of the head looked into, ascending by epoch.
    pub states: Vec<usize>,
    /// Of which run they are, and how many epochs it had when they were listed.
    pub listed: Option<(RunId, usize, RunStatus)>,
    /// When the last step was taken, in seconds, while the states are played.
    pub playing: Option<f64>,
}

impl HeadsState {
    /// Runs whose head can be looked into, oldest first: those that are trained on the network and
    /// have a head, or are getting one.
    pub fn with_a_head(&self) -> impl Iterator<Item = &RunRecord> {
        self.runs.iter().filter(|run| {
            let there = matches!(run.status, RunStatus::Done | RunStatus::Running);
            there && run.head.is_some() && !run.settings.training.features.is_control()
        })
    }

    /// The run whose head is looked into: the first of those chosen, else the last trained.
    pub fn looked_into(&self) -> Option<&RunRecord> {
        let chosen = self.config.chosen.iter().find_map(|id| self.with_a_head().find(|run| run.id.0 == *id));
        chosen.or_else(|| self.with_a_head().last())
    }
}

impl AttentionState {
    /// The file to look into: a state, or the head that training kept; none while there is none yet.
    pub fn file(&self, heads: &HeadsState) -> Option<PathBuf> {
        let run = heads.looked_into()?;
        let head = run.head.as_ref()?;
        match self.epoch(run) {
            Some(epoch) => Some(state_file(head, epoch)),
            None => (run.status == RunStatus::Done).then(|| head.clone()),
        }
    }

    /// The state looked at; none for the head that training kept.
    pub fn epoch(&self, run: &RunRecord) -> Option<usize> {
        let known = self.config.epoch.filter(|epoch| self.states.contains(epoch));
        // While it is trained, the newest state stands for the head to come.
        known.or_else(|| self.states.last().copied().filter(|_| run.status != RunStatus::Done))
    }

    /// Another state, by steps; after the last comes the head that training kept. False at an end.
    pub fn step_state(&mut self, run: &RunRecord, by: isize) -> bool {
        let count = self.states.len();
        let last = if run.status == RunStatus::Done { count } else { count.saturating_sub(1) };
        let at = self.epoch(run).and_then(|epoch| self.states.iter().position(|state| *state == epoch));
        let at = at.unwrap_or(count);
        let next = at.saturating_add_signed(by).min(last);
        self.config.epoch = self.states.get(next).copied();
        next != at
    }

    /// Timestep and block on screen.
    pub fn looked_at(&self) -> Option<(usize, usize)> {
        let (_, drawings) = self.shown.as_ref()?.drawings.as_ref()?;
        Some((drawings.chosen.timestep, drawings.chosen.block.0))
    }

    /// A newer look was asked for.
    pub fn begin(&mut self) {
        if let Some(shown) = &mut self.shown {
            shown.stale = true;
        }
    }

    /// Takes what was seen.
    pub fn take(&mut self, seen: &Arc<HeadInside>, picture: Option<ShownPicture>) {
        self.shown = Some(ShownInside { seen: Arc::clone(seen), picture, drawings: None, stale: false });
    }
}
