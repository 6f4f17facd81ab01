//! Layers with trainable values, in operations whose gradients candle has right: its own `LayerNorm`
//! and `softmax_last_dim` cut the graph without a word.

use candle_core::{D, DType, Tensor, Var};

use super::parameters::HeadParameters;
use crate::error::{Error, Result};
use crate::tensor::token::{layer_norm, linear};

/// PyTorch's eps of LayerNorm and BatchNorm.
const EPS: f64 = 1e-5;
/// PyTorch's share of a batch in running statistics.
const MOMENTUM: f64 = 0.1;

/// One forward pass: how norms behave, and what they learned.
#[derive(Default)]
pub(super) struct Run {
    /// Batch statistics instead of running ones.
    pub train: bool,
    /// New running statistics in the order of the calls.
    updates: Vec<Update>,
}

struct Update {
    running: [Var; 2],
    batch: [Tensor; 2],
}

impl Run {
    pub fn training() -> Run {
        Run { train: true, updates: Vec::new() }
    }

    /// Moves the running statistics towards those of the batches seen, in the order of the calls.
    pub fn apply(self) -> Result<()> {
        for Update { running, batch } in self.updates {
            for (running, batch) in running.iter().zip(&batch) {
                let kept = (running.as_detached_tensor() * (1.0 - MOMENTUM))?;
                running.set(&(kept + (batch * MOMENTUM)?)?)?;
            }
        }
        Ok(())
    }
}

/// `x · Wᵀ + b` over the last dimension.
pub(super) struct Linear {
    /// `[outputs, inputs]`, or a 1×1 convolution's `[outputs, inputs, 1, 1]`.
    weight: Var,
    bias: Option<Var>,
}

impl Linear {
    pub fn new(parameters: &HeadParameters, name: &str) -> Result<Linear> {
        let bias = Some(parameters.get(&format!("{name}.bias"))?);
        Ok(Linear { weight: parameters.get(&format!("{name}.weight"))?, bias })
    }

    pub fn without_bias(parameters: &HeadParameters, name: &str) -> Result<Linear> {
        Ok(Linear { weight: parameters.get(&format!("{name}.weight"))?, bias: None })
    }

    /// `[…, inputs]` to `[…, outputs]`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let outputs = self.weight.dim(0)?;
        self.part(x, 0, outputs)
    }

    /// Only `count` outputs from `first` on.
    pub fn part(&self, x: &Tensor, first: usize, count: usize) -> Result<Tensor> {
        let weight = self.weight.flatten_from(1)?;
        let whole = (first, count) == (0, weight.dim(0)?);
        let weight = if whole { weight } else { weight.narrow(0, first, count)? };
        let bias = match &self.bias {
            Some(bias) if !whole => Some(bias.narrow(0, first, count)?),
            bias => bias.as_ref().map(|bias| bias.as_tensor().clone()),
        };
        Ok(linear(x, &weight, bias.as_ref())?)
    }

    /// The weights, `[outputs, inputs]` row-major.
    pub fn weights(&self) -> Result<Vec<f32>> {
        Ok(self.weight.flatten_all()?.to_dtype(DType::F32)?.to_vec1()?)
    }

    /// What it made of `(x − mean) / deviation`, both `[1, inputs]`, it makes of x.
    pub fn fold(&self, mean: &Tensor, deviation: &Tensor) -> Result<()> {
        let weight = self.weight.as_detached_tensor().broadcast_div(deviation)?;
        if let Some(bias) = &self.bias {
            let shift = weight.matmul(&mean.t()?)?.squeeze(1)?;
            bias.set(&(bias.as_detached_tensor() - shift)?)?;
        }
        Ok(self.weight.set(&weight)?)
    }
}

/// LayerNorm over the last dimension, with scale and shift.
pub(super) struct LayerNorm {
    weight: Var,
    bias: Var,
}

impl LayerNorm {
    pub fn new(parameters: &HeadParameters, name: &str) -> Result<LayerNorm> {
        let weight = parameters.get(&format!("{name}.weight"))?;
        Ok(LayerNorm { weight, bias: parameters.get(&format!("{name}.bias"))? })
    }

