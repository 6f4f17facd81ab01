//! 3×3 convolutions on large maps by Winograd's F(4×4, 3×3): 36 products in place of 144 for each
//! 4×4 outputs (Lavin and Gray, arXiv 1509.09308, with the points 0, ±1, ±2, ∞).

use rayon::prelude::*;

use super::each;
use super::lane::{Isa, Kernel, Lane, run};
use super::product::{Packed, Product, Rows};
use super::share::{Shared, to_be_written};
use super::source::{Addend, Map};

/// Side of the outputs of one tile.
const OUT: usize = 4;
/// Side of the inputs of one tile.
const IN: usize = 6;
/// Products of one tile.
const POINTS: usize = IN * IN;
/// Tiles worked on together, about: the transformed band stays in the shared cache, and weights
/// are read once for all of them.
const BAND_TILES: usize = 128;

/// How weights g become U = G g Gᵀ.
const G: [[f64; 3]; IN] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// Weights ready for [`Winograd::convolve`].
#[derive(Clone, Debug)]
pub struct Winograd {
    isa: Isa,
    c_in: usize,
    c_out: usize,
    /// One matrix `[C_in, C_out]` for each point.
    points: Vec<Packed>,
}

impl Winograd {
    /// From weights `[C_out, C_in, 3, 3]`.
    pub fn new(isa: Isa, c_out: usize, c_in: usize, weights: &[f32]) -> Winograd {
        assert_eq!(weights.len(), c_out * c_in * 9, "weights of a 3x3 convolution");
        let points = (0..POINTS).into_par_iter().map(|point| {
            let (rows, cols) = (G[point / IN], G[point % IN]);
            Packed::new(isa, c_in, c_out, |ci, co| {
                let g = &weights[(co * c_in + ci) * 9..][..9];
                let sum: f64 = (0..9).map(|i| rows[i / 3] * cols[i % 3] * f64::from(g[i])).sum();
                sum as f32
            })
        });
        Winograd { isa, c_in, c_out, points: points.collect() }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.points.iter().map(Packed::bytes).sum()
    }

    /// The weights it was made from, `[C_out, C_in, 3, 3]`, to about 1e-7 relative: U at the points
    /// 0 and ∞ and the sums at ±1 are invertible.
    pub fn weights(&self) -> Vec<f32> {
        // A left inverse of G: rows 0 and 5 give g0 and g2, rows 1 and 2 their difference g1.
        const INVERSE: [[f64; IN]; 3] =
            [[4.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, -3.0, 3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]];
        let mut weights = vec![0f32; self.c_out * self.c_in * 9];
        weights.par_chunks_mut(self.c_in * 9).enumerate().for_each(|(co, weights)| {
            for (ci, g) in weights.chunks_mut(9).enumerate() {
                for (i, g) in g.iter_mut().enumerate() {
                    let (rows, cols) = (INVERSE[i / 3], INVERSE[i % 3]);
                    let mut sum = 0.0;
                    for point in 0..POINTS {
                        let factor = rows[point / IN] * cols[point % IN];
                        if factor != 0.0 {
                            sum += factor * f64::from(self.points[point].at(ci, co));
                        }
                    }
                    *g = sum as f32;
                }
            }
        });
        weights
    }

    /// One image: `x` `[H, W, C_in]` to `out` `[H, W, C_out]`, plus `bias` `[C_out]` and `addend`.
    pub fn convolve(
        &self,
        on_all_threads: bool,
        x: Map,
        bias: &[f32],
        addend: Option<Addend>,
        out: &mut [f32],
    ) {
        let (h, w) = x.size();
        assert_eq!(out.len(), h * w * self.c_out, "output of a convolution");
        assert_eq!((x.channels(), bias.len()), (self.c_in, self.c_out), "channels of a convolution");
        let (tiles_y, tiles_x) = (h.div_ceil(OUT), w.div_ceil(OUT));
        let rows_each = (BAND_TILES / tiles_x).clamp(1, tiles_y);
        let tiles = rows_each * tiles_x;
        // One more line of cache, so that the points of a tile do not share a set of the cache.
        let strides = [tiles * self.c_in + 16, tiles * self.c_out + 16];
        // SAFETY: of every band the transform writes all that the products read, and those all that
        // the last transform reads.
        let (mut inputs, mut outputs) =
            unsafe { (to_be_written(POINTS * strides[0]), to_be_written(POINTS * strides[1])) };
        let (inputs, outputs) = (Shared::new(&mut inputs), Shared::new(&mut outputs));
        let out = Shared::new(out);
        for first in (0..tiles_y).step_by(rows_each) {
            let rows = rows_each.min(tiles_y - first);
            let band =
                Band { x, first, tiles_x, strides, inputs, outputs, out, bias, addend, c_out: self.c_out };
            each(on_all_threads, rows, |row| run(self.isa, In { band: &band, row }));
            each(on_all_threads, POINTS, |point| {
                let from = inputs.at(point * strides[0]);
                let rows = Rows::even(from, rows * tiles_x, self.c_in, self.c_in);
                let weights = &self.points[point];
                let product = Product {
                    rows: &rows,
                    weights,
                    panels: 0..weights.panels(),
                    bias: None,
                    residual: None,
                    out: outputs.at(point * strides[1]),
                    out_stride: self.c_out,
                };
                // SAFETY: the transform before wrote these rows, and each point has its own results.
                unsafe { product.compute() };
            });
            each(on_all_threads, rows, |row| run(self.isa, Out { band: &band, row }));
        }
    }
}

