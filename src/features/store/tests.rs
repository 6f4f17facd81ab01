use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime};

use candle_core::Tensor;
use half::slice::HalfFloatSliceExt;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::diffusion::Draw;
use crate::features::tap::pooled;
use crate::grid::Grid;
use crate::tensor::precision::Precision;
use crate::tensor::rng::standard_normal;

const ROOM: u64 = 1 << 30;

fn origin() -> Origin {
    Origin::new(&"0123456789abcdef".repeat(4), Precision::F32, [0; 32]).unwrap()
}

/// Features of block 12 at t 50, whose map is 8×8.
fn series(channels: usize, side: usize) -> Series {
    origin().series(50, 12, [channels, side, side], [8, 8])
}

fn keys(count: usize) -> Vec<RowKey> {
    let picture = |number: usize| Grid::from_fn(3, 2, 2, |_, _, _| number as f32);
    (0..count).map(|number| origin().key(&picture(number), Draw { seed: 0, number: 0 }, None)).collect()
}

/// `count` values that are another set for another `mark`.
fn values(count: usize, mark: u8) -> Vec<f16> {
    standard_normal(&[mark; 32], count).into_iter().map(f16::from_f32).collect()
}

fn file_of(folder: &TempDir, series: &Series) -> PathBuf {
    folder.path().join(series.folder()).join(series.file())
}

fn spoil(path: &Path, at: u64) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

/// Three rows of 2×4×4 in a folder.
fn three() -> (TempDir, Series, Vec<RowKey>, Vec<f16>) {
    let (folder, series, keys) = (TempDir::new().unwrap(), series(2, 4), keys(3));
    let values = values(3 * series.values(), 1);
    FeatureStore::open(folder.path(), ROOM).put(&series, &keys, &values);
    (folder, series, keys, values)
}

