//! What can be seen inside a head.

use candle_core::{Device, Tensor};
use difscope::heads::{
    FeedbackArch, Head, HeadConfig, HeadKind, InstantHead, Maps, NormKind, Rows, SecondPass, collect, reads,
};

use crate::common::formula::units;
use crate::{backbone, formula_head, network, noise, small_config, values};

fn diffeed() -> HeadConfig {
    HeadConfig {
        kind: HeadKind::DifFeed,
        timesteps: vec![90, 150],
        blocks: vec![15],
        second: vec![12, 10],
        feedback: vec![12, 17],
        pool: 4,
        norm: NormKind::Layer,
        width: 32,
        heads: 4,
        layers: 3,
        mlp_ratio: 2,
        hidden: Vec::new(),
        feedback_arch: FeedbackArch::ConvNormRelu,
        kept_rows: false,
    }
}

#[test]
fn attention_sums_to_one_and_feedback_changes_what_lies_behind_it() {
    let network_config = small_config();
    let (config, backbone, unet) = (diffeed(), backbone(&network_config), network(&network_config, "s0"));
    let head = formula_head(&config, &backbone, 5, "s2");
    let shaped = |key: &str, shape: &[usize]| {
        Tensor::from_vec(units(key, shape.iter().product()), shape, &Device::Cpu).unwrap()
    };
    let batches = noise(
        &network_config,
        &shaped("x", &[2, 3, 32, 32]),
        &shaped("n", &[2, 2, 3, 32, 32]),
        &config.timesteps,
    );
    let needed = reads(&config, &backbone).unwrap();
    let maps = collect(&unet, &batches, None, &needed, &mut |_| Ok(())).unwrap();
    let pass = SecondPass::new(&unet, &batches);
    let logits = values(&head.forward(&maps, Some(&pass)).unwrap());
    let looks = head.look(&maps, Some(&pass), &[2, 3, 8, 12]).unwrap();
    assert_eq!(looks.iter().flat_map(|look| look.logits.clone()).collect::<Vec<_>>(), logits);
    for look in &looks {
        assert_eq!(look.attention.len(), 2 * 3 * 4, "timesteps, layers, heads");
        for attention in &look.attention {
            let read: Vec<_> = attention.tokens.iter().map(|t| (t.block, t.second_pass)).collect();
            assert_eq!(read, [(15, false), (12, true), (10, true)]);
            let tokens = attention.tokens.iter().flat_map(|t| t.weights.values());
            let sum = attention.to_itself + tokens.clone().sum::<f32>();
            assert!((sum - 1.0).abs() < 1e-5 && tokens.clone().all(|&w| w >= 0.0), "{sum}");
            assert!(attention.tokens.iter().all(|t| (t.weights.height(), t.weights.width()) == (4, 4)));
        }
        assert_eq!(look.rollout.len(), 2 * 3, "timesteps, layers");
        for rollout in &look.rollout {
            let tokens = rollout.tokens.iter().flat_map(|t| t.weights.values());
            let sum = rollout.to_itself + tokens.clone().sum::<f32>();
            assert!((sum - 1.0).abs() < 1e-5 && tokens.clone().all(|&w| w >= 0.0), "{sum}");
            assert!(rollout.to_itself >= 0.5_f32.powi(rollout.layer as i32), "half stays in every layer");
        }
        // Up to the first layer it is the mean of its heads, half of it CLS itself.
        for (timestep, block) in [(90, 0), (150, 2)] {
            let first = look.rollout.iter().find(|r| (r.timestep, r.layer) == (timestep, 1)).unwrap();
            let heads = || look.attention.iter().filter(|a| (a.timestep, a.layer) == (timestep, 1));
            for at in 0..16 {
                let mean: f32 = heads().map(|a| a.tokens[block].weights.values()[at]).sum::<f32>() / 4.0;
                assert!((first.tokens[block].weights.values()[at] - mean / 2.0).abs() < 1e-6);
            }
        }
        let fed: Vec<_> =
            look.feedback.iter().filter_map(|f| Some((f.block, f.feedback.as_ref()?.0))).collect();
        assert_eq!(fed, [(3, 17), (8, 12), (3, 17), (8, 12)]);
        for fed in look.feedback.iter().filter(|fed| fed.block == 3) {
            // At the first block that is fed, nothing else differs.
            let (_, added) = fed.feedback.as_ref().unwrap();
            let sum = fed.before.values().iter().zip(added.values()).map(|(a, b)| a + b);
            assert!(sum.zip(fed.after.values()).all(|(sum, after)| (sum - after).abs() < 1e-5));
        }
        // Feedback enters at blocks 3 and 8.
        assert_eq!(look.feedback.len(), 2 * 4);
        for fed in &look.feedback {
            assert_eq!(fed.before == fed.after, fed.block == 2, "block {}", fed.block);
        }
    }
    assert_ne!(looks[0].attention[0].tokens[0].weights, looks[1].attention[0].tokens[0].weights);
    assert!(head.look(&maps, Some(&pass), &[20]).unwrap_err().to_string().contains("1 to 19"));
    assert!(head.forward(&maps, None).is_err() && head.forward(&Maps::new(), Some(&pass)).is_err());

    let all = Head::Neural(head).probabilities(&maps, Some(&pass)).unwrap();
    assert!(all.chunks(5).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
}

/// A pass that is told to stop stops.
#[test]
fn the_second_pass_can_be_stopped() {
    let network_config = small_config();
    let (config, backbone, unet) = (diffeed(), backbone(&network_config), network(&network_config, "s0"));
    let head = formula_head(&config, &backbone, 5, "s2");
    let x = Tensor::zeros((1, 3, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
    let noises = Tensor::zeros((2, 1, 3, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
    let batches = noise(&network_config, &x, &noises, &config.timesteps);
    let needed = reads(&config, &backbone).unwrap();
    let stop = |block: usize| if block == 5 { Err(difscope::Error::Cancelled) } else { Ok(()) };
    assert!(collect(&unet, &batches, None, &needed, &mut { stop }).err().unwrap().is_cancelled());
    let maps = collect(&unet, &batches, None, &needed, &mut |_| Ok(())).unwrap();
    let pass = SecondPass { watch: &stop, ..SecondPass::new(&unet, &batches) };
    assert!(head.forward(&maps, Some(&pass)).unwrap_err().is_cancelled());
}

/// A rollout through two layers is the product of their matrices, which here is computed in full from a
/// head whose attention is uniform: all queries are zero.
#[test]
fn rollout_multiplies_the_layers() {
    let network_config = small_config();
    let (backbone, unet) = (backbone(&network_config), network(&network_config, "s0"));
    let config = HeadConfig {
        kind: HeadKind::Attention,
        timesteps: vec![90],
        second: Vec::new(),
        feedback: Vec::new(),
        layers: 2,
        ..diffeed()
    };
    let head = formula_head(&config, &backbone, 3, "s2");
    for (name, weight) in head.parameters().variables().filter(|(name, _)| name.ends_with("qkv.weight")) {
        assert!(name.contains("layers."));
        weight.set(&weight.zeros_like().unwrap()).unwrap();
    }
    let x = Tensor::zeros((1, 3, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
    let noises = Tensor::zeros((1, 1, 3, 32, 32), candle_core::DType::F32, &Device::Cpu).unwrap();
    let batches = noise(&network_config, &x, &noises, &config.timesteps);
    let maps = collect(&unet, &batches, None, &reads(&config, &backbone).unwrap(), &mut |_| Ok(())).unwrap();
    let look = head.look(&maps, None, &[]).unwrap().remove(0);
    // 17 tokens, each of which takes 1/17 of all: Â = (I + J/17)/2, so Â² = I/4 + 3J/(4·17).
    let last = &look.rollout[1];
    assert_eq!(last.layer, 2);
    assert!((last.to_itself - (0.25 + 0.75 / 17.0)).abs() < 1e-6, "{}", last.to_itself);
    assert!(last.tokens[0].weights.values().iter().all(|w| (w - 0.75 / 17.0).abs() < 1e-6));
}

/// What places say for the classes sums to the logits, above their mean and without the biases.
#[test]
fn evidence_of_linear_heads_sums_to_their_logits() {
    let network_config = small_config();
    let (backbone, unet) = (backbone(&network_config), network(&network_config, "s0"));
    // Cells of a 3×3 pool overlap on maps of 8×8, and one block is smaller than the pool's next.
    let config = HeadConfig {
        kind: HeadKind::Linear,
        timesteps: vec![90, 150],
        blocks: vec![12, 15],
        second: Vec::new(),
        feedback: Vec::new(),
        pool: 3,
        ..diffeed()
    };
    let shaped = |key: &str, shape: &[usize]| {
        Tensor::from_vec(units(key, shape.iter().product()), shape, &Device::Cpu).unwrap()
    };
    let batches = noise(
        &network_config,
        &shaped("x", &[6, 3, 32, 32]),
        &shaped("n", &[2, 6, 3, 32, 32]),
        &config.timesteps,
    );
    let linear = formula_head(&config, &backbone, 4, "s2");
    let bias = linear.parameters().values("head.fcs.0.bias").unwrap();
    let pooled =
        collect(&unet, &batches, None, &reads(&config, &backbone).unwrap(), &mut |_| Ok(())).unwrap();
    let ridge = HeadConfig { kind: HeadKind::Ridge, ..config.clone() };
    let rows = Rows::of(&ridge, &pooled).unwrap();
    let ridge = InstantHead::fit(&ridge, &rows, &[0, 1, 2, 3, 0, 1], 4).unwrap();
    // A ridge's bias is its logits of a row of zeros.
    let nothing = Rows::new(rows.width(), vec![0.0; rows.width()]).unwrap();
    let ridge_bias = ridge.logits(&nothing).unwrap();
    for (head, bias) in [(Head::Neural(linear), bias), (Head::Instant(ridge), ridge_bias)] {
        assert!(head.is_linear());
        let whole = head.reads_to_look(&backbone).unwrap();
        assert!(whole.iter().all(|read| read.pool.is_none()));
        let maps = collect(&unet, &batches, None, &whole, &mut |_| Ok(())).unwrap();
        let logits = head.logits(&pooled, None).unwrap();
        assert_eq!(logits, head.logits(&maps, None).unwrap(), "whole maps give the same answer");
        for picture in [0, 5] {
            let evidence = head.evidence(&maps, picture, &[2, 0]).unwrap();
            assert_eq!(evidence.len(), 2 * 2 * 2, "classes, timesteps, blocks");
            let above: Vec<f64> =
                (0..4).map(|class| f64::from(logits[picture * 4 + class] - bias[class])).collect();
            let mean = above.iter().sum::<f64>() / 4.0;
            for class in [2, 0] {
                let here = evidence.iter().filter(|e| e.class == class);
                let sum: f64 = here.flat_map(|e| e.places.values()).map(|&v| f64::from(v)).sum();
                let scale = above.iter().fold(1.0, |top: f64, value| top.max(value.abs()));
                assert!((sum - (above[class] - mean)).abs() < 1e-4 * scale, "{sum} {}", above[class] - mean);
            }
        }
    }
    let knn = HeadConfig { kind: HeadKind::Knn, ..config };
    let knn = Head::Instant(InstantHead::fit(&knn, &rows, &[0, 1, 2, 3, 0, 1], 4).unwrap());
    assert!(!knn.is_linear() && knn.evidence(&pooled, 0, &[0]).unwrap().is_empty());
}
