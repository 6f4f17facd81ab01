//! A configuration from parameter names and shapes alone, for networks that nobody described.

use std::collections::HashMap;

use super::entry::Entry;
use crate::unet::config::{NoiseSchedule, Preprocess, UnetConfig};

/// What the shapes say, and in sentences what they cannot tell and was assumed.
#[derive(Debug)]
pub(super) struct Inferred {
    pub(super) config: UnetConfig,
    pub(super) assumed: Vec<String>,
}

struct Shapes<'a>(HashMap<&'a str, &'a [usize]>);

impl Shapes<'_> {
    fn get(&self, name: &str) -> Result<&[usize], String> {
        self.0.get(name).copied().ok_or_else(|| format!("{name} is missing"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Size of dimension `dim` of parameter `name`.
    fn size(&self, name: &str, dim: usize) -> Result<usize, String> {
        let shape = self.get(name)?;
        shape.get(dim).copied().ok_or_else(|| format!("{name} has shape {shape:?}, which is too short"))
    }

    /// How many blocks `part.0`, `part.1`, … exist.
    fn blocks(&self, part: &str) -> usize {
        let numbers = self.0.keys().filter_map(|name| {
            name.strip_prefix(part)?.strip_prefix('.')?.split('.').next()?.parse::<usize>().ok()
        });
        numbers.max().map_or(0, |last| last.saturating_add(1))
    }

    /// True when decoder block `index` ends by doubling its map: with a convolution, or with a second
    /// residual block.
    fn upsamples(&self, index: usize) -> bool {
        (1..=2).any(|layer| {
            self.has(&format!("output_blocks.{index}.{layer}.conv.weight"))
                || self.has(&format!("output_blocks.{index}.{layer}.in_layers.2.weight"))
        })
    }
}

/// Infers the configuration of the network that holds `entries`.
///
/// # Errors
/// In words, what contradicts OpenAI's layout.
pub(super) fn infer(entries: &[Entry]) -> Result<Inferred, String> {
    let shapes = Shapes(entries.iter().map(|e| (e.name.as_str(), e.shape.as_slice())).collect());
    let num_channels = shapes.size("time_embed.0.weight", 1)?;
    let (encoder, decoder) = (shapes.blocks("input_blocks"), shapes.blocks("output_blocks"));
    if encoder > entries.len() || decoder > entries.len() || encoder < 2 {
        return Err(format!("{encoder} encoder and {decoder} decoder blocks contradict each other"));
    }
    let ups: Vec<usize> = (0..decoder).filter(|&index| shapes.upsamples(index)).collect();
    let levels = ups.len() + 1;
    let per_level = ups.first().map_or(decoder, |first| first + 1);
    if per_level < 2 || encoder != decoder || levels.checked_mul(per_level) != Some(encoder) {
        return Err(format!(
            "{encoder} encoder and {decoder} decoder blocks in {levels} levels do not follow OpenAI's layout"
        ));
    }
    let num_res_blocks = per_level - 1;

    let mut channel_mult = Vec::new();
    let mut attended = Vec::new();
    let mut by_64 = true;
    for level in 0..levels {
        let first = 1 + level * per_level;
        let width = shapes.size(&format!("input_blocks.{first}.0.in_layers.2.weight"), 0)?;
        channel_mult.push(multiplier(width, num_channels));
        by_64 &= width.is_multiple_of(64);
        if shapes.has(&format!("input_blocks.{first}.1.qkv.weight")) {
            attended.push(level);
        }
    }

    let resblock_updown = levels > 1 && shapes.has(&format!("input_blocks.{per_level}.0.in_layers.2.weight"));
    let embedding_out = shapes.size("input_blocks.1.0.emb_layers.1.weight", 0)?;
    let width = shapes.size("input_blocks.1.0.in_layers.2.weight", 0)?;
    let out = shapes.size("out.2.weight", 0)?;
    if out != 3 && out != 6 {
        return Err(format!(
            "an output of {out} channels is neither a picture nor a picture with its variance"
        ));
    }
    let num_classes =
        if shapes.has("label_emb.weight") { Some(shapes.size("label_emb.weight", 0)?) } else { None };

    // Published networks of this family end at 8×8 (CIFAR-10's, at 4×4, is known by its shapes).
    let image_size = 8usize.checked_shl(levels as u32 - 1).filter(|side| *side <= 4096);
    let image_size =
        image_size.ok_or_else(|| format!("{levels} levels are more than a picture can be halved"))?;
    let num_head_channels = match (resblock_updown, by_64) {
        (true, true) => 64,
        (true, false) => 32,
        (false, _) => -1,
    };
    let heads = if num_head_channels > 0 {
        format!("{num_head_channels} channels per attention head")
    } else {
        "4 attention heads".into()
    };
    let assumed = vec![
        format!("The picture size, {image_size}, is assumed: the smallest maps are taken to be 8×8."),
        format!("{heads} and the older attention order are assumed: shapes do not show them."),
        "A linear noise schedule of 1000 steps and adm preprocessing are assumed: shapes do not show them."
            .into(),
    ];
    let config = UnetConfig {
        image_size,
        num_channels,
        num_res_blocks,
        channel_mult,
        attention_resolutions: attended.iter().map(|level| image_size >> level).collect(),
        num_heads: 4,
        num_head_channels,
        use_scale_shift_norm: Some(embedding_out) == width.checked_mul(2),
        resblock_updown,
        use_new_attention_order: false,
        learn_sigma: out == 6,
        num_classes,
        noise_schedule: NoiseSchedule::Linear,
        diffusion_steps: 1000,
        rescale_timesteps: false,
        preprocess: Preprocess::Adm,
        defaults: None,
        card: None,
    };
    Ok(Inferred { config, assumed })
}

/// The multiplier whose product with `base`, rounded down, is `width`.
fn multiplier(width: usize, base: usize) -> f64 {
    let mult = width as f64 / base as f64;
    if (mult * base as f64) as usize == width { mult } else { mult.next_up() }
}
