//! Everything that decides how a head is trained.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::heads::{HeadConfig, HeadKind};

/// A set of settings that belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// The paper's (SGD, 28 epochs, the rate falls to a tenth every 7).
    Paper,
    /// For a handful of pictures per class: AdamW, small heads, smoothed labels, early stopping.
    #[default]
    FewShot,
}

impl Recipe {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Recipe::Paper => "paper",
            Recipe::FewShot => "few-shot",
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = [Recipe::Paper, Recipe::FewShot].into_iter().find(|recipe| recipe.name() == text);
        known.ok_or_else(|| Error::Setting(format!("no recipe {text:?}; use paper or few-shot")))
    }
}

/// What moves the parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserKind {
    /// Plain stochastic gradient descent.
    Sgd,
    /// Adam with decoupled weight decay.
    AdamW,
}

/// How the learning rate changes with the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LearningRate {
    /// Stays.
    Constant,
    /// Times `factor` after every `every` epochs.
    Step {
        /// Epochs between.
        every: usize,
        /// Factor.
        factor: f64,
    },
    /// Falls along half a cosine to zero.
    Cosine,
}

impl LearningRate {
    /// The factor on the first rate in epoch `epoch` (from 0) of `epochs`.
    pub fn factor(self, epoch: usize, epochs: usize) -> f64 {
        match self {
            LearningRate::Constant => 1.0,
            LearningRate::Step { every, factor } => {
                factor.powi(i32::try_from(epoch / every.max(1)).unwrap_or(i32::MAX))
            }
            LearningRate::Cosine => {
                0.5 * (1.0 + (std::f64::consts::PI * epoch as f64 / epochs.max(1) as f64).cos())
            }
        }
    }
}

/// Everything that decides how a head is trained, beside its own settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Where the settings came from.
    pub recipe: Recipe,
    /// What moves the parameters.
    pub optimiser: OptimiserKind,
    /// The first learning rate.
    pub learning_rate: f64,
    /// How it changes.
    pub schedule: LearningRate,
    /// AdamW: how strongly parameters are drawn to zero.
    pub weight_decay: f64,
    /// Passes over the training pictures at most.
    pub epochs: usize,
    /// Pictures in a step.
    pub batch: usize,
    /// Epochs without progress after which training stops; 0: never before the last. Progress is that
    /// of the validation pictures' loss, or of the training loss where there are none.
    pub patience: usize,
    /// Every class weighs the same, however many pictures it has.
    pub balanced: bool,
    /// Share of each target that is spread evenly over all classes.
    #[serde(default)]
    pub label_smoothing: f64,
    /// Linear and mlp: while they learn, every number of a row is brought to mean 0 and variance 1
    /// over the training pictures; afterwards that is folded into the first layer.
    #[serde(default)]
    pub standardise: bool,
    /// Versions of every picture, of which each epoch takes one by lot: the first is the picture as
    /// it is, the others are flipped, cropped and noised anew.
    pub views: usize,
    /// Versions may be mirrored.
    pub flip: bool,
    /// The smallest side of a crop over that of the picture; 1: no crops.
    pub crop: f64,
    /// Seed of the noise, the views, the order and the first parameters.
    pub seed: u64,
}

