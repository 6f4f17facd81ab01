use super::*;
use crate::tensor::rng::standard_normal;

/// Gaussian elimination with pivots.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        for i in k + 1..n {
            let factor = a[i][k] / a[k][k];
            let (above, below) = a.split_at_mut(i);
            below[0].iter_mut().zip(&above[k]).skip(k).for_each(|(v, pivot)| *v -= factor * pivot);
            b[i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

/// Slopes and intercept of least squares with penalty λ on the slopes, from the normal equations of
/// `[x, 1]`.
fn direct(x: &[Vec<f64>], y: &[f64], penalty: f64) -> Vec<f64> {
    let rows: Vec<Vec<f64>> = x.iter().map(|row| row.iter().copied().chain([1.0]).collect()).collect();
    let size = rows[0].len();
    let mut a = vec![vec![0f64; size]; size];
    let mut b = vec![0f64; size];
    for (row, y) in rows.iter().zip(y) {
        for i in 0..size {
            b[i] += row[i] * y;
            for j in 0..size {
                a[i][j] += row[i] * row[j];
            }
        }
    }
    (0..size - 1).for_each(|i| a[i][i] += penalty);
    solve(a, b)
}

fn example(n: usize, d: usize, classes: usize) -> (Rows, Vec<usize>) {
    let mut values = standard_normal(&[n as u8; 32], n * d);
    let labels: Vec<usize> = (0..n).map(|i| i * 7 % classes).collect();
    for (row, &label) in labels.iter().enumerate() {
        values[row * d + label % d] += 1.5;
        values[row * d] = 5.0 + 3.0 * values[row * d];
    }
    (Rows::new(d, values).unwrap(), labels)
}

fn standardised(rows: &Rows) -> Vec<Vec<f64>> {
    let centre = exact_mean(rows);
    let scale = spread(rows, &centre);
    let column = |((&v, &m), &s): ((&f32, &f64), &f64)| (f64::from(v) - m) / s;
    rows.iter().map(|row| row.iter().zip(&centre).zip(&scale).map(column).collect()).collect()
}

#[test]
fn both_ways_agree_with_the_normal_equations() {
    for (n, d, classes) in [(12, 30, 3), (60, 8, 4), (20, 20, 2), (21, 20, 5)] {
        let (rows, labels) = example(n, d, classes);
        let (ridge, sharpness) = fit(&rows, &labels, classes).unwrap();
        assert!(sharpness > 0.0);
        let x = standardised(&rows);
        for class in 0..classes {
            let y: Vec<f64> = labels.iter().map(|&l| if l == class { 1.0 } else { -1.0 }).collect();
            let solution = direct(&x, &y, f64::from(ridge.penalty));
            for (row, x) in rows.iter().zip(&x) {
                let want = dot(x, &solution[..d]) + solution[d];
                let weights = ridge.weight[class * d..][..d].iter().zip(row);
                let got: f64 = weights.map(|(&w, &v)| f64::from(w) * f64::from(v)).sum::<f64>()
                    + f64::from(ridge.bias[class]);
                assert!((got - want).abs() < 1e-4, "{n}x{d}: {got} is not {want}");
            }
        }
    }
}

/// The closed form against refitting without each row, on features standardised once.
#[test]
fn left_out_scores_are_those_of_refits() {
    for (n, d) in [(10, 25), (30, 6)] {
        let (rows, labels) = example(n, d, 2);
        let x = standardised(&rows);
        let flat: Vec<f64> = x.iter().flatten().copied().collect();
        let share = labels.iter().filter(|&&l| l == 0).count() as f64 / n as f64;
        let level = vec![2.0 * share - 1.0, 1.0 - 2.0 * share];
        let sign = |label: usize, class: usize| if label == class { 1.0 } else { -1.0 };
        let y = labels.iter().flat_map(|&l| (0..2).map(move |c| (l, c))).map(|(l, c)| sign(l, c) - level[c]);
        let problem = Problem { n, d, classes: 2, x: flat, y: y.collect(), level: level.clone() };
        let (trial, _) = if n <= d { problem.dual().unwrap() } else { problem.primal().unwrap() };
        for row in 0..n {
            let others = |i: &usize| *i != row;
            let x_without: Vec<Vec<f64>> = (0..n).filter(others).map(|i| x[i].clone()).collect();
            let y_without: Vec<f64> = (0..n).filter(others).map(|i| sign(labels[i], 0)).collect();
            let solution = direct(&x_without, &y_without, trial.penalty);
            let want = dot(&x[row], &solution[..d]) + solution[d];
            let got = trial.left_out[row * 2];
            assert!((got - want).abs() < 1e-7, "{n}x{d} row {row}: {got} is not {want}");
        }
    }
}

/// Rows at random around random labels are best predicted by almost nothing.
#[test]
fn noise_gets_a_large_penalty_and_signal_a_small_one() {
    let noise = Rows::new(40, standard_normal(&[5; 32], 50 * 40)).unwrap();
    let labels: Vec<usize> = (0..50).map(|i| i % 2).collect();
    let (ridge, _) = fit(&noise, &labels, 2).unwrap();
    let mut values = standard_normal(&[6; 32], 200 * 4);
    let labels: Vec<usize> = (0..200).map(|i| i % 2).collect();
    for (row, &label) in values.chunks_exact_mut(4).zip(&labels) {
        row[0] = label as f32 + 0.01 * row[0];
    }
    let (sharp, _) = fit(&Rows::new(4, values).unwrap(), &labels, 2).unwrap();
    assert!(
        ridge.penalty / 50.0 > 5.0 && sharp.penalty / 200.0 < 0.01,
        "{} {}",
        ridge.penalty,
        sharp.penalty
    );
}
