use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::*;

const FEW: Bootstrap = Bootstrap { resamples: 300, seed: 1 };

/// Runs over pictures 0, 1, 2 …, the same for each seed; `x` is a hit.
fn runs(rows: &[&str]) -> Vec<Tested> {
    let run = |row: &&str| Tested::on((0..row.len()).collect(), row.chars().map(|c| c == 'x').collect());
    rows.iter().map(|row| run(row).unwrap()).collect()
}

fn close(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "{got}, not {want}");
}

#[test]
fn the_normal_point_is_that_of_95_percent() {
    let within = 1.0 - libm::erfc(Z95 / std::f64::consts::SQRT_2);
    close(within, 0.95, 1e-15);
}

#[test]
fn wilson_by_hand() {
    for (hits, count, low, high) in [
        (8, 10, 0.490_162_5, 0.943_317_8),
        (0, 10, 0.0, 0.277_532_8),
        (10, 10, 0.722_467_2, 1.0),
        (1, 1, 0.206_549_3, 1.0),
    ] {
        let got = wilson(hits, count).unwrap();
        close(got.low, low, 1e-7);
        close(got.high, high, 1e-7);
    }
    assert!(wilson(0, 0).is_err() && wilson(3, 2).is_err());
}

/// The definition: the shares whose score test does not refuse what was seen.
#[test]
fn wilson_ends_are_where_the_score_test_turns() {
    for count in 1..60usize {
        for hits in 0..=count {
            let got = wilson(hits, count).unwrap();
            for end in [got.low, got.high].into_iter().filter(|end| (1e-12..1.0 - 1e-12).contains(end)) {
                let score = (got.value - end) / (end * (1.0 - end) / count as f64).sqrt();
                close(score.abs(), Z95, 1e-9);
            }
        }
    }
}

#[test]
fn wilson_covers_95_percent_on_average() {
    let ways = |n: usize, k: usize| (0..k).fold(1.0, |ways, i| ways * (n - i) as f64 / (i + 1) as f64);
    for count in [10usize, 40] {
        let steps = 400;
        let covered = |p: f64| -> f64 {
            (0..=count)
                .filter(|&hits| wilson(hits, count).unwrap().contains(p))
                .map(|hits| ways(count, hits) * p.powi(hits as i32) * (1.0 - p).powi((count - hits) as i32))
                .sum()
        };
        let mean = (0..steps).map(|i| covered((f64::from(i) + 0.5) / f64::from(steps))).sum::<f64>()
            / f64::from(steps);
        close(mean, 0.95, 0.01);
    }
}

#[test]
fn quantiles_are_linear_between_neighbours() {
    let values = [1.0, 2.0, 4.0, 8.0, 16.0];
    assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantile(&values, share)), [1.0, 2.0, 4.0, 16.0]);
    close(quantile(&values, 0.9), 12.8, 1e-12);
    close(quantile(&values, 0.025), 1.1, 1e-12);
}

/// All 4 · 4 draws of two seeds and two pictures, against 20,000 random ones.
#[test]
fn draws_have_the_distribution_of_all_draws() {
    let values = vec![vec![1i8, 0], vec![1, 1]];
    let mut exact = std::collections::BTreeMap::<i64, f64>::new();
    for draw in 0..16usize {
        let bit = |k: usize| (draw >> k) & 1;
        let sum: i8 = [0, 1].iter().flat_map(|&s| [2, 3].map(|p| values[bit(s)][bit(p)])).sum();
        *exact.entry(i64::from(sum)).or_default() += 1.0 / 16.0;
    }
    let design = Design::of(&runs(&["x.", "xx"])).unwrap();
    let draws = resample(&design, &[values], Bootstrap { resamples: 20_000, seed: 3 });
    let mut seen = std::collections::BTreeMap::<i64, f64>::new();
    for draw in &draws {
        *seen.entry((draw[0] * 4.0).round() as i64).or_default() += 1.0 / draws.len() as f64;
    }
    assert_eq!(exact.keys().collect::<Vec<_>>(), seen.keys().collect::<Vec<_>>());
    for (sum, share) in exact {
        close(seen[&sum], share, 0.015);
    }
}

