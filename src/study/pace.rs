//! How long trainings take on this machine, measured on a few made-up pictures.

use std::time::Instant;

use super::compare::CompareConfig;
use super::plan::head_for;
use super::table::Features;
use super::training::TrainingConfig;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::grid::Grid;
use crate::heads::{Backbone, Head, HeadConfig, NeuralHead, reads};
use crate::train::{Bank, Example, Fit, Gathering, Reader, TrainConfig, answer, fit_instant, union};

/// Seconds that a measurement of one thing may take; one of it is always measured.
const PATIENCE: f64 = 1.0;
/// More pictures than a step or an answer takes together say no more.
const MOST: usize = 32;
/// Steps measured, after one that is not.
const STEPS: usize = 3;
/// Classes of the made-up pictures; more make only the last layer wider.
const CLASSES: usize = 2;
/// The way forward, of a step.
const FORWARD: f64 = 1.0 / 3.0;

/// A head that is to be trained.
struct Learner {
    head: HeadConfig,
    train: TrainConfig,
    /// Pictures that it learns from and that decide which epoch is kept.
    pictures: [usize; 2],
}

/// Pictures of which features are made and which are answered about.
struct Load {
    rows: usize,
    answers: usize,
}

/// Seconds that the training of `config` takes at most on `parts` (pictures to learn from, to validate
/// on, to test on) of `classes` classes: features, every epoch, test. Reading pictures is not counted,
/// features that are kept already are. `watch` is asked between blocks and stops by an error.
///
/// # Errors
/// When a setting is impossible, what `watch` returns, or a failing device.
pub fn training_seconds(
    config: &TrainingConfig,
    [train, validation, test]: [usize; 3],
    classes: usize,
    network: &Network,
    watch: &dyn Fn() -> Result<()>,
) -> Result<f64> {
    let views = if config.head.kind.is_instant() { 1 } else { config.train.views };
    let load = Load { rows: (train + validation) * views, answers: test * config.draws.max(1) as usize };
    let learner =
        Learner { head: config.head.clone(), train: config.train.clone(), pictures: [train, validation] };
    seconds(reader(config.features, network), &[learner], &load, classes, watch)
}

/// Seconds that the comparison of `config` takes at most on `pictures` labelled pictures of `classes`
/// classes, controls and all seeds included; as [`training_seconds`] has it.
///
/// # Errors
/// As [`training_seconds`].
pub fn comparison_seconds(
    config: &CompareConfig,
    pictures: usize,
    classes: usize,
    network: &Network,
    watch: &dyn Fn() -> Result<()>,
) -> Result<f64> {
    let of_network = Backbone::from(&*network.card);
    let mut all = 0.0;
    for (features, kinds) in config.readers() {
        let mut learners = Vec::new();
        for &shots in &config.shots {
            for &kind in &kinds {
                let head = head_for(kind, config.recipe, features, &of_network, &network.card.config)?;
                let train = config.train_config(kind, config.seed);
                learners.push(Learner { head, train, pictures: [(shots * classes).min(pictures), 0] });
            }
        }
        let (learned, tested, views) = config.counts(&kinds, pictures, classes);
        let load = Load { rows: learned * views, answers: tested * config.draws as usize };
        all += seconds(reader(features, network), &learners, &load, classes, watch)?;
    }
    Ok(all * config.seeds as f64)
}

/// Random weights are as fast as those learned.
fn reader(features: Features, network: &Network) -> Reader<'_> {
    match features {
        Features::RawPixels => Reader::Pixels(&network.card.config),
        Features::Network | Features::RandomWeights => Reader::Network(network),
    }
}

fn seconds(
    reader: Reader,
    learners: &[Learner],
    load: &Load,
    classes: usize,
    watch: &dyn Fn() -> Result<()>,
) -> Result<f64> {
    let mut count = CLASSES;
    let (mut bank, mut filling) = filled(reader, learners, count, watch)?;
    // Of a slow network the first passes tell enough.
    if filling < 4.0 * PATIENCE {
        // Weights were read and packed where they were needed first.
        let each = filled(reader, learners, count, watch)?.1 / count as f64;
        let most = load.rows.max(load.answers).clamp(CLASSES, MOST);
        count = ((PATIENCE / each.max(1e-9)) as usize).clamp(CLASSES, most);
        (bank, filling) = filled(reader, learners, count, watch)?;
    }
    let mut all = filling / count as f64 * load.rows as f64;
    for learner in learners.iter().filter(|learner| !learner.head.kind.is_instant()) {
        all += learning(reader, learner, &bank, watch)?;
    }
    if load.answers > 0 {
        all += answering(reader, learners, &bank, classes, watch)? * load.answers as f64;
    }
    Ok(all)
}

