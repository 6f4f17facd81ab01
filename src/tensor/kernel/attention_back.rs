//! Gradients of [`super::attention::attend`]: the weights are computed again, few queries at a time.

use super::attention::{Attention, QUERIES, scores_of, weigh};
use super::lane::{Kernel, Lane, run};
use super::product::{Packed, Product, Rows};
use super::share::{Shared, to_be_written};
use super::{How, each};

/// Where the gradients of the queries, and of keys and values, go: as their values lie.
#[derive(Clone, Copy)]
struct Gradients {
    queries: Shared<f32>,
    keys: Shared<f32>,
}

/// One image: from `grad`, the gradient of the output `[Q, heads · width]`, those of its queries and of
/// its keys and values. With W the weights and S the scores of a head: dV = Wᵀ dO, dW = dO Vᵀ,
/// dS = W · (dW − Σ W·dW), dQ = dS K, dK = dSᵀ Q.
pub fn attend_back(how: How, attention: &Attention, grad: &[f32], queries: &mut [f32], keys: &mut [f32]) {
    assert_eq!(queries.len(), attention.queries.values.len(), "gradient of queries");
    assert_eq!(keys.len(), attention.keys.values.len(), "gradient of keys");
    let to = Gradients { queries: Shared::new(queries), keys: Shared::new(keys) };
    all_heads(how, attention, grad, to);
}

/// As [`attend_back`], where queries, keys and values are of the same tokens.
pub fn attend_back_to_one(how: How, attention: &Attention, grad: &[f32], out: &mut [f32]) {
    assert_eq!(out.len(), attention.queries.values.len(), "gradient of queries");
    assert_eq!(out.len(), attention.keys.values.len(), "gradient of keys");
    let out = Shared::new(out);
    all_heads(how, attention, grad, Gradients { queries: out, keys: out });
}

fn all_heads(how: How, attention: &Attention, grad: &[f32], to: Gradients) {
    let channels = attention.heads.len() * attention.width;
    assert_eq!(grad.len(), attention.queries.count * channels, "gradient of attention");
    each(how.on_all_threads, attention.heads.len(), |head| {
        // SAFETY: the places are as long as the values, and every head has its own in them.
        unsafe { head_back(how, attention, head, grad, to) };
    });
}

/// # Safety
/// `to` is as long as the values, and the places of this head in it are nobody else's.
unsafe fn head_back(how: How, attention: &Attention, head: usize, grad: &[f32], to: Gradients) {
    let isa = how.isa;
    let &Attention { queries, keys, heads, width } = attention;
    let (tokens, channels) = (keys.count, heads.len() * width);
    let place = heads[head];
    let columns_of_keys = Packed::transposed(isa, width, tokens, &keys.values[place.k..], keys.stride);
    let columns_of_values = Packed::transposed(isa, width, tokens, &keys.values[place.v..], keys.stride);
    let rows_of_keys = Packed::rows(isa, tokens, width, &keys.values[place.k..], keys.stride);
    let scale = 1.0 / (width as f32).sqrt();

    let (mut dk, mut dv) = (vec![0f32; width * tokens], vec![0f32; width * tokens]);
    for first in (0..queries.count).step_by(QUERIES) {
        let count = QUERIES.min(queries.count - first);
        let asking = &queries.values[first * queries.stride + place.q..];
        let grad = &grad[first * channels + head * width..];
        let mut weights = scores_of(asking, count, queries.stride, &columns_of_keys, width);
        let mut inverse = [0f32; QUERIES];
        weigh(isa, &mut weights, tokens, scale, &mut inverse[..count]);
        let mut slopes = scores_of(grad, count, channels, &columns_of_values, width);
        run(isa, Slopes { weights: &mut weights, slopes: &mut slopes, tokens, scale, inverse: &inverse });

        let rows = Rows::even(slopes.as_ptr(), count, tokens, tokens);
        let out = to.queries.at(first * queries.stride + place.q);
        // SAFETY: the slopes are whole; these rows of the queries' gradient are this task's.
        unsafe { product(&rows, &rows_of_keys, None, out, queries.stride) };
        for (matrix, columns, column_stride, sum) in
            [(&weights, grad, channels, &mut dv), (&slopes, asking, queries.stride, &mut dk)]
        {
            // [width, count] · [count, T]: the long side in the columns, which are packed as they lie.
            let turned = turned(columns, count, column_stride, width);
            let rows = Rows::even(turned.as_ptr(), width, count, count);
            let packed = Packed::rows(isa, count, tokens, matrix, tokens);
            let sum = Shared::new(sum);
            let so_far: Vec<*const f32> = (0..width).map(|row| sum.at(row * tokens).cast_const()).collect();
            // SAFETY: `sum` is ours; a block of it is read before it is written.
            unsafe { product(&rows, &packed, Some(&so_far), sum.at(0), tokens) };
        }
    }
    for token in 0..tokens {
        for (offset, sum) in [(place.k, &dk), (place.v, &dv)] {
            // SAFETY: the caller's promise.
            let out = unsafe { to.keys.part(token * keys.stride + offset, width) };
            for (out, sum) in out.iter_mut().zip(sum.chunks(tokens)) {
                *out = sum[token];
            }
        }
    }
}

