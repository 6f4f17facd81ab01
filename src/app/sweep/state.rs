//! What the work space of sweeps knows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::SweepAction;
use super::below::{BelowSettings, BelowState};
use super::similarity::{Page, SimilarityAction, SimilaritySettings, SimilarityState};
use crate::error::Error;
use crate::jobs::{JobId, JobState, SweepRecord};
use crate::project::RunId;
use crate::study::sweep::{
    Cell, Forwards, Scale, Score, Scored, SweepConfig, SweepNews, SweepPhase, SweepReport, SweepRow,
    SweepTable,
};
use crate::study::table::Features;
use crate::unet::plan::BlockInfo;

/// The settings of the work space, kept in the project. The labelled pictures are those of Heads, block
/// and timestep those of all work spaces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SweepSettings {
    /// What is swept.
    pub config: SweepConfig,
    /// The pool whose table is shown; none: the first.
    pub pool: Option<usize>,
    /// The number of shots whose table is shown; none: the most.
    pub shots: Option<usize>,
    /// The sweep shown, counted from the last one.
    pub shown: usize,
    /// Another one that it is compared with, counted likewise.
    pub against: Option<usize>,
    /// The page on screen.
    pub page: Page,
    /// What is compared on the page of similarities.
    pub similarity: SimilaritySettings,
    /// What is shown under the table.
    pub below: BelowSettings,
}

/// A sweep under way.
pub struct Running {
    /// Names it in the project.
    pub run: RunId,
    /// The job.
    pub job: JobId,
    /// The labelled pictures.
    pub data: PathBuf,
    /// What is swept.
    pub config: SweepConfig,
    /// The table as far as it is filled.
    pub table: SweepTable,
    /// How far it is.
    pub state: JobState,
    /// What it does.
    pub phase: SweepPhase,
    /// Rounds of cells scored.
    pub cells: Scored,
    /// Forwards.
    pub forwards: Forwards,
}

impl Running {
    /// A sweep that is to begin.
    pub fn new(run: RunId, job: JobId, data: PathBuf, config: SweepConfig) -> Running {
        Running {
            run,
            job,
            data,
            config,
            table: SweepTable::default(),
            state: JobState::Queued,
            phase: SweepPhase::Read,
            cells: Scored::default(),
            forwards: Forwards::default(),
        }
    }

    /// Takes what is new.
    pub fn take(&mut self, news: &SweepNews) {
        self.table.update(&news.changed);
        self.phase = news.phase;
        (self.cells, self.forwards) = (news.cells, news.forwards);
    }
}

/// What the work space knows.
#[derive(Default)]
pub struct SweepState {
    /// The settings.
    pub settings: SweepSettings,
    /// Lists as they are being typed: blocks, timesteps, pools, shots.
    pub texts: Option<[String; 4]>,
    /// A sweep under way.
    pub running: Option<Running>,
    /// A sweep was asked for and is not in the project yet.
    pub begun: bool,
    /// Sweeps that are done, the last one at the end.
    pub reports: Vec<(RunId, Arc<SweepReport>)>,
    /// The last sweep that did not come to its end, where none came after it.
    pub interrupted: Option<Arc<SweepRecord>>,
    /// Why the last one failed.
    pub error: Option<Arc<Error>>,
    /// The page of similarities.
    pub similarity: SimilarityState,
    /// What is known of cells that were looked into.
    pub below: BelowState,
}

/// A table of cells: what is drawn.
pub struct Table {
    /// What cells are scored by.
    pub score: Score,
    /// Blocks, ascending.
    pub blocks: Vec<usize>,
    /// Timesteps, ascending.
    pub timesteps: Vec<usize>,
    /// Cells by block and timestep.
    pub cells: BTreeMap<(usize, usize), SweepRow>,
    /// Of a comparison: what the other sweep came to.
    pub other: BTreeMap<(usize, usize), f64>,
    /// The cell chosen and the default one, as block and timestep.
    pub marked: [Option<(usize, usize)>; 2],
    /// Pools and numbers of shots that there are.
    pub axes: [Vec<usize>; 2],
    /// The pool and the number of shots shown.
    pub at: (usize, usize),
}

impl SweepState {
    /// The sweep shown, unless one is under way.
    pub fn report(&self) -> Option<&Arc<SweepReport>> {
        if self.running.is_some() { None } else { self.done(self.settings.shown) }
    }

    /// A sweep that is done, counted from the last one.
    pub fn done(&self, back: usize) -> Option<&Arc<SweepReport>> {
        self.reports.iter().rev().nth(back).map(|(_, report)| report)
    }

