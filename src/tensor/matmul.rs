//! The one door to the GEMM that candle shares with us.

use gemm::Parallelism;

/// A row-major matrix inside a slice: element (r, c) is `values[r * stride + c]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub cols: usize,
    pub stride: usize,
}

impl Matrix<'_> {
    fn fits(&self) -> bool {
        self.rows == 0
            || self.cols == 0
            || (self.cols <= self.stride && (self.rows - 1) * self.stride + self.cols <= self.values.len())
    }
}

/// `out += a · b`, where element (r, c) of the output is `out[r * out_stride + c]`; single-threaded,
/// so that the order of every sum depends on the shapes alone.
///
/// # Panics
/// When the shapes do not agree or reach outside their slices: a fault of the caller.
#[allow(unsafe_code)]
pub(super) fn add_product(out: &mut [f32], out_stride: usize, a: Matrix, b: Matrix) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    assert!(b.rows == k && a.fits() && b.fits(), "matrices that do not agree");
    assert!(n <= out_stride && (m - 1) * out_stride + n <= out.len(), "output too small");
    // SAFETY: the assertions above keep every (row, column) of the three matrices inside its slice,
    // `out` is borrowed mutably and thus overlaps neither input, and gemm only touches those elements.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            out_stride as isize,
            true,
            a.values.as_ptr(),
            1,
            a.stride as isize,
            b.values.as_ptr(),
            1,
            b.stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::rng::standard_normal;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_the_plain_sum(m in 1usize..40, n in 1usize..40, k in 1usize..70, pad in 0usize..5) {
            let a = standard_normal(&[1; 32], m * (k + pad));
            let b = standard_normal(&[2; 32], k * (n + pad));
            let start = standard_normal(&[3; 32], m * (n + pad));
            let mut out = start.clone();
            add_product(
                &mut out,
                n + pad,
                Matrix { values: &a, rows: m, cols: k, stride: k + pad },
                Matrix { values: &b, rows: k, cols: n, stride: n + pad },
            );
            for r in 0..m {
                for c in 0..n + pad {
                    let at = r * (n + pad) + c;
                    let sum: f64 = if c < n {
                        (0..k).map(|i| f64::from(a[r * (k + pad) + i]) * f64::from(b[i * (n + pad) + c])).sum()
                    } else {
                        0.0
                    };
                    prop_assert!((f64::from(out[at]) - f64::from(start[at]) - sum).abs() < 1e-4);
                }
            }
        }
    }
}
