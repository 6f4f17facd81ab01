use proptest::prelude::*;

use super::*;

/// Rows whose most likely class is `guess`, with the given confidence; the rest goes to the other
/// classes evenly.
fn rows(guesses: &[(usize, f32)], classes: usize) -> Vec<f32> {
    let row = |&(guess, sure): &(usize, f32)| {
        let rest = (1.0 - sure) / (classes - 1) as f32;
        (0..classes).map(move |class| if class == guess { sure } else { rest })
    };
    guesses.iter().flat_map(row).collect()
}

fn close(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-6, "{got}, not {want}");
}

#[test]
fn a_case_by_hand() {
    // Class 3 has no picture, and one picture of class 2 is taken for it.
    let labels = [0, 0, 0, 1, 1, 2, 2];
    let guesses = [(0, 0.9), (0, 0.8), (1, 0.7), (1, 0.6), (0, 0.5), (2, 0.9), (3, 0.4)];
    let probabilities = rows(&guesses, 4);
    let metrics = Metrics::of(&labels, &probabilities, 4).unwrap();
    assert_eq!(metrics.confusion, [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]);
    close(metrics.accuracy, 4.0 / 7.0);
    let f1: Vec<_> = metrics.classes.iter().map(|class| class.f1).collect();
    assert_eq!(f1, [Some(4.0 / 6.0), Some(2.0 / 4.0), Some(2.0 / 3.0), None]);
    close(metrics.macro_f1, (4.0 / 6.0 + 0.5 + 2.0 / 3.0) / 3.0);
    let of = |class: usize| (metrics.classes[class].recall, metrics.classes[class].precision);
    assert_eq!(of(0), (Some(2.0 / 3.0), Some(2.0 / 3.0)));
    assert_eq!(of(2), (Some(0.5), Some(1.0)));
    assert_eq!(of(3), (None, Some(0.0)), "taken for a class without pictures");

    let p = [0.9f64, 0.8, 0.1, 0.6, 0.5 / 3.0, 0.9, 0.2];
    close(metrics.cross_entropy, -p.iter().map(|p| p.ln()).sum::<f64>() / 7.0);

    let counts: Vec<_> = metrics.reliability.iter().map(|bin| bin.count).collect();
    assert_eq!(counts, [0, 0, 0, 0, 1, 1, 1, 1, 1, 2], "0.7 is in the bin that begins there");
    let last = metrics.reliability[9];
    close(last.confidence.unwrap(), 0.9);
    assert_eq!((last.accuracy, last.low, last.high), (Some(1.0), 0.9, 1.0));
    assert_eq!((metrics.reliability[0].confidence, metrics.reliability[0].accuracy), (None, None));
    // 0.4 wrong, 0.5 wrong, 0.6 right, 0.7 wrong, 0.8 right, twice 0.9 right.
    close(metrics.calibration_error, (0.4 + 0.5 + 0.4 + 0.7 + 0.2 + 2.0 * 0.1) / 7.0);
    assert_eq!(correct(&labels, &probabilities, 4).unwrap(), [true, true, false, true, false, true, false]);
}

#[test]
fn certainty_and_ties_have_an_answer() {
    let metrics = Metrics::of(&[0, 1], &[1.0, 0.0, 1.0, 0.0], 2).unwrap();
    close(metrics.cross_entropy, -f64::from(f32::MIN_POSITIVE).ln() / 2.0);
    assert_eq!(metrics.reliability[9].count, 2, "1 belongs to the last bin");
    assert_eq!(predicted(&[0.25, 0.25, 0.25, 0.25], 4).unwrap(), [0]);
    assert_eq!(correct(&[], &[], 3).unwrap(), [false; 0]);
    close(Metrics::of(&[0], &[1.0], 1).unwrap().macro_f1, 1.0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let why = |labels: &[usize], p: &[f32], classes| Metrics::of(labels, p, classes).unwrap_err().to_string();
    assert!(why(&[], &[], 2).contains("no picture"));
    assert!(why(&[0], &[0.5, 0.5, 0.5], 2).contains("no whole rows"));
    assert!(why(&[0], &[], 0).contains("0 classes"));
    assert!(why(&[0], &[0.5, 0.5, 0.5, 0.5], 2).contains("1 labels"));
    assert!(why(&[2], &[0.5, 0.5], 2).contains("label 2"));
    for row in [[0.5, 0.6], [f32::NAN, 0.5], [1.5, -0.5], [f32::INFINITY, 0.0], [0.0, 0.0]] {
        assert!(why(&[0], &row, 2).contains("picture 0"), "{row:?}");
    }
    assert!(correct(&[0, 1], &[0.5, 0.5], 2).is_err());
}

/// Labels and distributions over as many classes.
fn cases() -> impl Strategy<Value = (usize, Vec<(usize, Vec<f32>)>)> {
    (1usize..6).prop_flat_map(|classes| {
        let row = proptest::collection::vec(0.001f32..1.0, classes).prop_map(|parts| {
            let sum: f32 = parts.iter().sum();
            parts.iter().map(|part| part / sum).collect::<Vec<f32>>()
        });
        (Just(classes), proptest::collection::vec((0..classes, row), 1..40))
    })
}

proptest! {
    #[test]
    fn numbers_hang_together((classes, pictures) in cases(), turn in 0usize..40) {
        let measure = |pictures: &[(usize, Vec<f32>)]| {
            let labels: Vec<usize> = pictures.iter().map(|(label, _)| *label).collect();
            let rows: Vec<f32> = pictures.iter().flat_map(|(_, row)| row.clone()).collect();
            (Metrics::of(&labels, &rows, classes).unwrap(), correct(&labels, &rows, classes).unwrap())
        };
        let (metrics, right) = measure(&pictures);
        let n = pictures.len();
        prop_assert_eq!(metrics.confusion.iter().flatten().sum::<usize>(), n);
        prop_assert_eq!(metrics.reliability.iter().map(|bin| bin.count).sum::<usize>(), n);
        let share = right.iter().filter(|&&right| right).count() as f64 / n as f64;
        prop_assert!((metrics.accuracy - share).abs() < 1e-12);
        let recalled: f64 = metrics.classes.iter()
            .filter_map(|class| Some(class.recall? * class.support as f64)).sum();
        prop_assert!((recalled / n as f64 - share).abs() < 1e-12);
        for class in &metrics.classes {
            if let (Some(r), Some(p), Some(f1)) = (class.recall, class.precision, class.f1) {
                let mean = if r + p > 0.0 { 2.0 * r * p / (r + p) } else { 0.0 };
                prop_assert!((f1 - mean).abs() < 1e-12, "F1 is the harmonic mean");
            }
        }
        for bin in &metrics.reliability {
            if let Some(sure) = bin.confidence {
                prop_assert!(sure >= bin.low - 1e-6 && sure <= bin.high + 1e-6);
            }
        }
        prop_assert!((0.0..=1.0).contains(&metrics.calibration_error));
        prop_assert!(metrics.cross_entropy >= -1e-6);

        let mut turned = pictures.clone();
        turned.rotate_left(turn % n);
        let (other, _) = measure(&turned);
        prop_assert_eq!(&metrics.confusion, &other.confusion);
        prop_assert!((metrics.cross_entropy - other.cross_entropy).abs() < 1e-9);
        prop_assert!((metrics.calibration_error - other.calibration_error).abs() < 1e-9);
    }
}
