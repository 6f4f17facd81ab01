//! Convolutions with frozen weights: gradients reach the input and nothing else.

use std::sync::{Arc, OnceLock};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor, bail};
use rayon::prelude::*;

use super::matmul::{Matrix, add_product};

/// A square convolution with frozen weight `[C_out, C_in, k, k]` and bias `[C_out]`, zero padded
/// by k/2.
///
/// candle's own convolution computes gradients of frozen weights too, and on the CPU lays the
/// weights out anew at every call.
#[derive(Clone, Debug)]
pub struct FrozenConv {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    weight: Tensor,
    bias: Tensor,
    bias_values: Vec<f32>,
    size: ConvSize,
    /// The convolution that carries gradients back, made when first needed.
    transposed: OnceLock<Tensor>,
}

#[derive(Clone, Copy, Debug)]
struct ConvSize {
    c_in: usize,
    c_out: usize,
    kernel: usize,
    stride: usize,
}

impl FrozenConv {
    /// From `weight` `[C_out, C_in, k, k]` (k odd) and `bias` `[C_out]`.
    ///
    /// # Errors
    /// When the shapes are not those of a square convolution with an odd kernel.
    pub fn new(weight: Tensor, bias: Tensor, stride: usize) -> candle_core::Result<FrozenConv> {
        let (c_out, c_in, kernel, kernel_w) = weight.dims4()?;
        if kernel != kernel_w || kernel % 2 == 0 || bias.dims1()? != c_out || stride == 0 {
            bail!("no square odd convolution: weight {:?}, bias {:?}", weight.shape(), bias.shape());
        }
        let bias_values = bias.to_dtype(DType::F32)?.to_vec1()?;
        let size = ConvSize { c_in, c_out, kernel, stride };
        let weight = weight.contiguous()?;
        Ok(FrozenConv {
            inner: Arc::new(Inner { weight, bias, bias_values, size, transposed: OnceLock::new() }),
        })
    }

    /// `[N, C_in, H, W]` to `[N, C_out, H/stride, W/stride]`, rounded up.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        if matches!(x.device(), Device::Cpu) && x.dtype() == DType::F32 {
            return x.contiguous()?.apply_op1(ConvOp(Arc::clone(&self.inner)));
        }
        let ConvSize { kernel, stride, c_out, .. } = self.inner.size;
        let y = x.conv2d(&self.inner.weight, kernel / 2, stride, 1, 1)?;
        y.broadcast_add(&self.inner.bias.reshape((1, c_out, 1, 1))?)
    }
}

struct ConvOp(Arc<Inner>);

impl CustomOp1 for ConvOp {
    fn name(&self) -> &'static str {
        "frozen-conv"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("convolution needs a contiguous input")
        };
        let x = &storage.as_slice::<f32>()?[start..end];
        let (n, c_in, h, w) = layout.shape().dims4()?;
        let ConvSize { c_out, stride, .. } = self.0.size;
        if c_in != self.0.size.c_in {
            bail!("convolution over {} channels got {c_in}", self.0.size.c_in);
        }
        let (h_out, w_out) = (h.div_ceil(stride), w.div_ceil(stride));
        let mut out = vec![0f32; n * c_out * h_out * w_out];
        let (weights, weight_layout) = self.0.weight.storage_and_layout();
        let candle_core::Storage::Cpu(weights) = &*weights else { bail!("weights are not on the CPU") };
        let offset = weight_layout.start_offset();
        let weights = &weights.as_slice::<f32>()?[offset..offset + weight_layout.shape().elem_count()];
        let map = MapSize { h, w, h_out, w_out };
        for (x, out) in x.chunks(c_in * h * w).zip(out.chunks_mut(c_out * h_out * w_out)) {
            one_image(self.0.size, map, weights, &self.0.bias_values, x, out);
        }
        Ok((CpuStorage::F32(out), (n, c_out, h_out, w_out).into()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let ConvSize { c_in, c_out, kernel, stride } = self.0.size;
        if stride > 1 {
            // What the last row and column of the input add to the size of the transposed output.
            let (_, _, h, _) = x.dims4()?;
            let extra = h + 2 * (kernel / 2) - kernel - (h.div_ceil(stride) - 1) * stride;
            let dx = grad.contiguous()?.conv_transpose2d(&self.0.weight, kernel / 2, extra, stride, 1)?;
            return Ok(Some(dx));
        }
        let turned = match self.0.transposed.get() {
            Some(turned) => turned.clone(),
            None => {
                let turned = self.0.weight.flip(&[2, 3])?.transpose(0, 1)?.contiguous()?;
                self.0.transposed.get_or_init(|| turned).clone()
            }
        };
        debug_assert_eq!(turned.dims(), [c_in, c_out, kernel, kernel]);
        let bias = Tensor::zeros(c_in, DType::F32, x.device())?;
        Ok(Some(FrozenConv::new(turned, bias, 1)?.forward(grad)?.detach()))
    }
}

