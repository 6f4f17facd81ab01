//! Many heads on the same pictures: trained on few, tested on many, beside controls.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::labelled::{Labelled, Skip, examples, input_of};
use super::plan::{Controls, head_for};
use super::statistics::{Bootstrap, Tested};
use super::table::{Features, Measured, Table};
use crate::data::dataset::Item;
use crate::data::split::{How, Part, Split};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::control::random_weights;
use crate::features::network::NetworkCard;
use crate::grid::Grid;
use crate::heads::{Backbone, Head, HeadConfig, HeadKind, Read, cost, reads};
use crate::train::metrics::{Metrics, correct};
use crate::train::{
    Bank, EpochPoint, Example, Fit, Gathering, Reader, Recipe, StepDone, Stopped, TrainConfig, Trained,
    answer, fit_instant, union,
};

/// Everything that decides a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareConfig {
    /// Heads on the network's features.
    pub heads: Vec<HeadKind>,
    /// How they are trained.
    pub recipe: Recipe,
    /// Pictures of each class to learn from; one comparison for each.
    pub shots: Vec<usize>,
    /// Splits, each drawn anew.
    pub seeds: usize,
    /// Pictures to test on in all, evenly over the classes; all that remain where none is said.
    pub test: Option<usize>,
    /// Heads that read the controls too.
    pub controls: Controls,
    /// Noises that answers are averaged over.
    pub draws: u32,
    /// The first seed.
    pub seed: u64,
    /// Epochs of every head, where they are not the recipe's.
    pub epochs: Option<usize>,
    /// Views of every picture, where they are not the recipe's.
    pub views: Option<usize>,
}

impl CompareConfig {
    /// Checks the settings.
    ///
    /// # Errors
    /// The first impossible one.
    pub fn validate(&self) -> Result<()> {
        let refuse = |why: &str| Err(Error::Setting(why.into()));
        if self.heads.is_empty() && self.controls.0.is_empty() {
            return refuse("there is nothing to compare: give --heads");
        }
        if self.shots.is_empty() || self.shots.contains(&0) {
            return refuse("--shots must be numbers of pictures per class from 1 up");
        }
        if self.seeds == 0 || self.draws == 0 || self.test == Some(0) {
            return refuse("--seeds, --draws and --test must be at least 1");
        }
        Ok(())
    }

    fn train_config(&self, kind: HeadKind, seed: u64) -> TrainConfig {
        let plain = TrainConfig::of(self.recipe, kind, seed);
        TrainConfig {
            epochs: self.epochs.unwrap_or(plain.epochs),
            views: self.views.unwrap_or(plain.views),
            ..plain
        }
    }
}

/// One trained head and its answers.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which head.
    pub head: HeadKind,
    /// What it read.
    pub features: Features,
    /// Pictures of each class it learned from.
    pub shots: usize,
    /// Seed of its split.
    pub seed: u64,
    /// Numbers of the pictures tested on, in the data set.
    pub images: Vec<usize>,
    /// Their labels.
    pub labels: Vec<usize>,
    /// `[n, K]` row-major.
    pub probabilities: Vec<f32>,
    /// Values trained.
    pub parameters: usize,
    /// Multiply-accumulates per picture, the network's included, in 10⁹.
    pub gmac_per_image: f64,
    /// Seconds of training, without making features.
    pub seconds_train: f64,
    /// Seconds from a picture to its answer.
    pub seconds_per_image: f64,
    /// Why training ended.
    pub stopped: Stopped,
    /// Epoch by epoch.
    pub curve: Vec<EpochPoint>,
}

/// What a comparison found.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The data set.
    pub data: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The network.
    pub network: String,
    /// Every head.
    pub outcomes: Vec<Outcome>,
    /// The splits, by seed and shots.
    pub splits: Vec<Split>,
    /// Names of the pictures by number.
    pub items: Vec<String>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

