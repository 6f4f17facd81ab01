use std::sync::Arc;

use super::*;
use crate::heads::Rows;
use crate::study::label::{Cover, Situation, Space};
use crate::tensor::rng::standard_normal;

const COUNT: usize = 400;

/// Classes that overlap: about three of four can be told.
fn overlapping() -> (Rows, Vec<usize>) {
    let mut values = standard_normal(&[8; 32], COUNT * 6);
    let labels: Vec<usize> = (0..COUNT).map(|picture| picture % 3).collect();
    for (row, &label) in values.chunks_exact_mut(6).zip(&labels) {
        row[label] += 1.8;
    }
    (Rows::new(6, values).unwrap(), labels)
}

fn refit(rows: &Rows) -> Refit {
    let all: Vec<usize> = (0..rows.count()).collect();
    Refit::new(Arc::new(Space::new(rows, &all).unwrap()), 3).unwrap()
}

/// Two hundred users label uncertain pictures and answer an audit in between. The interval holds the truth
/// about what is not learned from as often as it says, after every part; that of the labels themselves does not.
#[test]
fn the_interval_covers_at_its_nominal_rate_while_the_head_changes() {
    let (rows, labels) = overlapping();
    let all: Vec<usize> = (0..COUNT).collect();
    let cover = Cover::new(refit(&rows).space(), &all, 0);
    let users = 200;
    let (mut held, mut asked_for, mut naive_held, mut consumed) = ([0; 3], 0, 0, 0);
    for user in 0..users {
        let mut refit = refit(&rows);
        let mut audit = Audit::new(&all, user);
        // Each begins with others.
        let mut first: Vec<usize> = all.clone();
        Chance::new(user, "first pictures").shuffle(&mut first);
        first[..6].iter().for_each(|&picture| refit.label(picture, Some(labels[picture])).unwrap());
        for (part, held) in held.iter_mut().enumerate() {
            let mut right = 0;
            for _ in 0..25 {
                let suggestions = refit.suggestions();
                let situation = Situation {
                    refit: &refit,
                    suggestions: &suggestions,
                    cover: &cover,
                    class: None,
                    similar_to: None,
                    seed: user,
                };
                let open: Vec<usize> =
                    all.iter().copied().filter(|&picture| refit.label_of(picture).is_none()).collect();
                let next = situation.first(Order::Uncertain, &open).unwrap().unwrap();
                right += usize::from(suggestions.best(next).class == labels[next]);
                consumed += usize::from(audit.answer_of(next).is_some());
                refit.label(next, Some(labels[next])).unwrap();
            }
            for _ in 0..20 {
                let next = audit.next(&refit).unwrap();
                audit.answer(next, Some(Answer::Class(labels[next]))).unwrap();
                asked_for += 1;
            }
            let suggestions = refit.suggestions();
            let suggested = |picture: usize| suggestions.best(picture).class;
            let audited = audit.estimate(&refit, suggested).unwrap();
            assert!(audited.asked >= 20 && audited.unlearned == COUNT - 6 - 25 * (part + 1));
            let open: Vec<usize> =
                all.iter().copied().filter(|&picture| refit.label_of(picture).is_none()).collect();
            let hits = open.iter().filter(|&&picture| suggested(picture) == labels[picture]).count();
            let truth = hits as f64 / open.len() as f64;
            *held += usize::from(audited.suggestions.contains(truth));
            if part == 2 {
                naive_held +=
                    usize::from(crate::study::statistics::wilson(right, 25).unwrap().contains(truth));
            }
        }
    }
    assert_eq!(asked_for, 60 * users as usize);
    assert!(consumed > 100, "orders take audited pictures too: {consumed}");
    // Of 200 at 95 %, fewer than 181 or more than 198 come once in a thousand times.
    assert!(held.iter().all(|held| (181..=198).contains(held)), "{held:?}");
    assert!(naive_held < 150, "what an order chose says something else: {naive_held}");
}

