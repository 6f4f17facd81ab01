//! What the shapes in a file of diffssl tell of its head, compared with what was given.

use super::import::{ImportConfig, Stored};
use crate::heads::backbone::Backbone;
use crate::heads::config::{FeedbackArch, HeadConfig, NormKind};
use crate::heads::kind::HeadKind;
use crate::unet::weights::Parameters;

/// The settings of a head.
pub(super) struct Completed {
    pub config: HeadConfig,
    /// K, the number of classes.
    pub classes: usize,
    /// In sentences, what neither the file nor the user says.
    pub assumed: Vec<String>,
}

/// The transformer's place among the names.
const INSIDE: &str = "intra_inter_block_attention";
/// Of the published setting.
const HEADS: usize = 8;

/// Completes the settings.
///
/// # Errors
/// In words, when the file is no such head or contradicts what was given.
pub(super) fn completed(
    given: &ImportConfig,
    stored: &Stored,
    backbone: &Backbone,
) -> Result<Completed, String> {
    let published = HeadConfig::published(given.kind, backbone).map_err(|error| error.to_string())?;
    let config = HeadConfig {
        timesteps: given.timesteps.clone(),
        blocks: given.blocks.clone(),
        second: given.second.clone(),
        feedback: given.feedback.clone(),
        heads: given.heads.unwrap_or(HEADS),
        ..published
    };
    let mut completed = Completed { config, classes: 0, assumed: Vec::new() };
    for (what, list) in [("timesteps", &given.timesteps), ("blocks", &given.blocks)] {
        if list.len() > 1 && (what == "timesteps" || !given.kind.attends()) {
            let words: Vec<String> = list.iter().map(usize::to_string).collect();
            completed.assumed.push(format!("it was trained on {what} {} in this order", words.join(", ")));
        }
    }
    match given.kind.attends() {
        true => transformer(&mut completed, given, stored, backbone)?,
        false => perceptron(&mut completed, given, stored, backbone)?,
    }
    match &given.classes {
        Some(names) if names.len() != completed.classes => Err(format!(
            "tells {} classes apart and {} names were given; give one for each",
            completed.classes,
            names.len()
        )),
        _ => Ok(completed),
    }
}

fn rows(parameters: &Parameters, name: &str) -> Option<usize> {
    parameters.shape(name)?.first().copied()
}

fn perceptron(
    completed: &mut Completed,
    given: &ImportConfig,
    stored: &Stored,
    backbone: &Backbone,
) -> Result<(), String> {
    let Completed { config, classes, assumed } = completed;
    let widths: Vec<usize> =
        (0..).map_while(|index| rows(&stored.head, &format!("fcs.{index}.weight"))).collect();
    let (Some((&last, hidden)), Some([_, inputs])) = (widths.split_last(), stored.head.shape("fcs.0.weight"))
    else {
        return Err(format!("holds no linear layers; it is no {} head", config.kind));
    };
    *classes = last;
    let kind = if hidden.is_empty() { HeadKind::Linear } else { HeadKind::Mlp };
    if kind != config.kind {
        assumed.push(format!("it is a head of kind {kind}, as its {} layers say", widths.len()));
    }
    (config.kind, config.hidden) = (kind, hidden.to_vec());
    if config.blocks.is_empty() || config.timesteps.is_empty() {
        return Err("does not say what its head reads; give blocks and timesteps".into());
    }
    let mut channels = 0;
    for &block in &config.blocks {
        channels += backbone.block(block).map_err(|error| error.to_string())?.channels;
    }
    let each = channels * config.timesteps.len();
    let side = (inputs / each).isqrt();
    if side == 0 || each * side * side != *inputs {
        return Err(format!(
            "its first layer reads {inputs} numbers; blocks {:?} of {} at {} give {each} for each cell of the pool, which fits no p×p: check network, blocks and timesteps",
            config.blocks,
            backbone.name,
            counted(config.timesteps.len(), "timestep"),
        ));
    }
    same("pool", side, given.pool)?;
    config.pool = side;
    Ok(())
}

