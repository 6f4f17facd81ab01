//! Labels from JSON: tasks of Label Studio, and COCO's images with categories.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::find::{Imported, Known, Row, Said, Unused, find};
use super::{label_studio, made, place};
use crate::error::{Error, Result};
use crate::project::LabelSource;

/// Labels of the JSON `text`, called `name`, that stands in `folder`: a list of tasks as Label Studio exports
/// it (JSON, not JSON-MIN), or an object as COCO has it. Predictions are never read. Pictures are found as
/// in [`import_csv`](super::import_csv); labels count as brought in bulk, but for files that were written here
/// and not changed since.
///
/// # Errors
/// When it is neither. Tasks and images that cannot be used stand in [`Imported::unused`].
pub fn import_json(
    text: &str,
    name: &str,
    folder: &Path,
    pictures: &[Known<'_>],
    classes: &[String],
) -> Result<Imported> {
    let (rows, unused) = match text.trim_start().as_bytes().first() {
        Some(b'[') => tasks(parse(text, name, "a list of tasks of Label Studio")?),
        Some(b'{') => images(parse(text, name, "COCO's images, annotations and categories")?),
        _ => {
            let why = "neither tasks of Label Studio (a list) nor COCO's annotations (an object)";
            return Err(Error::data(name, why));
        }
    };
    find(rows, unused, name, folder, pictures, classes)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, name: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::data(name, format!("not {what} ({error})")))
}

