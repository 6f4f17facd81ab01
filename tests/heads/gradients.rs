//! Gradients against finite differences: along a direction, the slope of the loss is the product of
//! gradient and direction.

use candle_core::{DType, Device, Tensor};
use difscope::heads::{FeedbackArch, HeadConfig, HeadKind, NormKind, SecondPass, collect, reads};

use crate::common::formula::units;
use crate::{backbone, formula_head, network, noise, small_config};

/// Every parameter of the head, in training mode.
fn slopes_hold(config: &HeadConfig) {
    let network_config = small_config();
    let (backbone, unet) = (backbone(&network_config), network(&network_config, "s0"));
    let mut head = formula_head(config, &backbone, 4, "s1");
    let shaped = |key: &str, shape: &[usize]| {
        Tensor::from_vec(units(key, shape.iter().product()), shape, &Device::Cpu).unwrap()
    };
    let steps = config.timesteps.len();
    let batches = noise(
        &network_config,
        &shaped("x", &[2, 3, 32, 32]),
        &shaped("noise", &[steps, 2, 3, 32, 32]),
        &config.timesteps,
    );
    let needed = reads(config, &backbone).unwrap();
    let maps = collect(&unet, &batches, None, &needed, &mut |_| Ok(())).unwrap();
    let pass = SecondPass::new(&unet, &batches);
    let second = (config.kind == HeadKind::DifFeed).then_some(&pass);
    let weights = shaped("loss", &[2, 4]).to_dtype(DType::F64).unwrap();
    let grads = {
        let logits = head.forward_train(&maps, second).unwrap().to_dtype(DType::F64).unwrap();
        (logits * &weights).unwrap().sum_all().unwrap().backward().unwrap()
    };
    let names: Vec<String> = head.parameters().variables().map(|(name, _)| name.to_string()).collect();
    assert!(!names.is_empty());
    for name in names {
        let var = head.parameters().variables().find(|(other, _)| *other == name).unwrap().1.clone();
        let start = var.as_detached_tensor().copy().unwrap();
        // As large as the values, so that a step is a small share of them and few ReLUs turn over.
        let size = start.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
        let direction = (shaped(&format!("direction {name}"), start.dims()) * f64::from(size)).unwrap();
        let grad = grads.get(&var).unwrap_or_else(|| panic!("{name} has no gradient"));
        let product = (grad.to_dtype(DType::F64).unwrap() * direction.to_dtype(DType::F64).unwrap()).unwrap();
        let product = product.sum_all().unwrap().to_scalar::<f64>().unwrap();
        let step = 2e-3;
        let mut at = |sign: f64| {
            var.set(&(&start + (&direction * (sign * step)).unwrap()).unwrap()).unwrap();
            let logits = head.forward_train(&maps, second).unwrap().to_dtype(DType::F64).unwrap();
            (logits * &weights).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap()
        };
        let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
        var.set(&start).unwrap();
        assert!(
            (slope - product).abs() <= 3e-2 * slope.abs() + 2e-3,
            "{} {name}: {slope} is not {product}",
            config.kind
        );
    }
}

fn config(kind: HeadKind) -> HeadConfig {
    HeadConfig {
        kind,
        timesteps: vec![90],
        blocks: vec![12],
        second: Vec::new(),
        feedback: Vec::new(),
        pool: 4,
        norm: NormKind::Layer,
        width: 32,
        heads: 4,
        layers: 2,
        mlp_ratio: 2,
        hidden: vec![16, 8],
        feedback_arch: FeedbackArch::ConvNormReluConv,
        kept_rows: false,
    }
}

#[test]
fn linear_and_mlp() {
    slopes_hold(&config(HeadKind::Linear));
    slopes_hold(&HeadConfig { pool: 3, ..config(HeadKind::Mlp) });
}

#[test]
fn attention_with_either_norm() {
    slopes_hold(&config(HeadKind::Attention));
    slopes_hold(&HeadConfig { norm: NormKind::Batch, ..config(HeadKind::Attention) });
}

#[test]
fn difformer() {
    slopes_hold(&HeadConfig {
        timesteps: vec![50, 300],
        blocks: vec![10, 15],
        ..config(HeadKind::DifFormer)
    });
}

/// Through the frozen network: two halvings, the middle with its attention, and the skips.
#[test]
fn diffeed_to_its_feedback_layers() {
    let both = HeadConfig { second: vec![12, 15], feedback: vec![11, 13, 17], ..config(HeadKind::DifFeed) };
    slopes_hold(&both);
    slopes_hold(&HeadConfig { blocks: Vec::new(), feedback_arch: FeedbackArch::ConvNormRelu, ..both });
}
