//! [`Split`]: which pictures are learned from, which decide between settings, and which are tested on.
//!
//! A split follows from the pictures' content, the classes and a seed: never from the order of files.
//! Pictures that look the same (one group) never stand on two sides.

mod draw;
mod folds;
mod foresee;
mod fractions;
mod shots;
mod table;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use draw::Chance;
pub use folds::{Folds, cv_folds};
pub use foresee::foreseen;

use super::dataset::{DataSet, Digest, Fingerprint};
use super::duplicates::Duplicates;
use crate::error::{Error, Result};

/// A side of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Learned from.
    Train,
    /// Decides between settings.
    Validation,
    /// Tested on, and nothing else.
    Test,
}

impl Part {
    /// All parts.
    pub const ALL: [Part; 3] = [Part::Train, Part::Validation, Part::Test];
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Train => "train",
            Part::Validation => "validation",
            Part::Test => "test",
        })
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Part, String> {
        match text.to_ascii_lowercase().as_str() {
            "train" | "training" => Ok(Part::Train),
            "validation" | "valid" | "val" => Ok(Part::Validation),
            "test" | "testing" => Ok(Part::Test),
            _ => Err(format!("{text:?} is no part; use train, validation or test")),
        }
    }
}

/// How a split is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// So many pictures of each class. For one seed the pictures tested on are the same for every
    /// `train` (as long as there are enough), and those learned from are among those of a larger one.
    Shots {
        /// Learned from.
        train: usize,
        /// Decide between settings.
        validation: usize,
        /// Tested on; all that remain where none is said.
        test: Option<usize>,
    },
    /// These shares of each class; the rest is tested on.
    Fractions {
        /// Learned from, above 0 and at most 1.
        train: f64,
        /// Decide between settings.
        validation: f64,
    },
    /// As the data set or a table says.
    Given,
}

/// A picture that can be put into a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Names its content.
    pub digest: Digest,
    /// Its name in the data set.
    pub name: String,
    /// The name of its class.
    pub class: String,
    /// Equal for pictures that look the same.
    pub group: usize,
    /// The part that the data set puts it in.
    pub given: Option<Part>,
}

/// The labelled pictures of `set`, whose items have `prints`.
pub fn candidates(set: &DataSet, prints: &[Fingerprint], duplicates: &Duplicates) -> Vec<Candidate> {
    let items = set.items.iter().zip(prints).zip(&duplicates.group_of);
    let labelled = items.filter_map(|((item, print), &group)| {
        Some(Candidate {
            digest: print.digest,
            name: item.name.clone(),
            class: set.classes.get(item.class?)?.clone(),
            group,
            given: item.given,
        })
    });
    labelled.collect()
}

/// A picture with its part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Placed {
    /// The name of its class.
    pub class: String,
    /// Names its content: where it is found again after files were moved.
    pub digest: Digest,
    /// Its name in the data set.
    pub name: String,
    /// Where it stands.
    pub part: Part,
}

/// Pictures with their parts. Plain data: what is in no part is not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// How it was made.
    pub how: How,
    /// The seed it was drawn with.
    pub seed: u64,
    /// The pictures, ordered by class, digest and name.
    pub items: Vec<Placed>,
    /// What should be known about it, in sentences.
    pub notes: Vec<String>,
}

impl Split {
    /// Splits `candidates`.
    ///
    /// # Errors
    /// When a setting is impossible, there are fewer than two classes, or a class has too few pictures
    /// to be learned from and tested on (with the name of the class).
    pub fn make(how: How, seed: u64, candidates: &[Candidate]) -> Result<Split> {
        let pool = draw::Pool::of(candidates)?;
        let mut notes = Vec::new();
        let parts: Vec<Option<Part>> = match how {
            How::Shots { train, validation, test } => {
                shots::parts(&pool, seed, shots::Wanted { train, validation, test }, &mut notes)?
            }
            How::Fractions { train, validation } => {
                fractions::parts(&pool, seed, [train, validation], &mut notes)?
            }
            How::Given => candidates.iter().map(|candidate| candidate.given).collect(),
        };
        notes.extend(divided(candidates, &parts));
        let split = Split::placed(how, seed, candidates, &parts, notes);
        if how == How::Given && split.items.is_empty() {
            let text = "the data set itself has no parts; split it by --shots or --fraction, or give a table";
            return Err(Error::Setting(text.into()));
        }
        split.check()?;
        Ok(split)
    }

