//! Which features pictures are labelled by.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::features::kept_rows::Cells;
use crate::features::network::NetworkCard;
use crate::heads::{Backbone, HeadConfig, HeadKind};

/// Noises that features are averaged over at most.
const MOST_DRAWS: u32 = 64;

/// The cells whose features make the row of a picture: of every timestep every block, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelFeatures {
    /// Timesteps.
    pub timesteps: Vec<usize>,
    /// Blocks, from 1.
    pub blocks: Vec<usize>,
    /// p of the p×p pool.
    pub pool: usize,
    /// Noises that features are the mean of.
    pub draws: u32,
    /// Seed of the noise.
    pub seed: u64,
}

impl LabelFeatures {
    /// The network's own block and timestep.
    pub fn of(card: &NetworkCard) -> LabelFeatures {
        LabelFeatures {
            timesteps: vec![card.default_timestep()],
            blocks: vec![card.default_block()],
            pool: 2,
            draws: 1,
            seed: 0,
        }
    }

    /// Checks the settings against the network.
    ///
    /// # Errors
    /// The first impossible setting, and what to choose instead.
    pub fn check(&self, card: &NetworkCard) -> Result<()> {
        if !(1..=MOST_DRAWS).contains(&self.draws) {
            return Err(Error::Setting(format!("{} noises are not 1 to {MOST_DRAWS}", self.draws)));
        }
        self.head(card)?.validate(&Backbone::from(card))
    }

    /// The head that reads them.
    ///
    /// # Errors
    /// When the network has no blocks.
    pub fn head(&self, card: &NetworkCard) -> Result<HeadConfig> {
        Ok(HeadConfig {
            timesteps: self.timesteps.clone(),
            blocks: self.blocks.clone(),
            pool: self.pool,
            kept_rows: true,
            ..HeadConfig::published(HeadKind::Ridge, &Backbone::from(card))?
        })
    }

    /// What is read of the network.
    pub fn cells(&self) -> Cells {
        let LabelFeatures { timesteps, blocks, pool, draws, seed } = self.clone();
        Cells { timesteps, blocks, pool, draws, seed }
    }
}
