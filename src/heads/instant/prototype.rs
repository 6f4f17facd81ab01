//! The class with the most similar mean: cosine of features about the mean of all training rows.

use super::calibrate::sharpness;
use super::centre::{mean, products, units};
use crate::error::Result;
use crate::heads::rows::Rows;

/// Class means about the common mean, at length one. A class without rows, or whose mean is the
/// common one, is zero and scores −1: nothing is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prototypes {
    /// `[d]`.
    pub centre: Vec<f32>,
    /// `[K, d]`.
    pub vectors: Vec<f32>,
}

/// The prototypes, and their sharpness. Rows weigh alike within their class, whatever their length.
pub(super) fn fit(rows: &Rows, labels: &[usize], classes: usize) -> Result<(Prototypes, f32)> {
    let d = rows.width();
    let centre = mean(rows);
    let units = units(rows, &centre);
    let mut sums = vec![0f64; classes * d];
    let mut counts = vec![0usize; classes];
    for (row, &label) in units.chunks_exact(d).zip(labels) {
        counts[label] += 1;
        sums[label * d..][..d].iter_mut().zip(row).for_each(|(sum, &v)| *sum += f64::from(v));
    }
    let mut vectors = Vec::with_capacity(classes * d);
    let mut lengths = Vec::with_capacity(classes);
    for sum in sums.chunks_exact(d) {
        let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        let scale = if length > 1e-6 { 1.0 / length } else { 0.0 };
        vectors.extend(sum.iter().map(|v| (v * scale) as f32));
        lengths.push(if scale > 0.0 { length } else { 0.0 });
    }
    let prototypes = Prototypes { centre, vectors };

    // Left out, a row of length one takes itself out of the sum of its class.
    let all = prototypes.cosines(&units, d)?;
    let (mut scores, mut kept) = (Vec::new(), Vec::new());
    for (row, &label) in all.chunks_exact(classes).zip(labels) {
        if counts[label] < 2 {
            continue;
        }
        let along = row[label] * lengths[label];
        let length = (lengths[label].powi(2) - 2.0 * along + 1.0).max(0.0).sqrt();
        let mut row = row.to_vec();
        row[label] = if length > 1e-6 { (along - 1.0) / length } else { -1.0 };
        scores.extend(row);
        kept.push(label);
    }
    let sharpness = sharpness(&scores, &kept, classes);
    Ok((prototypes, sharpness))
}

impl Prototypes {
    /// Cosines `[n, K]`.
    pub fn scores(&self, rows: &Rows) -> Result<Vec<f64>> {
        self.cosines(&units(rows, &self.centre), rows.width())
    }

    fn cosines(&self, units: &[f32], d: usize) -> Result<Vec<f64>> {
        let known: Vec<bool> = self.vectors.chunks_exact(d).map(|v| v.iter().any(|&v| v != 0.0)).collect();
        let cosines = products(units, &self.vectors, d)?;
        let score = |(index, cosine): (usize, f32)| {
            if known[index % known.len()] { f64::from(cosine).clamp(-1.0, 1.0) } else { -1.0 }
        };
        Ok(cosines.into_iter().enumerate().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six rows about (1, 1): two classes to the right and up, one without rows.
    #[test]
    fn scores_are_cosines_by_hand() {
        let rows = Rows::new(2, vec![3.0, 1.0, 1.0, 3.0, -1.0, 1.0, 1.0, -1.0]).unwrap();
        let (prototypes, _) = fit(&rows, &[0, 1, 2, 2], 4).unwrap();
        assert_eq!(prototypes.centre, [1.0, 1.0]);
        let half = 0.5f64.sqrt();
        let scores = prototypes.scores(&Rows::new(2, vec![5.0, 1.0, 4.0, 4.0]).unwrap()).unwrap();
        let want = [1.0, 0.0, -half, -1.0, half, half, -1.0, -1.0];
        assert!(scores.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{scores:?}");
    }

    #[test]
    fn left_out_scores_decide_the_sharpness() {
        // Two tight classes: left out, each row is next to its twin.
        let clear = Rows::new(2, vec![3.0, 0.1, 3.0, -0.1, -3.0, 0.1, -3.0, -0.1]).unwrap();
        let (_, clear) = fit(&clear, &[0, 0, 1, 1], 2).unwrap();
        // Each row is closer to the other class once it is left out.
        let mixed = Rows::new(2, vec![3.0, 0.0, -3.0, 0.1, 3.0, 0.1, -3.0, 0.0]).unwrap();
        let (_, mixed) = fit(&mixed, &[0, 0, 1, 1], 2).unwrap();
        assert!(clear > 20.0 * mixed, "{clear} {mixed}");
        let alone = Rows::new(1, vec![1.0, 2.0]).unwrap();
        assert_eq!(fit(&alone, &[0, 1], 2).unwrap().1, 1.0, "no class can spare a row");
    }
}
