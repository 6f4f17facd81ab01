//! The training loop, one step at a time, so that it can be paused, watched and stopped.

use std::time::Instant;

use candle_core::{D, Device, Tensor};
use candle_nn::ops::log_softmax;
use serde::{Deserialize, Serialize};

use super::bank::Bank;
use super::config::TrainConfig;
use super::optimiser::Optimiser;
use super::reader::Reader;
use crate::error::{Error, Result};
use crate::heads::{
    Backbone, Head, HeadConfig, InstantHead, NeuralHead, Noised, Read, Rows, Snapshot, reads, softmax_rows,
};
use crate::tensor::rng::uniform;

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochPoint {
    /// From 1.
    pub epoch: usize,
    /// Mean training loss of its steps.
    pub loss: f64,
    /// Accuracy over its steps, before each.
    pub accuracy: f64,
    /// Mean loss of the validation pictures.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation pictures.
    pub validation_accuracy: Option<f64>,
    /// The learning rate.
    pub learning_rate: f64,
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// After the last epoch.
    Finished,
    /// No progress for as many epochs as patience allows.
    Early,
    /// By the user.
    ByUser,
    /// The loss was no number in this epoch; the best state before it is kept.
    NotFinite(usize),
    /// There was nothing to do by steps.
    ClosedForm,
}

