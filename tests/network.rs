//! The network against reference values, and what it promises about bits, stops and gradients.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test")]

mod common;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use common::formula::{formula_parameter, units};
use difscope::tensor::layout::Layout;
use difscope::tensor::precision::Precision;
use difscope::unet::config::UnetConfig;
use difscope::unet::{Keep, Pass, Unet};

struct Golden {
    config: UnetConfig,
    seed: String,
    tensors: HashMap<String, Tensor>,
}

fn golden(name: &str) -> Golden {
    let bytes = std::fs::read(format!("tests/golden/{name}.safetensors")).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().clone().unwrap();
    Golden {
        config: serde_json::from_str(&metadata["config"]).unwrap(),
        seed: metadata["seed"].clone(),
        tensors: candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap(),
    }
}

fn network(config: &UnetConfig, seed: &str) -> Unet {
    network_in(config, seed, Layout::ChannelsLast, Precision::F32)
}

fn network_in(config: &UnetConfig, seed: &str, layout: Layout, precision: Precision) -> Unet {
    let mut source = |name: &str, shape: &[usize]| {
        Ok(Tensor::from_vec(formula_parameter(seed, name, shape), shape, &Device::Cpu)?)
    };
    Unet::load_in(config, &mut source, &Device::Cpu, precision, layout).unwrap()
}

fn indices(tensor: &Tensor) -> Vec<usize> {
    tensor.to_vec1::<i64>().unwrap().into_iter().map(|v| v as usize).collect()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_close(what: &str, got: &Tensor, want: &Tensor) {
    assert_eq!(got.dims(), want.dims(), "{what}");
    for (at, (a, b)) in values(got).iter().zip(values(want)).enumerate() {
        assert!((a - b).abs() <= 1e-4 + 1e-3 * b.abs(), "{what}[{at}]: {a} is not {b}");
    }
}

fn whole_pass(unet: &Unet, x: &Tensor, t: &[usize], y: Option<&[usize]>) -> (Pass, Tensor) {
    let mut pass = unet.begin(x, t, y, Keep::All).unwrap();
    let out = unet.finish(&mut pass, &mut |_, _| Ok(())).unwrap();
    (pass, out)
}

fn reference_network_holds(name: &str) {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
        reference_network_holds_in(name, layout);
    }
}

/// Channels last is how the CPU computes, channels first how every other device does.
fn reference_network_holds_in(name: &str, layout: Layout) {
    let golden = golden(name);
    let unet = network_in(&golden.config, &golden.seed, layout, Precision::F32);
    let t = indices(&golden.tensors["t"]);
    let y = golden.tensors.get("y").map(indices);
    let (pass, out) = whole_pass(&unet, &golden.tensors["x"], &t, y.as_deref());
    for block in 1..=unet.block_count() {
        let key = format!("block_{block:02}");
        assert_close(&format!("{name} {key} {layout:?}"), &pass.map(block).unwrap(), &golden.tensors[&key]);
    }
    assert!(!golden.tensors.contains_key(&format!("block_{:02}", unet.block_count() + 1)));
    assert_close(&format!("{name} out {layout:?}"), &out, &golden.tensors["out"]);
}

#[test]
fn scale_shift_network_holds() {
    reference_network_holds("unet_small");
}

#[test]
fn convolutional_resampling_network_holds() {
    reference_network_holds("unet_iddpm");
}

#[test]
fn plain_norm_network_holds() {
    reference_network_holds("unet_plain");
}

#[test]
fn class_conditional_network_holds() {
    reference_network_holds("unet_classcond");
}

#[test]
fn fractional_multiplier_network_holds() {
    reference_network_holds("unet_halfmult");
}

/// Relative L2 distance.
fn apart(got: &Tensor, want: &Tensor) -> f64 {
    assert_eq!(got.dims(), want.dims());
    let square = |v: f64| v * v;
    let (got, want) = (values(got), values(want));
    let apart: f64 = got.iter().zip(&want).map(|(a, b)| square(f64::from(a - b))).sum();
    (apart / want.iter().map(|&b| square(f64::from(b))).sum::<f64>()).sqrt()
}

#[test]
fn bf16_stays_within_three_percent_in_every_block() {
    for name in ["unet_small", "unet_iddpm", "unet_plain", "unet_classcond", "unet_halfmult"] {
        let golden = golden(name);
        let t = indices(&golden.tensors["t"]);
        let y = golden.tensors.get("y").map(indices);
        let unet = network_in(&golden.config, &golden.seed, Layout::ChannelsLast, Precision::Bf16);
        let (pass, out) = whole_pass(&unet, &golden.tensors["x"], &t, y.as_deref());
        let mut worst = apart(&out, &golden.tensors["out"]);
        for block in 1..=unet.block_count() {
            worst =
                worst.max(apart(&pass.map(block).unwrap(), &golden.tensors[&format!("block_{block:02}")]));
        }
        // Not f32 by mistake either.
        assert!((1e-4..3e-2).contains(&worst), "{name}: {worst}");
    }
}

