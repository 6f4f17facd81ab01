//! The values of a network by name, and the hash that identifies them.

use std::collections::BTreeMap;

use candle_core::{CpuStorage, Device, Storage, Tensor};

use super::entry::MODULE;
use super::place::Place;
use crate::error::{Error, Result};

/// Parameters by name. Their values are in memory, or lie in a file and are read when asked for.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, Parameter>);

#[derive(Clone, Debug)]
struct Parameter {
    shape: Vec<usize>,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// A contiguous f32 tensor on the CPU.
    Held(Tensor),
    /// Somewhere in a file.
    Stored(Place),
}

impl Parameters {
    /// No parameters.
    pub fn new() -> Parameters {
        Parameters::default()
    }

    /// Adds or replaces the parameter `name` with `values` in row-major order of `shape`.
    ///
    /// # Errors
    /// When the number of values is not the product of the shape.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Result<()> {
        let name = name.into();
        let tensor = tensor_of(&name, shape, values)?;
        self.0.insert(name, Parameter { shape: shape.into(), values: Values::Held(tensor) });
        Ok(())
    }

    /// Adds or replaces the parameter `name` of `shape` whose values lie at `place`.
    pub(super) fn place(&mut self, name: impl Into<String>, shape: &[usize], place: Place) {
        self.0.insert(name.into(), Parameter { shape: shape.into(), values: Values::Stored(place) });
    }

    /// The parameter `name`: a contiguous f32 tensor on the CPU. One that lies in a file is read anew
    /// each time, and nothing of it stays here.
    ///
    /// # Errors
    /// When there is none of that name, or its file has changed since it was opened or cannot be
    /// read.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        let parameter = self.parameter(name)?;
        match &parameter.values {
            Values::Held(tensor) => Ok(tensor.clone()),
            Values::Stored(place) => tensor_of(name, &parameter.shape, place.read(&parameter.shape)?),
        }
    }

    /// Hands the values of the parameter `name` to `take`, some at a time, in row-major order.
    ///
    /// # Errors
    /// As [`Parameters::read`], and what `take` returns.
    pub fn each(&self, name: &str, take: &mut dyn FnMut(&[f32]) -> Result<()>) -> Result<()> {
        let parameter = self.parameter(name)?;
        match &parameter.values {
            Values::Held(tensor) => with_values(tensor, |values| values.chunks(PIECE).try_for_each(take))?,
            Values::Stored(place) => place.each(&parameter.shape, take),
        }
    }

    /// The shape of the parameter `name`.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.0.get(name).map(|parameter| parameter.shape.as_slice())
    }

    /// Names and shapes of all parameters, sorted by name.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.0.iter().map(|(name, parameter)| (name.as_str(), parameter.shape.as_slice()))
    }

    /// Bytes of values in memory; those that lie in a file take none.
    pub fn bytes_held(&self) -> usize {
        let held = self.0.values().map(|parameter| match &parameter.values {
            Values::Held(tensor) => 4 * tensor.elem_count(),
            Values::Stored(_) => 0,
        });
        held.sum()
    }

    /// Keeps only the parameters that `name` gives a name, under that name.
    pub fn renamed(self, name: impl Fn(&str) -> Option<String>) -> Parameters {
        let named = self.0.into_iter().filter_map(|(stored, parameter)| Some((name(&stored)?, parameter)));
        Parameters(named.collect())
    }

    /// Without the prefix of parallel training, where all names carry it.
    pub fn without_module_prefix(self) -> Parameters {
        match self.0.keys().all(|name| name.starts_with(MODULE)) {
            true => self.renamed(|name| name.strip_prefix(MODULE).map(str::to_owned)),
            false => self,
        }
    }

    /// How many parameters there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many values all parameters hold together.
    pub fn count(&self) -> usize {
        self.shapes().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// The network's hash, in hex: see [`NetworkHasher`].
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn hash(&self) -> Result<String> {
        let mut hasher = NetworkHasher::new();
        for (name, shape) in self.shapes() {
            hasher.parameter(name, shape);
            self.each(name, &mut |values| {
                hasher.values(values);
                Ok(())
            })?;
        }
        Ok(hasher.finish())
    }

    fn parameter(&self, name: &str) -> Result<&Parameter> {
        self.0.get(name).ok_or_else(|| Error::Compute(format!("there is no parameter {name}")))
    }
}

