//! How pictures lie among each other: what covers the set, and where it is dense.

use rayon::prelude::*;

use super::refit::Refit;
use super::space::Space;
use crate::data::split::Chance;

/// Pictures that are compared with each other at most: of larger sets a sample stands for all.
const MOST: usize = 2000;
/// Neighbours whose mean similarity is a picture's density.
const NEAR: usize = 20;

/// Similarities of pictures, cosines of standardised features.
pub struct Cover {
    /// Pictures compared, ascending.
    members: Vec<usize>,
    /// `[members, members]`.
    similarities: Vec<f32>,
    /// Mean similarity of each to the nearest others.
    densities: Vec<f32>,
}

impl Cover {
    /// Compares `pictures` of `space` with each other, 2000 of them drawn by `seed` where there are more.
    pub fn new(space: &Space, pictures: &[usize], seed: u64) -> Cover {
        let mut members = pictures.to_vec();
        if members.len() > MOST {
            Chance::new(seed, "pictures that stand for a set").shuffle(&mut members);
            members.truncate(MOST);
        }
        members.sort_unstable();
        let count = members.len();
        let row = |&picture: &usize| {
            let products = space.products(&[picture]);
            members.iter().map(|&other| space.cosine(picture, other, products[other])).collect::<Vec<f32>>()
        };
        let similarities: Vec<f32> = members.par_iter().flat_map_iter(row).collect();
        let density = |row: &[f32]| {
            let near = NEAR.min(count.saturating_sub(1));
            let mut others = row.to_vec();
            others.sort_unstable_by(|a, b| b.total_cmp(a));
            // The first is the picture itself.
            others.iter().skip(1).take(near).sum::<f32>() / near.max(1) as f32
        };
        let densities = similarities.par_chunks(count.max(1)).map(density).collect();
        Cover { members, similarities, densities }
    }

    /// Pictures that were compared, ascending.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// The mean similarity of `picture` to those nearest to it; none where it was not compared.
    pub fn density(&self, picture: usize) -> Option<f32> {
        self.members.binary_search(&picture).ok().map(|member| self.densities[member])
    }

    /// How much better the set would be covered with each of `pictures`: the sum, over all pictures
    /// compared, of `weight` times how much more similar it is to them than to any labelled one (facility
    /// location). None for pictures that were not compared.
    pub fn gains(
        &self,
        refit: &Refit,
        pictures: &[usize],
        weight: impl Fn(usize) -> f32 + Sync,
    ) -> Vec<Option<f32>> {
        let nearest = |&member: &usize| nearest_labelled(refit, member).unwrap_or(0.0).max(0.0);
        let covered: Vec<f32> = self.members.par_iter().map(nearest).collect();
        let weights: Vec<f32> = self.members.iter().map(|&member| weight(member)).collect();
        let count = self.members.len();
        let gain = |&picture: &usize| {
            let member = self.members.binary_search(&picture).ok()?;
            let row = &self.similarities[member * count..][..count];
            Some(gain(row, &covered, &weights))
        };
        pictures.par_iter().map(gain).collect()
    }
}

fn gain(row: &[f32], covered: &[f32], weights: &[f32]) -> f32 {
    // Sixteen sums at once, so that they become vectors.
    let mut sums = [0f32; 16];
    let pieces = row.chunks(16).zip(covered.chunks(16)).zip(weights.chunks(16));
    for ((row, covered), weights) in pieces {
        for (lane, ((similarity, covered), weight)) in row.iter().zip(covered).zip(weights).enumerate() {
            sums[lane] += weight * (similarity - covered).max(0.0);
        }
    }
    sums.iter().sum()
}

/// The largest cosine of `picture` with a labelled one; none without labels.
pub(super) fn nearest_labelled(refit: &Refit, picture: usize) -> Option<f32> {
    let pairs = refit.products(picture).zip(refit.pictures());
    let cosines = pairs.map(|(product, &other)| refit.space().cosine(picture, other, product));
    cosines.reduce(f32::max)
}
