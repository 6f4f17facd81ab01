//! A look at a checkpoint, also at one that no network can be built from.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::Result;
use crate::features::network::{NetworkSource, card_of, read};
use crate::unet::config::UnetConfig;
use crate::unet::plan::{BlockInfo, Parameter};
use crate::unet::weights::{Misshapen, OpenOptions};

/// What a checkpoint holds, and how well it fits its configuration.
#[derive(Clone, Debug, Serialize)]
pub struct InspectReport {
    /// Short name.
    pub name: String,
    /// The file, unless embedded.
    pub path: Option<PathBuf>,
    /// The configuration.
    pub config: UnetConfig,
    /// Where the configuration came from, in words.
    pub config_source: String,
    /// What was assumed, in sentences.
    pub assumed: Vec<String>,
    /// What else should be known, in sentences.
    pub notes: Vec<String>,
    /// Number of parameters that the configuration asks for.
    pub parameters: usize,
    /// How values are stored in the file.
    pub stored_as: String,
    /// Multiply-accumulates of a whole forward per image, in 10⁹.
    pub full_gmac: f64,
    /// The block table.
    pub blocks: Vec<BlockInfo>,
    /// Parameters that the file does not have.
    pub missing: Vec<Parameter>,
    /// Tensors that the configuration does not ask for.
    pub unused: Vec<Parameter>,
    /// Parameters of another shape than the configuration asks for.
    pub misshapen: Vec<Misshapen>,
    /// Names of parameters that hold NaN or infinity.
    pub not_finite: Vec<String>,
    /// Hash of the parameters that fit.
    pub hash: String,
    /// Hash of the file.
    pub file_hash: String,
    /// Why no network can be built from it, if none can.
    pub problem: Option<String>,
}

/// Reads a checkpoint without using it.
pub struct InspectJob {
    /// Which.
    pub source: NetworkSource,
    /// The published network it is, if the user says so.
    pub preset: Option<String>,
}

impl Job for InspectJob {
    fn title(&self) -> String {
        match &self.source {
            NetworkSource::Embedded => "inspecting the embedded network".into(),
            NetworkSource::Named(name) => format!("inspecting {name}"),
        }
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let options = OpenOptions { preset: self.preset.clone(), cache: bench.options.cache.clone() };
        let checkpoint = read(&self.source, &options, &mut control.on_bytes())?;
        let card = card_of(&checkpoint)?;
        let problem = checkpoint.check().err().map(|error| error.to_string());
        Ok(JobStep::Done(Outcome::Inspected(Arc::new(InspectReport {
            name: card.name,
            path: card.path,
            config: card.config,
            config_source: card.config_source,
            assumed: card.assumed,
            notes: card.notes,
            parameters: card.parameters,
            stored_as: card.stored_as,
            full_gmac: card.full_gmac,
            blocks: card.blocks,
            missing: checkpoint.missing,
            unused: checkpoint.unused,
            misshapen: checkpoint.misshapen,
            not_finite: checkpoint.not_finite,
            hash: card.hash,
            file_hash: card.file_hash,
            problem,
        }))))
    }
}
