//! A sweep without labels under way: every cell once, then controls.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::measure::Measure;
use super::pictures::FreePictures;
use super::report::report;
use super::work::FreeWork;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::store::FeatureStore;
use crate::study::labelled::LabelledCache;
use crate::study::sweep::answers::{Answers, Scored};
use crate::study::sweep::cell::Cell;
use crate::study::sweep::config::SweepConfig;
use crate::study::sweep::keep::SweepKeep;
use crate::study::sweep::news::{SweepEnd, SweepNews, SweepPhase, SweepStep};
use crate::study::sweep::note::note_of;
use crate::study::sweep::plan::Plan;
use crate::study::sweep::report::SweepReport;
use crate::study::sweep::room::Room;
use crate::study::sweep::scores::Score;
use crate::study::sweep::work::{Stores, features_in};
use crate::study::table::Features;

/// A sweep without labels under way.
pub struct FreeRun {
    config: SweepConfig,
    data: PathBuf,
    keep: Option<SweepKeep>,
    own: Option<FeatureStore>,
    work: Option<Box<FreeWork>>,
    phase: SweepPhase,
    best: Option<(Cell, Vec<Cell>)>,
    end: Option<SweepEnd>,
    over: bool,
    worked: Duration,
}

impl FreeRun {
    /// A sweep over the pictures of `data`, whatever their classes.
    ///
    /// # Errors
    /// When a setting is impossible, or the score needs labels.
    pub fn new(config: SweepConfig, data: PathBuf, keep: Option<SweepKeep>) -> Result<FreeRun> {
        config.validate()?;
        if config.score.needs_labels() {
            return Err(Error::Setting(format!("{} needs labels", config.score)));
        }
        Ok(FreeRun {
            config,
            data,
            keep,
            own: None,
            work: None,
            phase: SweepPhase::Read,
            best: None,
            end: None,
            over: false,
            worked: Duration::ZERO,
        })
    }

    /// Measures no more cells: what is best so far is told.
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