/// Rows of tiles worked on together.
struct Band<'a> {
    x: Map<'a>,
    /// The first row of tiles.
    first: usize,
    tiles_x: usize,
    /// From point to point, of inputs and outputs.
    strides: [usize; 2],
    inputs: Shared<f32>,
    outputs: Shared<f32>,
    out: Shared<f32>,
    bias: &'a [f32],
    addend: Option<Addend<'a>>,
    c_out: usize,
}

/// V = Bᵀ d B of one row of tiles.
struct In<'a> {
    band: &'a Band<'a>,
    row: usize,
}

impl Kernel for In<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let band = self.band;
        let channels = band.x.channels();
        let zeros = vec![0f32; channels];
        for tile_x in 0..band.tiles_x {
            let (y, x) = ((band.first + self.row) * OUT, tile_x * OUT);
            let from: [*const f32; POINTS] = std::array::from_fn(|i| {
                // One row and column of zeros around the map.
                let (y, x) = ((y + i / IN).wrapping_sub(1), (x + i % IN).wrapping_sub(1));
                band.x.pixel(y, x).unwrap_or(zeros.as_ptr())
            });
            let to = band.inputs.at((self.row * band.tiles_x + tile_x) * channels);
            let mut c = 0;
            while c < channels {
                // The last vector overlaps the one before rather than reach past the end.
                let at = c.min(channels.saturating_sub(L::WIDTH));
                // SAFETY: every address leads to `channels` values, of which there are at least a
                // vector's (the caller of `Winograd` sees to that); this row of tiles is ours.
                unsafe { input_tile::<L>(&from, at, to.add(at), band.strides[0]) };
                c += L::WIDTH;
            }
        }
    }
}

#[inline(always)]
unsafe fn input_tile<L: Lane>(from: &[*const f32; POINTS], at: usize, to: *mut f32, stride: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut half = [L::zero(); POINTS];
        for col in 0..IN {
            let d: [L; IN] = std::array::from_fn(|row| L::load(from[row * IN + col].add(at)));
            let b = input_line(d);
            for row in 0..IN {
                half[row * IN + col] = b[row];
            }
        }
        for row in 0..IN {
            let b = input_line(std::array::from_fn(|col| half[row * IN + col]));
            for (col, b) in b.into_iter().enumerate() {
                b.store(to.add((row * IN + col) * stride));
            }
        }
    }
}

/// Bᵀ d.
#[inline(always)]
fn input_line<L: Lane>(d: [L; IN]) -> [L; IN] {
    let (two, four, five) = (L::splat(2.0), L::splat(4.0), L::splat(-5.0));
    let minus_four = L::splat(-4.0);
    let even = minus_four.mul_add(d[2], d[4]);
    let odd = minus_four.mul_add(d[1], d[3]);
    let even_2 = d[4].sub(d[2]);
    let odd_2 = two.mul(d[3].sub(d[1]));
    [
        four.mul_add(d[0], five.mul_add(d[2], d[4])),
        even.add(odd),
        even.sub(odd),
        even_2.add(odd_2),
        even_2.sub(odd_2),
        four.mul_add(d[1], five.mul_add(d[3], d[5])),
    ]
}

/// Y = Aᵀ M A, plus bias and addend, of one row of tiles.
struct Out<'a> {
    band: &'a Band<'a>,
    row: usize,
}

impl Kernel for Out<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let band = self.band;
        let (h, w) = band.x.size();
        let channels = band.c_out;
        for tile_x in 0..band.tiles_x {
            let (y, x) = ((band.first + self.row) * OUT, tile_x * OUT);
            let from = band.outputs.at((self.row * band.tiles_x + tile_x) * channels);
            let (rows, cols) = (OUT.min(h - y), OUT.min(w - x));
            let mut c = 0;
            while c < channels {
                let at = c.min(channels.saturating_sub(L::WIDTH));
                // SAFETY: there are at least a vector's channels, as above; the pixels of this row
                // of tiles are ours.
                unsafe {
                    let y_values = output_tile::<L>(from.add(at), band.strides[1]);
                    let bias = L::load(band.bias.as_ptr().add(at));
                    for row in 0..rows {
                        for col in 0..cols {
                            let mut value = y_values[row * OUT + col].add(bias);
                            if let Some(addend) = &band.addend {
                                value = value.add(L::load(addend.pixel(y + row, x + col).add(at)));
                            }
                            value.store(band.out.at(((y + row) * w + x + col) * channels + at));
                        }
                    }
                }
                c += L::WIDTH;
            }
        }
    }
}

#[inline(always)]
unsafe fn output_tile<L: Lane>(from: *const f32, stride: usize) -> [L; OUT * OUT] {
    let mut half = [L::zero(); OUT * IN];
    for col in 0..IN {
        // SAFETY: the caller's promise.
        let m: [L; IN] = std::array::from_fn(|row| unsafe { L::load(from.add((row * IN + col) * stride)) });
        let y = output_line(m);
        for row in 0..OUT {
            half[row * IN + col] = y[row];
        }
    }
    let mut tile = [L::zero(); OUT * OUT];
    for row in 0..OUT {
        let y = output_line(std::array::from_fn(|col| half[row * IN + col]));
        for col in 0..OUT {
            tile[row * OUT + col] = y[col];
        }
    }
    tile
}

/// Aᵀ m.
#[inline(always)]
fn output_line<L: Lane>(m: [L; IN]) -> [L; OUT] {
    let (sum_1, difference_1) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (sum_2, difference_2) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum_1).add(sum_2),
        L::splat(2.0).mul_add(difference_2, difference_1),
        L::splat(4.0).mul_add(sum_2, sum_1),
        L::splat(8.0).mul_add(difference_2, difference_1).add(m[5]),
    ]
}
