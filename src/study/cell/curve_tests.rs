use super::*;
use crate::features::network::card_of;
use crate::heads::Backbone;
use crate::study::sweep::Score;
use crate::tensor::rng::standard_normal;
use crate::unet::embedded::embedded;

const FEW: Bootstrap = Bootstrap { resamples: 200, seed: 1 };

fn learner() -> Learner {
    let card = card_of(&embedded().unwrap()).unwrap();
    Learner::of(Score::Ridge, &Backbone::from(&card)).unwrap()
}

/// Heaps of `each` pictures, and their folds in two rounds.
fn heaps(classes: usize, each: usize, apart: f32) -> (Rows, Vec<usize>, Vec<Vec<usize>>) {
    let width = 12;
    let labels: Vec<usize> = (0..classes * each).map(|row| row % classes).collect();
    let noise = standard_normal(&[7; 32], labels.len() * width);
    let value =
        |(at, noise): (usize, &f32)| noise + if at % width == labels[at / width] { apart } else { 0.0 };
    let rows = Rows::new(width, noise.iter().enumerate().map(value).collect()).unwrap();
    let folds = (0..2).map(|round| (0..labels.len()).map(|row| (row / classes + round * row) % 4).collect());
    (rows, labels.clone(), folds.collect())
}

#[test]
fn ladders_go_up_to_the_most() {
    assert_eq!(ladder(16), [1, 2, 5, 10, 16]);
    assert_eq!((ladder(1), ladder(2), ladder(10)), (vec![1], vec![1, 2], vec![1, 2, 5, 10]));
    assert_eq!(ladder(230), [1, 2, 5, 10, 20, 50, 100, 200, 230]);
}

#[test]
fn accuracy_grows_and_is_foretold() {
    let (rows, labels, folds) = heaps(4, 32, 1.6);
    let dealt = Dealt { labels: (&labels, 4), folds: &folds, shots: 32 };
    let go = |config: &CurveConfig| curve(&learner(), &rows, &dealt, config, FEW, &|| Ok(())).unwrap();
    let plain = CurveConfig::default();
    let found = go(&plain);
    assert_eq!(found.points.iter().map(|p| p.shots).collect::<Vec<_>>(), [1, 2, 5, 10, 20, 24]);
    assert_eq!(found.at_hand, 32.0);
    for point in &found.points {
        assert!(point.ci_low <= point.accuracy && point.accuracy <= point.ci_high, "{point:?}");
        assert_eq!((point.n, point.repeats), (128, 10));
    }
    let first = found.points.first().unwrap();
    let last = found.points.last().unwrap();
    assert!((first.pictures, last.pictures) == (1.0, 24.0) && last.accuracy > first.accuracy + 0.1);
    // The curve goes through what was measured, and on.
    let law = found.law.unwrap();
    for point in &found.points {
        assert!((law.at(point.pictures) - point.accuracy).abs() < 0.06, "{point:?} {law:?}");
    }
    let [now, twice, more] = found.forecasts[..] else { panic!("three forecasts") };
    assert_eq!([now, twice, more].map(|f| f.pictures), [32.0, 64.0, 160.0]);
    assert!(now.accuracy <= twice.accuracy && twice.accuracy <= more.accuracy && more.low <= more.accuracy);
    assert!((found.band.last().unwrap().pictures - 160.0).abs() < 1e-9);
    assert!(found.sentence.contains("(32 of each class)"), "{}", found.sentence);
    assert_eq!(found, go(&plain), "seeded");
    let on_one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(found, on_one.install(|| go(&plain)), "on any threads");
    let own = go(&CurveConfig { target: Some(0.5), ..plain.clone() });
    assert_eq!(own.target.unwrap().accuracy, 0.5);
    let few = go(&CurveConfig { shots: Some(vec![2, 500]), ..plain });
    assert_eq!(few.points.iter().map(|p| p.shots).collect::<Vec<_>>(), [2, 24]);
    assert!(few.law.is_none() && few.band.is_empty() && few.sentence.contains("three points"));
}

/// With all that the folds leave, it is cross-validation as a sweep makes it.
#[test]
fn the_last_point_is_cross_validation() {
    let (rows, labels, folds) = heaps(3, 16, 1.5);
    let dealt = Dealt { labels: (&labels, 3), folds: &folds, shots: 16 };
    let config = CurveConfig { repeats: 2, ..CurveConfig::default() };
    let found = curve(&learner(), &rows, &dealt, &config, FEW, &|| Ok(())).unwrap();
    let learner = learner();
    let right = folds.iter().map(|folds| {
        let said = learner.cross_validated(&rows, (&labels, 3), folds, &|| Ok(())).unwrap();
        said.iter().zip(&labels).filter(|(said, label)| usize::from(**said) == **label).count()
    });
    let share = right.sum::<usize>() as f64 / (2.0 * labels.len() as f64);
    let last = found.points.last().unwrap();
    assert!((last.accuracy - share).abs() < 1e-12, "{last:?} {share}");
}

#[test]
fn watching_stops_it() {
    let (rows, labels, folds) = heaps(2, 8, 1.0);
    let dealt = Dealt { labels: (&labels, 2), folds: &folds, shots: 8 };
    let stop = || Err(crate::error::Error::Cancelled);
    let stopped = curve(&learner(), &rows, &dealt, &CurveConfig::default(), FEW, &stop);
    assert!(stopped.unwrap_err().is_cancelled());
}
