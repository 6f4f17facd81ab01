//! Features of pictures at one step, in memory.

use half::f16;

use super::plan::Plan;
use crate::data::split::Part;
use crate::error::{Error, Result};
use crate::features::pooled::PooledTap;
use crate::features::store::average_cells;
use crate::heads::Rows;
use crate::study::table::Features;

/// Whose features of which pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::study) struct SlabKey {
    /// Whose features.
    pub features: Features,
    /// Pictures learned from, or tested on.
    pub part: Part,
    /// The step; 0 for pixels.
    pub timestep: usize,
}

/// What several taps read of pictures.
pub(in crate::study) struct Slab {
    taps: Vec<PooledTap>,
    /// Of each tap, picture after picture.
    values: Vec<Vec<f16>>,
}

impl Slab {
    /// Without a picture yet.
    pub fn new(taps: Vec<PooledTap>) -> Slab {
        let values = vec![Vec::new(); taps.len()];
        Slab { taps, values }
    }

    /// What it holds of each picture.
    pub fn taps(&self) -> &[PooledTap] {
        &self.taps
    }

    /// Adds what the taps read of the next pictures.
    pub fn add(&mut self, rows: Vec<Vec<f16>>) {
        self.values.iter_mut().zip(rows).for_each(|(values, rows)| values.extend(rows));
    }

    /// Rows of `block` pooled to `pool`, one of each of the pictures `of`.
    ///
    /// # Errors
    /// When they were not read, or are not finite.
    pub fn rows(&self, plan: &Plan, block: usize, pool: usize, of: &[usize]) -> Result<Rows> {
        let lost = || Error::Compute(format!("no features of block {block} pooled to {pool}"));
        let at = plan.source(block, pool, &self.taps).ok_or_else(lost)?;
        let (held, channels) = (self.taps[at].pool, plan.map_of(block)[0]);
        let each = channels * held * held;
        let mut values = Vec::with_capacity(of.len() * channels * pool * pool);
        for &picture in of {
            let row = self.values[at].get(picture * each..(picture + 1) * each).ok_or_else(lost)?;
            if held == pool {
                values.extend(row.iter().map(|value| value.to_f32()));
            } else {
                let averages = average_cells(row, [held; 2], [pool; 2]);
                values.extend(averages.into_iter().map(f16::to_f32));
            }
        }
        Rows::new(channels * pool * pool, values)
    }
}
