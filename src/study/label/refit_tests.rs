use super::*;
use crate::heads::{HeadConfig, HeadKind, InstantHead, Rows, linear_probabilities};
use crate::tensor::rng::standard_normal;

/// Rows around one centre for each class, and their classes.
fn example(seed: u8, count: usize, width: usize, classes: usize) -> (Rows, Vec<usize>) {
    let mut values = standard_normal(&[seed; 32], count * width);
    let centres = standard_normal(&[seed + 1; 32], classes * width);
    let labels: Vec<usize> = (0..count).map(|picture| picture % classes).collect();
    for (row, &label) in values.chunks_exact_mut(width).zip(&labels) {
        row.iter_mut()
            .zip(&centres[label * width..])
            .for_each(|(value, centre)| *value += 0.6 * centre + 3.0);
    }
    (Rows::new(width, values).unwrap(), labels)
}

fn space(rows: &Rows) -> Arc<Space> {
    Arc::new(Space::new(rows, &(0..rows.count()).collect::<Vec<_>>()).unwrap())
}

fn ridge() -> HeadConfig {
    HeadConfig {
        kind: HeadKind::Ridge,
        timesteps: vec![0],
        blocks: vec![1],
        second: Vec::new(),
        feedback: Vec::new(),
        pool: 1,
        norm: Default::default(),
        width: 1,
        heads: 1,
        layers: 1,
        mlp_ratio: 1,
        hidden: Vec::new(),
        feedback_arch: Default::default(),
        kept_rows: false,
    }
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Where all pictures are labelled, statistics of the set are those of the labels: penalty, scores and
/// confidences are the head's own, with more columns than rows and the other way round.
#[test]
fn with_all_labels_it_is_the_ridge_head() {
    for (count, width) in [(60, 200), (90, 12)] {
        let (rows, labels) = example(1, count, width, 4);
        let mut refit = Refit::new(space(&rows), 4).unwrap();
        for (picture, &label) in labels.iter().enumerate().rev() {
            refit.label(picture, Some(label)).unwrap();
            if refit.is_tuning_due() {
                refit.tune();
            }
        }
        refit.tune();
        let head = InstantHead::fit(&ridge(), &rows, &labels, 4).unwrap();
        let want = head.probabilities(&rows).unwrap();
        let off = furthest(&refit.suggestions().probabilities, &want);
        assert!(off < 2e-4, "{count}x{width}: {off}");
    }
}

/// Scores by the normal equations of `[z, 1]`, which have one solution.
fn direct(refit: &Refit) -> Vec<f32> {
    let space = refit.space();
    let d = space.width() + 1;
    let row = |picture: usize| {
        space.rows().row(picture).iter().map(|&v| f64::from(v)).chain([1.0]).collect::<Vec<f64>>()
    };
    let x: Vec<Vec<f64>> = refit.pictures().iter().map(|&picture| row(picture)).collect();
    let mut scores = vec![0f32; space.count() * refit.classes()];
    for class in 0..refit.classes() {
        let mut a = vec![vec![0f64; d + 1]; d];
        for (x, &label) in x.iter().zip(refit.labels()) {
            let y = if label == class { 1.0 } else { -1.0 };
            for (a, p) in a.iter_mut().zip(x) {
                a.iter_mut().zip(x).for_each(|(a, q)| *a += p * q);
                a[d] += p * y;
            }
        }
        (0..d - 1).for_each(|p| a[p][p] += refit.penalty());
        for p in 0..d {
            let pivot = a[p].clone();
            for (q, row) in a.iter_mut().enumerate().filter(|(q, _)| *q != p) {
                let factor = row[p] / pivot[p];
                assert!(factor.is_finite(), "{p} {q}");
                row.iter_mut().zip(&pivot).for_each(|(value, pivot)| *value -= factor * pivot);
            }
        }
        let weights: Vec<f64> = (0..d).map(|p| a[p][d] / a[p][p]).collect();
        for picture in 0..space.count() {
            let score: f64 = row(picture).iter().zip(&weights).map(|(v, w)| v * w).sum();
            scores[picture * refit.classes() + class] = score as f32;
        }
    }
    scores
}

#[test]
fn labels_given_changed_and_taken_away_leave_the_regression_of_what_is_left() {
    let (rows, labels) = example(3, 120, 10, 3);
    let mut refit = Refit::new(space(&rows), 3).unwrap();
    assert!(refit.scores().iter().all(|&score| score == 0.0), "nothing is known without labels");
    for picture in (0..120).step_by(2) {
        refit.label(picture, Some(labels[picture])).unwrap();
    }
    refit.tune();
    assert!(furthest(&refit.scores(), &direct(&refit)) < 1e-3);
    for picture in [0, 118, 40, 62] {
        refit.label(picture, None).unwrap();
    }
    for picture in [2, 4, 6] {
        refit.label(picture, Some((labels[picture] + 1) % 3)).unwrap();
    }
    for picture in [1, 3, 40] {
        refit.label(picture, Some(labels[picture])).unwrap();
    }
    refit.label(118, None).unwrap();
    assert_eq!((refit.pictures().len(), refit.label_of(118), refit.label_of(4)), (59, None, Some(2)));
    assert!(furthest(&refit.scores(), &direct(&refit)) < 1e-3);
    assert!(refit.label(120, None).is_err() && refit.label(0, Some(3)).is_err());
    for picture in 0..120 {
        refit.label(picture, None).unwrap();
    }
    assert!(refit.scores().iter().all(|&score| score == 0.0));
    assert!(Refit::new(space(&rows), 1).is_err());
}

#[test]
fn left_out_scores_are_those_without_the_label() {
    let (rows, labels) = example(5, 50, 30, 3);
    let mut refit = Refit::new(space(&rows), 3).unwrap();
    (0..30).for_each(|picture| refit.label(picture, Some(labels[picture])).unwrap());
    let left_out = refit.left_out();
    for place in [0, 7, 29] {
        let picture = refit.pictures()[place];
        let mut without = refit.clone();
        without.label(picture, None).unwrap();
        for class in 0..3 {
            let (got, want) = (left_out[place * 3 + class], without.scores()[picture * 3 + class]);
            assert!((got - f64::from(want)).abs() < 1e-3, "{place} {class}: {got} is not {want}");
        }
    }
}

#[test]
fn a_penalty_chosen_aside_takes_in_what_was_labelled_meanwhile() {
    let (rows, labels) = example(7, 100, 20, 4);
    let mut refit = Refit::new(space(&rows), 4).unwrap();
    (0..40).for_each(|picture| refit.label(picture, Some(labels[picture])).unwrap());
    assert!(refit.is_tuning_due());
    let aside = refit.tuning();
    let stale = refit.tuning();
    (40..55).for_each(|picture| refit.label(picture, Some(labels[picture])).unwrap());
    let before = refit.penalty();
    assert!(refit.adopt(aside.run()));
    assert_ne!(before, refit.penalty());
    assert!(furthest(&refit.scores(), &direct(&refit)) < 1e-3);
    refit.label(3, None).unwrap();
    assert!(!refit.adopt(stale.run()), "a label that it was chosen with is gone");
    let right = (55..100).filter(|&picture| refit.suggestions().best(picture).class == labels[picture]);
    let right = right.count();
    assert!(right > 30, "{right} of 45");
}

#[test]
fn examples_near_a_picture_say_why() {
    let (rows, labels) = example(9, 60, 20, 3);
    let mut refit = Refit::new(space(&rows), 3).unwrap();
    assert!(refit.why(5, 3).unwrap().is_empty());
    for picture in [50, 3, 20, 5, 31] {
        refit.label(picture, Some(labels[picture])).unwrap();
    }
    let why = refit.why(5, 3).unwrap();
    assert_eq!(why.len(), 3);
    assert!(why.iter().all(|near| near.picture != 5 && near.class == labels[near.picture]));
    assert!(why.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
    let all = refit.space().similar(5, 59);
    let first = all.iter().find(|near| [50, 3, 20, 31].contains(&near.row)).unwrap();
    assert_eq!((why[0].picture, why[0].distance), (first.row, first.distance));
}

#[test]
fn many_labels_at_once_are_those_one_after_another() {
    let (rows, labels) = example(5, 200, 9, 3);
    let space = space(&rows);
    let some: Vec<(usize, usize)> =
        (0..150).map(|place| (place * 7 % 200, labels[place * 7 % 200])).collect();
    let mut one = Refit::new(Arc::clone(&space), 3).unwrap();
    let mut many = one.clone();
    some.iter().for_each(|&(picture, class)| one.label(picture, Some(class)).unwrap());
    many.label(some[3].0, Some(0)).unwrap();
    many.label_all(&[some[3], some[4], some[4]]).unwrap();
    many.label(some[3].0, None).unwrap();
    many.label(some[4].0, None).unwrap();
    many.label_all(&some).unwrap();
    assert_eq!((one.pictures(), one.labels()), (many.pictures(), many.labels()));
    one.tune();
    many.tune();
    assert_eq!(one.scores(), many.scores());
    assert!(many.label_all(&[(0, 0), (200, 1)]).is_err() && many.label_all(&[(0, 3)]).is_err());
    let before = many.scores();
    many.regroup(4, |label| Some([2, 0, 1][label])).unwrap();
    let scores = many.scores();
    for (before, after) in before.chunks_exact(3).zip(scores.chunks_exact(4)) {
        let order = [before[1], before[2], before[0]];
        assert!(order.iter().zip(after).all(|(a, b)| (a - b).abs() < 1e-5));
    }
    assert!(many.regroup(1, Some).is_err() && many.regroup(2, |_| Some(2)).is_err());
}

#[test]
fn weights_give_the_suggestions() {
    let (rows, labels) = example(3, 90, 12, 4);
    let mut refit = Refit::new(space(&rows), 4).unwrap();
    (0..40).for_each(|picture| refit.label(picture, Some(labels[picture])).unwrap());
    refit.tune();
    let (weights, biases) = refit.weights();
    let by_weights = linear_probabilities(&weights, &biases, refit.choice().sharpness, rows.values());
    let own = refit.suggestions();
    assert_eq!(by_weights.len(), 90 * 4);
    assert!(own.probabilities.iter().zip(&by_weights).all(|(a, b)| (a - b).abs() < 1e-4));
}
