//! Where a linear head finds what speaks for a class: its logit, taken apart by place.
//!
//! Pooling is a mean and the head a weighted sum, so the logit is a sum over the places of the whole
//! maps (class activation maps: Zhou et al. 2016), and nothing is approximated.

use super::config::HeadConfig;
use super::head::Head;
use super::maps::{Maps, Read};
use super::neural::{Layers, reads};
use crate::error::{Error, Result};
use crate::features::tap::grid_of;
use crate::grid::Grid;
use crate::heads::backbone::Backbone;

/// What one feature map says for one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The class.
    pub class: usize,
    /// The timestep of the map.
    pub timestep: usize,
    /// Its block.
    pub block: usize,
    /// What every place adds to the logit of the class, above what it adds to the mean logit of all
    /// classes, `[1, H, W]`. With the biases, likewise above their mean, the sum over all maps of a
    /// class is its logit above the mean logit.
    pub places: Grid,
}

impl Head {
    /// Whether its logits are weighted sums of features: linear and ridge.
    pub fn is_linear(&self) -> bool {
        match self {
            Head::Neural(head) => matches!(head.layers(), Layers::Perceptron(layers) if layers.is_linear()),
            Head::Instant(head) => head.weights().is_some(),
        }
    }

    /// What the head must be given to be looked into: as [`reads`], but whole maps for linear heads.
    ///
    /// # Errors
    /// When the settings are impossible.
    pub fn reads_to_look(&self, backbone: &Backbone) -> Result<Vec<Read>> {
        let mut reads = reads(self.config(), backbone)?;
        if self.is_linear() {
            reads.iter_mut().for_each(|read| read.pool = None);
        }
        Ok(reads)
    }

    /// What the whole `maps` of picture `row` say for each of `classes`; nothing for heads that are not
    /// linear.
    ///
    /// # Errors
    /// When a map is missing, or the device fails.
    pub fn evidence(&self, maps: &Maps, row: usize, classes: &[usize]) -> Result<Vec<Evidence>> {
        let weights = match self {
            Head::Neural(head) => match head.layers() {
                Layers::Perceptron(layers) if layers.is_linear() => layers.weights()?,
                _ => return Ok(Vec::new()),
            },
            Head::Instant(head) => match head.weights() {
                Some(weights) => weights,
                None => return Ok(Vec::new()),
            },
        };
        evidence(self.config(), &weights, self.classes(), maps, row, classes)
    }
}

/// `weights` are `[K, ΣC·p·p]`.
fn evidence(
    config: &HeadConfig,
    weights: &[f32],
    count: usize,
    maps: &Maps,
    row: usize,
    classes: &[usize],
) -> Result<Vec<Evidence>> {
    let width = weights.len() / count.max(1);
    let mut mean = vec![0f64; width];
    for row in weights.chunks_exact(width.max(1)) {
        mean.iter_mut().zip(row).for_each(|(mean, &weight)| *mean += f64::from(weight) / count as f64);
    }
    let mut found = Vec::new();
    let mut first = 0;
    for &timestep in &config.timesteps {
        for &block in &config.blocks {
            let map = grid_of(maps.get(timestep, block)?, row)?;
            let length = map.channels() * config.pool * config.pool;
            for &class in classes {
                let weights = weights.get(class * width + first..class * width + first + length);
                let (Some(weights), Some(mean)) = (weights, mean.get(first..first + length)) else {
                    return Err(Error::Compute(format!("block {block} does not fit the head")));
                };
                let above: Vec<f64> =
                    weights.iter().zip(mean).map(|(&weight, mean)| f64::from(weight) - mean).collect();
                let places = places(&map, &above, config.pool)?;
                found.push(Evidence { class, timestep, block, places });
            }
            first += length;
        }
    }
    Ok(found)
}

/// What each place of `map` adds to a sum of its p×p cell means, weighted by `weights` `[C, p, p]`.
fn places(map: &Grid, weights: &[f64], pool: usize) -> Result<Grid> {
    let (height, width) = (map.height(), map.width());
    let cell = |index: usize, side: usize| index * side / pool..((index + 1) * side).div_ceil(pool);
    let mut sums = vec![0f64; height * width];
    for row in 0..pool {
        for column in 0..pool {
            let (ys, xs) = (cell(row, height), cell(column, width));
            let size = (ys.len() * xs.len()) as f64;
            for channel in 0..map.channels() {
                let weight = weights[(channel * pool + row) * pool + column] / size;
                let plane = map.channel(channel);
                for y in ys.clone() {
                    for x in xs.clone() {
                        sums[y * width + x] += weight * f64::from(plane[y * width + x]);
                    }
                }
            }
        }
    }
    Grid::new(1, height, width, sums.into_iter().map(|sum| sum as f32).collect::<Vec<_>>())
}
