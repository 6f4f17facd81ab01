//! How much memory the weights of a network take once they are ready to run.

use super::plan::{Layer, Plan, PlannedBlock};
use crate::error::{Error, Result};

impl Plan {
    /// Bytes that the weights of blocks 1 to `block` take when they are ready to run on the CPU in f32;
    /// in bf16 they take less.
    pub fn ready_bytes(&self, block: usize) -> u64 {
        self.blocks.iter().take(block).map(|planned| self.ready_bytes_of(planned)).sum()
    }

    /// As [`Plan::ready_bytes`], of one block: its parameters in f32, and what its 3×3 convolutions
    /// take beyond that as [`crate::tensor::conv`] lays them out, to about a megabyte a layer.
    pub(super) fn ready_bytes_of(&self, block: &PlannedBlock) -> u64 {
        let parameters: usize =
            self.parameters_of(block).iter().map(|p| p.shape.iter().product::<usize>()).sum();
        let mut side = block.side_in;
        let mut bytes = 4 * parameters as u64;
        for layer in &block.layers {
            // Convolutions slide over maps that are resampled already.
            let after = layer.side_after(side);
            match *layer {
                Layer::Conv { c_in, c_out } => bytes += beyond(c_in, c_out, after),
                Layer::Res { c_in, c_out, .. } => {
                    bytes += beyond(c_in, c_out, after) + beyond(c_out, c_out, after);
                }
                Layer::Upsample { channels } => bytes += beyond(channels, channels, after),
                Layer::Attention { .. } | Layer::Downsample { .. } => {}
            }
            side = after;
        }
        bytes
    }

    /// Bytes of the largest parameter of a block in f32, which is in memory as it is while the block
    /// is made ready.
    pub(super) fn largest_bytes_of(&self, block: &PlannedBlock) -> u64 {
        let sizes =
            self.parameters_of(block).into_iter().map(|p| 4 * p.shape.iter().product::<usize>() as u64);
        sizes.max().unwrap_or(0)
    }
}

/// Bytes that a 3×3 convolution of step 1 over maps of side `side` takes beyond its weights in f32:
/// Winograd's way takes 36/9 of them over large maps and 16/9 over smaller ones.
fn beyond(c_in: usize, c_out: usize, side: usize) -> u64 {
    let taps = match side {
        _ if c_in.min(c_out) < 16 => 0,
        32.. => 36 - 9,
        16.. => 16 - 9,
        _ => 0,
    };
    (4 * c_in * c_out * taps) as u64
}

/// Refuses block `block`, for which `needed` bytes are about to be asked for, when fewer are free.
///
/// # Errors
/// With both numbers.
pub(super) fn refuse_without_room(block: usize, needed: u64, free: Option<u64>) -> Result<()> {
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    match free {
        Some(free) if needed > free => Err(Error::Setting(format!(
            "block {block} of the network needs {:.2} GB of memory for its weights and {:.2} GB are free; close other programs first, or stay with the blocks before it",
            gigabytes(needed),
            gigabytes(free)
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::presets::by_name;

    #[test]
    fn the_published_network_takes_what_its_layers_take() {
        let plan = Plan::new(&by_name("adm256-uncond").unwrap().config()).unwrap();
        let parameters = |block: usize| -> u64 {
            plan.table().iter().take(block).map(|info| 4 * info.parameters as u64).sum()
        };
        // A convolution of 3 channels, and one from 256 to 256 channels, twice.
        assert_eq!(plan.ready_bytes(1), parameters(1));
        assert_eq!(plan.ready_bytes(2) - parameters(2), 2 * 4 * 256 * 256 * 27);
        // A block over 8×8 maps takes its weights alone.
        assert_eq!(plan.ready_bytes(19) - plan.ready_bytes(18), parameters(19) - parameters(18));
        assert_eq!(plan.largest_bytes_of(&plan.blocks[23]), 4 * 2048 * 1024 * 9);
        assert_eq!(plan.ready_bytes(99), plan.ready_bytes(37));
    }

    #[test]
    fn a_block_that_does_not_fit_is_refused_with_the_numbers() {
        let message = refuse_without_room(24, 310_000_000, Some(120_000_000)).unwrap_err().to_string();
        assert!(message.contains("block 24") && message.contains("0.31 GB"), "{message}");
        assert!(message.contains("0.12 GB"), "{message}");
        assert!(refuse_without_room(24, 3, Some(3)).is_ok() && refuse_without_room(24, 3, None).is_ok());
    }
}