fn transformer(
    completed: &mut Completed,
    given: &ImportConfig,
    stored: &Stored,
    backbone: &Backbone,
) -> Result<(), String> {
    let Completed { config, classes, assumed } = completed;
    let Stored { head, feedback } = stored;
    let (Some(cls), Some([outputs, reads])) =
        (head.shape(&format!("{INSIDE}.cls_token")), head.shape("head.weight"))
    else {
        return Err(format!("holds no transformer; it is no {} head", config.kind));
    };
    *classes = *outputs;
    config.width = cls.last().copied().unwrap_or(0);
    config.layers = (1..)
        .take_while(|layer| rows(head, &format!("{INSIDE}.layers.{layer}.norm1.weight")).is_some())
        .count();
    let inner = rows(head, &format!("{INSIDE}.layers.1.mlp.fc1.weight")).unwrap_or(0);
    if config.width == 0 || !inner.is_multiple_of(config.width) {
        return Err(format!("an MLP of {inner} over a width of {} is not read", config.width));
    }
    config.mlp_ratio = inner / config.width;
    same("width", config.width, given.width)?;
    same("number of layers", config.layers, given.layers)?;
    if given.heads.is_none() {
        assumed.push(format!("its transformer has {HEADS} attention heads, the published setting"));
    }
    let stored_steps = reads / config.width;
    if stored_steps != config.timesteps.len() {
        return Err(format!(
            "its last layer reads {}, and {} given: check the timesteps",
            counted(stored_steps, "timestep"),
            counted_were(config.timesteps.len())
        ));
    }
    same_blocks(config, head)?;
    norms(config, given, head, backbone, assumed)?;
    config.feedback_arch = match feedback.shape("0.3.weight") {
        None => FeedbackArch::ConvNormRelu,
        Some(_) => FeedbackArch::ConvNormReluConv,
    };
    let layers = (0..).take_while(|layer| rows(feedback, &format!("{layer}.0.weight")).is_some()).count();
    match (config.kind, layers) {
        (HeadKind::DifFeed, layers) if layers != config.feedback.len() => Err(format!(
            "has {}, and {} given: check the feedback blocks",
            counted(layers, "feedback layer"),
            counted_were(config.feedback.len())
        )),
        (HeadKind::Attention | HeadKind::DifFormer, 1..) => Err(format!(
            "has {}: it is a diffeed head; give its feedback blocks and those of the second pass",
            counted(layers, "feedback layer")
        )),
        _ => Ok(()),
    }
}

/// The names say which blocks have a layer of their own.
fn same_blocks(config: &HeadConfig, head: &Parameters) -> Result<(), String> {
    let number = |name: &str| name.strip_prefix("pre_layer.")?.split_once('.')?.0.parse().ok();
    let sorted = |mut blocks: Vec<usize>| {
        blocks.sort_unstable();
        blocks.dedup();
        blocks
    };
    let stored = sorted(head.shapes().filter_map(|(name, _)| number(name)).collect());
    let given = sorted(config.blocks.iter().chain(&config.second).copied().collect());
    match stored == given {
        true => Ok(()),
        false => Err(format!("was trained on blocks {stored:?}, and {given:?} were given: check the blocks")),
    }
}

/// Norm and pool.
fn norms(
    config: &mut HeadConfig,
    given: &ImportConfig,
    head: &Parameters,
    backbone: &Backbone,
    assumed: &mut Vec<String>,
) -> Result<(), String> {
    let mut largest = 0;
    config.norm = NormKind::Layer;
    for &block in config.blocks.iter().chain(&config.second) {
        let Some(norm) = head.shape(&format!("pre_layer.{block}.1.weight")) else { continue };
        match *norm {
            [_] => config.norm = NormKind::Batch,
            [_, side, _] => {
                let height = backbone.block(block).map_err(|error| error.to_string())?.height;
                if let Some(pool) = given.pool.filter(|&pool| pool.min(height) != side) {
                    return Err(format!(
                        "its maps of block {block} are {side}×{side}, and a pool of {pool} makes {0}×{0} of them: check pool and network",
                        pool.min(height)
                    ));
                }
                largest = largest.max(side);
            }
            _ => return Err("holds a norm of an unknown shape".into()),
        }
    }
    match given.pool {
        Some(pool) => config.pool = pool,
        // Smaller maps are not pooled: the largest side is the pool, or does as well.
        None if largest > 0 => config.pool = largest,
        None => assumed.push(format!("its maps are pooled to {0}×{0}, the published setting", config.pool)),
    }
    Ok(())
}

/// Compares what the file tells with what was given.
fn same(what: &str, stored: usize, given: Option<usize>) -> Result<(), String> {
    match given {
        Some(given) if given != stored => {
            Err(format!("its {what} is {stored}, and {given} was given; leave it out or correct it"))
        }
        _ => Ok(()),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn counted_were(count: usize) -> String {
    format!("{count} {}", if count == 1 { "was" } else { "were" })
}
