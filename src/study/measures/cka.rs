//! Linear centred kernel alignment: how alike two representations of the same pictures are, whatever
//! their widths, rotations and scales (Kornblith et al., arXiv 1905.00414).
//!
//! HSIC is estimated without bias (Song et al., JMLR 13, 2012, equation 5) over minibatches and averaged
//! before the quotient is taken (Nguyen et al., arXiv 2010.15327, equation 3), so that few pictures of
//! many features do not look alike, and pictures need not be held together. The estimate is that of
//! Székely and Rizzo (2014): the inner product of U-centred Gram matrices. Of unlike representations it may
//! fall a little below zero.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Watch;
use super::vectors::centred;
use crate::data::split::Chance;
use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::tensor::rows::PackedRows;

/// The fewest pictures of a minibatch that have an unbiased estimate.
pub const FEWEST: usize = 4;
/// The most: their Gram matrices are held, one for each representation.
pub const MOST: usize = 4096;

/// How pictures are cut into minibatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CkaConfig {
    /// Pictures of a minibatch at most, 8 to 4096.
    pub batch: usize,
    /// Which pictures come together.
    pub seed: u64,
}

impl Default for CkaConfig {
    fn default() -> CkaConfig {
        CkaConfig { batch: 64, seed: 0 }
    }
}

impl CkaConfig {
    /// The minibatches of `count` pictures: as few as hold them all, of sizes that differ by one at most,
    /// each picture in one of them.
    ///
    /// # Errors
    /// When the size is impossible, or there are fewer than [`FEWEST`] pictures.
    pub fn batches(&self, count: usize) -> Result<Vec<Vec<usize>>> {
        if !(2 * FEWEST..=MOST).contains(&self.batch) {
            return Err(Error::Setting(format!("--batch must be {} to {MOST}", 2 * FEWEST)));
        }
        if count < FEWEST {
            return Err(Error::Setting(format!(
                "similarity needs at least {FEWEST} pictures, and there are {count}; add more"
            )));
        }
        let mut order: Vec<usize> = (0..count).collect();
        Chance::new(self.seed, "minibatches of CKA").shuffle(&mut order);
        let batches = count.div_ceil(self.batch);
        Ok((0..batches).map(|at| order[at * count / batches..(at + 1) * count / batches].to_vec()).collect())
    }
}

/// The U-centred Gram matrix of a minibatch in one representation.
#[derive(Clone, Debug)]
pub struct Gram {
    count: usize,
    /// Above the diagonal, row after row.
    values: Vec<f64>,
}

impl Gram {
    /// Of a minibatch, a row for each picture.
    ///
    /// # Errors
    /// When there are fewer than [`FEWEST`] pictures, or more than [`MOST`].
    pub fn of(rows: &Rows) -> Result<Gram> {
        let n = rows.count();
        if !(FEWEST..=MOST).contains(&n) {
            return Err(Error::Setting(format!(
                "a minibatch of {n} pictures has no similarity; choose {FEWEST} to {MOST}"
            )));
        }
        // U-centring takes any common vector away: without it, rounding is that of what varies.
        let centred = centred(rows);
        let products = PackedRows::new(&centred, rows.width()).products(&centred);
        let at = |i: usize, j: usize| f64::from(products[i * n + j]);
        let sums: Vec<f64> =
            (0..n).map(|i| (0..n).filter(|&j| j != i).map(|j| at(i, j)).sum::<f64>()).collect();
        let whole = sums.iter().sum::<f64>() / ((n - 1) * (n - 2)) as f64;
        let share = 1.0 / (n - 2) as f64;
        let row = |i: usize| {
            let sums = &sums;
            (i + 1..n).map(move |j| at(i, j) - share * (sums[i] + sums[j]) + whole)
        };
        Ok(Gram { count: n, values: (0..n).flat_map(row).collect() })
    }

    /// Pictures of the minibatch.
    pub fn count(&self) -> usize {
        self.count
    }

