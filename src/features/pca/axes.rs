//! Principal axes of many rows, by block power iteration.

use candle_core::{Device, Tensor};

use super::COMPONENTS;
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::tensor::rng::standard_normal;

/// Vectors iterated together; the surplus speeds up convergence of the first three.
pub(super) const BLOCK: usize = 8;
const MAX_ROUNDS: usize = 300;

/// Solves a small symmetric positive system by Gaussian elimination.
pub(super) fn solve_positive(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        for row in pivot + 1..n {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let (above, below) = matrix.split_at_mut(row);
            below[0].iter_mut().zip(&above[pivot]).skip(pivot).for_each(|(v, p)| *v -= factor * p);
            right[row] -= factor * right[pivot];
        }
    }
    for pivot in (0..n).rev() {
        let known: f64 = (pivot + 1..n).map(|column| matrix[pivot][column] * right[column]).sum();
        right[pivot] = (right[pivot] - known) / matrix[pivot][pivot];
    }
    right
}

/// Positions of maps as centred rows.
pub(super) struct Positions {
    pub count: usize,
    pub channels: usize,
    pub mean: Vec<f64>,
    /// `[count, channels]`, centred.
    pub centred: Vec<f32>,
}

pub(super) fn positions(maps: &[&Grid]) -> Result<Positions> {
    let channels = maps.first().map_or(0, |map| map.channels());
    if channels == 0 || maps.iter().any(|map| map.channels() != channels) {
        return Err(Error::Compute("principal components need maps of one channel count".into()));
    }
    let count: usize = maps.iter().map(|map| map.height() * map.width()).sum();
    let mut mean = vec![0f64; channels];
    for map in maps {
        for (channel, mean) in mean.iter_mut().enumerate() {
            *mean += map.channel(channel).iter().map(|&v| finite(v)).sum::<f64>() / count as f64;
        }
    }
    let mut centred = vec![0f32; count * channels];
    let mut first = 0;
    for map in maps {
        let area = map.height() * map.width();
        for (channel, mean) in mean.iter().enumerate() {
            for (position, &value) in map.channel(channel).iter().enumerate() {
                centred[(first + position) * channels + channel] = (finite(value) - mean) as f32;
            }
        }
        first += area;
    }
    Ok(Positions { count, channels, mean, centred })
}

pub(super) fn finite(value: f32) -> f64 {
    if value.is_finite() { f64::from(value) } else { 0.0 }
}

/// The leading axes (unit vectors of length C, at most [`BLOCK`]), their variances, and the total
/// variance. Block power iteration on the smaller of the covariance (C×C) and the Gram matrix
/// (positions × positions).
pub(super) fn principal_axes(rows: &Positions) -> Result<(Vec<Vec<f64>>, Vec<f64>, f64)> {
    let (count, channels) = (rows.count, rows.channels);
    let x = Tensor::from_slice(&rows.centred, (count, channels), &Device::Cpu)?;
    let over_positions = count < channels;
    let (size, matrix) = if over_positions {
        (count, x.matmul(&x.t()?.contiguous()?)?)
    } else {
        (channels, x.t()?.contiguous()?.matmul(&x)?)
    };
    let matrix: Vec<f64> =
        matrix.flatten_all()?.to_vec1::<f32>()?.into_iter().map(|v| f64::from(v) / count as f64).collect();
    let total: f64 = (0..size).map(|i| matrix[i * size + i]).sum();
    let (vectors, variances) = leading_eigenvectors(&matrix, size, BLOCK.min(size));
    let axes = vectors.into_iter().map(|vector| {
        let mut axis = if over_positions {
            let mut axis = vec![0f64; channels];
            for (row, weight) in rows.centred.chunks(channels).zip(&vector) {
                axis.iter_mut().zip(row).for_each(|(a, &v)| *a += weight * f64::from(v));
            }
            axis
        } else {
            vector
        };
        let norm = axis.iter().map(|v| v * v).sum::<f64>().sqrt();
        let largest = axis.iter().copied().fold(0f64, |best, v| if v.abs() > best.abs() { v } else { best });
        let scale = if norm > 0.0 { largest.signum() / norm } else { 0.0 };
        axis.iter_mut().for_each(|v| *v *= scale);
        axis
    });
    Ok((axes.collect(), variances, total))
}

