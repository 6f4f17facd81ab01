//! Features of a few pictures as rows, without a file.

use candle_core::Tensor;

use super::config::ExtractConfig;
use crate::diffusion::{Draw, noise_for, q_sample};
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::tap::{Mean, grid_of, pooled, tensor_of};
use crate::grid::Grid;
use crate::unet::Keep;

/// Features of preprocessed pictures `inputs` (`[3, S, S]` each) at `timestep`, for each block of `config`
/// in ascending order: values of one picture after another, `C·H·W` or `C·p·p` each. One forward for each
/// picture and draw, all pictures together; the values are those that a file of features would hold.
/// `watch` is asked between blocks and stops by an error.
///
/// # Errors
/// When a picture or setting does not fit the network, what `watch` returns, or a failing device.
pub fn rows(
    network: &Network,
    inputs: &[Grid],
    timestep: usize,
    config: &ExtractConfig,
    watch: &mut dyn FnMut() -> Result<()>,
) -> Result<Vec<Vec<f32>>> {
    let blocks = config.blocks.numbers(network.card.blocks.len())?;
    let deepest = blocks.last().copied().unwrap_or(0);
    let mut means = vec![Mean::default(); blocks.len() * inputs.len()];
    let classes = config.class.map(|class| vec![class; inputs.len()]);
    for number in 0..config.draws {
        let x_t = inputs.iter().map(|input| {
            let noise = noise_for(input, Draw { seed: config.seed, number });
            tensor_of(&q_sample(&network.schedule, timestep, input, &noise)?)
        });
        let x_t = Tensor::cat(&x_t.collect::<Result<Vec<_>>>()?, 0)?;
        let timesteps = vec![timestep; inputs.len()];
        let mut pass = network.unet.begin(&x_t, &timesteps, classes.as_deref(), Keep::Until(deepest))?;
        network.unet.advance(&mut pass, deepest, &mut |block, map| {
            if let Ok(place) = blocks.binary_search(&block) {
                let map = pooled(map, config.pool)?;
                for (row, mean) in means[place * inputs.len()..][..inputs.len()].iter_mut().enumerate() {
                    mean.add(grid_of(&map, row)?)?;
                }
            }
            watch()
        })?;
    }
    let mut means = means.into_iter();
    let of_block = |_: &usize| {
        let mut values = Vec::new();
        for _ in inputs {
            let mean = means.next().ok_or_else(|| Error::Compute("a feature map is missing".into()))?;
            values.extend_from_slice(mean.finish()?.values());
        }
        Ok(values)
    };
    blocks.iter().map(of_block).collect()
}
