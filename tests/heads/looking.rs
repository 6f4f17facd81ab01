//! What can be seen inside a head.

use candle_core::{Device, Tensor};
use difscope::heads::{FeedbackArch, Head, HeadConfig, HeadKind, Maps, NormKind, SecondPass, collect, reads};

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
