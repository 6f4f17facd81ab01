//! One meaning of each colour over several blocks.
//!
//! Blocks differ in channels, so that no one basis fits them all; what they share is the places.
//! Each block is first reduced to its leading principal axes and brought to the same total
//! variance, so that no block speaks louder than another. The principal components of all these
//! scores together, place by place, are what the blocks have in common (multiple factor analysis):
//! they decide the colours. A block shows a colour by the linear combination of its own leading
//! axes that comes closest to the common score at the places seen. For one block alone this is its
//! own PCA.

use super::axes::{BLOCK, dot, positions, principal_axes, solve_positive};
use super::{COMPONENTS, PcaBasis};
use crate::error::{Error, Result};
use crate::grid::Grid;

/// Ridge of the regression, as a share of a block's total variance: keeps directions that hardly
/// vary out of the colours.
const RIDGE: f64 = 1e-4;

/// The places of one block, reduced to its leading principal axes.
#[derive(Clone, Debug)]
pub struct BlockSample {
    mean: Vec<f64>,
    axes: Vec<Vec<f64>>,
    /// Per axis the score of every place.
    scores: Vec<Vec<f64>>,
    /// Total variance over all channels.
    total: f64,
    places: usize,
}

impl BlockSample {
    /// Reduces `maps` of one block (same channels), as [`sampled`](super::sampled) gives them.
    ///
    /// # Errors
    /// When there is no map or the channel counts differ.
    pub fn of(maps: &[&Grid]) -> Result<BlockSample> {
        let rows = positions(maps)?;
        let (axes, _, total) = principal_axes(&rows)?;
        let score = |axis: &Vec<f64>| -> Vec<f64> {
            let of_place = |row: &[f32]| axis.iter().zip(row).map(|(a, &v)| a * f64::from(v)).sum();
            rows.centred.chunks(rows.channels).map(of_place).collect()
        };
        let scores = axes.iter().map(score).collect();
        Ok(BlockSample { mean: rows.mean, axes, scores, total, places: rows.count })
    }
}

/// What several blocks have in common, as three scores at each of the places seen.
#[derive(Clone, Debug)]
pub struct JointColours {
    /// Per component the score of every place.
    scores: [Vec<f64>; COMPONENTS],
    range: [[f32; 2]; COMPONENTS],
}

impl JointColours {
    /// Finds what `blocks` have in common; all must be of the same places in the same order.
    ///
    /// # Errors
    /// When there is no block or the places differ in number.
    pub fn fit(blocks: &[BlockSample]) -> Result<JointColours> {
        let places = blocks.first().map_or(0, |block| block.places);
        if places == 0 || blocks.iter().any(|block| block.places != places) {
            return Err(Error::Compute("colours over blocks need the same places at every block".into()));
        }
        let scaled = |block: &BlockSample| {
            let scale = if block.total > 0.0 { block.total.sqrt().recip() } else { 0.0 };
            block
                .scores
                .iter()
                .flat_map(|scores| scores.iter().map(|score| (score * scale) as f32).collect::<Vec<f32>>())
                .collect::<Vec<f32>>()
        };
        let values: Vec<f32> = blocks.iter().flat_map(scaled).collect();
        let together = Grid::new(values.len() / places, 1, places, values)?;
        let basis = PcaBasis::fit(&[&together])?;
        let scores = std::array::from_fn(|component| basis.component(&together, component));
        Ok(JointColours { scores, range: basis.range })
    }

