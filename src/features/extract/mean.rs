//! The mean of the draws' maps, without keeping them.

use crate::error::{Error, Result};
use crate::grid::Grid;

/// The mean of maps of one shape, added in order: the same bits as
/// [`mean_of`](crate::features::tap::mean_of) of them all.
#[derive(Clone, Debug, Default)]
pub struct RunningMean {
    /// The only map so far: a single one is its own mean.
    only: Option<Grid>,
    sums: Vec<f64>,
    count: u32,
}

impl RunningMean {
    /// Adds a map.
    ///
    /// # Errors
    /// When it has another shape than those before.
    pub fn add(&mut self, map: Grid) -> Result<()> {
        if self.count == 0 {
            self.only = Some(map);
        } else {
            if let Some(first) = self.only.take() {
                self.sums = first.values().iter().map(|&v| 0.0 + f64::from(v)).collect();
            }
            if map.values().len() != self.sums.len() {
                return Err(Error::Compute("maps of different shapes cannot be averaged".into()));
            }
            self.sums.iter_mut().zip(map.values()).for_each(|(sum, &v)| *sum += f64::from(v));
        }
        self.count += 1;
        Ok(())
    }

    /// The mean of all that were added, row-major; empty if none was.
    pub fn values(&self) -> Vec<f32> {
        match &self.only {
            Some(map) => map.values().to_vec(),
            None => self.sums.iter().map(|sum| (sum / f64::from(self.count)) as f32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::tap::mean_of;

    #[test]
    fn the_same_bits_as_the_mean_of_all_maps() {
        let map = |draw: u32| {
            Grid::from_fn(2, 3, 4, |c, y, x| match (c, y, x) {
                (0, 0, 0) => -0.0,
                _ => ((draw * 37 + (c * 12 + y * 4 + x) as u32) as f32 * 0.731).sin() * 1e3,
            })
        };
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let mut mean = RunningMean::default();
        let mut maps = Vec::new();
        for draw in 0..7 {
            maps.push(map(draw));
            mean.add(map(draw)).unwrap();
            assert_eq!(bits(&mean.values()), bits(mean_of(&maps).unwrap().values()), "{draw}");
        }
        assert!(mean.add(Grid::from_fn(1, 1, 1, |_, _, _| 0.0)).is_err());
    }
}