    /// The one that the sweep shown is compared with: by the same score, or both by one that learns.
    pub fn other(&self) -> Option<&Arc<SweepReport>> {
        let against = self.settings.against.filter(|against| *against != self.settings.shown);
        let other = against.filter(|_| self.running.is_none()).and_then(|against| self.done(against))?;
        let score = self.report()?.settings.score;
        let alike = |other: Score| other == score || other.needs_labels() && score.needs_labels();
        Some(other).filter(|other| alike(other.settings.score))
    }

    /// The table on screen.
    pub fn table(&self) -> Option<Table> {
        let found;
        let (whole, score) = match (&self.running, self.report()) {
            (Some(running), _) => (&running.table, running.config.score),
            (None, Some(report)) => {
                found = SweepTable::of(&report.rows);
                (&found, report.settings.score)
            }
            (None, None) => return None,
        };
        let axes = [whole.pools(), whole.shots()];
        let known = |wanted: Option<usize>, axis: &[usize]| wanted.filter(|value| axis.contains(value));
        let pool = known(self.settings.pool, &axes[0]).or_else(|| axes[0].first().copied())?;
        let shots = known(self.settings.shots, &axes[1]).or_else(|| axes[1].last().copied())?;
        let here = |row: &&SweepRow| (row.pool, row.shots) == (pool, shots);
        let cells = whole.own().filter(here);
        let answer = self.report().and_then(|report| report.answers.iter().find(|a| a.shots == shots));
        let mark = |cell: Cell| (cell.pool == pool).then_some((cell.block, cell.timestep));
        let others = self.other().into_iter().flat_map(|other| other.rows.iter());
        let others = others.filter(|row| row.features == Features::Network).filter(here);
        Some(Table {
            score,
            blocks: whole.blocks(),
            timesteps: whole.timesteps(),
            cells: cells.map(|row| ((row.block, row.timestep), row.clone())).collect(),
            other: others.map(|row| ((row.block, row.timestep), row.accuracy)).collect(),
            marked: [answer.and_then(|a| mark(a.best)), answer.and_then(|a| mark(a.default))],
            axes,
            at: (pool, shots),
        })
    }

    /// What `action` means on the page of similarities; none on that of the table.
    pub fn on_page(&self, action: SweepAction) -> Option<SimilarityAction> {
        match (action, self.settings.page) {
            (SweepAction::Similarity(action), _) => Some(action),
            (SweepAction::Begin, Page::Similarity) => Some(SimilarityAction::Begin),
            (SweepAction::Export, Page::Similarity) => Some(SimilarityAction::Export),
            _ => None,
        }
    }

    /// Blocks and timesteps on the page on screen, ascending.
    pub fn axes(&self) -> Option<(Vec<usize>, Vec<usize>)> {
        match self.settings.page {
            Page::Table => self.table().map(|table| (table.blocks, table.timesteps)),
            Page::Similarity => {
                let found = self.similarity.found.as_ref()?;
                Some((found.network.blocks.clone(), found.config.timesteps.clone()))
            }
        }
    }

    /// The block table of the network that was swept.
    pub fn blocks<'a>(&'a self, own: &'a [BlockInfo]) -> &'a [BlockInfo] {
        self.report().map_or(own, |report| &report.blocks)
    }
}

impl Table {
    /// How values are written and coloured.
    pub fn scale(&self) -> Scale {
        self.score.scale()
    }

    /// What a cell shows, in the unit of the score: its value, or in a comparison the difference.
    pub fn value(&self, at: (usize, usize)) -> Option<f32> {
        self.plain(at).map(|value| self.scale().shown(value))
    }

    /// The same as it is written.
    pub fn written(&self, at: (usize, usize)) -> Option<String> {
        let scale = self.scale();
        let write = |value| match self.other.is_empty() {
            true => scale.number(value),
            false => scale.difference(value),
        };
        self.plain(at).map(write)
    }

    fn plain(&self, at: (usize, usize)) -> Option<f64> {
        let own = self.cells.get(&at)?.accuracy;
        if self.other.is_empty() { Some(own) } else { Some(own - self.other.get(&at)?) }
    }

    /// The values at the ends of the colours, the worse first.
    pub fn range(&self) -> [f32; 2] {
        let values = self.cells.keys().filter_map(|at| self.value(*at));
        if self.other.is_empty() {
            self.scale().range(values)
        } else {
            self.scale().range_of_differences(values)
        }
    }
}
