//! Exact nearest neighbours.
//!
//! All pictures at once go through blocked products in f32. These only rule out pictures that are farther
//! away for certain: by the bound of Higham (2002, 3.1) on the rounding of a product. What is left is
//! compared in f64, so that the lists are those of plain loops, ties included.

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Watch;
use super::vectors::{centred, exact_distance2, square, units};
use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::tensor::rows::PackedRows;

/// Pictures compared with all others at a time.
const BLOCK: usize = 192;

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// 1 − the cosine of their angle; 1 to a row of zeros.
    #[default]
    Cosine,
    /// The length of their difference.
    Euclidean,
}

impl Metric {
    /// The name, as in settings.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cosine => "cosine",
            Metric::Euclidean => "euclidean",
        }
    }

    fn exact(self, a: &[f32], b: &[f32]) -> f64 {
        match self {
            Metric::Euclidean => exact_distance2(a, b).sqrt(),
            Metric::Cosine => {
                let norms = (square(a) * square(b)).sqrt();
                let product: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                if norms > 0.0 { (1.0 - product / norms).clamp(0.0, 2.0) } else { 1.0 }
            }
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Metric> {
        [Metric::Cosine, Metric::Euclidean].into_iter().find(|metric| metric.name() == text).ok_or_else(
            || Error::Setting(format!("there is no distance {text:?}; choose cosine or euclidean")),
        )
    }
}

/// A picture near another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Neighbour {
    /// Its row.
    pub row: usize,
    /// How far away.
    pub distance: f64,
}

/// The `k` rows nearest to `query`, the nearest first, of equals the earlier row; fewer where there are not
/// as many.
///
/// # Errors
/// When `query` has another width.
pub fn nearest_to(query: &[f32], rows: &Rows, metric: Metric, k: usize) -> Result<Vec<Neighbour>> {
    if query.len() != rows.width() {
        return Err(Error::Compute(format!("a row of {} among rows of {}", query.len(), rows.width())));
    }
    Ok(nearest_of(query, rows, metric, k, 0..rows.count()))
}

/// The `k` nearest to picture `row`, without itself; as [`nearest_to`].
pub fn nearest(rows: &Rows, row: usize, metric: Metric, k: usize) -> Vec<Neighbour> {
    nearest_of(rows.row(row), rows, metric, k, (0..rows.count()).filter(|&other| other != row))
}

fn nearest_of(
    query: &[f32],
    rows: &Rows,
    metric: Metric,
    k: usize,
    among: impl Iterator<Item = usize>,
) -> Vec<Neighbour> {
    let neighbour = |row| Neighbour { row, distance: metric.exact(query, rows.row(row)) };
    let mut list: Vec<Neighbour> = among.map(neighbour).collect();
    let order = |a: &Neighbour, b: &Neighbour| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row));
    if k > 0 && k < list.len() {
        list.select_nth_unstable_by(k - 1, order);
    }
    list.truncate(k);
    list.sort_by(order);
    list
}

