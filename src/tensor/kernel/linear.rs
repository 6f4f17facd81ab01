//! Products of many rows with one matrix, rows shared out to the threads.

use rayon::prelude::*;

use super::product::{Packed, Product, Rows};

/// Rows of one task of a product: whole register blocks.
const ROWS: usize = 96;
/// Rows of one task of a sum.
const SUMMED: usize = 512;

/// `out = x · weights + bias`, `x` `[n, depth]` and `out` `[n, columns]` of the weights.
pub fn multiply(x: &[f32], weights: &Packed, bias: Option<&[f32]>, out: &mut [f32]) {
    let (depth, columns) = (weights.depth(), weights.columns());
    assert_eq!(x.len() * columns, out.len() * depth, "rows of a product");
    assert!(bias.is_none_or(|bias| bias.len() == columns), "bias of a product");
    let pieces = x.par_chunks(ROWS * depth).zip(out.par_chunks_mut(ROWS * columns));
    pieces.for_each(|(x, out)| {
        let product = Product {
            rows: &Rows::even(x.as_ptr(), x.len() / depth, depth, depth),
            weights,
            panels: 0..weights.panels(),
            bias,
            residual: None,
            out: out.as_mut_ptr(),
            out_stride: columns,
        };
        // SAFETY: the rows and their part of the output are whole, as asserted, and this task's.
        unsafe { product.compute() };
    });
}

/// The sum of rows of `columns` values, piece after piece of them.
pub fn sum_of_rows(rows: &[f32], columns: usize) -> Vec<f32> {
    let add = |mut sum: Vec<f32>, row: &[f32]| {
        sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        sum
    };
    let zeros = || vec![0f32; columns];
    let pieces = rows.par_chunks(SUMMED * columns);
    let sums: Vec<_> = pieces.map(|piece| piece.chunks_exact(columns).fold(zeros(), add)).collect();
    sums.into_iter().fold(zeros(), |total, sum| add(total, &sum))
}
