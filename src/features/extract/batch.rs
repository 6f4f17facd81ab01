//! How many forwards go through the network together.

use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::network::NetworkCard;
use crate::tensor::device::free_bytes;

/// Pixels of the network's input that one pass takes together at most: beyond this the weights are
/// shared by enough pixels, and waiting for the end of a block gets long.
const PIXELS: usize = 32 * 32 * 32;
/// Of the memory that is free, the part that a run may take.
const SHARE: u64 = 2;

/// Bytes of maps that a pass over one picture holds at its fullest on the way to block `deepest`:
/// skips that are still needed, what enters and leaves a block, and what is between its layers.
pub(super) fn bytes_of_pass(card: &NetworkCard, deepest: usize) -> u64 {
    let count = card.blocks.len();
    let encoder = count.saturating_sub(1) / 2;
    let bytes = |block: usize| {
        card.block(block).map_or(0, |info| 4 * (info.channels * info.height * info.width) as u64)
    };
    // Decoder block b takes the map of encoder block 2·E + 2 − b.
    let needed_after = |skip: usize, block: usize| {
        let needed_by = 2 * encoder + 2 - skip;
        needed_by > block && needed_by <= deepest
    };
    (1..=deepest.min(count))
        .map(|block| {
            let held: u64 =
                (1..=encoder.min(block)).filter(|&skip| needed_after(skip, block)).map(bytes).sum();
            let skip = if block > encoder + 1 { bytes(2 * encoder + 2 - block) } else { 0 };
            let entering = bytes(block - 1) + skip;
            held + 2 * entering + 4 * bytes(block)
        })
        .max()
        .unwrap_or(0)
}

/// How many forwards to take together, where each holds `bytes_each`, weights still to be loaded take
/// `weights` and `free` bytes are free (if the system tells): as many as fit and help.
///
/// # Errors
/// When not even one fits, with the numbers.
pub(super) fn batch_size(side: usize, bytes_each: u64, weights: u64, free: Option<u64>) -> Result<usize> {
    let helps = (PIXELS / (side * side).max(1)).max(1);
    let Some(free) = free else { return Ok(helps) };
    if bytes_each + weights > free {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        return Err(Error::Setting(format!(
            "one picture needs {:.1} GB of memory for its maps, the network {:.1} GB for weights that are not loaded yet, and {:.1} GB are free; close other programs, or choose blocks further up, fewer or pooled (--pool 1)",
            gigabytes(bytes_each),
            gigabytes(weights),
            gigabytes(free)
        )));
    }
    let fit = usize::try_from((free - weights) / SHARE / bytes_each.max(1)).unwrap_or(usize::MAX);
    Ok(fit.clamp(1, helps))
}

/// How many pictures go together to block `deepest` of `network`, with `more` bytes each beside the
/// maps of the pass: as many as fit into what is free now, and help.
///
/// # Errors
/// When not even one fits, with the numbers.
pub fn forwards_together(network: &Network, deepest: usize, more: u64) -> Result<usize> {
    let (card, weights) = (&network.card, network.unet.bytes_to_come(deepest));
    batch_size(card.config.image_size, bytes_of_pass(card, deepest) + more, weights, free_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::network::card_of;
    use crate::unet::embedded::embedded;

    #[test]
    fn a_pass_holds_more_the_deeper_it_goes_and_never_less_than_its_skips() {
        let card = card_of(&embedded().unwrap()).unwrap();
        let all: Vec<u64> = (1..=19).map(|block| bytes_of_pass(&card, block)).collect();
        assert!(all.windows(2).all(|pair| pair[0] <= pair[1]), "{all:?}");
        let skips: u64 = card.blocks[..9].iter().map(|b| 4 * (b.channels * b.height * b.width) as u64).sum();
        assert!(all[18] > skips && all[18] < 8 * skips, "{all:?} {skips}");
        assert!(all[8] < all[18], "no skips are held for blocks that are not reached");
        assert_eq!(bytes_of_pass(&card, 0), 0);
    }

    #[test]
    fn batches_are_as_large_as_fits_and_helps() {
        assert_eq!(batch_size(32, 1_000, 0, Some(1 << 30)).unwrap(), 32);
        assert_eq!(batch_size(256, 1_000, 0, Some(1 << 30)).unwrap(), 1);
        assert_eq!(batch_size(32, 1 << 20, 0, Some(9 << 20)).unwrap(), 4, "half of what is free");
        assert_eq!(batch_size(32, 1 << 20, 3 << 20, Some(9 << 20)).unwrap(), 3, "beside the weights");
        assert_eq!(batch_size(32, 8 << 20, 0, Some(9 << 20)).unwrap(), 1, "shrinks to one");
        assert_eq!(batch_size(64, 1_000, 0, None).unwrap(), 8);
        let refusal = batch_size(256, 700_000_000, 2_400_000_000, Some(3_000_000_000));
        let message = refusal.unwrap_err().to_string();
        assert!(["0.7 GB", "2.4 GB", "3.0 GB"].iter().all(|part| message.contains(part)), "{message}");
    }
}
