//! Group normalisation with frozen parameters, and what follows it in a ResBlock.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, D, DType, Layout as Strides, Shape, Tensor, bail};

use super::kernel::lane::Isa;
use super::kernel::norm::{Affine, EPS, GROUPS, normalise};
use super::kernel::norm_back::normalise_back;
use super::kernel::share::written;
use super::kernel::source::Map;
use super::kernel::{How, each_image};
use super::layout::{Layout, floats};
use super::resample::down_mean;

pub use super::kernel::norm::Then;

/// What the timestep does to a norm: frozen values, one row for each image.
#[derive(Clone, Debug, Default)]
pub enum Modulation {
    /// Nothing.
    #[default]
    None,
    /// `[N, C]`, added to the map before the norm.
    Before(Tensor),
    /// `[N, 2·C]`, scale then shift: `norm · (1 + scale) + shift`.
    After(Tensor),
}

/// GroupNorm over 32 groups, eps 1e-5, with frozen scale and shift. Statistics in f32 or wider,
/// whatever the type of the input (`GroupNorm32`).
#[derive(Clone, Debug)]
pub struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    /// The same two for the kernels, on the CPU.
    values: Arc<[Vec<f32>; 2]>,
    layout: Layout,
}

impl GroupNorm {
    /// From `weight` and `bias` of shape `[C]`.
    ///
    /// # Errors
    /// When C is not divisible by 32.
    pub fn new(weight: Tensor, bias: Tensor, layout: Layout) -> candle_core::Result<GroupNorm> {
        let c = weight.dims1()?;
        if c % GROUPS != 0 || bias.dims1()? != c {
            bail!(
                "group norm over {c} channels, bias {:?}: not divisible into {GROUPS} groups",
                bias.shape()
            );
        }
        let values = |t: &Tensor| t.to_dtype(DType::F32)?.to_vec1();
        let values = Arc::new([values(&weight)?, values(&bias)?]);
        Ok(GroupNorm { weight, bias, values, layout })
    }

    /// One map, or two laid behind one another, to their norm and what follows. Gradients reach the
    /// maps only.
    ///
    /// # Errors
    /// When the maps do not fit, or the device fails.
    pub fn forward(
        &self,
        maps: &[&Tensor],
        modulation: &Modulation,
        then: Then,
    ) -> candle_core::Result<Tensor> {
        if self.layout == Layout::ChannelsFirst {
            return self.with_candle(maps, modulation, then);
        }
        let rows = |t: &Tensor| t.detach().flatten_all()?.to_vec1::<f32>();
        let (before, after) = match modulation {
            Modulation::None => (None, None),
            Modulation::Before(rows_of) => (Some(rows(rows_of)?), None),
            Modulation::After(rows_of) => (None, Some(rows(rows_of)?)),
        };
        let op = NormOp { values: Arc::clone(&self.values), before, after, then };
        match maps {
            [x] => x.contiguous()?.apply_op1(op),
            [x, y] => x.contiguous()?.apply_op2(&y.contiguous()?, op),
            _ => bail!("a norm over {} maps", maps.len()),
        }
    }

    fn with_candle(
        &self,
        maps: &[&Tensor],
        modulation: &Modulation,
        then: Then,
    ) -> candle_core::Result<Tensor> {
        let x = match maps {
            [x] => (*x).clone(),
            maps => Tensor::cat(maps, 1)?,
        };
        let (n, c, _, _) = x.dims4()?;
        let wide = x.to_dtype(DType::F32)?;
        let per_image = |rows: &Tensor| rows.to_dtype(DType::F32)?.reshape((n, c, 1, 1));
        let wide = match modulation {
            Modulation::Before(rows) => wide.broadcast_add(&per_image(rows)?)?,
            _ => wide,
        };
        let grouped = wide.contiguous()?.reshape((n * GROUPS, wide.elem_count() / (n * GROUPS)))?;
        let centred = grouped.broadcast_sub(&grouped.mean_keepdim(D::Minus1)?)?;
        let inverse = (centred.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?.recip()?;
        let normalised = centred.broadcast_mul(&inverse)?.reshape(wide.shape())?;
        let per_channel = |t: &Tensor| t.to_dtype(DType::F32)?.reshape((1, c, 1, 1));
        let y = normalised.broadcast_mul(&per_channel(&self.weight)?)?;
        let y = y.broadcast_add(&per_channel(&self.bias)?)?;
        let y = match modulation {
            Modulation::After(rows) => {
                let scale = (per_image(&rows.narrow(1, 0, c)?)? + 1.0)?;
                y.broadcast_mul(&scale)?.broadcast_add(&per_image(&rows.narrow(1, c, c)?)?)?
            }
            _ => y,
        };
        let y = y.to_dtype(x.dtype())?;
        let y = if then.silu { y.silu()? } else { y };
        if then.halve { down_mean(&y) } else { Ok(y) }
    }
}

/// One call of a norm, as candle records it.
struct NormOp {
    values: Arc<[Vec<f32>; 2]>,
    before: Option<Vec<f32>>,
    after: Option<Vec<f32>>,
    then: Then,
}

type Arg<'a> = (&'a CpuStorage, &'a Strides);

impl NormOp {
    fn affine(&self, image: usize) -> Affine<'_> {
        let [weight, bias] = &*self.values;
        let c = weight.len();
        Affine {
            weight,
            bias,
            before: self.before.as_deref().map(|rows| &rows[image * c..][..c]),
            after: self.after.as_deref().map(|rows| &rows[image * 2 * c..][..2 * c]),
        }
    }