impl TrainConfig {
    /// The settings of `recipe` for `kind` (paper, section 4.1; rates and batches of the released
    /// scripts).
    pub fn of(recipe: Recipe, kind: HeadKind, seed: u64) -> TrainConfig {
        match recipe {
            Recipe::Paper => TrainConfig {
                recipe,
                optimiser: OptimiserKind::Sgd,
                learning_rate: match kind {
                    HeadKind::Attention | HeadKind::DifFormer => 5e-2,
                    _ => 1e-2,
                },
                schedule: LearningRate::Step { every: 7, factor: 0.1 },
                weight_decay: 0.0,
                epochs: 28,
                batch: if kind == HeadKind::DifFeed { 16 } else { 128 },
                patience: 0,
                balanced: false,
                label_smoothing: 0.0,
                standardise: false,
                views: 4,
                flip: true,
                crop: 0.75,
                seed,
            },
            Recipe::FewShot => TrainConfig {
                recipe,
                optimiser: OptimiserKind::AdamW,
                learning_rate: match kind {
                    HeadKind::Linear | HeadKind::Mlp => 3e-3,
                    _ => 1e-3,
                },
                schedule: LearningRate::Cosine,
                // A few hundred steps: less decay would leave the first values, drawn by lot, in place.
                weight_decay: match kind {
                    HeadKind::Linear | HeadKind::Mlp => 5.0,
                    _ => 1.0,
                },
                epochs: if kind == HeadKind::DifFeed { 24 } else { 40 },
                batch: 16,
                patience: 10,
                balanced: true,
                label_smoothing: 0.1,
                standardise: true,
                // On fashion32, flips, crops and noises anew cost linear heads one to two points.
                views: 1,
                flip: true,
                crop: 0.8,
                seed,
            },
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first impossible one, and what to choose instead.
    pub fn validate(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(why));
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return refuse(format!("learning_rate {} must be above 0", self.learning_rate));
        }
        if !(0.0..=1.0).contains(&(self.learning_rate * self.weight_decay)) {
            return refuse(format!("weight_decay {} is too large or negative", self.weight_decay));
        }
        if let LearningRate::Step { every, factor } = self.schedule
            && (every == 0 || !(factor > 0.0 && factor <= 1.0))
        {
            return refuse(format!("a step of the rate by {factor} every {every} epochs is impossible"));
        }
        for (name, value, most) in
            [("epochs", self.epochs, 100_000), ("batch", self.batch, 65_536), ("views", self.views, 256)]
        {
            if value == 0 || value > most {
                return refuse(format!("{name} {value} must be 1 to {most}"));
            }
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return refuse(format!("label_smoothing {} must be 0 or more and below 1", self.label_smoothing));
        }
        if !(0.1..=1.0).contains(&self.crop) {
            return refuse(format!("crop {} must be 0.1 to 1", self.crop));
        }
        Ok(())
    }
}

/// `head` made small enough for few pictures: a transformer or hidden layer of at most 128, tokens of
/// at most 4×4 for each block, and one block of the transformer, in which CLS alone asks. On fashion32
/// that recognises as many as two blocks over 8×8 tokens, in a fraction of their time.
pub fn few_shot_head(head: HeadConfig) -> HeadConfig {
    const MOST: usize = 128;
    let width = head.width.min(MOST);
    let heads = (1..=head.heads).rev().find(|heads| width.is_multiple_of(*heads)).unwrap_or(1);
    let hidden = head.hidden.iter().map(|&width| width.min(MOST)).collect();
    let pool = if head.kind.attends() { head.pool.min(4) } else { head.pool };
    let layers = head.layers.min(1);
    HeadConfig { width, heads, hidden, pool, layers, ..head }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_fall_as_the_recipes_say() {
        let paper = TrainConfig::of(Recipe::Paper, HeadKind::Attention, 0);
        assert_eq!((paper.learning_rate, paper.epochs, paper.batch), (5e-2, 28, 128));
        let factors: Vec<f64> = [0, 6, 7, 14, 27].map(|epoch| paper.schedule.factor(epoch, 28)).to_vec();
        for (got, want) in factors.iter().zip([1.0, 1.0, 0.1, 0.01, 1e-3]) {
            assert!((got / want - 1.0).abs() < 1e-9, "{factors:?}");
        }
        assert_eq!(LearningRate::Cosine.factor(0, 10), 1.0);
        assert!((LearningRate::Cosine.factor(5, 10) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn impossible_settings_are_named() {
        let good = TrainConfig::of(Recipe::FewShot, HeadKind::Linear, 0);
        good.validate().unwrap();
        let named = |config: TrainConfig| config.validate().unwrap_err().to_string();
        assert!(named(TrainConfig { batch: 0, ..good.clone() }).contains("batch"));
        assert!(named(TrainConfig { crop: 0.0, ..good.clone() }).contains("crop"));
        assert!(named(TrainConfig { learning_rate: f64::NAN, ..good.clone() }).contains("learning_rate"));
        assert!(named(TrainConfig { label_smoothing: 1.0, ..good.clone() }).contains("label_smoothing"));
        assert!(named(TrainConfig { weight_decay: -1.0, ..good }).contains("weight_decay"));
        assert_eq!("few-shot".parse::<Recipe>().unwrap(), Recipe::FewShot);
        assert!("many".parse::<Recipe>().is_err());
    }
}
