//! The binary form of CIFAR-10 and CIFAR-100: records of one label (CIFAR-100: a coarse and a fine
//! one) and 32×32 pixels, red, green and blue one after the other.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::decode::unreadable;
use super::idx::MAX_BYTES;
use super::picture::{Origin, Picture};
use crate::error::{Error, Result};

/// Side of a picture.
const SIDE: usize = 32;
/// Bytes of a picture.
const PIXELS: usize = 3 * SIDE * SIDE;
/// A longer file of class names is none.
const MAX_NAMES: u64 = 1 << 16;

/// What a batch holds beside its pixels.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// The class number of each picture; for CIFAR-100 the fine one.
    pub labels: Vec<u8>,
    /// Names of the classes by number, from the file beside; empty where there is none.
    pub names: Vec<String>,
    prefix: usize,
}

/// The pictures of a batch, all in memory.
#[derive(Debug)]
pub struct CifarImages {
    prefix: usize,
    records: Vec<u8>,
}

/// Reads the labels of the batch at `path`, or `None` when it is something else. The format has no
/// mark of its own: a batch is a `.bin` file of whole records whose labels are all in range.
///
/// # Errors
/// When the file cannot be read, holds more than [`MAX_BYTES`], or its classes are not all named in
/// the file beside it.
pub fn peek(path: &Path) -> Result<Option<Batch>> {
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("bin")) {
        return Ok(None);
    }
    let mut file = BufReader::new(File::open(path).map_err(unreadable(path))?);
    let length = file.get_ref().metadata().map_err(unreadable(path))?.len();
    // CIFAR-10 first: what fits both is told by its labels.
    for (prefix, most) in [(1, [10, 0]), (2, [20, 100])] {
        let record = (prefix + PIXELS) as u64;
        if length == 0 || !length.is_multiple_of(record) {
            continue;
        }
        if length > MAX_BYTES {
            let why = format!("more than the {} MB read here; split it", MAX_BYTES >> 20);
            return Err(Error::data(path.display().to_string(), why));
        }
        file.seek(SeekFrom::Start(0)).map_err(unreadable(path))?;
        let mut labels = Vec::new();
        for _ in 0..length / record {
            let mut head = [0; 2];
            file.read_exact(&mut head[..prefix]).map_err(unreadable(path))?;
            if head.iter().zip(most).take(prefix).any(|(&label, most)| label >= most) {
                break;
            }
            labels.push(head[prefix - 1]);
            file.seek_relative(PIXELS as i64).map_err(unreadable(path))?;
        }
        if labels.len() as u64 == length / record {
            let names = names_beside(path, prefix, labels.iter().max())?;
            return Ok(Some(Batch { labels, names, prefix }));
        }
    }
    Ok(None)
}

fn names_beside(batch: &Path, prefix: usize, largest: Option<&u8>) -> Result<Vec<String>> {
    let path = batch.with_file_name(if prefix == 1 { "batches.meta.txt" } else { "fine_label_names.txt" });
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let mut text = String::new();
    File::open(&path)
        .map_err(unreadable(&path))?
        .take(MAX_NAMES)
        .read_to_string(&mut text)
        .map_err(unreadable(&path))?;
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect();
    match largest {
        Some(&largest) if names.len() <= usize::from(largest) => {
            let why = format!(
                "names {} classes, and {} has pictures of class {largest}, counted from 0",
                names.len(),
                batch.display()
            );
            Err(Error::data(path.display().to_string(), why))
        }
        _ => Ok(names),
    }
}

impl CifarImages {
    /// Reads the pictures of the batch at `path`.
    ///
    /// # Errors
    /// When it is not there, or no longer what [`peek`] saw.
    pub fn read(path: &Path) -> Result<CifarImages> {
        let Some(Batch { labels, prefix, .. }) = peek(path)? else {
            let why = "no longer a CIFAR batch: it was changed; open it again";
            return Err(Error::data(path.display().to_string(), why));
        };
        let expected = labels.len() * (prefix + PIXELS);
        let mut records = Vec::new();
        let file = File::open(path).map_err(unreadable(path))?;
        file.take(expected as u64).read_to_end(&mut records).map_err(unreadable(path))?;
        Ok(CifarImages { prefix, records })
    }

    /// Picture `index`.
    ///
    /// # Errors
    /// When there is no picture `index`.
    pub fn picture(&self, index: usize, name: impl Into<String>, origin: Origin) -> Result<Picture> {
        let name = name.into();
        let mut records = self.records.chunks_exact(self.prefix + PIXELS);
        let count = records.len();
        let Some(record) = records.nth(index) else {
            let why = format!("there is no picture {index}: the file holds {count}, counted from 0");
            return Err(Error::picture(name, why));
        };
        let planes = &record[self.prefix..];
        let plane = SIDE * SIDE;
        let rgb: Vec<u8> =
            (0..plane).flat_map(|at| [planes[at], planes[plane + at], planes[2 * plane + at]]).collect();
        Picture::from_rgb(name, origin, SIDE, SIDE, rgb)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Records whose every plane has a value of its own.
    fn batch(labels: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, label) in labels.iter().enumerate() {
            bytes.extend_from_slice(label);
            for channel in 0..3 {
                bytes.extend((0..SIDE * SIDE).map(|at| (at % 32 + 50 * channel + index) as u8));
            }
        }
        bytes
    }

    #[test]
    fn both_kinds_are_told_apart_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let ten = folder.path().join("data_batch_1.bin");
        fs::write(&ten, batch(&[&[3], &[9], &[0]])).unwrap();
        let found = peek(&ten).unwrap().unwrap();
        assert_eq!((found.labels, found.names), (vec![3, 9, 0], Vec::new()));
        let pictures = CifarImages::read(&ten).unwrap();
        let picture = pictures.picture(2, "p", Origin::Pasted).unwrap();
        assert_eq!((picture.width, picture.height), (32, 32));
        // Column 5 of row 1, whose index in a plane is 37.
        assert_eq!(picture.rgb[37 * 3..38 * 3], [7, 57, 107]);
        assert!(pictures.picture(3, "p", Origin::Pasted).is_err());

        let hundred = folder.path().join("train.bin");
        fs::write(&hundred, batch(&[&[19, 99], &[4, 0]])).unwrap();
        assert_eq!(peek(&hundred).unwrap().unwrap().labels, [99, 0]);
        let picture = CifarImages::read(&hundred).unwrap().picture(1, "p", Origin::Pasted).unwrap();
        assert_eq!(picture.rgb[..3], [1, 51, 101]);
    }

    #[test]
    fn other_files_are_no_batches() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.bin");
        for bytes in [Vec::new(), batch(&[&[3]])[..3000].to_vec(), batch(&[&[3], &[10]])] {
            fs::write(&file, bytes).unwrap();
            assert_eq!(peek(&file).unwrap(), None);
        }
        let text = folder.path().join("x.txt");
        fs::write(&text, batch(&[&[3]])).unwrap();
        assert_eq!(peek(&text).unwrap(), None);
        assert!(CifarImages::read(&file).unwrap_err().to_string().contains("no longer"));
    }

    #[test]
    fn names_stand_beside() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test_batch.bin");
        fs::write(&file, batch(&[&[1]])).unwrap();
        fs::write(folder.path().join("batches.meta.txt"), "airplane\nautomobile\n\n").unwrap();
        assert_eq!(peek(&file).unwrap().unwrap().names, ["airplane", "automobile"]);
        fs::write(&file, batch(&[&[2]])).unwrap();
        let error = peek(&file).unwrap_err().to_string();
        assert!(error.contains("names 2 classes") && error.contains("class 2"), "{error}");
    }
}
