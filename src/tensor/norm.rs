//! Group normalisation with frozen parameters.

use candle_core::{CpuStorage, CustomOp1, D, DType, Device, Layout, Shape, Tensor, bail};
use rayon::prelude::*;

/// Groups of every norm in an ADM network.
pub const GROUPS: usize = 32;
const EPS: f64 = 1e-5;

/// GroupNorm over 32 groups, eps 1e-5, with frozen scale and shift. Statistics in f32 or wider,
/// whatever the type of the input (`GroupNorm32`).
#[derive(Clone, Debug)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
}

impl GroupNorm {
    /// From `weight` and `bias` of shape `[C]`.
    ///
    /// # Errors
    /// When C is not divisible by 32.
    pub fn new(weight: Tensor, bias: Tensor) -> candle_core::Result<GroupNorm> {
        let c = weight.dims1()?;
        if c % GROUPS != 0 || bias.dims1()? != c {
            bail!(
                "group norm over {c} channels, bias {:?}: not divisible into {GROUPS} groups",
                bias.shape()
            );
        }
        Ok(GroupNorm { weight, bias })
    }

    /// `[N, C, ...]` to the same shape. Gradients reach the input only.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        if matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 {
            let op = GroupNormOp {
                weight: self.weight.to_vec1()?,
                bias: self.bias.to_vec1()?,
                norm: self.clone(),
            };
            return x.contiguous()?.apply_op1(op);
        }
        let normalised = normalise(&x.to_dtype(DType::F32)?)?.0;
        self.scale_and_shift(&normalised)?.to_dtype(x.dtype())
    }

    fn scale_and_shift(&self, normalised: &Tensor) -> candle_core::Result<Tensor> {
        let per_channel = channel_shape(normalised);
        let weight = self.weight.to_dtype(DType::F32)?.reshape(per_channel.clone())?;
        let bias = self.bias.to_dtype(DType::F32)?.reshape(per_channel)?;
        normalised.broadcast_mul(&weight)?.broadcast_add(&bias)
    }
}

fn channel_shape(x: &Tensor) -> Vec<usize> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.dims()[1];
    shape
}

/// The input with mean 0 and variance 1 per group, and the inverse standard deviations `[N·32, 1]`.
fn normalise(x: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
    let n = x.dims()[0];
    let grouped = x.contiguous()?.reshape((n * GROUPS, x.elem_count() / (n * GROUPS)))?;
    let centred = grouped.broadcast_sub(&grouped.mean_keepdim(D::Minus1)?)?;
    let inverse_std = (centred.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?.recip()?;
    Ok((centred.broadcast_mul(&inverse_std)?.reshape(x.shape())?, inverse_std))
}

struct GroupNormOp {
    weight: Vec<f32>,
    bias: Vec<f32>,
    norm: GroupNorm,
}

impl CustomOp1 for GroupNormOp {
    fn name(&self) -> &'static str {
        "group-norm"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("group norm needs a contiguous input")
        };
        let x = &storage.as_slice::<f32>()?[start..end];
        let dims = layout.dims();
        let (n, c) = (dims[0], dims[1]);
        let area: usize = dims[2..].iter().product();
        if c != self.weight.len() {
            bail!("group norm over {} channels got {c}", self.weight.len());
        }
        let per_group = c / GROUPS * area;
        let mut out = vec![0f32; n * c * area];
        out.par_chunks_mut(per_group.max(1)).zip(x.par_chunks(per_group.max(1))).enumerate().for_each(
            |(index, (out, x))| {
                let (mean, inverse_std) = moments(x);
                let first = index % GROUPS * (c / GROUPS);
                for (channel, (out, x)) in out.chunks_mut(area).zip(x.chunks(area)).enumerate() {
                    let scale = inverse_std * self.weight[first + channel];
                    let shift = self.bias[first + channel] - mean * scale;
                    for (out, &x) in out.iter_mut().zip(x) {
                        *out = x * scale + shift;
                    }
                }
            },
        );
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    /// dx = (g − mean(g) − x̂·mean(g·x̂)) / σ per group, with g = dy · weight.
    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (normalised, inverse_std) = normalise(x)?;
        let weight = self.norm.weight.reshape(channel_shape(x))?;
        let grouped = (inverse_std.dims()[0], x.elem_count() / inverse_std.dims()[0]);
        let g = grad.broadcast_mul(&weight)?.reshape(grouped)?;
        let normalised = normalised.reshape(grouped)?;
        let along = (&g * &normalised)?.mean_keepdim(D::Minus1)?;
        let dx = g.broadcast_sub(&g.mean_keepdim(D::Minus1)?)?.sub(&normalised.broadcast_mul(&along)?)?;
        Ok(Some(dx.broadcast_mul(&inverse_std)?.reshape(x.shape())?))
    }
}

/// Mean and 1/sqrt(variance + eps): two passes, summed in f64 over short f32 lanes.
fn moments(x: &[f32]) -> (f32, f32) {
    let sum_of = |f: &dyn Fn(f32) -> f32| -> f64 {
        x.chunks(512)
            .map(|chunk| {
                let mut lanes = [0f32; 16];
                for part in chunk.chunks(16) {
                    for (lane, &v) in lanes.iter_mut().zip(part) {
                        *lane += f(v);
                    }
                }
                lanes.iter().map(|&v| f64::from(v)).sum::<f64>()
            })
            .sum()
    };
    let count = x.len().max(1) as f64;
    let mean = (sum_of(&|v| v) / count) as f32;
    let variance = sum_of(&|v| (v - mean) * (v - mean)) / count;
    (mean, (1.0 / (variance + EPS).sqrt()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;
    use candle_core::Var;

    fn tensor(key: u8, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        Tensor::from_vec(standard_normal(&[key; 32], shape.elem_count()), shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn equals_the_plain_operations_and_so_do_its_gradients() {
        let norm = GroupNorm::new(tensor(1, 64), tensor(2, 64)).unwrap();
        let x = Var::from_tensor(&((tensor(3, (2, 64, 5, 3)) * 3.0).unwrap() + 7.0).unwrap()).unwrap();
        let weights = tensor(4, (2, 64, 5, 3));
        let gradient = |y: &Tensor| {
            let grads = (y * &weights).unwrap().sum_all().unwrap().backward().unwrap();
            grads.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let fused = norm.forward(&x).unwrap();
        let plain = norm.scale_and_shift(&normalise(&x).unwrap().0).unwrap();
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(far(&values(&fused), &values(&plain)) < 1e-5);
        assert!(far(&gradient(&fused), &gradient(&plain)) < 1e-5);
    }

    #[test]
    fn refuses_channels_that_do_not_divide() {
        assert!(GroupNorm::new(tensor(1, 33), tensor(2, 33)).is_err());
    }
}
