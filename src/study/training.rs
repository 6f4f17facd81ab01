//! One head, trained on a labelled data set and saved.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::labelled::{Labelled, Skip, examples, input_of};
use crate::data::dataset::Item;
use crate::data::split::{How, Part, Split};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::heads::{Backbone, Head, HeadConfig, HeadCost, HeadInfo, NetworkRef, cost, reads, save};
use crate::train::metrics::Metrics;
use crate::train::{
    Bank, BankPlan, EpochPoint, Fit, Gathering, Reader, StepDone, Stopped, TrainConfig, Trained, answer,
    fit_instant,
};

/// Everything that decides a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The head.
    pub head: HeadConfig,
    /// How it is trained.
    pub train: TrainConfig,
    /// Which pictures it learns from, which decide the epoch kept, and which it is tested on; as the
    /// data set says where none is given, or 70, 10 and 20 % of each class where it says nothing.
    pub split: Option<How>,
    /// A table with the split instead (`path,label,part`).
    pub split_file: Option<PathBuf>,
    /// Noises that answers are averaged over.
    pub draws: u32,
}

/// What a training came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file of the head.
    pub out: PathBuf,
    /// The network.
    pub network: String,
    /// Its hash.
    pub network_hash: String,
    /// The data set.
    pub data: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The settings.
    pub settings: TrainingConfig,
    /// Pictures in each part: training, validation, test.
    pub counts: [usize; 3],
    /// Epoch by epoch.
    pub curve: Vec<EpochPoint>,
    /// The epoch kept.
    pub epoch: Option<usize>,
    /// Why training ended, in a sentence.
    pub stopped: String,
    /// Seconds of training, without making features.
    pub seconds_train: f64,
    /// What the head costs.
    pub cost: HeadCost,
    /// On the test pictures, where there are any.
    pub test: Option<Metrics>,
    /// The split.
    pub split: Split,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

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
    out: PathBuf,
    replace: bool,
    notes: Vec<String>,
    facts: Option<Facts>,
    stage: Stage,
}

/// What is known once the data set was read.
struct Facts {
    name: String,
    classes: Vec<String>,
    split: Split,
    train: Vec<usize>,
    validation: Vec<usize>,
    test: Vec<(Item, usize)>,
}

enum Stage {
    Read,
    Gather(Box<Gathering>),
    Fit(Box<Bank>, Box<Fit>),
    Test { trained: Box<Trained>, at: usize, labels: Vec<usize>, probabilities: Vec<f32> },
    Done(Box<Report>),
    Gone,
}

/// Pictures that are tested together.
const TOGETHER: usize = 32;

impl TrainingRun {
    /// A training on `data` whose head goes to `out`; what is there is replaced if `replace`.
    ///
    /// # Errors
    /// When a setting is impossible, or `out` exists.
    pub fn new(
        config: TrainingConfig,
        data: PathBuf,
        out: PathBuf,
        replace: bool,
        backbone: &Backbone,
    ) -> Result<TrainingRun> {
        config.train.validate()?;
        config.head.validate(backbone)?;
        for path in [&out, &json_beside(&out)] {
            if path.exists() && !replace {
                return Err(Error::Exists(path.clone()));
            }
        }
        Ok(TrainingRun { config, data, out, replace, notes: Vec::new(), facts: None, stage: Stage::Read })
    }

