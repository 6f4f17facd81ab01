//! The network compiled into the program.

use super::weights::{LoadedCheckpoint, open_embedded};
use crate::error::Result;

/// Name of the embedded network.
pub const EMBEDDED_NAME: &str = "fashion32";

static FASHION32: &[u8] = include_bytes!("../../weights/fashion32.safetensors");

/// Opens the embedded network, an ADM U-Net of 19 blocks for 32×32 trained on Fashion-MNIST.
///
/// # Errors
/// Not expected.
pub fn embedded() -> Result<LoadedCheckpoint> {
    open_embedded(EMBEDDED_NAME, FASHION32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::config::Preprocess;

    #[test]
    fn the_embedded_network_is_whole() {
        let network = embedded().unwrap();
        network.check().unwrap();
        assert_eq!((network.name.as_str(), network.dtype.as_str()), ("fashion32", "f16"));
        assert_eq!(network.parameters.count(), 4_425_062);
        assert_eq!(network.parameters.bytes_held(), 0, "it is not copied");
        assert_eq!(network.config.card.as_ref().unwrap().parameters, Some(4_425_062));
        assert_eq!((network.config.preprocess, network.config.image_size), (Preprocess::Pad, 32));
        assert_eq!(
            network.config.defaults.as_ref().unwrap().diffeed.as_ref().unwrap().feedback,
            [11, 12, 14, 16, 18]
        );
        assert!(network.assumed.is_empty() && network.unused.is_empty() && network.path.is_none());
    }
}
