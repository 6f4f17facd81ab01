//! A data set, labelled or not, read once: what can be split, and the pictures as a network takes them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::data::dataset::{ClassTable, DataSet, Digest, Fingerprint, Item};
use crate::data::duplicates::Duplicates;
use crate::data::picture::{IdxPlace, Origin};
use crate::data::split::{Candidate, How, Part, Placed, Split, candidates};
use crate::error::{Error, Result};
use crate::features::input::prepare;
use crate::grid::Grid;
use crate::train::Example;
use crate::unet::config::UnetConfig;

/// A data set with the fingerprints of its pictures.
#[derive(Clone)]
pub struct Labelled {
    /// The set.
    pub set: DataSet,
    /// One for each item of the set.
    pub prints: Vec<Fingerprint>,
    /// What can be split.
    pub candidates: Vec<Candidate>,
    /// Pictures that look like another one of the set.
    pub near_duplicates: usize,
    item_of: HashMap<(Digest, String), usize>,
}

/// A picture that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Its name in the data set.
    pub name: String,
    /// Why.
    pub why: String,
}

impl Labelled {
    /// Reads every picture of `data` once. `progress` gets pictures read and all, and returns false to
    /// stop.
    ///
    /// # Errors
    /// When the set cannot be used; [`Error::Cancelled`].
    pub fn read(data: &Path, progress: &mut dyn FnMut(usize, usize) -> bool) -> Result<Labelled> {
        let mut set = DataSet::open(data, &|| false)?;
        let prints = set.fingerprints(progress)?;
        Ok(Labelled::of(set, prints))
    }

    fn of(set: DataSet, prints: Vec<Fingerprint>) -> Labelled {
        let duplicates = Duplicates::of(&prints);
        let candidates = candidates(&set, &prints, &duplicates);
        let keys = set.items.iter().zip(&prints).enumerate();
        let item_of = keys.map(|(at, (item, print))| ((print.digest, item.name.clone()), at)).collect();
        let near_duplicates = duplicates.near.iter().map(|group| group.len() - 1).sum();
        Labelled { set, prints, candidates, near_duplicates, item_of }
    }

    /// This set with its classes as `table` has them: some renamed, merged or left out.
    ///
    /// # Errors
    /// As [`DataSet::with`].
    pub fn with(&self, table: &ClassTable) -> Result<Labelled> {
        let set = self.set.with(table)?;
        let takes_part = |item: &Item| item.class.is_none_or(|class| table.resolve(class).is_some());
        let pairs = self.set.items.iter().zip(&self.prints);
        let prints = pairs.filter(|(item, _)| takes_part(item)).map(|(_, print)| *print).collect();
        Ok(Labelled::of(set, prints))
    }

    /// The number of the item that a line of a split means.
    ///
    /// # Errors
    /// When the set has it no more.
    pub fn number(&self, placed: &Placed) -> Result<usize> {
        self.item_of.get(&(placed.digest, placed.name.clone())).copied().ok_or_else(|| {
            Error::data(self.set.name.clone(), format!("has no picture {} any more", placed.name))
        })
    }

    /// The class ids and names of a part of `split`.
    ///
    /// # Errors
    /// When a picture or its class is gone.
    pub fn part<'a>(&'a self, split: &'a Split, part: Part) -> Result<Vec<(&'a Placed, &'a Item, usize)>> {
        split
            .part(part)
            .map(|placed| {
                let item = &self.set.items[self.number(placed)?];
                let class = item.class.ok_or_else(|| {
                    Error::data(self.set.name.clone(), format!("gives {} no class", placed.name))
                })?;
                Ok((placed, item, class))
            })
            .collect()
    }

    /// The split that the table `file` says, else the one made as `how` under `seed`; where neither is
    /// said, that of the data set itself, or 70, 10 and 20 % of each class where it has none.
    ///
    /// # Errors
    /// When the table cannot be read, or the split is impossible.
    pub fn split(&self, how: Option<How>, file: Option<&Path>, seed: u64) -> Result<Split> {
        if let Some(table) = file {
            return Split::read(table, &self.candidates);
        }
        let otherwise = match self.has_parts() {
            true => How::Given,
            false => How::Fractions { train: 0.7, validation: 0.1 },
        };
        Split::make(how.unwrap_or(otherwise), seed, &self.candidates)
    }

    /// Item `item` as a network of `config` takes it.
    ///
    /// # Errors
    /// When it cannot be read any more.
    pub fn input(&self, item: usize, config: &UnetConfig) -> Result<Grid> {
        input_of(&self.set.items[item], config)
    }

    /// Whether the data set itself says which pictures are learned from.
    pub fn has_parts(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.given.is_some())
    }
}

