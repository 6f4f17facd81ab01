//! Rows as vectors: about their mean, at length one, and how far apart.

use crate::error::{Error, Result};
use crate::heads::Rows;

/// Values summed side by side, so that they become vectors.
const LANES: usize = 16;

/// Rows minus their mean, row after row. What does not vary is zero, exactly.
pub(super) fn centred(rows: &Rows) -> Vec<f32> {
    if rows.count() == 0 {
        return Vec::new();
    }
    // Counted from the first row, equal values have no rounded mean.
    let first = rows.row(0);
    let mut means = vec![0f64; rows.width()];
    for row in rows.iter() {
        for (mean, (&value, &first)) in means.iter_mut().zip(row.iter().zip(first)) {
            *mean += f64::from(value) - f64::from(first);
        }
    }
    let count = rows.count() as f64;
    means.iter_mut().for_each(|mean| *mean /= count);
    let mut out = Vec::with_capacity(rows.values().len());
    for row in rows.iter() {
        let columns = row.iter().zip(first).zip(&means);
        out.extend(
            columns.map(|((&value, &first), mean)| (f64::from(value) - f64::from(first) - mean) as f32),
        );
    }
    out
}

/// The mean of rows, column by column; zeros where there is none.
pub fn mean(rows: &Rows) -> Vec<f32> {
    let mut sums = vec![0f64; rows.width()];
    for row in rows.iter() {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let count = rows.count().max(1) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// Rows minus `mean`, which may be that of other pictures or noise draws.
///
/// # Errors
/// When rows have another width.
pub fn about(rows: &Rows, mean: &[f32]) -> Result<Rows> {
    if mean.len() != rows.width() {
        return Err(Error::Compute(format!("rows of {} about a mean of {}", rows.width(), mean.len())));
    }
    let minus = |row| std::iter::zip(row, mean).map(|(value, mean): (&f32, &f32)| value - mean);
    Rows::new(rows.width(), rows.iter().flat_map(minus).collect())
}

/// Rows at length one, row after row; what is zero stays zero.
pub(super) fn units(rows: &Rows) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.values().len());
    for row in rows.iter() {
        let norm = square(row).sqrt();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        out.extend(row.iter().map(|&value| (f64::from(value) * scale) as f32));
    }
    out
}

/// The squared length.
pub(super) fn square(row: &[f32]) -> f64 {
    row.iter().map(|&value| f64::from(value) * f64::from(value)).sum()
}

/// The squared distance in f64.
pub(super) fn exact_distance2(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

/// The squared distance, differences first, so that it is exact to a few of the last bits of f32 however
/// close the two are.
pub(super) fn distance2(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f32; LANES];
    let (a_whole, a_rest) = a.as_chunks::<LANES>();
    let (b_whole, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    sums.iter().map(|&sum| f64::from(sum)).sum::<f64>() + exact_distance2(a_rest, b_rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;

    #[test]
    fn distances_agree_however_close() {
        let values = standard_normal(&[1; 32], 2 * 77);
        let (a, b) = values.split_at(77);
        let close: Vec<f32> = a.iter().map(|value| value + 1e-4).collect();
        for other in [b, &close[..], a] {
            let exact = exact_distance2(a, other);
            assert!((distance2(a, other) - exact).abs() <= 1e-6 * exact, "{exact}");
        }
    }

    #[test]
    fn constants_vanish_and_means_are_zero() {
        let rows = Rows::new(2, vec![0.1, 1e4, 0.1, 2e4, 0.1, 4e4]).unwrap();
        let centred = centred(&rows);
        assert_eq!([centred[0], centred[2], centred[4]], [0.0; 3]);
        assert!((centred[1] + centred[3] + centred[5]).abs() < 1e-2);
        let of = mean(&rows);
        assert!((of[0] - 0.1).abs() < 1e-7 && (of[1] - 7e4 / 3.0).abs() < 1e-2, "{of:?}");
        let moved = about(&rows, &of).unwrap();
        assert!(moved.values().iter().zip(&centred).all(|(a, b)| (a - b).abs() < 1e-2));
        assert!(about(&rows, &of[..1]).is_err());
        let units = units(&Rows::new(2, vec![3.0, -4.0, 0.0, 0.0]).unwrap());
        assert_eq!(units, [0.6, -0.8, 0.0, 0.0]);
    }
}
