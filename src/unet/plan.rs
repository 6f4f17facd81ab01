//! The layers of a network, block by block, as its configuration dictates (`unet.py`, `UNetModel`).
//!
//! The model, the list of parameters, the block table and the cost all follow from this one walk.

use serde::{Deserialize, Serialize};

use super::config::UnetConfig;
use crate::error::Result;

/// Which way a layer changes the size of its map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// Not at all.
    Keep,
    /// Twice the side, nearest neighbour.
    Up,
    /// Half the side, mean of 2×2.
    Down,
}

/// One layer of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A 3×3 convolution: `input_blocks.0.0`.
    Conv {
        /// Input channels.
        c_in: usize,
        /// Output channels.
        c_out: usize,
    },
    /// A residual block.
    Res {
        /// Input channels (with the skip, in the decoder).
        c_in: usize,
        /// Output channels.
        c_out: usize,
        /// Whether it resamples, before its first convolution and on both branches.
        resample: Resample,
    },
    /// Self-attention over the map.
    Attention {
        /// Channels.
        channels: usize,
        /// Heads.
        heads: usize,
    },
    /// A strided 3×3 convolution, parameters under `op`.
    Downsample {
        /// Channels in and out.
        channels: usize,
    },
    /// Nearest neighbour, then a 3×3 convolution, parameters under `conv`.
    Upsample {
        /// Channels in and out.
        channels: usize,
    },
}

impl Layer {
    /// Side of the map that leaves, where one of side `side` enters.
    pub fn side_after(&self, side: usize) -> usize {
        match self {
            Layer::Conv { .. } | Layer::Attention { .. } => side,
            Layer::Res { resample, .. } => resample.apply(side),
            Layer::Upsample { .. } => Resample::Up.apply(side),
            Layer::Downsample { .. } => Resample::Down.apply(side),
        }
    }
}

/// Where a block sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// `input_blocks`, b = 1 … E.
    Encoder,
    /// `middle_block`, b = E + 1.
    Middle,
    /// `output_blocks`, b = E + 2 … N.
    Decoder,
}

/// One block of the plan.
#[derive(Clone, Debug)]
pub struct PlannedBlock {
    /// The paper's number, from 1.
    pub block: usize,
    /// Encoder, middle or decoder.
    pub part: Part,
    /// Prefix of its parameters, as `output_blocks.3`.
    pub prefix: String,
    /// Its layers in order.
    pub layers: Vec<Layer>,
    /// Side of the map that enters.
    pub side_in: usize,
    /// Side of the map that leaves: the feature map.
    pub side: usize,
    /// Channels of the feature map.
    pub channels: usize,
}

/// A row of the block table that people and scripts see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockInfo {
    /// The paper's number, from 1.
    pub block: usize,
    /// The checkpoint's name, as `output_blocks.3`.
    pub name: String,
    /// Index into `output_blocks`, for decoder blocks.
    pub output_index: Option<usize>,
    /// Channels of the feature map.
    pub channels: usize,
    /// Rows of the feature map.
    pub height: usize,
    /// Columns of the feature map.
    pub width: usize,
    /// Parameters of the block itself.
    pub parameters: usize,
    /// Multiply-accumulates of the block itself per image, in 10⁹.
    pub gmac: f64,
    /// Multiply-accumulates to reach the end of the block, in 10⁹.
    pub cumulative_gmac: f64,
}

impl BlockInfo {
    /// Where the block is, in few words: `enc 3`, `mid`, `dec 0`.
    pub fn place(&self) -> String {
        match self.output_index {
            Some(index) => format!("dec {index}"),
            None if self.name.starts_with("middle") => "mid".into(),
            None => format!("enc {}", self.block - 1),
        }
    }

    /// `128×8×8`.
    pub fn shape(&self) -> String {
        format!("{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// A named parameter and its shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Name in the checkpoint.
    pub name: String,
    /// Shape, rows first.
    pub shape: Vec<usize>,
}

/// The whole network as layers.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Blocks 1 … N in order.
    pub blocks: Vec<PlannedBlock>,
    /// E, the number of encoder blocks.
    pub encoder_blocks: usize,
    /// Width of the timestep embedding after its MLP: 4 · `num_channels`.
    pub embedding: usize,
    /// Channels that enter the output layer.
    pub out_in: usize,
    config: UnetConfig,
}

impl Plan {
    /// Lays out the network of `config`.
    ///
    /// # Errors
    /// When the configuration is impossible.
    pub fn new(config: &UnetConfig) -> Result<Plan> {
        config.validate()?;
        let mut builder = Builder::new(config);
        builder.encoder();
        builder.middle();
        builder.decoder();
        Ok(Plan {
            encoder_blocks: builder.encoder_blocks,
            embedding: 4 * config.num_channels,
            out_in: builder.channels,
            blocks: builder.blocks,
            config: config.clone(),
        })
    }

