//! Gradient descent on the divergence of neighbours on the map from neighbours in feature space.

use rayon::prelude::*;

use super::NeighbourMapConfig;
use super::affinities::Affinities;
use super::tree::Tree;
use crate::error::{Error, Result};
use crate::study::measures::Watch;
use crate::tensor::rng::standard_normal;

/// Neighbours attract each other so much more at first, so that heaps find together.
const EXAGGERATION: f64 = 12.0;
/// For so many rounds, or a third of all.
const EXAGGERATED: usize = 250;
/// Momentum while attraction is exaggerated, and after.
const MOMENTUM: [f64; 2] = [0.5, 0.8];
/// Spread of the first points: small, so that they can pass each other.
const START: f64 = 1e-4;
/// Noise on the first points, as a share of their spread.
const NOISE: f64 = 1e-2;
/// Least gain of a coordinate.
const LEAST_GAIN: f64 = 0.01;

/// Points of one task.
const CHUNK: usize = 64;

/// A point on its way.
#[derive(Clone, Copy)]
struct Moving {
    at: [f64; 2],
    step: [f64; 2],
    gain: [f64; 2],
}

/// Moves the points of `start` until neighbours lie together.
pub(super) fn run(
    start: &[[f32; 2]],
    affinities: &Affinities,
    config: NeighbourMapConfig,
    watch: Watch<'_>,
) -> Result<Vec<[f32; 2]>> {
    let count = start.len();
    let mut points = begin(start, config.seed);
    let exaggerated = EXAGGERATED.min(config.rounds / 3);
    for round in 0..config.rounds {
        watch(round, config.rounds)?;
        let early = round < exaggerated;
        let attraction = if early { EXAGGERATION } else { 1.0 };
        // n / exaggeration (Belkina et al. 2019) for a gradient with a factor of 4: the largest rate at which
        // attraction alone does not overshoot, so that the first points decide where heaps come to lie.
        let rate = count as f64 / (4.0 * attraction);
        let momentum = MOMENTUM[usize::from(!early)];
        let places: Vec<[f64; 2]> = points.iter().map(|point| point.at).collect();
        let gradient = gradient(&places, affinities, attraction, config.opening);
        points.par_iter_mut().zip(&gradient).for_each(|(point, slope)| {
            for (axis, slope) in slope.iter().enumerate() {
                let along = slope * point.step[axis] > 0.0;
                let gain = if along { 0.8 * point.gain[axis] } else { point.gain[axis] + 0.2 };
                point.gain[axis] = gain.max(LEAST_GAIN);
                point.step[axis] = momentum * point.step[axis] - rate * point.gain[axis] * slope;
                point.at[axis] += point.step[axis];
            }
        });
        let mean = [0, 1].map(|axis| points.iter().map(|point| point.at[axis]).sum::<f64>() / count as f64);
        points.iter_mut().for_each(|point| point.at = [point.at[0] - mean[0], point.at[1] - mean[1]]);
    }
    watch(config.rounds, config.rounds)?;
    if points.iter().any(|point| point.at.iter().any(|value| !value.is_finite())) {
        return Err(Error::Compute("the map of neighbours did not settle".into()));
    }
    Ok(points.iter().map(|point| point.at.map(|value| value as f32)).collect())
}

/// The first points: `start` made small, and a little noise.
fn begin(start: &[[f32; 2]], seed: u64) -> Vec<Moving> {
    let square =
        start.iter().map(|point| f64::from(point[0]).powi(2)).sum::<f64>() / start.len().max(1) as f64;
    let scale = if square > 0.0 { START / square.sqrt() } else { 0.0 };
    let mut key = blake3::Hasher::new_derive_key("difscope 2026 first points of a map");
    key.update(&seed.to_le_bytes());
    let noise = standard_normal(key.finalize().as_bytes(), 2 * start.len());
    let point = |(point, noise): (&[f32; 2], &[f32])| Moving {
        at: [0, 1].map(|axis| scale * f64::from(point[axis]) + START * NOISE * f64::from(noise[axis])),
        step: [0.0; 2],
        gain: [1.0; 2],
    };
    start.iter().zip(noise.chunks(2)).map(point).collect()
}

/// 4·(attraction·Σ p·q·(y − y′) − Σ q²·(y − y′)/Z) of every point.
fn gradient(points: &[[f64; 2]], affinities: &Affinities, attraction: f64, opening: f64) -> Vec<[f64; 2]> {
    let tree = Tree::of(points);
    let numbers = (0..points.len()).into_par_iter().with_min_len(CHUNK);
    let pulls = numbers.map(|number| {
        let point = points[number];
        let mut pull = [0.0; 2];
        for &(other, p) in affinities.row(number) {
            let other = points[other as usize];
            let apart = [point[0] - other[0], point[1] - other[1]];
            let weight = p / (1.0 + apart[0] * apart[0] + apart[1] * apart[1]);
            pull[0] += weight * apart[0];
            pull[1] += weight * apart[1];
        }
        (pull, tree.repulsion(number, point, opening))
    });
    let found: Vec<_> = pulls.collect();
    let sum = found.iter().map(|(_, push)| push.sum).sum::<f64>().max(f64::MIN_POSITIVE);
    let slope =
        |axis: usize, pull: &[f64; 2], push: &[f64; 2]| 4.0 * (attraction * pull[axis] - push[axis] / sum);
    found.iter().map(|(pull, push)| [0, 1].map(|axis| slope(axis, pull, &push.force))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heads::Rows;
    use crate::study::measures::neighbours::{Metric, all_nearest};
    use crate::study::measures::unwatched;

    /// The gradient is the slope of the divergence Σ p·ln(p/q), measured by small steps.
    #[test]
    fn the_gradient_is_that_of_the_divergence() {
        let rows = Rows::new(5, standard_normal(&[1; 32], 5 * 30)).unwrap();
        let lists = all_nearest(&rows, Metric::Euclidean, 12, &mut unwatched).unwrap();
        let affinities = Affinities::of(&lists, Metric::Euclidean, 4.0);
        let values = standard_normal(&[2; 32], 60);
        let points: Vec<[f64; 2]> = values.chunks(2).map(|v| [f64::from(v[0]), f64::from(v[1])]).collect();
        let divergence = |points: &[[f64; 2]]| -> f64 {
            let q = |a: [f64; 2], b: [f64; 2]| 1.0 / (1.0 + (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2));
            let mut sum = 0.0;
            for i in 0..30 {
                sum += (0..30).filter(|&j| j != i).map(|j| q(points[i], points[j])).sum::<f64>();
            }
            let of = |i: usize| {
                let row = affinities.row(i).iter();
                row.map(|&(j, p)| p * (p * sum / q(points[i], points[j as usize])).ln()).sum::<f64>()
            };
            (0..30).map(of).sum()
        };
        let got = gradient(&points, &affinities, 1.0, 0.0);
        for number in [0, 7, 29] {
            for axis in 0..2 {
                let moved = |by: f64| {
                    let mut points = points.clone();
                    points[number][axis] += by;
                    divergence(&points)
                };
                let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((got[number][axis] - want).abs() < 1e-7, "{} {want}", got[number][axis]);
            }
        }
    }
}
