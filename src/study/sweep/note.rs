//! What a sweep that is kept follows from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::SweepConfig;
use crate::error::{Error, Result};
use crate::features::Network;

/// What the answers and features of a sweep follow from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The program and its version.
    pub program: String,
    /// The network's hash.
    pub network: String,
    /// What it multiplies.
    pub precision: String,
    /// Where the labelled pictures are.
    pub data: PathBuf,
    /// Which of them stand where, by their content.
    pub pictures: String,
    /// The settings.
    pub settings: SweepConfig,
}

impl Note {
    /// Refuses what belongs to another sweep than `asked`; `name` is where it was found. The budget may
    /// be another one.
    ///
    /// # Errors
    /// Says what is different.
    pub fn check_same(&self, asked: &Note, name: &str) -> Result<()> {
        match self.difference(asked) {
            None => Ok(()),
            Some(what) => Err(Error::data(
                name,
                format!(
                    "belongs to a sweep with {what}; use the same, another --out, or --force to begin anew"
                ),
            )),
        }
    }

    /// What is different in `other`, in words.
    pub fn difference(&self, other: &Note) -> Option<String> {
        let plain = [
            ("version of the program", &self.program, &other.program),
            ("network", &self.network, &other.network),
            ("precision", &self.precision, &other.precision),
        ];
        if let Some((what, held, asked)) = plain.into_iter().find(|(_, held, asked)| held != asked) {
            return Some(format!("another {what} ({held}, not {asked})"));
        }
        let value = |note: &Note| {
            serde_json::to_value(SweepConfig { budget: None, ..note.settings.clone() }).unwrap_or_default()
        };
        let (held, asked) = (value(self), value(other));
        let keys = held.as_object().into_iter().flatten();
        if let Some((key, value)) = keys.into_iter().find(|(key, value)| asked.get(key) != Some(value)) {
            let other = asked.get(key).cloned().unwrap_or_default();
            return Some(format!("another setting {key} ({value}, not {other})"));
        }
        (self.pictures != other.pictures).then(|| "other pictures".to_string())
    }
}

/// What the sweep follows from.
pub(super) fn note_of(
    config: &SweepConfig,
    data: &Path,
    pictures: String,
    network: &Network,
) -> Result<Note> {
    let data = match data.to_str() {
        Some(text) if text.starts_with("bundled:") => data.to_path_buf(),
        _ => std::path::absolute(data).map_err(Error::io("find", data))?,
    };
    let card = &network.card;
    Ok(Note {
        program: concat!("difscope ", env!("CARGO_PKG_VERSION")).into(),
        network: card.hash.clone(),
        precision: card.precision.to_string(),
        data,
        pictures,
        settings: config.clone(),
    })
}
