use super::*;

fn rows(
    blocks: &[usize],
    timesteps: &[usize],
    pools: &[usize],
    best: &[(usize, usize, usize)],
) -> Vec<SweepRow> {
    let mut rows = Vec::new();
    for &pool in pools {
        for &timestep in timesteps {
            for &block in blocks {
                rows.push(SweepRow {
                    block,
                    timestep,
                    pool,
                    score: "ridge".into(),
                    shots: 5,
                    accuracy: 0.5,
                    ci_low: 0.4,
                    ci_high: 0.6,
                    n: 50,
                    in_best_set: Some(best.contains(&(block, timestep, pool))),
                    features: Features::Network,
                });
            }
        }
    }
    rows
}

fn found(rows: &[SweepRow], best: (usize, usize, usize)) -> String {
    let set: Vec<Cell> =
        rows.iter().filter(|row| row.in_best_set == Some(true)).map(|row| row.cell()).collect();
    let (block, timestep, pool) = best;
    Axes::of(&SweepTable::of(rows))
        .found(Cell { features: Features::Network, shots: 5, pool, timestep, block }, &set)
}

#[test]
fn neighbours_in_the_table_are_joined() {
    let steps = [10, 50, 90, 150];
    let square: Vec<_> = [13, 14, 15].iter().flat_map(|&b| [50, 90, 150].map(|t| (b, t, 1))).collect();
    let table = rows(&[11, 12, 13, 14, 15, 16], &steps, &[1], &square);
    assert_eq!(found(&table, (13, 50, 1)), "b 13–15 at t 50–150 are equally good");
    // Every second block: neighbours are those of the table.
    let table = rows(&[11, 13, 15], &steps, &[1, 2], &[(13, 10, 2), (15, 10, 2), (11, 90, 1), (11, 150, 2)]);
    assert_eq!(
        found(&table, (13, 10, 2)),
        "b 11 at t 90 with pool 1, b 13–15 at t 10 with pool 2 and b 11 at t 150 with pool 2 are equally good"
    );
    let table = rows(&[11, 13], &steps, &[2], &[(13, 10, 2)]);
    assert_eq!(found(&table, (13, 10, 2)), "b 13 at t 10 is better than every other setting");
}

#[test]
fn many_scattered_settings_are_counted() {
    let set: Vec<_> = (0..10).map(|at| (at + 1, if at % 2 == 0 { 10 } else { 90 } + at, 1)).collect();
    let steps: Vec<usize> = set.iter().map(|(_, t, _)| *t).collect();
    let mut steps = steps;
    steps.sort_unstable();
    let table = rows(&(1..=12).collect::<Vec<_>>(), &steps, &[1], &set);
    let text = found(&table, (3, 12, 1));
    assert!(text.starts_with("10 of 120 settings cannot be told from the best, b 3 at t 12"), "{text}");
    assert!(text.ends_with("they lie within b 1 to 10 and t 10 to 99"), "{text}");
}

#[test]
fn the_default_is_told_with_its_uncertainty() {
    let table = rows(&[12, 13], &[50], &[1], &[]);
    let axes = Axes::of(&SweepTable::of(&table));
    let cell = |block| Cell { features: Features::Network, shots: 5, pool: 1, timestep: 50, block };
    let told = |value: f64, low: f64, high: f64| {
        against_default(&axes, (cell(13), cell(12)), "the network's own", Some(Estimate { value, low, high }))
    };
    let begins = "the default setting (b 12 at t 50, the network's own)";
    assert_eq!(told(0.031, 0.019, 0.043), format!("{begins} is 3.1 ± 1.2 points worse here"));
    assert_eq!(told(-0.02, -0.03, -0.01), format!("{begins} is 2.0 ± 1.0 points better here"));
    let even = told(0.004, -0.008, 0.016);
    assert_eq!(even, format!("{begins} cannot be told from it here (0.4 ± 1.2 points worse)"));
    let same = against_default(&axes, (cell(12), cell(12)), "the network's own", None);
    assert_eq!(same, format!("{begins} is the best one here"));
}
