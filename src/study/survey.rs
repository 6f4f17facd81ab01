//! What a data set holds, and how it is split, before anything is trained on it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::labelled::{Labelled, LabelledCache};
use crate::data::dataset::{ClassTable, Digest};
use crate::data::scan::Skipped;
use crate::data::split::{How, Part, Split};
use crate::data::{Source, dataset};
use crate::error::{Error, Result};

/// A data set, its classes as the user wants them, and its split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SurveyConfig {
    /// A folder, a file or a bundled set, as for `difscope data`.
    pub data: PathBuf,
    /// The classes, where they were changed.
    pub classes: Option<ClassTable>,
    /// How it is split; as the data set says, or by default, where none is given.
    pub split: Option<How>,
    /// A table with the split instead.
    pub split_file: Option<PathBuf>,
    /// Seed of the split.
    pub seed: u64,
}

/// A picture of the set.
#[derive(Clone, Debug)]
pub struct SurveyItem {
    /// Opens it.
    pub source: Source,
    /// Its name in the data set.
    pub name: String,
    /// Names its content.
    pub digest: Digest,
    /// Where it is, wherever the program is called from.
    pub place: String,
    /// The number of its class among [`Survey::classes`], if it has one.
    pub class: Option<usize>,
    /// The part of the split that it is in, if any.
    pub part: Option<Part>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What was asked.
    pub config: SurveyConfig,
    /// What the data set is called.
    pub name: String,
    /// All classes, also those left out or merged.
    pub table: ClassTable,
    /// How many pictures each class of the table has of its own.
    pub table_counts: Vec<usize>,
    /// Names of the classes that take part, in the order of their numbers.
    pub classes: Vec<String>,
    /// Their colours, sRGB.
    pub colours: Vec<[u8; 3]>,
    /// The pictures that take part.
    pub items: Vec<SurveyItem>,
    /// What gave no picture, with the reason.
    pub unreadable: Vec<Skipped>,
    /// Pictures that look like another one of the set; a split keeps them on one side.
    pub near_duplicates: usize,
    /// Whether the data set has a split of its own.
    pub has_parts: bool,
    /// How the pictures are split, or why they cannot be: also where they have no classes.
    pub split: Result<Split, Arc<Error>>,
}

impl Survey {
    /// Reads the data set, unless `cache` holds it, and splits it. `progress` gets pictures read and
    /// all, and returns false to stop.
    ///
    /// # Errors
    /// When no picture can be read, or the class table cannot be used; [`Error::Cancelled`].
    pub fn make(
        config: SurveyConfig,
        cache: &Mutex<LabelledCache>,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Survey> {
        // What a panic left behind is either an older data set or none.
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = cache.pictures(&config.data, progress)?;
        drop(cache);
        let fits = |table: &&ClassTable| {
            let names = table.entries().len();
            names == whole.set.classes.len()
        };
        let table = config.classes.as_ref().filter(fits).cloned();
        let table = table.unwrap_or_else(|| whole.set.class_table());
        let (labelled, split) = match whole.set.check_classes() {
            Ok(()) => {
                let labelled = Arc::new(whole.with(&table)?);
                let split = labelled.split(config.split, config.split_file.as_deref(), config.seed);
                (labelled, split)
            }
            Err(error) => (Arc::clone(&whole), Err(error)),
        };
        Ok(Survey {
            name: whole.set.name.clone(),
            table_counts: whole.set.counts(),
            classes: labelled.set.classes.clone(),
            colours: table.active().map(|entry| entry.colour).collect(),
            items: items(&labelled, split.as_ref().ok()),
            unreadable: labelled.set.unreadable.clone(),
            near_duplicates: labelled.near_duplicates,
            has_parts: labelled.has_parts(),
            split: split.map_err(Arc::new),
            table,
            config,
        })
    }

    /// Pictures of each class in train, validation and test, in the order of the classes.
    pub fn counts(&self) -> Vec<[usize; 3]> {
        let mut counts = vec![[0; 3]; self.classes.len()];
        for item in &self.items {
            if let (Some(class), Some(part)) = (item.class, item.part) {
                counts[class][part as usize] += 1;
            }
        }
        counts
    }
}

fn items(labelled: &Labelled, split: Option<&Split>) -> Vec<SurveyItem> {
    let named = labelled.set.items.iter().zip(&labelled.prints);
    let parts = split
        .map(|split| split.assign(named.clone().map(|(item, print)| (print.digest, item.name.as_str()))));
    let item = |(at, (item, print)): (usize, (&dataset::Item, &dataset::Fingerprint))| SurveyItem {
        source: item.source.clone(),
        name: item.name.clone(),
        digest: print.digest,
        place: item.place(),
        class: item.class,
        part: parts.as_ref().and_then(|parts| parts[at]),
    };
    named.enumerate().map(item).collect()
}
