//! The layers of an ADM U-Net with frozen weights (`unet.py`: `ResBlock`, `AttentionBlock`, `Upsample`,
//! `Downsample`).

use candle_core::{DType, Device, Tensor};

use super::config::UnetConfig;
use super::plan::{Layer, Resample};
use crate::error::Result;
use crate::tensor::attention::{SplitOrder, attend};
use crate::tensor::conv::FrozenConv;
use crate::tensor::norm::GroupNorm;
use crate::tensor::resample::{down_mean, up_nearest};

/// Where parameters come from: (name, shape) to an f32 tensor on the CPU.
pub type Source<'a> = dyn FnMut(&str, &[usize]) -> Result<Tensor> + 'a;

/// Places parameters by name on a device.
pub(super) struct Loader<'a, 'b> {
    pub source: &'a mut Source<'b>,
    pub device: &'a Device,
    pub dtype: DType,
}

impl Loader<'_, '_> {
    pub fn get(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        Ok((self.source)(name, shape)?.to_device(self.device)?.to_dtype(self.dtype)?)
    }

    pub fn conv(
        &mut self,
        name: &str,
        c_in: usize,
        c_out: usize,
        kernel: usize,
        stride: usize,
    ) -> Result<FrozenConv> {
        let weight = self.get(&format!("{name}.weight"), &[c_out, c_in, kernel, kernel])?;
        let bias = self.get(&format!("{name}.bias"), &[c_out])?;
        Ok(FrozenConv::new(weight, bias, stride)?)
    }

    /// A 1-D convolution of width 1, as a 1×1 convolution.
    pub fn conv1d(&mut self, name: &str, c_in: usize, c_out: usize) -> Result<FrozenConv> {
        let weight = self.get(&format!("{name}.weight"), &[c_out, c_in, 1])?.reshape((c_out, c_in, 1, 1))?;
        let bias = self.get(&format!("{name}.bias"), &[c_out])?;
        Ok(FrozenConv::new(weight, bias, 1)?)
    }

    pub fn norm(&mut self, name: &str, channels: usize) -> Result<GroupNorm> {
        let weight = self.get(&format!("{name}.weight"), &[channels])?;
        let bias = self.get(&format!("{name}.bias"), &[channels])?;
        Ok(GroupNorm::new(weight, bias)?)
    }

    pub fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
        let weight = self.get(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.get(&format!("{name}.bias"), &[outputs])?;
        Ok(Linear { weight_t: weight.t()?.contiguous()?, bias })
    }
}

/// A frozen linear layer.
pub(super) struct Linear {
    weight_t: Tensor,
    bias: Tensor,
}

impl Linear {
    /// `[N, inputs]` to `[N, outputs]`, a row at a time so that no row depends on its neighbours.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let rows = (0..x.dims2()?.0)
            .map(|row| x.narrow(0, row, 1)?.matmul(&self.weight_t))
            .collect::<candle_core::Result<Vec<_>>>()?;
        Ok(Tensor::cat(&rows, 0)?.broadcast_add(&self.bias)?)
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
    pub fn load(
        layer: &Layer,
        name: &str,
        config: &UnetConfig,
        embedding: usize,
        loader: &mut Loader,
    ) -> Result<Self> {
        Ok(match *layer {
            Layer::Conv { c_in, c_out } => RunLayer::Conv(loader.conv(name, c_in, c_out, 3, 1)?),
            Layer::Downsample { channels } => {
                RunLayer::Conv(loader.conv(&format!("{name}.op"), channels, channels, 3, 2)?)
            }
            Layer::Upsample { channels } => {
                RunLayer::Upsample(loader.conv(&format!("{name}.conv"), channels, channels, 3, 1)?)
            }
            Layer::Attention { channels, heads } => {
                RunLayer::Attention(Attention::load(name, channels, heads, config, loader)?)
            }
            Layer::Res { c_in, c_out, resample } => {
                let size = ResSize { c_in, c_out, embedding, resample };
                RunLayer::Res(Box::new(ResBlock::load(name, size, config, loader)?))
            }
        })
    }

