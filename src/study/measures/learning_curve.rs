//! What more labels would bring: accuracy as a power law of their number, acc(n) = a − b·n^(−c), as learning
//! curves follow it (Mahmood et al., arXiv 2207.01725), fitted, forecast and read backwards.

use rayon::prelude::*;
use serde::Serialize;

use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::study::statistics::{Bootstrap, between};

/// The exponents tried first, spaced evenly on a logarithmic scale.
const EXPONENTS: [f64; 2] = [0.01, 4.0];
const TRIED: usize = 120;
/// Halvings (almost) of the interval around the best of them.
const REFINED: usize = 40;
/// How many results the common variance of all points counts as, beside those of a point.
const COMMON: f64 = 2.0;

/// Accuracies with one number of labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Labels learned from, in all or of each class: forecasts are in the same unit.
    pub labels: f64,
    /// The accuracy of each repeat, 0 to 1. Where every point has as many, those in one place are taken to
    /// be of one seed.
    pub accuracies: Vec<f64>,
}

/// acc(n) = a − b·n^(−c).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PowerLaw {
    /// a: where it leads, at most 1.
    pub ceiling: f64,
    /// b: what one label lacks of that, at least 0.
    pub gap: f64,
    /// c: how fast it gets there.
    pub exponent: f64,
}

impl PowerLaw {
    /// The accuracy with so many labels, at least 0.
    pub fn at(&self, labels: f64) -> f64 {
        (self.ceiling - self.gap * libm::pow(labels, -self.exponent)).max(0.0)
    }

    /// The labels that reach `accuracy`; none where it is never reached.
    pub fn labels_for(&self, accuracy: f64) -> Option<f64> {
        if self.gap <= 0.0 {
            return (accuracy <= self.ceiling).then_some(0.0);
        }
        let labels = libm::pow(self.gap / (self.ceiling - accuracy), 1.0 / self.exponent);
        (accuracy < self.ceiling && labels.is_finite()).then_some(labels)
    }
}

/// An accuracy to come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The accuracy.
    pub value: f64,
    /// Its 95 % interval; none where a point has one repeat only.
    pub interval: Option<[f64; 2]>,
}

/// Labels that a target takes; none where it is not reached with any number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Needed {
    /// The number of labels.
    pub labels: Option<f64>,
    /// Its 95 % interval, from the fewest to the most; none where a point has one repeat only.
    pub interval: Option<[Option<f64>; 2]>,
}

/// A fitted learning curve, and those of resampled repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurve {
    /// The curve.
    pub law: PowerLaw,
    /// Curves of the bootstrap; empty where a point has one repeat only.
    drawn: Vec<PowerLaw>,
}

/// What a curve is fitted to.
struct Point {
    log_labels: f64,
    accuracy: f64,
    weight: f64,
}

impl LearningCurve {
    /// Fits the curve by weighted least squares. A point weighs as the inverse variance of its mean, which
    /// is estimated from its repeats and, as if they were two repeats more, those of all points.
    ///
    /// Intervals come from a bootstrap over repeats, whose deviations are widened by √(r/(r − 1)) for r
    /// repeats. They tell of chance in the repeats, not of a curve that bends otherwise later on.
    ///
    /// # Errors
    /// When there are fewer than three different numbers of labels, or a value is impossible.
    pub fn fit(measured: &[Measured], bootstrap: Bootstrap) -> Result<LearningCurve> {
        bootstrap.check()?;
        check(measured)?;
        let weights = weights(measured);
        let points = |means: &[f64]| -> Vec<Point> {
            let all = measured.iter().zip(means).zip(&weights);
            all.map(|((measured, &accuracy), &weight)| Point {
                log_labels: libm::log(measured.labels),
                accuracy,
                weight,
            })
            .collect()
        };
        let means: Vec<f64> = measured.iter().map(|point| mean(&point.accuracies)).collect();
        let law = fit(&points(&means));
        let repeats: Vec<usize> = measured.iter().map(|point| point.accuracies.len()).collect();
        if repeats.contains(&1) {
            return Ok(LearningCurve { law, drawn: Vec::new() });
        }
        let together = repeats.iter().all(|&count| count == repeats[0]);
        let draw = |number: usize| {
            let mut chance = Chance::new(bootstrap.seed, &format!("repeats of a learning curve {number}"));
            let mut seeds: Vec<usize> = Vec::new();
            let drawn = measured.iter().zip(&means).map(|(point, mean)| {
                let count = point.accuracies.len();
                if seeds.is_empty() || !together {
                    seeds = (0..count).map(|_| chance.below(count)).collect();
                }
                let sum: f64 = seeds.iter().map(|&seed| point.accuracies[seed]).sum();
                let widened = (count as f64 / (count - 1) as f64).sqrt();
                (mean + widened * (sum / count as f64 - mean)).clamp(0.0, 1.0)
            });
            fit(&points(&drawn.collect::<Vec<_>>()))
        };
        Ok(LearningCurve { law, drawn: (0..bootstrap.resamples).into_par_iter().map(draw).collect() })
    }