impl Comparison {
    /// The table of all heads.
    ///
    /// # Errors
    /// When there is none.
    pub fn table(&self, bootstrap: Bootstrap) -> Result<Table> {
        let runs = self.outcomes.iter().map(|outcome| {
            let classes = self.classes.len();
            let metrics = Metrics::of(&outcome.labels, &outcome.probabilities, classes)?;
            let right = correct(&outcome.labels, &outcome.probabilities, classes)?;
            let measured = Measured {
                head: outcome.head.name().into(),
                features: outcome.features,
                shots: Some(outcome.shots),
                seed: outcome.seed,
                macro_f1: metrics.macro_f1,
                parameters: outcome.parameters as u64,
                gmac_per_image: outcome.gmac_per_image,
                seconds_train: outcome.seconds_train,
                seconds_per_image: outcome.seconds_per_image,
            };
            Ok((measured, Tested::on(outcome.images.clone(), right)?))
        });
        Table::new(&runs.collect::<Result<Vec<_>>>()?, bootstrap)
    }
}

/// How far a comparison is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is being done.
    pub what: String,
    /// Parts done.
    pub done: u64,
    /// Parts in all.
    pub total: u64,
}

/// A comparison under way.
pub struct CompareRun {
    config: CompareConfig,
    data: PathBuf,
    labelled: Option<Labelled>,
    random: Option<Network>,
    outcomes: Vec<Outcome>,
    splits: Vec<Split>,
    notes: Vec<String>,
    seed_index: usize,
    round: Option<Round>,
    reader_index: usize,
    stage: Stage,
}

/// The pictures of one seed.
struct Round {
    seed: u64,
    examples: Vec<Example>,
    /// For each of the shots, which examples.
    learners: Vec<Vec<usize>>,
    test: Vec<(usize, Item, usize)>,
}

enum Stage {
    /// Nothing of this reader is done.
    Begin,
    Gather(Box<Gathering>),
    Fit {
        bank: Box<Bank>,
        next: usize,
        under_way: Option<Box<Fit>>,
        done: Vec<Fitted>,
    },
    Test {
        done: Vec<Fitted>,
        at: usize,
        labels: Vec<usize>,
        images: Vec<usize>,
        answers: Vec<Vec<f32>>,
        seconds: Vec<f64>,
    },
}

struct Fitted {
    kind: HeadKind,
    shots: usize,
    trained: Trained,
}

/// Pictures that are tested together.
const TOGETHER: usize = 32;
/// Pictures that the time of a head is measured on.
const TIMED: usize = 4;

