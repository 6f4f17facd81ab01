use super::*;

const FEW: Bootstrap = Bootstrap { resamples: 300, seed: 0 };

fn measured(head: &str, features: Features, shots: Option<usize>, seed: u64) -> Measured {
    Measured {
        head: head.into(),
        features,
        shots,
        seed,
        macro_f1: 0.5 + 0.1 * seed as f64,
        parameters: 100 + seed,
        gmac_per_image: 0.25,
        seconds_train: 1.0 + seed as f64,
        seconds_per_image: 0.5,
    }
}

/// Tested on 40 pictures from number `from`, of which every `every`-th is missed.
fn tested(from: usize, every: usize) -> Tested {
    Tested::on((from..from + 40).collect(), (0..40).map(|i| i % every != 0).collect()).unwrap()
}

#[test]
fn rows_are_ordered_and_summed_up() {
    let runs = [
        (measured("linear", Features::RawPixels, Some(5), 0), tested(0, 2)),
        (measured("linear", Features::Network, None, 1), tested(40, 8)),
        (measured("linear", Features::Network, Some(5), 1), tested(40, 4)),
        (measured("linear", Features::Network, Some(5), 0), tested(0, 8)),
        (measured("knn", Features::Network, Some(5), 0), tested(0, 8)),
        (measured("knn", Features::Network, Some(1), 2), tested(0, 4)),
    ];
    let table = Table::new(&runs, FEW).unwrap();
    let order: Vec<_> = table
        .records()
        .iter()
        .map(|row| (row.shots, row.features.name(), row.head.as_str(), row.seed))
        .collect();
    let want = [
        (Some(1), "network", "knn", 2),
        (Some(5), "network", "linear", 0),
        (Some(5), "network", "linear", 1),
        (Some(5), "network", "knn", 0),
        (Some(5), "raw-pixels", "linear", 0),
        (None, "network", "linear", 1),
    ];
    assert_eq!(order, want);
    let one = &table.records()[1];
    let wilson = tested(0, 8).accuracy();
    assert_eq!((one.accuracy, one.ci_low, one.ci_high, one.n_test), (0.875, wilson.low, wilson.high, 40));

    let linear = &table.summaries()[1];
    assert_eq!((linear.seeds, linear.n_test, linear.parameters), (2, 80, 101));
    assert!((linear.accuracy - (0.875 + 0.75) / 2.0).abs() < 1e-12);
    assert!((linear.macro_f1 - 0.55).abs() < 1e-12 && linear.seconds_train == 1.5);
    assert!(linear.ci_low < 0.75 && linear.ci_high > 0.85 && linear.ci_high < 1.0);
    // Seed 0 is what all with five shots share: there linear and knn are the same.
    let best: Vec<_> = table.summaries().iter().map(|row| row.in_best_set).collect();
    assert_eq!(best, [Some(true), Some(true), Some(true), Some(false), Some(true)]);
}

#[test]
fn without_a_seed_in_common_no_best_is_named() {
    let runs = [
        (measured("linear", Features::Network, Some(5), 0), tested(0, 8)),
        (measured("knn", Features::Network, Some(5), 1), tested(0, 8)),
    ];
    let table = Table::new(&runs, FEW).unwrap();
    assert!(table.summaries().iter().all(|row| row.in_best_set.is_none()));
}

#[test]
fn impossible_runs_are_refused() {
    let why = |runs: &[(Measured, Tested)]| Table::new(runs, FEW).unwrap_err().to_string();
    let run = || (measured("linear", Features::Network, Some(5), 3), tested(0, 8));
    assert!(why(&[]).contains("no run"));
    assert!(why(&[run(), run()]).contains("linear on network comes twice with seed 3"));
    let other = (measured("knn", Features::Network, Some(5), 3), tested(1, 8));
    assert!(why(&[run(), other]).contains("same pictures"));
    for (name, spoil) in [
        ("macro_f1", (|run| run.macro_f1 = f64::NAN) as fn(&mut Measured)),
        ("gmac_per_image", |run| run.gmac_per_image = f64::INFINITY),
        ("seconds_train", |run| run.seconds_train = -1.0),
        ("seconds_per_image", |run| run.seconds_per_image = f64::NAN),
    ] {
        let mut spoilt = run();
        spoil(&mut spoilt.0);
        assert!(why(&[spoilt]).contains(name), "{name}");
    }
}
