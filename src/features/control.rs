//! A control: the network with weights that never saw a picture.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::network::{Network, NetworkCard};
use crate::diffusion::Schedule;
use crate::error::Result;
use crate::tensor::rng::uniform;
use crate::unet::Unet;

/// `network` with random weights: norms as they begin, biases zero, all else uniform
/// within ±√(3/fan_in), so that maps keep their scale. The layers that training begins at zero
/// (`zero_module` of `nn.py`) are random too: at zero, blocks would hand on what they get.
///
/// # Errors
/// When the device fails.
pub fn random_weights(network: &Network, seed: u64) -> Result<Network> {
    let card = &*network.card;
    let mut source = |name: &str, shape: &[usize]| {
        let count = shape.iter().product();
        let values = match shape {
            [_] if name.ends_with("weight") => vec![1.0; count],
            [_] => vec![0.0; count],
            _ => {
                let mut key = blake3::Hasher::new();
                key.update(b"difscope random weights");
                key.update(&seed.to_le_bytes());
                key.update(name.as_bytes());
                let fan_in: usize = shape[1..].iter().product();
                let bound = (3.0 / fan_in.max(1) as f64).sqrt() as f32;
                uniform(key.finalize().as_bytes(), count).into_iter().map(|value| value * bound).collect()
            }
        };
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    };
    let unet = Unet::load(&card.config, &mut source, network.unet.device(), card.precision)?;
    let card = NetworkCard {
        name: format!("{} with random weights", card.name),
        path: None,
        hash: format!("random weights {seed} of {}", card.hash),
        file_hash: String::new(),
        stored_as: "f32".into(),
        notes: vec!["A control: weights at random.".into()],
        ..card.clone()
    };
    Ok(Network { schedule: Schedule::of(&card.config), unet, card: Arc::new(card) })
}
