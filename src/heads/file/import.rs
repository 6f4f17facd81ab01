//! Heads that diffssl saved: `.pth` with the dictionaries `model_head` and `model_feedback`, whose
//! names lack our prefixes. Timesteps, blocks and attention heads are not stored and must be given.

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::Device;

use super::read::list;
use crate::error::{Error, Result};
use crate::heads::backbone::Backbone;
use crate::heads::config::{FeedbackArch, HeadConfig, NormKind};
use crate::heads::kind::HeadKind;
use crate::heads::neural::NeuralHead;
use crate::unet::weights::{Parameters, read_dictionary};

/// A head that came from elsewhere.
pub struct ImportedHead {
    /// The head; its settings are completed from the shapes in the file.
    pub head: NeuralHead,
    /// In sentences, what was taken from the caller because the file does not say it.
    pub assumed: Vec<String>,
}

/// Reads a head of diffssl. Of `config`, the kind, timesteps, blocks of both passes, feedback blocks,
/// attention heads and, unless LayerNorm tells it, the pool are taken; widths, depth, norm and
/// feedback layers follow from the shapes in the file.
///
/// # Errors
/// When the file cannot be read, or does not hold the head that `config` describes on this network.
pub fn import(
    path: &Path,
    config: &HeadConfig,
    backbone: &Backbone,
    device: &Device,
) -> Result<ImportedHead> {
    let refuse = |why: String| Error::head(path.display().to_string(), why);
    let head = read_dictionary(path, "model_head")?;
    let head = head.ok_or_else(|| {
        refuse("holds no model_head; give the latest.pth that diffssl's finetune.py saved".into())
    })?;
    let feedback = read_dictionary(path, "model_feedback")?.unwrap_or_default();
    if config.kind.is_instant() {
        return Err(refuse(format!("diffssl has no {} head; choose another", config.kind)));
    }
    let (config, classes) = completed(config, &head, &feedback).map_err(refuse)?;

    let mut used = BTreeSet::new();
    let mut values = |name: &str, shape: &[usize]| {
        let tensor = match (name.strip_prefix("head."), name.strip_prefix("feedback_layers.")) {
            (Some(rest), _) => Some((&head, rest)),
            (_, Some(rest)) => Some((&feedback, rest)),
            _ => None,
        };
        let found = tensor.and_then(|(from, rest)| Some((from, rest, from.shape(rest)?)));
        let Some((from, rest, found)) = found else {
            return Err(refuse(format!("{name} is missing; check the blocks given")));
        };
        if found != shape {
            return Err(refuse(format!(
                "{name} has shape {found:?} where the settings ask for {shape:?}; check blocks, timesteps and pool"
            )));
        }
        used.insert(name.to_string());
        let values = from.read(rest)?.flatten_all()?.to_vec1::<f32>()?;
        match values.iter().all(|value| value.is_finite()) {
            true => Ok(values),
            false => Err(refuse(format!("{name} holds NaN or infinity"))),
        }
    };
    let made = NeuralHead::from_values(&config, backbone, classes, device, &mut values)?;
    let all = |parameters: &Parameters, prefix: &str| -> Vec<String> {
        parameters.shapes().map(|(name, _)| format!("{prefix}.{name}")).collect()
    };
    let found = all(&head, "head").into_iter().chain(all(&feedback, "feedback_layers"));
    let unused: Vec<String> = found.filter(|name| !used.contains(name)).collect();
    if let Some(unused) = list("unused", unused) {
        return Err(refuse(format!(
            "holds more than these settings ask for: {unused}; check the blocks given"
        )));
    }
    let mut assumed =
        vec![format!("timesteps {:?} and blocks {:?} are as given", config.timesteps, config.blocks)];
    if config.kind.attends() {
        assumed.push(format!("{} attention heads are as given", config.heads));
        if config.norm == NormKind::Batch {
            assumed.push(format!("the pool of {} is as given", config.pool));
        }
    }
    Ok(ImportedHead { head: made, assumed })
}

/// The settings that the shapes tell, and the number of classes.
fn completed(
    config: &HeadConfig,
    head: &Parameters,
    feedback: &Parameters,
) -> Result<(HeadConfig, usize), String> {
    let mut config = config.clone();
    let dims = |name: &str| head.shape(name).map(<[usize]>::to_vec);
    let rows = |name: &str| dims(name).and_then(|dims| dims.first().copied());
    if !config.kind.attends() {
        let widths: Vec<usize> = (0..).map_while(|index| rows(&format!("fcs.{index}.weight"))).collect();
        let Some((&classes, hidden)) = widths.split_last() else {
            return Err(format!("holds no linear layers; it is no {} head", config.kind));
        };
        config.kind = if hidden.is_empty() { HeadKind::Linear } else { HeadKind::Mlp };
        config.hidden = hidden.to_vec();
        return Ok((config, classes));
    }
    let inside = "intra_inter_block_attention";
    let (Some(cls), Some(classes)) = (dims(&format!("{inside}.cls_token")), rows("head.weight")) else {
        return Err(format!("holds no transformer; it is no {} head", config.kind));
    };
    config.width = cls.last().copied().unwrap_or(0);
    config.layers =
        (1..).take_while(|layer| dims(&format!("{inside}.layers.{layer}.norm1.weight")).is_some()).count();
    let inner = rows(&format!("{inside}.layers.1.mlp.fc1.weight")).unwrap_or(0);
    if config.width == 0 || !inner.is_multiple_of(config.width) {
        return Err(format!("an MLP of {inner} over a width of {} is not read", config.width));
    }
    config.mlp_ratio = inner / config.width;
    let norms = config.blocks.iter().chain(&config.second);
    let norms: Vec<Vec<usize>> =
        norms.filter_map(|block| dims(&format!("pre_layer.{block}.1.weight"))).collect();
    config.norm = NormKind::Layer;
    let mut largest = 0;
    for norm in norms {
        match norm[..] {
            [_] => config.norm = NormKind::Batch,
            [_, side, _] => largest = largest.max(side),
            _ => return Err("holds a norm of an unknown shape".into()),
        }
    }
    // Smaller maps are not pooled: the largest side is the pool, or does as well.
    if largest > 0 {
        config.pool = largest;
    }
    config.feedback_arch = match feedback.shape("0.3.weight") {
        None => FeedbackArch::ConvNormRelu,
        Some(_) => FeedbackArch::ConvNormReluConv,
    };
    Ok((config, classes))
}
