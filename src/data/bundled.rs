//! What the program brings along: four photographs and a labelled subset of Fashion-MNIST, so that every
//! screen works with nothing else on the machine. Sources and rights: `assets/photos/README.md` and
//! `assets/fashion/README.md`.

use std::sync::{Arc, OnceLock};

use super::library::{IdxSet, Source};
use crate::error::{Error, Result};

/// A photograph compiled into the program.
#[derive(Debug)]
pub struct Photo {
    /// Its file name.
    pub name: &'static str,
    /// Whom to thank, and under which rights it is shipped.
    pub credit: &'static str,
    /// The picture file.
    pub(crate) bytes: &'static [u8],
}

/// The photographs, in the order of the library.
pub static PHOTOS: [Photo; 4] = [
    Photo {
        name: "chelsea.png",
        credit: "Stéfan van der Walt, CC0",
        bytes: include_bytes!("../../assets/photos/chelsea.png"),
    },
    Photo {
        name: "astronaut.png",
        credit: "NASA, public domain",
        bytes: include_bytes!("../../assets/photos/astronaut.png"),
    },
    Photo {
        name: "coffee.png",
        credit: "Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0",
        bytes: include_bytes!("../../assets/photos/coffee.png"),
    },
    Photo {
        name: "rocket.jpg",
        credit: "SpaceX, public domain",
        bytes: include_bytes!("../../assets/photos/rocket.jpg"),
    },
];

/// The classes of Fashion-MNIST, by number.
pub const FASHION_CLASSES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// The parts of the bundled Fashion-MNIST subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fashion {
    /// 50 pictures of each class, from the full set's training part.
    Train,
    /// 200 pictures of each class, from the full set's test part.
    Test,
}

/// The photographs as sources.
pub fn photos() -> Vec<Source> {
    PHOTOS.iter().map(Source::photo).collect()
}

/// A part of the bundled Fashion-MNIST subset, read once for the whole program.
///
/// # Errors
/// Never for the files shipped; the reader is the one for files of users.
pub fn fashion(part: Fashion) -> Result<Arc<IdxSet>> {
    static TRAIN: OnceLock<Arc<IdxSet>> = OnceLock::new();
    static TEST: OnceLock<Arc<IdxSet>> = OnceLock::new();
    let (slot, name, images, labels): (_, _, &'static [u8], &[u8]) = match part {
        Fashion::Train => (
            &TRAIN,
            "fashion/train",
            include_bytes!("../../assets/fashion/train-images-idx3-ubyte.gz"),
            include_bytes!("../../assets/fashion/train-labels-idx1-ubyte.gz"),
        ),
        Fashion::Test => (
            &TEST,
            "fashion/test",
            include_bytes!("../../assets/fashion/test-images-idx3-ubyte.gz"),
            include_bytes!("../../assets/fashion/test-labels-idx1-ubyte.gz"),
        ),
    };
    if let Some(set) = slot.get() {
        return Ok(Arc::clone(set));
    }
    let set = Arc::new(IdxSet::bundled(name, images, labels, &FASHION_CLASSES)?);
    Ok(Arc::clone(slot.get_or_init(|| set)))
}

/// The sources called `name` (without `bundled:`), as [`super::library::named`] describes.
pub(crate) fn find(name: &str) -> Result<Vec<Source>> {
    if name == "photos" {
        return Ok(photos());
    }
    if let Some(photo) = PHOTOS.iter().find(|photo| photo.name == name) {
        return Ok(vec![Source::photo(photo)]);
    }
    let (set, index) = match name.split_once('#') {
        Some((set, index)) => (set, Some(index)),
        None => (name, None),
    };
    let part = match set {
        "fashion" | "fashion/test" => Fashion::Test,
        "fashion/train" => Fashion::Train,
        _ => {
            let photos = PHOTOS.each_ref().map(|photo| photo.name).join(", ");
            let why =
                format!("not brought along; there are photos, {photos}, fashion/train and fashion/test");
            return Err(Error::data(format!("bundled:{name}"), why));
        }
    };
    let set = fashion(part)?;
    let Some(index) = index else { return Ok(IdxSet::sources(&set).collect()) };
    index.parse().ok().and_then(|index| IdxSet::source(&set, index)).map(|source| vec![source]).ok_or_else(
        || {
            let why = format!("there are pictures #0 to #{}", set.count().saturating_sub(1));
            Error::data(format!("bundled:{name}"), why)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::library::named;
    use crate::data::picture::{IdxPlace, Origin};

    #[test]
    fn photographs_open() {
        let sizes: Vec<(String, usize, usize)> = photos()
            .iter()
            .map(|source| source.open().unwrap())
            .map(|picture| (picture.name.clone(), picture.width, picture.height))
            .collect();
        let expected = [
            ("chelsea.png", 451, 300),
            ("astronaut.png", 512, 512),
            ("coffee.png", 600, 400),
            ("rocket.jpg", 640, 427),
        ];
        assert_eq!(sizes, expected.map(|(name, w, h)| (name.to_owned(), w, h)));
        assert!(photos().iter().all(|source| !source.open().unwrap().is_grey()));
    }

    #[test]
    fn fashion_has_ten_classes_in_both_parts() {
        for (part, each) in [(Fashion::Train, 50), (Fashion::Test, 200)] {
            let set = fashion(part).unwrap();
            assert_eq!(set.count(), 10 * each);
            let labels = set.labels().unwrap();
            for class in 0..10 {
                assert_eq!(labels.iter().filter(|&&l| l == class).count(), each);
            }
            let first = IdxSet::source(&set, 0).unwrap();
            let picture = first.open().unwrap();
            assert_eq!((picture.width, picture.height), (28, 28));
            assert!(picture.is_grey());
            assert_eq!(first.class_name().unwrap(), FASHION_CLASSES[usize::from(labels[0])]);
            assert!(Arc::ptr_eq(&set.images().unwrap(), &set.images().unwrap()), "decompressed once");
        }
    }

    #[test]
    fn names_lead_to_what_they_name() {
        assert!(named("chelsea.png").is_none());
        assert_eq!(named("bundled:photos").unwrap().unwrap().len(), 4);
        assert_eq!(named("bundled:fashion").unwrap().unwrap().len(), 2000);
        assert_eq!(named("bundled:fashion/train").unwrap().unwrap().len(), 500);
        let one = named("bundled:fashion/test#7").unwrap().unwrap();
        assert!(matches!(
            one[0].origin(),
            Origin::Idx { set: IdxPlace::Bundled("fashion/test"), index: 7, label: Some(_) }
        ));
        assert_eq!(one[0].argument().unwrap(), "bundled:fashion/test#7");
        assert_eq!(
            named("bundled:coffee.png").unwrap().unwrap()[0].argument().unwrap(),
            "bundled:coffee.png"
        );
        for wrong in ["bundled:dogs", "bundled:fashion#2000", "bundled:fashion#x"] {
            assert!(named(wrong).unwrap().is_err(), "{wrong}");
        }
    }
}
