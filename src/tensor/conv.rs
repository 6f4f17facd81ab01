//! Convolutions with frozen weights: gradients reach the input and nothing else.

use std::sync::{Arc, OnceLock};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout as Strides, Shape, Tensor, bail,
};

use super::kernel::direct::Direct;
use super::kernel::lane::Isa;
use super::kernel::share::written;
use super::kernel::source::{Addend, Map};
use super::kernel::winograd::{Tile, Winograd};
use super::layout::{Layout, floats};
use super::precision::Precision;
use super::resample::{fold_doubled, up_nearest};

/// The size of a square convolution, zero padded by kernel/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvSize {
    /// Channels in.
    pub c_in: usize,
    /// Channels out.
    pub c_out: usize,
    /// Side of the kernel, odd.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Side of the map that it slides over, which decides how it is computed; other sides work too.
    pub side: usize,
}

/// How 3×3 convolutions of step 1 are computed: Winograd's way takes fewer products and more memory
/// for its weights, which on small maps is what moves.
fn winograd_tile(size: ConvSize) -> Option<Tile> {
    let ConvSize { c_in, c_out, kernel, stride, side } = size;
    // Its vectors are whole from 16 channels on, whatever the processor.
    if (kernel, stride) != (3, 1) || c_in.min(c_out) < 16 {
        return None;
    }
    let few_weights = c_in * c_out <= 1 << 16;
    match side {
        32.. => Some(Tile::Four),
        16.. if few_weights => Some(Tile::Four),
        16.. => Some(Tile::Two),
        4.. if few_weights => Some(Tile::Two),
        _ => None,
    }
}

/// A convolution with frozen weights, packed for the way it is computed; the originals are dropped.
///
/// candle's own convolution computes gradients of frozen weights too, and on the CPU lays the
/// weights out anew at every call.
#[derive(Clone, Debug)]
pub struct FrozenConv {
    way: Way,
    layout: Layout,
}

#[derive(Clone, Debug)]
enum Way {
    Packed(Arc<Packed>),
    Candle { weight: Tensor, bias: Tensor, stride: usize },
}

/// What a convolution reads: maps of one size that are laid behind one another, perhaps at twice
/// their size, and what is added to its result.
#[derive(Clone, Copy)]
pub struct ConvInput<'a> {
    /// One map, or two (a map and its skip).
    pub maps: &'a [&'a Tensor],
    /// Read the maps at twice their size, nearest neighbour.
    pub doubled: bool,
    /// Added to the result; at twice its size if so said.
    pub addend: Option<(&'a Tensor, bool)>,
}

impl<'a> ConvInput<'a> {
    /// The maps as they are.
    pub fn of(maps: &'a [&'a Tensor]) -> ConvInput<'a> {
        ConvInput { maps, doubled: false, addend: None }
    }
}

impl FrozenConv {
    /// From `weight` `[C_out, C_in, k, k]` (k odd) and `bias` `[C_out]`. `precision` is for
    /// [`Layout::ChannelsLast`]; elsewhere the tensors say what is multiplied.
    ///
    /// # Errors
    /// When the shapes are not those of `size`.
    pub fn new(
        weight: &Tensor,
        bias: &Tensor,
        size: ConvSize,
        layout: Layout,
        precision: Precision,
    ) -> candle_core::Result<Self> {
        let ConvSize { c_in, c_out, kernel, stride, .. } = size;
        if weight.dims() != [c_out, c_in, kernel, kernel]
            || bias.dims() != [c_out]
            || kernel % 2 == 0
            || stride == 0
        {
            bail!("no convolution of {size:?}: weight {:?}, bias {:?}", weight.shape(), bias.shape());
        }
        let way = match layout {
            Layout::ChannelsFirst => {
                Way::Candle { weight: weight.contiguous()?, bias: bias.contiguous()?, stride }
            }
            Layout::ChannelsLast => {
                let weight = weight.contiguous()?;
                let (storage, strides) = weight.storage_and_layout();
                let candle_core::Storage::Cpu(storage) = &*storage else {
                    bail!("the weights are not on the CPU")
                };
                let packed = Packed::new(size, floats(storage, strides)?, bias.to_vec1()?, precision);
                Way::Packed(Arc::new(packed))
            }
        };
        Ok(FrozenConv { way, layout })
    }

