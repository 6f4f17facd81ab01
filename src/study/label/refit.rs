//! The instant head of labelling: ridge regression on ±1 targets that follows every label given, changed or
//! taken away.
//!
//! Features are standardised by all pictures of the set, which needs no label, so that the products of two
//! rows stay as they are. With A = K + λ over the products K of labelled rows, an intercept b that is free,
//! u = A⁻¹·1 and V = A⁻¹·Y, the answer to any picture is k·α + b with b = Σ V / Σ u and α = V − u·b. A⁻¹ gains
//! or loses a row by a change of rank one, and products of labelled pictures with all others are kept.

use std::sync::Arc;

use super::columns::Columns;
use super::inverse::Inverse;
use super::space::Space;
use crate::error::{Error, Result};
use crate::heads::{RidgeChoice, softmax_rows};
use crate::study::measures::neighbours::{Metric, Neighbour, nearest_to};

/// The penalty over the mean square of rows, before labels can choose one.
const FIRST_PENALTY: f64 = 0.3;
/// Labels that a choice of the penalty takes.
const FEWEST: usize = 5;

/// Pictures whose products are made at a time.
const TOGETHER: usize = 64;

/// A ridge regression that follows labels.
#[derive(Clone)]
pub struct Refit {
    space: Arc<Space>,
    classes: usize,
    /// Labelled pictures, and their classes.
    pictures: Vec<usize>,
    labels: Vec<usize>,
    /// The place of each picture of the set among those.
    place: Vec<Option<usize>>,
    columns: Columns,
    inverse: Inverse,
    choice: RidgeChoice,
    /// Labels changed since the penalty was chosen.
    changed: usize,
}

/// What every picture would be labelled as.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestions {
    /// K.
    pub classes: usize,
    /// `[pictures, K]`: rows sum to one.
    pub probabilities: Vec<f32>,
}

impl Suggestions {
    /// Probabilities of the classes of `picture`.
    pub fn of(&self, picture: usize) -> &[f32] {
        &self.probabilities[picture * self.classes..][..self.classes]
    }

    /// The likeliest class of `picture`, of equals the first, its probability, and how much the next lacks.
    pub fn best(&self, picture: usize) -> Suggestion {
        let mut best = Suggestion { class: 0, confidence: 0.0, margin: 0.0 };
        let mut second = 0.0;
        for (class, &p) in self.of(picture).iter().enumerate() {
            if p > best.confidence {
                second = best.confidence;
                (best.class, best.confidence) = (class, p);
            } else if p > second {
                second = p;
            }
        }
        best.margin = best.confidence - second;
        best
    }
}

/// What a picture would be labelled as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suggestion {
    /// The class.
    pub class: usize,
    /// Its probability.
    pub confidence: f32,
    /// Its probability minus that of the next class.
    pub margin: f32,
}

/// A labelled picture near another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Example {
    /// The picture.
    pub picture: usize,
    /// Its class.
    pub class: usize,
    /// 1 − the cosine of their standardised features.
    pub distance: f64,
}

/// The choice of a penalty, to be made aside.
pub struct Tuning {
    pictures: Vec<usize>,
    labels: Vec<usize>,
    classes: usize,
    width: usize,
    /// Products of labelled rows, `[n, n]`.
    products: Vec<f64>,
}

/// A penalty chosen.
pub struct Tuned {
    pictures: Vec<usize>,
    choice: RidgeChoice,
    inverse: Inverse,
}

impl Tuning {
    /// Chooses the penalty, and how sharp probabilities are, by labels left out in closed form. It takes
    /// about 4·n³ operations.
    pub fn run(self) -> Tuned {
        let n = self.labels.len();
        let choice = RidgeChoice::by_products(self.products.clone(), self.width, &self.labels, self.classes);
        let mut inverse = Inverse::default();
        for (index, row) in self.products.chunks_exact(n.max(1)).enumerate() {
            inverse.push(&row[..index], row[index] + choice.penalty, choice.penalty);
        }
        Tuned { pictures: self.pictures, choice, inverse }
    }
}

