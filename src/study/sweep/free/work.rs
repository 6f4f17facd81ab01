//! A sweep without labels at work.

use std::time::Instant;

use rayon::prelude::*;

use super::measure::{Measure, Values};
use super::pictures::FreePictures;
use crate::data::split::Part;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::study::statistics::{Bootstrap, Estimate};
use crate::study::sweep::answers::{Answers, Round};
use crate::study::sweep::best_set::Drawn;
use crate::study::sweep::cell::{Cell, SweepRow};
use crate::study::sweep::config::SweepConfig;
use crate::study::sweep::gather::{Gather, Noise};
use crate::study::sweep::plan::Plan;
use crate::study::sweep::reader::Reader;
use crate::study::sweep::slab::{Slab, SlabKey};
use crate::study::sweep::work::Stores;
use crate::study::table::Features;

/// All cells are measured once.
pub(super) const ONCE: Round = Round::Fold(0);

/// A sweep without labels at work.
pub(super) struct FreeWork {
    pub config: SweepConfig,
    pub plan: Plan,
    pub pictures: FreePictures,
    pub measure: Measure,
    pub answers: Answers<Values>,
    /// Reads features.
    pub reader: Reader,
    /// Features of the pictures at one step, noise after noise.
    slabs: Vec<Slab>,
    /// Whose they are.
    held: Option<SlabKey>,
    /// What is measured beside: pixels, and random weights where the answer is.
    pub controls: Vec<Cell>,
    /// Seconds of all cells measured.
    pub seconds: f64,
}

/// Cells with what pictures add to them, compared.
pub(super) struct Standing {
    /// The cells.
    pub cells: Vec<Cell>,
    drawn: Drawn,
    /// 1 where larger is better, −1 where smaller is.
    sign: f64,
}

impl FreeWork {
    pub fn new(
        config: SweepConfig,
        plan: Plan,
        pictures: FreePictures,
        measure: Measure,
        network: &Network,
    ) -> FreeWork {
        FreeWork {
            config,
            plan,
            pictures,
            measure,
            answers: Answers::default(),
            reader: Reader::new(network),
            slabs: Vec::new(),
            held: None,
            controls: Vec::new(),
            seconds: 0.0,
        }
    }

    /// Goes on with what was measured; what does not fit is forgotten.
    pub fn go_on_with(&mut self, mut answers: Answers<Values>) {
        answers.retain(|_, _, values| self.measure.fits(values));
        self.answers = answers;
    }

    /// Cells of the network that are still to come, step by step.
    pub fn to_come(&self) -> Vec<Cell> {
        let all = self.plan.order().into_iter().flat_map(|t| self.plan.cells_at(t));
        all.filter(|&cell| !self.answers.has(cell, ONCE)).collect()
    }

    /// Controls that are still to come.
    pub fn controls_to_come(&self) -> Vec<Cell> {
        self.controls.iter().copied().filter(|&cell| !self.answers.has(cell, ONCE)).collect()
    }

    /// The cells of the network that were measured.
    pub fn measured(&self) -> Vec<Cell> {
        let all = self.plan.order().into_iter().flat_map(|t| self.plan.cells_at(t));
        all.filter(|&cell| self.answers.has(cell, ONCE)).collect()
    }

    /// Forwards of a picture at a step.
    pub fn forwards_each(&self) -> usize {
        self.config.draws as usize * self.config.score.noises()
    }

    /// Noises that a cell is measured under: pixels have none.
    fn noises(&self, features: Features) -> usize {
        if features == Features::RawPixels { 1 } else { self.config.score.noises() }
    }

    /// A part of what is `pending`: features read, or a few cells measured, which are returned. `pending`
    /// must not be empty. `watch` stops by an error, after which the same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, pictures that cannot be read any more, a failing disk or device.
    pub fn advance(
        &mut self,
        pending: &[Cell],
        network: &Network,
        stores: &mut Stores<'_>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Vec<Cell>> {
        let Some(&first) = pending.first() else { return Ok(Vec::new()) };
        let key = key_of(first);
        if self.held != Some(key) {
            self.slabs.clear();
            self.held = Some(key);
        }
        if self.slabs.len() < self.noises(key.features) {
            if self.reader.reading().is_none() {
                let here = pending.iter().filter(|cell| key_of(**cell) == key);
                let mut blocks: Vec<usize> = here.map(|cell| cell.block).collect();
                blocks.sort_unstable();
                blocks.dedup();
                // What the table will need is read at once, whatever was measured before.
                if key.features == Features::Network {
                    blocks = self.plan.blocks_at(key.timestep);
                }
                self.reader.begin(Gather::new(key, self.pictures.items.clone(), self.plan.taps(&blocks)));
            }
            let SweepConfig { seed, draws, class, .. } = self.config;
            let noise = Noise { seed, first: self.slabs.len() as u32 * draws, draws, class };
            let sources = (&*self.pictures.labelled, &self.plan);
            let came = self.reader.step(noise, sources, network, stores, watch)?;
            self.slabs.extend(came.map(|(_, slab)| slab));
            return Ok(Vec::new());
        }
        let same = pending.iter().copied().filter(|&cell| key_of(cell) == key);
        let batch: Vec<Cell> = same.take(2 * rayon::current_num_threads()).collect();
        let started = Instant::now();
        let values: Vec<Result<Values>> = batch.par_iter().map(|&cell| self.ask(cell, watch)).collect();
        self.seconds += started.elapsed().as_secs_f64();
        let (mut done, mut stopped) = (Vec::new(), None);
        for (cell, values) in batch.into_iter().zip(values) {
            match values {
                Ok(values) => {
                    self.answers.put(cell, ONCE, values)?;
                    done.push(cell);
                }
                Err(error) => stopped = stopped.or(Some(error)),
            }
        }
        match stopped {
            // What was measured meanwhile is told first; the rest comes again and is stopped again.
            Some(error) if done.is_empty() => Err(error),
            _ => Ok(done),
        }
    }

