//! One reading of a network's values that keeps none of them: its hash, and what is not finite.

use std::collections::HashSet;

use super::entry::MODULE;
use super::parameters::{NetworkHasher, Parameters};
use super::progress::Meter;
use crate::error::Result;

/// Which tensors of a file are the network's.
pub(super) struct Wanted<'a> {
    /// The network's own names of the parameters that are there in the right shape.
    pub(super) good: &'a HashSet<String>,
    /// Whether the file's names carry the prefix of parallel training.
    pub(super) prefix: bool,
}

impl Wanted<'_> {
    /// The network's name for the tensor `stored`, if it is the network's.
    pub(super) fn name<'n>(&self, stored: &'n str) -> Option<&'n str> {
        let name = if self.prefix { stored.strip_prefix(MODULE)? } else { stored };
        self.good.contains(name).then_some(name)
    }
}

/// What a reading found.
#[derive(Debug)]
pub(super) struct Survey {
    /// The network's hash.
    pub(super) hash: String,
    /// Names of the network's parameters that hold NaN or infinity, sorted.
    pub(super) not_finite: Vec<String>,
}

/// Reads `parameters`, stored by their names in the file, in the order of these names. The second value
/// is the hash of all of them under these names, `wanted` or not.
///
/// # Errors
/// When the file has changed or cannot be read, or the user cancels.
pub(super) fn survey(
    parameters: &Parameters,
    wanted: &Wanted<'_>,
    meter: &mut Meter<'_>,
) -> Result<(Survey, String)> {
    meter.start("reading", 4 * parameters.count() as u64)?;
    let mut network = Judge::default();
    // Mostly the two hashes are one.
    let same = parameters.shapes().all(|(name, _)| wanted.name(name) == Some(name));
    let mut contents = (!same).then(NetworkHasher::new);
    for (stored, shape) in parameters.shapes() {
        let name = wanted.name(stored);
        if let Some(name) = name {
            network.parameter(name, shape);
        }
        if let Some(contents) = &mut contents {
            contents.parameter(stored, shape);
        }
        parameters.each(stored, &mut |values| {
            if name.is_some() {
                network.values(values);
            }
            if let Some(contents) = &mut contents {
                contents.values(values);
            }
            meter.add(4 * values.len())
        })?;
    }
    let hash = network.hasher.finish();
    let contents = contents.map_or_else(|| hash.clone(), |contents| contents.finish());
    Ok((Survey { hash, not_finite: network.not_finite }, contents))
}

/// Takes the parameters of a network in the order of their names.
#[derive(Default)]
pub(super) struct Judge {
    pub(super) hasher: NetworkHasher,
    pub(super) not_finite: Vec<String>,
    name: String,
}

impl Judge {
    /// Begins the next parameter.
    pub(super) fn parameter(&mut self, name: &str, shape: &[usize]) {
        self.name = name.to_owned();
        self.hasher.parameter(name, shape);
    }

    /// Some or all values of the parameter begun last.
    pub(super) fn values(&mut self, values: &[f32]) {
        self.hasher.values(values);
        let known = self.not_finite.last() == Some(&self.name);
        if !known && values.iter().any(|value| !value.is_finite()) {
            self.not_finite.push(self.name.clone());
        }
    }
}
