//! The trainable values of a head by name, and how they start.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::spec::{Init, Wanted, elements};
use crate::error::{Error, Result};
use crate::tensor::rng::uniform;

/// Parameters and running statistics of a head, sorted by name. Names are those of diffssl, under
/// `head.` and `feedback_layers.`.
pub struct HeadParameters {
    variables: BTreeMap<String, Var>,
    buffers: BTreeMap<String, Var>,
}

/// A copy of all values of a head, to go back to.
#[derive(Clone)]
pub struct Snapshot(BTreeMap<String, Tensor>);

impl HeadParameters {
    /// The values that `values` gives for each name and shape.
    pub(super) fn new(
        wanted: &[Wanted],
        device: &Device,
        values: &mut dyn FnMut(&Wanted) -> Result<Vec<f32>>,
    ) -> Result<HeadParameters> {
        let mut parameters = HeadParameters { variables: BTreeMap::new(), buffers: BTreeMap::new() };
        for wanted in wanted {
            let var = Var::from_vec(values(wanted)?, wanted.shape.as_slice(), device)?;
            let into = if wanted.buffer { &mut parameters.buffers } else { &mut parameters.variables };
            into.insert(wanted.name.clone(), var);
        }
        Ok(parameters)
    }

    /// The parameter or buffer `name`.
    pub(super) fn get(&self, name: &str) -> Result<Var> {
        let var = self.variables.get(name).or_else(|| self.buffers.get(name));
        var.cloned().ok_or_else(|| Error::Compute(format!("a head without its parameter {name}")))
    }

    /// The values of the parameter or buffer `name`, row-major.
    ///
    /// # Errors
    /// When there is none of this name, or the device fails.
    pub fn values(&self, name: &str) -> Result<Vec<f32>> {
        Ok(self.get(name)?.flatten_all()?.to_vec1()?)
    }

    /// What is trained, sorted by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.variables.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// Running statistics, which no gradient reaches, sorted by name.
    pub fn buffers(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.buffers.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// How many values are trained.
    pub fn count(&self) -> usize {
        self.variables.values().map(|var| var.elem_count()).sum()
    }

    /// Whether no value is NaN or infinite.
    ///
    /// # Errors
    /// When the device fails.
    pub fn all_finite(&self) -> Result<bool> {
        for var in self.variables.values().chain(self.buffers.values()) {
            if !var.flatten_all()?.to_vec1::<f32>()?.iter().all(|value| value.is_finite()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A copy of all values.
    ///
    /// # Errors
    /// When the device fails.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let all = self.variables.iter().chain(&self.buffers);
        let copies = all.map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?)));
        Ok(Snapshot(copies.collect::<Result<_>>()?))
    }

    /// Goes back to the values of `snapshot`.
    ///
    /// # Errors
    /// When it is another head's.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        for (name, values) in &snapshot.0 {
            self.get(name)?.set(values)?;
        }
        Ok(())
    }
}

/// The first value of a parameter under `seed`: the same whatever other parameters the head has.
pub(super) fn start(wanted: &Wanted, seed: u64) -> Vec<f32> {
    let count = elements(&wanted.shape);
    match wanted.init {
        Init::Zeros => vec![0.0; count],
        Init::Ones => vec![1.0; count],
        Init::Uniform { fan_in } => {
            let mut key = blake3::Hasher::new();
            key.update(b"difscope head parameter");
            key.update(&seed.to_le_bytes());
            key.update(wanted.name.as_bytes());
            let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
            let mut values = uniform(key.finalize().as_bytes(), count);
            values.iter_mut().for_each(|value| *value = (f64::from(*value) * bound) as f32);
            values
        }
    }
}
