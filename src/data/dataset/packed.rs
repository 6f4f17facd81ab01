//! Data sets in files of many pictures: IDX pairs, CIFAR batches, and what the program brings along.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DataSet, Item, Labels, name_within, part_of_name};
use crate::data::bundled::{Fashion, fashion};
use crate::data::decode::file_name;
use crate::data::idx::{self, Header};
use crate::data::library::IdxSet;
use crate::data::split::Part;
use crate::error::{Error, Result};

/// The data set called `name` (without `bundled:`).
pub(super) fn bundled(name: &str) -> Result<DataSet> {
    let parts: &[(Fashion, Part)] = match name {
        "fashion" => &[(Fashion::Train, Part::Train), (Fashion::Test, Part::Test)],
        "fashion/train" => &[(Fashion::Train, Part::Train)],
        "fashion/test" => &[(Fashion::Test, Part::Test)],
        _ => {
            let why = "no data set with classes; there are bundled:fashion (both parts), \
                       bundled:fashion/train and bundled:fashion/test";
            return Err(Error::data(format!("bundled:{name}"), why));
        }
    };
    let sets = parts.iter().map(|&(which, part)| Ok((fashion(which)?, Some(part))));
    join(format!("bundled:{name}"), Path::new(""), &sets.collect::<Result<Vec<_>>>()?)
}

/// The IDX files and CIFAR batches `files`, given as `data`.
///
/// # Errors
/// When one has no labels and these are needed, or its labels do not fit.
pub(super) fn open(data: &Path, files: &[PathBuf], labels: Labels) -> Result<DataSet> {
    let root = if data.is_dir() { data } else { data.parent().unwrap_or(Path::new("")) };
    let mut sets = Vec::new();
    for file in files {
        let images = match idx::peek(file)? {
            Some(Header::Labels { .. }) => images_beside(file)?,
            _ => file.clone(),
        };
        let set = Arc::new(IdxSet::open(&images)?);
        if set.labels().is_none() && labels == Labels::Needed {
            let why = "no labels file stands beside the pictures (such as train-labels-idx1-ubyte for \
                       train-images-idx3-ubyte); put it there";
            return Err(Error::data(images.display().to_string(), why));
        }
        let part = if files.len() > 1 { part_of_name(&file_name(&images)) } else { None };
        sets.push((set, part));
    }
    join(data.display().to_string(), root, &sets)
}

/// The images file that a labels file belongs to.
fn images_beside(labels: &Path) -> Result<PathBuf> {
    let name = file_name(labels);
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let images = plain.replace("labels", "images").replace("idx1", "idx3");
    let found = [images.clone(), format!("{images}.gz")].map(|images| labels.with_file_name(images));
    found.into_iter().find(|path| path.is_file() && path != labels).ok_or_else(|| {
        let why = format!("labels without the images file ({images}) that belongs beside them");
        Error::data(labels.display().to_string(), why)
    })
}

/// One data set of several files. A class is a number; its name is that of the first file that has one.
fn join(name: String, root: &Path, sets: &[(Arc<IdxSet>, Option<Part>)]) -> Result<DataSet> {
    let mut names: BTreeMap<u8, String> = BTreeMap::new();
    for (set, _) in sets {
        for &label in set.labels().unwrap_or_default() {
            let own = set.class_names().get(usize::from(label));
            names.entry(label).or_insert_with(|| own.map_or_else(|| label.to_string(), String::clone));
        }
    }
    let ids: BTreeMap<u8, usize> = names.keys().enumerate().map(|(id, &label)| (label, id)).collect();
    let mut items = Vec::new();
    for (set, part) in sets {
        let labels = set.labels();
        items.extend(IdxSet::sources(set).enumerate().map(|(at, source)| Item {
            name: name_within(root, &source),
            class: labels.and_then(|labels| ids.get(labels.get(at)?).copied()),
            given: *part,
            source,
        }));
    }
    Ok(DataSet { name, items, classes: names.into_values().collect(), unreadable: Vec::new() })
}
