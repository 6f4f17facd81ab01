use proptest::prelude::*;

use super::*;
use crate::tensor::rng::{standard_normal, uniform};

const LABELS: [f64; 6] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
const FEW: Bootstrap = Bootstrap { resamples: 300, seed: 1 };

/// `repeats` accuracies along `law`, off by normal noise of `deviation`.
fn measured(law: &PowerLaw, repeats: usize, deviation: f32, seed: u8) -> Vec<Measured> {
    let noise = standard_normal(&[seed; 32], LABELS.len() * repeats);
    let point = |(&labels, noise): (&f64, &[f32])| Measured {
        labels,
        accuracies: noise
            .iter()
            .map(|v| (law.at(labels) + f64::from(v * deviation)).clamp(0.0, 1.0))
            .collect(),
    };
    LABELS.iter().zip(noise.chunks(repeats)).map(point).collect()
}

#[test]
fn exact_curves_are_found_again() {
    for (ceiling, gap, exponent) in [(0.9, 0.5, 0.5), (1.0, 0.7, 0.3), (0.6, 0.3, 1.7), (0.95, 0.9, 0.1)] {
        let law = PowerLaw { ceiling, gap, exponent };
        let got = LearningCurve::fit(&measured(&law, 3, 0.0, 0), FEW).unwrap();
        for labels in [1.0, 7.0, 50.0, 500.0] {
            let forecast = got.forecast(labels);
            assert!((forecast.value - law.at(labels)).abs() < 1e-4, "{labels}: {forecast:?} of {law:?}");
            let [low, high] = forecast.interval.unwrap();
            assert!(low <= forecast.value && forecast.value <= high && high - low < 1e-3);
        }
        assert!((got.law.exponent - exponent).abs() < 1e-3, "{:?}", got.law);
        let target = law.at(200.0);
        let needed = got.labels_for(target).labels.unwrap();
        assert!((needed - 200.0).abs() < 2.0, "{needed}");
    }
}

#[test]
fn no_fit_is_better_by_brute_force() {
    let law = PowerLaw { ceiling: 0.85, gap: 0.6, exponent: 0.6 };
    for seed in 0..4 {
        let all = measured(&law, 3, 0.03, seed);
        let weights = weights(&all);
        let error = |law: PowerLaw| -> f64 {
            let raw = |labels: f64| law.ceiling - law.gap * labels.powf(-law.exponent);
            all.iter().zip(&weights).map(|(p, w)| w * (mean(&p.accuracies) - raw(p.labels)).powi(2)).sum()
        };
        let got = LearningCurve::fit(&all, FEW).unwrap().law;
        let mut best = f64::INFINITY;
        for a in 0..=100 {
            for b in 0..=100 {
                for c in 1..=60 {
                    let (a, b, c) = (f64::from(a) * 0.01, f64::from(b) * 0.01, f64::from(c) * 0.05);
                    best = best.min(error(PowerLaw { ceiling: a, gap: b, exponent: c }));
                }
            }
        }
        assert!(error(got) <= best * (1.0 + 1e-9), "{} {best}", error(got));
        assert!(error(got) > 0.8 * best, "the grid is fine enough to know: {} {best}", error(got));
    }
}

#[test]
fn intervals_hold_what_comes() {
    let law = PowerLaw { ceiling: 0.9, gap: 0.5, exponent: 0.5 };
    let mut held = [0; 2];
    for seed in 0..60 {
        let got = LearningCurve::fit(&measured(&law, 5, 0.03, seed), FEW).unwrap();
        let [low, high] = got.forecast(100.0).interval.unwrap();
        held[0] += usize::from((low..=high).contains(&law.at(100.0)));
        let [few, many] = got.labels_for(0.8).interval.unwrap();
        held[1] += usize::from(few.unwrap() <= 25.0 && many.is_none_or(|many| many >= 25.0));
    }
    assert!(held.iter().all(|&held| held >= 48), "{held:?} of 60");
}

