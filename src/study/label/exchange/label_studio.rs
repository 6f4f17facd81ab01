//! Tasks of Label Studio, with the labelling configuration that they need.
//!
//! A task is a picture: `data.image` is its address at a Label Studio that serves local files, an annotation
//! of type `choices` its label, a prediction with a score what a head suggests.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::config::ExportConfig;
use super::place::{common, encode, is_packed, real, slashes, within};
use super::set::{LabelPicture, LabelSet, Suggested};
use super::table::{source, word};
use super::{fiftyone, made};
use crate::error::{Error, Result};
use crate::study::label::Mark;

/// The name of the control with the classes.
const LABEL: &str = "label";
/// The name of the control for pictures that get no class.
pub(super) const MARK: &str = "mark";
/// The name of the picture.
const IMAGE: &str = "image";

/// Where Label Studio finds the pictures.
pub(super) struct Served {
    /// The folder that it serves from.
    pub root: PathBuf,
    /// The folder that all pictures lie in: the path of its local storage.
    pub storage: PathBuf,
}

/// The folder to serve from: the one that was chosen, or the one above the folder of all pictures.
///
/// # Errors
/// When a picture does not lie below the one that was chosen.
pub(super) fn served(set: &LabelSet, config: &ExportConfig) -> Result<Option<Served>> {
    let places = || set.pictures.iter().map(|picture| &*picture.place).filter(|place| !is_packed(place));
    let Some(storage) = common(places()) else { return Ok(None) };
    let Some(root) = &config.root else {
        let root = storage.parent().unwrap_or(&storage).to_path_buf();
        return Ok(Some(Served { root, storage }));
    };
    let root = real(root);
    let linked = root.canonicalize().unwrap_or_else(|_| root.clone());
    match [root, linked].into_iter().find(|root| storage.starts_with(root)) {
        Some(root) => Ok(Some(Served { root, storage })),
        None => Err(Error::Setting(format!(
            "not all pictures lie in {}, from which Label Studio is to serve them; choose a folder above {}",
            config.root.as_deref().unwrap_or(&storage).display(),
            storage.display()
        ))),
    }
}

/// The tasks as JSON; `data.path` is relative to `folder` for pictures below it.
pub(super) fn tasks(set: &LabelSet, config: &ExportConfig, folder: &Path) -> Result<Vec<u8>> {
    let served = served(set, config)?;
    let task = |(number, picture): (usize, &LabelPicture)| {
        let LabelPicture { place, digest, mark, made, suggestion, .. } = picture;
        let address = match &served {
            Some(served) if !is_packed(place) => {
                let path = real(Path::new(place));
                let path = path.strip_prefix(&served.root).map_or_else(|_| slashes(&path), slashes);
                format!("/data/local-files/?d={}", encode(&path))
            }
            _ => place.clone(),
        };
        let mut data = Map::new();
        let mut put = |key: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                data.insert(key.into(), value.into());
            }
        };
        put(IMAGE, Some(address));
        put("path", Some(within(place, folder)));
        put("digest", digest.map(|digest| digest.to_string()));
        put("source", Some(source(*mark)));
        put("made", made.map(made::text));
        let chosen = match *mark {
            Mark::Blank => None,
            Mark::Class { class, .. } => Some((LABEL, set.class(class))),
            other => Some((MARK, word(other))),
        };
        // Ids of results are unique within a file.
        let annotations = chosen.map(|(control, choice)| {
            json!({ "result": [result(format!("annotation-{}", number + 1), control, choice)] })
        });
        let mut task = json!({ "data": data, "annotations": Vec::from_iter(annotations) });
        if config.suggestions {
            let prediction = suggestion.map(|Suggested { class, confidence }| {
                let id = format!("prediction-{}", number + 1);
                json!({
                    "model_version": "difscope",
                    "score": fiftyone::number(confidence),
                    "result": [result(id, LABEL, set.class(class))],
                })
            });
            task["predictions"] = Vec::from_iter(prediction).into();
        }
        task
    };
    fiftyone::pretty(&set.pictures.iter().enumerate().map(task).collect::<Vec<Value>>())
}

fn result(id: String, control: &str, choice: &str) -> Value {
    json!({
        "id": id, "from_name": control, "to_name": IMAGE, "type": "choices", "value": { "choices": [choice] },
    })
}

/// The labelling configuration: one choice per class in its colour, the first nine with a digit as key, and
/// the marks for pictures that get none.
///
/// # Errors
/// When a class has a character in its name that XML cannot hold.
pub(super) fn interface(set: &LabelSet) -> Result<Vec<u8>> {
    let mut text = String::from("<View>\n");
    text += &format!("  <Image name=\"{IMAGE}\" value=\"${IMAGE}\"/>\n");
    text +=
        &format!("  <Choices name=\"{LABEL}\" toName=\"{IMAGE}\" choice=\"single\" showInline=\"true\">\n");
    for (number, class) in set.classes.iter().enumerate() {
        let [r, g, b] = class.colour;
        let key = if number < 9 { format!(" hotkey=\"{}\"", number + 1) } else { String::new() };
        let name = escape(&class.name)?;
        text += &format!("    <Choice value=\"{name}\" background=\"#{r:02x}{g:02x}{b:02x}\"{key}/>\n");
    }
    text += "  </Choices>\n";
    text +=
        &format!("  <Choices name=\"{MARK}\" toName=\"{IMAGE}\" choice=\"single\" showInline=\"true\">\n");
    text += "    <Choice value=\"unsure\" hotkey=\"u\"/>\n    <Choice value=\"none\" hotkey=\"0\"/>\n";
    text += "  </Choices>\n</View>\n";
    Ok(text.into_bytes())
}

/// `text` as the value of an attribute.
fn escape(text: &str) -> Result<String> {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            // As they are they would become blanks.
            '\t' | '\n' | '\r' => escaped += &format!("&#{};", u32::from(character)),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => {
                return Err(Error::Setting(format!(
                    "the class {text:?} has a character in its name that Label Studio cannot hold; rename it"
                )));
            }
            other => escaped.push(other),
        }
    }
    Ok(escaped)
}
