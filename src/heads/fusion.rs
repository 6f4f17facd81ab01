//! Attention pooling and DifFormer: pre-layers, one transformer shared by all timesteps, and a linear
//! layer over its CLS tokens (`attention_fusion.py`).

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::backbone::Backbone;
use super::config::{HeadConfig, NormKind};
use super::layers::{BatchNorm, LayerNorm, Linear, Run, channels_last};
use super::maps::Maps;
use super::parameters::HeadParameters;
use super::spec::{Tokens, read_blocks, tokens_of};
use super::transformer::{Attended, Transformer};
use crate::error::{Error, Result};
use crate::tensor::resample::adaptive_avg_pool;

/// A head with a transformer.
pub(super) struct Fusion {
    config: HeadConfig,
    pre_layers: BTreeMap<usize, PreLayer>,
    transformer: Transformer,
    head: Linear,
}

/// Pool to min(H, p), norm, 1×1 convolution to the transformer's width. One serves all timesteps and
/// both passes.
struct PreLayer {
    tokens: Tokens,
    norm: Norm,
    convolution: Linear,
}

enum Norm {
    Layer(LayerNorm),
    Batch(BatchNorm),
}

/// With what weights each block of the transformer attended, for each timestep.
pub(super) type Seen = Vec<Vec<Attended>>;

impl Fusion {
    pub fn new(config: &HeadConfig, backbone: &Backbone, parameters: &HeadParameters) -> Result<Fusion> {
        let mut pre_layers = BTreeMap::new();
        for block in read_blocks(config) {
            let name = format!("head.pre_layer.{block}");
            let norm = match config.norm {
                NormKind::Layer => Norm::Layer(LayerNorm::new(parameters, &format!("{name}.1"))?),
                NormKind::Batch => Norm::Batch(BatchNorm::new(parameters, &format!("{name}.1"))?),
            };
            let convolution = Linear::new(parameters, &format!("{name}.2"))?;
            pre_layers
                .insert(block, PreLayer { tokens: tokens_of(config, backbone, block)?, norm, convolution });
        }
        let sizes = (config.heads, config.layers);
        Ok(Fusion {
            config: config.clone(),
            pre_layers,
            transformer: Transformer::new(parameters, "head.intra_inter_block_attention", sizes)?,
            head: Linear::new(parameters, "head.head")?,
        })
    }

    /// Blocks whose tokens follow CLS, in their order, and whether they are of the second pass.
    pub fn tokens(&self) -> impl Iterator<Item = (Tokens, bool)> {
        let first = self.config.blocks.iter().map(|block| (block, false));
        let both = first.chain(self.config.second.iter().map(|block| (block, true)));
        both.filter_map(|(block, second)| Some((self.pre_layers.get(block)?.tokens, second)))
    }

    /// Logits `[N, K]` from the maps of the first pass and, at each timestep in the order of the
    /// settings, of the second.
    pub fn forward(
        &self,
        first: &Maps,
        second: &Maps,
        run: &mut Run,
        mut seen: Option<&mut Seen>,
    ) -> Result<Tensor> {
        let mut cls = Vec::with_capacity(self.config.timesteps.len());
        for &timestep in &self.config.timesteps {
            let mut tokens = Vec::new();
            for (blocks, maps) in [(&self.config.blocks, first), (&self.config.second, second)] {
                for &block in blocks {
                    let layer = self.pre_layers.get(&block);
                    let layer = layer.ok_or_else(|| Error::Compute(format!("no pre-layer for {block}")))?;
                    tokens.push(layer.forward(maps.get(timestep, block)?, run)?);
                }
            }
            let tokens = if tokens.len() == 1 { tokens.remove(0) } else { Tensor::cat(&tokens, 1)? };
            let mut here = seen.is_some().then(Vec::new);
            cls.push(self.transformer.forward(&tokens, here.as_mut())?);
            if let (Some(seen), Some(here)) = (seen.as_deref_mut(), here) {
                seen.push(here);
            }
        }
        let cls = if cls.len() == 1 { cls.remove(0) } else { Tensor::cat(&cls, 1)? };
        self.head.forward(&cls)
    }
}

impl PreLayer {
    /// `[N, C, H, W]`, whole or pooled, to tokens `[N, h·w, D]`.
    fn forward(&self, map: &Tensor, run: &mut Run) -> Result<Tensor> {
        let Tokens { height, width, channels, block } = self.tokens;
        let (n, c, h, w) = map.dims4()?;
        if c != channels {
            return Err(Error::Compute(format!(
                "block {block} came with {c} channels instead of {channels}"
            )));
        }
        let pooled = if (h, w) == (height, width) { map.clone() } else { adaptive_avg_pool(map, height)? };
        let x = channels_last(&pooled)?;
        let x = match &self.norm {
            Norm::Layer(norm) => norm.forward_map(&x)?,
            Norm::Batch(norm) => norm.forward(&x, run)?,
        };
        self.convolution.forward(&x.reshape((n, height * width, c))?)
    }
}
