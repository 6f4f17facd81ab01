//! DifFeed's second pass: decoder features of the first, through feedback layers, are added to the
//! encoder (`ssl_model_feedback_fusion.py`; `unet.py`, `get_multiple_features_with_specified_feedback`).

use candle_core::Tensor;

use super::backbone::Backbone;
use super::config::{FeedbackArch, HeadConfig};
use super::layers::{BatchNorm, Depthwise, Linear, Run, channels_last};
use super::maps::{Maps, Noised, noised};
use super::parameters::HeadParameters;
use crate::error::{Error, Result};
use crate::tensor::resample::bilinear;
use crate::unet::{Keep, Unet};

/// What the second pass needs beside the maps of the first.
#[derive(Clone, Copy)]
pub struct SecondPass<'a> {
    /// The frozen network.
    pub unet: &'a Unet,
    /// The pictures of the first pass, one batch per timestep.
    pub batches: &'a [Noised],
    /// Classes for class-conditional networks, as in the first pass.
    pub classes: Option<&'a [usize]>,
    /// Asked after every block with its number; an error stops the pass.
    pub watch: &'a dyn Fn(usize) -> Result<()>,
}

impl<'a> SecondPass<'a> {
    /// Over `batches`, without classes, not to be stopped.
    pub fn new(unet: &'a Unet, batches: &'a [Noised]) -> SecondPass<'a> {
        SecondPass { unet, batches, classes: None, watch: &|_| Ok(()) }
    }
}

/// One feedback layer per block that is fed back.
pub(super) struct Feedback {
    layers: Vec<FeedbackLayer>,
    /// Blocks that the head reads in the second pass.
    second: Vec<usize>,
}

struct FeedbackLayer {
    /// The decoder block that is read.
    from: usize,
    /// The encoder block that receives, and the sides of its map.
    to: usize,
    size: (usize, usize),
    convolution: Linear,
    norm: BatchNorm,
    depthwise: Option<Depthwise>,
}

impl Feedback {
    pub fn new(config: &HeadConfig, backbone: &Backbone, parameters: &HeadParameters) -> Result<Feedback> {
        let layers = config.feedback.iter().enumerate().map(|(index, &from)| {
            let name = |layer: usize| format!("feedback_layers.{index}.{layer}");
            let to = backbone.feedback_target(from);
            let info = backbone.block(to)?;
            Ok(FeedbackLayer {
                from,
                to,
                size: (info.height, info.width),
                convolution: Linear::without_bias(parameters, &name(0))?,
                norm: BatchNorm::new(parameters, &name(1))?,
                depthwise: match config.feedback_arch {
                    FeedbackArch::ConvNormRelu => None,
                    FeedbackArch::ConvNormReluConv => Some(Depthwise::new(parameters, &name(3))?),
                },
            })
        });
        Ok(Feedback { layers: layers.collect::<Result<_>>()?, second: config.second.clone() })
    }

    /// What the layers make of the first pass at `timestep`, in their order and before it is resized:
    /// `[N, C, h, w]` with the channels of the encoder block that receives it.
    fn features(&self, first: &Maps, timestep: usize, run: &mut Run) -> Result<Vec<Tensor>> {
        self.layers.iter().map(|layer| layer.forward(first.get(timestep, layer.from)?, run)).collect()
    }

    /// What each layer adds to the encoder at `timestep`, by the block that it comes from and the block
    /// that receives it: `[N, C, H, W]` with the sides of the receiving block.
    pub fn added(&self, first: &Maps, timestep: usize) -> Result<Vec<(usize, usize, Tensor)>> {
        let fed = self.features(first, timestep, &mut Run::default())?;
        let added = self
            .layers
            .iter()
            .zip(fed)
            .map(|(layer, fed)| Ok((layer.from, layer.to, bilinear(&fed, layer.size.0, layer.size.1)?)));
        added.collect()
    }

    /// Blocks that receive feedback, in the order of the layers.
    pub fn targets(&self) -> Vec<usize> {
        self.layers.iter().map(|layer| layer.to).collect()
    }

    /// The maps of the second pass, at all timesteps: those that the head reads, and the blocks
    /// `more`. Of an encoder block that receives feedback, with it.
    pub fn second_maps(
        &self,
        timesteps: &[usize],
        first: &Maps,
        pass: &SecondPass,
        run: &mut Run,
        more: &[usize],
    ) -> Result<Maps> {
        let mut maps = Maps::new();
        for &timestep in timesteps {
            let fed = self.features(first, timestep, run)?;
            let x_t = noised(pass.batches, timestep)?;
            let all = vec![timestep; x_t.dim(0)?];
            let mut under_way = pass.unet.begin(x_t, &all, pass.classes, Keep::Needed)?;
            let wanted = || self.second.iter().chain(more).copied();
            let mut stops: Vec<usize> = wanted().chain(self.layers.iter().map(|layer| layer.to)).collect();
            stops.sort_unstable();
            stops.dedup();
            for block in stops {
                pass.unet.advance(&mut under_way, block, &mut |block, _| (pass.watch)(block))?;
                for (layer, fed) in self.layers.iter().zip(&fed).filter(|(layer, _)| layer.to == block) {
                    under_way.add(&bilinear(fed, layer.size.0, layer.size.1)?)?;
                }
                if wanted().any(|wanted| wanted == block) {
                    let map = under_way.map(block);
                    let map = map.ok_or_else(|| Error::Compute(format!("block {block} is gone")))?;
                    maps.insert_tracked(timestep, block, map);
                }
            }
        }
        Ok(maps)
    }

    /// What layer number `layer` makes of a map.
    pub fn layer(&self, layer: usize, map: &Tensor) -> Result<Tensor> {
        let layer = self.layers.get(layer);
        let layer = layer.ok_or_else(|| Error::Compute("no such feedback layer".into()))?;
        layer.forward(map, &mut Run::default())
    }
}

impl FeedbackLayer {
    fn forward(&self, map: &Tensor, run: &mut Run) -> Result<Tensor> {
        let x = self.convolution.forward(&channels_last(map)?)?;
        let x = self.norm.forward(&x, run)?.relu()?;
        let x = match &self.depthwise {
            None => x,
            Some(depthwise) => depthwise.forward(&x)?,
        };
        Ok(x.permute((0, 3, 1, 2))?)
    }
}
