//! Self-attention over the tokens of a map (`QKVAttention`, `QKVAttentionLegacy`).

use candle_core::{D, DType, Tensor};
use candle_nn::ops::softmax;

/// How the 3·C channels of `qkv` are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitOrder {
    /// Heads first, then q, k, v inside each head.
    HeadsFirst,
    /// q, k, v first, then heads.
    QkvFirst,
}

/// Attention of `qkv` `[N, 3·C, T]` to `[N, C, T]`; q and k are scaled by width^(−1/4) each, the
/// softmax is computed in f32.
pub fn attend(qkv: &Tensor, heads: usize, order: SplitOrder) -> candle_core::Result<Tensor> {
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
