//! Which part of the inside of a head is looked at.

use serde::{Deserialize, Serialize};

use super::ask::SeenInside;
use crate::train::Sight;

/// What of the inside of a head is shown, and how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttentionConfig {
    /// In the window: the state of the head after this epoch; none: the one that training kept.
    pub epoch: Option<usize>,
    /// Of a block that the head reads in both passes, the second.
    pub second_pass: bool,
    /// The layer, from 1; none: the last one.
    pub layer: Option<usize>,
    /// How its attention is taken together.
    pub sight: Sight,
    /// The class whose evidence is shown; none: the most probable one.
    pub class: Option<usize>,
    /// DifFeed: the feedback is shown instead of the attention.
    pub feedback: bool,
    /// DifFeed: means over the channels instead of norms.
    pub mean: bool,
    /// In the window: maps lie alone, not over the picture.
    pub bare: bool,
    /// Every small map has colours of its own.
    pub own_scale: bool,
}

/// What of a head is on screen: its settings, fitted to what the head has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// The timestep.
    pub timestep: usize,
    /// The block and whether it is of the second pass.
    pub block: (usize, bool),
    /// The layer, from 1; 0 for heads without a transformer.
    pub layer: usize,
    /// How its attention is taken together.
    pub sight: Sight,
    /// The class whose evidence is shown.
    pub class: usize,
}

impl Chosen {
    /// `config` and the (timestep, block) of all work spaces, as far as they fit what was seen; else the
    /// first that the head reads.
    pub fn of(config: &AttentionConfig, at: (usize, usize), seen: &SeenInside) -> Chosen {
        let head = &seen.config;
        let (layers, heads) = seen.inside.layers_and_heads();
        let known = head.timesteps.contains(&at.0).then_some(at.0);
        let timestep = known.or_else(|| head.timesteps.first().copied());
        let blocks = seen.blocks();
        let of_pass = |second_pass| blocks.iter().find(|block| **block == (at.1, second_pass)).copied();
        let block = of_pass(config.second_pass).or_else(|| of_pass(!config.second_pass));
        let block = block.or_else(|| blocks.first().copied());
        let sight = match config.sight {
            Sight::Head(head) if head >= heads => Sight::Rollout,
            sight => sight,
        };
        let evidence = &seen.inside.evidence;
        let class = config.class.filter(|class| evidence.iter().any(|e| e.class == *class));
        Chosen {
            timestep: timestep.unwrap_or(0),
            block: block.unwrap_or((1, false)),
            layer: config.layer.filter(|layer| (1..=layers).contains(layer)).unwrap_or(layers),
            sight,
            class: class.or_else(|| evidence.first().map(|e| e.class)).unwrap_or(0),
        }
    }
}

impl SeenInside {
    /// The blocks that the head reads, and whether in the second pass; those of the second pass behind
    /// the others.
    pub fn blocks(&self) -> Vec<(usize, bool)> {
        let first = self.config.blocks.iter().map(|block| (*block, false));
        first.chain(self.config.second.iter().map(|block| (*block, true))).collect()
    }
}

/// `b 12`, and for the second pass `b 12 fed`.
pub fn block_name((block, second_pass): (usize, bool)) -> String {
    if second_pass { format!("b {block} fed") } else { format!("b {block}") }
}
