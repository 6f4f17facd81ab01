//! Sweeps: which blocks and steps tell the user's classes apart, or how features lie without labels.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::error::{Error, Result};
use crate::study::sweep::{FreeRun, ShardRun, Share, SweepConfig, SweepKeep, SweepParts, SweepRun};

/// A sweep whose score learns from labels, or needs none.
enum Run {
    Learning(Box<SweepRun>),
    Free(Box<FreeRun>),
}

/// Scores every block and step on pictures. What is new is told as
/// [`Event::Sweep`](super::Event::Sweep); [`Engine::end`](super::Engine::end) scores no more cells and
/// tests what is best so far.
pub struct SweepJob {
    run: Option<Run>,
}

impl SweepJob {
    /// A sweep over the pictures of `data`, labelled ones where the score learns. With `keep` it can go on after it was stopped;
    /// `parts` hold features that other runs made for it.
    ///
    /// # Errors
    /// When a setting is impossible, or there are parts for a score without labels.
    pub fn new(
        config: SweepConfig,
        data: PathBuf,
        keep: Option<SweepKeep>,
        parts: Option<SweepParts>,
    ) -> Result<SweepJob> {
        let run = match parts {
            None if !config.score.needs_labels() => Run::Free(Box::new(FreeRun::new(config, data, keep)?)),
            parts => Run::Learning(Box::new(SweepRun::new(config, data, keep, parts)?)),
        };
        Ok(SweepJob { run: Some(run) })
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
        let watch = || control.check();
        let ending = control.is_ending();
        let came = match run {
            Run::Learning(run) => {
                if ending {
                    run.stop();
                }
                run.step(network, store, &labelled, &watch)
            }
            Run::Free(run) => {
                if ending {
                    run.stop();
                }
                run.step(network, store, &labelled, &watch)
            }
        };
        if let Some(step) = came? {
            if let Some(news) = step.news {
                control.sweep(news);
            }
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let report = match self.run.take().ok_or_else(gone)? {
            Run::Learning(run) => run.finish(network)?,
            Run::Free(run) => run.finish(network)?,
        };
        Ok(JobStep::Done(Outcome::Swept(Arc::new(report))))
    }

    fn stopped(&mut self) -> Option<String> {
        match self.run.take()? {
            Run::Learning(run) => run.kept(),
            Run::Free(run) => run.kept(),
        }
    }
}

/// Makes one share of a sweep's features.
pub struct ShardJob {
    run: Option<ShardRun>,
}

impl ShardJob {
    /// The share of a sweep over the labelled pictures of `data`, into the folder of `keep`.
    ///
    /// # Errors
    /// When a setting is impossible, or the folder holds such a part already.
    pub fn new(config: SweepConfig, data: PathBuf, share: Share, keep: SweepKeep) -> Result<ShardJob> {
        Ok(ShardJob { run: Some(ShardRun::new(config, data, share, keep)?) })
    }
}

impl Job for ShardJob {
    fn title(&self) -> String {
        "features for a sweep".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let labelled = Arc::clone(&bench.labelled);
        let run = self.run.as_mut().ok_or_else(gone)?;
        if let Some(step) = run.step(bench.network()?, &labelled, &|| control.check())? {
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(gone)?;
        Ok(JobStep::Done(Outcome::Sharded(Arc::new(done.finish()?))))
    }

    fn stopped(&mut self) -> Option<String> {
        self.run.take()?.kept()
    }
}
