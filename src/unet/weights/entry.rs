//! What a checkpoint file lists before any value is read.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// Values of half precision converted together.
const HALVES: usize = 512;

/// How values are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    F32,
    F16,
    BF16,
    F64,
    /// Something that holds no parameters, by the name its format gives it.
    Other(String),
}

impl Stored {
    /// Bytes of one value; `None` for what is not read.
    pub(super) fn size(&self) -> Option<usize> {
        match self {
            Stored::F32 => Some(4),
            Stored::F16 | Stored::BF16 => Some(2),
            Stored::F64 => Some(8),
            Stored::Other(_) => None,
        }
    }

    /// As people write it.
    pub(super) fn name(&self) -> &str {
        match self {
            Stored::F32 => "f32",
            Stored::F16 => "f16",
            Stored::BF16 => "bf16",
            Stored::F64 => "f64",
            Stored::Other(name) => name,
        }
    }

    /// Appends the little-endian values in `bytes` to `values`; trailing bytes short of a value
    /// are left out.
    pub(super) fn decode(&self, bytes: &[u8], values: &mut Vec<f32>) {
        match self {
            Stored::F32 => {
                let (chunks, _) = bytes.as_chunks::<4>();
                values.extend(chunks.iter().map(|b| f32::from_le_bytes(*b)));
            }
            Stored::F16 => {
                // A slice at a time: the processor converts many together.
                let (chunks, _) = bytes.as_chunks::<2>();
                let mut halves = [f16::ZERO; HALVES];
                for chunks in chunks.chunks(HALVES) {
                    let halves = &mut halves[..chunks.len()];
                    halves.iter_mut().zip(chunks).for_each(|(half, b)| *half = f16::from_le_bytes(*b));
                    let start = values.len();
                    values.resize(start + halves.len(), 0.0);
                    halves.convert_to_f32_slice(&mut values[start..]);
                }
            }
            Stored::BF16 => {
                let (chunks, _) = bytes.as_chunks::<2>();
                values.extend(chunks.iter().map(|b| bf16::from_le_bytes(*b).to_f32()));
            }
            Stored::F64 => {
                let (chunks, _) = bytes.as_chunks::<8>();
                values.extend(chunks.iter().map(|b| f64::from_le_bytes(*b) as f32));
            }
            Stored::Other(_) => {}
        }
    }
}

/// A tensor of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) stored: Stored,
}

/// The product of a shape, or `None` when it does not fit.
pub(super) fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))
}

/// Removes the prefix of parallel training when all names carry it, and says whether they did.
pub(super) fn strip_module_prefix(names: &mut [&mut String]) -> bool {
    let all = !names.is_empty() && names.iter().all(|name| name.starts_with(MODULE));
    if all {
        names.iter_mut().for_each(|name| {
            name.drain(..MODULE.len());
        });
    }
    all
}

/// What `DataParallel` puts before every name.
pub(super) const MODULE: &str = "module.";

/// The kinds of storage among `entries`, as `f16 and f32`.
pub(super) fn stored_as<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let mut kinds: Vec<&str> = entries.map(|entry| entry.stored.name()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.join(" and ")
}
