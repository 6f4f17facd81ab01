use proptest::prelude::*;

use super::*;
use crate::study::measures::unwatched;
use crate::tensor::rng::standard_normal;

fn random(seed: u8, count: usize, width: usize) -> Rows {
    Rows::new(width, standard_normal(&[seed; 32], count * width)).unwrap()
}

/// `rows` times a `[width, width']` matrix, plus some of `other`.
fn mixed(rows: &Rows, matrix: &[f32], width: usize) -> Rows {
    let product = |row: &[f32], column: usize| {
        row.iter()
            .enumerate()
            .map(|(k, &v)| f64::from(v) * f64::from(matrix[k * width + column]))
            .sum::<f64>()
    };
    let values = rows.iter().flat_map(|row| (0..width).map(move |column| product(row, column) as f32));
    Rows::new(width, values.collect()).unwrap()
}

/// Song et al., equation 5, as it stands there.
fn slow_hsic(x: &Rows, y: &Rows) -> f64 {
    let n = x.count();
    let gram = |rows: &Rows| -> Vec<Vec<f64>> {
        let product = |a: &[f32], b: &[f32]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        };
        (0..n)
            .map(|i| (0..n).map(|j| if i == j { 0.0 } else { product(rows.row(i), rows.row(j)) }).collect())
            .collect()
    };
    let (k, l) = (gram(x), gram(y));
    let (mut trace, mut both) = (0.0, 0.0);
    for i in 0..n {
        for j in 0..n {
            trace += k[i][j] * l[j][i];
            both += l[j].iter().map(|l| k[i][j] * l).sum::<f64>();
        }
    }
    let sum = |m: &[Vec<f64>]| m.iter().flatten().sum::<f64>();
    let nf = n as f64;
    let middle = sum(&k) * sum(&l) / ((nf - 1.0) * (nf - 2.0));
    (trace + middle - 2.0 / (nf - 2.0) * both) / (nf * (nf - 3.0))
}

fn slow_cka(x: &Rows, y: &Rows, batches: &[Vec<usize>]) -> f64 {
    let mean = |a: &Rows, b: &Rows| -> f64 {
        batches.iter().map(|batch| slow_hsic(&a.pick(batch), &b.pick(batch))).sum::<f64>()
            / batches.len() as f64
    };
    mean(x, y) / (mean(x, x) * mean(y, y)).sqrt()
}

fn pair(x: &Rows, y: &Rows, batch: usize) -> f64 {
    let (x, y) = ([x.clone()], [y.clone()]);
    cka(&x, &y, CkaConfig { batch, seed: 3 }, &mut unwatched).unwrap().at(0, 0).unwrap()
}

#[test]
fn is_the_published_formula_whole_and_in_minibatches() {
    let x = random(1, 37, 12);
    let noise = random(2, 37, 5);
    let turned = mixed(&x, &standard_normal(&[9; 32], 12 * 5), 5);
    let values = turned.values().iter().zip(noise.values()).map(|(a, b)| a + 2.0 * b + 3.0).collect();
    let y = Rows::new(5, values).unwrap();
    for batch in [8, 13, 64] {
        let config = CkaConfig { batch, seed: 3 };
        let batches = config.batches(37).unwrap();
        let list = [x.clone(), y.clone()];
        let got = cka(&list, &list, config, &mut unwatched).unwrap();
        let want = slow_cka(&x, &y, &batches);
        assert!((0.1..0.95).contains(&want), "{want}");
        assert!((got.at(0, 1).unwrap() - want).abs() < 1e-5, "{batch}: {got:?} and {want}");
        assert_eq!(got.at(0, 1), got.at(1, 0));
        assert_eq!((got.at(0, 0), got.at(1, 1)), (Some(1.0), Some(1.0)));
        assert_eq!(got.at(0, 1).unwrap(), pair(&x, &y, batch), "as two lists");
    }
}

#[test]
fn one_minibatch_is_the_whole() {
    let (x, y) = (random(1, 50, 6), random(2, 50, 9));
    let together = pair(&x, &y, 50);
    let (k, l) = (Gram::of(&x).unwrap(), Gram::of(&y).unwrap());
    let whole = k.hsic(&l) / (k.hsic(&k) * l.hsic(&l)).sqrt();
    assert!((together - whole).abs() < 1e-5, "{together} {whole}");
    assert_eq!(CkaConfig { batch: 50, seed: 0 }.batches(50).unwrap().len(), 1);
}

