//! A sweep under way: a first round over all cells, more rounds where cells may be the best, and a last
//! one on test pictures and controls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answers::{Answers, Round, Scored};
use super::cell::{Cell, SweepRow};
use super::config::SweepConfig;
use super::keep::SweepKeep;
use super::metric::Rounds;
use super::news::{SweepEnd, SweepNews, SweepPhase, SweepStep};
use super::note::{Note, note_of};
use super::pictures::Pictures;
use super::plan::Plan;
use super::report::{SweepReport, report, rows_of};
use super::room::Room;
use super::score::Learner;
use super::shard::SweepParts;
use super::work::{Pending, Stores, Work, features_in};
use crate::data::split::Part;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::store::FeatureStore;
use crate::heads::Backbone;
use crate::study::labelled::LabelledCache;

/// The best cell of some shots, and those that cannot be told from it.
pub(super) type Best = (Cell, Vec<Cell>);

/// A sweep under way.
pub struct SweepRun {
    config: SweepConfig,
    data: PathBuf,
    keep: Option<SweepKeep>,
    own: Option<FeatureStore>,
    parts: Vec<FeatureStore>,
    /// What the parts follow from.
    made_for: Option<Note>,
    work: Option<Box<Work>>,
    phase: SweepPhase,
    best: BTreeMap<usize, Best>,
    end: Option<SweepEnd>,
    over: bool,
    worked: Duration,
}

impl SweepRun {
    /// A sweep over the labelled pictures of `data`, with the features that other runs made for it.
    ///
    /// # Errors
    /// When a setting is impossible, or the score learns nothing.
    pub fn new(
        config: SweepConfig,
        data: PathBuf,
        keep: Option<SweepKeep>,
        parts: Option<SweepParts>,
    ) -> Result<SweepRun> {
        config.validate()?;
        config.score.check_learns()?;
        let folders = parts.iter().flat_map(|parts| &parts.folders);
        Ok(SweepRun {
            config,
            data,
            keep,
            own: None,
            parts: folders.map(|folder| features_in(folder)).collect(),
            made_for: parts.map(|parts| parts.note),
            work: None,
            phase: SweepPhase::Read,
            best: BTreeMap::new(),
            end: None,
            over: false,
            worked: Duration::ZERO,
        })
    }

    /// Scores no more cells: what is best so far is tested.
    pub fn stop(&mut self) {
        self.end.get_or_insert(SweepEnd::Ended);
    }

    /// What was done, in words, for a sweep that is stopped; none where nothing is kept.
    pub fn kept(&self) -> Option<String> {
        let (keep, work) = (self.keep.as_ref()?, self.work.as_ref()?);
        let Scored { computed, kept } = work.answers.tally;
        Some(format!(
            "{} scores and all features are kept in {}; go on with --resume",
            computed + kept,
            SweepKeep::parts(&keep.folder).display()
        ))
    }

