//! Products of rows with rows.

use super::kernel::lane::Isa;
use super::kernel::linear::multiply;
use super::kernel::product::Packed;
use super::kernel::share::written;

/// Rows of one width, laid out to be multiplied with many others.
pub struct PackedRows(Packed);

impl PackedRows {
    /// Of `values`: whole rows of `width` numbers, one behind the other.
    pub fn new(values: &[f32], width: usize) -> PackedRows {
        let width = width.max(1);
        PackedRows(Packed::transposed(Isa::best(), width, values.len() / width, values, width))
    }

    /// How many rows.
    pub fn count(&self) -> usize {
        self.0.columns()
    }

    /// The product of each row of `others` with each row packed, `[others, count]`. Every one is a
    /// single chain of multiply-adds along the row, so that its bits follow from its two rows alone.
    pub fn products(&self, others: &[f32]) -> Vec<f32> {
        let rows = others.len() / self.0.depth();
        if rows == 0 || self.count() == 0 {
            return Vec::new();
        }
        let others = &others[..rows * self.0.depth()];
        written(rows * self.count(), |out| multiply(others, &self.0, None, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;

    #[test]
    fn products_are_those_of_a_plain_loop_and_keep_their_bits_in_any_company() {
        for (n, m, width) in [(1, 1, 1), (3, 200, 7), (130, 33, 64), (5, 0, 3)] {
            let a = standard_normal(&[1; 32], n * width);
            let b = standard_normal(&[2; 32], m * width);
            let packed = PackedRows::new(&b, width);
            assert_eq!(packed.count(), m);
            let all = packed.products(&a);
            assert_eq!(all.len(), n * m);
            for (i, x) in a.chunks_exact(width).enumerate() {
                assert_eq!(packed.products(x), all[i * m..][..m], "alone as among others");
                for (j, y) in b.chunks_exact(width).enumerate() {
                    let exact: f64 = x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
                    assert!((f64::from(all[i * m + j]) - exact).abs() < 1e-5 * width as f64);
                    assert_eq!(PackedRows::new(y, width).products(x), [all[i * m + j]]);
                }
            }
        }
    }
}
