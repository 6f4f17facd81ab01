//! Pictures by content and place.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;

use rusqlite::{Row, params};

use super::Project;
use crate::error::Result;

/// Names a picture within a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub i64);

/// A picture to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// BLAKE3 of its size and pixels.
    pub digest: [u8; 32],
    /// Where it is, as a command line would have it.
    pub place: String,
}

/// A picture of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Names it.
    pub id: ImageId,
    /// BLAKE3 of its size and pixels.
    pub digest: [u8; 32],
    /// Where it is, or was last.
    pub place: String,
    /// Whether it was not there when it was looked for last.
    pub missing: bool,
}

/// What [`Project::relink`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relinked {
    /// Pictures that are at another place now, and where they were.
    pub moved: Vec<(ImageId, String)>,
    /// Pictures at their place that have another content now.
    pub changed: Vec<ImageId>,
    /// Pictures that are nowhere.
    pub missing: Vec<ImageId>,
}

pub(super) fn image(row: &Row<'_>) -> rusqlite::Result<Image> {
    Ok(Image { id: ImageId(row.get(0)?), digest: row.get(1)?, place: row.get(2)?, missing: row.get(3)? })
}

impl Project {
    /// Adds pictures; those whose place is known already are the ones there are, with the content that
    /// is given now. One id for each, in order.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn add_images(&mut self, images: &[NewImage]) -> Result<Vec<ImageId>> {
        self.change(|work| {
            let mut add = work.prepare(
                "INSERT INTO image (digest, place) VALUES (?1, ?2)
                 ON CONFLICT (place) DO UPDATE SET digest = ?1, missing = 0 RETURNING id",
            )?;
            let mut ids = Vec::with_capacity(images.len());
            for image in images {
                ids.push(ImageId(add.query_row(params![image.digest, image.place], |row| row.get(0))?));
            }
            Ok(ids)
        })
    }

    /// All pictures, in the order in which they were added.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn images(&self) -> Result<Vec<Image>> {
        self.look(|file| {
            let mut all = file.prepare("SELECT id, digest, place, missing FROM image ORDER BY id")?;
            let images = all.query_map([], image)?.collect::<rusqlite::Result<_>>()?;
            Ok(images)
        })
    }

    /// Finds pictures again in `found`, everything that is there now: what is not at its place is looked
    /// for by content, and gets the new place. Labels and all else stay with the picture. What `found`
    /// has more is not added.
    ///
    /// # Errors
    /// When the change cannot be saved.
    pub fn relink(&mut self, found: &[NewImage]) -> Result<Relinked> {
        let images = self.images()?;
        let there: HashMap<&str, [u8; 32]> =
            found.iter().map(|image| (image.place.as_str(), image.digest)).collect();
        let at_home: HashSet<&str> = images
            .iter()
            .filter(|image| there.get(image.place.as_str()) == Some(&image.digest))
            .map(|image| image.place.as_str())
            .collect();
        let mut free: HashMap<[u8; 32], VecDeque<&str>> = HashMap::new();
        for image in found.iter().filter(|image| !at_home.contains(image.place.as_str())) {
            free.entry(image.digest).or_default().push_back(&image.place);
        }
        let mut result = Relinked::default();
        let mut places: HashMap<ImageId, &str> = HashMap::new();
        for image in &images {
            if at_home.contains(image.place.as_str()) {
                places.insert(image.id, &image.place);
            } else if let Some(place) = free.get_mut(&image.digest).and_then(VecDeque::pop_front) {
                result.moved.push((image.id, image.place.clone()));
                places.insert(image.id, place);
            }
        }
        let taken: HashSet<&str> = places.values().copied().collect();
        for image in images.iter().filter(|image| !places.contains_key(&image.id)) {
            let place = image.place.as_str();
            let other = there.contains_key(place) && !taken.contains(place);
            if other { &mut result.changed } else { &mut result.missing }.push(image.id);
        }
        self.change(|work| {
            // Places are unique, and pictures may have changed places with each other: all that move
            // step aside first.
            let mut aside = work.prepare("UPDATE image SET place = 'moving:' || id WHERE id = ?1")?;
            for (id, _) in &result.moved {
                aside.execute([id.0])?;
            }
            // What is lost must not hold a place that another has now; else its own stays known.
            let mut lost = work.prepare("UPDATE image SET missing = 1, place = ?2 WHERE id = ?1")?;
            for image in images.iter().filter(|image| !places.contains_key(&image.id)) {
                let kept = match taken.contains(image.place.as_str()) {
                    true => format!("{} (replaced, {})", image.place, image.id.0),
                    false => image.place.clone(),
                };
                lost.execute(params![image.id.0, kept])?;
            }
            let mut here = work.prepare("UPDATE image SET missing = 0, place = ?2 WHERE id = ?1")?;
            for (id, place) in &places {
                here.execute(params![id.0, place])?;
            }
            Ok(())
        })?;
        Ok(result)
    }

    /// As [`Project::relink`] for one data set of several: pictures that are not in `found` and still are
    /// where they were stay as they are.
    ///
    /// # Errors
    /// As [`Project::relink`].
    pub fn relink_beside(&mut self, found: &[NewImage]) -> Result<Relinked> {
        let places: HashSet<&str> = found.iter().map(|image| image.place.as_str()).collect();
        let others = self.images()?.into_iter().filter(|image| !places.contains(image.place.as_str()));
        let others = others.filter(|image| is_there(&image.place));
        let others = others.map(|image| NewImage { digest: image.digest, place: image.place });
        let all: Vec<NewImage> = others.chain(found.iter().cloned()).collect();
        self.relink(&all)
    }
}

/// Whether there is a file at `place`, which may be one picture of a file of many, or of what comes with
/// the program.
pub fn is_there(place: &str) -> bool {
    let file = place.rsplit_once('#').map_or(place, |(file, _)| file);
    place.starts_with("bundled:") || Path::new(place).exists() || Path::new(file).exists()
}