    /// `[N, C_in, H, W]` to `[N, C_out, H/stride, W/stride]`, rounded up; both as they lie inside.
    ///
    /// # Errors
    /// When the maps do not fit, or the device fails.
    pub fn forward(&self, input: ConvInput) -> candle_core::Result<Tensor> {
        match &self.way {
            Way::Candle { weight, bias, stride } => with_candle(input, weight, bias, *stride),
            Way::Packed(packed) => {
                let op = ConvOp {
                    packed: Arc::clone(packed),
                    doubled: input.doubled,
                    addend_doubled: input.addend.map(|(_, doubled)| doubled),
                };
                let contiguous = |x: &Tensor| x.contiguous();
                let joined = match (&packed.weights, input.maps) {
                    (Weights::Winograd(_), maps @ [_, _, ..]) => Some(Tensor::cat(maps, 3)?),
                    _ => None,
                };
                let joined = joined.as_ref().map(|joined| [joined]);
                match (joined.as_ref().map_or(input.maps, |joined| &joined[..]), input.addend) {
                    ([x], None) => contiguous(x)?.apply_op1(op),
                    ([x], Some((add, _))) => contiguous(x)?.apply_op2(&contiguous(add)?, op),
                    ([x, y], None) => contiguous(x)?.apply_op2(&contiguous(y)?, op),
                    ([x, y], Some((add, _))) => {
                        contiguous(x)?.apply_op3(&contiguous(y)?, &contiguous(add)?, op)
                    }
                    _ => bail!("a convolution over {} maps", input.maps.len()),
                }
            }
        }
    }

    /// `[N, C_in]` to `[N, C_out]`, for convolutions with a kernel of 1: a linear layer, whose rows
    /// do not depend on their neighbours.
    ///
    /// # Errors
    /// As [`FrozenConv::forward`].
    pub fn forward_rows(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (n, c) = x.dims2()?;
        let x = match self.layout {
            Layout::ChannelsLast => x.reshape((n, 1, 1, c))?,
            Layout::ChannelsFirst => x.reshape((n, c, 1, 1))?,
        };
        self.forward(ConvInput::of(&[&x]))?.flatten_from(1)
    }
}

fn with_candle(
    input: ConvInput,
    weight: &Tensor,
    bias: &Tensor,
    stride: usize,
) -> candle_core::Result<Tensor> {
    let (c_out, _, kernel, _) = weight.dims4()?;
    let x = match input.maps {
        [x] => (*x).clone(),
        maps => Tensor::cat(maps, 1)?,
    };
    let x = if input.doubled { up_nearest(&x)? } else { x };
    let y = x.conv2d(weight, kernel / 2, stride, 1, 1)?.broadcast_add(&bias.reshape((1, c_out, 1, 1))?)?;
    match input.addend {
        None => Ok(y),
        Some((add, false)) => y + add,
        Some((add, true)) => y + up_nearest(add)?,
    }
}

#[derive(Debug)]
struct Packed {
    size: ConvSize,
    precision: Precision,
    weights: Weights,
    bias: Vec<f32>,
    /// The convolution that carries gradients back, made when first needed.
    back: OnceLock<FrozenConv>,
}

#[derive(Debug)]
enum Weights {
    Direct(Direct),
    Winograd(Winograd),
}