    /// N, the number of blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Never true: a network has at least three blocks.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Every parameter of the network in the order of the layers.
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut list = ParameterList::default();
        let (width, embedding) = (self.config.num_channels, self.embedding);
        list.linear("time_embed.0", width, embedding);
        list.linear("time_embed.2", embedding, embedding);
        if let Some(classes) = self.config.num_classes {
            list.push("label_emb.weight", vec![classes, embedding]);
        }
        for block in &self.blocks {
            self.block_parameters(block, &mut list);
        }
        list.norm("out.0", self.out_in);
        list.conv("out.2", self.out_in, self.config.out_channels(), 3);
        list.0
    }

    /// The block table.
    pub fn table(&self) -> Vec<BlockInfo> {
        let mut macs_so_far = 0f64;
        self.blocks
            .iter()
            .map(|block| {
                let macs = self.block_macs(block);
                macs_so_far += macs;
                BlockInfo {
                    block: block.block,
                    name: block.prefix.clone(),
                    output_index: (block.part == Part::Decoder)
                        .then(|| block.block - self.encoder_blocks - 2),
                    channels: block.channels,
                    height: block.side,
                    width: block.side,
                    parameters: self
                        .parameters_of(block)
                        .iter()
                        .map(|p| p.shape.iter().product::<usize>())
                        .sum(),
                    gmac: macs / 1e9,
                    cumulative_gmac: macs_so_far / 1e9,
                }
            })
            .collect()
    }

    /// Multiply-accumulates of a whole forward with the output layer, per image, in 10⁹.
    pub fn full_gmac(&self) -> f64 {
        let out = conv_macs(self.out_in, self.config.out_channels(), 3, self.config.image_size);
        (self.blocks.iter().map(|block| self.block_macs(block)).sum::<f64>() + out) / 1e9
    }

    /// Every parameter of a block in the order of its layers.
    pub(super) fn parameters_of(&self, block: &PlannedBlock) -> Vec<Parameter> {
        let mut list = ParameterList::default();
        self.block_parameters(block, &mut list);
        list.0
    }

    fn block_parameters(&self, block: &PlannedBlock, list: &mut ParameterList) {
        for (index, layer) in block.layers.iter().enumerate() {
            let at = |name: &str| format!("{}.{index}{name}", block.prefix);
            match *layer {
                Layer::Conv { c_in, c_out } => list.conv(&at(""), c_in, c_out, 3),
                Layer::Res { c_in, c_out, .. } => {
                    let emb_out = if self.config.use_scale_shift_norm { 2 * c_out } else { c_out };
                    list.norm(&at(".in_layers.0"), c_in);
                    list.conv(&at(".in_layers.2"), c_in, c_out, 3);
                    list.linear(&at(".emb_layers.1"), self.embedding, emb_out);
                    list.norm(&at(".out_layers.0"), c_out);
                    list.conv(&at(".out_layers.3"), c_out, c_out, 3);
                    if c_in != c_out {
                        list.conv(&at(".skip_connection"), c_in, c_out, 1);
                    }
                }
                Layer::Attention { channels, .. } => {
                    list.norm(&at(".norm"), channels);
                    list.push(at(".qkv.weight"), vec![3 * channels, channels, 1]);
                    list.push(at(".qkv.bias"), vec![3 * channels]);
                    list.push(at(".proj_out.weight"), vec![channels, channels, 1]);
                    list.push(at(".proj_out.bias"), vec![channels]);
                }
                Layer::Downsample { channels } => list.conv(&at(".op"), channels, channels, 3),
                Layer::Upsample { channels } => list.conv(&at(".conv"), channels, channels, 3),
            }
        }
    }

    fn block_macs(&self, block: &PlannedBlock) -> f64 {
        let mut side = block.side_in;
        let mut macs = 0f64;
        for layer in &block.layers {
            match *layer {
                Layer::Conv { c_in, c_out } => macs += conv_macs(c_in, c_out, 3, side),
                Layer::Res { c_in, c_out, resample } => {
                    side = resample.apply(side);
                    macs += conv_macs(c_in, c_out, 3, side) + conv_macs(c_out, c_out, 3, side);
                    if c_in != c_out {
                        macs += conv_macs(c_in, c_out, 1, side);
                    }
                    let emb_out = if self.config.use_scale_shift_norm { 2 * c_out } else { c_out };
                    macs += (self.embedding * emb_out) as f64;
                }
                Layer::Attention { channels, .. } => {
                    let tokens = (side * side) as f64;
                    macs +=
                        4.0 * (channels * channels) as f64 * tokens + 2.0 * channels as f64 * tokens * tokens;
                }
                Layer::Downsample { channels } => {
                    side = Resample::Down.apply(side);
                    macs += conv_macs(channels, channels, 3, side);
                }
                Layer::Upsample { channels } => {
                    side = Resample::Up.apply(side);
                    macs += conv_macs(channels, channels, 3, side);
                }
            }
        }
        macs
    }
}

