//! Features kept on disk: trainings that need no forward pass, and those that need one after all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use candle_core::Device;
use difscope::error::Error;
use difscope::features::Network;
use difscope::features::control::random_weights;
use difscope::features::network::NetworkSource;
use difscope::features::store::{FeatureStore, Origin};
use difscope::grid::Grid;
use difscope::heads::{HeadConfig, HeadKind, reads};
use difscope::jobs::{CompareJob, Engine, EngineOptions, OpenNetworkJob, Outcome, TrainJob};
use difscope::study::table::Features;
use difscope::study::{CompareConfig, Controls, TrainingConfig};
use difscope::tensor::device::DeviceChoice;
use difscope::tensor::precision::Precision;
use difscope::train::{
    Bank, Example, Fit, Gathering, Reader, Recipe, StepDone, TrainConfig, Trained, answer, few_shot_head,
};
use difscope::unet::weights::OpenOptions;
use tempfile::TempDir;

const ROOM: u64 = 1 << 30;

fn network(precision: Precision) -> Network {
    let mut go_on = |_| std::ops::ControlFlow::Continue(());
    let options = OpenOptions { preset: None, cache: None };
    Network::open(&NetworkSource::Embedded, &options, &Device::Cpu, precision, &mut go_on).unwrap()
}

/// Bright bars, upright or level, each at another place.
fn bars(count: usize) -> Vec<Example> {
    (0..count)
        .map(|index| {
            let (label, place) = (index % 2, 6 + index);
            let input = Grid::from_fn(3, 32, 32, |_, y, x| {
                let along = if label == 0 { x } else { y };
                if along.abs_diff(place + 4) < 3 { 0.9 } else { -0.9 }
            });
            Example { input, label }
        })
        .collect()
}

fn head(kind: HeadKind, pool: usize, reader: Reader) -> HeadConfig {
    let head = few_shot_head(HeadConfig::published(kind, &reader.backbone()).unwrap());
    HeadConfig { hidden: head.hidden.iter().map(|_| 16).collect(), pool, ..head }
}

fn config(seed: u64) -> TrainConfig {
    TrainConfig { epochs: 3, views: 2, batch: 5, ..TrainConfig::of(Recipe::FewShot, HeadKind::Linear, seed) }
}

/// What filling a bank took.
struct Filled {
    bank: Bank,
    /// Rows computed.
    rows: usize,
    /// Blocks computed.
    blocks: usize,
}

fn fill(
    reader: Reader,
    head: &HeadConfig,
    config: &TrainConfig,
    count: usize,
    mut store: Option<&mut FeatureStore>,
) -> Filled {
    let needed = reads(head, &reader.backbone()).unwrap();
    let mut gathering = Gathering::start(reader, &needed, bars(count), config).unwrap();
    let mut blocks = 0;
    let mut count_blocks = |_| {
        blocks += 1;
        Ok(())
    };
    while !gathering.step(reader, store.as_deref_mut(), &mut count_blocks).unwrap() {}
    assert_eq!(gathering.progress(), (count * config.views, count * config.views));
    let rows = gathering.computed();
    Filled { bank: gathering.finish(), rows, blocks }
}

fn train(reader: Reader, head: &HeadConfig, bank: &Bank) -> Trained {
    let parts = (&[0, 1, 2, 3, 4, 5, 6, 7][..], &[8, 9][..]);
    let mut fit = Fit::start(head, &config(1), reader, bank, parts, 2).unwrap();
    while fit.step(bank, reader, &|| Ok(())).unwrap() != StepDone::Finished {}
    fit.finish().unwrap()
}

/// The features of every row that serve `head`.
fn features(reader: Reader, head: &HeadConfig, bank: &Bank) -> Vec<f32> {
    let rows: Vec<usize> = (0..bank.examples().len() * bank.views()).collect();
    let maps = bank.maps(&rows, &reads(head, &reader.backbone()).unwrap(), &Device::Cpu).unwrap();
    maps.iter().flat_map(|(_, map)| map.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
}

#[test]
fn another_head_on_the_same_maps_needs_no_forward_and_is_the_same_to_the_bit() {
    let network = network(Precision::F32);
    let reader = Reader::Network(&network);
    let folder = TempDir::new().unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let (linear, mlp) = (head(HeadKind::Linear, 2, reader), head(HeadKind::Mlp, 2, reader));
    let first = fill(reader, &linear, &config(1), 10, Some(&mut store));
    assert_eq!(first.rows, 20);
    assert!(first.blocks > 0);

    let without = fill(reader, &mlp, &config(1), 10, None);
    assert_eq!(without.rows, 20);
    // In this process, and in one that begins later.
    for store in [&mut store, &mut FeatureStore::open(folder.path(), ROOM)] {
        let second = fill(reader, &mlp, &config(1), 10, Some(store));
        assert_eq!((second.rows, second.blocks), (0, 0));
        assert!(features(reader, &mlp, &second.bank) == features(reader, &mlp, &without.bank));
        let (kept, anew) = (train(reader, &mlp, &second.bank), train(reader, &mlp, &without.bank));
        assert_eq!(kept.curve, anew.curve);
        let pictures: Vec<Grid> = bars(10).into_iter().map(|example| example.input).collect();
        let of = |trained: &Trained| answer(reader, &[&trained.head], &pictures, 1, 1, &|| Ok(())).unwrap();
        assert!(of(&kept) == of(&anew), "the same bits");
    }
    assert_eq!(store.size(), fs_size(folder.path()));
}

fn fs_size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            found if found.is_dir() => fs_size(&entry.path()),
            found => found.len(),
        })
        .sum()
}

