//! A labelled data set, read once: what can be split, and the pictures as a network takes them.

use std::collections::HashMap;
use std::path::Path;

use crate::data::dataset::{DataSet, Digest, Item};
use crate::data::duplicates::Duplicates;
use crate::data::split::{Candidate, Part, Placed, Split, candidates};
use crate::error::{Error, Result};
use crate::features::input::prepare;
use crate::grid::Grid;
use crate::train::Example;
use crate::unet::config::UnetConfig;

/// A data set with the fingerprints of its pictures.
pub struct Labelled {
    /// The set.
    pub set: DataSet,
    /// What can be split.
    pub candidates: Vec<Candidate>,
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
        let candidates = candidates(&set, &prints, &Duplicates::of(&prints));
        let keys = set.items.iter().zip(&prints).enumerate();
        let item_of = keys.map(|(at, (item, print))| ((print.digest, item.name.clone()), at)).collect();
        Ok(Labelled { set, candidates, item_of })
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