fn there(store: &mut FeatureStore, series: &Series, keys: &[RowKey]) -> Vec<bool> {
    keys.iter().map(|key| store.get(series, key).is_some()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Any bits come back, from any store on the folder, whatever was put together with them.
    #[test]
    fn rows_come_back_to_the_bit(
        channels in 1usize..5,
        side in 1usize..9,
        parts in prop::collection::vec(prop::collection::vec(0usize..12, 0..6), 1..5),
        bits in prop::collection::vec(any::<u16>(), 64),
    ) {
        let folder = TempDir::new().unwrap();
        let (series, keys) = (series(channels, side), keys(13));
        let row = |number: usize| -> Vec<f16> {
            (0..series.values()).map(|at| f16::from_bits(bits[(at * 5 + number * 7) % 64])).collect()
        };
        let mut store = FeatureStore::open(folder.path(), ROOM);
        for part in &parts {
            let values: Vec<f16> = part.iter().flat_map(|&number| row(number)).collect();
            let keys: Vec<RowKey> = part.iter().map(|&number| keys[number]).collect();
            store.put(&series, &keys, &values);
        }
        let mut again = FeatureStore::open(folder.path(), ROOM);
        for (number, key) in keys.iter().enumerate() {
            let put = parts.iter().flatten().any(|&put| put == number);
            for store in [&mut store, &mut again] {
                let got = store.get(&series, key);
                prop_assert_eq!(got.is_some(), put);
                if let Some(got) = got {
                    let right = row(number);
                    let (got, right): (&[u16], &[u16]) = (got.reinterpret_cast(), right.reinterpret_cast());
                    prop_assert_eq!(got, right);
                }
            }
        }
        let mut distinct: Vec<usize> = parts.into_iter().flatten().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let size = if distinct.is_empty() { 0 } else { series.header().len() + distinct.len() * series.record() };
        prop_assert_eq!(store.size(), size as u64, "no row is there twice");
    }
}

#[test]
fn a_torn_record_is_written_again() {
    let (folder, series, keys, values) = three();
    let path = file_of(&folder, &series);
    let whole = fs::metadata(&path).unwrap().len();
    for torn in [1, 8, 9, series.record() as u64 - 1] {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(whole - torn).unwrap();
        let mut store = FeatureStore::open(folder.path(), ROOM);
        assert_eq!(there(&mut store, &series, &keys), [true, true, false], "{torn} bytes less");
        store.put(&series, &keys, &values);
        assert_eq!(fs::metadata(&path).unwrap().len(), whole);
        let mut again = FeatureStore::open(folder.path(), ROOM);
        for (key, row) in keys.iter().zip(values.chunks(series.values())) {
            assert_eq!(again.get(&series, key).unwrap(), row);
        }
    }
}

#[test]
fn a_damaged_byte_is_never_trusted() {
    let (folder, series, keys, values) = three();
    let path = file_of(&folder, &series);
    let (header, record) = (series.header().len() as u64, series.record() as u64);
    let whole = fs::metadata(&path).unwrap().len();
    // In the values of the second record, and in its checksum.
    for at in [header + record + 40, header + 2 * record - 1] {
        spoil(&path, at);
        let mut store = FeatureStore::open(folder.path(), ROOM);
        assert_eq!(there(&mut store, &series, &keys), [true, false, true]);
        store.put(&series, &keys, &values);
        assert_eq!(there(&mut store, &series, &keys), [true; 3]);
        assert_eq!(there(&mut FeatureStore::open(folder.path(), ROOM), &series, &keys), [true; 3]);
        assert_eq!(fs::metadata(&path).unwrap().len(), whole, "written over");
    }
    // In its key: nobody asks for that one, and the right one is added.
    spoil(&path, header + record);
    let mut store = FeatureStore::open(folder.path(), ROOM);
    assert_eq!(there(&mut store, &series, &keys), [true, false, true]);
    store.put(&series, &keys, &values);
    assert_eq!(there(&mut store, &series, &keys), [true; 3]);
    // Anywhere in the header: the file is begun anew.
    for at in [0, 8, header - 1] {
        spoil(&path, at);
        let mut store = FeatureStore::open(folder.path(), ROOM);
        assert_eq!(there(&mut store, &series, &keys), [false; 3]);
        store.put(&series, &keys[2..], &values[2 * series.values()..]);
        assert_eq!(there(&mut store, &series, &keys), [false, false, true]);
        assert_eq!(fs::metadata(&path).unwrap().len(), header + record);
    }
}

/// A record that another process has repaired is kept, and its key known.
#[test]
fn damage_that_another_store_has_mended_is_not_written_over() {
    let (folder, series, keys, values) = three();
    let path = file_of(&folder, &series);
    spoil(&path, series.header().len() as u64 + 40);
    let mut late = FeatureStore::open(folder.path(), ROOM);
    assert_eq!(there(&mut late, &series, &keys), [false, true, true]);
    FeatureStore::open(folder.path(), ROOM).put(&series, &keys, &values);
    let other = origin().key(&Grid::from_fn(3, 2, 2, |_, _, _| -1.0), Draw { seed: 0, number: 0 }, None);
    late.put(&series, &[other, keys[0]], &values[..2 * series.values()]);
    let all = [keys[0], keys[1], keys[2], other];
    assert_eq!(there(&mut late, &series, &all), [true; 4]);
    assert_eq!(there(&mut FeatureStore::open(folder.path(), ROOM), &series, &all), [true; 4]);
}

#[test]
fn smaller_pools_are_averages_of_larger_ones_but_for_rounding() {
    let folder = TempDir::new().unwrap();
    let (channels, key) = (16, keys(1)[0]);
    let map = standard_normal(&[3; 32], channels * 64);
    let map: Vec<f32> = map.into_iter().enumerate().map(|(at, v)| v * (1 + at % 200) as f32).collect();
    let tensor = Tensor::from_vec(map.clone(), (1, channels, 8, 8), &candle_core::Device::Cpu).unwrap();
    let direct =
        |p: usize| pooled(&tensor, Some(p)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let whole: Vec<f16> = map.iter().copied().map(f16::from_f32).collect();
    store.put(&series(channels, 8), &[key], &whole);
    let magnitudes: Vec<f32> = map.iter().map(|value| value.abs()).collect();
    let magnitudes = Tensor::from_vec(magnitudes, (1, channels, 8, 8), &candle_core::Device::Cpu).unwrap();
    for p in [4, 2, 1] {
        let small = series(channels, p);
        let derived = store.get(&small, &key).unwrap();
        let magnitude =
            pooled(&magnitudes, Some(p)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let direct = direct(p);
        assert_eq!(derived.len(), direct.len());
        for ((derived, direct), magnitude) in derived.iter().zip(direct).zip(magnitude) {
            let (derived, direct) = (derived.to_f32(), f16::from_f32(direct).to_f32());
            let bound = (magnitude + derived.abs() + direct.abs()) / 2048.0;
            // What sums in f32 lose is far below.
            assert!((derived - direct).abs() <= 1.01 * bound, "{p}: {derived} and {direct}, {bound}");
        }
        store.put(&small, &[key], &values(small.values(), 9));
        assert!(!file_of(&folder, &small).exists(), "{p} is not kept beside what it follows from");
    }
    assert!(store.get(&series(channels, 3), &key).is_none(), "3 does not divide 8");
    assert!(store.get(&series(channels, 16), &key).is_none(), "nothing larger follows");
    assert!(store.get(&series(channels + 1, 4), &key).is_none(), "of another block");
    assert!(store.get(&series(channels, 4), &keys(2)[1]).is_none(), "of another picture");
    let later = origin().series(51, 12, [channels, 4, 4], [8, 8]);
    assert!(store.get(&later, &key).is_none(), "at another timestep");
}

#[test]
fn pools_whose_cells_overlap_give_no_smaller_ones() {
    let key = keys(1)[0];
    // Stored side, wanted side, side of the map, and whether one follows from the other.
    for (stored, wanted, map, follows) in [
        (6, 3, 8, false),
        (6, 3, 12, true),
        (16, 8, 8, true),
        (16, 4, 8, true),
        (24, 6, 8, false),
        (32, 16, 8, true),
        (4, 2, 7, false),
    ] {
        let folder = TempDir::new().unwrap();
        let of = |side| origin().series(50, 12, [1, side, side], [map, map]);
        let mut store = FeatureStore::open(folder.path(), ROOM);
        store.put(&of(stored), &[key], &values(stored * stored, 1));
        assert_eq!(store.get(&of(wanted), &key).is_some(), follows, "{wanted} of {stored} of {map}");
    }
}

#[test]
fn what_half_precision_could_not_hold_is_not_averaged() {
    let folder = TempDir::new().unwrap();
    let (large, small, keys) = (series(1, 4), series(1, 2), keys(1));
    let mut rows = values(16, 1);
    rows[5] = f16::MAX;
    let mut store = FeatureStore::open(folder.path(), ROOM);
    store.put(&large, &keys, &rows);
    assert!(store.get(&small, &keys[0]).is_none());
    store.put(&small, &keys, &values(4, 2));
    assert_eq!(store.get(&small, &keys[0]).unwrap(), values(4, 2));
}

#[test]
fn files_used_longest_ago_make_room_and_none_of_this_run() {
    let folder = TempDir::new().unwrap();
    let keys = keys(4);
    let of = |block: usize| origin().series(50, block, [4, 8, 8], [8, 8]);
    let rows = values(4 * of(0).values(), 1);
    for block in [10, 11, 12] {
        FeatureStore::open(folder.path(), ROOM).put(&of(block), &keys, &rows);
    }
    let one = fs::metadata(file_of(&folder, &of(10))).unwrap().len();
    let age = |block: usize, hours: u64| {
        let file = File::options().write(true).open(file_of(&folder, &of(block))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600 * hours)).unwrap();
    };
    for (block, hours) in [(10, 3), (11, 1), (12, 2)] {
        age(block, hours);
    }
    let left = || -> Vec<usize> { (10..16).filter(|&block| file_of(&folder, &of(block)).exists()).collect() };
    let mut store = FeatureStore::open(folder.path(), 3 * one + 10);
    assert_eq!(store.size(), 3 * one);
    // Use touches: 10 is now the latest, and of this run.
    assert!(store.get(&of(10), &keys[0]).is_some());
    age(10, 5);
    store.put(&of(13), &keys, &rows);
    assert_eq!(left(), [10, 11, 13], "the oldest that is not of this run went");
    store.put(&of(14), &keys, &rows);
    assert_eq!(left(), [10, 13, 14]);
    store.put(&of(15), &keys, &rows);
    assert_eq!(left(), [10, 13, 14], "there is nothing left to go");
    assert!(store.get(&of(15), &keys[0]).is_none() && store.size() <= 3 * one + 10);
    assert!(store.get(&of(14), &keys[3]).is_some());
    // In another run they may go, but not for what would not fit anyway.
    store.begin_run();
    store.put(&series(64, 8), &keys, &values(4 * series(64, 8).values(), 2));
    assert_eq!(left(), [10, 13, 14]);
    age(10, 5);
    store.put(&of(15), &keys, &rows);
    assert_eq!(left(), [13, 14, 15]);
    let mut none = FeatureStore::open(folder.path(), 0);
    none.put(&of(9), &keys, &rows);
    assert!(none.get(&of(9), &keys[0]).is_none());
    assert_eq!(left(), [13, 14, 15], "without room nothing is made to go");
}

#[test]
fn whoever_does_not_get_the_lock_reads_only() {
    let (folder, series, keys, values) = three();
    let more = super::tests::keys(5);
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let other = File::options().read(true).open(file_of(&folder, &series)).unwrap();
    other.lock().unwrap();
    store.put(&series, &more[3..], &values[..2 * series.values()]);
    assert_eq!(there(&mut store, &series, &more), [true, true, true, false, false]);
    other.unlock().unwrap();
    store.put(&series, &more[3..], &values[..2 * series.values()]);
    assert_eq!(there(&mut store, &series, &more), [true; 5]);
    assert_eq!(store.get(&series, &keys[0]).unwrap(), values[..series.values()]);
}

#[test]
fn stores_that_write_at_once_do_each_other_no_harm() {
    let folder = TempDir::new().unwrap();
    let (series, keys) = (series(3, 4), keys(120));
    let rows = values(120 * series.values(), 1);
    let write = |first: usize, step: usize| {
        let mut store = FeatureStore::open(folder.path(), ROOM);
        for at in (first..120).step_by(step) {
            // The lock may be another's: then this row is put again.
            while store.get(&series, &keys[at]).is_none() {
                store.put(&series, &keys[at..=at], &rows[at * series.values()..][..series.values()]);
            }
        }
    };
    std::thread::scope(|scope| {
        for (first, step) in [(0, 2), (1, 2), (0, 3)] {
            scope.spawn(move || write(first, step));
        }
    });
    let mut store = FeatureStore::open(folder.path(), ROOM);
    for (key, row) in keys.iter().zip(rows.chunks(series.values())) {
        assert_eq!(store.get(&series, key).unwrap(), row);
    }
    assert_eq!(store.size(), (series.header().len() + 120 * series.record()) as u64, "each row once");
}

/// A file that goes away under a store, as another process made room, is made again.
#[test]
fn a_file_that_was_removed_is_made_again() {
    let (folder, series, keys, values) = three();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    assert!(store.get(&series, &keys[0]).is_some());
    fs::remove_file(file_of(&folder, &series)).unwrap();
    let more = super::tests::keys(4);
    store.put(&series, &more[3..], &values[..series.values()]);
    let mut again = FeatureStore::open(folder.path(), ROOM);
    assert_eq!(there(&mut again, &series, &more), [false, false, false, true]);
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_training() {
    let folder = TempDir::new().unwrap();
    let taken = folder.path().join("taken");
    fs::write(&taken, "no folder").unwrap();
    let (series, keys) = (series(1, 2), keys(1));
    let mut store = FeatureStore::open(&taken, ROOM);
    store.put(&series, &keys, &values(4, 1));
    assert!(store.get(&series, &keys[0]).is_none() && store.broken);
    assert_eq!((store.size(), fs::read(&taken).unwrap()), (0, b"no folder".to_vec()));
    store.begin_run();
    assert!(!store.broken, "another run tries again");
}

#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_not_written() {
    let (folder, series, keys, values) = three();
    let (path, elsewhere) = (file_of(&folder, &series), folder.path().join("mine"));
    fs::write(&elsewhere, "something else").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    store.put(&series, &keys, &values);
    assert_eq!(there(&mut store, &series, &keys), [false; 3]);
    store.clear().unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), b"something else");
}