impl Packed {
    fn new(size: ConvSize, weights: &[f32], bias: Vec<f32>, precision: Precision) -> Packed {
        let ConvSize { c_in, c_out, kernel, stride, .. } = size;
        let pairs = precision == Precision::Bf16 && c_in.is_multiple_of(2);
        let weights = match winograd_tile(size) {
            // Large maps save more products than bf16 does, and lose no digits.
            Some(tile) if !pairs || tile == Tile::Four => {
                Weights::Winograd(Winograd::new(Isa::best(), tile, c_out, c_in, weights))
            }
            _ if pairs => {
                Weights::Direct(Direct::in_pairs(Isa::best_for_pairs(), c_out, c_in, kernel, stride, weights))
            }
            _ => Weights::Direct(Direct::new(Isa::best(), c_out, c_in, kernel, stride, weights)),
        };
        Packed { size, precision, weights, bias, back: OnceLock::new() }
    }

    /// The weights `[C_out, C_in, k, k]`.
    fn unpacked(&self) -> Vec<f32> {
        match &self.weights {
            Weights::Direct(direct) => direct.weights(),
            Weights::Winograd(winograd) => winograd.weights(),
        }
    }

    /// `images`, each its maps, to `out` `[N, H', W', C_out]`.
    fn convolve(&self, images: &[Vec<Map>], addends: Option<&[Addend]>, out: &mut [f32]) {
        match &self.weights {
            Weights::Direct(direct) => direct.convolve(images, &self.bias, addends, out),
            Weights::Winograd(winograd) => {
                let images: Vec<Map> = images.iter().map(|maps| maps[0]).collect();
                winograd.convolve(&images, &self.bias, addends, out);
            }
        }
    }

    /// The convolution from gradients of the output to those of the input: weights turned around and
    /// with their channels exchanged.
    fn back(&self) -> candle_core::Result<FrozenConv> {
        if let Some(back) = self.back.get() {
            return Ok(back.clone());
        }
        let ConvSize { c_in, c_out, kernel, .. } = self.size;
        let taps = kernel * kernel;
        let weights = self.unpacked();
        let mut turned = vec![0f32; weights.len()];
        for (ci, turned) in turned.chunks_mut(c_out * taps).enumerate() {
            for (co, turned) in turned.chunks_mut(taps).enumerate() {
                let from = &weights[(co * c_in + ci) * taps..][..taps];
                turned.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
            }
        }
        let size = ConvSize { c_in: c_out, c_out: c_in, ..self.size };
        let packed = Packed::new(size, &turned, vec![0f32; c_in], self.precision);
        let made = FrozenConv { way: Way::Packed(Arc::new(packed)), layout: Layout::ChannelsLast };
        Ok(self.back.get_or_init(|| made).clone())
    }
}

/// One call of a convolution, as candle records it.
struct ConvOp {
    packed: Arc<Packed>,
    doubled: bool,
    /// Whether something is added, and at twice its size.
    addend_doubled: Option<bool>,
}

type Arg<'a> = (&'a CpuStorage, &'a Strides);

impl ConvOp {
    /// `args`: one or two maps, then the addend if there is one.
    fn compute(&self, args: &[Arg]) -> candle_core::Result<(CpuStorage, Shape)> {
        let ConvSize { c_in, c_out, stride, .. } = self.packed.size;
        let (maps, addend) = args.split_at(args.len() - usize::from(self.addend_doubled.is_some()));
        let (n, mut h, mut w, _) = maps[0].1.shape().dims4()?;
        let mut values = Vec::with_capacity(maps.len());
        let mut channels = 0;
        for (storage, strides) in maps {
            let (n_here, h_here, w_here, c) = strides.shape().dims4()?;
            if (n_here, h_here, w_here) != (n, h, w) {
                bail!("a convolution over maps of different sizes");
            }
            values.push((floats(storage, strides)?, h * w * c));
            channels += c;
        }
        if channels != c_in {
            bail!("a convolution over {c_in} channels got {channels}");
        }
        let images: Vec<Vec<Map>> = (0..n)
            .map(|i| {
                let maps = values.iter().map(|(all, each)| Map::new(&all[i * each..][..*each], h, w));
                maps.map(|map| map.doubled_if(self.doubled)).collect()
            })
            .collect();
        if self.doubled {
            (h, w) = (2 * h, 2 * w);
        }
        let (h, w) = (h.div_ceil(stride), w.div_ceil(stride));
        let addends = match (addend.first(), self.addend_doubled) {
            (Some((storage, strides)), Some(doubled)) => {
                let factor = if doubled { 2 } else { 1 };
                if strides.shape().dims() != [n, h / factor, w / factor, c_out] {
                    bail!("a sum of {:?} and {n}x{h}x{w}x{c_out}", strides.shape());
                }
                let (all, each) = (floats(storage, strides)?, (h / factor) * (w / factor) * c_out);
                let map = |i: usize| Map::new(&all[i * each..][..each], h / factor, w / factor);
                Some((0..n).map(|i| Addend(map(i).doubled_if(doubled))).collect::<Vec<_>>())
            }
            _ => None,
        };
        let out = written(n * h * w * c_out, |out| self.packed.convolve(&images, addends.as_deref(), out));
        Ok((CpuStorage::F32(out), (n, h, w, c_out).into()))
    }

