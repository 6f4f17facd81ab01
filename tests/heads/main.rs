//! The heads against reference values and against themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod golden;
mod gradients;
mod instant;
mod looking;
mod settings;

use std::collections::HashMap;

use candle_core::{Device, Tensor};
use common::formula::formula_parameter;
use difscope::diffusion::Schedule;
use difscope::heads::{Backbone, FeedbackArch, HeadConfig, HeadKind, NeuralHead, Noised, NormKind};
use difscope::tensor::layout::Layout;
use difscope::tensor::precision::Precision;
use difscope::unet::Unet;
use difscope::unet::config::UnetConfig;
use difscope::unet::plan::Plan;

/// The network of 19 blocks that all reference heads stand on.
fn small_config() -> UnetConfig {
    let bytes = std::fs::read("tests/golden/head_linear.safetensors").unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    serde_json::from_str(&metadata.metadata().as_ref().unwrap()["unet"]).unwrap()
}

fn backbone(config: &UnetConfig) -> Backbone {
    Backbone {
        name: "small".into(),
        hash: "a1".repeat(32),
        config: config.clone(),
        blocks: Plan::new(config).unwrap().table(),
    }
}

fn network(config: &UnetConfig, seed: &str) -> Unet {
    network_in(config, seed, Layout::ChannelsLast)
}

fn network_in(config: &UnetConfig, seed: &str, layout: Layout) -> Unet {
    let mut source = |name: &str, shape: &[usize]| {
        Ok(Tensor::from_vec(formula_parameter(seed, name, shape), shape, &Device::Cpu)?)
    };
    Unet::load_in(config, &mut source, &Device::Cpu, Precision::F32, layout).unwrap()
}

/// Formula values for parameters, as fixtures/README has it; running statistics at their start.
fn formula_head(config: &HeadConfig, backbone: &Backbone, classes: usize, seed: &str) -> NeuralHead {
    let mut values = |name: &str, shape: &[usize]| {
        Ok(match name.rsplit('.').next() {
            Some("running_mean") => vec![0.0; shape[0]],
            Some("running_var") => vec![1.0; shape[0]],
            _ => formula_parameter(seed, name, shape),
        })
    };
    NeuralHead::from_values(config, backbone, classes, &Device::Cpu, &mut values).unwrap()
}

/// x_t at each timestep from x_0 `[N, 3, S, S]` and noise `[T, N, 3, S, S]`.
fn noise(config: &UnetConfig, x: &Tensor, noise: &Tensor, timesteps: &[usize]) -> Vec<Noised> {
    let schedule = Schedule::of(config);
    let batch = |(index, &timestep): (usize, &usize)| {
        let alpha_bar = schedule.alpha_bar(timestep);
        let signal = (x * alpha_bar.sqrt()).unwrap();
        let x_t = (signal + (noise.get(index).unwrap() * (1.0 - alpha_bar).sqrt()).unwrap()).unwrap();
        Noised { timestep, x_t }
    };
    timesteps.iter().enumerate().map(batch).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Within 1e-4 + 1e-3·|b|; returns the largest share of that tolerance that was used.
fn assert_close(what: &str, got: &Tensor, want: &Tensor) -> f32 {
    assert_eq!(got.dims(), want.dims(), "{what}");
    let mut used = 0f32;
    for (at, (a, b)) in values(got).iter().zip(values(want)).enumerate() {
        let share = (a - b).abs() / (1e-4 + 1e-3 * b.abs());
        assert!(share <= 1.0, "{what}[{at}]: {a} is not {b}");
        used = used.max(share);
    }
    used
}

/// The settings of a reference case.
fn case_config(metadata: &HashMap<String, String>) -> HeadConfig {
    let case: serde_json::Value = serde_json::from_str(&metadata["case"]).unwrap();
    let list = |key: &str| -> Vec<usize> { serde_json::from_value(case[key].clone()).unwrap() };
    let hidden: Vec<usize> =
        case["head_arc"].as_str().unwrap_or("").split('_').filter_map(|width| width.parse().ok()).collect();
    let (timesteps, blocks, second, feedback) = (list("t_list"), list("first"), list("second"), list("fb"));
    let kind = match (case["head_type"].as_str().unwrap(), feedback.len(), blocks.len() * timesteps.len()) {
        ("linear", ..) if hidden.is_empty() => HeadKind::Linear,
        ("linear", ..) => HeadKind::Mlp,
        ("attention", 0, 1) => HeadKind::Attention,
        ("attention", 0, _) => HeadKind::DifFormer,
        _ => HeadKind::DifFeed,
    };
    HeadConfig {
        kind,
        timesteps,
        blocks,
        second,
        feedback,
        pool: case["pool"].as_u64().unwrap() as usize,
        norm: if case["norm"] == "batch" { NormKind::Batch } else { NormKind::Layer },
        width: 64,
        heads: 4,
        layers: 2,
        mlp_ratio: 4,
        hidden,
        kept_rows: false,
        feedback_arch: if case["arch"] == "C_B_R_C" {
            FeedbackArch::ConvNormReluConv
        } else {
            FeedbackArch::ConvNormRelu
        },
    }
}
