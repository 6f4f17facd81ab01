//! Bringing in a head that diffssl trained.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::heads::{Backbone, Head, HeadConfig, HeadInfo, ImportConfig, NetworkRef, import, read_info, save};

/// What was brought in.
#[derive(Clone, Debug, Serialize)]
pub struct ImportReport {
    /// The file written.
    pub output: PathBuf,
    /// The settings, as far as the file tells them and as they were given.
    pub head: HeadConfig,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Values that were trained.
    pub parameters: usize,
    /// The network that it is taken to read.
    pub network: NetworkRef,
    /// BLAKE3 over all tensors written.
    pub hash: String,
    /// In sentences, what was assumed because the file does not say it.
    pub assumed: Vec<String>,
}

/// Writes a head of diffssl as a head of the network in use.
pub struct ImportHeadJob {
    /// The file of diffssl.
    pub input: PathBuf,
    /// The head to write (.safetensors).
    pub output: PathBuf,
    /// What the file does not say.
    pub config: ImportConfig,
    /// Replace an existing output.
    pub replace: bool,
}

impl Job for ImportHeadJob {
    fn title(&self) -> String {
        format!("bringing in the head {}", self.input.display())
    }

    fn step(&mut self, bench: &mut Bench, _: &mut Control) -> Result<JobStep> {
        if self.output.exists() && !self.replace {
            return Err(Error::Exists(self.output.clone()));
        }
        let network = bench.network()?;
        let card = &network.card;
        let backbone = Backbone::from(&**card);
        let imported = import(&self.input, &self.config, &backbone, network.unet.device())?;
        let (preprocess, mut assumed) = (card.config.preprocess, imported.assumed);
        let prepared = serde_json::to_value(preprocess).map_err(|error| Error::Compute(error.to_string()))?;
        assumed.push(format!(
            "it was trained on {} ({}), and pictures are prepared as that network has it, by {}",
            card.name,
            card.hash.chars().take(12).collect::<String>(),
            prepared.as_str().unwrap_or_default()
        ));
        let ImportConfig { seed, draws, .. } = self.config;
        assumed.push(format!("answers are given with the noise of seed {seed}, {draws} for each picture"));
        let parameters = imported.head.parameters().count();
        let head = Head::Neural(imported.head);
        let network =
            NetworkRef { name: card.name.clone(), hash: card.hash.clone(), path: card.path.clone() };
        let info = HeadInfo {
            format: 0,
            config: head.config().clone(),
            network: network.clone(),
            preprocess,
            seed,
            draws,
            classes: imported.classes.clone(),
            hash: String::new(),
        };
        save(&self.output, &info, &head, &backbone, self.replace)?;
        Ok(JobStep::Done(Outcome::Imported(Arc::new(ImportReport {
            output: self.output.clone(),
            head: head.config().clone(),
            classes: imported.classes,
            parameters,
            network,
            hash: read_info(&self.output)?.hash,
            assumed,
        }))))
    }
}
