//! The layers that networks of this family spend their time in.

use candle_core::Tensor;
use difscope::tensor::attention::{SplitOrder, attend};
use difscope::tensor::conv::{ConvInput, ConvSize, FrozenConv};
use difscope::tensor::layout::Layout;
use difscope::tensor::norm::{GroupNorm, Modulation, Then};
use difscope::tensor::precision::Precision;

use super::{input, parameter};

const LAYOUT: Layout = Layout::ChannelsLast;

/// Channels in, channels out and side of the 3×3 convolutions.
pub const CONVOLUTIONS: [(usize, usize, usize); 6] =
    [(256, 256, 256), (512, 256, 128), (256, 256, 64), (512, 512, 32), (1024, 1024, 16), (1024, 1024, 8)];

/// A layer with its input, ready to run.
pub struct Layer(Box<dyn Fn() -> candle_core::Result<Tensor>>);

impl Layer {
    /// The result as it lies inside, `[1, H, W, C]`.
    ///
    /// # Panics
    /// Not expected.
    pub fn run(&self) -> Tensor {
        (self.0)().expect("the layer runs")
    }

    /// The result as `[1, C, H, W]`.
    ///
    /// # Panics
    /// Not expected.
    pub fn map(&self) -> Tensor {
        LAYOUT.feature_map(&self.run()).expect("a map has four dimensions")
    }
}

fn arranged(key: &str, channels: usize, side: usize) -> Tensor {
    LAYOUT.arrange(&input(key, &[1, channels, side, side])).expect("a map has four dimensions")
}

fn conv_of(c_in: usize, c_out: usize, kernel: usize, side: usize) -> FrozenConv {
    let (weight, bias) =
        (parameter("conv.weight", &[c_out, c_in, kernel, kernel]), parameter("conv.bias", &[c_out]));
    let size = ConvSize { c_in, c_out, kernel, stride: 1, side };
    FrozenConv::new(&weight, &bias, size, LAYOUT, Precision::F32).expect("the shapes fit")
}

/// A 3×3 convolution.
pub fn convolution(c_in: usize, c_out: usize, side: usize) -> Layer {
    let (conv, x) = (conv_of(c_in, c_out, 3, side), arranged("x", c_in, side));
    Layer(Box::new(move || conv.forward(ConvInput::of(&[&x]))))
}

/// GroupNorm, then SiLU.
pub fn norm(channels: usize, side: usize) -> Layer {
    let (weight, bias) = (parameter("norm.weight", &[channels]), parameter("norm.bias", &[channels]));
    let norm = GroupNorm::new(weight, bias, LAYOUT).expect("whole groups");
    let x = arranged("x", channels, side);
    Layer(Box::new(move || norm.forward(&[&x], &Modulation::None, Then { silu: true, halve: false })))
}

/// Attention over side² tokens.
pub fn attention(heads: usize, width: usize, side: usize) -> Layer {
    let qkv = arranged("x", 3 * heads * width, side);
    Layer(Box::new(move || attend(&qkv, heads, SplitOrder::HeadsFirst, LAYOUT)))
}

/// The 1×1 convolution over a map and its skip.
pub fn skip(channels: usize, c_out: usize, side: usize) -> Layer {
    let conv = conv_of(2 * channels, c_out, 1, side);
    let (x, y) = (arranged("x", channels, side), arranged("skip", channels, side));
    Layer(Box::new(move || conv.forward(ConvInput::of(&[&x, &y]))))
}
