//! Gradients of [`super::norm::normalise`] for its maps: two passes, as forward.

use super::lane::{Isa, Kernel, Lane, run, sigmoid};
use super::norm::{Affine, CHUNK, GROUPS, Statistics, Then, totals};
use super::share::{Shared, to_be_written};
use super::source::Map;
use super::{How, each};

/// One image: from `grad`, the gradient of the output, the gradient of `maps` laid behind one another
/// into `out`.
///
/// With z the output before SiLU, dz its gradient, w the factor of a channel and x̂ the normalised
/// map: dx = (w·dz − mean(w·dz) − x̂ · mean(w·dz·x̂)) / σ, means over a group.
pub fn normalise_back(how: How, maps: &[Map], affine: Affine, then: Then, grad: &[f32], out: &mut [f32]) {
    let (h, w) = maps[0].size();
    let channels: usize = maps.iter().map(Map::channels).sum();
    let statistics = Statistics::of(how, maps, affine);
    let grad = match then.halve {
        true => Map::new(grad, h / 2, w / 2).doubled(),
        false => Map::new(grad, h, w),
    };
    let back = Back { maps, grad, statistics: &statistics, then, channels, isa: how.isa };

    let (pixels, chunks) = (h * w, (h * w).div_ceil(CHUNK));
    // SAFETY: every chunk writes its own sums, all of them.
    let mut sums = unsafe { to_be_written(chunks * 2 * channels) };
    let shared = Shared::new(&mut sums);
    each(how.on_all_threads, chunks, |chunk| {
        // SAFETY: as above.
        let sums = unsafe { shared.part(chunk * 2 * channels, 2 * channels) };
        sums.fill(0.0);
        back.walk(chunk * CHUNK..((chunk + 1) * CHUNK).min(pixels), Goal::Sums(sums));
    });
    let out = Shared::new(out);
    let factors = back.factors(affine, &totals(&sums, 2 * channels), pixels);
    each(how.on_all_threads, chunks, |chunk| {
        back.walk(chunk * CHUNK..((chunk + 1) * CHUNK).min(pixels), Goal::Gradient(&factors, out));
    });
}

struct Back<'a> {
    maps: &'a [Map<'a>],
    grad: Map<'a>,
    statistics: &'a Statistics,
    then: Then,
    channels: usize,
    isa: Isa,
}

/// What a walk over pixels is for.
enum Goal<'a> {
    /// Σ dz and Σ dz·(x − first x) of every channel.
    Sums(&'a mut [f32]),
    /// dx = dz·a + x·b + c with `[a, b, c]` of every channel.
    Gradient(&'a [Vec<f32>; 3], Shared<f32>),
}

impl Back<'_> {
    fn walk(&self, pixels: std::ops::Range<usize>, mut goal: Goal) {
        let width = self.maps[0].size().1;
        for pixel in pixels {
            let (y, x) = (pixel / width, pixel % width);
            let mut offset = 0;
            for map in self.maps {
                let c = map.channels();
                let grad = &self.grad.row(self.grad.index(y, x))[offset..][..c];
                let (scale, shift) =
                    (&self.statistics.scale[offset..][..c], &self.statistics.shift[offset..][..c]);
                let line = Line { x: map.row(pixel), grad, scale, shift, then: self.then };
                match &mut goal {
                    Goal::Sums(sums) => {
                        let (first, second) = sums.split_at_mut(self.channels);
                        let sums = [&mut first[offset..][..c], &mut second[offset..][..c]];
                        run(self.isa, LineSums { line, around: map.row(0), sums });
                    }
                    Goal::Gradient(factors, out) => {
                        // SAFETY: every pixel belongs to one chunk.
                        let out = unsafe { out.part(pixel * self.channels + offset, c) };
                        let [a, b, d] = [0, 1, 2].map(|i| &factors[i][offset..][..c]);
                        run(self.isa, LineGradient { line, factors: [a, b, d], out });
                    }
                }
                offset += c;
            }
        }
    }

    fn factors(&self, affine: Affine, totals: &[f64], pixels: usize) -> [Vec<f32>; 3] {
        let mut factors = [(); 3].map(|()| vec![0f32; self.channels]);
        let each = self.channels / GROUPS;
        let count = (pixels * each) as f64;
        let around: Vec<f64> = self.maps.iter().flat_map(|map| map.row(0)).map(|&v| f64::from(v)).collect();
        for group in 0..GROUPS {
            let (mean, inverse) = (self.statistics.mean[group], self.statistics.inverse[group]);
            let of = group * each..(group + 1) * each;
            let before = |c: usize| affine.before.map_or(0.0, |before| f64::from(before[c]));
            let (mut plain, mut along) = (0.0, 0.0);
            for c in of.clone() {
                let (dz, dz_x) = (totals[c], totals[self.channels + c]);
                let factor = affine.factor(c).0;
                plain += factor * dz / count;
                along += factor * inverse * (dz_x + (around[c] + before(c) - mean) * dz) / count;
            }
            for c in of {
                factors[0][c] = (inverse * affine.factor(c).0) as f32;
                factors[1][c] = (-inverse * inverse * along) as f32;
                factors[2][c] = (-inverse * (plain + (before(c) - mean) * inverse * along)) as f32;
            }
        }
        factors
    }
}

