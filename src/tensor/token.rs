//! What transformers do to each token by itself, with gradients: linear layers, LayerNorm with
//! trainable scale and shift, and the exact GELU. On the CPU in f32 each is one walk over the tokens,
//! forward and backward; candle's operations take one for every sum and product, on one thread.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, DType, Layout as Strides, Shape, Tensor, bail,
};

use super::kernel::gelu::{gelu as gelu_of, gelu_back};
use super::kernel::lane::Isa;
use super::kernel::linear::{multiply, sum_of_rows};
use super::kernel::product::Packed;
use super::kernel::row_norm::{EPS, norm_rows, norm_rows_back};
use super::kernel::share::written;
use super::layout::{floats, with_floats};

fn ours(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// `x · weightᵀ + bias` over the last dimension of `x` `[…, I]`, with `weight` `[O, I]` and `bias` `[O]`.
///
/// # Errors
/// When the sizes do not fit, or the device fails.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> candle_core::Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    let fits = x.dim(D::Minus1)? == inputs && bias.is_none_or(|bias| bias.dims() == [outputs]);
    if inputs * outputs == 0 || !fits {
        bail!("a product of {:?} with {:?}", x.shape(), weight.shape());
    }
    if ours(x) {
        let (x, weight) = (x.contiguous()?, weight.contiguous()?);
        return match bias {
            None => x.apply_op2(&weight, LinearOp),
            Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, LinearOp),
        };
    }
    let y = x.contiguous()?.reshape(((), inputs))?.matmul(&weight.t()?)?;
    let y = match bias {
        None => y,
        Some(bias) => y.broadcast_add(bias)?,
    };
    y.reshape(with_last(x.shape(), outputs))
}

/// `shape` with `last` as its last dimension.
fn with_last(shape: &Shape, last: usize) -> Shape {
    let mut dims = shape.dims().to_vec();
    dims.pop();
    dims.push(last);
    Shape::from(dims)
}

/// `x·Φ(x)` of each value.
///
/// # Errors
/// When the device fails.
pub fn gelu(x: &Tensor) -> candle_core::Result<Tensor> {
    if ours(x) { x.contiguous()?.apply_op1(GeluOp) } else { x.gelu_erf() }
}

/// Mean 0 and variance 1 (eps 1e-5) over the last dimension of `x` `[…, C]`, then times `weight` plus
/// `bias` `[C]`.
///
/// # Errors
/// When the sizes do not fit, or the device fails.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> candle_core::Result<Tensor> {
    let width = x.dim(D::Minus1)?;
    if width == 0 || weight.dims() != [width] || bias.dims() != [width] {
        bail!("a norm of {:?} with {:?} and {:?}", x.shape(), weight.shape(), bias.shape());
    }
    if ours(x) {
        return x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, LayerNormOp);
    }
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normalised = centred.broadcast_div(&(variance + f64::from(EPS))?.sqrt()?)?;
    normalised.broadcast_mul(weight)?.broadcast_add(bias)
}

struct LinearOp;

type Arg<'a> = (&'a CpuStorage, &'a Strides);

impl LinearOp {
    fn compute(&self, x: Arg, weight: Arg, bias: Option<Arg>) -> candle_core::Result<(CpuStorage, Shape)> {
        let (outputs, inputs) = weight.1.shape().dims2()?;
        let shape = with_last(x.1.shape(), outputs);
        let (x, weight) = (floats(x.0, x.1)?, floats(weight.0, weight.1)?);
        let bias = bias.map(|bias| floats(bias.0, bias.1)).transpose()?;
        let columns = Packed::transposed(Isa::best(), inputs, outputs, weight, inputs);
        let out = written(shape.elem_count(), |out| multiply(x, &columns, bias, out));
        Ok((CpuStorage::F32(out), shape))
    }

    /// Those of x, where it has any use, and of the weight.
    fn gradients(
        &self,
        x: &Tensor,
        weight: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Tensor)> {
        let (outputs, inputs) = weight.dims2()?;
        let of_x = x.track_op().then(|| {
            let out = with_floats([weight, grad], |[weight, grad]| {
                let rows = Packed::rows(Isa::best(), outputs, inputs, weight, inputs);
                written(x.elem_count(), |out| multiply(grad, &rows, None, out))
            })?;
            Tensor::from_vec(out, x.shape(), x.device())
        });
        let of_weight = grad.reshape(((), outputs))?.t()?.matmul(&x.detach().reshape(((), inputs))?)?;
        Ok((of_x.transpose()?, of_weight))
    }
}

impl CustomOp2 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Strides,
        s2: &CpuStorage,
        l2: &Strides,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute((s1, l1), (s2, l2), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let (of_x, of_weight) = self.gradients(x, weight, &grad.contiguous()?)?;
        Ok((of_x, Some(of_weight)))
    }
}

impl CustomOp3 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Strides,
        s2: &CpuStorage,
        l2: &Strides,
        s3: &CpuStorage,
        l3: &Strides,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute((s1, l1), (s2, l2), Some((s3, l3)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (of_x, of_weight) = self.gradients(x, weight, &grad)?;
        let of_bias = with_floats([&grad], |[grad]| sum_of_rows(grad, bias.elem_count()))?;
        Ok((of_x, Some(of_weight), Some(Tensor::from_vec(of_bias, bias.shape(), x.device())?)))
    }
}

struct GeluOp;

impl CustomOp1 for GeluOp {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Strides) -> candle_core::Result<(CpuStorage, Shape)> {
        let x = floats(storage, layout)?;
        let out = written(x.len(), |out| gelu_of(Isa::best(), x, out));
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let out = with_floats([x, &grad], |[x, grad]| {
            written(x.len(), |out| gelu_back(Isa::best(), x, grad, out))
        })?;
        Ok(Some(Tensor::from_vec(out, x.shape(), x.device())?))
    }
}

struct LayerNormOp;

impl CustomOp3 for LayerNormOp {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Strides,
        s2: &CpuStorage,
        l2: &Strides,
        s3: &CpuStorage,
        l3: &Strides,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (floats(s1, l1)?, floats(s2, l2)?, floats(s3, l3)?);
        let out = written(x.len(), |out| norm_rows(Isa::best(), x, weight, bias, out));
        Ok((CpuStorage::F32(out), l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let mut sums = Default::default();
        let out = with_floats([x, weight, &grad], |[x, weight, grad]| {
            written(x.len(), |out| sums = norm_rows_back(Isa::best(), x, weight, grad, out))
        })?;
        let made = |values: Vec<f32>, like: &Tensor| Tensor::from_vec(values, like.shape(), x.device());
        Ok((Some(made(out, x)?), Some(made(sums.0, weight)?), Some(made(sums.1, weight)?)))
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
