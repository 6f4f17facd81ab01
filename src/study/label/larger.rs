//! A larger head on the labels of now, beside the ridge that suggests: cross-validated on the same folds, then
//! trained on all labels and asked about all pictures.

use crate::data::Source;
use crate::data::split::{Candidate, cv_folds};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::input::prepare;
use crate::features::store::FeatureStore;
use crate::grid::Grid;
use crate::heads::{Backbone, Head, HeadConfig, HeadKind, reads};
use crate::study::compare::Step;
use crate::study::plan::head_for;
use crate::study::statistics::{Bootstrap, Estimate, Tested, accuracy, difference};
use crate::study::table::Features;
use crate::train::{
    Bank, Example, Fit, Gathering, Reader, Recipe, StepDone, TrainConfig, answer, fit_instant, union,
};

use super::LabelFeatures;

/// Pictures asked about together.
const TOGETHER: usize = 32;
/// Labels that cross-validation takes.
const FEWEST: usize = 10;

/// How a larger head is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LargerConfig {
    /// Which head, one that is trained by steps.
    pub kind: HeadKind,
    /// How many folds labels are dealt to.
    pub folds: usize,
    /// Passes over the labels; as the recipe for few pictures has it where none is said.
    pub epochs: Option<usize>,
    /// Of folds, views and first parameters.
    pub seed: u64,
    /// How often labels are drawn anew for intervals.
    pub resamples: usize,
}

impl LargerConfig {
    /// A head of `kind` in five folds.
    pub fn of(kind: HeadKind) -> LargerConfig {
        LargerConfig { kind, folds: 5, epochs: None, seed: 0, resamples: 2000 }
    }
}

/// A labelled picture.
#[derive(Clone, Debug)]
pub struct LargerExample {
    /// Opens it.
    pub source: Source,
    /// Its class, and how that is called.
    pub class: usize,
    /// What it is and what it resembles; classes by name.
    pub candidate: Candidate,
}

/// How a larger head compares with the ridge.
#[derive(Clone, Debug, PartialEq)]
pub struct LargerReport {
    /// Which head.
    pub kind: HeadKind,
    /// Labels that both were tested on, each by a head that had not learned it.
    pub labels: usize,
    /// The accuracy of the larger head.
    pub larger: Estimate,
    /// The accuracy of the ridge.
    pub ridge: Estimate,
    /// How much the larger head is better on the same pictures.
    pub difference: Estimate,
    /// Whether it is: the interval lies above 0.
    pub is_better: bool,
    /// Seconds that its training took in all.
    pub seconds: f64,
}

/// What came of it.
pub struct Larger {
    /// How it compares.
    pub report: LargerReport,
    /// The head that learned all labels.
    pub head: Head,
    /// `[pictures, K]`; of a picture that could not be read zeros.
    pub probabilities: Vec<f32>,
}

enum Stage {
    Begin,
    Gather(Box<Gathering>),
    /// The fold that is tested on next; the last is that of all labels.
    Fit(Box<Bank>, usize, Option<Box<Fit>>),
    Ask(Box<Head>, usize),
    Done(Box<Head>),
    Gone,
}

/// A larger head being tried.
pub struct LargerRun {
    config: LargerConfig,
    features: LabelFeatures,
    examples: Vec<LargerExample>,
    all: Vec<Source>,
    classes: usize,
    fold_of: Vec<usize>,
    stage: Stage,
    /// Whether each label was met, by the larger head and the ridge.
    right: [Vec<bool>; 2],
    probabilities: Vec<f32>,
    seconds: f64,
}

impl LargerRun {
    /// A larger head on `examples` of `classes` classes, beside the ridge on `features`, asked about `all`
    /// pictures.
    ///
    /// # Errors
    /// When there are too few labels, of all or of a class; when the head is not trained by steps.
    pub fn new(
        config: LargerConfig,
        features: LabelFeatures,
        examples: Vec<LargerExample>,
        all: Vec<Source>,
        classes: usize,
    ) -> Result<LargerRun> {
        if config.kind.is_instant() {
            let text = format!("{} is fitted at once; choose attention, difformer or diffeed", config.kind);
            return Err(Error::Setting(text));
        }
        if examples.len() < FEWEST {
            let text =
                format!("{} labels are too few to test a larger head on; give {FEWEST}", examples.len());
            return Err(Error::Setting(text));
        }
        let candidates: Vec<Candidate> = examples.iter().map(|example| example.candidate.clone()).collect();
        let fold_of = cv_folds(config.folds, config.seed, &candidates)?.fold_of;
        for fold in 0..config.folds {
            let learned =
                |class: usize| examples.iter().zip(&fold_of).any(|(e, of)| e.class == class && *of != fold);
            if let Some(class) = (0..classes).find(|&class| !learned(class)) {
                let name = examples.iter().find(|example| example.class == class);
                let name = name.map_or("without a label", |example| &example.candidate.class[..]);
                let text =
                    format!("the class {name} has too few labels; label two that look different at least");
                return Err(Error::Setting(text));
            }
        }
        let right = [vec![false; examples.len()], vec![false; examples.len()]];
        let (stage, probabilities) = (Stage::Begin, Vec::new());
        Ok(LargerRun {
            config,
            features,
            examples,
            all,
            classes,
            fold_of,
            stage,
            right,
            probabilities,
            seconds: 0.0,
        })
    }

