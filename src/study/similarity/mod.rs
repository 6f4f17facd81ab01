//! How alike blocks and timesteps of a network are, and the blocks of two networks.

mod report;
mod run;
mod words;

use serde::{Deserialize, Serialize};

use super::measures::cka::{CkaConfig, CkaMatrix, FEWEST};
use crate::error::{Error, Result};
use crate::features::extract::{Blocks, ExtractConfig};
use crate::features::network::NetworkCard;
use crate::unet::plan::BlockInfo;

pub use report::{BLOCKS_PNG, FIGURES, NETWORKS_PNG, SimilarityRecord, TIMESTEPS_PNG, files, write};
pub use run::SimilarityRun;

/// Everything that decides similarities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimilarityConfig {
    /// Diffusion steps.
    pub timesteps: Vec<usize>,
    /// Blocks.
    pub blocks: Blocks,
    /// Adaptive average pool to p×p, or whole maps.
    pub pool: Option<usize>,
    /// Pictures, drawn from the data set; all where it has fewer.
    pub pictures: usize,
    /// Pictures of a minibatch at most.
    pub batch: usize,
    /// Blocks of the other network, where there is one.
    pub against_blocks: Blocks,
    /// The user's seed: of the noise, the pictures drawn, and the minibatches.
    pub seed: u64,
    /// Noise draws that features are averaged over.
    pub draws: u32,
    /// The class given to a class-conditional network.
    pub class: Option<usize>,
}

impl SimilarityConfig {
    /// All blocks at one diffusion step, and everything else as it usually is.
    pub fn at(timestep: usize) -> SimilarityConfig {
        SimilarityConfig {
            timesteps: vec![timestep],
            blocks: Blocks::All,
            pool: Some(1),
            pictures: 512,
            batch: 64,
            against_blocks: Blocks::All,
            seed: 0,
            draws: 1,
            class: None,
        }
    }

    /// What is extracted of a network: its `blocks`.
    fn extract(&self, blocks: &Blocks) -> ExtractConfig {
        ExtractConfig {
            timesteps: self.timesteps.clone(),
            blocks: blocks.clone(),
            pool: self.pool,
            seed: self.seed,
            draws: self.draws,
            class: self.class,
            noised: false,
            with_out: false,
        }
    }

    fn minibatches(&self) -> CkaConfig {
        CkaConfig { batch: self.batch, seed: self.seed }
    }

    /// Checks the settings against the network, and the one to compare it with.
    ///
    /// # Errors
    /// The first that does not fit, named.
    pub fn validate(&self, card: &NetworkCard, other: Option<&NetworkCard>) -> Result<()> {
        self.minibatches().batches(FEWEST)?;
        if self.pictures < FEWEST {
            return Err(Error::Setting(format!("--n must be at least {FEWEST} pictures")));
        }
        self.extract(&self.blocks).validate(card)?;
        let blocks = self.blocks.numbers(card.blocks.len())?;
        if let Some(other) = other {
            self.extract(&self.against_blocks).validate(other)?;
            self.against_blocks.numbers(other.blocks.len())?;
        } else if blocks.len() < 2 && self.timesteps.len() < 2 {
            let why = "there is nothing to compare: give two blocks or more (--blocks), two timesteps or more (--t), or another network (--against)";
            return Err(Error::Setting(why.into()));
        }
        Ok(())
    }

    /// Forwards over so many pictures of a network with the block table `table`, read at `blocks`, and their
    /// multiply-accumulates in 10⁹.
    ///
    /// # Errors
    /// When a block does not exist.
    pub fn cost(&self, table: &[BlockInfo], blocks: &Blocks, pictures: usize) -> Result<(usize, f64)> {
        let deepest = blocks.numbers(table.len())?.last().copied().unwrap_or(0);
        let forwards = pictures.min(self.pictures) * self.timesteps.len() * self.draws as usize;
        let gmac = table.get(deepest.saturating_sub(1)).map_or(0.0, |info| info.cumulative_gmac);
        Ok((forwards, gmac * forwards as f64))
    }
}

/// A network in a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub network: String,
    /// Hash of its parameters.
    pub hash: String,
    /// N.
    pub count: usize,
    /// Blocks compared, ascending.
    pub blocks: Vec<usize>,
}

/// How alike blocks and timesteps are.
#[derive(Clone, Debug, PartialEq)]
pub struct Similarity {
    /// The data set.
    pub data: String,
    /// What was asked.
    pub config: SimilarityConfig,
    /// The network.
    pub network: Compared,
    /// The one that it is compared with, if any.
    pub other: Option<Compared>,
    /// Pictures that went in.
    pub pictures: usize,
    /// Minibatches of them.
    pub batches: usize,
    /// For each timestep: blocks beside blocks. Empty for one block.
    pub over_blocks: Vec<(usize, CkaMatrix)>,
    /// For each block: timesteps beside timesteps. Empty for one timestep.
    pub over_timesteps: Vec<(usize, CkaMatrix)>,
    /// For each timestep: blocks (down) beside those of the other network (across).
    pub over_networks: Vec<(usize, CkaMatrix)>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

impl Similarity {
    /// Mean similarity of encoder blocks i to their mirror images, the decoder blocks N + 1 − i, and to the
    /// other decoder blocks, at each timestep of [`Similarity::over_blocks`]: the first is above the second
    /// where decoder blocks resemble those whose maps they are handed. None without two encoder blocks and
    /// their mirror images.
    pub fn mirrored(&self) -> Vec<Option<[f64; 2]>> {
        let Compared { count, blocks, .. } = &self.network;
        let place = |block: usize| blocks.binary_search(&block).ok();
        let encoder: Vec<usize> =
            (1..=count.saturating_sub(1) / 2).filter(|&block| place(block).is_some()).collect();
        let mean =
            |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let of_matrix = |matrix: &CkaMatrix| {
            let at = |block: usize, other: usize| matrix.at(place(block)?, place(other)?);
            let mirror = encoder.iter().filter_map(|&block| at(block, count + 1 - block));
            let others = encoder.iter().flat_map(|&block| {
                let others = encoder.iter().filter(move |&&other| other != block);
                others.filter_map(move |&other| at(block, count + 1 - other))
            });
            Some([mean(mirror.collect())?, mean(others.collect())?])
        };
        self.over_blocks.iter().map(|(_, matrix)| of_matrix(matrix)).collect()
    }
}
