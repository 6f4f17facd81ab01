//! A `FiftyOneImageClassificationDataset`: `labels.json` with classes and targets, and `data.json` with the
//! files. Its keys are numbers, not paths: FiftyOne drops endings from them, and `a.png` is not `a.jpg`.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::place::{is_packed, slashes, within};
use super::set::{LabelPicture, LabelSet};
use super::table::word;
use crate::error::{Error, Result};

/// Classes and targets; none for pictures without a class.
pub(super) const LABELS: &str = "labels.json";
/// The files by the keys of the targets, relative to the folder or absolute.
pub(super) const DATA: &str = "data.json";
/// As [`LABELS`], with what a head suggests and its confidence.
pub(super) const SUGGESTIONS: &str = "suggestions.json";
/// As [`LABELS`], with the marks that are no class.
pub(super) const MARKS: &str = "marks.json";

/// The files by name, for the folder `folder`.
pub(super) fn files(
    set: &LabelSet,
    folder: &Path,
    suggestions: bool,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let classes: Vec<&str> = set.classes.iter().map(|class| &*class.name).collect();
    let keyed = |value: &dyn Fn(&LabelPicture) -> Value| -> Value {
        // FiftyOne opens files only.
        let files = set.pictures.iter().filter(|picture| !is_packed(&picture.place)).enumerate();
        let pairs = files.map(|(number, picture)| (format!("{:06}", number + 1), value(picture)));
        pairs.collect::<Map<String, Value>>().into()
    };
    let targets = keyed(&|picture| picture.mark.class().into());
    let data = keyed(&|picture| slashes(Path::new(&within(&picture.place, folder))).into());
    let mut files =
        vec![(LABELS, pretty(&json!({ "classes": classes, "labels": targets }))?), (DATA, pretty(&data)?)];
    if set.pictures.iter().any(|picture| !word(picture.mark).is_empty()) {
        let marks = keyed(&|picture| Some(word(picture.mark)).filter(|word| !word.is_empty()).into());
        files.push((MARKS, pretty(&json!({ "labels": marks }))?));
    }
    if suggestions {
        let suggested = keyed(&|picture| match picture.suggestion {
            None => Value::Null,
            Some(said) => json!({ "label": said.class, "confidence": number(said.confidence) }),
        });
        files.push((SUGGESTIONS, pretty(&json!({ "classes": classes, "labels": suggested }))?));
    }
    Ok(files)
}

/// A probability with the digits that it takes to tell it from others, not those of its 64-bit twin.
pub(super) fn number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// JSON for people, too.
pub(super) fn pretty(value: &impl Serialize) -> Result<Vec<u8>> {
    let failed = |error| Error::Compute(format!("labels cannot be written as JSON: {error}"));
    let mut bytes = serde_json::to_vec_pretty(value).map_err(failed)?;
    bytes.push(b'\n');
    Ok(bytes)
}
