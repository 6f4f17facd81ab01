//! [`Source`]: something that can be opened as a picture, listed without being decoded.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::bundled::{self, Photo};
use super::cifar::{self, CifarImages};
use super::decode::{self, decode, file_name};
use super::idx::{self, Header, IdxImages};
use super::picture::{IdxPlace, Origin, Picture};
use super::resample::{Filter, Pixels, resize};
use crate::error::{Error, Result};

/// Something that can be opened as a picture. Cheap to clone; opening reads and decodes each time.
#[derive(Clone, Debug)]
pub struct Source(Kind);

#[derive(Clone, Debug)]
enum Kind {
    File(Arc<Path>),
    Photo(&'static Photo),
    Idx { set: Arc<IdxSet>, index: usize },
    Memory(Arc<Picture>),
}

/// A small picture for lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[H, W, 4]` row-major, opaque.
    pub rgba: Vec<u8>,
}

impl Source {
    /// The picture file at `path`, which is not looked at before it is opened.
    pub fn file(path: impl AsRef<Path>) -> Source {
        Source(Kind::File(path.as_ref().into()))
    }

    /// A picture that is in memory already, such as a pasted one.
    pub fn memory(picture: Picture) -> Source {
        Source(Kind::Memory(Arc::new(picture)))
    }

    pub(crate) fn photo(photo: &'static Photo) -> Source {
        Source(Kind::Photo(photo))
    }

    /// How it is called on screen: the file's name, or set, number and class.
    pub fn name(&self) -> String {
        match &self.0 {
            Kind::File(path) => file_name(path),
            Kind::Photo(photo) => photo.name.to_owned(),
            Kind::Idx { set, index } => set.name_of(*index),
            Kind::Memory(picture) => picture.name.clone(),
        }
    }

    /// Where it is.
    pub fn origin(&self) -> Origin {
        match &self.0 {
            Kind::File(path) => Origin::File(path.to_path_buf()),
            Kind::Photo(photo) => Origin::Bundled(photo.name),
            Kind::Idx { set, index } => set.origin_of(*index),
            Kind::Memory(picture) => picture.origin.clone(),
        }
    }

    /// The name of its class, where a data set says so; a number where the data set names none.
    pub fn class_name(&self) -> Option<String> {
        match &self.0 {
            Kind::Idx { set, index } => set.class_of(*index),
            Kind::File(_) | Kind::Photo(_) | Kind::Memory(_) => None,
        }
    }

    /// The file of many pictures that it is in, and its place there from 0.
    pub fn set(&self) -> Option<(&IdxSet, usize)> {
        match &self.0 {
            Kind::Idx { set, index } => Some((set, *index)),
            Kind::File(_) | Kind::Photo(_) | Kind::Memory(_) => None,
        }
    }

    /// What to write on a command line to get this picture; [`super::scan`] reads it. `None` for
    /// pictures that are only in memory.
    pub fn argument(&self) -> Option<String> {
        match self.origin() {
            Origin::File(path) => Some(path.display().to_string()),
            Origin::Bundled(name) => Some(format!("bundled:{name}")),
            Origin::Idx { set: IdxPlace::File(path), index, .. } => {
                Some(format!("{}#{index}", path.display()))
            }
            Origin::Idx { set: IdxPlace::Bundled(name), index, .. } => {
                Some(format!("bundled:{name}#{index}"))
            }
            Origin::Pasted => None,
        }
    }

    /// Reads and decodes the picture.
    ///
    /// # Errors
    /// When the file is gone, damaged or too large; the text says which.
    pub fn open(&self) -> Result<Picture> {
        match &self.0 {
            Kind::File(path) => decode::open(path),
            Kind::Photo(photo) => decode(photo.bytes, photo.name, Origin::Bundled(photo.name)),
            Kind::Idx { set, index } => {
                set.images()?.picture(*index, set.name_of(*index), set.origin_of(*index))
            }
            Kind::Memory(picture) => Ok(Picture::clone(picture)),
        }
    }

    /// The picture reduced so that its longer side is at most `side` pixels; never enlarged.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn thumbnail(&self, side: u32) -> Result<Thumbnail> {
        Ok(thumbnail(&self.open()?, side))
    }
}

