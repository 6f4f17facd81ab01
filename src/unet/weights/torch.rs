//! Reading `.pt` as PyTorch 1.6 and later write it: a zip file with a pickle, `data.pkl`, that
//! describes the tensors, and one stored entry per storage, read in one pass in the order of the file.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use zip::read::ZipReadOptions;
use zip::{CompressionMethod, ZipArchive};

use super::entry::{Entry, element_count};
use super::parameters::Parameters;
use super::pickle::Pickle;
use super::progress::Meter;
use super::state_dict::{self, StateDict, View};
use crate::error::{Error, Result};

/// The pickle of the largest published checkpoint takes 200 kB.
const MAX_PICKLE: u64 = 1 << 26;
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// A `.pt` whose pickle has been read and checked against the file.
pub(super) struct TorchFile<R> {
    zip: ZipArchive<R>,
    name: String,
    views: Vec<View>,
    /// Indices into `views` by the zip entry that holds their storage.
    storages: HashMap<usize, Vec<usize>>,
    /// The key of the file under which the parameters were found, if not at the top.
    pub(super) key: Option<String>,
}

impl<R: Read + Seek> TorchFile<R> {
    /// Reads what the file called `name` holds, without its values.
    ///
    /// # Errors
    /// When it is cut short, holds no parameters, or contradicts itself.
    pub(super) fn open(reader: R, name: &str) -> Result<Self> {
        TorchFile::open_with(reader, name, state_dict::find)
    }

    /// As [`TorchFile::open`], with the tensors that `find` finds.
    pub(super) fn open_with(
        mut reader: R,
        name: &str,
        find: impl FnOnce(&Pickle) -> Result<StateDict, String>,
    ) -> Result<Self> {
        let refuse = |why: String| Error::checkpoint(name, why);
        let len = reader.seek(SeekFrom::End(0)).map_err(Error::io("read", Path::new(name)))?;
        let mut zip = ZipArchive::new(reader).map_err(|error| {
            refuse(format!(
                "is cut short or damaged: its table of contents cannot be read ({error}); fetch it again"
            ))
        })?;
        let mut by_name = HashMap::new();
        for index in 0..zip.len() {
            if let Some(entry) = zip.name_for_index(index) {
                by_name.insert(entry.to_owned(), index);
            }
        }
        let pickle_name =
            by_name.keys().filter(|entry| *entry == "data.pkl" || entry.ends_with("/data.pkl")).min();
        let Some(pickle_name) = pickle_name.cloned() else {
            return Err(refuse("is a zip file but no PyTorch checkpoint: it holds no data.pkl".into()));
        };
        let root = pickle_name.trim_end_matches("data.pkl");
        if let Some(&index) = by_name.get(&format!("{root}byteorder"))
            && small_entry(&mut zip, index, 16).is_ok_and(|order| order == b"big")
        {
            return Err(refuse("was written on a big-endian machine, which is not read".into()));
        }
        let damaged =
            |why: String| refuse(format!("its list of tensors cannot be read: {why}; fetch it again"));
        let pickle = small_entry(&mut zip, by_name[&pickle_name], MAX_PICKLE).map_err(damaged)?;
        let pickle = Pickle::parse(&pickle).map_err(damaged)?;
        let found = find(&pickle).map_err(refuse)?;

        let total: Option<usize> =
            found.views.iter().try_fold(0, |sum: usize, view| sum.checked_add(element_count(&view.shape)?));
        // Tensors may share a storage, yet not so often that a small file fills the memory.
        if total.is_none_or(|total| total as u64 > len) {
            return Err(refuse(
                "describes more values than the file can hold; it is damaged or malicious".into(),
            ));
        }
        let mut storages: HashMap<usize, Vec<usize>> = HashMap::new();
        for (place, view) in found.views.iter().enumerate() {
            let Some(size) = view.storage.stored.size() else { continue };
            let entry = format!("{root}data/{}", view.storage.key);
            let Some(&index) = by_name.get(&entry) else {
                return Err(refuse(format!(
                    "the values of {} are missing from it; fetch it again",
                    view.name
                )));
            };
            let file = zip.by_index_raw(index).map_err(|error| damaged(error.to_string()))?;
            if file.compression() != CompressionMethod::Stored || file.encrypted() {
                return Err(refuse(
                    "is compressed, as torch.save never does; unpack it and save it again with torch.save"
                        .into(),
                ));
            }
            let needed = view.storage.len.checked_mul(size).map(|needed| needed as u64);
            if needed.is_none_or(|needed| needed > file.size() || file.size() > len) {
                return Err(refuse(format!("the values of {} are incomplete; fetch it again", view.name)));
            }
            storages.entry(index).or_default().push(place);
        }
        Ok(TorchFile { zip, name: name.into(), views: found.views, storages, key: found.key })
    }

