//! The inverse of a symmetric matrix that gains and loses rows with their columns.

use rayon::prelude::*;

/// Matrices from this size on are worth sharing among threads.
const SHARED: usize = 256;
/// Room is made for so many rows more at a time.
const ROOM: usize = 256;

/// The inverse of a symmetric positive definite matrix.
#[derive(Clone, Debug, Default)]
pub(super) struct Inverse {
    size: usize,
    /// Values from one row to the next.
    stride: usize,
    values: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Eight sums at once, so that they become vectors.
    let mut sums = [0f64; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (a, b) in a8.iter().zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

impl Inverse {
    /// Row `index` of the inverse.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.stride..][..self.size]
    }

    /// The matrix gains `column` beside its rows, and `diagonal`: by the inverse of a bordered matrix, whose
    /// Schur complement is never below `least`.
    pub fn push(&mut self, column: &[f64], diagonal: f64, least: f64) {
        let size = self.size;
        if size == self.stride {
            self.widen();
        }
        let stride = self.stride;
        let mut along = vec![0f64; size];
        let values = &self.values;
        let product = |row: usize| dot(&values[row * stride..][..size], column);
        if size >= SHARED {
            along.par_iter_mut().enumerate().for_each(|(row, along)| *along = product(row));
        } else {
            along.iter_mut().enumerate().for_each(|(row, along)| *along = product(row));
        }
        // Rounding may take away what the penalty adds.
        let rest = (diagonal - dot(column, &along)).max(least);
        let add = |(row, values): (usize, &mut [f64])| {
            let factor = along[row] / rest;
            values.iter_mut().zip(&along).for_each(|(value, along)| *value += factor * along);
            values[size] = -factor;
        };
        let above = &mut self.values[..size * stride];
        if size >= SHARED {
            above.par_chunks_mut(stride).enumerate().for_each(add);
        } else {
            above.chunks_mut(stride).enumerate().for_each(add);
        }
        let last = &mut self.values[size * stride..][..=size];
        last.iter_mut().zip(&along).for_each(|(value, along)| *value = -along / rest);
        last[size] = 1.0 / rest;
        self.size += 1;
    }

    /// The matrix loses row and column `index`; the last ones take their place.
    pub fn swap_remove(&mut self, index: usize) {
        let (last, stride) = (self.size - 1, self.stride);
        if index != last {
            for column in 0..self.size {
                self.values.swap(index * stride + column, last * stride + column);
            }
            for row in 0..self.size {
                self.values.swap(row * stride + index, row * stride + last);
            }
        }
        let gone = self.row(last).to_vec();
        self.size = last;
        let take = |(row, values): (usize, &mut [f64])| {
            let factor = gone[row] / gone[last];
            values.iter_mut().zip(&gone[..last]).for_each(|(value, gone)| *value -= factor * gone);
        };
        let left = &mut self.values[..last * stride];
        if last >= SHARED {
            left.par_chunks_mut(stride).enumerate().for_each(take);
        } else {
            left.chunks_mut(stride).enumerate().for_each(take);
        }
    }

    fn widen(&mut self) {
        let stride = self.stride + self.stride.max(ROOM) / 2 + ROOM / 2;
        let mut values = vec![0f64; stride * stride];
        for row in 0..self.size {
            values[row * stride..][..self.size].copy_from_slice(self.row(row));
        }
        (self.stride, self.values) = (stride, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;

    /// Largest difference of A·A⁻¹ from the identity, A over `kept`.
    fn off(a: &[Vec<f64>], kept: &[usize], inverse: &Inverse) -> f64 {
        let mut worst = 0f64;
        for (i, &row) in kept.iter().enumerate() {
            for j in 0..kept.len() {
                let product: f64 =
                    kept.iter().enumerate().map(|(k, &column)| a[row][column] * inverse.row(k)[j]).sum();
                worst = worst.max((product - f64::from(u8::from(i == j))).abs());
            }
        }
        worst
    }

    #[test]
    fn rows_come_and_go() {
        let (n, d) = (300, 40);
        let x: Vec<f64> = standard_normal(&[1; 32], n * d).into_iter().map(f64::from).collect();
        let product = |i: usize, j: usize| dot(&x[i * d..][..d], &x[j * d..][..d]);
        let penalty = 0.1;
        let a: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| product(i, j) + if i == j { penalty } else { 0.0 }).collect())
            .collect();
        let (mut inverse, mut kept) = (Inverse::default(), Vec::new());
        for row in 0..n {
            let column: Vec<f64> = kept.iter().map(|&other: &usize| a[row][other]).collect();
            inverse.push(&column, a[row][row], penalty);
            kept.push(row);
            if [0, 1, 120, 299].contains(&row) {
                assert!(off(&a, &kept, &inverse) < 1e-7, "{row}: {}", off(&a, &kept, &inverse));
            }
        }
        for index in [299, 0, 150, 7, 295] {
            inverse.swap_remove(index);
            kept.swap_remove(index);
        }
        assert!(off(&a, &kept, &inverse) < 1e-7, "{}", off(&a, &kept, &inverse));
        while kept.len() > 1 {
            inverse.swap_remove(0);
            kept.swap_remove(0);
        }
        assert!(off(&a, &kept, &inverse) < 1e-7);
        inverse.swap_remove(0);
        assert_eq!(inverse.size, 0);
    }
}
