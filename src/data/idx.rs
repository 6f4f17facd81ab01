//! The IDX format of MNIST and its kin: pictures and labels as unsigned bytes, plain or gzip (told by
//! content).

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::decode::{MAX_PIXELS, unreadable};
use super::picture::{Note, Origin, Picture};
use crate::error::{Error, Result};

/// More pixels in one file are refused.
pub const MAX_BYTES: u64 = 1 << 31;

/// What the first bytes of an IDX file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Grey pictures.
    Images {
        /// How many.
        count: usize,
        /// Rows of each.
        rows: usize,
        /// Columns of each.
        cols: usize,
    },
    /// Class numbers.
    Labels {
        /// How many.
        count: usize,
    },
}

impl Header {
    /// Bytes of the file before its data.
    pub fn bytes(self) -> u64 {
        match self {
            Header::Images { .. } => 16,
            Header::Labels { .. } => 8,
        }
    }

    /// Bytes of the data.
    pub fn data_bytes(self) -> u64 {
        match self {
            Header::Images { count, rows, cols } => (count * rows * cols) as u64,
            Header::Labels { count } => count as u64,
        }
    }
}

/// The pictures of an IDX file, all in memory.
#[derive(Debug)]
pub struct IdxImages {
    /// How many pictures.
    pub count: usize,
    /// Rows of each.
    pub rows: usize,
    /// Columns of each.
    pub cols: usize,
    pixels: Vec<u8>,
}

impl IdxImages {
    /// Reads an images file.
    ///
    /// # Errors
    /// When it is not there, holds no IDX pictures, or is longer or shorter than it says.
    pub fn read(path: &Path) -> Result<IdxImages> {
        Self::from_reader(opened(path)?, &path.display().to_string())
    }

    /// Reads an images file held in memory and called `name`.
    ///
    /// # Errors
    /// As [`IdxImages::read`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<IdxImages> {
        Self::from_reader(Cursor::new(bytes), name)
    }

    fn from_reader(file: impl BufRead, name: &str) -> Result<IdxImages> {
        match load(file, name)? {
            (Header::Images { count, rows, cols }, pixels) => Ok(IdxImages { count, rows, cols, pixels }),
            (Header::Labels { .. }, _) => {
                Err(Error::data(name, "holds labels, not pictures; give the images file beside it"))
            }
        }
    }

    /// The grey values of picture `index`, `[rows, cols]` row-major; `None` past the last.
    pub fn pixels(&self, index: usize) -> Option<&[u8]> {
        let area = self.rows * self.cols;
        self.pixels.chunks_exact(area).nth(index)
    }

    /// Picture `index` with its grey repeated to three channels.
    ///
    /// # Errors
    /// When there is no picture `index`.
    pub fn picture(&self, index: usize, name: impl Into<String>, origin: Origin) -> Result<Picture> {
        let name = name.into();
        let Some(grey) = self.pixels(index) else {
            let why = format!("there is no picture {index}: the file holds {}, counted from 0", self.count);
            return Err(Error::picture(name, why));
        };
        let rgb: Vec<u8> = grey.iter().flat_map(|&v| [v; 3]).collect();
        let mut picture = Picture::from_rgb(name, origin, self.cols, self.rows, rgb)?;
        picture.notes.push(Note::GreyRepeated);
        Ok(picture)
    }
}

/// Reads a labels file: one class number for each picture.
///
/// # Errors
/// When it is not there, holds no IDX labels, or is longer or shorter than it says.
pub fn read_labels(path: &Path) -> Result<Vec<u8>> {
    labels(opened(path)?, &path.display().to_string())
}

/// Reads a labels file held in memory and called `name`.
///
/// # Errors
/// As [`read_labels`].
pub fn labels_from_bytes(bytes: &[u8], name: &str) -> Result<Vec<u8>> {
    labels(Cursor::new(bytes), name)
}

fn labels(file: impl BufRead, name: &str) -> Result<Vec<u8>> {
    match load(file, name)? {
        (Header::Labels { .. }, labels) => Ok(labels),
        (Header::Images { .. }, _) => Err(Error::data(name, "holds pictures, not labels")),
    }
}

/// The header of the IDX file at `path`, or `None` when it is something else.
///
/// # Errors
/// When the file cannot be read, or is an IDX file whose sizes are impossible or unlike its length.
pub fn peek(path: &Path) -> Result<Option<Header>> {
    let file = opened(path)?;
    let length = file.get_ref().metadata().map_err(unreadable(path))?.len();
    let name = path.display().to_string();
    peek_header(file, Some(length), &name)
}

