//! Heads as files: safetensors with diffssl's parameter names, everything that is needed to use them,
//! and a small input with the logits it must give.

mod completed;
mod import;
mod read;
mod vector;
mod write;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::config::HeadConfig;
use crate::unet::config::Preprocess;

pub use import::{ImportConfig, ImportedHead, import};
pub use read::{load, read_info};
pub use write::save;

/// The version of the format that is written, and the latest that is read.
pub const FORMAT: u32 = 1;
/// Where the safetensors metadata holds [`HeadInfo`] as JSON.
const KEY: &str = "difscope_head";

/// What a head file says about its head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadInfo {
    /// Version of the format.
    pub format: u32,
    /// The settings, with kind, timesteps, blocks and pool.
    pub config: HeadConfig,
    /// The network that it reads.
    pub network: NetworkRef,
    /// How pictures became the network's input.
    pub preprocess: Preprocess,
    /// The user's seed of the noise that it was trained with.
    pub seed: u64,
    /// Noises per picture that answers are averaged over.
    pub draws: u32,
    /// Names of the classes, in the order of the logits.
    pub classes: Vec<String>,
    /// BLAKE3 over all tensors of the file, as [`crate::unet::weights::NetworkHasher`] has it; filled
    /// in when saved.
    #[serde(default)]
    pub hash: String,
}

/// A network by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkRef {
    /// Short name.
    pub name: String,
    /// Hash of the parameters, which decides.
    pub hash: String,
    /// Where it was, unless embedded.
    #[serde(default)]
    pub path: Option<PathBuf>,
}

/// A named tensor of a file: name, shape, values.
type Named = (String, Vec<usize>, Vec<f32>);
