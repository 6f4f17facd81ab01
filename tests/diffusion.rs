//! Schedules and noising against reference values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use difscope::Grid;
use difscope::diffusion::schedule::respaced;
use difscope::diffusion::{Schedule, q_sample};
use difscope::unet::config::NoiseSchedule;

fn golden() -> HashMap<String, Tensor> {
    candle_core::safetensors::load("tests/golden/diffusion.safetensors", &Device::Cpu).unwrap()
}

#[test]
fn schedules_hold() {
    let golden = golden();
    for (name, kind) in [("linear", NoiseSchedule::Linear), ("cosine", NoiseSchedule::Cosine)] {
        let s = Schedule::new(kind, 1000);
        for (field, got) in [
            ("betas", &s.betas),
            ("alphas_cumprod", &s.alphas_cumprod),
            ("alphas_cumprod_prev", &s.alphas_cumprod_prev),
            ("posterior_variance", &s.posterior_variance),
            ("posterior_log_variance_clipped", &s.posterior_log_variance_clipped),
            ("posterior_mean_coef1", &s.posterior_mean_coef1),
            ("posterior_mean_coef2", &s.posterior_mean_coef2),
        ] {
            let want = golden[&format!("{name}.{field}")].to_vec1::<f64>().unwrap();
            assert_eq!(got.len(), want.len());
            for (t, (a, b)) in got.iter().zip(&want).enumerate() {
                assert!((a - b).abs() <= 1e-10 * b.abs().max(1e-10), "{name}.{field}[{t}]: {a} is not {b}");
            }
        }
    }
}

#[test]
fn thinned_timesteps_hold() {
    let mut seen = 0;
    for (name, want) in golden().iter().filter(|(name, _)| name.starts_with("respace.")) {
        let got = respaced(1000, name.trim_start_matches("respace.")).unwrap();
        let want = want.to_vec1::<i64>().unwrap();
        assert_eq!(got.into_iter().map(|t| t as i64).collect::<Vec<_>>(), want, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[test]
fn noising_holds() {
    let golden = golden();
    let schedule = Schedule::new(NoiseSchedule::Linear, 1000);
    let grid = |name: &str, row: usize| {
        let row = golden[name].get(row).unwrap();
        let (c, h, w) = row.dims3().unwrap();
        Grid::new(c, h, w, row.flatten_all().unwrap().to_vec1::<f32>().unwrap()).unwrap()
    };
    for (row, t) in golden["q.t"].to_vec1::<i64>().unwrap().into_iter().enumerate() {
        let got = q_sample(&schedule, t as usize, &grid("q.x0", row), &grid("q.noise", row)).unwrap();
        for (a, b) in got.values().iter().zip(grid("q.xt", row).values()) {
            assert!((a - b).abs() < 1e-6, "t {t}: {a} is not {b}");
        }
    }
}
