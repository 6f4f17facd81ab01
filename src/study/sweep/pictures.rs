//! The pictures of a sweep: those learned from, dealt to folds, and those tested on.

use std::collections::HashMap;
use std::sync::Arc;

use super::config::SweepConfig;
use crate::data::split::{Candidate, How, Part, Split, cv_folds};
use crate::error::{Error, Result};
use crate::study::labelled::Labelled;

/// The pictures of a sweep.
pub(in crate::study) struct Pictures {
    /// All of the data set.
    pub labelled: Arc<Labelled>,
    /// Items learned from, for the most shots.
    train: Vec<usize>,
    /// Items tested on.
    test: Vec<usize>,
    /// Classes of those.
    pub test_labels: Vec<usize>,
    /// For each number of shots.
    pub faces: Vec<Face>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

/// The pictures learned from for one number of shots.
pub(in crate::study) struct Face {
    /// How many of each class.
    pub shots: usize,
    /// Places among all that are learned from.
    pub rows: Vec<usize>,
    /// Their classes.
    pub labels: Vec<usize>,
    /// Round after round, the fold of each.
    pub folds: Vec<Vec<usize>>,
}

impl Pictures {
    /// Draws the pictures that `config` asks for.
    ///
    /// # Errors
    /// When there are too few, with the class.
    pub fn draw(labelled: Arc<Labelled>, config: &SweepConfig) -> Result<Pictures> {
        let classes = labelled.set.classes.len();
        let test = config.test.map(|test| test.div_ceil(classes.max(1)));
        let split = |train: usize| {
            Split::make(How::Shots { train, validation: 0, test }, config.seed, &labelled.candidates)
        };
        let mut shots = config.shots.clone();
        shots.sort_unstable();
        shots.dedup();
        let most = split(shots.last().copied().unwrap_or(1))?;
        let of_item: HashMap<(_, &str), &Candidate> =
            labelled.candidates.iter().map(|c| ((c.digest, c.name.as_str()), c)).collect();
        let (mut train, mut labels, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
        for (placed, _, class) in labelled.part(&most, Part::Train)? {
            train.push(labelled.number(placed)?);
            labels.push(class);
            candidates.extend(of_item.get(&(placed.digest, placed.name.as_str())).copied().cloned());
        }
        let place: HashMap<usize, usize> = train.iter().enumerate().map(|(at, &item)| (item, at)).collect();
        let mut notes = most.notes.clone();
        notes.extend(labelled.set.unreadable.iter().map(|s| format!("{}: {}", s.path.display(), s.why)));
        let mut faces = Vec::new();
        for shots in shots {
            let split = split(shots)?;
            let mut rows = Vec::new();
            for placed in split.part(Part::Train) {
                rows.extend(place.get(&labelled.number(placed)?).copied());
            }
            rows.sort_unstable();
            let own: Vec<Candidate> = rows.iter().map(|&row| candidates[row].clone()).collect();
            let labels: Vec<usize> = rows.iter().map(|&row| labels[row]).collect();
            check_folds(&labels, &labelled.set.classes, config.folds)?;
            let folds = (0..config.repeats as u64).map(|round| {
                Ok(cv_folds(config.folds, config.seed.wrapping_add(round << 32), &own)?.fold_of)
            });
            faces.push(Face { shots, folds: folds.collect::<Result<_>>()?, rows, labels });
        }
        let (mut test, mut test_labels) = (Vec::new(), Vec::new());
        for (placed, _, class) in labelled.part(&most, Part::Test)? {
            test.push(labelled.number(placed)?);
            test_labels.push(class);
        }
        Ok(Pictures { train, test, test_labels, faces, notes, labelled })
    }

    /// Items of a part.
    pub fn items(&self, part: Part) -> &[usize] {
        if part == Part::Test { &self.test } else { &self.train }
    }

    /// The face of so many shots.
    ///
    /// # Errors
    /// When there is none.
    pub fn face(&self, shots: usize) -> Result<&Face> {
        let found = self.faces.iter().find(|face| face.shots == shots);
        found.ok_or_else(|| Error::Compute(format!("no pictures for {shots} of each class")))
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.labelled.set.classes
    }

    /// What the data set is called.
    pub fn name(&self) -> &str {
        &self.labelled.set.name
    }

    /// Names which pictures stand where: BLAKE3 of their content, classes and parts.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (part, items) in [(b"train", &self.train), (b"test ", &self.test)] {
            hasher.update(part);
            for &item in items {
                hasher.update(&self.labelled.prints[item].digest.0);
                let class = self.labelled.set.items[item].class.unwrap_or(usize::MAX);
                hasher.update(&(class as u64).to_le_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Refuses a class that cannot be in every fold.
fn check_folds(labels: &[usize], classes: &[String], folds: usize) -> Result<()> {
    for (class, name) in classes.iter().enumerate() {
        let count = labels.iter().filter(|&&label| label == class).count();
        if (1..folds).contains(&count) {
            let pictures = if count == 1 { "picture".to_string() } else { "pictures".to_string() };
            let fewer = if count > 1 { format!("use --folds {count}, ") } else { String::new() };
            return Err(Error::Setting(format!(
                "the class {name} has {count} {pictures} to learn from and there are {folds} folds: {fewer}add \
                 pictures of it, or leave the class out"
            )));
        }
    }
    Ok(())
}
