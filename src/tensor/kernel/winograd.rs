//! 3×3 convolutions by Winograd's F(4×4, 3×3), 36 products in place of 144 for each 4×4 outputs, or
//! F(2×2, 3×3), 16 in place of 36 (Lavin and Gray, arXiv 1509.09308, with the points 0, ±1, ±2, ∞).

use std::ops::Range;

use rayon::prelude::*;

use super::each;
use super::lane::{Isa, Kernel, Lane, run};
use super::product::{Packed, Product, Rows};
use super::share::{Shared, to_be_written};
use super::source::{Addend, Map};

/// Tiles worked on together, about: the transformed band stays in the shared cache, and weights
/// are read once for all of them.
const BAND_TILES: usize = 128;
/// Tiles that one thread transforms at a time.
const TASK_TILES: usize = 8;
/// Side of the inputs of the largest tile, and its products.
const MOST_IN: usize = 6;
const MOST_POINTS: usize = MOST_IN * MOST_IN;

/// Outputs of a tile, side by side: fewer products each with `Four`, less memory for the weights with
/// `Two`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tile {
    /// 2×2 outputs of 4×4 inputs; weights take 16/9 of their memory.
    Two,
    /// 4×4 outputs of 6×6 inputs; weights take 4 times their memory.
    Four,
}

impl Tile {
    /// Side of the outputs.
    fn side_out(self) -> usize {
        match self {
            Tile::Two => 2,
            Tile::Four => 4,
        }
    }

    /// Side of the inputs.
    fn side_in(self) -> usize {
        self.side_out() + 2
    }

    /// Products.
    fn points(self) -> usize {
        self.side_in() * self.side_in()
    }

