//! Steps along the gradient.

use candle_core::backprop::GradStore;
use candle_nn::{AdamW, Optimizer, ParamsAdamW, SGD};

use super::config::{OptimiserKind, TrainConfig};
use crate::error::Result;
use crate::heads::HeadParameters;

/// The optimiser of a run.
pub(super) enum Optimiser {
    Sgd(SGD),
    AdamW(AdamW),
}

impl Optimiser {
    pub fn new(config: &TrainConfig, parameters: &HeadParameters) -> Result<Optimiser> {
        let variables = parameters.variables().map(|(_, var)| var.clone()).collect();
        Ok(match config.optimiser {
            OptimiserKind::Sgd => Optimiser::Sgd(SGD::new(variables, config.learning_rate)?),
            OptimiserKind::AdamW => {
                let params = ParamsAdamW {
                    lr: config.learning_rate,
                    weight_decay: config.weight_decay,
                    ..ParamsAdamW::default()
                };
                Optimiser::AdamW(AdamW::new(variables, params)?)
            }
        })
    }

    pub fn set_learning_rate(&mut self, rate: f64) {
        match self {
            Optimiser::Sgd(sgd) => sgd.set_learning_rate(rate),
            Optimiser::AdamW(adam) => adam.set_learning_rate(rate),
        }
    }

    pub fn step(&mut self, gradients: &GradStore) -> Result<()> {
        match self {
            Optimiser::Sgd(sgd) => sgd.step(gradients)?,
            Optimiser::AdamW(adam) => adam.step(gradients)?,
        }
        Ok(())
    }
}
