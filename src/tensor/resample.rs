//! Changing the size of maps, differentiable.

use candle_core::{CpuStorage, CustomOp1, Device, Layout as Strides, Shape, Tensor, bail};

use super::kernel::lane::Isa;
use super::kernel::norm::{GROUPS, halve};
use super::kernel::pool::adaptive_average;
use super::kernel::share::written;
use super::kernel::source::Map;
use super::kernel::{How, each_image};
use super::layout::{Layout, floats, with_pixels};

/// Twice the side of `[N, C, H, W]`, nearest neighbour. Broadcast and reshape, because candle's own
/// operation loses gradients when its input is used elsewhere too.
pub fn up_nearest(x: &Tensor) -> candle_core::Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    x.reshape((n, c, h, 1, w, 1))?.broadcast_as((n, c, h, 2, w, 2))?.reshape((n, c, 2 * h, 2 * w))
}

/// Half the side of `[N, C, H, W]`, mean of 2×2.
///
/// # Errors
/// When a side is odd.
pub fn down_mean(x: &Tensor) -> candle_core::Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if h % 2 != 0 || w % 2 != 0 {
        bail!("a map of {h}x{w} cannot be halved");
    }
    x.avg_pool2d(2)
}

/// Half the side of a map as it lies inside, mean of 2×2.
///
/// # Errors
/// When a side is odd.
pub fn halved(x: &Tensor, layout: Layout) -> candle_core::Result<Tensor> {
    match layout {
        Layout::ChannelsFirst => down_mean(x),
        Layout::ChannelsLast => x.contiguous()?.apply_op1(Halve { factor: 1.0 }),
    }
}

/// The sums of every 2×2 of `[N, H, W, C]`: what gradients of a doubled map come to.
pub(super) fn fold_doubled(x: &Tensor) -> candle_core::Result<Tensor> {
    x.contiguous()?.apply_op1_no_bwd(&Halve { factor: 4.0 })
}

/// The mean of every 2×2 of `[N, H, W, C]`, times a factor.
struct Halve {
    factor: f32,
}

impl CustomOp1 for Halve {
    fn name(&self) -> &'static str {
        "halve"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Strides) -> candle_core::Result<(CpuStorage, Shape)> {
        let x = floats(storage, layout)?;
        let (n, h, w, c) = layout.shape().dims4()?;
        if h % 2 != 0 || w % 2 != 0 || c % GROUPS != 0 {
            bail!("a map of {h}x{w}x{c} cannot be halved");
        }
        let each = h / 2 * (w / 2) * c;
        let out = written(n * each, |out| {
            each_image(n, out, |image, on_all_threads, out| {
                let map = Map::new(&x[image * h * w * c..][..h * w * c], h, w);
                halve(How { isa: Isa::best(), on_all_threads }, map, self.factor, out);
            });
        });
        Ok((CpuStorage::F32(out), (n, h / 2, w / 2, c).into()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let (n, h, w, c) = grad.dims4()?;
        let quarter = (grad.detach() * f64::from(self.factor / 4.0))?;
        let wide = quarter.reshape((n, h, 1, w, 1, c))?.broadcast_as((n, h, 2, w, 2, c))?;
        Ok(Some(wide.reshape((n, 2 * h, 2 * w, c))?))
    }
}

/// Adaptive average pool to `p`×`p`: cell i averages floor(i·H/p) … ceil((i+1)·H/p), also where p
/// does not divide H or is larger (`nn.AdaptiveAvgPool2d`). `[N, C, H, W]` to `[N, C, p, p]`.
pub fn adaptive_avg_pool(x: &Tensor, p: usize) -> candle_core::Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    if p > 0 && h * w > 0 && !x.track_op() {
        let pooled = with_pixels(x, |pixels| {
            let mut out = vec![0f32; n * c * p * p];
            for (image, out) in out.chunks_mut(c * p * p).enumerate() {
                adaptive_average(Map::new(&pixels[image * h * w * c..][..h * w * c], h, w), p, out);
            }
            out
        });
        if let Some(pooled) = pooled {
            return Tensor::from_vec(pooled, (n, c, p, p), &Device::Cpu);
        }
    }
    // Elsewhere, two products with small matrices.
    separable(x, &pool_matrix(h, p, x)?, &pool_matrix(w, p, x)?)
}