#[test]
fn unrelated_features_are_near_zero_where_the_biased_estimate_is_near_one() {
    let (mut unbiased, mut biased) = (0.0, 0.0);
    for seed in 0..20 {
        let (x, y) = (random(seed, 16, 400), random(100 + seed, 16, 300));
        unbiased += pair(&x, &y, 16) / 20.0;
        let cross = |a: &[f32], b: &[f32], n: usize| -> f64 {
            let (da, db) = (a.len() / n, b.len() / n);
            let product = |i: usize, j: usize| -> f64 {
                (0..n).map(|row| f64::from(a[row * da + i]) * f64::from(b[row * db + j])).sum()
            };
            (0..da).flat_map(|i| (0..db).map(move |j| product(i, j).powi(2))).sum()
        };
        let (a, b) = (centred(&x), centred(&y));
        biased += cross(&a, &b, 16) / (cross(&a, &a, 16) * cross(&b, &b, 16)).sqrt() / 20.0;
    }
    assert!(unbiased.abs() < 0.08, "{unbiased}");
    assert!(biased > 0.8, "{biased}");
}

/// Two features of variances 4 and 1 beside the first of them alone: with Gram matrices of C = diag(4, 1)
/// and of its first feature, CKA is 4·4/(√(4² + 1²)·4) = 4/√17.
#[test]
fn has_the_value_known_from_covariances() {
    let noise = standard_normal(&[5; 32], 2 * 4000);
    let both: Vec<f32> = noise.chunks(2).flat_map(|pair| [2.0 * pair[0], pair[1]]).collect();
    let first: Vec<f32> = noise.chunks(2).map(|pair| pair[0]).collect();
    let got = pair(&Rows::new(2, both).unwrap(), &Rows::new(1, first).unwrap(), 500);
    assert!((got - 4.0 / 17f64.sqrt()).abs() < 0.01, "{got}");
}

#[test]
fn what_never_varies_has_no_similarity_and_few_pictures_are_refused() {
    let flat = Rows::new(3, [0.1, 0.7, 1e5].repeat(20)).unwrap();
    let list = [flat, random(1, 20, 4)];
    let got = cka(&list, &list, CkaConfig::default(), &mut unwatched).unwrap();
    assert_eq!(got.values, [None, None, None, Some(1.0)]);
    let config = CkaConfig::default();
    assert!(config.batches(3).unwrap_err().to_string().contains("at least 4"));
    assert!(CkaConfig { batch: 7, ..config }.batches(30).unwrap_err().to_string().contains("--batch"));
    assert!(Gram::of(&random(1, 3, 2)).is_err());
    let other = [random(1, 21, 4)];
    assert!(cka(&list, &other, config, &mut unwatched).is_err());
}

#[test]
fn watching_stops_it() {
    let list = [random(1, 100, 4)];
    let mut seen = Vec::new();
    let config = CkaConfig { batch: 25, seed: 0 };
    let stopped = cka(&list, &list, config, &mut |done, all| {
        seen.push((done, all));
        if done == 2 { Err(Error::Cancelled) } else { Ok(()) }
    });
    assert!(stopped.unwrap_err().is_cancelled());
    assert_eq!(seen, [(0, 4), (1, 4), (2, 4)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Householder reflections are orthogonal.
    #[test]
    fn rotations_scales_and_shifts_change_nothing(seed in 0u8..100, scale in 0.01f32..100.0, shift in -5f32..5.0) {
        let (count, width) = (30, 7);
        let x = random(seed, count, width);
        let y = mixed(&x, &standard_normal(&[seed + 100; 32], width * 4), 4);
        let normal = standard_normal(&[seed + 50; 32], width);
        let square: f32 = normal.iter().map(|v| v * v).sum();
        let turn: Vec<f32> = (0..width * width)
            .map(|at| f32::from(u8::from(at / width == at % width))
                - 2.0 * normal[at / width] * normal[at % width] / square)
            .collect();
        let turned = mixed(&x, &turn, width);
        let moved: Vec<f32> = turned.values().iter().map(|v| scale * v + shift).collect();
        let moved = Rows::new(width, moved).unwrap();
        prop_assert!((pair(&moved, &y, 10) - pair(&x, &y, 10)).abs() < 1e-3);
        prop_assert!((pair(&moved, &x, 10) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn minibatches_hold_every_picture_once(count in 4usize..500, batch in 8usize..100, seed in 0u64..9) {
        let config = CkaConfig { batch, seed };
        let batches = config.batches(count).unwrap();
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        let (least, most) = (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap());
        prop_assert!(least >= FEWEST && most <= batch && most - least <= 1);
        prop_assert_eq!(batches, config.batches(count).unwrap());
    }
}
