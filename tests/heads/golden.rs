//! One training step of every head against diffssl's, computed by PyTorch.

use std::collections::BTreeSet;

use candle_core::{Device, Tensor};
use candle_nn::loss::cross_entropy;
use difscope::heads::{HeadKind, SecondPass, collect, reads};
use difscope::tensor::layout::Layout;

use crate::{assert_close, backbone, case_config, formula_head, network_in, noise};

/// Channels last is how the CPU computes the network, channels first how every other device does.
fn holds(name: &str, kind: HeadKind) {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
        holds_in(name, kind, layout);
    }
}

fn holds_in(name: &str, kind: HeadKind, layout: Layout) {
    let bytes = std::fs::read(format!("tests/golden/head_{name}.safetensors")).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = metadata.metadata().clone().unwrap();
    let golden = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
    let (seed, rate) = (&metadata["seed"], metadata["lr"].parse::<f64>().unwrap());
    let network_config = serde_json::from_str(&metadata["unet"]).unwrap();
    let classes: usize = metadata["num_classes"].parse().unwrap();

    let config = case_config(&metadata);
    assert_eq!(config.kind, kind);
    let (backbone, unet) = (backbone(&network_config), network_in(&network_config, seed, layout));
    let mut head = formula_head(&config, &backbone, classes, seed);
    let batches = noise(&network_config, &golden["x"], &golden["noise"], &config.timesteps);
    let needed = reads(&config, &backbone).unwrap();
    let maps = collect(&unet, &batches, None, &needed, &mut |_| Ok(())).unwrap();
    let pass = SecondPass::new(&unet, &batches);
    let second = (kind == HeadKind::DifFeed).then_some(&pass);

    assert_close("logits_eval", &head.forward(&maps, second).unwrap(), &golden["logits_eval"]);
    let logits = head.forward_train(&maps, second).unwrap();
    assert_close("logits_train", &logits, &golden["logits_train"]);
    let labels = golden["labels"].to_dtype(candle_core::DType::U32).unwrap();
    let loss = cross_entropy(&logits, &labels).unwrap();
    assert_close("loss", &loss.reshape(1).unwrap(), &golden["loss"]);

    let grads = loss.backward().unwrap();
    let mut compared = BTreeSet::new();
    for (name, var) in head.parameters().variables() {
        let grad = grads.get(var).unwrap_or_else(|| panic!("{name} has no gradient"));
        assert_close(name, grad, &golden[&format!("grad.{name}")]);
        compared.insert(format!("grad.{name}"));
    }
    for (name, var) in head.parameters().buffers() {
        assert_close(name, var, &golden[&format!("buffer_after.{name}")]);
        compared.insert(format!("buffer_after.{name}"));
    }
    let expected: BTreeSet<String> = golden
        .keys()
        .filter(|key| key.starts_with("grad.") || key.starts_with("buffer_after."))
        .cloned()
        .collect();
    assert_eq!(compared, expected);

    let steps: Vec<(candle_core::Var, Tensor)> = head
        .parameters()
        .variables()
        .map(|(_, var)| (var.clone(), (var.as_tensor() - (grads.get(var).unwrap() * rate).unwrap()).unwrap()))
        .collect();
    for (var, after) in steps {
        var.set(&after.detach()).unwrap();
    }
    let after = head.forward(&maps, second).unwrap();
    assert_close("logits_eval_after_step", &after, &golden["logits_eval_after_step"]);
}

#[test]
fn linear_holds() {
    holds("linear", HeadKind::Linear);
}

#[test]
fn linear_with_a_pool_that_does_not_divide_holds() {
    holds("linear_pool3", HeadKind::Linear);
}

#[test]
fn linear_with_a_pool_larger_than_the_map_holds() {
    holds("linear_pool12", HeadKind::Linear);
}

#[test]
fn mlp_holds() {
    holds("mlp", HeadKind::Mlp);
}

#[test]
fn attention_holds() {
    holds("attention", HeadKind::Attention);
}

#[test]
fn attention_with_batch_norm_holds() {
    holds("attention_batchnorm", HeadKind::Attention);
}

#[test]
fn difformer_holds() {
    holds("difformer", HeadKind::DifFormer);
}

#[test]
fn diffeed_holds() {
    holds("diffeed", HeadKind::DifFeed);
}

#[test]
fn diffeed_that_reads_both_passes_holds() {
    holds("diffeed_bothpasses", HeadKind::DifFeed);
}

#[test]
fn diffeed_at_several_timesteps_and_blocks_holds() {
    holds("diffeed_fusion", HeadKind::DifFeed);
}
