//! The configuration of an ADM U-Net and of the diffusion process it was trained with.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Everything that makes a network: the keys of `NAME.json` and of `config` in safetensors metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnetConfig {
    /// Side of the square input in pixels.
    pub image_size: usize,
    /// Base width; the width of a level is `channel_mult[level] * num_channels`.
    pub num_channels: usize,
    /// Residual blocks per level of the encoder (the decoder has one more).
    pub num_res_blocks: usize,
    /// One multiplier per level, the largest maps first.
    pub channel_mult: Vec<f64>,
    /// Sides of the maps that get attention.
    pub attention_resolutions: Vec<usize>,
    /// Attention heads, used where `num_head_channels` is −1.
    pub num_heads: usize,
    /// Channels of one attention head; −1 means "use `num_heads`", otherwise it wins.
    #[serde(default = "use_num_heads")]
    pub num_head_channels: i64,
    /// `norm(h)·(1 + scale) + shift`; otherwise the embedding is added before the second norm.
    pub use_scale_shift_norm: bool,
    /// Residual blocks resample; otherwise convolutions do.
    #[serde(default)]
    pub resblock_updown: bool,
    /// Split q, k, v before the heads; the older order splits heads first.
    #[serde(default)]
    pub use_new_attention_order: bool,
    /// The output has 6 channels, the last three steering the variance.
    pub learn_sigma: bool,
    /// Number of classes of a class-conditional network.
    #[serde(default)]
    pub num_classes: Option<usize>,
    /// Which β schedule it was trained with.
    #[serde(default)]
    pub noise_schedule: NoiseSchedule,
    /// T, the number of diffusion steps.
    #[serde(default = "thousand")]
    pub diffusion_steps: usize,
    /// The network receives t·1000/T instead of t.
    #[serde(default)]
    pub rescale_timesteps: bool,
    /// How a picture becomes the input.
    #[serde(default)]
    pub preprocess: Preprocess,
    /// Steps and blocks to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// What people should know about the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<Card>,
}

fn use_num_heads() -> i64 {
    -1
}

fn thousand() -> usize {
    1000
}

/// The β schedules of the published networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoiseSchedule {
    /// β from 1e-4·1000/T to 0.02·1000/T.
    #[default]
    Linear,
    /// ᾱ following a squared cosine.
    Cosine,
}

/// How a picture becomes the square input of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preprocess {
    /// Halve with a box filter while possible, then bicubic, then the centre.
    #[default]
    Adm,
    /// Centred on black, reduced only when larger than the input.
    Pad,
}

/// Steps and blocks a network's author recommends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defaults {
    /// Timestep to look at first.
    pub timestep: usize,
    /// Block to look at first and for heads that read one block.
    pub block: usize,
    /// For DifFormer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difformer: Option<DifformerDefaults>,
    /// For DifFeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diffeed: Option<DiffeedDefaults>,
}

/// What DifFormer reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifformerDefaults {
    /// Timesteps whose features are concatenated.
    pub timesteps: Vec<usize>,
    /// Blocks whose tokens are concatenated.
    pub blocks: Vec<usize>,
}

/// What DifFeed reads and feeds back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiffeedDefaults {
    /// Timestep of both passes.
    pub timestep: usize,
    /// Block the head reads in the second pass.
    pub block: usize,
    /// Decoder blocks fed back to the encoder.
    pub feedback: Vec<usize>,
}

/// What people should know about a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// Short name.
    pub name: String,
    /// What it was trained on.
    pub data: String,
    /// Number of parameters, as the author states it.
    pub parameters: Option<u64>,
    /// How it was trained.
    pub training: String,
    /// Terms of use.
    pub licence: String,
    /// What it is for.
    pub intended_use: String,
    /// Where it was published.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl UnetConfig {
    /// Checks that a network can be built: sizes positive and bounded, maps dividing evenly, widths
    /// divisible by the 32 groups of the norms and by the heads.
    ///
    /// # Errors
    /// The first impossible setting, named.
    pub fn validate(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(format!("network configuration: {why}")));
        let levels = self.channel_mult.len();
        if levels == 0 || levels > 12 {
            return refuse(format!("channel_mult has {levels} levels; 1 to 12 are possible"));
        }
        if self.image_size == 0
            || self.image_size > 4096
            || !self.image_size.is_multiple_of(1 << (levels - 1))
        {
            return refuse(format!(
                "image_size {} must be at most 4096 and divisible by {} for {levels} levels",
                self.image_size,
                1 << (levels - 1)
            ));
        }
        if self.num_channels == 0 || self.num_channels > 8192 || !self.num_channels.is_multiple_of(2) {
            return refuse(format!("num_channels {} must be even and at most 8192", self.num_channels));
        }
        if self.num_res_blocks == 0 || self.num_res_blocks > 64 {
            return refuse(format!("num_res_blocks {} must be 1 to 64", self.num_res_blocks));
        }
        if self.diffusion_steps == 0 || self.diffusion_steps > 1_000_000 {
            return refuse(format!("diffusion_steps {} must be 1 to 1,000,000", self.diffusion_steps));
        }
        if self.num_head_channels < 1 && self.num_head_channels != -1 {
            return refuse(format!("num_head_channels {} must be positive or -1", self.num_head_channels));
        }
        for &mult in &self.channel_mult {
            if !(mult.is_finite() && mult > 0.0 && mult <= 64.0) {
                return refuse(format!("channel multiplier {mult} must be above 0 and at most 64"));
            }
            let width = self.level_channels(mult);
            if width == 0 || !width.is_multiple_of(32) {
                return refuse(format!(
                    "a level of {width} channels does not divide into the 32 groups of its norms"
                ));
            }
        }
        let attends = |level: usize| {
            level + 1 == levels || self.attention_resolutions.contains(&(self.image_size >> level))
        };
        for (level, &mult) in self.channel_mult.iter().enumerate().filter(|(level, _)| attends(*level)) {
            let width = self.level_channels(mult);
            let heads = self.heads(width);
            if heads == 0 || !width.is_multiple_of(heads) {
                return refuse(format!(
                    "the {width} channels of level {level} do not divide into attention heads"
                ));
            }
        }
        if self.num_classes.is_some_and(|count| count == 0 || count > 1_000_000) {
            return refuse("num_classes must be 1 to 1,000,000, or null".into());
        }
        Ok(())
    }

    /// Channels of a level: `int(mult * num_channels)`.
    pub fn level_channels(&self, mult: f64) -> usize {
        (mult * self.num_channels as f64) as usize
    }

    /// Attention heads of a layer with `channels` channels; head width wins over head count.
    pub fn heads(&self, channels: usize) -> usize {
        match usize::try_from(self.num_head_channels) {
            Ok(width) if width > 0 && channels.is_multiple_of(width) => channels / width,
            Ok(_) => 0,
            Err(_) => self.num_heads,
        }
    }

    /// Channels of the output: 3, or 6 with learned variance.
    pub fn out_channels(&self) -> usize {
        if self.learn_sigma { 6 } else { 3 }
    }

    /// The number the network receives for step `timestep`.
    pub fn network_timestep(&self, timestep: usize) -> f64 {
        if self.rescale_timesteps {
            timestep as f64 * 1000.0 / self.diffusion_steps as f64
        } else {
            timestep as f64
        }
    }
}
