//! From a picture to what a network receives.

use crate::data::Picture;
use crate::data::preprocess::{Prepared, adm, pad};
use crate::error::Result;
use crate::unet::config::{Preprocess, UnetConfig};

/// The picture as the network of `config` takes it, `[3, S, S]` in [−1, 1].
///
/// # Errors
/// When the picture cannot be resampled.
pub fn prepare(picture: &Picture, config: &UnetConfig) -> Result<Prepared> {
    match config.preprocess {
        Preprocess::Adm => adm(picture, config.image_size),
        Preprocess::Pad => pad(picture, config.image_size),
    }
}

/// Why a picture is far from what the network was trained on, if it is: networks with padded input
/// were trained on small grey pictures.
pub fn far_from_training(picture: &Picture, config: &UnetConfig) -> Option<String> {
    if config.preprocess != Preprocess::Pad {
        return None;
    }
    let size = config.image_size;
    let mut ways = Vec::new();
    if !picture.is_grey() {
        ways.push("in colour".to_string());
    }
    if picture.width > size || picture.height > size {
        ways.push(format!("{}×{} pixels reduced to fit {size}×{size}", picture.width, picture.height));
    }
    if ways.is_empty() {
        return None;
    }
    let name = config.card.as_ref().map_or("This network", |card| card.name.as_str());
    let data = config
        .card
        .as_ref()
        .map_or("small grey pictures", |card| card.data.split(',').next().unwrap_or("small grey pictures"));
    Some(format!(
        "far from what this network knows: {name} was trained on {data}; this picture is {}",
        ways.join(", ")
    ))
}