impl Resample {
    /// The side of the map afterwards; `validate` has made sure that sides divide evenly.
    pub fn apply(self, side: usize) -> usize {
        match self {
            Resample::Keep => side,
            Resample::Up => 2 * side,
            Resample::Down => side / 2,
        }
    }
}

fn conv_macs(c_in: usize, c_out: usize, kernel: usize, side_out: usize) -> f64 {
    (c_in * c_out * kernel * kernel) as f64 * (side_out * side_out) as f64
}

struct Builder<'a> {
    config: &'a UnetConfig,
    blocks: Vec<PlannedBlock>,
    skips: Vec<usize>,
    channels: usize,
    side: usize,
    encoder_blocks: usize,
}

impl<'a> Builder<'a> {
    fn new(config: &'a UnetConfig) -> Self {
        Builder {
            config,
            blocks: Vec::new(),
            skips: Vec::new(),
            channels: 0,
            side: config.image_size,
            encoder_blocks: 0,
        }
    }

    fn push(&mut self, part: Part, prefix: String, layers: Vec<Layer>) {
        let side_in = self.side;
        for layer in &layers {
            match *layer {
                Layer::Conv { c_out, .. } => self.channels = c_out,
                Layer::Res { c_out, resample, .. } => {
                    self.channels = c_out;
                    self.side = resample.apply(self.side);
                }
                Layer::Attention { .. } => {}
                Layer::Downsample { .. } => self.side = Resample::Down.apply(self.side),
                Layer::Upsample { .. } => self.side = Resample::Up.apply(self.side),
            }
        }
        let block = self.blocks.len() + 1;
        let (side, channels) = (self.side, self.channels);
        self.blocks.push(PlannedBlock { block, part, prefix, layers, side_in, side, channels });
    }

    fn push_encoder(&mut self, layers: Vec<Layer>) {
        self.push(Part::Encoder, format!("input_blocks.{}", self.blocks.len()), layers);
        self.skips.push(self.channels);
    }

    fn attention(&self, channels: usize) -> Layer {
        Layer::Attention { channels, heads: self.config.heads(channels) }
    }

    fn attends(&self) -> bool {
        self.config.attention_resolutions.contains(&self.side)
    }

    fn encoder(&mut self) {
        let config = self.config;
        let first = config.level_channels(config.channel_mult[0]);
        self.push_encoder(vec![Layer::Conv { c_in: 3, c_out: first }]);
        for (level, &mult) in config.channel_mult.iter().enumerate() {
            let c_out = config.level_channels(mult);
            for _ in 0..config.num_res_blocks {
                let mut layers = vec![Layer::Res { c_in: self.channels, c_out, resample: Resample::Keep }];
                if self.attends() {
                    layers.push(self.attention(c_out));
                }
                self.push_encoder(layers);
            }
            if level + 1 < config.channel_mult.len() {
                let layer = if config.resblock_updown {
                    Layer::Res { c_in: c_out, c_out, resample: Resample::Down }
                } else {
                    Layer::Downsample { channels: c_out }
                };
                self.push_encoder(vec![layer]);
            }
        }
        self.encoder_blocks = self.blocks.len();
    }

    fn middle(&mut self) {
        let channels = self.channels;
        let res = Layer::Res { c_in: channels, c_out: channels, resample: Resample::Keep };
        self.push(Part::Middle, "middle_block".into(), vec![res.clone(), self.attention(channels), res]);
    }

    fn decoder(&mut self) {
        let config = self.config;
        let mut index = 0;
        for (level, &mult) in config.channel_mult.iter().enumerate().rev() {
            let c_out = config.level_channels(mult);
            for i in 0..=config.num_res_blocks {
                let skip = self.skips.pop().unwrap_or(0);
                let mut layers =
                    vec![Layer::Res { c_in: self.channels + skip, c_out, resample: Resample::Keep }];
                if self.attends() {
                    layers.push(self.attention(c_out));
                }
                if level > 0 && i == config.num_res_blocks {
                    layers.push(if config.resblock_updown {
                        Layer::Res { c_in: c_out, c_out, resample: Resample::Up }
                    } else {
                        Layer::Upsample { channels: c_out }
                    });
                }
                self.push(Part::Decoder, format!("output_blocks.{index}"), layers);
                index += 1;
            }
        }
    }
}

#[derive(Default)]
struct ParameterList(Vec<Parameter>);

impl ParameterList {
    fn push(&mut self, name: impl Into<String>, shape: Vec<usize>) {
        self.0.push(Parameter { name: name.into(), shape });
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.push(format!("{name}.weight"), vec![outputs, inputs]);
        self.push(format!("{name}.bias"), vec![outputs]);
    }

    fn norm(&mut self, name: &str, channels: usize) {
        self.push(format!("{name}.weight"), vec![channels]);
        self.push(format!("{name}.bias"), vec![channels]);
    }

    fn conv(&mut self, name: &str, c_in: usize, c_out: usize, kernel: usize) {
        self.push(format!("{name}.weight"), vec![c_out, c_in, kernel, kernel]);
        self.push(format!("{name}.bias"), vec![c_out]);
    }
}
