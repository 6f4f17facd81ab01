//! Feature maps between tensors and grids.

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::tensor::layout::planes_of;
use crate::tensor::resample::adaptive_avg_pool;

/// Row `row` of a map `[N, C, H, W]` as a grid.
///
/// # Errors
/// When the tensor has another rank or the device fails.
pub fn grid_of(map: &Tensor, row: usize) -> Result<Grid> {
    let (_, c, h, w) = map.dims4()?;
    Grid::new(c, h, w, planes_of(map, row)?)
}

/// A grid as a batch of one, `[1, C, H, W]`, on the CPU.
///
/// # Errors
/// Does not fail for grids that exist.
pub fn tensor_of(grid: &Grid) -> Result<Tensor> {
    let shape = (1, grid.channels(), grid.height(), grid.width());
    Ok(Tensor::from_slice(grid.values(), shape, &Device::Cpu)?)
}

/// A map `[N, C, H, W]` pooled to p×p, or as it is.
///
/// # Errors
/// When the device fails.
pub fn pooled(map: &Tensor, pool: Option<usize>) -> Result<Tensor> {
    Ok(match pool {
        None => map.clone(),
        Some(p) => adaptive_avg_pool(map, p)?,
    })
}

/// The mean of grids of one shape, summed as they come in f64: no more than one is held.
#[derive(Clone, Debug, Default)]
pub struct Mean {
    first: Option<Grid>,
    sums: Vec<f64>,
    count: usize,
}

impl Mean {
    /// Adds a grid.
    ///
    /// # Errors
    /// When its shape is not that of those before.
    pub fn add(&mut self, grid: Grid) -> Result<()> {
        let Some(first) = &self.first else {
            self.first = Some(grid);
            self.count = 1;
            return Ok(());
        };
        if (first.channels(), first.height(), first.width()) != (grid.channels(), grid.height(), grid.width())
        {
            return Err(Error::Compute("maps of different shapes cannot be averaged".into()));
        }
        if self.sums.is_empty() {
            self.sums = first.values().iter().map(|&v| f64::from(v)).collect();
        }
        self.sums.iter_mut().zip(grid.values()).for_each(|(sum, &v)| *sum += f64::from(v));
        self.count += 1;
        Ok(())
    }

    /// The mean; the grid itself, to the bit, if there was only one.
    ///
    /// # Errors
    /// When there was none.
    pub fn finish(self) -> Result<Grid> {
        let first = self.first.ok_or_else(|| Error::Compute("no maps to average".into()))?;
        if self.sums.is_empty() {
            return Ok(first);
        }
        let count = self.count as f64;
        let values: Vec<f32> = self.sums.into_iter().map(|sum| (sum / count) as f32).collect();
        Grid::new(first.channels(), first.height(), first.width(), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_exact_and_one_map_is_its_own() {
        let map = |draw: u32| Grid::from_fn(1, 2, 2, |_, y, x| (draw * 3) as f32 + (y * 2 + x) as f32 * 0.5);
        let mut mean = Mean::default();
        mean.add(Grid::from_fn(1, 1, 1, |_, _, _| -0.0)).unwrap();
        assert_eq!(mean.finish().unwrap().values()[0].to_bits(), (-0.0f32).to_bits());
        let mut mean = Mean::default();
        for draw in 0..3 {
            mean.add(map(draw)).unwrap();
        }
        assert!(mean.add(Grid::from_fn(1, 1, 1, |_, _, _| 0.0)).is_err(), "another shape");
        let mut mean = Mean::default();
        for draw in 0..3 {
            mean.add(map(draw)).unwrap();
        }
        assert_eq!(mean.finish().unwrap(), map(1));
        assert!(Mean::default().finish().is_err());
    }
}
