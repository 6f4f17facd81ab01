//! Features of all pictures of a set, standardised without any label, and their products.

use crate::error::{Error, Result};
use crate::heads::Rows;
use crate::study::measures::neighbours::{Metric, Neighbour, nearest};
use crate::tensor::rows::PackedRows;

/// Standardised features of all pictures.
pub struct Space {
    rows: Rows,
    packed: PackedRows,
    /// Squared lengths.
    squares: Vec<f32>,
    /// One over the length of each row; 0 of a row of zeros.
    shrinks: Vec<f32>,
    /// What columns were freed of, and what they were multiplied by then.
    means: Vec<f64>,
    scales: Vec<f64>,
}

impl Space {
    /// Features `rows`, a row for each picture, brought to mean 0 and variance 1 over the pictures `by`; a
    /// column that does not vary among these becomes 0 for them. It takes twice the memory of `rows`.
    ///
    /// # Errors
    /// When `by` is empty or names a picture that is not there.
    pub fn new(rows: &Rows, by: &[usize]) -> Result<Space> {
        if by.is_empty() || by.iter().any(|&picture| picture >= rows.count()) {
            let text = format!("{} pictures to standardise {} by", by.len(), rows.count());
            return Err(Error::Compute(text));
        }
        let width = rows.width();
        let count = by.len() as f64;
        let mut means = vec![0f64; width];
        for &picture in by {
            means.iter_mut().zip(rows.row(picture)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        means.iter_mut().for_each(|mean| *mean /= count);
        let mut scales = vec![0f64; width];
        for &picture in by {
            for ((sum, &value), mean) in scales.iter_mut().zip(rows.row(picture)).zip(&means) {
                *sum += (f64::from(value) - mean).powi(2);
            }
        }
        for (scale, mean) in scales.iter_mut().zip(&means) {
            let deviation = (*scale / count).sqrt();
            // What is left of a constant column is the rounding of its mean.
            *scale = if deviation > 1e-6 * mean.abs() && deviation > 0.0 { 1.0 / deviation } else { 1.0 };
        }
        let mut values = Vec::with_capacity(rows.values().len());
        for row in rows.iter() {
            let columns = row.iter().zip(means.iter().zip(&scales));
            values.extend(columns.map(|(&value, (mean, scale))| ((f64::from(value) - mean) * scale) as f32));
        }
        let rows = Rows::new(width, values)?;
        let packed = PackedRows::new(rows.values(), width);
        let square = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        let exact: Vec<f64> = rows.iter().map(square).collect();
        let shrink = |square: &f64| if *square > 0.0 { (1.0 / square.sqrt()) as f32 } else { 0.0 };
        Ok(Space {
            shrinks: exact.iter().map(shrink).collect(),
            squares: exact.iter().map(|&square| square as f32).collect(),
            packed,
            rows,
            means,
            scales,
        })
    }

    /// How many pictures.
    pub fn count(&self) -> usize {
        self.rows.count()
    }

    /// Numbers of a row.
    pub fn width(&self) -> usize {
        self.rows.width()
    }

    /// The standardised features.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// What each column of the features was freed of, and what it was multiplied by then.
    pub fn standard(&self) -> (&[f64], &[f64]) {
        (&self.means, &self.scales)
    }

    /// The squared length of each row.
    pub fn squares(&self) -> &[f32] {
        &self.squares
    }

    /// The products of the rows of `pictures` with the rows of all, `[pictures, count]`.
    pub fn products(&self, pictures: &[usize]) -> Vec<f32> {
        self.packed.products(self.rows.pick(pictures).values())
    }

    /// The cosine of two rows whose product is `product`; 0 with a row of zeros.
    pub fn cosine(&self, a: usize, b: usize, product: f32) -> f32 {
        (product * self.shrinks[a] * self.shrinks[b]).clamp(-1.0, 1.0)
    }

    /// The `k` pictures most similar to `picture` by the cosine, the nearest first, of equals the earlier.
    pub fn similar(&self, picture: usize, k: usize) -> Vec<Neighbour> {
        nearest(&self.rows, picture, Metric::Cosine, k)
    }
}