#[test]
fn a_larger_pool_is_computed_anew_and_smaller_ones_follow_from_it() {
    let network = network(Precision::F32);
    let reader = Reader::Network(&network);
    let folder = TempDir::new().unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let of = |pool| head(HeadKind::Linear, pool, reader);
    assert_eq!(fill(reader, &of(2), &config(1), 4, Some(&mut store)).rows, 8);
    let larger = fill(reader, &of(4), &config(1), 4, Some(&mut store));
    assert_eq!(larger.rows, 8, "nothing larger follows");
    assert!(larger.blocks > 0);
    let size = store.size();
    // 2 was kept by itself, to the bit; 1 follows from either.
    let exact = fill(reader, &of(2), &config(1), 4, Some(&mut store));
    let derived = fill(reader, &of(1), &config(1), 4, Some(&mut store));
    assert_eq!((exact.rows, derived.rows, derived.blocks), (0, 0, 0));
    assert_eq!(store.size(), size);
    let anew = |pool| fill(reader, &of(pool), &config(1), 4, None).bank;
    assert!(features(reader, &of(2), &exact.bank) == features(reader, &of(2), &anew(2)));
    let (derived, direct) = (features(reader, &of(1), &derived.bank), features(reader, &of(1), &anew(1)));
    let largest = direct.iter().fold(0f32, |most, value| most.max(value.abs()));
    for (derived, direct) in derived.iter().zip(&direct) {
        assert!((derived - direct).abs() <= largest / 1024.0, "{derived} and {direct}");
    }
}

#[test]
fn only_what_is_not_there_is_computed() {
    let network = network(Precision::F32);
    let reader = Reader::Network(&network);
    let folder = TempDir::new().unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let head = head(HeadKind::Linear, 2, reader);
    assert_eq!(fill(reader, &head, &config(1), 4, Some(&mut store)).rows, 8);
    let more = fill(reader, &head, &config(1), 7, Some(&mut store));
    assert_eq!(more.rows, 6);
    let anew = fill(reader, &head, &config(1), 7, None);
    assert!(features(reader, &head, &more.bank) == features(reader, &head, &anew.bank));
    // Other noise, other views, another precision: other rows.
    assert_eq!(fill(reader, &head, &config(2), 4, Some(&mut store)).rows, 8);
    let three = TrainConfig { views: 3, ..config(1) };
    assert_eq!(fill(reader, &head, &three, 4, Some(&mut store)).rows, 4, "the third view of each");
    let coarse = self::network(Precision::Bf16);
    assert_eq!(fill(Reader::Network(&coarse), &head, &config(1), 4, Some(&mut store)).rows, 8);
}

#[test]
fn giving_way_loses_nothing() {
    let network = network(Precision::F32);
    let reader = Reader::Network(&network);
    let folder = TempDir::new().unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let head = head(HeadKind::Linear, 2, reader);
    fill(reader, &head, &config(1), 3, Some(&mut store));
    let needed = reads(&head, &reader.backbone()).unwrap();
    let mut gathering = Gathering::start(reader, &needed, bars(8), &config(1)).unwrap();
    let mut asked = 0u32;
    loop {
        let step = gathering.step(reader, Some(&mut store), &mut |_| {
            asked += 1;
            if asked == 5 { Err(Error::Cancelled) } else { Ok(()) }
        });
        match step {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => assert!(error.is_cancelled(), "{error}"),
        }
        assert!(asked < 100_000, "it gets on");
    }
    assert!(asked > 5, "it was stopped");
    assert_eq!(gathering.computed(), 10);
    let anew = fill(reader, &head, &config(1), 8, None);
    assert!(features(reader, &head, &gathering.finish()) == features(reader, &head, &anew.bank));
}