    /// One part: none when all is done. `watch` is asked between blocks and steps and stops by an error, after
    /// which the same part comes again.
    ///
    /// # Errors
    /// What `watch` returns, a labelled picture that cannot be read, or a failing device.
    pub fn step(
        &mut self,
        network: &Network,
        store: Option<&mut FeatureStore>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Step>> {
        let reader = Reader::Network(network);
        let heads = self.heads(network)?;
        let tell = |what: &str, done: usize, total: usize| {
            Ok(Some(Step { what: what.into(), done: done as u64, total: total as u64 }))
        };
        match std::mem::replace(&mut self.stage, Stage::Gone) {
            Stage::Begin => {
                let gathering = self.begin(network, &heads).inspect_err(|_| self.stage = Stage::Begin)?;
                self.stage = Stage::Gather(Box::new(gathering));
                tell("reading labelled pictures", 0, 1)
            }
            Stage::Gather(mut gathering) => {
                let full = gathering.step(reader, store, &mut |_| watch());
                let (done, total) = gathering.progress();
                self.stage = match full {
                    Ok(true) => Stage::Fit(Box::new(gathering.finish()), 0, None),
                    _ => Stage::Gather(gathering),
                };
                full?;
                tell("features of labelled pictures", done, total)
            }
            Stage::Fit(bank, fold, mut fit) => {
                let done = self.learn(&heads, &bank, fold, &mut fit, reader, watch);
                let within = fit.as_ref().map_or((0, 1), |fit| fit.progress());
                match done {
                    Ok(None) => self.stage = Stage::Fit(bank, fold, fit),
                    Ok(Some(_)) if fold < self.config.folds => self.stage = Stage::Fit(bank, fold + 1, None),
                    Ok(Some(head)) => self.stage = Stage::Ask(Box::new(head), 0),
                    Err(error) => {
                        self.stage = Stage::Fit(bank, fold, fit);
                        return Err(error);
                    }
                }
                let parts = self.config.folds + 1;
                let done = 1000 * fold + 1000 * within.0 / within.1.max(1);
                tell(&format!("training {} {} of {parts}", self.config.kind, fold + 1), done, 1000 * parts)
            }
            Stage::Ask(head, next) => {
                let asked = self.ask(&head, next, reader, watch);
                let next = next + asked.as_ref().copied().unwrap_or(0);
                let total = self.all.len();
                self.stage = if next < total { Stage::Ask(head, next) } else { Stage::Done(head) };
                asked?;
                tell("asking about all pictures", next, total)
            }
            Stage::Done(head) => {
                self.stage = Stage::Done(head);
                Ok(None)
            }
            Stage::Gone => Err(Error::Compute("a larger head went on after an error".into())),
        }
    }

    /// The larger head and the ridge.
    fn heads(&self, network: &Network) -> Result<[HeadConfig; 2]> {
        let card = &network.card;
        let backbone = Backbone::from(&**card);
        let larger = head_for(self.config.kind, Recipe::FewShot, Features::Network, &backbone, &card.config)?;
        Ok([larger, self.features.head(card)?])
    }

    fn train_config(&self) -> TrainConfig {
        let recipe = TrainConfig::of(Recipe::FewShot, self.config.kind, self.config.seed);
        TrainConfig { epochs: self.config.epochs.unwrap_or(recipe.epochs), ..recipe }
    }

    fn begin(&self, network: &Network, heads: &[HeadConfig; 2]) -> Result<Gathering> {
        let reader = Reader::Network(network);
        let backbone = reader.backbone();
        let lists = [reads(&heads[0], &backbone)?, reads(&heads[1], &backbone)?];
        let read = |example: &LargerExample| -> Result<Example> {
            let input = prepare(&example.source.open()?, &network.card.config)?.input;
            Ok(Example { input, label: example.class })
        };
        let examples = self.examples.iter().map(read).collect::<Result<Vec<_>>>()?;
        Gathering::start(reader, &union(lists.iter().map(Vec::as_slice)), examples, &self.train_config())
    }

    /// A part of a fold: its head once it is trained, and tested where there is something to test on.
    fn learn(
        &mut self,
        heads: &[HeadConfig; 2],
        bank: &Bank,
        fold: usize,
        under_way: &mut Option<Box<Fit>>,
        reader: Reader,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<Head>> {
        let (held, learners): (Vec<usize>, Vec<usize>) =
            (0..self.examples.len()).partition(|&example| self.fold_of[example] == fold);
        let fit = match under_way {
            Some(fit) => fit,
            None => {
                let parts = (&learners[..], &[][..]);
                let config = self.train_config();
                under_way.insert(Box::new(Fit::start(&heads[0], &config, reader, bank, parts, self.classes)?))
            }
        };
        if fit.step(bank, reader, watch)? != StepDone::Finished {
            return Ok(None);
        }
        let Some(fit) = under_way.take() else { return Ok(None) };
        let trained = fit.finish()?;
        self.seconds += trained.seconds;
        if !held.is_empty() {
            let ridge = fit_instant(&heads[1], &reader.backbone(), bank, &learners, self.classes)?.head;
            self.test(&[&trained.head, &ridge], bank, &held, reader)?;
        }
        Ok(Some(trained.head))
    }

    /// Asks both heads about the labels `held`.
    fn test(&mut self, heads: &[&Head; 2], bank: &Bank, held: &[usize], reader: Reader) -> Result<()> {
        for some in held.chunks(TOGETHER) {
            let inputs: Vec<Grid> = some.iter().map(|&at| bank.examples()[at].input.clone()).collect();
            // To its end: a fold that was trained is not trained anew.
            let said = answer(reader, heads, &inputs, self.config.seed, 1, &|| Ok(()))?;
            for (right, said) in self.right.iter_mut().zip(said) {
                for (&example, row) in some.iter().zip(said.chunks_exact(self.classes)) {
                    right[example] = best(row) == self.examples[example].class;
                }
            }
        }
        Ok(())
    }

    /// Asks about the pictures from `next` on; how many were taken.
    fn ask(
        &mut self,
        head: &Head,
        next: usize,
        reader: Reader,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<usize> {
        let config = reader.backbone().config;
        let some = &self.all[next..(next + TOGETHER).min(self.all.len())];
        let inputs: Vec<Option<Grid>> =
            some.iter().map(|source| Some(prepare(&source.open().ok()?, &config).ok()?.input)).collect();
        let readable: Vec<Grid> = inputs.iter().flatten().cloned().collect();
        let mut said = match readable.is_empty() {
            true => Vec::new(),
            false => {
                let answers = answer(reader, &[head], &readable, self.config.seed, 1, watch)?;
                answers.into_iter().next().unwrap_or_default()
            }
        }
        .into_iter();
        for input in &inputs {
            match input {
                Some(_) => self.probabilities.extend(said.by_ref().take(self.classes)),
                None => self.probabilities.extend(std::iter::repeat_n(0.0, self.classes)),
            }
        }
        Ok(some.len())
    }

    /// What came of it.
    ///
    /// # Errors
    /// When it is not done.
    pub fn finish(self) -> Result<Larger> {
        let Stage::Done(head) = self.stage else {
            return Err(Error::Compute("the larger head is not done".into()));
        };
        let images: Vec<usize> = (0..self.examples.len()).collect();
        let [larger, ridge] = self.right.map(|right| Tested::on(images.clone(), right));
        let (larger, ridge) = ([larger?], [ridge?]);
        let bootstrap = Bootstrap { resamples: self.config.resamples, seed: self.config.seed };
        let gained = difference(&larger, &ridge, bootstrap)?;
        let report = LargerReport {
            kind: self.config.kind,
            labels: images.len(),
            larger: accuracy(&larger, bootstrap)?,
            ridge: accuracy(&ridge, bootstrap)?,
            difference: gained,
            is_better: gained.low > 0.0,
            seconds: self.seconds,
        };
        Ok(Larger { report, head: *head, probabilities: self.probabilities })
    }
}

fn best(row: &[f32]) -> usize {
    row.iter().enumerate().fold(0, |best, (class, p)| if *p > row[best] { class } else { best })
}
