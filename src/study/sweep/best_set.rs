//! Which cells cannot be told from the best.
//!
//! A cell stays in the set unless some other is better by more than chance would make *any* other
//! better, were this cell the best: multiple comparisons with the best (Hsu 1981), with the point that
//! a difference must pass taken from the largest of all standardised differences over pictures drawn
//! anew. So whichever cell is truly the best, it is in the set with a probability of 95 %, however many
//! cells there are and however much they have in common.

use rayon::prelude::*;

use super::config::Metric;
use super::metric::{Rounds, Truth};
use crate::error::Result;
use crate::study::statistics::{Bootstrap, Estimate, quantile, times_drawn, wilson_of_share};

/// How sure it is that the best is in the set.
const SURE: f64 = 0.95;
/// A difference of so many standard errors is never chance's: no set of cells is so large.
const CERTAIN: f64 = 8.0;

/// Cells on the same pictures, and what they come to where these are drawn anew.
pub(in crate::study) struct Drawn {
    /// Of each cell, on the pictures as they are.
    pub values: Vec<f64>,
    /// `[draw][cell]`.
    means: Vec<Vec<f64>>,
    pictures: usize,
    /// Variance that is added to that of a difference: half a picture of doubt.
    doubt: f64,
}

impl Drawn {
    /// Draws pictures for `cells` at once, so that they stay paired. The same whatever the threads.
    pub fn of(cells: &[&Rounds], metric: Metric, truth: &Truth<'_>, bootstrap: Bootstrap) -> Drawn {
        let once = truth.once();
        let values = cells.iter().map(|rounds| truth.value(metric, rounds, &once)).collect();
        let right: Vec<Vec<f64>> = match metric {
            Metric::MacroF1 => Vec::new(),
            Metric::Accuracy | Metric::BalancedAccuracy => {
                cells.iter().map(|rounds| truth.right(rounds)).collect()
            }
        };
        let pictures = truth.labels.len();
        let draw = |draw: u64| -> Vec<f64> {
            let times = times_drawn(pictures, draw, bootstrap.seed);
            if metric == Metric::MacroF1 {
                return cells.iter().map(|rounds| truth.value(metric, rounds, &times)).collect();
            }
            let shares = truth.shares(metric, &times);
            right.iter().map(|right| right.iter().zip(&shares).map(|(r, s)| r * s).sum()).collect()
        };
        let means = (0..bootstrap.resamples as u64).into_par_iter().map(draw).collect();
        Drawn { values, means, pictures, doubt: 0.5 / (pictures as f64).powi(2) }
    }

    /// Likewise for `cells` that are the mean of what each picture adds, `[cell][picture]`; of as many
    /// pictures, and larger where they are better.
    pub fn of_means(cells: &[Vec<f64>], bootstrap: Bootstrap) -> Drawn {
        let pictures = cells.first().map_or(0, Vec::len);
        let count = pictures.max(1) as f64;
        let values: Vec<f64> = cells.iter().map(|of| of.iter().sum::<f64>() / count).collect();
        let draw = |draw: u64| -> Vec<f64> {
            let times = times_drawn(pictures, draw, bootstrap.seed);
            let mean =
                |of: &Vec<f64>| of.iter().zip(&times).map(|(v, &t)| v * f64::from(t)).sum::<f64>() / count;
            cells.iter().map(mean).collect()
        };
        let means = (0..bootstrap.resamples as u64).into_par_iter().map(draw).collect();
        // Half a picture is as much as pictures differ by.
        let spread =
            |(of, mean): (&Vec<f64>, &f64)| of.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        let variance = cells.iter().zip(&values).map(spread).sum::<f64>() / cells.len().max(1) as f64;
        // Never quite 0, so that equal cells can be divided by it.
        let doubt = (0.5 * variance / count.powi(2)).max(f64::MIN_POSITIVE);
        Drawn { values, means, pictures, doubt }
    }

    /// The first of the largest values.
    pub fn best(&self) -> usize {
        let better = |best: usize, at: usize| if self.values[at] > self.values[best] { at } else { best };
        (0..self.values.len()).fold(0, better)
    }

    /// Each cell with its interval: Wilson's for accuracy, percentiles for anything else.
    ///
    /// # Errors
    /// When there is no picture.
    pub fn estimates(&self, metric: Metric) -> Result<Vec<Estimate>> {
        if metric == Metric::Accuracy {
            return self.values.iter().map(|&value| wilson_of_share(value, self.pictures)).collect();
        }
        Ok(self.percentiles())
    }

    /// Each cell between percentiles.
    pub fn percentiles(&self) -> Vec<Estimate> {
        (0..self.values.len())
            .into_par_iter()
            .map(|cell| self.interval(|means| means[cell], self.values[cell]))
            .collect()
    }

    /// `first` minus `second`, paired, with its interval.
    pub fn difference(&self, first: usize, second: usize) -> Estimate {
        self.interval(|means| means[first] - means[second], self.values[first] - self.values[second])
    }

    fn interval(&self, of: impl Fn(&[f64]) -> f64, value: f64) -> Estimate {
        let mut drawn: Vec<f64> = self.means.iter().map(|means| of(means)).collect();
        drawn.sort_by(f64::total_cmp);
        let (low, high) = (quantile(&drawn, 0.025), quantile(&drawn, 0.975));
        Estimate { value, low: low.min(value), high: high.max(value) }
    }

    /// Whether each cell is in the set. The one with the largest value always is.
    pub fn best_set(&self) -> Vec<bool> {
        let cells = self.values.len();
        (0..cells).into_par_iter().map(|cell| self.may_be_best(cell)).collect()
    }

    fn may_be_best(&self, cell: usize) -> bool {
        let others: Vec<(usize, f64)> = (0..self.values.len())
            .filter(|&other| other != cell)
            .map(|other| (other, self.error_of(other, cell)))
            .collect();
        let standard = |(other, error): &(usize, f64)| (self.values[*other] - self.values[cell]) / error;
        let farthest = others.iter().map(standard).fold(f64::NEG_INFINITY, f64::max);
        if farthest <= 0.0 {
            return true;
        }
        if farthest > CERTAIN {
            return false;
        }
        let mut largest: Vec<f64> = (self.means.iter())
            .map(|means| {
                let by_chance = |(other, error): &(usize, f64)| {
                    let plain = self.values[*other] - self.values[cell];
                    (means[*other] - means[cell] - plain) / error
                };
                others.iter().map(by_chance).fold(f64::NEG_INFINITY, f64::max)
            })
            .collect();
        largest.sort_by(f64::total_cmp);
        farthest <= quantile(&largest, SURE)
    }

    /// The standard error of the difference of two cells. Cells that agree on nearly every picture seem
    /// more certain than they are: half a picture of doubt is added.
    fn error_of(&self, first: usize, second: usize) -> f64 {
        let plain = self.values[first] - self.values[second];
        let square = |means: &Vec<f64>| (means[first] - means[second] - plain).powi(2);
        let variance = self.means.iter().map(square).sum::<f64>() / self.means.len().max(1) as f64;
        (variance + self.doubt).sqrt()
    }
}

#[cfg(test)]
#[path = "best_set_tests.rs"]
mod tests;
