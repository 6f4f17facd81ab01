//! What features are made of: a network, or as a control the pixels themselves.

use candle_core::{Device, Tensor};

use crate::diffusion::{Draw, noise_for, q_sample};
use crate::error::Result;
use crate::features::Network;
use crate::features::extract::forwards_together;
use crate::features::store::Origin;
use crate::features::tap::{pooled, tensor_of};
use crate::grid::Grid;
use crate::heads::{Backbone, HeadConfig, Maps, Noised, Read, SecondPass, collect};
use crate::unet::config::UnetConfig;
use crate::unet::plan::BlockInfo;

/// Makes features of pictures.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    /// A frozen network.
    Network(&'a Network),
    /// The pixels that a network of this configuration would see, as block 1 at timestep 0.
    Pixels(&'a UnetConfig),
}

/// A picture as a reader takes it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Preprocessed, `[3, S, S]` in [−1, 1].
    pub x_0: Grid,
    /// Number of its noise draw.
    pub draw: u32,
}

/// Longest side of the pixels that a control reads; larger inputs are pooled.
const PIXELS: usize = 32;

impl<'a> Reader<'a> {
    /// The block table that heads are built for.
    pub fn backbone(&self) -> Backbone {
        match *self {
            Reader::Network(network) => Backbone::from(&*network.card),
            Reader::Pixels(config) => {
                let side = config.image_size;
                let pixels = BlockInfo {
                    block: 1,
                    name: "pixels".into(),
                    output_index: None,
                    channels: 3,
                    height: side,
                    width: side,
                    parameters: 0,
                    gmac: 0.0,
                    cumulative_gmac: 0.0,
                };
                let hash = format!("pixels of {side}x{side}");
                Backbone { name: "raw pixels".into(), hash, config: config.clone(), blocks: vec![pixels] }
            }
        }
    }

    /// What features that may be kept on disk follow from; none for those of controls.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Reader::Network(network) => Origin::of(network),
            Reader::Pixels(_) => None,
        }
    }

    /// `head` made to read pixels: everything there is, at once.
    pub fn on_pixels(head: &HeadConfig, config: &UnetConfig) -> HeadConfig {
        let pool = config.image_size.min(PIXELS);
        HeadConfig {
            timesteps: vec![0],
            blocks: vec![1],
            second: Vec::new(),
            feedback: Vec::new(),
            pool,
            ..head.clone()
        }
    }

    /// Where features are made, and heads compute.
    pub fn device(&self) -> Device {
        match self {
            Reader::Network(network) => network.unet.device().clone(),
            Reader::Pixels(_) => Device::Cpu,
        }
    }

    /// How many pictures go together to block `deepest`, with `more` bytes each kept.
    ///
    /// # Errors
    /// When not even one fits into memory.
    pub fn together(&self, deepest: usize, more: u64) -> Result<usize> {
        match self {
            Reader::Network(network) => forwards_together(network, deepest, more),
            Reader::Pixels(_) => Ok(64),
        }
    }

    /// x_t of `pictures` at each of `timesteps`, under noise of `seed`.
    ///
    /// # Errors
    /// When pictures do not fit the network.
    pub fn noised(&self, pictures: &[Seen], timesteps: &[usize], seed: u64) -> Result<Vec<Noised>> {
        let Reader::Network(network) = self else { return Ok(Vec::new()) };
        let noises: Vec<Grid> =
            pictures.iter().map(|seen| noise_for(&seen.x_0, Draw { seed, number: seen.draw })).collect();
        timesteps
            .iter()
            .map(|&timestep| {
                let rows = pictures.iter().zip(&noises).map(|(seen, noise)| {
                    tensor_of(&q_sample(&network.schedule, timestep, &seen.x_0, noise)?)
                });
                let x_t = Tensor::cat(&rows.collect::<Result<Vec<_>>>()?, 0)?;
                Ok(Noised { timestep, x_t })
            })
            .collect()
    }

    /// The features `reads` of `pictures`, whose x_t are `noised`. `watch` is asked between blocks.
    ///
    /// # Errors
    /// What `watch` returns, or a failing device.
    pub fn maps(
        &self,
        pictures: &[Seen],
        noised: &[Noised],
        reads: &[Read],
        watch: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<Maps> {
        if let Reader::Network(network) = self {
            return collect(&network.unet, noised, None, reads, watch);
        }
        let rows = pictures.iter().map(|seen| tensor_of(&seen.x_0)).collect::<Result<Vec<_>>>()?;
        let pixels = Tensor::cat(&rows, 0)?;
        let mut maps = Maps::new();
        for read in reads {
            maps.insert(read.timestep, read.block, &pooled(&pixels, read.pool)?);
        }
        Ok(maps)
    }

    /// What DifFeed's second pass needs; none for pixels.
    pub fn second<'b>(
        &self,
        noised: &'b [Noised],
        watch: &'b dyn Fn(usize) -> Result<()>,
    ) -> Option<SecondPass<'b>>
    where
        'a: 'b,
    {
        match *self {
            Reader::Network(network) => {
                Some(SecondPass { unet: &network.unet, batches: noised, classes: None, watch })
            }
            Reader::Pixels(_) => None,
        }
    }
}
