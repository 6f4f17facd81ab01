//! Instant heads from rows, and properties of what all heads share.

use std::time::Instant;

use candle_core::{Device, Tensor};
use difscope::heads::{HeadConfig, HeadKind, InstantHead, Maps, Rows, softmax_rows};
use difscope::tensor::resample::{adaptive_avg_pool, bilinear};
use difscope::tensor::rng::standard_normal;
use proptest::prelude::*;

use crate::{backbone, small_config, values};

const KINDS: [HeadKind; 3] = [HeadKind::Ridge, HeadKind::Prototype, HeadKind::Knn];

fn config(kind: HeadKind) -> HeadConfig {
    HeadConfig::published(kind, &backbone(&small_config())).unwrap()
}

/// `count` rows about one centre per class, `apart` from each other.
fn clusters(key: u8, count: usize, width: usize, classes: usize, apart: f32) -> (Rows, Vec<usize>) {
    let centres = standard_normal(&[99; 32], classes * width);
    let mut rows = standard_normal(&[key; 32], count * width);
    let labels: Vec<usize> = (0..count).map(|row| row % classes).collect();
    for (row, &label) in rows.chunks_exact_mut(width).zip(&labels) {
        row.iter_mut().zip(&centres[label * width..]).for_each(|(v, centre)| *v += apart * centre);
    }
    (Rows::new(width, rows).unwrap(), labels)
}

fn right(head: &InstantHead, rows: &Rows, labels: &[usize]) -> f64 {
    let probabilities = head.probabilities(rows).unwrap();
    let best = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    let hits = probabilities.chunks(head.classes()).zip(labels).filter(|(row, label)| best(row) == **label);
    hits.count() as f64 / labels.len() as f64
}

#[test]
fn they_learn_clusters_and_know_how_sure_they_are() {
    for kind in KINDS {
        let (rows, labels) = clusters(1, 60, 24, 4, 1.0);
        let (test, truth) = clusters(2, 400, 24, 4, 1.0);
        let head = InstantHead::fit(&config(kind), &rows, &labels, 4).unwrap();
        let accuracy = right(&head, &test, &truth);
        assert!(accuracy > 0.9, "{kind}: {accuracy}");
        let confidence = |head: &InstantHead, rows: &Rows, labels: &[usize]| {
            let p = head.probabilities(rows).unwrap();
            let p =
                p.chunks(4).zip(labels).map(|(row, _)| f64::from(row.iter().copied().fold(0.0, f32::max)));
            p.sum::<f64>() / labels.len() as f64
        };
        let sure = confidence(&head, &test, &truth);
        assert!((sure - accuracy).abs() < 0.12, "{kind}: {sure} sure, {accuracy} right");
        // Where labels mean nothing, so do the probabilities.
        let (noise, labels) = clusters(3, 60, 24, 4, 0.0);
        let (test, truth) = clusters(4, 400, 24, 4, 0.0);
        let head = InstantHead::fit(&config(kind), &noise, &labels, 4).unwrap();
        let sure = confidence(&head, &test, &truth);
        assert!(sure < 0.45, "{kind}: {sure} sure about noise");
    }
}

/// Classes and rows at the edge of what is possible: one row, a class without rows, equal rows.
#[test]
fn the_fewest_examples_are_enough() {
    for kind in KINDS {
        let one = Rows::new(3, vec![1.0, 2.0, 3.0]).unwrap();
        let head = InstantHead::fit(&config(kind), &one, &[1], 3).unwrap();
        let p = head.probabilities(&one).unwrap();
        assert!(p.iter().all(|p| p.is_finite() && *p >= 0.0), "{kind}: {p:?}");
        assert!(kind == HeadKind::Prototype || (p[1] > p[0] && p[1] > p[2]), "{kind}: {p:?}");
        let two = Rows::new(2, vec![1.0, 0.0, 0.0, 1.0]).unwrap();
        let head = InstantHead::fit(&config(kind), &two, &[2, 0], 3).unwrap();
        let p = head.probabilities(&two).unwrap();
        assert!(p[2] > p[0].max(p[1]) && p[3] > p[4].max(p[5]), "{kind}: {p:?}");
        let equal = Rows::new(2, vec![4.0; 8]).unwrap();
        let p = InstantHead::fit(&config(kind), &equal, &[0, 1, 0, 1], 2).unwrap().probabilities(&equal);
        assert!(p.unwrap().iter().all(|p| (p - 0.5).abs() < 0.02), "{kind}");
        let fit = |rows: &Rows, labels: &[usize]| InstantHead::fit(&config(kind), rows, labels, 2).err();
        assert!(fit(&two, &[0]).is_some() && fit(&two, &[0, 2]).is_some());
        assert!(head.logits(&one).is_err(), "rows of another length");
    }
    assert!(Rows::new(2, vec![0.0, f32::NAN]).unwrap_err().to_string().contains("picture 1"));
    let linear = InstantHead::fit(&config(HeadKind::Linear), &clusters(1, 4, 2, 2, 1.0).0, &[0, 1, 0, 1], 2);
    assert!(linear.unwrap_err().to_string().contains("by steps"));
}

