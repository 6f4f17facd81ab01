//! Vectors and labels for the projector of TensorBoard.
//!
//! It takes the first line of the metadata as a header if there is a tab in it, so that a single column has
//! none; it skips empty lines, and takes a vector whose first number is none for a label.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

use super::find::{Known, Row, find};
use super::place::within;
use super::set::LabelSet;
use super::table::{SUGGESTED, source, word};
use crate::error::{Error, Result};
use crate::study::label::Mark;

/// The vectors.
pub(super) const VECTORS: &str = "vectors.tsv";
/// The labels, one line each.
pub(super) const METADATA: &str = "metadata.tsv";

/// A file of features may hold so many bytes.
const MAX_BYTES: u64 = 8 << 30;

/// A vector for each picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// The length of each, at least 2.
    pub width: usize,
    /// `[pictures, width]`, row-major.
    pub values: Vec<f32>,
}

impl Vectors {
    /// Refuses what the projector would misread.
    pub(super) fn check(&self, pictures: usize) -> Result<()> {
        if self.width < 2 || self.values.len() != self.width.saturating_mul(pictures) {
            let text = format!(
                "{} numbers are not {pictures} vectors of {} (at least 2); give one vector for each picture",
                self.values.len(),
                self.width
            );
            return Err(Error::Setting(text));
        }
        if let Some(at) = self.values.iter().position(|value| !value.is_finite()) {
            let text = format!("the vector of picture {} holds {}", at / self.width + 1, self.values[at]);
            return Err(Error::Setting(text));
        }
        Ok(())
    }

    /// The vectors of `pictures` in the features that `difscope extract` wrote to `path` (`.safetensors`):
    /// those of the tensor called `tensor`, or of the only one. Names of rows are paths relative to `folder`.
    ///
    /// # Errors
    /// When the file cannot be read, holds several tensors of features and none is chosen, or has no row for
    /// one of the pictures.
    pub fn read(path: &Path, tensor: Option<&str>, folder: &Path, pictures: &[Known<'_>]) -> Result<Vectors> {
        let name = path.display().to_string();
        let refuse = |why: String| Error::data(&name, why);
        let about = std::fs::metadata(path).map_err(Error::io("read", path))?;
        if about.len() > MAX_BYTES {
            return Err(refuse(format!("features of more than {} GB are not read here", MAX_BYTES >> 30)));
        }
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let damaged = |error: safetensors::SafeTensorError| {
            refuse(format!("no file of features, or damaged ({error}); write it with `difscope extract`"))
        };
        let file = safetensors::SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let items = header.metadata().as_ref().and_then(|metadata| metadata.get("items"));
        let Some(items) = items.and_then(|text| serde_json::from_str::<Items>(text).ok()) else {
            return Err(refuse("does not name its rows; write it with `difscope extract`".into()));
        };
        let mut names: Vec<&str> = file.names().into_iter().filter(|name| name.contains("/block_")).collect();
        names.sort_unstable();
        let chosen = match (tensor, names.as_slice()) {
            (Some(tensor), names) if names.contains(&tensor) => tensor,
            (None, [one]) => one,
            (_, names) => {
                let names = names.join(", ");
                return Err(refuse(format!("name one of its tensors of features: {names}")));
            }
        };
        let view = file.tensor(chosen).map_err(damaged)?;
        let rows = view.shape().first().copied().unwrap_or(0);
        let width: usize = view.shape().iter().skip(1).product();
        if view.dtype() != safetensors::Dtype::F32 || rows != items.0.len() {
            let why = format!("{chosen} is {:?} {:?} for {} rows", view.dtype(), view.shape(), items.0.len());
            return Err(refuse(why + "; write the file again with `difscope extract`"));
        }
        let asked = items.0.iter().zip(1..).map(|(item, line)| Row {
            line,
            shown: item.clone(),
            paths: vec![item.clone()],
            ..Row::default()
        });
        let found = find(asked.collect(), Vec::new(), &name, folder, pictures, &[])?;
        let row_of: HashMap<usize, usize> =
            found.taken.iter().map(|taken| (taken.picture, taken.line as usize - 1)).collect();
        let mut values = Vec::with_capacity(width * pictures.len());
        for (picture, known) in pictures.iter().enumerate() {
            let Some(&row) = row_of.get(&picture) else {
                let why = format!("has no row for {}; extract the same pictures", known.place);
                return Err(refuse(why));
            };
            let bytes = &view.data()[row * width * 4..][..width * 4];
            values.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        }
        Ok(Vectors { width, values })
    }
}

/// Names of rows.
#[derive(Deserialize)]
struct Items(Vec<String>);

/// One line per vector, in digits that read back exactly.
pub(super) fn vectors(vectors: &Vectors) -> Vec<u8> {
    let mut text = String::with_capacity(vectors.values.len() * 10);
    for row in vectors.values.chunks(vectors.width) {
        for (column, value) in row.iter().enumerate() {
            let separator = if column == 0 { "" } else { "\t" };
            // Writing to a string does not fail.
            let _ = write!(text, "{separator}{value:?}");
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// One line per picture: only what it is marked as, without a header, or that with more and with one.
pub(super) fn metadata(set: &LabelSet, folder: &Path, labels_only: bool, suggestions: bool) -> Vec<u8> {
    let mut lines = Vec::with_capacity(set.pictures.len() + 1);
    if !labels_only {
        let head = ["label", "source", "path"].into_iter();
        lines.push(head.chain(SUGGESTED.into_iter().filter(|_| suggestions)).collect::<Vec<_>>().join("\t"));
    }
    for picture in &set.pictures {
        // An empty line would be skipped, and all labels after it be those of the next.
        let label = match picture.mark {
            Mark::Class { class, .. } => plain(set.class(class)),
            Mark::Blank => "unlabelled".into(),
            other => word(other).to_owned(),
        };
        if labels_only {
            lines.push(label);
            continue;
        }
        let mut cells = vec![label, source(picture.mark), plain(&within(&picture.place, folder))];
        if suggestions {
            cells.extend(match picture.suggestion {
                Some(said) => [plain(set.class(said.class)), said.confidence.to_string()],
                None => Default::default(),
            });
        }
        lines.push(cells.join("\t"));
    }
    (lines.join("\n") + "\n").into_bytes()
}

/// `text` without what ends cells and lines.
fn plain(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().is_empty() { format!("{text:?}") } else { text }
}