    /// G: weights g become U = G g Gᵀ.
    fn weights_line(self) -> &'static [[f64; 3]] {
        match self {
            Tile::Two => &[[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]],
            Tile::Four => &[
                [1.0 / 4.0, 0.0, 0.0],
                [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
                [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
                [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
                [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
                [0.0, 0.0, 1.0],
            ],
        }
    }

    /// A left inverse of G: its ends give g₀ and g₂, the difference of the rows at ±1 gives g₁.
    fn inverse(self) -> [[f64; MOST_IN]; 3] {
        match self {
            Tile::Two => [
                [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                [0.0, 1.0, -1.0, 0.0, 0.0, 0.0],
                [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
            ],
            Tile::Four => [
                [4.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                [0.0, -3.0, 3.0, 0.0, 0.0, 0.0],
                [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            ],
        }
    }
}

/// Weights ready for [`Winograd::convolve`].
#[derive(Clone, Debug)]
pub struct Winograd {
    isa: Isa,
    tile: Tile,
    c_in: usize,
    c_out: usize,
    /// One matrix `[C_in, C_out]` for each point.
    points: Vec<Packed>,
}

impl Winograd {
    /// From weights `[C_out, C_in, 3, 3]`; at least a vector of channels on both sides.
    pub fn new(isa: Isa, tile: Tile, c_out: usize, c_in: usize, weights: &[f32]) -> Winograd {
        assert_eq!(weights.len(), c_out * c_in * 9, "weights of a 3x3 convolution");
        assert!(c_in.min(c_out) >= 16, "vectors of whole channels");
        let lines = tile.weights_line();
        let points = (0..tile.points()).into_par_iter().map(|point| {
            let (rows, cols) = (lines[point / tile.side_in()], lines[point % tile.side_in()]);
            Packed::new(isa, c_in, c_out, |ci, co| {
                let g = &weights[(co * c_in + ci) * 9..][..9];
                let sum: f64 = (0..9).map(|i| rows[i / 3] * cols[i % 3] * f64::from(g[i])).sum();
                sum as f32
            })
        });
        Winograd { isa, tile, c_in, c_out, points: points.collect() }
    }

    /// The weights it was made from, `[C_out, C_in, 3, 3]`, to about 1e-7 relative.
    pub fn weights(&self) -> Vec<f32> {
        let (inverse, side) = (self.tile.inverse(), self.tile.side_in());
        let mut weights = vec![0f32; self.c_out * self.c_in * 9];
        weights.par_chunks_mut(self.c_in * 9).enumerate().for_each(|(co, weights)| {
            for (ci, g) in weights.chunks_mut(9).enumerate() {
                for (i, g) in g.iter_mut().enumerate() {
                    let (rows, cols) = (inverse[i / 3], inverse[i % 3]);
                    let mut sum = 0.0;
                    for (point, packed) in self.points.iter().enumerate() {
                        let factor = rows[point / side] * cols[point % side];
                        if factor != 0.0 {
                            sum += factor * f64::from(packed.at(ci, co));
                        }
                    }
                    *g = sum as f32;
                }
            }
        });
        weights
    }

    /// `images`, each `[H, W, C_in]`, to `out` `[N, H, W, C_out]`, plus `bias` `[C_out]` and each
    /// image's addend.
    pub fn convolve(&self, images: &[Map], bias: &[f32], addends: Option<&[Addend]>, out: &mut [f32]) {
        let Some(first) = images.first() else { return };
        let (h, w) = first.size();
        assert_eq!(out.len(), images.len() * h * w * self.c_out, "output of a convolution");
        assert_eq!(bias.len(), self.c_out, "bias of a convolution");
        for image in images {
            assert_eq!((image.size(), image.channels()), ((h, w), self.c_in), "maps of a convolution");
        }
        let side = self.tile.side_out();
        let (tiles_y, tiles_x) = (h.div_ceil(side), w.div_ceil(side));
        let tiles = images.len() * tiles_y * tiles_x;
        let bands = tiles.div_ceil(BAND_TILES);
        let length = tiles.div_ceil(bands.max(1));
        let work = Work {
            weights: self,
            images,
            addends,
            bias,
            out: Shared::new(out),
            tiles_y,
            tiles_x,
            // One more line of cache, so that the points of a tile do not share a set of the cache.
            strides: [length * self.c_in + 16, length * self.c_out + 16],
        };
        // Many bands: every thread takes whole ones, and none waits for another.
        let apart = bands >= 4 * rayon::current_num_threads();
        each(apart, bands, |band| {
            let range = (band * length).min(tiles)..((band + 1) * length).min(tiles);
            work.band(!apart, range);
        });
    }
}

/// One call of [`Winograd::convolve`].
struct Work<'a> {
    weights: &'a Winograd,
    images: &'a [Map<'a>],
    addends: Option<&'a [Addend<'a>]>,
    bias: &'a [f32],
    out: Shared<f32>,
    tiles_y: usize,
    tiles_x: usize,
    /// From point to point, of inputs and outputs.
    strides: [usize; 2],
}

impl Work<'_> {
    /// The tiles `range`, counted through all images.
    fn band(&self, on_all_threads: bool, range: Range<usize>) {
        let Winograd { isa, tile, c_in, c_out, ref points } = *self.weights;
        // SAFETY: the first transform writes all that the products read, and those all that the last
        // transform reads.
        let (mut inputs, mut outputs) = unsafe {
            (to_be_written(tile.points() * self.strides[0]), to_be_written(tile.points() * self.strides[1]))
        };
        let (inputs, outputs) = (Shared::new(&mut inputs), Shared::new(&mut outputs));
        let tasks = range.len().div_ceil(TASK_TILES);
        let task = |index: usize| {
            let first = range.start + index * TASK_TILES;
            first..(first + TASK_TILES).min(range.end)
        };
        each(on_all_threads, tasks, |index| {
            let (tiles, held) = (task(index), inputs.at(index * TASK_TILES * c_in));
            run(isa, In { work: self, tiles, held });
        });
        each(on_all_threads, points.len(), |point| {
            let rows = Rows::even(inputs.at(point * self.strides[0]), range.len(), c_in, c_in);
            let product = Product {
                rows: &rows,
                weights: &points[point],
                panels: 0..points[point].panels(),
                bias: None,
                residual: None,
                out: outputs.at(point * self.strides[1]),
                out_stride: c_out,
            };
            // SAFETY: the transform before wrote these rows, and each point has its own results.
            unsafe { product.compute() };
        });
        each(on_all_threads, tasks, |index| {
            let (tiles, held) = (task(index), outputs.at(index * TASK_TILES * c_out));
            run(isa, Out { work: self, tiles, held });
        });
    }

    /// Image, first row and first column of outputs of a tile.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, within) = (tile / (self.tiles_y * self.tiles_x), tile % (self.tiles_y * self.tiles_x));
        let side = self.weights.tile.side_out();
        (image, within / self.tiles_x * side, within % self.tiles_x * side)
    }
}

/// V = Bᵀ d B of some tiles.
struct In<'a> {
    work: &'a Work<'a>,
    tiles: Range<usize>,
    /// Where those of the first tile go.
    held: *mut f32,
}

impl Kernel for In<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        match self.work.weights.tile {
            Tile::Two => self.with::<L, 4>(),
            Tile::Four => self.with::<L, 6>(),
        }
    }
}

impl In<'_> {
    #[inline(always)]
    fn with<L: Lane, const IN: usize>(self) {
        let work = self.work;
        let channels = work.weights.c_in;
        let zeros = vec![0f32; channels];
        for (index, tile) in self.tiles.enumerate() {
            let (image, y, x) = work.place(tile);
            let mut from = [zeros.as_ptr(); MOST_POINTS];
            for (i, from) in from.iter_mut().take(IN * IN).enumerate() {
                // One row and column of zeros around the map.
                let (y, x) = ((y + i / IN).wrapping_sub(1), (x + i % IN).wrapping_sub(1));
                *from = work.images[image].pixel(y, x).unwrap_or(zeros.as_ptr());
            }
            let mut c = 0;
            while c < channels {
                // The last vector overlaps the one before rather than reach past the end.
                let at = c.min(channels - L::WIDTH);
                // SAFETY: every address leads to `channels` values, of which there are at least a
                // vector's (`Winograd::new`); the places of these tiles are ours.
                unsafe {
                    let to = self.held.add(index * channels + at);
                    input_tile::<L, IN>(&from, at, to, work.strides[0]);
                }
                c += L::WIDTH;
            }
        }
    }
}