    /// Over the last dimension of `x`.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(layer_norm(x, &self.weight, &self.bias)?)
    }

    /// Over all of one image, `x` `[N, h, w, C]`, with parameters `[C, h, w]`.
    pub fn forward_map(&self, x: &Tensor) -> Result<Tensor> {
        let shape = x.dims4()?;
        let turned = |var: &Var| var.permute((1, 2, 0))?.flatten_all();
        let y = layer_norm(&x.flatten_from(1)?, &turned(&self.weight)?, &turned(&self.bias)?)?;
        Ok(y.reshape(shape)?)
    }
}

/// BatchNorm over the channels, which are the last dimension.
pub(super) struct BatchNorm {
    name: String,
    weight: Var,
    bias: Var,
    running: [Var; 2],
}

impl BatchNorm {
    pub fn new(parameters: &HeadParameters, name: &str) -> Result<BatchNorm> {
        let get = |rest: &str| parameters.get(&format!("{name}.{rest}"));
        let running = [get("running_mean")?, get("running_var")?];
        Ok(BatchNorm { name: name.into(), weight: get("weight")?, bias: get("bias")?, running })
    }

    pub fn forward(&self, x: &Tensor, run: &mut Run) -> Result<Tensor> {
        let channels = x.dim(D::Minus1)?;
        let rows = x.contiguous()?.reshape(((), channels))?;
        let count = rows.dim(0)?;
        let (centred, variance) = if run.train {
            if count < 2 {
                return Err(Error::Setting(format!(
                    "batch normalisation {} needs more than one value per channel to learn from; \
                     train with more pictures at once",
                    self.name
                )));
            }
            let mean = rows.mean_keepdim(0)?;
            let centred = rows.broadcast_sub(&mean)?;
            let variance = centred.sqr()?.mean_keepdim(0)?;
            let unbiased = (variance.detach() * (count as f64 / (count - 1) as f64))?;
            let batch = [mean.detach().squeeze(0)?, unbiased.squeeze(0)?];
            run.updates.push(Update { running: self.running.clone(), batch });
            (centred, variance)
        } else {
            let [mean, variance] = [0, 1].map(|at: usize| self.running[at].as_detached_tensor());
            (rows.broadcast_sub(&mean)?, variance.unsqueeze(0)?)
        };
        let scale = self.weight.broadcast_div(&(variance + EPS)?.sqrt()?)?;
        Ok(centred.broadcast_mul(&scale)?.broadcast_add(&self.bias)?.reshape(x.shape())?)
    }
}

/// A 3×3 depthwise convolution without bias, zero padded, over `[N, h, w, C]`. Nine shifted products:
/// candle runs grouped convolutions group by group.
pub(super) struct Depthwise {
    /// `[C, 1, 3, 3]`.
    weight: Var,
}

impl Depthwise {
    pub fn new(parameters: &HeadParameters, name: &str) -> Result<Depthwise> {
        Ok(Depthwise { weight: parameters.get(&format!("{name}.weight"))? })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, h, w, c) = x.dims4()?;
        let padded = x.pad_with_zeros(1, 1, 1)?.pad_with_zeros(2, 1, 1)?;
        let taps = self.weight.reshape((c, 9))?.t()?.contiguous()?;
        let mut sum: Option<Tensor> = None;
        for tap in 0..9 {
            let shifted = padded.narrow(1, tap / 3, h)?.narrow(2, tap % 3, w)?;
            let term = shifted.broadcast_mul(&taps.get(tap)?)?;
            sum = Some(match sum {
                None => term,
                Some(sum) => (sum + term)?,
            });
        }
        sum.ok_or_else(|| Error::Compute("a convolution without taps".into()))
    }
}

/// `[N, C, h, w]` as `[N, h, w, C]`.
pub(super) fn channels_last(map: &Tensor) -> Result<Tensor> {
    Ok(map.permute((0, 2, 3, 1))?.contiguous()?)
}