/// As [`peek`] for a file held in memory and called `name`.
///
/// # Errors
/// As [`peek`].
pub fn peek_bytes(bytes: &[u8], name: &str) -> Result<Option<Header>> {
    peek_header(Cursor::new(bytes), Some(bytes.len() as u64), name)
}

/// The labels file that belongs to an images file: `train-images-idx3-ubyte.gz` goes with
/// `train-labels-idx1-ubyte.gz`, and either may be compressed.
pub fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let labels = plain.replace("images", "labels").replace("idx3", "idx1");
    if labels == plain {
        return None;
    }
    [labels.clone(), format!("{labels}.gz")]
        .map(|l| images.with_file_name(l))
        .into_iter()
        .find(|l| l.is_file())
}

fn opened(path: &Path) -> Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path).map_err(unreadable(path))?))
}

/// The content of `file`, decompressed if it is gzip, and whether it is.
fn content<'a>(mut file: impl BufRead + 'a) -> std::io::Result<(Box<dyn Read + 'a>, bool)> {
    let gzip = file.fill_buf()?.starts_with(&[0x1F, 0x8B]);
    Ok(if gzip { (Box::new(MultiGzDecoder::new(file)), true) } else { (Box::new(file), false) })
}

fn peek_header(file: impl BufRead, length: Option<u64>, name: &str) -> Result<Option<Header>> {
    let unreadable = |error: std::io::Error| damaged(name, &error);
    let (mut content, gzip) = content(file).map_err(unreadable)?;
    let Some(header) = header(&mut content, name)? else { return Ok(None) };
    let expected = header.bytes() + header.data_bytes();
    match length {
        Some(length) if !gzip && length != expected => {
            Err(wrong_length(name, header, length - header.bytes()))
        }
        _ => Ok(Some(header)),
    }
}

fn load(file: impl BufRead, name: &str) -> Result<(Header, Vec<u8>)> {
    let unreadable = |error: std::io::Error| damaged(name, &error);
    let (mut content, _) = content(file).map_err(unreadable)?;
    let header = header(&mut content, name)?.ok_or_else(|| {
        Error::data(name, "not an IDX file of unsigned bytes (it should start with 0, 0, 8 and 1 or 3)")
    })?;
    // Grows with what is really there: a header may promise anything.
    let mut data = Vec::new();
    content.take(header.data_bytes() + 1).read_to_end(&mut data).map_err(unreadable)?;
    if data.len() as u64 != header.data_bytes() {
        return Err(wrong_length(name, header, data.len() as u64));
    }
    Ok((header, data))
}

fn damaged(name: &str, error: &std::io::Error) -> Error {
    Error::data(name, format!("damaged or cut short ({error}); copy or download it again"))
}

fn wrong_length(name: &str, header: Header, found: u64) -> Error {
    let expected = header.data_bytes();
    let promised = match header {
        Header::Images { count, rows, cols } => format!("{count} pictures of {cols}×{rows}"),
        Header::Labels { count } => format!("{count} labels"),
    };
    let why = if found < expected {
        format!("cut short: {promised} take {expected} bytes, {found} are there; copy or download it again")
    } else {
        format!("longer than the {promised} ({expected} bytes) it says it holds; copy or download it again")
    };
    Error::data(name, why)
}

/// The header, or `None` when this is no IDX file of unsigned bytes.
fn header(content: &mut impl Read, name: &str) -> Result<Option<Header>> {
    let mut first = Vec::new();
    let unreadable = |error: std::io::Error| damaged(name, &error);
    content.by_ref().take(4).read_to_end(&mut first).map_err(unreadable)?;
    let dimensions = match first.as_slice() {
        [0, 0, 8, 1] => 1,
        [0, 0, 8, 3] => 3,
        _ => return Ok(None),
    };
    let mut sizes = [0usize; 3];
    for size in sizes.iter_mut().take(dimensions) {
        let mut four = [0; 4];
        content.read_exact(&mut four).map_err(unreadable)?;
        *size = u32::from_be_bytes(four) as usize;
    }
    let [count, rows, cols] = sizes;
    if dimensions == 1 {
        return Ok(Some(Header::Labels { count }));
    }
    let area = rows as u64 * cols as u64;
    let fits = area.checked_mul(count as u64).is_some_and(|total| total <= MAX_BYTES);
    if area == 0 || area > MAX_PIXELS || !fits {
        let why = format!(
            "says it holds {count} pictures of {cols}×{rows}: impossible, or more than the {} MB read here",
            MAX_BYTES >> 20
        );
        return Err(Error::data(name, why));
    }
    Ok(Some(Header::Images { count, rows, cols }))
}

#[cfg(test)]
#[path = "idx_tests.rs"]
mod tests;
