//! [`DataSet`]: pictures with their classes, from a folder of folders, IDX or CIFAR files, a table, or
//! what the program brings along.

mod classes;
mod digest;
mod folder;
mod packed;
mod read;
mod rows;

use std::path::Path;

pub use classes::{ClassEntry, ClassTable};
pub use digest::Digest;
pub use read::Fingerprint;

use super::decode::unreadable;
use super::library::Source;
use super::picture::{IdxPlace, Origin};
use super::scan::Skipped;
use super::split::Part;
use super::{cifar, idx};
use crate::error::{Error, Result};

/// Pictures with their classes. Listed, not decoded: [`DataSet::fingerprints`] reads them.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// What was opened, as it was given.
    pub name: String,
    /// The pictures, in the order of the files.
    pub items: Vec<Item>,
    /// Names of the classes by id. In folders and tables sorted by their bytes (as ImageFolder of
    /// torchvision does), in IDX and CIFAR files by number; ids follow from the whole set, never from
    /// a part of it.
    pub classes: Vec<String>,
    /// What gave no picture, with the reason.
    pub unreadable: Vec<Skipped>,
}

/// A picture of a data set.
#[derive(Clone, Debug)]
pub struct Item {
    /// Opens the picture.
    pub source: Source,
    /// What it is called in tables: its path within the data set with `/` (`cat/a.png`), its path as
    /// the table has it, or the file and the number (`train-images-idx3-ubyte#12`). No two are equal.
    pub name: String,
    /// The id of its class, if it has one.
    pub class: Option<usize>,
    /// The part that the data set itself puts it in.
    pub given: Option<Part>,
}

impl Item {
    /// Where it is, wherever the program is called from: an absolute path, with the number in a file of
    /// many, or as a command line names what comes with the program.
    pub fn place(&self) -> String {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        match self.source.origin() {
            Origin::File(path) => absolute(&path).display().to_string(),
            Origin::Idx { set: IdxPlace::File(path), index, .. } => {
                format!("{}#{index}", absolute(&path).display())
            }
            _ => self.source.argument().unwrap_or_else(|| self.name.clone()),
        }
    }
}

/// Whether classes have to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labels {
    Needed,
    Optional,
}

/// An item whose class is not yet numbered.
struct Found {
    source: Source,
    name: String,
    class: Option<String>,
    given: Option<Part>,
}

impl DataSet {
    /// Opens `data`: a folder with one folder per class (pictures beside these have no class); a
    /// folder with IDX files or CIFAR batches, or one such file; a table (`.csv`) with the columns
    /// `path` (relative to it), `label` (may be empty) and optionally `part`; or `bundled:fashion`
    /// (both parts), `bundled:fashion/train`, `bundled:fashion/test`. No picture is decoded; what
    /// can be seen to be none is in `unreadable`.
    ///
    /// # Errors
    /// When it is nothing of these, has fewer than two classes or a class without pictures (both with
    /// the name), or has fewer labels than pictures; [`Error::Cancelled`] as soon as `cancel` says so.
    pub fn open(data: &Path, cancel: &dyn Fn() -> bool) -> Result<DataSet> {
        let set = Self::list(data, Labels::Needed, cancel)?;
        set.check_classes()?;
        Ok(set)
    }

    /// Opens `data` for its pictures alone: everything that [`DataSet::open`] takes, whatever its classes,
    /// and also a folder of pictures without folders, a table without `label`, or IDX pictures without
    /// their labels.
    ///
    /// # Errors
    /// When it is nothing of these or has no picture; [`Error::Cancelled`].
    pub fn pictures(data: &Path, cancel: &dyn Fn() -> bool) -> Result<DataSet> {
        let set = Self::list(data, Labels::Optional, cancel)?;
        set.check_pictures()?;
        Ok(set)
    }

    fn list(data: &Path, labels: Labels, cancel: &dyn Fn() -> bool) -> Result<DataSet> {
        if let Some(name) = data.to_str().and_then(|text| text.strip_prefix("bundled:")) {
            return packed::bundled(name);
        }
        let about = std::fs::metadata(data).map_err(unreadable(data))?;
        if about.is_dir() {
            return folder::open(data, labels, cancel);
        }
        let ending = data.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        if matches!(ending.as_deref(), Some("csv" | "tsv")) {
            return rows::open(data, labels, cancel);
        }
        if idx::peek(data)?.is_some() || cifar::peek(data)?.is_some() {
            return packed::open(data, &[data.to_path_buf()], labels);
        }
        let why = "not a data set: give a folder with one folder per class, an IDX images file, a CIFAR \
                   batch (.bin), a table (.csv) with path and label, or bundled:fashion";
        Err(Error::data(data.display().to_string(), why))
    }

