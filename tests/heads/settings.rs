//! Defaults, impossible settings, sizes and costs.

use candle_core::{Device, Tensor};
use difscope::heads::{Backbone, HeadConfig, HeadKind, HeadParameters, NeuralHead, cost, reads};
use difscope::unet::config::UnetConfig;
use difscope::unet::embedded::embedded;

use crate::{backbone, small_config, values};

/// The published 256×256 network: sizes only.
fn published() -> Backbone {
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read("tests/golden/adm256.json").unwrap()).unwrap();
    let config: UnetConfig = serde_json::from_value(file["config"].clone()).unwrap();
    backbone(&config)
}

/// Parameters and GMAC of the released heads (paper's recipe; 1000 classes).
#[test]
fn published_settings_have_the_published_sizes() {
    let backbone = published();
    let expected = [
        (HeadKind::Linear, 4.10, 320.0, vec![24]),
        (HeadKind::Attention, 27.79, 320.0, vec![24]),
        (HeadKind::DifFormer, 31.80, 1382.0, vec![19, 24, 30]),
        (HeadKind::DifFeed, 30.55, 1314.0, vec![]),
    ];
    for (kind, millions, gmac, blocks) in expected {
        let config = HeadConfig::published(kind, &backbone).unwrap();
        config.validate(&backbone).unwrap();
        assert_eq!(config.blocks, blocks, "{kind}");
        let cost = cost(&config, &backbone, 1000).unwrap();
        let parameters = cost.parameters as f64 / 1e6;
        assert!((parameters - millions).abs() < 0.006, "{kind}: {parameters} M, not {millions} M");
        assert!((cost.network_gmac - gmac).abs() < 2.0, "{kind}: {} GMAC, not {gmac}", cost.network_gmac);
        assert!(cost.head_gmac < 0.1 * gmac);
    }
    let diffeed = HeadConfig::published(HeadKind::DifFeed, &backbone).unwrap();
    assert_eq!((diffeed.second, diffeed.feedback), (vec![24], vec![21, 24, 27, 30, 33, 36]));
    assert_eq!((diffeed.timesteps, diffeed.width, diffeed.heads), (vec![150], 1024, 8));
}

#[test]
fn the_embedded_network_brings_its_own_defaults() {
    let config = embedded().unwrap().config;
    let backbone = backbone(&config);
    for kind in HeadKind::ALL {
        let config = HeadConfig::published(kind, &backbone).unwrap();
        config.validate(&backbone).unwrap();
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<HeadConfig>(&text).unwrap(), config);
        match kind {
            HeadKind::DifFormer => {
                assert_eq!(
                    (&config.timesteps[..], &config.blocks[..]),
                    (&[10, 50, 150][..], &[10, 12, 15][..])
                );
            }
            HeadKind::DifFeed => {
                assert_eq!(
                    (&config.second[..], &config.feedback[..]),
                    (&[12][..], &[11, 12, 14, 16, 18][..])
                );
            }
            _ => assert_eq!((&config.timesteps[..], &config.blocks[..]), (&[50][..], &[12][..])),
        }
    }
}

/// Networks without defaults of their own take the published blocks at their relative place.
#[test]
fn other_networks_take_the_published_place() {
    let mut config = small_config();
    config.diffusion_steps = 500;
    let backbone = backbone(&config);
    for kind in HeadKind::ALL {
        HeadConfig::published(kind, &backbone).unwrap().validate(&backbone).unwrap();
    }
    let difformer = HeadConfig::published(HeadKind::DifFormer, &backbone).unwrap();
    assert_eq!((difformer.timesteps, difformer.blocks), (vec![45, 75, 150], vec![10, 13, 16]));
}

#[test]
fn impossible_settings_are_refused_in_words() {
    let backbone = backbone(&small_config());
    let config = |kind| HeadConfig::published(kind, &backbone).unwrap();
    let refused = |config: HeadConfig, words: &str| {
        let message = config.validate(&backbone).unwrap_err().to_string();
        assert!(message.contains(words), "{message:?} does not say {words:?}");
    };
    let linear = || config(HeadKind::Linear);
    refused(HeadConfig { blocks: vec![20], ..linear() }, "blocks are 1 to 19");
    refused(HeadConfig { blocks: vec![0], ..linear() }, "no block 0");
    refused(HeadConfig { blocks: vec![], ..linear() }, "give at least one");
    refused(HeadConfig { blocks: vec![12, 12], ..linear() }, "12 stands twice");
    refused(HeadConfig { timesteps: vec![], ..linear() }, "no timestep");
    refused(HeadConfig { timesteps: vec![1000], ..linear() }, "past the last");
    refused(HeadConfig { pool: 0, ..linear() }, "pool 0");
    refused(HeadConfig { second: vec![12], ..linear() }, "only diffeed");
    refused(HeadConfig { hidden: vec![], ..config(HeadKind::Mlp) }, "choose linear");
    refused(HeadConfig { hidden: vec![0], ..config(HeadKind::Mlp) }, "hidden width 0");
    let attention = || config(HeadKind::Attention);
    refused(HeadConfig { blocks: vec![12, 13], ..attention() }, "choose difformer");
    refused(HeadConfig { heads: 7, ..attention() }, "does not divide into 7");
    refused(HeadConfig { heads: 0, ..attention() }, "does not divide into 0");
    refused(HeadConfig { layers: 0, ..attention() }, "layers 0");
    refused(HeadConfig { width: 1 << 20, ..attention() }, "width 1048576");
    let diffeed = || config(HeadKind::DifFeed);
    refused(HeadConfig { feedback: vec![9, 12], ..diffeed() }, "block 9 is no decoder block");
    refused(HeadConfig { feedback: vec![10, 12], ..diffeed() }, "choose from 11 to 19");
    refused(HeadConfig { feedback: vec![14, 12], ..diffeed() }, "must ascend: 12,14");
    refused(HeadConfig { feedback: vec![], ..diffeed() }, "no block is fed back");
    refused(HeadConfig { second: vec![], ..diffeed() }, "second pass");
    refused(HeadConfig { second: vec![3], ..diffeed() }, "could not learn");
    let ridge = NeuralHead::new(&config(HeadKind::Ridge), &backbone, 3, 0, &Device::Cpu);
    assert!(ridge.err().unwrap().to_string().contains("closed form"));
    let one = NeuralHead::new(&linear(), &backbone, 1, 0, &Device::Cpu);
    assert!(one.err().unwrap().to_string().contains("two classes"));
}

