//! A sweep at work: its pictures, its cells, what was read and what was said.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;

use super::answers::{Answers, Round};
use super::best_set::Drawn;
use super::cell::Cell;
use super::config::SweepConfig;
use super::gather::{Forwards, Gather, Maker, Noise};
use super::metric::{Rounds, Said, Truth};
use super::pictures::Pictures;
use super::plan::Plan;
use super::score::Learner;
use super::slab::{Slab, SlabKey};
use crate::data::split::Part;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::control::random_weights;
use crate::features::store::{FeatureStore, Origin};
use crate::study::statistics::Bootstrap;
use crate::study::table::Features;

/// A cell that is still to speak, and when.
pub(super) type Pending = (Cell, Round);

/// A sweep at work.
pub(super) struct Work {
    pub config: SweepConfig,
    pub plan: Plan,
    pub pictures: Pictures,
    pub answers: Answers,
    pub forwards: Forwards,
    learner: Learner,
    slabs: HashMap<SlabKey, Slab>,
    gather: Option<Gather>,
    random: Option<(Network, Option<Origin>)>,
    origin: Option<Origin>,
    /// Cells that test pictures score.
    pub tested: Vec<Cell>,
    /// Those of them that the answer is about: the best and the default one.
    pub chosen: Vec<Cell>,
    /// Seconds of all forwards made, and of all cells scored.
    pub seconds: [f64; 2],
}

impl Work {
    pub fn new(
        config: SweepConfig,
        plan: Plan,
        pictures: Pictures,
        learner: Learner,
        network: &Network,
    ) -> Work {
        Work {
            config,
            plan,
            pictures,
            answers: Answers::default(),
            learner,
            forwards: Forwards::default(),
            slabs: HashMap::new(),
            gather: None,
            random: None,
            origin: Origin::of(network),
            tested: Vec::new(),
            chosen: Vec::new(),
            seconds: [0.0; 2],
        }
    }

    /// Goes on with what cells have said; what is not about these pictures is forgotten.
    pub fn go_on_with(&mut self, mut answers: Answers) {
        answers.retain(|cell, round, said| match round {
            Round::Test => self.test_truth().fits(said),
            Round::Fold(_) => self.truth(cell.shots).is_ok_and(|truth| truth.fits(said)),
        });
        self.answers = answers;
    }

    /// What is still to be said in the first round.
    pub fn first_round(&self) -> Vec<Pending> {
        let network = self.plan.order().into_iter().flat_map(|t| self.plan.cells_at(t));
        let pixels = self.plan.pixel_cells();
        let cells = network.chain(pixels.into_iter().filter(|_| self.config.controls));
        self.to_come(cells.map(|cell| (cell, Round::Fold(0))))
    }

    /// What is still to be said in a later round, by cells that may be the best.
    pub fn later_round(&self, round: usize, contenders: &[Cell]) -> Vec<Pending> {
        self.to_come(contenders.iter().map(|&cell| (cell, Round::Fold(round))))
    }

    /// What is still to be said of test pictures, and by controls.
    pub fn last_round(&self) -> Vec<Pending> {
        self.on_test(&self.tested)
    }

    /// What of that the answer is about.
    pub fn last_round_in_short(&self) -> Vec<Pending> {
        self.on_test(&self.chosen)
    }

    /// Pixels and `cells` on test pictures, and random weights at the same places: steps that the answer
    /// is about first, each by itself, so that its features are read once.
    fn on_test(&self, cells: &[Cell]) -> Vec<Pending> {
        let controls = |cells: Vec<Cell>| cells.into_iter().filter(|_| self.config.controls);
        let mut pending: Vec<Pending> = cells.iter().map(|&cell| (cell, Round::Test)).collect();
        for cell in controls(cells.to_vec()) {
            let control = Cell { features: Features::RandomWeights, ..cell };
            pending.extend([(control, Round::Fold(0)), (control, Round::Test)]);
        }
        let is_chosen = |step: usize| self.chosen.iter().any(|cell| cell.timestep == step);
        pending.sort_by_key(|(cell, _)| (!is_chosen(cell.timestep), cell.timestep, cell.features));
        let pixels = controls(self.plan.pixel_cells()).map(|cell| (cell, Round::Test));
        self.to_come(pixels.chain(pending))
    }

    fn to_come(&self, all: impl IntoIterator<Item = Pending>) -> Vec<Pending> {
        all.into_iter().filter(|&(cell, round)| !self.answers.has(cell, round)).collect()
    }