#[test]
fn controls_are_not_kept() {
    let network = network(Precision::F32);
    let random = random_weights(&network, 1).unwrap();
    assert!(Origin::of(&network).is_some() && Origin::of(&random).is_none());
    let folder = TempDir::new().unwrap();
    let mut store = FeatureStore::open(folder.path(), ROOM);
    let published = head(HeadKind::Linear, 2, Reader::Network(&network));
    let pixels = Reader::on_pixels(&published, &network.card.config);
    let control = [(Reader::Network(&random), &published), (Reader::Pixels(&network.card.config), &pixels)];
    for (reader, head) in control {
        for _ in 0..2 {
            assert_eq!(fill(reader, head, &config(1), 3, Some(&mut store)).rows, 6);
        }
    }
    assert_eq!(store.size(), 0);
}

fn engine(folder: Option<&Path>) -> Engine {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        cache: None,
        feature_store: folder.map(Path::to_path_buf),
        ..EngineOptions::default()
    };
    let engine = Engine::start(options, || {}).unwrap();
    let job = OpenNetworkJob { source: NetworkSource::Embedded, preset: None };
    assert!(matches!(engine.run(job, &mut |_| {}), Ok(Outcome::Network(_))));
    engine
}

/// The saved head, to the byte.
fn trained(engine: &Engine, out: &Path) -> Vec<u8> {
    let network = network(Precision::F32);
    let config = TrainingConfig {
        head: head(HeadKind::Linear, 2, Reader::Network(&network)),
        train: config(3),
        split: Some(difscope::data::split::How::Shots { train: 2, validation: 1, test: Some(1) }),
        split_file: None,
        draws: 1,
        features: Features::Network,
        classes: None,
        states: 0,
    };
    let job = TrainJob::new(config, "bundled:fashion".into(), Some(out.to_path_buf()), true);
    assert!(matches!(engine.run(job, &mut |_| {}), Ok(Outcome::Trained(_))));
    fs::read(out).unwrap()
}

#[test]
fn the_engine_keeps_features_where_it_is_told() {
    let folder = TempDir::new().unwrap();
    let (kept, other, out) =
        (folder.path().join("kept"), folder.path().join("other"), folder.path().join("head.safetensors"));
    let without = trained(&engine(None), &out);
    let mut engine = engine(Some(&kept));
    let size = |folder: &Path| FeatureStore::open(folder, ROOM).size();
    assert!(trained(&engine, &out) == without);
    let once = size(&kept);
    assert!(once > 0);
    assert!(trained(&engine, &out) == without);
    assert_eq!(size(&kept), once);
    // A project opened later, and none.
    engine.use_feature_store(Some(other.clone()));
    assert!(trained(&engine, &out) == without);
    assert_eq!((size(&kept), size(&other)), (once, once));
    engine.use_feature_store(None);
    fs::remove_dir_all(&other).unwrap();
    assert!(trained(&engine, &out) == without);
    assert!(!other.exists());
    // Options that name no folder leave it as it is.
    engine.use_feature_store(Some(other.clone()));
    engine
        .restart(EngineOptions { device: DeviceChoice::Cpu, cache: None, ..EngineOptions::default() })
        .unwrap();
    let job = OpenNetworkJob { source: NetworkSource::Embedded, preset: None };
    assert!(matches!(engine.run(job, &mut |_| {}), Ok(Outcome::Network(_))));
    assert!(trained(&engine, &out) == without);
    assert_eq!(size(&other), once);
}

#[test]
fn comparisons_keep_features_of_the_network_alone() {
    let folder = TempDir::new().unwrap();
    let compare = |engine: &Engine| {
        let config = CompareConfig {
            heads: vec![HeadKind::Ridge, HeadKind::Knn],
            recipe: Recipe::FewShot,
            shots: vec![2],
            seeds: 1,
            test: Some(10),
            controls: Controls(vec![HeadKind::Ridge]),
            draws: 1,
            seed: 0,
            epochs: None,
            views: None,
        };
        let job = CompareJob::new(config, "bundled:fashion".into()).unwrap();
        match engine.run(job, &mut |_| {}) {
            Ok(Outcome::Compared(compared)) => {
                compared.outcomes.iter().map(|outcome| outcome.probabilities.clone()).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    let without = compare(&engine(None));
    let engine = engine(Some(folder.path()));
    assert!(compare(&engine) == without);
    let networks: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(networks.len(), 1);
    let once = fs_size(folder.path());
    assert!(compare(&engine) == without);
    assert_eq!(fs_size(folder.path()), once);
}
