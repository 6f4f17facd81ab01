//! Whether neighbours in one representation are neighbours in another, or of one class.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::study::measures::neighbours::Neighbour;

/// A share of neighbours, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The mean over the pictures.
    pub mean: f64,
    /// What neighbours drawn by lot would have on average.
    pub chance: f64,
    /// Of each picture.
    pub of: Vec<f64>,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn none() -> Error {
    Error::Setting("neighbours need at least two pictures and one neighbour of each".into())
}

/// The share of the nearest neighbours that two representations of the same pictures have in common; of
/// lists of different lengths, the share of the shorter.
///
/// # Errors
/// When the lists are not of the same pictures, or there are no neighbours.
pub fn neighbour_agreement(first: &[Vec<Neighbour>], second: &[Vec<Neighbour>]) -> Result<Agreement> {
    if first.len() != second.len() {
        return Err(Error::Compute("neighbours of other pictures were compared".into()));
    }
    let length = |(a, b): (&Vec<Neighbour>, &Vec<Neighbour>)| a.len().min(b.len());
    let pairs = || first.iter().zip(second);
    let k = pairs().map(length).min().filter(|&k| k > 0).ok_or_else(none)?;
    let common = |(a, b): (&Vec<Neighbour>, &Vec<Neighbour>)| {
        let nearest = &b[..k];
        a[..k].iter().filter(|a| nearest.iter().any(|b| a.row == b.row)).count() as f64 / k as f64
    };
    let of: Vec<f64> = pairs().map(common).collect();
    Ok(Agreement { mean: mean(&of), chance: k as f64 / (first.len() - 1).max(1) as f64, of })
}

/// The share of the nearest neighbours that have the picture's own label.
///
/// # Errors
/// When there are not as many labels as pictures, or no neighbours.
pub fn neighbour_purity(lists: &[Vec<Neighbour>], labels: &[usize]) -> Result<Agreement> {
    if lists.len() != labels.len() {
        return Err(Error::Compute(format!("{} labels for {} pictures", labels.len(), lists.len())));
    }
    if lists.iter().any(Vec::is_empty) || lists.is_empty() {
        return Err(none());
    }
    let own = |(list, label): (&Vec<Neighbour>, &usize)| {
        list.iter().filter(|other| labels[other.row] == *label).count() as f64 / list.len() as f64
    };
    let of: Vec<f64> = lists.iter().zip(labels).map(own).collect();
    let mut counts = vec![0usize; labels.iter().max().map_or(0, |most| most + 1)];
    labels.iter().for_each(|&label| counts[label] += 1);
    let pairs: usize = counts.iter().map(|&count| count * count.saturating_sub(1)).sum();
    let all = (labels.len() * (labels.len() - 1)).max(1);
    Ok(Agreement { mean: mean(&of), chance: pairs as f64 / all as f64, of })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::Rows;
    use crate::study::measures::neighbours::{Metric, all_nearest};
    use crate::study::measures::unwatched;
    use crate::tensor::rng::standard_normal;

    fn lists(rows: &[&[usize]]) -> Vec<Vec<Neighbour>> {
        let list = |list: &&[usize]| list.iter().map(|&row| Neighbour { row, distance: 0.0 }).collect();
        rows.iter().map(list).collect()
    }

    #[test]
    fn shares_are_counted() {
        let a = lists(&[&[1, 2], &[0, 2], &[3, 1], &[2, 0]]);
        let b = lists(&[&[2, 3], &[2, 0], &[0, 1], &[1, 2]]);
        let got = neighbour_agreement(&a, &b).unwrap();
        assert_eq!(got.of, [0.5, 1.0, 0.5, 0.5]);
        assert_eq!((got.mean, got.chance), (0.625, 2.0 / 3.0));
        let pure = neighbour_purity(&a, &[0, 0, 1, 1]).unwrap();
        assert_eq!(pure.of, [0.5, 0.5, 0.5, 0.5]);
        assert_eq!(pure.chance, 4.0 / 12.0);
        assert!(neighbour_purity(&a, &[0]).is_err() && neighbour_agreement(&a, &b[..3]).is_err());
        assert!(neighbour_purity(&lists(&[&[]]), &[0]).is_err() && neighbour_agreement(&[], &[]).is_err());
    }

    #[test]
    fn unrelated_representations_agree_by_chance() {
        let random = |seed: u8| {
            let rows = Rows::new(8, standard_normal(&[seed; 32], 8 * 400)).unwrap();
            all_nearest(&rows, Metric::Cosine, 20, &mut unwatched).unwrap()
        };
        let (a, b) = (random(1), random(2));
        let apart = neighbour_agreement(&a, &b).unwrap();
        assert!((apart.mean - apart.chance).abs() < 0.01, "{} {}", apart.mean, apart.chance);
        assert_eq!(neighbour_agreement(&a, &a).unwrap().mean, 1.0);
        let labels: Vec<usize> = (0..400).map(|row| row % 4).collect();
        let pure = neighbour_purity(&a, &labels).unwrap();
        assert!((pure.mean - pure.chance).abs() < 0.02, "{} {}", pure.mean, pure.chance);
    }
}