/// The channels of one pixel of one map.
struct Line<'a> {
    x: &'a [f32],
    grad: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    then: Then,
}

impl Line<'_> {
    /// x and dz at `at`.
    ///
    /// # Safety
    /// A whole vector is there in every slice.
    #[inline(always)]
    unsafe fn at<L: Lane>(&self, at: usize) -> (L, L) {
        // SAFETY: the caller's promise.
        let (x, mut dz, scale, shift) = unsafe {
            (
                L::load(self.x.as_ptr().add(at)),
                L::load(self.grad.as_ptr().add(at)),
                L::load(self.scale.as_ptr().add(at)),
                L::load(self.shift.as_ptr().add(at)),
            )
        };
        if self.then.halve {
            dz = dz.mul(L::splat(0.25));
        }
        if self.then.silu {
            // s·(1 + z·(1 − s)) with s the sigmoid of z.
            let one = L::splat(1.0);
            let z = x.mul_add(scale, shift);
            let s = sigmoid(z);
            dz = dz.mul(s.mul(z.mul_add(one.sub(s), one)));
        }
        (x, dz)
    }
}

struct LineSums<'a> {
    line: Line<'a>,
    around: &'a [f32],
    sums: [&'a mut [f32]; 2],
}

impl Kernel for LineSums<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        for at in (0..self.around.len()).step_by(L::WIDTH) {
            // SAFETY: all slices have the same length, whole vectors.
            unsafe {
                let (x, dz) = self.line.at::<L>(at);
                let x = x.sub(L::load(self.around.as_ptr().add(at)));
                let (first, second) = (self.sums[0].as_mut_ptr().add(at), self.sums[1].as_mut_ptr().add(at));
                L::load(first).add(dz).store(first);
                dz.mul_add(x, L::load(second)).store(second);
            }
        }
    }
}

struct LineGradient<'a> {
    line: Line<'a>,
    factors: [&'a [f32]; 3],
    out: &'a mut [f32],
}

impl Kernel for LineGradient<'_> {
    #[inline(always)]
    fn run<L: Lane>(self) {
        for at in (0..self.out.len()).step_by(L::WIDTH) {
            // SAFETY: all slices have the same length, whole vectors.
            unsafe {
                let (x, dz) = self.line.at::<L>(at);
                let [a, b, c] = self.factors.map(|factors| L::load(factors.as_ptr().add(at)));
                dz.mul_add(a, x.mul_add(b, c)).store(self.out.as_mut_ptr().add(at));
            }
        }
    }
}
