//! Principal components of feature maps, to see 1024 channels as one colour.

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::tensor::rng::standard_normal;

/// Components shown as red, green and blue.
pub const COMPONENTS: usize = 3;
/// Vectors iterated together; the surplus speeds up convergence of the first three.
const BLOCK: usize = 8;
const MAX_ROUNDS: usize = 300;

/// An affine map from C channels to three colours, with the range shown of each.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaBasis {
    mean: Vec<f64>,
    /// Three rows of C.
    directions: [Vec<f64>; COMPONENTS],
    /// Lowest and highest score shown, per component.
    range: [[f32; 2]; COMPONENTS],
    /// Share of the variance that each component holds, 0 … 1.
    pub explained: [f64; COMPONENTS],
}

impl PcaBasis {
    /// Fits the first three principal components over all positions of `maps` (C×H×W each, same C);
    /// a component's sign makes its largest loading positive. The range shown is the 1st to 99th
    /// percentile of the scores on `maps`.
    ///
    /// # Errors
    /// When there is no map or the channel counts differ.
    pub fn fit(maps: &[&Grid]) -> Result<PcaBasis> {
        let rows = positions(maps)?;
        let channels = rows.channels;
        let (axes, variances, total) = principal_axes(&rows)?;
        let mut directions: [Vec<f64>; COMPONENTS] = std::array::from_fn(|_| vec![0.0; channels]);
        for (direction, axis) in directions.iter_mut().zip(axes) {
            *direction = axis;
        }
        let explained = std::array::from_fn(|i| {
            if total > 0.0 { variances.get(i).copied().unwrap_or(0.0) / total } else { 0.0 }
        });
        let mut basis = PcaBasis { mean: rows.mean, directions, range: [[0.0, 1.0]; COMPONENTS], explained };
        basis.set_range(maps);
        Ok(basis)
    }

    /// A basis for maps of other blocks that imitates the colours of this one: the scores of this
    /// basis on `reference` regressed (ridge) on the leading eight principal axes of `maps`. The two
    /// lists pair up, map by map and place by place, as [`sampled`] gives them.
    ///
    /// # Errors
    /// When the lists do not pair up.
    pub fn transfer(&self, reference: &[&Grid], maps: &[&Grid]) -> Result<PcaBasis> {
        let places = |map: &&Grid| (map.height(), map.width());
        if !reference.iter().map(places).eq(maps.iter().map(places)) {
            return Err(Error::Compute("a colour lock needs the same places at both blocks".into()));
        }
        let rows = positions(maps)?;
        let (axes, _, total) = principal_axes(&rows)?;
        let count = rows.count as f64;
        let scores: Vec<Vec<f64>> = axes
            .iter()
            .map(|axis| {
                let row_score = |row: &[f32]| axis.iter().zip(row).map(|(a, &v)| a * f64::from(v)).sum();
                rows.centred.chunks(rows.channels).map(row_score).collect()
            })
            .collect();
        let mut directions: [Vec<f64>; COMPONENTS] = std::array::from_fn(|_| vec![0.0; rows.channels]);
        let mut range = self.range;
        for (component, direction) in directions.iter_mut().enumerate() {
            let wanted: Vec<f64> = reference.iter().flat_map(|map| self.component(map, component)).collect();
            let mean = wanted.iter().sum::<f64>() / count;
            let gram: Vec<Vec<f64>> = scores
                .iter()
                .enumerate()
                .map(|(i, a)| {
                    let ridge = |j: usize| if i == j { 1e-4 * total.max(1e-30) } else { 0.0 };
                    scores.iter().enumerate().map(|(j, b)| dot(a, b) / count + ridge(j)).collect()
                })
                .collect();
            let target: Vec<f64> = scores
                .iter()
                .map(|a| a.iter().zip(&wanted).map(|(a, w)| a * (w - mean)).sum::<f64>() / count)
                .collect();
            for (axis, coefficient) in axes.iter().zip(solve_positive(gram, target)) {
                direction.iter_mut().zip(axis).for_each(|(d, a)| *d += coefficient * a);
            }
            // The rows are centred: the mean colour goes into the range instead.
            range[component] = range[component].map(|edge| edge - mean as f32);
        }
        Ok(PcaBasis { mean: rows.mean, directions, range, explained: [0.0; COMPONENTS] })
    }

    /// Number of channels it is for.
    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    /// The map as three channels in 0 … 1: red, green, blue.
    ///
    /// # Errors
    /// When the channel count is another.
    pub fn colours(&self, map: &Grid) -> Result<Grid> {
        if map.channels() != self.channels() {
            return Err(Error::Setting(format!(
                "the locked colours are for {} channels and this block has {}; unlock PCA or lock it over blocks",
                self.channels(),
                map.channels()
            )));
        }
        let area = map.height() * map.width();
        let mut values = vec![0f32; COMPONENTS * area];
        for (component, out) in values.chunks_mut(area).enumerate() {
            let [low, high] = self.range[component];
            let scale = 1.0 / (high - low).max(f32::MIN_POSITIVE);
            for (out, score) in out.iter_mut().zip(self.component(map, component)) {
                *out = ((score as f32 - low) * scale).clamp(0.0, 1.0);
            }
        }
        Grid::new(COMPONENTS, map.height(), map.width(), values)
    }

