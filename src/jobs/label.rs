//! How many labels each order of labelling takes.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::study::label::{LabelBenchConfig, LabelBenchRun};

/// Plays users who label pictures whose labels are known and hidden.
pub struct LabelBenchJob {
    run: Option<LabelBenchRun>,
}

impl LabelBenchJob {
    /// On the labelled pictures of `data`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(config: LabelBenchConfig, data: PathBuf) -> Result<LabelBenchJob> {
        Ok(LabelBenchJob { run: Some(LabelBenchRun::new(config, data)?) })
    }
}

fn gone() -> Error {
    Error::Compute("there is nobody to label".into())
}

impl Job for LabelBenchJob {
    fn title(&self) -> String {
        "labelling as users would".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let labelled = Arc::clone(&bench.labelled);
        let run = self.run.as_mut().ok_or_else(gone)?;
        if let Some(step) = run.step(bench.network()?, &labelled, &|| control.check())? {
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(gone)?;
        Ok(JobStep::Done(Outcome::LabelBenched(Arc::new(done.finish()?))))
    }
}