/// The data set read last, kept as long as its files are the same.
#[derive(Default)]
pub struct LabelledCache(Option<(PathBuf, Vec<Stamp>, Arc<Labelled>)>);

/// An item's name, and length and time of its file: others mean that it has to be read again.
#[derive(PartialEq, Eq)]
struct Stamp(String, Option<usize>, Option<(u64, SystemTime)>);

impl LabelledCache {
    /// `data` as it was read before where none of its files has changed, else read anew.
    ///
    /// # Errors
    /// As [`Labelled::read`].
    pub fn read(
        &mut self,
        data: &Path,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Arc<Labelled>> {
        let labelled = self.hold(DataSet::open(data, &|| false)?, data, progress)?;
        labelled.set.check_classes()?;
        Ok(labelled)
    }

    /// The pictures of `data`, with or without classes, likewise.
    ///
    /// # Errors
    /// As [`DataSet::pictures`], and when none can be read; [`Error::Cancelled`].
    pub fn pictures(
        &mut self,
        data: &Path,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Arc<Labelled>> {
        let labelled = self.hold(DataSet::pictures(data, &|| false)?, data, progress)?;
        labelled.set.check_pictures()?;
        Ok(labelled)
    }

    fn hold(
        &mut self,
        mut set: DataSet,
        data: &Path,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Arc<Labelled>> {
        let stamps = stamps(&set);
        if let Some((held, before, labelled)) = &self.0
            && held == data
            && *before == stamps
        {
            return Ok(Arc::clone(labelled));
        }
        let prints = set.read_all(progress)?;
        let labelled = Arc::new(Labelled::of(set, prints));
        self.0 = Some((data.to_path_buf(), stamps, Arc::clone(&labelled)));
        Ok(labelled)
    }
}

fn stamps(set: &DataSet) -> Vec<Stamp> {
    let mut packed: HashMap<PathBuf, Option<(u64, SystemTime)>> = HashMap::new();
    let mut of_file = |path: PathBuf| {
        *packed.entry(path).or_insert_with_key(|path| {
            // A file that is gone has no stamp, and reading it says so.
            let about = std::fs::metadata(path).ok()?;
            Some((about.len(), about.modified().ok()?))
        })
    };
    let stamp = |item: &Item| {
        let file = match item.source.origin() {
            Origin::File(path) | Origin::Idx { set: IdxPlace::File(path), .. } => of_file(path),
            _ => None,
        };
        Stamp(item.name.clone(), item.class, file)
    };
    set.items.iter().map(stamp).collect()
}

/// The picture of `item` as a network of `config` takes it.
///
/// # Errors
/// When it cannot be read.
pub fn input_of(item: &Item, config: &UnetConfig) -> Result<Grid> {
    Ok(prepare(&item.source.open()?, config)?.input)
}

/// Reads `items` as examples; those that cannot be read any more are skipped and listed.
pub fn examples<'a>(
    items: impl IntoIterator<Item = (&'a Item, usize)>,
    config: &UnetConfig,
) -> (Vec<Example>, Vec<Option<Skip>>) {
    let mut examples = Vec::new();
    let mut skipped = Vec::new();
    for (item, label) in items {
        match input_of(item, config) {
            Ok(input) => {
                examples.push(Example { input, label });
                skipped.push(None);
            }
            Err(error) => skipped.push(Some(Skip { name: item.name.clone(), why: error.to_string() })),
        }
    }
    (examples, skipped)
}

/// Checks that each class of `set` still has a picture among `examples`.
///
/// # Errors
/// Names the class whose pictures are all gone.
pub fn taught(examples: &[Example], set: &DataSet) -> Result<()> {
    let gone = (0..set.classes.len()).find(|class| !examples.iter().any(|example| example.label == *class));
    gone.map_or(Ok(()), |class| {
        let why = format!(
            "none of the pictures that class {} is to be learned from can be read any more; bring them back, \
             or leave the class out",
            set.classes[class]
        );
        Err(Error::data(set.name.clone(), why))
    })
}
