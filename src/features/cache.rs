//! Forward passes kept for another look: changing block or view costs no forward.

use std::collections::VecDeque;

use crate::diffusion::Draw;
use crate::grid::Grid;
use crate::unet::Pass;

/// What a forward pass follows from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PassKey {
    /// The network's hash.
    pub network: String,
    /// The picture's digest.
    pub picture: [u8; 32],
    /// Seed and number of the noise.
    pub draw: Draw,
    /// The class given to a class-conditional network.
    pub class: Option<usize>,
    /// The diffusion step.
    pub timestep: usize,
}

/// A pass and what is derived from its end.
pub struct CachedPass {
    /// Input and maps, as far as computed.
    pub pass: Pass,
    /// x_t as the network received it, `[3, S, S]`.
    pub x_t: Grid,
    /// The network's output `[3 or 6, S, S]`, once computed.
    pub prediction: Option<Grid>,
}

impl CachedPass {
    fn bytes(&self) -> usize {
        self.pass.bytes() + self.x_t.bytes() + self.prediction.as_ref().map_or(0, Grid::bytes)
    }
}

/// Passes by recency, within a budget of bytes; the one used last always stays.
pub struct PassCache {
    budget_bytes: usize,
    /// Most recent first.
    entries: VecDeque<(PassKey, CachedPass)>,
}

impl PassCache {
    /// An empty cache that holds `budget_bytes`.
    pub fn new(budget_bytes: usize) -> PassCache {
        PassCache { budget_bytes, entries: VecDeque::new() }
    }

    /// Takes a pass out, to be worked on and put back.
    pub fn take(&mut self, key: &PassKey) -> Option<CachedPass> {
        let at = self.entries.iter().position(|(held, _)| held == key)?;
        self.entries.remove(at).map(|(_, cached)| cached)
    }

    /// Puts a pass in front and lets the oldest go while the budget is exceeded.
    pub fn put(&mut self, key: PassKey, cached: CachedPass) {
        self.entries.retain(|(held, _)| *held != key);
        self.entries.push_front((key, cached));
        while self.entries.len() > 1 && self.bytes() > self.budget_bytes {
            self.entries.pop_back();
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.entries.iter().map(|(_, cached)| cached.bytes()).sum()
    }
}