#[test]
fn clearing_leaves_what_is_not_features() {
    let (folder, series, keys, values) = three();
    let note = folder.path().join(series.folder()).join("note.txt");
    fs::write(&note, "mine").unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    assert_eq!(store.size(), (series.header().len() + 3 * series.record()) as u64);
    store.clear().unwrap();
    assert_eq!((store.size(), there(&mut store, &series, &keys)), (0, vec![false; 3]));
    assert!(note.exists());
    store.put(&series, &keys, &values);
    fs::remove_file(&note).unwrap();
    store.clear().unwrap();
    assert!(!folder.path().exists(), "an empty folder goes too");
}

#[test]
fn keys_follow_from_everything_that_decides_a_row() {
    let picture = Grid::from_fn(3, 4, 4, |c, y, x| (c + y + x) as f32 / 10.0);
    let draw = Draw { seed: 1, number: 0 };
    let plain = origin().key(&picture, draw, None);
    assert_eq!(plain, origin().key(&picture.clone(), draw, None));
    let mut changed = picture.values().to_vec();
    changed[7] = -changed[7];
    let other = Origin::new(&"0123456789abcdef".repeat(4), Precision::F32, [1; 32]).unwrap();
    let all = [
        plain,
        origin().key(&Grid::new(3, 4, 4, changed).unwrap(), draw, None),
        origin().key(&picture, Draw { seed: 2, ..draw }, None),
        origin().key(&picture, Draw { number: 1, ..draw }, None),
        origin().key(&picture, draw, Some(0)),
        other.key(&picture, draw, None),
    ];
    assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
    let bf16 = Origin::new(&"0123456789abcdef".repeat(4), Precision::Bf16, [0; 32]).unwrap();
    assert_eq!(series(128, 8).file(), "f32-t0050-b12-128x8x8.f16");
    assert_eq!(bf16.series(50, 12, [128, 8, 8], [8, 8]).file(), "bf16-t0050-b12-128x8x8.f16");
    assert_eq!(series(128, 8).folder(), "0123456789abcdef");
    assert!(Origin::new("random weights 0 of 0123", Precision::F32, [0; 32]).is_none());
}
