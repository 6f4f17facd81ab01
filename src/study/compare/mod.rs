//! Many heads on the same pictures: trained on few, tested on many, beside controls.

mod run;

use serde::{Deserialize, Serialize};

use super::plan::{Controls, head_for};
use super::statistics::{Bootstrap, Tested};
use super::table::{Features, Measured, Table};
use crate::data::split::Split;
use crate::error::{Error, Result};
use crate::heads::{Backbone, HeadKind, reads};
use crate::train::metrics::{Metrics, correct};
use crate::train::{BankPlan, EpochPoint, Recipe, Stopped, TrainConfig, union};

pub use run::{CompareRun, Step};

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

    /// What a comparison on `pictures` labelled pictures of `classes` classes takes: pictures seen by the
    /// network, counted with their views, and multiply-accumulates of its first passes, in 10⁹. Second
    /// passes come on top.
    ///
    /// # Errors
    /// When a head does not fit the network.
    pub fn cost(&self, backbone: &Backbone, pictures: usize, classes: usize) -> Result<(usize, f64)> {
        let (mut seen, mut gmac) = (0, 0.0);
        for heads in [&self.heads, &self.controls.0] {
            if heads.is_empty() {
                continue;
            }
            let of = |&kind: &HeadKind| {
                let head = head_for(kind, self.recipe, Features::Network, backbone, &backbone.config)?;
                reads(&head, backbone)
            };
            let lists = heads.iter().map(of).collect::<Result<Vec<_>>>()?;
            let all = union(lists.iter().map(Vec::as_slice));
            let (learned, tested, views) = self.counts(heads, pictures, classes);
            let plan = BankPlan::new(&all, learned * views + tested * self.draws as usize, 1, backbone)?;
            seen += plan.examples * self.seeds;
            gmac += plan.gmac * self.seeds as f64;
        }
        Ok((seen, gmac))
    }

    /// Pictures that a seed learns from and tests on, and views of those learned from, for a reader with
    /// `heads`.
    pub(super) fn counts(
        &self,
        heads: &[HeadKind],
        pictures: usize,
        classes: usize,
    ) -> (usize, usize, usize) {
        let most = self.shots.iter().copied().max().unwrap_or(1);
        let learned = (most * classes).min(pictures);
        let tested = self.test.unwrap_or(pictures).min(pictures - learned);
        let stepped = heads.iter().find(|kind| !kind.is_instant());
        let views = stepped.map_or(1, |&kind| self.train_config(kind, self.seed).views);
        (learned, tested, views)
    }

    /// The readers with their heads, in turn.
    pub(super) fn readers(&self) -> Vec<(Features, Vec<HeadKind>)> {
        let controls = || self.controls.0.clone();
        let all = [
            (Features::Network, self.heads.clone()),
            (Features::RawPixels, controls()),
            (Features::RandomWeights, controls()),
        ];
        all.into_iter().filter(|(_, heads)| !heads.is_empty()).collect()
    }

    /// How a head of `kind` is trained under `seed`.
    pub(super) fn train_config(&self, kind: HeadKind, seed: u64) -> TrainConfig {
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
