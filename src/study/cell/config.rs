//! Everything that decides what is looked at in a cell.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::features::network::NetworkCard;
use crate::study::sweep::{Cell, Score, SweepConfig};

/// The most neighbours that are listed.
const MOST_NEIGHBOURS: usize = 100;
/// The most repeats of a learning curve, and the most noise draws.
const MOST_REPEATS: usize = 200;
const MOST_DRAWS: u32 = 64;

/// Everything that decides what is looked at in a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellConfig {
    /// The sweep that the cell is one of: which pictures, which folds, what learns.
    pub sweep: SweepConfig,
    /// The block, from 1.
    pub block: usize,
    /// The diffusion step.
    pub timestep: usize,
    /// p of the p×p pool, one of the sweep's.
    pub pool: usize,
    /// Pictures of each class, one of the sweep's numbers of shots.
    pub shots: usize,
    /// Nearest neighbours of each picture.
    pub neighbours: usize,
    /// Pictures at most where these have no classes.
    pub unlabelled: usize,
    /// The learning curve.
    pub curve: CurveConfig,
    /// What noise does.
    pub noise: NoiseConfig,
}

/// How a learning curve is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CurveConfig {
    /// Pictures of each class; 1, 2, 5, 10 and so on up to what folds leave where none are said.
    pub shots: Option<Vec<usize>>,
    /// How often pictures are drawn anew.
    pub repeats: usize,
    /// The accuracy that pictures are counted for, 0 to 1; the next round one where none is said.
    pub target: Option<f64>,
}

impl Default for CurveConfig {
    fn default() -> CurveConfig {
        CurveConfig { shots: None, repeats: 10, target: None }
    }
}

/// How it is seen what noise does. It needs forwards of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NoiseConfig {
    /// Noise draws of each picture; 0 leaves it away.
    pub draws: u32,
    /// Diffusion steps; those of the sweep and that of the cell where none are said.
    pub timesteps: Option<Vec<usize>>,
    /// Pictures at most.
    pub pictures: usize,
}

impl Default for NoiseConfig {
    fn default() -> NoiseConfig {
        NoiseConfig { draws: 0, timesteps: None, pictures: 100 }
    }
}

impl CellConfig {
    /// A cell of `sweep`, with everything else as it is by default. Of a sweep whose score needs no labels
    /// the cell learns by the default score, where there are classes.
    pub fn of(mut sweep: SweepConfig, mut cell: Cell) -> CellConfig {
        if !sweep.score.needs_labels() {
            sweep.score = Score::default();
            cell.shots = sweep.shots.iter().copied().max().unwrap_or(cell.shots);
        }
        CellConfig {
            sweep,
            block: cell.block,
            timestep: cell.timestep,
            pool: cell.pool,
            shots: cell.shots,
            neighbours: 12,
            unlabelled: 1000,
            curve: CurveConfig::default(),
            noise: NoiseConfig::default(),
        }
    }

    /// The diffusion steps at which noise is looked at, ascending, for a network of `steps` of them; empty
    /// where it is not.
    pub fn noise_timesteps(&self, steps: usize) -> Vec<usize> {
        if self.noise.draws == 0 {
            return Vec::new();
        }
        let mut timesteps = match &self.noise.timesteps {
            Some(timesteps) => timesteps.clone(),
            None => [self.sweep.timesteps(steps), vec![self.timestep]].concat(),
        };
        timesteps.sort_unstable();
        timesteps.dedup();
        timesteps
    }

    /// Checks what does not depend on the network.
    ///
    /// # Errors
    /// The first impossible setting.
    pub fn validate(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::Setting(why));
        self.sweep.validate()?;
        if !self.sweep.pools.contains(&self.pool) {
            return refuse(format!("the sweep has no pool {}", self.pool));
        }
        if !self.sweep.shots.contains(&self.shots) {
            return refuse(format!("the sweep has no cells that learn from {} of each class", self.shots));
        }
        if !(1..=MOST_NEIGHBOURS).contains(&self.neighbours) {
            return refuse(format!("--neighbours must be 1 to {MOST_NEIGHBOURS}"));
        }
        if self.unlabelled < 2 {
            return refuse("--pictures must be at least 2".into());
        }
        let CurveConfig { shots, repeats, target } = &self.curve;
        if !(2..=MOST_REPEATS).contains(repeats) {
            return refuse(format!("curve.repeats must be 2 to {MOST_REPEATS}"));
        }
        if shots.as_ref().is_some_and(|shots| shots.is_empty() || shots.contains(&0)) {
            return refuse("curve.shots must be numbers of 1 or more".into());
        }
        if target.is_some_and(|target| !(target > 0.0 && target < 1.0)) {
            return refuse("--target must be a share between 0 and 1, as in 0.9".into());
        }
        let NoiseConfig { draws, timesteps, pictures } = &self.noise;
        if *draws == 1 || *draws > MOST_DRAWS {
            return refuse(format!("--noise-draws must be 2 to {MOST_DRAWS}, or 0 for none"));
        }
        if timesteps.as_ref().is_some_and(Vec::is_empty) {
            return refuse("--noise-t must be diffusion steps, as in 50,150".into());
        }
        if *pictures < 2 {
            return refuse("noise.pictures must be at least 2".into());
        }
        Ok(())
    }

    /// Checks the settings against a network.
    ///
    /// # Errors
    /// The first that does not fit, named.
    pub fn validate_on(&self, card: &NetworkCard) -> Result<()> {
        self.validate()?;
        let steps = card.config.diffusion_steps;
        let sweep = SweepConfig {
            blocks: crate::features::extract::Blocks::List(vec![self.block]),
            timesteps: Some([vec![self.timestep], self.noise_timesteps(steps)].concat()),
            ..self.sweep.clone()
        };
        sweep.validate_on(card)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::table::Features;

    #[test]
    fn what_cannot_be_is_named() {
        let cell = Cell { features: Features::Network, shots: 20, pool: 1, timestep: 50, block: 12 };
        let plain = || CellConfig::of(SweepConfig::default(), cell);
        let why = |config: CellConfig| config.validate().unwrap_err().to_string();
        assert!(plain().validate().is_ok());
        let measured = SweepConfig { score: Score::Silhouette, ..SweepConfig::default() };
        let config = CellConfig::of(measured, Cell { shots: 0, ..cell });
        assert_eq!((config.sweep.score, config.shots), (Score::Ridge, 20));
        assert!(config.validate().is_ok());
        assert!(why(CellConfig { pool: 2, ..plain() }).contains("no pool 2"));
        assert!(why(CellConfig { shots: 5, ..plain() }).contains("5 of each class"));
        assert!(why(CellConfig { neighbours: 0, ..plain() }).contains("--neighbours"));
        let noise = |draws| NoiseConfig { draws, ..NoiseConfig::default() };
        assert!(why(CellConfig { noise: noise(1), ..plain() }).contains("--noise-draws"));
        let curve = CurveConfig { target: Some(90.0), ..CurveConfig::default() };
        assert!(why(CellConfig { curve, ..plain() }).contains("--target"));
        assert_eq!(plain().noise_timesteps(1000), [0; 0]);
        let config = CellConfig { noise: noise(2), timestep: 60, ..plain() };
        assert_eq!(config.noise_timesteps(1000), [10, 30, 50, 60, 90, 150, 300, 500]);
    }
}