    /// One part; none when all is done. `watch` is asked between blocks and folds and stops by an error,
    /// after which the same part comes again. Features of the network are taken from `store` and put
    /// there; `cache` keeps the data set for the next run.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, a failing disk or device.
    pub fn step(
        &mut self,
        network: &Network,
        store: Option<&mut FeatureStore>,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<SweepStep>> {
        let started = Instant::now();
        let came = self.part(network, store, cache, watch);
        self.worked += started.elapsed();
        Ok(came?.map(|(what, changed)| self.told(what, changed)))
    }

    /// What was found.
    ///
    /// # Errors
    /// When the sweep is not done.
    pub fn finish(self, network: &Network) -> Result<SweepReport> {
        let not_done = || Error::Compute("the sweep is not done".into());
        let work = self.work.filter(|_| self.over).ok_or_else(not_done)?;
        let end = self.end.unwrap_or(SweepEnd::Rounds);
        report(&work, &self.best, end, network, self.worked.as_secs_f64())
    }

    fn part(
        &mut self,
        network: &Network,
        store: Option<&mut FeatureStore>,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Option<(String, Vec<Cell>)>> {
        if self.over {
            return Ok(None);
        }
        let Some(work) = &mut self.work else {
            self.begin(network, store.is_some(), cache, watch)?;
            return Ok(Some(("reading pictures".into(), Vec::new())));
        };
        let pending = match self.phase {
            SweepPhase::Read => Vec::new(),
            SweepPhase::First => work.first_round(),
            SweepPhase::Later(round) => {
                let contenders: Vec<Cell> = self.best.values().flat_map(|(_, set)| set.clone()).collect();
                work.later_round(round, &contenders)
            }
            SweepPhase::Last => {
                let (all, short) = (work.last_round(), work.last_round_in_short());
                let is_late = self.config.budget.is_some_and(|budget| self.worked.as_secs_f64() >= budget);
                if is_late && short.len() < all.len() {
                    self.end = Some(SweepEnd::Budget);
                }
                if is_late { short } else { all }
            }
        };
        let ends = self.phase != SweepPhase::Last && self.is_ending(&pending);
        if pending.is_empty() || ends {
            return self.next_phase().map(|changed| Some(("comparing cells".into(), changed)));
        }
        let Some(work) = &mut self.work else { return Ok(None) };
        let mut stores = Stores { shared: store, own: self.own.as_mut(), parts: &mut self.parts };
        let scored = work.advance(&pending, network, &mut stores, watch)?;
        let what = match work.reader.reading() {
            Some((key, (done, all))) => format!("features at t {}, {done} of {all}", key.timestep),
            None => format!("{} of this round left", pending.len() - scored.len()),
        };
        let changed = scored.into_iter().filter(|(_, round)| matches!(round, Round::Fold(_)));
        Ok(Some((what, changed.map(|(cell, _)| cell).collect())))
    }

    fn begin(
        &mut self,
        network: &Network,
        is_shared: bool,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<()> {
        let plan = Plan::new(&self.config, &network.card)?;
        let learner = Learner::of(self.config.score, &Backbone::from(&*network.card))?;
        // What a panic left behind is either an older data set or none.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let labelled = cache.read(&self.data, &mut |_, _| watch().is_ok())?;
        drop(cache);
        let pictures = Pictures::draw(labelled, &self.config)?;
        let note = note_of(&self.config, &self.data, pictures.digest(), network)?;
        if let Some(what) = self.made_for.as_ref().and_then(|parts| parts.difference(&note)) {
            let text = format!("the parts were made with {what}; merge them with the same");
            return Err(Error::Setting(text));
        }
        let room = Room::of(&plan, pictures.items(Part::Train).len(), self.config.draws);
        room.check_memory()?;
        let mut work = Work::new(self.config.clone(), plan, pictures, learner, network);
        if let Some(keep) = &self.keep {
            if !is_shared {
                let held = features_in(&SweepKeep::parts(&keep.folder)).size();
                room.check_disk(&keep.folder, held)?;
            }
            let folder = keep.begin()?;
            self.own = Some(features_in(&folder));
            work.go_on_with(Answers::open(&folder.join("cells.jsonl"), &note)?);
        }
        self.work = Some(Box::new(work));
        self.phase = SweepPhase::First;
        Ok(())
    }

    /// Whether no more cells are to be scored though some are `pending`.
    fn is_ending(&mut self, pending: &[Pending]) -> bool {
        let Some(work) = &self.work else { return false };
        // The cells of the first step always are.
        let first = work.plan.order().first().copied();
        if self.phase == SweepPhase::First && pending.first().map(|(cell, _)| cell.timestep) == first {
            return false;
        }
        let (worked, reserve) = (self.worked.as_secs_f64(), self.last_seconds(1.0));
        if let Some(budget) = self.config.budget
            && worked + reserve.min(budget / 2.0) >= budget
        {
            self.end.get_or_insert(SweepEnd::Budget);
        }
        self.end.is_some()
    }

    /// Goes on to the next phase; the cells whose rows are different now.
    fn next_phase(&mut self) -> Result<Vec<Cell>> {
        let Some(work) = &mut self.work else { return Ok(Vec::new()) };
        if self.phase == SweepPhase::Last {
            self.over = true;
            return Ok(Vec::new());
        }
        self.best.clear();
        for face in &work.pictures.faces {
            if let Some(best) = work.best(face.shots)? {
                self.best.insert(face.shots, best);
            }
        }
        let is_settled = self.best.values().all(|(_, set)| set.len() == 1);
        let done = match self.phase {
            SweepPhase::Later(round) => round,
            _ => 0,
        };
        if self.end.is_none() {
            if is_settled {
                self.end = Some(SweepEnd::Settled);
            } else if done + 1 == self.config.repeats {
                self.end = Some(SweepEnd::Rounds);
            }
        }
        let Some(end) = self.end else {
            self.phase = SweepPhase::Later(done + 1);
            return Ok(work.plan.order().into_iter().flat_map(|t| work.plan.cells_at(t)).collect());
        };
        let in_short = matches!(end, SweepEnd::Budget | SweepEnd::Ended);
        let (mut chosen, mut tested) = (Vec::new(), Vec::new());
        for (&shots, (best, set)) in &self.best {
            chosen.extend([*best, work.plan.default_cell(shots)]);
            tested.extend(set.iter().filter(|_| !in_short));
        }
        tested.extend(&chosen);
        for cells in [&mut chosen, &mut tested] {
            // Step by step, so that features of each are read once.
            cells.sort_by_key(|cell: &Cell| (cell.timestep, cell.block, cell.pool, cell.shots));
            cells.dedup();
        }
        (work.chosen, work.tested) = (chosen, tested);
        self.phase = SweepPhase::Last;
        Ok(work.plan.order().into_iter().flat_map(|t| work.plan.cells_at(t)).collect())
    }

    fn told(&self, what: String, changed: Vec<Cell>) -> SweepStep {
        let left = self.seconds_left();
        let done = self.worked.as_millis() as u64;
        let total = left.map_or(0, |left| done + (left * 1000.0) as u64 + 1);
        let news = self.work.as_ref().map(|work| SweepNews {
            phase: self.phase,
            changed: self.rows(work, &changed),
            cells: work.answers.tally,
            forwards: work.reader.forwards,
            seconds_left: left,
        });
        SweepStep { what, done, total, news }
    }

    /// The rows of `cells` as they are now.
    fn rows(&self, work: &Work, cells: &[Cell]) -> Vec<SweepRow> {
        let of_face = |shots: usize| {
            let here = cells.iter().filter(|cell| cell.shots == shots);
            let scored = here.map(|&cell| (cell, work.answers.rounds(cell)));
            let scored: Vec<(Cell, Rounds)> = scored.filter(|(_, rounds)| !rounds.is_empty()).collect();
            let set = self.best.get(&shots).map(|(_, set)| &set[..]);
            rows_of(work, &scored, shots, set).unwrap_or_default()
        };
        work.pictures.faces.iter().flat_map(|face| of_face(face.shots)).collect()
    }

    /// Seconds of the last phase at about `steps` steps, as far as can be told.
    fn last_seconds(&self, steps: f64) -> f64 {
        let Some(work) = &self.work else { return 0.0 };
        let (train, test) = (work.pictures.items(Part::Train).len(), work.pictures.items(Part::Test).len());
        let pictures = if work.config.controls { 2 * test + train } else { test };
        let forwards = steps * (pictures * work.config.draws as usize) as f64;
        forwards * work.reader.seconds / work.reader.forwards.computed.max(1) as f64
    }

    /// Seconds to the end, once the first forwards or cells were timed.
    fn seconds_left(&self) -> Option<f64> {
        let work = self.work.as_ref()?;
        let scored = work.answers.tally.computed;
        if work.reader.forwards.computed + scored == 0 {
            return None;
        }
        let each = work.seconds / scored.max(1) as f64;
        let cells = |pending: Vec<Pending>| pending.len() as f64 * each;
        let train = work.pictures.items(Part::Train).len() * work.config.draws as usize;
        let forward = work.reader.seconds / work.reader.forwards.computed.max(1) as f64;
        let steps = work.plan.order().len() as f64;
        // Before cells are compared nobody knows how many may be the best: a quarter is a guess.
        let later = |rounds: usize, cells: usize| (rounds * cells) as f64 * each / 4.0;
        Some(match self.phase {
            SweepPhase::Read => return None,
            SweepPhase::First => {
                let pending = work.first_round();
                let mut left: Vec<usize> = pending.iter().map(|(cell, _)| cell.timestep).collect();
                left.sort_unstable();
                left.dedup();
                let reading =
                    work.reader.reading().map_or(0, |(_, (done, _))| done * work.config.draws as usize);
                let forwards = (left.len() * train).saturating_sub(reading) as f64 * forward;
                let more = later(work.config.repeats - 1, work.first_round().len());
                forwards + cells(pending) + more + self.last_seconds(steps / 2.0)
            }
            SweepPhase::Later(round) => {
                let set: usize = self.best.values().map(|(_, set)| set.len()).sum();
                ((work.config.repeats - round) * set) as f64 * each + self.last_seconds(steps / 2.0)
            }
            SweepPhase::Last => {
                let pending = work.last_round();
                let mut left: Vec<usize> = pending.iter().map(|(cell, _)| cell.timestep).collect();
                left.sort_unstable();
                left.dedup();
                self.last_seconds(left.len() as f64) + cells(pending)
            }
        })
    }
}