/// Values of a tensor handed over at a time.
const PIECE: usize = 1 << 18;

fn tensor_of(name: &str, shape: &[usize], values: Vec<f32>) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)
        .map_err(|error| Error::Compute(format!("parameter {name}: {error}")))
}

/// Runs `read` over the values of a tensor made by [`Parameters::insert`].
fn with_values<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => Ok(read(&values[start..end])),
        _ => Err(Error::Compute("a parameter is not a contiguous f32 tensor on the CPU".into())),
    }
}

/// BLAKE3 over parameters in the order of their names. Each contributes the length of its name
/// (u64), the name, its rank (u64), its dimensions (u64 each) and its values as f32; all
/// little-endian. So a checkpoint and its conversion are the same network.
pub struct NetworkHasher(blake3::Hasher);

impl Default for NetworkHasher {
    fn default() -> Self {
        NetworkHasher::new()
    }
}

impl NetworkHasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        NetworkHasher(blake3::Hasher::new())
    }

    /// Begins the next parameter.
    pub fn parameter(&mut self, name: &str, shape: &[usize]) {
        let mut head = Vec::with_capacity(name.len() + 8 * (2 + shape.len()));
        head.extend((name.len() as u64).to_le_bytes());
        head.extend(name.as_bytes());
        head.extend((shape.len() as u64).to_le_bytes());
        shape.iter().for_each(|&dim| head.extend((dim as u64).to_le_bytes()));
        self.0.update(&head);
    }

    /// Some or all values of the parameter begun last.
    pub fn values(&mut self, values: &[f32]) {
        let mut bytes = Vec::with_capacity(4 * values.len().min(CHUNK));
        for chunk in values.chunks(CHUNK) {
            bytes.clear();
            bytes.extend(chunk.iter().flat_map(|v| v.to_le_bytes()));
            self.0.update(&bytes);
        }
    }

    /// The hash in hex.
    pub fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// Values turned into bytes at a time.
const CHUNK: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Parameters {
        let mut parameters = Parameters::new();
        parameters.insert("b", &[2], vec![1.0, -2.0]).unwrap();
        parameters.insert("a", &[1, 2], vec![0.5, 3.0]).unwrap();
        parameters
    }

    #[test]
    fn the_hash_is_blake3_over_the_stated_bytes() {
        let mut bytes = Vec::new();
        for (name, shape, values) in [("a", vec![1u64, 2], [0.5f32, 3.0]), ("b", vec![2], [1.0, -2.0])] {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend((shape.len() as u64).to_le_bytes());
            shape.iter().for_each(|dim| bytes.extend(dim.to_le_bytes()));
            values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        }
        assert_eq!(two().hash().unwrap(), blake3::hash(&bytes).to_hex().to_string());
    }

    #[test]
    fn name_shape_and_values_all_count() {
        let hash = two().hash().unwrap();
        for (name, shape, values) in [("a", vec![2, 1], [0.5, 3.0]), ("a", vec![1, 2], [0.5, -3.0])] {
            let mut other = two();
            other.insert(name, &shape, values.to_vec()).unwrap();
            assert_ne!(other.hash().unwrap(), hash);
        }
        let renamed = two().renamed(|name| Some(if name == "a" { "c".to_owned() } else { name.to_owned() }));
        assert_ne!(renamed.hash().unwrap(), hash);
    }

    #[test]
    fn values_of_another_count_than_the_shape_are_refused() {
        assert!(two().insert("e", &[3], vec![0.0]).is_err());
    }
}
