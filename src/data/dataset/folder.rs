//! A folder as a data set: one folder per class, or IDX files and CIFAR batches.

use std::fs;
use std::path::{Path, PathBuf};

use super::{DataSet, Found, Labels, name_within, packed};
use crate::data::decode::{file_name, unreadable};
use crate::data::idx::{self, Header};
use crate::data::natural::natural_cmp;
use crate::data::scan::{Skipped, scan};
use crate::data::{cifar, library::Source};
use crate::error::{Error, Result};

/// The data set in the folder `data`.
///
/// # Errors
/// As [`DataSet::open`].
pub(super) fn open(data: &Path, labels: Labels, cancel: &dyn Fn() -> bool) -> Result<DataSet> {
    let (files, folders) = entries(data)?;
    if folders.is_empty() {
        let mut sets = Vec::new();
        for file in &files {
            if is_packed(file)? {
                sets.push(file.clone());
            }
        }
        if !sets.is_empty() {
            return packed::open(data, &sets, labels);
        }
        if labels == Labels::Needed || files.is_empty() {
            let why = "no folders in it; a data set has one folder per class with its pictures";
            return Err(Error::data(data.display().to_string(), why));
        }
    }
    let mut found = Vec::new();
    let mut classes = Vec::new();
    let mut skipped = Vec::new();
    for folder in folders {
        let class = file_name(&folder);
        let (sources, more) = list(vec![folder], cancel)?;
        skipped.extend(more);
        found.extend(sources.into_iter().map(|source| Found {
            name: name_within(data, &source),
            class: Some(class.clone()),
            given: None,
            source,
        }));
        classes.push(class);
    }
    let (loose, more) = list(files, cancel)?;
    skipped.extend(more);
    found.extend(loose.into_iter().map(|source| Found {
        name: name_within(data, &source),
        class: None,
        given: None,
        source,
    }));
    Ok(DataSet::sorted(data.display().to_string(), found, classes, skipped))
}

fn is_packed(file: &Path) -> Result<bool> {
    Ok(matches!(idx::peek(file)?, Some(Header::Images { .. })) || cifar::peek(file)?.is_some())
}

/// The pictures in `paths`, and what gave none.
pub(super) fn list(paths: Vec<PathBuf>, cancel: &dyn Fn() -> bool) -> Result<(Vec<Source>, Vec<Skipped>)> {
    let mut sources = Vec::new();
    let skipped = scan(&paths, cancel, &mut |found| sources.extend(found))?;
    Ok((sources, skipped))
}

/// Files and folders in `folder` that are not hidden, each in natural order.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let listed = fs::read_dir(folder).map_err(unreadable(folder))?;
    let mut paths = Vec::new();
    for entry in listed {
        let path = entry.map_err(unreadable(folder))?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort_by(|a, b| natural_cmp(&file_name(a), &file_name(b)));
    Ok(paths.into_iter().partition(|path| !path.is_dir()))
}
