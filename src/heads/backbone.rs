//! What a head must know of the network under it.

use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::unet::config::UnetConfig;
use crate::unet::plan::BlockInfo;

/// The network that a head reads: its identity and its block table.
#[derive(Clone, Debug)]
pub struct Backbone {
    /// Short name.
    pub name: String,
    /// Hash of the parameters.
    pub hash: String,
    /// The configuration.
    pub config: UnetConfig,
    /// The block table, blocks 1 … N.
    pub blocks: Vec<BlockInfo>,
}

impl From<&NetworkCard> for Backbone {
    fn from(card: &NetworkCard) -> Backbone {
        Backbone {
            name: card.name.clone(),
            hash: card.hash.clone(),
            config: card.config.clone(),
            blocks: card.blocks.clone(),
        }
    }
}

impl Backbone {
    /// N, the number of blocks.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// E, the number of encoder blocks; E + 1 is the middle.
    pub fn encoder_blocks(&self) -> usize {
        self.blocks.len().saturating_sub(1) / 2
    }

    /// The encoder block N + 1 − b that receives the feedback of decoder block `block`.
    pub fn feedback_target(&self, block: usize) -> usize {
        (self.blocks.len() + 1).saturating_sub(block)
    }

    /// The row of the block table for block `block`.
    ///
    /// # Errors
    /// When the network has no such block.
    pub fn block(&self, block: usize) -> Result<&BlockInfo> {
        block.checked_sub(1).and_then(|index| self.blocks.get(index)).ok_or_else(|| {
            Error::Setting(format!(
                "there is no block {block} in {}; its blocks are 1 to {}",
                self.name,
                self.blocks.len()
            ))
        })
    }
}
