//! Symmetric systems under many shifts: A = Q·T·Qᵀ with T tridiagonal, once, and then every
//! (A + λ)⁻¹ costs a sweep along T.

use rayon::prelude::*;

/// Matrices from this size on are worth sharing among threads.
const SHARED: usize = 256;

/// Q and T of a symmetric positive semi-definite matrix.
pub(super) struct Tridiagonal {
    size: usize,
    /// Q, row after row.
    q: Vec<f64>,
    diagonal: Vec<f64>,
    /// Beside the diagonal.
    beside: Vec<f64>,
}

/// T + λ as L·D·Lᵀ.
pub(super) struct Shifted {
    lower: Vec<f64>,
    d: Vec<f64>,
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

fn each_row(rows: &mut [f64], size: usize, shared: bool, work: impl Fn(usize, &mut [f64]) + Sync) {
    if shared {
        rows.par_chunks_mut(size).enumerate().for_each(|(index, row)| work(index, row));
    } else {
        rows.chunks_mut(size).enumerate().for_each(|(index, row)| work(index, row));
    }
}

impl Tridiagonal {
    /// By Householder reflections (Golub and Van Loan, 8.3.1): 8/3·n³ operations.
    pub fn new(mut a: Vec<f64>, size: usize) -> Tridiagonal {
        let shared = size >= SHARED;
        let mut reflections: Vec<(Vec<f64>, f64)> = Vec::with_capacity(size.saturating_sub(2));
        for k in 0..size.saturating_sub(2) {
            // A reflection that leaves of column k only its first value below the diagonal.
            let mut v: Vec<f64> = (k + 1..size).map(|row| a[row * size + k]).collect();
            let norm = dot(&v, &v).sqrt();
            let alpha = if v[0] > 0.0 { -norm } else { norm };
            v[0] -= alpha;
            let square = dot(&v, &v);
            let beta = if square > 0.0 { 2.0 / square } else { 0.0 };
            let mut p = vec![0f64; size - k - 1];
            let below = &a[(k + 1) * size..];
            each_row(&mut p, 1, shared, |row, p| {
                p[0] = beta * dot(&below[row * size + k + 1..][..v.len()], &v)
            });
            let half = beta / 2.0 * dot(&p, &v);
            let w: Vec<f64> = p.iter().zip(&v).map(|(p, v)| p - half * v).collect();
            each_row(&mut a[(k + 1) * size..], size, shared, |row, values| {
                let (v_row, w_row) = (v[row], w[row]);
                let values = values[k + 1..].iter_mut().zip(v.iter().zip(&w));
                values.for_each(|(value, (v, w))| *value -= v_row * w + w_row * v);
            });
            a[(k + 1) * size + k] = if square > 0.0 { alpha } else { 0.0 };
            reflections.push((v, beta));
        }
        let diagonal = (0..size).map(|i| a[i * size + i]).collect();
        let beside = (1..size).map(|i| a[i * size + i - 1]).collect();
        Tridiagonal { size, q: product(&reflections, size), diagonal, beside }
    }

    /// Rows of Q.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.q.chunks_exact(self.size.max(1))
    }

    /// Q, row after row.
    pub fn q(&self) -> &[f64] {
        &self.q
    }

    /// T + `lambda`, ready to be divided by. `lambda` must be above zero.
    pub fn shifted(&self, lambda: f64) -> Shifted {
        let mut d = Vec::with_capacity(self.size);
        let mut lower = Vec::with_capacity(self.beside.len());
        for (index, diagonal) in self.diagonal.iter().enumerate() {
            let mut value = diagonal + lambda;
            if index > 0 {
                let below = self.beside[index - 1];
                let share = below / d[index - 1];
                lower.push(share);
                value -= share * below;
            }
            // Rounding may take away what λ adds to a zero eigenvalue.
            d.push(value.max(lambda * 1e-3));
        }
        Shifted { lower, d }
    }
}

impl Shifted {
    /// zᵀ·(T + λ)⁻¹·z.
    pub fn quadratic(&self, z: &[f64]) -> f64 {
        let (mut before, mut sum) = (0.0, 0.0);
        for (index, (&z, &d)) in z.iter().zip(&self.d).enumerate() {
            before = if index == 0 { z } else { z - self.lower[index - 1] * before };
            sum += before * before / d;
        }
        sum
    }

    /// (T + λ)⁻¹·z.
    pub fn solve(&self, z: &[f64]) -> Vec<f64> {
        let mut u = z.to_vec();
        for index in 1..u.len() {
            u[index] -= self.lower[index - 1] * u[index - 1];
        }
        u.iter_mut().zip(&self.d).for_each(|(u, d)| *u /= d);
        for index in (1..u.len()).rev() {
            u[index - 1] -= self.lower[index - 1] * u[index];
        }
        u
    }
}

/// The product of the reflections, from the last on, so that each touches only what is not trivial.
fn product(reflections: &[(Vec<f64>, f64)], size: usize) -> Vec<f64> {
    let mut q = vec![0f64; size * size];
    (0..size).for_each(|i| q[i * size + i] = 1.0);
    for (k, (v, beta)) in reflections.iter().enumerate().rev() {
        let first = k + 1;
        let mut along = vec![0f64; size - first];
        for (row, v) in v.iter().enumerate() {
            let values = &q[(first + row) * size + first..(first + row + 1) * size];
            along.iter_mut().zip(values).for_each(|(sum, value)| *sum += v * value);
        }
        each_row(&mut q[first * size..], size, size >= SHARED, |row, values| {
            let factor = beta * v[row];
            values[first..].iter_mut().zip(&along).for_each(|(value, along)| *value -= factor * along);
        });
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;

    #[test]
    fn any_shift_solves_the_system() {
        for (size, rank) in [(1, 1), (2, 1), (3, 3), (40, 40), (40, 7), (300, 20)] {
            let x: Vec<f64> = standard_normal(&[3; 32], size * rank).into_iter().map(f64::from).collect();
            let row = |i: usize| &x[i * rank..][..rank];
            let a: Vec<f64> = (0..size)
                .flat_map(|i| (0..size).map(move |j| (i, j)))
                .map(|(i, j)| dot(row(i), row(j)))
                .collect();
            let z: Vec<f64> = standard_normal(&[4; 32], size).into_iter().map(f64::from).collect();
            let reduced = Tridiagonal::new(a.clone(), size);
            let rows: Vec<&[f64]> = reduced.rows().collect();
            let turned: Vec<f64> = (0..size).map(|j| (0..size).map(|i| rows[i][j] * z[i]).sum()).collect();
            for lambda in [0.1, 10.0] {
                let shifted = reduced.shifted(lambda);
                let inner = shifted.solve(&turned);
                let solution: Vec<f64> = rows.iter().map(|row| dot(row, &inner)).collect();
                for i in 0..size {
                    let back = dot(&a[i * size..][..size], &solution) + lambda * solution[i];
                    assert!((back - z[i]).abs() < 1e-8, "size {size}: {back} is not {}", z[i]);
                }
                let quadratic = shifted.quadratic(&turned);
                assert!((quadratic - dot(&z, &solution)).abs() < 1e-8 * quadratic.abs().max(1.0));
            }
        }
    }
}
