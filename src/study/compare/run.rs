//! A comparison under way: reader by reader, features, heads, test.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use super::{CompareConfig, Comparison, Outcome};
use crate::data::dataset::Item;
use crate::data::split::{How, Part, Split};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::control::random_weights;
use crate::features::network::NetworkCard;
use crate::features::store::FeatureStore;
use crate::grid::Grid;
use crate::heads::{Backbone, Head, HeadConfig, HeadKind, Read, cost, reads};
use crate::study::labelled::{Labelled, Skip, examples, input_of, taught};
use crate::study::plan::head_for;
use crate::study::table::Features;
use crate::train::{
    Bank, Example, Fit, Gathering, Reader, StepDone, Stopped, Trained, answer, fit_instant, union,
};

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

    /// One part: none when all is done. `watch` is asked between blocks and optimiser steps and stops
    /// by an error, after which the same part comes again. Features of the network are taken from
    /// `store` and put there, those of controls never.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, or a failing device.
    pub fn step(
        &mut self,
        network: &Network,
        store: Option<&mut FeatureStore>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Step>> {
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
        let (features, kinds) = self.config.readers()[self.reader_index].clone();
        if features == Features::RandomWeights && self.random.is_none() {
            self.random = Some(random_weights(network, self.config.seed)?);
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Begin);
        let (stage, what, share) = self.advance(stage, features, &kinds, network, store, watch)?;
        match stage {
            Some(stage) => self.stage = stage,
            None => {
                self.reader_index += 1;
                if self.reader_index == self.config.readers().len() {
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
        let readers = self.config.readers().len().max(1);
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
        taught(&examples, &labelled.set)?;
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
        store: Option<&mut FeatureStore>,
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
                let store = store.filter(|_| features == Features::Network);
                let full = gathering.step(reader, store, &mut |_| watch());
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
                            Box::new(Fit::start(&head_config(kind)?, &config, reader, &bank, parts, classes)?)
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