/// All columns of a product.
///
/// # Safety
/// As [`Product::compute`].
unsafe fn product(
    rows: &Rows,
    weights: &Packed,
    residual: Option<&[*const f32]>,
    out: *mut f32,
    out_stride: usize,
) {
    let product =
        Product { rows, weights, panels: 0..weights.panels(), bias: None, residual, out, out_stride };
    // SAFETY: the caller's promise.
    unsafe { product.compute() };
}

/// `count` rows of `width` values, `stride` apart, as `[width, count]`.
fn turned(rows: &[f32], count: usize, stride: usize, width: usize) -> Vec<f32> {
    // SAFETY: every value is written below.
    let mut turned = unsafe { to_be_written(width * count) };
    for row in 0..count {
        for (column, &value) in rows[row * stride..][..width].iter().enumerate() {
            turned[column * count + row] = value;
        }
    }
    turned
}

/// Weights not yet divided by their sum, and the gradients of the weights, to the weights and the
/// gradients of the scores before they are scaled.
struct Slopes<'a> {
    weights: &'a mut [f32],
    slopes: &'a mut [f32],
    tokens: usize,
    scale: f32,
    inverse: &'a [f32],
}

impl Kernel for Slopes<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let whole = self.tokens / L::WIDTH * L::WIDTH;
        let rows = self.weights.chunks_mut(self.tokens).zip(self.slopes.chunks_mut(self.tokens));
        for ((weights, slopes), &inverse) in rows.zip(self.inverse) {
            let mut along = L::zero();
            for at in (0..whole).step_by(L::WIDTH) {
                // SAFETY: `at` + a vector ≤ tokens, here and below.
                unsafe {
                    let to = weights.as_mut_ptr().add(at);
                    let weight = L::load(to).mul(L::splat(inverse));
                    weight.store(to);
                    along = weight.mul_add(L::load(slopes.as_ptr().add(at)), along);
                }
            }
            let mut along = along.sum();
            for (weight, slope) in weights[whole..].iter_mut().zip(&slopes[whole..]) {
                *weight *= inverse;
                along += *weight * slope;
            }
            let (less, scale) = (L::splat(along), L::splat(self.scale));
            for at in (0..whole).step_by(L::WIDTH) {
                // SAFETY: as above.
                unsafe {
                    let to = slopes.as_mut_ptr().add(at);
                    let weight = L::load(weights.as_ptr().add(at)).mul(scale);
                    L::load(to).sub(less).mul(weight).store(to);
                }
            }
            for (weight, slope) in weights[whole..].iter().zip(&mut slopes[whole..]) {
                *slope = (*slope - along) * (*weight * self.scale);
            }
        }
    }
}
