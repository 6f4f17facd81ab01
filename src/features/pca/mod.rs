//! Principal components of feature maps, to see 1024 channels as one colour.

mod axes;
mod joint;

use crate::error::{Error, Result};
use crate::grid::Grid;
use axes::{finite, positions, principal_axes};

pub use joint::{BlockSample, JointColours};

/// Components shown as red, green and blue.
pub const COMPONENTS: usize = 3;

/// An affine map from C channels to three colours, with the range shown of each.
#[derive(Clone, Debug, PartialEq)]
pub struct PcaBasis {
    mean: Vec<f64>,
    /// Three rows of C.
    directions: [Vec<f64>; COMPONENTS],
    /// Lowest and highest score shown, per component.
    range: [[f32; 2]; COMPONENTS],
    /// Share of the variance that each component holds, 0 … 1.
    pub explained: [f64; COMPONENTS],
}

impl PcaBasis {
    /// Fits the first three principal components over all positions of `maps` (C×H×W each, same C);
    /// a component's sign makes its largest loading positive. The range shown is the 1st to 99th
    /// percentile of the scores on `maps`.
    ///
    /// # Errors
    /// When there is no map or the channel counts differ.
    pub fn fit(maps: &[&Grid]) -> Result<PcaBasis> {
        let rows = positions(maps)?;
        let channels = rows.channels;
        let (axes, variances, total) = principal_axes(&rows)?;
        let mut directions: [Vec<f64>; COMPONENTS] = std::array::from_fn(|_| vec![0.0; channels]);
        for (direction, axis) in directions.iter_mut().zip(axes) {
            *direction = axis;
        }
        let explained = std::array::from_fn(|i| {
            if total > 0.0 { variances.get(i).copied().unwrap_or(0.0) / total } else { 0.0 }
        });
        let mut basis = PcaBasis { mean: rows.mean, directions, range: [[0.0, 1.0]; COMPONENTS], explained };
        basis.set_range(maps);
        Ok(basis)
    }

    /// Number of channels it is for.
    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    /// The map as three channels in 0 … 1: red, green, blue.
    ///
    /// # Errors
    /// When the channel count is another.
    pub fn colours(&self, map: &Grid) -> Result<Grid> {
        if map.channels() != self.channels() {
            return Err(Error::Setting(format!(
                "the locked colours are for {} channels and this block has {}; unlock PCA or lock it over blocks",
                self.channels(),
                map.channels()
            )));
        }
        let area = map.height() * map.width();
        let mut values = vec![0f32; COMPONENTS * area];
        for (component, out) in values.chunks_mut(area).enumerate() {
            let [low, high] = self.range[component];
            let scale = 1.0 / (high - low).max(f32::MIN_POSITIVE);
            for (out, score) in out.iter_mut().zip(self.component(map, component)) {
                *out = ((score as f32 - low) * scale).clamp(0.0, 1.0);
            }
        }
        Grid::new(COMPONENTS, map.height(), map.width(), values)
    }

    /// The score of every place of `map` along one of the [`COMPONENTS`], row after row.
    pub fn component(&self, map: &Grid, component: usize) -> Vec<f64> {
        let mut scores = vec![0f64; map.height() * map.width()];
        for (channel, (direction, mean)) in self.directions[component].iter().zip(&self.mean).enumerate() {
            for (score, &value) in scores.iter_mut().zip(map.channel(channel)) {
                *score += direction * (finite(value) - mean);
            }
        }
        scores
    }

    fn set_range(&mut self, maps: &[&Grid]) {
        for component in 0..COMPONENTS {
            let scores: Vec<f32> =
                maps.iter().flat_map(|map| self.component(map, component)).map(|v| v as f32).collect();
            let count = scores.len();
            if let Ok(grid) = Grid::new(1, 1, count, scores) {
                self.range[component] = grid.percentiles([1.0, 99.0]);
            }
        }
    }
}

/// `side`×`side` evenly spaced places of a C×H×W map, each with the cell that its centre lies in:
/// the same places whatever the size of the map.
pub fn sampled(map: &Grid, side: usize) -> Grid {
    let cell =
        |place: usize, cells: usize| ((2 * place + 1) * cells / (2 * side)).min(cells.saturating_sub(1));
    Grid::from_fn(map.channels(), side, side, |channel, y, x| {
        map.at(channel, cell(y, map.height()), cell(x, map.width())).unwrap_or(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::axes::{dot, orthonormalise};
    use super::*;
    use crate::tensor::rng::standard_normal;

    /// Maps with known principal directions: a strong, a middle and a weak one, in C channels.
    fn made(channels: usize, height: usize, width: usize) -> (Grid, Vec<Vec<f64>>) {
        let noise = standard_normal(&[1; 32], 3 * channels);
        let mut axes: Vec<Vec<f64>> =
            noise.chunks(channels).map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect();
        orthonormalise(&mut axes);
        let weights = standard_normal(&[2; 32], 3 * height * width);
        let grid = Grid::from_fn(channels, height, width, |c, y, x| {
            let at = 3 * (y * width + x);
            let sum = (0..3).map(|i| axes[i][c] * f64::from(weights[at + i]) * [5.0, 2.0, 0.5][i]);
            (sum.sum::<f64>() + c as f64) as f32
        });
        (grid, axes)
    }

    #[test]
    fn finds_known_directions_from_many_and_from_few_positions() {
        for (channels, side) in [(16, 40), (300, 12)] {
            let (grid, axes) = made(channels, side, side);
            let basis = PcaBasis::fit(&[&grid]).unwrap();
            for (found, axis) in basis.directions.iter().zip(&axes) {
                assert!(dot(found, axis).abs() > 0.99, "{channels}: {}", dot(found, axis));
                let largest = found.iter().copied().fold(0f64, |b, v| if v.abs() > b.abs() { v } else { b });
                assert!(largest > 0.0);
            }
            assert!((basis.explained.iter().sum::<f64>() - 1.0).abs() < 1e-3, "{:?}", basis.explained);
            let colours = basis.colours(&grid).unwrap();
            assert!(colours.values().iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }

    #[test]
    fn a_flat_map_and_few_channels_are_no_problem() {
        for (c, h, w) in [(8, 4, 4), (1, 5, 5), (2, 1, 1), (64, 1, 1)] {
            let basis = PcaBasis::fit(&[&Grid::from_fn(c, h, w, |c, _, _| c as f32)]).unwrap();
            let colours = basis.colours(&Grid::from_fn(c, h, w, |_, y, x| (x + y) as f32)).unwrap();
            assert!(colours.values().iter().all(|v| v.is_finite()));
        }
        assert!(PcaBasis::fit(&[]).is_err());
    }
}