/// `picture` reduced so that its longer side is at most `side` pixels (at least 1); never enlarged.
pub fn thumbnail(picture: &Picture, side: u32) -> Thumbnail {
    let scale = (f64::from(side.max(1)) / picture.width.max(picture.height) as f64).min(1.0);
    let scaled = |length: usize| ((length as f64 * scale).round() as usize).max(1);
    let (width, height) = (scaled(picture.width), scaled(picture.height));
    let pixels = Pixels { width: picture.width, height: picture.height, rgb: &picture.rgb };
    let rgb = resize(pixels, (width, height), 0..width, 0..height, Filter::Box);
    let rgba = rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    Thumbnail { width, height, rgba }
}

/// A file of many pictures, IDX or a CIFAR batch, whose header and labels are read, and whose pictures
/// are read when the first is opened.
#[derive(Debug)]
pub struct IdxSet {
    place: IdxPlace,
    kind: SetKind,
    count: usize,
    labels: Option<Vec<u8>>,
    class_names: Vec<String>,
    images: Mutex<Option<Arc<SetImages>>>,
}

/// How the pictures of a set are stored.
#[derive(Clone, Copy, Debug)]
enum SetKind {
    /// An IDX file; its bytes where it is compiled in.
    Idx(&'static [u8]),
    Cifar,
}

/// The pictures of a set, all in memory.
#[derive(Debug)]
pub enum SetImages {
    /// Of an IDX file.
    Idx(IdxImages),
    /// Of a CIFAR batch.
    Cifar(CifarImages),
}

impl SetImages {
    fn picture(&self, index: usize, name: String, origin: Origin) -> Result<Picture> {
        match self {
            SetImages::Idx(images) => images.picture(index, name, origin),
            SetImages::Cifar(images) => images.picture(index, name, origin),
        }
    }
}

impl IdxSet {
    /// The images file at `path`, with the labels file beside it if there is one, or the CIFAR batch
    /// there, with the names of its classes if they stand beside.
    ///
    /// # Errors
    /// When it is neither, or the labels cannot be read or are not as many as the pictures.
    pub fn open(path: &Path) -> Result<IdxSet> {
        let name = path.display().to_string();
        if let Some(batch) = cifar::peek(path)? {
            return Ok(IdxSet {
                place: IdxPlace::File(path.to_path_buf()),
                kind: SetKind::Cifar,
                count: batch.labels.len(),
                labels: Some(batch.labels),
                class_names: batch.names,
                images: Mutex::new(None),
            });
        }
        let count = count_of(idx::peek(path)?, &name)?;
        let labels = idx::labels_beside(path).map(|labels| idx::read_labels(&labels)).transpose()?;
        Self::new(IdxPlace::File(path.to_path_buf()), &[], count, labels, &[], &name)
    }

    pub(crate) fn bundled(
        name: &'static str,
        images: &'static [u8],
        labels: &[u8],
        class_names: &[&str],
    ) -> Result<IdxSet> {
        let count = count_of(idx::peek_bytes(images, name)?, name)?;
        let labels = idx::labels_from_bytes(labels, name)?;
        Self::new(IdxPlace::Bundled(name), images, count, Some(labels), class_names, name)
    }

    fn new(
        place: IdxPlace,
        bytes: &'static [u8],
        count: usize,
        labels: Option<Vec<u8>>,
        class_names: &[&str],
        name: &str,
    ) -> Result<IdxSet> {
        if let Some(labels) = labels.as_ref().filter(|labels| labels.len() != count) {
            let why = format!(
                "{count} pictures, but {} labels in the file beside; the two do not belong together",
                labels.len()
            );
            return Err(Error::data(name, why));
        }
        let class_names = class_names.iter().map(ToString::to_string).collect();
        let images = Mutex::new(None);
        Ok(IdxSet { place, kind: SetKind::Idx(bytes), count, labels, class_names, images })
    }

    /// Where the set is.
    pub fn place(&self) -> &IdxPlace {
        &self.place
    }

    /// How many pictures there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The class number of each picture, where the file has labels or a labels file stands beside.
    pub fn labels(&self) -> Option<&[u8]> {
        self.labels.as_deref()
    }

    /// The names of the classes; empty where the data set names none.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The pictures, read (and decompressed) the first time only.
    ///
    /// # Errors
    /// When the file is gone or damaged.
    pub fn images(&self) -> Result<Arc<SetImages>> {
        // A panic elsewhere leaves the slot empty or whole, never half filled.
        let mut slot = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(images) = &*slot {
            return Ok(Arc::clone(images));
        }
        let images = Arc::new(match (&self.place, self.kind) {
            (IdxPlace::File(path), SetKind::Cifar) => SetImages::Cifar(CifarImages::read(path)?),
            (IdxPlace::File(path), SetKind::Idx(_)) => SetImages::Idx(IdxImages::read(path)?),
            (IdxPlace::Bundled(name), SetKind::Idx(bytes)) => {
                SetImages::Idx(IdxImages::from_bytes(bytes, name)?)
            }
            (IdxPlace::Bundled(name), SetKind::Cifar) => {
                return Err(Error::data(*name, "no CIFAR batch is brought along"));
            }
        });
        *slot = Some(Arc::clone(&images));
        Ok(images)
    }

