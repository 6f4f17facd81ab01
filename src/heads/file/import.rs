//! Heads that diffssl saved: `.pth` with the dictionaries `model_head` and `model_feedback`, or a
//! `.safetensors` of the same tensors. Timesteps, blocks and attention heads are not stored and must
//! be given; what the shapes tell is read from them.

use std::collections::BTreeSet;
use std::path::Path;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::completed::completed;
use super::read::{list, read_info};
use crate::error::{Error, Result};
use crate::heads::backbone::Backbone;
use crate::heads::kind::HeadKind;
use crate::heads::neural::NeuralHead;
use crate::unet::weights::{Dictionaries, Parameters, read_dictionaries};

/// What a file of diffssl does not say of its head, and what is compared with it where it is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportConfig {
    /// Which head.
    pub kind: HeadKind,
    /// Timesteps, in the order of the training.
    pub timesteps: Vec<usize>,
    /// Blocks read in the first pass.
    pub blocks: Vec<usize>,
    /// DifFeed: blocks read in the second pass.
    pub second: Vec<usize>,
    /// DifFeed: decoder blocks fed back, ascending.
    pub feedback: Vec<usize>,
    /// p of the p×p pool.
    pub pool: Option<usize>,
    /// Attention heads of the transformer; the published 8 where none are given.
    pub heads: Option<usize>,
    /// D, the width of the transformer.
    pub width: Option<usize>,
    /// Blocks of the transformer.
    pub layers: Option<usize>,
    /// Names of the classes, in the order of the logits; `class_0` and so on where none are given.
    pub classes: Option<Vec<String>>,
    /// Seed of the noise that answers are given with.
    pub seed: u64,
    /// Noises per picture that answers are averaged over.
    pub draws: u32,
}

impl ImportConfig {
    /// A head of `kind` of which nothing else is known.
    pub fn new(kind: HeadKind) -> ImportConfig {
        ImportConfig {
            kind,
            timesteps: Vec::new(),
            blocks: Vec::new(),
            second: Vec::new(),
            feedback: Vec::new(),
            pool: None,
            heads: None,
            width: None,
            layers: None,
            classes: None,
            seed: 0,
            draws: 1,
        }
    }
}

/// A head that came from elsewhere.
pub struct ImportedHead {
    /// The head; its settings are completed from the shapes in the file.
    pub head: NeuralHead,
    /// Names of its classes.
    pub classes: Vec<String>,
    /// In sentences, what was assumed because the file does not say it.
    pub assumed: Vec<String>,
}

/// Reads a head of diffssl. Widths, depth, pool, norm, hidden and feedback layers follow from the
/// shapes in the file.
///
/// # Errors
/// When the file cannot be read, or does not hold the head that `config` describes on this network.
pub fn import(
    path: &Path,
    config: &ImportConfig,
    backbone: &Backbone,
    device: &Device,
) -> Result<ImportedHead> {
    let refuse = |why: String| Error::head(path.display().to_string(), why);
    if config.kind.is_instant() {
        return Err(refuse(format!("diffssl has no {} head; choose another", config.kind)));
    }
    if read_info(path).is_ok() {
        return Err(refuse("was saved by difscope already; use it as it is".into()));
    }
    let found = match read_dictionaries(path, &["model_head", "model_feedback"])? {
        Dictionaries::Flat(all) => Some(parted(all)),
        Dictionaries::Keyed(mut keyed) => {
            let feedback = keyed.pop().flatten().unwrap_or_default();
            keyed.pop().flatten().map(|head| Stored { head, feedback })
        }
    };
    let stored = found.ok_or_else(|| {
        refuse("holds no model_head; give the latest.pth that diffssl's finetune.py saved".into())
    })?;
    let completed = completed(config, &stored, backbone).map_err(refuse)?;
    let (settings, count) = (completed.config, completed.classes);
    let head = stored.build(&settings, count, backbone, device, &refuse)?;
    let mut assumed = completed.assumed;
    let classes = match &config.classes {
        Some(names) => names.clone(),
        None => {
            assumed.push(format!("the classes are called class_0 to class_{}", count - 1));
            (0..count).map(|class| format!("class_{class}")).collect()
        }
    };
    Ok(ImportedHead { head, classes, assumed })
}

/// The tensors of a file, without prefixes.
pub(super) struct Stored {
    pub(super) head: Parameters,
    pub(super) feedback: Parameters,
}

/// Parts the tensors of a file without dictionaries: the dictionaries' keys stand before the names, or
/// difscope's prefixes, or nothing; feedback layers are numbered.
fn parted(all: Parameters) -> Stored {
    let keyed = [("model_head.", "model_feedback."), ("head.", "feedback_layers.")];
    let begins = |(head, feedback): &&(&str, &str)| {
        all.shapes().all(|(name, _)| name.starts_with(head) || name.starts_with(feedback))
    };
    let under = |prefix: &str| all.clone().renamed(|name| name.strip_prefix(prefix).map(str::to_owned));
    let numbered = |name: &str| name.starts_with(|first: char| first.is_ascii_digit());
    let only = |wanted: bool| all.clone().renamed(|name| (numbered(name) == wanted).then(|| name.into()));
    let (head, feedback) = match keyed.iter().find(begins) {
        Some((head, feedback)) => (under(head), under(feedback)),
        None => (only(false), only(true)),
    };
    Stored { head: head.without_module_prefix(), feedback: feedback.without_module_prefix() }
}

impl Stored {
    /// The head of `config` with these values, all of which must be used.
    fn build(
        &self,
        config: &super::HeadConfig,
        classes: usize,
        backbone: &Backbone,
        device: &Device,
        refuse: &dyn Fn(String) -> Error,
    ) -> Result<NeuralHead> {
        let mut used = BTreeSet::new();
        let mut values = |name: &str, shape: &[usize]| {
            let tensor = match (name.strip_prefix("head."), name.strip_prefix("feedback_layers.")) {
                (Some(rest), _) => Some((&self.head, rest)),
                (_, Some(rest)) => Some((&self.feedback, rest)),
                _ => None,
            };
            let found = tensor.and_then(|(from, rest)| Some((from, rest, from.shape(rest)?)));
            let Some((from, rest, found)) = found else {
                return Err(refuse(format!(
                    "{name} is missing; check the blocks given, or save the head again"
                )));
            };
            if found != shape {
                return Err(refuse(format!(
                    "{name} has shape {found:?} where the settings on {} ask for {shape:?}; check network, blocks and timesteps",
                    backbone.name
                )));
            }
            used.insert(name.to_string());
            let values = from.read(rest)?.flatten_all()?.to_vec1::<f32>()?;
            match values.iter().all(|value| value.is_finite()) {
                true => Ok(values),
                false => Err(refuse(format!("{name} holds NaN or infinity"))),
            }
        };
        let made = NeuralHead::from_values(config, backbone, classes, device, &mut values)?;
        let all = |parameters: &Parameters, prefix: &str| -> Vec<String> {
            parameters.shapes().map(|(name, _)| format!("{prefix}.{name}")).collect()
        };
        let found = all(&self.head, "head").into_iter().chain(all(&self.feedback, "feedback_layers"));
        let unused: Vec<String> = found.filter(|name| !used.contains(name)).collect();
        match list("unused", unused) {
            None => Ok(made),
            Some(unused) => Err(refuse(format!(
                "holds more than these settings ask for: {unused}; check kind and blocks"
            ))),
        }
    }
}
