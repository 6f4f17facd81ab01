//! COCO's JSON for classification: images, categories, and an annotation with a category per label, without
//! a box. What a head suggests is a file of results of its own, as COCO has them.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::fiftyone::{number, pretty};
use super::made;
use super::place::within;
use super::set::{LabelPicture, LabelSet};
use super::table::word;
use crate::error::Result;
use crate::study::label::Mark;

/// The annotations; names of files are relative to `folder` for pictures below it. Ids count from 1.
pub(super) fn annotations(set: &LabelSet, folder: &Path) -> Result<Vec<u8>> {
    let images = set.pictures.iter().enumerate().map(|(number, picture)| {
        let LabelPicture { place, digest, mark, made, size, .. } = picture;
        let mut image = Map::new();
        image.insert("id".into(), (number + 1).into());
        image.insert("file_name".into(), within(place, folder).into());
        if let Some([width, height]) = size {
            image.insert("width".into(), (*width).into());
            image.insert("height".into(), (*height).into());
        }
        if let Some(digest) = digest {
            image.insert("digest".into(), digest.to_string().into());
        }
        if !word(*mark).is_empty() {
            image.insert("mark".into(), word(*mark).into());
            if let Some(made) = made {
                image.insert("made".into(), made::text(*made).into());
            }
        }
        Value::from(image)
    });
    let labelled = set.pictures.iter().enumerate().filter_map(|(image, picture)| match picture.mark {
        Mark::Class { class, source } => Some((image, class, source, picture.made)),
        _ => None,
    });
    let annotations = labelled.zip(1..).map(|((image, class, source, made), id)| {
        let mut annotation =
            json!({ "id": id, "image_id": image + 1, "category_id": class + 1, "source": source });
        if let Some(made) = made {
            annotation["made"] = made::text(made).into();
        }
        annotation
    });
    let categories = set.classes.iter().zip(1..).map(|(class, id)| json!({ "id": id, "name": class.name }));
    pretty(&json!({
        "info": { "description": "labels of pictures, one category each" },
        "images": images.collect::<Vec<_>>(),
        "annotations": annotations.collect::<Vec<_>>(),
        "categories": categories.collect::<Vec<_>>(),
    }))
}

/// What a head suggests, as COCO's results; with ids, which pycocotools gives to results with boxes only.
pub(super) fn results(set: &LabelSet) -> Result<Vec<u8>> {
    let suggested =
        set.pictures.iter().zip(1..).filter_map(|(picture, image)| Some((image, picture.suggestion?)));
    let results = suggested.zip(1..).map(|((image, said), id): ((i64, _), i64)| {
        json!({ "id": id, "image_id": image, "category_id": said.class + 1, "score": number(said.confidence) })
    });
    pretty(&results.collect::<Vec<_>>())
}