    fn component(&self, map: &Grid, component: usize) -> Vec<f64> {
        let mut scores = vec![0f64; map.height() * map.width()];
        for (channel, (direction, mean)) in self.directions[component].iter().zip(&self.mean).enumerate() {
            for (score, &value) in scores.iter_mut().zip(map.channel(channel)) {
                *score += direction * (finite(value) - mean);
            }
        }
        scores
    }

    fn set_range(&mut self, maps: &[&Grid]) {
        for component in 0..COMPONENTS {
            let scores: Vec<f32> =
                maps.iter().flat_map(|map| self.component(map, component)).map(|v| v as f32).collect();
            let count = scores.len();
            if let Ok(grid) = Grid::new(1, 1, count, scores) {
                self.range[component] = grid.percentiles([1.0, 99.0]);
            }
        }
    }
}

/// `side`×`side` evenly spaced places of a C×H×W map, each with the cell that its centre lies in:
/// the same places whatever the size of the map.
pub fn sampled(map: &Grid, side: usize) -> Grid {
    let cell =
        |place: usize, cells: usize| ((2 * place + 1) * cells / (2 * side)).min(cells.saturating_sub(1));
    Grid::from_fn(map.channels(), side, side, |channel, y, x| {
        map.at(channel, cell(y, map.height()), cell(x, map.width())).unwrap_or(0.0)
    })
}

/// Solves a small symmetric positive system by Gaussian elimination.
fn solve_positive(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
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
struct Positions {
    count: usize,
    channels: usize,
    mean: Vec<f64>,
    /// `[count, channels]`, centred.
    centred: Vec<f32>,
}

fn positions(maps: &[&Grid]) -> Result<Positions> {
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

fn finite(value: f32) -> f64 {
    if value.is_finite() { f64::from(value) } else { 0.0 }
}

/// The leading axes (unit vectors of length C, at most [`BLOCK`]), their variances, and the total
/// variance. Block power iteration on the smaller of the covariance (C×C) and the Gram matrix
/// (positions × positions).
fn principal_axes(rows: &Positions) -> Result<(Vec<Vec<f64>>, Vec<f64>, f64)> {
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

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(matrix: &[f64], size: usize, vector: &[f64]) -> Vec<f64> {
    matrix.chunks(size).map(|row| dot(row, vector)).collect()
}

/// Gram–Schmidt, twice for accuracy; what vanishes becomes zero.
fn orthonormalise(vectors: &mut [Vec<f64>]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Maps with known principal directions: a strong, a middle and a weak one, in C channels.
    fn made(channels: usize, height: usize, width: usize) -> (Grid, Vec<Vec<f64>>) {
        let noise = standard_normal(&[1; 32], 3 * channels);
        let mut axes: Vec<Vec<f64>> =
            noise.chunks(channels).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect();
        orthonormalise(&mut axes);
        let weights = standard_normal(&[2; 32], 3 * height * width);
        let grid = Grid::from_fn(channels, height, width, |c, y, x| {
            let at = 3 * (y * width + x);
            let sum = (0..3).map(|i| axes[i][c] * f64::from(weights[at + i]) * [5.0, 2.0, 0.5][i]);
            (sum.sum::<f64>() + c as f64) as f32
        });
        (grid, axes)
    }

    #[test]
    fn finds_known_directions_from_many_and_from_few_positions() {
        for (channels, side) in [(16, 40), (300, 12)] {
            let (grid, axes) = made(channels, side, side);
            let basis = PcaBasis::fit(&[&grid]).unwrap();
            for (found, axis) in basis.directions.iter().zip(&axes) {
                assert!(dot(found, axis).abs() > 0.99, "{channels}: {}", dot(found, axis));
                let largest = found.iter().copied().fold(0f64, |b, v| if v.abs() > b.abs() { v } else { b });
                assert!(largest > 0.0);
            }
            assert!((basis.explained.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{:?}", basis.explained);
            let colours = basis.colours(&grid).unwrap();
            assert!(colours.values().iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }

    #[test]
    fn a_flat_map_and_few_channels_are_no_problem() {
        for (c, h, w) in [(8, 4, 4), (1, 5, 5), (2, 1, 1), (64, 1, 1)] {
            let basis = PcaBasis::fit(&[&Grid::from_fn(c, h, w, |c, _, _| c as f32)]).unwrap();
            let colours = basis.colours(&Grid::from_fn(c, h, w, |_, y, x| (x + y) as f32)).unwrap();
            assert!(colours.values().iter().all(|v| v.is_finite()));
        }
        assert!(PcaBasis::fit(&[]).is_err());
    }

    #[test]
    fn transferred_colours_agree_where_the_content_agrees() {
        let (grid, _) = made(24, 16, 16);
        let basis = PcaBasis::fit(&[&grid]).unwrap();
        // Another block that holds the same content in other channels.
        let mixed = Grid::from_fn(12, 16, 16, |c, y, x| {
            2.0 * grid.at(c, y, x).unwrap() - grid.at(23 - c, y, x).unwrap()
        });
        let other = basis.transfer(&[&grid], &[&mixed]).unwrap();
        let (a, b) = (basis.colours(&grid).unwrap(), other.colours(&mixed).unwrap());
        let far: f32 = a.channel(0).iter().zip(b.channel(0)).map(|(a, b)| (a - b).abs()).sum::<f32>() / 256.0;
        assert!(far < 0.05, "{far}");
        assert!(other.colours(&grid).is_err());
    }
}