    /// One part; none when all is done. As [`SweepRun::step`](crate::study::sweep::SweepRun::step).
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
        let best = self.best.ok_or_else(|| Error::Compute("no cell was measured".into()))?;
        Ok(report(&work, &best, self.end, network, self.worked.as_secs_f64()))
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
        let Some(work) = &self.work else {
            self.begin(network, store.is_some(), cache, watch)?;
            return Ok(Some(("reading pictures".into(), Vec::new())));
        };
        let pending = match self.phase {
            SweepPhase::Last => work.controls_to_come(),
            _ => work.to_come(),
        };
        let ends = self.phase != SweepPhase::Last && self.is_ending(&pending);
        if pending.is_empty() || ends {
            return Ok(Some(("comparing cells".into(), self.next_phase())));
        }
        let Some(work) = &mut self.work else { return Ok(None) };
        let mut stores = Stores { shared: store, own: self.own.as_mut(), parts: &mut [] };
        let measured = work.advance(&pending, network, &mut stores, watch)?;
        let what = match work.reader.reading() {
            Some((key, (done, all))) => format!("features at t {}, {done} of {all}", key.timestep),
            None => format!("{} of this round left", pending.len() - measured.len()),
        };
        Ok(Some((what, measured)))
    }

    fn begin(
        &mut self,
        network: &Network,
        is_shared: bool,
        cache: &Mutex<LabelledCache>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<()> {
        let plan = Plan::new(&self.config, &network.card)?;
        // What a panic left behind is either an older data set or none.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let labelled = cache.pictures(&self.data, &mut |_, _| watch().is_ok())?;
        drop(cache);
        let classes = labelled.set.classes.len();
        let pictures = FreePictures::draw(labelled, &self.config)?;
        let measure = Measure::of(&self.config, pictures.items.len(), classes)?;
        let note = note_of(&self.config, &self.data, pictures.digest(), network)?;
        let room =
            Room::of_one_step(&plan, pictures.items.len(), (self.config.score.noises(), self.config.draws));
        room.check_memory()?;
        let mut work = FreeWork::new(self.config.clone(), plan, pictures, measure, network);
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

    /// Whether no more cells are to be measured though some are `pending`.
    fn is_ending(&mut self, pending: &[Cell]) -> bool {
        let Some(work) = &self.work else { return false };
        // The cells of the first step always are.
        if pending.first().map(|cell| cell.timestep) == work.plan.order().first().copied() {
            return false;
        }
        let (worked, reserve) = (self.worked.as_secs_f64(), self.last_seconds());
        if let Some(budget) = self.config.budget
            && worked + reserve.min(budget / 2.0) >= budget
        {
            self.end.get_or_insert(SweepEnd::Budget);
        }
        self.end.is_some()
    }

    /// Goes on to the next phase; the cells whose rows are different now.
    fn next_phase(&mut self) -> Vec<Cell> {
        let Some(work) = &mut self.work else { return Vec::new() };
        if self.phase == SweepPhase::Last {
            self.over = true;
            return Vec::new();
        }
        let measured = work.measured();
        self.best = work.standing(measured.clone(), work.config.resamples).best();
        let default = work.plan.default_cell(0);
        let mut controls = Vec::new();
        if work.config.controls {
            // Pixels have no noise: what compares two has nothing to say of them.
            if work.config.score.noises() == 1 {
                controls.extend(work.plan.pixel_cells());
            }
            let chosen = self.best.iter().map(|(best, _)| *best).chain([default]);
            controls.extend(chosen.map(|cell| Cell { features: Features::RandomWeights, ..cell }));
            controls.sort_by_key(|cell| (cell.features, cell.timestep, cell.block, cell.pool));
            controls.dedup();
        }
        work.controls = controls;
        self.phase = SweepPhase::Last;
        measured
    }

    fn told(&self, what: String, changed: Vec<Cell>) -> SweepStep {
        let left = self.seconds_left();
        let done = self.worked.as_millis() as u64;
        let total = left.map_or(0, |left| done + (left * 1000.0) as u64 + 1);
        let set = self.best.as_ref().map(|(_, set)| &set[..]);
        let news = self.work.as_ref().map(|work| SweepNews {
            phase: self.phase,
            changed: work.rows(changed, set),
            cells: work.answers.tally,
            forwards: work.reader.forwards,
            seconds_left: left,
        });
        SweepStep { what, done, total, news }
    }

    /// Seconds of the controls, as far as can be told.
    fn last_seconds(&self) -> f64 {
        let Some(work) = &self.work else { return 0.0 };
        let steps = if work.config.controls { 2.0 } else { 0.0 };
        steps * self.step_seconds(work)
    }

    /// Seconds of all forwards at a step.
    fn step_seconds(&self, work: &FreeWork) -> f64 {
        let forwards = (work.pictures.items.len() * work.forwards_each()) as f64;
        forwards * work.reader.seconds / work.reader.forwards.computed.max(1) as f64
    }

    /// Seconds to the end, once the first forwards or cells were timed.
    fn seconds_left(&self) -> Option<f64> {
        let work = self.work.as_ref()?;
        let scored = work.answers.tally.computed;
        if work.reader.forwards.computed + scored == 0 {
            return None;
        }
        let last = if self.phase == SweepPhase::Last { 0.0 } else { self.last_seconds() };
        let pending = if self.phase == SweepPhase::Last { work.controls_to_come() } else { work.to_come() };
        let mut steps: Vec<usize> = pending.iter().map(|cell| cell.timestep).collect();
        steps.sort_unstable();
        steps.dedup();
        let each = work.seconds / scored.max(1) as f64;
        let read = work.reader.reading().map_or(0.0, |(_, (done, all))| done as f64 / all.max(1) as f64);
        let read = read / self.config.score.noises() as f64;
        let steps = (steps.len() as f64 - read).max(0.0);
        Some(steps * self.step_seconds(work) + pending.len() as f64 * each + last)
    }
}

/// The note that says what an interval holds.
pub(super) fn about_intervals(score: Score, resamples: usize) -> String {
    let fixed = match score {
        Score::Silhouette => "noise and clusters as they are",
        Score::Agreement => "noises and neighbours as they are",
        Score::Uniformity => "noise as it is, to first order in what each picture adds",
        _ => "noises as they are",
    };
    format!(
        "Intervals are 95 % over {resamples} draws of the pictures, {fixed}: they say what other pictures like \
         these would change, not what another noise or seed would."
    )
}