    /// The cells of the network that have spoken, with the same number of shots.
    pub fn scored(&self, shots: usize) -> Vec<(Cell, Rounds)> {
        let cells = self.plan.order().into_iter().flat_map(|t| self.plan.cells_at(t));
        let of_shots = cells.filter(|cell| cell.shots == shots).map(|cell| (cell, self.answers.rounds(cell)));
        of_shots.filter(|(_, rounds)| !rounds.is_empty()).collect()
    }

    /// What is known of the pictures that cells of so many shots were cross-validated on.
    pub fn truth(&self, shots: usize) -> Result<Truth<'_>> {
        Ok(Truth { labels: &self.pictures.face(shots)?.labels, classes: self.pictures.classes().len() })
    }

    /// What is known of the test pictures.
    pub fn test_truth(&self) -> Truth<'_> {
        Truth { labels: &self.pictures.test_labels, classes: self.pictures.classes().len() }
    }

    /// How pictures are drawn anew.
    pub fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: self.config.resamples, seed: self.config.seed }
    }

    /// The best cell of so many shots, and the cells that cannot be told from it; none when none has
    /// spoken.
    pub fn best(&self, shots: usize) -> Result<Option<(Cell, Vec<Cell>)>> {
        let scored = self.scored(shots);
        if scored.is_empty() {
            return Ok(None);
        }
        let rounds: Vec<&Rounds> = scored.iter().map(|(_, rounds)| rounds).collect();
        let drawn = Drawn::of(&rounds, self.config.metric, &self.truth(shots)?, self.bootstrap());
        let set = scored.iter().zip(drawn.best_set()).filter(|(_, is_in)| *is_in).map(|((cell, _), _)| *cell);
        Ok(Some((scored[drawn.best()].0, set.collect())))
    }

    /// A part of what is `pending`: features read, or a few cells scored, which are returned. `pending`
    /// must not be empty. `watch` stops by an error, after which the same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, pictures that cannot be read any more, a failing disk or device.
    pub fn advance(
        &mut self,
        pending: &[Pending],
        network: &Network,
        stores: &mut Stores<'_>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Vec<Pending>> {
        let Some(&first) = pending.first() else { return Ok(Vec::new()) };
        let needed = slabs_of(first);
        if self.gather.is_none() {
            let lost = needed.iter().copied().flatten().find(|key| !self.slabs.contains_key(key));
            if let Some(key) = lost {
                self.make_room(key);
                let taps = self.plan.taps(&self.blocks_of(key));
                self.gather = Some(Gather::new(key, self.pictures.items(key.part).to_vec(), taps));
            }
        }
        if self.gather.is_some() {
            self.read_on(network, stores, watch)?;
            return Ok(Vec::new());
        }
        let same = pending.iter().copied().filter(|&next| slabs_of(next) == needed);
        let batch: Vec<Pending> = same.take(2 * rayon::current_num_threads()).collect();
        let started = Instant::now();
        let said: Vec<Result<Vec<Said>>> =
            batch.par_iter().map(|&(cell, round)| self.ask(cell, round, watch)).collect();
        self.seconds[1] += started.elapsed().as_secs_f64();
        let mut done = Vec::new();
        let mut stopped = None;
        for ((cell, round), said) in batch.into_iter().zip(said) {
            match said {
                Ok(said) => {
                    self.answers.put(cell, round, said)?;
                    done.push((cell, round));
                }
                Err(error) => stopped = stopped.or(Some(error)),
            }
        }
        match stopped {
            // What was scored meanwhile is told first; the rest comes again and is stopped again.
            Some(error) if done.is_empty() => Err(error),
            _ => Ok(done),
        }
    }

    /// Pictures read of the slab under way, and all of it.
    pub fn reading(&self) -> Option<(SlabKey, (usize, usize))> {
        self.gather.as_ref().map(|gather| (gather.key, gather.progress()))
    }

    /// Features that stay needed: those of the network, of pictures learned from, and pixels.
    fn make_room(&mut self, for_key: SlabKey) {
        let stays = |key: &SlabKey| {
            let lasting = key.part == Part::Train && key.features != Features::RandomWeights;
            lasting || (key.features == for_key.features && key.timestep == for_key.timestep)
        };
        self.slabs.retain(|key, _| stays(key));
    }

    /// The blocks that the slab of `key` holds.
    fn blocks_of(&self, key: SlabKey) -> Vec<usize> {
        match (key.features, key.part) {
            (Features::RawPixels, _) => vec![0],
            (Features::Network, Part::Train) => self.plan.blocks_at(key.timestep),
            _ => {
                let here = self.tested.iter().filter(|cell| cell.timestep == key.timestep);
                let mut blocks: Vec<usize> = here.map(|cell| cell.block).collect();
                blocks.sort_unstable();
                blocks.dedup();
                blocks
            }
        }
    }

    fn read_on(
        &mut self,
        network: &Network,
        stores: &mut Stores<'_>,
        watch: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<()> {
        let Some(mut gather) = self.gather.take() else { return Ok(()) };
        let is_random = gather.key.features == Features::RandomWeights;
        if is_random && self.random.is_none() {
            let random = random_weights(network, self.config.seed)?;
            let origin = Origin::of_control(&random);
            self.random = Some((random, origin));
        }
        let maker = match (gather.key.features, &self.random) {
            (Features::RandomWeights, Some((random, origin))) => Maker::Network(random, origin),
            (Features::RawPixels, _) => Maker::Pixels(network),
            _ => Maker::Network(network, &self.origin),
        };
        let SweepConfig { seed, draws, class, .. } = self.config;
        let noise = Noise { seed, first: 0, draws, class };
        let (started, before) = (Instant::now(), self.forwards.computed);
        let came = gather.step(
            (maker, noise),
            (&self.pictures.labelled, &self.plan),
            &mut stores.of(is_random),
            &mut self.forwards,
            &|| watch(),
        );
        if self.forwards.computed > before {
            self.seconds[0] += started.elapsed().as_secs_f64();
        }
        match came {
            Ok(true) => {
                self.slabs.insert(gather.key, gather.finish());
                Ok(())
            }
            other => {
                self.gather = Some(gather);
                other.map(drop)
            }
        }
    }

    fn ask(&self, cell: Cell, round: Round, watch: &(dyn Fn() -> Result<()> + Sync)) -> Result<Vec<Said>> {
        let face = self.pictures.face(cell.shots)?;
        let classes = self.pictures.classes().len();
        let [train, test] = slabs_of((cell, round));
        let rows = |key: Option<SlabKey>, of: &[usize]| {
            let slab = key.and_then(|key| self.slabs.get(&key));
            let lost = || Error::Compute("features are missing".into());
            slab.ok_or_else(lost)?.rows(&self.plan, cell.block, cell.pool, of)
        };
        let learned = rows(train, &face.rows)?;
        match round {
            Round::Fold(number) => {
                let lost = || Error::Compute(format!("there are no folds of round {number}"));
                let folds = face.folds.get(number).ok_or_else(lost)?;
                self.learner.cross_validated(&learned, (&face.labels, classes), folds, watch)
            }
            Round::Test => {
                watch()?;
                let all: Vec<usize> = (0..self.pictures.items(Part::Test).len()).collect();
                self.learner.answers(&learned, (&face.labels, classes), &rows(test, &all)?)
            }
        }
    }
}

