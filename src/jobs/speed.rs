//! Timing the network in use.

use std::sync::Arc;

use serde::Serialize;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::features::speed::{Speed, SpeedConfig, SpeedRun};
use crate::tensor::precision::Precision;

/// How fast the network in use is, and on what.
#[derive(Clone, Debug)]
pub struct SpeedReport {
    /// The network's name.
    pub network: String,
    /// Hash of its parameters.
    pub network_hash: String,
    /// What computed.
    pub machine: Machine,
    /// What was timed.
    pub settings: SpeedConfig,
    /// The times.
    pub speed: Speed,
}

/// What computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// `CPU`, `CUDA GPU 0`, `Apple GPU`.
    pub device: String,
    /// What it multiplies.
    pub precision: Precision,
    /// Threads of the worker's pool.
    pub threads: usize,
}

/// Times the network in use, pass by pass.
pub struct SpeedJob {
    config: SpeedConfig,
    run: Option<SpeedRun>,
}

impl SpeedJob {
    /// As `config` says.
    pub fn new(config: SpeedConfig) -> SpeedJob {
        SpeedJob { config, run: None }
    }
}

impl Job for SpeedJob {
    fn title(&self) -> String {
        "timing the network".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let network = bench.network()?;
        if self.run.is_none() {
            self.run = Some(SpeedRun::start(network, self.config.clone())?);
        }
        let Some(run) = &mut self.run else {
            return Err(Error::Compute("there is nothing to time".into()));
        };
        run.step(network, &mut || control.check())?;
        let (done, total) = run.progress();
        if done < total {
            return Ok(JobStep::Going { what: "passes".into(), done: done as u64, total: total as u64 });
        }
        Ok(JobStep::Done(Outcome::Timed(Arc::new(SpeedReport {
            network: network.card.name.clone(),
            network_hash: network.card.hash.clone(),
            machine: Machine {
                device: bench.device.name.clone(),
                precision: bench.options.precision.on(&bench.device.device),
                threads: bench.options.thread_count(),
            },
            settings: self.config.clone(),
            speed: run.speed(&network.card),
        }))))
    }
}
