//! The layers of an ADM U-Net with frozen weights (`unet.py`: `ResBlock`, `AttentionBlock`, `Upsample`,
//! `Downsample`).

use candle_core::{DType, Device, Tensor};

use super::config::UnetConfig;
use super::plan::{Layer, Resample};
use crate::error::Result;
use crate::tensor::attention::{SplitOrder, attend};
use crate::tensor::conv::{ConvInput, ConvSize, FrozenConv};
use crate::tensor::layout::Layout;
use crate::tensor::norm::{GroupNorm, Modulation, Then};
use crate::tensor::precision::Precision;
use crate::tensor::resample::halved;

/// Where parameters come from: (name, shape) to an f32 tensor on the CPU.
pub type Source<'a> = dyn FnMut(&str, &[usize]) -> Result<Tensor> + 'a;

/// Places parameters by name on a device.
pub(super) struct Loader<'a, 'b> {
    pub source: &'a mut Source<'b>,
    pub device: &'a Device,
    pub dtype: DType,
    pub layout: Layout,
    pub precision: Precision,
}

impl Loader<'_, '_> {
    pub fn get(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        Ok((self.source)(name, shape)?.to_device(self.device)?.to_dtype(self.dtype)?)
    }

    /// `weight` in the shape that the checkpoint has it in.
    fn conv_of(&mut self, name: &str, weight: &[usize], size: ConvSize) -> Result<FrozenConv> {
        let ConvSize { c_in, c_out, kernel, .. } = size;
        let weight = self.get(&format!("{name}.weight"), weight)?.reshape((c_out, c_in, kernel, kernel))?;
        let bias = self.get(&format!("{name}.bias"), &[c_out])?;
        Ok(FrozenConv::new(&weight, &bias, size, self.layout, self.precision)?)
    }

    pub fn conv(&mut self, name: &str, size: ConvSize) -> Result<FrozenConv> {
        self.conv_of(name, &[size.c_out, size.c_in, size.kernel, size.kernel], size)
    }

    /// A 3×3 convolution over a map of side `side`.
    pub fn conv3(&mut self, name: &str, c_in: usize, c_out: usize, side: usize) -> Result<FrozenConv> {
        self.conv(name, ConvSize { c_in, c_out, kernel: 3, stride: 1, side })
    }

    /// A 1-D convolution of width 1, as a 1×1 convolution.
    pub fn conv1d(&mut self, name: &str, c_in: usize, c_out: usize) -> Result<FrozenConv> {
        let size = ConvSize { c_in, c_out, kernel: 1, stride: 1, side: 1 };
        self.conv_of(name, &[c_out, c_in, 1], size)
    }

    /// A linear layer, as a 1×1 convolution: see [`FrozenConv::forward_rows`].
    pub fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<FrozenConv> {
        let size = ConvSize { c_in: inputs, c_out: outputs, kernel: 1, stride: 1, side: 1 };
        self.conv_of(name, &[outputs, inputs], size)
    }

    pub fn norm(&mut self, name: &str, channels: usize) -> Result<GroupNorm> {
        let weight = self.get(&format!("{name}.weight"), &[channels])?;
        let bias = self.get(&format!("{name}.bias"), &[channels])?;
        Ok(GroupNorm::new(weight, bias, self.layout)?)
    }
}

/// One layer of a block, ready to run.
pub(super) enum RunLayer {
    Conv(FrozenConv),
    Res(Box<ResBlock>),
    Attention(Attention),
    Upsample(FrozenConv),
}

impl RunLayer {
    /// `side` is that of the map that enters.
    pub fn load(
        layer: &Layer,
        name: &str,
        config: &UnetConfig,
        (embedding, side): (usize, usize),
        loader: &mut Loader,
    ) -> Result<Self> {
        Ok(match *layer {
            Layer::Conv { c_in, c_out } => RunLayer::Conv(loader.conv3(name, c_in, c_out, side)?),
            Layer::Downsample { channels } => {
                let size = ConvSize { c_in: channels, c_out: channels, kernel: 3, stride: 2, side };
                RunLayer::Conv(loader.conv(&format!("{name}.op"), size)?)
            }
            Layer::Upsample { channels } => {
                RunLayer::Upsample(loader.conv3(&format!("{name}.conv"), channels, channels, 2 * side)?)
            }
            Layer::Attention { channels, heads } => {
                RunLayer::Attention(Attention::load(name, channels, heads, config, loader)?)
            }
            Layer::Res { c_in, c_out, resample } => {
                let size = ResSize { c_in, c_out, embedding, resample, side };
                RunLayer::Res(Box::new(ResBlock::load(name, size, config, loader)?))
            }
        })
    }

