//! Pairs of bf16 in the place of one f32: half the memory, and two products at a time where the
//! processor has them.

use rayon::prelude::*;

use super::lane::{Isa, Kernel, Lane, run};
use super::share::written;

/// Values that one task turns into pairs.
const TASK: usize = 1 << 15;

/// `low` and `high` rounded to bf16, side by side.
#[inline(always)]
pub fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits((rounded(low) >> 16) | (rounded(high) & !0xffff))
}

/// The two values of a pair.
#[inline(always)]
pub fn halves(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [f32::from_bits(bits << 16), f32::from_bits(bits & !0xffff)]
}

/// The bits of `value` whose upper half is the nearest bf16, ties to even; what is not a number stays
/// none.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    let up = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    if value.is_nan() { bits | 0x0040_0000 } else { up }
}

/// An even number of values as half as many pairs.
pub fn in_pairs(isa: Isa, values: &[f32]) -> Vec<f32> {
    assert!(values.len().is_multiple_of(2), "pairs of {} values", values.len());
    written(values.len() / 2, |out| {
        let tasks = out.par_chunks_mut(TASK / 2).zip(values.par_chunks(TASK));
        tasks.for_each(|(out, values)| run(isa, Rounding { values, out }));
    })
}

struct Rounding<'a> {
    values: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for Rounding<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let (values, _) = self.values.as_chunks::<2>();
        for (out, [low, high]) in self.out.iter_mut().zip(values) {
            *out = pair(*low, *high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_the_nearest_of_bf16() {
        let mut values: Vec<f32> =
            (0..4096u32).map(|i| f32::from_bits(i.wrapping_mul(0x9E37_79B9))).collect();
        values.extend([f32::NAN, f32::INFINITY, f32::MAX, -0.0, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0]);
        values.push(f32::from_bits(0x7f80_0001));
        values.push(f32::MIN_POSITIVE / 3.0);
        for isa in Isa::available() {
            let pairs = in_pairs(isa, &values);
            let got: Vec<f32> = pairs.into_iter().flat_map(halves).collect();
            assert_eq!(got.len(), values.len());
            for (value, got) in values.iter().zip(got) {
                let want = half::bf16::from_f32(*value).to_f32();
                assert!(
                    got == want || (got.is_nan() && want.is_nan()),
                    "{isa:?}: {value} became {got}, not {want}"
                );
            }
        }
    }
}