    fn placed(
        how: How,
        seed: u64,
        candidates: &[Candidate],
        parts: &[Option<Part>],
        notes: Vec<String>,
    ) -> Split {
        let placed = candidates.iter().zip(parts).filter_map(|(candidate, part)| {
            Some(Placed {
                class: candidate.class.clone(),
                digest: candidate.digest,
                name: candidate.name.clone(),
                part: (*part)?,
            })
        });
        let mut items: Vec<Placed> = placed.collect();
        items.sort();
        Split { how, seed, items, notes }
    }

    /// Refuses a split that nothing can be measured with: a class that is only validated or tested, or
    /// fewer than two classes to learn.
    ///
    /// # Errors
    /// Names the class.
    pub fn check(&self) -> Result<()> {
        let learned: HashSet<&str> = self.part(Part::Train).map(|item| item.class.as_str()).collect();
        if let Some(item) = self.items.iter().find(|item| !learned.contains(item.class.as_str())) {
            let text = format!(
                "the class {} is only in {}: there is nothing to learn it from; put some of its pictures \
                 into train",
                item.class, item.part
            );
            return Err(Error::Setting(text));
        }
        match learned.len() {
            0 => Err(Error::Setting("the split has no picture to learn from".into())),
            1 => Err(Error::Setting("the split has one class only; there is nothing to tell apart".into())),
            _ => Ok(()),
        }
    }

    /// The pictures of a part.
    pub fn part(&self, part: Part) -> impl Iterator<Item = &Placed> {
        self.items.iter().filter(move |item| item.part == part)
    }

    /// How many pictures of each class are in train, validation and test.
    pub fn counts(&self) -> BTreeMap<&str, [usize; 3]> {
        let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for item in &self.items {
            counts.entry(&item.class).or_default()[item.part as usize] += 1;
        }
        counts
    }

    /// The part of each picture given as (digest, name): where name and content fit, else where the
    /// content does, so that moved and renamed files keep their part. `None` for pictures not used.
    pub fn assign<'a>(&self, pictures: impl IntoIterator<Item = (Digest, &'a str)>) -> Vec<Option<Part>> {
        let exact: HashMap<(Digest, &str), Part> =
            self.items.iter().map(|item| ((item.digest, item.name.as_str()), item.part)).collect();
        let content: HashMap<Digest, Part> = self.items.iter().map(|item| (item.digest, item.part)).collect();
        let part = |(digest, name)| exact.get(&(digest, name)).or_else(|| content.get(&digest)).copied();
        pictures.into_iter().map(part).collect()
    }
}

/// What should be known about a split that was not drawn here: what looks the same on two sides.
fn divided(candidates: &[Candidate], parts: &[Option<Part>]) -> Option<String> {
    let mut first_of: HashMap<usize, (Part, &str)> = HashMap::new();
    let mut groups = HashSet::new();
    let mut example = None;
    for (candidate, part) in candidates.iter().zip(parts) {
        let Some(part) = *part else { continue };
        let &mut (first, name) = first_of.entry(candidate.group).or_insert((part, &candidate.name));
        if first != part {
            groups.insert(candidate.group);
            example.get_or_insert_with(|| format!("{name} ({first}) and {} ({part})", candidate.name));
        }
    }
    let example = example?;
    let times = if groups.len() == 1 { "once".into() } else { format!("{} times", groups.len()) };
    Some(format!(
        "the same or nearly the same picture stands in several parts {times}, as {example}: what is measured \
         on these says too much"
    ))
}

/// `count` pictures, in words.
fn pictures(count: usize) -> String {
    if count == 1 { "1 picture".into() } else { format!("{count} pictures") }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
