//! Ridge regression on ±1 targets, one class against the rest, in closed form.
//!
//! Features are standardised by the training rows. The penalty is the one of a grid with the least
//! squared error on rows left out: for a row i of the hat matrix H, with an unpenalised intercept,
//! that error is (y − Hy)ᵢ / (1 − Hᵢᵢ) exactly, so no row is left out in fact.

use super::calibrate::{sharpness, softmax_rows};
use super::centre::{exact_mean, products};
use super::tridiagonal::{Shifted, Tridiagonal};
use crate::error::Result;
use crate::heads::rows::Rows;
use crate::tensor::rows::PackedRows;

/// Penalties tried, over the mean eigenvalue: 10⁻⁴ … 10⁴ in half decades.
const GRID: std::ops::RangeInclusive<i32> = -8..=8;

/// Scores are `weight · row + bias`: standardising is folded in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ridge {
    /// `[K, d]`.
    pub weight: Vec<f32>,
    /// `[K]`.
    pub bias: Vec<f32>,
    /// The penalty chosen, on standardised features.
    pub penalty: f32,
}

impl Ridge {
    /// Scores `[n, K]`, about +1 for the class and −1 for others.
    pub fn scores(&self, rows: &Rows) -> Vec<f64> {
        linear_scores(&self.weight, &self.bias, rows.values())
    }
}

/// Scores `[n, K]` of `rows` by `weight` `[K, d]` and `bias` `[K]`: the bits of a row's do not follow from the
/// others.
fn linear_scores(weight: &[f32], bias: &[f32], rows: &[f32]) -> Vec<f64> {
    let classes = bias.len().max(1);
    let products = PackedRows::new(weight, weight.len() / classes).products(rows);
    let score = |(index, product): (usize, f32)| f64::from(product) + f64::from(bias[index % classes]);
    products.into_iter().enumerate().map(score).collect()
}

/// The probabilities `[n, K]` that [`InstantHead::linear`](super::InstantHead::linear) of the same gives for
/// `rows`, to the bit.
pub fn linear_probabilities(weight: &[f32], bias: &[f32], sharpness: f32, rows: &[f32]) -> Vec<f32> {
    let scores = linear_scores(weight, bias, rows);
    softmax_rows(&sharpened(scores, sharpness), bias.len())
}

/// Scores as logits.
pub(super) fn sharpened(scores: Vec<f64>, sharpness: f32) -> Vec<f32> {
    scores.into_iter().map(|score| (score * f64::from(sharpness)) as f32).collect()
}

/// What the penalty is chosen by, for one of them.
struct Trial {
    penalty: f64,
    error: f64,
    /// Scores `[n, K]` of every row while it was left out.
    left_out: Vec<f64>,
}

/// Training rows, standardised, and targets about their means.
struct Problem {
    n: usize,
    d: usize,
    classes: usize,
    /// `[n, d]`.
    x: Vec<f64>,
    /// `[n, K]`, centred.
    y: Vec<f64>,
    /// Means of the targets.
    level: Vec<f64>,
}

/// The regression, and its sharpness.
pub(super) fn fit(rows: &Rows, labels: &[usize], classes: usize) -> Result<(Ridge, f32)> {
    let (n, d) = (rows.count(), rows.width());
    // In f64: what is left of a rounded mean would stand beside small penalties.
    let centre = exact_mean(rows);
    let scale = spread(rows, &centre);
    let mut x = Vec::with_capacity(n * d);
    for row in rows.iter() {
        let columns = row.iter().zip(centre.iter().zip(&scale));
        x.extend(columns.map(|(&v, (mean, scale))| (f64::from(v) - mean) / scale));
    }
    let (y, level) = targets(labels, classes);
    let problem = Problem { n, d, classes, x, y, level };
    let (trial, slopes) = if n <= d { problem.dual()? } else { problem.primal()? };

    let mut weight = Vec::with_capacity(classes * d);
    let mut bias = Vec::with_capacity(classes);
    for class in 0..classes {
        let mut shift = problem.level[class];
        for ((slope, scale), &mean) in slopes[class * d..][..d].iter().zip(&scale).zip(&centre) {
            weight.push((slope / scale) as f32);
            shift -= slope / scale * mean;
        }
        bias.push(shift as f32);
    }
    let sharpness = sharpness(&trial.left_out, labels, classes);
    Ok((Ridge { weight, bias, penalty: trial.penalty as f32 }, sharpness))
}

