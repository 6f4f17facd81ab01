//! What looking into a cell takes, told before it begins.

use std::sync::Arc;

use super::config::CellConfig;
use crate::error::Result;
use crate::features::network::NetworkCard;
use crate::study::sweep::Plan;

/// What looking into a cell takes where none of its features are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellCost {
    /// Pictures.
    pub pictures: usize,
    /// Forwards, each to the block.
    pub forwards: usize,
    /// Multiply-accumulates of all of them, in 10⁹.
    pub gmac: f64,
    /// Bytes of the features.
    pub feature_bytes: u64,
}

impl CellCost {
    /// Of `config` on a network, over a data set of so many pictures with a class, classes, and pictures in
    /// all.
    ///
    /// # Errors
    /// When a setting does not fit the network.
    pub fn new(
        config: &CellConfig,
        card: &Arc<NetworkCard>,
        (labelled, classes, all): (usize, usize, usize),
    ) -> Result<CellCost> {
        config.validate_on(card)?;
        let plan = Plan::new(&config.sweep, card)?;
        let pictures =
            if classes > 1 { (config.shots * classes).min(labelled) } else { config.unlabelled.min(all) };
        let noised = pictures.min(config.noise.pictures) * config.noise.draws as usize;
        let steps = config.noise_timesteps(card.config.diffusion_steps).len();
        let forwards = pictures * config.sweep.draws as usize + steps * noised;
        let each = card.block(config.block).map_or(0.0, |info| info.cumulative_gmac);
        let bytes = plan.bytes_of(&plan.taps(&[config.block]));
        Ok(CellCost {
            pictures,
            forwards,
            gmac: each * forwards as f64,
            feature_bytes: bytes * forwards as u64,
        })
    }
}
