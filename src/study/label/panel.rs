//! Three quick heads on the same labels: where they differ, a label decides something.

use rayon::prelude::*;

use super::refit::{Refit, Suggestions};

/// Neighbours that vote.
const VOTERS: usize = 5;

/// In how many classes, beyond one, ridge, the most similar class mean (prototype) and the labelled
/// neighbours (kNN) answer for each of `pictures`: 0 where all agree, 2 where none do.
pub(super) fn disagreement(refit: &Refit, suggestions: &Suggestions, pictures: &[usize]) -> Vec<f64> {
    let prototypes = Prototypes::of(refit);
    let of_picture = |&picture: &usize| {
        let cosines: Vec<f32> = refit
            .products(picture)
            .zip(refit.pictures())
            .map(|(product, &other)| refit.space().cosine(picture, other, product))
            .collect();
        let ridge = suggestions.best(picture).class;
        let prototype = prototypes.answer(refit, picture);
        let voted = vote(refit, &cosines);
        f64::from(u8::from(prototype != ridge)) + f64::from(u8::from(voted != ridge && voted != prototype))
    };
    pictures.par_iter().map(of_picture).collect()
}

/// The first of the largest.
fn top(values: &[f32]) -> usize {
    values.iter().enumerate().fold(0, |best, (at, value)| if *value > values[best] { at } else { best })
}

/// The class of most of the nearest labelled pictures, each with its cosine as weight.
fn vote(refit: &Refit, cosines: &[f32]) -> usize {
    let mut order: Vec<usize> = (0..cosines.len()).collect();
    let nearer = |a: &usize, b: &usize| {
        let pictures = refit.pictures();
        cosines[*b].total_cmp(&cosines[*a]).then(pictures[*a].cmp(&pictures[*b]))
    };
    if order.len() > VOTERS {
        order.select_nth_unstable_by(VOTERS - 1, nearer);
        order.truncate(VOTERS);
    }
    order.sort_unstable_by(nearer);
    let mut votes = vec![0f32; refit.classes()];
    order.iter().for_each(|&place| votes[refit.labels()[place]] += 1.0 + cosines[place]);
    top(&votes)
}

/// Means of the labelled pictures of each class, by products with them alone.
struct Prototypes {
    counts: Vec<f32>,
    /// Length of the sum of each class.
    lengths: Vec<f32>,
}

impl Prototypes {
    fn of(refit: &Refit) -> Prototypes {
        let mut counts = vec![0f32; refit.classes()];
        let mut squares = vec![0f64; refit.classes()];
        for (&picture, &label) in refit.pictures().iter().zip(refit.labels()) {
            counts[label] += 1.0;
            let same = refit.products(picture).zip(refit.labels()).filter(|(_, other)| **other == label);
            squares[label] += same.map(|(product, _)| f64::from(product)).sum::<f64>();
        }
        Prototypes { counts, lengths: squares.iter().map(|square| square.max(0.0).sqrt() as f32).collect() }
    }

    fn answer(&self, refit: &Refit, picture: usize) -> usize {
        let mut sums = vec![0f32; refit.classes()];
        refit.products(picture).zip(refit.labels()).for_each(|(product, &label)| sums[label] += product);
        for (sum, (count, length)) in sums.iter_mut().zip(self.counts.iter().zip(&self.lengths)) {
            *sum = if *count > 0.0 && *length > 0.0 { *sum / length } else { f32::NEG_INFINITY };
        }
        top(&sums)
    }
}