impl Refit {
    /// Without labels, for `classes` classes.
    ///
    /// # Errors
    /// When there are fewer than two.
    pub fn new(space: Arc<Space>, classes: usize) -> Result<Refit> {
        if classes < 2 {
            let text = "labels tell apart two classes or more; add a class";
            return Err(Error::Setting(text.into()));
        }
        let count = space.count();
        let square = space.squares().iter().map(|&square| f64::from(square)).sum::<f64>() / count as f64;
        let penalty = FIRST_PENALTY * if square > 0.0 { square } else { 1.0 };
        Ok(Refit {
            space,
            classes,
            pictures: Vec::new(),
            labels: Vec::new(),
            place: vec![None; count],
            columns: Columns::new(count),
            inverse: Inverse::default(),
            choice: RidgeChoice { penalty, sharpness: 1.0 },
            changed: 0,
        })
    }

    /// The features.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// K.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Labelled pictures.
    pub fn pictures(&self) -> &[usize] {
        &self.pictures
    }

    /// Their classes.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The penalty in use, on products of standardised rows.
    pub fn penalty(&self) -> f64 {
        self.choice.penalty
    }

    /// The label of `picture`.
    pub fn label_of(&self, picture: usize) -> Option<usize> {
        self.place.get(picture).copied().flatten().map(|place| self.labels[place])
    }

    /// Products of `picture` with every labelled one.
    pub(super) fn products(&self, picture: usize) -> impl Iterator<Item = f32> {
        self.columns.row(picture)
    }

    /// Labels `picture`, another way than before where it was labelled, or takes its label away.
    ///
    /// # Errors
    /// When the picture or class is not there.
    pub fn label(&mut self, picture: usize, class: Option<usize>) -> Result<()> {
        if picture >= self.space.count() || class.is_some_and(|class| class >= self.classes) {
            let text = format!("label {class:?} of {} classes for picture {picture}", self.classes);
            return Err(Error::Compute(text));
        }
        match (self.place[picture], class) {
            (None, None) => return Ok(()),
            (Some(place), Some(class)) => self.labels[place] = class,
            (Some(place), None) => {
                self.inverse.swap_remove(place);
                self.columns.swap_remove(place);
                self.pictures.swap_remove(place);
                self.labels.swap_remove(place);
                self.place[picture] = None;
                if let Some(&moved) = self.pictures.get(place) {
                    self.place[moved] = Some(place);
                }
            }
            (None, Some(class)) => {
                let column = self.space.products(&[picture]);
                self.add(&column, picture, class);
            }
        }
        self.changed += 1;
        Ok(())
    }

