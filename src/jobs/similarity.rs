//! How alike blocks, timesteps and networks are.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::features::Network;
use crate::features::control::random_weights;
use crate::features::network::NetworkSource;
use crate::study::similarity::{SimilarityConfig, SimilarityRun};
use crate::unet::embedded::EMBEDDED_NAME;
use crate::unet::weights::OpenOptions;

/// What a network is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Against {
    /// Another network.
    Network(NetworkSource),
    /// Itself with random weights: a control.
    RandomWeights,
}

impl Against {
    /// The name of the control; everything else is a network.
    pub const RANDOM: &str = "random-weights";

    /// As it is named on the command line.
    pub fn of(name: &str) -> Against {
        match name {
            Against::RANDOM => Against::RandomWeights,
            EMBEDDED_NAME => Against::Network(NetworkSource::Embedded),
            model => Against::Network(NetworkSource::Named(model.to_string())),
        }
    }
}

/// Compares blocks and timesteps of the network in use with each other, and with those of another.
pub struct SimilarityJob {
    config: SimilarityConfig,
    against: Option<Against>,
    other: Option<Network>,
    run: Option<SimilarityRun>,
}

impl SimilarityJob {
    /// On the pictures of `data`.
    pub fn new(config: SimilarityConfig, data: PathBuf, against: Option<Against>) -> SimilarityJob {
        SimilarityJob { run: Some(SimilarityRun::new(config.clone(), data)), config, against, other: None }
    }

    /// The network to compare with.
    fn open(&self, against: &Against, bench: &Bench, control: &mut Control) -> Result<Network> {
        match against {
            Against::RandomWeights => random_weights(bench.network()?, self.config.seed),
            Against::Network(source) => {
                let options = OpenOptions { preset: None, cache: bench.options.cache.clone() };
                let device = &bench.device.device;
                let precision = bench.options.precision.on(device);
                Network::open(source, &options, device, precision, &mut control.on_bytes())
            }
        }
    }
}

impl Job for SimilarityJob {
    fn title(&self) -> String {
        "comparing blocks".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        if let Some(against) = &self.against
            && self.other.is_none()
        {
            self.other = Some(self.open(against, bench, control)?);
        }
        let network = bench.network()?;
        let run = self.run.as_mut().ok_or_else(|| Error::Compute("there is nothing to compare".into()))?;
        if let Some(step) = run.step(network, self.other.as_ref(), &|| control.check())? {
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(|| Error::Compute("there is nothing to compare".into()))?;
        Ok(JobStep::Done(Outcome::Similar(Arc::new(done.finish()?))))
    }
}
