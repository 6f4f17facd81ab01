//! Products of rows with packed weights: the inner loop of every convolution.
//!
//! Rows are given by their addresses, so that the neighbourhoods of a convolution need not be
//! copied: a row is a list of segments (one for each tap, or for each of two maps laid behind one
//! another), and the weights follow the same order. Every output is one chain of multiply-adds over
//! the depth in that order, whatever rows or panels are worked on together.

use std::ops::Range;

use super::lane::{Isa, Kernel, Lane, run, run_pairs};
use super::pairs::{halves, pair};

/// Weights `[depth, columns]` in panels of a few vectors: panel after panel, row after row of the
/// depth, zero beyond the last column.
#[derive(Clone, Debug)]
pub struct Packed {
    values: Vec<f32>,
    depth: usize,
    columns: usize,
    vectors: usize,
    isa: Isa,
    /// Whether a value is a pair of bf16; the depth is then counted in pairs.
    pairs: bool,
}

fn width(isa: Isa) -> usize {
    match isa {
        Isa::Avx512 | Isa::Avx512Bf16 => 16,
        Isa::Avx2 | Isa::Plain => 8,
        Isa::Neon => 4,
    }
}

impl Packed {
    /// Packs `value(k, column)` for `isa`.
    pub fn new(isa: Isa, depth: usize, columns: usize, value: impl Fn(usize, usize) -> f32) -> Packed {
        let mut packed = Packed::empty(isa, depth, columns);
        let panel = packed.panel_columns();
        for first in (0..columns).step_by(panel) {
            for k in 0..depth {
                let row = (first..first + panel).map(|c| if c < columns { value(k, c) } else { 0.0 });
                packed.values.extend(row);
            }
        }
        packed
    }

    /// Packs `value(k, column)` for `isa` in pairs of bf16, for an even `depth`.
    pub fn in_pairs(isa: Isa, depth: usize, columns: usize, value: impl Fn(usize, usize) -> f32) -> Packed {
        assert!(depth.is_multiple_of(2), "pairs of {depth}");
        let packed = Packed::new(isa, depth / 2, columns, |k, column| {
            pair(value(2 * k, column), value(2 * k + 1, column))
        });
        Packed { pairs: true, ..packed }
    }

    /// Packs the transpose of rows: column c is the `depth` values at `values[c * stride]`.
    pub fn transposed(isa: Isa, depth: usize, columns: usize, values: &[f32], stride: usize) -> Packed {
        let mut packed = Packed::empty(isa, depth, columns);
        let panel = packed.panel_columns();
        // Side by side first: rows that lie a power of two apart share a set of the cache.
        let mut held = vec![0f32; panel * depth];
        for first in (0..columns).step_by(panel) {
            let count = panel.min(columns - first);
            held[count * depth..].fill(0.0);
            for (c, held) in held.chunks_mut(depth).take(count).enumerate() {
                held.copy_from_slice(&values[(first + c) * stride..][..depth]);
            }
            for k in 0..depth {
                packed.values.extend(held[k..].iter().step_by(depth));
            }
        }
        packed
    }

    /// Packs rows as they are: row k is the `columns` values at `values[k * stride]`.
    pub fn rows(isa: Isa, depth: usize, columns: usize, values: &[f32], stride: usize) -> Packed {
        let mut packed = Packed::empty(isa, depth, columns);
        let panel = packed.panel_columns();
        for first in (0..columns).step_by(panel) {
            let count = panel.min(columns - first);
            for k in 0..depth {
                packed.values.extend_from_slice(&values[k * stride + first..][..count]);
                packed.values.resize(packed.values.len() + panel - count, 0.0);
            }
        }
        packed
    }

    fn empty(isa: Isa, depth: usize, columns: usize) -> Packed {
        let vectors = if columns <= width(isa) { 1 } else { 2 };
        let panel = vectors * width(isa);
        let values = Vec::with_capacity(columns.div_ceil(panel) * depth * panel);
        Packed { values, depth, columns, vectors, isa, pairs: false }
    }

    /// Element (`k`, `column`).
    pub fn at(&self, k: usize, column: usize) -> f32 {
        let panel = self.panel_columns();
        let held = |k: usize| self.values[((column / panel) * self.depth + k) * panel + column % panel];
        if self.pairs { halves(held(k / 2))[k % 2] } else { held(k) }
    }

    /// Values of a column; pairs of them where they are pairs.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many panels there are.
    pub fn panels(&self) -> usize {
        self.columns.div_ceil(self.panel_columns())
    }

    fn panel_columns(&self) -> usize {
        self.vectors * width(self.isa)
    }
}

/// Addresses of rows: row r consists of the `depths[s]` values at `addresses[s * rows + r]`, one
/// segment s after the other.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Segment after segment.
    pub addresses: Vec<*const f32>,
    /// Length of each segment.
    pub depths: Vec<usize>,
    /// How many rows.
    pub count: usize,
}