    /// What it will take: features of `pictures` pictures kept, and the multiply-accumulates to make
    /// them.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn plan(config: &TrainingConfig, backbone: &Backbone, pictures: usize) -> Result<BankPlan> {
        let views = if config.head.kind.is_instant() { 1 } else { config.train.views };
        BankPlan::new(&reads(&config.head, backbone)?, pictures, views, backbone)
    }

    /// Ends training at the state reached; the head is tested and saved as it is.
    pub fn stop(&mut self) {
        if let Stage::Fit(_, fit) = &mut self.stage {
            fit.stop();
        }
    }

    /// One part; none when all is done. `watch` is asked between blocks and optimiser steps and stops
    /// by an error, after which the same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, pictures or settings that cannot be used, a failing disk or device.
    pub fn step(
        &mut self,
        network: &Network,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<TrainingStep>> {
        let reader = Reader::Network(network);
        let backbone = reader.backbone();
        let tell = |what: &str, done: usize, total: usize| {
            Some(TrainingStep { what: what.into(), done: done as u64, total: total as u64, epoch: None })
        };
        match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Read => {
                self.stage = Stage::Read;
                let gathering = self.read(network, watch)?;
                self.stage = Stage::Gather(Box::new(gathering));
                Ok(tell("reading pictures", 1, 1))
            }
            Stage::Gather(mut gathering) => {
                let full = gathering.step(reader, &mut |_| watch());
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
            Stage::Test { trained, at, mut labels, mut probabilities } => {
                let total = self.facts.as_ref().map_or(0, |facts| facts.test.len());
                if at == total {
                    let report = self.save(*trained, &labels, &probabilities, network, &backbone)?;
                    self.stage = Stage::Done(Box::new(report));
                    return Ok(tell("saving", 1, 1));
                }
                let (new_labels, asked, count) = match self.ask(&trained.head, at, reader, watch) {
                    Ok(asked) => asked,
                    Err(error) => {
                        self.stage = Stage::Test { trained, at, labels, probabilities };
                        return Err(error);
                    }
                };
                labels.extend(new_labels);
                probabilities.extend(asked);
                let at = at + count;
                self.stage = Stage::Test { trained, at, labels, probabilities };
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

    fn read(&mut self, network: &Network, watch: &dyn Fn() -> Result<()>) -> Result<Gathering> {
        let labelled = Labelled::read(&self.data, &mut |_, _| watch().is_ok())?;
        let unreadable = labelled.set.unreadable.iter();
        self.notes =
            unreadable.map(|skipped| format!("{}: {}", skipped.path.display(), skipped.why)).collect();
        let split = match &self.config.split_file {
            Some(table) => Split::read(table, &labelled.candidates)?,
            None => {
                let said = labelled.candidates.iter().any(|candidate| candidate.given.is_some());
                let otherwise =
                    if said { How::Given } else { How::Fractions { train: 0.7, validation: 0.1 } };
                let how = self.config.split.unwrap_or(otherwise);
                Split::make(how, self.config.train.seed, &labelled.candidates)?
            }
        };
        self.notes.extend(split.notes.iter().cloned());
        let config = &network.card.config;
        let of = |part: Part| -> Result<Vec<(Item, usize)>> {
            let items = labelled.part(&split, part)?;
            Ok(items.into_iter().map(|(_, item, class)| (item.clone(), class)).collect())
        };
        let (train, validation, test) = (of(Part::Train)?, of(Part::Validation)?, of(Part::Test)?);
        let mut skips = |list: Vec<Option<Skip>>| {
            let told = list.into_iter().flatten().map(|Skip { name, why }| format!("{name}: {why}"));
            self.notes.extend(told);
        };
        let (mut all, skipped) = examples(train.iter().map(|(item, class)| (item, *class)), config);
        skips(skipped);
        let learners = all.len();
        let (held, skipped) = examples(validation.iter().map(|(item, class)| (item, *class)), config);
        skips(skipped);
        all.extend(held);
        let (name, classes) = (labelled.set.name, labelled.set.classes);
        let facts = Facts {
            name,
            classes,
            split,
            train: (0..learners).collect(),
            validation: (learners..all.len()).collect(),
            test,
        };
        let reader = Reader::Network(network);
        let mut settings = self.config.train.clone();
        if self.config.head.kind.is_instant() {
            settings.views = 1;
        }
        let needed = reads(&self.config.head, &reader.backbone())?;
        let gathering = Gathering::start(reader, &needed, all, &settings)?;
        self.facts = Some(facts);
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
        Ok(Stage::Fit(Box::new(bank), Box::new(fit)))
    }

    /// Labels, probabilities and how many pictures were taken, from `at` on.
    fn ask(
        &mut self,
        head: &Head,
        at: usize,
        reader: Reader,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<(Vec<usize>, Vec<f32>, usize)> {
        let Some(facts) = &self.facts else { return Ok(Default::default()) };
        let config = reader.backbone().config;
        let (mut inputs, mut labels, mut count) = (Vec::new(), Vec::new(), 0);
        let mut notes = Vec::new();
        for (item, class) in facts.test.iter().skip(at).take(TOGETHER) {
            count += 1;
            match input_of(item, &config) {
                Ok(input) => {
                    inputs.push(input);
                    labels.push(*class);
                }
                Err(error) => notes.push(format!("{}: {error}", item.name)),
            }
        }
        let seed = self.config.train.seed;
        let asked = match inputs.is_empty() {
            true => Vec::new(),
            false => answer(reader, &[head], &inputs, seed, self.config.draws, watch)?.swap_remove(0),
        };
        self.notes.extend(notes);
        Ok((labels, asked, count))
    }

    fn save(
        &mut self,
        trained: Trained,
        labels: &[usize],
        probabilities: &[f32],
        network: &Network,
        backbone: &Backbone,
    ) -> Result<Report> {
        let Some(facts) = self.facts.take() else {
            return Err(Error::Compute("a training without its data".into()));
        };
        let card = &network.card;
        let info = HeadInfo {
            format: crate::heads::FORMAT,
            config: self.config.head.clone(),
            network: NetworkRef { name: card.name.clone(), hash: card.hash.clone(), path: card.path.clone() },
            preprocess: card.config.preprocess,
            seed: self.config.train.seed,
            draws: self.config.draws,
            classes: facts.classes.clone(),
            hash: String::new(),
        };
        save(&self.out, &info, &trained.head, backbone, self.replace)?;
        if let Stopped::NotFinite(_) = trained.stopped {
            self.notes.push(trained.stopped.words());
        }
        let classes = facts.classes.len();
        let test = match labels.is_empty() {
            true => None,
            false => Some(Metrics::of(labels, probabilities, classes)?),
        };
        let report = Report {
            out: self.out.clone(),
            network: card.name.clone(),
            network_hash: card.hash.clone(),
            data: facts.name,
            settings: self.config.clone(),
            counts: [facts.train.len(), facts.validation.len(), labels.len()],
            curve: trained.curve,
            epoch: trained.epoch,
            stopped: trained.stopped.words(),
            seconds_train: trained.seconds,
            cost: cost(&self.config.head, backbone, classes)?,
            classes: facts.classes,
            test,
            split: facts.split,
            notes: std::mem::take(&mut self.notes),
        };
        let text =
            serde_json::to_string_pretty(&report).map_err(|error| Error::Compute(error.to_string()))?;
        let beside = json_beside(&self.out);
        crate::figure::write::atomic(&beside, self.replace, |file| {
            std::io::Write::write_all(file, text.as_bytes()).map_err(Error::io("write", &beside))
        })?;
        Ok(report)
    }
}

fn testing(trained: Trained) -> Stage {
    Stage::Test { trained: Box::new(trained), at: 0, labels: Vec::new(), probabilities: Vec::new() }
}

/// Where the report of the head `out` goes.
pub fn json_beside(out: &Path) -> PathBuf {
    out.with_extension("json")
}