impl CompareRun {
    /// A comparison on `data`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(config: CompareConfig, data: PathBuf) -> Result<CompareRun> {
        config.validate()?;
        Ok(CompareRun {
            config,
            data,
            labelled: None,
            random: None,
            outcomes: Vec::new(),
            splits: Vec::new(),
            notes: Vec::new(),
            seed_index: 0,
            round: None,
            reader_index: 0,
            stage: Stage::Begin,
        })
    }

    /// The readers with their heads, in turn.
    fn readers(&self) -> Vec<(Features, Vec<HeadKind>)> {
        let controls = || self.config.controls.0.clone();
        let all = [
            (Features::Network, self.config.heads.clone()),
            (Features::RawPixels, controls()),
            (Features::RandomWeights, controls()),
        ];
        all.into_iter().filter(|(_, heads)| !heads.is_empty()).collect()
    }

    /// One part: none when all is done. `watch` is asked between blocks and optimiser steps and stops
    /// by an error, after which the same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, or a failing device.
    pub fn step(&mut self, network: &Network, watch: &dyn Fn() -> Result<()>) -> Result<Option<Step>> {
        if self.labelled.is_none() {
            let labelled = Labelled::read(&self.data, &mut |_, _| watch().is_ok())?;
            self.notes.extend(
                labelled
                    .set
                    .unreadable
                    .iter()
                    .map(|skipped| format!("{}: {}", skipped.path.display(), skipped.why)),
            );
            self.labelled = Some(labelled);
            return Ok(Some(self.progress("reading pictures", 0.0)));
        }
        if self.seed_index == self.config.seeds {
            return Ok(None);
        }
        if self.round.is_none() {
            self.begin_round(network)?;
            return Ok(Some(self.progress("splitting", 0.0)));
        }
        let (features, kinds) = self.readers()[self.reader_index].clone();
        if features == Features::RandomWeights && self.random.is_none() {
            let device = Device::Cpu;
            self.random =
                Some(random_weights(&network.card, self.config.seed, &device, network.card.precision)?);
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Begin);
        let (stage, what, share) = self.advance(stage, features, &kinds, network, watch)?;
        match stage {
            Some(stage) => self.stage = stage,
            None => {
                self.reader_index += 1;
                if self.reader_index == self.readers().len() {
                    self.reader_index = 0;
                    self.seed_index += 1;
                    self.round = None;
                }
            }
        }
        Ok(Some(self.progress(&what, share)))
    }

    fn progress(&self, what: &str, share: f64) -> Step {
        const PARTS: f64 = 1000.0;
        let readers = self.readers().len().max(1);
        let done = (self.seed_index * readers + self.reader_index) as f64 + share;
        let total = (self.config.seeds * readers) as f64;
        Step { what: what.into(), done: (PARTS * done) as u64, total: (PARTS * total) as u64 }
    }

    fn begin_round(&mut self, network: &Network) -> Result<()> {
        let Some(labelled) = &self.labelled else { return Ok(()) };
        let seed = self.config.seed + self.seed_index as u64;
        let classes = labelled.set.classes.len();
        let test = self.config.test.map(|test| test.div_ceil(classes.max(1)));
        let make =
            |train: usize| Split::make(How::Shots { train, validation: 0, test }, seed, &labelled.candidates);
        let most = self.config.shots.iter().copied().max().unwrap_or(1);
        let largest = make(most)?;
        let config = &network.card.config;
        let chosen = labelled.part(&largest, Part::Train)?;
        let (examples, skipped) = examples(chosen.iter().map(|(_, item, class)| (*item, *class)), config);
        let mut index_of = HashMap::new();
        for ((placed, ..), skip) in chosen.iter().zip(&skipped) {
            match skip {
                None => {
                    index_of.insert((placed.digest, placed.name.clone()), index_of.len());
                }
                Some(Skip { name, why }) => self.notes.push(format!("{name}: {why}")),
            }
        }
        let mut learners = Vec::new();
        let mut splits = Vec::new();
        for &shots in &self.config.shots {
            let split = make(shots)?;
            let key = |placed: &crate::data::split::Placed| (placed.digest, placed.name.clone());
            learners.push(
                split.part(Part::Train).filter_map(|placed| index_of.get(&key(placed)).copied()).collect(),
            );
            self.notes.extend(split.notes.iter().map(|note| format!("seed {seed}: {note}")));
            splits.push(split);
        }
        let test = labelled.part(&largest, Part::Test)?;
        let test =
            test.into_iter().map(|(placed, item, class)| Ok((labelled.number(placed)?, item.clone(), class)));
        let test = test.collect::<Result<_>>()?;
        self.splits.extend(splits);
        self.round = Some(Round { seed, examples, learners, test });
        Ok(())
    }

    fn advance(
        &mut self,
        stage: Stage,
        features: Features,
        kinds: &[HeadKind],
        network: &Network,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<(Option<Stage>, String, f64)> {
        let Some(round) = &self.round else { return Ok((None, String::new(), 0.0)) };
        let reader = match (features, &self.random) {
            (Features::RawPixels, _) => Reader::Pixels(&network.card.config),
            (Features::RandomWeights, Some(random)) => Reader::Network(random),
            _ => Reader::Network(network),
        };
        let backbone = reader.backbone();
        let of_network = Backbone::from(&*network.card);
        let head_config = |kind: HeadKind| -> Result<HeadConfig> {
            head_for(kind, self.config.recipe, features, &of_network, &network.card.config)
        };
        match stage {
            Stage::Begin => {
                let lists: Vec<Vec<Read>> =
                    kinds.iter().map(|&kind| reads(&head_config(kind)?, &backbone)).collect::<Result<_>>()?;
                let reads = union(lists.iter().map(Vec::as_slice));
                let stepped = kinds.iter().any(|kind| !kind.is_instant());
                let mut config = self.config.train_config(kinds[0], round.seed);
                if !stepped {
                    config.views = 1;
                }
                let gathering = Gathering::start(reader, &reads, round.examples.clone(), &config)?;
                Ok((
                    Some(Stage::Gather(Box::new(gathering))),
                    format!("features of {}", features.name()),
                    0.0,
                ))
            }
            Stage::Gather(mut gathering) => {
                let full = gathering.step(reader, &mut |_| watch());
                if let Err(error) = full {
                    self.stage = Stage::Gather(gathering);
                    return Err(error);
                }
                let (done, total) = gathering.progress();
                let share = 0.2 * done as f64 / total.max(1) as f64;
                let what = format!("features of {}: {done} of {total}", features.name());
                let stage = match full? {
                    false => Stage::Gather(gathering),
                    true => Stage::Fit {
                        bank: Box::new(gathering.finish()),
                        next: 0,
                        under_way: None,
                        done: Vec::new(),
                    },
                };
                Ok((Some(stage), what, share))
            }
            Stage::Fit { bank, mut next, mut under_way, mut done } => {
                let runs = kinds.len() * self.config.shots.len();
                let (kind, shots_index) = (kinds[next % kinds.len()], next / kinds.len());
                let shots = self.config.shots[shots_index];
                let learners = &round.learners[shots_index];
                let classes = self.labelled.as_ref().map_or(0, |labelled| labelled.set.classes.len());
                let mut within = 0.0;
                let mut trained = None;
                if kind.is_instant() {
                    trained = Some(fit_instant(&head_config(kind)?, &backbone, &bank, learners, classes)?);
                } else {
                    let mut fit = match under_way.take() {
                        Some(fit) => fit,
                        None => {
                            let config = self.config.train_config(kind, round.seed);
                            let parts = (&learners[..], &[][..]);
                            Box::new(Fit::start(
                                &head_config(kind)?,
                                &config,
                                &backbone,
                                &bank,
                                parts,
                                classes,
                            )?)
                        }
                    };
                    match fit.step(&bank, reader, watch) {
                        Ok(StepDone::Finished) => trained = Some(fit.finish()?),
                        Ok(_) => {
                            let (at, all) = fit.progress();
                            within = at as f64 / all.max(1) as f64;
                            under_way = Some(fit);
                        }
                        Err(error) => {
                            self.stage = Stage::Fit { bank, next, under_way: Some(fit), done };
                            return Err(error);
                        }
                    }
                }
                let what = format!("{kind} on {}, {shots} per class, seed {}", features.name(), round.seed);
                if let Some(trained) = trained {
                    done.push(Fitted { kind, shots, trained });
                    next += 1;
                    within = 0.0;
                }
                let share = 0.2 + 0.5 * (next as f64 + within) / runs.max(1) as f64;
                let stage = if next < runs {
                    Stage::Fit { bank, next, under_way, done }
                } else {
                    let answers = vec![Vec::new(); done.len()];
                    Stage::Test {
                        done,
                        at: 0,
                        labels: Vec::new(),
                        images: Vec::new(),
                        answers,
                        seconds: Vec::new(),
                    }
                };
                Ok((Some(stage), what, share))
            }
            Stage::Test { done, at, mut labels, mut images, mut answers, mut seconds } => {
                let seed = round.seed;
                let part: Vec<&(usize, Item, usize)> = round.test.iter().skip(at).take(TOGETHER).collect();
                let mut inputs: Vec<Grid> = Vec::with_capacity(part.len());
                let (mut new_labels, mut new_images) = (Vec::new(), Vec::new());
                for (number, item, class) in &part {
                    match input_of(item, &network.card.config) {
                        Ok(input) => {
                            inputs.push(input);
                            new_labels.push(*class);
                            new_images.push(*number);
                        }
                        Err(error) => self.notes.push(format!("{}: {error}", item.name)),
                    }
                }
                let heads: Vec<&Head> = done.iter().map(|fitted| &fitted.trained.head).collect();
                let asked = ask(reader, &heads, &inputs, (seed, self.config.draws), &mut seconds, watch);
                let asked = match asked {
                    Ok(asked) => asked,
                    Err(error) => {
                        self.stage = Stage::Test { done, at, labels, images, answers, seconds };
                        return Err(error);
                    }
                };
                answers.iter_mut().zip(asked).for_each(|(all, new)| all.extend(new));
                labels.extend(new_labels);
                images.extend(new_images);
                let at = at + part.len();
                let total = round.test.len();
                let what = format!("testing on {}: {at} of {total}", features.name());
                if at < total {
                    let share = 0.7 + 0.3 * at as f64 / total.max(1) as f64;
                    return Ok((
                        Some(Stage::Test { done, at, labels, images, answers, seconds }),
                        what,
                        share,
                    ));
                }
                if labels.is_empty() {
                    return Err(Error::data(
                        self.data.display().to_string(),
                        "has no pictures left to test on",
                    ));
                }
                let classes = self.labelled.as_ref().map_or(0, |labelled| labelled.set.classes.len());
                for ((fitted, probabilities), seconds) in done.into_iter().zip(answers).zip(seconds) {
                    let price = cost(fitted.trained.head.config(), &backbone, classes)?;
                    self.outcomes.push(Outcome {
                        head: fitted.kind,
                        features,
                        shots: fitted.shots,
                        seed,
                        images: images.clone(),
                        labels: labels.clone(),
                        probabilities,
                        parameters: price.parameters,
                        gmac_per_image: price.head_gmac + price.network_gmac,
                        seconds_train: fitted.trained.seconds,
                        seconds_per_image: seconds,
                        stopped: fitted.trained.stopped,
                        curve: fitted.trained.curve,
                    });
                }
                Ok((None, what, 1.0))
            }
        }
    }

    /// What was found.
    pub fn finish(self, card: &NetworkCard) -> Comparison {
        let (data, classes, items) = self.labelled.map_or_else(Default::default, |labelled| {
            let items = labelled.set.items.into_iter().map(|item| item.name).collect();
            (labelled.set.name, labelled.set.classes, items)
        });
        let mut notes = self.notes;
        let mut seen = std::collections::HashSet::new();
        notes.retain(|note| seen.insert(note.clone()));
        for outcome in &self.outcomes {
            if let Stopped::NotFinite(_) = outcome.stopped {
                let Outcome { head, features, shots, seed, stopped, .. } = outcome;
                notes.push(format!(
                    "{head} on {}, {shots} per class, seed {seed}: {}",
                    features.name(),
                    stopped.words()
                ));
            }
        }
        Comparison {
            data,
            classes,
            network: card.name.clone(),
            outcomes: self.outcomes,
            splits: self.splits,
            items,
            notes,
        }
    }
}

/// Asks all heads about `inputs`; at first also each head alone, for its time per picture.
fn ask(
    reader: Reader,
    heads: &[&Head],
    inputs: &[Grid],
    (seed, draws): (u64, u32),
    seconds: &mut Vec<f64>,
    watch: &dyn Fn() -> Result<()>,
) -> Result<Vec<Vec<f32>>> {
    if seconds.is_empty() && !inputs.is_empty() {
        let few = &inputs[..inputs.len().min(TIMED)];
        let mut each = Vec::with_capacity(heads.len());
        for head in heads {
            let started = Instant::now();
            answer(reader, &[head], few, seed, draws, watch)?;
            each.push(started.elapsed().as_secs_f64() / few.len() as f64);
        }
        *seconds = each;
    }
    answer(reader, heads, inputs, seed, draws, watch)
}
