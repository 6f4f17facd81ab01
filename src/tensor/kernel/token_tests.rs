//! Kernels over tokens, compiled for every set of instructions at hand, against plain loops in f64.

use super::gelu::{gelu, gelu_back};
use super::lane::Isa;
use super::linear::{multiply, sum_of_rows};
use super::product::Packed;
use super::row_norm::{norm_rows, norm_rows_back};
use crate::tensor::rng::standard_normal;

fn normal(key: u8, count: usize) -> Vec<f32> {
    standard_normal(&[key; 32], count)
}

fn farthest(a: &[f32], b: impl IntoIterator<Item = f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

/// Φ by Simpson's rule from 0.
fn distribution(x: f64) -> f64 {
    let bell = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
    let steps = 400;
    let step = x / f64::from(steps);
    let weight = |i: i32| if i == 0 || i == steps { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
    0.5 + (0..=steps).map(|i| weight(i) * bell(f64::from(i) * step)).sum::<f64>() * step / 3.0
}

#[test]
fn gelu_is_exact_for_every_set_of_instructions() {
    let xs: Vec<f32> = (0..2003).map(|i| (i as f32 - 1000.0) / 120.0).collect();
    let grad = normal(1, xs.len());
    for isa in Isa::available() {
        let (mut out, mut back) = (vec![0f32; xs.len()], vec![0f32; xs.len()]);
        gelu(isa, &xs, &mut out);
        gelu_back(isa, &xs, &grad, &mut back);
        let wide = || xs.iter().map(|&x| f64::from(x));
        assert!(farthest(&out, wide().map(|x| x * distribution(x))) < 2e-6, "{isa:?}");
        let slope = |x: f64| distribution(x) + x * (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let want = wide().zip(&grad).map(|(x, &grad)| slope(x) * f64::from(grad));
        assert!(farthest(&back, want) < 2e-6, "{isa:?}");
    }
}

#[test]
fn norms_of_rows_equal_the_definition_for_every_set_of_instructions() {
    for (rows, width) in [(1, 1), (5, 3), (40, 129), (3, 20_000)] {
        let x: Vec<f32> = normal(1, rows * width).iter().map(|x| 2.0 * x + 5.0).collect();
        let (weight, bias, grad) = (normal(2, width), normal(3, width), normal(4, rows * width));
        let (mut want, mut want_back) = (Vec::new(), Vec::new());
        let (mut of_weight, mut of_bias) = (vec![0f64; width], vec![0f64; width]);
        for (x, grad) in x.chunks(width).zip(grad.chunks(width)) {
            let wide: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
            let mean = |values: &[f64]| values.iter().sum::<f64>() / width as f64;
            let centre = mean(&wide);
            let squares: Vec<f64> = wide.iter().map(|x| (x - centre).powi(2)).collect();
            let inverse = 1.0 / (mean(&squares) + 1e-5).sqrt();
            let x: Vec<f64> = wide.iter().map(|x| (x - centre) * inverse).collect();
            let g: Vec<f64> = grad.iter().zip(&weight).map(|(&g, &w)| f64::from(g) * f64::from(w)).collect();
            let along: Vec<f64> = g.iter().zip(&x).map(|(g, x)| g * x).collect();
            let (plain, along) = (mean(&g), mean(&along));
            for at in 0..width {
                want.push(x[at] * f64::from(weight[at]) + f64::from(bias[at]));
                want_back.push(inverse * (g[at] - plain - x[at] * along));
                of_weight[at] += f64::from(grad[at]) * x[at];
                of_bias[at] += f64::from(grad[at]);
            }
        }
        for isa in Isa::available() {
            let (mut out, mut back) = (vec![0f32; x.len()], vec![0f32; x.len()]);
            norm_rows(isa, &x, &weight, &bias, &mut out);
            let sums = norm_rows_back(isa, &x, &weight, &grad, &mut back);
            let apart = [
                farthest(&out, want.iter().copied()),
                farthest(&back, want_back.iter().copied()),
                farthest(&sums.0, of_weight.iter().copied()),
                farthest(&sums.1, of_bias.iter().copied()),
            ];
            assert!(apart.iter().all(|apart| *apart < 3e-5), "{isa:?} {rows}×{width}: {apart:?}");
        }
    }
}

#[test]
fn products_of_rows_equal_the_definition_for_every_set_of_instructions() {
    for (rows, depth, columns) in [(1, 1, 1), (97, 7, 33), (200, 40, 5), (13, 3000, 70)] {
        let (x, weight, bias) = (normal(1, rows * depth), normal(2, columns * depth), normal(3, columns));
        let sums: Vec<f64> = x
            .chunks(depth)
            .flat_map(|x| {
                let product = |(weight, bias): (&[f32], &f32)| {
                    let terms = x.iter().zip(weight).map(|(x, w)| f64::from(*x) * f64::from(*w));
                    f64::from(*bias) + terms.sum::<f64>()
                };
                weight.chunks(depth).zip(&bias).map(product).collect::<Vec<_>>()
            })
            .collect();
        for isa in Isa::available() {
            let mut out = vec![0f32; rows * columns];
            let packed = Packed::transposed(isa, depth, columns, &weight, depth);
            multiply(&x, &packed, Some(&bias), &mut out);
            let apart = farthest(&out, sums.iter().copied());
            // Rounding grows with what is summed.
            let bound = 1e-5 * (depth as f64).sqrt();
            assert!(apart < bound, "{isa:?} {rows}×{depth}×{columns}: {apart}");
        }
    }
    let rows = normal(5, 1300 * 3);
    let want = (0..3).map(|at| rows.iter().skip(at).step_by(3).map(|&x| f64::from(x)).sum());
    assert!(farthest(&sum_of_rows(&rows, 3), want) < 1e-3);
}