/// Targets ±1 of every row and class about their means, `[n, K]`, and these.
fn targets(labels: &[usize], classes: usize) -> (Vec<f64>, Vec<f64>) {
    let mut level = vec![-1f64; classes];
    labels.iter().for_each(|&label| level[label] += 2.0 / labels.len() as f64);
    let target = |&label: &usize| {
        let level = &level;
        (0..classes).map(move |class| if class == label { 1.0 } else { -1.0 } - level[class])
    };
    (labels.iter().flat_map(target).collect(), level)
}

/// What rows left out say of a ridge regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RidgeChoice {
    /// The penalty, on the scale of the products of rows.
    pub penalty: f64,
    /// Scores times this are logits.
    pub sharpness: f32,
}

impl RidgeChoice {
    /// The choice that a ridge regression on ±1 targets makes, from the products `[n, n]` of `labels.len()`
    /// rows of `width` numbers: these need not be centred. As the head `ridge` where rows are standardised
    /// as it does.
    pub fn by_products(
        mut products: Vec<f64>,
        width: usize,
        labels: &[usize],
        classes: usize,
    ) -> RidgeChoice {
        let n = labels.len();
        let means: Vec<f64> =
            products.chunks_exact(n.max(1)).map(|row| row.iter().sum::<f64>() / n as f64).collect();
        let mean = means.iter().sum::<f64>() / n as f64;
        for (row, of_row) in products.chunks_exact_mut(n.max(1)).zip(&means) {
            row.iter_mut().zip(&means).for_each(|(value, of_column)| *value += mean - of_row - of_column);
        }
        let (y, level) = targets(labels, classes);
        let problem = Problem { n, d: width.max(1), classes, x: Vec::new(), y, level };
        let (trial, _) = problem.by_products(products);
        RidgeChoice { penalty: trial.penalty, sharpness: sharpness(&trial.left_out, labels, classes) }
    }
}

/// Standard deviations; one where a column does not vary.
pub(super) fn spread(rows: &Rows, centre: &[f64]) -> Vec<f64> {
    let mut sums = vec![0f64; rows.width()];
    for row in rows.iter() {
        for ((sum, &value), &mean) in sums.iter_mut().zip(row).zip(centre) {
            *sum += (f64::from(value) - mean).powi(2);
        }
    }
    let n = rows.count() as f64;
    let deviation = |(sum, mean): (&f64, &f64)| {
        let deviation = (sum / n).sqrt();
        // What is left of a constant column is the rounding of its mean.
        if deviation > 1e-6 * mean.abs() && deviation > 0.0 { deviation } else { 1.0 }
    };
    sums.iter().zip(centre).map(deviation).collect()
}

impl Problem {
    /// Through the n×n products of rows: G = X·Xᵀ, residuals λ·(G + λ)⁻¹·y. Slopes `[K, d]`.
    fn dual(&self) -> Result<(Trial, Vec<f64>)> {
        let Problem { d, classes, .. } = *self;
        let (best, alphas) = self.by_products(products(&self.x, &self.x, d)?);
        let mut slopes = vec![0f64; classes * d];
        for (alpha, slopes) in alphas.iter().zip(slopes.chunks_exact_mut(d)) {
            for (alpha, row) in alpha.iter().zip(self.x.chunks_exact(d)) {
                slopes.iter_mut().zip(row).for_each(|(slope, x)| *slope += alpha * x);
            }
        }
        Ok((best, slopes))
    }

    /// From the products of rows G `[n, n]` alone: the best penalty, and (G + λ)⁻¹·y of every class.
    fn by_products(&self, gram: Vec<f64>) -> (Trial, Vec<Vec<f64>>) {
        let Problem { n, d, classes, .. } = *self;
        // Of more rows than columns the others are zero.
        let unit = mean_eigenvalue(&gram, n) * n as f64 / n.min(d) as f64;
        let reduced = Tridiagonal::new(gram, n);
        let turned: Vec<Vec<f64>> =
            (0..classes).map(|class| self.turned(&reduced, |row| self.y[row * classes + class])).collect();
        let alphas = |shifted: &Shifted| -> Vec<Vec<f64>> {
            let along = turned.iter().map(|y| shifted.solve(y));
            along.map(|along| reduced.rows().map(|row| dot(row, &along)).collect()).collect()
        };
        let best = self.best(unit, |penalty| {
            let shifted = reduced.shifted(penalty);
            let alphas = alphas(&shifted);
            let free: Vec<f64> =
                reduced.rows().map(|row| penalty * shifted.quadratic(row) - 1.0 / n as f64).collect();
            (free, alphas.into_iter().map(|a| a.into_iter().map(|a| penalty * a).collect()).collect())
        });
        let alphas = alphas(&reduced.shifted(best.penalty));
        (best, alphas)
    }

