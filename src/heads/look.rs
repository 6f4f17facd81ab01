//! Looking inside a head: where CLS attended, what came to it through all layers, and what feedback
//! changed.

use candle_core::Tensor;

use super::feedback::SecondPass;
use super::fusion::Fusion;
use super::layers::Run;
use super::maps::{Maps, noised};
use super::neural::{Layers, NeuralHead, needed};
use super::transformer::Attended;
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
    /// What reached CLS through all layers up to each; empty for heads without a transformer.
    pub rollout: Vec<Rollout>,
    /// DifFeed: blocks without and with feedback.
    pub feedback: Vec<FedBlock>,
}

/// With what weights CLS attended in one head of one transformer block. They sum to one, over
/// itself and all tokens.
#[derive(Clone, Debug, PartialEq)]
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

/// How much of every token reached CLS through the layers up to one: the product of their attention,
/// each the mean over its heads and half of it the token itself (Abnar and Zuidema 2020, attention
/// rollout). They sum to one, over CLS itself and all tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// The timestep of the tokens.
    pub timestep: usize,
    /// The last block of the transformer, from 1.
    pub layer: usize,
    /// What is of CLS itself.
    pub to_itself: f32,
    /// What is of the tokens, by block.
    pub tokens: Vec<TokenWeights>,
}

/// Attention weights of the tokens of one feature map.
#[derive(Clone, Debug, PartialEq)]
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
    /// For an encoder block that receives feedback: the block that it comes from, and what is added,
    /// `[C, H, W]`.
    pub feedback: Option<(usize, Grid)>,
}

impl NeuralHead {
    /// Encoder blocks that receive feedback, in the order of the blocks that it comes from.
    pub fn fed_blocks(&self) -> Vec<usize> {
        match self.layers() {
            Layers::Feedback(feedback, _) => feedback.targets(),
            _ => Vec::new(),
        }
    }

    /// Logits with everything that can be seen on the way, for each picture of the batch. For
    /// DifFeed, the maps of the blocks `compare` are taken without and with feedback, which needs a
    /// pass more.
    ///
    /// # Errors
    /// As [`NeuralHead::forward`]; when a block to compare does not exist.
    pub fn look(&self, maps: &Maps, second: Option<&SecondPass>, compare: &[usize]) -> Result<Vec<Look>> {
        let (mut fed, mut plain) = (Maps::new(), Maps::new());
        let mut added = Vec::new();
        if let Layers::Feedback(feedback, _) = self.layers() {
            let pass = needed(second)?;
            let timesteps = &self.config().timesteps;
            plain = without_feedback(timesteps, pass, compare)?;
            fed = feedback.second_maps(timesteps, maps, pass, &mut Run::default(), compare)?;
            for &timestep in timesteps {
                added.push((timestep, feedback.added(maps, timestep)?));
            }
        }
        let (logits, seen) = self.forward_seen(maps, &fed)?;
        let logits = logits.to_vec2::<f32>()?;
        let mut looks: Vec<Look> = logits
            .into_iter()
            .map(|logits| Look { logits, attention: Vec::new(), rollout: Vec::new(), feedback: Vec::new() })
            .collect();
        if let Layers::Fusion(fusion) | Layers::Feedback(_, fusion) = self.layers() {
            for (&timestep, layers) in self.config().timesteps.iter().zip(seen.into_iter().flatten()) {
                for layer in 1..=layers.len() {
                    add_attention(fusion, &mut looks, (timestep, layer), &layers[layer - 1].cls)?;
                    add_rollout(fusion, &mut looks, (timestep, layer), &layers[..layer])?;
                }
            }
        }
        for ((timestep, block), before) in plain.iter() {
            let after = fed.get(timestep, block)?;
            let here = added.iter().filter(|(at, _)| *at == timestep).flat_map(|(_, added)| added);
            let added = here.into_iter().find(|(_, to, _)| *to == block);
            for (row, look) in looks.iter_mut().enumerate() {
                let (before, after) = (grid_of(before, row)?, grid_of(after, row)?);
                let feedback = match added {
                    Some((from, _, added)) => Some((*from, grid_of(added, row)?)),
                    None => None,
                };
                look.feedback.push(FedBlock { timestep, block, before, after, feedback });
            }
        }
        Ok(looks)
    }
}

/// Weights of CLS itself and of the tokens behind it, by block.
fn by_block(fusion: &Fusion, weights: Vec<f32>) -> Result<(f32, Vec<TokenWeights>)> {
    let mut rest = weights.into_iter();
    let to_itself = rest.next().unwrap_or(0.0);
    let tokens = fusion.tokens().map(|(tokens, second_pass)| {
        let weights: Vec<f32> = rest.by_ref().take(tokens.height * tokens.width).collect();
        let weights = Grid::new(1, tokens.height, tokens.width, weights)?;
        Ok(TokenWeights { block: tokens.block, second_pass, weights })
    });
    Ok((to_itself, tokens.collect::<Result<_>>()?))
}

/// Splits weights `[N, heads, 1 + T]` by picture, head and block.
fn add_attention(
    fusion: &Fusion,
    looks: &mut [Look],
    (timestep, layer): (usize, usize),
    weights: &Tensor,
) -> Result<()> {
    for (look, heads) in looks.iter_mut().zip(weights.to_vec3::<f32>()?) {
        for (head, weights) in heads.into_iter().enumerate() {
            let (to_itself, tokens) = by_block(fusion, weights)?;
            look.attention.push(ClsAttention { timestep, layer, head, to_itself, tokens });
        }
    }
    Ok(())
}

/// What reached CLS through `layers`: only its row of their product is computed, from the last layer
/// to the first.
fn add_rollout(
    fusion: &Fusion,
    looks: &mut [Look],
    (timestep, layer): (usize, usize),
    layers: &[Attended],
) -> Result<()> {
    let Some((last, earlier)) = layers.split_last() else { return Ok(()) };
    let cls = last.mean.narrow(1, 0, 1)?;
    let (_, _, tokens) = cls.dims3()?;
    let itself =
        Tensor::cat(&[cls.narrow(2, 0, 1)?.ones_like()?, cls.narrow(2, 1, tokens - 1)?.zeros_like()?], 2)?;
    let mut row = ((cls + itself)? * 0.5)?;
    for layer in earlier.iter().rev() {
        row = ((row.contiguous()?.matmul(&layer.mean)? + &row)? * 0.5)?;
    }
    for (look, weights) in looks.iter_mut().zip(row.squeeze(1)?.to_vec2::<f32>()?) {
        let (to_itself, tokens) = by_block(fusion, weights)?;
        look.rollout.push(Rollout { timestep, layer, to_itself, tokens });
    }
    Ok(())
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