    /// `maps`: one, or one and its skip, as they lie inside; `embedding` `[N, 4·num_channels]` after
    /// its SiLU.
    pub fn forward(&self, maps: &[&Tensor], embedding: &Tensor) -> Result<Tensor> {
        match self {
            RunLayer::Conv(conv) => Ok(conv.forward(ConvInput::of(maps))?),
            RunLayer::Upsample(conv) => Ok(conv.forward(ConvInput { maps, doubled: true, addend: None })?),
            RunLayer::Attention(attention) => attention.forward(maps),
            RunLayer::Res(block) => block.forward(maps, embedding),
        }
    }
}

struct ResSize {
    c_in: usize,
    c_out: usize,
    embedding: usize,
    resample: Resample,
    side: usize,
}

/// Norm, SiLU, (resampling), convolution, embedding, norm, SiLU, convolution, plus the skip.
pub(super) struct ResBlock {
    in_norm: GroupNorm,
    in_conv: FrozenConv,
    emb: FrozenConv,
    out_norm: GroupNorm,
    out_conv: FrozenConv,
    skip: Option<FrozenConv>,
    resample: Resample,
    scale_shift: bool,
    layout: Layout,
}

impl ResBlock {
    fn load(name: &str, size: ResSize, config: &UnetConfig, loader: &mut Loader) -> Result<Self> {
        let ResSize { c_in, c_out, embedding, resample, side } = size;
        let scale_shift = config.use_scale_shift_norm;
        let emb_out = if scale_shift { 2 * c_out } else { c_out };
        let side = resample.apply(side);
        let skip = if c_in == c_out {
            None
        } else {
            let size = ConvSize { c_in, c_out, kernel: 1, stride: 1, side };
            Some(loader.conv(&format!("{name}.skip_connection"), size)?)
        };
        Ok(ResBlock {
            in_norm: loader.norm(&format!("{name}.in_layers.0"), c_in)?,
            in_conv: loader.conv3(&format!("{name}.in_layers.2"), c_in, c_out, side)?,
            emb: loader.linear(&format!("{name}.emb_layers.1"), embedding, emb_out)?,
            out_norm: loader.norm(&format!("{name}.out_layers.0"), c_out)?,
            out_conv: loader.conv3(&format!("{name}.out_layers.3"), c_out, c_out, side)?,
            skip,
            resample,
            scale_shift,
            layout: loader.layout,
        })
    }

    fn forward(&self, maps: &[&Tensor], embedding: &Tensor) -> Result<Tensor> {
        let (up, down) = (self.resample == Resample::Up, self.resample == Resample::Down);
        let emb = self.emb.forward_rows(embedding)?;
        let modulation = if self.scale_shift { Modulation::After(emb) } else { Modulation::Before(emb) };
        // Assigned anew, each map goes before the next but one is made.
        let mut h = self.in_norm.forward(maps, &Modulation::None, Then { silu: true, halve: down })?;
        h = self.in_conv.forward(ConvInput { maps: &[&h], doubled: up, addend: None })?;
        h = self.out_norm.forward(&[&h], &modulation, Then { silu: true, halve: false })?;

        let halves: Vec<Tensor> = match down {
            true => maps.iter().map(|map| halved(map, self.layout)).collect::<candle_core::Result<_>>()?,
            false => Vec::new(),
        };
        let halves: Vec<&Tensor> = halves.iter().collect();
        let maps = if down { &halves } else { maps };
        let skipped = match &self.skip {
            Some(skip) => Some(skip.forward(ConvInput { maps, doubled: up, addend: None })?),
            None => None,
        };
        // Without a convolution on the skip there is one map, of the channels that leave.
        let addend = skipped.as_ref().map_or((maps[0], up), |skipped| (skipped, false));
        Ok(self.out_conv.forward(ConvInput { maps: &[&h], doubled: false, addend: Some(addend) })?)
    }
}

/// Norm, qkv, attention, projection, plus the input.
pub(super) struct Attention {
    norm: GroupNorm,
    qkv: FrozenConv,
    projection: FrozenConv,
    heads: usize,
    order: SplitOrder,
    layout: Layout,
}

impl Attention {
    fn load(
        name: &str,
        channels: usize,
        heads: usize,
        config: &UnetConfig,
        loader: &mut Loader,
    ) -> Result<Self> {
        Ok(Attention {
            norm: loader.norm(&format!("{name}.norm"), channels)?,
            qkv: loader.conv1d(&format!("{name}.qkv"), channels, 3 * channels)?,
            projection: loader.conv1d(&format!("{name}.proj_out"), channels, channels)?,
            heads,
            order: if config.use_new_attention_order { SplitOrder::QkvFirst } else { SplitOrder::HeadsFirst },
            layout: loader.layout,
        })
    }

    fn forward(&self, maps: &[&Tensor]) -> Result<Tensor> {
        let normalised = self.norm.forward(maps, &Modulation::None, Then::default())?;
        let qkv = self.qkv.forward(ConvInput::of(&[&normalised]))?;
        drop(normalised);
        let attended = attend(&qkv, self.heads, self.order, self.layout)?;
        let input = ConvInput { maps: &[&attended], doubled: false, addend: Some((maps[0], false)) };
        Ok(self.projection.forward(input)?)
    }
}
