//! What noise does to features of a block, step by step.

use serde::Serialize;

use super::near::nearest;
use crate::error::Result;
use crate::heads::Rows;
use crate::study::measures::clusters::{alignment, neighbour_agreement};
use crate::study::measures::draws::spread;
use crate::study::measures::{Watch, about, mean};
use crate::study::statistics::Bootstrap;

/// What noise does at one step: one row of `cell-noise.csv`. The fields' order is that of the columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoiseRow {
    /// The diffusion step.
    pub timestep: usize,
    /// Pictures.
    pub pictures: usize,
    /// Noise draws of each.
    pub draws: usize,
    /// Variance between pictures, summed over features.
    pub between: f64,
    /// Variance between draws of a picture, summed over features.
    pub within: f64,
    /// The share of the variance that lies between pictures: 1 where noise changes nothing; empty where
    /// all features are the same.
    pub correlation: Option<f64>,
    /// Lower end of its 95 % interval.
    pub ci_low: Option<f64>,
    /// Upper end.
    pub ci_high: Option<f64>,
    /// How far apart two draws of a picture lie on the sphere, 0 to about 2.
    pub alignment: f64,
    /// The share of nearest neighbours that two draws have in common.
    pub agreement: f64,
    /// What neighbours drawn by lot would have in common.
    pub agreement_by_chance: f64,
}

/// Measures `draws` at `timestep`, each the features of the same pictures; the `neighbours` nearest count.
///
/// # Errors
/// What `watch` returns.
pub(super) fn row(
    timestep: usize,
    draws: &[Rows],
    neighbours: usize,
    bootstrap: Bootstrap,
    watch: Watch<'_>,
) -> Result<NoiseRow> {
    let found = spread(draws, bootstrap, watch)?;
    let middle = draws.first().map(mean).unwrap_or_default();
    let moved: Vec<Rows> = draws.iter().map(|rows| about(rows, &middle)).collect::<Result<_>>()?;
    let lists = moved.iter().map(|rows| nearest(rows, neighbours, watch)).collect::<Result<Vec<_>>>()?;
    let (mut apart, mut common, mut chance) = (0.0, 0.0, 0.0);
    let others = (draws.len().max(2) - 1) as f64;
    for (rows, list) in moved.iter().zip(&lists).skip(1) {
        apart += alignment(&moved[0], rows)? / others;
        let agreement = neighbour_agreement(&lists[0], list)?;
        common += agreement.mean / others;
        chance = agreement.chance;
    }
    Ok(NoiseRow {
        timestep,
        pictures: found.pictures,
        draws: found.draws,
        between: found.between,
        within: found.within,
        correlation: found.correlation.map(|share| share.value),
        ci_low: found.correlation.map(|share| share.low),
        ci_high: found.correlation.map(|share| share.high),
        alignment: apart,
        agreement: common,
        agreement_by_chance: chance,
    })
}
