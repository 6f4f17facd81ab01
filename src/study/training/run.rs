//! A training under way: reading, features, steps, test.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::keep::keep;
use super::states::{kept, leave, prepare, state_file};
use super::{Report, TestedPicture, TrainingConfig, json_beside, memory_of};
use crate::data::dataset::Item;
use crate::data::split::{Part, Split};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::control::random_weights;
use crate::features::network::NetworkCard;
use crate::features::store::FeatureStore;
use crate::figure::write::{atomic, check_folder};
use crate::heads::{Backbone, FORMAT, Head, HeadInfo, NetworkRef, cost, reads, save};
use crate::study::labelled::{Labelled, LabelledCache, Skip, examples, input_of, taught};
use crate::study::plan::of_features;
use crate::study::table::Features;
use crate::train::metrics::Metrics;
use crate::train::{
    Bank, BankPlan, EpochPoint, Fit, Gathering, Reader, StepDone, Stopped, Trained, answer, fit_instant,
};

/// How far a training is.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingStep {
    /// What is being done.
    pub what: String,
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// The epoch that has just ended.
    pub epoch: Option<EpochPoint>,
}

/// A training under way.
pub struct TrainingRun {
    config: TrainingConfig,
    data: PathBuf,
    out: Option<PathBuf>,
    replace: bool,
    random: Option<Arc<Network>>,
    notes: Vec<String>,
    facts: Option<Facts>,
    /// Epochs whose states are still to be kept.
    states: Vec<usize>,
    stage: Stage,
}

/// What is known once the data set was read.
struct Facts {
    name: String,
    classes: Vec<String>,
    split: Split,
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<(Item, TestedPicture)>,
    bytes: u64,
}

enum Stage {
    Read,
    Gather(Box<Gathering>),
    Fit(Box<Bank>, Box<Fit>),
    Test { trained: Box<Trained>, at: usize, answers: Answered },
    Done(Box<Report>),
    Gone,
}

/// What was said of the test pictures so far.
#[derive(Default)]
struct Answered {
    pictures: Vec<TestedPicture>,
    probabilities: Vec<f32>,
    seconds: f64,
}

/// Pictures that are tested together.
const TOGETHER: usize = 32;

impl TrainingRun {
    /// A training on `data` whose head goes to `out`; what is there is replaced if `replace`. `network`
    /// is the block table of the network in use. A control needs no `out`.
    ///
    /// # Errors
    /// When a setting is impossible, or `out` exists.
    pub fn new(
        config: TrainingConfig,
        data: PathBuf,
        out: Option<PathBuf>,
        replace: bool,
        network: &Backbone,
    ) -> Result<TrainingRun> {
        config.train.validate()?;
        config.head.validate(&of_features(config.features, network))?;
        for path in out.iter().flat_map(|out| [out.clone(), json_beside(out)]) {
            if path.exists() && !replace {
                return Err(Error::Exists(path));
            }
        }
        out.as_deref().map_or(Ok(()), check_folder)?;
        let states = match config.head.kind.is_instant() || config.features.is_control() {
            true => Vec::new(),
            false => kept(config.train.epochs, config.states),
        };
        Ok(TrainingRun {
            config,
            data,
            out,
            replace,
            random: None,
            notes: Vec::new(),
            facts: None,
            states,
            stage: Stage::Read,
        })
    }

    /// Ends training at the state reached; the head is tested and saved as it is.
    pub fn stop(&mut self) {
        if let Stage::Fit(_, fit) = &mut self.stage {
            fit.stop();
        }
    }

