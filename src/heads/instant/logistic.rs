//! Multinomial logistic regression to its optimum: what a linear head on frozen features comes to when
//! nothing but its penalty decides.
//!
//! Rows are standardised by those learned from. The penalty is ½·‖W‖² beside the sum of the
//! cross-entropies, biases free, as `LogisticRegression` of scikit-learn has it by default.

use std::collections::VecDeque;

use super::centre::{exact_mean, products};
use super::ridge::{spread, transposed};
use crate::error::{Error, Result};
use crate::heads::neural::check_classes;
use crate::heads::rows::Rows;

/// Steps of the optimiser at most.
const STEPS: usize = 300;
/// The optimum is where no slope of the mean loss is larger.
const FLAT: f64 = 1e-5;
/// Pairs of steps and slopes that the next step is made of.
const MEMORY: usize = 10;
/// What part of the promised descent a step must bring (Armijo).
const DESCENT: f64 = 1e-4;
/// How often a step that brings less is halved.
const HALVINGS: usize = 30;

/// A linear layer over features as they are: standardising is folded in.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearProbe {
    classes: usize,
    /// `[K, d]`.
    weight: Vec<f32>,
    /// `[K]`.
    bias: Vec<f32>,
}

/// Standardised rows `[n, d]`, and the same `[d, n]`.
struct Problem<'a> {
    rows: Vec<f64>,
    columns: Vec<f64>,
    labels: &'a [usize],
    classes: usize,
    width: usize,
}

impl LinearProbe {
    /// Fits to rows and their labels, 0 … `classes` − 1.
    ///
    /// # Errors
    /// When there is no row, or labels do not fit.
    pub fn fit(rows: &Rows, labels: &[usize], classes: usize) -> Result<LinearProbe> {
        check_classes(classes)?;
        let (n, d) = (rows.count(), rows.width());
        if n == 0 || labels.len() != n || labels.iter().any(|&label| label >= classes) {
            return Err(Error::Compute(format!(
                "{} labels of {classes} classes for {n} pictures",
                labels.len()
            )));
        }
        let centre = exact_mean(rows);
        let scale = spread(rows, &centre);
        let mut standard = Vec::with_capacity(n * d);
        for row in rows.iter() {
            let columns = row.iter().zip(centre.iter().zip(&scale));
            standard.extend(columns.map(|(&value, (mean, scale))| (f64::from(value) - mean) / scale));
        }
        let columns = transposed(&standard, n, d);
        let problem = Problem { rows: standard, columns, labels, classes, width: d };
        let found = problem.least()?;
        let (slopes, biases) = found.split_at(classes * d);
        let mut probe = LinearProbe { classes, weight: Vec::with_capacity(classes * d), bias: Vec::new() };
        for (slopes, &bias) in slopes.chunks_exact(d).zip(biases) {
            let folded = slopes.iter().zip(&scale).map(|(slope, scale)| slope / scale);
            let shift: f64 = folded.clone().zip(&centre).map(|(slope, mean)| slope * mean).sum();
            probe.weight.extend(folded.map(|slope| slope as f32));
            probe.bias.push((bias - shift) as f32);
        }
        Ok(probe)
    }

    /// Logits, K for each row.
    ///
    /// # Errors
    /// When rows have another length than those it was fitted to.
    pub fn logits(&self, rows: &Rows) -> Result<Vec<f32>> {
        if rows.width() * self.classes != self.weight.len() {
            return Err(Error::Compute(format!("rows of {} for another probe", rows.width())));
        }
        let products = products(rows.values(), &self.weight, rows.width())?;
        Ok(products.iter().enumerate().map(|(at, product)| product + self.bias[at % self.classes]).collect())
    }
}

impl Problem<'_> {
    /// The mean loss at `at` (`[K, d]`, then `[K]`), and its slopes.
    fn loss(&self, at: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (n, classes) = (self.labels.len(), self.classes);
        let (slopes, biases) = at.split_at(classes * self.width);
        let mut scores = products(&self.rows, slopes, self.width)?;
        let mut loss = 0.0;
        for (row, &label) in scores.chunks_exact_mut(classes).zip(self.labels) {
            row.iter_mut().zip(biases).for_each(|(score, bias)| *score += bias);
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|score| (score - top).exp()).sum();
            loss += sum.ln() + top - row[label];
            // What is left is the slope of this row's loss.
            row.iter_mut().for_each(|score| *score = (*score - top).exp() / sum);
            row[label] -= 1.0;
        }
        let errors = transposed(&scores, n, classes);
        let mut down = products(&errors, &self.columns, n)?;
        down.iter_mut().zip(slopes).for_each(|(down, slope)| *down += slope);
        down.extend(errors.chunks_exact(n).map(|errors| errors.iter().sum::<f64>()));
        loss += slopes.iter().map(|slope| slope * slope).sum::<f64>() / 2.0;
        let share = 1.0 / n as f64;
        down.iter_mut().for_each(|down| *down *= share);
        Ok((loss * share, down))
    }

    /// Where the loss is least, by L-BFGS (Nocedal and Wright, algorithm 7.4).
    fn least(&self) -> Result<Vec<f64>> {
        let mut at = vec![0.0; self.classes * (self.width + 1)];
        let (mut loss, mut down) = self.loss(&at)?;
        let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
        for _ in 0..STEPS {
            if down.iter().all(|slope| slope.abs() < FLAT) {
                break;
            }
            let step = direction(&down, &memory);
            let promised = dot(&step, &down);
            let mut length = if memory.is_empty() { 1.0 / dot(&down, &down).sqrt().max(1.0) } else { 1.0 };
            let mut next = None;
            for _ in 0..HALVINGS {
                let there: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at + length * step).collect();
                let (loss_there, down_there) = self.loss(&there)?;
                if loss_there <= loss + DESCENT * length * promised {
                    next = Some((there, loss_there, down_there));
                    break;
                }
                length /= 2.0;
            }
            // Rounding allows no further descent.
            let Some((there, loss_there, down_there)) = next else { break };
            let moved: Vec<f64> = there.iter().zip(&at).map(|(new, old)| new - old).collect();
            let turned: Vec<f64> = down_there.iter().zip(&down).map(|(new, old)| new - old).collect();
            let curve = dot(&moved, &turned);
            if curve > 0.0 {
                memory.push_back((moved, turned, 1.0 / curve));
                if memory.len() > MEMORY {
                    memory.pop_front();
                }
            }
            (at, loss, down) = (there, loss_there, down_there);
        }
        Ok(at)
    }
}

