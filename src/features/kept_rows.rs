//! Rows of several cells of a network, one behind the other, from what was kept and else by the network: the
//! bits are those that the network gives, never averages of a larger pool.

use half::f16;

use super::network::Network;
use super::pooled::{PooledTap, pooled_rows};
use super::store::{FeatureStore, Origin, RowKey, Series};
use crate::diffusion::Draw;
use crate::error::{Error, Result};
use crate::grid::Grid;

/// Which features make a row: of every timestep every block, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cells {
    /// Timesteps.
    pub timesteps: Vec<usize>,
    /// Blocks, from 1.
    pub blocks: Vec<usize>,
    /// p of the p×p pool.
    pub pool: usize,
    /// Noises that features are the mean of.
    pub draws: u32,
    /// The user's seed of the noise.
    pub seed: u64,
}

/// Rows that were made.
#[derive(Clone, Debug, Default)]
pub struct KeptRows {
    /// Of each picture, in half precision.
    pub rows: Vec<Vec<f16>>,
    /// Forwards that were made; all others were kept.
    pub computed: usize,
}

impl Cells {
    /// The deepest block.
    pub fn deepest(&self) -> usize {
        self.blocks.iter().copied().max().unwrap_or(0)
    }

    /// Numbers of a row.
    ///
    /// # Errors
    /// When a block does not exist.
    pub fn width(&self, network: &Network) -> Result<usize> {
        let channels = self.blocks.iter().map(|&block| Ok(shape_of(network, block)?[0]));
        let channels: usize = channels.sum::<Result<usize>>()?;
        Ok(channels * self.pool * self.pool * self.timesteps.len())
    }

    /// The rows of `pictures` (each x_0 `[3, S, S]`). What `store` has is taken from it, what is computed is
    /// put there. `watch` is asked between blocks.
    ///
    /// # Errors
    /// What `watch` returns, or a failing device.
    pub fn rows(
        &self,
        network: &Network,
        pictures: &[Grid],
        mut store: Option<&mut FeatureStore>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<KeptRows> {
        let mut made = KeptRows { rows: vec![Vec::new(); pictures.len()], computed: 0 };
        let taps: Vec<PooledTap> =
            self.blocks.iter().map(|&block| PooledTap { block, pool: self.pool }).collect();
        let origin = Origin::of(network);
        for &timestep in &self.timesteps {
            let series = taps.iter().map(|tap| self.series(origin.as_ref(), network, timestep, tap));
            let pass = Pass { network, timestep, taps: &taps, series: series.collect::<Result<_>>()? };
            let mut means = vec![Mean::default(); pictures.len()];
            for number in 0..self.draws.max(1) {
                let draw = Draw { seed: self.seed, number };
                let keys: Option<Vec<RowKey>> = origin
                    .as_ref()
                    .map(|origin| pictures.iter().map(|picture| origin.key(picture, draw, None)).collect());
                let (rows, computed) =
                    pass.rows(pictures, draw, keys.as_deref(), store.as_deref_mut(), watch)?;
                made.computed += computed;
                means.iter_mut().zip(rows).for_each(|(mean, row)| mean.add(row));
            }
            made.rows.iter_mut().zip(means).for_each(|(row, mean)| row.extend(mean.finish()));
        }
        Ok(made)
    }

    fn series(
        &self,
        origin: Option<&Origin>,
        network: &Network,
        timestep: usize,
        tap: &PooledTap,
    ) -> Result<Option<Series>> {
        let [channels, height, width] = shape_of(network, tap.block)?;
        let kept = [channels, tap.pool, tap.pool];
        Ok(origin.map(|origin| origin.series(timestep, tap.block, kept, [height, width])))
    }
}

fn shape_of(network: &Network, block: usize) -> Result<[usize; 3]> {
    let info = network.card.block(block).ok_or_else(|| {
        let (name, count) = (&network.card.name, network.card.blocks.len());
        Error::Setting(format!("there is no block {block} in {name}; its blocks are 1 to {count}"))
    })?;
    Ok([info.channels, info.height, info.width])
}

/// One timestep.
struct Pass<'a> {
    network: &'a Network,
    timestep: usize,
    taps: &'a [PooledTap],
    /// Where the features of each tap are kept.
    series: Vec<Option<Series>>,
}

impl Pass<'_> {
    /// What the taps read of `pictures` under one noise, and how many forwards that took.
    fn rows(
        &self,
        pictures: &[Grid],
        draw: Draw,
        keys: Option<&[RowKey]>,
        mut store: Option<&mut FeatureStore>,
        watch: &dyn Fn() -> Result<()>,
    ) -> Result<(Vec<Vec<f16>>, usize)> {
        let mut held: Vec<Vec<Option<Vec<f16>>>> = vec![vec![None; self.taps.len()]; pictures.len()];
        if let (Some(store), Some(keys)) = (store.as_deref_mut(), keys) {
            for (held, key) in held.iter_mut().zip(keys) {
                for (held, series) in held.iter_mut().zip(&self.series) {
                    *held = series.as_ref().and_then(|series| store.get_own(series, key));
                }
            }
        }
        let missing: Vec<usize> =
            (0..pictures.len()).filter(|&at| held[at].iter().any(Option::is_none)).collect();
        if !missing.is_empty() {
            let some: Vec<Grid> = missing.iter().map(|&at| pictures[at].clone()).collect();
            let made = pooled_rows(self.network, &some, draw, self.timestep, None, self.taps, watch)?;
            for (tap, made) in made.into_iter().enumerate() {
                if let (Some(store), Some(keys), Some(series)) =
                    (store.as_deref_mut(), keys, &self.series[tap])
                {
                    let keys: Vec<RowKey> = missing.iter().map(|&at| keys[at]).collect();
                    store.put_own(series, &keys, &made);
                }
                for (&at, row) in missing.iter().zip(made.chunks_exact(made.len() / missing.len())) {
                    held[at][tap].get_or_insert_with(|| row.to_vec());
                }
            }
        }
        let rows = held.into_iter().map(|taps| taps.into_iter().flatten().flatten().collect());
        Ok((rows.collect(), missing.len()))
    }
}

/// The mean of rows in half precision; of one row its very bits.
#[derive(Clone, Default)]
pub struct Mean {
    first: Vec<f16>,
    sums: Vec<f64>,
    count: usize,
}

impl Mean {
    /// Adds a row.
    pub fn add(&mut self, row: Vec<f16>) {
        self.count += 1;
        if self.count == 1 {
            self.first = row;
            return;
        }
        if self.sums.is_empty() {
            self.sums = self.first.iter().map(|value| value.to_f64()).collect();
        }
        self.sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f64());
    }

    /// The mean, rounded once.
    pub fn finish(self) -> Vec<f16> {
        if self.sums.is_empty() {
            return self.first;
        }
        let count = self.count as f64;
        self.sums.into_iter().map(|sum| f16::from_f64(sum / count)).collect()
    }
}
