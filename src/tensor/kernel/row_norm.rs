//! Rows brought to mean 0 and variance 1, then scaled and shifted value by value (LayerNorm).

use rayon::prelude::*;

use super::lane::{Isa, Kernel, Lane, load_at, run, store_at};

/// PyTorch's eps.
pub const EPS: f32 = 1e-5;

/// Values of one task, unless a row is longer.
const PIECE: usize = 1 << 14;

/// Rows of one task, by shape alone.
fn rows_each(width: usize) -> usize {
    (PIECE / width.max(1)).max(1)
}

/// `out = norm(x) · weight + bias` for every row of as many values as there are weights.
pub fn norm_rows(isa: Isa, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32]) {
    let width = weight.len();
    assert!(x.len() == out.len() && bias.len() == width && x.len().is_multiple_of(width.max(1)), "rows");
    let piece = rows_each(width) * width;
    x.par_chunks(piece)
        .zip(out.par_chunks_mut(piece))
        .for_each(|(x, out)| run(isa, Forward { x, weight, bias, out }));
}

/// From `grad`, the gradient of the output, that of `x` into `out`; returns those of weight and bias.
/// With x̂ the normalised row and g = weight·grad: dx = (g − mean(g) − x̂·mean(g·x̂)) / σ.
pub fn norm_rows_back(
    isa: Isa,
    x: &[f32],
    weight: &[f32],
    grad: &[f32],
    out: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let width = weight.len();
    assert!(x.len() == out.len() && grad.len() == out.len(), "gradient of rows");
    assert!(x.len().is_multiple_of(width.max(1)), "rows of {width}");
    let piece = rows_each(width) * width;
    let pieces = x.par_chunks(piece).zip(grad.par_chunks(piece)).zip(out.par_chunks_mut(piece));
    let sums = pieces.map(|((x, grad), out)| {
        let (mut of_weight, mut of_bias) = (vec![0f32; width], vec![0f32; width]);
        run(isa, Back { x, weight, grad, out, of_weight: &mut of_weight, of_bias: &mut of_bias });
        (of_weight, of_bias)
    });
    // Piece after piece, so that the bits are those of the shape.
    let mut total = (vec![0f32; width], vec![0f32; width]);
    for (of_weight, of_bias) in sums.collect::<Vec<_>>() {
        total.0.iter_mut().zip(of_weight).for_each(|(total, sum)| *total += sum);
        total.1.iter_mut().zip(of_bias).for_each(|(total, sum)| *total += sum);
    }
    total
}

struct Forward<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    out: &'a mut [f32],
}

struct Back<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    grad: &'a [f32],
    out: &'a mut [f32],
    of_weight: &'a mut [f32],
    of_bias: &'a mut [f32],
}

/// Mean of a row, and one over its standard deviation.
#[inline(always)]
fn statistics<L: Lane>(row: &[f32]) -> (f32, f32) {
    let count = row.len() as f32;
    let mut sum = L::zero();
    for at in (0..row.len()).step_by(L::WIDTH) {
        sum = sum.add(load_at::<L>(row, at, 0.0));
    }
    let mean = sum.sum() / count;
    let mut squares = L::zero();
    for at in (0..row.len()).step_by(L::WIDTH) {
        let centred = load_at::<L>(row, at, mean).sub(L::splat(mean));
        squares = centred.mul_add(centred, squares);
    }
    (mean, 1.0 / (squares.sum() / count + EPS).sqrt())
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let width = self.weight.len();
        for (row, out) in self.x.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let (mean, inverse) = statistics::<L>(row);
            for at in (0..width).step_by(L::WIDTH) {
                let x = load_at::<L>(row, at, mean).sub(L::splat(mean)).mul(L::splat(inverse));
                let y = x.mul_add(load_at(self.weight, at, 0.0), load_at(self.bias, at, 0.0));
                store_at(y, out, at);
            }
        }
    }
}

impl Kernel for Back<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let width = self.weight.len();
        let rows = self.x.chunks_exact(width).zip(self.grad.chunks_exact(width));
        for ((row, grad), out) in rows.zip(self.out.chunks_exact_mut(width)) {
            let (mean, inverse) = statistics::<L>(row);
            let normalised =
                |at: usize| load_at::<L>(row, at, mean).sub(L::splat(mean)).mul(L::splat(inverse));
            let (mut plain, mut along) = (L::zero(), L::zero());
            for at in (0..width).step_by(L::WIDTH) {
                let (x, grad) = (normalised(at), load_at::<L>(grad, at, 0.0));
                store_at(grad.mul_add(x, load_at(self.of_weight, at, 0.0)), self.of_weight, at);
                store_at(grad.add(load_at(self.of_bias, at, 0.0)), self.of_bias, at);
                let scaled = grad.mul(load_at(self.weight, at, 0.0));
                plain = plain.add(scaled);
                along = scaled.mul_add(x, along);
            }
            let (plain, along) = (plain.sum() / width as f32, along.sum() / width as f32);
            for at in (0..width).step_by(L::WIDTH) {
                let scaled = load_at::<L>(grad, at, 0.0).mul(load_at(self.weight, at, 0.0));
                let rest = scaled.sub(L::splat(plain)).sub(normalised(at).mul(L::splat(along)));
                store_at(rest.mul(L::splat(inverse)), out, at);
            }
        }
    }
}