/// Two seeds on pictures of their own: chance acts on each alone, so that the variance between pictures
/// halves where both seeds are drawn; on the same pictures it does not.
#[test]
fn shared_pictures_are_drawn_once() {
    let row: Vec<bool> = (0..200).map(|i| i % 2 == 0).collect();
    let on = |from: usize| Tested::on((from..from + 200).collect(), row.clone()).unwrap();
    let width = |seeds: &[Tested]| {
        let got = accuracy(seeds, Bootstrap::default()).unwrap();
        got.high - got.low
    };
    let one = 2.0 * Z95 * (0.25f64 / 200.0).sqrt();
    close(width(&[on(0), on(0)]) / one, 1.0, 0.08);
    // Both are drawn half of the time: (½ + ½ · ½) of the variance.
    close(width(&[on(0), on(200)]) / one, 0.75f64.sqrt(), 0.08);
    let partly = width(&[on(0), on(100)]) / one;
    assert!(partly > 0.75f64.sqrt() && partly < 1.0, "{partly}");
}

#[test]
fn seeds_count_alike_however_many_pictures() {
    let mut ragged = runs(&["xxxxxxxxxx", "x."]);
    let got = accuracy(&ragged, FEW).unwrap();
    assert_eq!(got.value, 0.75);
    assert!(got.contains(0.75) && got.high == 1.0);
    ragged.reverse();
    assert_eq!(accuracy(&ragged, FEW).unwrap().value, 0.75);
}

#[test]
fn perfect_heads_are_not_certain() {
    let got = accuracy(&runs(&["xxxxxxxxxx", "xxxxxxxxxx"]), FEW).unwrap();
    assert_eq!(got, wilson(10, 10).unwrap());
    let got = accuracy(&runs(&["....", "...."]), FEW).unwrap();
    assert_eq!(got, wilson(0, 4).unwrap());
    assert_eq!(accuracy(&runs(&["xx.x"]), FEW).unwrap(), wilson(3, 4).unwrap(), "one seed");
}

/// Pictures are hard or easy, seeds good or bad: the interval holds the mean over both about as often as
/// it says.
#[test]
fn intervals_cover_what_they_estimate() {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut uniform = || f64::from(rng.next_u32()) / f64::from(u32::MAX);
    let (trials, mut covered) = (300, 0);
    for _ in 0..trials {
        let ease: Vec<f64> = (0..60).map(|_| 0.3 + 0.4 * uniform()).collect();
        let seeds: Vec<Tested> = (0..8)
            .map(|_| {
                let luck = 0.2 * uniform() - 0.1;
                let row = ease.iter().map(|ease| uniform() < ease + luck).collect();
                Tested::on((0..60).collect(), row).unwrap()
            })
            .collect();
        covered += i32::from(accuracy(&seeds, FEW).unwrap().contains(0.5));
    }
    let share = f64::from(covered) / f64::from(trials);
    assert!((0.91..1.0).contains(&share), "{share}");
}

#[test]
fn draws_are_the_same_everywhere() {
    let seeds = runs(&["xx.x.xxx..", "x..xxxxx.x", "xxxx..x.x."]);
    let got = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let design = Design::of(&seeds).unwrap();
        let values: Vec<Vec<i8>> =
            seeds.iter().map(|seed| seed.correct().iter().map(|&c| i8::from(c)).collect()).collect();
        pool.install(|| resample(&design, &[values], Bootstrap { resamples: 500, seed }))
    };
    assert_eq!(got(1, 0), got(3, 0));
    assert_ne!(got(1, 0), got(1, 1));
}