    /// HSIC with `other`, of the same pictures, without bias.
    fn hsic(&self, other: &Gram) -> f64 {
        let n = self.count as f64;
        2.0 * dot(&self.values, &other.values) / (n * (n - 3.0))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0f64; 8];
    let (a_whole, a_rest) = a.as_chunks::<8>();
    let (b_whole, b_rest) = b.as_chunks::<8>();
    for (a, b) in a_whole.iter().zip(b_whole) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

/// HSIC summed over minibatches, of every representation of one list with every one of another.
#[derive(Clone, Debug)]
pub struct CkaSums {
    batches: usize,
    /// `[rows, columns]`.
    cross: Vec<f64>,
    of_rows: Vec<f64>,
    of_columns: Vec<f64>,
}

impl CkaSums {
    /// For `rows` representations beside `columns`.
    pub fn new(rows: usize, columns: usize) -> CkaSums {
        CkaSums {
            batches: 0,
            cross: vec![0.0; rows * columns],
            of_rows: vec![0.0; rows],
            of_columns: vec![0.0; columns],
        }
    }

    /// Adds a minibatch: the same pictures in every representation. The two lists may be one.
    ///
    /// # Errors
    /// When there are more or fewer representations than before, or they are of other pictures.
    pub fn add(&mut self, rows: &[&Gram], columns: &[&Gram]) -> Result<()> {
        let count = rows.first().map_or(0, |gram| gram.count);
        let fits = rows.len() == self.of_rows.len() && columns.len() == self.of_columns.len();
        if !fits || rows.iter().chain(columns).any(|gram| gram.count != count) {
            return Err(Error::Compute("representations of other pictures were compared".into()));
        }
        let width = columns.len();
        self.cross.par_iter_mut().enumerate().for_each(|(at, sum)| {
            *sum += rows[at / width].hsic(columns[at % width]);
        });
        self.of_rows.iter_mut().zip(rows).for_each(|(sum, gram)| *sum += gram.hsic(gram));
        self.of_columns.iter_mut().zip(columns).for_each(|(sum, gram)| *sum += gram.hsic(gram));
        self.batches += 1;
        Ok(())
    }

    /// Minibatches added.
    pub fn batches(&self) -> usize {
        self.batches
    }

    /// The similarities so far.
    pub fn matrix(&self) -> CkaMatrix {
        let columns = self.of_columns.len();
        let value = |(at, cross): (usize, &f64)| {
            let scale = (self.of_rows[at / columns] * self.of_columns[at % columns]).sqrt();
            let value = cross / scale;
            (scale > 0.0 && value.is_finite()).then_some(value)
        };
        let values = self.cross.iter().enumerate().map(value).collect();
        CkaMatrix { rows: self.of_rows.len(), columns, values }
    }
}

/// How alike representations are.
#[derive(Clone, Debug, PartialEq)]
pub struct CkaMatrix {
    /// Representations of the first list.
    pub rows: usize,
    /// Representations of the second.
    pub columns: usize,
    /// `[rows, columns]`: 1 for the same up to rotation and scale, about 0 for unrelated ones; none where
    /// a representation is the same for all pictures.
    pub values: Vec<Option<f64>>,
}

impl CkaMatrix {
    /// One similarity.
    pub fn at(&self, row: usize, column: usize) -> Option<f64> {
        self.values.get(row * self.columns + column).copied().flatten()
    }
}

/// CKA of every representation of `first` with every one of `second`, all of the same pictures in the
/// same order; the two may be one list. `watch` gets minibatches done and all.
///
/// # Errors
/// When the lists are of other pictures, there are too few, or a setting is impossible; what `watch`
/// returns.
pub fn cka(first: &[Rows], second: &[Rows], config: CkaConfig, watch: Watch<'_>) -> Result<CkaMatrix> {
    let count = first.first().map_or(0, Rows::count);
    if first.iter().chain(second).any(|rows| rows.count() != count) {
        return Err(Error::Compute("representations of other pictures were compared".into()));
    }
    let same = std::ptr::eq(first, second);
    let mut sums = CkaSums::new(first.len(), second.len());
    let batches = config.batches(count)?;
    for (done, batch) in batches.iter().enumerate() {
        watch(done, batches.len())?;
        let grams = |list: &[Rows]| -> Result<Vec<Gram>> {
            list.par_iter().map(|rows| Gram::of(&rows.pick(batch))).collect()
        };
        let rows = grams(first)?;
        let others = if same { Vec::new() } else { grams(second)? };
        let rows: Vec<&Gram> = rows.iter().collect();
        let columns: Vec<&Gram> = if same { rows.clone() } else { others.iter().collect() };
        sums.add(&rows, &columns)?;
    }
    watch(batches.len(), batches.len())?;
    Ok(sums.matrix())
}

#[cfg(test)]
#[path = "cka_tests.rs"]
mod tests;
