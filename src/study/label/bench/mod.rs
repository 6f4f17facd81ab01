//! A user played by the program: how many labels each order takes, on pictures whose labels are known and
//! hidden.

mod play;
mod report;
mod run;
mod saving;

use serde::{Deserialize, Serialize};

use super::order::Order;
use crate::error::{Error, Result};
use crate::features::extract::{Blocks, ExtractConfig};
use crate::features::network::NetworkCard;
use crate::study::statistics::{Bootstrap, Estimate};

pub use report::{FIGURE, files, write};
pub use run::LabelBenchRun;

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelBenchConfig {
    /// The orders.
    pub orders: Vec<Order>,
    /// How many users, each with other pictures.
    pub seeds: usize,
    /// Pictures that may be labelled; four of five where there are not so many.
    pub pictures: usize,
    /// Numbers of labels at which the head is tested.
    pub labels: Vec<usize>,
    /// The diffusion step; the network's own where none is said.
    pub timestep: Option<usize>,
    /// The block; the network's own where none is said.
    pub block: Option<usize>,
    /// p of the p×p pool.
    pub pool: usize,
    /// Labels at which the default order is compared with chance.
    pub compared_at: usize,
    /// How many audits are imitated in all.
    pub audits: usize,
    /// Answers of each.
    pub audited: usize,
    /// Of noise, pictures and chance.
    pub seed: u64,
    /// Noise draws that features are averaged over.
    pub draws: u32,
    /// The class given to a class-conditional network.
    pub class: Option<usize>,
    /// How often seeds and pictures are drawn anew for intervals.
    pub resamples: usize,
}

impl Default for LabelBenchConfig {
    fn default() -> LabelBenchConfig {
        LabelBenchConfig {
            orders: Order::ALL.into_iter().filter(|order| !order.is_of_labelled()).collect(),
            seeds: 5,
            pictures: 2000,
            labels: vec![20, 50, 100, 200, 400],
            timestep: None,
            block: None,
            pool: 2,
            compared_at: 200,
            audits: 200,
            audited: 60,
            seed: 0,
            draws: 1,
            class: None,
            resamples: 2000,
        }
    }
}

/// Bounds of what may be asked.
const MOST_SEEDS: usize = 100;
const MOST_LABELS: usize = 5000;
const LARGEST_POOL: usize = 64;

impl LabelBenchConfig {
    /// Checks the settings that need no network.
    ///
    /// # Errors
    /// The first that is impossible, named.
    pub fn check(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(why));
        if let Some(order) = self.orders.iter().find(|order| order.is_of_labelled()) {
            return refuse(format!("--order {order}: it looks again at labels and gives no new ones"));
        }
        if self.orders.is_empty() {
            return refuse("there is no order to test; give --order all".into());
        }
        if !(1..=MOST_SEEDS).contains(&self.seeds) {
            return refuse(format!("--seeds {} is not from 1 to {MOST_SEEDS}", self.seeds));
        }
        let ascending = self.labels.windows(2).all(|pair| pair[0] < pair[1]);
        let ends = self.labels.first().is_some_and(|&first| first > 0) && self.most() <= MOST_LABELS;
        if !ascending || !ends {
            return refuse(format!(
                "--labels must be ascending numbers from 1 to {MOST_LABELS}, as in 20,50,100"
            ));
        }
        if !(1..=LARGEST_POOL).contains(&self.pool) {
            return refuse(format!("--pool {} is not from 1 to {LARGEST_POOL}", self.pool));
        }
        if self.audited == 0 {
            return refuse("audited must be at least 1".into());
        }
        self.bootstrap().check()
    }

    /// The most labels.
    pub(super) fn most(&self) -> usize {
        self.labels.last().copied().unwrap_or(0)
    }

    pub(super) fn bootstrap(&self) -> Bootstrap {
        Bootstrap { resamples: self.resamples, seed: self.seed }
    }

    /// The step and block of a network.
    pub fn place(&self, card: &NetworkCard) -> (usize, usize) {
        let timestep = self.timestep.unwrap_or_else(|| card.default_timestep());
        (timestep, self.block.unwrap_or_else(|| card.default_block()))
    }

    /// What is extracted of a network.
    pub(super) fn extract(&self, card: &NetworkCard) -> ExtractConfig {
        let (timestep, block) = self.place(card);
        ExtractConfig {
            timesteps: vec![timestep],
            blocks: Blocks::List(vec![block]),
            pool: Some(self.pool),
            seed: self.seed,
            draws: self.draws,
            class: self.class,
            noised: false,
            with_out: false,
        }
    }
}

/// One row of `label-bench.csv`: a user's head with so many labels, tested on pictures that are never
/// labelled. The fields' order is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelRecord {
    /// The order.
    pub order: Order,
    /// The user.
    pub seed: u64,
    /// Labels.
    pub labels: usize,
    /// The share of the test pictures that are recognised.
    pub accuracy: f64,
    /// Lower end of its 95 % interval (Wilson).
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Test pictures.
    pub n_test: usize,
}

/// An order with so many labels, over all users.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelSummary {
    /// The order.
    pub order: Order,
    /// Labels.
    pub labels: usize,
    /// Users.
    pub seeds: usize,
    /// Mean over the users.
    pub accuracy: f64,
    /// Lower end of its 95 % interval: bootstrap over users and pictures, Wilson for one user.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Different test pictures.
    pub n_test: usize,
    /// Whether it cannot be told from the best with as many labels.
    pub in_best_set: bool,
}

/// How many labels chance needs for what the default order reaches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Saving {
    /// Labels of the default order.
    pub labels: usize,
    /// Its accuracy with these.
    pub accuracy: f64,
    /// Labels by chance for the same accuracy, over [`Saving::labels`]; none where the most labels that
    /// chance was followed to are not enough.
    pub ratio: Option<f64>,
    /// Lower end of its 95 % interval: bootstrap over users and pictures. None as above.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// The most labels that chance was followed to, over [`Saving::labels`].
    pub most: f64,
}

/// How often intervals of imitated audits held the truth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Audits.
    pub audits: usize,
    /// Answers of each.
    pub answers: usize,
    /// The share whose interval held the accuracy on what was not learned from, with its own interval
    /// (Wilson).
    pub held: Estimate,
    /// The same for the share of right suggestions among the last labels that the order itself chose, as
    /// many as an audit has answers; none where chance chose all of them.
    pub chosen_held: Option<Estimate>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelBench {
    /// The data set.
    pub data: String,
    /// The network.
    pub network: String,
    /// Hash of its parameters.
    pub hash: String,
    /// The diffusion step.
    pub timestep: usize,
    /// The block.
    pub block: usize,
    /// What was asked.
    pub settings: LabelBenchConfig,
    /// Pictures that each user may label.
    pub pictures: usize,
    /// Classes.
    pub classes: usize,
    /// By order, user and number of labels. Chance is followed further than the others, so that what they
    /// save is measured.
    pub rows: Vec<LabelRecord>,
    /// By order and number of labels.
    pub summaries: Vec<LabelSummary>,
    /// What the default order saves; none where it or chance was not tested.
    pub saving: Option<Saving>,
    /// What audits are worth.
    pub coverage: Option<Coverage>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}