/// The features that a cell learns from, and those that it is tested on.
fn slabs_of((cell, round): Pending) -> [Option<SlabKey>; 2] {
    let key = |part| SlabKey { features: cell.features, part, timestep: cell.timestep };
    [Some(key(Part::Train)), (round == Round::Test).then(|| key(Part::Test))]
}

/// Where features are kept: beside a project or in a folder that the user names, in the folder of this
/// sweep, and in those of its parts.
pub(super) struct Stores<'a> {
    /// Of all work with the network.
    pub shared: Option<&'a mut FeatureStore>,
    /// Of this sweep alone.
    pub own: Option<&'a mut FeatureStore>,
    /// Only read.
    pub parts: &'a mut [FeatureStore],
}

impl Stores<'_> {
    /// Those for features of the network, or of the network with random weights; the first is written.
    fn of(&mut self, is_random: bool) -> Vec<&mut FeatureStore> {
        let shared = self.shared.as_deref_mut().filter(|_| !is_random);
        // One copy is enough.
        let own = self.own.as_deref_mut().filter(|_| shared.is_none());
        shared.into_iter().chain(own).chain(self.parts.iter_mut()).collect()
    }
}

/// Opens the features that are kept in `folder`.
pub(super) fn features_in(folder: &Path) -> FeatureStore {
    FeatureStore::open(folder.join("features"), u64::MAX)
}
