//! The promises of intervals and best sets, over many tables made up with known truth.

use super::*;
use crate::study::sweep::metric::Said;
use crate::tensor::rng::standard_normal;

/// The share of the standard normal distribution below `x`.
fn below(x: f64) -> f64 {
    0.5 * libm::erfc(-x / std::f64::consts::SQRT_2)
}

/// A made-up sweep: cells of known skill on pictures that are hard or easy for all of them alike.
struct World<'a> {
    /// In standard deviations; the accuracy is the share of the normal distribution below.
    skills: &'a [f64],
    pictures: usize,
    /// How much of a picture's difficulty is the same for all cells, 0 to 1.
    shared: f64,
    /// Of the rest, how much changes from round to round.
    rounds: usize,
    classes: usize,
}

impl World<'_> {
    /// One table: labels, and what every cell said of every picture.
    fn table(&self, number: u64) -> (Vec<usize>, Vec<Rounds>) {
        let labels: Vec<usize> = (0..self.pictures).map(|picture| picture % self.classes).collect();
        let key = |part: u64| {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&number.to_le_bytes());
            hasher.update(&part.to_le_bytes());
            *hasher.finalize().as_bytes()
        };
        let common = standard_normal(&key(u64::MAX), self.pictures);
        let cells = self.skills.iter().enumerate().map(|(cell, &skill)| {
            let lasting = standard_normal(&key(2 * cell as u64), self.pictures);
            let passing = standard_normal(&key(2 * cell as u64 + 1), self.pictures * self.rounds);
            let round = |round: usize| -> Vec<Said> {
                let picture = |at: usize| {
                    let (own, fresh) =
                        (f64::from(lasting[at]), f64::from(passing[round * self.pictures + at]));
                    // Of one round, all of it is chance.
                    let fresh_share: f64 = if self.rounds > 1 { 0.3 } else { 0.0 };
                    let own = own * (1.0 - fresh_share).sqrt() + fresh * fresh_share.sqrt();
                    let hard = f64::from(common[at]) * self.shared.sqrt() + own * (1.0 - self.shared).sqrt();
                    let right = hard < skill;
                    let wrong = (labels[at] + 1) % self.classes;
                    if right { labels[at] as Said } else { wrong as Said }
                };
                (0..self.pictures).map(picture).collect()
            };
            (0..self.rounds).map(round).collect()
        });
        let cells = cells.collect();
        (labels, cells)
    }

    /// Over `tables` tables: how often each cell is in the set, and how often its interval holds its
    /// accuracy.
    fn tried(&self, tables: u64, metric: Metric) -> (Vec<f64>, Vec<f64>) {
        let count = self.skills.len();
        let (mut within, mut covered) = (vec![0.0; count], vec![0.0; count]);
        for number in 0..tables {
            let (labels, cells) = self.table(number);
            let truth = Truth { labels: &labels, classes: self.classes };
            let cells: Vec<&Rounds> = cells.iter().collect();
            let drawn = Drawn::of(&cells, metric, &truth, Bootstrap { resamples: 300, seed: number });
            for (cell, is_in) in drawn.best_set().into_iter().enumerate() {
                within[cell] += f64::from(u8::from(is_in)) / tables as f64;
            }
            let estimates = drawn.estimates(metric).unwrap();
            for (cell, estimate) in estimates.iter().enumerate() {
                let holds = estimate.contains(below(self.skills[cell]));
                covered[cell] += f64::from(u8::from(holds)) / tables as f64;
            }
        }
        (within, covered)
    }
}

/// What 95 % may come to by chance over so many tables: three standard errors less.
fn least(tables: u64) -> f64 {
    0.95 - 3.0 * (0.95f64 * 0.05 / tables as f64).sqrt()
}

