//! Adaptive average pooling of maps with their channels last.

use super::each;
use super::share::{Shared, to_be_written};
use super::source::Map;

/// One image `[H, W, C]` to `[C, p, p]`: cell i averages floor(i·H/p) … ceil((i+1)·H/p), summed row
/// by row in f32 and cell by cell in f64.
pub fn adaptive_average(map: Map, p: usize, out: &mut [f32]) {
    let ((h, w), channels) = (map.size(), map.channels());
    assert_eq!(out.len(), channels * p * p, "output of a pool");
    let cell = |index: usize, side: usize| index * side / p..((index + 1) * side).div_ceil(p);
    // SAFETY: every task writes its own row of cells, all of it.
    let mut means = unsafe { to_be_written(p * p * channels) };
    let shared = Shared::new(&mut means);
    each(true, p * p, |index| {
        let (rows, cols) = (cell(index / p, h), cell(index % p, w));
        let mut totals = vec![0f64; channels];
        let mut sums = vec![0f32; channels];
        for y in rows.clone() {
            sums.fill(0.0);
            for x in cols.clone() {
                sums.iter_mut().zip(map.row(y * w + x)).for_each(|(sum, v)| *sum += v);
            }
            totals.iter_mut().zip(&sums).for_each(|(total, &sum)| *total += f64::from(sum));
        }
        // SAFETY: as above.
        let means = unsafe { shared.part(index * channels, channels) };
        let count = (rows.len() * cols.len()) as f64;
        means.iter_mut().zip(&totals).for_each(|(mean, total)| *mean = (total / count) as f32);
    });
    for (c, out) in out.chunks_mut(p * p).enumerate() {
        out.iter_mut().zip(means[c..].iter().step_by(channels)).for_each(|(out, mean)| *out = *mean);
    }
}

/// Side of the squares that are turned at a time: both sides of one stay in the first-level cache.
const SQUARE: usize = 32;

/// `[rows, cols]` to `[cols, rows]`: planes from pixels, and pixels from planes.
pub fn transpose(from: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    assert_eq!(from.len(), rows * cols, "a matrix to be turned");
    // SAFETY: every value is written below.
    let mut out = unsafe { to_be_written(rows * cols) };
    let shared = Shared::new(&mut out);
    each(true, cols.div_ceil(SQUARE), |block| {
        let columns = block * SQUARE..((block + 1) * SQUARE).min(cols);
        for first in (0..rows).step_by(SQUARE) {
            let count = SQUARE.min(rows - first);
            for col in columns.clone() {
                // SAFETY: every block has its own columns.
                let out = unsafe { shared.part(col * rows + first, count) };
                let values = from[first * cols + col..].iter().step_by(cols);
                out.iter_mut().zip(values).for_each(|(out, value)| *out = *value);
            }
        }
    });
    out
}
