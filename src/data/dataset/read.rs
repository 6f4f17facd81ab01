//! Reading every picture of a data set once: what it is, and what it looks like.

use rayon::prelude::*;

use super::{DataSet, Digest, Item};
use crate::data::duplicates::Look;
use crate::data::picture::{IdxPlace, Origin};
use crate::data::scan::Skipped;
use crate::error::{Error, Result};

/// Pictures between two looks at `progress`.
const CHUNK: usize = 64;

/// What is known of a picture that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Names its content.
    pub digest: Digest,
    /// Tells what resembles it.
    pub look: Look,
}

impl DataSet {
    /// Reads every picture, on the threads of the surrounding pool: one fingerprint per item, in their
    /// order. Pictures that cannot be decoded move to `unreadable`. `progress` gets how many are read
    /// of how many, and returns false to stop.
    ///
    /// # Errors
    /// When a class has no picture left, as [`DataSet::open`]; [`Error::Cancelled`].
    pub fn fingerprints(
        &mut self,
        progress: &mut dyn FnMut(usize, usize) -> bool,
    ) -> Result<Vec<Fingerprint>> {
        let prints = self.read_all(progress)?;
        self.check_classes()?;
        Ok(prints)
    }

    /// As [`DataSet::fingerprints`], whatever is left.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn read_all(&mut self, progress: &mut dyn FnMut(usize, usize) -> bool) -> Result<Vec<Fingerprint>> {
        let total = self.items.len();
        let mut prints = Vec::with_capacity(total);
        let mut kept = Vec::with_capacity(total);
        for (chunk, items) in self.items.chunks(CHUNK).enumerate() {
            if !progress(chunk * CHUNK, total) {
                return Err(Error::Cancelled);
            }
            let read: Vec<Result<Fingerprint>> = items.par_iter().map(fingerprint).collect();
            for (item, print) in items.iter().zip(read) {
                match print {
                    Ok(print) => {
                        prints.push(print);
                        kept.push(item.clone());
                    }
                    Err(error) => self.unreadable.push(skipped(item, &error)),
                }
            }
        }
        self.items = kept;
        Ok(prints)
    }
}

fn fingerprint(item: &Item) -> Result<Fingerprint> {
    let picture = item.source.open()?;
    Ok(Fingerprint { digest: Digest(picture.digest), look: Look::of(&picture) })
}

fn skipped(item: &Item, error: &Error) -> Skipped {
    let path = match item.source.origin() {
        Origin::File(path) | Origin::Idx { set: IdxPlace::File(path), .. } => path,
        _ => item.name.clone().into(),
    };
    let why = match error {
        Error::Picture { why, .. } | Error::Data { why, .. } => why.clone(),
        other => other.to_string(),
    };
    Skipped { path, why }
}