    /// One part; none when all is done. `watch` is asked between blocks and optimiser steps and stops
    /// by an error, after which the same part comes again. Features of the network are taken from `store`
    /// and put there, those of controls never; `cache` keeps the data set for the next run.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, a failing disk or device.
    pub fn step(
        &mut self,
        network: &Network,
        store: Option<&mut FeatureStore>,
        cache: &Mutex<LabelledCache>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<TrainingStep>> {
        if self.config.features == Features::RandomWeights && self.random.is_none() {
            self.random = Some(Arc::new(random_weights(network, self.config.train.seed)?));
        }
        let random = self.random.clone();
        let reader = match (self.config.features, &random) {
            (Features::RawPixels, _) => Reader::Pixels(&network.card.config),
            (Features::RandomWeights, Some(random)) => Reader::Network(random),
            _ => Reader::Network(network),
        };
        let backbone = reader.backbone();
        let tell = |what: &str, done: usize, total: usize| {
            Some(TrainingStep { what: what.into(), done: done as u64, total: total as u64, epoch: None })
        };
        match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Read => {
                self.stage = Stage::Read;
                let gathering = self.read(reader, cache, watch)?;
                self.stage = Stage::Gather(Box::new(gathering));
                Ok(tell("reading pictures", 1, 1))
            }
            Stage::Gather(mut gathering) => {
                let full = gathering.step(reader, store, &mut |_| watch());
                let (done, total) = gathering.progress();
                match full {
                    Ok(true) => self.stage = self.learn(gathering.finish(), reader)?,
                    Ok(false) => self.stage = Stage::Gather(gathering),
                    Err(error) => {
                        self.stage = Stage::Gather(gathering);
                        return Err(error);
                    }
                }
                Ok(tell("features", done, total))
            }
            Stage::Fit(bank, mut fit) => {
                let done = fit.step(&bank, reader, watch);
                let (at, all) = fit.progress();
                match done {
                    Ok(StepDone::Finished) => self.stage = testing(fit.finish()?),
                    Ok(StepDone::Step) => self.stage = Stage::Fit(bank, fit),
                    Ok(StepDone::Epoch(point)) => {
                        self.keep_state(&fit, point.epoch, &network.card, &backbone);
                        self.stage = Stage::Fit(bank, fit);
                        let what = format!("epoch {}, loss {:.3}", point.epoch, point.loss);
                        return Ok(Some(TrainingStep {
                            what,
                            done: at as u64,
                            total: all as u64,
                            epoch: Some(point),
                        }));
                    }
                    Err(error) => {
                        self.stage = Stage::Fit(bank, fit);
                        return Err(error);
                    }
                }
                Ok(tell("training", at, all))
            }
            Stage::Test { trained, at, mut answers } => {
                let total = self.facts.as_ref().map_or(0, |facts| facts.test.len());
                if at == total {
                    let report = self.save(*trained, answers, &network.card, &backbone)?;
                    self.stage = Stage::Done(Box::new(report));
                    return Ok(tell("saving", 1, 1));
                }
                let asked = self.ask(&trained.head, at, reader, watch, &mut answers);
                let at = at + asked.as_ref().copied().unwrap_or(0);
                self.stage = Stage::Test { trained, at, answers };
                asked?;
                Ok(tell("testing", at, total))
            }
            Stage::Done(report) => {
                self.stage = Stage::Done(report);
                Ok(None)
            }
            Stage::Gone => Err(Error::Compute("a training went on after an error".into())),
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// When it is not done.
    pub fn finish(self) -> Result<Report> {
        match self.stage {
            Stage::Done(report) => Ok(*report),
            _ => Err(Error::Compute("the training is not done".into())),
        }
    }

    fn read(
        &mut self,
        reader: Reader,
        cache: &Mutex<LabelledCache>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Gathering> {
        // What a panic left behind is either an older data set or none.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let labelled = cache.read(&self.data, &mut |_, _| watch().is_ok())?;
        drop(cache);
        let labelled: Arc<Labelled> = match &self.config.classes {
            Some(table) => Arc::new(labelled.with(table)?),
            None => labelled,
        };
        let unreadable = labelled.set.unreadable.iter();
        self.notes =
            unreadable.map(|skipped| format!("{}: {}", skipped.path.display(), skipped.why)).collect();
        let TrainingConfig { split, split_file, train, .. } = &self.config;
        let split = labelled.split(*split, split_file.as_deref(), train.seed)?;
        self.notes.extend(split.notes.iter().cloned());
        let config = &reader.backbone().config;
        let of = |part: Part| -> Result<Vec<(Item, usize)>> {
            let items = labelled.part(&split, part)?;
            Ok(items.into_iter().map(|(_, item, class)| (item.clone(), class)).collect())
        };
        let (train, validation) = (of(Part::Train)?, of(Part::Validation)?);
        let test = labelled.part(&split, Part::Test)?.into_iter().map(|(placed, item, label)| {
            let (name, place) = (item.name.clone(), item.place());
            (item.clone(), TestedPicture { name, digest: placed.digest, place, label })
        });
        let test = test.collect();
        let mut skips = |list: Vec<Option<Skip>>| {
            let told = list.into_iter().flatten().map(|Skip { name, why }| format!("{name}: {why}"));
            self.notes.extend(told);
        };
        let (mut all, skipped) = examples(train.iter().map(|(item, class)| (item, *class)), config);
        skips(skipped);
        taught(&all, &labelled.set)?;
        let learners = all.len();
        let (held, skipped) = examples(validation.iter().map(|(item, class)| (item, *class)), config);
        skips(skipped);
        all.extend(held);
        let mut settings = self.config.train.clone();
        if self.config.head.kind.is_instant() {
            settings.views = 1;
        }
        let needed = reads(&self.config.head, &reader.backbone())?;
        let (train, validation) = ((0..learners).collect(), (learners..all.len()).collect());
        let bytes = BankPlan::new(&needed, all.len(), settings.views, &reader.backbone())?.bytes;
        let gathering = Gathering::start(reader, &needed, all, &settings)?;
        let (name, classes) = (labelled.set.name.clone(), labelled.set.classes.clone());
        self.facts = Some(Facts { name, classes, split, train, validation, test, bytes });
        Ok(gathering)
    }

    fn learn(&mut self, bank: Bank, reader: Reader) -> Result<Stage> {
        let Some(facts) = &self.facts else { return Ok(Stage::Gone) };
        let (head, classes) = (&self.config.head, facts.classes.len());
        if head.kind.is_instant() {
            return Ok(testing(fit_instant(head, &reader.backbone(), &bank, &facts.train, classes)?));
        }
        let parts = (&facts.train[..], &facts.validation[..]);
        let fit = Fit::start(head, &self.config.train, reader, &bank, parts, classes)?;
        let (Reader::Network(network), Some(out), false) = (reader, &self.out, self.states.is_empty()) else {
            return Ok(Stage::Fit(Box::new(bank), Box::new(fit)));
        };
        let prepared = prepare(out);
        self.without_states(prepared);
        self.keep_state(&fit, 0, &network.card, &reader.backbone());
        Ok(Stage::Fit(Box::new(bank), Box::new(fit)))
    }

    /// Keeps the head as it is after `epoch`, where that is wanted.
    fn keep_state(&mut self, fit: &Fit, epoch: usize, card: &NetworkCard, backbone: &Backbone) {
        let Some(out) = self.out.as_ref().filter(|_| self.states.contains(&epoch)) else { return };
        let info = self.info(card);
        let kept = fit
            .head_now(backbone)
            .and_then(|head| save(&state_file(out, epoch), &info, &head, backbone, true));
        self.without_states(kept);
    }

    /// Goes on without states where one could not be kept: the head is worth more than they are.
    fn without_states(&mut self, kept: Result<()>) {
        if let Err(error) = kept {
            self.states.clear();
            self.out.as_deref().into_iter().for_each(leave);
            self.notes.push(format!("{error}; no more states on the way are kept"));
        }
    }

    fn info(&self, card: &NetworkCard) -> HeadInfo {
        HeadInfo {
            format: FORMAT,
            config: self.config.head.clone(),
            network: NetworkRef { name: card.name.clone(), hash: card.hash.clone(), path: card.path.clone() },
            preprocess: card.config.preprocess,
            seed: self.config.train.seed,
            draws: self.config.draws,
            classes: self.facts.as_ref().map_or_else(Vec::new, |facts| facts.classes.clone()),
            hash: String::new(),
        }
    }

    /// Asks about the test pictures from `at` on; how many were taken.
    fn ask(
        &mut self,
        head: &Head,
        at: usize,
        reader: Reader,
        watch: &dyn Fn() -> Result<()>,
        answers: &mut Answered,
    ) -> Result<usize> {
        let Some(facts) = &self.facts else { return Ok(0) };
        let config = reader.backbone().config;
        let (mut inputs, mut pictures, mut notes, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (item, picture) in facts.test.iter().skip(at).take(TOGETHER) {
            count += 1;
            match input_of(item, &config) {
                Ok(input) => {
                    inputs.push(input);
                    pictures.push(picture.clone());
                }
                Err(error) => notes.push(format!("{}: {error}", item.name)),
            }
        }
        if !inputs.is_empty() {
            let started = Instant::now();
            let seed = self.config.train.seed;
            let asked = answer(reader, &[head], &inputs, seed, self.config.draws, watch)?;
            answers.seconds += started.elapsed().as_secs_f64();
            answers.pictures.extend(pictures);
            answers.probabilities.extend(asked.into_iter().flatten());
        }
        self.notes.extend(notes);
        Ok(count)
    }

    fn save(
        &mut self,
        trained: Trained,
        answers: Answered,
        card: &NetworkCard,
        backbone: &Backbone,
    ) -> Result<Report> {
        let info = self.info(card);
        let Some(facts) = self.facts.take() else {
            return Err(Error::Compute("a training without its data".into()));
        };
        let out = self.out.clone().filter(|_| !self.config.features.is_control());
        if let Stopped::NotFinite(_) = trained.stopped {
            self.notes.push(trained.stopped.words());
        }
        let Answered { pictures, probabilities, seconds } = answers;
        let classes = facts.classes.len();
        let labels: Vec<usize> = pictures.iter().map(|picture| picture.label).collect();
        let test = match labels.is_empty() {
            true => None,
            false => Some(Metrics::of(&labels, &probabilities, classes)?),
        };
        let cost = cost(&self.config.head, backbone, classes)?;
        let mut report = Report {
            out,
            network: card.name.clone(),
            network_hash: card.hash.clone(),
            data: facts.name,
            settings: self.config.clone(),
            counts: [facts.train.len(), facts.validation.len(), labels.len()],
            curve: trained.curve,
            epoch: trained.epoch,
            stopped: trained.stopped.words(),
            seconds_train: trained.seconds,
            seconds_per_image: seconds / labels.len().max(1) as f64,
            memory_bytes: facts.bytes + memory_of(&cost),
            cost,
            classes: facts.classes,
            test,
            tested: pictures,
            probabilities,
            split: facts.split,
            notes: std::mem::take(&mut self.notes),
            unsaved: None,
        };
        if let Some(out) = &self.out {
            let head = |path: &Path| match report.out {
                Some(_) => save(path, &info, &trained.head, backbone, self.replace),
                None => Ok(()),
            };
            report.unsaved = keep(out, &head, &|path| write_report(path, &report, self.replace))?;
            report.notes.extend(report.unsaved.clone());
        }
        Ok(report)
    }
}

fn write_report(out: &Path, report: &Report, replace: bool) -> Result<()> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Error::Compute(error.to_string()))?;
    let beside = json_beside(out);
    atomic(&beside, replace, |file| {
        std::io::Write::write_all(file, text.as_bytes()).map_err(Error::io("write", &beside))
    })
}

fn testing(trained: Trained) -> Stage {
    Stage::Test { trained: Box::new(trained), at: 0, answers: Answered::default() }
}
