//! The settings of a head, their defaults, and which of them are impossible.

use serde::{Deserialize, Serialize};

use super::backbone::Backbone;
use super::kind::HeadKind;
use crate::error::{Error, Result};
use crate::features::network::published_block;

/// Everything that makes a head, beside its network and its number of classes. Fields that a kind
/// does not use are kept and ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Which head.
    pub kind: HeadKind,
    /// Timesteps of the features, 0 … T−1; CLS vectors are concatenated in this order.
    pub timesteps: Vec<usize>,
    /// Blocks read in the first pass, from 1.
    pub blocks: Vec<usize>,
    /// DifFeed: blocks read in the second pass.
    #[serde(default)]
    pub second: Vec<usize>,
    /// DifFeed: decoder blocks fed back, ascending.
    #[serde(default)]
    pub feedback: Vec<usize>,
    /// p of the p×p pool; heads with a transformer pool to min(H, p).
    pub pool: usize,
    /// Heads with a transformer: the norm before the 1×1 convolution.
    #[serde(default)]
    pub norm: NormKind,
    /// D, the width of the transformer.
    pub width: usize,
    /// Attention heads of the transformer.
    pub heads: usize,
    /// Blocks of the transformer.
    pub layers: usize,
    /// Hidden width of the transformer's MLPs over D.
    pub mlp_ratio: usize,
    /// MLP: widths of the hidden layers.
    #[serde(default)]
    pub hidden: Vec<usize>,
    /// DifFeed: what a feedback layer is made of.
    #[serde(default)]
    pub feedback_arch: FeedbackArch,
    /// Instant heads: rows are as a feature store keeps them, in half precision, and those of several noises
    /// are averaged before the head sees them. Else answers under each noise are averaged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept_rows: bool,
}

/// The norm before the 1×1 convolution of a pre-layer (`norm_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NormKind {
    /// LayerNorm over `[C, h, w]`.
    #[default]
    Layer,
    /// BatchNorm over the channels.
    Batch,
}

/// The layers between a fed back decoder block and its encoder block (`feedback_arch`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedbackArch {
    /// 1×1 convolution without bias, BatchNorm, ReLU: the published one.
    #[default]
    #[serde(rename = "C_B_R")]
    ConvNormRelu,
    /// The same, then a 3×3 depthwise convolution without bias.
    #[serde(rename = "C_B_R_C")]
    ConvNormReluConv,
}

/// Bounds of what a file may ask for.
const MAX_WIDTH: usize = 1 << 14;
const MAX_POOL: usize = 256;
const MAX_LAYERS: usize = 64;
const MAX_LIST: usize = 64;