#[derive(Clone, Copy)]
struct MapSize {
    h: usize,
    w: usize,
    h_out: usize,
    w_out: usize,
}

/// Floats of the unfolded input that are worked on at a time: stays in the second-level cache.
const BAND_FLOATS: usize = 1 << 19;
/// Output channels of one product: enough to keep threads busy on the smallest maps.
const OUT_CHUNK: usize = 64;

/// One image: bands of output rows are unfolded to columns `[C_in·k·k, pixels]` and multiplied with
/// the weights `[C_out, C_in·k·k]`, in chunks of output channels.
fn one_image(size: ConvSize, map: MapSize, weights: &[f32], bias: &[f32], x: &[f32], out: &mut [f32]) {
    let area = map.h_out * map.w_out;
    let depth = size.c_in * size.kernel * size.kernel;
    let direct = size.kernel == 1 && size.stride == 1;
    let rows_per_band = (BAND_FLOATS / (depth * map.w_out).max(1)).clamp(1, map.h_out.max(1));
    let mut columns = if direct { Vec::new() } else { vec![0f32; depth * rows_per_band * map.w_out] };
    for first_row in (0..map.h_out).step_by(rows_per_band) {
        let rows = rows_per_band.min(map.h_out - first_row);
        let (first, pixels) = (first_row * map.w_out, rows * map.w_out);
        let band = if direct {
            Matrix { values: &x[first..], rows: depth, cols: pixels, stride: area }
        } else {
            unfold(size, map, x, first_row, rows, &mut columns);
            Matrix { values: &columns, rows: depth, cols: pixels, stride: pixels }
        };
        out.par_chunks_mut(OUT_CHUNK * area).enumerate().for_each(|(chunk, out)| {
            let channels = out.len() / area;
            let from = chunk * OUT_CHUNK;
            for c in 0..channels {
                out[c * area + first..c * area + first + pixels].fill(bias[from + c]);
            }
            let a = Matrix { values: &weights[from * depth..], rows: channels, cols: depth, stride: depth };
            add_product(&mut out[first..], area, a, band);
        });
    }
}

/// Writes the k×k neighbourhoods of `rows` output rows as columns.
fn unfold(size: ConvSize, map: MapSize, x: &[f32], first_row: usize, rows: usize, columns: &mut [f32]) {
    let ConvSize { kernel, stride, .. } = size;
    let pad = kernel / 2;
    let pixels = rows * map.w_out;
    let per_channel = kernel * kernel * pixels;
    columns.par_chunks_mut(per_channel).zip(x.par_chunks(map.h * map.w)).for_each(|(columns, plane)| {
        for (tap, column) in columns.chunks_mut(pixels).enumerate() {
            let (ky, kx) = (tap / kernel, tap % kernel);
            for (row, line) in column.chunks_mut(map.w_out).enumerate() {
                let y = (first_row + row) * stride + ky;
                if y < pad || y - pad >= map.h {
                    line.fill(0.0);
                    continue;
                }
                let source = &plane[(y - pad) * map.w..][..map.w];
                if stride == 1 {
                    shift_line(source, kx, pad, line);
                } else {
                    for (out_x, value) in line.iter_mut().enumerate() {
                        let at = out_x * stride + kx;
                        *value = if at < pad { 0.0 } else { source.get(at - pad).copied().unwrap_or(0.0) };
                    }
                }
            }
        }
    });
}