    /// The tensors in the order of the pickle.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |view: &View| Entry {
            name: view.name.clone(),
            shape: view.shape.clone(),
            stored: view.storage.stored.clone(),
        };
        self.views.iter().map(entry).collect()
    }

    /// Reads all values of floating point, each storage once, in the order of the file.
    ///
    /// # Errors
    /// When the file cannot be read or the user cancels.
    pub(super) fn read(mut self, meter: &mut Meter<'_>) -> Result<Parameters> {
        let damaged =
            |error: zip::result::ZipError| Error::checkpoint(&self.name, format!("cannot be read: {error}"));
        let mut order: BTreeMap<u64, (usize, u64)> = BTreeMap::new();
        for &index in self.storages.keys() {
            let file = self.zip.by_index_raw(index).map_err(damaged)?;
            order.insert(file.header_start(), (index, file.size()));
        }
        meter.start("reading", order.values().map(|(_, size)| size).sum())?;
        let mut parameters = Parameters::new();
        let mut bytes = Vec::new();
        for (index, size) in order.into_values() {
            let mut file = self.zip.by_index_raw(index).map_err(damaged)?;
            bytes.clear();
            bytes.resize(size as usize, 0);
            for part in bytes.chunks_mut(CHUNK) {
                file.read_exact(part).map_err(Error::io("read", Path::new(&self.name)))?;
                meter.add(part.len())?;
            }
            for &place in &self.storages[&index] {
                let view = &self.views[place];
                parameters.insert(&view.name, &view.shape, gather(view, &bytes))?;
            }
        }
        Ok(parameters)
    }
}

/// The values of `view` in row-major order from the bytes of its storage, which `open` found to be
/// long enough.
fn gather(view: &View, storage: &[u8]) -> Vec<f32> {
    let (stored, count) = (&view.storage.stored, element_count(&view.shape).unwrap_or(0));
    let size = stored.size().unwrap_or(1);
    let mut values = Vec::with_capacity(count);
    if count == 0 {
        return values;
    }
    let mut append = |place: usize, count: usize| {
        stored.decode(&storage[place * size..(place + count) * size], &mut values);
    };
    if view.is_contiguous() {
        append(view.offset, count);
        return values;
    }
    let mut index = vec![0; view.shape.len()];
    for _ in 0..count {
        let place =
            view.offset + index.iter().zip(&view.strides).map(|(i, stride)| i * stride).sum::<usize>();
        append(place, 1);
        for (i, &dim) in index.iter_mut().zip(&view.shape).rev() {
            *i += 1;
            if *i < dim {
                break;
            }
            *i = 0;
        }
    }
    values
}

/// The whole of a small entry, which may be compressed; at most `limit` bytes.
fn small_entry<R: Read + Seek>(zip: &mut ZipArchive<R>, index: usize, limit: u64) -> Result<Vec<u8>, String> {
    // PyTorch can be told to leave checksums out, and then writes wrong ones.
    let options = ZipReadOptions::new().ignore_crc32(true);
    let file = zip.by_index_with_options(index, options).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// The legacy format before PyTorch 1.6 begins with a pickle of this number.
const LEGACY_MAGIC: [u8; 15] =
    [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

/// True when a file that begins with `start` was written by torch.save before 1.6, or with
/// `_use_new_zipfile_serialization=False`.
pub(super) fn is_legacy(start: &[u8]) -> bool {
    start.starts_with(&LEGACY_MAGIC) || (start.len() > 1 && start[0] == 0x80 && (2..=5).contains(&start[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unet::weights::entry::Stored;
    use crate::unet::weights::state_dict::StorageRef;

    fn view(shape: &[usize], strides: &[usize], offset: usize) -> View {
        let storage = StorageRef { key: "0".into(), stored: Stored::F32, len: 12 };
        View { name: "w".into(), shape: shape.into(), strides: strides.into(), offset, storage }
    }

    #[test]
    fn strided_views_come_out_row_major() {
        let storage: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
        assert_eq!(gather(&view(&[2, 3], &[3, 1], 2), &storage), [2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert_eq!(gather(&view(&[2, 3], &[1, 2], 0), &storage), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(gather(&view(&[2, 2], &[6, 2], 1), &storage), [1.0, 3.0, 7.0, 9.0]);
        assert_eq!(gather(&view(&[], &[], 5), &storage), [5.0]);
        assert!(gather(&view(&[0, 2], &[2, 1], 0), &storage).is_empty());
    }
}