impl Rows {
    /// `count` rows of `depth` values that lie `stride` apart from `first` on.
    pub fn even(first: *const f32, count: usize, depth: usize, stride: usize) -> Rows {
        let addresses = (0..count).map(|r| first.wrapping_add(r * stride)).collect();
        Rows { addresses, depths: vec![depth], count }
    }
}

/// `out = rows · weights + bias + residual`, for some panels of columns.
pub struct Product<'a> {
    /// The left side.
    pub rows: &'a Rows,
    /// The right side.
    pub weights: &'a Packed,
    /// Which panels of it.
    pub panels: Range<usize>,
    /// One value for each column, or zeros.
    pub bias: Option<&'a [f32]>,
    /// Addresses of one row each of all columns to be added at the end.
    pub residual: Option<&'a [*const f32]>,
    /// Row r of the result, all columns, is at `out + r * out_stride`.
    pub out: *mut f32,
    /// Distance of rows of the result, in values.
    pub out_stride: usize,
}

/// Bytes of a panel that are used by all rows before going on to the next part of the depth.
const PART_BYTES: usize = 96 << 10;

impl Product<'_> {
    /// Computes it.
    ///
    /// # Safety
    /// Every address of the rows leads to as many readable values as its segment has, every
    /// address of the residual and the rows of `out` to as many as there are columns; nobody else
    /// uses the columns of these panels in `out` meanwhile. The depths add up to the depth of the
    /// weights.
    pub unsafe fn compute(self) {
        debug_assert_eq!(self.rows.depths.iter().sum::<usize>(), self.weights.depth);
        if self.weights.pairs {
            run_pairs(self.weights.isa, OfPairs(self));
        } else {
            run(self.weights.isa, self);
        }
    }

    /// Cuts the depth into parts: (segment, first value in it, values, first row of the weights).
    fn parts(&self) -> Vec<(usize, usize, usize, usize)> {
        let most = (PART_BYTES / 4 / self.weights.panel_columns()).max(1);
        let mut parts = Vec::new();
        let mut k = 0;
        for (segment, &depth) in self.rows.depths.iter().enumerate() {
            let pieces = depth.div_ceil(most).max(1);
            let each = depth.div_ceil(pieces);
            for first in (0..depth).step_by(each.max(1)) {
                let length = each.min(depth - first);
                parts.push((segment, first, length, k + first));
            }
            k += depth;
        }
        parts
    }
}

impl Kernel for Product<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        if self.weights.vectors == 1 { panels::<L, 1, false>(&self) } else { panels::<L, 2, false>(&self) }
    }
}

/// A product whose values are pairs of bf16.
struct OfPairs<'a>(Product<'a>);

impl Kernel for OfPairs<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        if self.0.weights.vectors == 1 {
            panels::<L, 1, true>(&self.0)
        } else {
            panels::<L, 2, true>(&self.0)
        }
    }
}

#[inline(always)]
fn panels<L: Lane, const V: usize, const PAIRS: bool>(product: &Product) {
    let columns_each = V * L::WIDTH;
    let weights = product.weights;
    let parts = product.parts();
    // Consecutive short parts go through the registers together.
    let mut groups: Vec<Range<usize>> = Vec::new();
    let most = PART_BYTES / 4 / columns_each;
    let mut held = 0;
    for (index, part) in parts.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if held + part.2 <= most => {
                group.end = index + 1;
                held += part.2;
            }
            _ => {
                groups.push(index..index + 1);
                held = part.2;
            }
        }
    }
    for panel in product.panels.clone() {
        let base = weights.values[panel * weights.depth * columns_each..].as_ptr();
        let first_column = panel * columns_each;
        let valid = columns_each.min(weights.columns - first_column);
        for (index, group) in groups.iter().enumerate() {
            let tile = Tile {
                product,
                parts: &parts[group.clone()],
                base,
                first_column,
                valid,
                first: index == 0,
                last: index + 1 == groups.len(),
            };
            rows::<L, V, PAIRS>(&tile);
        }
    }
}

/// What a register block works on, but for its rows.
struct Tile<'a> {
    product: &'a Product<'a>,
    parts: &'a [(usize, usize, usize, usize)],
    base: *const f32,
    first_column: usize,
    valid: usize,
    first: bool,
    last: bool,
}

#[inline(always)]
fn rows<L: Lane, const V: usize, const PAIRS: bool>(tile: &Tile) {
    let count = tile.product.rows.count;
    let mut row = 0;
    while row < count {
        // SAFETY: `compute` was promised readable rows and columns, and row + block ≤ count.
        unsafe {
            match count - row {
                12.. if L::WIDTH == 16 => row += block::<L, 12, V, PAIRS>(tile, row),
                8.. if L::WIDTH == 16 => row += block::<L, 8, V, PAIRS>(tile, row),
                6.. if L::WIDTH != 16 => row += block::<L, 6, V, PAIRS>(tile, row),
                4.. => row += block::<L, 4, V, PAIRS>(tile, row),
                2.. => row += block::<L, 2, V, PAIRS>(tile, row),
                _ => row += block::<L, 1, V, PAIRS>(tile, row),
            }
        }
    }
}

