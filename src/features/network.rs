//! A network ready to be used, with everything a person should know about it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;

use crate::diffusion::Schedule;
use crate::error::Result;
use crate::tensor::precision::Precision;
use crate::unet::Unet;
use crate::unet::config::UnetConfig;
use crate::unet::embedded::embedded;
use crate::unet::plan::{BlockInfo, Plan};
use crate::unet::weights::{self, LoadedCheckpoint, OnProgress, OpenOptions};

/// Which network to open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NetworkSource {
    /// The one compiled into the program.
    #[default]
    Embedded,
    /// A checkpoint file, or the name of a published network whose file is in the cache folder.
    Named(String),
}

impl NetworkSource {
    /// `None` is the embedded network.
    pub fn of(model: Option<&str>) -> NetworkSource {
        model.map_or(NetworkSource::Embedded, |model| NetworkSource::Named(model.to_string()))
    }
}

/// What people should know about a network.
#[derive(Clone, Debug)]
pub struct NetworkCard {
    /// Short name.
    pub name: String,
    /// The file, unless embedded.
    pub path: Option<PathBuf>,
    /// Hash of the parameters.
    pub hash: String,
    /// Hash of the file.
    pub file_hash: String,
    /// How values are stored in the file.
    pub stored_as: String,
    /// What is multiplied when it computes.
    pub precision: Precision,
    /// Number of parameters.
    pub parameters: usize,
    /// The configuration.
    pub config: UnetConfig,
    /// Where the configuration came from, in words.
    pub config_source: String,
    /// What was assumed, in sentences.
    pub assumed: Vec<String>,
    /// What else should be known, in sentences.
    pub notes: Vec<String>,
    /// The block table.
    pub blocks: Vec<BlockInfo>,
    /// Multiply-accumulates of a whole forward per image, in 10⁹.
    pub full_gmac: f64,
}

impl NetworkCard {
    /// The block to look at first: the configuration's, or the published 24 at the same relative
    /// place of the decoder.
    pub fn default_block(&self) -> usize {
        let count = self.blocks.len();
        match &self.config.defaults {
            Some(defaults) => defaults.block.clamp(1, count.max(1)),
            None => published_block(24, count),
        }
    }

    /// The timestep to look at first: the configuration's, or the published 90 of 1000.
    pub fn default_timestep(&self) -> usize {
        let steps = self.config.diffusion_steps;
        let published = || 90 * steps / 1000;
        self.config.defaults.as_ref().map_or_else(published, |defaults| defaults.timestep).min(steps - 1)
    }

    /// The row of the block table for block `block`, from 1.
    pub fn block(&self, block: usize) -> Option<&BlockInfo> {
        self.blocks.get(block.checked_sub(1)?)
    }

    /// Licence, or that it is unknown.
    pub fn licence(&self) -> &str {
        let licence = self.config.card.as_ref().map_or("", |card| card.licence.as_str());
        if licence.is_empty() { "not stated" } else { licence }
    }
}

/// Where published block `block` of 37 (19 is the middle) lies in a network of `count` blocks:
/// E′ + 1 + round((b − 19)·E′/18).
pub fn published_block(block: usize, count: usize) -> usize {
    let encoder = (count.saturating_sub(1) / 2) as f64;
    let place = encoder + 1.0 + ((block as f64 - 19.0) * encoder / 18.0).round();
    (place as usize).clamp(1, count.max(1))
}

/// A network on a device, with its schedule and card.
pub struct Network {
    /// The network.
    pub unet: Unet,
    /// Its noise schedule.
    pub schedule: Schedule,
    /// What people should know about it.
    pub card: Arc<NetworkCard>,
}

/// Opens the checkpoint that `source` means.
///
/// # Errors
/// When it is not there, damaged, or no network of this family.
pub fn read(
    source: &NetworkSource,
    options: &OpenOptions,
    progress: OnProgress<'_>,
) -> Result<LoadedCheckpoint> {
    match source {
        NetworkSource::Embedded => embedded(),
        NetworkSource::Named(model) => {
            let path = weights::locate(model, options.cache.as_deref())?;
            weights::open(&path, options, progress)
        }
    }
}

impl Network {
    /// Opens a network on `device`, to be computed in `precision`.
    ///
    /// # Errors
    /// As [`read`], and when parameters are missing, misshapen or not finite.
    pub fn open(
        source: &NetworkSource,
        options: &OpenOptions,
        device: &Device,
        precision: Precision,
        progress: OnProgress<'_>,
    ) -> Result<Network> {
        Network::build(read(source, options, progress)?, device, precision)
    }

    /// Builds the network of a checkpoint on `device`. Its blocks are read from the checkpoint when a
    /// pass first comes to them.
    ///
    /// # Errors
    /// When parameters are missing, misshapen or not finite, or the device fails.
    pub fn build(checkpoint: LoadedCheckpoint, device: &Device, precision: Precision) -> Result<Network> {
        checkpoint.check()?;
        let card = Arc::new(NetworkCard { precision, ..card_of(&checkpoint)? });
        let LoadedCheckpoint { config, parameters, .. } = checkpoint;
        let source = move |name: &str, _: &[usize]| parameters.read(name);
        let unet = Unet::on_demand(&config, Box::new(source), device, precision)?;
        Ok(Network { schedule: Schedule::of(&config), unet, card })
    }
}

/// The card of a checkpoint, to be computed in f32.
///
/// # Errors
/// When its configuration is impossible.
pub fn card_of(checkpoint: &LoadedCheckpoint) -> Result<NetworkCard> {
    let plan = Plan::new(&checkpoint.config)?;
    let titled =
        checkpoint.config.card.as_ref().map(|card| card.name.clone()).filter(|name| !name.is_empty());
    Ok(NetworkCard {
        name: titled.unwrap_or_else(|| checkpoint.name.clone()),
        path: checkpoint.path.clone(),
        hash: checkpoint.hash.clone(),
        file_hash: checkpoint.file_hash.clone(),
        stored_as: checkpoint.dtype.clone(),
        precision: Precision::F32,
        parameters: plan.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum(),
        config: checkpoint.config.clone(),
        config_source: checkpoint.config_source.to_string(),
        assumed: checkpoint.assumed.clone(),
        notes: checkpoint.notes.clone(),
        blocks: plan.table(),
        full_gmac: plan.full_gmac(),
    })
}

/// The folder for converted checkpoints unless the user names one: the platform's cache folder.
pub fn default_cache_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "difscope").map(|dirs| dirs.cache_dir().to_path_buf())
}

/// True for names of files that may hold a network.
pub fn looks_like_checkpoint(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
    matches!(ending.as_str(), "pt" | "pth" | "safetensors")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_blocks_keep_their_relative_place() {
        assert_eq!(published_block(24, 37), 24);
        assert_eq!(published_block(19, 19), 10);
        assert_eq!(published_block(37, 19), 19);
        assert_eq!(published_block(24, 19), 13);
        assert_eq!(published_block(1, 19), 1);
    }
}