/// A hundred pictures of 512 features, as in labelling: the best of five, so that a busy machine is no
/// failure.
#[test]
fn they_retrain_in_milliseconds() {
    let (rows, labels) = clusters(1, 100, 512, 10, 0.3);
    for kind in KINDS {
        let best = (0..5)
            .map(|_| {
                let started = Instant::now();
                InstantHead::fit(&config(kind), &rows, &labels, 10).unwrap();
                started.elapsed().as_secs_f64() * 1e3
            })
            .fold(f64::INFINITY, f64::min);
        println!("{kind}: {best:.2} ms");
        assert!(best < 50.0, "{kind}: {best} ms");
    }
}

/// Rows are pooled, flattened channel-major, timestep after timestep and block after block.
#[test]
fn rows_follow_the_settings() {
    let map = |start: f32, side: usize| {
        let count = (2 * side * side) as f32;
        Tensor::arange(start, start + count, &Device::Cpu).unwrap().reshape((1, 2, side, side)).unwrap()
    };
    let mut maps = Maps::new();
    maps.insert(10, 3, &map(0.0, 2));
    maps.insert(10, 5, &map(100.0, 1));
    maps.insert(20, 3, &map(200.0, 2));
    maps.insert(20, 5, &map(300.0, 1));
    let config =
        HeadConfig { timesteps: vec![20, 10], blocks: vec![3, 5], pool: 1, ..config(HeadKind::Ridge) };
    let rows = Rows::of(&config, &maps).unwrap();
    assert_eq!(rows.row(0), [201.5, 205.5, 300.0, 301.0, 1.5, 5.5, 100.0, 101.0]);
    let error = Rows::of(&HeadConfig { blocks: vec![4], ..config }, &maps).unwrap_err();
    assert!(error.to_string().contains("block 4 at t 20"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against the plain definition: cell i covers floor(i·H/p) … ceil((i+1)·H/p).
    #[test]
    fn pooling_is_the_mean_of_its_cells(h in 1usize..9, w in 1usize..9, p in 1usize..12, seed in 0u8..255) {
        let x = standard_normal(&[seed; 32], 2 * h * w);
        let map = Tensor::from_slice(&x, (1, 2, h, w), &Device::Cpu).unwrap();
        let tracked = candle_core::Var::from_tensor(&map).unwrap();
        let (plain, tracked) = (adaptive_avg_pool(&map, p).unwrap(), adaptive_avg_pool(&tracked, p).unwrap());
        for (pooled, name) in [(values(&plain), "plain"), (values(&tracked), "tracked")] {
            for (at, got) in pooled.into_iter().enumerate() {
                let (c, i, j) = (at / (p * p), at / p % p, at % p);
                let rows = i * h / p..((i + 1) * h).div_ceil(p);
                let cells: Vec<f32> = rows
                    .flat_map(|r| (j * w / p..((j + 1) * w).div_ceil(p)).map(move |k| (r, k)))
                    .map(|(r, k)| x[(c * h + r) * w + k])
                    .collect();
                let want = cells.iter().sum::<f32>() / cells.len() as f32;
                prop_assert!((got - want).abs() < 1e-5, "{name}[{at}]: {got} is not {want}");
            }
        }
    }

    /// Resizing keeps constants and, from the same size, everything.
    #[test]
    fn resizing_keeps_constants(h in 1usize..9, w in 1usize..9, to_h in 1usize..12, to_w in 1usize..12) {
        let flat = Tensor::full(1.75f32, (1, 2, h, w), &Device::Cpu).unwrap();
        let resized = bilinear(&flat, to_h, to_w).unwrap();
        prop_assert_eq!(resized.dims(), &[1, 2, to_h, to_w]);
        prop_assert!(values(&resized).iter().all(|v| (v - 1.75).abs() < 1e-5));
        let any = Tensor::from_vec(standard_normal(&[1; 32], 2 * h * w), (1, 2, h, w), &Device::Cpu).unwrap();
        prop_assert_eq!(values(&bilinear(&any, h, w).unwrap()), values(&any));
    }

    #[test]
    fn probabilities_sum_to_one(logits in prop::collection::vec(-1e4f32..1e4, 12), classes in 2usize..5) {
        for row in softmax_rows(&logits, classes).chunks(classes) {
            prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5 && row.iter().all(|p| *p >= 0.0));
        }
    }

    /// Whatever the features and labels.
    #[test]
    fn instant_heads_give_probabilities(
        features in prop::collection::vec(-1e3f32..1e3, 40),
        labels in prop::collection::vec(0usize..4, 40),
        width in 1usize..9,
    ) {
        let count = features.len() / width;
        let rows = Rows::new(width, features[..count * width].to_vec()).unwrap();
        for kind in KINDS {
            let head = InstantHead::fit(&config(kind), &rows, &labels[..count], 4).unwrap();
            for row in head.probabilities(&rows).unwrap().chunks(4) {
                prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{kind}: {row:?}");
            }
        }
    }
}
