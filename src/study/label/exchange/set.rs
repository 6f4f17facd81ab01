//! [`LabelSet`]: pictures with their labels, as they go out.

use std::collections::HashSet;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::find::Known;
use super::place::is_packed;
use crate::data::dataset::Digest;
use crate::error::{Error, Result};
use crate::study::label::Mark;

/// A class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelClass {
    /// What it is called.
    pub name: String,
    /// Its colour, sRGB.
    pub colour: [u8; 3],
}

/// What a head says of a picture: never its label.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggested {
    /// The number of the class.
    pub class: usize,
    /// Its probability.
    pub confidence: f32,
}

/// A picture with its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelPicture {
    /// Where it is: an absolute path, with `#` and the number in a file of many, or `bundled:NAME`.
    pub place: String,
    /// Names its content, where it is known.
    pub digest: Option<Digest>,
    /// What it is marked as.
    pub mark: Mark,
    /// When it was marked, in milliseconds since 1970.
    pub made: Option<i64>,
    /// What a head says of it.
    pub suggestion: Option<Suggested>,
    /// Columns and rows of the file, where they are known: only COCO's JSON has them.
    pub size: Option<[u32; 2]>,
}

/// Pictures and classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelSet {
    /// The classes, by number.
    pub classes: Vec<LabelClass>,
    /// The pictures, in the order in which they go out.
    pub pictures: Vec<LabelPicture>,
}

impl LabelSet {
    /// The pictures as labels and features are looked for.
    pub fn known(&self) -> Vec<Known<'_>> {
        self.pictures.iter().map(|picture| Known { place: &picture.place, digest: picture.digest }).collect()
    }

    /// The name of a class.
    pub(super) fn class(&self, class: usize) -> &str {
        self.classes.get(class).map_or("", |class| &class.name)
    }

    /// The name of the class of `mark`, where it is one.
    pub(super) fn label(&self, mark: Mark) -> Option<&str> {
        mark.class().map(|class| self.class(class))
    }

    /// How many pictures have no file of their own.
    pub(super) fn packed(&self) -> usize {
        self.pictures.iter().filter(|picture| is_packed(&picture.place)).count()
    }

    /// Refuses what cannot be written.
    ///
    /// # Errors
    /// When a mark or suggestion is of a class that is not there, two classes are called the same or one
    /// has no name, or two pictures are at one place.
    pub fn check(&self) -> Result<()> {
        let mut names = HashSet::new();
        for LabelClass { name, .. } in &self.classes {
            if name.is_empty() || !names.insert(name) {
                let text = format!("two classes are called {name:?}, or it is no name; rename one");
                return Err(Error::Setting(text));
            }
        }
        let mut places = HashSet::new();
        for LabelPicture { place, mark, suggestion, .. } in &self.pictures {
            if place.is_empty() || !places.insert(place) {
                return Err(Error::Setting(format!("two pictures are at {place:?}, or it is no place")));
            }
            let classes = [mark.class(), suggestion.map(|suggested| suggested.class)];
            if classes.into_iter().flatten().any(|class| class >= self.classes.len()) {
                let count = self.classes.len();
                return Err(Error::Compute(format!(
                    "{place} is {mark:?}, {suggestion:?} of {count} classes"
                )));
            }
            if suggestion.is_some_and(|suggested| !(0.0..=1.0).contains(&suggested.confidence)) {
                return Err(Error::Compute(format!("the confidence {suggestion:?} of {place}")));
            }
        }
        Ok(())
    }

    /// Reads the sizes of pictures that are files of their own and have none yet, from their headers. What
    /// cannot be read keeps none.
    pub fn measure(&mut self) {
        self.pictures.par_iter_mut().filter(|picture| picture.size.is_none()).for_each(|picture| {
            if is_packed(&picture.place) {
                return;
            }
            let reader = image::ImageReader::open(Path::new(&picture.place)).ok();
            let reader = reader.and_then(|reader| reader.with_guessed_format().ok());
            picture.size = reader.and_then(|reader| reader.into_dimensions().ok()).map(|(w, h)| [w, h]);
        });
    }
}