/// A bank of `count` made-up pictures for all learners, and the seconds that it took.
fn filled(
    reader: Reader,
    learners: &[Learner],
    count: usize,
    watch: &dyn Fn() -> Result<()>,
) -> Result<(Bank, f64)> {
    let backbone = reader.backbone();
    let side = backbone.config.image_size;
    let lists = learners.iter().map(|learner| reads(&learner.head, &backbone)).collect::<Result<Vec<_>>>()?;
    let example = |number: usize| Example {
        input: Grid::from_fn(3, side, side, |c, y, x| {
            ((c + 3 * y + 5 * x + 7 * number) % 11) as f32 / 5.0 - 1.0
        }),
        label: number % CLASSES,
    };
    let first = learners.first().ok_or_else(|| Error::Setting("nothing is to be trained".into()))?;
    let train = TrainConfig { views: 1, ..first.train.clone() };
    let examples = (0..count).map(example).collect();
    let started = Instant::now();
    let mut gathering = Gathering::start(reader, &union(lists.iter().map(Vec::as_slice)), examples, &train)?;
    while !gathering.step(reader, None, &mut |_| watch())? {}
    Ok((gathering.finish(), started.elapsed().as_secs_f64()))
}

/// Seconds of all epochs of a learner.
fn learning(
    reader: Reader,
    Learner { head, train, pictures: [learned, validated] }: &Learner,
    bank: &Bank,
    watch: &dyn Fn() -> Result<()>,
) -> Result<f64> {
    let batch = train.batch.min(*learned).max(1);
    let few = batch.min(bank.examples().len());
    // All in one step, and no end before they are measured.
    let config = TrainConfig {
        batch: few,
        epochs: STEPS + 2,
        patience: 0,
        views: 1,
        balanced: false,
        ..train.clone()
    };
    let examples: Vec<usize> = (0..few.max(CLASSES)).collect();
    let mut fit = Fit::start(head, &config, reader, bank, (&examples, &[]), CLASSES)?;
    let mut step = || -> Result<f64> {
        let started = Instant::now();
        fit.step(bank, reader, watch)?;
        Ok(started.elapsed().as_secs_f64())
    };
    let first = step()?;
    let mut best = first;
    let mut spent = 0.0;
    for _ in 0..STEPS {
        if first + spent > PATIENCE {
            break;
        }
        let seconds = step()?;
        spent += seconds;
        best = best.min(seconds);
    }
    let each = best / few as f64;
    Ok(train.epochs as f64 * each * (*learned as f64 + FORWARD * *validated as f64))
}

/// Seconds of an answer of all heads to one picture.
fn answering(
    reader: Reader,
    learners: &[Learner],
    bank: &Bank,
    classes: usize,
    watch: &dyn Fn() -> Result<()>,
) -> Result<f64> {
    let backbone = reader.backbone();
    let all: Vec<usize> = (0..bank.examples().len()).collect();
    let head = |Learner { head, train, .. }: &Learner| {
        Ok(match head.kind.is_instant() {
            true => fit_instant(head, &backbone, bank, &all, CLASSES)?.head,
            false => {
                let head = NeuralHead::new(head, &backbone, classes, train.seed, &reader.device())?;
                Head::Neural(head)
            }
        })
    };
    let heads = learners.iter().map(head).collect::<Result<Vec<_>>>()?;
    let pictures: Vec<Grid> = bank.examples().iter().map(|example| example.input.clone()).collect();
    let started = Instant::now();
    answer(reader, &heads.iter().collect::<Vec<_>>(), &pictures, 0, 1, watch)?;
    Ok(started.elapsed().as_secs_f64() / pictures.len() as f64)
}