    /// The basis that shows these colours in the maps of `block`, which may be one of those fitted
    /// or any other, of the same places.
    ///
    /// # Errors
    /// When the places differ in number.
    pub fn basis(&self, block: &BlockSample) -> Result<PcaBasis> {
        if block.places != self.scores[0].len() {
            return Err(Error::Compute("colours over blocks need the same places at every block".into()));
        }
        let count = block.places as f64;
        let gram = |i: usize, j: usize| {
            let ridge = if i == j { RIDGE * block.total.max(1e-30) } else { 0.0 };
            dot(&block.scores[i], &block.scores[j]) / count + ridge
        };
        let axes = block.axes.len().min(BLOCK);
        let directions = std::array::from_fn(|component| {
            let matrix = (0..axes).map(|i| (0..axes).map(|j| gram(i, j)).collect()).collect();
            let target =
                block.scores.iter().map(|scores| dot(scores, &self.scores[component]) / count).collect();
            let mut direction = vec![0.0; block.mean.len()];
            for (axis, weight) in block.axes.iter().zip(solve_positive(matrix, target)) {
                direction.iter_mut().zip(axis).for_each(|(d, a)| *d += weight * a);
            }
            direction
        });
        let mean = block.mean.clone();
        Ok(PcaBasis { mean, directions, range: self.range, explained: [0.0; COMPONENTS] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;

    /// A block whose channels mix three given signals, with some noise of its own.
    fn block(signals: &[f32], places: usize, channels: usize, seed: u8, scale: f32, noise: f32) -> Grid {
        let mix = standard_normal(&[seed; 32], 3 * channels);
        let own = standard_normal(&[seed + 100; 32], places * channels);
        Grid::from_fn(channels, 1, places, |c, _, x| {
            let common: f32 = (0..3).map(|i| signals[i * places + x] * mix[i * channels + c]).sum();
            scale * (common + noise * own[c * places + x]) + c as f32
        })
    }

    fn correlation(a: &[f32], b: &[f32]) -> f64 {
        let centred = |v: &[f32]| {
            let mean = v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
            v.iter().map(|&v| f64::from(v) - mean).collect::<Vec<f64>>()
        };
        let (a, b) = (centred(a), centred(b));
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    }

    #[test]
    fn one_block_alone_keeps_its_own_colours() {
        let signals = standard_normal(&[3; 32], 3 * 400);
        let map = block(&signals, 400, 20, 1, 1.0, 0.2);
        let sample = BlockSample::of(&[&map]).unwrap();
        let joint = JointColours::fit(std::slice::from_ref(&sample)).unwrap().basis(&sample).unwrap();
        let (own, joint) =
            (PcaBasis::fit(&[&map]).unwrap().colours(&map).unwrap(), joint.colours(&map).unwrap());
        let far = own.values().iter().zip(joint.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 0.02, "{far}");
    }

    #[test]
    fn blocks_agree_on_what_they_share_however_loud_they_are() {
        let signals: Vec<f32> = standard_normal(&[3; 32], 3 * 600)
            .chunks(600)
            .zip([3.0, 1.7, 1.0])
            .flat_map(|(signal, strength)| signal.iter().map(move |v| v * strength).collect::<Vec<f32>>())
            .collect();
        let maps = [(16, 1.0), (48, 50.0), (9, 0.01)]
            .iter()
            .enumerate()
            .map(|(seed, &(channels, scale))| block(&signals, 600, channels, 10 + seed as u8, scale, 0.1))
            .collect::<Vec<_>>();
        let samples: Vec<BlockSample> = maps.iter().map(|map| BlockSample::of(&[map]).unwrap()).collect();
        // Fitted on two of them: the third, never seen, follows.
        let joint = JointColours::fit(&samples[..2]).unwrap();
        let colours: Vec<Grid> = maps
            .iter()
            .zip(&samples)
            .map(|(map, sample)| joint.basis(sample).unwrap().colours(map).unwrap())
            .collect();
        for other in &colours[1..] {
            for component in 0..COMPONENTS {
                let alike = correlation(colours[0].channel(component), other.channel(component));
                assert!(alike > 0.9, "component {component}: {alike}");
            }
        }
    }

    #[test]
    fn what_does_not_pair_up_is_refused() {
        let of = |places: usize| {
            BlockSample::of(&[&Grid::from_fn(4, 1, places, |c, _, x| (c * x) as f32)]).unwrap()
        };
        assert!(JointColours::fit(&[]).is_err());
        assert!(JointColours::fit(&[of(5), of(6)]).is_err());
        assert!(JointColours::fit(&[of(5)]).unwrap().basis(&of(6)).is_err());
        let flat = BlockSample::of(&[&Grid::from_fn(4, 1, 5, |c, _, _| c as f32)]).unwrap();
        let basis = JointColours::fit(&[flat.clone(), of(5)]).unwrap().basis(&flat).unwrap();
        assert!(
            basis
                .colours(&Grid::from_fn(4, 1, 5, |_, _, x| x as f32))
                .unwrap()
                .values()
                .iter()
                .all(|v| v.is_finite())
        );
    }
}