    /// Through the d×d products of columns: S = Xᵀ·X = Q·T·Qᵀ, with rows turned to Z = X·Q. Slopes
    /// `[K, d]`.
    fn primal(&self) -> Result<(Trial, Vec<f64>)> {
        let Problem { n, d, classes, .. } = *self;
        let columns = transposed(&self.x, n, d);
        let covariance = products(&columns, &columns, n)?;
        let unit = mean_eigenvalue(&covariance, d);
        let reduced = Tridiagonal::new(covariance, d);
        let z = products(&self.x, &transposed(reduced.q(), d, d), d)?;
        let mut turned = vec![vec![0f64; d]; classes];
        for (row, y) in z.chunks_exact(d).zip(self.y.chunks_exact(classes)) {
            for (turned, y) in turned.iter_mut().zip(y) {
                turned.iter_mut().zip(row).for_each(|(sum, z)| *sum += y * z);
            }
        }
        let best = self.best(unit, |penalty| {
            let shifted = reduced.shifted(penalty);
            let free = z.chunks_exact(d).map(|row| 1.0 - 1.0 / n as f64 - shifted.quadratic(row)).collect();
            let residuals = turned.iter().enumerate().map(|(class, turned)| {
                let slopes = shifted.solve(turned);
                let rows = z.chunks_exact(d).enumerate();
                rows.map(|(row, z)| self.y[row * classes + class] - dot(z, &slopes)).collect()
            });
            (free, residuals.collect())
        });
        let shifted = reduced.shifted(best.penalty);
        let mut slopes = Vec::with_capacity(classes * d);
        for turned in &turned {
            let along = shifted.solve(turned);
            slopes.extend(reduced.rows().map(|row| dot(row, &along)));
        }
        Ok((best, slopes))
    }

    /// Qᵀ·v for the vector of `value`.
    fn turned(&self, reduced: &Tridiagonal, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0f64; self.n];
        for (index, row) in reduced.rows().enumerate() {
            let value = value(index);
            sums.iter_mut().zip(row).for_each(|(sum, q)| *sum += value * q);
        }
        sums
    }

    /// Tries the grid; `at` gives 1 − Hᵢᵢ of every row and the residuals of every class.
    fn best(&self, unit: f64, at: impl Fn(f64) -> (Vec<f64>, Vec<Vec<f64>>)) -> Trial {
        let mut best: Option<Trial> = None;
        for step in GRID.rev() {
            let penalty = unit * 10f64.powf(f64::from(step) / 2.0);
            let (free, residuals) = at(penalty);
            let mut trial = Trial { penalty, error: 0.0, left_out: vec![0.0; self.y.len()] };
            for (class, residuals) in residuals.iter().enumerate() {
                for (row, (residual, free)) in residuals.iter().zip(&free).enumerate() {
                    let error = residual / free.max(1e-10);
                    let place = row * self.classes + class;
                    trial.error += error * error;
                    trial.left_out[place] = self.y[place] + self.level[class] - error;
                }
            }
            // From the largest penalty down, so that of equals the larger stays.
            if best.as_ref().is_none_or(|best| trial.error < best.error * (1.0 - 1e-9)) {
                best = Some(trial);
            }
        }
        best.unwrap_or(Trial { penalty: unit, error: 0.0, left_out: vec![0.0; self.y.len()] })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn mean_eigenvalue(matrix: &[f64], size: usize) -> f64 {
    let trace: f64 = (0..size).map(|i| matrix[i * size + i]).sum();
    if trace > 0.0 { trace / size as f64 } else { 1.0 }
}

pub(super) fn transposed(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let mut out = vec![0f64; matrix.len()];
    for (row, values) in matrix.chunks_exact(columns.max(1)).enumerate() {
        values.iter().enumerate().for_each(|(column, &value)| out[column * rows + row] = value);
    }
    out
}

#[cfg(test)]
#[path = "ridge_tests.rs"]
mod tests;
