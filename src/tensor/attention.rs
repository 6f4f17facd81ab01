//! Self-attention over the tokens of a map (`QKVAttention`, `QKVAttentionLegacy`).

use candle_core::{CpuStorage, CustomOp1, D, DType, Layout as Strides, Shape, Tensor, bail};
use candle_nn::ops::softmax;

use super::kernel::attention::{Head, attend as attend_one};
use super::kernel::lane::Isa;
use super::kernel::share::written;
use super::kernel::{How, each_image};
use super::layout::{Layout, floats};

/// How the 3·C channels of `qkv` are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitOrder {
    /// Heads first, then q, k, v inside each head.
    HeadsFirst,
    /// q, k, v first, then heads.
    QkvFirst,
}

/// Attention over the pixels of `qkv`, a map of 3·C channels as it lies inside, to a map of C; q and
/// k are scaled by width^(−1/4) each, the softmax is computed in f32.
///
/// # Errors
/// When 3·C channels cannot be split into `heads`, or the device fails.
pub fn attend(qkv: &Tensor, heads: usize, order: SplitOrder, layout: Layout) -> candle_core::Result<Tensor> {
    let (n, three_c, h, w) = layout.sizes(qkv)?;
    if heads == 0 || three_c % (3 * heads) != 0 {
        bail!("{three_c} channels cannot be split into q, k and v of {heads} heads");
    }
    match layout {
        Layout::ChannelsLast => qkv.contiguous()?.apply_op1(AttentionOp { heads, order }),
        Layout::ChannelsFirst => {
            let qkv = qkv.reshape((n, three_c, h * w))?;
            attend_plain(&qkv, heads, order)?.reshape((n, three_c / 3, h, w))
        }
    }
}

/// `[N, 3·C, T]` to `[N, C, T]`, in candle's operations.
fn attend_plain(qkv: &Tensor, heads: usize, order: SplitOrder) -> candle_core::Result<Tensor> {
    let (n, three_c, tokens) = qkv.dims3()?;
    let c = three_c / 3;
    let width = c / heads;
    let part = |index: usize| -> candle_core::Result<Tensor> {
        let part = match order {
            SplitOrder::HeadsFirst => {
                qkv.reshape((n * heads, 3 * width, tokens))?.narrow(1, index * width, width)?
            }
            SplitOrder::QkvFirst => {
                qkv.narrow(1, index * c, c)?.contiguous()?.reshape((n * heads, width, tokens))?
            }
        };
        part.contiguous()
    };
    let scale = (width as f64).powf(-0.25);
    let q = (part(0)? * scale)?;
    let k = (part(1)? * scale)?;
    let scores = q.transpose(1, 2)?.contiguous()?.matmul(&k)?;
    // The plain softmax: candle's fused one cuts the graph without a word.
    let weights = softmax(&scores.to_dtype(DType::F32)?, D::Minus1)?.to_dtype(qkv.dtype())?;
    let out = part(2)?.matmul(&weights.transpose(1, 2)?.contiguous()?)?;
    out.reshape((n, c, tokens))
}

/// One call over `[N, H, W, 3·C]`, as candle records it.
struct AttentionOp {
    heads: usize,
    order: SplitOrder,
}

impl AttentionOp {
    fn places(&self, c: usize) -> Vec<Head> {
        let width = c / self.heads;
        let place = |head: usize| match self.order {
            SplitOrder::HeadsFirst => {
                let first = head * 3 * width;
                Head { q: first, k: first + width, v: first + 2 * width }
            }
            SplitOrder::QkvFirst => {
                let first = head * width;
                Head { q: first, k: c + first, v: 2 * c + first }
            }
        };
        (0..self.heads).map(place).collect()
    }
}

impl CustomOp1 for AttentionOp {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Strides) -> candle_core::Result<(CpuStorage, Shape)> {
        let qkv = floats(storage, layout)?;
        let (n, h, w, three_c) = layout.shape().dims4()?;
        let (c, tokens) = (three_c / 3, h * w);
        let places = self.places(c);
        let out = written(n * tokens * c, |out| {
            each_image(n, out, |image, on_all_threads, out| {
                let how = How { isa: Isa::best(), on_all_threads };
                let qkv = &qkv[image * tokens * three_c..][..tokens * three_c];
                attend_one(how, qkv, tokens, &places, c / self.heads, out);
            });
        });
        Ok((CpuStorage::F32(out), (n, h, w, c).into()))
    }

    /// dV = Wᵀ dO, dW = dO Vᵀ, dS = W · (dW − Σ W·dW), dQ = dS K, dK = dSᵀ Q, with W the weights and
    /// S the scores, head by head.
    fn bwd(&self, qkv: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (n, h, w, three_c) = qkv.dims4()?;
        let (c, tokens, heads) = (three_c / 3, h * w, self.heads);
        let width = c / heads;
        let split = match self.order {
            SplitOrder::HeadsFirst => qkv.detach().reshape((n, tokens, heads, 3, width))?,
            SplitOrder::QkvFirst => qkv.detach().reshape((n, tokens, 3, heads, width))?.transpose(2, 3)?,
        };
        let batch = |t: &Tensor| t.transpose(1, 2)?.contiguous()?.reshape((n * heads, tokens, width));
        let part = |index: usize| batch(&split.narrow(3, index, 1)?.squeeze(3)?);
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let grad = batch(&grad.detach().reshape((n, tokens, heads, width))?)?;
        let turned = |t: &Tensor| t.transpose(1, 2)?.contiguous();
        let scale = 1.0 / (width as f64).sqrt();
        let weights = softmax(&(q.matmul(&turned(&k)?)? * scale)?, D::Minus1)?;
        let dv = turned(&weights)?.matmul(&grad)?;
        let d_weights = grad.matmul(&turned(&v)?)?;
        let along = (&weights * &d_weights)?.sum_keepdim(D::Minus1)?;
        let d_scores = ((&weights * d_weights.broadcast_sub(&along)?)? * scale)?;
        let (dq, dk) = (d_scores.matmul(&k)?, turned(&d_scores)?.matmul(&q)?);
        // [N·heads, T, width] three times, back to the order of the channels.
        let all = Tensor::stack(&[dq, dk, dv], 0)?.reshape((3, n, heads, tokens, width))?;
        let all = match self.order {
            SplitOrder::HeadsFirst => all.permute((1, 3, 2, 0, 4))?,
            SplitOrder::QkvFirst => all.permute((1, 3, 0, 2, 4))?,
        };
        Ok(Some(all.contiguous()?.reshape((n, h, w, three_c))?))
    }
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