/// Whole networks: maps of every size at which convolutions are computed another way.
#[test]
fn every_block_agrees_with_plain_convolutions() {
    let mut large = golden("unet_small").config;
    large.image_size = 64;
    let configs = [large, golden("unet_iddpm").config];
    for config in configs {
        let side = config.image_size;
        let x = Tensor::from_vec(units("x", 2 * 3 * side * side), (2, 3, side, side), &Device::Cpu).unwrap();
        let run = |layout: Layout| {
            let (pass, out) =
                whole_pass(&network_in(&config, "s0", layout, Precision::F32), &x, &[90, 700], None);
            let count = pass.done();
            let maps = (1..=count).map(|block| pass.map(block).unwrap()).chain([out]);
            maps.collect::<Vec<_>>()
        };
        let (ours, plain) = (run(Layout::ChannelsLast), run(Layout::ChannelsFirst));
        for (block, (ours, plain)) in ours.iter().zip(&plain).enumerate() {
            assert!(apart(ours, plain) < 1e-4, "b {}: {}", block + 1, apart(ours, plain));
        }
    }
}

#[test]
fn table_agrees_with_the_maps() {
    let golden = golden("unet_halfmult");
    let unet = network(&golden.config, &golden.seed);
    let (pass, _) = whole_pass(&unet, &golden.tensors["x"], &indices(&golden.tensors["t"]), None);
    for info in unet.table() {
        let map = pass.map(info.block).unwrap();
        assert_eq!(map.dims()[1..], [info.channels, info.height, info.width], "block {}", info.block);
    }
}

#[test]
fn bits_do_not_depend_on_batch_order_or_threads() {
    let golden = golden("unet_small");
    let unet = network(&golden.config, &golden.seed);
    let x = &golden.tensors["x"];
    let t = indices(&golden.tensors["t"]);
    let run = |threads: usize, order: &[usize]| -> Vec<Vec<Vec<f32>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let rows: Vec<Tensor> = order.iter().map(|&i| x.narrow(0, i, 1).unwrap()).collect();
        let x = Tensor::cat(&rows, 0).unwrap();
        let t: Vec<usize> = order.iter().map(|&i| t[i]).collect();
        let (pass, out) = pool.install(|| whole_pass(&unet, &x, &t, None));
        (0..order.len())
            .map(|row| {
                let maps = (1..=unet.block_count()).map(|b| pass.map(b).unwrap()).chain([out.clone()]);
                maps.map(|map| values(&map.get(row).unwrap())).collect()
            })
            .collect()
    };
    let together = run(2, &[0, 1]);
    assert!(together[0] == run(1, &[0])[0], "alone");
    assert!(together[1] == run(2, &[1])[0], "alone, two threads");
    let turned = run(3, &[1, 0]);
    assert!(together[0] == turned[1] && together[1] == turned[0], "other order, three threads");
}

#[test]
fn a_stopped_pass_goes_on_where_it_stopped() {
    let golden = golden("unet_small");
    let unet = network(&golden.config, &golden.seed);
    let (x, t) = (&golden.tensors["x"], indices(&golden.tensors["t"]));
    let mut pass = unet.begin(x, &t, None, Keep::All).unwrap();
    let mut stop_at_8 =
        |block: usize, _: &Tensor| if block == 8 { Err(difscope::Error::Cancelled) } else { Ok(()) };
    assert!(unet.advance(&mut pass, 19, &mut stop_at_8).unwrap_err().is_cancelled());
    assert_eq!(pass.done(), 8);
    let mut seen = Vec::new();
    let out = unet
        .finish(&mut pass, &mut |block, _| {
            seen.push(block);
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, (9..=19).collect::<Vec<_>>());
    assert_close("out", &out, &golden.tensors["out"]);
}

#[test]
fn only_what_is_needed_is_kept() {
    let golden = golden("unet_small");
    let unet = network(&golden.config, &golden.seed);
    let mut pass =
        unet.begin(&golden.tensors["x"], &indices(&golden.tensors["t"]), None, Keep::Needed).unwrap();
    unet.advance(&mut pass, 12, &mut |_, _| Ok(())).unwrap();
    let kept: Vec<usize> = (1..=19).filter(|&b| pass.map(b).is_some()).collect();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6, 7, 12], "skips of blocks 13 to 19 and the last map");
    let out = unet.finish(&mut pass, &mut |_, _| Ok(())).unwrap();
    assert_close("out", &out, &golden.tensors["out"]);
}

