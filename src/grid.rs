//! [`Grid`]: an owned C×H×W array of f32 with its statistics, the only numeric type the window sees.

use std::sync::Arc;

use crate::error::{Error, Result};

/// Values that percentiles are found from, at most.
pub const PERCENTILE_SAMPLE: usize = 1 << 18;

/// A C×H×W array of f32, row-major, cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    channels: usize,
    height: usize,
    width: usize,
    values: Arc<[f32]>,
}

/// Statistics of the finite values of a grid, and how many are not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// Smallest finite value (0 when there is none).
    pub min: f32,
    /// Largest finite value (0 when there is none).
    pub max: f32,
    /// Mean of the finite values.
    pub mean: f32,
    /// Population standard deviation of the finite values.
    pub std: f32,
    /// How many values are NaN or infinite.
    pub not_finite: usize,
}

impl Grid {
    /// A grid of `channels` × `height` × `width` over `values` in row-major order.
    ///
    /// # Errors
    /// When the number of values is not the product of the sizes.
    pub fn new(channels: usize, height: usize, width: usize, values: impl Into<Arc<[f32]>>) -> Result<Grid> {
        let values = values.into();
        if values.len() != channels * height * width {
            return Err(Error::Compute(format!(
                "a grid of {channels}x{height}x{width} cannot hold {} values",
                values.len()
            )));
        }
        Ok(Grid { channels, height, width, values })
    }

    /// A grid whose value at (channel, y, x) is `value(channel, y, x)`.
    pub fn from_fn(
        channels: usize,
        height: usize,
        width: usize,
        mut value: impl FnMut(usize, usize, usize) -> f32,
    ) -> Grid {
        let mut values = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    values.push(value(c, y, x));
                }
            }
        }
        Grid { channels, height, width, values: values.into() }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values, `[C, H, W]` row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values shared, without a copy.
    pub fn shared_values(&self) -> Arc<[f32]> {
        Arc::clone(&self.values)
    }

    /// The values of one channel, `[H, W]` row-major; empty past the last channel.
    pub fn channel(&self, channel: usize) -> &[f32] {
        let area = self.height * self.width;
        self.values.get(channel * area..(channel + 1) * area).unwrap_or(&[])
    }

    /// One channel as a 1×H×W grid.
    pub fn channel_grid(&self, channel: usize) -> Grid {
        let channel = channel.min(self.channels.saturating_sub(1));
        Grid { channels: 1, height: self.height, width: self.width, values: self.channel(channel).into() }
    }

    /// The value at (channel, y, x), or `None` outside.
    pub fn at(&self, channel: usize, y: usize, x: usize) -> Option<f32> {
        (channel < self.channels && y < self.height && x < self.width)
            .then(|| self.values[(channel * self.height + y) * self.width + x])
    }

    /// Bytes held by the values.
    pub fn bytes(&self) -> usize {
        self.values.len() * size_of::<f32>()
    }

    /// Statistics over all values.
    pub fn stats(&self) -> Stats {
        stats_of(&self.values)
    }

    /// Statistics of each channel.
    pub fn channel_stats(&self) -> Vec<Stats> {
        (0..self.channels).map(|c| stats_of(self.channel(c))).collect()
    }

    /// The values at the given percentiles (0 to 100, linear between neighbours) of the finite
    /// values; zeros when there is none. Of more than [`PERCENTILE_SAMPLE`] values, evenly spaced
    /// ones stand for all: a range to look at needs no more, and a window must not wait.
    pub fn percentiles<const N: usize>(&self, percents: [f32; N]) -> [f32; N] {
        let step = odd_stride(self.values.len(), PERCENTILE_SAMPLE);
        let sampled = self.values.iter().copied().step_by(step);
        let mut finite: Vec<f32> = sampled.filter(|v| v.is_finite()).collect();
        if finite.is_empty() {
            return [0.0; N];
        }
        finite.sort_unstable_by(f32::total_cmp);
        percents.map(|percent| {
            let place = f64::from(percent.clamp(0.0, 100.0)) / 100.0 * (finite.len() - 1) as f64;
            let low = place.floor() as usize;
            let high = (low + 1).min(finite.len() - 1);
            let share = (place - low as f64) as f32;
            finite[low] + (finite[high] - finite[low]) * share
        })
    }

    /// How many finite values fall into each of `bins` equal parts of `range`; values outside
    /// count in the first or last bin.
    pub fn histogram(&self, range: [f32; 2], bins: usize) -> Vec<u32> {
        let mut counts = vec![0u32; bins.max(1)];
        let scale = bins as f32 / (range[1] - range[0]).max(f32::MIN_POSITIVE);
        for &v in self.values.iter().filter(|v| v.is_finite()) {
            let bin = (((v - range[0]) * scale).max(0.0) as usize).min(counts.len() - 1);
            counts[bin] += 1;
        }
        counts
    }
}

/// The stride that takes at most `sample` of `count` values. It is odd, so that it does not fall on
/// the same columns of every row of a map.
pub fn odd_stride(count: usize, sample: usize) -> usize {
    let step = count.div_ceil(sample.max(1)).max(1);
    if step == 1 { 1 } else { step | 1 }
}

fn stats_of(values: &[f32]) -> Stats {
    let (mut min, mut max, mut sum, mut count) = (f32::INFINITY, f32::NEG_INFINITY, 0f64, 0usize);
    for &v in values.iter().filter(|v| v.is_finite()) {
        min = min.min(v);
        max = max.max(v);
        sum += f64::from(v);
        count += 1;
    }
    if count == 0 {
        return Stats { min: 0.0, max: 0.0, mean: 0.0, std: 0.0, not_finite: values.len() };
    }
    let mean = sum / count as f64;
    let spread: f64 =
        values.iter().filter(|v| v.is_finite()).map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>()
            / count as f64;
    Stats { min, max, mean: mean as f32, std: spread.sqrt() as f32, not_finite: values.len() - count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_ignore_what_is_not_finite() {
        let grid = Grid::new(1, 1, 4, vec![1.0, f32::NAN, 3.0, f32::INFINITY]).unwrap();
        let stats = grid.stats();
        assert_eq!((stats.min, stats.max, stats.mean, stats.std, stats.not_finite), (1.0, 3.0, 2.0, 1.0, 2));
        assert_eq!(grid.percentiles([0.0, 50.0, 100.0]), [1.0, 2.0, 3.0]);
        assert_eq!(grid.histogram([1.0, 3.0], 2), vec![1, 1]);
    }

    #[test]
    fn sizes_must_fit() {
        assert!(Grid::new(2, 2, 2, vec![0.0; 7]).is_err());
        let grid = Grid::from_fn(2, 2, 3, |c, y, x| (c * 100 + y * 10 + x) as f32);
        assert_eq!(grid.at(1, 1, 2), Some(112.0));
        assert_eq!(grid.at(1, 2, 0), None);
        assert_eq!(grid.channel_grid(1).values()[0], 100.0);
    }
}