    fn ask(&self, cell: Cell, watch: &(dyn Fn() -> Result<()> + Sync)) -> Result<Values> {
        let all: Vec<usize> = (0..self.pictures.items.len()).collect();
        let rows = |slab: &Slab| slab.rows(&self.plan, cell.block, cell.pool, &all);
        let lost = || Error::Compute("features are missing".into());
        let first = rows(self.slabs.first().ok_or_else(lost)?)?;
        let second = self.slabs.get(1).map(rows).transpose()?;
        self.measure.values(&first, second.as_ref(), watch)
    }

    /// `cells` that were measured, compared with each other under so many draws of pictures.
    pub fn standing(&self, cells: Vec<Cell>, resamples: usize) -> Standing {
        let sign = if self.config.score.scale().lower_is_better { -1.0 } else { 1.0 };
        let known: Vec<(Cell, &Values)> =
            cells.into_iter().filter_map(|cell| Some((cell, self.answers.get(cell, ONCE)?))).collect();
        let signed = |values: &Values| values.iter().map(|&value| sign * f64::from(value)).collect();
        let values: Vec<Vec<f64>> = known.iter().map(|(_, values)| signed(values)).collect();
        let drawn = Drawn::of_means(&values, Bootstrap { resamples, seed: self.config.seed });
        Standing { cells: known.into_iter().map(|(cell, _)| cell).collect(), drawn, sign }
    }

    /// The rows of `cells` that were measured, with their intervals. Controls are no candidates for the
    /// best.
    pub fn rows(&self, cells: Vec<Cell>, set: Option<&[Cell]>) -> Vec<SweepRow> {
        let standing = self.standing(cells, self.config.resamples);
        let estimates = standing.estimates();
        let row = |(&cell, estimate): (&Cell, Estimate)| SweepRow {
            block: cell.block,
            timestep: cell.timestep,
            pool: cell.pool,
            score: self.config.score.name().into(),
            shots: cell.shots,
            accuracy: estimate.value,
            ci_low: estimate.low,
            ci_high: estimate.high,
            n: self.answers.get(cell, ONCE).map_or(0, Vec::len),
            in_best_set: match set {
                _ if cell.features.is_control() => Some(false),
                set => set.map(|set| set.contains(&cell)),
            },
            features: cell.features,
        };
        standing.cells.iter().zip(estimates).map(row).collect()
    }
}

impl Standing {
    /// The best cell, and those that cannot be told from it; none where none was measured.
    pub fn best(&self) -> Option<(Cell, Vec<Cell>)> {
        let best = *self.cells.get(self.drawn.best())?;
        let set = self.cells.iter().zip(self.drawn.best_set()).filter(|(_, is_in)| *is_in);
        Some((best, set.map(|(cell, _)| *cell).collect()))
    }

    /// Each cell between percentiles, in the unit of the score.
    pub fn estimates(&self) -> Vec<Estimate> {
        self.drawn.percentiles().into_iter().map(|estimate| signed(estimate, self.sign)).collect()
    }

    /// `first` minus `second` in the unit of the score, paired, with its interval; none where one was not
    /// measured.
    pub fn difference(&self, first: Cell, second: Cell) -> Option<Estimate> {
        let place = |wanted: Cell| self.cells.iter().position(|cell| *cell == wanted);
        Some(signed(self.drawn.difference(place(first)?, place(second)?), self.sign))
    }
}

/// The features that a cell is measured on.
fn key_of(cell: Cell) -> SlabKey {
    SlabKey { features: cell.features, part: Part::Train, timestep: cell.timestep }
}

fn signed(estimate: Estimate, sign: f64) -> Estimate {
    let Estimate { value, low, high } = estimate;
    if sign < 0.0 { Estimate { value: -value, low: -high, high: -low } } else { estimate }
}
