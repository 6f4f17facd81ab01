//! Features kept on disk from one training to the next, in half precision.
//!
//! Every network, precision, timestep, block and size has one file that only grows:
//! `<16 digits of the network's hash>/f32-t0050-b12-128x8x8.f16`. A row is found by everything that
//! decides x_t, and counts only with its checksum. Whoever deletes the folder loses nothing but time.
//!
//! Where a larger pool of the same block holds a row, smaller ones whose side divides it are averages
//! of it and not kept. They differ from what the network's map would be pooled to by rounding to half
//! precision only; rows that are kept come back to the bit.
//!
//! Several processes may use one folder: a file is written only under its lock, and whoever does not
//! get it reads only.

mod folder;
mod series;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use half::f16;

pub use folder::free_disk;
pub use series::{Origin, RowKey, Series, average_cells, pool_follows};
use shelf::Shelf;

use crate::error::{Error, Result};

/// Features kept in a folder.
pub struct FeatureStore {
    folder: PathBuf,
    cap_bytes: u64,
    /// The files that this run uses.
    shelves: HashMap<Series, Shelf>,
    /// What else there is that each could be derived from.
    larger: HashMap<Series, Vec<Series>>,
    /// Nothing more is stored in this run, because a file could not be written.
    broken: bool,
    told_full: bool,
}

impl FeatureStore {
    /// What is kept in `folder`, which need not exist, and grows to at most `cap_bytes`.
    pub fn open(folder: impl Into<PathBuf>, cap_bytes: u64) -> FeatureStore {
        FeatureStore {
            folder: folder.into(),
            cap_bytes,
            shelves: HashMap::new(),
            larger: HashMap::new(),
            broken: false,
            told_full: false,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins another run: files used before may go when room is needed, and are read anew.
    pub fn begin_run(&mut self) {
        self.shelves.clear();
        self.larger.clear();
        (self.broken, self.told_full) = (false, false);
    }

    /// The row of `key`, C·h·w values channel by channel: the very bits put there, or averages of a
    /// larger pool's.
    pub fn get(&mut self, series: &Series, key: &RowKey) -> Option<Vec<f16>> {
        if let Some(values) = self.get_own(series, key) {
            return Some(values);
        }
        let larger = match self.larger.get(series) {
            Some(larger) => larger.clone(),
            None => {
                let larger = self.larger_than(series);
                self.larger.insert(series.clone(), larger.clone());
                larger
            }
        };
        larger.iter().find_map(|larger| series.average(larger, &self.shelf(larger).get(key)?))
    }

    /// The row of `key` as it was put there, and no average.
    pub fn get_own(&mut self, series: &Series, key: &RowKey) -> Option<Vec<f16>> {
        self.shelf(series).get(key)
    }

    /// As [`FeatureStore::put`], also where rows could be derived: for those who need the very bits.
    pub fn put_own(&mut self, series: &Series, keys: &[RowKey], values: &[f16]) {
        self.put_where(series, keys, values, |store, key| store.get_own(series, key).is_none());
    }

    /// Keeps rows that are not there and cannot be derived: `values` are those of all `keys`, one
    /// after another. What cannot be kept is left out, and that is said once in a run: a training
    /// goes on without.
    pub fn put(&mut self, series: &Series, keys: &[RowKey], values: &[f16]) {
        self.put_where(series, keys, values, |store, key| store.get(series, key).is_none());
    }

    fn put_where(
        &mut self,
        series: &Series,
        keys: &[RowKey],
        values: &[f16],
        is_wanted: impl Fn(&mut FeatureStore, &RowKey) -> bool,
    ) {
        let each = series.values();
        if self.broken || each == 0 {
            return;
        }
        let rows = keys.iter().copied().zip(values.chunks_exact(each));
        let rows: Vec<(RowKey, &[f16])> = rows.filter(|(key, _)| is_wanted(self, key)).collect();
        if rows.is_empty() || !self.has_room(series, rows.len()) {
            return;
        }
        if let Err(error) = self.shelf(series).append(&rows) {
            self.broken = true;
            log::warn!(
                "features are no longer kept in {}: {error}; the training goes on without",
                self.folder.display()
            );
        }
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        folder::size(&self.folder)
    }

    /// Removes all that is kept.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn clear(&mut self) -> Result<()> {
        self.begin_run();
        folder::clear(&self.folder).map_err(|(path, error)| Error::io("remove", path)(error))
    }

    fn shelf(&mut self, series: &Series) -> &mut Shelf {
        let folder = &self.folder;
        self.shelves.entry(series.clone()).or_insert_with(|| Shelf::open(series, folder))
    }

    /// Series on disk that `series` can be derived from, the smallest first.
    fn larger_than(&self, series: &Series) -> Vec<Series> {
        let names = fs::read_dir(self.folder.join(series.folder())).into_iter().flatten().flatten();
        let mut larger: Vec<Series> =
            names.filter_map(|entry| series.larger(entry.file_name().to_str()?)).collect();
        larger.sort_by_key(Series::values);
        larger
    }

    fn has_room(&mut self, series: &Series, rows: usize) -> bool {
        let needed = self.shelf(series).bytes_of(rows);
        let used: Vec<PathBuf> = self.shelves.values().map(|shelf| shelf.path().to_path_buf()).collect();
        let room = folder::make_room(&self.folder, needed, self.cap_bytes, &used);
        if !room && !self.told_full {
            self.told_full = true;
            log::info!(
                "{} is full at {:.1} GB: further features are computed anew every time",
                self.folder.display(),
                self.cap_bytes as f64 / 1e9
            );
        }
        room
    }
}