/// `line[i] = source[i + kx − pad]`, zero outside.
fn shift_line(source: &[f32], kx: usize, pad: usize, line: &mut [f32]) {
    let width = line.len();
    let left = pad.saturating_sub(kx).min(width);
    let skip = kx.saturating_sub(pad).min(width);
    let count = (width - left).min(source.len() - skip);
    line[..left].fill(0.0);
    line[left..left + count].copy_from_slice(&source[skip..skip + count]);
    line[left + count..].fill(0.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;
    use candle_core::Var;

    fn tensor(key: u8, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        Tensor::from_vec(standard_normal(&[key; 32], shape.elem_count()), shape, &Device::Cpu).unwrap()
    }

    fn values(t: &Tensor) -> Vec<f32> {
        t.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn farthest(a: &Tensor, b: &Tensor) -> f32 {
        assert_eq!(a.dims(), b.dims());
        values(a).iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// (batch, C_in, C_out, kernel, stride, H, W): bands, chunks, borders and odd sizes.
    const CASES: [(usize, usize, usize, usize, usize, usize, usize); 7] = [
        (1, 3, 32, 3, 1, 8, 8),
        (2, 64, 130, 3, 1, 7, 9),
        (1, 96, 70, 1, 1, 5, 6),
        (2, 32, 32, 3, 2, 8, 8),
        (1, 16, 8, 3, 2, 7, 5),
        (1, 300, 20, 3, 1, 40, 41),
        (1, 4, 4, 3, 1, 1, 1),
    ];

    #[test]
    fn equals_candles_convolution() {
        for (n, c_in, c_out, k, stride, h, w) in CASES {
            let (weight, bias, x) =
                (tensor(1, (c_out, c_in, k, k)), tensor(2, c_out), tensor(3, (n, c_in, h, w)));
            let ours = FrozenConv::new(weight.clone(), bias.clone(), stride).unwrap().forward(&x).unwrap();
            let theirs = x.conv2d(&weight, k / 2, stride, 1, 1).unwrap();
            let theirs = theirs.broadcast_add(&bias.reshape((1, c_out, 1, 1)).unwrap()).unwrap();
            assert!(
                farthest(&ours, &theirs) < 2e-3,
                "{c_in} {c_out} {k} {stride}: {}",
                farthest(&ours, &theirs)
            );
        }
    }

    #[test]
    fn gradients_equal_candles_and_only_the_input_has_one() {
        for (n, c_in, c_out, k, stride, h, w) in CASES {
            if stride > 1 && h != w {
                continue;
            }
            let (weight, bias) = (tensor(1, (c_out, c_in, k, k)), tensor(2, c_out));
            let x = Var::from_tensor(&tensor(3, (n, c_in, h, w))).unwrap();
            let ours = FrozenConv::new(weight.clone(), bias, stride).unwrap().forward(&x).unwrap();
            let theirs = x.conv2d(&weight, k / 2, stride, 1, 1).unwrap();
            let direction = tensor(4, ours.dims());
            let grad = |y: Tensor| (y * &direction).unwrap().sum_all().unwrap().backward().unwrap();
            let (ours, theirs) = (grad(ours), grad(theirs));
            assert!(
                farthest(ours.get(&x).unwrap(), theirs.get(&x).unwrap()) < 2e-3,
                "{c_in} {c_out} {k} {stride}"
            );
            assert!(ours.get(&weight).is_none());
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads_or_batch() {
        let conv = FrozenConv::new(tensor(1, (200, 64, 3, 3)), tensor(2, 200), 1).unwrap();
        let x = tensor(3, (3, 64, 20, 20));
        let run = |threads: usize, x: &Tensor| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            values(&pool.install(|| conv.forward(x)).unwrap())
        };
        let all = run(1, &x);
        assert_eq!(all, run(3, &x));
        assert_eq!(all[all.len() / 3..2 * all.len() / 3], run(2, &x.narrow(0, 1, 1).unwrap()));
    }
}
