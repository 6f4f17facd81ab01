//! Resizing 8-bit RGB as Pillow does it: separable, antialiased, fixed-point weights, rounded to 8
//! bits after each of the two passes (columns first).

use std::ops::Range;

/// Fractional bits of a weight: 8 bits of sample and 2 of head room fill an i32.
const PRECISION: u32 = 22;
/// Columns whose weights are held at once, so that memory stays small however wide a picture is.
const BLOCK: usize = 4096;

/// The kernel of a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Mean over the area that an output pixel covers.
    Box,
    /// Cubic with a = −0.5, widened when reducing.
    Bicubic,
}

impl Filter {
    fn support(self) -> f64 {
        match self {
            Filter::Box => 0.5,
            Filter::Bicubic => 2.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        match self {
            Filter::Box if x > -0.5 && x <= 0.5 => 1.0,
            Filter::Box => 0.0,
            Filter::Bicubic => match x.abs() {
                x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
                x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
                _ => 0.0,
            },
        }
    }
}

/// 8-bit RGB, `[height, width, 3]` row-major.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// Columns, at least 1.
    pub width: usize,
    /// Rows, at least 1.
    pub height: usize,
    /// `height * width * 3` bytes.
    pub rgb: &'a [u8],
}

/// How one side of a picture is resized.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    filter: Filter,
}

impl Axis {
    /// Puts the weights of output place `at` into `weights` and returns the first source place.
    fn taps(self, at: usize, exact: &mut Vec<f64>, weights: &mut Vec<i32>) -> usize {
        let scale = self.from as f64 / self.to as f64;
        let widened = scale.max(1.0);
        let support = self.filter.support() * widened;
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(self.from);
        exact.clear();
        exact.extend((first..end).map(|x| self.filter.weight((x as f64 - centre + 0.5) / widened)));
        let total: f64 = exact.iter().sum();
        let unit = if total == 0.0 { 0.0 } else { f64::from(1 << PRECISION) / total };
        weights.extend(exact.iter().map(|w| (w * unit).round() as i32));
        first
    }

    /// The source places that output places `out` read.
    fn reads(self, out: &Range<usize>) -> Range<usize> {
        let (mut exact, mut weights) = (Vec::new(), Vec::new());
        let first = self.taps(out.start, &mut exact, &mut weights);
        weights.clear();
        let last = self.taps(out.end.saturating_sub(1), &mut exact, &mut weights);
        first..last + weights.len()
    }
}

/// Resizes `source` to `to` (width, height) and returns only the part `columns` × `rows` of the
/// result, `[rows, columns, 3]`: what lies outside is never computed, so that an extremely wide picture
/// costs no more memory than its crop. All sizes are at least 1, the parts lie inside `to`.
pub fn resize(
    source: Pixels<'_>,
    to: (usize, usize),
    columns: Range<usize>,
    rows: Range<usize>,
    filter: Filter,
) -> Vec<u8> {
    let across = Axis { from: source.width, to: to.0, filter };
    let down = Axis { from: source.height, to: to.1, filter };
    let needed = down.reads(&rows);
    let narrow = resize_columns(source, across, &columns, needed.clone());
    resize_rows(&narrow, columns.len() * 3, down, rows, needed.start)
}

fn resize_columns(source: Pixels<'_>, axis: Axis, columns: &Range<usize>, rows: Range<usize>) -> Vec<u8> {
    let stride = columns.len() * 3;
    let mut out = vec![0; stride * rows.len()];
    let (mut exact, mut weights, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for block in columns.clone().step_by(BLOCK) {
        let end = (block + BLOCK).min(columns.end);
        weights.clear();
        spans.clear();
        for x in block..end {
            let start = weights.len();
            let first = axis.taps(x, &mut exact, &mut weights);
            spans.push((first, start..weights.len()));
        }
        let offset = (block - columns.start) * 3;
        for (to_row, from_row) in rows.clone().enumerate() {
            let row = &source.rgb[from_row * source.width * 3..(from_row + 1) * source.width * 3];
            let out_row = &mut out[to_row * stride + offset..];
            for ((first, taps), pixel) in spans.iter().zip(out_row.as_chunks_mut::<3>().0) {
                let mut sum = [1 << (PRECISION - 1); 3];
                let samples = row[first * 3..].as_chunks::<3>().0;
                for (&weight, sample) in weights[taps.clone()].iter().zip(samples) {
                    for (sum, &v) in sum.iter_mut().zip(sample) {
                        *sum += weight * i32::from(v);
                    }
                }
                *pixel = sum.map(to_u8);
            }
        }
    }
    out
}

/// `narrow` holds rows of `stride` bytes, the first of which is the source's row `top`.
fn resize_rows(narrow: &[u8], stride: usize, axis: Axis, rows: Range<usize>, top: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(stride * rows.len());
    let (mut exact, mut weights) = (Vec::new(), Vec::new());
    let mut sums = vec![0i32; stride];
    for y in rows {
        weights.clear();
        let first = axis.taps(y, &mut exact, &mut weights) - top;
        sums.fill(1 << (PRECISION - 1));
        for (row, &weight) in narrow[first * stride..].chunks_exact(stride).zip(&weights) {
            for (sum, &v) in sums.iter_mut().zip(row) {
                *sum += weight * i32::from(v);
            }
        }
        out.extend(sums.iter().map(|&sum| to_u8(sum)));
    }
    out
}

fn to_u8(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey_row(values: &[u8]) -> Vec<u8> {
        values.iter().flat_map(|&v| [v; 3]).collect()
    }

    #[test]
    fn same_size_changes_nothing() {
        let rgb: Vec<u8> = (0..5 * 4 * 3).map(|i| (i * 37 % 256) as u8).collect();
        let source = Pixels { width: 5, height: 4, rgb: &rgb };
        for filter in [Filter::Box, Filter::Bicubic] {
            assert_eq!(resize(source, (5, 4), 0..5, 0..4, filter), rgb);
        }
    }

    #[test]
    fn halving_rounds_the_mean_up_at_one_half() {
        let rgb = grey_row(&[10, 11, 200, 100]);
        let source = Pixels { width: 4, height: 1, rgb: &rgb };
        assert_eq!(resize(source, (2, 1), 0..2, 0..1, Filter::Box), grey_row(&[11, 150]));
    }

    #[test]
    fn a_part_equals_the_same_part_of_the_whole() {
        let (width, height) = (23, 17);
        let rgb: Vec<u8> = (0..width * height * 3).map(|i| (i * i * 31 % 251) as u8).collect();
        let source = Pixels { width, height, rgb: &rgb };
        for to in [(9, 11), (40, 31)] {
            let whole = resize(source, to, 0..to.0, 0..to.1, Filter::Bicubic);
            let part = resize(source, to, 3..8, 2..9, Filter::Bicubic);
            let expected: Vec<u8> =
                (2..9).flat_map(|y| whole[(y * to.0 + 3) * 3..(y * to.0 + 8) * 3].to_vec()).collect();
            assert_eq!(part, expected);
        }
    }

    #[test]
    fn columns_past_one_block_are_right_too() {
        let width = 3 * BLOCK;
        let rgb: Vec<u8> = (0..width).flat_map(|x| [(x / 2 % 256) as u8; 3]).collect();
        let source = Pixels { width, height: 1, rgb: &rgb };
        let half = resize(source, (width / 2, 1), 0..width / 2, 0..1, Filter::Box);
        assert!(half.chunks_exact(3).enumerate().all(|(x, p)| p[0] == (x % 256) as u8));
    }
}