#[test]
fn the_best_cell_is_in_the_set_as_often_as_promised() {
    let level = vec![0.8; 24];
    let mut one_best = vec![0.5; 24];
    one_best[7] = 0.8;
    let steps: Vec<f64> = (0..24).map(|cell| 0.8 - 0.1 * f64::from(cell)).collect();
    let nearly_all_right = vec![1.9; 24];
    let worlds = [
        ("all alike", level, 0, 60, 0.6),
        ("all alike, much in common", vec![0.3; 24], 3, 200, 0.9),
        ("one a little better", one_best, 7, 100, 0.6),
        ("a slope", steps, 0, 100, 0.6),
        ("hardly a mistake", nearly_all_right, 5, 100, 0.5),
    ];
    for (what, skills, best, pictures, shared) in worlds {
        for rounds in [1, 3] {
            let world = World { skills: &skills, pictures, shared, rounds, classes: 5 };
            let (within, _) = world.tried(200, Metric::Accuracy);
            assert!(within[best] >= least(200), "{what}, {rounds} rounds: {}", within[best]);
        }
    }
}

#[test]
fn the_set_leaves_out_what_is_clearly_worse() {
    let skills: Vec<f64> = (0..20).map(|cell| 1.0 - 0.12 * f64::from(cell)).collect();
    let world = World { skills: &skills, pictures: 200, shared: 0.7, rounds: 1, classes: 5 };
    let (within, _) = world.tried(100, Metric::Accuracy);
    assert!(within[1] > 0.5, "a neighbour of the best is rarely told from it: {within:?}");
    assert!(within[10..].iter().all(|share| *share < 0.05), "{within:?}");
}

/// Each comparison as if it were the only one throws the best out far too often.
#[test]
fn without_correction_the_promise_would_be_broken() {
    let skills = vec![0.8; 24];
    let world = World { skills: &skills, pictures: 100, shared: 0.6, rounds: 1, classes: 5 };
    let mut kept = 0;
    for number in 0..100 {
        let (labels, cells) = world.table(number);
        let truth = Truth { labels: &labels, classes: 5 };
        let cells: Vec<&Rounds> = cells.iter().collect();
        let drawn = Drawn::of(&cells, Metric::Accuracy, &truth, Bootstrap { resamples: 300, seed: 0 });
        let uncorrected = (0..cells.len()).all(|other| drawn.difference(other, 0).low <= 0.0);
        kept += u32::from(uncorrected);
    }
    assert!(kept < 85, "{kept} of 100");
}

#[test]
fn intervals_hold_the_truth_at_their_rate() {
    let skills = [-1.0, 0.0, 0.6, 1.2, 1.8];
    for rounds in [1, 4] {
        let world = World { skills: &skills, pictures: 100, shared: 0.5, rounds, classes: 4 };
        let (_, covered) = world.tried(1500, Metric::Accuracy);
        // Of a share of whole pictures, coverage goes up and down around its rate by about 1.5 %.
        // Of several rounds it is higher.
        let rate = least(1500) - 0.015..=0.99;
        assert!(covered.iter().all(|share| rate.contains(share)), "{rounds} rounds: {covered:?}");
        let mean = covered.iter().sum::<f64>() / covered.len() as f64;
        assert!((0.94..=0.99).contains(&mean), "{rounds} rounds: {mean}");
    }
    let world = World { skills: &skills[..4], pictures: 200, shared: 0.5, rounds: 1, classes: 4 };
    let (_, covered) = world.tried(400, Metric::BalancedAccuracy);
    // Percentiles fall a little short of it.
    assert!(covered.iter().all(|&share| share >= least(400) - 0.01), "balanced: {covered:?}");
}

#[test]
fn drawing_is_the_same_on_any_number_of_threads() {
    let world = World { skills: &[0.2, 0.3, 0.9], pictures: 50, shared: 0.5, rounds: 2, classes: 3 };
    let (labels, cells) = world.table(1);
    let truth = Truth { labels: &labels, classes: 3 };
    let cells: Vec<&Rounds> = cells.iter().collect();
    let draw = || Drawn::of(&cells, Metric::MacroF1, &truth, Bootstrap { resamples: 200, seed: 5 }).means;
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(draw);
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap().install(draw);
    assert!(one == three);
}