    /// Picture `index` of `set`, or `None` past the last.
    pub fn source(set: &Arc<IdxSet>, index: usize) -> Option<Source> {
        (index < set.count).then(|| Source(Kind::Idx { set: Arc::clone(set), index }))
    }

    /// All pictures of `set`, in file order.
    pub fn sources(set: &Arc<IdxSet>) -> impl Iterator<Item = Source> + use<> {
        let set = Arc::clone(set);
        (0..set.count).map(move |index| Source(Kind::Idx { set: Arc::clone(&set), index }))
    }

    fn class_of(&self, index: usize) -> Option<String> {
        let label = *self.labels.as_ref()?.get(index)?;
        Some(self.class_names.get(usize::from(label)).map_or_else(|| label.to_string(), String::clone))
    }

    fn name_of(&self, index: usize) -> String {
        let set = match &self.place {
            IdxPlace::File(path) => file_name(path),
            IdxPlace::Bundled(name) => (*name).to_owned(),
        };
        match self.class_of(index) {
            Some(class) => format!("{set} #{index} ({class})"),
            None => format!("{set} #{index}"),
        }
    }

    fn origin_of(&self, index: usize) -> Origin {
        let label = self.labels.as_ref().and_then(|labels| labels.get(index)).copied();
        Origin::Idx { set: self.place.clone(), index, label }
    }
}

fn count_of(header: Option<Header>, name: &str) -> Result<usize> {
    match header {
        Some(Header::Images { count, .. }) => Ok(count),
        _ => Err(Error::data(name, "not an IDX file of pictures")),
    }
}

/// What `argument` names inside the program: `bundled:photos`, `bundled:chelsea.png`, `bundled:fashion`
/// (its test part), `bundled:fashion/train`, `bundled:fashion/test#12`. `None` when it does not start
/// with `bundled:`.
pub fn named(argument: &str) -> Option<Result<Vec<Source>>> {
    let name = argument.strip_prefix("bundled:")?;
    Some(bundled::find(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_keep_the_shape_and_never_grow() {
        let picture = Picture::from_rgb("t", Origin::Pasted, 100, 50, [10, 20, 30].repeat(5000)).unwrap();
        let small = thumbnail(&picture, 20);
        assert_eq!((small.width, small.height), (20, 10));
        assert_eq!(small.rgba.len(), 20 * 10 * 4);
        assert!(small.rgba.chunks_exact(4).all(|p| p == [10, 20, 30, 255]));
        let same = thumbnail(&picture, 500);
        assert_eq!((same.width, same.height), (100, 50));
        let line = Picture::from_rgb("t", Origin::Pasted, 1000, 1, vec![0; 3000]).unwrap();
        assert_eq!((thumbnail(&line, 10).width, thumbnail(&line, 10).height), (10, 1));
    }

    #[test]
    fn a_picture_in_memory_opens_as_it_is() {
        let picture = Picture::from_rgb("pasted 1", Origin::Pasted, 9, 9, vec![5; 243]).unwrap();
        let source = Source::memory(picture.clone());
        assert_eq!(source.name(), "pasted 1");
        assert_eq!(source.argument(), None);
        assert_eq!(source.open().unwrap().digest, picture.digest);
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let images = folder.path().join("t-images-idx3-ubyte");
        std::fs::write(&images, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6]).unwrap();
        std::fs::write(folder.path().join("t-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 3]).unwrap();
        let error = IdxSet::open(&images).unwrap_err().to_string();
        assert!(error.contains("2 pictures, but 1 labels"), "{error}");
        std::fs::write(folder.path().join("t-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 2, 3, 4]).unwrap();
        let set = Arc::new(IdxSet::open(&images).unwrap());
        let last = IdxSet::sources(&set).last().unwrap();
        assert_eq!(last.name(), "t-images-idx3-ubyte #1 (4)");
        assert_eq!(last.open().unwrap().rgb[..], [6, 6, 6]);
        assert!(IdxSet::source(&set, 2).is_none());
    }
}