/// The `k` nearest to every picture, as [`nearest`] gives them. `watch` gets pictures done and all.
///
/// # Errors
/// What `watch` returns.
pub fn all_nearest(rows: &Rows, metric: Metric, k: usize, watch: Watch<'_>) -> Result<Vec<Vec<Neighbour>>> {
    let (count, width) = (rows.count(), rows.width());
    let k = k.min(count.saturating_sub(1));
    if k == 0 {
        return Ok(vec![Vec::new(); count]);
    }
    let compared = match metric {
        Metric::Cosine => units(rows),
        Metric::Euclidean => centred(rows),
    };
    let norms: Vec<f64> = compared.chunks_exact(width).map(|row| square(row).sqrt()).collect();
    let packed = PackedRows::new(&compared, width);
    // Of the product, and of rows rounded to f32 before it.
    let rounding = (width + 8) as f64 * f64::from(f32::EPSILON) / 2.0;
    // Squared distance, or 1 − cosine, and how far that may be off.
    let about = |row: usize, other: usize, product: f32| match metric {
        Metric::Cosine => (1.0 - f64::from(product), rounding),
        Metric::Euclidean => {
            let (a, b) = (norms[row], norms[other]);
            (a * a + b * b - 2.0 * f64::from(product), rounding * (a + b).powi(2))
        }
    };
    let mut lists = Vec::with_capacity(count);
    for first in (0..count).step_by(BLOCK) {
        watch(first, count)?;
        let queries = &compared[first * width..count.min(first + BLOCK) * width];
        let products = packed.products(queries);
        let of_query = |(at, products): (usize, &[f32])| {
            let row = first + at;
            let bounds = |other: usize| {
                let (value, off) = about(row, other, products[other]);
                // What overflowed says nothing.
                if value.is_finite() {
                    (value - off, value + off)
                } else {
                    (f64::NEG_INFINITY, f64::INFINITY)
                }
            };
            let others = || (0..count).filter(|&other| other != row);
            let mut highest: Vec<f64> = others().map(|other| bounds(other).1).collect();
            let (_, &mut reach, _) = highest.select_nth_unstable_by(k - 1, f64::total_cmp);
            nearest_of(rows.row(row), rows, metric, k, others().filter(|&other| bounds(other).0 <= reach))
        };
        let new: Vec<Vec<Neighbour>> = products.par_chunks(count).enumerate().map(of_query).collect();
        lists.extend(new);
    }
    watch(count, count)?;
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::study::measures::unwatched;
    use crate::tensor::rng::standard_normal;

    /// By sorting everything.
    fn slow(rows: &Rows, metric: Metric, k: usize) -> Vec<Vec<Neighbour>> {
        let list = |row: usize| {
            let mut all: Vec<Neighbour> = (0..rows.count())
                .map(|other| Neighbour { row: other, distance: metric.exact(rows.row(row), rows.row(other)) })
                .filter(|other| other.row != row)
                .collect();
            all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
            all.truncate(k);
            all
        };
        (0..rows.count()).map(list).collect()
    }

    #[test]
    fn known_distances() {
        let rows = Rows::new(2, vec![1.0, 0.0, 0.0, 2.0, -3.0, 0.0, 0.0, 0.0]).unwrap();
        let distances =
            |metric| nearest(&rows, 0, metric, 9).iter().map(|n| (n.row, n.distance)).collect::<Vec<_>>();
        assert_eq!(distances(Metric::Cosine), [(1, 1.0), (3, 1.0), (2, 2.0)]);
        assert_eq!(distances(Metric::Euclidean), [(3, 1.0), (1, 5f64.sqrt()), (2, 4.0)]);
        let found = nearest_to(&[0.0, 1.9], &rows, Metric::Euclidean, 1).unwrap();
        assert_eq!(found[0].row, 1);
        assert!(nearest_to(&[1.0], &rows, Metric::Cosine, 1).is_err());
    }

    #[test]
    fn all_at_once_are_as_one_by_one() {
        // Far from the origin and in close pairs, where products in f32 alone would fail.
        for (count, width, shift) in [(500, 24, 0.0), (300, 5, 1000.0), (2, 3, 0.0), (1, 3, 0.0)] {
            let mut values = standard_normal(&[7; 32], count * width);
            values.iter_mut().for_each(|value| *value += shift);
            for row in (1..count).step_by(3) {
                for column in 0..width {
                    values[row * width + column] = values[(row - 1) * width + column] + 1e-4;
                }
            }
            let rows = Rows::new(width, values).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                for k in [1, 7, 1000] {
                    let got = all_nearest(&rows, metric, k, &mut unwatched).unwrap();
                    assert_eq!(got, slow(&rows, metric, k), "{metric} {k}");
                    assert_eq!(got[0], nearest(&rows, 0, metric, k));
                }
            }
        }
    }

    #[test]
    fn equals_come_in_order_and_zeros_are_answered() {
        let rows = Rows::new(2, [[1.0, 1.0]; 9].concat()).unwrap();
        let zeros = Rows::new(2, vec![0.0; 10]).unwrap();
        for metric in [Metric::Cosine, Metric::Euclidean] {
            let all = all_nearest(&rows, metric, 3, &mut unwatched).unwrap();
            let of = |row: usize| all[row].iter().map(|n| n.row).collect::<Vec<_>>();
            assert_eq!((of(0), of(5)), (vec![1, 2, 3], vec![0, 1, 2]));
            assert_eq!(all_nearest(&zeros, metric, 9, &mut unwatched).unwrap()[4].len(), 4);
            assert_eq!(metric.name().parse::<Metric>().unwrap(), metric);
        }
        assert!("manhattan".parse::<Metric>().is_err());
        assert!(all_nearest(&rows, Metric::Cosine, 0, &mut unwatched).unwrap().iter().all(Vec::is_empty));
        let stopped = all_nearest(&rows, Metric::Cosine, 1, &mut |_, _| Err(Error::Cancelled));
        assert!(stopped.unwrap_err().is_cancelled());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Small whole numbers have many ties.
        #[test]
        fn ties_are_those_of_plain_loops(values in proptest::collection::vec(-2i8..3, 3..120), k in 1usize..8) {
            let whole = values.len() / 3 * 3;
            let rows = Rows::new(3, values[..whole].iter().map(|&v| f32::from(v)).collect()).unwrap();
            for metric in [Metric::Cosine, Metric::Euclidean] {
                prop_assert_eq!(all_nearest(&rows, metric, k, &mut unwatched).unwrap(), slow(&rows, metric, k));
            }
        }

        /// Whatever the number of threads.
        #[test]
        fn threads_change_nothing(seed in 0u8..50) {
            let rows = Rows::new(9, standard_normal(&[seed; 32], 9 * 400)).unwrap();
            let on = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| all_nearest(&rows, Metric::Euclidean, 5, &mut unwatched).unwrap())
            };
            prop_assert_eq!(on(1), on(3));
        }
    }
}
