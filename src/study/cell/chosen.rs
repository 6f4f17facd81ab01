//! Which pictures a cell is looked at with.

use std::sync::Arc;

use super::config::CellConfig;
use crate::data::split::{Chance, Part};
use crate::error::{Error, Result};
use crate::study::labelled::Labelled;
use crate::study::sweep::Pictures;

/// Pictures of a cell.
pub(super) struct Chosen {
    /// The data set.
    pub labelled: Arc<Labelled>,
    /// Items of it.
    pub items: Vec<usize>,
    /// Classes of these; none where pictures have none.
    pub labels: Option<Vec<usize>>,
    /// Round after round, the fold of each.
    pub folds: Vec<Vec<usize>>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

impl Chosen {
    /// The pictures of `labelled` that the cell is looked at with.
    ///
    /// # Errors
    /// When there are too few.
    pub fn of(labelled: Arc<Labelled>, config: &CellConfig) -> Result<Chosen> {
        // One class tells nothing apart.
        let chosen = match labelled.set.classes.len() {
            0 | 1 => unlabelled(labelled, config),
            _ => {
                labelled.set.check_classes()?;
                drawn(labelled, config)?
            }
        };
        if chosen.items.len() < 2 {
            let why = "has one picture that can be read; add pictures";
            return Err(Error::data(chosen.labelled.set.name.clone(), why));
        }
        Ok(chosen)
    }
}

/// The pictures that the cell's sweep learns from.
fn drawn(labelled: Arc<Labelled>, config: &CellConfig) -> Result<Chosen> {
    let pictures = Pictures::draw(labelled, &config.sweep)?;
    let face = pictures.face(config.shots)?;
    let train = pictures.items(Part::Train);
    Ok(Chosen {
        items: face.rows.iter().filter_map(|&row| train.get(row).copied()).collect(),
        labels: Some(face.labels.clone()),
        folds: face.folds.clone(),
        notes: pictures.notes.clone(),
        labelled: pictures.labelled,
    })
}

/// Pictures without classes, in the order of the data set.
fn unlabelled(labelled: Arc<Labelled>, config: &CellConfig) -> Chosen {
    let all = labelled.set.items.len();
    let items = some(all, config.unlabelled, config.sweep.seed, "pictures without classes");
    let unreadable = labelled.set.unreadable.iter();
    let notes = unreadable.map(|s| format!("{}: {}", s.path.display(), s.why)).collect();
    Chosen { labelled, items, labels: None, folds: Vec::new(), notes }
}

/// At most `most` of `all`, drawn by `seed`, ascending.
pub(super) fn some(all: usize, most: usize, seed: u64, purpose: &str) -> Vec<usize> {
    let mut drawn: Vec<usize> = (0..all).collect();
    if most < all {
        Chance::new(seed, purpose).shuffle(&mut drawn);
        drawn.truncate(most);
        drawn.sort_unstable();
    }
    drawn
}
