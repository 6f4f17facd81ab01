//! The exact GELU `x·Φ(x)` and its slope, with Φ the distribution of a standard normal value.

use rayon::prelude::*;

use super::lane::{Isa, Kernel, Lane, exp, load_at, run, store_at};

/// Values of one task.
const PIECE: usize = 1 << 13;

/// `out = x·Φ(x)`, Φ within 1e-7.
pub fn gelu(isa: Isa, x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "output of gelu");
    let pieces = x.par_chunks(PIECE).zip(out.par_chunks_mut(PIECE));
    pieces.for_each(|(x, out)| run(isa, Forward { x, out }));
}

/// `out = grad · (Φ(x) + x·φ(x))`.
pub fn gelu_back(isa: Isa, x: &[f32], grad: &[f32], out: &mut [f32]) {
    assert_eq!((x.len(), grad.len()), (out.len(), out.len()), "gradient of gelu");
    let pieces = x.par_chunks(PIECE).zip(grad.par_chunks(PIECE)).zip(out.par_chunks_mut(PIECE));
    pieces.for_each(|((x, grad), out)| run(isa, Back { x, grad, out }));
}

struct Forward<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
}

struct Back<'a> {
    x: &'a [f32],
    grad: &'a [f32],
    out: &'a mut [f32],
}

/// |x|, Φ(−|x|) and exp(−x²/2) (Abramowitz and Stegun, 7.1.26).
#[inline(always)]
fn tail<L: Lane>(x: L) -> (L, L, L) {
    let size = x.max(L::zero().sub(x));
    let bell = exp(x.mul(x).mul(L::splat(-0.5)));
    let t = size.mul_add(L::splat(0.327_591_1 * std::f32::consts::FRAC_1_SQRT_2), L::splat(1.0)).reciprocal();
    let mut p = L::splat(0.5 * 1.061_405_4);
    for c in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
        p = p.mul_add(t, L::splat(0.5 * c));
    }
    (size, p.mul(t).mul(bell), bell)
}

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        for at in (0..self.x.len()).step_by(L::WIDTH) {
            let x = load_at::<L>(self.x, at, 0.0);
            let (size, tail, _) = tail(x);
            store_at(L::zero().max(x).sub(size.mul(tail)), self.out, at);
        }
    }
}

impl Kernel for Back<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let (one, half) = (L::splat(1.0), L::splat(0.5));
        for at in (0..self.x.len()).step_by(L::WIDTH) {
            let x = load_at::<L>(self.x, at, 0.0);
            let (_, tail, bell) = tail(x);
            let sign = one.min(L::splat(-1.0).max(x.mul(L::splat(1e37))));
            let below = half.sub(tail).mul_add(sign, half);
            let slope = x.mul(bell).mul_add(L::splat(0.398_942_3), below);
            store_at(load_at::<L>(self.grad, at, 0.0).mul(slope), self.out, at);
        }
    }
}