/// Leading eigenvectors of a symmetric positive matrix `[size, size]`, by block power iteration with
/// re-orthogonalisation and a Rayleigh–Ritz step, from a fixed start.
fn leading_eigenvectors(matrix: &[f64], size: usize, wanted: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let start = standard_normal(&[0x9c; 32], size * wanted);
    let mut vectors: Vec<Vec<f64>> =
        start.chunks(size).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect();
    orthonormalise(&mut vectors);
    let mut values = vec![0f64; wanted];
    for _ in 0..MAX_ROUNDS {
        let images: Vec<Vec<f64>> = vectors.iter().map(|v| product(matrix, size, v)).collect();
        let small: Vec<Vec<f64>> =
            vectors.iter().map(|v| images.iter().map(|image| dot(v, image)).collect()).collect();
        let (rotation, ritz) = symmetric_eigen(small);
        vectors = rotation
            .iter()
            .map(|weights| {
                let mut sum = vec![0f64; size];
                for (weight, image) in weights.iter().zip(&images) {
                    sum.iter_mut().zip(image).for_each(|(s, v)| *s += weight * v);
                }
                sum
            })
            .collect();
        orthonormalise(&mut vectors);
        let change =
            ritz.iter().zip(&values).take(COMPONENTS).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let scale = ritz.first().copied().unwrap_or(0.0).max(1e-300);
        values = ritz;
        if change <= 1e-10 * scale {
            break;
        }
    }
    (vectors, values)
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(matrix: &[f64], size: usize, vector: &[f64]) -> Vec<f64> {
    matrix.chunks(size).map(|row| dot(row, vector)).collect()
}

/// Gram–Schmidt, twice for accuracy; what vanishes becomes zero.
pub(super) fn orthonormalise(vectors: &mut [Vec<f64>]) {
    for index in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(index);
        let vector = &mut rest[0];
        let start = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for earlier in before.iter() {
                let along = dot(vector, earlier);
                vector.iter_mut().zip(earlier).for_each(|(v, e)| *v -= along * e);
            }
        }
        let norm = dot(vector, vector).sqrt();
        let scale = if norm > 1e-12 * start && norm > 1e-300 { 1.0 / norm } else { 0.0 };
        vector.iter_mut().for_each(|v| *v *= scale);
    }
}

/// Eigenvectors (rows, largest eigenvalue first) of a small symmetric matrix, by Jacobi rotations.
fn symmetric_eigen(mut m: Vec<Vec<f64>>) -> (Vec<Vec<f64>>, Vec<f64>) {
    let n = m.len();
    let mut vectors: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| m[i][j] * m[i][j]).sum();
        let diagonal: f64 = (0..n).map(|i| m[i][i] * m[i][i]).sum();
        if off <= 1e-28 * diagonal {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if m[p][q] == 0.0 {
                    continue;
                }
                let theta = (m[q][q] - m[p][p]) / (2.0 * m[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in m.iter_mut() {
                    let (a, b) = (row[p], row[q]);
                    row[p] = c * a - s * b;
                    row[q] = s * a + c * b;
                }
                rotate_rows(&mut m, p, q, c, s);
                rotate_rows(&mut vectors, p, q, c, s);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| m[b][b].total_cmp(&m[a][a]));
    (order.iter().map(|&i| vectors[i].clone()).collect(), order.iter().map(|&i| m[i][i]).collect())
}

fn rotate_rows(m: &mut [Vec<f64>], p: usize, q: usize, c: f64, s: f64) {
    let (head, tail) = m.split_at_mut(q);
    for (a, b) in head[p].iter_mut().zip(tail[0].iter_mut()) {
        (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
    }
}
