//! The values of a network by name, and the hash that identifies them.

use std::collections::BTreeMap;

use candle_core::{CpuStorage, Device, Storage, Tensor};

use super::entry::MODULE;
use crate::error::{Error, Result};

/// Parameters by name: contiguous f32 tensors on the CPU.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, Tensor>);

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
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu)
            .map_err(|error| Error::Compute(format!("parameter {name}: {error}")))?;
        self.0.insert(name, tensor);
        Ok(())
    }

    /// The parameter `name`.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Removes the parameter `name` and hands it over, so that nothing is held twice while a
    /// network is built.
    pub fn take(&mut self, name: &str) -> Option<Tensor> {
        self.0.remove(name)
    }

    /// All parameters, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Keeps only the parameters that `keep` names.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Removes the prefix that `strip_module_prefix` removed from the entries.
    pub(super) fn strip_module_prefix(&mut self) {
        self.0 = std::mem::take(&mut self.0)
            .into_iter()
            .map(|(name, tensor)| (name.strip_prefix(MODULE).map_or(name.clone(), str::to_owned), tensor))
            .collect();
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
        self.0.values().map(Tensor::elem_count).sum()
    }

    /// The network's hash, in hex: see [`NetworkHasher`].
    ///
    /// # Errors
    /// Not expected.
    pub fn hash(&self) -> Result<String> {
        let mut hasher = NetworkHasher::new();
        for (name, tensor) in self.iter() {
            hasher.parameter(name, tensor.dims());
            with_values(tensor, |values| hasher.values(values))?;
        }
        Ok(hasher.finish())
    }

    /// Names of the parameters that hold NaN or infinity, sorted.
    ///
    /// # Errors
    /// Not expected.
    pub fn not_finite(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for (name, tensor) in self.iter() {
            if with_values(tensor, |values| values.iter().any(|v| !v.is_finite()))? {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

/// Runs `read` over the values of a tensor made by [`Parameters::insert`].
pub(super) fn with_values<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
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
        let mut renamed = two();
        renamed.take("a");
        renamed.insert("c", &[1, 2], vec![0.5, 3.0]).unwrap();
        assert_ne!(renamed.hash().unwrap(), hash);
    }

    #[test]
    fn values_that_are_not_finite_are_named() {
        let mut parameters = two();
        parameters.insert("c", &[2], vec![0.0, f32::NAN]).unwrap();
        parameters.insert("d", &[1], vec![f32::NEG_INFINITY]).unwrap();
        assert_eq!(parameters.not_finite().unwrap(), ["c", "d"]);
        assert!(parameters.insert("e", &[3], vec![0.0]).is_err());
    }
}