    /// Checks the sizes of `shapes`: (N, H, W, C of each).
    fn sizes(&self, shapes: &[&Shape]) -> candle_core::Result<(usize, usize, usize, Vec<usize>)> {
        let (n, h, w, _) = shapes[0].dims4()?;
        let mut channels = Vec::with_capacity(shapes.len());
        for shape in shapes {
            let (n_here, h_here, w_here, c) = shape.dims4()?;
            if (n_here, h_here, w_here) != (n, h, w) || c % GROUPS != 0 {
                bail!("a norm over maps of {shapes:?}");
            }
            channels.push(c);
        }
        let c = self.values[0].len();
        if channels.iter().sum::<usize>() != c {
            bail!("a norm over {c} channels got {channels:?}");
        }
        let rows = |rows: &Option<Vec<f32>>, each: usize| rows.as_ref().is_none_or(|r| r.len() == n * each);
        if !rows(&self.before, c) || !rows(&self.after, 2 * c) {
            bail!("a norm whose timesteps do not fit its images");
        }
        if self.then.halve && (h % 2 != 0 || w % 2 != 0) {
            bail!("a map of {h}x{w} cannot be halved");
        }
        Ok((n, h, w, channels))
    }

    fn compute(&self, args: &[Arg]) -> candle_core::Result<(CpuStorage, Shape)> {
        let shapes: Vec<&Shape> = args.iter().map(|(_, strides)| strides.shape()).collect();
        let (n, h, w, channels) = self.sizes(&shapes)?;
        let c: usize = channels.iter().sum();
        let values = args.iter().map(|(s, l)| floats(s, l)).collect::<candle_core::Result<Vec<_>>>()?;
        let (h_out, w_out) = if self.then.halve { (h / 2, w / 2) } else { (h, w) };
        let each = h_out * w_out * c;
        let out = written(n * each, |out| {
            each_image(n, out, |image, on_all_threads, out| {
                let maps = maps_of(&values, &channels, image, h, w);
                let how = How { isa: Isa::best(), on_all_threads };
                normalise(how, &maps, self.affine(image), self.then, out);
            });
        });
        Ok((CpuStorage::F32(out), (n, h_out, w_out, c).into()))
    }

    fn gradients(&self, maps: &[&Tensor], grad: &Tensor) -> candle_core::Result<Vec<Tensor>> {
        let maps = maps.iter().map(|map| map.contiguous()).collect::<candle_core::Result<Vec<_>>>()?;
        let shapes: Vec<&Shape> = maps.iter().map(Tensor::shape).collect();
        let (n, h, w, channels) = self.sizes(&shapes)?;
        let grad = grad.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
        let held = maps.iter().map(|map| map.flatten_all()?.to_vec1::<f32>());
        let held = held.collect::<candle_core::Result<Vec<_>>>()?;
        let values: Vec<&[f32]> = held.iter().map(Vec::as_slice).collect();
        let c: usize = channels.iter().sum();
        let each = grad.len() / n.max(1);
        let out = written(n * h * w * c, |out| {
            each_image(n, out, |image, on_all_threads, out| {
                let maps = maps_of(&values, &channels, image, h, w);
                let how = How { isa: Isa::best(), on_all_threads };
                let grad = &grad[image * each..][..each];
                normalise_back(how, &maps, self.affine(image), self.then, grad, out);
            });
        });
        let out = Tensor::from_vec(out, (n, h, w, c), maps[0].device())?;
        let mut first = 0;
        let parts = channels.iter().map(|&c| {
            first += c;
            out.narrow(3, first - c, c)?.contiguous()
        });
        parts.collect()
    }
}

/// The maps of one image.
fn maps_of<'a>(values: &[&'a [f32]], channels: &[usize], image: usize, h: usize, w: usize) -> Vec<Map<'a>> {
    let maps = values.iter().zip(channels);
    maps.map(|(values, c)| Map::new(&values[image * h * w * c..][..h * w * c], h, w)).collect()
}

const NAME: &str = "group-norm";

impl CustomOp1 for NormOp {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Strides) -> candle_core::Result<(CpuStorage, Shape)> {
        self.compute(&[(storage, layout)])
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(self.gradients(&[x], grad)?.pop())
    }
}

impl CustomOp2 for NormOp {
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
        let mut both = self.gradients(&[a, b], grad)?;
        let second = both.pop();
        Ok((both.pop(), second))
    }
}

#[cfg(test)]
#[path = "norm_tests.rs"]
mod tests;
