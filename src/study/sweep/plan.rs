//! Which cells there are, and what has to be read for them.

use std::sync::Arc;

use super::cell::Cell;
use super::config::SweepConfig;
use crate::error::Result;
use crate::features::network::NetworkCard;
use crate::features::pooled::PooledTap;
use crate::features::store::pool_follows;
use crate::heads::{Backbone, HeadConfig, HeadKind};
use crate::study::table::Features;

/// The longest side of the pixels that the control reads whole.
const PIXELS: usize = 32;

/// The cells of a sweep.
pub(in crate::study) struct Plan {
    card: Arc<NetworkCard>,
    blocks: Vec<usize>,
    /// Ascending.
    timesteps: Vec<usize>,
    /// Ascending.
    pools: Vec<usize>,
    shots: Vec<usize>,
    /// The default block, step and pool.
    default: (usize, usize, usize),
}

impl Plan {
    /// The cells that `config` asks for.
    ///
    /// # Errors
    /// When a setting does not fit the network.
    pub fn new(config: &SweepConfig, card: &Arc<NetworkCard>) -> Result<Plan> {
        config.validate_on(card)?;
        let ascending = |list: &[usize]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list.dedup();
            list
        };
        let pools = ascending(&config.pools);
        let published = HeadConfig::published(HeadKind::Linear, &Backbone::from(&**card))?.pool;
        let pool = match pools.binary_search(&published) {
            Ok(_) => published,
            Err(_) => pools.iter().copied().min_by_key(|pool| pool.abs_diff(published)).unwrap_or(1),
        };
        Ok(Plan {
            blocks: config.blocks.numbers(card.blocks.len())?,
            timesteps: config.timesteps(card.config.diffusion_steps),
            pools,
            // Without labels nothing is learned from any picture.
            shots: if config.score.needs_labels() { ascending(&config.shots) } else { vec![0] },
            default: (card.default_block(), card.default_timestep(), pool),
            card: Arc::clone(card),
        })
    }

    /// The cell of the default setting.
    pub fn default_cell(&self, shots: usize) -> Cell {
        let (block, timestep, pool) = self.default;
        Cell { features: Features::Network, shots, pool, timestep, block }
    }

    /// Where the default setting comes from, in words.
    pub fn default_source(&self) -> &'static str {
        match (&self.card.config.defaults, self.card.blocks.len()) {
            (Some(_), _) => "the network's own",
            (None, 37) => "published for this network's kind",
            (None, _) => "published for the 256×256 network, at the same relative depth",
        }
    }

    /// All steps, those of the table in an order that fills it evenly, the default one first.
    pub fn order(&self) -> Vec<usize> {
        let own = self.default.1;
        let first = self.timesteps.iter().position(|&t| t == own).unwrap_or(self.timesteps.len() / 2);
        let mut order = vec![first];
        while order.len() < self.timesteps.len() {
            let distance = |at: &usize| order.iter().map(|done| done.abs_diff(*at)).min().unwrap_or(0);
            let left = (0..self.timesteps.len()).filter(|at| !order.contains(at));
            // Of equally far ones the first.
            order.extend(left.rev().max_by_key(distance));
        }
        let mut steps: Vec<usize> = order.into_iter().map(|at| self.timesteps[at]).collect();
        if !steps.contains(&own) {
            steps.push(own);
        }
        steps
    }

    /// The blocks read at `timestep`, ascending.
    pub fn blocks_at(&self, timestep: usize) -> Vec<usize> {
        let mut blocks = if self.timesteps.contains(&timestep) { self.blocks.clone() } else { Vec::new() };
        let (own, at, _) = self.default;
        if timestep == at && !blocks.contains(&own) {
            blocks.push(own);
            blocks.sort_unstable();
        }
        blocks
    }

    /// The cells of the network at `timestep`.
    pub fn cells_at(&self, timestep: usize) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &shots in &self.shots {
            for block in self.blocks_at(timestep) {
                for &pool in &self.pools {
                    let cell = Cell { features: Features::Network, shots, pool, timestep, block };
                    let within = self.timesteps.contains(&timestep) && self.blocks.contains(&block);
                    if within || cell == self.default_cell(shots) {
                        cells.push(cell);
                    }
                }
            }
        }
        cells
    }

    /// The cells of raw pixels: every pool, and all pixels.
    pub fn pixel_cells(&self) -> Vec<Cell> {
        let pools = self.pixel_pools();
        let cell =
            |shots: usize, pool| Cell { features: Features::RawPixels, shots, pool, timestep: 0, block: 0 };
        self.shots.iter().flat_map(|&shots| pools.iter().map(move |&pool| cell(shots, pool))).collect()
    }

    fn pixel_pools(&self) -> Vec<usize> {
        let side = self.card.config.image_size;
        let mut pools: Vec<usize> =
            self.pools.iter().copied().filter(|&pool| pool < side.min(PIXELS)).collect();
        pools.push(side.min(PIXELS));
        pools
    }

    /// Channels, rows and columns of a block's map; of the pictures for block 0.
    pub fn map_of(&self, block: usize) -> [usize; 3] {
        match self.card.block(block) {
            Some(info) => [info.channels, info.height, info.width],
            None => [3, self.card.config.image_size, self.card.config.image_size],
        }
    }

    /// What is read of `blocks` (0: pixels): of each the pools that follow from no larger one.
    pub fn taps(&self, blocks: &[usize]) -> Vec<PooledTap> {
        let mut taps = Vec::new();
        for &block in blocks {
            let pools = if block == 0 { self.pixel_pools() } else { self.pools.clone() };
            let [_, height, width] = self.map_of(block);
            let follows = |pool: usize, larger: usize| {
                larger > pool && pool_follows(pool, larger, height) && pool_follows(pool, larger, width)
            };
            let kept = pools.iter().filter(|&&pool| !pools.iter().any(|&larger| follows(pool, larger)));
            taps.extend(kept.map(|&pool| PooledTap { block, pool }));
        }
        taps
    }

    /// The tap among `taps` that features of `block` pooled to `pool` are had from.
    pub fn source(&self, block: usize, pool: usize, taps: &[PooledTap]) -> Option<usize> {
        let [_, height, width] = self.map_of(block);
        let serves = |tap: &PooledTap| {
            let follows = |whole: usize| pool_follows(pool, tap.pool, whole);
            tap.block == block && (tap.pool == pool || (follows(height) && follows(width)))
        };
        taps.iter()
            .enumerate()
            .filter(|(_, tap)| serves(tap))
            .min_by_key(|(_, tap)| tap.pool)
            .map(|(at, _)| at)
    }

    /// Bytes of what `taps` read of one picture.
    pub fn bytes_of(&self, taps: &[PooledTap]) -> u64 {
        taps.iter().map(|tap| (2 * self.map_of(tap.block)[0] * tap.pool * tap.pool) as u64).sum()
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
