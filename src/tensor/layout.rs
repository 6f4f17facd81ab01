//! In which order the values of a map lie.

use candle_core::{CpuStorage, DType, Device, Storage, Tensor, bail};

use super::kernel::pool::transpose;
use super::precision::Precision;

/// How maps lie while a network runs. What leaves it is `[N, C, H, W]` in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[N, H, W, C]`: the kernels of this program, on the CPU in f32.
    ChannelsLast,
    /// `[N, C, H, W]`: candle's own operations, on any device, in f32 or bf16.
    ChannelsFirst,
}

impl Layout {
    /// The faster one.
    pub fn best(device: &Device) -> Layout {
        if device.is_cpu() { Layout::ChannelsLast } else { Layout::ChannelsFirst }
    }

    /// What maps and parameters are made of: with their channels last the kernels round to bf16 on
    /// the way.
    pub fn dtype(self, precision: Precision) -> DType {
        match (self, precision) {
            (Layout::ChannelsFirst, Precision::Bf16) => DType::BF16,
            _ => DType::F32,
        }
    }

    /// `[N, C, H, W]` as it lies inside.
    pub fn arrange(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Layout::ChannelsFirst => x.contiguous(),
            Layout::ChannelsLast => x.permute((0, 2, 3, 1))?.contiguous(),
        }
    }

    /// A map of the inside as `[N, C, H, W]` in f32, without a copy unless it is not yet f32.
    pub fn feature_map(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Layout::ChannelsFirst => x.to_dtype(DType::F32),
            Layout::ChannelsLast => x.permute((0, 3, 1, 2)),
        }
    }

    /// (N, C, H, W) of a map of the inside.
    pub fn sizes(self, x: &Tensor) -> candle_core::Result<(usize, usize, usize, usize)> {
        let (a, b, c, d) = x.dims4()?;
        Ok(match self {
            Layout::ChannelsFirst => (a, b, c, d),
            Layout::ChannelsLast => (a, d, b, c),
        })
    }
}

/// The values of row `row` of a map `[N, C, H, W]`, channel after channel, on the CPU in f32.
///
/// # Errors
/// When the tensor has another rank or the device fails.
pub fn planes_of(map: &Tensor, row: usize) -> candle_core::Result<Vec<f32>> {
    let (n, c, h, w) = map.dims4()?;
    if row >= n {
        bail!("row {row} of {n}");
    }
    if let Some(values) =
        with_pixels(map, |pixels| transpose(&pixels[row * h * w * c..][..h * w * c], h * w, c))
    {
        return Ok(values);
    }
    map.get(row)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

/// Runs `read` over the values `[N, H, W, C]` of a map that lies so in memory as f32 on the CPU.
pub(super) fn with_pixels<T>(map: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Option<T> {
    let turned = map.permute((0, 2, 3, 1)).ok()?;
    let (storage, layout) = turned.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => Some(read(&values[start..end])),
        _ => None,
    }
}

/// The values of an argument of an operation.
pub(super) fn floats<'a>(
    storage: &'a CpuStorage,
    layout: &candle_core::Layout,
) -> candle_core::Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("a map must be contiguous") };
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Runs `read` over the values of contiguous tensors on the CPU.
pub(super) fn with_floats<const K: usize, T>(
    tensors: [&Tensor; K],
    read: impl FnOnce([&[f32]; K]) -> T,
) -> candle_core::Result<T> {
    let held = tensors.map(Tensor::storage_and_layout);
    let mut values: [&[f32]; K] = [&[]; K];
    for (values, (storage, layout)) in values.iter_mut().zip(&held) {
        let Storage::Cpu(storage) = &**storage else { bail!("values away from the CPU") };
        *values = floats(storage, layout)?;
    }
    Ok(read(values))
}
