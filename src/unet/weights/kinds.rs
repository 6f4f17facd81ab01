//! Files that look like networks of this family and are none.

use super::entry::Entry;

/// Says in a sentence why `entries` are no network that can be used, or `None` when they may be one.
pub(super) fn refusal(entries: &[Entry]) -> Option<String> {
    let shape =
        |name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| entry.shape.as_slice());
    let any = |start: &str| entries.iter().any(|entry| entry.name.starts_with(start));
    if entries.iter().any(|entry| entry.name.contains("transformer_blocks.")) {
        return Some(
            "is a text-conditional latent diffusion network; difscope reads text-free pixel networks in OpenAI's layout".into(),
        );
    }
    if any("head.") || any("feedback_layers.") {
        return Some("is a trained head, not a network; give it to the command that uses heads".into());
    }
    if any("down_blocks.") || any("mid_block.") {
        return Some(
            "is in the layout of the diffusers library; difscope reads OpenAI's layout (input_blocks, middle_block, output_blocks)".into(),
        );
    }
    let Some(first) = shape("input_blocks.0.0.weight") else {
        return Some(format!(
            "is not a network in OpenAI's layout: it has no input_blocks.0.0.weight among its {} tensors",
            entries.len()
        ));
    };
    if !any("output_blocks.") {
        return Some(
            "is a classifier of noised images, as published beside the networks: it has no decoder and generates nothing; give the network itself, such as 256x256_diffusion_uncond.pt".into(),
        );
    }
    match first {
        [_, 3, 3, 3] => None,
        [_, 6, 3, 3] => Some(
            "is a super-resolution network: its input has 6 channels, a picture and a smaller version of it; give a network that starts from noise alone".into(),
        ),
        [_, channels, 3, 3] => Some(format!("takes an input of {channels} channels; difscope reads networks on RGB pixels")),
        other => Some(format!("begins with a layer of shape {other:?}, which is no convolution of an RGB picture")),
    }
}
