//! Pre-norm transformer blocks behind a CLS token (`attention_head.py`, as in MAE and timm).

use candle_core::{D, Tensor, Var};
use candle_nn::ops::softmax;

use super::layers::{LayerNorm, Linear};
use super::parameters::HeadParameters;
use crate::error::Result;

/// CLS, then blocks of attention and MLP; what leaves is the CLS token. No positions, no final norm.
pub(super) struct Transformer {
    cls: Var,
    blocks: Vec<Block>,
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
    width: usize,
}

impl Transformer {
    pub fn new(
        parameters: &HeadParameters,
        name: &str,
        (width, heads, layers): (usize, usize, usize),
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
                width,
            })
        });
        Ok(Transformer {
            cls: parameters.get(&format!("{name}.cls_token"))?,
            blocks: blocks.collect::<Result<_>>()?,
        })
    }

    /// Tokens `[N, T, D]` to the CLS token `[N, D]`. `watch` sees, for each block, with what weights
    /// `[N, heads, 1 + T]` CLS attended to itself and to the tokens.
    pub fn forward(&self, tokens: &Tensor, mut watch: Option<&mut Vec<Tensor>>) -> Result<Tensor> {
        let n = tokens.dim(0)?;
        let width = tokens.dim(D::Minus1)?;
        let mut x = Tensor::cat(&[&self.cls.broadcast_as((n, 1, width))?.contiguous()?, tokens], 1)?;
        for (index, block) in self.blocks.iter().enumerate() {
            // Nothing but CLS leaves the last block, so no other token is computed there.
            let queries = if index + 1 == self.blocks.len() { 1 } else { x.dim(1)? };
            let (out, weights) = block.forward(&x, queries)?;
            x = out;
            if let Some(seen) = watch.as_deref_mut() {
                seen.push(weights.narrow(2, 0, 1)?.squeeze(2)?.detach());
            }
        }
        Ok(x.narrow(1, 0, 1)?.squeeze(1)?)
    }
}

impl Block {
    /// The first `queries` of the tokens `[N, T, D]`, and the attention weights
    /// `[N, heads, queries, T]`.
    fn forward(&self, x: &Tensor, queries: usize) -> Result<(Tensor, Tensor)> {
        let (n, tokens, width) = x.dims3()?;
        let normalised = self.norm1.forward(x)?;
        let all = queries == tokens;
        let kept = if all { x.clone() } else { x.narrow(1, 0, queries)? };
        let asking = if all { normalised.clone() } else { normalised.narrow(1, 0, queries)? };
        let split = |t: Tensor, rows: usize| {
            t.reshape((n, rows, self.heads, width / self.heads))?.transpose(1, 2)?.contiguous()
        };
        let scale = ((self.width / self.heads) as f64).powf(-0.5);
        let q = split((self.qkv.part(&asking, 0, width)? * scale)?, queries)?;
        let k = split(self.qkv.part(&normalised, width, width)?, tokens)?;
        let v = split(self.qkv.part(&normalised, 2 * width, width)?, tokens)?;
        let scores = q.matmul(&k.transpose(2, 3)?.contiguous()?)?;
        let weights = softmax(&scores, D::Minus1)?;
        let mixed = weights.matmul(&v)?.transpose(1, 2)?.contiguous()?.reshape((n, queries, width))?;
        let x = (kept + self.projection.forward(&mixed)?)?;
        let hidden = self.fc1.forward(&self.norm2.forward(&x)?)?.gelu_erf()?;
        Ok(((&x + self.fc2.forward(&hidden)?)?, weights))
    }
}
