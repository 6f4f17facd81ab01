//! Pictures that have no file of their own, as files: copies of them are PNG.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use crate::data::Picture;
use crate::data::library::{IdxSet, named};
use crate::error::{Error, Result};
use crate::figure::write::{atomic, encode_png};

/// Opens such pictures, each file of many once.
#[derive(Default)]
pub(super) struct Packed {
    sets: HashMap<PathBuf, Arc<IdxSet>>,
}

/// The file and the number of a picture in a file of many.
fn parts(place: &str) -> Option<(&str, usize)> {
    let (file, number) = place.rsplit_once('#')?;
    Some((file, number.parse().ok()?))
}

/// What a copy of the picture at `place` is called: the file of many with the number, five digits at least so
/// that lists keep the order.
pub(super) fn file_name(place: &str) -> String {
    let bare = place.strip_prefix("bundled:");
    let name = |file: &str| match bare {
        Some(_) => file.replace(['/', ':'], "-"),
        None => Path::new(file).file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    match parts(bare.unwrap_or(place)) {
        Some((file, number)) => format!("{}-{number:05}.png", name(file)),
        None => format!("{}.png", name(bare.unwrap_or(place)).trim_end_matches(".png")),
    }
}

impl Packed {
    fn open(&mut self, place: &str) -> Result<Picture> {
        if let Some(found) = named(place) {
            return match found?.as_slice() {
                [one] => one.open(),
                _ => Err(Error::data(place, "many pictures, not one; add # and the number of the one meant")),
            };
        }
        let Some((file, number)) = parts(place) else {
            return Err(Error::data(place, "no picture in a file of many"));
        };
        let set = match self.sets.get(Path::new(file)) {
            Some(set) => Arc::clone(set),
            None => {
                let set = Arc::new(IdxSet::open(Path::new(file))?);
                self.sets.insert(file.into(), Arc::clone(&set));
                set
            }
        };
        let source = IdxSet::source(&set, number).ok_or_else(|| {
            Error::data(place, format!("the file holds {} pictures, #{number} is not there", set.count()))
        })?;
        source.open()
    }

    /// Writes the picture at `place` to `to`, where nothing is.
    pub fn copy(&mut self, place: &str, to: &Path) -> Result<()> {
        let picture = self.open(place)?;
        let (width, height) = (picture.width as u32, picture.height as u32);
        let image = RgbImage::from_raw(width, height, picture.rgb.to_vec())
            .ok_or_else(|| Error::Compute(format!("{place} is not {width}×{height}")))?;
        let bytes = encode_png(&image, None)?;
        atomic(to, false, |file| file.write_all(&bytes).map_err(Error::io("write", to)))
    }
}
