//! Maps of the inside of a head, made ready to be drawn.

use std::sync::Arc;

use super::state::DrawnAs;
use crate::app::current::Drawn;
use crate::app::gpu::Source;
use crate::app::widgets::colour_bar::Spread;
use crate::colormap::{ColorMap, Tone};
use crate::features::view::View;
use crate::grid::Grid;
use crate::jobs::{AttentionConfig, Chosen, LookConfig, SeenInside};
use crate::train::{Sight, Summary};

/// A map of one layer as one sight has it.
pub struct LayerMap {
    /// The layer, from 1.
    pub layer: usize,
    /// How its attention is taken together.
    pub sight: Sight,
    /// Ready to be drawn.
    pub drawn: Drawn,
}

/// A map of one block at one timestep.
pub struct BlockMap {
    /// The timestep.
    pub timestep: usize,
    /// The block and whether it is of the second pass.
    pub block: (usize, bool),
    /// The share of attention on it; of linear heads, what it adds to the logit.
    pub share: f32,
    /// Ready to be drawn.
    pub drawn: Drawn,
}

/// An encoder block with its feedback.
pub struct FedMap {
    /// The block, from 1.
    pub block: usize,
    /// The decoder block that the feedback comes from.
    pub from: usize,
    /// The norm of the feedback over that of the feature without it.
    pub feedback: f32,
    /// The norm of the difference over that of the feature without feedback.
    pub difference: f32,
    /// Before, after, difference, feedback.
    pub drawn: [Drawn; 4],
}

/// Everything that is drawn of what was seen.
pub struct Drawings {
    /// What is looked at.
    pub chosen: Chosen,
    /// The map looked at, large; none for heads without places.
    pub large: Option<Drawn>,
    /// Every layer and sight at the timestep and block looked at.
    pub layers: Vec<LayerMap>,
    /// Every timestep and block as the sight looked at has them.
    pub blocks: Vec<BlockMap>,
    /// What CLS took from itself, by timestep.
    pub itself: Vec<(usize, f32)>,
    /// Feedback at the timestep looked at.
    pub fed: Vec<FedMap>,
}

impl Drawings {
    /// Of what was seen, as `drawn_as` has it.
    pub fn of(seen: &SeenInside, drawn_as: &DrawnAs) -> Drawings {
        let (config, at, look) = drawn_as;
        let chosen = Chosen::of(config, *at, seen);
        let (layers, heads) = seen.inside.layers_and_heads();
        let mut found = Drawings {
            chosen,
            large: None,
            layers: Vec::new(),
            blocks: Vec::new(),
            itself: Vec::new(),
            fed: Vec::new(),
        };
        if layers > 0 {
            found.add_layers(seen, (layers, heads), config, look);
            found.add_blocks(seen, config, look);
        } else {
            found.add_evidence(seen, config, look);
        }
        let chosen_map =
            found.blocks.iter().find(|map| (map.timestep, map.block) == (chosen.timestep, chosen.block));
        // Alone, a map has the whole range of colours.
        found.large = chosen_map.map(|map| {
            let grid = map.drawn.source.grid();
            if layers > 0 { plain(grid, look) } else { signed(&[grid], look).remove(0) }
        });
        found.add_fed(seen, config.mean, look);
        found
    }

    fn add_layers(
        &mut self,
        seen: &SeenInside,
        (layers, heads): (usize, usize),
        config: &AttentionConfig,
        look: &LookConfig,
    ) {
        let at = seen.blocks().iter().position(|block| *block == self.chosen.block).unwrap_or(0);
        let mut found = Vec::new();
        for layer in 1..=layers {
            let sights = [Sight::Rollout, Sight::Mean].into_iter().chain((0..heads).map(Sight::Head));
            for sight in sights {
                let taken = seen.inside.taken(self.chosen.timestep, layer, sight);
                if let Some(tokens) = taken.as_ref().and_then(|taken| taken.tokens.get(at)) {
                    found.push((layer, sight, tokens.weights.clone()));
                }
            }
        }
        let grids: Vec<&Grid> = found.iter().map(|(_, _, grid)| grid).collect();
        let drawn = together(&grids, config.own_scale, look);
        let maps = found.iter().zip(drawn);
        self.layers = maps.map(|(&(layer, sight, _), drawn)| LayerMap { layer, sight, drawn }).collect();
    }