#[test]
fn what_is_labelled_leaves_the_audit_and_gaps_end_it() {
    let (rows, labels) = overlapping();
    let mut refit = refit(&rows);
    let all: Vec<usize> = (0..COUNT).collect();
    let mut audit = Audit::new(&all, 1);
    let right = |picture: usize| labels[picture];
    assert!(audit.estimate(&refit, right).is_none());
    let mut asked = Vec::new();
    for _ in 0..10 {
        let next = audit.next(&refit).unwrap();
        audit.answer(next, Some(Answer::Class(labels[next]))).unwrap();
        asked.push(next);
    }
    audit.answer(asked[9], Some(Answer::NoClass)).unwrap();
    let found = audit.estimate(&refit, right).unwrap();
    assert_eq!((found.asked, found.right, found.unlearned), (10, 9, COUNT));
    assert_eq!(found.suggestions.value, 0.9);
    assert!((found.set.value - (10.0 + 0.9 * 400.0 - 9.0) / 400.0).abs() < 1e-12);
    refit.label(asked[2], Some(labels[asked[2]])).unwrap();
    refit.label(7, Some(labels[7])).unwrap();
    let found = audit.estimate(&refit, right).unwrap();
    let left = 10 - 1 - usize::from(asked.contains(&7));
    assert_eq!((found.asked, found.unlearned), (left, COUNT - 2));
    audit.answer(asked[4], None).unwrap();
    assert_eq!(audit.next(&refit), Some(asked[4]));
    assert!(audit.estimate(&refit, right).unwrap().asked <= 4);
    assert!(audit.answer(COUNT, None).is_err());
}

/// Where all are asked, the audit is the truth.
#[test]
fn a_whole_audit_is_certain() {
    let (rows, labels) = overlapping();
    let mut refit = refit(&rows);
    (0..30).for_each(|picture| refit.label(picture, Some(labels[picture])).unwrap());
    let all: Vec<usize> = (0..COUNT).collect();
    let mut audit = Audit::new(&all, 2);
    while let Some(next) = audit.next(&refit) {
        audit.answer(next, Some(Answer::Class(labels[next]))).unwrap();
    }
    let suggestions = refit.suggestions();
    let found = audit.estimate(&refit, |picture| suggestions.best(picture).class).unwrap();
    assert_eq!((found.asked, found.suggestions.low), (370, found.suggestions.high));
    assert_eq!((found.set.low, found.set.high), (1.0, 1.0), "everything is known");
}

#[test]
fn a_forecast_needs_three_looks_and_more_labels_for_more() {
    let (rows, labels) = overlapping();
    let mut refit = refit(&rows);
    let all: Vec<usize> = (0..COUNT).collect();
    let mut audit = Audit::new(&all, 3);
    for _ in 0..150 {
        let next = audit.next(&refit).unwrap();
        audit.answer(next, Some(Answer::Class(labels[next]))).unwrap();
    }
    let bootstrap = Bootstrap { resamples: 200, seed: 0 };
    let mut learned = 0;
    for count in [6, 24, 120] {
        while refit.pictures().len() < count {
            refit.label(learned, Some(labels[learned])).unwrap();
            learned += 1;
        }
        assert!(audit.forecast(0.7, bootstrap).is_err());
        let suggestions = refit.suggestions();
        audit.look(&refit, |picture| suggestions.best(picture).class);
    }
    let at = |target: f64| audit.forecast(target, bootstrap).unwrap();
    let [easy, hard] = [at(0.6), at(0.68)].map(|needed| needed.labels.unwrap_or(f64::INFINITY));
    assert!(easy < hard, "{easy} {hard}");
    assert!(at(0.6).interval.is_some());
    assert_eq!(at(1.0).labels, None, "classes that overlap are never told apart");
}

#[test]
fn chosen_labels_come_with_a_warning() {
    let warning = bias_warning(Order::Uncertain, 11, 20, None).unwrap();
    assert!(warning.contains("55.0 %") && warning.contains("uncertain") && warning.contains("audit"));
    assert_eq!(bias_warning(Order::Random, 11, 20, None), None);
    assert_eq!(bias_warning(Order::Uncertain, 0, 0, None), None);
    let estimate = Estimate { value: 0.8, low: 0.7, high: 0.9 };
    let audited = Audited { asked: 60, right: 48, unlearned: 300, suggestions: estimate, set: estimate };
    let warning = bias_warning(Order::Recommended, 11, 20, Some(&audited)).unwrap();
    assert!(warning.contains("60 pictures by chance say 80.0 % (70.0 % to 90.0 %)"), "{warning}");
}
