//! Reading `.pt` as PyTorch 1.6 and later write it: a zip file with a pickle, `data.pkl`, that
//! describes the tensors, and one stored entry per storage, in which their values lie.

use std::collections::HashMap;
use std::io::{BufReader, Read, Seek};
use std::sync::Arc;

use zip::read::ZipReadOptions;
use zip::{CompressionMethod, ZipArchive};

use super::entry::{Entry, element_count};
use super::parameters::Parameters;
use super::pickle::Pickle;
use super::place::Place;
use super::state_dict::{self, StateDict, View};
use super::store::Store;
use crate::error::{Error, Result};

/// The pickle of the largest published checkpoint takes 200 kB.
const MAX_PICKLE: u64 = 1 << 26;

/// A `.pt` whose pickle has been read and checked against the file.
pub(super) struct TorchFile {
    store: Arc<Store>,
    /// The tensors, and where the values of those of floating point begin.
    views: Vec<(View, Option<u64>)>,
    /// The key of the file under which the parameters were found, if not at the top.
    pub(super) key: Option<String>,
}

impl TorchFile {
    /// Reads what the file holds, without its values.
    ///
    /// # Errors
    /// When it is cut short, holds no parameters, or contradicts itself.
    pub(super) fn open(store: Arc<Store>) -> Result<Self> {
        TorchFile::open_with(store, state_dict::find)
    }

    /// As [`TorchFile::open`], with the tensors that `find` finds.
    pub(super) fn open_with(
        store: Arc<Store>,
        find: impl FnOnce(&Pickle) -> Result<StateDict, String>,
    ) -> Result<Self> {
        let refuse = |why: String| Error::checkpoint(store.name(), why);
        let len = store.len();
        let mut zip = ZipArchive::new(BufReader::new(store.reader())).map_err(|error| {
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
        let mut views = Vec::with_capacity(found.views.len());
        for view in found.views {
            let Some(size) = view.storage.stored.size() else {
                views.push((view, None));
                continue;
            };
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
            let place = file.data_start().filter(|start| {
                let end = start.checked_add(file.size());
                needed.is_some_and(|needed| needed <= file.size()) && end.is_some_and(|end| end <= len)
            });
            let Some(start) = place else {
                return Err(refuse(format!("the values of {} are incomplete; fetch it again", view.name)));
            };
            // The view lies within its storage, unless it is empty.
            let first = if view.shape.contains(&0) { 0 } else { (view.offset * size) as u64 };
            drop(file);
            views.push((view, Some(start + first)));
        }
        drop(zip);
        Ok(TorchFile { store, views, key: found.key })
    }

    /// The tensors in the order of the pickle.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |view: &View| Entry {
            name: view.name.clone(),
            shape: view.shape.clone(),
            stored: view.storage.stored.clone(),
        };
        self.views.iter().map(|(view, _)| entry(view)).collect()
    }

    /// All tensors of floating point, where they lie.
    pub(super) fn parameters(&self) -> Parameters {
        let mut parameters = Parameters::new();
        for (view, offset) in &self.views {
            let Some(offset) = *offset else { continue };
            let strides = (!view.is_contiguous()).then(|| view.strides.clone());
            let (store, stored) = (Arc::clone(&self.store), view.storage.stored.clone());
            parameters.place(&view.name, &view.shape, Place { store, stored, offset, strides });
        }
        parameters
    }
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