impl Stopped {
    /// In a sentence.
    pub fn words(self) -> String {
        match self {
            Stopped::Finished => "trained to the last epoch".into(),
            Stopped::Early => "stopped early: no more progress".into(),
            Stopped::ByUser => "stopped by hand".into(),
            Stopped::NotFinite(epoch) => format!(
                "the loss was not a number in epoch {epoch}: the best state before is kept; choose a smaller learning rate"
            ),
            Stopped::ClosedForm => "fitted in closed form".into(),
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepDone {
    /// One of the steps of an epoch.
    Step,
    /// The last step of an epoch.
    Epoch(EpochPoint),
    /// There is nothing more to do.
    Finished,
}

/// A trained head and how it came about.
pub struct Trained {
    /// The head.
    pub head: Head,
    /// Epoch by epoch.
    pub curve: Vec<EpochPoint>,
    /// The epoch whose state is kept; none in closed form.
    pub epoch: Option<usize>,
    /// Why training ended.
    pub stopped: Stopped,
    /// Seconds of training, without making features.
    pub seconds: f64,
}

/// A head being trained.
pub struct Fit {
    head: NeuralHead,
    config: TrainConfig,
    needed: Vec<Read>,
    train: Vec<usize>,
    validation: Vec<usize>,
    class_weights: Vec<f32>,
    optimiser: Optimiser,
    epoch: usize,
    order: Vec<usize>,
    at: usize,
    sums: Sums,
    curve: Vec<EpochPoint>,
    best: Option<Best>,
    /// Better than the best, unless the next step shows that its loss is no number.
    next_best: Option<Best>,
    first: Snapshot,
    stopped: Option<Stopped>,
    seconds: f64,
}

#[derive(Default)]
struct Sums {
    loss: f64,
    right: usize,
    count: usize,
}

struct Best {
    loss: f64,
    epoch: usize,
    snapshot: Snapshot,
}

impl Fit {
    /// Prepares a head of `head_config` for the examples `train` of a bank; `validation` decides which
    /// epoch is kept.
    ///
    /// # Errors
    /// When settings are impossible, a class has no training pictures, or memory does not suffice.
    pub fn start(
        head_config: &HeadConfig,
        config: &TrainConfig,
        reader: Reader,
        bank: &Bank,
        (train, validation): (&[usize], &[usize]),
        classes: usize,
    ) -> Result<Fit> {
        config.validate()?;
        let counts = class_counts(&bank.labels(train), classes)?;
        let backbone = reader.backbone();
        let needed = reads(head_config, &backbone)?;
        let mut head = NeuralHead::new(head_config, &backbone, classes, config.seed, &reader.device())?;
        if config.standardise && !head_config.kind.attends() {
            let views = |example: &usize| example * bank.views()..(example + 1) * bank.views();
            let rows: Vec<usize> = train.iter().flat_map(views).collect();
            head.standardise(&bank.maps(&rows, &needed, &reader.device())?)?;
        }
        let class_weights = counts
            .iter()
            .map(|&count| match config.balanced {
                true => train.len() as f32 / (classes * count) as f32,
                false => 1.0,
            })
            .collect();
        let optimiser = Optimiser::new(config, head.parameters())?;
        let first = head.parameters().snapshot()?;
        let mut fit = Fit {
            needed,
            head,
            config: config.clone(),
            train: train.to_vec(),
            validation: validation.to_vec(),
            class_weights,
            optimiser,
            epoch: 0,
            order: Vec::new(),
            at: 0,
            sums: Sums::default(),
            curve: Vec::new(),
            best: None,
            next_best: None,
            first,
            stopped: None,
            seconds: 0.0,
        };
        fit.begin_epoch(bank);
        Ok(fit)
    }

    /// Steps done, and all if it does not stop early.
    pub fn progress(&self) -> (usize, usize) {
        let each = self.train.len().div_ceil(self.config.batch);
        (self.epoch * each + self.at.div_ceil(self.config.batch), self.config.epochs * each)
    }

    /// The epochs so far.
    pub fn curve(&self) -> &[EpochPoint] {
        &self.curve
    }

    /// A copy of the head as it is now; `backbone` is what it reads.
    ///
    /// # Errors
    /// When the device or memory fails.
    pub fn head_now(&self, backbone: &Backbone) -> Result<Head> {
        let parameters = self.head.parameters();
        let device = parameters.variables().next().map_or(Device::Cpu, |(_, var)| var.device().clone());
        let mut values = |name: &str, _: &[usize]| parameters.values(name);
        let (config, classes) = (self.head.config(), self.head.classes());
        let mut copy = NeuralHead::from_values(config, backbone, classes, &device, &mut values)?;
        copy.standardise_as(&self.head);
        copy.fold()?;
        Ok(Head::Neural(copy))
    }

    /// One step. `watch` is asked between blocks of a second pass and stops by an error, after which
    /// the same step comes again.
    ///
    /// # Errors
    /// What `watch` returns, or a failing device.
    pub fn step(&mut self, bank: &Bank, reader: Reader, watch: &dyn Fn() -> Result<()>) -> Result<StepDone> {
        if self.stopped.is_some() {
            return Ok(StepDone::Finished);
        }
        let started = Instant::now();
        // All steps of an epoch may be done, and its end stopped on the way.
        if self.at < self.order.len() {
            let rows: Vec<usize> = self.order[self.at..].iter().copied().take(self.config.batch).collect();
            let labels: Vec<usize> =
                rows.iter().map(|row| bank.examples()[row / bank.views()].label).collect();
            let (loss, right) = self.learn(bank, reader, &rows, &labels, watch)?;
            if !loss.is_finite() {
                self.stopped = Some(Stopped::NotFinite(self.epoch + 1));
                return Ok(StepDone::Finished);
            }
            self.best = self.next_best.take().or(self.best.take());
            self.at += rows.len();
            self.sums.loss += loss * rows.len() as f64;
            self.sums.right += right;
            self.sums.count += rows.len();
        }
        let done = if self.at < self.order.len() {
            StepDone::Step
        } else {
            let point = self.end_epoch(bank, reader, watch)?;
            self.begin_epoch(bank);
            StepDone::Epoch(point)
        };
        self.seconds += started.elapsed().as_secs_f64();
        Ok(done)
    }

    /// Stops at the state reached.
    pub fn stop(&mut self) {
        self.stopped.get_or_insert(Stopped::ByUser);
    }

    /// The trained head: the best epoch's where validation pictures decide or the loss broke, else the
    /// last one's.
    ///
    /// # Errors
    /// When the device fails.
    pub fn finish(mut self) -> Result<Trained> {
        let mut stopped = self.stopped.unwrap_or(Stopped::ByUser);
        if stopped == Stopped::ByUser && !self.head.parameters().all_finite()? {
            stopped = Stopped::NotFinite(self.epoch + 1);
        }
        let broken = matches!(stopped, Stopped::NotFinite(_));
        let mut epoch = self.curve.last().map(|point| point.epoch);
        match &self.best {
            Some(best) if broken || !self.validation.is_empty() => {
                self.head.parameters_mut().restore(&best.snapshot)?;
                epoch = Some(best.epoch);
            }
            None if broken => {
                self.head.parameters_mut().restore(&self.first)?;
                epoch = None;
            }
            _ => {}
        }
        self.head.fold()?;
        Ok(Trained {
            head: Head::Neural(self.head),
            curve: self.curve,
            epoch,
            stopped,
            seconds: self.seconds,
        })
    }

    /// Forward, backward, step: the loss, and how many were right.
    fn learn(
        &mut self,
        bank: &Bank,
        reader: Reader,
        rows: &[usize],
        labels: &[usize],
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<(f64, usize)> {
        watch()?;
        let maps = bank.maps(rows, &self.needed, &reader.device())?;
        let noised = self.second_inputs(bank, reader, rows)?;
        let between = |_: usize| watch();
        let second = reader.second(&noised, &between);
        let logits = self.head.forward_train(&maps, second.as_ref())?;
        let loss = self.loss(&logits, labels)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if value.is_finite() {
            self.optimiser.step(&loss.backward()?)?;
        }
        Ok((value, right(&logits, labels)?))
    }

    /// x_t of `rows` for a second pass; none where there is none.
    fn second_inputs(&self, bank: &Bank, reader: Reader, rows: &[usize]) -> Result<Vec<Noised>> {
        let config = self.head.config();
        if config.feedback.is_empty() {
            return Ok(Vec::new());
        }
        reader.noised(&bank.seen(rows), &config.timesteps, bank.seed())
    }

    /// Cross-entropy, each class with its weight.
    fn loss(&self, logits: &Tensor, labels: &[usize]) -> Result<Tensor> {
        let (n, classes) = logits.dims2()?;
        let mut wanted = Vec::with_capacity(n * classes);
        let total: f32 = labels.iter().map(|&label| self.class_weights[label]).sum();
        let spread = self.config.label_smoothing as f32;
        for &label in labels {
            let weight = self.class_weights[label] / total;
            let share = spread / classes as f32;
            let target = |class: usize| if class == label { 1.0 - spread + share } else { share };
            wanted.extend((0..classes).map(|class| weight * target(class)));
        }
        let wanted = Tensor::from_vec(wanted, (n, classes), logits.device())?;
        Ok((log_softmax(logits, D::Minus1)? * wanted)?.sum_all()?.neg()?)
    }

    fn begin_epoch(&mut self, bank: &Bank) {
        let rate = self.config.learning_rate * self.config.schedule.factor(self.epoch, self.config.epochs);
        self.optimiser.set_learning_rate(rate);
        let mut key = blake3::Hasher::new();
        key.update(b"difscope order");
        key.update(&self.config.seed.to_le_bytes());
        key.update(&(self.epoch as u64).to_le_bytes());
        let count = self.train.len();
        let lots = uniform(key.finalize().as_bytes(), 2 * count);
        let mut order: Vec<(f32, usize)> = (self.train.iter().enumerate())
            .map(|(index, &example)| {
                let view = ((lots[count + index] + 1.0) / 2.0 * bank.views() as f32) as usize;
                (lots[index], example * bank.views() + view.min(bank.views() - 1))
            })
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.order = order.into_iter().map(|(_, row)| row).collect();
        self.at = 0;
        self.sums = Sums::default();
    }

    fn end_epoch(
        &mut self,
        bank: &Bank,
        reader: Reader,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<EpochPoint> {
        let (validation_loss, validation_accuracy) = self.validate(bank, reader, watch)?.unzip();
        let validated = validation_loss.is_some();
        let rate = self.config.learning_rate * self.config.schedule.factor(self.epoch, self.config.epochs);
        let count = self.sums.count.max(1) as f64;
        let point = EpochPoint {
            epoch: self.epoch + 1,
            loss: self.sums.loss / count,
            accuracy: self.sums.right as f64 / count,
            validation_loss,
            validation_accuracy,
            learning_rate: rate,
        };
        self.curve.push(point);
        self.epoch += 1;
        let loss = point.validation_loss.unwrap_or(point.loss);
        if !loss.is_finite() {
            self.stopped = Some(Stopped::NotFinite(point.epoch));
            return Ok(point);
        }
        // A thousandth is no progress.
        if self.best.as_ref().is_none_or(|best| loss < best.loss * 0.999) {
            let snapshot = self.head.parameters().snapshot()?;
            let best = Some(Best { loss, epoch: point.epoch, snapshot });
            // The training loss is that of the states before.
            let into = if validated { &mut self.best } else { &mut self.next_best };
            *into = best;
        }
        let best = self.next_best.as_ref().or(self.best.as_ref());
        let since = point.epoch - best.map_or(0, |best| best.epoch);
        if self.epoch == self.config.epochs {
            self.stopped = Some(Stopped::Finished);
        } else if self.config.patience > 0 && since >= self.config.patience {
            self.stopped = Some(Stopped::Early);
        }
        if self.stopped.is_some() && !validated && !self.answers(bank, reader)? {
            self.stopped = Some(Stopped::NotFinite(point.epoch));
        }
        Ok(point)
    }

    /// Whether the head as it is says something of the pictures learned from last. Not to be stopped:
    /// the epoch has ended, and would end again.
    fn answers(&self, bank: &Bank, reader: Reader) -> Result<bool> {
        let last = self.order.len().saturating_sub(self.config.batch);
        let logits = self.logits(bank, reader, &self.order[last..], &|| Ok(()))?;
        Ok(logits.flatten_all()?.to_vec1::<f32>()?.iter().all(|logit| logit.is_finite()))
    }

    /// What the head as it is says of `rows`.
    fn logits(
        &self,
        bank: &Bank,
        reader: Reader,
        rows: &[usize],
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Tensor> {
        watch()?;
        let maps = bank.maps(rows, &self.needed, &reader.device())?;
        let noised = self.second_inputs(bank, reader, rows)?;
        let between = |_: usize| watch();
        let second = reader.second(&noised, &between);
        self.head.forward(&maps, second.as_ref())
    }

    /// Mean loss and accuracy on the validation pictures as they are.
    fn validate(
        &self,
        bank: &Bank,
        reader: Reader,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<Option<(f64, f64)>> {
        if self.validation.is_empty() {
            return Ok(None);
        }
        let (mut loss, mut hits) = (0.0, 0);
        for part in self.validation.chunks(self.config.batch) {
            let rows: Vec<usize> = part.iter().map(|example| example * bank.views()).collect();
            let labels = bank.labels(part);
            let logits = self.logits(bank, reader, &rows, watch)?;
            hits += right(&logits, &labels)?;
            let classes = logits.dim(1)?;
            let probabilities = softmax_rows(&logits.flatten_all()?.to_vec1::<f32>()?, classes);
            for (row, label) in probabilities.chunks(classes).zip(labels) {
                // The larger of NaN and a number would be the number.
                let probability =
                    if row[label].is_nan() { f32::NAN } else { row[label].max(f32::MIN_POSITIVE) };
                loss -= f64::from(probability).ln();
            }
        }
        let count = self.validation.len() as f64;
        Ok(Some((loss / count, hits as f64 / count)))
    }
}

/// Fits an instant head to the examples `train` of a bank as they are.
///
/// # Errors
/// When settings are impossible, or a class has no training pictures.
pub fn fit_instant(
    head_config: &HeadConfig,
    backbone: &Backbone,
    bank: &Bank,
    train: &[usize],
    classes: usize,
) -> Result<Trained> {
    let started = Instant::now();
    let labels = bank.labels(train);
    class_counts(&labels, classes)?;
    let rows: Vec<usize> = train.iter().map(|example| example * bank.views()).collect();
    let maps = bank.maps(&rows, &reads(head_config, backbone)?, &Device::Cpu)?;
    let head = InstantHead::fit(head_config, &Rows::of(head_config, &maps)?, &labels, classes)?;
    Ok(Trained {
        head: Head::Instant(head),
        curve: Vec::new(),
        epoch: None,
        stopped: Stopped::ClosedForm,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// How many pictures each class has.
fn class_counts(labels: &[usize], classes: usize) -> Result<Vec<usize>> {
    let mut counts = vec![0usize; classes];
    for &label in labels {
        *counts.get_mut(label).ok_or_else(|| Error::Compute(format!("no class {label}")))? += 1;
    }
    match counts.iter().position(|&count| count == 0) {
        Some(class) => Err(Error::Setting(format!(
            "class number {} has no picture to learn from; label some, or leave the class out",
            class + 1
        ))),
        None => Ok(counts),
    }
}

/// How many rows have their largest logit at their label.
fn right(logits: &Tensor, labels: &[usize]) -> Result<usize> {
    let best = logits.detach().argmax(D::Minus1)?.to_vec1::<u32>()?;
    Ok(best.iter().zip(labels).filter(|(best, label)| **best as usize == **label).count())
}
