//! Feature files: safetensors filled row by row, and npy or parquet made from them.
//!
//! The rows of all tensors have known places before the first is computed, so that a stopped run
//! leaves a file that can be taken up again.

mod convert;
mod file;
mod note;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use file::{Existing, FeatureFile};

/// One tensor of a feature file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureTensor {
    /// `t90/block_24`.
    pub name: String,
    /// Shape of one row, without the leading N.
    pub row_shape: Vec<usize>,
}

impl FeatureTensor {
    fn row_len(&self) -> usize {
        self.row_shape.iter().product()
    }
}

/// What a feature file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureLayout {
    /// The tensors in the order of the file.
    pub tensors: Vec<FeatureTensor>,
    /// Names of the rows.
    pub items: Vec<String>,
    /// Class ids of the rows, if known.
    pub labels: Option<Vec<i64>>,
    /// Class names, if known.
    pub classes: Vec<String>,
    /// The settings as JSON, for people and scripts.
    pub settings: serde_json::Value,
}

impl FeatureLayout {
    /// Bytes of all features.
    pub fn bytes(&self) -> u64 {
        self.tensors.iter().map(|t| (t.row_len() * self.items.len() * 4) as u64).sum()
    }

    /// The safetensors header with its length in front, padded to 8 bytes.
    fn header(&self) -> Vec<u8> {
        let rows = self.items.len();
        let mut header = serde_json::Map::new();
        let text = |value: serde_json::Value| serde_json::Value::String(value.to_string());
        let metadata = serde_json::json!({
            "items": text(serde_json::json!(self.items)),
            "classes": text(serde_json::json!(self.classes)),
            "settings": text(self.settings.clone()),
        });
        header.insert("__metadata__".into(), metadata);
        let mut offset = 0u64;
        let mut entry = |dtype: &str, shape: Vec<usize>, bytes: u64| {
            let entry = serde_json::json!({
                "dtype": dtype, "shape": shape, "data_offsets": [offset, offset + bytes],
            });
            offset += bytes;
            entry
        };
        if let Some(labels) = &self.labels {
            header.insert("labels".into(), entry("I64", vec![rows], labels.len() as u64 * 8));
        }
        for tensor in &self.tensors {
            let shape = std::iter::once(rows).chain(tensor.row_shape.iter().copied()).collect();
            header.insert(tensor.name.clone(), entry("F32", shape, (tensor.row_len() * rows * 4) as u64));
        }
        let mut json = serde_json::Value::Object(header).to_string().into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
        bytes.extend(json);
        bytes
    }
}

/// The formats of feature files, by the ending of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// All tensors, labels, items and settings.
    Safetensors,
    /// One array.
    Npy,
    /// A table, one row per picture.
    Parquet,
}

impl OutputFormat {
    /// The format that `path` asks for.
    ///
    /// # Errors
    /// When the ending is none of the three.
    pub fn of(path: &Path) -> Result<OutputFormat> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("safetensors") => Ok(OutputFormat::Safetensors),
            Some("npy") => Ok(OutputFormat::Npy),
            Some("parquet") => Ok(OutputFormat::Parquet),
            _ => Err(Error::Setting(format!(
                "{}: features are written as .safetensors, .npy or .parquet; choose one of these endings",
                path.display()
            ))),
        }
    }
}
