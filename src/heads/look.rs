//! Looking inside a head: where CLS attended, and what feedback changed.

use candle_core::Tensor;

use super::feedback::SecondPass;
use super::layers::Run;
use super::maps::{Maps, noised};
use super::neural::{Layers, NeuralHead, needed};
use crate::error::{Error, Result};
use crate::features::tap::grid_of;
use crate::grid::Grid;
use crate::unet::Keep;

/// What one picture looks like from inside a head.
#[derive(Clone, Debug)]
pub struct Look {
    /// Logits, one per class.
    pub logits: Vec<f32>,
    /// Where CLS attended; empty for heads without a transformer.
    pub attention: Vec<ClsAttention>,
    /// DifFeed: blocks without and with feedback.
    pub feedback: Vec<FedBlock>,
}

/// With what weights CLS attended in one head of one transformer block. They sum to one, over
/// itself and all tokens.
#[derive(Clone, Debug)]
pub struct ClsAttention {
    /// The timestep of the tokens.
    pub timestep: usize,
    /// The block of the transformer, from 1.
    pub layer: usize,
    /// The attention head, from 0.
    pub head: usize,
    /// The weight of CLS itself.
    pub to_itself: f32,
    /// The weights of the tokens, by block.
    pub tokens: Vec<TokenWeights>,
}

/// Attention weights of the tokens of one feature map.
#[derive(Clone, Debug)]
pub struct TokenWeights {
    /// The block of the network, from 1.
    pub block: usize,
    /// True for a map of the second pass.
    pub second_pass: bool,
    /// The weights, `[1, h, w]` with the sides of the pooled map.
    pub weights: Grid,
}

/// A block's map without feedback and with it.
#[derive(Clone, Debug)]
pub struct FedBlock {
    /// The timestep.
    pub timestep: usize,
    /// The block, from 1. For an encoder block that receives feedback, it is in `after`.
    pub block: usize,
    /// The map of a pass without feedback, `[C, H, W]`.
    pub before: Grid,
    /// The map of the second pass, `[C, H, W]`.
    pub after: Grid,
}

impl NeuralHead {
    /// Logits with everything that can be seen on the way, for each picture of the batch. For
    /// DifFeed, the maps of the blocks `compare` are taken without and with feedback, which needs a
    /// pass more.
    ///
    /// # Errors
    /// As [`NeuralHead::forward`]; when a block to compare does not exist.
    pub fn look(&self, maps: &Maps, second: Option<&SecondPass>, compare: &[usize]) -> Result<Vec<Look>> {
        let mut fed = Maps::new();
        let mut plain = Maps::new();
        if let Layers::Feedback(feedback, _) = self.layers() {
            let pass = needed(second)?;
            let timesteps = &self.config().timesteps;
            plain = without_feedback(timesteps, pass, compare)?;
            fed = feedback.second_maps(timesteps, maps, pass, &mut Run::default(), compare)?;
        }
        let (logits, seen) = self.forward_seen(maps, &fed)?;
        let logits = logits.to_vec2::<f32>()?;
        let mut looks: Vec<Look> = logits
            .into_iter()
            .map(|logits| Look { logits, attention: Vec::new(), feedback: Vec::new() })
            .collect();
        for (&timestep, layers) in self.config().timesteps.iter().zip(seen.into_iter().flatten()) {
            for (index, weights) in layers.iter().enumerate() {
                self.add_attention(&mut looks, timestep, index + 1, weights)?;
            }
        }
        for ((timestep, block), before) in plain.iter() {
            let after = fed.get(timestep, block)?;
            for (row, look) in looks.iter_mut().enumerate() {
                let (before, after) = (grid_of(before, row)?, grid_of(after, row)?);
                look.feedback.push(FedBlock { timestep, block, before, after });
            }
        }
        Ok(looks)
    }

    /// Splits weights `[N, heads, 1 + T]` by picture, head and block.
    fn add_attention(
        &self,
        looks: &mut [Look],
        timestep: usize,
        layer: usize,
        weights: &Tensor,
    ) -> Result<()> {
        let (Layers::Fusion(fusion) | Layers::Feedback(_, fusion)) = self.layers() else { return Ok(()) };
        for (look, heads) in looks.iter_mut().zip(weights.to_vec3::<f32>()?) {
            for (head, weights) in heads.into_iter().enumerate() {
                let mut rest = weights.iter().copied();
                let to_itself = rest.next().unwrap_or(0.0);
                let tokens = fusion.tokens().map(|(tokens, second_pass)| {
                    let weights: Vec<f32> = rest.by_ref().take(tokens.height * tokens.width).collect();
                    let weights = Grid::new(1, tokens.height, tokens.width, weights)?;
                    Ok(TokenWeights { block: tokens.block, second_pass, weights })
                });
                let tokens = tokens.collect::<Result<_>>()?;
                look.attention.push(ClsAttention { timestep, layer, head, to_itself, tokens });
            }
        }
        Ok(())
    }
}

/// The maps of `blocks` in a pass without feedback.
fn without_feedback(timesteps: &[usize], pass: &SecondPass, blocks: &[usize]) -> Result<Maps> {
    let mut maps = Maps::new();
    let Some(&deepest) = blocks.iter().max() else { return Ok(maps) };
    let count = pass.unet.block_count();
    if deepest > count || blocks.contains(&0) {
        return Err(Error::Setting(format!("blocks to compare are 1 to {count}")));
    }
    for &timestep in timesteps {
        let x_t = noised(pass.batches, timestep)?;
        let mut under_way = pass.unet.begin(x_t, &vec![timestep; x_t.dim(0)?], pass.classes, Keep::Needed)?;
        pass.unet.advance(&mut under_way, deepest, &mut |block, map| {
            if blocks.contains(&block) {
                maps.insert(timestep, block, map);
            }
            (pass.watch)(block)
        })?;
    }
    Ok(maps)
}
