//! Rows about the mean of the training rows.

use candle_core::{Device, Tensor};

use crate::error::Result;
use crate::heads::rows::Rows;

/// The mean of rows, column by column.
pub(super) fn exact_mean(rows: &Rows) -> Vec<f64> {
    let mut sums = vec![0f64; rows.width()];
    for row in rows.iter() {
        sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    sums.iter().map(|sum| sum / rows.count().max(1) as f64).collect()
}

/// The mean of rows as it is saved.
pub(super) fn mean(rows: &Rows) -> Vec<f32> {
    exact_mean(rows).into_iter().map(|mean| mean as f32).collect()
}

/// Rows minus `mean`, at length one; what is zero stays zero.
pub(super) fn units(rows: &Rows, mean: &[f32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.values().len());
    for row in rows.iter() {
        let centred = || row.iter().zip(mean).map(|(&value, &mean)| f64::from(value) - f64::from(mean));
        let norm = centred().map(|value| value * value).sum::<f64>().sqrt();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        out.extend(centred().map(|value| (value * scale) as f32));
    }
    out
}

/// All products of rows of `a` with rows of `b`, row after row of `a`; rows have `width` values.
pub(super) fn products<T: candle_core::WithDType>(a: &[T], b: &[T], width: usize) -> Result<Vec<T>> {
    let (n, m) = (a.len() / width, b.len() / width);
    if n == 0 || m == 0 {
        return Ok(Vec::new());
    }
    let a = Tensor::from_slice(a, (n, width), &Device::Cpu)?;
    let b = Tensor::from_slice(b, (m, width), &Device::Cpu)?;
    Ok(a.matmul(&b.t()?)?.flatten_all()?.to_vec1()?)
}
