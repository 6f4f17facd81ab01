//! The parameters of a head: names as in diffssl, shapes from the network's block table, and how
//! PyTorch starts them. What a head costs follows from the same sizes.

use serde::{Deserialize, Serialize};

use super::backbone::Backbone;
use super::config::{FeedbackArch, HeadConfig, NormKind};
use super::kind::HeadKind;
use crate::error::{Error, Result};

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Init {
    /// Uniform within ±1/√fan_in: what `kaiming_uniform_(a=√5)` comes to, and PyTorch's biases.
    Uniform { fan_in: usize },
    /// One.
    Ones,
    /// Zero.
    Zeros,
}

/// A parameter or a buffer of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub name: String,
    pub shape: Vec<usize>,
    pub init: Init,
    /// A running statistic, which no gradient reaches.
    pub buffer: bool,
}

/// One block that a transformer reads, after its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tokens {
    pub block: usize,
    pub channels: usize,
    pub height: usize,
    pub width: usize,
}

/// What a head costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadCost {
    /// Values that are trained.
    pub parameters: usize,
    /// Multiply-accumulates of the head with its feedback layers, per image, in 10⁹.
    pub head_gmac: f64,
    /// Multiply-accumulates of the network's passes up to the deepest block needed, per image, in 10⁹.
    pub network_gmac: f64,
}

/// Sides of a pooled map: min(H, p).
pub(super) fn tokens_of(config: &HeadConfig, backbone: &Backbone, block: usize) -> Result<Tokens> {
    let info = backbone.block(block)?;
    let (height, width) = (info.height.min(config.pool), info.width.min(config.pool));
    Ok(Tokens { block, channels: info.channels, height, width })
}

/// Length of the rows that linear, mlp and instant heads read.
pub(super) fn row_length(config: &HeadConfig, backbone: &Backbone) -> Result<usize> {
    let mut length = 0;
    for &block in &config.blocks {
        length += backbone.block(block)?.channels * config.pool * config.pool * config.timesteps.len();
    }
    Ok(length)
}

/// Blocks with a pre-layer: those of both passes, each once, ascending.
pub(super) fn read_blocks(config: &HeadConfig) -> Vec<usize> {
    let mut blocks: Vec<usize> = config.blocks.iter().chain(&config.second).copied().collect();
    blocks.sort_unstable();
    blocks.dedup();
    blocks
}

/// Every parameter and buffer of a head that is trained by steps; none for instant heads.
pub(super) fn wanted(config: &HeadConfig, backbone: &Backbone, classes: usize) -> Result<Vec<Wanted>> {
    let mut list = List::default();
    match config.kind {
        HeadKind::Linear | HeadKind::Mlp => {
            let mut inputs = row_length(config, backbone)?;
            let hidden = if config.kind == HeadKind::Mlp { &config.hidden[..] } else { &[] };
            for (index, &outputs) in hidden.iter().chain([&classes]).enumerate() {
                list.linear(&format!("head.fcs.{index}"), inputs, outputs);
                inputs = outputs;
            }
        }
        HeadKind::Attention | HeadKind::DifFormer | HeadKind::DifFeed => {
            fusion(&mut list, config, backbone, classes)?;
        }
        HeadKind::Ridge | HeadKind::Prototype | HeadKind::Knn => {}
    }
    let count = list.0.iter().map(|wanted| elements(&wanted.shape)).fold(0, usize::saturating_add);
    if count > MAX_VALUES {
        return Err(Error::Setting(format!(
            "{} head: it would have {count} parameters, and {MAX_VALUES} are the most; choose a smaller pool or width",
            config.kind
        )));
    }
    Ok(list.0)
}

/// 16 GB of f32.
const MAX_VALUES: usize = 1 << 32;

/// The product of a shape, at most `usize::MAX`.
pub(super) fn elements(shape: &[usize]) -> usize {
    shape.iter().fold(1, |product: usize, &dim| product.saturating_mul(dim))
}

fn fusion(list: &mut List, config: &HeadConfig, backbone: &Backbone, classes: usize) -> Result<()> {
    let (width, inner) = (config.width, config.width * config.mlp_ratio);
    for block in read_blocks(config) {
        let tokens = tokens_of(config, backbone, block)?;
        let name = |rest: &str| format!("head.pre_layer.{block}.{rest}");
        match config.norm {
            NormKind::Layer => list.norm(&name("1"), &[tokens.channels, tokens.height, tokens.width]),
            NormKind::Batch => list.batch_norm(&name("1"), tokens.channels),
        }
        list.weight(&name("2.weight"), &[width, tokens.channels, 1, 1], tokens.channels);
        list.push(&name("2.bias"), &[width], Init::Uniform { fan_in: tokens.channels });
    }
    let inside = |rest: &str| format!("head.intra_inter_block_attention.{rest}");
    list.push(&inside("cls_token"), &[1, 1, width], Init::Zeros);
    for layer in 1..=config.layers {
        let name = |rest: &str| inside(&format!("layers.{layer}.{rest}"));
        list.norm(&name("norm1"), &[width]);
        list.weight(&name("attn.qkv.weight"), &[3 * width, width], width);
        list.linear(&name("attn.proj"), width, width);
        list.norm(&name("norm2"), &[width]);
        list.linear(&name("mlp.fc1"), width, inner);
        list.linear(&name("mlp.fc2"), inner, width);
    }
    list.linear("head.head", width * config.timesteps.len(), classes);
    for (index, &block) in config.feedback.iter().enumerate() {
        let inputs = backbone.block(block)?.channels;
        let outputs = backbone.block(backbone.feedback_target(block))?.channels;
        let name = |rest: &str| format!("feedback_layers.{index}.{rest}");
        list.weight(&name("0.weight"), &[outputs, inputs, 1, 1], inputs);
        list.batch_norm(&name("1"), outputs);
        if config.feedback_arch == FeedbackArch::ConvNormReluConv {
            list.weight(&name("3.weight"), &[outputs, 1, 3, 3], 9);
        }
    }
    Ok(())
}

