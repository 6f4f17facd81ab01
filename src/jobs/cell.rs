//! A cell of a sweep looked into.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::study::cell::{CellConfig, CellRun};

/// Looks into one cell of a sweep: its answers, neighbours, map, learning curve and noise.
pub struct CellJob {
    run: Option<CellRun>,
    title: String,
}

impl CellJob {
    /// On the pictures of `data`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(config: CellConfig, data: PathBuf) -> Result<CellJob> {
        let title = format!("looking into b {} at t {}", config.block, config.timestep);
        Ok(CellJob { run: Some(CellRun::new(config, data)?), title })
    }
}

fn gone() -> Error {
    Error::Compute("there is no cell".into())
}

impl Job for CellJob {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let labelled = Arc::clone(&bench.labelled);
        let (network, store) = bench.network_and_store()?;
        let run = self.run.as_mut().ok_or_else(gone)?;
        if let Some(step) = run.step(network, store, &labelled, &|| control.check())? {
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(gone)?;
        Ok(JobStep::Done(Outcome::Cell(Arc::new(done.finish(network)?))))
    }
}
