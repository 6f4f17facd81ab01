//! Sweeps: which blocks and steps tell the user's classes apart.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::study::sweep::{SweepConfig, SweepKeep, SweepRun};

/// Scores every block and step on labelled pictures. What is new is told as
/// [`Event::Sweep`](super::Event::Sweep); [`Engine::end`](super::Engine::end) scores no more cells and
/// tests what is best so far.
pub struct SweepJob {
    run: Option<SweepRun>,
}

impl SweepJob {
    /// A sweep over the labelled pictures of `data`. With `keep` it can go on after it was stopped;
    /// `parts` are folders of features that other runs made for it.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(
        config: SweepConfig,
        data: PathBuf,
        keep: Option<SweepKeep>,
        parts: &[PathBuf],
    ) -> Result<SweepJob> {
        Ok(SweepJob { run: Some(SweepRun::new(config, data, keep, parts)?) })
    }
}

fn gone() -> Error {
    Error::Compute("there is no sweep".into())
}

impl Job for SweepJob {
    fn title(&self) -> String {
        "sweeping blocks and steps".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let labelled = Arc::clone(&bench.labelled);
        let (network, store) = bench.network_and_store()?;
        let run = self.run.as_mut().ok_or_else(gone)?;
        if control.is_ending() {
            run.stop();
        }
        if let Some(step) = run.step(network, store, &labelled, &|| control.check())? {
            if let Some(news) = step.news {
                control.sweep(news);
            }
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(gone)?;
        Ok(JobStep::Done(Outcome::Swept(Arc::new(done.finish(network)?))))
    }

    fn stopped(&mut self) -> Option<String> {
        self.run.take()?.kept()
    }
}
