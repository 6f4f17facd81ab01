//! Convolutions without copies: the rows of a product are addresses of pixels, one segment for each
//! tap and source (the "indirect" convolution of arXiv 1907.02129).

use std::ops::Range;

use rayon::prelude::*;

use super::lane::Isa;
use super::pairs::in_pairs;
use super::product::{Packed, Product, Rows};
use super::share::Shared;
use super::source::{Addend, Map};

/// Pixels of one task at most: their addresses stay in the first-level cache.
const TASK_PIXELS: usize = 192;

/// Weights of a square convolution, ready for [`Direct::convolve`].
#[derive(Clone, Debug)]
pub struct Direct {
    weights: Packed,
    /// For which the maps are rounded to pairs of bf16, as the weights are.
    pairs: Option<Isa>,
    c_in: usize,
    kernel: usize,
    stride: usize,
}

impl Direct {
    /// From weights `[C_out, C_in, k, k]`, k odd; zero padded by k/2.
    pub fn new(isa: Isa, c_out: usize, c_in: usize, kernel: usize, stride: usize, weights: &[f32]) -> Direct {
        let taps = kernel * kernel;
        assert_eq!(weights.len(), c_out * c_in * taps, "weights of a convolution");
        let packed =
            Packed::new(isa, taps * c_in, c_out, |k, co| weights[(co * c_in + k % c_in) * taps + k / c_in]);
        Direct { weights: packed, pairs: None, c_in, kernel, stride }
    }

    /// As [`Direct::new`], with products of bf16; every map must have an even number of channels.
    pub fn in_pairs(
        isa: Isa,
        c_out: usize,
        c_in: usize,
        kernel: usize,
        stride: usize,
        weights: &[f32],
    ) -> Direct {
        let taps = kernel * kernel;
        assert_eq!(weights.len(), c_out * c_in * taps, "weights of a convolution");
        let value = |k: usize, co: usize| weights[(co * c_in + k % c_in) * taps + k / c_in];
        Direct {
            weights: Packed::in_pairs(isa, taps * c_in, c_out, value),
            pairs: Some(isa),
            c_in,
            kernel,
            stride,
        }
    }

    /// The weights it was made from, `[C_out, C_in, k, k]`.
    pub fn weights(&self) -> Vec<f32> {
        let taps = self.kernel * self.kernel;
        let mut weights = vec![0f32; self.weights.columns() * self.c_in * taps];
        weights.par_chunks_mut(self.c_in * taps).enumerate().for_each(|(co, weights)| {
            for (at, weight) in weights.iter_mut().enumerate() {
                *weight = self.weights.at((at % taps) * self.c_in + at / taps, co);
            }
        });
        weights
    }

    /// `images`, each the maps that are laid behind one another (all of one size; channels add up to
    /// C_in), to `out` `[N, H/stride, W/stride, C_out]`, plus `bias` and each image's addend.
    pub fn convolve(&self, images: &[Vec<Map>], bias: &[f32], addends: Option<&[Addend]>, out: &mut [f32]) {
        for maps in images {
            assert_eq!(maps.iter().map(Map::channels).sum::<usize>(), self.c_in, "channels of a convolution");
        }
        let Some(isa) = self.pairs else { return self.over(images, bias, addends, out) };
        let pairs: Vec<Vec<Vec<f32>>> =
            images.iter().map(|maps| maps.iter().map(|map| in_pairs(isa, map.values())).collect()).collect();
        let images: Vec<Vec<Map>> = (images.iter().zip(&pairs))
            .map(|(maps, pairs)| maps.iter().zip(pairs).map(|(map, pairs)| map.of_pairs(pairs)).collect())
            .collect();
        self.over(&images, bias, addends, out);
    }

    /// Over maps of the values that the weights have.
    fn over(&self, images: &[Vec<Map>], bias: &[f32], addends: Option<&[Addend]>, out: &mut [f32]) {
        let Some(first) = images.first() else { return };
        let (h, w) = first[0].size();
        let (h_out, w_out) = (h.div_ceil(self.stride), w.div_ceil(self.stride));
        let c_out = self.weights.columns();
        let (area, pixels) = (h_out * w_out, images.len() * h_out * w_out);
        assert_eq!(out.len(), pixels * c_out, "output of a convolution");
        assert_eq!(bias.len(), c_out, "bias of a convolution");
        let zeros = vec![0f32; self.c_in];
        let out = Shared::new(out);
        let panels = self.weights.panels();
        // Few pixels: threads share the columns. Many: they share the pixels, all columns each.
        let threads = rayon::current_num_threads().max(1);
        let bands = pixels.div_ceil(TASK_PIXELS);
        let groups = if bands >= 3 * threads { 1 } else { (4 * threads).div_ceil(bands).clamp(1, panels) };
        let each = pixels.div_ceil(bands.max(1));
        let band = |index: usize| (index * each).min(pixels)..((index + 1) * each).min(pixels);
        let rows_of = |range: Range<usize>| self.rows(images, range, area, w_out, &zeros);
        // Where several tasks share a band, its addresses are made once.
        let held: Vec<SendRows> = match groups {
            1 => Vec::new(),
            _ => (0..bands).into_par_iter().map(|index| SendRows(rows_of(band(index)))).collect(),
        };
        (0..bands * groups).into_par_iter().for_each(|task| {
            let (index, group) = (task / groups, task % groups);
            let range = band(index);
            let made;
            let rows = match held.get(index) {
                Some(held) => &held.0,
                None => {
                    made = rows_of(range.clone());
                    &made
                }
            };
            let residual: Option<Vec<*const f32>> = addends.map(|addends| {
                range.clone().map(|p| addends[p / area].pixel(p % area / w_out, p % w_out)).collect()
            });
            let product = Product {
                rows,
                weights: &self.weights,
                panels: group * panels / groups..(group + 1) * panels / groups,
                bias: Some(bias),
                residual: residual.as_deref(),
                out: out.at(range.start * c_out),
                out_stride: c_out,
            };
            // SAFETY: the addresses are those of pixels and zeros; each task has its own pixels and
            // columns.
            unsafe { product.compute() };
        });
    }

    /// The neighbourhoods of the output pixels `range`.
    fn rows(
        &self,
        images: &[Vec<Map>],
        range: Range<usize>,
        area: usize,
        w_out: usize,
        zeros: &[f32],
    ) -> Rows {
        let pad = self.kernel / 2;
        let count = range.len();
        let maps = &images[0];
        let segments = self.kernel * self.kernel * maps.len();
        let mut addresses = Vec::with_capacity(segments * count);
        let mut depths = Vec::with_capacity(segments);
        for tap in 0..self.kernel * self.kernel {
            for (index, map) in maps.iter().enumerate() {
                depths.push(map.channels());
                addresses.extend(range.clone().map(|p| {
                    let (y, x) = (p % area / w_out, p % w_out);
                    let y = (y * self.stride + tap / self.kernel).wrapping_sub(pad);
                    let x = (x * self.stride + tap % self.kernel).wrapping_sub(pad);
                    images[p / area][index].pixel(y, x).unwrap_or(zeros.as_ptr())
                }));
            }
        }
        Rows { addresses, depths, count }
    }
}

/// Addresses that other threads read through.
struct SendRows(Rows);

// SAFETY: the addresses lead into maps that are borrowed while the threads run, and are only read.
unsafe impl Send for SendRows {}
// SAFETY: as above.
unsafe impl Sync for SendRows {}