    /// Numbers the classes of `found` in the order of their names.
    fn sorted(name: String, found: Vec<Found>, mut classes: Vec<String>, unreadable: Vec<Skipped>) -> Self {
        classes.sort();
        classes.dedup();
        let items = found
            .into_iter()
            .map(|found| Item {
                class: found.class.and_then(|class| classes.binary_search(&class).ok()),
                source: found.source,
                name: found.name,
                given: found.given,
            })
            .collect();
        DataSet { name, items, classes, unreadable }
    }

    /// How many pictures each class has.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for class in self.items.iter().filter_map(|item| item.class) {
            counts[class] += 1;
        }
        counts
    }

    /// How many pictures have no class.
    pub fn unlabelled(&self) -> usize {
        self.items.iter().filter(|item| item.class.is_none()).count()
    }

    /// The class names as a table that can be edited.
    pub fn class_table(&self) -> ClassTable {
        ClassTable::of(&self.classes)
    }

    /// This set as `table` has it: pictures of classes left out are gone, merged classes are one.
    /// Class ids are places among the classes that remain, in the order of the table.
    ///
    /// # Errors
    /// When `table` belongs to other classes, or fewer than two remain.
    pub fn with(&self, table: &ClassTable) -> Result<DataSet> {
        if table.entries().len() != self.classes.len() {
            let why = format!(
                "has {} classes, and the class table {}; open the data set that the table belongs to",
                self.classes.len(),
                table.entries().len()
            );
            return Err(Error::data(self.name.clone(), why));
        }
        let remaining: Vec<&ClassEntry> = table.active().collect();
        let place = |class: usize| {
            let id = table.resolve(class)?;
            remaining.iter().position(|entry| entry.id == id)
        };
        let places: Vec<Option<usize>> = (0..self.classes.len()).map(place).collect();
        let items = self.items.iter().filter_map(|item| {
            let class = match item.class {
                Some(class) => Some(places[class]?),
                None => None,
            };
            Some(Item { class, ..item.clone() })
        });
        let set = DataSet {
            name: self.name.clone(),
            items: items.collect(),
            classes: remaining.iter().map(|entry| entry.name.clone()).collect(),
            unreadable: self.unreadable.clone(),
        };
        set.check_classes()?;
        Ok(set)
    }

    /// Refuses a set without a picture.
    ///
    /// # Errors
    /// With what was there instead.
    pub fn check_pictures(&self) -> Result<()> {
        if !self.items.is_empty() {
            return Ok(());
        }
        let first = self.unreadable.first().map_or_else(String::new, |skipped| {
            format!("; the first file that is none is {}: {}", skipped.path.display(), skipped.why)
        });
        Err(Error::data(self.name.clone(), format!("no picture in it can be read{first}")))
    }

    /// Refuses a set that nothing can be learned from.
    ///
    /// # Errors
    /// With fewer than two classes, or a class without pictures, named.
    pub fn check_classes(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::data(self.name.clone(), why));
        if let Some(empty) = self.counts().iter().position(|&count| count == 0) {
            let of_class = |skipped: &&Skipped| {
                skipped.path.components().any(|part| part.as_os_str() == self.classes[empty].as_str())
            };
            let first = self.unreadable.iter().find(of_class).or(self.unreadable.first());
            let reason = first.map_or_else(String::new, |skipped| {
                format!(" ({}: {})", skipped.path.display(), skipped.why)
            });
            return refuse(format!(
                "the class {} has no picture that can be read{reason}; add pictures or remove the class",
                self.classes[empty]
            ));
        }
        match self.classes.as_slice() {
            [] => refuse("no picture in it has a class; a data set has one folder per class".into()),
            [one] => refuse(format!(
                "all pictures are of one class, {one}; there is nothing to tell apart, add another class"
            )),
            _ => Ok(()),
        }
    }
}

/// What a picture is called within the data set at `root`, where its place is within it.
fn name_within(root: &Path, source: &Source) -> String {
    let Some(argument) = source.argument() else { return source.name() };
    let inside = Path::new(&argument).strip_prefix(root).map(Path::to_path_buf);
    let parts = |path: &Path| {
        path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
    };
    inside.map_or(argument.clone(), |path| parts(&path))
}

/// The part that a file name speaks of.
fn part_of_name(file: &str) -> Option<Part> {
    let file = file.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| file.contains(word));
    if has(&["t10k", "test"]) {
        Some(Part::Test)
    } else if has(&["train", "data_batch"]) {
        Some(Part::Train)
    } else if has(&["valid", "val-", "val_"]) {
        Some(Part::Validation)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
