//! The frozen feature maps that a head reads, by timestep and block.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::features::tap::pooled;
use crate::unet::{Keep, Unet};

/// A feature map that a head needs from the first pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// The timestep.
    pub timestep: usize,
    /// The block, from 1.
    pub block: usize,
    /// The p×p pool that is enough; none where the whole map is needed.
    pub pool: Option<usize>,
}

/// Feature maps of a batch by (timestep, block): `[N, C, h, w]`, whole or already pooled as
/// [`Read::pool`] asks. They are inputs: no gradient goes beyond them.
#[derive(Clone, Default)]
pub struct Maps(BTreeMap<(usize, usize), Tensor>);

impl Maps {
    /// No maps.
    pub fn new() -> Maps {
        Maps::default()
    }

    /// Adds the map of `block` at `timestep`.
    pub fn insert(&mut self, timestep: usize, block: usize, map: &Tensor) {
        self.0.insert((timestep, block), map.detach());
    }

    /// Adds a map of the second pass, through which gradients flow.
    pub(super) fn insert_tracked(&mut self, timestep: usize, block: usize, map: Tensor) {
        self.0.insert((timestep, block), map);
    }

    /// The map of `block` at `timestep`.
    ///
    /// # Errors
    /// When it was not computed.
    pub fn get(&self, timestep: usize, block: usize) -> Result<&Tensor> {
        self.0.get(&(timestep, block)).ok_or_else(|| {
            Error::Compute(format!("the features of block {block} at t {timestep} are not there"))
        })
    }

    /// All maps, by timestep and block.
    pub fn iter(&self) -> impl Iterator<Item = ((usize, usize), &Tensor)> {
        self.0.iter().map(|(&key, map)| (key, map))
    }
}

/// A batch at one timestep.
#[derive(Clone)]
pub struct Noised {
    /// The timestep.
    pub timestep: usize,
    /// x_t `[N, 3, S, S]`.
    pub x_t: Tensor,
}

/// Runs the first pass of `reads` over `batches`, one per timestep, to the deepest block needed;
/// maps are pooled as they are made. `watch` is called with every block that is done, and stops the
/// run by an error.
///
/// # Errors
/// When a timestep is not among the batches, inputs do not fit the network, or what `watch` returns.
pub fn collect(
    unet: &Unet,
    batches: &[Noised],
    classes: Option<&[usize]>,
    reads: &[Read],
    watch: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Maps> {
    let mut maps = Maps::new();
    let mut timesteps: Vec<usize> = reads.iter().map(|read| read.timestep).collect();
    timesteps.sort_unstable();
    timesteps.dedup();
    for timestep in timesteps {
        let here = || reads.iter().filter(|read| read.timestep == timestep);
        let x_t = noised(batches, timestep)?;
        let deepest = here().map(|read| read.block).max().unwrap_or(0);
        let mut pass = unet.begin(x_t, &vec![timestep; x_t.dim(0)?], classes, Keep::Needed)?;
        unet.advance(&mut pass, deepest, &mut |block, map| {
            if let Some(read) = here().find(|read| read.block == block) {
                maps.insert(timestep, block, &pooled(map, read.pool)?);
            }
            watch(block)
        })?;
    }
    Ok(maps)
}

/// x_t of `timestep` among `batches`.
pub(super) fn noised(batches: &[Noised], timestep: usize) -> Result<&Tensor> {
    let found = batches.iter().find(|batch| batch.timestep == timestep);
    found.map(|batch| &batch.x_t).ok_or_else(|| Error::Compute(format!("no pictures at t {timestep}")))
}