impl HeadConfig {
    /// The published setting of `kind`, at the network's own recommended blocks and timesteps where it
    /// has some, else at the published blocks' relative place (paper section 4; released scripts of
    /// diffssl). The transformer's width is that of the widest block read, which is the published
    /// 1024 on the 256×256 network.
    ///
    /// # Errors
    /// When the network has no blocks.
    pub fn published(kind: HeadKind, backbone: &Backbone) -> Result<HeadConfig> {
        let count = backbone.block_count();
        let steps = backbone.config.diffusion_steps;
        let own = backbone.config.defaults.as_ref();
        let scaled = |timestep: usize| (timestep * steps / 1000).min(steps - 1);
        let place = |block: usize| published_block(block, count);
        let places = |blocks: &[usize]| {
            let mut places: Vec<usize> = blocks.iter().map(|&block| place(block)).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let (mut timesteps, mut blocks, mut second, mut feedback) =
            (vec![scaled(90)], vec![place(24)], Vec::new(), Vec::new());
        if let Some(own) = own {
            (timesteps, blocks) = (vec![own.timestep], vec![own.block]);
        }
        match kind {
            HeadKind::Attention if own.is_none() => timesteps = vec![scaled(150)],
            HeadKind::DifFormer => match own.and_then(|own| own.difformer.as_ref()) {
                Some(own) => (timesteps, blocks) = (own.timesteps.clone(), own.blocks.clone()),
                None => {
                    timesteps = [90, 150, 300].map(scaled).to_vec();
                    timesteps.dedup();
                    blocks = places(&[19, 24, 30]);
                }
            },
            HeadKind::DifFeed => {
                let own = own.and_then(|own| own.diffeed.as_ref());
                (timesteps, second, feedback) = match own {
                    Some(own) => (vec![own.timestep], vec![own.block], own.feedback.clone()),
                    None => (vec![scaled(150)], vec![place(24)], places(&[21, 24, 27, 30, 33, 36])),
                };
                feedback.retain(|&block| block > backbone.encoder_blocks() + 1);
                blocks = Vec::new();
            }
            _ => {}
        }
        let mut width = 0;
        for &block in blocks.iter().chain(&second) {
            width = width.max(backbone.block(block)?.channels);
        }
        Ok(HeadConfig {
            kind,
            timesteps,
            blocks,
            second,
            feedback,
            pool: if kind.attends() { 16 } else { 2 },
            norm: NormKind::Layer,
            width,
            heads: 8,
            layers: 2,
            mlp_ratio: 4,
            hidden: if kind == HeadKind::Mlp { vec![width] } else { Vec::new() },
            feedback_arch: FeedbackArch::ConvNormRelu,
            kept_rows: false,
        })
    }

    /// Checks the settings against the network.
    ///
    /// # Errors
    /// The first impossible setting, and what to choose instead.
    pub fn validate(&self, backbone: &Backbone) -> Result<()> {
        let kind = self.kind;
        let refuse = |why: String| Err(Error::Setting(format!("{kind} head: {why}")));
        listed("timesteps", &self.timesteps).or_else(refuse)?;
        if self.timesteps.is_empty() {
            return refuse("no timestep is chosen; give at least one".into());
        }
        let steps = backbone.config.diffusion_steps;
        if let Some(timestep) = self.timesteps.iter().find(|&&timestep| timestep >= steps) {
            return refuse(format!(
                "timestep {timestep} is past the last of {}, {}",
                backbone.name,
                steps - 1
            ));
        }
        for (what, blocks) in [
            ("blocks", &self.blocks),
            ("second-pass blocks", &self.second),
            ("feedback blocks", &self.feedback),
        ] {
            listed(what, blocks).or_else(refuse)?;
            for &block in blocks {
                backbone.block(block)?;
            }
        }
        if self.pool == 0 || self.pool > MAX_POOL {
            return refuse(format!("pool {} must be 1 to {MAX_POOL}", self.pool));
        }
        if self.kept_rows && !kind.is_instant() {
            return refuse("only instant heads read rows as they are kept".into());
        }
        match kind {
            HeadKind::DifFeed => self.validate_feedback(backbone).or_else(refuse)?,
            _ if !self.second.is_empty() || !self.feedback.is_empty() => {
                return refuse("only diffeed has a second pass; leave second and feedback empty".into());
            }
            _ if self.blocks.is_empty() => return refuse("no block is chosen; give at least one".into()),
            HeadKind::Attention if self.blocks.len() > 1 || self.timesteps.len() > 1 => {
                return refuse("it reads one block at one timestep; for more choose difformer".into());
            }
            HeadKind::Mlp => self.validate_hidden().or_else(refuse)?,
            _ => {}
        }
        if kind.attends() { self.validate_transformer().or_else(refuse) } else { Ok(()) }
    }

    fn validate_hidden(&self) -> Result<(), String> {
        if self.hidden.is_empty() || self.hidden.len() > MAX_LAYERS {
            return Err(format!("it needs 1 to {MAX_LAYERS} hidden widths; without any, choose linear"));
        }
        match self.hidden.iter().find(|&&width| width == 0 || width > MAX_WIDTH) {
            Some(width) => Err(format!("hidden width {width} must be 1 to {MAX_WIDTH}")),
            None => Ok(()),
        }
    }

    fn validate_transformer(&self) -> Result<(), String> {
        let HeadConfig { width, heads, layers, mlp_ratio, .. } = *self;
        if width == 0 || width > MAX_WIDTH {
            return Err(format!("width {width} must be 1 to {MAX_WIDTH}"));
        }
        if heads == 0 || !width.is_multiple_of(heads) {
            return Err(format!("width {width} does not divide into {heads} attention heads"));
        }
        if layers == 0 || layers > MAX_LAYERS {
            return Err(format!("layers {layers} must be 1 to {MAX_LAYERS}"));
        }
        if mlp_ratio == 0 || mlp_ratio > 64 {
            return Err(format!("mlp_ratio {mlp_ratio} must be 1 to 64"));
        }
        Ok(())
    }

    fn validate_feedback(&self, backbone: &Backbone) -> Result<(), String> {
        if self.feedback.is_empty() {
            return Err("no block is fed back; give at least one decoder block".into());
        }
        let Some(&deepest) = self.second.iter().max() else {
            return Err("no block of the second pass is read; give at least one".into());
        };
        let middle = backbone.encoder_blocks() + 1;
        if let Some(block) = self.feedback.iter().find(|&&block| block <= middle) {
            return Err(format!(
                "block {block} is no decoder block and cannot be fed back; choose from {} to {}",
                middle + 1,
                backbone.block_count()
            ));
        }
        if !self.feedback.is_sorted() {
            let mut sorted = self.feedback.clone();
            sorted.sort_unstable();
            let sorted: Vec<String> = sorted.iter().map(usize::to_string).collect();
            return Err(format!("feedback blocks must ascend: {}", sorted.join(",")));
        }
        let late = self.feedback.iter().find(|&&block| backbone.feedback_target(block) > deepest);
        match late {
            Some(&block) => Err(format!(
                "block {block} is fed back to block {}, which lies behind block {deepest}, the last that is read; \
                 its layer could not learn: leave it out or read a later block",
                backbone.feedback_target(block)
            )),
            None => Ok(()),
        }
    }
}

/// Refuses lists that are too long or name something twice.
fn listed(what: &str, list: &[usize]) -> Result<(), String> {
    if list.len() > MAX_LIST {
        return Err(format!("{} {what} are too many; at most {MAX_LIST}", list.len()));
    }
    let twice = list.iter().enumerate().find(|(index, item)| list[..*index].contains(item));
    twice.map_or(Ok(()), |(_, item)| Err(format!("{item} stands twice among the {what}")))
}
