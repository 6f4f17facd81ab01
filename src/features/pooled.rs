//! Many blocks of one forward, pooled on the way: what a sweep reads.

use candle_core::{DType, Tensor};
use half::f16;

use super::network::Network;
use super::tap::{pooled, tensor_of};
use crate::diffusion::{Draw, noise_for, q_sample};
use crate::error::{Error, Result};
use crate::grid::Grid;
use crate::unet::Keep;

/// A block, and the side that its map is pooled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PooledTap {
    /// The block, from 1.
    pub block: usize,
    /// p of its p×p pool.
    pub pool: usize,
}

/// What `taps` read of `pictures` (each x_0 `[3, S, S]`) in one forward to the deepest of them: for
/// every tap `[C, p, p]` of each picture, one after another, in half precision. `watch` is asked between
/// blocks.
///
/// # Errors
/// What `watch` returns, or a failing device.
pub fn pooled_rows(
    network: &Network,
    pictures: &[Grid],
    draw: Draw,
    timestep: usize,
    class: Option<usize>,
    taps: &[PooledTap],
    watch: &dyn Fn() -> Result<()>,
) -> Result<Vec<Vec<f16>>> {
    let Some(deepest) = taps.iter().map(|tap| tap.block).max() else { return Ok(Vec::new()) };
    let noised = pictures.iter().map(|picture| {
        let noise = noise_for(picture, draw);
        tensor_of(&q_sample(&network.schedule, timestep, picture, &noise)?)
    });
    let x_t = Tensor::cat(&noised.collect::<Result<Vec<_>>>()?, 0)?;
    let classes = class.map(|class| vec![class; pictures.len()]);
    let steps = vec![timestep; pictures.len()];
    let mut pass = network.unet.begin(&x_t, &steps, classes.as_deref(), Keep::Until(deepest))?;
    let mut rows: Vec<Vec<f16>> = vec![Vec::new(); taps.len()];
    network.unet.advance(&mut pass, deepest, &mut |block, map| {
        for (tap, rows) in taps.iter().zip(&mut rows).filter(|(tap, _)| tap.block == block) {
            let map = pooled(map, Some(tap.pool))?.to_dtype(DType::F32)?;
            *rows = map.flatten_all()?.to_vec1::<f32>()?.into_iter().map(half_of).collect();
        }
        watch()
    })?;
    match rows.iter().position(Vec::is_empty) {
        Some(lost) => Err(Error::Compute(format!("block {} gave no features", taps[lost].block))),
        None => Ok(rows),
    }
}

/// A picture's own values `[3, S, S]` pooled to `[3, p, p]`, in half precision.
///
/// # Errors
/// When the picture is empty.
pub fn pooled_pixels(picture: &Grid, pool: usize) -> Result<Vec<f16>> {
    let pixels = pooled(&tensor_of(picture)?, Some(pool))?;
    Ok(pixels.flatten_all()?.to_vec1::<f32>()?.into_iter().map(half_of).collect())
}

/// What half precision cannot hold stays as large as it can be.
pub fn half_of(value: f32) -> f16 {
    let most = f16::MAX.to_f32();
    f16::from_f32(value.clamp(-most, most))
}