#[derive(Default)]
struct List(Vec<Wanted>);

impl List {
    fn push(&mut self, name: &str, shape: &[usize], init: Init) {
        self.0.push(Wanted { name: name.into(), shape: shape.into(), init, buffer: false });
    }

    fn weight(&mut self, name: &str, shape: &[usize], fan_in: usize) {
        self.push(name, shape, Init::Uniform { fan_in });
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.weight(&format!("{name}.weight"), &[outputs, inputs], inputs);
        self.push(&format!("{name}.bias"), &[outputs], Init::Uniform { fan_in: inputs });
    }

    fn norm(&mut self, name: &str, shape: &[usize]) {
        self.push(&format!("{name}.weight"), shape, Init::Ones);
        self.push(&format!("{name}.bias"), shape, Init::Zeros);
    }

    fn batch_norm(&mut self, name: &str, channels: usize) {
        self.norm(name, &[channels]);
        for (rest, init) in [("running_mean", Init::Zeros), ("running_var", Init::Ones)] {
            let name = format!("{name}.{rest}");
            self.0.push(Wanted { name, shape: vec![channels], init, buffer: true });
        }
    }
}

/// What the head of `config` costs on this network with `classes` classes. For an instant head the
/// parameters are those of ridge's weights or the prototypes; kNN has none and compares with every
/// training picture, which is not counted here.
///
/// # Errors
/// When the settings are impossible.
pub fn cost(config: &HeadConfig, backbone: &Backbone, classes: usize) -> Result<HeadCost> {
    config.validate(backbone)?;
    let row = row_length(config, backbone)?;
    let (parameters, macs) = match config.kind {
        HeadKind::Ridge => ((row + 1) * classes, (row * classes) as f64),
        HeadKind::Prototype => (row * classes, (row * classes) as f64),
        HeadKind::Knn => (0, 0.0),
        _ => {
            let list = wanted(config, backbone, classes)?;
            let count = list.iter().filter(|w| !w.buffer).map(|w| elements(&w.shape)).sum();
            (count, macs(config, backbone, classes, row)?)
        }
    };
    let steps = config.timesteps.len() as f64;
    let deepest = |blocks: &mut dyn Iterator<Item = &usize>| -> Result<f64> {
        blocks.max().map_or(Ok(0.0), |&block| Ok(backbone.block(block)?.cumulative_gmac))
    };
    let first = deepest(&mut config.blocks.iter().chain(&config.feedback))?;
    let second = deepest(&mut config.second.iter())?;
    Ok(HeadCost { parameters, head_gmac: macs / 1e9, network_gmac: steps * (first + second) })
}

fn macs(config: &HeadConfig, backbone: &Backbone, classes: usize, row: usize) -> Result<f64> {
    if !config.kind.attends() {
        let mut widths = vec![row];
        widths.extend(if config.kind == HeadKind::Mlp { &config.hidden[..] } else { &[] });
        widths.push(classes);
        return Ok(widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64).sum());
    }
    let width = config.width as f64;
    let (mut macs, mut count) = (0.0, 1.0);
    for &block in config.blocks.iter().chain(&config.second) {
        let tokens = tokens_of(config, backbone, block)?;
        let area = (tokens.height * tokens.width) as f64;
        macs += area * tokens.channels as f64 * width;
        count += area;
    }
    for layer in 1..=config.layers {
        // Of the last block only the CLS token is computed: keys and values are those of all tokens.
        let rows = if layer == config.layers { 1.0 } else { count };
        let projections = (2.0 * count + 2.0 * rows) * width * width;
        macs +=
            projections + 2.0 * rows * count * width + 2.0 * config.mlp_ratio as f64 * rows * width * width;
    }
    for &block in &config.feedback {
        let from = backbone.block(block)?;
        let to = backbone.block(backbone.feedback_target(block))?;
        let taps = if config.feedback_arch == FeedbackArch::ConvNormReluConv { 9 } else { 0 };
        macs += (from.height * from.width * to.channels * (from.channels + taps)) as f64;
    }
    let steps = config.timesteps.len() as f64;
    Ok(steps * (macs + width * classes as f64))
}
