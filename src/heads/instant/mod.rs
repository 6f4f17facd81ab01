//! Heads in closed form, on the CPU: they retrain in milliseconds and serve sweeps and labelling.
//!
//! All read the same rows as a linear head. Statistics come from the training rows alone, and
//! probabilities are softmax rows whose sharpness is fitted to scores of rows left out.

mod calibrate;
mod centre;
mod knn;
mod logistic;
mod prototype;
mod ridge;
mod state;
mod tridiagonal;

use super::config::HeadConfig;
use super::kind::HeadKind;
use super::neural::check_classes;
use super::rows::Rows;
use crate::error::{Error, Result};

pub use calibrate::softmax_rows;
pub use logistic::LinearProbe;
pub use ridge::{RidgeChoice, linear_probabilities};
pub(super) use state::State;

/// A fitted instant head.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantHead {
    config: HeadConfig,
    classes: usize,
    width: usize,
    /// Logits are scores times this.
    sharpness: f32,
    model: Model,
}

#[derive(Clone, Debug, PartialEq)]
enum Model {
    Ridge(ridge::Ridge),
    Prototype(prototype::Prototypes),
    Knn(knn::Neighbours),
}

impl InstantHead {
    /// Fits the head of `config` to rows and their labels, 0 … `classes` − 1. Classes may be without
    /// rows.
    ///
    /// # Errors
    /// When there is no row, or labels do not fit.
    pub fn fit(config: &HeadConfig, rows: &Rows, labels: &[usize], classes: usize) -> Result<InstantHead> {
        check_classes(classes)?;
        if rows.count() == 0 {
            return Err(Error::Setting("no picture has a label yet; label at least one".into()));
        }
        if labels.len() != rows.count() {
            return Err(Error::Compute(format!("{} labels for {} pictures", labels.len(), rows.count())));
        }
        if let Some(label) = labels.iter().find(|&&label| label >= classes) {
            return Err(Error::Compute(format!("label {label} of {classes} classes")));
        }
        let (model, sharpness) = match config.kind {
            HeadKind::Ridge => {
                let (model, sharpness) = ridge::fit(rows, labels, classes)?;
                (Model::Ridge(model), sharpness)
            }
            HeadKind::Prototype => {
                let (model, sharpness) = prototype::fit(rows, labels, classes)?;
                (Model::Prototype(model), sharpness)
            }
            HeadKind::Knn => {
                let (model, sharpness) = knn::fit(rows, labels, classes)?;
                (Model::Knn(model), sharpness)
            }
            other => return Err(Error::Setting(format!("{other} is trained by steps, not in closed form"))),
        };
        Ok(InstantHead { config: config.clone(), classes, width: rows.width(), sharpness, model })
    }

    /// The ridge regression of `config` whose scores are `weight` `[K, width]` times the row plus `bias` `[K]`.
    ///
    /// # Errors
    /// When there are too few classes, or sizes do not fit.
    pub fn linear(
        config: &HeadConfig,
        weight: Vec<f32>,
        bias: Vec<f32>,
        choice: RidgeChoice,
    ) -> Result<InstantHead> {
        let classes = bias.len();
        check_classes(classes)?;
        let width = weight.len() / classes;
        if width == 0 || width * classes != weight.len() || config.kind != HeadKind::Ridge {
            let text = format!("{} weights of {classes} classes for a {}", weight.len(), config.kind);
            return Err(Error::Compute(text));
        }
        let RidgeChoice { penalty, sharpness } = choice;
        let model = Model::Ridge(ridge::Ridge { weight, bias, penalty: penalty as f32 });
        Ok(InstantHead { config: config.clone(), classes, width, sharpness, model })
    }

    /// The settings.
    pub fn config(&self) -> &HeadConfig {
        &self.config
    }

    /// K, the number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Length of the rows it reads.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Logits are these weights `[K, width]` times the row, and a bias; none for heads that are not
    /// linear.
    pub(super) fn weights(&self) -> Option<Vec<f32>> {
        match &self.model {
            Model::Ridge(ridge) => Some(ridge.weight.iter().map(|weight| weight * self.sharpness).collect()),
            Model::Prototype(_) | Model::Knn(_) => None,
        }
    }

    /// Logits, K for each row; their softmax are the probabilities.
    ///
    /// # Errors
    /// When rows have another length than those it was fitted to.
    pub fn logits(&self, rows: &Rows) -> Result<Vec<f32>> {
        if rows.width() != self.width {
            return Err(Error::Compute(format!("rows of {} for a head of {}", rows.width(), self.width)));
        }
        let scores = match &self.model {
            Model::Ridge(ridge) => ridge.scores(rows),
            Model::Prototype(prototypes) => prototypes.scores(rows)?,
            Model::Knn(neighbours) => neighbours.scores(rows, self.classes)?,
        };
        Ok(ridge::sharpened(scores, self.sharpness))
    }

    /// Probabilities, K for each row, which sum to one.
    ///
    /// # Errors
    /// As [`InstantHead::logits`].
    pub fn probabilities(&self, rows: &Rows) -> Result<Vec<f32>> {
        Ok(softmax_rows(&self.logits(rows)?, self.classes))
    }
}