#[test]
fn wrong_inputs_are_named() {
    let golden = golden("unet_classcond");
    let unet = network(&golden.config, &golden.seed);
    let x = &golden.tensors["x"];
    let message =
        |t: &[usize], y: Option<&[usize]>| unet.begin(x, t, y, Keep::All).err().unwrap().to_string();
    assert!(message(&[1000], None).contains("timestep 1000"));
    assert!(message(&[1, 2], None).contains("2 timesteps"));
    assert!(message(&[1], Some(&[10])).contains("class 10"));
    let plain = network(&crate::golden("unet_plain").config, "s0");
    assert!(
        plain.begin(x, &[1], Some(&[0]), Keep::All).err().unwrap().to_string().contains("without classes")
    );
}

/// Gradients through two halvings and two doublings reach the input: the slope along a direction,
/// by central differences, is the product of gradient and direction.
#[test]
fn gradients_reach_an_input_before_resampling_blocks() {
    for name in ["unet_small", "unet_iddpm"] {
        let golden = golden(name);
        let unet = network(&golden.config, &golden.seed);
        let x = golden.tensors["x"].narrow(0, 0, 1).unwrap().contiguous().unwrap();
        let blocks = unet.block_count();
        let loss = |x: &Tensor| {
            let mut pass = unet.begin(x, &[90], None, Keep::All).unwrap();
            unet.advance(&mut pass, blocks, &mut |_, _| Ok(())).unwrap();
            let map = pass.map(blocks).unwrap();
            let weights =
                Tensor::from_vec(units("loss", map.elem_count()), map.shape(), &Device::Cpu).unwrap();
            (map * weights).unwrap().to_dtype(DType::F64).unwrap().sum_all().unwrap()
        };
        let var = Var::from_tensor(&x).unwrap();
        let grads = loss(&var).backward().unwrap();
        let grad = grads.get(&var).unwrap().to_dtype(DType::F64).unwrap();
        for key in ["direction a", "direction b"] {
            let direction = Tensor::from_vec(units(key, x.elem_count()), x.shape(), &Device::Cpu).unwrap();
            let step = 1e-2;
            let at = |sign: f64| {
                loss(&(&x + (&direction * (sign * step)).unwrap()).unwrap()).to_scalar::<f64>().unwrap()
            };
            let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
            let product = (&grad * direction.to_dtype(DType::F64).unwrap()).unwrap().sum_all().unwrap();
            let product = product.to_scalar::<f64>().unwrap();
            assert!(
                (slope - product).abs() < 2e-2 * slope.abs().max(1.0),
                "{name}: {slope} is not {product}"
            );
        }
    }
}

#[derive(serde::Deserialize)]
struct Digest {
    shape: Vec<usize>,
    mean: f64,
    std: f64,
    absmax: f64,
    index: Vec<usize>,
    value: Vec<f64>,
}

/// Builds the 553 M parameters of the published 256×256 network from the formula: minutes, 5 GB.
#[test]
#[ignore = "takes minutes and 5 GB of memory"]
fn adm256_digests_hold() {
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read("tests/golden/adm256.json").unwrap()).unwrap();
    let config: UnetConfig = serde_json::from_value(file["config"].clone()).unwrap();
    let seed = file["seed"].as_str().unwrap();
    let unet = network(&config, seed);
    let x = Tensor::from_vec(units("s0/input.x", 3 * 256 * 256), (1, 3, 256, 256), &Device::Cpu).unwrap();
    let digest = |value: &serde_json::Value| serde_json::from_value::<Digest>(value.clone()).unwrap();
    let check = |what: &str, map: &Tensor, want: Digest| {
        assert_eq!(map.dims()[1..], want.shape[want.shape.len() - 3..], "{what}");
        let got: Vec<f64> = values(map).into_iter().map(f64::from).collect();
        let close = |name: &str, a: f64, b: f64| {
            assert!((a - b).abs() <= 1e-4 + 1e-3 * b.abs(), "{what} {name}: {a} is not {b}");
        };
        let mean = got.iter().sum::<f64>() / got.len() as f64;
        let variance = got.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / got.len() as f64;
        close("mean", mean, want.mean);
        close("std", variance.sqrt(), want.std);
        close("absmax", got.iter().fold(0.0, |a, v| v.abs().max(a)), want.absmax);
        for (&index, &value) in want.index.iter().zip(&want.value) {
            close(&format!("value {index}"), got[index], value);
        }
    };
    let mut pass = unet.begin(&x, &[file["t"].as_u64().unwrap() as usize], None, Keep::Needed).unwrap();
    let blocks = file["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 37);
    let out = unet
        .finish(&mut pass, &mut |block, map| {
            check(&format!("block {block}"), map, digest(&blocks[block - 1]));
            Ok(())
        })
        .unwrap();
    check("out", &out, digest(&file["out"]));
}
