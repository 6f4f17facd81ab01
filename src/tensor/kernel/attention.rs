//! Attention of few queries at a time: no matrix of all queries by all keys.

use rayon::prelude::*;

use super::lane::{Kernel, Lane, exp, run};
use super::product::{Packed, Product, Rows};
use super::share::{Shared, to_be_written};
use super::{How, each};

/// Queries of one task: their scores stay in the second-level cache.
const QUERIES: usize = 48;

/// Where q, k and v of a head begin in a token.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// First value of the query.
    pub q: usize,
    /// First value of the key.
    pub k: usize,
    /// First value of the value.
    pub v: usize,
}

/// One image: tokens `qkv` `[T, stride]` to `out` `[T, heads · width]`; scores are divided by
/// sqrt(width).
pub fn attend(how: How, qkv: &[f32], tokens: usize, heads: &[Head], width: usize, out: &mut [f32]) {
    let How { isa, on_all_threads } = how;
    let stride = qkv.len() / tokens.max(1);
    let channels = heads.len() * width;
    assert_eq!(out.len(), tokens * channels, "output of attention");
    let pack = |head: &Head| {
        let keys = Packed::transposed(isa, width, tokens, &qkv[head.k..], stride);
        (keys, Packed::rows(isa, tokens, width, &qkv[head.v..], stride))
    };
    let packed: Vec<(Packed, Packed)> =
        if on_all_threads { heads.par_iter().map(pack).collect() } else { heads.iter().map(pack).collect() };
    let out = Shared::new(out);
    let blocks = tokens.div_ceil(QUERIES);
    let block = tokens.div_ceil(blocks);
    each(on_all_threads, heads.len() * blocks, |task| {
        let (head, first) = (task / blocks, (task % blocks) * block);
        let count = block.min(tokens.saturating_sub(first));
        if count == 0 {
            return;
        }
        let (keys, values) = &packed[head];
        let queries = Rows::even(qkv[first * stride + heads[head].q..].as_ptr(), count, width, stride);
        // SAFETY: the product writes all scores before they are read.
        let mut scores = unsafe { to_be_written(count * tokens) };
        let product = Product {
            rows: &queries,
            weights: keys,
            panels: 0..keys.panels(),
            bias: None,
            residual: None,
            out: scores.as_mut_ptr(),
            out_stride: tokens,
        };
        // SAFETY: queries lie in `qkv`, the scores are ours.
        unsafe { product.compute() };
        let mut inverse = [0f32; QUERIES];
        let scale = 1.0 / (width as f32).sqrt();
        run(isa, Softmax { scores: &mut scores, tokens, scale, inverse: &mut inverse });
        let weights = Rows::even(scores.as_ptr(), count, tokens, tokens);
        let product = Product {
            rows: &weights,
            weights: values,
            panels: 0..values.panels(),
            bias: None,
            residual: None,
            out: out.at(first * channels + head * width),
            out_stride: channels,
        };
        // SAFETY: the scores are whole; no other task has these tokens of this head.
        unsafe { product.compute() };
        for (row, inverse) in inverse[..count].iter().enumerate() {
            // SAFETY: as above.
            let part = unsafe { out.part((first + row) * channels + head * width, width) };
            part.iter_mut().for_each(|value| *value *= inverse);
        }
    });
}

/// Scores to `exp(scale · (score − largest))`, and one over their sum for each query.
struct Softmax<'a> {
    scores: &'a mut [f32],
    tokens: usize,
    scale: f32,
    inverse: &'a mut [f32],
}

impl Kernel for Softmax<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let whole = self.tokens / L::WIDTH * L::WIDTH;
        for (row, inverse) in self.scores.chunks_mut(self.tokens).zip(self.inverse) {
            let mut largest = L::splat(f32::NEG_INFINITY);
            for at in (0..whole).step_by(L::WIDTH) {
                // SAFETY: `at` + a vector ≤ tokens, here and below.
                largest = largest.max(unsafe { L::load(row.as_ptr().add(at)) });
            }
            let largest = row[whole..].iter().copied().fold(largest.largest(), f32::max);
            let (scale, summand) = (L::splat(self.scale), L::splat(-largest * self.scale));
            let mut sum = L::zero();
            for at in (0..whole).step_by(L::WIDTH) {
                // SAFETY: as above.
                unsafe {
                    let to = row.as_mut_ptr().add(at);
                    let weight = exp(L::load(to).mul_add(scale, summand));
                    weight.store(to);
                    sum = sum.add(weight);
                }
            }
            let mut sum = sum.sum();
            for score in &mut row[whole..] {
                *score = ((*score - largest) * self.scale).exp();
                sum += *score;
            }
            *inverse = 1.0 / sum;
        }
    }
}