#[test]
fn differences_are_paired() {
    // Half is hard for both, but one is always a little better: pairing sees it.
    let worse: String = (0..200).map(|i| if i % 2 == 0 { 'x' } else { '.' }).collect();
    let better: String = (0..200).map(|i| if i % 2 == 0 || i % 20 == 1 { 'x' } else { '.' }).collect();
    let (worse, better) = (runs(&[&worse]), runs(&[&better]));
    let got = difference(&better, &worse, Bootstrap::default()).unwrap();
    close(got.value, 0.05, 1e-12);
    assert!(!got.contains(0.0) && got.high < 0.1, "{got:?}");
    assert!(better[0].accuracy().low < worse[0].accuracy().high, "unpaired intervals overlap");

    let best = |runs: &[Vec<Tested>]| not_distinguishable_from_best(runs, Bootstrap::default()).unwrap();
    assert_eq!(best(&[worse.clone(), better.clone(), better.clone()]), [false, true, true]);
    assert_eq!(best(&[worse]), [true]);
    assert!(not_distinguishable_from_best(&[], FEW).is_err());
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let (three, two) = (runs(&["x.x"]), runs(&["x."]));
    assert!(difference(&three, &two, FEW).unwrap_err().to_string().contains("same pictures"));
    let other = vec![Tested::on(vec![0, 1, 7], vec![true; 3]).unwrap()];
    assert!(difference(&three, &other, FEW).is_err());
    assert!(not_distinguishable_from_best(&[three.clone(), two], FEW).is_err());
    assert!(accuracy(&[], FEW).is_err());
    assert!(Tested::on(vec![], vec![]).is_err());
    assert!(Tested::on(vec![1], vec![true, false]).is_err());
    for resamples in [0, 99, 1_000_001] {
        let wrong = Bootstrap { resamples, seed: 0 };
        assert!(difference(&three, &three, wrong).unwrap_err().to_string().contains("100 to 1000000"));
    }
}

#[test]
fn mcnemar_by_hand() {
    let test = |both: usize, first: usize, second: usize| {
        let one = [vec![true; both], vec![true; first], vec![false; second]].concat();
        let two = [vec![true; both], vec![false; first], vec![true; second]].concat();
        mcnemar(&one, &two).unwrap()
    };
    let got = test(4, 1, 9);
    assert_eq!((got.only_first, got.only_second), (1, 9));
    close(got.p, 2.0 * 11.0 / 1024.0, 1e-14);
    close(got.mid_p, (2.0 * 11.0 - 10.0) / 1024.0, 1e-14);
    let got = test(0, 5, 0);
    close(got.p, 2.0 / 32.0, 1e-15);
    close(got.mid_p, 1.0 / 32.0, 1e-15);
    for even in [0, 1, 6, 1000] {
        let got = test(3, even, even);
        assert_eq!((got.p, got.mid_p), (1.0, 1.0));
    }
    assert!(mcnemar(&[true], &[]).is_err() && mcnemar(&[], &[]).is_err());
}

#[test]
fn the_binomial_is_that_of_whole_numbers() {
    for tosses in 0..=100usize {
        let mut ways = 1u128;
        let mut sum = 0u128;
        let all = 2f64.powi(tosses as i32);
        for hits in 0..=tosses {
            sum += ways;
            let (exact, tail) = (ways as f64 / all, sum as f64 / all);
            close(exactly_half(hits, tosses) / exact, 1.0, 1e-11);
            close(at_most_half(hits, tosses) / tail, 1.0, 1e-11);
            ways = ways * (tosses - hits) as u128 / (hits + 1) as u128;
        }
    }
    // By whole numbers of any length.
    close(at_most_half(480, 1000), 0.108_724_146_602_070_47, 1e-12);
    close(at_most_half(49_000, 98_500), 0.055_923_234_072_320_39, 1e-10);
    assert_eq!(exactly_half(3, 2), 0.0);
}

