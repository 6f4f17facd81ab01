//! One head, trained on a labelled data set, tested, and saved.

mod keep;
mod run;
mod states;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::of_features;
use super::table::Features;
use crate::data::dataset::{ClassTable, Digest};
use crate::data::split::{How, Split};
use crate::error::Result;
use crate::heads::{Backbone, HeadConfig, HeadCost, cost, reads};
use crate::train::metrics::Metrics;
use crate::train::{BankPlan, EpochPoint, TrainConfig};

pub use run::{TrainingRun, TrainingStep};
pub use states::{state_file, states_beside};

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
    /// What it reads: the network, or a control.
    #[serde(default)]
    pub features: Features,
    /// The classes as the user wants them, where some are renamed, merged or left out.
    #[serde(default)]
    pub classes: Option<ClassTable>,
    /// States of the head kept on the way, beside the last one, to look at how it learned. Heads that
    /// are not trained by steps have none.
    #[serde(default)]
    pub states: usize,
}

/// A picture that a head was tested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedPicture {
    /// Its name in the data set.
    pub name: String,
    /// Names its content.
    pub digest: Digest,
    /// Where it is, wherever the program is called from.
    pub place: String,
    /// The number of its class.
    pub label: usize,
}

/// What a training came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The file of the head; none for a control, which nobody asks about pictures.
    pub out: Option<PathBuf>,
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
    /// Seconds from a picture to its answer, several pictures at a time; 0 where none was tested.
    pub seconds_per_image: f64,
    /// Bytes of the features held, and of the head with what its training needs.
    pub memory_bytes: u64,
    /// What the head costs.
    pub cost: HeadCost,
    /// On the test pictures, where there are any.
    pub test: Option<Metrics>,
    /// The pictures tested on.
    pub tested: Vec<TestedPicture>,
    /// What the head said of them: `[n, K]` row-major.
    pub probabilities: Vec<f32>,
    /// The split.
    pub split: Split,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
    /// That this report could not be written beside its head, and why; one of the notes too.
    #[serde(skip)]
    pub unsaved: Option<String>,
}

/// What a training will take.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingPlan {
    /// The features that are made first.
    pub features: BankPlan,
    /// Bytes of the features, and of the head with what its training needs.
    pub memory_bytes: u64,
    /// Multiply-accumulates of all steps at most, in 10⁹.
    pub training_gmac: f64,
    /// Multiply-accumulates to test, in 10⁹.
    pub test_gmac: f64,
}

/// How much slower the small matrices of a head are multiplied than those of a network.
const HEAD_SLOWDOWN: f64 = 2.5;
/// A step forward costs one, the way back two for a head.
const STEP: f64 = 3.0;
/// The way back through a frozen network gives the input's gradient only.
const FROZEN_STEP: f64 = 2.0;

impl TrainingPlan {
    /// Of `config` on `parts` pictures (to learn from and to validate, and to test on) of `classes`
    /// classes, where the network in use is `backbone`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(
        config: &TrainingConfig,
        backbone: &Backbone,
        (learned, tested): (usize, usize),
        classes: usize,
    ) -> Result<TrainingPlan> {
        let backbone = of_features(config.features, backbone);
        let instant = config.head.kind.is_instant();
        let views = if instant { 1 } else { config.train.views };
        let features = BankPlan::new(&reads(&config.head, &backbone)?, learned, views, &backbone)?;
        let price = cost(&config.head, &backbone, classes)?;
        let second = match config.head.second.iter().max() {
            Some(&block) => backbone.block(block)?.cumulative_gmac * config.head.timesteps.len() as f64,
            None => 0.0,
        };
        let steps = if instant { 0.0 } else { (config.train.epochs * learned) as f64 };
        let training_gmac = steps * (STEP * HEAD_SLOWDOWN * price.head_gmac + FROZEN_STEP * second);
        let answers = tested as f64 * f64::from(config.draws.max(1));
        let test_gmac = answers * (price.network_gmac + HEAD_SLOWDOWN * price.head_gmac);
        let memory_bytes = features.bytes + memory_of(&price);
        Ok(TrainingPlan { features, memory_bytes, training_gmac, test_gmac })
    }

    /// Seconds for all of it on a machine that does `gmac_per_second`.
    pub fn seconds(&self, gmac_per_second: f64) -> f64 {
        (self.features.gmac + self.training_gmac + self.test_gmac) / gmac_per_second
    }
}

/// Bytes of a head with gradients, two moments and the best state.
fn memory_of(price: &HeadCost) -> u64 {
    const COPIES: u64 = 5;
    price.parameters as u64 * 4 * COPIES
}

/// Where the report of the head `out` goes.
pub fn json_beside(out: &Path) -> PathBuf {
    out.with_extension("json")
}
