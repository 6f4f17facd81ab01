//! A head of any kind.

use candle_core::DType;

use super::config::HeadConfig;
use super::feedback::SecondPass;
use super::instant::{InstantHead, softmax_rows};
use super::maps::Maps;
use super::neural::NeuralHead;
use super::rows::Rows;
use crate::error::Result;

/// A trained or fitted head.
pub enum Head {
    /// Trained by steps.
    Neural(NeuralHead),
    /// Fitted in closed form.
    Instant(InstantHead),
}

impl Head {
    /// The settings.
    pub fn config(&self) -> &HeadConfig {
        match self {
            Head::Neural(head) => head.config(),
            Head::Instant(head) => head.config(),
        }
    }

    /// K, the number of classes.
    pub fn classes(&self) -> usize {
        match self {
            Head::Neural(head) => head.classes(),
            Head::Instant(head) => head.classes(),
        }
    }

    /// Logits, K for each picture, from the maps that the head [`super::reads`].
    ///
    /// # Errors
    /// As [`NeuralHead::forward`] and [`InstantHead::logits`].
    pub fn logits(&self, maps: &Maps, second: Option<&SecondPass>) -> Result<Vec<f32>> {
        match self {
            Head::Neural(head) => {
                Ok(head.forward(maps, second)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
            }
            Head::Instant(head) => head.logits(&Rows::of(head.config(), maps)?),
        }
    }

    /// Probabilities, K for each picture, which sum to one.
    ///
    /// # Errors
    /// As [`Head::logits`].
    pub fn probabilities(&self, maps: &Maps, second: Option<&SecondPass>) -> Result<Vec<f32>> {
        Ok(softmax_rows(&self.logits(maps, second)?, self.classes()))
    }
}
