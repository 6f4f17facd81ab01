//! A checkpoint as one safetensors file that carries its configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::progress::{Meter, OnProgress};
use super::write::write_safetensors;
use super::{OpenOptions, open};
use crate::error::{Error, Result};

/// What [`convert`] wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConvertReport {
    /// The file written.
    pub output: PathBuf,
    /// Number of parameters.
    pub parameters: usize,
    /// Its length in bytes.
    pub bytes: u64,
    /// The hash of the network as written; that of the input unless its values were halved.
    pub hash: String,
    /// The hash of the file written.
    pub file_hash: String,
    /// In sentences, what was assumed about the network, and what else should be known.
    pub notes: Vec<String>,
}

/// Converts the checkpoint `input` to the safetensors file `output`, in half precision when `half`,
/// with its configuration in the metadata.
///
/// # Errors
/// When `output` exists and `force` is false, `input` cannot be read or does not fit its
/// configuration, `output` cannot be written, a value is too large for half precision, or the user
/// cancels.
pub fn convert(
    input: &Path,
    output: &Path,
    half: bool,
    force: bool,
    options: &OpenOptions,
    progress: OnProgress<'_>,
) -> Result<ConvertReport> {
    if output.exists() && !force {
        return Err(Error::Exists(output.into()));
    }
    let checkpoint = open(input, options, progress)?;
    checkpoint.check()?;
    let text = |error: serde_json::Error| Error::Compute(error.to_string());
    let mut metadata = BTreeMap::from([
        ("format".to_owned(), "pt".to_owned()),
        ("config".to_owned(), serde_json::to_string(&checkpoint.config).map_err(text)?),
    ]);
    if !checkpoint.assumed.is_empty() {
        metadata.insert("assumed".into(), serde_json::to_string(&checkpoint.assumed).map_err(text)?);
    }
    let mut meter = Meter::new(progress);
    let written = write_safetensors(output, &metadata, &checkpoint.parameters, half, force, &mut meter)?;
    Ok(ConvertReport {
        output: output.into(),
        parameters: checkpoint.parameters.count(),
        bytes: written.bytes,
        hash: written.hash,
        file_hash: written.file_hash,
        notes: [checkpoint.assumed, checkpoint.notes].concat(),
    })
}