/// `rows` `[h', h]` and `cols` `[w', w]` applied to the sides of `[N, C, h, w]`.
fn separable(x: &Tensor, rows: &Tensor, cols: &Tensor) -> candle_core::Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (h_out, w_out) = (rows.dims2()?.0, cols.dims2()?.0);
    let x = x.contiguous()?.reshape((n * c * h, w))?.matmul(&cols.t()?)?.reshape((n * c, h, w_out))?;
    let x = x.transpose(1, 2)?.contiguous()?.reshape((n * c * w_out, h))?.matmul(&rows.t()?)?;
    x.reshape((n * c, w_out, h_out))?.transpose(1, 2)?.contiguous()?.reshape((n, c, h_out, w_out))
}

/// `[N, C, h, w]` at another size, bilinear between pixel centres (`F.interpolate`,
/// `align_corners=False`).
///
/// # Errors
/// When a side is zero, or the device fails.
pub fn bilinear(x: &Tensor, height: usize, width: usize) -> candle_core::Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if (h, w) == (height, width) {
        return Ok(x.clone());
    }
    separable(x, &bilinear_matrix(h, height, x)?, &bilinear_matrix(w, width, x)?)
}

fn bilinear_matrix(size: usize, out: usize, like: &Tensor) -> candle_core::Result<Tensor> {
    if out == 0 || size == 0 {
        bail!("a map of side {size} cannot be resized to {out}");
    }
    let scale = size as f64 / out as f64;
    let mut weights = vec![0f32; out * size];
    for (at, row) in weights.chunks_mut(size).enumerate() {
        let place = ((at as f64 + 0.5) * scale - 0.5).max(0.0);
        let low = (place as usize).min(size - 1);
        let share = (place - low as f64) as f32;
        row[low] += 1.0 - share;
        row[(low + 1).min(size - 1)] += share;
    }
    Tensor::from_vec(weights, (out, size), like.device())?.to_dtype(like.dtype())
}

fn pool_matrix(size: usize, p: usize, like: &Tensor) -> candle_core::Result<Tensor> {
    if p == 0 || size == 0 {
        bail!("a map of side {size} cannot be pooled to {p}");
    }
    let mut weights = vec![0f32; p * size];
    for cell in 0..p {
        let (start, end) = (cell * size / p, ((cell + 1) * size).div_ceil(p));
        weights[cell * size + start..cell * size + end].fill(1.0 / (end - start) as f32);
    }
    Tensor::from_vec(weights, (p, size), like.device())?.to_dtype(like.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Var};

    #[test]
    fn pools_like_pytorch() {
        let x = Tensor::arange(0f32, 8.0, &Device::Cpu).unwrap().reshape((1, 1, 1, 8)).unwrap();
        let x = x.broadcast_as((1, 1, 8, 8)).unwrap();
        let row = |p| {
            adaptive_avg_pool(&x, p).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()[..p].to_vec()
        };
        let close = |got: &[f32], want: &[f32]| got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(close(&row(4), &[0.5, 2.5, 4.5, 6.5]));
        assert!(close(&row(3), &[1.0, 3.5, 6.0]));
        assert!(close(&row(12), &[0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 4.5, 5.0, 6.0, 6.5, 7.0]));
    }

    #[test]
    fn resizes_like_pytorch() {
        let x = Tensor::from_slice(&[1f32, 2.0, 4.0, 8.0], (1, 1, 2, 2), &Device::Cpu).unwrap();
        let flat = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let wide = flat(bilinear(&x, 2, 4).unwrap());
        assert_eq!(wide, [1.0, 1.25, 1.75, 2.0, 4.0, 5.0, 7.0, 8.0]);
        assert_eq!(flat(bilinear(&x, 1, 1).unwrap()), [3.75]);
        assert_eq!(flat(bilinear(&x, 3, 2).unwrap()), [1.0, 2.0, 2.5, 5.0, 4.0, 8.0]);
        assert!(bilinear(&x, 0, 2).is_err());
    }

    #[test]
    fn odd_maps_are_not_halved() {
        assert!(down_mean(&Tensor::zeros((1, 1, 3, 4), DType::F32, &Device::Cpu).unwrap()).is_err());
    }

    #[test]
    fn gradients_add_up_when_the_input_is_used_twice() {
        let x = Var::ones((1, 2, 3, 3), DType::F32, &Device::Cpu).unwrap();
        let y = (up_nearest(&x).unwrap().sum_all().unwrap() + x.sum_all().unwrap()).unwrap();
        let grads = y.backward().unwrap();
        let g = grads.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(g.iter().all(|&v| v == 5.0), "{g:?}");
    }
}