/// Two heads over the same seeds and pictures.
fn pairs() -> impl Strategy<Value = (Vec<Tested>, Vec<Tested>)> {
    (1usize..4, 1usize..25).prop_flat_map(|(seeds, images)| {
        let row = proptest::collection::vec((any::<bool>(), any::<bool>()), images);
        proptest::collection::vec((0usize..9, row), seeds).prop_map(|rows| {
            let side = |pick: fn(&(bool, bool)) -> bool| {
                let run = |(from, row): &(usize, Vec<(bool, bool)>)| {
                    Tested::on((*from..from + row.len()).collect(), row.iter().map(pick).collect()).unwrap()
                };
                rows.iter().map(run).collect::<Vec<_>>()
            };
            (side(|pair| pair.0), side(|pair| pair.1))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn wilson_mirrors_and_holds(count in 1usize..5000, share in 0f64..=1.0) {
        let hits = (share * count as f64) as usize;
        let (got, mirror) = (wilson(hits, count).unwrap(), wilson(count - hits, count).unwrap());
        prop_assert!(got.contains(got.value) && got.low >= 0.0 && got.high <= 1.0);
        prop_assert!((got.low - (1.0 - mirror.high)).abs() < 1e-12);
        let more = wilson(hits * 4, count * 4).unwrap();
        prop_assert!(more.high - more.low < got.high - got.low);
    }

    #[test]
    fn intervals_hold_their_estimates((first, second) in pairs(), seed in any::<u64>()) {
        let bootstrap = Bootstrap { resamples: 200, seed };
        let alone = accuracy(&first, bootstrap).unwrap();
        prop_assert!(alone.contains(alone.value) && alone.low >= 0.0 && alone.high <= 1.0);
        let there = difference(&first, &second, bootstrap).unwrap();
        let back = difference(&second, &first, bootstrap).unwrap();
        prop_assert!(there.contains(there.value) && there.low >= -1.0 && there.high <= 1.0);
        for (a, b) in [(there.value, back.value), (there.low, back.high), (there.high, back.low)] {
            prop_assert!((a + b).abs() < 1e-12);
        }
        let apart = alone.value - accuracy(&second, bootstrap).unwrap().value;
        prop_assert!((apart - there.value).abs() < 1e-12);
        let none = difference(&first, &first, bootstrap).unwrap();
        prop_assert_eq!((none.value, none.low, none.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_best_is_among_the_best((first, second) in pairs()) {
        let runs = [first, second];
        let mean = |run: &[Tested]| run.iter().map(|seed| seed.accuracy().value).sum::<f64>();
        let best = usize::from(mean(&runs[1]) > mean(&runs[0]));
        let got = not_distinguishable_from_best(&runs, FEW).unwrap();
        prop_assert!(got[best]);
        let between = difference(&runs[1 - best], &runs[best], FEW).unwrap();
        prop_assert_eq!(got[1 - best], between.contains(0.0));
    }

    #[test]
    fn mcnemar_is_symmetric(pairs in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..200)) {
        let (a, b): (Vec<bool>, Vec<bool>) = pairs.into_iter().unzip();
        let (there, back) = (mcnemar(&a, &b).unwrap(), mcnemar(&b, &a).unwrap());
        prop_assert_eq!((there.p, there.mid_p), (back.p, back.mid_p));
        prop_assert_eq!(there.only_first, back.only_second);
        prop_assert!(there.mid_p > 0.0 && there.mid_p <= there.p && there.p <= 1.0);
    }
}

/// Over all samples of a small set, the interval holds the share as often as it says, on average.
#[test]
fn what_was_drawn_from_a_finite_set_is_certain() {
    let whole = wilson_of_finite(7, 10, 10).unwrap();
    assert_eq!((whole.low, whole.value, whole.high), (0.7, 0.7, 0.7));
    let (few, many) = (wilson_of_finite(40, 50, 60).unwrap(), wilson_of_finite(40, 50, 1_000_000).unwrap());
    let plain = wilson(40, 50).unwrap();
    assert!((many.low - plain.low).abs() < 1e-4 && (many.high - plain.high).abs() < 1e-4);
    assert!(few.low > plain.low && few.low >= 40.0 / 60.0 && few.high <= 1.0 - 10.0 / 60.0, "{few:?}");
    assert!(wilson_of_finite(4, 11, 10).is_err() && wilson_of_finite(0, 0, 10).is_err());
    // Hypergeometric: of 200 pictures `right` are right, 50 are drawn.
    let ln = |n: usize| libm::lgamma(n as f64 + 1.0);
    let ways = |n: usize, k: usize| if k > n { f64::NEG_INFINITY } else { ln(n) - ln(k) - ln(n - k) };
    let mut mean = 0.0;
    let rights = [60, 100, 130, 150, 170, 180, 190];
    for right in rights {
        let chance =
            |hits: usize| libm::exp(ways(right, hits) + ways(200 - right, 50 - hits) - ways(200, 50));
        let held = (0..=50).filter(|&hits| hits <= right && 50 - hits <= 200 - right);
        let held: f64 = held
            .filter(|&hits| wilson_of_finite(hits, 50, 200).unwrap().contains(right as f64 / 200.0))
            .map(chance)
            .sum();
        assert!(held > 0.91, "{right}: {held}");
        mean += held / rights.len() as f64;
    }
    assert!((0.94..0.97).contains(&mean), "{mean}");
}