/// The body once for each row r < R, written out: arrays that are indexed by constants alone stay in
/// registers.
macro_rules! for_rows {
    ($rows:ident, $r:ident, $body:block) => {
        for_rows!(@ $rows, $r, $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@ $rows:ident, $r:ident, $body:block, $($index:literal)*) => {
        $(if $index < $rows {
            #[allow(clippy::identity_op, reason = "one literal of many")]
            let $r: usize = $index;
            $body
        })*
    };
}

/// `R` rows and `V` vectors of columns in registers; returns `R`.
#[inline(always)]
unsafe fn block<L: Lane, const R: usize, const V: usize, const PAIRS: bool>(
    tile: &Tile,
    row: usize,
) -> usize {
    let product = tile.product;
    let rows = product.rows;
    let whole = tile.valid == V * L::WIDTH;
    // SAFETY (of every block here): the promises of `Product::compute`; partial panels go through
    // a buffer of whole vectors.
    unsafe {
        let out: [*mut f32; R] =
            std::array::from_fn(|r| product.out.add((row + r) * product.out_stride + tile.first_column));
        let mut sums = [[L::zero(); V]; R];
        if !tile.first {
            for_rows!(R, r, {
                sums[r] = load_columns::<L, V>(out[r], tile.valid, whole);
            });
        } else if let Some(bias) = product.bias {
            let bias = load_columns::<L, V>(bias[tile.first_column..].as_ptr(), tile.valid, whole);
            sums = [bias; R];
        }
        for &(segment, first, length, k) in tile.parts {
            let from: [*const f32; R] = std::array::from_fn(|r| {
                rows.addresses.get_unchecked(segment * rows.count + row + r).add(first)
            });
            let mut weights = tile.base.add(k * V * L::WIDTH);
            for i in 0..length {
                let w: [L; V] = std::array::from_fn(|v| L::load(weights.add(v * L::WIDTH)));
                for_rows!(R, r, {
                    let x = *from[r].add(i);
                    sums[r][0] = add_product::<L, PAIRS>(sums[r][0], x, w[0]);
                    if V > 1 {
                        sums[r][V - 1] = add_product::<L, PAIRS>(sums[r][V - 1], x, w[V - 1]);
                    }
                });
                weights = weights.add(V * L::WIDTH);
            }
        }
        if let (true, Some(residual)) = (tile.last, product.residual) {
            for_rows!(R, r, {
                let more = residual[row + r].add(tile.first_column);
                let more = load_columns::<L, V>(more, tile.valid, whole);
                sums[r][0] = sums[r][0].add(more[0]);
                if V > 1 {
                    sums[r][V - 1] = sums[r][V - 1].add(more[V - 1]);
                }
            });
        }
        for_rows!(R, r, {
            store_columns::<L, V>(sums[r], out[r], tile.valid, whole);
        });
    }
    R
}

/// `sum + x·w`, over pairs or not.
#[inline(always)]
fn add_product<L: Lane, const PAIRS: bool>(sum: L, x: f32, w: L) -> L {
    if PAIRS { sum.add_pairs(x.to_bits(), w) } else { L::splat(x).mul_add(w, sum) }
}

#[inline(always)]
unsafe fn load_columns<L: Lane, const V: usize>(from: *const f32, valid: usize, whole: bool) -> [L; V] {
    // SAFETY: the caller has `valid` readable values at `from`, and `whole` vectors if it says so.
    unsafe {
        if whole {
            return std::array::from_fn(|v| L::load(from.add(v * L::WIDTH)));
        }
        let mut held = [0f32; 32];
        std::ptr::copy_nonoverlapping(from, held.as_mut_ptr(), valid);
        std::array::from_fn(|v| L::load(held.as_ptr().add(v * L::WIDTH)))
    }
}

#[inline(always)]
unsafe fn store_columns<L: Lane, const V: usize>(sums: [L; V], to: *mut f32, valid: usize, whole: bool) {
    // SAFETY: the caller may write `valid` values at `to`, and `whole` vectors if it says so.
    unsafe {
        if whole {
            for (v, sum) in sums.into_iter().enumerate() {
                sum.store(to.add(v * L::WIDTH));
            }
            return;
        }
        let mut held = [0f32; 32];
        for (v, sum) in sums.into_iter().enumerate() {
            sum.store(held.as_mut_ptr().add(v * L::WIDTH));
        }
        std::ptr::copy_nonoverlapping(held.as_ptr(), to, valid);
    }
}
