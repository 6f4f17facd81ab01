//! Group normalisation with all that follows it in a ResBlock: statistics in one pass over the
//! map, scale, shift and SiLU in the next, halving on the way out.

use super::How;
use super::each;
use super::lane::{Kernel, Lane, run, silu};
use super::share::{Shared, to_be_written};
use super::source::Map;

/// Groups of every norm in an ADM network. Channels are thus always whole vectors.
pub const GROUPS: usize = 32;
/// Added to the variance.
pub const EPS: f64 = 1e-5;
/// Pixels whose sums belong together; fixed, so that sums do not depend on threads.
pub(super) const CHUNK: usize = 128;

/// What is done to every value of one image, channel by channel.
#[derive(Clone, Copy)]
pub struct Affine<'a> {
    /// γ `[C]`.
    pub weight: &'a [f32],
    /// β `[C]`.
    pub bias: &'a [f32],
    /// Added to the map before the norm, `[C]`.
    pub before: Option<&'a [f32]>,
    /// Scale and shift after it, `[2, C]`: `norm · (1 + scale) + shift`.
    pub after: Option<&'a [f32]>,
}

/// What follows the norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Then {
    /// SiLU.
    pub silu: bool,
    /// The mean of every 2×2.
    pub halve: bool,
}

/// One image: the maps laid behind one another, `[H, W, ΣC]`, normalised in 32 groups into `out`.
pub fn normalise(how: How, maps: &[Map], affine: Affine, then: Then, out: &mut [f32]) {
    let statistics = Statistics::of(how, maps, affine);
    apply(how, maps, [&statistics.scale, &statistics.shift], then, out);
}

/// The mean of every 2×2 of one image, times `factor`.
pub fn halve(how: How, map: Map, factor: f32, out: &mut [f32]) {
    let (scale, shift) = (vec![factor; map.channels()], vec![0f32; map.channels()]);
    apply(how, &[map], [&scale, &shift], Then { silu: false, halve: true }, out);
}

fn apply(how: How, maps: &[Map], factors: [&[f32]; 2], then: Then, out: &mut [f32]) {
    let (h, w) = maps[0].size();
    let channels: usize = maps.iter().map(Map::channels).sum();
    let (h_out, w_out) = if then.halve { (h / 2, w / 2) } else { (h, w) };
    assert_eq!(out.len(), h_out * w_out * channels, "output of a norm");
    assert_eq!(channels % GROUPS, 0, "channels of a norm");
    let rows_each = (CHUNK / w_out).max(1);
    let shared = Shared::new(out);
    each(how.on_all_threads, h_out.div_ceil(rows_each), |chunk| {
        let first_row = chunk * rows_each;
        let rows = rows_each.min(h_out - first_row);
        // SAFETY: every chunk has its own rows.
        let out = unsafe { shared.part(first_row * w_out * channels, rows * w_out * channels) };
        run(how.isa, Apply { maps, factors, then, first_row, width: w_out, channels, out });
    });
}

/// What the statistics of one image come down to.
pub(super) struct Statistics {
    /// Factor of every channel, all in all.
    pub scale: Vec<f32>,
    /// Summand of every channel, all in all.
    pub shift: Vec<f32>,
    /// Mean of every group, of the map with what is added before the norm.
    pub mean: Vec<f64>,
    /// 1 / sqrt(variance + eps) of every group.
    pub inverse: Vec<f64>,
}

impl Statistics {
    pub fn of(how: How, maps: &[Map], affine: Affine) -> Statistics {
        let channels: usize = maps.iter().map(Map::channels).sum();
        assert_eq!(channels % GROUPS, 0, "channels of a norm");
        let (means, variances) = moments(how, maps, channels);
        let each = channels / GROUPS;
        let mut statistics = Statistics {
            scale: vec![0f32; channels],
            shift: vec![0f32; channels],
            mean: Vec::with_capacity(GROUPS),
            inverse: Vec::with_capacity(GROUPS),
        };
        for group in 0..GROUPS {
            let of = group * each..(group + 1) * each;
            let before = |c: usize| affine.before.map_or(0.0, |before| f64::from(before[c]));
            let mean = of.clone().map(|c| means[c] + before(c)).sum::<f64>() / each as f64;
            let spread = of.clone().map(|c| variances[c] + (means[c] + before(c) - mean).powi(2));
            let inverse = 1.0 / (spread.sum::<f64>() / each as f64 + EPS).sqrt();
            for c in of {
                let (factor, more) = affine.factor(c);
                let factor = factor * inverse;
                statistics.scale[c] = factor as f32;
                statistics.shift[c] = ((before(c) - mean) * factor + more) as f32;
            }
            statistics.mean.push(mean);
            statistics.inverse.push(inverse);
        }
        statistics
    }
}

impl Affine<'_> {
    /// What a normalised value of channel `c` is multiplied with, and what is added then.
    pub(super) fn factor(&self, c: usize) -> (f64, f64) {
        let (weight, bias) = (f64::from(self.weight[c]), f64::from(self.bias[c]));
        match self.after {
            None => (weight, bias),
            Some(after) => {
                let scale = 1.0 + f64::from(after[c]);
                (weight * scale, bias * scale + f64::from(after[self.weight.len() + c]))
            }
        }
    }
}

