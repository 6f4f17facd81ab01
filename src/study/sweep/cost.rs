//! What a sweep takes, told before it begins.

use std::sync::Arc;

use super::config::SweepConfig;
use super::plan::Plan;
use crate::error::Result;
use crate::features::network::NetworkCard;

/// What the table of a sweep takes; test pictures and controls come on top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepCost {
    /// Pictures learned from, or measured.
    pub pictures: usize,
    /// Cells of the network.
    pub cells: usize,
    /// Forwards, each to the deepest block wanted.
    pub forwards: usize,
    /// Multiply-accumulates of all of them, in 10⁹.
    pub gmac: f64,
    /// Bytes of the features, in memory and on disk.
    pub feature_bytes: u64,
}

/// What a data set has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// Pictures in all.
    pub pictures: usize,
    /// Those with a class.
    pub labelled: usize,
    /// Classes.
    pub classes: usize,
}

impl SweepCost {
    /// Of `config` on a network, over a data set.
    ///
    /// # Errors
    /// When a setting does not fit the network.
    pub fn new(config: &SweepConfig, card: &Arc<NetworkCard>, supply: Supply) -> Result<SweepCost> {
        let plan = Plan::new(config, card)?;
        let pictures = if config.score.needs_labels() {
            let most = config.shots.iter().copied().max().unwrap_or(1);
            (most * supply.classes).min(supply.labelled)
        } else {
            config.pictures.min(supply.pictures)
        };
        let seen = pictures * config.draws as usize * config.score.noises();
        let mut cost = SweepCost { pictures, cells: 0, forwards: 0, gmac: 0.0, feature_bytes: 0 };
        for timestep in plan.order() {
            let blocks = plan.blocks_at(timestep);
            let deepest = blocks.last().and_then(|&block| card.block(block));
            cost.cells += plan.cells_at(timestep).len();
            cost.forwards += seen;
            cost.gmac += deepest.map_or(0.0, |info| info.cumulative_gmac) * seen as f64;
            cost.feature_bytes += plan.bytes_of(&plan.taps(&blocks)) * seen as u64;
        }
        Ok(cost)
    }
}
