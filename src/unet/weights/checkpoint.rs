//! A checkpoint that is open, and how well it fits its configuration.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::Serialize;

use super::configuration::{ConfigSource, is_network_name};
use super::entry::Entry;
use super::parameters::Parameters;
use crate::error::{Error, Result};
use crate::unet::config::UnetConfig;
use crate::unet::plan::Parameter;

/// A parameter whose shape is not the one its configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Misshapen {
    /// Name in the checkpoint.
    pub name: String,
    /// Shape that the configuration asks for.
    pub expected: Vec<usize>,
    /// Shape in the file.
    pub found: Vec<usize>,
}

/// A checkpoint whose values can be read. It may be incomplete: see [`LoadedCheckpoint::check`].
#[derive(Debug)]
pub struct LoadedCheckpoint {
    /// Short name: the file's without its ending.
    pub name: String,
    /// The file; none for the embedded network.
    pub path: Option<PathBuf>,
    /// The configuration.
    pub config: UnetConfig,
    /// Where the configuration came from.
    pub config_source: ConfigSource,
    /// In sentences, what was assumed about the network.
    pub assumed: Vec<String>,
    /// In sentences, what else should be known about the file.
    pub notes: Vec<String>,
    /// The parameters that the configuration asks for and the file has in the right shape; their values
    /// stay in the file.
    pub parameters: Parameters,
    /// Parameters that the configuration asks for and the file does not have.
    pub missing: Vec<Parameter>,
    /// Tensors of the file that the configuration does not ask for.
    pub unused: Vec<Parameter>,
    /// Parameters of another shape than the configuration asks for.
    pub misshapen: Vec<Misshapen>,
    /// Names of parameters that hold NaN or infinity.
    pub not_finite: Vec<String>,
    /// The network's hash, in hex: over `parameters`, whatever file they came from.
    pub hash: String,
    /// The file's hash, in hex.
    pub file_hash: String,
    /// How the values are stored in the file: "f32", "f16 and f32".
    pub dtype: String,
}

/// How the tensors of a file compare with what a configuration asks for.
#[derive(Debug, Default)]
pub(super) struct Fit {
    pub(super) missing: Vec<Parameter>,
    pub(super) unused: Vec<Parameter>,
    pub(super) misshapen: Vec<Misshapen>,
    /// Names of parameters that are there in the right shape.
    pub(super) good: HashSet<String>,
}

impl Fit {
    /// Compares `entries` with the parameters that are `expected`.
    pub(super) fn new(expected: Vec<Parameter>, entries: &[Entry]) -> Fit {
        let found: HashMap<&str, &Entry> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        let names: HashSet<&str> = expected.iter().map(|parameter| parameter.name.as_str()).collect();
        let unused = entries.iter().filter(|entry| !names.contains(entry.name.as_str()));
        let unused =
            unused.map(|entry| Parameter { name: entry.name.clone(), shape: entry.shape.clone() }).collect();
        let mut fit = Fit { unused, ..Fit::default() };
        for parameter in expected {
            match found.get(parameter.name.as_str()) {
                None => fit.missing.push(parameter),
                Some(entry) if entry.shape == parameter.shape => {
                    fit.good.insert(parameter.name);
                }
                Some(entry) => fit.misshapen.push(Misshapen {
                    name: parameter.name,
                    expected: parameter.shape,
                    found: entry.shape.clone(),
                }),
            }
        }
        fit
    }
}

/// How many of each kind of problem an error lists.
const LISTED: usize = 4;

impl LoadedCheckpoint {
    /// True when a network can be built and its output means something.
    ///
    /// # Errors
    /// One that lists all missing, unused and wrongly shaped parameters and those that are not
    /// finite. Tensors that no network of this family has, such as an optimiser's, are no failure.
    pub fn check(&self) -> Result<()> {
        let foreign = self.unused.iter().all(|parameter| !is_network_name(&parameter.name));
        if self.missing.is_empty() && self.misshapen.is_empty() && self.not_finite.is_empty() && foreign {
            return Ok(());
        }
        let shaped = |p: &Parameter| format!("{} {:?}", p.name, p.shape);
        let problems = [
            list("missing", self.missing.iter().map(shaped)),
            list("unused", self.unused.iter().map(shaped)),
            list(
                "wrongly shaped",
                self.misshapen
                    .iter()
                    .map(|m| format!("{} {:?} instead of {:?}", m.name, m.found, m.expected)),
            ),
            list("not finite (NaN or infinity)", self.not_finite.iter().cloned()),
        ];
        let problems: Vec<String> = problems.into_iter().flatten().collect();
        let fits = self.missing.is_empty() && self.misshapen.is_empty() && foreign;
        let advice = if fits {
            "fetch or save it again".to_owned()
        } else {
            format!(
                "the configuration came from {}: correct it, choose a network with --preset, or fetch the file again",
                self.config_source
            )
        };
        Err(Error::checkpoint(
            &self.name,
            format!("its parameters cannot be used: {}; {advice}", problems.join("; ")),
        ))
    }
}

/// "2 missing: a, b", the list capped; `None` for an empty one.
fn list(what: &str, items: impl ExactSizeIterator<Item = String>) -> Option<String> {
    let count = items.len();
    let shown: Vec<String> = items.take(LISTED).collect();
    let more = count.saturating_sub(LISTED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    (count > 0).then(|| format!("{count} {what}: {}{rest}", shown.join(", ")))
}