    /// `h` `[N, C, H, W]`, `embedding` `[N, 4·num_channels]` after its SiLU.
    pub fn forward(&self, h: &Tensor, embedding: &Tensor) -> Result<Tensor> {
        match self {
            RunLayer::Conv(conv) => Ok(conv.forward(h)?),
            RunLayer::Upsample(conv) => Ok(conv.forward(&up_nearest(h)?)?),
            RunLayer::Attention(attention) => attention.forward(h),
            RunLayer::Res(block) => block.forward(h, embedding),
        }
    }
}

struct ResSize {
    c_in: usize,
    c_out: usize,
    embedding: usize,
    resample: Resample,
}

/// Norm, SiLU, (resampling), convolution, embedding, norm, SiLU, convolution, plus the skip.
pub(super) struct ResBlock {
    in_norm: GroupNorm,
    in_conv: FrozenConv,
    emb: Linear,
    out_norm: GroupNorm,
    out_conv: FrozenConv,
    skip: Option<FrozenConv>,
    resample: Resample,
    scale_shift: bool,
}

impl ResBlock {
    fn load(name: &str, size: ResSize, config: &UnetConfig, loader: &mut Loader) -> Result<Self> {
        let ResSize { c_in, c_out, embedding, resample } = size;
        let scale_shift = config.use_scale_shift_norm;
        let emb_out = if scale_shift { 2 * c_out } else { c_out };
        let skip = if c_in == c_out {
            None
        } else {
            Some(loader.conv(&format!("{name}.skip_connection"), c_in, c_out, 1, 1)?)
        };
        Ok(ResBlock {
            in_norm: loader.norm(&format!("{name}.in_layers.0"), c_in)?,
            in_conv: loader.conv(&format!("{name}.in_layers.2"), c_in, c_out, 3, 1)?,
            emb: loader.linear(&format!("{name}.emb_layers.1"), embedding, emb_out)?,
            out_norm: loader.norm(&format!("{name}.out_layers.0"), c_out)?,
            out_conv: loader.conv(&format!("{name}.out_layers.3"), c_out, c_out, 3, 1)?,
            skip,
            resample,
            scale_shift,
        })
    }

    fn resampled(&self, x: &Tensor) -> Result<Tensor> {
        Ok(match self.resample {
            Resample::Keep => x.clone(),
            Resample::Up => up_nearest(x)?,
            Resample::Down => down_mean(x)?,
        })
    }

    fn forward(&self, x: &Tensor, embedding: &Tensor) -> Result<Tensor> {
        let h = self.resampled(&self.in_norm.forward(x)?.silu()?)?;
        let h = self.in_conv.forward(&h)?;
        let (n, c, _, _) = h.dims4()?;
        let emb = self.emb.forward(embedding)?;
        let h = if self.scale_shift {
            let scale = (emb.narrow(1, 0, c)?.reshape((n, c, 1, 1))? + 1.0)?;
            let shift = emb.narrow(1, c, c)?.reshape((n, c, 1, 1))?;
            self.out_norm.forward(&h)?.broadcast_mul(&scale)?.broadcast_add(&shift)?
        } else {
            self.out_norm.forward(&h.broadcast_add(&emb.reshape((n, c, 1, 1))?)?)?
        };
        let h = self.out_conv.forward(&h.silu()?)?;
        let x = self.resampled(x)?;
        let x = match &self.skip {
            Some(skip) => skip.forward(&x)?,
            None => x,
        };
        Ok((x + h)?)
    }
}

/// Norm, qkv, attention, projection, plus the input.
pub(super) struct Attention {
    norm: GroupNorm,
    qkv: FrozenConv,
    projection: FrozenConv,
    heads: usize,
    order: SplitOrder,
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
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, c, h, w) = x.dims4()?;
        let qkv = self.qkv.forward(&self.norm.forward(x)?)?.reshape((n, 3 * c, h * w))?;
        let attended = attend(&qkv, self.heads, self.order)?.reshape((n, c, h, w))?;
        Ok((x + self.projection.forward(&attended)?)?)
    }
}