/// The step that `memory` makes of the slopes `down`.
fn direction(down: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>, f64)>) -> Vec<f64> {
    let mut step: Vec<f64> = down.iter().map(|slope| -slope).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (moved, turned, rate) in memory.iter().rev() {
        let share = rate * dot(moved, &step);
        step.iter_mut().zip(turned).for_each(|(step, turned)| *step -= share * turned);
        shares.push(share);
    }
    if let Some((_, turned, rate)) = memory.back() {
        let scale = 1.0 / (rate * dot(turned, turned));
        step.iter_mut().for_each(|step| *step *= scale);
    }
    for ((moved, turned, rate), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = share - rate * dot(turned, &step);
        step.iter_mut().zip(moved).for_each(|(step, moved)| *step += back * moved);
    }
    step
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;

    /// The loss as it is written in a book, of standardised rows.
    fn by_the_book(x: &[Vec<f64>], labels: &[usize], weight: &[Vec<f64>], bias: &[f64]) -> f64 {
        let each = x.iter().zip(labels).map(|(row, &label)| {
            let scores: Vec<f64> = weight.iter().zip(bias).map(|(w, b)| dot(w, row) + b).collect();
            scores.iter().map(|score| score.exp()).sum::<f64>().ln() - scores[label]
        });
        each.sum::<f64>() + weight.iter().flatten().map(|w| w * w).sum::<f64>() / 2.0
    }

    #[test]
    fn no_neighbour_of_the_optimum_is_better() {
        for (n, d, classes) in [(40, 6, 3), (20, 50, 4)] {
            let labels: Vec<usize> = (0..n).map(|i| (i * 7 / 3) % classes).collect();
            let mut values = standard_normal(&[9; 32], n * d);
            for (row, &label) in values.chunks_exact_mut(d).zip(&labels) {
                row[label] += 3.0;
                row[d - 1] = 4.0; // Never changes.
            }
            let rows = Rows::new(d, values).unwrap();
            let probe = LinearProbe::fit(&rows, &labels, classes).unwrap();
            // Standardised here once more, and the weights unfolded.
            let mean: Vec<f64> =
                (0..d).map(|j| rows.iter().map(|row| f64::from(row[j])).sum::<f64>() / n as f64).collect();
            let deviation = |j: usize| {
                let square = |row: &[f32]| (f64::from(row[j]) - mean[j]).powi(2);
                let deviation = (rows.iter().map(square).sum::<f64>() / n as f64).sqrt();
                if deviation > 1e-6 { deviation } else { 1.0 }
            };
            let x: Vec<Vec<f64>> = rows
                .iter()
                .map(|row| (0..d).map(|j| (f64::from(row[j]) - mean[j]) / deviation(j)).collect())
                .collect();
            let weight: Vec<Vec<f64>> = (probe.weight.chunks_exact(d))
                .map(|w| (0..d).map(|j| f64::from(w[j]) * deviation(j)).collect())
                .collect();
            let bias: Vec<f64> = (probe.weight.chunks_exact(d).zip(&probe.bias))
                .map(|(w, &b)| f64::from(b) + (0..d).map(|j| f64::from(w[j]) * mean[j]).sum::<f64>())
                .collect();
            let least = by_the_book(&x, &labels, &weight, &bias);
            for class in 0..classes {
                for j in 0..d {
                    for step in [-1e-2, 1e-2] {
                        let mut other = weight.clone();
                        other[class][j] += step;
                        assert!(by_the_book(&x, &labels, &other, &bias) > least, "{class} {j}");
                    }
                }
                let mut other = bias.clone();
                other[class] += 1e-2;
                assert!(by_the_book(&x, &labels, &weight, &other) > least);
            }
            let logits = probe.logits(&rows).unwrap();
            let right = logits
                .chunks_exact(classes)
                .zip(&labels)
                .filter(|(row, label)| row.iter().all(|score| *score <= row[**label]));
            assert!(right.count() * 10 >= n * 8, "it has learned");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rows = Rows::new(2, vec![1.0, 2.0]).unwrap();
        assert!(LinearProbe::fit(&rows, &[2], 2).is_err());
        let probe = LinearProbe::fit(&rows, &[1], 2).unwrap();
        assert!(probe.logits(&Rows::new(3, vec![0.0; 3]).unwrap()).is_err());
        assert_eq!(probe.logits(&rows).unwrap().len(), 2);
    }
}
