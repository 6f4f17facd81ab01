//! Everything that decides the features of a picture.

use serde::{Deserialize, Serialize};

use super::run::tensors_of;

use crate::error::{Error, Result};
use crate::features::network::NetworkCard;

/// Which blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocks {
    /// Every block.
    All,
    /// These, by the paper's numbers.
    #[serde(untagged)]
    List(Vec<usize>),
}

impl Blocks {
    /// The block numbers, ascending and without repeats.
    ///
    /// # Errors
    /// When a block does not exist among `count`.
    pub fn numbers(&self, count: usize) -> Result<Vec<usize>> {
        let Blocks::List(list) = self else { return Ok((1..=count).collect()) };
        if let Some(block) = list.iter().find(|&&block| block == 0 || block > count) {
            return Err(Error::Setting(format!(
                "block {block} does not exist; this network has 1 to {count}"
            )));
        }
        let mut list = list.clone();
        list.sort_unstable();
        list.dedup();
        Ok(list)
    }
}

/// Above this many draws the mean changes no more.
const MOST_DRAWS: u32 = 1024;

/// Everything that decides the features of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtractConfig {
    /// Diffusion steps, in the order of the output.
    pub timesteps: Vec<usize>,
    /// Blocks.
    pub blocks: Blocks,
    /// Adaptive average pool to p×p, or whole maps.
    pub pool: Option<usize>,
    /// The user's seed.
    pub seed: u64,
    /// Noise draws to average over, 1 to 1024.
    pub draws: u32,
    /// The class given to a class-conditional network.
    pub class: Option<usize>,
    /// The input is x_t already.
    pub noised: bool,
    /// Keep the network's output too.
    pub with_out: bool,
}

impl ExtractConfig {
    /// Checks the settings against a network.
    ///
    /// # Errors
    /// The first that does not fit, named.
    pub fn validate(&self, card: &NetworkCard) -> Result<()> {
        let steps = card.config.diffusion_steps;
        if self.timesteps.is_empty() {
            return Err(Error::Setting("no timestep given; add --t, as in --t 90,150".into()));
        }
        if let Some(t) = self.timesteps.iter().find(|&&t| t >= steps) {
            return Err(Error::Setting(format!(
                "timestep {t} is past the last of this network, {}",
                steps - 1
            )));
        }
        let repeated = self.timesteps.iter().enumerate().find(|(i, t)| self.timesteps[..*i].contains(t));
        if let Some((_, t)) = repeated {
            return Err(Error::Setting(format!("timestep {t} is given twice")));
        }
        if matches!(&self.blocks, Blocks::List(list) if list.is_empty()) {
            return Err(Error::Setting("no block given; add --blocks, as in --blocks 12,24 or all".into()));
        }
        if !(1..=MOST_DRAWS).contains(&self.draws) {
            return Err(Error::Setting(format!("--draws must be 1 to {MOST_DRAWS}")));
        }
        if self.pool.is_some_and(|pool| pool == 0 || pool > 1024) {
            return Err(Error::Setting("--pool must be none or 1 to 1024".into()));
        }
        match (self.class, card.config.num_classes) {
            (Some(_), None) => {
                Err(Error::Setting("this network was trained without classes; leave --class away".into()))
            }
            (Some(class), Some(count)) if class >= count => Err(Error::Setting(format!(
                "class {class} does not exist; this network has 0 to {}",
                count - 1
            ))),
            _ => Ok(()),
        }
    }

    /// Multiply-accumulates per picture, in 10⁹.
    ///
    /// # Errors
    /// When a block does not exist.
    pub fn gmac_per_picture(&self, card: &NetworkCard) -> Result<f64> {
        let deepest = self.blocks.numbers(card.blocks.len())?.last().copied().unwrap_or(0);
        let one = match card.block(deepest) {
            Some(info) if !self.with_out => info.cumulative_gmac,
            _ => card.full_gmac,
        };
        let draws = if self.noised { 1 } else { self.draws as usize };
        Ok(one * (self.timesteps.len() * draws) as f64)
    }

    /// Bytes of features per picture.
    ///
    /// # Errors
    /// When a block does not exist.
    pub fn bytes_per_picture(&self, card: &NetworkCard) -> Result<u64> {
        let tensors = tensors_of(self, &self.blocks.numbers(card.blocks.len())?, card);
        Ok(tensors.iter().map(|tensor| tensor.row_shape.iter().product::<usize>() as u64 * 4).sum())
    }
}
