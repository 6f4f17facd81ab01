//! Every kernel, compiled for every set of instructions at hand, against plain loops in f64.

use super::attention::{Attention, Head, Tokens, attend};
use super::direct::Direct;
use super::lane::{Isa, Kernel, Lane, exp, run, silu};
use super::norm::{Affine, GROUPS, Then, halve, normalise};
use super::norm_back::normalise_back;
use super::pool::{adaptive_average, transpose};
use super::product::Packed;
use super::source::{Addend, Map};
use super::winograd::{Tile, Winograd};
use super::*;
use crate::tensor::rng::standard_normal;
use proptest::prelude::*;

fn normal(key: u8, count: usize) -> Vec<f32> {
    standard_normal(&[key; 32], count)
}

fn farthest(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

/// A convolution as it is defined: `x` `[H, W, C_in]`, `weights` `[C_out, C_in, k, k]`.
fn plain_conv(
    x: &[f32],
    (h, w, c_in): (usize, usize, usize),
    weights: &[f32],
    (c_out, kernel, stride): (usize, usize, usize),
    bias: &[f32],
) -> Vec<f64> {
    let pad = kernel / 2;
    let mut out = Vec::new();
    for y in 0..h.div_ceil(stride) {
        for xo in 0..w.div_ceil(stride) {
            for co in 0..c_out {
                let mut sum = f64::from(bias[co]);
                for tap in 0..kernel * kernel {
                    let (yi, xi) = (y * stride + tap / kernel, xo * stride + tap % kernel);
                    if yi < pad || xi < pad || yi - pad >= h || xi - pad >= w {
                        continue;
                    }
                    for ci in 0..c_in {
                        let value = x[((yi - pad) * w + xi - pad) * c_in + ci];
                        let weight = weights[(co * c_in + ci) * kernel * kernel + tap];
                        sum += f64::from(value) * f64::from(weight);
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

fn doubled(x: &[f32], h: usize, w: usize, c: usize) -> Vec<f32> {
    let pixel = |i: usize| (i / (2 * w) / 2) * w + i % (2 * w) / 2;
    (0..4 * h * w).flat_map(|i| x[pixel(i) * c..][..c].to_vec()).collect()
}

#[test]
fn exp_and_silu_are_right_everywhere() {
    struct Both<'a>(&'a [f32], &'a mut Vec<[f32; 2]>);
    impl Kernel for Both<'_> {
        fn run<L: Lane>(self) {
            for values in self.0.chunks_exact(L::WIDTH) {
                let mut held = [[0f32; 16]; 2];
                // SAFETY: a chunk is a vector, and the buffers are as long as the longest.
                unsafe {
                    let x = L::load(values.as_ptr());
                    exp(x).store(held[0].as_mut_ptr());
                    silu(x).store(held[1].as_mut_ptr());
                }
                self.1.extend((0..L::WIDTH).map(|i| [held[0][i], held[1][i]]));
            }
        }
    }
    let mut xs: Vec<f32> = (0..16_000).map(|i| (i as f32 - 8000.0) / 100.0).collect();
    xs[..16].fill(f32::NAN);
    for isa in Isa::available() {
        let mut ends = Vec::new();
        run(isa, Both(&[[1e30f32; 16], [-1e30; 16]].concat(), &mut ends));
        let (top, bottom) = (ends[0], ends[ends.len() - 1]);
        assert!(top[0] > 6e37 && top[0].is_finite() && top[1] == 1e30, "{isa:?}: {top:?}");
        assert!(bottom[0] < 2e-38 && bottom[1].abs() < 1e-6, "{isa:?}: {bottom:?}");
        let mut got = Vec::new();
        run(isa, Both(&xs, &mut got));
        assert_eq!(got.len(), xs.len());
        for (x, [e, s]) in xs.iter().zip(got) {
            if x.is_nan() {
                assert!(e.is_nan() && s.is_nan(), "{isa:?}: what is no number stays none");
                continue;
            }
            let (want_e, want_s) = (f64::from(*x).exp(), f64::from(*x) / (1.0 + (-f64::from(*x)).exp()));
            // Plain Rust rounds products before they are added.
            let each = if isa == Isa::Plain { 1e-7 } else { 2e-8 };
            let relative = 2e-7 + each * f64::from(x.abs());
            assert!((f64::from(e) / want_e - 1.0).abs() < relative, "{isa:?} exp({x}) = {e}");
            let far = (f64::from(s) - want_s).abs();
            assert!(far <= 2.0 * relative * want_s.abs(), "{isa:?} silu({x}) = {s}, not {want_s}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn direct_convolutions_equal_the_definition(
        h in 1usize..9, w in 1usize..15, a in 1usize..40, b in 0usize..20, c_out in 1usize..70,
        odd in 0usize..3, stride in 1usize..3, images in 1usize..4, flags in 0u8..4,
    ) {
        let kernel = 2 * odd + 1;
        let (twice, add) = (flags & 1 == 1, flags & 2 == 2);
        let c_in = a + b;
        let weights = normal(1, c_out * c_in * kernel * kernel);
        let bias = normal(2, c_out);
        let (xs, ys): (Vec<_>, Vec<_>) =
            (0..images).map(|i| (normal(10 + i as u8, h * w * a), normal(20 + i as u8, h * w * b))).unzip();
        let (h_in, w_in) = if twice { (2 * h, 2 * w) } else { (h, w) };
        let (h_out, w_out) = (h_in.div_ceil(stride), w_in.div_ceil(stride));
        let more = normal(3, images * h_out * w_out * c_out);
        let mut wanted = Vec::new();
        for (x, y) in xs.iter().zip(&ys) {
            let pixels = (0..h * w).flat_map(|p| [&x[p * a..][..a], &y[p * b..][..b]].concat());
            let both: Vec<f32> = pixels.collect();
            let both = if twice { doubled(&both, h, w, c_in) } else { both };
            wanted.extend(plain_conv(&both, (h_in, w_in, c_in), &weights, (c_out, kernel, stride), &bias));
        }
        if add {
            wanted.iter_mut().zip(&more).for_each(|(sum, &more)| *sum += f64::from(more));
        }
        for isa in Isa::available() {
            let direct = Direct::new(isa, c_out, c_in, kernel, stride, &weights);
            prop_assert_eq!(direct.weights(), weights.clone());
            let maps: Vec<Vec<Map>> = xs.iter().zip(&ys).map(|(x, y)| {
                let mut maps = vec![Map::new(x, h, w).doubled_if(twice)];
                if b > 0 {
                    maps.push(Map::new(y, h, w).doubled_if(twice));
                }
                maps
            }).collect();
            let each = h_out * w_out * c_out;
            let addends: Vec<Addend> =
                (0..images).map(|i| Addend(Map::new(&more[i * each..][..each], h_out, w_out))).collect();
            let mut out = vec![f32::NAN; images * each];
            direct.convolve(&maps, &bias, add.then_some(&addends[..]), &mut out);
            prop_assert!(farthest(&out, &wanted) < 1e-3, "{:?}: {}", isa, farthest(&out, &wanted));
        }
    }

    #[test]
    fn products_of_bf16_equal_those_of_rounded_values(
        side in 1usize..12, half_a in 1usize..20, half_b in 0usize..10, c_out in 1usize..70,
        odd in 0usize..2, stride in 1usize..3, images in 1usize..4,
    ) {
        let (a, b, kernel) = (2 * half_a, 2 * half_b, 2 * odd + 1);
        let rounded = |key: u8, count: usize| -> Vec<f32> {
            normal(key, count).into_iter().map(|v| half::bf16::from_f32(v).to_f32()).collect()
        };
        // What is multiplied is rounded already, bias and sums are f32.
        let weights = rounded(1, c_out * (a + b) * kernel * kernel);
        let bias = normal(2, c_out);
        let (xs, ys): (Vec<_>, Vec<_>) = (0..images)
            .map(|i| (rounded(10 + i as u8, side * side * a), rounded(20 + i as u8, side * side * b)))
            .unzip();
        let mut wanted = Vec::new();
        for (x, y) in xs.iter().zip(&ys) {
            let both: Vec<f32> =
                (0..side * side).flat_map(|p| [&x[p * a..][..a], &y[p * b..][..b]].concat()).collect();
            wanted.extend(plain_conv(&both, (side, side, a + b), &weights, (c_out, kernel, stride), &bias));
        }
        let maps: Vec<Vec<Map>> = xs.iter().zip(&ys).map(|(x, y)| {
            let y = (b > 0).then(|| Map::new(y, side, side));
            [Map::new(x, side, side)].into_iter().chain(y).collect()
        }).collect();
        for isa in [Isa::best_for_pairs()].into_iter().chain(Isa::available()) {
            let direct = Direct::in_pairs(isa, c_out, a + b, kernel, stride, &weights);
            prop_assert_eq!(direct.weights(), weights.clone());
            let mut out = vec![f32::NAN; wanted.len()];
            direct.convolve(&maps, &bias, None, &mut out);
            prop_assert!(farthest(&out, &wanted) < 1e-3, "{:?}: {}", isa, farthest(&out, &wanted));
        }
    }

    #[test]
    fn winograd_equals_the_definition(
        h in 1usize..20, w in 1usize..20, c_in in 16usize..40, c_out in 16usize..40, flags in 0u8..4,
    ) {
        let (twice, add) = (flags & 1 == 1, flags & 2 == 2);
        let weights = normal(1, c_out * c_in * 9);
        let bias = normal(2, c_out);
        let x = normal(3, h * w * c_in);
        let (h_in, w_in) = if twice { (2 * h, 2 * w) } else { (h, w) };
        let input = if twice { doubled(&x, h, w, c_in) } else { x.clone() };
        let mut wanted = plain_conv(&input, (h_in, w_in, c_in), &weights, (c_out, 3, 1), &bias);
        // The addend is read at twice its size where that can be.
        let halved = h_in % 2 == 0 && w_in % 2 == 0;
        let (h_add, w_add) = if halved { (h_in / 2, w_in / 2) } else { (h_in, w_in) };
        let more = normal(4, h_add * w_add * c_out);
        if add {
            let added = if halved { doubled(&more, h_add, w_add, c_out) } else { more.clone() };
            wanted.iter_mut().zip(&added).for_each(|(sum, &more)| *sum += f64::from(more));
        }
        for isa in Isa::available() {
            for tile in [Tile::Two, Tile::Four] {
            let winograd = Winograd::new(isa, tile, c_out, c_in, &weights);
            for (got, want) in winograd.weights().iter().zip(&weights) {
                prop_assert!((got - want).abs() <= 1e-6 * want.abs() + 1e-6);
            }
            // Twice the same image: tiles of both share bands.
            let map = Map::new(&x, h, w).doubled_if(twice);
            let addend = Addend(Map::new(&more, h_add, w_add).doubled_if(halved));
            let mut out = vec![f32::NAN; 2 * wanted.len()];
            winograd.convolve(&[map, map], &bias, add.then_some(&[addend, addend][..]), &mut out);
            for out in out.chunks(wanted.len()) {
                prop_assert!(farthest(out, &wanted) < 5e-3, "{:?}: {}", isa, farthest(out, &wanted));
            }
            }
        }
    }

    #[test]
    fn attention_equals_the_definition(tokens in 1usize..140, heads in 1usize..4, width in 1usize..40) {
        let stride = 3 * heads * width;
        let qkv = normal(1, tokens * stride);
        let places: Vec<Head> = (0..heads)
            .map(|h| Head { q: 3 * h * width, k: (3 * h + 1) * width, v: (3 * h + 2) * width })
            .collect();
        let at = |token: usize, place: usize, d: usize| f64::from(qkv[token * stride + place + d]);
        let mut wanted = vec![0f64; tokens * heads * width];
        for query in 0..tokens {
            for (head, place) in places.iter().enumerate() {
                let score = |key: usize| {
                    (0..width).map(|d| at(query, place.q, d) * at(key, place.k, d)).sum::<f64>()
                        / (width as f64).sqrt()
                };
                let scores: Vec<f64> = (0..tokens).map(score).collect();
                let top = scores.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - top).exp()).sum();
                for d in 0..width {
                    wanted[(query * heads + head) * width + d] = (0..tokens)
                        .map(|key| (scores[key] - top).exp() / sum * at(key, place.v, d))
                        .sum();
                }
            }
        }
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; wanted.len()];
            let all = Tokens { values: &qkv, count: tokens, stride };
            let attention = Attention { queries: all, keys: all, heads: &places, width };
            attend(How { isa, on_all_threads: true }, &attention, &mut out);
            prop_assert!(farthest(&out, &wanted) < 1e-5, "{:?}: {}", isa, farthest(&out, &wanted));
        }
    }

    #[test]
    fn packings_agree(depth in 1usize..50, columns in 1usize..80, extra in 0usize..5) {
        let rows = normal(1, depth * (columns + extra));
        let turned = transpose(&rows, depth, columns + extra);
        for isa in Isa::available() {
            let want = Packed::new(isa, depth, columns, |k, c| rows[k * (columns + extra) + c]);
            let from_rows = Packed::rows(isa, depth, columns, &rows, columns + extra);
            let from_columns = Packed::transposed(isa, depth, columns, &turned, depth);
            for k in 0..depth {
                for c in 0..columns {
                    prop_assert_eq!(want.at(k, c), rows[k * (columns + extra) + c]);
                    prop_assert_eq!(from_rows.at(k, c), want.at(k, c));
                    prop_assert_eq!(from_columns.at(k, c), want.at(k, c));
                }
            }
        }
    }

    #[test]
    fn pools_equal_the_definition(h in 1usize..9, w in 1usize..9, c in 1usize..5, p in 1usize..12) {
        let x = normal(1, h * w * c);
        let cell = |i: usize, side: usize| i * side / p..((i + 1) * side).div_ceil(p);
        let mut wanted = Vec::new();
        for channel in 0..c {
            for index in 0..p * p {
                let (rows, cols) = (cell(index / p, h), cell(index % p, w));
                let count = (rows.len() * cols.len()) as f64;
                let sum: f64 = rows
                    .flat_map(|y| cols.clone().map(move |x| (y, x)))
                    .map(|(y, col)| f64::from(x[(y * w + col) * c + channel]))
                    .sum();
                wanted.push(sum / count);
            }
        }
        let mut out = vec![f32::NAN; c * p * p];
        adaptive_average(Map::new(&x, h, w), p, &mut out);
        prop_assert!(farthest(&out, &wanted) < 1e-6);
    }
}

/// A norm as it is defined, in f64, of maps laid behind one another.
fn plain_norm(x: &[f64], (h, w): (usize, usize), affine: Affine, then: Then) -> Vec<f64> {
    let c = affine.weight.len();
    let each = c / GROUPS;
    let mut y = x.to_vec();
    if let Some(before) = affine.before {
        y.iter_mut().enumerate().for_each(|(i, y)| *y += f64::from(before[i % c]));
    }
    for group in 0..GROUPS {
        let of: Vec<usize> = (0..y.len()).filter(|i| i % c / each == group).collect();
        let mean = of.iter().map(|&i| y[i]).sum::<f64>() / of.len() as f64;
        let variance = of.iter().map(|&i| (y[i] - mean).powi(2)).sum::<f64>() / of.len() as f64;
        for i in of {
            y[i] = (y[i] - mean) / (variance + 1e-5).sqrt();
        }
    }
    for (i, y) in y.iter_mut().enumerate() {
        let channel = i % c;
        *y = *y * f64::from(affine.weight[channel]) + f64::from(affine.bias[channel]);
        if let Some(after) = affine.after {
            *y = *y * (1.0 + f64::from(after[channel])) + f64::from(after[c + channel]);
        }
        if then.silu {
            *y /= 1.0 + (-*y).exp();
        }
    }
    if !then.halve {
        return y;
    }
    let mut half = Vec::new();
    for (row, col) in (0..h / 2).flat_map(|row| (0..w / 2).map(move |col| (row, col))) {
        for channel in 0..c {
            let at = |dy: usize, dx: usize| y[((2 * row + dy) * w + 2 * col + dx) * c + channel];
            half.push((at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4.0);
        }
    }
    half
}

/// Each way of a norm over one or two maps: values against the definition, gradients against its
/// central differences.
#[test]
fn norms_and_their_gradients_equal_the_definition() {
    let (h, w) = (12, 14);
    for (case, channels) in [(0, vec![64]), (1, vec![32, 64]), (2, vec![96]), (3, vec![64, 32])] {
        let c: usize = channels.iter().sum();
        // Far from zero, so that sums of squares would cancel.
        let maps: Vec<Vec<f32>> = channels
            .iter()
            .enumerate()
            .map(|(i, c)| normal(i as u8, h * w * c).iter().map(|v| v * 0.5 + 30.0).collect())
            .collect();
        let (weight, bias) = (normal(5, c), normal(6, c));
        let (before, after) = (normal(7, c), normal(8, 2 * c));
        let affine = Affine {
            weight: &weight,
            bias: &bias,
            before: (case == 1).then_some(&before[..]),
            after: (case > 1).then_some(&after[..]),
        };
        let then = Then { silu: case != 2, halve: case % 2 == 1 };
        let joined: Vec<f64> = (0..h * w)
            .flat_map(|p| maps.iter().zip(&channels).flat_map(move |(m, c)| m[p * c..][..*c].to_vec()))
            .map(f64::from)
            .collect();
        let wanted = plain_norm(&joined, (h, w), affine, then);
        let direction = normal(9, wanted.len());
        for isa in Isa::available() {
            let how = How { isa, on_all_threads: true };
            let views: Vec<Map> = maps.iter().map(|m| Map::new(m, h, w)).collect();
            let mut out = vec![f32::NAN; wanted.len()];
            normalise(how, &views, affine, then, &mut out);
            assert!(farthest(&out, &wanted) < 3e-4, "{case} {isa:?}: {}", farthest(&out, &wanted));

            let mut grads = vec![f32::NAN; joined.len()];
            normalise_back(how, &views, affine, then, &direction, &mut grads);
            let loss = |x: &[f64]| -> f64 {
                let y = plain_norm(x, (h, w), affine, then);
                y.iter().zip(&direction).map(|(y, d)| y * f64::from(*d)).sum()
            };
            for at in [0, 3, joined.len() / 2, joined.len() - 1] {
                let slope = |step: f64| {
                    let mut moved = joined.clone();
                    moved[at] += step;
                    loss(&moved)
                };
                let slope = (slope(1e-4) - slope(-1e-4)) / 2e-4;
                let got = f64::from(grads[at]);
                assert!((got - slope).abs() < 2e-3 * slope.abs().max(1.0), "{case} {isa:?}: {got} {slope}");
            }
        }
    }
}

#[test]
fn halving_is_the_mean_of_four() {
    let x = normal(1, 4 * 6 * 32);
    let mut out = vec![f32::NAN; 2 * 3 * 32];
    halve(How { isa: Isa::best(), on_all_threads: false }, Map::new(&x, 4, 6), 2.0, &mut out);
    let at = |y: usize, col: usize| f64::from(x[(y * 6 + col) * 32 + 5]);
    let want = (at(2, 4) + at(2, 5) + at(3, 4) + at(3, 5)) / 2.0;
    assert!((f64::from(out[(3 + 2) * 32 + 5]) - want).abs() < 1e-6);
}