/// Where both a pool and the whole map are needed, the whole map is read once.
#[test]
fn heads_say_what_they_read() {
    let backbone = backbone(&small_config());
    let base = HeadConfig::published(HeadKind::DifFeed, &backbone).unwrap();
    let config = HeadConfig {
        timesteps: vec![90, 10],
        blocks: vec![12, 15],
        second: vec![12],
        feedback: vec![12, 14],
        pool: 4,
        ..base
    };
    let reads: Vec<_> =
        reads(&config, &backbone).unwrap().iter().map(|r| (r.timestep, r.block, r.pool)).collect();
    let at = |t| [(t, 12, None), (t, 14, None), (t, 15, Some(4))];
    assert_eq!(reads, [at(90), at(10)].concat());
}

fn bits(parameters: &HeadParameters) -> Vec<(String, Vec<u32>)> {
    let bits = |t: &Tensor| values(t).iter().map(|v| v.to_bits()).collect();
    parameters
        .variables()
        .chain(parameters.buffers())
        .map(|(name, var)| (name.to_string(), bits(var)))
        .collect()
}

#[test]
fn heads_start_as_pytorch_starts_them_and_from_their_seed() {
    let backbone = backbone(&small_config());
    let config = HeadConfig::published(HeadKind::DifFeed, &backbone).unwrap();
    let new = |seed| NeuralHead::new(&config, &backbone, 10, seed, &Device::Cpu).unwrap();
    let mut head = new(7);
    assert_eq!(bits(head.parameters()), bits(new(7).parameters()));
    assert_ne!(bits(head.parameters()), bits(new(8).parameters()));
    assert_eq!(head.parameters().count(), cost(&config, &backbone, 10).unwrap().parameters);
    for (name, var) in head.parameters().variables() {
        let all = values(var);
        let constant = |v: f32| assert!(all.iter().all(|&value| value == v), "{name}");
        match name {
            name if name.ends_with("cls_token") => constant(0.0),
            name if name.contains("norm") || name.ends_with(".1.weight") || name.ends_with(".1.bias") => {
                constant(if name.ends_with("weight") { 1.0 } else { 0.0 });
            }
            name if name.ends_with("weight") => {
                let fan_in: usize = var.dims()[1..].iter().product();
                let bound = 1.0 / (fan_in as f32).sqrt();
                let square = all.iter().map(|v| f64::from(v * v)).sum::<f64>() / all.len() as f64;
                let deviation = square.sqrt() / f64::from(bound);
                assert!(all.iter().all(|v| v.abs() <= bound), "{name} leaves ±{bound}");
                assert!((deviation - 3f64.sqrt().recip()).abs() < 0.05, "{name}: {deviation}");
            }
            _ => assert!(all.iter().any(|&v| v != 0.0) && all.iter().all(|v| v.abs() < 0.2), "{name}"),
        }
    }
    let (before, start) = (head.parameters().snapshot().unwrap(), bits(head.parameters()));
    for (_, var) in head.parameters().variables() {
        var.set(&(var.as_tensor() + 1.0).unwrap()).unwrap();
    }
    assert_ne!(bits(head.parameters()), start);
    head.parameters_mut().restore(&before).unwrap();
    assert_eq!(bits(head.parameters()), start);
}

#[test]
fn only_instant_heads_read_rows_as_they_are_kept() {
    let backbone = published();
    for kind in HeadKind::ALL {
        let plain = HeadConfig::published(kind, &backbone).unwrap();
        let text = serde_json::to_string(&plain).unwrap();
        assert!(!text.contains("kept_rows"), "files of heads that do not are as they were");
        let kept = HeadConfig { kept_rows: true, ..plain };
        assert_eq!(kept.validate(&backbone).is_ok(), kind.is_instant(), "{kind}");
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<HeadConfig>(&text).unwrap(), kept);
    }
}
