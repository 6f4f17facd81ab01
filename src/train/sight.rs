//! The attention of a head, taken together as people look at it.

use serde::{Deserialize, Serialize};

use super::inside::Inside;
use crate::grid::Grid;
use crate::heads::TokenWeights;

/// How the attention of a layer is taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sight {
    /// What reached CLS through all layers up to this one.
    #[default]
    Rollout,
    /// The mean over the attention heads.
    Mean,
    /// One attention head, from 0.
    Head(usize),
}

/// What CLS took from every token, by block, and from itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// From itself.
    pub itself: f32,
    /// From the tokens of each block.
    pub tokens: Vec<TokenWeights>,
}

impl Taken {
    /// What CLS took from each block, in the order of its tokens.
    pub fn shares(&self) -> Vec<f32> {
        self.tokens.iter().map(|tokens| tokens.weights.values().iter().sum()).collect()
    }
}

impl Inside {
    /// The layers and attention heads of the transformer; none for heads without one.
    pub fn layers_and_heads(&self) -> (usize, usize) {
        let layers = self.attention.iter().map(|attention| attention.layer).max().unwrap_or(0);
        let heads = self.attention.iter().map(|attention| attention.head + 1).max().unwrap_or(0);
        (layers, heads)
    }

    /// What CLS took at `timestep` in `layer` (from 1), as `sight` has it; none where there is no such
    /// layer or head.
    pub fn taken(&self, timestep: usize, layer: usize, sight: Sight) -> Option<Taken> {
        let here = || self.attention.iter().filter(move |a| (a.timestep, a.layer) == (timestep, layer));
        match sight {
            Sight::Rollout => {
                let found = self.rollout.iter().find(|r| (r.timestep, r.layer) == (timestep, layer))?;
                Some(Taken { itself: found.to_itself, tokens: found.tokens.clone() })
            }
            Sight::Head(head) => {
                let found = here().find(|attention| attention.head == head)?;
                Some(Taken { itself: found.to_itself, tokens: found.tokens.clone() })
            }
            Sight::Mean => {
                let first = here().next()?;
                let count = here().count() as f32;
                let tokens = first.tokens.iter().enumerate().map(|(index, tokens)| {
                    let mut sums = vec![0f32; tokens.weights.values().len()];
                    for other in here().filter_map(|attention| attention.tokens.get(index)) {
                        sums.iter_mut().zip(other.weights.values()).for_each(|(sum, w)| *sum += w / count);
                    }
                    let (height, width) = (tokens.weights.height(), tokens.weights.width());
                    Some(TokenWeights { weights: Grid::new(1, height, width, sums).ok()?, ..tokens.clone() })
                });
                let itself = here().map(|attention| attention.to_itself).sum::<f32>() / count;
                Some(Taken { itself, tokens: tokens.collect::<Option<_>>()? })
            }
        }
    }
}