    /// The accuracy with so many labels.
    pub fn forecast(&self, labels: f64) -> Forecast {
        let value = self.law.at(labels);
        let interval = (!self.drawn.is_empty()).then(|| {
            let estimate = between(value, self.drawn.iter().map(|law| law.at(labels)).collect());
            [estimate.low, estimate.high]
        });
        Forecast { value, interval }
    }

    /// The labels that reach `accuracy`.
    pub fn labels_for(&self, accuracy: f64) -> Needed {
        let labels = self.law.labels_for(accuracy);
        let mut drawn: Vec<f64> =
            self.drawn.iter().map(|law| law.labels_for(accuracy).unwrap_or(f64::INFINITY)).collect();
        drawn.sort_by(f64::total_cmp);
        let most = drawn.len().saturating_sub(1) as f64;
        let interval = (!drawn.is_empty()).then(|| {
            // Outwards: between a number and none there is nothing.
            let low = drawn[(0.025 * most).floor() as usize].min(labels.unwrap_or(f64::INFINITY));
            let high = drawn[(0.975 * most).ceil() as usize].max(labels.unwrap_or(f64::INFINITY));
            [low, high].map(|end| end.is_finite().then_some(end))
        });
        Needed { labels, interval }
    }
}

fn check(measured: &[Measured]) -> Result<()> {
    let mut numbers: Vec<f64> = measured.iter().map(|point| point.labels).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    if numbers.len() < 3 {
        return Err(Error::Setting(format!(
            "a learning curve needs three different numbers of labels, and there are {}; measure with more, as with 5, 10 and 20",
            numbers.len()
        )));
    }
    let possible = |point: &Measured| {
        let share = |value: &f64| (0.0..=1.0).contains(value);
        point.labels >= 1.0
            && point.labels.is_finite()
            && !point.accuracies.is_empty()
            && point.accuracies.iter().all(share)
    };
    match measured.iter().find(|point| !possible(point)) {
        Some(point) => Err(Error::Compute(format!("no learning curve goes through {point:?}"))),
        None => Ok(()),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Inverse variances of the means; the numbers of repeats where none of them differ.
fn weights(measured: &[Measured]) -> Vec<f64> {
    let squares = |point: &Measured| {
        let mean = mean(&point.accuracies);
        point.accuracies.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
    };
    let free = |point: &Measured| (point.accuracies.len() - 1) as f64;
    let common = measured.iter().map(squares).sum::<f64>() / measured.iter().map(free).sum::<f64>().max(1.0);
    let weight = |point: &Measured| {
        let repeats = point.accuracies.len() as f64;
        let variance = (squares(point) + COMMON * common) / (free(point) + COMMON);
        // Equal to rounding is equal.
        if common > 1e-20 { repeats / variance } else { repeats }
    };
    measured.iter().map(weight).collect()
}

fn fit(points: &[Point]) -> PowerLaw {
    let [low, high] = EXPONENTS.map(libm::log);
    let exponent = |place: f64| libm::exp(low + (high - low) * place / (TRIED - 1) as f64);
    let error = |place: f64| along(points, exponent(place)).1;
    let mut best = (0.0, f64::INFINITY);
    for place in 0..TRIED {
        let found = error(place as f64);
        if found < best.1 {
            best = (place as f64, found);
        }
    }
    // Golden section between its neighbours.
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut from, mut to) = ((best.0 - 1.0).max(0.0), (best.0 + 1.0).min((TRIED - 1) as f64));
    for _ in 0..REFINED {
        let (left, right) = (to - ratio * (to - from), from + ratio * (to - from));
        if error(left) <= error(right) {
            to = right;
        } else {
            from = left;
        }
    }
    let middle = (from + to) / 2.0;
    let place = if error(middle) <= best.1 { middle } else { best.0 };
    along(points, exponent(place)).0
}

/// The best a ≤ 1 and b ≥ 0 for an exponent, in closed form, and its weighted squared error.
fn along(points: &[Point], exponent: f64) -> (PowerLaw, f64) {
    let power = |point: &Point| libm::exp(-exponent * point.log_labels);
    let sum = |of: &dyn Fn(&Point) -> f64| points.iter().map(|point| point.weight * of(point)).sum::<f64>();
    let whole = sum(&|_| 1.0);
    let (x, y) = (sum(&power) / whole, sum(&|point| point.accuracy) / whole);
    let square = sum(&|point| (power(point) - x).powi(2));
    let product = sum(&|point| (power(point) - x) * (point.accuracy - y));
    let mut gap = if square > 0.0 { -product / square } else { 0.0 };
    let mut ceiling = y + gap * x;
    if gap <= 0.0 {
        (gap, ceiling) = (0.0, y);
    } else if ceiling > 1.0 {
        ceiling = 1.0;
        gap = sum(&|point| power(point) * (1.0 - point.accuracy)) / sum(&|point| power(point).powi(2));
    }
    let error = sum(&|point| (point.accuracy - ceiling + gap * power(point)).powi(2));
    (PowerLaw { ceiling, gap, exponent }, error)
}

#[cfg(test)]
#[path = "learning_curve_tests.rs"]
mod tests;