    /// Gradients of `maps`, and of the addend.
    fn gradients(
        &self,
        maps: &[&Tensor],
        grad: &Tensor,
    ) -> candle_core::Result<(Vec<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?.detach();
        let all = match self.packed.size.stride {
            1 => self.packed.back()?.forward(ConvInput::of(&[&grad]))?,
            _ => self.strided_gradient(maps[0], &grad)?,
        };
        let all = if self.doubled { fold_doubled(&all)? } else { all };
        let mut first = 0;
        let mut each = Vec::with_capacity(maps.len());
        for map in maps {
            let channels = map.dim(3)?;
            each.push(all.narrow(3, first, channels)?.contiguous()?.detach());
            first += channels;
        }
        let addend = match self.addend_doubled {
            None => None,
            Some(false) => Some(grad),
            Some(true) => Some(fold_doubled(&grad)?),
        };
        Ok((each, addend))
    }

    fn strided_gradient(&self, x: &Tensor, grad: &Tensor) -> candle_core::Result<Tensor> {
        let ConvSize { c_in, c_out, kernel, stride, .. } = self.packed.size;
        let (_, h, w, _) = x.dims4()?;
        if h != w {
            bail!("gradients of a strided convolution over {h}x{w}: only squares");
        }
        let shape = (c_out, c_in, kernel, kernel);
        let weight = Tensor::from_vec(self.packed.unpacked(), shape, &Device::Cpu)?;
        // What the last row and column of the input add to the size of the transposed output.
        let extra = h + 2 * (kernel / 2) - kernel - (h.div_ceil(stride) - 1) * stride;
        let grad = grad.permute((0, 3, 1, 2))?.contiguous()?;
        let dx = grad.conv_transpose2d(&weight, kernel / 2, extra, stride, 1)?;
        dx.permute((0, 2, 3, 1))?.contiguous()
    }
}

const NAME: &str = "frozen-conv";

impl CustomOp1 for ConvOp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Strides) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute(&[(storage, layout)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(self.gradients(&[x], grad)?.0.pop())
    }
}

impl CustomOp2 for ConvOp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Strides,
        s2: &CpuStorage,
        l2: &Strides,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute(&[(s1, l1), (s2, l2)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        if self.addend_doubled.is_some() {
            let (mut maps, addend) = self.gradients(&[a], grad)?;
            return Ok((maps.pop(), addend));
        }
        let (mut maps, _) = self.gradients(&[a, b], grad)?;
        let second = maps.pop();
        Ok((maps.pop(), second))
    }
}

impl CustomOp3 for ConvOp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Strides,
        s2: &CpuStorage,
        l2: &Strides,
        s3: &CpuStorage,
        l3: &Strides,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute(&[(s1, l1), (s2, l2), (s3, l3)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (mut maps, addend) = self.gradients(&[a, b], grad)?;
        let second = maps.pop();
        Ok((maps.pop(), second, addend))
    }
}

#[cfg(test)]
#[path = "conv_tests.rs"]
mod tests;
