//! Pre-norm transformer blocks behind a CLS token (`attention_head.py`, as in MAE and timm).

use candle_core::{D, Tensor, Var};
use candle_nn::ops::softmax;

use super::layers::{LayerNorm, Linear};
use super::parameters::HeadParameters;
use crate::error::{Error, Result};
use crate::tensor::attention::attend_to;
use crate::tensor::token::gelu;

/// CLS, then blocks of attention and MLP; what leaves is the CLS token. No positions, no final norm.
pub(super) struct Transformer {
    cls: Var,
    blocks: Vec<Block>,
}

/// With what weights a block attended.
pub(super) struct Attended {
    /// CLS to itself and to the tokens, by head: `[N, heads, 1 + T]`.
    pub cls: Tensor,
    /// Every token to every other, the mean over the heads: `[N, Q, 1 + T]`. Where nothing but CLS
    /// leaves the block, Q is 1.
    pub mean: Tensor,
}

struct Block {
    norm1: LayerNorm,
    /// q, k and v, without bias.
    qkv: Linear,
    projection: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
}

impl Transformer {
    pub fn new(
        parameters: &HeadParameters,
        name: &str,
        (heads, layers): (usize, usize),
    ) -> Result<Transformer> {
        let blocks = (1..=layers).map(|layer| {
            let at = |rest: &str| format!("{name}.layers.{layer}.{rest}");
            Ok(Block {
                norm1: LayerNorm::new(parameters, &at("norm1"))?,
                qkv: Linear::without_bias(parameters, &at("attn.qkv"))?,
                projection: Linear::new(parameters, &at("attn.proj"))?,
                norm2: LayerNorm::new(parameters, &at("norm2"))?,
                fc1: Linear::new(parameters, &at("mlp.fc1"))?,
                fc2: Linear::new(parameters, &at("mlp.fc2"))?,
                heads,
            })
        });
        Ok(Transformer {
            cls: parameters.get(&format!("{name}.cls_token"))?,
            blocks: blocks.collect::<Result<_>>()?,
        })
    }

    /// Tokens `[N, T, D]` to the CLS token `[N, D]`. `watch` sees with what weights each block attended.
    pub fn forward(&self, tokens: &Tensor, mut watch: Option<&mut Vec<Attended>>) -> Result<Tensor> {
        let n = tokens.dim(0)?;
        let width = tokens.dim(D::Minus1)?;
        let mut x = Tensor::cat(&[&self.cls.broadcast_as((n, 1, width))?.contiguous()?, tokens], 1)?;
        for (index, block) in self.blocks.iter().enumerate() {
            // Nothing but CLS leaves the last block, so no other token is computed there.
            let queries = if index + 1 == self.blocks.len() { 1 } else { x.dim(1)? };
            if let Some(seen) = watch.as_deref_mut() {
                seen.push(block.attended(&x.detach(), queries)?);
            }
            x = block.forward(&x, queries)?;
        }
        Ok(x.narrow(1, 0, 1)?.squeeze(1)?)
    }
}

impl Block {
    /// The first `queries` of the tokens `[N, T, D]`.
    fn forward(&self, x: &Tensor, queries: usize) -> Result<Tensor> {
        let (_, tokens, width) = x.dims3()?;
        let normalised = self.norm1.forward(x)?;
        let all = queries == tokens;
        let kept = if all { x.clone() } else { x.narrow(1, 0, queries)? };
        let asking = if all { normalised.clone() } else { normalised.narrow(1, 0, queries)? };
        let q = self.qkv.part(&asking, 0, width)?;
        let mixed = if x.device().is_cpu() {
            attend_to(&q, &self.qkv.part(&normalised, width, 2 * width)?, self.heads)?
        } else {
            let k = self.qkv.part(&normalised, width, width)?;
            let v = self.split(&self.qkv.part(&normalised, 2 * width, width)?)?;
            let mixed = self.softmax_of(&q, &k)?.matmul(&v)?;
            mixed.transpose(1, 2)?.contiguous()?.reshape(q.shape())?
        };
        let x = (kept + self.projection.forward(&mixed)?)?;
        let hidden = gelu(&self.fc1.forward(&self.norm2.forward(&x)?)?)?;
        Ok((&x + self.fc2.forward(&hidden)?)?)
    }

    /// With what weights the first `queries` of the tokens `[N, T, D]` attend to all. Head by head:
    /// between many tokens the weights of one are large enough.
    fn attended(&self, x: &Tensor, queries: usize) -> Result<Attended> {
        let width = x.dim(D::Minus1)?;
        let normalised = self.norm1.forward(x)?;
        let q = self.qkv.part(&normalised.narrow(1, 0, queries)?, 0, width)?;
        let k = self.qkv.part(&normalised, width, width)?;
        let each = width / self.heads;
        let mut cls = Vec::with_capacity(self.heads);
        let mut sum: Option<Tensor> = None;
        for head in 0..self.heads {
            let of = |x: &Tensor| x.narrow(2, head * each, each)?.contiguous();
            let scores = (of(&q)? * (each as f64).powf(-0.5))?.matmul(&of(&k)?.t()?.contiguous()?)?;
            let weights = softmax(&scores, D::Minus1)?.detach();
            cls.push(weights.narrow(1, 0, 1)?);
            sum = Some(match sum {
                None => weights,
                Some(sum) => (sum + weights)?,
            });
        }
        let sum = sum.ok_or_else(|| Error::Compute("attention without heads".into()))?;
        Ok(Attended { cls: Tensor::cat(&cls, 1)?, mean: (sum / self.heads as f64)? })
    }

    /// Queries `[N, Q, D]` and keys `[N, T, D]` to weights `[N, heads, Q, T]`.
    fn softmax_of(&self, q: &Tensor, k: &Tensor) -> Result<Tensor> {
        let scale = ((q.dim(D::Minus1)? / self.heads) as f64).powf(-0.5);
        let (q, k) = (self.split(&(q * scale)?)?, self.split(k)?);
        Ok(softmax(&q.matmul(&k.transpose(2, 3)?.contiguous()?)?, D::Minus1)?)
    }

    /// `[N, T, D]` to `[N, heads, T, D / heads]`.
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (n, rows, width) = x.dims3()?;
        Ok(x.reshape((n, rows, self.heads, width / self.heads))?.transpose(1, 2)?.contiguous()?)
    }
}