#[test]
fn targets_out_of_reach_are_said() {
    let law = PowerLaw { ceiling: 0.7, gap: 0.5, exponent: 0.8 };
    let got = LearningCurve::fit(&measured(&law, 4, 0.003, 1), FEW).unwrap();
    let needed = got.labels_for(0.9);
    assert_eq!((needed.labels, needed.interval), (None, Some([None, None])));
    // Near the ceiling some of the curves reach it.
    let near = got.labels_for(got.law.ceiling);
    assert!(
        near.labels.is_none() && near.interval.unwrap()[0].is_some() && near.interval.unwrap()[1].is_none()
    );
    let within = got.labels_for(0.6).interval.unwrap();
    assert!(within[0].unwrap() <= 7.5 && within[1].unwrap() >= 7.3, "{within:?}");
}

#[test]
fn flat_and_falling_results_are_flat_curves() {
    let point = |labels, accuracy| Measured { labels, accuracies: vec![accuracy; 3] };
    for falls in [[0.5, 0.5, 0.5], [0.6, 0.5, 0.4]] {
        let all = [point(1.0, falls[0]), point(5.0, falls[1]), point(25.0, falls[2])];
        let got = LearningCurve::fit(&all, FEW).unwrap();
        assert!((got.forecast(1e6).value - 0.5).abs() < 1e-9, "{:?}", got.law);
        assert_eq!(got.labels_for(0.9).labels, None);
        assert_eq!(got.labels_for(0.2).labels, Some(0.0), "it is there already");
    }
}

#[test]
fn what_tells_too_little_is_refused_or_has_no_interval() {
    let point = |labels, accuracies: &[f64]| Measured { labels, accuracies: accuracies.to_vec() };
    let two = [point(1.0, &[0.5, 0.6]), point(1.0, &[0.5]), point(9.0, &[0.7, 0.8])];
    assert!(LearningCurve::fit(&two, FEW).unwrap_err().to_string().contains("three different"));
    let single = [point(1.0, &[0.5]), point(4.0, &[0.6, 0.7]), point(9.0, &[0.7, 0.8])];
    let got = LearningCurve::fit(&single, FEW).unwrap();
    assert!(got.forecast(20.0).interval.is_none() && got.labels_for(0.7).interval.is_none());
    for wrong in [point(0.0, &[0.5]), point(2.0, &[1.5]), point(2.0, &[f64::NAN]), point(2.0, &[])] {
        let mut all = single.to_vec();
        all.push(wrong);
        assert!(LearningCurve::fit(&all, FEW).is_err());
    }
    let [low, high] = LearningCurve::fit(&single[1..], FEW).map_or([0.0; 2], |_| [1.0; 2]);
    assert_eq!([low, high], [0.0; 2], "two numbers of labels are too few");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was measured: bounds hold, curves never fall, and reading backwards undoes reading.
    #[test]
    fn curves_keep_to_their_bounds(seed in 0u8..200) {
        let values = uniform(&[seed; 32], 12);
        let all: Vec<Measured> = LABELS
            .iter()
            .zip(values.chunks(2))
            .map(|(&labels, pair)| Measured {
                labels,
                accuracies: pair.iter().map(|v| f64::from(v + 1.0) / 2.0).collect(),
            })
            .collect();
        let got = LearningCurve::fit(&all, Bootstrap { resamples: 100, seed: 0 }).unwrap();
        for law in got.drawn.iter().chain([&got.law]) {
            prop_assert!(law.ceiling <= 1.0 && law.gap >= 0.0);
            prop_assert!(law.at(3.0) <= law.at(30.0));
            let target = law.at(100.0);
            if law.gap > 1e-6 && target > 1e-6 && law.ceiling - target > 1e-9 {
                let labels = law.labels_for(target).unwrap();
                prop_assert!((labels / 100.0 - 1.0).abs() < 1e-3, "{} {:?}", labels, law);
            }
        }
        prop_assert_eq!(&got, &LearningCurve::fit(&all, Bootstrap { resamples: 100, seed: 0 }).unwrap());
    }
}
