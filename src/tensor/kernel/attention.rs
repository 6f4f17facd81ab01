//! Attention of few queries at a time: no matrix of all queries by all keys.

use rayon::prelude::*;

use super::lane::{Isa, Kernel, Lane, exp, run};
use super::product::{Packed, Product, Rows};
use super::share::{Shared, to_be_written};
use super::{How, each};

/// Queries of one task: their scores stay in the second-level cache.
pub(super) const QUERIES: usize = 48;

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

/// Rows of tokens: row t begins at `values[t * stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// All rows.
    pub values: &'a [f32],
    /// How many rows.
    pub count: usize,
    /// Distance of rows, in values.
    pub stride: usize,
}

/// Attention in one image: who asks whom.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Tokens with the queries.
    pub queries: Tokens<'a>,
    /// Tokens with keys and values; may be the same.
    pub keys: Tokens<'a>,
    /// Where they begin.
    pub heads: &'a [Head],
    /// Values of a query; scores are divided by its square root.
    pub width: usize,
}

/// One image to `out` `[Q, heads · width]`, for Q queries.
pub fn attend(how: How, attention: &Attention, out: &mut [f32]) {
    let How { isa, on_all_threads } = how;
    let &Attention { queries, keys, heads, width } = attention;
    let (count, tokens) = (queries.count, keys.count);
    let channels = heads.len() * width;
    assert_eq!(out.len(), count * channels, "output of attention");
    let pack = |head: &Head| {
        let columns = Packed::transposed(isa, width, tokens, &keys.values[head.k..], keys.stride);
        (columns, Packed::rows(isa, tokens, width, &keys.values[head.v..], keys.stride))
    };
    let packed: Vec<(Packed, Packed)> =
        if on_all_threads { heads.par_iter().map(pack).collect() } else { heads.iter().map(pack).collect() };
    let out = Shared::new(out);
    let blocks = count.div_ceil(QUERIES);
    let block = count.div_ceil(blocks.max(1));
    each(on_all_threads, heads.len() * blocks, |task| {
        let (head, first) = (task / blocks, (task % blocks) * block);
        let count = block.min(count.saturating_sub(first));
        if count == 0 {
            return;
        }
        let (columns, values) = &packed[head];
        let asking = &queries.values[first * queries.stride + heads[head].q..];
        let mut scores = scores_of(asking, count, queries.stride, columns, width);
        let mut inverse = [0f32; QUERIES];
        weigh(isa, &mut scores, tokens, 1.0 / (width as f32).sqrt(), &mut inverse[..count]);
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

/// Products of `count` rows of `width` values, `stride` apart, with every packed column: `[count, T]`.
pub(super) fn scores_of(
    rows: &[f32],
    count: usize,
    stride: usize,
    columns: &Packed,
    width: usize,
) -> Vec<f32> {
    assert!(rows.len() >= (count - 1) * stride + width, "rows of attention");
    let tokens = columns.columns();
    let rows = Rows::even(rows.as_ptr(), count, width, stride);
    // SAFETY: the product writes all scores before they are read.
    let mut scores = unsafe { to_be_written(count * tokens) };
    let product = Product {
        rows: &rows,
        weights: columns,
        panels: 0..columns.panels(),
        bias: None,
        residual: None,
        out: scores.as_mut_ptr(),
        out_stride: tokens,
    };
    // SAFETY: the rows are there, as asserted, and the scores are ours.
    unsafe { product.compute() };
    scores
}

/// Scores to weights that are not yet divided by their sum, and one over that sum for each row.
pub(super) fn weigh(isa: Isa, scores: &mut [f32], tokens: usize, scale: f32, inverse: &mut [f32]) {
    run(isa, Softmax { scores, tokens, scale, inverse });
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
