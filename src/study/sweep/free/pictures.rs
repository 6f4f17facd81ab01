//! The pictures of a sweep without labels.

use std::collections::HashSet;
use std::sync::Arc;

use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::study::labelled::Labelled;
use crate::study::sweep::config::{PICTURES, SweepConfig};

/// Pictures drawn from a data set, whatever their classes.
pub(super) struct FreePictures {
    /// All of the data set.
    pub labelled: Arc<Labelled>,
    /// Items drawn, ordered by their content, so that names of files change nothing.
    pub items: Vec<usize>,
    /// What should be known, in sentences.
    pub notes: Vec<String>,
}

impl FreePictures {
    /// Draws the pictures that `config` asks for. What is there twice counts once: it would be its own
    /// nearest neighbour.
    ///
    /// # Errors
    /// When there are too few.
    pub fn draw(labelled: Arc<Labelled>, config: &SweepConfig) -> Result<FreePictures> {
        let mut seen = HashSet::new();
        let digest = |at: usize| labelled.prints[at].digest;
        let mut items: Vec<usize> =
            (0..labelled.set.items.len()).filter(|&at| seen.insert(digest(at))).collect();
        let [least, _] = PICTURES;
        if items.len() < least {
            let why = format!(
                "has {} different pictures that can be read; scores without labels need {least} or more",
                items.len()
            );
            return Err(Error::data(labelled.set.name.clone(), why));
        }
        let mut notes = Vec::new();
        let again = labelled.set.items.len() - items.len();
        if again > 0 {
            let verb = if again == 1 { "picture is" } else { "pictures are" };
            notes.push(format!("{again} {verb} there twice or more and counted once."));
        }
        notes.extend(labelled.set.unreadable.iter().map(|s| format!("{}: {}", s.path.display(), s.why)));
        items.sort_by_key(|&at| digest(at));
        Chance::new(config.seed, "pictures of a sweep without labels").shuffle(&mut items);
        items.truncate(config.pictures);
        items.sort_by_key(|&at| digest(at));
        Ok(FreePictures { items, notes, labelled })
    }

    /// Names which pictures stand where: BLAKE3 of their content.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"without labels");
        for &item in &self.items {
            hasher.update(&self.labelled.prints[item].digest.0);
        }
        hasher.finalize().to_hex().to_string()
    }
}