    fn add_blocks(&mut self, seen: &SeenInside, config: &AttentionConfig, look: &LookConfig) {
        let mut found = Vec::new();
        for &timestep in &seen.config.timesteps {
            let Some(taken) = seen.inside.taken(timestep, self.chosen.layer, self.chosen.sight) else {
                continue;
            };
            self.itself.push((timestep, taken.itself));
            for ((tokens, share), block) in taken.tokens.iter().zip(taken.shares()).zip(seen.blocks()) {
                found.push((timestep, block, share, tokens.weights.clone()));
            }
        }
        let grids: Vec<&Grid> = found.iter().map(|(.., grid)| grid).collect();
        let drawn = together(&grids, config.own_scale, look);
        let maps = found.iter().zip(drawn);
        self.blocks = maps
            .map(|(&(timestep, block, share, _), drawn)| BlockMap { timestep, block, share, drawn })
            .collect();
    }

    fn add_evidence(&mut self, seen: &SeenInside, config: &AttentionConfig, look: &LookConfig) {
        let evidence = seen.inside.evidence.iter().filter(|evidence| evidence.class == self.chosen.class);
        let evidence: Vec<_> = evidence.collect();
        let grids: Vec<&Grid> = evidence.iter().map(|evidence| &evidence.places).collect();
        let drawn = if config.own_scale {
            grids.iter().flat_map(|grid| signed(&[grid], look)).collect()
        } else {
            signed(&grids, look)
        };
        let maps = evidence.iter().zip(drawn);
        self.blocks = maps
            .map(|(evidence, drawn)| BlockMap {
                timestep: evidence.timestep,
                block: (evidence.block, false),
                share: evidence.places.values().iter().sum(),
                drawn,
            })
            .collect();
    }

    fn add_fed(&mut self, seen: &SeenInside, mean: bool, look: &LookConfig) {
        let here = seen.inside.feedback.iter().filter(|fed| fed.timestep == self.chosen.timestep);
        let grid = |summary: &Summary| if mean { summary.mean.clone() } else { summary.norm.clone() };
        for fed in here {
            let grids = [&fed.before, &fed.after, &fed.difference, &fed.feedback].map(grid);
            let [before, after, difference, feedback] = &grids;
            let pair = |a: &Grid, b: &Grid| match mean {
                true => signed(&[a, b], look),
                false => together(&[a, b], false, look),
            };
            // What belongs together has one scale: the features, and what changed of them.
            let drawn: Vec<Drawn> =
                pair(before, after).into_iter().chain(pair(difference, feedback)).collect();
            let Ok(drawn) = <[Drawn; 4]>::try_from(drawn) else { continue };
            let share = |total: f32| total / fed.before.total.max(f32::MIN_POSITIVE);
            let (feedback, difference) = (share(fed.feedback.total), share(fed.difference.total));
            self.fed.push(FedMap { block: fed.block, from: fed.from, feedback, difference, drawn });
        }
        self.fed.sort_by_key(|fed| fed.block);
    }
}

/// A map in a range of its own.
fn plain(grid: &Grid, look: &LookConfig) -> Drawn {
    Drawn::new(grid, View::Norm, look, &[])
}

/// Maps in one range, or each in its own.
fn together(grids: &[&Grid], own_scale: bool, look: &LookConfig) -> Vec<Drawn> {
    if own_scale {
        return grids.iter().map(|grid| plain(grid, look)).collect();
    }
    let tone = joint(grids).map(|all| look.range.tone(&all, look.gamma, look.map));
    with_tone(grids, tone, look)
}

/// Maps of signed values in one range about zero, in a diverging colour map.
fn signed(grids: &[&Grid], look: &LookConfig) -> Vec<Drawn> {
    let diverging = ColorMap::ALL.into_iter().find(|map| map.is_diverging()).unwrap_or(look.map);
    let map = if look.map.is_diverging() { look.map } else { diverging };
    let tone = joint(grids).map(|all| look.range.tone(&all, look.gamma, map));
    with_tone(grids, tone, look)
}

/// All values of `grids` in a row.
fn joint(grids: &[&Grid]) -> Option<Grid> {
    let values: Vec<f32> = grids.iter().flat_map(|grid| grid.values().iter().copied()).collect();
    Grid::new(1, 1, values.len(), values).ok()
}

fn with_tone(grids: &[&Grid], tone: Option<Tone>, look: &LookConfig) -> Vec<Drawn> {
    let order: Arc<[usize]> = Arc::from([0usize].as_slice());
    let drawn = grids.iter().map(|grid| match tone {
        Some(tone) => Drawn {
            source: Source::channel(grid, 0),
            tone,
            spread: Spread::of(grid, tone.range),
            order: Arc::clone(&order),
            ranges: None,
        },
        None => plain(grid, look),
    });
    drawn.collect()
}
