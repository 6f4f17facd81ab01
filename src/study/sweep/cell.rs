//! A cell of the table: features at one place, and how many pictures are learned from.

use serde::{Deserialize, Serialize};

use crate::study::table::Features;

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    /// Whose features.
    pub features: Features,
    /// Pictures of each class to learn from; 0 where nothing is learned.
    pub shots: usize,
    /// p of the p×p pool.
    pub pool: usize,
    /// The diffusion step; 0 for raw pixels.
    pub timestep: usize,
    /// The block, from 1; 0 for raw pixels.
    pub block: usize,
}

/// A cell with what it came to: one row of `sweep.csv`. The fields' order is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// The block, from 1; 0 for raw pixels.
    pub block: usize,
    /// The diffusion step; 0 for raw pixels.
    pub timestep: usize,
    /// p of the p×p pool.
    pub pool: usize,
    /// What learned, or what was measured without labels.
    pub score: String,
    /// Pictures of each class learned from; 0 where nothing is learned.
    pub shots: usize,
    /// What the metric came to (the share recognised, unless the settings say another), 0 to 1, by
    /// cross-validation over the pictures learned from. Without labels the value of `score` in its own
    /// unit: −1 to 1 for `silhouette`, 0 to 4 for `alignment`, 0 and below for `uniformity`, 0 to 1 for
    /// `agreement`.
    pub accuracy: f64,
    /// Lower end of its 95 % interval.
    pub ci_low: f64,
    /// Upper end.
    pub ci_high: f64,
    /// Pictures.
    pub n: usize,
    /// Whether the cell cannot be told from the best of the same shots. Empty while cells are still to
    /// come; controls are no candidates.
    pub in_best_set: Option<bool>,
    /// Whose features.
    pub features: Features,
}

impl SweepRow {
    /// The cell.
    pub fn cell(&self) -> Cell {
        let SweepRow { features, shots, pool, timestep, block, .. } = *self;
        Cell { features, shots, pool, timestep, block }
    }
}
