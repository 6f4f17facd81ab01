//! Heads: training one, comparing many, asking one.

use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Control, Job, JobStep};
use super::event::Outcome;
use super::worker::Bench;
use crate::data::Source;
use crate::error::{Error, Result};
use crate::features::input::prepare;
use crate::heads::{Head, HeadInfo, load};
use crate::study::{CompareConfig, CompareRun, TrainingConfig, TrainingRun};
use crate::train::{Reader, answer};

/// Trains a head and saves it.
pub struct TrainJob {
    config: TrainingConfig,
    data: PathBuf,
    out: Option<PathBuf>,
    replace: bool,
    run: Option<TrainingRun>,
}

impl TrainJob {
    /// A head on the labelled pictures of `data`, saved as `out`; what is there is replaced if
    /// `replace`.
    pub fn new(config: TrainingConfig, data: PathBuf, out: Option<PathBuf>, replace: bool) -> TrainJob {
        TrainJob { config, data, out, replace, run: None }
    }
}

impl Job for TrainJob {
    fn title(&self) -> String {
        format!("training {}", self.config.head.kind)
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let labelled = Arc::clone(&bench.labelled);
        let (network, store) = bench.network_and_store()?;
        let run = match &mut self.run {
            Some(run) => run,
            None => {
                let backbone = Reader::Network(network).backbone();
                let (config, data, out) = (self.config.clone(), self.data.clone(), self.out.clone());
                self.run.insert(TrainingRun::new(config, data, out, self.replace, &backbone)?)
            }
        };
        if control.is_ending() {
            run.stop();
        }
        if let Some(step) = run.step(network, store, &labelled, &|| control.check())? {
            if let Some(point) = step.epoch {
                control.epoch(point);
            }
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(|| Error::Compute("there is no training".into()))?;
        Ok(JobStep::Done(Outcome::Trained(Arc::new(done.finish()?))))
    }
}

/// Trains many heads on the same pictures, beside controls, and tests them.
pub struct CompareJob {
    run: Option<CompareRun>,
}

impl CompareJob {
    /// A comparison on the labelled pictures of `data`.
    ///
    /// # Errors
    /// When a setting is impossible.
    pub fn new(config: CompareConfig, data: PathBuf) -> Result<CompareJob> {
        Ok(CompareJob { run: Some(CompareRun::new(config, data)?) })
    }
}

impl Job for CompareJob {
    fn title(&self) -> String {
        "comparing heads".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let (network, store) = bench.network_and_store()?;
        let run = self.run.as_mut().ok_or_else(|| Error::Compute("there is no comparison".into()))?;
        if let Some(step) = run.step(network, store, &|| control.check())? {
            return Ok(JobStep::Going { what: step.what, done: step.done, total: step.total });
        }
        let done = self.run.take().ok_or_else(|| Error::Compute("there is no comparison".into()))?;
        Ok(JobStep::Done(Outcome::Compared(Arc::new(done.finish(&network.card)))))
    }
}

/// What a head says of pictures.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// The head.
    pub info: HeadInfo,
    /// Names of the pictures.
    pub names: Vec<String>,
    /// `[n, K]` row-major.
    pub probabilities: Vec<f32>,
    /// Pictures that could not be read, and why.
    pub skipped: Vec<String>,
}

/// Asks a saved head about pictures.
pub struct PredictJob {
    head: PathBuf,
    sources: Vec<Source>,
    draws: Option<u32>,
    loaded: Option<(HeadInfo, Head)>,
    next: usize,
    names: Vec<String>,
    probabilities: Vec<f32>,
    skipped: Vec<String>,
}

/// Pictures asked about together.
const TOGETHER: usize = 32;

impl PredictJob {
    /// The head saved as `head` about `sources`; `draws` noises where not as many as it was trained to.
    pub fn new(head: PathBuf, sources: Vec<Source>, draws: Option<u32>) -> PredictJob {
        PredictJob {
            head,
            sources,
            draws,
            loaded: None,
            next: 0,
            names: Vec::new(),
            probabilities: Vec::new(),
            skipped: Vec::new(),
        }
    }
}

impl Job for PredictJob {
    fn title(&self) -> String {
        "asking the head".into()
    }

    fn step(&mut self, bench: &mut Bench, control: &mut Control) -> Result<JobStep> {
        let network = bench.network()?;
        let reader = Reader::Network(network);
        if self.loaded.is_none() {
            self.loaded = Some(load(&self.head, &reader.backbone(), network.unet.device())?);
        }
        let Some((info, head)) = &self.loaded else {
            return Err(Error::Compute("there is no head".into()));
        };
        let (mut names, mut inputs, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        let part = self.sources.iter().skip(self.next).take(TOGETHER);
        let count = part.len();
        for source in part {
            let input = source.open().and_then(|picture| prepare(&picture, &network.card.config));
            match input {
                Ok(prepared) => {
                    names.push(source.argument().unwrap_or_else(|| source.name()));
                    inputs.push(prepared.input);
                }
                Err(error) => skipped.push(format!("{}: {error}", source.name())),
            }
        }
        if !inputs.is_empty() {
            let draws = self.draws.unwrap_or(info.draws);
            let asked = answer(reader, &[head], &inputs, info.seed, draws, &|| control.check())?;
            self.probabilities.extend(asked.into_iter().flatten());
        }
        self.names.extend(names);
        self.skipped.extend(skipped);
        self.next += count;
        if self.next < self.sources.len() {
            let (done, total) = (self.next as u64, self.sources.len() as u64);
            return Ok(JobStep::Going { what: "pictures".into(), done, total });
        }
        Ok(JobStep::Done(Outcome::Predicted(Arc::new(Predictions {
            info: info.clone(),
            names: std::mem::take(&mut self.names),
            probabilities: std::mem::take(&mut self.probabilities),
            skipped: std::mem::take(&mut self.skipped),
        }))))
    }
}