    /// Labels many pictures: as [`Refit::label`] one after another, with products of many at a time.
    ///
    /// # Errors
    /// As [`Refit::label`]; those before the first that is not there are labelled.
    pub fn label_all(&mut self, labels: &[(usize, usize)]) -> Result<()> {
        for some in labels.chunks(TOGETHER) {
            let new = |(picture, class): &&(usize, usize)| {
                *class < self.classes && self.place.get(*picture) == Some(&None)
            };
            let fresh: Vec<usize> = some.iter().filter(new).map(|(picture, _)| *picture).collect();
            let products = self.space.products(&fresh);
            let mut columns = fresh.iter().zip(products.chunks_exact(self.space.count().max(1)));
            let mut next = columns.next();
            for &(picture, class) in some {
                match next {
                    Some((&of, column)) if of == picture && self.place[picture].is_none() => {
                        self.add(column, picture, class);
                        self.changed += 1;
                        next = columns.next();
                    }
                    _ => self.label(picture, Some(class))?,
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, column: &[f32], picture: usize, class: usize) {
        self.border(column, picture);
        self.columns.push(column);
        self.place[picture] = Some(self.pictures.len());
        self.pictures.push(picture);
        self.labels.push(class);
    }

    fn border(&mut self, column: &[f32], picture: usize) {
        let beside: Vec<f64> = self.pictures.iter().map(|&other| f64::from(column[other])).collect();
        let penalty = self.choice.penalty;
        self.inverse.push(&beside, f64::from(column[picture]) + penalty, penalty);
    }

    /// Coefficients α `[n, K]` and intercepts `[K]`.
    fn solution(&self) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let (n, classes) = (self.labels.len(), self.classes);
        let mut alphas = vec![0f64; n * classes];
        let mut ones = vec![0f64; n];
        for (index, (alphas, one)) in alphas.chunks_exact_mut(classes).zip(&mut ones).enumerate() {
            // Y is 2 for the class, minus 1 everywhere: one pass serves all classes.
            let row = self.inverse.row(index);
            row.iter().zip(&self.labels).for_each(|(value, &label)| alphas[label] += value);
            *one = alphas.iter().sum();
            alphas.iter_mut().for_each(|value| *value = 2.0 * *value - *one);
        }
        let all: f64 = ones.iter().sum();
        let mut intercepts = vec![0f64; classes];
        for row in alphas.chunks_exact(classes) {
            intercepts.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
        if all > 0.0 {
            intercepts.iter_mut().for_each(|value| *value /= all);
        }
        for (row, one) in alphas.chunks_exact_mut(classes).zip(&ones) {
            row.iter_mut().zip(&intercepts).for_each(|(value, intercept)| *value -= one * intercept);
        }
        (alphas, intercepts, ones)
    }

    /// Weights `[K, width]` of standardised rows, and biases `[K]`.
    fn slopes(&self) -> (Vec<f64>, Vec<f64>) {
        let (alphas, intercepts, _) = self.solution();
        let mut slopes = vec![0f64; self.classes * self.space.width()];
        for (&picture, alphas) in self.pictures.iter().zip(alphas.chunks_exact(self.classes)) {
            let row = self.space.rows().row(picture);
            for (slopes, alpha) in slopes.chunks_exact_mut(row.len()).zip(alphas) {
                slopes.iter_mut().zip(row).for_each(|(sum, &value)| *sum += alpha * f64::from(value));
            }
        }
        (slopes, intercepts)
    }

    /// Weights `[K, width]` and biases `[K]` that give the scores from features as they are, not
    /// standardised.
    pub fn weights(&self) -> (Vec<f32>, Vec<f32>) {
        let (slopes, mut biases) = self.slopes();
        let (means, scales) = self.space.standard();
        let mut weights = Vec::with_capacity(slopes.len());
        for (slopes, bias) in slopes.chunks_exact(self.space.width()).zip(&mut biases) {
            for ((slope, scale), mean) in slopes.iter().zip(scales).zip(means) {
                let weight = (slope * scale) as f32;
                // Of the weight as it is saved: its rounding must not meet the mean.
                *bias -= f64::from(weight) * mean;
                weights.push(weight);
            }
        }
        (weights, biases.into_iter().map(|bias| bias as f32).collect())
    }

    /// The penalty and how sharp probabilities are.
    pub fn choice(&self) -> RidgeChoice {
        self.choice
    }

    /// From now on there are `classes` classes, and a label is what `of` says of it; none takes it away.
    ///
    /// # Errors
    /// When there are fewer than two classes, or `of` names one that is not there.
    pub fn regroup(&mut self, classes: usize, of: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let after: Vec<Option<usize>> = self.labels.iter().map(|&label| of(label)).collect();
        if classes < 2 || after.iter().flatten().any(|&label| label >= classes) {
            return Err(Error::Compute(format!("labels regrouped to {classes} classes")));
        }
        let pictures = self.pictures.clone();
        for (picture, _) in pictures.into_iter().zip(&after).filter(|(_, label)| label.is_none()) {
            self.label(picture, None)?;
        }
        self.labels.iter_mut().for_each(|label| *label = of(*label).unwrap_or(0));
        self.classes = classes;
        self.changed += self.labels.len();
        Ok(())
    }

    /// Scores `[pictures, K]` of all pictures of the set, about +1 for the class and −1 for others; zeros
    /// without a label.
    pub fn scores(&self) -> Vec<f32> {
        let (alphas, intercepts, _) = self.solution();
        let mut scores = self.columns.times(&alphas, self.classes);
        for row in scores.chunks_exact_mut(self.classes) {
            row.iter_mut().zip(&intercepts).for_each(|(score, &intercept)| *score += intercept as f32);
        }
        scores
    }

    /// What all pictures would be labelled as, also those that are labelled.
    pub fn suggestions(&self) -> Suggestions {
        let mut logits = self.scores();
        logits.iter_mut().for_each(|score| *score *= self.choice.sharpness);
        Suggestions { classes: self.classes, probabilities: softmax_rows(&logits, self.classes) }
    }

    /// Scores `[n, K]` that every labelled picture gets from the others alone, in the order of
    /// [`Refit::pictures`] (closed form); none with fewer than two labels.
    pub fn left_out(&self) -> Vec<f64> {
        if self.labels.len() < 2 {
            return Vec::new();
        }
        let (mut scores, _, ones) = self.solution();
        let all: f64 = ones.iter().sum();
        for (index, row) in scores.chunks_exact_mut(self.classes).enumerate() {
            let free = self.inverse.row(index)[index] - ones[index] * ones[index] / all;
            for (class, value) in row.iter_mut().enumerate() {
                let target = if self.labels[index] == class { 1.0 } else { -1.0 };
                *value = target - *value / free.max(1e-12);
            }
        }
        scores
    }

    /// The `k` labelled pictures nearest to `picture`, itself left out: why it gets the label suggested.
    ///
    /// # Errors
    /// Not expected: rows are of one width.
    pub fn why(&self, picture: usize, k: usize) -> Result<Vec<Example>> {
        let rows = self.space.rows();
        let places: Vec<usize> =
            (0..self.pictures.len()).filter(|&place| self.pictures[place] != picture).collect();
        let mut sorted: Vec<(usize, usize)> =
            places.iter().map(|&place| (self.pictures[place], self.labels[place])).collect();
        sorted.sort_unstable();
        let labelled: Vec<usize> = sorted.iter().map(|(picture, _)| *picture).collect();
        if labelled.is_empty() {
            return Ok(Vec::new());
        }
        let found = nearest_to(rows.row(picture), &rows.pick(&labelled), Metric::Cosine, k)?;
        let example = |near: Neighbour| Example {
            picture: sorted[near.row].0,
            class: sorted[near.row].1,
            distance: near.distance,
        };
        Ok(found.into_iter().map(example).collect())
    }

    /// Whether enough has changed for the penalty to be chosen anew: a quarter of the labels.
    pub fn is_tuning_due(&self) -> bool {
        let several = self.labels.iter().any(|label| *label != self.labels[0]);
        self.labels.len() >= FEWEST && several && 4 * self.changed >= self.labels.len()
    }

    /// The choice of the penalty for the labels of now, to be run on another thread while labelling goes on.
    pub fn tuning(&self) -> Tuning {
        let mut products = Vec::with_capacity(self.pictures.len().pow(2));
        for &picture in &self.pictures {
            products.extend(self.columns.row(picture).map(f64::from));
        }
        Tuning {
            pictures: self.pictures.clone(),
            labels: self.labels.clone(),
            classes: self.classes,
            width: self.space.width(),
            products,
        }
    }

    /// Takes over a penalty chosen; labels given since are added. False, and nothing changes, where a
    /// picture that it was chosen with has lost its label since: choose again.
    pub fn adopt(&mut self, tuned: Tuned) -> bool {
        let known = tuned.pictures.len();
        if self.pictures.get(..known) != Some(&tuned.pictures[..]) {
            return false;
        }
        (self.choice, self.inverse) = (tuned.choice, tuned.inverse);
        let penalty = self.choice.penalty;
        for place in known..self.pictures.len() {
            let picture = self.pictures[place];
            let beside: Vec<f64> = self.columns.row(picture).take(place).map(f64::from).collect();
            let diagonal = f64::from(self.columns.at(picture, place));
            self.inverse.push(&beside, diagonal + penalty, penalty);
        }
        self.changed = self.pictures.len() - known;
        true
    }

    /// Chooses the penalty here and now.
    pub fn tune(&mut self) {
        self.adopt(self.tuning().run());
    }
}

#[cfg(test)]
#[path = "refit_tests.rs"]
mod tests;
