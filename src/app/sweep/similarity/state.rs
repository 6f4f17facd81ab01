//! What the page of similarities knows.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::features::network::NetworkCard;
use crate::jobs::{JobId, JobState};
use crate::study::similarity::{Similarity, SimilarityConfig};

/// The settings, kept in the project. The pictures are those of Heads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SimilaritySettings {
    /// What is compared; none: all blocks at the network's own timestep.
    pub config: Option<SimilarityConfig>,
    /// The network to compare with, as it is named on the command line.
    pub against: Option<String>,
}

impl SimilaritySettings {
    /// What is compared on a network.
    pub fn config_on(&self, card: &NetworkCard) -> SimilarityConfig {
        self.config.clone().unwrap_or_else(|| SimilarityConfig::at(card.default_timestep()))
    }
}

/// What the page knows.
#[derive(Default)]
pub struct SimilarityState {
    /// A comparison under way, and how far it is.
    pub running: Option<(JobId, JobState)>,
    /// What was found last.
    pub found: Option<Arc<Similarity>>,
    /// Why the last one failed.
    pub error: Option<Arc<Error>>,
    /// Lists as they are being typed: blocks, timesteps, blocks of the other network; and for which network.
    pub texts: Option<(String, [String; 3])>,
}