#[derive(Deserialize)]
struct Task {
    data: Map<String, Value>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    result: Vec<Region>,
    #[serde(default)]
    was_cancelled: bool,
    /// Label Studio gives one to all that it stores.
    id: Option<Value>,
    updated_at: Option<String>,
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Region {
    #[serde(default)]
    from_name: String,
    #[serde(default)]
    value: Map<String, Value>,
}

impl Region {
    fn choices(&self) -> Vec<&str> {
        let choices = self.value.get("choices").and_then(Value::as_array);
        choices.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn tasks(tasks: Vec<Task>) -> (Vec<Row>, Vec<Unused>) {
    let (mut rows, mut unused) = (Vec::new(), Vec::new());
    for (task, line) in tasks.into_iter().zip(1..) {
        let text = |key: &str| task.data.get(key).and_then(Value::as_str);
        let any = task.data.values().find_map(Value::as_str);
        let image = text("image").or_else(|| text("img")).or_else(|| text("url")).or(any);
        let shown = text("path").or(image).unwrap_or_default().to_owned();
        let mut paths: Vec<String> = text("path").into_iter().map(str::to_owned).collect();
        paths.extend(image.map(paths_of_address).unwrap_or_default());
        match said(&task) {
            Ok((said, made)) => {
                let digest = text("digest").and_then(|text| text.parse().ok());
                rows.push(Row { line, shown, paths, digest, said, made });
            }
            Err(why) => unused.push(Unused { line, path: shown, why }),
        }
    }
    (rows, unused)
}

/// What a task says, and when.
fn said(task: &Task) -> Result<(Said, Option<i64>), String> {
    let text = |key: &str| task.data.get(key).and_then(Value::as_str);
    let (mut found, mut made): (Option<Said>, Option<i64>) = (None, None);
    for annotation in task.annotations.iter().filter(|annotation| !annotation.was_cancelled) {
        // Where it came from stands beside the picture, and holds for what was written with it only.
        let own = annotation.id.is_none();
        let source = text("source").filter(|_| own).and_then(|word| word.parse().ok());
        for region in &annotation.result {
            let choices = region.choices();
            let says = match (region.from_name.as_str(), choices.as_slice()) {
                (_, []) => continue,
                (label_studio::MARK, ["unsure"]) => Said::Unsure,
                (label_studio::MARK, ["none"]) => Said::Outside,
                (_, [one]) => Said::Class((*one).to_owned(), source.unwrap_or(LabelSource::Bulk)),
                (_, many) => return Err(format!("more than one class ({}); choose one", many.join(", "))),
            };
            if found.as_ref().is_some_and(|found| *found != says) {
                return Err("its annotations say different things; keep one".into());
            }
            found = Some(says);
            let when = if own { text("made") } else { None };
            let when = when.or(annotation.updated_at.as_deref()).or(annotation.created_at.as_deref());
            made = made.or(when.and_then(made::parse));
        }
    }
    Ok((found.unwrap_or_default(), made))
}

/// Paths that an address of Label Studio may mean.
fn paths_of_address(address: &str) -> Vec<String> {
    if let Some((_, path)) = address.split_once("/data/local-files/?d=") {
        return vec![place::decode(path)];
    }
    let is_address = address.contains("://") || address.starts_with("/data/upload/");
    if !is_address {
        return vec![address.to_owned()];
    }
    let path = address.split(['?', '#']).next().unwrap_or(address);
    let file = place::decode(path.rsplit('/').next().unwrap_or(path));
    // What is uploaded gets eight digits in front.
    let bare = file.split_once('-').filter(|(front, bare)| {
        front.len() == 8 && front.bytes().all(|byte| byte.is_ascii_hexdigit()) && !bare.is_empty()
    });
    let bare = bare.map(|(_, bare)| bare.to_owned());
    [Some(file), bare].into_iter().flatten().collect()
}

#[derive(Deserialize)]
struct Coco {
    images: Vec<CocoImage>,
    annotations: Vec<CocoAnnotation>,
    categories: Vec<CocoCategory>,
}

#[derive(Deserialize)]
struct CocoImage {
    id: Value,
    file_name: String,
    digest: Option<String>,
    mark: Option<String>,
    made: Option<String>,
}

#[derive(Deserialize)]
struct CocoAnnotation {
    image_id: Value,
    category_id: Value,
    source: Option<LabelSource>,
    made: Option<String>,
}

#[derive(Deserialize)]
struct CocoCategory {
    id: Value,
    name: String,
}

fn images(coco: Coco) -> (Vec<Row>, Vec<Unused>) {
    let names: HashMap<String, String> =
        coco.categories.into_iter().map(|category| (category.id.to_string(), category.name)).collect();
    let mut annotations: HashMap<String, Vec<CocoAnnotation>> = HashMap::new();
    for annotation in coco.annotations {
        annotations.entry(annotation.image_id.to_string()).or_default().push(annotation);
    }
    let (mut rows, mut unused) = (Vec::new(), Vec::new());
    for (image, line) in coco.images.into_iter().zip(1..) {
        let CocoImage { id, file_name, digest, mark, made } = image;
        let read = || -> Result<Row, String> {
            let own = annotations.get(&id.to_string()).map_or(&[][..], Vec::as_slice);
            let mut said = match mark.as_deref() {
                Some("unsure") => Said::Unsure,
                Some("none") => Said::Outside,
                _ => Said::Nothing,
            };
            for annotation in own {
                let name = names.get(&annotation.category_id.to_string());
                let name =
                    name.ok_or_else(|| format!("its category {} is not listed", annotation.category_id))?;
                let source = annotation.source.unwrap_or(LabelSource::Bulk);
                let says = Said::Class(name.clone(), source);
                if said != Said::Nothing && said != says {
                    return Err("its annotations are of several categories; a picture has one label".into());
                }
                said = says;
            }
            let moments = own.iter().map(|annotation| &annotation.made).chain([&made]);
            let made = moments.flatten().find_map(|moment| made::parse(moment));
            let digest = digest.as_deref().and_then(|text| text.parse().ok());
            Ok(Row { line, shown: file_name.clone(), paths: vec![file_name.clone()], digest, said, made })
        };
        match read() {
            Ok(row) => rows.push(row),
            Err(why) => unused.push(Unused { line, path: file_name, why }),
        }
    }
    (rows, unused)
}