/// Mean and variance of every channel. Sums of each chunk are taken around the channel's first
/// value, so that nothing cancels, and added up in f64 in the order of the chunks.
fn moments(how: How, maps: &[Map], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let (h, w) = maps[0].size();
    let pixels = h * w;
    let chunks = pixels.div_ceil(CHUNK);
    let (mut means, mut variances) = (Vec::with_capacity(channels), Vec::with_capacity(channels));
    for map in maps {
        let c = map.channels();
        // SAFETY: every chunk writes its own sums, all of them.
        let mut sums = unsafe { to_be_written(chunks * 2 * c) };
        let shared = Shared::new(&mut sums);
        each(how.on_all_threads, chunks, |chunk| {
            let of = chunk * CHUNK..((chunk + 1) * CHUNK).min(pixels);
            // SAFETY: as above.
            let sums = unsafe { shared.part(chunk * 2 * c, 2 * c) };
            let values = &map.values()[of.start * c..of.end * c];
            run(how.isa, Sums { values, around: map.row(0), sums });
        });
        let totals = totals(&sums, 2 * c);
        for channel in 0..c {
            let (first, second) = (totals[channel] / pixels as f64, totals[c + channel] / pixels as f64);
            means.push(f64::from(map.row(0)[channel]) + first);
            variances.push((second - first * first).max(0.0));
        }
    }
    (means, variances)
}

/// The sums of all chunks, each `length` long, in f64 and in their order.
pub(super) fn totals(sums: &[f32], length: usize) -> Vec<f64> {
    let mut totals = vec![0f64; length];
    for sums in sums.chunks(length) {
        totals.iter_mut().zip(sums).for_each(|(total, &sum)| *total += f64::from(sum));
    }
    totals
}

/// Sums and sums of squares of `values − around`, channel by channel.
struct Sums<'a> {
    values: &'a [f32],
    around: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Sums<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let channels = self.around.len();
        let (first, second) = self.sums.split_at_mut(channels);
        let pixels = self.values.len() / channels;
        // Two vectors at a time: channels are multiples of 32.
        for c in (0..channels).step_by(2 * L::WIDTH) {
            // SAFETY: c + 2 vectors ≤ channels.
            unsafe {
                let around: [L; 2] =
                    std::array::from_fn(|i| L::load(self.around.as_ptr().add(c + i * L::WIDTH)));
                let (mut a, mut b) = ([L::zero(); 2], [L::zero(); 2]);
                for pixel in 0..pixels {
                    let from = self.values.as_ptr().add(pixel * channels + c);
                    for i in 0..2 {
                        let x = L::load(from.add(i * L::WIDTH)).sub(around[i]);
                        a[i] = a[i].add(x);
                        b[i] = x.mul_add(x, b[i]);
                    }
                }
                for i in 0..2 {
                    a[i].store(first.as_mut_ptr().add(c + i * L::WIDTH));
                    b[i].store(second.as_mut_ptr().add(c + i * L::WIDTH));
                }
            }
        }
    }
}

struct Apply<'a> {
    maps: &'a [Map<'a>],
    factors: [&'a [f32]; 2],
    then: Then,
    first_row: usize,
    width: usize,
    channels: usize,
    out: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        let Apply { maps, factors, then, first_row, width, channels, out } = self;
        for (index, out) in out.chunks_mut(channels).enumerate() {
            let (y, x) = (first_row + index / width, index % width);
            let mut offset = 0;
            for map in maps {
                let c = map.channels();
                let factors = [&factors[0][offset..][..c], &factors[1][offset..][..c]];
                let out = &mut out[offset..][..c];
                offset += c;
                let w = map.size().1;
                let at = if then.halve { 2 * y * w + 2 * x } else { y * w + x };
                match (then.halve, then.silu) {
                    (false, true) => pixel::<L, true>(map.row(at), factors, out),
                    (false, false) => pixel::<L, false>(map.row(at), factors, out),
                    (true, silu) => {
                        let four = [map.row(at), map.row(at + 1), map.row(at + w), map.row(at + w + 1)];
                        if silu {
                            four_pixels::<L, true>(four, factors, out);
                        } else {
                            four_pixels::<L, false>(four, factors, out);
                        }
                    }
                }
            }
        }
    }
}

/// The channels of one pixel.
#[inline(always)]
fn pixel<L: Lane, const SILU: bool>(from: &[f32], factors: [&[f32]; 2], out: &mut [f32]) {
    for at in (0..out.len()).step_by(L::WIDTH) {
        // SAFETY: all slices have the length of `out`, whole vectors.
        unsafe { vector::<L, SILU>(from, factors, at).store(out.as_mut_ptr().add(at)) };
    }
}

/// The mean of the channels of four pixels.
#[inline(always)]
fn four_pixels<L: Lane, const SILU: bool>(from: [&[f32]; 4], factors: [&[f32]; 2], out: &mut [f32]) {
    for at in (0..out.len()).step_by(L::WIDTH) {
        // SAFETY: all slices have the length of `out`, whole vectors.
        unsafe {
            let a = vector::<L, SILU>(from[0], factors, at);
            let b = vector::<L, SILU>(from[1], factors, at);
            let c = vector::<L, SILU>(from[2], factors, at);
            let d = vector::<L, SILU>(from[3], factors, at);
            a.add(b).add(c.add(d)).mul(L::splat(0.25)).store(out.as_mut_ptr().add(at));
        }
    }
}

#[inline(always)]
unsafe fn vector<L: Lane, const SILU: bool>(from: &[f32], factors: [&[f32]; 2], at: usize) -> L {
    // SAFETY: the caller has a whole vector at `at` in each slice.
    let value = unsafe {
        let [scale, shift] = [L::load(factors[0].as_ptr().add(at)), L::load(factors[1].as_ptr().add(at))];
        L::load(from.as_ptr().add(at)).mul_add(scale, shift)
    };
    if SILU { silu(value) } else { value }
}
