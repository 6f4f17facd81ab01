use std::sync::Arc;

use super::*;
use crate::heads::Rows;
use crate::study::label::Space;
use crate::tensor::rng::standard_normal;

/// Three heaps of different size on a plane, and a lonely picture at the end.
fn heaps() -> (Rows, Vec<usize>) {
    let mut values = Vec::new();
    let mut labels = Vec::new();
    let noise = standard_normal(&[4; 32], 200);
    for (class, (count, at)) in
        [(30, [6.0, 0.0]), (20, [-4.0, 5.0]), (10, [-4.0, -5.0])].into_iter().enumerate()
    {
        for _ in 0..count {
            let picture = labels.len();
            values.extend([at[0] + 0.3 * noise[2 * picture], at[1] + 0.3 * noise[2 * picture + 1]]);
            labels.push(class);
        }
    }
    values.extend([0.0, 20.0]);
    labels.push(1);
    (Rows::new(2, values).unwrap(), labels)
}

struct Bench {
    refit: Refit,
    cover: Cover,
    labels: Vec<usize>,
}

impl Bench {
    fn new(labelled: &[usize]) -> Bench {
        let (rows, labels) = heaps();
        let all: Vec<usize> = (0..rows.count()).collect();
        let space = Arc::new(Space::new(&rows, &all).unwrap());
        let cover = Cover::new(&space, &all, 0);
        let mut refit = Refit::new(space, 3).unwrap();
        labelled.iter().for_each(|&picture| refit.label(picture, Some(labels[picture])).unwrap());
        Bench { refit, cover, labels }
    }

    fn ranked(&self, order: Order, class: Option<usize>, similar_to: Option<usize>) -> Vec<usize> {
        let suggestions = self.refit.suggestions();
        let situation = Situation {
            refit: &self.refit,
            suggestions: &suggestions,
            cover: &self.cover,
            class,
            similar_to,
            seed: 3,
        };
        let offered = |picture: &usize| self.refit.label_of(*picture).is_some() == order.is_of_labelled();
        let pictures: Vec<usize> = (0..self.labels.len()).filter(offered).collect();
        let ranked = situation.ranked(order, &pictures).unwrap();
        assert_eq!(situation.first(order, &pictures).unwrap(), ranked.first().copied(), "{order}");
        let mut sorted = ranked.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, pictures, "{order} offers each picture once");
        assert_eq!(ranked, situation.ranked(order, &pictures).unwrap());
        ranked
    }
}

#[test]
fn covering_goes_from_heap_to_heap_the_largest_first() {
    for order in [Order::Diverse, Order::Recommended] {
        let mut bench = Bench::new(&[]);
        let mut seen = Vec::new();
        for _ in 0..3 {
            let next = bench.ranked(order, None, None)[0];
            seen.push(bench.labels[next]);
            bench.refit.label(next, Some(bench.labels[next])).unwrap();
        }
        assert_eq!(seen, [0, 1, 2], "{order}");
    }
}

#[test]
fn orders_offer_what_they_say() {
    let bench = Bench::new(&[0, 1, 30, 31, 50, 51]);
    let suggestions = bench.refit.suggestions();
    let margins: Vec<f32> =
        bench.ranked(Order::Uncertain, None, None).iter().map(|&p| suggestions.best(p).margin).collect();
    assert!(margins.windows(2).all(|pair| pair[0] <= pair[1]), "{margins:?}");
    let likely = bench.ranked(Order::Class, Some(2), None);
    assert!(likely[..8].iter().all(|&picture| bench.labels[picture] == 2), "{likely:?}");
    let similar = bench.ranked(Order::Similar, None, Some(35));
    assert!(similar[..15].iter().all(|&picture| bench.labels[picture] == 1), "{similar:?}");
    assert!(similar[..15].contains(&35), "the picture itself is one of those");
    let last = bench.ranked(Order::Similar, None, None);
    assert!(last[..8].iter().all(|&picture| bench.labels[picture] == 2), "the last label is of class 2");
    assert_ne!(bench.ranked(Order::Random, None, None), (0..61).collect::<Vec<_>>());
    let differ = bench.ranked(Order::Disagree, None, None);
    assert_eq!(differ.len(), 55);
}

#[test]
fn wrong_labels_are_found_first() {
    let labelled: Vec<usize> = (0..60).step_by(2).collect();
    let mut bench = Bench::new(&labelled);
    for wrong in [10, 44] {
        bench.refit.label(wrong, Some((bench.labels[wrong] + 1) % 3)).unwrap();
    }
    let mut first = bench.ranked(Order::Check, None, None)[..2].to_vec();
    first.sort_unstable();
    assert_eq!(first, [10, 44]);
    let suggestions = bench.refit.suggestions();
    let situation = Situation {
        refit: &bench.refit,
        suggestions: &suggestions,
        cover: &bench.cover,
        class: None,
        similar_to: None,
        seed: 0,
    };
    assert!(situation.ranked(Order::Check, &[1]).is_err(), "it has no label");
}

#[test]
fn names_are_read_back_and_each_is_explained_in_a_line() {
    for order in Order::ALL {
        assert_eq!(order.name().parse::<Order>().unwrap(), order);
        assert!(order.about().ends_with('.') && order.about().len() < 100 && !order.about().contains('\n'));
    }
    let error = "best".parse::<Order>().unwrap_err().to_string();
    assert!(error.contains("recommended") && error.contains("best"), "{error}");
}