#[inline(always)]
unsafe fn input_tile<L: Lane, const IN: usize>(
    from: &[*const f32; MOST_POINTS],
    at: usize,
    to: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut half = [L::zero(); MOST_POINTS];
        for col in 0..IN {
            let mut d = [L::zero(); MOST_IN];
            for row in 0..IN {
                d[row] = L::load(from[row * IN + col].add(at));
            }
            let b = input_line::<L, IN>(d);
            for row in 0..IN {
                half[row * IN + col] = b[row];
            }
        }
        for row in 0..IN {
            let mut d = [L::zero(); MOST_IN];
            d[..IN].copy_from_slice(&half[row * IN..][..IN]);
            let b = input_line::<L, IN>(d);
            for (col, b) in b.into_iter().take(IN).enumerate() {
                b.store(to.add((row * IN + col) * stride));
            }
        }
    }
}

/// Bᵀ d.
#[inline(always)]
fn input_line<L: Lane, const IN: usize>(d: [L; MOST_IN]) -> [L; MOST_IN] {
    if IN == 4 {
        let none = L::zero();
        return [d[0].sub(d[2]), d[1].add(d[2]), d[2].sub(d[1]), d[1].sub(d[3]), none, none];
    }
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

/// Y = Aᵀ M A, plus bias and addend, of some tiles.
struct Out<'a> {
    work: &'a Work<'a>,
    tiles: Range<usize>,
    /// Where those of the first tile are.
    held: *const f32,
}

impl Kernel for Out<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        match self.work.weights.tile {
            Tile::Two => self.with::<L, 2, 4>(),
            Tile::Four => self.with::<L, 4, 6>(),
        }
    }
}

impl Out<'_> {
    #[inline(always)]
    fn with<L: Lane, const OUT: usize, const IN: usize>(self) {
        let work = self.work;
        let (h, w) = work.images[0].size();
        let channels = work.weights.c_out;
        for (index, tile) in self.tiles.enumerate() {
            let (image, y, x) = work.place(tile);
            let (rows, cols) = (OUT.min(h - y), OUT.min(w - x));
            let addend = work.addends.map(|addends| addends[image]);
            let mut c = 0;
            while c < channels {
                let at = c.min(channels - L::WIDTH);
                // SAFETY: there are at least a vector's channels, as above; the pixels of these tiles
                // are ours.
                unsafe {
                    let from = self.held.add(index * channels + at);
                    let values = output_tile::<L, OUT, IN>(from, work.strides[1]);
                    let bias = L::load(work.bias.as_ptr().add(at));
                    for row in 0..rows {
                        for col in 0..cols {
                            let mut value = values[row * OUT + col].add(bias);
                            if let Some(addend) = &addend {
                                value = value.add(L::load(addend.pixel(y + row, x + col).add(at)));
                            }
                            let pixel = (image * h + y + row) * w + x + col;
                            value.store(work.out.at(pixel * channels + at));
                        }
                    }
                }
                c += L::WIDTH;
            }
        }
    }
}

#[inline(always)]
unsafe fn output_tile<L: Lane, const OUT: usize, const IN: usize>(
    from: *const f32,
    stride: usize,
) -> [L; 16] {
    let mut half = [L::zero(); 4 * MOST_IN];
    for col in 0..IN {
        let mut m = [L::zero(); MOST_IN];
        for (row, m) in m.iter_mut().take(IN).enumerate() {
            // SAFETY: the caller's promise.
            *m = unsafe { L::load(from.add((row * IN + col) * stride)) };
        }
        let y = output_line::<L, OUT>(m);
        for row in 0..OUT {
            half[row * MOST_IN + col] = y[row];
        }
    }
    let mut tile = [L::zero(); 16];
    for row in 0..OUT {
        let mut m = [L::zero(); MOST_IN];
        m.copy_from_slice(&half[row * MOST_IN..][..MOST_IN]);
        let y = output_line::<L, OUT>(m);
        for col in 0..OUT {
            tile[row * OUT + col] = y[col];
        }
    }
    tile
}

/// Aᵀ m.
#[inline(always)]
fn output_line<L: Lane, const OUT: usize>(m: [L; MOST_IN]) -> [L; 4] {
    let (sum_1, difference_1) = (m[1].add(m[2]), m[1].sub(m[2]));
    if OUT == 2 {
        return [m[0].add(sum_1), difference_1.sub(m[3]), L::zero(), L::zero()];
    }
    let (sum_2, difference_2) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum_1).add(sum_2),
        L::splat(2.0).mul_add(difference_2, difference_1),
        L::splat(4.0).mul_add(sum_2, sum_1),
        L::splat(8.0).mul_add(difference_2, difference_1).add(m[5]),
    ]
}
