//! What the work space of attention knows.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::drawn::Drawings;
use crate::app::current::ShownPicture;
use crate::app::heads::HeadsState;
use crate::jobs::{HeadInside, LookConfig, RunRecord, SeenInside};
use crate::project::{RunId, RunStatus};
use crate::study::state_file;
use crate::train::Sight;

/// The settings of the work space, kept in the project. The head is the first of the runs chosen in
/// Heads that can be looked into, timestep and block are those of all work spaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttentionConfig {
    /// The state of the head after this epoch; none: the one that training kept.
    pub epoch: Option<usize>,
    /// Of a block that the head reads in both passes, the second.
    pub second_pass: bool,
    /// The layer, from 1; none: the last one.
    pub layer: Option<usize>,
    /// How its attention is taken together.
    pub sight: Sight,
    /// The class whose evidence is shown; none: the most probable one.
    pub class: Option<usize>,
    /// DifFeed: the feedback is shown instead of the attention.
    pub feedback: bool,
    /// DifFeed: means over the channels instead of norms.
    pub mean: bool,
    /// Maps lie alone, not over the picture.
    pub bare: bool,
    /// Every small map has colours of its own.
    pub own_scale: bool,
}

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
        self.seen.seen.as_ref().ok()
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

/// What of a head is on screen: its settings, fitted to what the head has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// The timestep.
    pub timestep: usize,
    /// The block and whether it is of the second pass.
    pub block: (usize, bool),
    /// The layer, from 1; 0 for heads without a transformer.
    pub layer: usize,
    /// How its attention is taken together.
    pub sight: Sight,
    /// The class whose evidence is shown.
    pub class: usize,
}

impl Chosen {
    /// `config` and the (timestep, block) of all work spaces, as far as they fit what was seen; else the
    /// first that the head reads.
    pub fn of(config: &AttentionConfig, at: (usize, usize), seen: &SeenInside) -> Chosen {
        let head = &seen.config;
        let (layers, heads) = seen.inside.layers_and_heads();
        let known = head.timesteps.contains(&at.0).then_some(at.0);
        let timestep = known.or_else(|| head.timesteps.first().copied());
        let blocks = blocks(seen);
        let of_pass = |second_pass| blocks.iter().find(|block| **block == (at.1, second_pass)).copied();
        let block = of_pass(config.second_pass).or_else(|| of_pass(!config.second_pass));
        let block = block.or_else(|| blocks.first().copied());
        let sight = match config.sight {
            Sight::Head(head) if head >= heads => Sight::Rollout,
            sight => sight,
        };
        let evidence = &seen.inside.evidence;
        let class = config.class.filter(|class| evidence.iter().any(|e| e.class == *class));
        Chosen {
            timestep: timestep.unwrap_or(0),
            block: block.unwrap_or((1, false)),
            layer: config.layer.filter(|layer| (1..=layers).contains(layer)).unwrap_or(layers),
            sight,
            class: class.or_else(|| evidence.first().map(|e| e.class)).unwrap_or(0),
        }
    }
}

/// The blocks that the head reads, those of the second pass behind the others.
pub fn blocks(seen: &SeenInside) -> Vec<(usize, bool)> {
    let first = seen.config.blocks.iter().map(|block| (*block, false));
    first.chain(seen.config.second.iter().map(|block| (*block, true))).collect()
}

/// `b 12`, and for the second pass `b 12 fed`.
pub fn block_name((block, second_pass): (usize, bool)) -> String {
    if second_pass { format!("b {block} fed") } else { format!("b {block}") }
}
